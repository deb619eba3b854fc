"""Errors and intervals of Sharpe ratios whose returns are correlated in time, per period or year.

The paths-resampling interval is in `bootstrap`; this one is a formula, at once and without chance.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray
from assay.research.statistics.observations import count, series, share
from assay.research.statistics.sharpe import autocorrelations, lo_factor, sharpe_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeInterval:
    """A Sharpe ratio with its error.

    Attributes
    ----------
    value : float
        The ratio over *periods* periods.
    error : float
        Its standard error.
    low, high : float
        ``value ± z error``.
    lags : int
        Lags that the error's long-run variance read.
    """

    value: float
    error: float
    low: float
    high: float
    lags: int


def newey_west_lags(n: int) -> int:
    """Return the usual number of lags for *n* periods: ``floor(4 (n / 100)^(2/9))``.

    References
    ----------
    Newey, W. K. and West, K. D. (1994). Automatic Lag Selection in Covariance Matrix Estimation.
    *Review of Economic Studies*, 61(4), 631-653.

    Examples
    --------
    >>> [newey_west_lags(n) for n in (100, 1000, 3000)]
    [4, 6, 8]
    """
    return int(4.0 * (n / 100.0) ** (2.0 / 9.0))


def long_run_variance(values: FloatArray, lags: int) -> float:
    """Return ``γ₀ + 2 Σ (1 - k/(lags + 1)) γ_k``: the variance of ``sqrt(n)`` times the mean.

    Parameters
    ----------
    values : float64, shape (n,)
        Oldest first.
    lags : int
        From 0 (no correlation in time) to ``n - 1``.

    Notes
    -----
    Bartlett's weights, so never negative; autocovariances divide by n.

    References
    ----------
    Newey, W. K. and West, K. D. (1987). A Simple, Positive Semi-Definite, Heteroskedasticity and
    Autocorrelation Consistent Covariance Matrix. *Econometrica*, 55(3), 703-708.
    """
    centred = values - np.mean(values)
    n = len(centred)
    total = float(centred @ centred)
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        total += 2.0 * weight * float(centred[lag:] @ centred[: n - lag])
    return max(total / n, 0.0)


def sharpe_interval(
    returns: ArrayLike,
    *,
    confidence: float = 0.95,
    lags: int | None = None,
    periods: int = 1,
    memory: int = 0,
) -> SharpeInterval:
    """Return a Sharpe ratio and its interval under autocorrelation, tails and changing volatility.

    Parameters
    ----------
    returns : float64, shape (n,)
        Excess returns per period, oldest first, without NaN, at least 10.
    confidence : float
        Such as 0.95.
    lags : int, optional
        Lags of the long-run variance; :func:`newey_west_lags` if absent. With 0 the returns count
        as independent, and the error is that of convention A with ``n`` in place of ``n - 1``.
    periods : int
        Periods that one ratio covers: 1, or the trading days of a year.
    memory : int
        Lags whose autocorrelation changes the ratio over *periods*, below *periods*. With 0 the
        ratio grows with the root of time.

    Raises
    ------
    DataError
        For NaN, too few returns, returns that vary by rounding alone, or autocorrelations so
        negative that the variance over *periods* is not positive.
    ConfigError
        If a number is out of range.

    Notes
    -----
    Lo's ratio over q periods ``q μ / sqrt(V)``, ``V = q γ₀ + 2 Σ_{k<=memory} (q - k) γ_k``, is a
    smooth function of moments; its error is the generalised method of moments' one (delta
    method): the Newey-West long-run variance of
    ``q x_t / sqrt(V) - q μ / (2 V^1.5) (q x_t² + 2 Σ (q - k) x_t x_{t-k} - V)``, over n, with
    ``x = r - μ``. Moments of the error divide by n; the ratio itself has ``ddof=1``, as
    everywhere here. An asymptotic interval: short records are better served by the bootstrap.

    References
    ----------
    Lo, A. W. (2002). The Statistics of Sharpe Ratios. *Financial Analysts Journal*, 58(4), 36-52.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = sharpe_interval(0.05 + rng.standard_normal(1_000))
    >>> [round(x, 4) for x in (found.value, found.error, found.low, found.high)]
    [-0.0043, 0.0307, -0.0645, 0.0559]
    """
    values = series(returns, "returns", n_min=10)
    n = len(values)
    count(periods, "periods", minimum=1, maximum=100_000)
    count(memory, "memory", minimum=0, maximum=min(periods - 1, n - 1))
    used = newey_west_lags(n) if lags is None else lags
    count(used, "lags", minimum=0, maximum=n - 1)
    z = float(ndtri(0.5 + share(confidence, "confidence") / 2.0))
    ratio = sharpe_ratio(values)
    if math.isnan(ratio):
        raise DataError(
            f"returns must vary; all {n} are {values[0]:g}, but for rounding.",
            remedy="A series that does not move has no Sharpe ratio.",
            n=n,
        )
    value = ratio * lo_factor(autocorrelations(values, memory), periods)
    error = math.sqrt(long_run_variance(_influence(values, periods, memory), used) / n)
    return SharpeInterval(
        value=value, error=error, low=value - z * error, high=value + z * error, lags=used
    )


def _influence(values: FloatArray, periods: int, memory: int) -> FloatArray:
    """Return what each period adds to the estimated ratio over *periods*, float64, shape (n,)."""
    mean = float(np.mean(values))
    x = values - mean
    spread = periods * x * x
    for lag in range(1, memory + 1):
        spread[lag:] += 2.0 * (periods - lag) * x[lag:] * x[:-lag]
    variance = float(np.mean(spread))
    if not variance > 0.0:
        raise DataError(
            f"The variance over {periods} periods must be positive; is {variance:g}.",
            remedy="Let fewer autocorrelations count: lower memory.",
            periods=periods,
            memory=memory,
        )
    influence: FloatArray = periods * x / math.sqrt(variance) - periods * mean / (
        2.0 * variance**1.5
    ) * (spread - variance)
    return influence
