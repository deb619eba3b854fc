"""``assay data``: import, list, check and simulate market history."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import downloading, facts
from assay.cli.options import JsonOption, SetOption, WorkspaceOption, examples
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, find_workspace, open_workspace

if TYPE_CHECKING:
    from assay.data.provenance import Provenance

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
group.add_typer(facts.group, name="facts")


@group.callback()
def _data() -> None:
    """Import, download, list, check or simulate history."""


@group.command(
    "import",
    epilog=examples(
        "assay data import ~/XAUUSD_H1.csv",
        "assay data import history/ archive.zip",
        "assay data import calendar.ics --timezone America/New_York",
        "assay data import odd.csv --symbol XAUUSD --timezone UTC --dry-run",
    ),
)
def import_(
    files: Annotated[list[Path], typer.Argument(help="Files, folders, archives.")],
    symbol: Annotated[
        str | None,
        typer.Option("--symbol", "-s", help="Symbol of the rows. [default: found by looking]"),
    ] = None,
    timeframe: Annotated[
        str | None,
        typer.Option("--timeframe", "-t", help="Length of a bar. [default: found by looking]"),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            help="Clock of the file: UTC, UTC+2, NY+7, EET, Europe/Athens. "
            "[default: found by looking]",
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="Format of the file. [default: found by looking]"),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="OURS=THEIRS",
            help="Name a column that is not recognised, such as close=Last. May be repeated.",
        ),
    ] = None,
    divisor: Annotated[
        int | None,
        typer.Option(
            "--price-divisor",
            min=1,
            help="Divide prices by this, such as 100000 for points. [default: found by looking]",
        ),
    ] = None,
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what was recognised; store nothing.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import history; symbol, format, timeframe and clock are found by looking.

    Bars and ticks from terminals, vendors and exchanges; economic calendars, sentiment and order
    books. Bad rows go to quarantine with their line and reason; a file that fails does not stop
    the others; the same file twice changes nothing.
    """
    from assay.cli import importing

    place = find_workspace(workspace)
    screen = Screen(as_json=as_json)
    wish = importing.wish_of(
        symbol=symbol,
        timeframe=timeframe,
        timezone=timezone,
        format_=format_,
        columns=column,
        divisor=divisor,
        data=place.data,
    )
    if is_dry:
        importing.show_recognised(files, wish, screen)
        return
    with place.held():
        importing.import_files(files, wish, place.data, screen, SystemClock())


