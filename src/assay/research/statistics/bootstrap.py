"""The stationary bootstrap: confidence intervals that respect the order of returns."""

import math

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.research.statistics.observations import is_still, moderate, series

N_STATISTICS = 7
"""Columns of :func:`path_statistics`: mean, deviation, downside, growth, drawdown, CVaR, skew."""

_SAMPLES_PER_CHUNK = 128


def block_length(values: FloatArray) -> float:
    """Return the mean block length that suits the memory of *values*.

    Parameters
    ----------
    values : float64, shape (n,)
        Oldest first, without NaN.

    Returns
    -------
    length : float
        Unit: values, at least 1. At most ``min(3 sqrt(n), n / 3)``, rounded up; 1 for fewer than
        10 values and for values that do not vary but by rounding.

    Raises
    ------
    DataError
        If a value is NaN or infinite.

    Notes
    -----
    ``(2 g² n / d)^(1/3)`` with flat-top weighted autocovariances; lags from the first run of
    insignificant autocorrelations on are left out. The bandwidth is twice the first lag *of* that
    run, as the authors' programs and the package arch have it; the paper of 2004 takes the lag
    before it. An autocorrelation is scaled by the parts of the record that overlap, as there.
    O(n sqrt(n)).

    References
    ----------
    Politis, D. N. and White, H. (2004). Automatic Block-Length Selection for the Dependent
    Bootstrap. *Econometric Reviews*, 23(1), 53-70.

    Patton, A., Politis, D. N. and White, H. (2009). Correction to "Automatic Block-Length
    Selection for the Dependent Bootstrap". *Econometric Reviews*, 28(4), 372-375.
    """
    known = series(values, "values", n_min=0, has_powers=False)
    n = len(known)
    if n < 10 or is_still(known):
        return 1.0
    known = moderate(known)
    centred = known - np.mean(known)
    n_quiet = max(5, int(math.log10(n)))
    lag_max = min(math.ceil(math.sqrt(n)) + n_quiet, n - 2)
    covariance = np.array([centred[lag:] @ centred[: n - lag] for lag in range(lag_max + 1)]) / n
    squares = np.concatenate(([0.0], np.cumsum(centred * centred)))
    beyond = np.arange(1, lag_max + 2)
    scale = np.sqrt((squares[n] - squares[beyond]) * squares[n - beyond]) / n
    quiet = np.abs(covariance) < scale * 2.0 * math.sqrt(math.log10(n) / n)
    first_quiet = 0
    run = 0
    for lag in range(lag_max):  # the last lag is never asked, as in arch
        run = run + 1 if quiet[lag] else 0
        if run == n_quiet:
            first_quiet = lag + 1 - n_quiet
            break
    else:
        first_quiet = lag_max
    bandwidth = min(2 * max(first_quiet, 1), lag_max)
    lags = np.arange(1, bandwidth + 1)
    share = lags / bandwidth
    weight = np.where(share <= 0.5, 1.0, 2.0 * (1.0 - share))
    slope = float(np.sum(2.0 * weight * lags * covariance[1 : bandwidth + 1]))
    spectrum = float(covariance[0] + np.sum(2.0 * weight * covariance[1 : bandwidth + 1]))
    if spectrum == 0.0:
        return 1.0
    length = (slope * slope / (spectrum * spectrum)) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return float(min(max(length, 1.0), math.ceil(min(3.0 * math.sqrt(n), n / 3.0))))


def stationary_indices(
    n: int, n_samples: int, mean_block: float, rng: np.random.Generator
) -> IntArray:
    """Draw the rows of resampled records, which several series may share.

    Parameters
    ----------
    n : int
        Rows of the record, and of each resample.
    n_samples : int
    mean_block : float
        Mean block length, at least 1.
    rng : numpy.random.Generator

    Returns
    -------
    indices : int64, shape (n_samples, n)
        Row *j* of resample *i* is row ``indices[i, j]`` of the record.

    Notes
    -----
    A block goes on with probability ``1 - 1 / mean_block`` and wraps around at the end. Numbers
    are drawn in the order of ``arch.bootstrap.StationaryBootstrap``, so that the same seed draws
    the same rows there.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). The Stationary Bootstrap.
    *Journal of the American Statistical Association*, 89(428), 1303-1313.

    Examples
    --------
    >>> stationary_indices(6, 1, 3.0, np.random.default_rng(5)).tolist()
    [[4, 4, 5, 0, 2, 3]]
    """
    indices = np.empty((n_samples, n), np.int64)
    for row in indices:
        row[:] = rng.integers(n, size=n)
        _join_blocks(row, rng.random(n), 1.0 / mean_block)
    return indices


@kernel
def _join_blocks(row: IntArray, uniform: FloatArray, restart: float) -> None:
    """Let a drawn row stand only where a block begins; elsewhere follow the one before."""
    n = len(row)
    for j in range(1, n):
        if uniform[j] > restart:
            row[j] = row[j - 1] + 1 if row[j - 1] + 1 < n else 0


@kernel
def _next_place(place: int, draw: float, restart: float, n: int) -> int:
    """Continue the block unless ``draw < restart``; then the draw, scaled, is the new place."""
    if draw < restart:
        return min(int(draw / restart * n), n - 1)
    return place + 1 if place + 1 < n else 0


