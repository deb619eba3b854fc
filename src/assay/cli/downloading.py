"""``assay data pull``: its words on the command line."""

from typing import Annotated

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption, examples
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, open_workspace

EXAMPLES = examples(
    "assay data pull dukascopy XAUUSD 2020-01..2024-12",
    "assay data pull dukascopy XAUUSD,EURUSD 2023..2024 --series M1",
    "assay data pull ccxt:kraken BTC/USD 2024-01-01..2024-01-31 --series H1 --dry-run",
)


def pull(
    source: Annotated[
        str,
        typer.Argument(
            help="dukascopy, dukascopy-json, oanda, ccxt:EXCHANGE or yahoo.", show_default=False
        ),
    ],
    symbols: Annotated[
        str, typer.Argument(help="Symbols, with commas between.", show_default=False)
    ],
    period: Annotated[
        str,
        typer.Argument(
            metavar="FROM..TO", help="Years, months or days; both are included.", show_default=False
        ),
    ],
    series: Annotated[
        str | None,
        typer.Option(
            "--series",
            help="ticks, M1, H1 or D1. [default: ticks of Dukascopy, D1 of Yahoo, else M1]",
        ),
    ] = None,
    divisor: Annotated[
        int | None,
        typer.Option(
            "--price-divisor",
            min=1,
            help="Divide whole-number prices by this. [default: known by the symbol]",
        ),
    ] = None,
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Count and estimate the files; fetch nothing.")
    ] = False,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download history and store it; can be stopped and continued at any time.

    Files are kept under data/downloads as they came, so nothing is fetched twice.
    """
    from assay.cli import pulling

    place, settings = open_workspace(workspace, overrides)
    options = [] if workspace is None else ["--workspace", str(workspace)]
    for text in overrides or ():
        options += ["--set", text]
    pulling.pull_history(
        source,
        symbols,
        period,
        series,
        place=place,
        settings=settings,
        screen=Screen(as_json=as_json),
        clock=SystemClock(),
        is_dry=is_dry,
        divisor=divisor,
        options=options,
    )
