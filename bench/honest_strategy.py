"""An honest strategy.py, of the kinds of sums that round: the leak prover must accuse none.

python bench/leaks.py ../shared/data/history --strategy bench/honest_strategy.py
"""

import numpy as np
from scipy.signal import butter, lfilter

from assay.kernels.compiler import FloatArray
from assay.strategy import Bars, feature, higher, signal


def windows(values: FloatArray, n: int) -> FloatArray:
    """Return the latest *n* values of every bar as a row, NaN where there are fewer."""
    before = np.full(n - 1, np.nan)
    return np.lib.stride_tricks.sliding_window_view(np.append(before, values), n)


def average(values: FloatArray, span: int) -> FloatArray:
    """Return the exponential mean."""
    share = 2.0 / (span + 1.0)
    out: FloatArray = lfilter([share], [1.0, share - 1.0], values - values[0]) + values[0]
    return out


def returns(bars: Bars) -> FloatArray:
    """Return the change of the logarithm of the close, 0 on the first bar."""
    return np.diff(np.log(bars.close), prepend=np.log(bars.close[:1]))


@feature(warm_up=60)
def distance(bars: Bars) -> FloatArray:
    """Close over the mean of fifty."""
    return np.asarray(bars.close / windows(bars.close, 50).mean(axis=1) - 1.0)


@feature(warm_up=60)
def deviation(bars: Bars) -> FloatArray:
    """Deviation of fifty returns."""
    return np.asarray(windows(returns(bars), 50).std(axis=1))


@feature(warm_up=60)
def squares(bars: Bars) -> FloatArray:
    """Squares of fifty returns, as a difference of sums over the whole history."""
    total = np.cumsum(np.append(0.0, returns(bars) ** 2))
    out = np.full(len(bars), np.nan)
    out[49:] = total[50:] - total[:-50]
    return out


@feature(warm_up=60)
def product(bars: Bars) -> FloatArray:
    """Weighted sum of thirty closes by a product of matrices."""
    table = np.ascontiguousarray(windows(bars.close, 30))
    return np.asarray(table @ np.linspace(-1.0, 1.0, 30) / bars.close)


@feature(warm_up=60)
def line(bars: Bars) -> FloatArray:
    """Slope of a line through twenty closes."""
    weights = np.linalg.pinv(np.column_stack((np.ones(20), np.arange(20.0))))[1]
    return np.asarray(windows(bars.close, 20) @ weights / bars.close)


@feature(warm_up=60)
def convolved(bars: Bars) -> FloatArray:
    """Hann-weighted mean of twenty-one closes, convolved."""
    weights = np.hanning(21) / np.hanning(21).sum()
    return np.asarray(np.convolve(bars.close, weights)[: len(bars)] / bars.close - 1.0)


@feature(warm_up=900)
def two_means(bars: Bars) -> FloatArray:
    """Difference of two exponential means."""
    return np.asarray(average(bars.close, 12) / average(bars.close, 26) - 1.0)


@feature(warm_up=2_000)
def filtered(bars: Bars) -> FloatArray:
    """Close over a low-pass filter of it."""
    first = bars.close[0]
    out = lfilter(*butter(2, 0.05), bars.close - first) + first
    return np.asarray(bars.close / out - 1.0)


@feature(warm_up=100)
def rank(bars: Bars) -> FloatArray:
    """Share of the last hundred closes that are lower."""
    return np.asarray((windows(bars.close, 100) < bars.close[:, None]).mean(axis=1))


@feature(warm_up=3 * 1_440)
def day(bars: Bars) -> FloatArray:
    """Move of the last whole day."""
    return higher(bars, "D1", lambda longer: longer.close / longer.open - 1.0)


@feature(warm_up=0)
def hour(bars: Bars) -> FloatArray:
    """Hour of the day."""
    return np.asarray(bars.time_ns // 3_600_000_000_000 % 24, dtype=np.float64)


@signal(warm_up=100)
def breakout(bars: Bars) -> FloatArray:
    """Vote with a close beyond the hundred before it."""
    before = windows(bars.close, 101)[:, :-1]
    above = bars.close > before.max(axis=1)
    below = bars.close < before.min(axis=1)
    return np.asarray(above.astype(float) - below.astype(float))
