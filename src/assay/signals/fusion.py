"""From several sources to one view: log-odds pooled, agreement rewarded, doubt abstains.

Each source states calibrated log-odds that the market goes up. A source without skill calibrates
to zero and neither helps nor hurts. *Conviction* is log-odds on the scale of what the sources
said while they were trained, clipped to [-1, 1].
"""

from typing import NamedTuple

import numpy as np

from assay.config.settings import FusionSettings
from assay.kernels.compiler import FloatArray, kernel


class Weights(NamedTuple):
    """Weights of the validator, as compiled code reads them; they sum to 1."""

    traditional: float
    ai: float
    correlation: float


def weights_of(settings: FusionSettings) -> Weights:
    """Read the weights from the settings."""
    return Weights(settings.weight_traditional, settings.weight_ai, settings.weight_correlation)


@kernel
def logit(p: float) -> float:
    """Return the log-odds of *p*, with *p* kept inside [1e-6, 1 - 1e-6]."""
    clipped = min(max(p, 1e-6), 1.0 - 1e-6)
    return float(np.log(clipped / (1.0 - clipped)))


@kernel
def logistic(x: float) -> float:
    """Return the probability of log-odds *x*."""
    return float(1.0 / (1.0 + np.exp(-x)))


@kernel
def fuse(
    ai: float, traditional: float, scale: float, weights: Weights
) -> tuple[float, float, float, float]:
    """Fuse the two paths into one side, score, conviction and pooled log-odds.

    Parameters
    ----------
    ai, traditional : float
        Calibrated log-odds of each path; NaN: the path is silent and the other one carries on.
    scale : float
        Log-odds that count as full conviction, > 0.
    weights : Weights

    Returns
    -------
    direction : float
        -1, 0 or +1.
    score : float
        The validator's score of that side, [0.5, 1]: 0.5 is no opinion.
    conviction : float
        Of the AI path for that side, [0, 1]; of the traditional one where AI is silent.
    pooled : float
        Log-odds of both together. Sources that agree add up, sources that disagree cancel.

    Notes
    -----
    With convictions *a* (AI) and *t* (traditional) signed by the side, the score is
    ``1/2 + 1/2 (w_t t + w_a a + w_c (t + a) / 2)`` with the weights as set. The correlation term
    is the mean conviction that the paths share; it is negative where they oppose each other
    strongly. A silent path gives its weight to the other one.
    """
    has_ai = np.isfinite(ai)
    has_traditional = np.isfinite(traditional)
    if not has_ai and not has_traditional:
        return 0.0, 0.5, 0.0, 0.0
    a = min(max(ai / scale, -1.0), 1.0) if has_ai else 0.0
    t = min(max(traditional / scale, -1.0), 1.0) if has_traditional else 0.0
    if not has_ai:
        lean, pooled, conviction = t, traditional, t
    elif not has_traditional:
        lean, pooled, conviction = a, ai, a
    else:
        share = weights.traditional + weights.ai
        if share > 0.0:
            lean = weights.traditional * t + weights.ai * a + weights.correlation * 0.5 * (t + a)
        else:
            lean = 0.5 * (t + a)
        top = max(weights.traditional, weights.ai, 1e-12)
        pooled = (weights.traditional * traditional + weights.ai * ai) / top
        conviction = a
    if lean == 0.0:
        return 0.0, 0.5, 0.0, pooled
    side = 1.0 if lean > 0.0 else -1.0
    return side, 0.5 + 0.5 * abs(lean), max(0.0, side * conviction), pooled


@kernel
def fuse_rows(
    ai: FloatArray, traditional: FloatArray, scale: float, weights: Weights
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Fuse each bar; see ``fuse``. Every array has shape (n_bars,)."""
    n_bars = ai.shape[0]
    direction = np.zeros(n_bars)
    score = np.full(n_bars, 0.5)
    conviction = np.zeros(n_bars)
    pooled = np.zeros(n_bars)
    for i in range(n_bars):
        direction[i], score[i], conviction[i], pooled[i] = fuse(
            ai[i], traditional[i], scale, weights
        )
    return direction, score, conviction, pooled


@kernel
def linear_rows(columns: FloatArray, weight: FloatArray, intercept: float) -> FloatArray:
    """Return ``columns @ weight + intercept`` summed in one fixed order, bar by bar.

    A BLAS product may sum one row and many rows in different orders; this does not.
    """
    n_rows, n_columns = columns.shape
    total = np.empty(n_rows)
    for i in range(n_rows):
        value = intercept
        for k in range(n_columns):
            value += columns[i, k] * weight[k]
        total[i] = value
    return total
