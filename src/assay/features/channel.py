"""Channels around the price: Bollinger, Donchian, Keltner, support and resistance."""

from math import sqrt

import numpy as np

from assay.features.average import gap_step
from assay.features.feature import Feature, Highest, Lag, Lowest, forgets
from assay.features.true_range import ATR, true_range
from assay.kernels.compiler import FloatArray, kernel

_BAND_WIDTH = 2.0

BandState = tuple[float, float, float]


@kernel
def bands_of(n: int, closes: FloatArray) -> BandState:
    """Return the sums over *n* closes: of distances from the last one, and of their squares."""
    anchor = closes[n - 1]
    total, squares = 0.0, 0.0
    for close in closes:
        distance = close - anchor
        total += distance
        squares += distance * distance
    return anchor, total, squares


@kernel
def bands_step(
    state: BandState, i: int, n: int, close: float, leaving: float
) -> tuple[BandState, tuple[float, float, float]]:
    """Fold one close into mean and deviation; the sums are about a price nearby."""
    anchor, total, squares = state
    if i == 0:
        anchor = close
    entering = close - anchor
    left = leaving - anchor if i >= n else 0.0
    total += entering - left
    squares += (entering - left) * (entering + left)
    if i < n - 1:
        return (anchor, total, squares), (np.nan, np.nan, np.nan)
    share = 1.0 / n
    offset = total * share
    variance = squares * share - offset * offset
    width = _BAND_WIDTH * sqrt(max(variance, 0.0))
    mean = anchor + offset
    return (anchor, total, squares), (mean + width, mean, mean - width)


BOLLINGER = Feature(
    name="bb_upper",
    meaning="Bollinger bands: mean of the close and two population deviations, price",
    step=bands_step,
    inputs=lambda n: ("close", Lag("close", n)),
    initial=(0.0, 0.0, 0.0),
    refresh=bands_of,
    warm_up=lambda n: n - 1,
    periods=(2,),
    outputs=("bb_upper", "bb_middle", "bb_lower"),
)


@kernel
def position_step(n: int, value: float, upper: float, lower: float) -> float:
    """Return where *value* lies between *lower* (0) and *upper* (1); 0.5 in no channel."""
    width = upper - lower
    return (value - lower) / width if width > 1e-12 * upper else 0.5


@kernel
def width_step(n: int, upper: float, lower: float, middle: float) -> float:
    """Return the width of a channel over its middle."""
    return (upper - lower) / middle if middle != 0.0 else 0.0


BB_PERCENT = Feature(
    name="bb_percent",
    meaning="where the close lies between the Bollinger bands: 0 lower, 1 upper",
    step=position_step,
    inputs=lambda n: ("close", BOLLINGER(n), BOLLINGER(n)["bb_lower"]),
    periods=(2,),
)

BB_WIDTH = Feature(
    name="bb_width",
    meaning="width of the Bollinger bands over their middle",
    step=width_step,
    inputs=lambda n: (BOLLINGER(n), BOLLINGER(n)["bb_lower"], BOLLINGER(n)["bb_middle"]),
    periods=(2,),
)


@kernel
def zscore_step(n: int, value: float, mean: float, upper: float) -> float:
    """Return the distance from the mean in deviations; *upper* lies two above the mean."""
    width = upper - mean
    return _BAND_WIDTH * (value - mean) / width if width > 1e-12 * upper else 0.0


ZSCORE = Feature(
    name="zscore",
    meaning="close less its mean over n bars, in deviations of the close",
    step=zscore_step,
    inputs=lambda n: ("close", BOLLINGER(n)["bb_middle"], BOLLINGER(n)),
    periods=(2,),
)


@kernel
def donchian_step(
    state: tuple[float], i: int, n: int, highest: float, lowest: float
) -> tuple[tuple[float], tuple[float, float, float]]:
    """Return the channel between the extremes of the latest *n* bars."""
    if i < n - 1:
        return state, (np.nan, np.nan, np.nan)
    return state, (highest, 0.5 * (highest + lowest), lowest)


DONCHIAN = Feature(
    name="donchian_upper",
    meaning="Donchian channel: highest high, middle, lowest low of n bars, price",
    step=donchian_step,
    inputs=lambda n: (Highest("high", n), Lowest("low", n)),
    initial=(0.0,),
    warm_up=lambda n: n - 1,
    periods=(2,),
    outputs=("donchian_upper", "donchian_middle", "donchian_lower"),
)

DONCHIAN_POSITION = Feature(
    name="donchian_position",
    meaning="where the close lies in the Donchian channel: 0 lower, 1 upper",
    step=position_step,
    inputs=lambda n: ("close", DONCHIAN(n), DONCHIAN(n)["donchian_lower"]),
    periods=(2,),
)


