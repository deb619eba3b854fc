"""The table of runs as a page: the same rows, with links to their reports."""

from collections.abc import Sequence
from dataclasses import replace

from assay.research.comparison.run_table import OtherReport, RunRow, UnreadableRun
from assay.research.comparison.writing import environment, visible

PAGE_FILE = "runs.html"
REPORT_FILE = "report.html"


def runs_page(
    rows: Sequence[RunRow],
    unreadable: Sequence[UnreadableRun],
    others: Sequence[OtherReport],
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
    others : sequence of OtherReport
    workspace : str
        Name of the workspace.
    total : int
        Runs before any filter.
    asked : str
        The filters in words.
    """
    template = environment().get_template("runs.html")
    shown = {
        "rows": [_printable(row) for row in rows],
        "unreadable": [
            replace(item, name=visible(item.name), reason=visible(item.reason))
            for item in unreadable
        ],
        "others": [
            {"item": replace(item, name=name), "is_linked": name == item.name}
            for item, name in ((item, visible(item.name)) for item in others)
        ],
        "workspace": visible(workspace),
        "total": total,
        "asked": visible(asked),
    }
    return template.render(**shown) + "\n"


def _printable(row: RunRow) -> RunRow:
    """Return *row* with a name that any page can hold; it has no link if that changed it."""
    name = visible(row.name)
    if name == row.name:
        return row
    return replace(row, name=name, missing=tuple(sorted({*row.missing, REPORT_FILE})))
