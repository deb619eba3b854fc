"""Whether one forecaster is more accurate than another: Diebold and Mariano, for small samples."""

import math
from dataclasses import dataclass
from enum import Enum, unique

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray
from assay.research.statistics.observations import count, is_still, series


@unique
class Alternative(Enum):
    """What is believed if equal accuracy is rejected."""

    DIFFERENT = "different"
    FIRST_BETTER = "first_better"
    SECOND_BETTER = "second_better"


@unique
class Weights(Enum):
    """How autocovariances up to lag ``horizon - 1`` count.

    ``EQUAL`` is the test as published; its variance may come out negative. ``BARTLETT`` gives
    lag *k* the weight ``1 - k / horizon`` and never does.
    """

    EQUAL = "equal"
    BARTLETT = "bartlett"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastComparison:
    """A test of equal accuracy.

    Attributes
    ----------
    difference : float
        Mean loss of the first forecaster less that of the second; negative: the first is better.
    statistic : float
        With the correction for small samples; Student's t with ``n - 1`` degrees of freedom.
    uncorrected : float
        As Diebold and Mariano published it.
    p : float
    n, horizon : int
    """

    difference: float
    statistic: float
    uncorrected: float
    p: float
    n: int
    horizon: int


def diebold_mariano(
    first: ArrayLike,
    second: ArrayLike,
    *,
    horizon: int = 1,
    alternative: Alternative = Alternative.DIFFERENT,
    weights: Weights = Weights.EQUAL,
) -> ForecastComparison:
    """Test whether two forecasters lose the same.

    Parameters
    ----------
    first, second : float64, shape (n,)
        Losses of either forecaster on the same cases (squared errors, log losses, CRPS), oldest
        first, without NaN.
    horizon : int
        How many steps ahead the forecasts look, 1 to ``n - 1``. Labels that overlap make losses
        that are correlated up to ``horizon - 1`` steps.
    alternative : Alternative
    weights : Weights

    Raises
    ------
    DataError
        For NaN, unequal lengths, losses whose difference never varies but by rounding, or a
        variance that is not positive.
    ConfigError
        If the horizon is out of range.

    Notes
    -----
    ``d = first - second``; ``DM = d̄ / sqrt(V/n)``, ``V = γ₀ + 2 Σ_{k<h} w_k γ_k``, autocovariances
    divide by n; ``HLN = DM sqrt((n + 1 - 2h + h(h - 1)/n) / n)``. Neither assumes that losses are
    squares. Not a test for two models of which one contains the other.

    References
    ----------
    Diebold, F. X. and Mariano, R. S. (1995). Comparing Predictive Accuracy. *Journal of Business &
    Economic Statistics*, 13(3), 253-263.

    Harvey, D., Leybourne, S. and Newbold, P. (1997). Testing the Equality of Prediction Mean
    Squared Errors. *International Journal of Forecasting*, 13(2), 281-291.

    Examples
    --------
    >>> errors = np.arange(6.0), np.array([0.0, 2.0, 3.0, 3.0, 5.0, 6.0])
    >>> found = diebold_mariano(errors[0] ** 2, errors[1] ** 2)
    >>> round(found.statistic, 4), round(found.p, 5)
    (-2.4905, 0.05513)
    """
    one = series(first, "first", n_min=2)
    two = series(second, "second", n_min=2)
    if len(one) != len(two):
        raise DataError(
            f"Both forecasters must answer the same cases; answered {len(one)} and {len(two)}.",
            remedy="Keep the cases that both have.",
        )
    n = len(one)
    count(horizon, "horizon", minimum=1, maximum=n - 1)
    difference = one - two
    size = max(float(np.max(np.abs(one))), float(np.max(np.abs(two))))
    if is_still(difference, size):
        raise DataError(
            f"Losses must differ by varying amounts; differ by {difference[0]:g} in all {n} cases, "
            "but for rounding.",
            remedy="Two forecasters that always agree need no test.",
            n=n,
        )
    mean = float(np.mean(difference))
    variance = _variance(difference - mean, horizon, weights) / n
    if not variance > 0.0:
        raise DataError(
            f"The variance of the mean loss must be positive; is {variance:g}, horizon {horizon}.",
            remedy="Use Weights.BARTLETT, which cannot be negative.",
            horizon=horizon,
        )
    uncorrected = mean / math.sqrt(variance)
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = uncorrected * math.sqrt(correction)
    return ForecastComparison(
        difference=mean,
        statistic=statistic,
        uncorrected=uncorrected,
        p=_p_value(statistic, n - 1, alternative),
        n=n,
        horizon=horizon,
    )


def _variance(centred: FloatArray, horizon: int, weights: Weights) -> float:
    n = len(centred)
    total = float(centred @ centred)
    for lag in range(1, horizon):
        weight = 1.0 if weights is Weights.EQUAL else 1.0 - lag / horizon
        total += 2.0 * weight * float(centred[lag:] @ centred[: n - lag])
    return total / n


def _p_value(statistic: float, freedom: int, alternative: Alternative) -> float:
    if alternative is Alternative.FIRST_BETTER:
        return float(stdtr(freedom, statistic))
    if alternative is Alternative.SECOND_BETTER:
        return float(stdtr(freedom, -statistic))
    return float(2.0 * stdtr(freedom, -abs(statistic)))
