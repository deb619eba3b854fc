"""``assay runs``: every run of the workspace in one table."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import find_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.config.workspace import Workspace
    from assay.research.comparison.run_filter import RunFilter
    from assay.research.comparison.run_table import OtherReport, RunRow, UnreadableRun

UNREADABLE_SHOWN_MAX = 20
SETTINGS_SHOWN_MAX = 6


def runs(
    verdict: Annotated[
        str | None,
        typer.Option(
            "--verdict",
            help="Only this verdict: edge, no-edge, not-enough-data or not-evidence.",
        ),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", "-s", help="Only runs that traded this symbol.")
    ] = None,
    timeframe: Annotated[
        str | None, typer.Option("--timeframe", "-t", help="Only runs on these bars.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only runs of this command, such as backtest.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DAY", help="Only runs from this day on, UTC.")
    ] = None,
    sharpe_min: Annotated[
        float | None, typer.Option("--sharpe-min", help="Least annual Sharpe ratio.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--setting",
            metavar="SECTION.KEY=VALUE",
            help="Only runs with this setting. May be repeated.",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            help="when, name, market, verdict, sharpe, dsr, net, drawdown, trades, days or "
            "trials; the latest, best or largest first.",
        ),
    ] = "when",
    is_reversed: Annotated[bool, typer.Option("--reverse", help="Turn the order round.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Show so many at most.")
    ] = None,
    as_html: Annotated[
        bool, typer.Option("--html", help="Write the table as a page, reports/runs.html, too.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of the workspace with their verdicts and figures.

    A folder among the reports that is no whole run is named with the reason. The last column
    shows the settings in which a run differs from most of those shown.
    """
    from assay.research.comparison.run_filter import RunFilter, check_order, parse_setting

    asked = RunFilter(
        verdict=verdict,
        symbol=symbol,
        timeframe=timeframe,
        kind=kind,
        since=since,
        sharpe_min=sharpe_min,
        settings=tuple(parse_setting(text) for text in setting or ()),
    )
    check_order(sort)
    _list(
        find_workspace(workspace),
        asked,
        Screen(as_json=as_json),
        order=(sort, is_reversed),
        limit=limit,
        as_html=as_html,
    )


def _list(
    place: "Workspace",
    asked: "RunFilter",
    screen: Screen,
    *,
    order: tuple[str, bool],
    limit: int | None,
    as_html: bool,
) -> None:
    """Read, choose, sort and show."""
    from assay.research.comparison.run_filter import check_settings_known, sorted_runs
    from assay.research.comparison.run_table import (
        other_reports,
        read_runs,
        run_folders,
        with_differences,
    )

    found, unreadable = read_runs(run_folders(place.reports))
    check_settings_known(asked, found)
    matching = [row for row in found if asked.passes(row)]
    shown = with_differences(sorted_runs(matching, order[0], is_reversed=order[1])[:limit])
    others = other_reports(place.reports)
    _show(screen, shown, unreadable, others, n_kept=len(matching), n_found=len(found))
    page = None
    if as_html:
        page = _write_page(place, shown, unreadable, others, asked, n_found=len(found))
        screen.say(f"Page: {page}")
    screen.emit(
        {
            "runs": [_machine_form(row) for row in shown],
            "unreadable": [{"name": item.name, "reason": item.reason} for item in unreadable],
            "others": [{"name": item.name, "kind": item.kind} for item in others],
            "matching": len(matching),
            "total": len(found),
            "page": page,
        }
    )


