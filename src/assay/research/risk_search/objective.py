"""How good a case is: the median over many unions of blocks of time, less their dispersion."""

import math
from enum import Enum, unique
from functools import cache
from itertools import combinations

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.research.statistics.dispersion import median_deviations

CASES_AT_ONCE = 2_000


@unique
class Measure(Enum):
    """What of a record is good.

    ``SHARPE`` does not see how large the positions are, ``GROWTH`` (of the logarithm of equity, a
    year) does.
    """

    SHARPE = "sharpe"
    GROWTH = "growth"


@cache
def unions_of(n_blocks: int) -> FloatArray:
    """Return the halves of the blocks, 1 for a block that belongs, shape (n_unions, n_blocks)."""
    halves = list(combinations(range(n_blocks), n_blocks // 2))
    unions = np.zeros((len(halves), n_blocks))
    for row, half in zip(unions, halves, strict=True):
        row[list(half)] = 1.0
    unions.flags.writeable = False
    return unions


def measured(
    sums: FloatArray, days: FloatArray, unions: FloatArray, measure: Measure, days_per_year: float
) -> FloatArray:
    """Return the measure of each case over each union, annual, shape (n_cases, n_unions).

    Parameters
    ----------
    sums : float64, shape (n_cases, n_blocks, 2)
        Sum and sum of squares of daily returns.
    days : float64, shape (n_blocks,)
    unions : float64, shape (n_unions, n_blocks)
    measure : Measure
    days_per_year : float

    Notes
    -----
    The Sharpe ratio is that of the daily returns of the union, ``ddof=1``, exactly; 0 where nothing
    was traded. The growth is ``Σ (r - r²/2)``, the logarithm of equity to second order.
    """
    n = unions @ days
    total, squares = sums[:, :, 0] @ unions.T, sums[:, :, 1] @ unions.T
    if measure is Measure.GROWTH:
        return np.asarray((total - 0.5 * squares) / n * days_per_year)
    mean = total / n
    spread = np.sqrt(np.maximum(squares - total * mean, 0.0) / (n - 1.0))
    ratio = np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0.0)
    return np.asarray(ratio * math.sqrt(days_per_year))


def objectives(
    sums: FloatArray,
    days: FloatArray,
    *,
    measure: Measure,
    days_per_year: float,
    dispersion_weight: float,
) -> FloatArray:
    """Return median less weighted dispersion over the unions, shape (n_cases,).

    The dispersion is the median absolute deviation times 1.4826.
    """
    unions = unions_of(sums.shape[1])
    parts = []
    for first in range(0, len(sums), CASES_AT_ONCE):
        some = sums[first : first + CASES_AT_ONCE]
        paths = measured(some, days, unions, measure, days_per_year)
        median = np.median(paths, axis=1)
        parts.append(median - dispersion_weight * median_deviations(paths))
    return np.concatenate(parts)
