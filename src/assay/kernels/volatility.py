"""Volatility of returns, as known at each bar's close."""

from math import log, sqrt

import numpy as np

from assay.kernels.compiler import FloatArray, kernel

State = tuple[int, float, float, float]
"""Returns seen, last price, weighted sum of squared returns, sum of weights."""

START: State = (-1, 0.0, 0.0, 0.0)


@kernel
def ewma_step(state: State, price: float, span: int, returns_min: int) -> tuple[State, float]:
    """Fold one price into the volatility; NaN until *returns_min* returns were seen."""
    seen, last, total, weight = state
    if seen < 0:
        return (0, price, total, weight), np.nan
    keep = 1.0 - 2.0 / (span + 1.0)
    change = log(price / last)
    total = keep * total + change * change
    weight = keep * weight + 1.0
    value = sqrt(total / weight) if seen + 1 >= returns_min else np.nan
    return (seen + 1, price, total, weight), value


@kernel
def ewma_volatility(price: FloatArray, span: int, returns_min: int) -> FloatArray:
    """Return the exponentially weighted standard deviation of one bar's log return.

    Parameters
    ----------
    price : float64, shape (n_bars,)
        Mid closes, oldest first, positive.
    span : int
        Weights decay by ``1 - 2 / (span + 1)`` per bar; at least 2.
    returns_min : int
        Fewer returns than this give NaN, which counts as no knowledge; at least 1.

    Returns
    -------
    volatility : float64, shape (n_bars,)
        Per bar, a log return. The mean return is taken as zero, which is closer than any
        estimate of it over a few hundred bars.

    Notes
    -----
    Causal: ``volatility[i]`` reads bars ``0..i``. The weights are normalised, so early values
    are not biased to zero and need no seed.
    """
    volatility = np.empty(price.shape[0])
    state = (-1, 0.0, 0.0, 0.0)
    for i in range(price.shape[0]):
        state, volatility[i] = ewma_step(state, price[i], span, returns_min)
    return volatility
