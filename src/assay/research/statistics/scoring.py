"""Proper scores: of probabilities, of quantiles and of whole distributions; lower is better.

What is no forecast or no outcome (NaN, a probability outside [0, 1], an outcome that is neither 0
nor 1, one more of these than of those) is refused with a `DataError` that names it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.statistics.observations import (
    finite,
    groups,
    outcomes,
    probabilities,
    same_length,
    share,
)

LabelArray = NDArray[np.int8]

_CERTAIN = 1e-12


def pairs_of(p: FloatArray, y: LabelArray) -> tuple[FloatArray, FloatArray]:
    """Return probabilities and outcomes as float64, shape (n,).

    Raises
    ------
    DataError
        If one of them is no probability or no outcome, or there are more of these than of those.
    """
    forecast = probabilities(p, "p")
    return forecast, outcomes(y, "y", n=len(forecast))


def brier_score(p: FloatArray, y: LabelArray) -> float:
    """Return the mean squared error of the probabilities.

    Examples
    --------
    >>> round(brier_score(np.array([0.1, 0.9, 0.8, 0.3]), np.array([0, 1, 1, 0])), 4)
    0.0375
    """
    forecast, outcome = pairs_of(p, y)
    return float(np.mean((forecast - outcome) ** 2)) if len(forecast) else math.nan


def log_loss(p: FloatArray, y: LabelArray) -> float:
    """Return the mean negative log likelihood of the outcomes.

    Parameters
    ----------
    p : float64, shape (n,)
        Probabilities of yes. Those nearer to 0 or 1 than 1e-12 count as that near, so that one
        wrong certainty does not make the mean infinite.
    y : int8, shape (n,)
        Outcomes, 0 or 1.

    Returns
    -------
    loss : float
        Unit: nats. NaN without a forecast.
    """
    forecast, outcome = pairs_of(p, y)
    if not len(forecast):
        return math.nan
    clipped = np.clip(forecast, _CERTAIN, 1.0 - _CERTAIN)
    return -float(np.mean(np.where(outcome == 1.0, np.log(clipped), np.log1p(-clipped))))


class MurphyParts(NamedTuple):
    """The Brier score in three parts: ``reliability - resolution + uncertainty``.

    Attributes
    ----------
    reliability : float
        How far forecasts are from what happened when they were made; 0 is best.
    resolution : float
        How far what happened then is from what happens usually; more is better.
    uncertainty : float
        Of the outcome itself: ``base rate (1 - base rate)``.
    """

    reliability: float
    resolution: float
    uncertainty: float


def distinct_values(p: FloatArray) -> IntArray:
    """Return a group for each distinct forecast, int64, shape (n,), rising with the forecast."""
    _, group = np.unique(probabilities(p, "p"), return_inverse=True)
    return group.astype(np.int64)


def murphy(
    p: FloatArray, y: LabelArray, group: IntArray | None = None, *, is_corrected: bool = False
) -> MurphyParts:
    """Return reliability, resolution and uncertainty over groups of like forecasts.

    Parameters
    ----------
    p : float64, shape (n,)
    y : int8, shape (n,)
    group : int64, shape (n,), optional
        Such as a bin; each distinct forecast is a group if absent.
    is_corrected : bool
        Take out the bias of small groups: plain reliability is too large, because the share of
        outcomes in a group errs. Groups of one forecast cannot be corrected.

    Notes
    -----
    ``Brier = reliability - resolution + uncertainty`` holds exactly if every group holds one
    distinct forecast, corrected or not; else the spread inside the groups is left over. The
    correction is scaled down where it would take a part out of its range.

    References
    ----------
    Murphy, A. H. (1973). A New Vector Partition of the Probability Score.
    *Journal of Applied Meteorology*, 12(4), 595-600.
    Ferro, C. A. T. and Fricker, T. E. (2012). A bias-corrected decomposition of the Brier score.
    *Quarterly Journal of the Royal Meteorological Society*, 138, 1954-1960.

    Examples
    --------
    >>> p = np.repeat([0.1, 0.4, 0.7, 0.9], 10)
    >>> y = np.concatenate([np.arange(10) < hits for hits in (1, 4, 6, 9)]).astype(np.int8)
    >>> parts = murphy(p, y)
    >>> round(parts.reliability, 4), round(parts.resolution, 4), round(parts.uncertainty, 4)
    (0.0025, 0.085, 0.25)
    """
    if not len(p):
        return MurphyParts(reliability=math.nan, resolution=math.nan, uncertainty=math.nan)
    count, forecast, observed = group_means(p, y, distinct_values(p) if group is None else group)
    n, base = len(p), float(np.mean(y))
    share = count / n
    reliability = float(np.sum(share * (forecast - observed) ** 2))
    resolution = float(np.sum(share * (observed - base) ** 2))
    uncertainty = base * (1.0 - base)
    if is_corrected and n > 1:
        many = count > 1.0
        noise = observed[many] * (1.0 - observed[many]) / (count[many] - 1.0)
        inside = float(np.sum(share[many] * noise))
        whole = uncertainty / (n - 1.0)
        scale = _correction_scale(reliability, resolution, uncertainty, inside, whole)
        reliability -= scale * inside
        resolution -= scale * (inside - whole)
        uncertainty += scale * whole
    return MurphyParts(reliability=reliability, resolution=resolution, uncertainty=uncertainty)


def _correction_scale(
    reliability: float, resolution: float, uncertainty: float, inside: float, whole: float
) -> float:
    """Return how much of the correction keeps reliability, resolution and uncertainty in range."""
    gain = inside - whole
    limits = [1.0]
    if inside > 0.0:
        limits.append(reliability / inside)
    if gain != 0.0:
        limits.append(max(resolution / gain, (resolution - 1.0) / gain))
    if whole > 0.0:
        limits.append((0.25 - uncertainty) / whole)
    return max(0.0, min(limits))


def group_means(
    p: FloatArray, y: LabelArray, group: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return count, mean forecast and share of yes of every group that is not empty."""
    said, happened = pairs_of(p, y)
    place = groups(group, "group", n=len(said))
    count = np.bincount(place).astype(np.float64)
    full = count > 0
    count = count[full]
    forecast = np.bincount(place, weights=said)[full] / count
    observed = np.bincount(place, weights=happened)[full] / count
    return count, forecast, observed


