"""Directional movement: ADX, +DI, -DI and their balance."""

import numpy as np

from assay.features.feature import Feature, Lag, forgets
from assay.features.true_range import true_range
from assay.kernels.compiler import kernel

DmiState = tuple[float, float, float, float]
DmiValue = tuple[float, float, float, float]


@kernel
def dmi_step(
    state: DmiState,
    i: int,
    n: int,
    high: float,
    low: float,
    previous_high: float,
    previous_low: float,
    previous_close: float,
) -> tuple[DmiState, DmiValue]:
    """Fold one bar into Wilder's directional movement sums and the average of their contrast."""
    up, down, widths, adx = state
    if i == 0:
        return state, (np.nan, np.nan, np.nan, np.nan)
    rise = high - previous_high
    fall = previous_low - low
    keep = 1.0 if i < n else 1.0 - 1.0 / n
    up = keep * up + (rise if rise > 0.0 and rise > fall else 0.0)
    down = keep * down + (fall if fall > 0.0 and fall > rise else 0.0)
    widths = keep * widths + true_range(high, low, previous_close)
    if i < n:
        return (up, down, widths, adx), (np.nan, np.nan, np.nan, np.nan)
    total = up + down
    balance = (up - down) / total if total != 0.0 else 0.0
    scale = 100.0 / widths if widths != 0.0 else 0.0
    contrast = 100.0 * abs(balance)
    if i < 2 * n - 1:
        adx += contrast
        return (up, down, widths, adx), (np.nan, scale * up, scale * down, balance)
    if i == 2 * n - 1:
        adx = (adx + contrast) / n
    elif total != 0.0:
        weight = 1.0 / n
        adx = weight * contrast + (1.0 - weight) * adx
    return (up, down, widths, adx), (adx, scale * up, scale * down, balance)


ADX = Feature(
    name="adx",
    meaning="average directional index, 0 to 100; +DI and -DI; their balance, -1 to 1",
    step=dmi_step,
    inputs=lambda n: ("high", "low", Lag("high", 1), Lag("low", 1), Lag("close", 1)),
    initial=(0.0, 0.0, 0.0, 0.0),
    warm_up=lambda n: (2 * n - 1, n, n, n),
    settles=lambda n: 2 * n + forgets(2 * n - 1, 2 * n - 1),
    periods=(2,),
    outputs=("adx", "plus_di", "minus_di", "di_balance"),
)

FEATURES = (ADX,)