def _show(
    screen: Screen,
    rows: "list[RunRow]",
    unreadable: "list[UnreadableRun]",
    others: "list[OtherReport]",
    *,
    n_kept: int,
    n_found: int,
) -> None:
    from assay.research.comparison.writing import visible

    columns = [
        (head, read) for head, read, width_min in _columns() if _terminal_width() >= width_min
    ]
    if rows:
        screen.table(
            [head for head, _ in columns],
            [
                [visible(cell) if isinstance(cell, str) else cell for cell in cells]
                for cells in ([read(row) for _, read in columns] for row in rows)
            ],
        )
    words = f"{len(rows)} of {n_kept} runs" if len(rows) < n_kept else _counted(n_kept, "run")
    if n_kept < n_found:
        words += f" that match, of {n_found}"
    screen.say(f"{words}.")
    if others:
        screen.say(f"Beside them, and no runs: {_kinds(others)}.")
    for item in unreadable[:UNREADABLE_SHOWN_MAX]:
        screen.say(f"Unreadable: {visible(item.name)}: {visible(item.reason)}.", style="yellow")
    if len(unreadable) > UNREADABLE_SHOWN_MAX:
        left = len(unreadable) - UNREADABLE_SHOWN_MAX
        screen.say(f"Unreadable: {left} more; --json lists them all.", style="yellow")


def _kinds(others: "list[OtherReport]") -> str:
    """Return how many of each kind there are, in words."""
    counted = Counter(item.words for item in others)
    return " and ".join(_counted(n, words) for words, n in sorted(counted.items(), reverse=True))


def _columns() -> "tuple[tuple[str, Callable[[RunRow], object], int], ...]":
    """Return head, reader and the narrowest terminal of every column."""
    from assay.research.wording import percent, probability

    return (
        ("run", lambda row: row.name, 0),
        ("when (UTC)", lambda row: row.at[:10], 120),
        ("kind", lambda row: row.kind, 180),
        ("market", lambda row: row.market, 115),
        ("span", lambda row: f"{row.first_day} to {row.last_day}".strip(" to"), 190),
        ("verdict", lambda row: row.verdict, 0),
        ("Sharpe", _sharpe, 0),
        ("DSR", lambda row: probability(row.deflated_sharpe), 0),
        ("net", lambda row: percent(row.total_return, sign=True), 0),
        ("drawdown", lambda row: percent(row.max_drawdown), 100),
        ("trades", lambda row: row.n_trades, 100),
        ("trials", lambda row: row.n_trials, 140),
        ("differs in", _differences, 150),
    )


def _terminal_width() -> int:
    """Return how many letters fit; a file or a pipe takes as many as a table is wide there."""
    import shutil
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 160


def _counted(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"


def _sharpe(row: "RunRow") -> str:
    from math import isnan

    from assay.research.wording import ratio

    value = row.sharpe
    if isnan(value.low):
        return ratio(value.value)
    return f"{ratio(value.value)} ({ratio(value.low)} to {ratio(value.high)})"


def _differences(row: "RunRow") -> str:
    from assay.research.comparison.writing import setting_text, visible

    texts = [f"{key}={setting_text(value)}" for key, value in row.differs[:SETTINGS_SHOWN_MAX]]
    more = len(row.differs) - len(texts)
    return visible(", ".join([*texts, f"and {more} more"] if more else texts))


def _machine_form(row: "RunRow") -> dict[str, object]:
    """Return what ``--json`` shows of a run; its settings stand in its own results.json."""
    from dataclasses import fields

    shown = {item.name: getattr(row, item.name) for item in fields(row) if item.name != "settings"}
    return {**shown, "differs": dict(row.differs)}


def _write_page(
    place: "Workspace",
    rows: "list[RunRow]",
    unreadable: "list[UnreadableRun]",
    others: "list[OtherReport]",
    asked: "RunFilter",
    *,
    n_found: int,
) -> Path:
    """Write the page into the folder of the reports, so that its links hold."""
    from assay.config.workspace import disk_error, write_atomically
    from assay.research.comparison.runs_page import PAGE_FILE, runs_page

    path = place.reports / PAGE_FILE
    text = runs_page(
        rows,
        unreadable,
        others,
        workspace=place.root.name,
        total=n_found,
        asked=asked.words(),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    except OSError as error:
        raise disk_error(error, path) from error
    return path
