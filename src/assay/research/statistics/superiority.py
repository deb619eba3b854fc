"""Whether the best of many models beats a benchmark, after so many were looked at; and which do.

White's reality check, Hansen's test of superior predictive ability and the stepwise test of Romano
and Wolf, on the stationary bootstrap.
"""

import math
from dataclasses import dataclass
from enum import Enum, unique

import numpy as np
from numpy.typing import ArrayLike

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.research.statistics.bootstrap import block_length, stationary_indices
from assay.research.statistics.observations import count, is_still, share, table

SAMPLES = 1_000
SAMPLES_MAX = 1_000_000
CELLS_MAX = 100_000_000
"""Samples times models that are held at once."""
_SAMPLES_PER_CHUNK = 64
_COLUMNS_PER_CHUNK = 64


@unique
class Recentring(Enum):
    """Which models count as no better than the benchmark when luck is simulated.

    ``UPPER`` moves all of them to the benchmark, White's least favourable case; ``LOWER`` leaves
    the worse ones where they are; ``CONSISTENT`` leaves those that are clearly worse.
    """

    LOWER = "lower"
    CONSISTENT = "consistent"
    UPPER = "upper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Superiority:
    """Whether the best model's lead over the benchmark is more than luck.

    Attributes
    ----------
    statistic : float
        The largest mean difference; in standard errors if studentised.
    best : int
        The model that has it, a column; the first of equals.
    p_lower, p_consistent, p_upper : float
        ``(1 + k) / (1 + n_samples)``, with *k* the simulated records in which luck alone leads by
        as much: never 0, however few are drawn. The consistent one is Hansen's answer, the others
        bound it; without studentising the upper one is White's.
    shares : (float, float, float)
        ``k / n_samples`` of the same three, the convention of the papers and of arch; it may be 0.
    n_samples : int
    mean_block : float
        Mean block length that was resampled.
    """

    statistic: float
    best: int
    p_lower: float
    p_consistent: float
    p_upper: float
    shares: tuple[float, float, float]
    n_samples: int
    mean_block: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepwise:
    """The models that beat the benchmark, at a chance of one error among all of them.

    Attributes
    ----------
    superior : tuple of int
        Columns, rising.
    p_values : float64, shape (n_models,)
        Adjusted for all models, ``(1 + k) / (1 + n_samples)``; a model is found at every size
        that is larger.
    statistics : float64, shape (n_models,)
        Mean differences; in standard errors if studentised.
    """

    superior: tuple[int, ...]
    p_values: FloatArray
    statistics: FloatArray


def superior_ability(
    differences: ArrayLike,
    rng: np.random.Generator,
    *,
    n_samples: int = SAMPLES,
    mean_block: float | None = None,
    studentised: bool = True,
) -> Superiority:
    """Test whether any model beats the benchmark: Hansen's SPA.

    Parameters
    ----------
    differences : float64, shape (n_periods, n_models)
        What each model did better than the benchmark in each period: its profit less the
        benchmark's, or the benchmark's loss less its own. Oldest first, without NaN, of *every*
        model that was looked at. At least 3 periods.
    rng : numpy.random.Generator
    n_samples : int
        Resampled records.
    mean_block : float, optional
        Mean block length, from 1; if absent, the mean over the models of what suits each.
    studentised : bool
        Whether differences count in their own standard errors, as Hansen proposes, so that one
        model of large variance cannot hide the others.

    Raises
    ------
    DataError
        For NaN, too few periods, or (studentised) a model that differs by the same amount, not 0,
        in every period but for rounding. One that never differs counts as having no lead.
    ConfigError
        If a number is out of range.

    Notes
    -----
    ``T = max_k sqrt(n) d̄_k / ω_k`` against ``T* = max_k sqrt(n) (d̄*_k - g(d̄_k)) / ω_k``; ``p`` is
    ``(1 + #{T* >= T}) / (1 + n_samples)``. ``g(x)`` is ``max(x, 0)`` (lower), ``x`` unless
    ``x < -sqrt(2 ln ln n) ω/sqrt(n)``, then 0 (consistent), ``x`` (upper). ``ω²`` is the variance
    that the stationary bootstrap itself has. Hansen floors T and T* at 0, here nothing is
    floored; that matters only where no model leads, and there *p* is not smaller. Of nulls at the
    5 % level 5 % are rejected where days are independent, 7 % at an autocorrelation of 0.3 over
    1,000 days, 11 % over 250: a long memory needs a long record.

    The papers and arch take the plain share ``#{T* >= T} / n_samples``, which says 0 where no
    simulated record leads by as much; ours counts the record itself among them. Without
    studentising, statistics and ``shares`` are those of ``arch.bootstrap.SPA`` on the same seed
    and block length, to the last digit. (arch counts ``T* > T``, so that a model that *is*
    the benchmark beats it with p = 0; its ``studentize=True`` leaves the statistic as it is; its
    default block length, ``sqrt(n)``, rejects twice as many nulls as it should at n = 250.)

    References
    ----------
    Hansen, P. R. (2005). A Test for Superior Predictive Ability. *Journal of Business & Economic
    Statistics*, 23(4), 365-380.

    Davison, A. C. and Hinkley, D. V. (1997). *Bootstrap Methods and their Application*, sec. 4.2.
    Cambridge University Press. (Why 1 is added to both.)
    """
    luck = _simulate(differences, rng, n_samples, mean_block, studentised)
    statistic = float(np.max(luck.statistics))
    lower, consistent, upper = (
        int(np.sum(np.max(luck.simulated(kind), axis=1) >= statistic)) for kind in Recentring
    )
    return Superiority(
        statistic=statistic,
        best=int(np.argmax(luck.statistics)),
        p_lower=(1 + lower) / (1 + n_samples),
        p_consistent=(1 + consistent) / (1 + n_samples),
        p_upper=(1 + upper) / (1 + n_samples),
        shares=(lower / n_samples, consistent / n_samples, upper / n_samples),
        n_samples=n_samples,
        mean_block=luck.mean_block,
    )


