"""A strategy of one's own: two features for the models and one signal among the votes.

Copy it into a workspace and name it strategy.py; `assay run` says that it uses it.
"""

import numpy as np

from assay.strategy import Bars, feature, higher, signal


def trailing(values: np.ndarray, n_bars: int) -> np.ndarray:
    """Return the latest *n_bars* values of every bar as a row, NaN where there are fewer."""
    before = np.full(n_bars - 1, np.nan)
    return np.lib.stride_tricks.sliding_window_view(np.append(before, values), n_bars)


def true_range(bars: Bars) -> np.ndarray:
    """Return the range of each bar, the gap to the close before it included."""
    before = np.append(np.nan, bars.close[:-1])
    return np.fmax(bars.high, before) - np.fmin(bars.low, before)


@feature(warm_up=61)
def squeeze(bars: Bars) -> np.ndarray:
    """Range of the last 12 bars in that of the last 60: small before many a breakout."""
    ranges = true_range(bars)
    return trailing(ranges, 12).mean(axis=1) / trailing(ranges, 60).mean(axis=1)


def slope(bars: Bars) -> np.ndarray:
    """Return the change of the close over five bars, in mean true ranges of ten."""
    change = bars.close - trailing(bars.close, 6)[:, 0]
    return change / trailing(true_range(bars), 10).mean(axis=1)


@feature(warm_up=12 * 4)
def slope_h4(bars: Bars) -> np.ndarray:
    """Slope of the H4 bars: the last one that had closed by the close of each bar."""
    return higher(bars, "H4", slope)


@signal(warm_up=100)
def breakout(bars: Bars) -> np.ndarray:
    """Vote with a close beyond the closes of the 100 bars before it."""
    before = trailing(bars.close, 101)[:, :-1]
    up = bars.close > before.max(axis=1)
    down = bars.close < before.min(axis=1)
    return up.astype(float) - down.astype(float)
