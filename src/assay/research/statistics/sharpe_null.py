"""Sharpe ratios under a hypothesis (convention B): error, length, power and false discoveries.

Per period throughout, raw kurtosis. All of it is the framework of one paper, whose error is taken
at the ratio that is supposed to be true; `sharpe` holds the convention that decides here.
"""

import math
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_ndtr, ndtr, ndtri

from assay.research.statistics.maximum import moments_of_maximum
from assay.research.statistics.observations import share


def sharpe_error_null(
    benchmark: float,
    n: int,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
    n_trials: float = 1.0,
) -> float:
    """Return the standard error of a ratio whose true value is *benchmark*: convention B.

    Parameters
    ----------
    benchmark : float
        Hypothetical ratio per period.
    n : int
    skew, raw_kurtosis : float
    autocorrelation : float
        First-order, (-1, 1), of returns that follow an AR(1).
    n_trials : float
        The error is that of the best of so many independent trials, at least 1.

    Raises
    ------
    ValueError
        If the autocorrelation or the number of trials is outside its range.

    Notes
    -----
    ``SE² = (a - b γ₃ SR + c (γ₄ - 1)/4 SR²) / n · Var[max_K]`` with ``a = (1 + ρ)/(1 - ρ)``,
    ``b = (1 + ρ + ρ²)/(1 - ρ²)``, ``c = (1 + ρ²)/(1 - ρ²)``; ``Var[max_K]`` is exact (the
    authors' program integrates with 200 nodes, accurate up to 50 trials). The best of many
    trials varies *less* than one trial: it needs the higher benchmark as well, see
    :func:`~assay.research.statistics.sharpe.deflated_sharpe_null`.

    References
    ----------
    López de Prado, M., Lipton, A. and Zoonekynd, V. (2025). How to Use the Sharpe Ratio.

    Examples
    --------
    >>> round(sharpe_error_null(0.036 / 0.079, 24, -2.448, 10.164), 3)
    0.329
    """
    rho = autocorrelation
    if not -1.0 < rho < 1.0:
        raise ValueError(f"autocorrelation must be inside (-1, 1); was {rho}.")
    first = rho / (1.0 - rho)
    second = rho * rho / (1.0 - rho * rho)
    variance = (
        (1.0 + 2.0 * first)
        - (1.0 + first + second) * skew * benchmark
        + (1.0 + 2.0 * second) * (raw_kurtosis - 1.0) / 4.0 * benchmark * benchmark
    )
    if n < 2:
        return math.nan
    best = moments_of_maximum(n_trials)[1] if n_trials != 1.0 else 1.0
    return math.sqrt(max(variance, 0.0) / n * best)


def track_record_length_min_null(
    sharpe: float,
    benchmark: float,
    confidence: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
) -> float:
    """Return the same length under convention B; it may be below 1.

    References
    ----------
    López de Prado, M., Lipton, A. and Zoonekynd, V. (2025). How to Use the Sharpe Ratio.

    Examples
    --------
    >>> round(track_record_length_min_null(0.036 / 0.079, 0.0, 0.95, -2.448, 10.164), 3)
    13.029
    """
    if not sharpe > benchmark:
        return math.inf
    error = sharpe_error_null(benchmark, 2, skew, raw_kurtosis, autocorrelation)
    z = max(float(ndtri(confidence)), 0.0)
    return 2.0 * (error * z / (sharpe - benchmark)) ** 2


def critical_sharpe(
    benchmark: float,
    n: int,
    significance: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
    n_trials: float = 1.0,
) -> float:
    """Return the ratio that a true *benchmark* exceeds with probability *significance*.

    Examples
    --------
    >>> round(critical_sharpe(0.0, 24, 0.10), 3)
    0.262
    """
    error = sharpe_error_null(benchmark, n, skew, raw_kurtosis, autocorrelation, n_trials)
    return benchmark - float(ndtri(share(significance, "significance"))) * error


def sharpe_power(
    benchmark: float,
    alternative: float,
    n: int,
    significance: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
) -> float:
    """Return the probability that a true ratio of *alternative* is found to beat *benchmark*.

    Examples
    --------
    The paper's type II error of 31.5 % for a monthly ratio of 0.5:

    >>> round(1.0 - sharpe_power(0.0, 0.5, 24, 0.05, -2.448, 10.164), 3)
    0.315
    """
    shape = (skew, raw_kurtosis, autocorrelation)
    critical = critical_sharpe(benchmark, n, significance, *shape)
    error = sharpe_error_null(alternative, n, *shape)
    return float(ndtr((alternative - critical) / error)) if error > 0.0 else math.nan


