"""``assay leaks``: ask whether anything in the pipeline of a workspace knows the future."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.failures import LEAKS_FOUND, PROVER_UNTRUSTED
from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import open_workspace

if TYPE_CHECKING:
    from assay.research.history import History
    from assay.research.leaks.evidence import LeakReport


def leaks(
    cuts: Annotated[
        int | None,
        typer.Option(
            "--cuts",
            min=2,
            max=100_000,
            help="Bars after which the future is changed. [default: 24, with --quick 9]",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The latest bars, few cuts, no training: seconds.")
    ] = False,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that nothing in the pipeline knows the future.

    The future is cut off, poisoned and replaced under every stage as it is configured here:
    features, joins, votes, labels, splits, training, calibration, orders, your strategy.py. A
    value that changes leaks. The prover plants leaks of its own, and if it misses one, it says
    that it cannot be trusted.
    """
    from dataclasses import replace

    from assay.cli.history import read_history
    from assay.cli.own_strategy import find_strategy
    from assay.data.catalogue import Catalogue
    from assay.research.leaks.pipeline import Depth, prove_pipeline

    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    depth = Depth.quick() if quick else Depth()
    if cuts is not None:
        depth = replace(depth, n_cuts=cuts)
    strategy = find_strategy(place, screen)
    with screen.progress() as progress:
        history = read_history(Catalogue(place.data), settings, progress)
        report = prove_pipeline(
            settings, history, strategy=strategy, depth=depth, progress=progress
        )
    show_report(report, screen)
    screen.emit(
        {
            **report.to_json(),
            "depth": {"cuts": depth.n_cuts, "bars": depth.bars, "training": depth.learns},
            "history": {symbol: _span(history, symbol) for symbol in history.bars},
        }
    )
    status = status_of(report)
    if status:
        raise typer.Exit(status)


def status_of(report: "LeakReport") -> int:
    """Return the exit status: whether the prover can be trusted comes first."""
    if not report.trusted:
        return PROVER_UNTRUSTED
    return LEAKS_FOUND if report.leaks else 0


def show_report(report: "LeakReport", screen: Screen) -> None:
    """Print what was asked, what leaks, and whether that can be believed."""
    screen.table(
        ("stage", "columns", "asked", "values compared", "checks", "note"),
        [
            (stage.name, stage.columns, stage.answers, stage.values, _words(stage.checks),
             _note(stage.note, stage.constant, stage.columns))
            for stage in report.stages
        ],
    )  # fmt: skip
    found = _merged(report)
    if found:
        screen.table(
            ("leak", "column", "first bar", "time (UTC)", "found by", "values"),
            [
                (row["stage"], row["where"], row["bar"], row["time"], _words(row["checks"]),
                 row["count"])
                for row in found
            ],
        )  # fmt: skip
        for row in found:
            screen.say(f"{row['stage']}, {row['column']}: {row['detail']}. {row['remedy']}")
        screen.say("")
    n_canaries = len(report.canaries)
    n_found = n_canaries - len(report.missed)
    screen.say(f"Planted leaks found: {n_found} of {n_canaries}.")
    for canary in report.missed:
        silent = [check for check in canary.expected if check not in canary.found]
        screen.say(
            f"  Missed in {canary.stage}, {canary.column}: {canary.leak} ({_words(silent)})."
        )
    for text in report.blind:
        screen.say(f"  {text}")
    screen.say(_summary(report), style="bold")


def _summary(report: "LeakReport") -> str:
    if not report.trusted:
        told = " Please report this: it is a bug." if report.missed else ""
        return (
            f"{report.reason} That is no leak, and no proof that there is none: whatever else it "
            f"says proves nothing.{told}"
        )
    if report.leaks:
        seeing = {(leak.stage, leak.column) for leak in report.leaks if leak.sees_future}
        n_others = len({(leak.stage, leak.column) for leak in report.leaks} - seeing)
        parts = []
        if seeing:
            parts.append(f"{_columns(len(seeing))} the future")
        if n_others:
            what = "" if seeing else " column" if n_others == 1 else " columns"
            parts.append(f"{n_others}{what} {'has' if n_others == 1 else 'have'} another fault")
        return f"{', and '.join(parts)}: no result of this pipeline is evidence."
    return "No leak found. A leak that shows at none of these bars stays unseen; --cuts asks more."


def _columns(n: int) -> str:
    return "1 column knows" if n == 1 else f"{n} columns know"


def _merged(report: "LeakReport") -> list[dict[str, Any]]:
    """Return one row per leaking column, with every check that found it."""
    from assay.domain.time import iso_utc

    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for leak in report.leaks:
        row = rows.setdefault(
            (leak.stage, leak.column),
            {
                "stage": leak.stage,
                "column": leak.column,
                "where": leak.column if leak.line is None else f"{leak.column}, line {leak.line}",
                "bar": leak.bar if leak.time_ns is not None else None,
                "time": "" if leak.time_ns is None else iso_utc(leak.time_ns)[:16],
                "checks": [],
                "count": 0,
                "detail": leak.detail,
                "remedy": leak.remedy,
            },
        )
        row["checks"].append(leak.check)
        row["count"] = max(row["count"], leak.count)
    return list(rows.values())


def _words(checks: Any) -> str:
    return ", ".join(check.replace("_", "-") for check in checks)


def _note(note: str, constant: tuple[str, ...], n_columns: int) -> str:
    """Say which columns no future moved, so that nothing was learned of them."""
    if not constant:
        return note
    if len(constant) == n_columns:
        still = "nothing in it moves"
    else:
        still = f"not moved: {', '.join(constant)}"
    return f"{note}; {still}" if note else still


def _span(history: "History", symbol: str) -> dict[str, Any]:
    from assay.domain.time import iso_utc

    bars = history.bars[symbol]
    return {
        "timeframe": bars.timeframe.name,
        "bars": len(bars),
        "from": iso_utc(int(bars.time_ns[0])),
        "to": iso_utc(int(bars.time_ns[-1])),
    }
