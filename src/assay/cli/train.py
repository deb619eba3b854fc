"""``assay train``: fit the models on all history and keep them."""

import time
from typing import Annotated

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, open_workspace


def train(
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the model's folder. [default: time and market]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the models on all history and store them.

    They are stored as ONNX with a card and hashes; loading them executes no code. What they
    earn is for `assay run` to say: nothing here was tested out of sample. A fit is counted in
    the ledger of trials.
    """
    from assay.cli.artifacts import model_folder
    from assay.cli.history import read_history
    from assay.cli.own_strategy import find_strategy, keep_copy
    from assay.cli.run import circumstances
    from assay.cli.trials import count_fit, ledger_note, opened_ledger
    from assay.config.workspace import folder_in_one_piece
    from assay.data.catalogue import Catalogue
    from assay.research.stored import fit_on_all, store

    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    at_ns, began_s = SystemClock().now(), time.monotonic()
    strategy = find_strategy(place, screen)
    with place.held(), screen.progress() as progress:
        place.drop_unfinished()
        target = model_folder(place, settings, name, at_ns)
        history = read_history(Catalogue(place.data), settings, progress)
        with folder_in_one_piece(target) as draft:
            fitted = fit_on_all(settings, history, progress=progress, strategy=strategy)
            progress.stage("Storing", 1)
            ledger = opened_ledger(place)
            count_fit(ledger, fitted, settings, at_ns)
            notes = {**circumstances(at_ns, began_s), **ledger_note(ledger)}
            card = store(fitted, draft, notes=notes)
            keep_copy(strategy, draft)
            progress.advance()
    screen.say(f"Model: {target}")
    screen.table(
        ("member", "log loss out of fold"),
        [(member, f"{loss:.5f}") for member, loss in card["log_loss"].items()],
    )
    screen.say(
        f"{card['n_rows']:,} labels from {card['trained_from']} to {card['trained_until']}; "
        "a coin has a log loss of 0.69315."
    )
    screen.say("To test it on bars after its training: assay backtest --model latest")
    screen.emit({"model": target, "card": card})
