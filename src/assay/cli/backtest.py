"""``assay backtest``: trade the bare indicators or a stored model with the current settings."""

import time
from typing import Annotated

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, open_workspace


def backtest(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Name of a stored model, or `latest`. [default: the indicators alone]",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the report's folder. [default: time and market]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trade the indicators or a stored model; no training.

    A stored model trades only bars after its training, since everything before is in sample.
    Every backtest is counted as a trial, and the leak prover is asked before it is judged.
    """
    from dataclasses import replace

    from assay.cli.artifacts import find_model
    from assay.cli.history import read_history
    from assay.cli.own_strategy import find_strategy, keep_copy
    from assay.cli.reports import report_folder
    from assay.cli.run import circumstances, command_line, show_result
    from assay.cli.trials import count_trials, ledger_note, staged_ledger
    from assay.config.workspace import folder_in_one_piece
    from assay.data.catalogue import Catalogue
    from assay.research.backtests import backtest_stored
    from assay.research.report import write_report
    from assay.research.stored import load

    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    at_ns, began_s = SystemClock().now(), time.monotonic()
    target = report_folder(place, settings, name, at_ns, kind="backtest")
    with place.held(), screen.progress() as progress, folder_in_one_piece(target) as draft:
        stored = load(find_model(place, model)) if model else None
        knows_none = stored is not None and "strategy" not in stored.hashes
        strategy = None if knows_none else find_strategy(place, screen)
        history = read_history(Catalogue(place.data), settings, progress)
        staged = staged_ledger(place, draft)
        result = backtest_stored(
            settings,
            history,
            stored,
            ledger=staged,
            progress=progress,
            at_ns=at_ns,
            repeat=(command_line("backtest", overrides, model=model),),
            strategy=strategy,
        )
        notes = {**circumstances(at_ns, began_s), **ledger_note(staged)}
        result = replace(result, meta={**result.meta, **notes})
        progress.stage("Writing the report", 1)
        write_report(result, draft)
        keep_copy(strategy, draft)
        count_trials(place, staged)
        progress.advance()
    show_result(target, result, screen)
