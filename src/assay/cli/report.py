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
    from assay.cli.reports import HTML_FILE, read_report, stored_reports
    from assay.domain.errors import ConfigError

    place = find_workspace(workspace)
    screen = Screen(as_json=as_json)
    folders = stored_reports(place)
    if is_list:
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
    chosen = [folder for folder in folders if name in (None, folder.name)]
    if not chosen:
        known = ", ".join(folder.name for folder in folders[-5:]) or "none yet"
        raise ConfigError(
            f"A report must exist to be shown; was {name or 'the last one'}, known: {known}.",
            remedy="Make one with `assay run`, or list them with `assay report --list`.",
            value=name,
        )
    folder = chosen[-1]
    content = read_report(folder)
    verdict = content.get("verdict", {})
    screen.say(f"{content.get('title')}: {verdict.get('headline')}", style="bold")
    screen.say(f"Report: {folder / HTML_FILE}")
    screen.emit({"report": folder, "title": content.get("title"), "verdict": verdict})
    if is_open:
        import webbrowser

        webbrowser.open((folder / HTML_FILE).as_uri())
