"""``assay init``: make a workspace."""

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import JsonOption
from assay.cli.screen import Screen


def init(
    folder: Annotated[
        Path, typer.Argument(help="Folder to make; the current one by default.")
    ] = Path(),
    symbol: Annotated[
        list[str] | None,
        typer.Option("--symbol", "-s", help="Symbol to trade. May be repeated. [default: XAUUSD]"),
    ] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", "-t", help="Length of a bar.")] = "H1",
    as_json: JsonOption = False,
) -> None:
    """Make a workspace: folders for data, models and reports, and a commented assay.toml."""
    from assay.config.loader import settings_from_table
    from assay.config.workspace import Workspace

    symbols = tuple(symbol or ("XAUUSD",))
    settings_from_table({"market": {"symbols": list(symbols), "timeframe": timeframe}})
    workspace = Workspace.create(folder, symbols=symbols, timeframe=timeframe)

    screen = Screen(as_json=as_json)
    screen.say(f"Made a workspace in {workspace.root}. Its settings: {workspace.settings_path}")
    step = "" if workspace.root == Path.cwd() else f"cd {folder} && "
    screen.say(f"Next: {step}assay data import FILE --symbol {symbols[0]}")
    screen.say("No history at hand? `assay data simulate` makes some.")
    screen.emit({"workspace": workspace.root, "settings": workspace.settings_path})
