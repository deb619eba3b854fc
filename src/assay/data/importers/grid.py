"""The timeframe of bars, told by their spacing; mixed timeframes are found by line."""

from pathlib import Path

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.calendar import bar_open
from assay.data.importers.zones import Zone
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY
from assay.domain.timeframe import Timeframe

_RUN_MIN = 5
_SHARE_MIN = 0.3
_OFF_GRID_SHARE_MAX = 0.05


def spacing_of(time_ns: IntArray) -> Timeframe | None:
    """Return the timeframe that sorted times are most often apart; None if none is.

    Months differ in length; steps of 28 to 31 days are one kind.
    """
    steps = np.diff(time_ns)
    steps = steps[steps > 0]
    if len(steps) == 0:
        return None
    is_month = (steps >= 28 * NS_PER_DAY) & (steps <= 31 * NS_PER_DAY)
    if np.mean(is_month) > 0.5:
        return Timeframe.MN1
    # A change of clocks makes a day of 23 or 25 hours; whole hours hide that in dates.
    lengths, counts = np.unique(steps, return_counts=True)
    by_ns = {member.nominal_ns: member for member in Timeframe}
    for at in np.argsort(-counts, kind="stable"):
        if int(lengths[at]) in by_ns and counts[at] >= _SHARE_MIN * len(steps):
            return by_ns[int(lengths[at])]
    return None


def refuse_mixed(path: Path, line: IntArray, time_ns: IntArray, timeframe: Timeframe) -> None:
    """Refuse a file that changes its timeframe, naming the first line of the other one.

    Parameters
    ----------
    line, time_ns : int64, shape (n_rows,)
        Rows in the order of the file, on its own clock.
    timeframe : Timeframe
        The prevailing one.

    Raises
    ------
    DataError
        If five rows in succession are apart by another timeframe.
    """
    steps = np.abs(np.diff(time_ns))
    if timeframe is Timeframe.MN1:
        return
    others = [member for member in Timeframe if member is not timeframe]
    for other in others:
        is_step = steps == other.nominal_ns
        if other is Timeframe.D1:
            is_step |= steps == 3 * NS_PER_DAY  # from Friday to Monday
        at = _first_run(is_step, _RUN_MIN)
        if at is not None and not _is_thin(steps, at, timeframe, other):
            raise DataError(
                f"{path} must hold one timeframe; rows are {timeframe.name}, but from line "
                f"{int(line[at])} on they are {other.name}.",
                remedy="Split the file there and import each part.",
                path=str(path),
                line=int(line[at]),
                timeframes=(timeframe.name, other.name),
            )


def _first_run(flags: BoolArray, length: int) -> int | None:
    """Return where *length* flags in succession first begin."""
    at = np.flatnonzero(flags)
    if len(at) < length:
        return None
    begins = np.flatnonzero(at[length - 1 :] - at[: len(at) - length + 1] == length - 1)
    return int(at[begins[0]]) if len(begins) else None


def _is_thin(steps: IntArray, at: int, timeframe: Timeframe, other: Timeframe) -> bool:
    """Tell whether a run is a quiet market rather than another timeframe: a short one, once."""
    if other.nominal_ns < timeframe.nominal_ns:
        return False
    run = steps[at:]
    ends = np.flatnonzero(run != other.nominal_ns)
    length = int(ends[0]) if len(ends) else len(run)
    is_near = other.nominal_ns <= 5 * timeframe.nominal_ns
    return is_near and length < 4 * _RUN_MIN


def off_grid(time_ns: IntArray, timeframe: Timeframe) -> BoolArray:
    """Tell which local times are no multiple of the timeframe, for M1 to H1."""
    if not timeframe.is_fixed:
        return np.zeros(len(time_ns), dtype=np.bool_)
    phase = time_ns % timeframe.nominal_ns
    values, counts = np.unique(phase, return_counts=True)
    usual = values[np.argmax(counts)] if len(values) else 0
    return np.asarray(phase != (usual if counts.max() > 0.9 * len(phase) else 0), dtype=np.bool_)


def refuse_off_grid(path: Path, line: IntArray, is_off: BoolArray, timeframe: Timeframe) -> None:
    """Refuse bars most of which do not begin where bars of their timeframe begin.

    Raises
    ------
    DataError
        If more than one row in twenty is off the grid.
    """
    if np.mean(is_off) > _OFF_GRID_SHARE_MAX:
        first = int(line[np.flatnonzero(is_off)[0]])
        raise DataError(
            f"{path} must hold {timeframe.name} bars that open on whole {timeframe.name} steps; "
            f"{np.mean(is_off):.0%} of rows do not, the first in line {first}.",
            remedy="Check whether the file mixes timeframes, or holds ticks.",
            path=str(path),
            line=first,
        )


def aligned(local_ns: IntArray, clock: Zone, timeframe: Timeframe) -> tuple[IntArray, int]:
    """Return UTC opens of bars; long bars off the trading-day grid are moved onto it.

    Returns
    -------
    open_ns : int64, shape (n_rows,)
    n_moved : int
        Bars (H4 and longer) that did not begin on the grid of 17:00 New York.

    Notes
    -----
    A bar that is off the grid is stamped with the bar in which it *ends*, so that it is
    never known before it was complete. It is then known late, by up to one bar.
    """
    utc_ns = clock.to_utc(local_ns)
    if timeframe.is_fixed:
        return utc_ns, 0
    if timeframe is Timeframe.MN1:
        months = local_ns.view("datetime64[ns]").astype("datetime64[M]") + 1
        ends = clock.to_utc(months.astype("datetime64[ns]").astype(np.int64))
    else:
        ends = clock.to_utc(local_ns + timeframe.nominal_ns)
    on_grid = bar_open(utc_ns, timeframe) == utc_ns
    moved = bar_open(ends - 1, timeframe)
    if timeframe in (Timeframe.W1, Timeframe.MN1):
        return moved, int(np.count_nonzero(moved != utc_ns))
    return np.where(on_grid, utc_ns, moved), int(np.count_nonzero(~on_grid))
