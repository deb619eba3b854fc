"""What is left of a strategy once the market's own drift is taken out."""

import math
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.research.daily import DailyReturns


@dataclass(frozen=True, slots=True, kw_only=True)
class Alpha:
    """A regression of daily returns on those of a benchmark.

    Attributes
    ----------
    alpha_daily : float
        Return per day that the benchmark does not explain, as a fraction.
    beta : float
        Share of the benchmark's moves that the strategy takes part in.
    t_statistic : float
        Of *alpha_daily*, with errors robust to heteroskedasticity and autocorrelation.
    residual_sharpe : float
        *alpha_daily* over the deviation of the residuals, per day.
    correlation : float
    n_days : int
    """

    alpha_daily: float
    beta: float
    t_statistic: float
    residual_sharpe: float
    correlation: float
    n_days: int


def shared_days(one: DailyReturns, other: DailyReturns) -> tuple[FloatArray, FloatArray]:
    """Return the returns of both on the days that both have."""
    _, i, j = np.intersect1d(one.day_ns, other.day_ns, assume_unique=True, return_indices=True)
    return one.returns[i], other.returns[j]


def regress(returns: FloatArray, benchmark: FloatArray) -> Alpha:
    """Regress *returns* on *benchmark*, day by day.

    Parameters
    ----------
    returns, benchmark : float64, shape (n_days,)
        Of the same days, oldest first. A benchmark that never moves leaves beta at 0.

    Notes
    -----
    Newey-West errors with Bartlett weights and ``floor(4 (n/100)^(2/9))`` lags.

    References
    ----------
    Newey, W. K. and West, K. D. (1987). A Simple, Positive Semi-Definite,
    Heteroskedasticity and Autocorrelation Consistent Covariance Matrix. *Econometrica*, 55(3).
    """
    n = len(returns)
    nan = math.nan
    if n < 30 or not np.any(returns != returns[0]):
        return Alpha(
            alpha_daily=nan,
            beta=nan,
            t_statistic=nan,
            residual_sharpe=nan,
            correlation=nan,
            n_days=n,
        )
    moves = bool(np.any(benchmark != benchmark[0]))
    columns = [np.ones(n), benchmark] if moves else [np.ones(n)]
    design = np.column_stack(columns)
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ returns
    residual = returns - design @ coefficients
    score = design * residual[:, None]
    meat = score.T @ score
    n_lags = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0))
    for lag in range(1, n_lags + 1):
        cross = score[lag:].T @ score[:-lag]
        meat += (1.0 - lag / (n_lags + 1.0)) * (cross + cross.T)
    variance = float((inverse @ meat @ inverse)[0, 0])
    deviation = float(np.std(residual, ddof=design.shape[1]))
    intercept = float(coefficients[0])
    return Alpha(
        alpha_daily=intercept,
        beta=float(coefficients[1]) if moves else 0.0,
        t_statistic=intercept / math.sqrt(variance) if variance > 0.0 else nan,
        residual_sharpe=intercept / deviation if deviation > 0.0 else nan,
        correlation=float(np.corrcoef(returns, benchmark)[0, 1]) if moves else 0.0,
        n_days=n,
    )
