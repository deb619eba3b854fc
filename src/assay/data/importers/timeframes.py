"""The timeframe of a file: as told, as the file states, or by the spacing of its rows."""

from pathlib import Path

from assay.data.importers.grid import off_grid, refuse_mixed, refuse_off_grid, spacing_of
from assay.data.importers.layout import Layout
from assay.data.importers.ordering import Dropped, Table
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe


def on_one_timeframe(
    path: Path,
    layout: Layout,
    told: Timeframe | None,
    in_file: Table,
    table: Table,
    n_late: int,
) -> tuple[Timeframe, Table, Dropped]:
    """Settle the timeframe; refuse mixtures, and rows off its grid.

    Parameters
    ----------
    path, layout : what is read, and how
    told : Timeframe or None
        As the caller, the file or a column says.
    in_file, table : Table
        Rows in the order of the file, and sorted by time.
    n_late : int
        Rows that were out of order.

    Raises
    ------
    DataError
        If the rows are of another timeframe, of several, or too few to tell.
    """
    spaced = spacing_of(table.time_ns)
    if layout.format.is_archive and layout.timeframe is not None and spaced is not None:
        # Minutes without quotes are left out of an archive; rows are then further apart.
        spaced = min(spaced, layout.timeframe, key=lambda member: member.value)
    timeframe = told or spaced
    if timeframe is None:
        raise DataError(
            f"{path} must show its timeframe by the spacing of its rows; {len(table)} rows do not.",
            remedy="Pass --timeframe, such as --timeframe H1.",
            path=str(path),
        )
    if spaced is not None and spaced is not timeframe:
        raise DataError(
            f"{path} must hold {timeframe.name} bars; its rows are {spaced.name} apart.",
            remedy=f"Pass --timeframe {spaced.name}, or import the right file.",
            path=str(path),
            line=int(table.line[0]),
        )
    if not layout.format.is_archive:
        ordered = in_file if n_late <= 0.01 * len(table) or n_late == len(table) else table
        refuse_mixed(path, ordered.line, ordered.time_ns, timeframe)
    is_off = off_grid(table.time_ns, timeframe)
    if not is_off.any():
        return timeframe, table, []
    refuse_off_grid(path, table.line, is_off, timeframe)
    return timeframe, table.kept(~is_off), [(table.line[is_off], Reason.OFF_GRID)]
