"""``assay optimise``: search settings inside every training span, then judge what was chosen."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.run import execute_into, show_result
from assay.cli.screen import Screen
from assay.cli.session import open_workspace

if TYPE_CHECKING:
    from assay.research.run_result import RunResult


def optimise(
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the report's folder. [default: time and market]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search labels, features, models, fusion and risk settings; walk forward; judge.

    Before each stretch that is judged, the search tries configurations on the history before it,
    by combinatorial purged cross-validation, and adopts the best if it is clearly better than the
    settings of the workspace and no lone peak. What is judged was seen by no trial. Every trial
    is counted in the ledger. A search that was stopped, or killed, goes on where it ended.
    """
    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    with place.held():
        place.drop_unfinished()
        folder, result = execute_into(
            place, settings, screen, name=name, overrides=overrides, is_searched=True
        )
    show_searches(result, screen)
    show_result(folder, result, screen)


def show_searches(result: "RunResult", screen: Screen) -> None:
    """Print what each search tried, chose and expected, and what came of it."""
    screen.say("")
    for record in result.searches:
        screen.say(f"{record['name']} (until {record['until'][:10]}): {record['reason']}")
    screen.table(
        ("search", "trials", "given up", "start", "best", "PBO", "adopted", "efficiency", "chosen"),
        [
            (
                record["name"],
                record["trials"],
                record["given_up"],
                record["start"]["objective"],
                record["best"]["objective"],
                record["pbo"],
                "yes" if record["adopted"] else "no",
                record["efficiency"],
                _chosen(record),
            )
            for record in result.searches
        ],
    )


def _chosen(record: Any) -> str:
    """Return the settings that were changed, in words."""
    changed = {
        name: value
        for name, value in record["values"].items()
        if value != record["start"]["values"][name]
    }
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or "as they were"
