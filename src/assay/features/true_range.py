"""True range, its Wilder average, and what one bar looks like against it."""

import numpy as np

from assay.features.feature import Feature, Lag, forgets
from assay.kernels.compiler import kernel


@kernel
def true_range(high: float, low: float, previous_close: float) -> float:
    """Return the range of a bar, the gap from the close before it included."""
    top = high if high > previous_close else previous_close
    bottom = low if low < previous_close else previous_close
    return top - bottom


@kernel
def atr_step(
    state: tuple[float], i: int, n: int, high: float, low: float, previous_close: float
) -> tuple[tuple[float], float]:
    """Fold one bar into Wilder's average true range, seeded by the mean of ranges 1..n."""
    average = state[0]
    if i == 0:
        return (0.0,), np.nan
    width = true_range(high, low, previous_close)
    if i > n:
        weight = 1.0 / n
        average = weight * width + (1.0 - weight) * average
        return (average,), average
    average += width
    if i == n:
        average /= n
        return (average,), average
    return (average,), np.nan


ATR = Feature(
    name="atr",
    meaning="average true range with Wilder's smoothing, price",
    step=atr_step,
    inputs=lambda n: ("high", "low", Lag("close", 1)),
    initial=(0.0,),
    warm_up=lambda n: n,
    settles=lambda n: n + forgets(2 * n - 1),
    periods=(1,),
)


@kernel
def natr_step(
    state: tuple[float],
    i: int,
    n: int,
    high: float,
    low: float,
    previous_close: float,
    close: float,
) -> tuple[tuple[float], float]:
    """Fold one bar into the average true range, in per cent of the close."""
    state, average = atr_step(state, i, n, high, low, previous_close)
    return state, 100.0 * average / close if close != 0.0 else 0.0


NATR = Feature(
    name="natr",
    meaning="average true range, per cent of the close",
    step=natr_step,
    inputs=lambda n: ("high", "low", Lag("close", 1), "close"),
    initial=(0.0,),
    warm_up=lambda n: n,
    settles=lambda n: n + forgets(2 * n - 1),
    periods=(1,),
)


@kernel
def bar_shape_step(
    n: int, opened: float, high: float, low: float, close: float, previous: float, atr: float
) -> tuple[float, float, float, float]:
    """Return range, body and opening gap in ATR, and where in the range the close lies."""
    width = high - low
    location = (2.0 * close - high - low) / width if width != 0.0 else 0.0
    if atr == 0.0:
        return 0.0, 0.0, 0.0, location
    return width / atr, (close - opened) / atr, (opened - previous) / atr, location


BAR_RANGE = Feature(
    name="bar_range",
    meaning="high less low, in ATR(n); body and opening gap likewise; close location in [-1, 1]",
    step=bar_shape_step,
    inputs=lambda n: ("open", "high", "low", "close", Lag("close", 1), ATR(n)),
    warm_up=lambda n: (0, 0, 1, 0),
    periods=(1,),
    outputs=("bar_range", "bar_body", "bar_gap", "close_location"),
)


@kernel
def ratio_step(n: int, part: float, whole: float) -> float:
    """Return *part* over *whole*; 0 where there is no whole."""
    return part / whole if whole != 0.0 else 0.0


SPREAD_ATR = Feature(
    name="spread_atr",
    meaning="spread at the close, in ATR(n)",
    step=ratio_step,
    inputs=lambda n: ("spread", ATR(n)),
    periods=(1,),
)

FEATURES = (ATR, NATR, BAR_RANGE, SPREAD_ATR)
