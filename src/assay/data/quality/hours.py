"""Checks against the calendar: rows in the weekend, in daily breaks, on holidays."""

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.calendar import MINUTES_PER_WEEK, is_holiday, minute_of_week
from assay.data.gaps import in_sessions
from assay.data.quality.report import Severity
from assay.data.quality.window import BarRule, BarWindow, Market, TickRule, TickWindow
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from assay.domain.timeframe import Timeframe

_WEEKS_PER_PERIOD = 26
_USUAL_SHARE = 1.0 / 3.0
_USUAL_WEEKS_MIN = 10
_SLOT_MINUTES = 60
_DAY_OPEN_SHARE_MIN = 0.25
_TICK_SLOT_MINUTES = 15


def _weeks(time_ns: IntArray) -> IntArray:
    return (time_ns + 3 * NS_PER_DAY) // (7 * NS_PER_DAY)  # from Monday; any fixed day would do


def _unusual(time_ns: IntArray, is_off: BoolArray, slot_minutes: int) -> BoolArray:
    """Keep of the rows off hours those at a time of the week at which the source has few.

    A source whose own hours are longer than the venue's has rows there week after week: in a
    third of the weeks of half a year, and in ten at least, they are its habit and no fault.
    """
    kept = is_off.copy()
    at = np.flatnonzero(is_off)
    if len(at) == 0:
        return kept
    week = _weeks(time_ns)
    period = week // _WEEKS_PER_PERIOD
    weeks_seen = np.unique(week)
    of_period, n_weeks = np.unique(weeks_seen // _WEEKS_PER_PERIOD, return_counts=True)
    slot = minute_of_week(time_ns[at]) // slot_minutes
    key = period[at] * MINUTES_PER_WEEK + slot
    pairs = np.unique(np.stack([key, week[at]]), axis=1)
    keys, weeks_with = np.unique(pairs[0], return_counts=True)
    present = weeks_with[np.searchsorted(keys, key)]
    possible = n_weeks[np.searchsorted(of_period, period[at])]
    is_usual = (present >= _USUAL_WEEKS_MIN) & (present >= _USUAL_SHARE * possible)
    kept[at] = ~is_usual
    return kept


def _in_weekend(time_ns: IntArray, market: Market) -> BoolArray:
    """Tell which times lie between the last close of the week and its first open."""
    close, first = market.weekend
    minute = minute_of_week(time_ns)
    return np.asarray((minute >= close) | (minute < first), dtype=np.bool_)


def _sunday_bars(window: BarWindow) -> BoolArray:
    """Tell which bars stand in the weekend.

    Rule: up to H4, a bar without trading hours between Friday's close and Sunday's open; a D1
    bar of whose 24 hours less than a quarter are trading hours: a broker's stub of a Sunday,
    which makes a week of six days. Weeks and months have no weekend.
    """
    if window.timeframe.nominal_ns > NS_PER_DAY:
        return np.zeros(len(window), dtype=np.bool_)
    if window.timeframe is Timeframe.D1:
        hours = window.time_ns[:, None] + np.arange(24, dtype=np.int64) * NS_PER_HOUR
        is_open = in_sessions(hours.ravel(), Timeframe.H1, window.market.sessions)
        return np.asarray(
            is_open.reshape(-1, 24).mean(axis=1) < _DAY_OPEN_SHARE_MIN, dtype=np.bool_
        )
    is_off = ~window.is_trading & _in_weekend(window.time_ns, window.market)
    return _unusual(window.time_ns, is_off, _slot(window.timeframe))


def _closed_bars(window: BarWindow) -> BoolArray:
    """Rule: a bar without trading hours, in a daily break or a weekend; the habit is spared."""
    if window.timeframe.nominal_ns >= NS_PER_DAY:
        return np.zeros(len(window), dtype=np.bool_)
    return _unusual(window.time_ns, ~window.is_trading, _slot(window.timeframe))


def _slot(timeframe: Timeframe) -> int:
    return min(max(timeframe.nominal_ns // NS_PER_MINUTE, _TICK_SLOT_MINUTES), _SLOT_MINUTES)


def _holiday_bars(window: BarWindow) -> BoolArray:
    """Rule: a bar of up to D1 in the trading day of Christmas or New Year's Day."""
    if window.timeframe.nominal_ns > NS_PER_DAY:
        return np.zeros(len(window), dtype=np.bool_)
    return is_holiday(window.time_ns) & window.is_trading


def _sunday_ticks(window: TickWindow) -> BoolArray:
    is_off = ~window.is_trading & _in_weekend(window.time_ns, window.market)
    return _unusual(window.time_ns, is_off, _TICK_SLOT_MINUTES)


def _closed_ticks(window: TickWindow) -> BoolArray:
    return _unusual(window.time_ns, ~window.is_trading, _TICK_SLOT_MINUTES)


def _holiday_ticks(window: TickWindow) -> BoolArray:
    return is_holiday(window.time_ns) & window.is_trading


BAR_RULES = (
    BarRule(
        name="sunday_bars",
        what="bars in the weekend",
        find=_sunday_bars,
        share_max=0.002,
        severity=Severity.SERIOUS,
    ),
    BarRule(
        name="closed_hours",
        what="bars when the venue is closed",
        find=_closed_bars,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="holiday_rows",
        what="bars on Christmas or New Year's Day",
        find=_holiday_bars,
        share_max=0.01,
        severity=Severity.NOTE,
    ),
)
TICK_RULES = (
    TickRule(
        name="sunday_ticks",
        what="quotes in the weekend",
        find=_sunday_ticks,
        share_max=0.002,
        severity=Severity.SERIOUS,
    ),
    TickRule(
        name="closed_hours",
        what="quotes when the venue is closed",
        find=_closed_ticks,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
    TickRule(
        name="holiday_rows",
        what="quotes on Christmas or New Year's Day",
        find=_holiday_ticks,
        share_max=0.01,
        severity=Severity.NOTE,
    ),
)