def detectable_sharpe(
    benchmark: float,
    n: int,
    significance: float,
    power: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
) -> float:
    """Return the smallest true ratio that is found with probability *power*.

    Returns
    -------
    ratio : float
        Per period, at least *benchmark*. Infinite where the record is so short, or the tails so
        fat, that no ratio is found as often.

    Notes
    -----
    The root of ``S = critical + z_power SE(S)``, a quadratic equation.

    Examples
    --------
    What two years of daily returns show with a chance of 80 %, per year:

    >>> round(detectable_sharpe(0.0, 520, 0.05, 0.80) * 260**0.5, 2)
    1.76
    """
    shape = (skew, raw_kurtosis, autocorrelation)
    critical = critical_sharpe(benchmark, n, significance, *shape)
    z = float(ndtri(share(power, "power")))
    level, tilt, bend = _variance_polynomial(n, *shape)
    a = 1.0 - z * z * bend
    half_b = -critical - z * z * tilt / 2.0
    c = critical * critical - z * z * level
    root = half_b * half_b - a * c
    if not (a > 0.0 and root >= 0.0):
        return math.inf
    return max(benchmark, (-half_b + math.copysign(math.sqrt(root), z)) / a)


def _variance_polynomial(
    n: int, skew: float, raw_kurtosis: float, autocorrelation: float
) -> tuple[float, float, float]:
    """Return what ``SE(S)²`` is made of: ``level + tilt S + bend S²``."""
    shape = (skew, raw_kurtosis, autocorrelation)
    level = sharpe_error_null(0.0, n, *shape) ** 2
    flat = (0.0, raw_kurtosis, autocorrelation)
    bend = sharpe_error_null(1.0, n, *flat) ** 2 - level
    unit = (-1.0, 1.0, autocorrelation)
    tilt = -skew * (sharpe_error_null(1.0, n, *unit) ** 2 - level)
    return level, tilt, bend


def false_discovery_rate(significance: float, power: float, share_true: float) -> float:
    """Return the share of true nulls among discoveries, before anything is observed (pFDR).

    Parameters
    ----------
    significance, power : float
        Chance of a discovery where the benchmark is true, and where the alternative is.
    share_true : float
        Share of ideas that have the alternative's ratio, (0, 1).

    Examples
    --------
    >>> round(false_discovery_rate(0.05, 1.0 - 0.315, 0.05), 3)
    0.581
    """
    share(share_true, "share_true")
    return 1.0 / (1.0 + power * share_true / (significance * (1.0 - share_true)))


def observed_false_discovery_rate(
    sharpe: float,
    benchmark: float,
    alternative: float,
    n: int,
    share_true: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
    n_trials: float = 1.0,
) -> float:
    """Return the probability of *benchmark*, given a ratio of at least *sharpe* (oFDR).

    For the best of many trials, *benchmark* and *alternative* include what luck adds.

    Examples
    --------
    >>> fund = {"n": 24, "skew": -2.448, "raw_kurtosis": 10.164}
    >>> rate = observed_false_discovery_rate(0.036 / 0.079, 0.0, 0.5, share_true=0.05, **fund)
    >>> round(rate, 3)
    0.306
    """
    shape = (skew, raw_kurtosis, autocorrelation, n_trials)
    null = sharpe_error_null(benchmark, n, *shape)
    real = sharpe_error_null(alternative, n, *shape)
    if not (null > 0.0 and real > 0.0):
        return math.nan
    return _null_share(sharpe, benchmark, alternative, null, real, share(share_true, "share_true"))


def sharpe_for_discovery_rate(
    rate: float,
    benchmark: float,
    alternative: float,
    n: int,
    share_true: float,
    skew: float = 0.0,
    raw_kurtosis: float = 3.0,
    autocorrelation: float = 0.0,
    n_trials: float = 1.0,
) -> float:
    """Return the ratio to ask for so that a share *rate* of what passes is false (SFDR).

    Returns
    -------
    ratio : float
        Minus infinity where everything may pass; NaN where no ratio is high enough.

    Notes
    -----
    The first root of ``P[H0 | ratio >= c] = rate``, searched from ten errors below the benchmark
    to forty above the alternative.

    References
    ----------
    López de Prado, M., Lipton, A. and Zoonekynd, V. (2025). How to Use the Sharpe Ratio.

    Examples
    --------
    >>> round(sharpe_for_discovery_rate(0.25, 0.0, 0.5, 24, 0.10, -2.448, 10.164), 3)
    0.41
    """
    shape = (skew, raw_kurtosis, autocorrelation, n_trials)
    null = sharpe_error_null(benchmark, n, *shape)
    real = sharpe_error_null(alternative, n, *shape)
    if not (alternative > benchmark and null > 0.0 and real > 0.0):
        return math.nan
    share(rate, "rate")
    share(share_true, "share_true")

    def beyond(ratio: float) -> float:
        return _null_share(ratio, benchmark, alternative, null, real, share_true) - rate

    scale = max(null, real)
    places = np.linspace(benchmark - 10.0 * scale, alternative + 40.0 * scale, 2_001)
    if beyond(places[0]) <= 0.0:
        return -math.inf
    for low, high in pairwise(places):
        if beyond(high) <= 0.0:
            return float(brentq(beyond, low, high, xtol=1e-14, rtol=1e-14))
    return math.nan


def _null_share(
    ratio: float,
    benchmark: float,
    alternative: float,
    null: float,
    real: float,
    share_true: float,
) -> float:
    """Return ``P[H0 | at least ratio]``, in logarithms so that far tails keep their digits."""
    odds = log_ndtr((benchmark - ratio) / null) - log_ndtr((alternative - ratio) / real)
    return float(expit(odds + math.log1p(-share_true) - math.log(share_true)))