def reality_check(
    differences: ArrayLike,
    rng: np.random.Generator,
    *,
    n_samples: int = SAMPLES,
    mean_block: float | None = None,
) -> float:
    """Return the p-value of White's reality check: nobody beats the benchmark.

    Parameters, errors and arch's counterpart are those of :func:`superior_ability`: this is its
    upper p-value without studentising. White's and arch's own convention is ``shares[2]`` there.

    References
    ----------
    White, H. (2000). A Reality Check for Data Snooping. *Econometrica*, 68(5), 1097-1126.
    """
    found = superior_ability(
        differences, rng, n_samples=n_samples, mean_block=mean_block, studentised=False
    )
    return found.p_upper


def stepwise_superior(
    differences: ArrayLike,
    rng: np.random.Generator,
    *,
    size: float = 0.05,
    n_samples: int = SAMPLES,
    mean_block: float | None = None,
    studentised: bool = True,
    recentring: Recentring = Recentring.CONSISTENT,
) -> Stepwise:
    """Return the models that beat the benchmark: StepM of Romano and Wolf.

    Parameters
    ----------
    differences, rng, n_samples, mean_block, studentised
        As in :func:`superior_ability`.
    size : float
        Chance of one or more false names in the whole set.
    recentring : Recentring
        Romano and Wolf take ``UPPER``; ``CONSISTENT`` finds more and is what arch does.

    Notes
    -----
    Models above the ``1 - size`` quantile of the largest simulated lead are found and taken out;
    the quantile of the rest is lower; again, until nobody is found. Adjusted p-values are the
    step-down ones: a model's share of simulated leads, of models no better than it, that reach
    its own, at least as large as that of every better model. Without studentising the set is that
    of ``arch.bootstrap.StepM`` on the same seed, where that ends (it fails once all are found).

    References
    ----------
    Romano, J. P. and Wolf, M. (2005). Stepwise Multiple Testing as Formalized Data Snooping.
    *Econometrica*, 73(4), 1237-1282.

    Hsu, P.-H., Hsu, Y.-C. and Kuan, C.-M. (2010). Testing the Predictive Ability of Technical
    Analysis Using a New Stepwise Test Without Data Snooping Bias. *Journal of Empirical Finance*,
    17(3), 471-484.
    """
    share(size, "size")
    luck = _simulate(differences, rng, n_samples, mean_block, studentised)
    simulated = luck.simulated(recentring)
    left = np.ones(len(luck.statistics), np.bool_)
    while left.any():
        hurdle = np.percentile(np.max(simulated[:, left], axis=1), 100.0 * (1.0 - size))
        found = left & (luck.statistics > hurdle)
        if not found.any():
            break
        left &= ~found
    return Stepwise(
        superior=tuple(int(k) for k in np.flatnonzero(~left)),
        p_values=_step_down(luck.statistics, simulated),
        statistics=luck.statistics,
    )


def _step_down(statistics: FloatArray, simulated: FloatArray) -> FloatArray:
    """Return adjusted p-values, float64, shape (n_models,)."""
    rising = np.argsort(statistics, kind="stable")
    largest = np.full(len(simulated), -np.inf)
    p = np.empty(len(statistics))
    for k in rising:
        np.maximum(largest, simulated[:, k], out=largest)
        p[k] = (1 + np.sum(largest >= statistics[k])) / (1 + len(simulated))
    p[rising[::-1]] = np.maximum.accumulate(p[rising[::-1]])
    return p


