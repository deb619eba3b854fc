"""Checks of prices within a row: finite, positive, in order, on the price grid."""

import numpy as np

from assay.data.arrays import BoolArray, FloatArray
from assay.data.quality.local import local_median
from assay.data.quality.report import Severity
from assay.data.quality.window import (
    BarRule,
    BarWindow,
    TickRule,
    TickWindow,
    any_of,
    no_flags,
)

_GRID_TOLERANCE = 1e-3
_DIGITS_MAX = 8
_FINE_SHARE_MIN = 0.2
_EXCHANGED_BODY_MIN = 0.3
_EXCHANGED_FIT_MAX = 0.25
_EXCHANGED_STEPS_MIN = 6.0
_COARSE_TICKS_RUN = 8
_PERIOD_ROWS = 512


def _not_finite(window: BarWindow) -> BoolArray:
    """Rule: every price is a number."""
    bars = window.bars
    return any_of([~np.isfinite(c) for c in (bars.open, bars.high, bars.low, bars.close)])


def _not_positive(window: BarWindow) -> BoolArray:
    """Rule: no price is zero or less."""
    bars = window.bars
    return any_of([c <= 0.0 for c in (bars.open, bars.high, bars.low, bars.close)])


def _broken(window: BarWindow) -> BoolArray:
    """Rule: low <= open, close <= high; no tolerance, since prices are copied, not computed."""
    bars = window.bars
    top, bottom = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    return np.asarray((top > bars.high) | (bottom < bars.low), dtype=np.bool_)


def _exchanged(window: BarWindow) -> BoolArray:
    """Tell which bars have two prices in each other's column.

    Rule: high below low; or open and close that fit their neighbours only when exchanged: the
    misfits to the close before and to the open after are together four times as large as
    they would be the other way round. Bodies below a third of the usual range, or below six
    usual steps from close to open, fit both ways and are left alone; so is a bar beside a pause.
    """
    bars = window.bars
    is_bad = np.asarray(bars.high < bars.low, dtype=np.bool_)
    open_, _, _, close = window.prices
    if len(window) < 3:
        return is_bad
    body = np.abs(open_[1:-1] - close[1:-1])
    before, after = close[:-2], open_[2:]
    as_is = np.abs(open_[1:-1] - before) + np.abs(close[1:-1] - after)
    other_way = np.abs(close[1:-1] - before) + np.abs(open_[1:-1] - after)
    steps = np.zeros(len(window))
    steps[1:] = np.abs(open_[1:] - close[:-1])
    least = np.maximum(
        _EXCHANGED_BODY_MIN * window.scale, _EXCHANGED_STEPS_MIN * local_median(steps)
    )
    fits = (other_way < _EXCHANGED_FIT_MAX * as_is) & (body > least[1:-1])
    is_bad[1:-1] |= fits & window.is_joined[1:-1] & window.is_joined[2:]
    return is_bad


def off_grid(prices: FloatArray, digits: int) -> BoolArray:
    """Tell which prices have more than *digits* decimals (beyond a thousandth of a point)."""
    distance = np.abs(prices - np.round(prices, digits))
    tolerance = np.maximum(_GRID_TOLERANCE * 10.0**-digits, 4e-16 * np.abs(prices))
    return np.asarray(distance > tolerance, dtype=np.bool_)


def digits_of(columns: tuple[FloatArray, ...]) -> int:
    """Return the decimal places that at least a fifth of the rows use, at most eight."""
    for digits in range(_DIGITS_MAX, 0, -1):
        finer = any_of([off_grid(column, digits - 1) for column in columns])
        if np.mean(finer) >= _FINE_SHARE_MIN:
            return digits
    return 0


def _off_price_grid(window: BarWindow) -> BoolArray:
    """Rule: no price has more decimals than the venue quotes; none known, none checked."""
    digits = window.market.digits
    if digits is None:
        return no_flags(len(window))
    return any_of([off_grid(column, digits) for column in window.prices])


