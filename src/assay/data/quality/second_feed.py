"""Checks against a second feed of the same market: prices that it does not know, its clock."""

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars
from assay.data.quality.local import local_median
from assay.data.quality.window import BarWindow, no_flags
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe

_DEVIATIONS = 8.0
_RANGES = 0.75
_MATCHED_MIN = 32
_HOURS_MAX = 12
_WEEK_NS = 7 * NS_PER_DAY
_BARS_MIN = 24
_CORRELATION_MIN = 0.6
_CORRELATION_GAIN_MIN = 0.25


def comparable(bars: Bars, reference: Bars) -> None:
    """Refuse a second feed of another length of bar, or without a time of this one.

    Raises
    ------
    DataError
    """
    if bars.timeframe is not reference.timeframe:
        raise DataError(
            f"The second feed must have bars of {bars.timeframe.name}; was "
            f"{reference.timeframe.name}.",
            remedy="Resample one of the two, or name another.",
            timeframe=reference.timeframe.name,
        )
    if not bool(np.all(np.diff(reference.time_ns) > 0)):
        raise DataError(
            "The second feed must be sorted, without repeated times; was not.",
            remedy="Import it into the catalogue and name it from there.",
            symbol=reference.symbol,
        )


def _matched(time_ns: IntArray, reference_ns: IntArray) -> tuple[IntArray, IntArray]:
    """Return the rows whose times the reference has, and its rows."""
    if len(reference_ns) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    at = np.searchsorted(reference_ns, time_ns)
    at = np.minimum(at, len(reference_ns) - 1)
    mine = np.flatnonzero(reference_ns[at] == time_ns)
    return mine, at[mine]


def spikes_against_reference(window: BarWindow, reference: Bars) -> BoolArray:
    """Tell which bars have a price that the second feed does not know.

    Notes
    -----
    Rule: the difference of a price to the reference's, less the median difference around (two feeds
    differ by a basis, a fee, a side), is more than eight usual deviations of that column and
    more than three quarters of a usual range of a bar. The floor spares feeds that agree to the
    point; the median ignores damage of less than half of the rows around. Two sound feeds of gold
    disagree so on four bars in a thousand.
    """
    flags = no_flags(len(window))
    mine, theirs = _matched(window.time_ns, reference.time_ns)
    mine_sound = window.is_sound[mine]
    mine, theirs = mine[mine_sound], theirs[mine_sound]
    if len(mine) < _MATCHED_MIN:
        return flags
    others = (reference.open, reference.high, reference.low, reference.close)
    scale = window.scale[mine]
    for price, other in zip(window.prices, others, strict=True):
        difference = price[mine] - other[theirs]
        difference = np.where(np.isfinite(difference), difference, 0.0)
        deviation = np.abs(difference - _middle(difference))
        usual = local_median(deviation)
        flags[mine] |= deviation > np.maximum(_DEVIATIONS * usual, _RANGES * scale)
    return flags


def _middle(values: FloatArray) -> FloatArray:
    """Return the median of each group of rows and its two neighbours, for each row."""
    group = _MATCHED_MIN
    n_groups = max(1, len(values) // group)
    edges = np.append(np.arange(n_groups) * group, len(values))
    middle = np.empty(len(values))
    for k in range(n_groups):
        around = values[edges[max(0, k - 1)] : edges[min(n_groups, k + 2)]]
        middle[edges[k] : edges[k + 1]] = np.median(around)
    return middle


def weeks_of_other_clock(
    time_ns: IntArray, close: FloatArray, timeframe: Timeframe, reference: Bars
) -> BoolArray:
    """Tell which rows stand in a week whose clock is not that of the second feed.

    Parameters
    ----------
    time_ns, close : shape (n,)
        Of the series, oldest first.
    timeframe : Timeframe
    reference : Bars

    Returns
    -------
    is_other : bool, shape (n,)

    Notes
    -----
    Rule: within a week, the changes of the close follow those of the reference better when
    moved by up to twelve hours: with a correlation of 0.6 or more, and 0.25 above what
    they have as they stand. Weeks of fewer than 24 shared bars, and bars longer than H1, are not
    judged.
    """
    flags = np.zeros(len(time_ns), dtype=np.bool_)
    if timeframe.nominal_ns > NS_PER_HOUR or len(time_ns) < _BARS_MIN:
        return flags
    step_ns = max(timeframe.nominal_ns, 15 * 60 * 1_000_000_000)
    mine = _changes(time_ns, close, step_ns)
    theirs = _changes(reference.time_ns, reference.close, step_ns)
    week = mine[0] // _WEEK_NS
    starts = np.flatnonzero(np.concatenate([[True], week[1:] != week[:-1]]))
    stops = np.append(starts[1:], len(week))
    row_week = time_ns // _WEEK_NS
    per_hour = NS_PER_HOUR // step_ns
    for start, stop in zip(starts, stops, strict=True):
        best, best_hours, as_is = 0.0, 0, 0.0
        for hours in range(-_HOURS_MAX, _HOURS_MAX + 1):
            moved = mine[0][start:stop] - hours * per_hour * step_ns
            score = _correlation(moved, mine[1][start:stop], theirs)
            if hours == 0:
                as_is = score
            if score > best:
                best, best_hours = score, hours
        if best_hours and best >= _CORRELATION_MIN and best >= as_is + _CORRELATION_GAIN_MIN:
            flags |= row_week == week[start]
    return flags


def _changes(time_ns: IntArray, close: FloatArray, step_ns: int) -> tuple[IntArray, FloatArray]:
    """Return the changes of the logarithm between neighbouring steps, at the later one."""
    step = time_ns // step_ns
    last = np.flatnonzero(np.append(step[1:] != step[:-1], True))
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.log(close[last])
    change = np.diff(level)
    is_next = (np.diff(step[last]) == 1) & np.isfinite(change)
    return step[last][1:][is_next] * step_ns, change[is_next]


def _correlation(
    time_ns: IntArray, change: FloatArray, other: tuple[IntArray, FloatArray]
) -> float:
    """Return the rank-free correlation of two sets of changes at shared times; 0: too few."""
    mine, theirs = _matched(time_ns, other[0])
    if len(mine) < _BARS_MIN:
        return 0.0
    a, b = change[mine], other[1][theirs]
    # Signs with clipped sizes: one spike must not decide for a week.
    a = np.clip(a, -4.0 * np.median(np.abs(a)), 4.0 * np.median(np.abs(a)))
    b = np.clip(b, -4.0 * np.median(np.abs(b)), 4.0 * np.median(np.abs(b)))
    size = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return float(np.dot(a, b)) / size if size > 0.0 else 0.0
