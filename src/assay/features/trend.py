"""Trends in units of volatility: the evidence for a slow drift of returns."""

from math import log, sqrt

import numpy as np

from assay.features.feature import Feature, forgets
from assay.features.volatility import EW_VOLATILITY, LOG_RETURN, PARKINSON_SHARE
from assay.kernels.compiler import kernel

VOLATILITY_SPAN = 128
"""One span for all horizons, so that a linear model can weigh past returns freely."""


@kernel
def trend_step(n: int, move: float, volatility: float) -> float:
    """Return a log return over *n* bars in its own deviation: near N(0, 1) without drift."""
    return move / (volatility * sqrt(n)) if volatility > 1e-12 else 0.0


TREND = Feature(
    name="trend",
    meaning="log return over n bars, over the volatility of n bars; unit variance without drift",
    step=trend_step,
    inputs=lambda n: (LOG_RETURN(n), EW_VOLATILITY(VOLATILITY_SPAN)),
    periods=(1,),
)

_OWN_SPAN = 8

DriftState = tuple[float, float]


@kernel
def drift_step(
    state: DriftState, i: int, n: int, change: float, volatility: float
) -> tuple[DriftState, float]:
    """Fold one return into an exponential average, scaled to unit variance on white noise.

    The second number is the variance of the average for unit noise; keeping it makes the scale
    exact from the first bar on.
    """
    weight = 2.0 / (n + 1)
    keep = 1.0 - weight
    average = keep * state[0] + weight * change
    variance = keep * keep * state[1] + weight * weight
    if 2 * i < n or not volatility > 1e-12:
        return (average, variance), np.nan if 2 * i < n else 0.0
    return (average, variance), average / (sqrt(variance) * volatility)


DRIFT = Feature(
    name="drift",
    meaning="exponential average of log returns with span n, over its deviation without drift",
    step=drift_step,
    inputs=lambda n: (LOG_RETURN(1), EW_VOLATILITY(VOLATILITY_SPAN)),
    initial=(0.0, 0.0),
    warm_up=lambda n: (n + 1) // 2,
    settles=forgets,
    periods=(2,),
)


SteadyState = tuple[float, float, float, float]


@kernel
def steady_drift_step(
    state: SteadyState, i: int, n: int, change: float, high: float, low: float
) -> tuple[SteadyState, float]:
    """Fold one return, in volatilities of its own hours, into a unit-variance average.

    That volatility is the root of an exponential average, over few bars and this one, of half
    the squared return and half the squared range: short enough to follow the hours of the day.
    """
    average, variance, squares, weights = state
    width = log(high / low) if low != 0.0 else 0.0
    keep = 1.0 - 2.0 / (_OWN_SPAN + 1.0)
    squares = keep * squares + 0.5 * (change * change + PARKINSON_SHARE * width * width)
    weights = keep * weights + 1.0
    volatility = sqrt(squares / weights)
    score = change / volatility if volatility > 1e-12 else 0.0
    weight = 2.0 / (n + 1)
    keep = 1.0 - weight
    average = keep * average + weight * score
    variance = keep * keep * variance + weight * weight
    value = average / sqrt(variance) if 2 * i >= n else np.nan
    return (average, variance, squares, weights), value


STEADY_DRIFT = Feature(
    name="steady_drift",
    meaning="as drift, each return in volatilities of its own hours: wild ones count less",
    step=steady_drift_step,
    inputs=lambda n: (LOG_RETURN(1), "high", "low"),
    initial=(0.0, 0.0, 0.0, 0.0),
    warm_up=lambda n: (n + 1) // 2,
    settles=lambda n: forgets(n, _OWN_SPAN),
    periods=(2,),
)

FEATURES = (TREND, DRIFT, STEADY_DRIFT)
