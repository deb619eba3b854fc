"""Whether forecasts mean what they say: reliability, calibration error, Brier score."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.kernels.compiler import FloatArray, IntArray
from assay.models.ranking import area_under_curve

BINS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Forecasts that said nearly the same.

    Attributes
    ----------
    n : int
    forecast : float
        Mean forecast probability.
    observed : float
        Share of outcomes that happened.
    low, high : float
        Wilson interval of *observed*.
    """

    n: int
    forecast: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Quality of probability forecasts.

    Attributes
    ----------
    n : int
    base_rate : float
        Share of outcomes that happened.
    brier, log_loss : float
        Lower is better.
    brier_skill : float
        ``1 - brier / (base_rate (1 - base_rate))``: 0 for one who always says the base rate.
    reliability, resolution, uncertainty : float
        Murphy's parts over the equal-mass bins.
    ece, ece_mass, mce : float
        Expected calibration error over equal-width bins, over equal-mass bins, and the
        largest error of an equal-width bin.
    auc : float
        Chance that a forecast before a yes is higher than one before a no.
    bins : tuple of Bin
        Equal mass, by rising forecast.
    """

    n: int
    base_rate: float
    brier: float
    log_loss: float
    brier_skill: float
    reliability: float
    resolution: float
    uncertainty: float
    ece: float
    ece_mass: float
    mce: float
    auc: float
    bins: tuple[Bin, ...]


def brier_score(p: FloatArray, y: NDArray[np.int8]) -> float:
    """Return the mean squared error of the probabilities.

    Examples
    --------
    >>> round(brier_score(np.array([0.1, 0.9, 0.8, 0.3]), np.array([0, 1, 1, 0])), 4)
    0.0375
    """
    return float(np.mean((p - y) ** 2)) if len(p) else math.nan


def equal_width(p: FloatArray, n_bins: int) -> IntArray:
    """Return the bin of each forecast: bin *k* holds ``(k/n, (k+1)/n]``, 0 the first.

    References
    ----------
    Guo, C. et al. (2017). On Calibration of Modern Neural Networks. *ICML*.
    """
    edges = np.arange(1, n_bins) / n_bins
    return np.searchsorted(edges, p, side="left").astype(np.int64)


def equal_mass(p: FloatArray, n_bins: int) -> IntArray:
    """Return the bin of each forecast so that bins are about equally full.

    Equal forecasts share a bin, so that the Murphy parts do not depend on row order.
    """
    if not len(p):
        return np.empty(0, np.int64)
    distinct, which, counts = np.unique(p, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2.0
    raw = np.minimum((middle / len(p) * n_bins).astype(np.int64), n_bins - 1)
    _, dense = np.unique(raw, return_inverse=True)
    assert len(dense) == len(distinct)
    return dense[which].astype(np.int64)


def murphy(p: FloatArray, y: NDArray[np.int8], group: IntArray) -> tuple[float, float, float]:
    """Return reliability, resolution and uncertainty over the bins *group*.

    Notes
    -----
    ``Brier = reliability - resolution + uncertainty`` holds exactly if every bin holds one
    distinct forecast; else the spread inside the bins is left over.

    References
    ----------
    Murphy, A. H. (1973). A New Vector Partition of the Probability Score.
    *Journal of Applied Meteorology*, 12(4), 595-600.
    """
    count, forecast, observed = _bin_means(p, y, group)
    base = float(np.mean(y))
    share = count / len(p)
    reliability = float(np.sum(share * (forecast - observed) ** 2))
    resolution = float(np.sum(share * (observed - base) ** 2))
    return reliability, resolution, base * (1.0 - base)


def calibration_errors(p: FloatArray, y: NDArray[np.int8], group: IntArray) -> tuple[float, float]:
    """Return the expected and the largest gap between forecast and outcome over bins."""
    count, forecast, observed = _bin_means(p, y, group)
    gap = np.abs(observed - forecast)
    return float(np.sum(count / len(p) * gap)), float(np.max(gap))


def _bin_means(
    p: FloatArray, y: NDArray[np.int8], group: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return count, mean forecast and share of yes of every bin that is not empty."""
    count = np.bincount(group).astype(np.float64)
    full = count > 0
    count = count[full]
    forecast = np.bincount(group, weights=p)[full] / count
    observed = np.bincount(group, weights=y.astype(np.float64))[full] / count
    return count, forecast, observed


def wilson(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share observed in *n* independent cases.

    References
    ----------
    Wilson, E. B. (1927). Probable Inference. *JASA*, 22(158), 209-212.

    Examples
    --------
    >>> [round(x, 4) for x in wilson(0.5, 100, 0.95)]
    [0.4038, 0.5962]
    """
    if not n > 0:
        return math.nan, math.nan
    z = float(ndtri(0.5 + confidence / 2.0))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def assess(
    p: FloatArray,
    y: NDArray[np.int8],
    *,
    overlap: float = 1.0,
    n_bins: int = BINS,
    confidence: float = 0.95,
) -> Calibration:
    """Assess probability forecasts against what happened.

    Parameters
    ----------
    p : float64, shape (n,)
        Forecast probabilities in [0, 1], made out of sample, without NaN.
    y : int8, shape (n,)
        Outcomes, 0 or 1.
    overlap : float
        How many forecasts look at the same stretch of market, at least 1; intervals count
        ``n / overlap`` independent cases. Labels that overlap are not independent evidence.
    n_bins : int
    confidence : float
        Of the bins' intervals.
    """
    if not len(p):
        nan = math.nan
        return Calibration(
            n=0, base_rate=nan, brier=nan, log_loss=nan, brier_skill=nan, reliability=nan,
            resolution=nan, uncertainty=nan, ece=nan, ece_mass=nan, mce=nan, auc=nan, bins=(),
        )  # fmt: skip
    outcome = np.asarray(y, dtype=np.int8)
    mass = equal_mass(p, n_bins)
    ece, mce = calibration_errors(p, outcome, equal_width(p, n_bins))
    ece_mass, _ = calibration_errors(p, outcome, mass)
    reliability, resolution, uncertainty = murphy(p, outcome, mass)
    brier = brier_score(p, outcome)
    clipped = np.clip(p, 1e-12, 1.0 - 1e-12)
    bins = []
    for n, forecast, observed in zip(*_bin_means(p, outcome, mass), strict=True):
        low, high = wilson(float(observed), float(n) / max(overlap, 1.0), confidence)
        bins.append(
            Bin(n=int(n), forecast=float(forecast), observed=float(observed), low=low, high=high)
        )
    return Calibration(
        n=len(p),
        base_rate=float(np.mean(outcome)),
        brier=brier,
        log_loss=-float(np.mean(np.where(outcome == 1, np.log(clipped), np.log1p(-clipped)))),
        brier_skill=1.0 - brier / uncertainty if uncertainty > 0.0 else math.nan,
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        ece=ece,
        ece_mass=ece_mass,
        mce=mce,
        auc=area_under_curve(p, outcome),
        bins=tuple(bins),
    )