_KELTNER_ATR = 10
_THIRD = 1.0 / 3.0

KeltnerState = tuple[float, float]


@kernel
def keltner_step(
    state: KeltnerState,
    i: int,
    n: int,
    high: float,
    low: float,
    close: float,
    previous_close: float,
) -> tuple[KeltnerState, tuple[float, float, float]]:
    """Fold one bar into an average of typical prices and a true range seeded on the same bar."""
    middle, atr = state
    typical = (high + low + close) * _THIRD
    width = true_range(high, low, previous_close) if i > 0 else 0.0
    if i >= n:
        weight = 2.0 / (n + 1)
        middle = weight * typical + (1.0 - weight) * middle
        weight = 1.0 / _KELTNER_ATR
        atr = weight * width + (1.0 - weight) * atr
    else:
        middle += typical
        if i >= n - _KELTNER_ATR:
            atr += width
        if i < n - 1:
            return (middle, atr), (np.nan, np.nan, np.nan)
        middle /= n
        atr /= _KELTNER_ATR
    reach = _BAND_WIDTH * atr
    return (middle, atr), (middle + reach, middle, middle - reach)


KELTNER = Feature(
    name="keltner_upper",
    meaning="Keltner channel: EMA(n) of the typical price and two ATR(10), price",
    step=keltner_step,
    inputs=lambda n: ("high", "low", "close", Lag("close", 1)),
    initial=(0.0, 0.0),
    warm_up=lambda n: n - 1,
    settles=lambda n: n + forgets(n),
    periods=(_KELTNER_ATR + 1,),
    outputs=("keltner_upper", "keltner_middle", "keltner_lower"),
)

KELTNER_POSITION = Feature(
    name="keltner_position",
    meaning="where the close lies in the Keltner channel: 0 lower, 1 upper",
    step=position_step,
    inputs=lambda n: ("close", KELTNER(n), KELTNER(n)["keltner_lower"]),
    periods=(_KELTNER_ATR + 1,),
)

LevelState = tuple[float, float, float, float, float, float, float, float]


@kernel
def levels_step(
    state: LevelState,
    i: int,
    n: int,
    close: float,
    candidate_high: float,
    candidate_low: float,
    highest: float,
    lowest: float,
) -> tuple[LevelState, tuple[float, float]]:
    """Fold one bar into the last four confirmed pivots of each side.

    A pivot is an extreme of the *n* bars before it and the *n* after it, so it is known *n*
    bars late. Where no pivot stands in the way, the extreme of the window is the level.
    """
    r0, r1, r2, r3, s0, s1, s2, s3 = state
    if i < 2 * n:
        return state, (np.nan, np.nan)
    if candidate_high == highest:
        r0, r1, r2, r3 = candidate_high, r0, r1, r2
    if candidate_low == lowest:
        s0, s1, s2, s3 = candidate_low, s0, s1, s2
    resistance = highest
    best = np.inf
    for level in (r0, r1, r2, r3):
        if close <= level < best:
            best = level
    if best < np.inf:
        resistance = best
    support = lowest
    best = -np.inf
    for level in (s0, s1, s2, s3):
        if close >= level > best:
            best = level
    if best > -np.inf:
        support = best
    return (r0, r1, r2, r3, s0, s1, s2, s3), (support, resistance)


SUPPORT = Feature(
    name="support",
    meaning="nearest of four confirmed pivot lows below the close, price; resistance above",
    step=levels_step,
    inputs=lambda n: (
        "close",
        Lag("high", n),
        Lag("low", n),
        Highest("high", 2 * n + 1),
        Lowest("low", 2 * n + 1),
    ),
    initial=(-np.inf, -np.inf, -np.inf, -np.inf, np.inf, np.inf, np.inf, np.inf),
    warm_up=lambda n: 2 * n,
    settles=lambda n: 200 * n,
    periods=(2,),
    outputs=("support", "resistance"),
)

SUPPORT_GAP = Feature(
    name="support_gap",
    meaning="close less support, in ATR(14)",
    step=gap_step,
    inputs=lambda n: ("close", SUPPORT(n), ATR(14)),
    periods=(2,),
)

RESISTANCE_GAP = Feature(
    name="resistance_gap",
    meaning="resistance less close, in ATR(14)",
    step=gap_step,
    inputs=lambda n: (SUPPORT(n)["resistance"], "close", ATR(14)),
    periods=(2,),
)

FEATURES = (
    BOLLINGER,
    BB_PERCENT,
    BB_WIDTH,
    ZSCORE,
    DONCHIAN,
    DONCHIAN_POSITION,
    KELTNER,
    KELTNER_POSITION,
    SUPPORT,
    SUPPORT_GAP,
    RESISTANCE_GAP,
)
