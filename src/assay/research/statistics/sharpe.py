"""Inference on the Sharpe ratio: its error, what luck explains, and how long a record must be.

Every ratio here is *per period* (a daily ratio for daily returns) with ``ddof=1``, skewness and
kurtosis are the population moments, kurtosis raw (3 for a normal distribution). Mixing annual
ratios with per-period moments is the usual mistake. Two published conventions share the names:

- A, ours (Bailey and López de Prado 2012): the error at the *observed* ratio, over ``n - 1``.
- B, named ``_null`` (López de Prado, Lipton and Zoonekynd 2025): the error at the *hypothetical*
  ratio, over ``n``; with autocorrelation, and for the best of many trials (`sharpe_null`).

Under B, skewness and kurtosis have no effect where the hypothesis is 0, so that it rejects too
often for skewed returns; that is why A decides here.
"""

import math

import numpy as np
from scipy.special import ndtr, ndtri

from assay.kernels.compiler import FloatArray
from assay.research.statistics.observations import count, inside, is_still, moderate, series
from assay.research.statistics.sharpe_null import sharpe_error_null

EULER_GAMMA = 0.5772156649015329
PERIODS_MAX = 10_000_000


def sharpe_ratio(returns: FloatArray) -> float:
    """Return mean over standard deviation (``ddof=1``) per period.

    Parameters
    ----------
    returns : float64, shape (n,)
        Excess returns per period, as fractions.

    Returns
    -------
    ratio : float
        NaN for fewer than two returns, where one is NaN, and for returns that do not vary but by
        rounding: those that agree to ten digits.
    """
    if len(returns) < 2 or is_still(returns):
        return math.nan
    values = moderate(returns)
    return float(np.mean(values)) / float(np.std(values, ddof=1))


def skewness(returns: FloatArray) -> float:
    """Return the third standardised moment (population form); NaN if undefined."""
    return _standard_moment(returns, 3)


def kurtosis(returns: FloatArray) -> float:
    """Return the fourth standardised moment, raw: 3 for a normal distribution."""
    return _standard_moment(returns, 4)


def _standard_moment(returns: FloatArray, order: int) -> float:
    if len(returns) < 2 or is_still(returns):
        return math.nan
    values = moderate(returns)
    centred = values - np.mean(values)
    variance = float(np.mean(centred**2))
    return float(np.mean(centred**order) / variance ** (order / 2.0))


def sharpe_error(sharpe: float, n: int, skew: float = 0.0, raw_kurtosis: float = 3.0) -> float:
    """Return the standard error of an estimated per-period Sharpe ratio.

    Parameters
    ----------
    sharpe : float
        Ratio per period at which the error is taken.
    n : int
        Number of returns, at least 2.
    skew, raw_kurtosis : float
        Of the returns; 0 and 3 for normal ones.

    Notes
    -----
    ``SE² = (1 - γ₃ SR + (γ₄ - 1)/4 SR²) / (n - 1)``. For normal returns this is Lo's (2002)
    ``(1 + SR²/2)/n`` with ``n - 1`` in place of ``n``. Returns are taken as independent.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2012). The Sharpe Ratio Efficient Frontier.
    *Journal of Risk*, 15(2), 3-44.

    Examples
    --------
    >>> round(sharpe_error(0.036 / 0.079, 24, -2.448, 10.164), 4)
    0.3357
    """
    if n < 2:
        return math.nan
    variance = 1.0 - skew * sharpe + (raw_kurtosis - 1.0) / 4.0 * sharpe * sharpe
    return math.sqrt(max(variance, 0.0) / (n - 1))


def probabilistic_sharpe(
    sharpe: float, benchmark: float, n: int, skew: float = 0.0, raw_kurtosis: float = 3.0
) -> float:
    """Return the probability that the true ratio exceeds *benchmark*: convention A, ours.

    Convention A takes the error at the *observed* ratio, over ``n - 1``.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2012). The Sharpe Ratio Efficient Frontier.

    Examples
    --------
    >>> round(probabilistic_sharpe(0.036 / 0.079, 0.0, 24, -2.448, 10.164), 4)
    0.9127
    """
    error = sharpe_error(sharpe, n, skew, raw_kurtosis)
    if not error > 0.0:
        return math.nan
    return float(ndtr((sharpe - benchmark) / error))