@dataclass(frozen=True, slots=True, kw_only=True)
class _Luck:
    """Leads of all models, observed and resampled, in one unit.

    Attributes
    ----------
    statistics : float64, shape (n_models,)
    resampled : float64, shape (n_samples, n_models)
    threshold : float64, shape (n_models,)
        Below it a model is clearly worse than the benchmark.
    mean_block : float
    """

    statistics: FloatArray
    resampled: FloatArray
    threshold: FloatArray
    mean_block: float

    def simulated(self, kind: Recentring) -> FloatArray:
        """Return the leads that luck alone makes, float64, shape (n_samples, n_models)."""
        if kind is Recentring.LOWER:
            centre = np.maximum(self.statistics, 0.0)
        elif kind is Recentring.CONSISTENT:
            centre = np.where(self.statistics >= self.threshold, self.statistics, 0.0)
        else:
            centre = self.statistics
        return self.resampled - centre


def _simulate(
    differences: ArrayLike,
    rng: np.random.Generator,
    n_samples: int,
    mean_block: float | None,
    studentised: bool,
) -> _Luck:
    values = table(differences, "differences", n_rows_min=3)
    n, n_models = values.shape
    count(n_samples, "n_samples", minimum=1, maximum=SAMPLES_MAX)
    if n_samples * n_models > CELLS_MAX:
        raise ConfigError(
            f"Samples times models must be at most {CELLS_MAX:,}; were "
            f"{n_samples:,} · {n_models:,}.",
            remedy="Draw fewer samples, or compare one model of each group of near copies.",
            n_models=n_models,
        )
    length = _mean_block(values, mean_block)
    mean = np.mean(values, axis=0)
    deviation = np.sqrt(bootstrap_variance(values, length))
    resampled = np.empty((n_samples, n_models))
    for start in range(0, n_samples, _SAMPLES_PER_CHUNK):
        part = resampled[start : start + _SAMPLES_PER_CHUNK]
        _resample_means(values, stationary_indices(n, len(part), length, rng), part)
    unit = _standard_errors(values, deviation / math.sqrt(n)) if studentised else 1.0
    bound = deviation * math.sqrt(2.0 * math.log(math.log(n)) / n)
    return _Luck(
        statistics=mean / unit,
        resampled=resampled / unit,
        threshold=-bound / unit,
        mean_block=length,
    )


def _mean_block(values: FloatArray, mean_block: float | None) -> float:
    if mean_block is None:
        return float(np.mean([block_length(column) for column in values.T]))
    if not 1.0 <= mean_block < math.inf:
        raise ConfigError(
            f"mean_block must be at least 1; was {mean_block:g}.",
            remedy="Leave it out to have it chosen from the data.",
            mean_block=mean_block,
        )
    return mean_block


def _standard_errors(values: FloatArray, errors: FloatArray) -> FloatArray:
    """Return what differences are divided by; 1 where a model never differs."""
    still = np.array([is_still(column) for column in values.T])
    wrong = np.flatnonzero(still & np.any(values != 0.0, axis=0))
    if len(wrong):
        raise DataError(
            f"differences must vary; column {wrong[0]} is {values[0, wrong[0]]:g} in every period, "
            "but for rounding.",
            remedy="A lead without any variance needs no test; leave that model out.",
            column=int(wrong[0]),
        )
    return np.where(still | (errors == 0.0), 1.0, errors)


def bootstrap_variance(values: FloatArray, mean_block: float) -> FloatArray:
    """Return the variance that the stationary bootstrap gives ``sqrt(n)`` times each mean.

    Parameters
    ----------
    values : float64, shape (n, n_columns)
    mean_block : float
        At least 1.

    Returns
    -------
    variance : float64, shape (n_columns,)

    Notes
    -----
    ``γ₀ + 2 Σ_k ((1 - k/n)(1 - q)^k + k/n (1 - q)^(n - k)) γ_k`` with ``q = 1 / mean_block`` and
    autocovariances that divide by n, all of them at once by a Fourier transform.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). The Stationary Bootstrap, lemma 1.
    """
    n, n_columns = values.shape
    stay = 1.0 - 1.0 / mean_block
    lag = np.arange(1, n)
    weight = (1.0 - lag / n) * stay**lag + lag / n * stay ** (n - lag)
    size = 1 << (2 * n - 1).bit_length()
    variance = np.empty(n_columns)
    for start in range(0, n_columns, _COLUMNS_PER_CHUNK):
        columns = slice(start, start + _COLUMNS_PER_CHUNK)
        centred = values[:, columns] - np.mean(values[:, columns], axis=0)
        spectrum = np.abs(np.fft.rfft(centred, size, axis=0)) ** 2
        covariance = np.fft.irfft(spectrum, size, axis=0)[:n] / n
        variance[columns] = covariance[0] + 2.0 * np.sum(weight[:, None] * covariance[1:], axis=0)
    return np.maximum(variance, 0.0)


@kernel
def _resample_means(values: FloatArray, indices: IntArray, out: FloatArray) -> None:
    """Write the column means of each resample of *values* into *out*."""
    n, n_columns = values.shape
    for s in range(len(indices)):
        total = np.zeros(n_columns)
        for j in range(n):
            row = indices[s, j]
            for k in range(n_columns):
                total[k] += values[row, k]
        for k in range(n_columns):
            out[s, k] = total[k] / n
