"""The table of commands."""

from typing import Annotated

import typer

from assay import __version__
from assay.cli import (
    ablate,
    backtest,
    compare,
    data,
    doctor,
    features,
    init,
    leaks,
    optimise,
    report,
    run,
    runs,
    settings,
    stress,
    train,
    trials,
    why,
)
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


_COMMANDS = (
    ("init", init.init, ("assay init gold && cd gold",)),
    ("run", run.run, ("assay run", "assay run --set market.timeframe=M15 --set run.seed=8")),
    ("train", train.train, ("assay train", "assay train --set market.end=2018-01-01")),
    ("backtest", backtest.backtest, ("assay backtest", "assay backtest --model latest")),
    ("report", report.report, ("assay report", "assay report --list", "assay report --open")),
    (
        "optimise",
        optimise.optimise,
        (
            "assay optimise",
            "assay optimise --set search.trials=100",
            "assay optimise --risk --measure growth --drawdown-max 0.2",
        ),
    ),
    ("leaks", leaks.leaks, ("assay leaks", "assay leaks --quick", "assay leaks --cuts 200 --json")),
    ("ledger", trials.ledger, ("assay ledger", "assay ledger --last 5 --json")),
    ("compare", compare.compare, ("assay compare ONE TWO", "assay compare ONE:all -b ONE:random")),
    ("runs", runs.runs, ("assay runs", "assay runs --verdict edge --sort sharpe --html")),
    (
        "why",
        why.why,
        ("assay why --at 2015-03-04T10:00", "assay why --trade 12", "assay why --refused --json"),
    ),
    ("stress", stress.stress, ("assay stress", "assay stress --only execution --only shocks")),
    (
        "ablate",
        ablate.ablate,
        ("assay ablate", "assay ablate --only trend --only exits", "assay ablate --refit"),
    ),
    ("features", features.features, ("assay features", "assay features volatility")),
    ("doctor", doctor.doctor, ("assay doctor", "assay doctor --json")),
)
for _name, _command, _lines in _COMMANDS:
    application.command(_name, epilog=examples(*_lines))(_command)
application.add_typer(data.group, name="data")
application.add_typer(settings.group, name="config")
