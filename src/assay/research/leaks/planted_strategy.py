"""A strategy full of known leaks, and one honest column: what the prover is tried with."""

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.strategy import Bars, feature

HONEST = ("planted_honest",)
SHORT = ("planted_short_warm_up",)


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
    """Return every seventh close, filled backwards."""
    place = np.arange(len(bars)) + (-np.arange(len(bars))) % 7
    there = place < len(bars)
    return np.where(there, bars.close[np.minimum(place, len(bars) - 1)], np.nan)


@feature(warm_up=20)
def planted_short_warm_up(bars: Bars) -> FloatArray:
    """Return an average that remembers for hundreds of bars, and says twenty."""
    out = np.empty(len(bars))
    last = float(bars.close[0])
    for i, close in enumerate(bars.close.tolist()):
        last += (close - last) * (2.0 / 201.0)
        out[i] = last
    return out


def _mean(x: FloatArray, n: int) -> FloatArray:
    """Return the mean of the last *n* values."""
    out = np.full(len(x), np.nan)
    if len(x) >= n:
        out[n - 1 :] = np.lib.stride_tricks.sliding_window_view(x, n).mean(axis=1)
    return out
