"""Checks of stretches: split points where two feeds were joined, collapse of the tick rate."""

from collections.abc import Sequence

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.holidays import rest_numbers
from assay.data.quality.hourly import Hours, weekly_table
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_DAY

_REACH_DAYS = 20
_ABRUPT_DAYS = 3
_ABRUPT_SHARE = 0.7
_HOURS_PER_DAY_MIN = 12
_SPREAD_FACTOR = 1.5
_ACTIVITY_FACTOR = 2.5
_SPREAD_DEVIATIONS_MIN = 3.5
_DEVIATIONS_MIN = 5.0
_DEVIATION_FLOOR = 0.05
_WEEKS_AROUND = 4
_WEEKS_MIN = 3
_COLLAPSED_SHARE = 0.05
_ACTIVITY_MIN = 60.0


def split_points(hours: Hours) -> IntArray:
    """Return the days from which on the statistics of the feed are others, UTC ns.

    Notes
    -----
    Rule: the median of the twenty days after a day differs from that of the twenty before, in the
    spread by a factor of 1.5 or in the activity (ticks, volume) by one of 2.5, and by five usual
    deviations of a day from its median (the spread: 3.5); and three days do most of it. Markets
    change their pace in weeks, a feed overnight. Or a decimal place appears or vanishes.
    """
    day = hours.time_ns // NS_PER_DAY
    days, first, n_hours = np.unique(day, return_index=True, return_counts=True)
    is_whole = n_hours >= _HOURS_PER_DAY_MIN
    days, first, n_hours = days[is_whole], first[is_whole], n_hours[is_whole]
    found: list[int] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        measures = (
            (
                np.log(hours.spread),
                np.log(_SPREAD_FACTOR),
                _SPREAD_DEVIATIONS_MIN,
            ),  # NaN: none, or below zero
            (np.log(hours.activity), np.log(_ACTIVITY_FACTOR), _DEVIATIONS_MIN),
            (hours.decimals, 0.9, _DEVIATIONS_MIN),
        )
    for values, least, deviations_min in measures:
        if not np.isfinite(values).any():
            continue
        daily = np.array([_median(values[i : i + n]) for i, n in zip(first, n_hours, strict=True)])
        is_known = np.isfinite(daily)
        found.extend(
            days[is_known][_changes(daily[is_known], float(least), deviations_min)].tolist()
        )
    return np.unique(np.array(found, dtype=np.int64)) * NS_PER_DAY


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def _changes(daily: FloatArray, least: float, deviations_min: float) -> list[int]:
    """Return the days at which the level changes for good, the strongest within reach of each."""
    n = len(daily)
    if n < 2 * _REACH_DAYS:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(daily, _REACH_DAYS)
    medians = np.median(windows, axis=1)
    deviations = np.median(np.abs(windows - medians[:, None]), axis=1)
    near = np.median(np.lib.stride_tricks.sliding_window_view(daily, _ABRUPT_DAYS), axis=1)
    at = np.arange(_REACH_DAYS, n - _REACH_DAYS + 1)
    change = np.abs(medians[at] - medians[at - _REACH_DAYS])
    abrupt = np.abs(near[at] - near[at - _ABRUPT_DAYS])
    usual = np.maximum(deviations[at], deviations[at - _REACH_DAYS])
    strength = change / np.maximum(usual, _DEVIATION_FLOOR)
    strength[(change < least) | (abrupt < _ABRUPT_SHARE * change)] = 0.0
    found = []
    while strength.max(initial=0.0) >= deviations_min:
        # Around the change many days see it in their medians; its own step is the largest.
        best = int(np.argmax(strength))
        lo, hi = max(0, best - _ABRUPT_DAYS), best + _ABRUPT_DAYS + 1
        steps = np.abs(daily[at[lo:hi]] - daily[at[lo:hi] - 1])
        found.append(int(at[lo + int(np.argmax(steps))]))
        strength[max(0, best - _REACH_DAYS) : best + _REACH_DAYS] = 0.0
    return found


def usual_by_week(hours: Hours, values: FloatArray) -> FloatArray:
    """Return for each hour the median of the same hour of the week, four weeks to each side.

    The hour itself is left out; NaN where fewer than three weeks know it. A history of less than
    four weeks is compared with the same hour of its other working days.
    """
    table, week = weekly_table(hours, values)
    usual = np.full_like(table, np.nan)
    for row in range(len(table)):
        around = [
            other
            for other in range(row - _WEEKS_AROUND, row + _WEEKS_AROUND + 1)
            if 0 <= other < len(table) and other != row
        ]
        usual[row] = _median_of_known(table[around])
    result = usual[week, hours.hour_of_week]
    if len(table) <= _WEEKS_MIN:
        by_day = table.reshape(-1, 24)
        row_of = (week * 7 + hours.hour_of_week // 24).astype(np.int64)
        for row in np.unique(row_of):
            others = np.delete(by_day, row, axis=0)
            mine = row_of == row
            result[mine] = _median_of_known(others)[hours.hour_of_week[mine] % 24]
    return result


def _median_of_known(rows: FloatArray) -> FloatArray:
    """Return the median of each column, NaN where fewer than three rows know it."""
    if len(rows) == 0:
        return np.full(rows.shape[1], np.nan)
    known = np.sort(rows, axis=0)  # NaN last
    n = np.count_nonzero(np.isfinite(rows), axis=0)
    columns = np.arange(rows.shape[1])
    low, high = np.maximum(0, (n - 1) // 2), np.minimum(n // 2, len(rows) - 1)
    middle = 0.5 * (known[low, columns] + known[high, columns])
    return np.where(n >= _WEEKS_MIN, middle, np.nan)


def collapsed(hours: Hours, sessions: Sequence[Session], *, hours_min: int) -> BoolArray:
    """Tell which hours have far fewer ticks (or less volume) than they usually have.

    Parameters
    ----------
    hours : Hours
    sessions : sequence of Session
    hours_min : int
        So many in succession; volume is rougher than a count of ticks.

    Notes
    -----
    Rule: below a twentieth of the median of the same hour of the week, four weeks to each side,
    which must be 60 or more; not where the venue may rest. On clean histories one hour in ten
    thousand.
    """
    usual = usual_by_week(hours, hours.activity)
    is_low = (hours.activity < _COLLAPSED_SHARE * usual) & (usual >= _ACTIVITY_MIN)
    is_low &= rest_numbers(hours.time_ns, sessions) < 0
    group = np.cumsum(np.concatenate([[True], is_low[1:] != is_low[:-1]])) - 1
    lengths = np.bincount(group)
    return np.asarray(is_low & (lengths[group] >= hours_min), dtype=np.bool_)
