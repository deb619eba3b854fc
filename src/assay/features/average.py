"""Moving averages, and how far the price is from them."""

import numpy as np

from assay.features.feature import Feature, Lag, forgets
from assay.features.true_range import ATR
from assay.kernels.compiler import FloatArray, kernel


@kernel
def sma_step(
    state: tuple[float], i: int, n: int, value: float, leaving: float
) -> tuple[tuple[float], float]:
    """Fold one value into the running sum of the latest *n*."""
    total = state[0] + (value - leaving if i >= n else value)
    return (total,), total * (1.0 / n) if i >= n - 1 else np.nan


SMA = Feature(
    name="sma",
    meaning="simple moving average of the close, price",
    step=sma_step,
    inputs=lambda n: ("close", Lag("close", n)),
    initial=(0.0,),
    warm_up=lambda n: n - 1,
    periods=(1,),
)


@kernel
def ema_step(state: tuple[float], i: int, n: int, value: float) -> tuple[tuple[float], float]:
    """Fold one value into an exponential average whose seed is the mean of the first *n*."""
    average = state[0]
    if i >= n:
        weight = 2.0 / (n + 1)
        average = weight * value + (1.0 - weight) * average
        return (average,), average
    average += value
    if i == n - 1:
        average /= n
        return (average,), average
    return (average,), np.nan


EMA = Feature(
    name="ema",
    meaning="exponential moving average of the close, seeded by a simple one, price",
    step=ema_step,
    inputs=lambda n: ("close",),
    initial=(0.0,),
    warm_up=lambda n: n - 1,
    settles=lambda n: n + forgets(n),
    periods=(1,),
)


@kernel
def weighted_sums(n: int, values: FloatArray) -> tuple[float, float]:
    """Return the sum of values with weights 1, 2, …, *n*, and their plain sum."""
    weighted, total = 0.0, 0.0
    for place, value in enumerate(values):
        weighted += (place + 1) * value
        total += value
    return weighted, total


@kernel
def wma_step(
    state: tuple[float, float], i: int, n: int, value: float, leaving: float
) -> tuple[tuple[float, float], float]:
    """Fold one value into linear weights *n* (latest) … 1."""
    weighted, total = state
    if i < n:
        weighted += (i + 1) * value
        total += value
    else:
        weighted += n * value - total
        total += value - leaving
    share = 2.0 / (n * (n + 1.0))
    return (weighted, total), weighted * share if i >= n - 1 else np.nan


WMA = Feature(
    name="wma",
    meaning="linearly weighted moving average of the close, price",
    step=wma_step,
    inputs=lambda n: ("close", Lag("close", n)),
    initial=(0.0, 0.0),
    refresh=weighted_sums,
    warm_up=lambda n: n - 1,
    periods=(2,),
)


@kernel
def gap_step(n: int, price: float, level: float, unit: float) -> float:
    """Return how far *price* lies above *level*, in *unit*; 0 where there is no unit."""
    return (price - level) / unit if unit != 0.0 else 0.0


SMA_GAP = Feature(
    name="sma_gap",
    meaning="close less its simple average, in ATR(14)",
    step=gap_step,
    inputs=lambda n: ("close", SMA(n), ATR(14)),
    periods=(1,),
)

EMA_GAP = Feature(
    name="ema_gap",
    meaning="close less its exponential average, in ATR(14)",
    step=gap_step,
    inputs=lambda n: ("close", EMA(n), ATR(14)),
    periods=(1,),
)

FEATURES = (SMA, EMA, WMA, SMA_GAP, EMA_GAP)