def _float_noise(window: BarWindow) -> BoolArray:
    """Tell which bars have more decimals than the history itself.

    Rule: a decimal place that less than one row in a fifth uses is noise where it appears:
    averages, rounding of floats, another feed.
    """
    digits = digits_of(window.prices)
    flags = any_of([off_grid(column, digits) for column in window.prices])
    return flags if np.mean(flags) < _NOISE_SHARE_MAX else no_flags(len(window))


_NOISE_SHARE_MAX = 0.02


def _coarse(window: BarWindow) -> BoolArray:
    """Tell which bars lost their last decimal.

    Rule: all four prices, three of them different, are multiples of ten of the smallest step that
    the rows around use (in stretches of 512 rows). One sound row in ten thousand does by chance.
    """
    columns = window.prices
    digits = digits_of(columns)
    if digits == 0:
        return no_flags(len(window))
    is_fine = any_of([off_grid(column, digits - 1) for column in columns])
    is_finest = _share_around(is_fine) >= 0.5
    return np.asarray(is_finest & ~is_fine & (window.n_prices >= 3), dtype=np.bool_)


def _share_around(flags: BoolArray) -> FloatArray:
    """Return the share of marked rows in each stretch of 512 rows, for each row."""
    n = len(flags)
    starts = np.arange(0, n, _PERIOD_ROWS)
    sums = np.add.reduceat(flags.astype(np.float64), starts) if n else np.zeros(0)
    sizes = np.diff(np.append(starts, n))
    return np.repeat(sums / sizes, sizes)


def _not_finite_ticks(window: TickWindow) -> BoolArray:
    """Rule: both sides are numbers."""
    return any_of([~np.isfinite(c) for c in (window.ticks.bid, window.ticks.ask)])


def _not_positive_ticks(window: TickWindow) -> BoolArray:
    """Rule: no side is zero or less."""
    return any_of([c <= 0.0 for c in (window.ticks.bid, window.ticks.ask)])


def _coarse_ticks(window: TickWindow) -> BoolArray:
    """Tell which quotes stand in a run that lost its last decimal.

    Rule: eight quotes in succession, both sides multiples of ten of the smallest step around.
    """
    columns = window.sides
    digits = digits_of(columns)
    if digits == 0:
        return no_flags(len(window))
    is_fine = any_of([off_grid(column, digits - 1) for column in columns])
    is_finest = _share_around(is_fine) >= 0.5
    is_coarse = ~is_fine
    group = np.cumsum(np.concatenate([[True], is_coarse[1:] != is_coarse[:-1]]))
    lengths = np.bincount(group)
    return np.asarray(is_coarse & is_finest & (lengths[group] >= _COARSE_TICKS_RUN), dtype=np.bool_)


BAR_RULES = (
    BarRule(
        name="not_finite",
        what="bars with a price that is not finite",
        find=_not_finite,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="not_positive",
        what="bars with a price that is not positive",
        find=_not_positive,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="broken_ohlc",
        what="bars with open or close outside low..high",
        find=_broken,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    BarRule(
        name="swapped_columns",
        what="bars with high and low, or open and close, in each other's place",
        find=_exchanged,
        share_max=0.0005,
        severity=Severity.SUSPECT,
    ),
    BarRule(
        name="price_grid",
        what="bars with prices of more decimals than the venue quotes",
        find=_off_price_grid,
        share_max=1.0,
        severity=Severity.NOTE,
    ),
    BarRule(
        name="float_noise",
        what="bars with prices of more decimals than the history",
        find=_float_noise,
        share_max=0.005,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="coarse_prices",
        what="bars that lost their last decimal",
        find=_coarse,
        share_max=0.005,
        severity=Severity.MINOR,
    ),
)
TICK_RULES = (
    TickRule(
        name="not_finite",
        what="quotes with a side that is not finite",
        find=_not_finite_ticks,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    TickRule(
        name="not_positive",
        what="quotes with a side that is not positive",
        find=_not_positive_ticks,
        share_max=0.0,
        severity=Severity.FATAL,
    ),
    TickRule(
        name="coarse_prices",
        what="quotes that lost their last decimal",
        find=_coarse_ticks,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
)
