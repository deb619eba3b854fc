"""Whether forecasts mean what they say: every score of probabilities in one object."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.domain.errors import ConfigError
from assay.kernels.compiler import FloatArray
from assay.models.ranking import area_under_curve
from assay.research.statistics.calibration_error import (
    BINS,
    calibration_errors,
    equal_mass,
    equal_width,
)
from assay.research.statistics.observations import inside, number
from assay.research.statistics.scoring import brier_score, group_means, log_loss, murphy


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


def wilson(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share observed in *n* independent cases; NaN without a case.

    Raises
    ------
    ConfigError
        If *share* is outside [0, 1], *confidence* outside (0, 1), or *n* is not finite.

    References
    ----------
    Wilson, E. B. (1927). Probable Inference. *JASA*, 22(158), 209-212.

    Examples
    --------
    >>> [round(x, 4) for x in wilson(0.5, 100, 0.95)]
    [0.4038, 0.5962]
    """
    if not 0.0 <= share <= 1.0:
        raise ConfigError(
            f"share must be in [0, 1]; was {share:g}.",
            remedy="Divide the cases that happened by all of them.",
        )
    inside(confidence, "confidence", 0.0, 1.0)
    if not number(n, "n") > 0.0:
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
        How many forecasts look at the same stretch of market, 1 if below; intervals count
        ``n / overlap`` independent cases. Labels that overlap are not independent evidence.
    n_bins : int
    confidence : float
        Of the bins' intervals.

    Raises
    ------
    DataError
        If a forecast is no probability, or an outcome neither 0 nor 1.
    ConfigError
        If *overlap* is not finite, or *n_bins* or *confidence* are out of range.
    """
    number(overlap, "overlap")
    inside(confidence, "confidence", 0.0, 1.0)
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
    parts = murphy(p, outcome, mass)
    brier = brier_score(p, outcome)
    bins = []
    for n, forecast, observed in zip(*group_means(p, outcome, mass), strict=True):
        low, high = wilson(float(observed), float(n) / max(overlap, 1.0), confidence)
        bins.append(
            Bin(n=int(n), forecast=float(forecast), observed=float(observed), low=low, high=high)
        )
    return Calibration(
        n=len(p),
        base_rate=float(np.mean(outcome)),
        brier=brier,
        log_loss=log_loss(p, outcome),
        brier_skill=1.0 - brier / parts.uncertainty if parts.uncertainty > 0.0 else math.nan,
        reliability=parts.reliability,
        resolution=parts.resolution,
        uncertainty=parts.uncertainty,
        ece=ece,
        ece_mass=ece_mass,
        mce=mce,
        auc=area_under_curve(p, outcome),
        bins=tuple(bins),
    )
