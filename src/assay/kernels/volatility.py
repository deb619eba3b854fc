"""Volatility of returns, as known at each bar's close."""

from math import log, sqrt

import numpy as np

from assay.kernels.compiler import FloatArray, kernel


@kernel
def ewma_volatility(price: FloatArray, span: int) -> FloatArray:
    """Return the exponentially weighted standard deviation of one bar's log return.

    Parameters
    ----------
    price : float64, shape (n_bars,)
        Mid closes, oldest first, positive.
    span : int
        Centre of mass of ``(span - 1) / 2`` bars; at least 2.

    Returns
    -------
    volatility : float64, shape (n_bars,)
        Per bar, a log return. The first ``span`` values are NaN (warm-up). The mean is taken as
        zero, which is closer than any estimate of it over a few hundred bars.

    Notes
    -----
    Causal: ``volatility[i]`` reads bars ``0..i``. The weights are normalised, so early values
    are plain averages and need no seed.
    """
    n_bars = price.shape[0]
    volatility = np.full(n_bars, np.nan)
    keep = 1.0 - 2.0 / (span + 1.0)
    total = 0.0
    weight = 0.0
    for i in range(1, n_bars):
        change = log(price[i] / price[i - 1])
        total = keep * total + change * change
        weight = keep * weight + 1.0
        if i >= span:
            volatility[i] = sqrt(total / weight)
    return volatility
