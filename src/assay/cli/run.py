"""``assay run``: train, walk forward, trade, judge, report."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, open_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from assay.config.settings import Settings
    from assay.config.workspace import Workspace
    from assay.research.risk_search.task import Plan
    from assay.research.run_result import RunResult


def run(
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the report's folder. [default: time and market]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train, walk forward, judge and write a report.

    Every model is tested on bars after those it was trained on. Costs are on. Each run is
    counted in the ledger of trials, which the verdict takes into account.
    """
    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    with place.held():
        place.drop_unfinished()
        folder, result = execute_into(place, settings, screen, name=name, overrides=overrides)
    show_result(folder, result, screen)


def execute_into(
    place: "Workspace",
    settings: "Settings",
    screen: Screen,
    *,
    name: str | None = None,
    overrides: list[str] | None = None,
    is_searched: bool = False,
    risk_plan: "Plan | None" = None,
    options: "Sequence[str]" = (),
) -> tuple["Path", "RunResult"]:
    """Run the whole job and write its report into a folder of its own; return both.

    A search counts its trials in the workspace's own ledger as it goes: what it shows on the way
    has been seen. One of risk settings shows nothing before its end. *options* are those of the
    command, for the line that makes the run again.
    """
    from dataclasses import replace

    from assay.cli.history import read_history
    from assay.cli.own_strategy import find_strategy, keep_copy
    from assay.cli.reports import report_folder
    from assay.cli.trials import count_trials, ledger_note, opened_ledger, staged_ledger
    from assay.config.workspace import folder_in_one_piece
    from assay.data.catalogue import Catalogue
    from assay.research.report import write_report
    from assay.research.run import execute
    from assay.research.search.nested import nested_search

    at_ns = SystemClock().now()
    kind = "optimise" if is_searched or risk_plan is not None else "run"
    target = report_folder(place, settings, name, at_ns, kind=kind)
    began_s = time.monotonic()
    strategy = find_strategy(place, screen)
    with screen.progress() as progress, folder_in_one_piece(target) as draft:
        history = read_history(Catalogue(place.data), settings, progress)
        book = opened_ledger(place) if is_searched else staged_ledger(place, draft)
        search = None
        if is_searched:
            search = nested_search(
                settings, history, strategy, folder=place.searches, ledger=book, at_ns=at_ns
            )
        result = execute(
            settings,
            history,
            ledger=book,
            progress=progress,
            at_ns=at_ns,
            repeat=(command_line(kind, overrides, options=options),),
            strategy=strategy,
            search=search,
            risk_plan=risk_plan,
        )
        notes = {**circumstances(at_ns, began_s), **ledger_note(book)}
        result = replace(result, meta={**result.meta, **notes})
        progress.stage("Writing the report", 1)
        write_report(result, draft)
        keep_copy(strategy, draft)
        if not is_searched:
            count_trials(place, book)
        progress.advance()
    return target, result


def circumstances(at_ns: int, began_s: float) -> dict[str, object]:
    """Return when, how long and on what a run ran: facts beside the results, never in them."""
    import os
    import platform

    from assay import __version__
    from assay.domain.time import iso_utc

    return {
        "assay": __version__,
        "at": iso_utc(at_ns),
        "duration_s": round(time.monotonic() - began_s, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
    }


def show_result(
    folder: "Path", result: "RunResult", screen: Screen, **further: "Mapping[str, Any]"
) -> None:
    """Print the verdict, the strategies side by side, and the path of the report.

    *further* stands beside them in the machine's form.
    """
    from assay.cli.reports import HTML_FILE, summary_of

    verdict = result.verdict
    screen.say("")
    screen.say(f"{result.title}: {verdict.headline}", style="bold")
    screen.say(verdict.explanation)
    for reason in verdict.reasons_for:
        screen.say(f"  + {reason}")
    for reason in verdict.reasons_against:
        screen.say(f"  - {reason}")
    screen.table(
        ("strategy", "net %", "Sharpe", "low", "high", "max drawdown %", "trades"),
        [
            (
                strategy.title,
                100.0 * result.metrics[strategy.name].total_return,
                result.metrics[strategy.name].sharpe.value,
                result.metrics[strategy.name].sharpe.low,
                result.metrics[strategy.name].sharpe.high,
                100.0 * result.metrics[strategy.name].max_drawdown.value,
                result.metrics[strategy.name].n_trades,
            )
            for strategy in result.strategies
        ],
    )
    screen.say(f"Report: {folder / HTML_FILE}")
    screen.emit({"report": folder, **summary_of(result), **further})


def command_line(
    command: str,
    overrides: list[str] | None,
    *,
    model: str | None = None,
    options: "Sequence[str]" = (),
) -> str:
    """Return the command line that does it again.

    Examples
    --------
    >>> command_line("run", ["run.seed=8"])
    'assay run --set run.seed=8'
    """
    import shlex

    words = ["assay", command, *options]
    if model is not None:
        words += ["--model", model]
    for text in overrides or []:
        words += ["--set", text]
    return shlex.join(words)