def probabilistic_sharpe_null(
    sharpe: float,
    benchmark: float,
    n: int,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
    n_trials: float = 1.0,
) -> float:
    """Return the same probability under convention B: the error under the hypothesis, over ``n``.

    *sharpe* is the observed ratio; the others are those of
    :func:`~assay.research.statistics.sharpe_null.sharpe_error_null`.

    References
    ----------
    López de Prado, M., Lipton, A. and Zoonekynd, V. (2025). How to Use the Sharpe Ratio.

    Examples
    --------
    >>> round(probabilistic_sharpe_null(0.036 / 0.079, 0.0, 24, -2.448, 10.164), 3)
    0.987
    """
    error = sharpe_error_null(benchmark, n, skew, raw_kurtosis, autocorrelation, n_trials)
    if not error > 0.0:
        return math.nan
    return float(ndtr((sharpe - benchmark) / error))


def track_record_length_min(
    sharpe: float,
    benchmark: float,
    confidence: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
) -> float:
    """Return how many returns it takes until *sharpe* beats *benchmark* with *confidence*.

    Returns
    -------
    n : float
        Unit: periods, convention A. Infinite where the ratio does not exceed the benchmark; 1
        where *confidence* is at most one half.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2012). The Sharpe Ratio Efficient Frontier.

    Examples
    --------
    >>> round(track_record_length_min(0.036 / 0.079, 0.0, 0.95, -2.448, 10.164), 1)
    34.8
    """
    if not sharpe > benchmark:
        return math.inf
    variance = 1.0 - skew * sharpe + (raw_kurtosis - 1.0) / 4.0 * sharpe * sharpe
    z = max(float(ndtri(confidence)), 0.0)
    return 1.0 + max(variance, 0.0) * (z / (sharpe - benchmark)) ** 2


def expected_maximum(n_trials: float) -> float:
    """Return the expected largest of *n_trials* independent standard normal numbers.

    Parameters
    ----------
    n_trials : float
        At least 1; a fraction stands for trials that resemble each other.

    Notes
    -----
    ``(1 - γ) Φ⁻¹(1 - 1/N) + γ Φ⁻¹(1 - 1/(N e))`` with Euler's γ, floored at 0, its value
    for a single trial: the published approximation, with which the deflated ratio is defined. For
    two trials it is 8 % low (0.520 against the exact 0.564), from three on up to 2.6 % high, for
    a hundred 0.9 %; the exact value is in
    :func:`~assay.research.statistics.maximum.moments_of_maximum`.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014). The Deflated Sharpe Ratio.
    *Journal of Portfolio Management*, 40(5), 94-107.

    Examples
    --------
    >>> round(expected_maximum(100), 4)
    2.5306
    """
    if not n_trials >= 1.0:
        raise ValueError(f"n_trials must be at least 1; was {n_trials}.")
    if n_trials == 1.0:
        return 0.0
    body = (EULER_GAMMA - 1.0) * float(ndtri(1.0 / n_trials))
    tail = -EULER_GAMMA * float(ndtri(1.0 / (n_trials * math.e)))
    return max(0.0, body + tail)


def deflated_sharpe(
    sharpe: float,
    n: int,
    n_trials: float,
    trial_variance: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
) -> float:
    """Return the probability that the true ratio is positive although *n_trials* were made.

    Parameters
    ----------
    sharpe : float
        Ratio per period of the chosen trial.
    n : int
        Number of its returns.
    n_trials : float
        Independent trials that it was the best of.
    trial_variance : float
        Variance of the trials' ratios per period.
    skew, raw_kurtosis : float
        Of the chosen trial's returns.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014). The Deflated Sharpe Ratio.

    Examples
    --------
    The paper's example: annual ratio 2.5 over 1,250 days, 100 trials of variance 1/2 a year.

    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, 100, 0.5 / 250, -3.0, 10.0), 4)
    0.9004
    """
    hurdle = math.sqrt(max(trial_variance, 0.0)) * expected_maximum(n_trials)
    return probabilistic_sharpe(sharpe, hurdle, n, skew, raw_kurtosis)


