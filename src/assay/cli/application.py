"""The table of commands."""

from typing import Annotated

import typer

from assay import __version__
from assay.cli import init, settings
from assay.cli.failures import EXIT_CODES
from assay.cli.options import examples

_STATUSES = "\n".join(f"  {status:>3}  {meaning}" for status, meaning in EXIT_CODES)
_EPILOG = f"""\b
Examples:
  assay init gold && cd gold
  assay data import ~/XAUUSD_H1.csv --symbol XAUUSD
  assay run

\b
Exit codes:
{_STATUSES}

\b
--debug after any command shows the traceback of a failure."""

application = typer.Typer(
    name="assay",
    help="Test whether a trading edge is an edge: history in, an honest verdict out.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: it answers in a third of the time
    pretty_exceptions_enable=False,
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"assay {__version__}")
        raise typer.Exit


@application.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


application.command("init", epilog=examples("assay init gold && cd gold"))(init.init)
application.add_typer(settings.group, name="config")
