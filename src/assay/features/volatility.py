"""Volatility per bar, from closes and from ranges, and how it compares across horizons."""

from math import log, sqrt

import numpy as np

from assay.features.feature import Feature, Lag, Own, OwnWindow, Window, forgets
from assay.kernels.compiler import FloatArray, kernel


@kernel
def log_return_step(n: int, close: float, earlier: float) -> float:
    """Return the log return over *n* bars; NaN before there was one."""
    return log(close / earlier) if earlier != 0.0 else 0.0


LOG_RETURN = Feature(
    name="log_return",
    meaning="log return of the close over n bars",
    step=log_return_step,
    inputs=lambda n: ("close", Lag("close", n)),
    warm_up=lambda n: n,
    periods=(1,),
)


@kernel
def ew_volatility_step(
    state: tuple[float, float], i: int, n: int, change: float
) -> tuple[tuple[float, float], float]:
    """Fold one return into the root of the weighted mean square; the mean return is taken as 0."""
    keep = 1.0 - 2.0 / (n + 1)
    squares = keep * state[0] + change * change
    weight = keep * state[1] + 1.0
    return (squares, weight), sqrt(squares / weight) if 2 * i >= n else np.nan


EW_VOLATILITY = Feature(
    name="ew_volatility",
    meaning="exponentially weighted volatility with span n, log return per bar",
    step=ew_volatility_step,
    inputs=lambda n: (LOG_RETURN(1),),
    initial=(0.0, 0.0),
    warm_up=lambda n: (n + 1) // 2,
    settles=forgets,
    periods=(2,),
)


@kernel
def log_ratio_step(n: int, m: int, part: float, whole: float) -> float:
    """Return the log of a ratio, in [-5, 5]; 0 where either is not positive."""
    if not (part > 0.0 and whole > 0.0):
        return 0.0
    return max(-5.0, min(5.0, log(part / whole)))


VOL_RATIO = Feature(
    name="vol_ratio",
    meaning="log of the volatility with span n over that with span m",
    step=log_ratio_step,
    inputs=lambda n, m: (EW_VOLATILITY(n), EW_VOLATILITY(m)),
    periods=(2, 2),
)


@kernel
def moments_step(
    state: tuple[float], i: int, n: int, changes: FloatArray
) -> tuple[tuple[float], tuple[float, float, float, float]]:
    """Return deviation, skewness, excess kurtosis and lag-1 autocorrelation of *n* returns."""
    if changes.shape[0] < n:
        return state, (np.nan, np.nan, np.nan, np.nan)
    mean = 0.0
    for change in changes:
        mean += change
    mean /= n
    second, third, fourth, cross, before = 0.0, 0.0, 0.0, 0.0, 0.0
    for change in changes:
        distance = change - mean
        square = distance * distance
        second += square
        third += square * distance
        fourth += square * square
        cross += distance * before
        before = distance
    second /= n
    if not second > 1e-30:
        return state, (0.0, 0.0, 0.0, 0.0)
    skewness = third / n / (second * sqrt(second))
    kurtosis = fourth / n / (second * second) - 3.0
    return state, (sqrt(second * n / (n - 1)), skewness, kurtosis, cross / n / second)


VOLATILITY = Feature(
    name="volatility",
    meaning="deviation of n log returns, per bar; skewness; excess kurtosis; autocorrelation",
    step=moments_step,
    inputs=lambda n: (Window(LOG_RETURN(1), n),),
    initial=(0.0,),
    warm_up=lambda n: n - 1,
    periods=(4,),
    outputs=("volatility", "skewness", "kurtosis", "autocorrelation"),
)

_GARMAN_KLASS = 2.0 * log(2.0) - 1.0
PARKINSON_SHARE = 1.0 / (4.0 * log(2.0))
"""Variance over the squared log range, for a walk without drift."""

RangeState = tuple[float, float, float]
RangeValue = tuple[float, float, float, float, float, float]


