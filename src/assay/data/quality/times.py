"""Checks of the times of rows: order, grid, repeated and copied rows."""

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.calendar import bar_open
from assay.data.quality.local import fingerprint, repeats, unchanged
from assay.data.quality.report import Severity
from assay.data.quality.window import BarRule, BarWindow, TickRule, TickWindow, any_of, no_flags
from assay.domain.time import NS_PER_SECOND

_COPIED_BARS = 3
_COPIED_TICKS = 12
_SECONDS_RUN = 40
_SUBSECOND_SHARE_MIN = 0.9


def _before_last(time_ns: IntArray) -> BoolArray:
    """Tell which times lie before the latest so far. Rule: time runs forward; no tolerance."""
    latest = np.maximum.accumulate(time_ns)
    return np.asarray(time_ns < latest, dtype=np.bool_)


def _same_time(time_ns: IntArray, marks: IntArray) -> tuple[BoolArray, BoolArray]:
    """Return rows that repeat a row of the same time, and rows that contradict one.

    Of equal rows the first is kept; of contradicting ones nobody knows which is right.
    """
    n = len(time_ns)
    repeated, in_conflict = no_flags(n), no_flags(n)
    if bool(np.all(np.diff(time_ns) > 0)):
        return repeated, in_conflict
    order = np.argsort(time_ns, kind="stable")
    sorted_ns, sorted_marks = time_ns[order], marks[order]
    meets = np.flatnonzero(sorted_ns[1:] == sorted_ns[:-1])
    is_equal = sorted_marks[meets + 1] == sorted_marks[meets]
    repeated[order[meets[is_equal] + 1]] = True
    differing = meets[~is_equal]
    in_conflict[order[differing]] = True
    in_conflict[order[differing + 1]] = True
    return repeated, in_conflict


def _bar_marks(window: BarWindow) -> IntArray:
    bars = window.bars
    return fingerprint(bars.open, bars.high, bars.low, bars.close, bars.volume)


def _unordered_bars(window: BarWindow) -> BoolArray:
    return _before_last(window.time_ns)


def _duplicate_bars(window: BarWindow) -> BoolArray:
    return _same_time(window.time_ns, _bar_marks(window))[0]


def _conflicting_bars(window: BarWindow) -> BoolArray:
    return _same_time(window.time_ns, _bar_marks(window))[1]


def _off_grid(window: BarWindow) -> BoolArray:
    """Rule: an open is a boundary of its timeframe; the venue has no other."""
    return np.asarray(bar_open(window.time_ns, window.timeframe) != window.time_ns, dtype=np.bool_)


def _copied_bars(window: BarWindow) -> BoolArray:
    """Tell which bars repeat bars of other times.

    Rule: a row with a volume that equals an earlier row in all five values (four prices and
    the volume make an accident rarer than one in a hundred thousand rows of an hour), or three rows
    in succession that equal three earlier ones in their prices. Bars that do not move, or that
    hardly move, repeat by nature and do not count: three prices must differ. Then one bar that
    repeats the one before it is enough.
    """
    bars = window.bars
    n_prices = window.n_prices
    marks = fingerprint(bars.open, bars.high, bars.low, bars.close)
    is_other_time = ~_same_time(window.time_ns, marks)[0]
    in_chain = repeats(marks, _COPIED_BARS, (n_prices >= 3) & is_other_time)
    has_volume = bars.volume >= _COPY_VOLUME_MIN
    alone = repeats(_bar_marks(window), 1, (n_prices >= 3) & has_volume & is_other_time)
    at_once = unchanged(bars.open, bars.high, bars.low, bars.close) & (n_prices >= 3)
    return any_of([in_chain, alone, at_once & is_other_time])


_COPY_VOLUME_MIN = 100.0
"""Below it, volumes have too few values to tell rows apart."""


def _tick_marks(window: TickWindow) -> IntArray:
    return fingerprint(window.ticks.bid, window.ticks.ask)


def _unordered_ticks(window: TickWindow) -> BoolArray:
    return _before_last(window.time_ns)


def _duplicate_ticks(window: TickWindow) -> BoolArray:
    """Rule: time, bid and ask of a row repeat those of a row before it."""
    return _same_time(window.time_ns, _tick_marks(window))[0]


def _copied_ticks(window: TickWindow) -> BoolArray:
    """Tell which quotes repeat a stretch of other quotes.

    Rule: twelve quotes in succession with the bids, the asks and the times between them of
    twelve earlier ones. A feed that repeats itself by accident does so at other intervals.
    """
    steps = np.zeros(len(window), dtype=np.int64)
    steps[1:] = np.diff(window.time_ns)
    marks = fingerprint(window.ticks.bid, window.ticks.ask, steps)
    return repeats(marks, _COPIED_TICKS, np.asarray(steps > 0, dtype=np.bool_))


def _whole_seconds(window: TickWindow) -> BoolArray:
    """Tell which quotes lost the part of their time below a second.

    Rule: in a feed where nine in ten quotes have one, forty quotes in succession without; by
    chance one quote in a thousand has none.
    """
    is_whole = np.asarray(window.time_ns % NS_PER_SECOND == 0, dtype=np.bool_)
    if np.mean(is_whole) > 1.0 - _SUBSECOND_SHARE_MIN:
        return no_flags(len(window))
    edges = np.diff(np.concatenate([[False], is_whole, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    is_long = stops - starts >= _SECONDS_RUN
    change = np.zeros(len(window) + 1, dtype=np.int64)
    change[starts[is_long]] += 1
    change[stops[is_long]] -= 1
    return np.asarray(np.cumsum(change[:-1]) > 0, dtype=np.bool_)


BAR_RULES = (
    BarRule(
        name="unordered",
        what="bars that open before a bar that precedes them",
        find=_unordered_bars,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="duplicates",
        what="bars that repeat a bar of the same time",
        find=_duplicate_bars,
        share_max=0.0,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="conflicting_times",
        what="bars of one time with different values",
        find=_conflicting_bars,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="copied_rows",
        what="bars that repeat bars of another time",
        find=_copied_bars,
        share_max=0.0005,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="time_grid",
        what="bars that do not open on the grid of their timeframe",
        find=_off_grid,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
)
TICK_RULES = (
    TickRule(
        name="unordered",
        what="quotes from before a quote that precedes them",
        find=_unordered_ticks,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    TickRule(
        name="duplicates",
        what="quotes that repeat a quote of the same time",
        find=_duplicate_ticks,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
    TickRule(
        name="copied_rows",
        what="quotes that repeat a stretch of another time",
        find=_copied_ticks,
        share_max=0.0005,
        severity=Severity.FATAL,
    ),
    TickRule(
        name="whole_seconds",
        what="quotes whose time lost the part below a second",
        find=_whole_seconds,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
)
