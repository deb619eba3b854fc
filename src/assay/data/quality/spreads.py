"""Checks of the two sides: crossed, equal, unknown, far apart, in contradiction."""

import numpy as np

from assay.data.arrays import BoolArray, FloatArray
from assay.data.quality.local import local_median
from assay.data.quality.report import Severity
from assay.data.quality.window import BarRule, BarWindow, TickRule, TickWindow, any_of, no_flags

_KNOWN_SHARE_MIN = 0.5
_WIDE_USUAL = 30.0
_WIDE_LOCAL = 14.0
_MISMATCH_SHARE = 0.05


def _wide(spread: FloatArray) -> BoolArray:
    """Rule: thirty times the median of the history, or fourteen times the usual one around.

    Clean feeds reach 28 times their median at rollover; one row in 10,000 has 13 times the spreads
    around.
    """
    is_known = np.isfinite(spread) & (spread > 0.0)
    if not is_known.any():
        return no_flags(len(spread))
    usual = float(np.median(spread[is_known]))
    filled = np.where(is_known, spread, usual)
    local = np.maximum(local_median(filled), 0.5 * usual)
    return np.asarray(
        is_known & ((spread > _WIDE_USUAL * usual) | (spread > _WIDE_LOCAL * local)),
        dtype=np.bool_,
    )


def _crossed(window: BarWindow) -> BoolArray:
    """Rule: no ask below the bid: spread, open, high, low, close."""
    bars = window.bars
    is_bad = bars.spread < 0.0
    for bid, ask in (
        (bars.open, bars.ask_open),
        (bars.high, bars.ask_high),
        (bars.low, bars.ask_low),
        (bars.close, bars.ask_close),
    ):
        if ask is not None:
            is_bad = is_bad | (ask < bid)
    return np.asarray(is_bad, dtype=np.bool_)


def _broken_ask(window: BarWindow) -> BoolArray:
    """Rule: ask low <= ask open, ask close <= ask high."""
    bars = window.bars
    if (
        bars.ask_open is None
        or bars.ask_high is None
        or bars.ask_low is None
        or bars.ask_close is None
    ):
        return no_flags(len(window))
    top = np.maximum(bars.ask_open, bars.ask_close)
    bottom = np.minimum(bars.ask_open, bars.ask_close)
    return np.asarray((top > bars.ask_high) | (bottom < bars.ask_low), dtype=np.bool_)


def _zero(window: BarWindow) -> BoolArray:
    """Rule: spread 0."""
    return np.asarray(window.bars.spread == 0.0, dtype=np.bool_)


def _missing(window: BarWindow) -> BoolArray:
    """Rule: spread unknown where at least half of the rows know it."""
    is_known = np.isfinite(window.bars.spread)
    if np.mean(is_known) < _KNOWN_SHARE_MIN:
        return no_flags(len(window))
    return np.asarray(~is_known, dtype=np.bool_)


def _wide_bars(window: BarWindow) -> BoolArray:
    return _wide(window.bars.spread)


def _mismatch(window: BarWindow) -> BoolArray:
    """Rule: the spread is the ask's close less the bid's, to a twentieth of itself."""
    bars = window.bars
    if bars.ask_close is None:
        return no_flags(len(window))
    told = bars.ask_close - bars.close
    tolerance = _MISMATCH_SHARE * np.abs(told) + 1e-9 * np.abs(bars.close)
    return np.asarray(np.abs(bars.spread - told) > tolerance, dtype=np.bool_)


def _mixed_sides(window: BarWindow) -> BoolArray:
    """Tell which bars have the same prices on both sides: one side stands in for the other.

    Rule: open, high, low and close of the ask equal those of the bid.
    """
    bars = window.bars
    if (
        bars.ask_open is None
        or bars.ask_high is None
        or bars.ask_low is None
        or bars.ask_close is None
    ):
        return no_flags(len(window))
    same = (bars.ask_open == bars.open) & (bars.ask_high == bars.high)
    same &= (bars.ask_low == bars.low) & (bars.ask_close == bars.close)
    return np.asarray(same, dtype=np.bool_)


def _crossed_ticks(window: TickWindow) -> BoolArray:
    """Rule: no ask below the bid."""
    return np.asarray(window.ticks.ask < window.ticks.bid, dtype=np.bool_)


def _locked_ticks(window: TickWindow) -> BoolArray:
    """Rule: spread 0; a feed without a spread for long sends one side twice."""
    return np.asarray(window.ticks.ask == window.ticks.bid, dtype=np.bool_)


def _wide_ticks(window: TickWindow) -> BoolArray:
    return _wide(window.ticks.ask - window.ticks.bid)


def _one_sided_ticks(window: TickWindow) -> BoolArray:
    """Rule: exactly one of bid and ask is unknown."""
    return any_of([np.isnan(window.ticks.bid) ^ np.isnan(window.ticks.ask)])


BAR_RULES = (
    BarRule(
        name="crossed",
        what="bars with the ask below the bid",
        find=_crossed,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="broken_ask",
        what="bars with the ask's open or close outside its low..high",
        find=_broken_ask,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="zero_spread",
        what="bars without a spread",
        find=_zero,
        share_max=0.05,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="missing_spread",
        what="bars whose spread is unknown in a history that knows it",
        find=_missing,
        share_max=0.05,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="wide_spread",
        what="bars with a spread far above usual",
        find=_wide_bars,
        share_max=0.001,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="spread_mismatch",
        what="bars whose spread is not their ask less their bid",
        find=_mismatch,
        share_max=0.001,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="mixed_sides",
        what="bars with the same prices on both sides",
        find=_mixed_sides,
        share_max=0.001,
        severity=Severity.SERIOUS,
    ),
)
TICK_RULES = (
    TickRule(
        name="crossed",
        what="quotes with the ask below the bid",
        find=_crossed_ticks,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    TickRule(
        name="zero_spread",
        what="quotes without a spread",
        find=_locked_ticks,
        share_max=0.2,
        severity=Severity.MINOR,
    ),
    TickRule(
        name="wide_spread",
        what="quotes with a spread far above usual",
        find=_wide_ticks,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
    TickRule(
        name="one_sided",
        what="quotes of which one side is unknown",
        find=_one_sided_ticks,
        share_max=0.0,
        severity=Severity.SERIOUS,
    ),
)