@kernel
def range_volatility_step(
    state: RangeState,
    i: int,
    n: int,
    opened: float,
    high: float,
    low: float,
    close: float,
    parkinson_leaving: float,
    garman_klass_leaving: float,
    rogers_satchell_leaving: float,
) -> tuple[RangeState, RangeValue]:
    """Fold one bar into three range variances, each the mean of *n* bars, as volatilities."""
    width = log(high / low) if low != 0.0 else 0.0
    body = log(close / opened) if opened != 0.0 else 0.0
    up = log(high / opened) if opened != 0.0 else 0.0
    down = log(low / opened) if opened != 0.0 else 0.0
    parkinson = PARKINSON_SHARE * width * width
    garman_klass = 0.5 * width * width - _GARMAN_KLASS * body * body
    rogers_satchell = up * (up - body) + down * (down - body)
    total_p, total_g, total_r = state
    if i >= n:
        total_p += parkinson - parkinson_leaving
        total_g += garman_klass - garman_klass_leaving
        total_r += rogers_satchell - rogers_satchell_leaving
    else:
        total_p += parkinson
        total_g += garman_klass
        total_r += rogers_satchell
    terms = (parkinson, garman_klass, rogers_satchell)
    if i < n - 1:
        return (total_p, total_g, total_r), (np.nan, np.nan, np.nan, *terms)
    values = (
        sqrt(max(0.0, total_p / n)),
        sqrt(max(0.0, total_g / n)),
        sqrt(max(0.0, total_r / n)),
    )
    return (total_p, total_g, total_r), (*values, *terms)


PARKINSON = Feature(
    name="parkinson",
    meaning="range volatility of n bars after Parkinson, per bar; Garman-Klass; Rogers-Satchell",
    step=range_volatility_step,
    inputs=lambda n: (
        "open",
        "high",
        "low",
        "close",
        Own("_parkinson", n),
        Own("_garman_klass", n),
        Own("_rogers_satchell", n),
    ),
    initial=(0.0, 0.0, 0.0),
    warm_up=lambda n: (n - 1, n - 1, n - 1, 0, 0, 0),
    periods=(1,),
    outputs=(
        "parkinson",
        "garman_klass",
        "rogers_satchell",
        "_parkinson",
        "_garman_klass",
        "_rogers_satchell",
    ),
)


@kernel
def spread_about(values: FloatArray, value: float) -> float:
    """Return the sum of squared distances from the mean, of *values* and one more."""
    mean = value
    for other in values:
        mean += other
    mean /= values.shape[0] + 1.0
    total = (value - mean) * (value - mean)
    for other in values:
        total += (other - mean) * (other - mean)
    return float(total)


@kernel
def yang_zhang_step(
    state: tuple[float],
    i: int,
    n: int,
    opened: float,
    high: float,
    low: float,
    close: float,
    previous: float,
    gaps: FloatArray,
    bodies: FloatArray,
    ranges: FloatArray,
) -> tuple[tuple[float], tuple[float, float, float, float]]:
    """Return the volatility of opening gaps, bodies and Rogers-Satchell ranges together."""
    gap = log(opened / previous) if i > 0 and previous != 0.0 else 0.0
    body = log(close / opened) if opened != 0.0 else 0.0
    up = log(high / opened) if opened != 0.0 else 0.0
    down = log(low / opened) if opened != 0.0 else 0.0
    satchell = up * (up - body) + down * (down - body)
    if i < n:
        return state, (np.nan, gap, body, satchell)
    total = satchell
    for value in ranges:
        total += value
    share = 0.34 / (1.34 + (n + 1.0) / (n - 1.0))
    variance = (spread_about(gaps, gap) + share * spread_about(bodies, body)) / (n - 1.0)
    variance += (1.0 - share) * total / n
    return state, (sqrt(max(variance, 0.0)), gap, body, satchell)


YANG_ZHANG = Feature(
    name="yang_zhang",
    meaning="range volatility of n bars after Yang and Zhang, gaps included, per bar",
    step=yang_zhang_step,
    inputs=lambda n: (
        "open",
        "high",
        "low",
        "close",
        Lag("close", 1),
        OwnWindow("_gap", n - 1),
        OwnWindow("_body", n - 1),
        OwnWindow("_range", n - 1),
    ),
    initial=(0.0,),
    warm_up=lambda n: (n, 0, 0, 0),
    periods=(2,),
    outputs=("yang_zhang", "_gap", "_body", "_range"),
)

RANGE_RATIO = Feature(
    name="range_ratio",
    meaning="log of the Parkinson volatility of n bars over the close volatility with span m",
    step=log_ratio_step,
    inputs=lambda n, m: (PARKINSON(n), EW_VOLATILITY(m)),
    periods=(1, 2),
)

FEATURES = (LOG_RETURN, EW_VOLATILITY, VOL_RATIO, VOLATILITY, PARKINSON, YANG_ZHANG, RANGE_RATIO)
