"""How far one bar moves: the exponentially weighted volatility that the engine knows."""

import math

import numpy as np

from assay.kernels.compiler import FloatArray, kernel

SPAN_BARS = 100
RETURNS_MIN = 20
"""Fewer returns than this give NaN, which counts as no knowledge."""


@kernel
def ew_volatility(price: FloatArray, span_bars: int, returns_min: int) -> FloatArray:
    """Return the standard deviation of one bar's log return, as known at each close.

    Parameters
    ----------
    price : float64, shape (n_bars,)
        Mid closes, > 0, oldest first.
    span_bars : int
        Weights decay by ``1 - 2 / (span_bars + 1)`` per bar.
    returns_min : int

    Returns
    -------
    volatility : float64, shape (n_bars,)
        NaN until *returns_min* returns were seen.

    Notes
    -----
    Causal: ``out[i]`` reads prices ``0..i``. The mean return is taken as zero, and the
    weights are normalised, so that the first values are not biased to zero.
    """
    n_bars = price.shape[0]
    volatility = np.full(n_bars, np.nan)
    keep = 1.0 - 2.0 / (span_bars + 1.0)
    weight = 0.0
    total = 0.0
    for i in range(1, n_bars):
        move = math.log(price[i] / price[i - 1])
        total = total * keep + move * move
        weight = weight * keep + 1.0
        if i >= returns_min:
            volatility[i] = math.sqrt(total / weight)
    return volatility