@kernel
def _fill_path_statistics(
    values: FloatArray,
    order: IntArray,
    uniform: FloatArray,
    restart: float,
    tail_mass: float,
    out: FloatArray,
) -> None:
    """Write the statistics of one resampled path per row of *uniform* into *out*.

    *order* lists indices from the worst value to the best, so that the
    tail mean needs counts and no sort. All of *values* are larger than -1.
    """
    n_samples, n = uniform.shape
    growth_of = np.log1p(values)
    counts = np.empty(n, np.int64)
    for s in range(n_samples):
        counts[:] = 0
        place = int(uniform[s, 0] * n)
        log_equity = 0.0
        peak = 0.0
        fall = 0.0
        total = 0.0
        squares = 0.0
        cubes = 0.0
        downside = 0.0
        for j in range(n):
            if j > 0:
                place = _next_place(place, uniform[s, j], restart, n)
            value = values[place]
            counts[place] += 1
            total += value
            squares += value * value
            cubes += value * value * value
            if value < 0.0:
                downside += value * value
            log_equity += growth_of[place]
            peak = max(peak, log_equity)
            fall = min(fall, log_equity - peak)
        mean = total / n
        variance = max(squares / n - mean * mean, 0.0)
        left = tail_mass
        tail = 0.0
        for i in order:
            used = min(left, float(counts[i]))
            tail += used * values[i]
            left -= used
            if left <= 0.0:
                break
        out[s, 0] = mean
        out[s, 1] = math.sqrt(variance * n / (n - 1))
        out[s, 2] = math.sqrt(downside / n)
        out[s, 3] = log_equity / n
        out[s, 4] = 1.0 - math.exp(fall)
        out[s, 5] = -tail / tail_mass
        third = cubes / n - 3.0 * mean * squares / n + 2.0 * mean * mean * mean
        out[s, 6] = third / variance**1.5 if variance > 0.0 else np.nan


def path_statistics(
    returns: FloatArray,
    n_samples: int,
    rng: np.random.Generator,
    *,
    tail: float = 0.05,
    mean_block: float | None = None,
) -> FloatArray:
    """Resample a path of returns many times and describe each new path.

    Parameters
    ----------
    returns : float64, shape (n,)
        Returns per period as fractions above -1, oldest first, at least 2 of them.
    n_samples : int
    rng : numpy.random.Generator
    tail : float
        Share of worst returns whose mean loss is the CVaR, (0, 1).
    mean_block : float, optional
        Mean block length; chosen by :func:`block_length` if absent.

    Returns
    -------
    statistics : float64, shape (n_samples, 7)
        Mean, standard deviation (``ddof=1``), downside deviation about 0, mean log growth,
        largest drawdown (fraction), CVaR (positive loss) and skewness of each path.

    Notes
    -----
    Blocks start anywhere and wrap around; their lengths are geometric. O(n_samples · n).

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). The Stationary Bootstrap.
    *Journal of the American Statistical Association*, 89(428), 1303-1313.
    """
    n = len(returns)
    length = block_length(returns) if mean_block is None else mean_block
    values = np.ascontiguousarray(np.maximum(returns, -1.0 + 1e-12), dtype=np.float64)
    order = np.argsort(values, kind="stable")
    out = np.empty((n_samples, N_STATISTICS))
    for start in range(0, n_samples, _SAMPLES_PER_CHUNK):
        part = out[start : start + _SAMPLES_PER_CHUNK]
        uniform = rng.random((len(part), n))
        _fill_path_statistics(values, order, uniform, 1.0 / length, tail * n, part)
    return out


@kernel
def _fill_trade_statistics(
    net: FloatArray, uniform: FloatArray, restart: float, out: FloatArray
) -> None:
    """Write win rate, profit factor, expectancy and payoff of each resample into *out*."""
    n_samples, n = uniform.shape
    for s in range(n_samples):
        place = int(uniform[s, 0] * n)
        wins = 0
        losses = 0
        won = 0.0
        lost = 0.0
        for j in range(n):
            if j > 0:
                place = _next_place(place, uniform[s, j], restart, n)
            value = net[place]
            if value > 0.0:
                wins += 1
                won += value
            elif value < 0.0:
                losses += 1
                lost -= value
        out[s, 0] = wins / n
        out[s, 1] = won / lost if lost > 0.0 else np.inf
        out[s, 2] = (won - lost) / n
        out[s, 3] = (won / wins) / (lost / losses) if wins > 0 and losses > 0 else np.nan


def trade_statistics(net: FloatArray, n_samples: int, rng: np.random.Generator) -> FloatArray:
    """Resample trades many times and describe each set.

    Parameters
    ----------
    net : float64, shape (n_trades,)
        Net profit per trade, account currency, in order of exit, at least 1 of them.
    n_samples : int
    rng : numpy.random.Generator

    Returns
    -------
    statistics : float64, shape (n_samples, 4)
        Win rate, profit factor (infinite without a loss), expectancy and payoff ratio
        (NaN without a win or a loss).
    """
    values = np.ascontiguousarray(net, dtype=np.float64)
    restart = 1.0 / block_length(values)
    out = np.empty((n_samples, 4))
    for start in range(0, n_samples, _SAMPLES_PER_CHUNK):
        part = out[start : start + _SAMPLES_PER_CHUNK]
        _fill_trade_statistics(values, rng.random((len(part), len(values))), restart, part)
    return out


def interval(samples: FloatArray, confidence: float) -> tuple[float, float]:
    """Return the central percentile interval of *samples*, NaN values left out.

    Parameters
    ----------
    samples : float64, shape (n_samples,)
        Infinite values count as the largest.
    confidence : float
        Such as 0.95, which leaves 2.5 % on either side.
    """
    known = np.sort(samples[~np.isnan(samples)])
    if not len(known):
        return math.nan, math.nan
    beyond = (1.0 - confidence) / 2.0
    low = known[math.floor(beyond * (len(known) - 1))]
    high = known[math.ceil((1.0 - beyond) * (len(known) - 1))]
    return float(low), float(high)
