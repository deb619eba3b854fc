"""Two strategies on the same days: how sure is the difference between them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.research.statistics.bootstrap import block_length, stationary_indices
from assay.research.statistics.observations import STILL_SHARE, count, is_still, series, share

SAMPLES = 2_000
SAMPLES_MAX = 1_000_000
_SAMPLES_PER_CHUNK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of the first strategy less that of the second.

    Attributes
    ----------
    value : float
        As observed.
    low, high : float
        Percentile interval.
    p : float
        Two-sided: chance of a difference at least as clear if there were none. It is below
        ``1 - confidence`` where the interval leaves out 0, up to one resample.
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedComparison:
    """Two strategies compared on shared days.

    Attributes
    ----------
    mean : Difference
        Mean profit per day, in the unit of the profits; positive: the first earns more.
    sharpe : Difference
        Sharpe ratio per day, ``ddof=1``.
    drawdown : Difference
        Largest fall of the cumulative profit, in the unit of the profits; positive: the first
        falls deeper.
    correlation : float
        Of the two profits; NaN where one does not vary.
    n, n_samples : int
    mean_block : float
    """

    mean: Difference
    sharpe: Difference
    drawdown: Difference
    correlation: float
    n: int
    n_samples: int
    mean_block: float


def compare_paired(
    first: ArrayLike,
    second: ArrayLike,
    rng: np.random.Generator,
    *,
    n_samples: int = SAMPLES,
    confidence: float = 0.95,
    mean_block: float | None = None,
) -> PairedComparison:
    """Compare two strategies by resampling days that they share.

    Parameters
    ----------
    first, second : float64, shape (n,)
        Profit per day on the same days, oldest first, without NaN, at least 10: money for the
        same stake, or returns as fractions.
    rng : numpy.random.Generator
    n_samples : int
        At least 100.
    confidence : float
    mean_block : float, optional
        Mean block length, from 1; if absent, what suits the daily differences.

    Raises
    ------
    DataError
        For NaN, unequal or too short records, or a strategy that earns the same amount, not 0,
        every day but for rounding. One that never trades has the ratio 0.
    ConfigError
        If a number is out of range.

    Notes
    -----
    Blocks of days are drawn by the stationary bootstrap, the same days for both, so that what
    moves both cancels. Interval ends are linear quantiles, as in
    ``arch.bootstrap.StationaryBootstrap.conf_int(method="percentile")``, whose numbers these are
    on the same seed. ``p = 2 min(1 + #{≤ 0}, 1 + #{≥ 0}) / (n_samples + 1)``, at most 1, over the
    resampled differences.

    The drawdown is that of an account that stakes the same every day (profits add up). A resample
    has other drawdowns than the one history; its interval says how far they differ by the order
    and the choice of days.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). The Stationary Bootstrap.
    *Journal of the American Statistical Association*, 89(428), 1303-1313.

    Ledoit, O. and Wolf, M. (2008). Robust Performance Hypothesis Testing with the Sharpe Ratio.
    *Journal of Empirical Finance*, 15(5), 850-859. (Why days are resampled in pairs and blocks.)
    """
    one = series(first, "first", n_min=10)
    two = series(second, "second", n_min=10)
    _check_pair(one, two)
    count(n_samples, "n_samples", minimum=100, maximum=SAMPLES_MAX)
    share(confidence, "confidence")
    length = block_length(one - two) if mean_block is None else mean_block
    if not 1.0 <= length < math.inf:
        raise ConfigError(
            f"mean_block must be at least 1; was {length:g}.",
            remedy="Leave it out to have it chosen from the data.",
            mean_block=length,
        )
    n = len(one)
    drawn = np.empty((n_samples, 3))
    for start in range(0, n_samples, _SAMPLES_PER_CHUNK):
        part = drawn[start : start + _SAMPLES_PER_CHUNK]
        _compare(one, two, stationary_indices(n, len(part), length, rng), part)
    observed = np.empty((1, 3))
    _compare(one, two, np.arange(n)[None, :], observed)
    mean, sharpe, drawdown = (
        _difference(float(observed[0, i]), drawn[:, i], confidence) for i in range(3)
    )
    return PairedComparison(
        mean=mean,
        sharpe=sharpe,
        drawdown=drawdown,
        correlation=_correlation(one, two),
        n=n,
        n_samples=n_samples,
        mean_block=length,
    )


def _check_pair(one: FloatArray, two: FloatArray) -> None:
    if len(one) != len(two):
        raise DataError(
            f"Both strategies must have the same days; have {len(one)} and {len(two)}.",
            remedy="Keep the days that both have.",
        )
    for name, values in (("first", one), ("second", two)):
        if np.any(values != 0.0) and is_still(values):
            raise DataError(
                f"{name} must vary; is {values[0]:g} every day, but for rounding.",
                remedy="A profit without any variance has no Sharpe ratio.",
                name=name,
            )


def _difference(value: float, drawn: FloatArray, confidence: float) -> Difference:
    beyond = 100.0 * (1.0 - confidence) / 2.0
    low, high = np.percentile(drawn, [beyond, 100.0 - beyond])
    rarer = min(int(np.sum(drawn <= 0.0)), int(np.sum(drawn >= 0.0)))
    return Difference(
        value=value,
        low=float(low),
        high=float(high),
        p=min(1.0, 2.0 * (1.0 + rarer) / (len(drawn) + 1.0)),
    )


def _correlation(one: FloatArray, two: FloatArray) -> float:
    if is_still(one) or is_still(two):
        return math.nan
    return float(np.corrcoef(one, two)[0, 1])


@kernel
def _describe(values: FloatArray, rows: IntArray) -> tuple[float, float, float]:
    """Return mean, Sharpe ratio and largest fall of the cumulative sum of *values* at *rows*."""
    n = len(rows)
    total = 0.0
    peak = 0.0
    fall = 0.0
    high = values[rows[0]]
    low = high
    for row in rows:
        total += values[row]
        peak = max(peak, total)
        fall = max(fall, peak - total)
        high = max(high, values[row])
        low = min(low, values[row])
    mean = total / n
    still = not high - low > STILL_SHARE * max(abs(high), abs(low))
    squares = 0.0
    for row in rows:
        squares += (values[row] - mean) ** 2
    if still or squares == 0.0:
        ratio = 0.0 if mean == 0.0 else math.copysign(math.inf, mean)
    else:
        ratio = mean / math.sqrt(squares / (n - 1.0))
    return mean, ratio, fall


@kernel
def _compare(one: FloatArray, two: FloatArray, indices: IntArray, out: FloatArray) -> None:
    """Write the differences of both strategies' figures for each row of *indices*."""
    for s in range(len(indices)):
        mean_one, ratio_one, fall_one = _describe(one, indices[s])
        mean_two, ratio_two, fall_two = _describe(two, indices[s])
        out[s, 0] = mean_one - mean_two
        out[s, 1] = ratio_one - ratio_two if ratio_one != ratio_two else 0.0
        out[s, 2] = fall_one - fall_two
