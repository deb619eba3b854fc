"""``assay report``: list the reports of a workspace, or find one."""

from typing import Annotated

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import find_workspace


def report(
    name: Annotated[
        str | None, typer.Argument(help="Name of a report; the last one by default.")
    ] = None,
    is_list: Annotated[bool, typer.Option("--list", help="List all reports instead.")] = False,
    is_open: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the verdict and the path of a report.

    Reports lie in the folder reports/ of the workspace, one folder each.
    """
    from assay.cli.reports import HTML_FILE, find_report, read_report, stored_reports

    place = find_workspace(workspace)
    screen = Screen(as_json=as_json)
    if is_list:
        folders = stored_reports(place)
        contents = [(folder, read_report(folder)) for folder in folders]
        screen.table(
            ("report", "market", "verdict"),
            [
                (folder.name, content.get("title"), content.get("verdict", {}).get("outcome"))
                for folder, content in contents
            ],
        )
        screen.emit({"reports": [folder.name for folder in folders]})
        return
    folder = find_report(place, name)
    content = read_report(folder)
    verdict = content.get("verdict", {})
    screen.say(f"{content.get('title')}: {verdict.get('headline')}", style="bold")
    screen.say(f"Report: {folder / HTML_FILE}")
    screen.emit({"report": folder, "title": content.get("title"), "verdict": verdict})
    if is_open:
        import webbrowser

        webbrowser.open((folder / HTML_FILE).as_uri())