def pinball(y: FloatArray, forecast: FloatArray, level: float) -> FloatArray:
    """Return the pinball loss of each quantile forecast, shape as the broadcast arguments.

    Parameters
    ----------
    y, forecast : float64
        Outcome and forecast quantile, in the same unit.
    level : float
        Of the quantile, in (0, 1).

    Notes
    -----
    ``max(level d, (level - 1) d)`` with ``d = y - forecast``. Its mean is
    `assay.models.quantile.pinball_loss`.

    References
    ----------
    Koenker, R. and Bassett, G. (1978). Regression Quantiles. *Econometrica*, 46(1), 33-50.

    Examples
    --------
    >>> pinball(np.array([10.0, 8.0]), np.array([8.0, 10.0]), 0.9)
    array([1.8, 0.2])
    """
    share(level, "level")
    difference = np.subtract(finite(y, "y"), finite(forecast, "forecast"))
    return np.maximum(level * difference, (level - 1.0) * difference)


def crps_gaussian(y: FloatArray, mean: FloatArray, deviation: FloatArray) -> FloatArray:
    """Return the continuous ranked probability score of normal forecasts, in the unit of *y*.

    Parameters
    ----------
    y, mean, deviation : float64, shapes that broadcast
        *deviation* above 0.

    Notes
    -----
    ``s (z (2 Φ(z) - 1) + 2 φ(z) - 1 / sqrt(π))`` with ``z = (y - m) / s``.

    References
    ----------
    Gneiting, T. and Raftery, A. E. (2007). Strictly Proper Scoring Rules, Prediction, and
    Estimation. *JASA*, 102(477), 359-378.

    Examples
    --------
    >>> np.round(crps_gaussian(np.array([0.0, 1.0, 2.0]), 0.0, 1.0), 6)
    array([0.233695, 0.602441, 1.452792])
    """
    scale = finite(deviation, "deviation")
    if not np.all(scale > 0.0):
        raise DataError(
            "The deviation of a forecast must be positive; was otherwise.",
            remedy="Leave out forecasts without a spread, or score their absolute error.",
        )
    z = np.subtract(finite(y, "y"), finite(mean, "mean")) / scale
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return np.asarray(
        scale * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))
    )


