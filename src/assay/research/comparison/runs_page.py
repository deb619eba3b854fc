"""The table of runs as a page: the same rows, with links to their reports."""

from collections.abc import Sequence

from assay.research.comparison.run_table import RunRow, UnreadableRun
from assay.research.comparison.writing import environment

PAGE_FILE = "runs.html"


def runs_page(
    rows: Sequence[RunRow],
    unreadable: Sequence[UnreadableRun],
    *,
    workspace: str,
    total: int,
    asked: str = "",
) -> str:
    """Return the page: no script, no request, the same bytes for the same rows.

    Parameters
    ----------
    rows : sequence of RunRow
        Those shown, in order.
    unreadable : sequence of UnreadableRun
    workspace : str
        Name of the workspace.
    total : int
        Runs before any filter.
    asked : str
        The filters in words.
    """
    template = environment().get_template("runs.html")
    return (
        template.render(
            rows=rows, unreadable=unreadable, workspace=workspace, total=total, asked=asked
        )
        + "\n"
    )