@group.command("list", epilog=examples("assay data list", "assay data list --json"))
def list_(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List what is stored, with its origin."""
    from assay.data.catalogue import Catalogue

    catalogue = Catalogue(find_workspace(workspace).data)
    entries, inputs = catalogue.list(), catalogue.list_inputs()
    screen = Screen(as_json=as_json)
    if not entries and not inputs:
        screen.say("No history yet. Next: assay data import FILE")
    if entries:
        screen.table(
            ("symbol", "series", "rows", "first", "last", "sides", "from", "content"),
            [
                (
                    entry.symbol,
                    entry.series,
                    entry.rows,
                    _moment(entry.first_ns),
                    _moment(entry.last_ns),
                    "bid, ask" if entry.has_ask else "bid",
                    _origin(entry.provenance),
                    entry.content_hash[:12],
                )
                for entry in entries
            ],
        )
    if inputs:
        screen.table(
            ("inputs of", "kind", "rows", "first known", "last known", "from", "content"),
            [
                (
                    item.symbol,
                    item.kind,
                    item.rows,
                    _moment(item.first_ns),
                    _moment(item.last_ns),
                    _origin(item.provenance),
                    item.content_hash[:12],
                )
                for item in inputs
            ],
        )
    screen.emit(
        {
            "entries": [entry.as_json() for entry in entries],
            "inputs": [item.as_json() for item in inputs],
        }
    )


@group.command(
    "check",
    epilog=examples(
        "assay data check",
        "assay data check XAUUSD",
        "assay data check XAUUSD --report",
        "assay data check XAUUSD --against XAUUSD.oanda/H1",
    ),
)
def check(
    symbol: Annotated[
        str | None, typer.Argument(help="Symbol to check. [default: all]", show_default=False)
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="FILE|SYMBOL/TIMEFRAME",
            help="A second feed of the symbol: a file, or a stored series.",
        ),
    ] = None,
    with_report: Annotated[
        bool, typer.Option("--report", help="Write a page with plots of each series.")
    ] = False,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare stored history with its hashes, check and score its rows.

    Gaps are judged by the trading hours and holidays of the symbol, so weekends are none.
    """
    from assay.cli.checking import check_entries

    place, settings = open_workspace(workspace, overrides)
    pages = place.reports if with_report else None
    screen = Screen(as_json=as_json)
    check_entries(place.data, symbol, settings, screen, against=against, pages=pages)


@group.command(
    "simulate",
    epilog=examples(
        "assay data simulate",
        "assay data simulate --years 12 --edge 2.0 --half-life 120 --seed 3",
        "assay data simulate --like reports/fit-XAUUSD-H1.json --workspace likeness",
    ),
)
def simulate(
    symbol: Annotated[
        str | None, typer.Option("--symbol", "-s", help="[default: first of market.symbols]")
    ] = None,
    years: Annotated[float, typer.Option("--years", help="Length of the history.")] = 12.0,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Same seed, same bars. [default: run.seed]")
    ] = None,
    edge: Annotated[
        float,
        typer.Option("--edge", help="Net Sharpe ratio of the best possible trader; 0: no edge."),
    ] = 0.0,
    half_life: Annotated[
        float, typer.Option("--half-life", help="Bars after which half of the edge is gone.")
    ] = 120.0,
    like: Annotated[
        Path | None,
        typer.Option("--like", help="A market fitted by `assay data fit`. [default: a usual one]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a simulated market, with or without an edge.

    Regimes, volatility clusters, hours of the day, jumps and weekends are in it; news is not.
    """
    from assay.cli import simulating

    place, settings = open_workspace(workspace, overrides)
    wish = simulating.Wish(
        symbol=symbol or settings.market.symbols[0],
        years=years,
        seed=settings.run.seed if seed is None else seed,
        net_sharpe=edge,
        half_life_bars=half_life,
        like=like,
    )
    with place.held():
        simulating.simulate_into(place.data, wish, settings, Screen(as_json=as_json), SystemClock())


group.command("pull", epilog=downloading.EXAMPLES)(downloading.pull)


@group.command("fit", epilog=examples("assay data fit XAUUSD", "assay data fit EURUSD -t M15"))
def fit(
    symbol: Annotated[str, typer.Argument(help="Symbol to fit.", show_default=False)],
    timeframe: Annotated[
        str | None,
        typer.Option("--timeframe", "-t", help="Series to fit. [default: market.timeframe]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the simulated market to a stored history, and show both side by side.

    Volatility, its hours and clusters, tails, gaps and spread are matched; an edge is never.
    """
    from assay.cli.fitting import fit_symbol

    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    fit_symbol(place.data, place.reports, symbol, timeframe, settings, screen)


@group.command("spread", epilog=examples("assay data spread XAUUSD"))
def spread(
    symbol: Annotated[str, typer.Argument(help="Symbol to show.", show_default=False)],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the spread of a symbol by hour of the week.

    It is what runs pay where the bars of the symbol quote no spread themselves.
    """
    from assay.cli.fitting import show_spread

    show_spread(find_workspace(workspace).data, symbol, Screen(as_json=as_json))


@group.command(
    "quarantine",
    epilog=examples(
        "assay data quarantine",
        "assay data quarantine XAUUSD --series H1 --take spikes",
        "assay data quarantine --restore 3f2a90c1 --lines 3,7-9",
    ),
)
def quarantine(
    symbol: Annotated[
        str | None, typer.Argument(help="Whose rows. [default: all]", show_default=False)
    ] = None,
    series: Annotated[str | None, typer.Option("--series", help="Such as H1 or TICKS.")] = None,
    show: Annotated[str | None, typer.Option("--show", metavar="ID", help="Show its rows.")] = None,
    restore: Annotated[
        str | None, typer.Option("--restore", metavar="ID", help="Put its rows back.")
    ] = None,
    lines: Annotated[
        str | None, typer.Option("--lines", help="Restore these alone. [default: all that can be]")
    ] = None,
    take: Annotated[
        str | None, typer.Option("--take", metavar="CHECK", help="Take out what a check flagged.")
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List refused rows; take flagged rows out of a series, or put rows back.

    A row that could be read keeps its time and values, so that it can be restored.
    """
    from assay.cli import quarantine as rows

    place, settings = open_workspace(workspace, overrides)
    wish = rows.QuarantineWish(
        symbol=symbol, series=series, show=show, restore=restore, take=take, lines=lines
    )
    screen = Screen(as_json=as_json)
    if take is None and restore is None:
        rows.quarantine(place.data, wish, settings, screen, SystemClock())
        return
    with place.held():
        rows.quarantine(place.data, wish, settings, screen, SystemClock())


def _origin(provenance: "tuple[Provenance, ...]") -> str:
    """Return the names of the last sources."""
    return ", ".join(dict.fromkeys(item.source for item in provenance[-3:]))


@group.command(
    "calendar",
    epilog=examples(
        "assay data calendar --currency USD --impact high",
        "assay data calendar --from 2024-01-05 --to 2024-01-05 --at 2024-01-05T13:00Z",
    ),
)
def calendar(
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="First day or time (UTC). [default: today]"),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Last day or time. [default: a week later]"),
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Such as USD or USD,EUR. [default: all]")
    ] = None,
    impact: Annotated[
        str | None, typer.Option("--impact", help="At least low, medium or high. [default: all]")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="As known at this time. [default: now]"),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the economic calendar as it was known at a time.

    What became known later, such as a released value, is not shown.
    """
    from assay.cli.calendar import CalendarWish, show_calendar

    wish = CalendarWish.parse(
        start=start, stop=stop, currency=currency, impact=impact, at=at, clock=SystemClock()
    )
    show_calendar(find_workspace(workspace).data, wish, Screen(as_json=as_json))


def _moment(time_ns: int) -> str:
    from assay.domain.time import iso_utc

    return iso_utc(time_ns)[:16].replace("T", " ")
