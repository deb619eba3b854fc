"""Checks for a market that stands still: stale runs, pads, one frozen side."""

import numpy as np

from assay.data.arrays import BoolArray, FloatArray
from assay.data.calendar import is_holiday
from assay.data.quality.local import in_run, run_length_unlikely, unchanged
from assay.data.quality.report import Severity
from assay.data.quality.window import BarRule, BarWindow, TickRule, TickWindow, no_flags
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR

STALE_BARS_MIN = 10
STALE_TICKS_MIN = 500
_STALE_BARS_LEAST = 3
_QUIET_TIMES = 10.0
_STALE_NS = 3 * NS_PER_HOUR
_STALE_TICKS_LEAST = 20
_FROZEN_LEAST = 25
_FROZEN_BARS_LEAST = 6
_FROZEN_MOST = 500
_FLAT_SHARE_MAX = 0.005


def _stale(window: BarWindow) -> BoolArray:
    """Tell which bars repeat the prices of the bar before, for long.

    Rule: a run of bars equal in all four prices: three of an hour or longer, ten of a quarter of
    an hour or shorter (three hours between); fewer, down to three, where even hours in which
    bars repeat ten times more often than on the whole make such a run once in a million rows.
    """
    open_, high, low, close = window.bars.open, window.bars.high, window.bars.low, window.bars.close
    same = unchanged(open_, high, low, close)
    share = _QUIET_TIMES * float(np.mean(same)) if len(same) else 0.0
    unlikely = run_length_unlikely(min(share, 1.0), least=_STALE_BARS_LEAST, most=STALE_BARS_MIN)
    long = int(np.clip(_STALE_NS // window.timeframe.nominal_ns, _STALE_BARS_LEAST, STALE_BARS_MIN))
    return in_run(same, min(long, unlikely))


def _padded(window: BarWindow) -> BoolArray:
    """Tell which bars only fill time.

    Rule: open, high, low and close equal the close before, and the bar has no volume in a history
    that has it, or stands where the venue is closed; or, in a history without volume, at most one
    bar in two hundred is flat.
    """
    bars = window.bars
    is_flat = (bars.high == bars.low) & (bars.open == bars.close) & (bars.open == bars.high)
    before = np.concatenate([[np.nan], bars.close[:-1]])
    is_flat &= bars.close == before
    has_volume = bool(np.median(np.nan_to_num(bars.volume)) > 0.0) if len(bars) else False
    is_closed = ~window.is_trading
    if window.timeframe.nominal_ns <= NS_PER_DAY:
        is_closed |= is_holiday(window.time_ns)
    is_pad = is_flat & is_closed
    if has_volume:
        is_pad |= is_flat & ~(bars.volume > 0.0)
    elif np.mean(is_flat) <= _FLAT_SHARE_MAX:
        is_pad |= is_flat
    return np.asarray(is_pad, dtype=np.bool_)


def _stale_ticks(window: TickWindow) -> BoolArray:
    """Tell which quotes repeat, for long.

    Rule: a run of equal bid and ask of a length that chance makes at most once in a million
    rows, from 20 quotes (a feed that sends changes only) to 500.
    """
    same = unchanged(window.ticks.bid, window.ticks.ask)
    share = float(np.mean(same)) if len(same) else 0.0
    length = run_length_unlikely(share, least=_STALE_TICKS_LEAST, most=STALE_TICKS_MIN)
    return in_run(same, length)


def _frozen(window: TickWindow) -> BoolArray:
    """Tell which quotes have one side that stands while the other moves.

    Rule: in a run of equal bids the ask changes so often (or the other way round) that chance
    makes it at most once in a million rows, given how often a side stands when the other moves:
    from 25 changes to 500.
    """
    bid, ask = window.ticks.bid, window.ticks.ask
    flags = no_flags(len(window))
    for frozen, moving in ((bid, ask), (ask, bid)):
        flags |= _one_side_frozen(frozen, moving, least=_FROZEN_LEAST)
    return flags


def _frozen_bars(window: BarWindow) -> BoolArray:
    """Rule: as of quotes, by the closes of both sides; from six changes."""
    bid, ask = window.bars.close, window.bars.ask_close
    flags = no_flags(len(window))
    if ask is not None:
        for frozen, moving in ((bid, ask), (ask, bid)):
            flags |= _one_side_frozen(frozen, moving, least=_FROZEN_BARS_LEAST)
    return flags


def _one_side_frozen(frozen: FloatArray, moving: FloatArray, *, least: int) -> BoolArray:
    stands = unchanged(frozen)
    moves = ~unchanged(moving)
    n_moves = max(1, int(np.count_nonzero(moves)))
    share = float(np.count_nonzero(stands & moves)) / n_moves
    length = run_length_unlikely(share, least=least, most=_FROZEN_MOST)
    group = np.cumsum(~stands)
    changes = np.bincount(group, weights=stands & moves)
    return np.asarray(changes[group] >= length, dtype=np.bool_)


BAR_RULES = (
    BarRule(
        name="stale",
        what="bars in runs that do not move",
        find=_stale,
        share_max=0.001,
        severity=Severity.SERIOUS,
    ),
    BarRule(
        name="flat_padding",
        what="bars that only fill time",
        find=_padded,
        share_max=0.002,
        severity=Severity.SERIOUS,
    ),
    BarRule(
        name="frozen_quotes",
        what="bars with one side that stands while the other moves",
        find=_frozen_bars,
        share_max=0.001,
        severity=Severity.SERIOUS,
    ),
)
TICK_RULES = (
    TickRule(
        name="stale",
        what="quotes in runs that do not move",
        find=_stale_ticks,
        share_max=0.01,
        severity=Severity.SERIOUS,
    ),
    TickRule(
        name="frozen_quotes",
        what="quotes with one side that stands while the other moves",
        find=_frozen,
        share_max=0.01,
        severity=Severity.SERIOUS,
    ),
)