def crps_ensemble(y: FloatArray, members: FloatArray, *, is_fair: bool = True) -> FloatArray:
    """Return the continuous ranked probability score of ensembles, float64, shape (n,).

    Parameters
    ----------
    y : float64, shape (n,)
    members : float64, shape (n, n_members)
        Draws from the forecast, in any order.
    is_fair : bool
        Score the distribution that the members are drawn from: unbiased whatever their number,
        which must be at least 2. Otherwise the members themselves are taken as the whole
        forecast, and a larger ensemble scores better for being larger.

    Notes
    -----
    ``E|X - y| - E|X - X'| / 2``, where X' is another member (fair) or any member (plain).
    O(n m log m).

    References
    ----------
    Ferro, C. A. T. (2014). Fair scores for ensemble forecasts. *Quarterly Journal of the Royal
    Meteorological Society*, 140, 1917-1923.

    Examples
    --------
    >>> crps_ensemble(np.array([0.0]), np.array([[-1.0, 2.0]]))
    array([0.])
    >>> crps_ensemble(np.array([0.0]), np.array([[-1.0, 2.0]]), is_fair=False)
    array([0.75])
    """
    ordered = np.sort(finite(members, "members"), axis=1)
    n_members = ordered.shape[1]
    same_length(np.asarray(y), "y", len(ordered))
    if n_members < 1 + is_fair:
        raise DataError(
            f"An ensemble must have at least {1 + is_fair} members; had {n_members}.",
            remedy="Draw more members, or score the plain ensemble.",
        )
    error = np.mean(np.abs(ordered - finite(y, "y")[:, None]), axis=1)
    rank = 2.0 * np.arange(n_members) - n_members + 1.0
    pairs = n_members * (n_members - 1.0 if is_fair else n_members)
    return np.asarray(error - ordered @ rank / pairs)


def crps_quantiles(y: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the score of a distribution known by some of its quantiles, float64, shape (n,).

    Parameters
    ----------
    y : float64, shape (n,)
    quantiles : float64, shape (n, n_levels)
        Rising from left to right.
    levels : float64, shape (n_levels,)
        Rising, in (0, 1).

    Notes
    -----
    Twice the sum of the pinball losses, each times the width of levels that are nearest to its
    own: the midpoint rule for ``2 ∫ pinball d level``. For the levels ``(k - 1/2) / m`` it is
    exactly the plain score of the *m* quantiles as an ensemble. With few levels it is a score of
    those quantiles, and not comparable with that of a whole distribution.

    References
    ----------
    Bröcker, J. (2012). Evaluating raw ensembles with the continuous ranked probability score.
    *Quarterly Journal of the Royal Meteorological Society*, 138, 1611-1617.

    Examples
    --------
    >>> crps_quantiles(np.array([0.0]), np.array([[-1.0, 2.0]]), np.array([0.25, 0.75]))
    array([0.75])
    """
    tau = np.asarray(levels, dtype=np.float64)
    if not len(tau) or not (tau[0] > 0.0 and tau[-1] < 1.0 and np.all(np.diff(tau) > 0.0)):
        raise DataError(
            f"Levels must rise inside (0, 1); were {tau.tolist()}.",
            remedy="Sort the levels, and leave 0 and 1 out.",
        )
    known = finite(quantiles, "quantiles")
    if known.ndim != 2 or known.shape != (len(y), len(tau)):
        raise DataError(
            f"quantiles must have a row per outcome and a column per level, {len(y)} and "
            f"{len(tau)}; have shape {known.shape}.",
            remedy="Pass one column per level.",
        )
    crossing = np.flatnonzero(np.any(np.diff(known, axis=1) < 0.0, axis=1))
    if len(crossing):
        raise DataError(
            f"quantiles must not fall from left to right; those of row {crossing[0]} do.",
            remedy="Sort each row.",
            row=int(crossing[0]),
        )
    edges = np.concatenate(([0.0], 0.5 * (tau[1:] + tau[:-1]), [1.0]))
    loss = np.column_stack([pinball(y, known[:, k], float(level)) for k, level in enumerate(tau)])
    return np.asarray(2.0 * loss @ np.diff(edges))
