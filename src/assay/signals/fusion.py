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
    ai: float, traditional: float, tilt: float, drag: float, scale: float, weights: Weights
) -> tuple[float, float, float]:
    """Fuse the two paths into one side with a score and a conviction.

    Parameters
    ----------
    ai, traditional : float
        Calibrated log-odds of each path, on one scale; NaN: the path is silent and neutral.
    tilt : float
        Log-odds at which both sides are worth the same after swap; positive where longs pay
        more than shorts.
    drag : float
        Log-odds that pay for holding at all, at least 0: the mean swap of both sides.
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
        Of the louder path for that side, [0, 1].

    Notes
    -----
    The swap is taken out of the louder path. With convictions *a* (AI) and *t* (traditional)
    in [-1, 1] the lean is ``w_t t + w_a a + w_c (t + a) / 2`` and the score
    ``1/2 + |lean| / 2``: paths that agree add up, paths that disagree cancel. The correlation
    term is what the paths have in common; it vanishes where they contradict each other.
    """
    a = ai if np.isfinite(ai) else 0.0
    t = traditional if np.isfinite(traditional) else 0.0
    if a == 0.0 and t == 0.0:
        return 0.0, 0.5, 0.0
    if abs(a) >= abs(t):
        a = _after_swap(a, tilt, drag)
    else:
        t = _after_swap(t, tilt, drag)
    a = min(max(a / scale, -1.0), 1.0)
    t = min(max(t / scale, -1.0), 1.0)
    lean = weights.traditional * t + weights.ai * a + weights.correlation * 0.5 * (t + a)
    if lean == 0.0:
        return 0.0, 0.5, 0.0
    side = 1.0 if lean > 0.0 else -1.0
    return side, 0.5 + 0.5 * abs(lean), max(0.0, side * a, side * t)


@kernel
def _after_swap(log_odds: float, tilt: float, drag: float) -> float:
    """Shift by the tilt, then shrink towards 0 by the drag; what does not pay is no view."""
    shifted = log_odds - tilt
    if abs(shifted) <= drag:
        return 0.0
    return shifted - drag if shifted > 0.0 else shifted + drag


@kernel
def fuse_rows(
    ai: FloatArray,
    traditional: FloatArray,
    tilt: FloatArray,
    drag: FloatArray,
    scale: float,
    weights: Weights,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fuse each bar; see ``fuse``. Every array has shape (n_bars,)."""
    n_bars = ai.shape[0]
    direction = np.zeros(n_bars)
    score = np.full(n_bars, 0.5)
    conviction = np.zeros(n_bars)
    for i in range(n_bars):
        direction[i], score[i], conviction[i] = fuse(
            ai[i], traditional[i], tilt[i], drag[i], scale, weights
        )
    return direction, score, conviction


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
