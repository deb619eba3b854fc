"""``assay report``: list the reports of a workspace, or find one."""

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import find_workspace

VERDICT_PAGE = "verdict.html"


def report(
    name: Annotated[
        str | None, typer.Argument(help="Name of a report; the last one by default.")
    ] = None,
    is_list: Annotated[bool, typer.Option("--list", help="List all reports instead.")] = False,
    is_open: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    is_checked: Annotated[
        bool,
        typer.Option("--check", help="Check its verdict.json: whole, and true to its own figures."),
    ] = False,
    schema: Annotated[
        str | None,
        typer.Option("--schema", metavar="verdict", help="Print the JSON schema of verdict.json."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the verdict and the path of a report.

    Reports lie in the folder reports/ of the workspace, one folder each. verdict.json in it is
    what a promotion gate reads; --check reads it as the gate does, and asks its rule again.
    """
    from assay.cli.reports import HTML_FILE, find_report, read_report, stored_reports

    if schema is not None:
        _print_schema(schema)
        return
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
    if is_checked:
        _check(folder, screen)
        return
    content = read_report(folder)
    verdict = content.get("verdict", {})
    screen.say(f"{content.get('title')}: {verdict.get('headline')}", style="bold")
    screen.say(f"Report: {folder / HTML_FILE}")
    if (folder / VERDICT_PAGE).is_file():
        screen.say(f"On one page: {folder / VERDICT_PAGE}")
    screen.emit({"report": folder, "title": content.get("title"), "verdict": verdict})
    if is_open:
        import webbrowser

        webbrowser.open((folder / HTML_FILE).as_uri())


def _print_schema(name: str) -> None:
    """Print a published JSON schema on stdout, and nothing else there."""
    from assay.domain.errors import ConfigError
    from assay.research.verdict.schema import schema_text

    if name != "verdict":
        raise ConfigError(
            f"A schema must be one that is published: verdict; was {name!r}.",
            remedy="Use `assay report --schema verdict`.",
            value=name,
        )
    typer.echo(schema_text(), nl=False)


def _check(folder: Path, screen: Screen) -> None:
    """Read the verdict as a gate does; a document that is not whole is an error."""
    from assay.research.verdict.schema import VERDICT_FILE, read_verdict

    path = folder / VERDICT_FILE
    verdict = read_verdict(path)
    screen.say(f"{path} is whole, and its answer follows from its own figures.")
    screen.say(
        f"{verdict.outcome.value}: {'may be promoted' if verdict.is_passed else 'is not promoted'}",
        style="bold",
    )
    screen.emit({"verdict": path, "outcome": verdict.outcome.value, "passed": verdict.is_passed})
