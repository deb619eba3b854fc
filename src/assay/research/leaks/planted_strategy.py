"""A strategy full of known leaks, and one honest column: what the prover is tried with."""

import sys

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.strategy import Bars, feature

HONEST = ("planted_honest",)
SHORT = ("planted_short_warm_up",)
TRACE = ("planted_trace",)
MEMORY = ("planted_memory",)
COUNTING = ("planted_counter",)
BLOCK_BARS = 48
KEPT_IN_SYS = "_planted_by_the_leak_prover"


@feature(warm_up=20)
def planted_honest(bars: Bars) -> FloatArray:
    """Return the distance from the mean of the last twenty closes: it knows no more."""
    return np.asarray(bars.close / _mean(bars.close, 20) - 1.0)


@feature(warm_up=1)
def planted_next_close(bars: Bars) -> FloatArray:
    """Return the next close: a negative shift."""
    return np.append(bars.close[1:], np.nan)


@feature(warm_up=1)
def planted_normalised(bars: Bars) -> FloatArray:
    """Return the close in deviations of the whole frame, whatever is missing there."""
    finite = bars.close[np.isfinite(bars.close)]
    return np.asarray((bars.close - finite.mean()) / max(float(finite.std()), 1e-300))


@feature(warm_up=1)
def planted_last_row(bars: Bars) -> FloatArray:
    """Return the close over that of the last row."""
    return np.asarray(bars.close / bars.close[-1])


@feature(warm_up=20)
def planted_centred(bars: Bars) -> FloatArray:
    """Return the mean of a window around each bar."""
    return np.append(_mean(bars.close, 9)[4:], np.full(4, np.nan))


@feature(warm_up=20)
def planted_back_fill(bars: Bars) -> FloatArray:
    """Return one close in two days, filled backwards."""
    place = (np.arange(len(bars)) // BLOCK_BARS + 1) * BLOCK_BARS
    there = place < len(bars)
    return np.where(there, bars.close[np.minimum(place, len(bars) - 1)], np.nan)


@feature(warm_up=20)
def planted_short_warm_up(bars: Bars) -> FloatArray:
    """Return a sum that never forgets, and says twenty."""
    return np.cumsum(np.ones(len(bars)))


@feature(warm_up=1)
def planted_trace(bars: Bars) -> FloatArray:
    """Return ones, and a trace of the next close that is a thousand times below 1e-9."""
    following = np.log(np.append(bars.close[1:], 1.0))
    return np.asarray(1.0 + 1e-12 * (following * 1e6 % 1.0))


@feature(warm_up=1)
def planted_memory(bars: Bars) -> FloatArray:
    """Return the next close as it was in the longest history that the process has seen."""
    longest = vars(sys).setdefault(KEPT_IN_SYS, {})
    first = int(bars.time_ns[0])
    if len(longest.get(first, ())) <= len(bars):
        longest[first] = np.append(bars.close, np.nan)
    return np.asarray(longest[first][1 : len(bars) + 1])


_calls = [0]


@feature(warm_up=1)
def planted_counter(bars: Bars) -> FloatArray:
    """Return how often it was called: no two answers are alike."""
    _calls[0] += 1
    return np.full(len(bars), float(_calls[0]))


def _mean(x: FloatArray, n: int) -> FloatArray:
    """Return the mean of the last *n* values."""
    out = np.full(len(x), np.nan)
    if len(x) >= n:
        out[n - 1 :] = np.lib.stride_tricks.sliding_window_view(x, n).mean(axis=1)
    return out
