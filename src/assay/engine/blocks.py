"""Extremes of blocks of bars, so that a search for a price skips most of them."""

import numpy as np

from assay.kernels.compiler import FloatArray, kernel

FINE_BARS = 16
COARSE_BARS = 256


@kernel
def block_extremes(price: FloatArray, n_bars: int, sign: float) -> FloatArray:
    """Return the greatest ``sign * price`` of each block of *n_bars*; the last may be short."""
    n_blocks = (price.shape[0] + n_bars - 1) // n_bars
    out = np.full(n_blocks, -np.inf)
    for i in range(price.shape[0]):
        value = sign * price[i]
        out[i // n_bars] = max(out[i // n_bars], value)
    return out


@kernel
def first_outside(
    start: int, end: int, lower: float, upper: float, market: FloatArray, low: int, high: int,
    fine: FloatArray, coarse: FloatArray, block: int,
) -> int:  # fmt: skip
    """Return the first bar of ``start .. end - 1`` that is not strictly inside, or *end*.

    A bar is inside if ``market[low] > lower and market[high] < upper``. Rows *block* and
    ``block + 1`` of *fine* and *coarse* hold the greatest ``-low`` and ``high`` of every
    ``FINE_BARS`` and ``COARSE_BARS`` bars.
    """
    i = start
    while i < end:
        if i % FINE_BARS == 0:
            c = i // COARSE_BARS
            if i % COARSE_BARS == 0 and -coarse[block, c] > lower and coarse[block + 1, c] < upper:
                i += COARSE_BARS
                continue
            f = i // FINE_BARS
            if -fine[block, f] > lower and fine[block + 1, f] < upper:
                i += FINE_BARS
                continue
        if not (market[low, i] > lower and market[high, i] < upper):
            return i
        i += 1
    return end
