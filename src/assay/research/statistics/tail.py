"""The tail of losses: value at risk, and the mean loss beyond it (CVaR, expected shortfall)."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray
from assay.research.statistics.observations import number, positive, series, share

_ROUNDING = 1e-12
_SERIES_FROM = 50.0


def value_at_risk(losses: ArrayLike, level: float, *, weights: ArrayLike | None = None) -> float:
    """Return the smallest loss that is not exceeded with a share of at least *level*.

    Parameters
    ----------
    losses : float64, shape (n,)
        Losses are positive; any order.
    level : float
        Such as 0.95, in (0, 1).
    weights : float64, shape (n,), optional
        Probability weights, at least 0; they are scaled to sum to 1. Equal if absent.

    Notes
    -----
    The lower quantile ``inf{x : F(x) >= level}``: always one of the losses, nothing between.

    Examples
    --------
    >>> value_at_risk(np.arange(1, 11), 0.9)
    9.0
    """
    ordered, mass = _ordered(losses, weights)
    share(level, "level")
    place = int(np.searchsorted(np.cumsum(mass), level - _ROUNDING))
    return float(ordered[min(place, len(ordered) - 1)])


def expected_shortfall(
    losses: ArrayLike, level: float, *, weights: ArrayLike | None = None
) -> float:
    """Return the mean of the worst ``1 - level`` of the losses, a loss counted in part if need be.

    Parameters are those of :func:`value_at_risk`.

    Notes
    -----
    ``min over c of c + E[max(L - c, 0)] / (1 - level)``, which the value at risk attains. Where
    the tail is no whole number of losses, the loss at its edge counts by the part that fits, so
    the result is coherent and continuous in *level*. O(n log n).

    References
    ----------
    Rockafellar, R. T. and Uryasev, S. (2002). Conditional Value-at-Risk for General Loss
    Distributions. *Journal of Banking & Finance*, 26(7), 1443-1471.

    Examples
    --------
    >>> [round(expected_shortfall(np.arange(1, 11), level), 6) for level in (0.8, 0.85, 0.9)]
    [9.5, 9.666667, 10.0]
    """
    ordered, mass = _ordered(losses, weights)
    edge = value_at_risk(ordered, level, weights=mass)
    return edge + float(mass @ np.maximum(ordered - edge, 0.0)) / (1.0 - level)


def gaussian_tail(
    level: float, *, mean: float = 0.0, deviation: float = 1.0
) -> tuple[float, float]:
    """Return value at risk and expected shortfall of normal losses.

    Notes
    -----
    ``z = Φ⁻¹(level)``; the shortfall is ``mean + deviation φ(z) / (1 - level)``.

    Examples
    --------
    >>> [round(x, 6) for x in (gaussian_tail(0.975)[1], *gaussian_tail(0.99))]
    [2.337803, 2.326348, 2.665214]
    """
    share(level, "level")
    number(mean, "mean")
    positive(deviation, "deviation")
    z = float(ndtri(level))
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return mean + deviation * z, mean + deviation * density / (1.0 - level)


def student_tail(
    level: float, *, freedom: float, mean: float = 0.0, scale: float = 1.0
) -> tuple[float, float]:
    """Return value at risk and expected shortfall of losses with Student's t distribution.

    Parameters
    ----------
    level : float
    freedom : float
        Degrees of freedom, above 1: below, there is no mean loss.
    mean, scale : float
        Losses are ``mean + scale T``. *scale* is not the deviation, which is
        ``scale sqrt(freedom / (freedom - 2))``.

    Notes
    -----
    With *q* the quantile of T, *f* its density and *v* the degrees of freedom, the shortfall is
    ``mean + scale f(q) / (1 - level) (v + q²) / (v - 1)``.

    References
    ----------
    McNeil, A. J., Frey, R. and Embrechts, P. (2015). *Quantitative Risk Management*, ex. 2.15.
    Princeton University Press.

    Examples
    --------
    >>> [round(student_tail(0.99, freedom=v)[1], 6) for v in (4, 5)]
    [5.220584, 4.452429]
    """
    share(level, "level")
    number(mean, "mean")
    positive(scale, "scale")
    positive(freedom - 1.0, "freedom - 1")
    q = float(stdtrit(freedom, level))
    log_density = (
        _log_half_step(freedom / 2.0)
        - 0.5 * (math.log(freedom) + math.log(math.pi))
        - (freedom + 1.0) / 2.0 * math.log1p(q * q / freedom)
    )
    beyond = math.exp(log_density) / (1.0 - level) * (freedom + q * q) / (freedom - 1.0)
    return mean + scale * q, mean + scale * beyond


def _log_half_step(x: float) -> float:
    """Return ``ln Γ(x + 1/2) - ln Γ(x)``; their difference keeps no digits where they are large."""
    if x < _SERIES_FROM:
        return math.lgamma(x + 0.5) - math.lgamma(x)
    inverse = 1.0 / x
    square = inverse * inverse
    tail = 1.0 / 8.0 - square * (1.0 / 192.0 - square * (1.0 / 640.0 - square * 17.0 / 14_336.0))
    return 0.5 * math.log(x) - inverse * tail


def _ordered(losses: ArrayLike, weights: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Return losses in rising order, and the probability of each."""
    values = series(losses, "losses", n_min=1, has_powers=False)
    order = np.argsort(values, kind="stable")
    if weights is None:
        return values[order], np.full(len(values), 1.0 / len(values))
    mass = series(weights, "weights", n_min=1, has_powers=False)
    if len(mass) != len(values) or mass.min() < 0.0 or not mass.sum() > 0.0:
        raise DataError(
            f"Weights must be one per loss, none negative, and not all 0; were {len(mass)} for "
            f"{len(values)} losses, the smallest {mass.min():g}.",
            remedy="Pass the probability of each loss.",
        )
    return values[order], mass[order] / mass.sum()
