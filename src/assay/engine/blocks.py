"""Extremes of blocks of bars, so that a search for a price skips most of them."""

import numpy as np

from assay.kernels.compiler import FloatArray, kernel

FINE_BARS = 16
COARSE_BARS = 256


@kernel
def block_extremes(price: FloatArray, n_bars: int, sign: float) -> FloatArray:
    """Return the greatest ``sign * price`` of each block of *n_bars*; the last may be short."""
    n_blocks = (price.shape[0] + n_bars - 1) // n_bars
    out = np.empty(n_blocks)
    for block in range(n_blocks):
        most = -np.inf
        for i in range(block * n_bars, min((block + 1) * n_bars, price.shape[0])):
            most = max(most, sign * price[i])
        out[block] = most
    return out