def deflated_sharpe_null(
    sharpe: float,
    n: int,
    n_trials: float,
    trial_variance: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
) -> float:
    """Return the deflated ratio under convention B, with the error of the best of the trials.

    References
    ----------
    López de Prado, M., Lipton, A. and Zoonekynd, V. (2025). How to Use the Sharpe Ratio.
    """
    hurdle = math.sqrt(max(trial_variance, 0.0)) * expected_maximum(n_trials)
    shape = (skew, raw_kurtosis, autocorrelation, n_trials)
    return probabilistic_sharpe_null(sharpe, hurdle, n, *shape)


def backtest_length_min(n_trials: float, sharpe_annual: float) -> float:
    """Return the years below which the best of *n_trials* null trials reaches *sharpe_annual*.

    Infinite for a ratio of 0 or less, which luck reaches in a record of any length. Below
    ``2 ln(N) / SR²``, the bound of the paper.

    References
    ----------
    Bailey, D. H. et al. (2014). Pseudo-Mathematics and Financial Charlatanism.
    *Notices of the AMS*, 61(5), 458-471.

    Examples
    --------
    >>> round(backtest_length_min(45, 1.0), 1)
    5.0
    """
    if not sharpe_annual > 0.0:
        return math.inf
    return (expected_maximum(n_trials) / sharpe_annual) ** 2


def lo_factor(autocorrelation: FloatArray, periods: int) -> float:
    """Return the factor that turns a per-period ratio into one over *periods* periods.

    Parameters
    ----------
    autocorrelation : float64, shape (n_lags,)
        Autocorrelations of lags 1, 2, …; further lags count as 0.
    periods : int
        Such as the trading days of a year.

    Raises
    ------
    DataError
        If an autocorrelation is NaN or infinite.
    ConfigError
        If *periods* is no whole number from 1 on.

    Notes
    -----
    ``η(q) = q / sqrt(q + 2 Σ_{k<q} (q - k) ρ_k)``; ``sqrt(q)`` without autocorrelation. NaN
    where the autocorrelations are so negative that no variance is left.

    References
    ----------
    Lo, A. W. (2002). The Statistics of Sharpe Ratios. *Financial Analysts Journal*, 58(4).

    Examples
    --------
    >>> round(lo_factor(np.array([0.0]), 252), 4)
    15.8745
    """
    count(periods, "periods", minimum=1, maximum=PERIODS_MAX)
    rho = series(autocorrelation, "autocorrelation", n_min=0, has_powers=False)
    n_lags = min(len(rho), periods - 1)
    lag = np.arange(1, n_lags + 1, dtype=np.float64)
    total = periods + 2.0 * float(np.sum((periods - lag) * rho[:n_lags]))
    return periods / math.sqrt(total) if total > 0.0 else math.nan


def lo_factor_ar1(rho: float, periods: int) -> float:
    """Return Lo's factor in closed form for returns that follow an AR(1).

    Parameters
    ----------
    rho : float
        First-order autocorrelation, (-1, 1).
    periods : int

    Raises
    ------
    ConfigError
        If one is outside its range; returns that follow an AR(1) of 1 have no variance.

    Notes
    -----
    ``η(q) = sqrt(q) / sqrt(1 + 2ρ/(1-ρ) (1 - (1 - ρ^q)/(q (1 - ρ))))``.

    Examples
    --------
    >>> round(lo_factor_ar1(0.2, 12), 4)
    2.8788
    """
    inside(rho, "rho", -1.0, 1.0)
    count(periods, "periods", minimum=1, maximum=PERIODS_MAX)
    inner = 1.0 - (1.0 - rho**periods) / (periods * (1.0 - rho))
    return math.sqrt(periods) / math.sqrt(1.0 + 2.0 * rho / (1.0 - rho) * inner)


def autocorrelations(returns: FloatArray, n_lags: int) -> FloatArray:
    """Return the sample autocorrelations of lags ``1 .. n_lags``, float64, shape (n_lags,).

    All are 0 for returns that do not vary but by rounding.
    """
    if not len(returns) or is_still(returns):
        return np.zeros(n_lags)
    values = moderate(returns)
    centred = values - np.mean(values)
    variance = float(centred @ centred)
    n = len(centred)
    return np.array(
        [float(centred[lag:] @ centred[: n - lag]) / variance for lag in range(1, n_lags + 1)]
    )
