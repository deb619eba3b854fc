"""Trends in units of volatility: the evidence for a slow drift of returns."""

from math import sqrt

import numpy as np

from assay.features.feature import Feature, forgets
from assay.features.volatility import EW_VOLATILITY, LOG_RETURN
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


@kernel
def steady_drift_step(
    state: DriftState, i: int, n: int, change: float, volatility: float
) -> tuple[DriftState, float]:
    """Fold one return, in volatilities of its own time, into a unit-variance average."""
    weight = 2.0 / (n + 1)
    keep = 1.0 - weight
    score = change / volatility if volatility > 1e-12 else 0.0
    average = keep * state[0] + weight * score
    variance = keep * keep * state[1] + weight * weight
    return (average, variance), average / sqrt(variance) if 2 * i >= n else np.nan


STEADY_DRIFT = Feature(
    name="steady_drift",
    meaning="as drift, each return in volatilities of its own time: wild hours count less",
    step=steady_drift_step,
    inputs=lambda n: (LOG_RETURN(1), EW_VOLATILITY(VOLATILITY_SPAN)),
    initial=(0.0, 0.0),
    warm_up=lambda n: (n + 1) // 2,
    settles=forgets,
    periods=(2,),
)

FEATURES = (TREND, DRIFT, STEADY_DRIFT)
