"""``assay stress``: what could happen to the strategy of the workspace."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from assay.config.settings import Settings
    from assay.config.workspace import Workspace
    from assay.research.stress.stress import Plan, Stress

PATHS = 100
RUIN = 0.5
BLOCK_DAYS = 10.0


def stress(
    paths: Annotated[
        int, typer.Option("--paths", metavar="N", help="Resampled histories of each kind.")
    ] = PATHS,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="SET",
            help="order, candles, settings, execution or shocks. May be repeated. [default: all]",
            show_default=False,
        ),
    ] = None,
    ruin: Annotated[
        float,
        typer.Option(
            "--ruin", help="Share of the start balance below which the account is ruined."
        ),
    ] = RUIN,
    block_days: Annotated[
        float,
        typer.Option("--block-days", help="Mean length of the blocks of a resampled history."),
    ] = BLOCK_DAYS,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Of the scenarios alone. [default: run.seed]"),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the report's folder. [default: time and market]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the strategy under stress: other luck, other histories, other costs, old shocks.

    Walks forward once, as `assay run` does, then asks what else could have happened: probability
    of ruin, worst 5 %, largest drawdown and time to recover of every scenario, on one page. Each
    set of scenarios is counted in the ledger of trials.
    """
    from assay.research.stress.stress import GROUPS, Plan

    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    plan = Plan(
        paths=paths,
        groups=tuple(only) if only else GROUPS,
        seed=settings.run.seed if seed is None else seed,
        ruin_share=ruin,
        block_days=block_days,
    )
    with place.held():
        place.drop_unfinished()
        folder, found = _into(place, settings, plan, screen, name=name)
    _show(folder, found, screen)


def _into(
    place: "Workspace", settings: "Settings", plan: "Plan", screen: Screen, *, name: str | None
) -> tuple["Path", "Stress"]:
    """Walk, stress, count the trials and write the page into a folder of its own."""
    from assay.cli.history import read_history
    from assay.cli.own_strategy import find_strategy, keep_copy
    from assay.cli.reports import report_folder
    from assay.cli.run import circumstances
    from assay.cli.trials import count_trials, ledger_note, staged_ledger
    from assay.config.workspace import folder_in_one_piece
    from assay.data.catalogue import Catalogue
    from assay.research.compute.place import Place
    from assay.research.stress.counting import count_stress
    from assay.research.stress.stress import stress as put_under_stress
    from assay.research.stress.writing import write_stress
    from assay.research.walk import walk

    at_ns, began_s = SystemClock().now(), time.monotonic()
    target = report_folder(place, settings, name, at_ns, kind="stress")
    strategy = find_strategy(place, screen)
    with screen.progress() as progress, folder_in_one_piece(target) as draft:
        history = read_history(Catalogue(place.data), settings, progress)
        walked = walk(settings, history, progress=progress, strategy=strategy)
        found, base = put_under_stress(walked, plan, place=Place.of(settings), progress=progress)
        staged = staged_ledger(place, draft)
        count_stress(staged, walked, base, plan, at_ns=at_ns)
        notes = {**circumstances(at_ns, began_s), **ledger_note(staged)}
        write_stress(found, notes, draft)
        keep_copy(strategy, draft)
        count_trials(place, staged)
    return target, found


def _show(folder: "Path", found: "Stress", screen: Screen) -> None:
    """Print the answer, the scenarios side by side, and the path of the page."""
    import json

    from assay.research.stress.answer import label_of
    from assay.research.stress.page import HTML_FILE, visible_rows
    from assay.research.stress.summary import FAN_PATHS_MIN

    screen.say("")
    label = label_of(found.tone, found.real.trades)
    screen.say(f"{found.title}: {label}. {found.headline}", style="bold")
    for about, words in found.explanation:
        screen.say(f"  {about}: {words}")
    screen.table(
        ("scenario", "paths", "ruin %", "middle %", "worst 5 %", "Sharpe", "worst fall %"),
        visible_rows(found),
    )
    if any(1 < item.n_paths < FAN_PATHS_MIN for item in found.scenarios):
        screen.say(f"Of fewer than {FAN_PATHS_MIN} paths the worst 5 % is the worst of them.")
    screen.say(f"Page: {folder / HTML_FILE}")
    screen.emit({"report": folder, "stress": json.loads(found.text())})
