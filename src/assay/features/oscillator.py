"""Oscillators: how fast and how one-sided the price moved."""

import numpy as np

from assay.features.feature import Feature, Highest, Lag, Lowest, Own, OwnWindow, forgets
from assay.features.true_range import ATR
from assay.kernels.compiler import FloatArray, kernel

RsiState = tuple[float, float, float]


@kernel
def rsi_step(state: RsiState, i: int, n: int, close: float) -> tuple[RsiState, float]:
    """Fold one close into the running RSI; NaN until *n* changes were seen."""
    previous, up, down = state
    if i == 0:
        return (close, 0.0, 0.0), np.nan
    change = close - previous
    rise = change if change > 0.0 else 0.0
    fall = -change if change < 0.0 else 0.0
    if i > n:
        weight = 1.0 / n
        up = weight * rise + (1.0 - weight) * up
        down = weight * fall + (1.0 - weight) * down
    else:
        up += rise
        down += fall
        if i < n:
            return (close, up, down), np.nan
        up /= n
        down /= n
    total = up + down
    return (close, up, down), 100.0 * up / total if total != 0.0 else 0.0


RSI = Feature(
    name="rsi",
    meaning="relative strength index, 0 to 100",
    step=rsi_step,
    inputs=lambda n: ("close",),
    initial=(0.0, 0.0, 0.0),
    warm_up=lambda n: n,
    settles=lambda n: n + forgets(2 * n - 1),
    periods=(2,),
)

_THIRD = 1.0 / 3.0

MacdState = tuple[float, float, float]


@kernel
def macd_step(
    state: MacdState, i: int, n_fast: int, n_slow: int, n_signal: int, close: float
) -> tuple[MacdState, tuple[float, float, float]]:
    """Fold one close into two averages seeded on the same bar, and the average of their gap."""
    fast, slow, signal = state
    if i < n_slow:
        slow += close
        if i >= n_slow - n_fast:
            fast += close
        if i < n_slow - 1:
            return (fast, slow, signal), (np.nan, np.nan, np.nan)
        fast /= n_fast
        slow /= n_slow
    else:
        weight = 2.0 / (n_fast + 1)
        fast = weight * close + (1.0 - weight) * fast
        weight = 2.0 / (n_slow + 1)
        slow = weight * close + (1.0 - weight) * slow
    line = fast - slow
    if i >= n_slow + n_signal - 1:
        weight = 2.0 / (n_signal + 1)
        signal = weight * line + (1.0 - weight) * signal
    else:
        signal += line
        if i < n_slow + n_signal - 2:
            return (fast, slow, signal), (line, np.nan, np.nan)
        signal /= n_signal
    return (fast, slow, signal), (line, signal, line - signal)


MACD = Feature(
    name="macd",
    meaning="fast less slow exponential average, price; its signal line; the histogram",
    step=macd_step,
    inputs=lambda n_fast, n_slow, n_signal: ("close",),
    initial=(0.0, 0.0, 0.0),
    warm_up=lambda n_fast, n_slow, n_signal: (
        n_slow - 1,
        n_slow + n_signal - 2,
        n_slow + n_signal - 2,
    ),
    settles=lambda n_fast, n_slow, n_signal: n_slow + n_signal + forgets(n_slow, n_signal),
    periods=(1, 2, 1),
    outputs=("macd", "macd_signal", "macd_hist"),
)


@kernel
def unit_ratio_step(n: int, m: int, k: int, part: float, whole: float) -> float:
    """Return *part* over *whole*; 0 where there is no whole."""
    return part / whole if whole != 0.0 else 0.0


MACD_ATR = Feature(
    name="macd_atr",
    meaning="MACD line (fast, slow, signal), in ATR(14)",
    step=unit_ratio_step,
    inputs=lambda *periods: (MACD(*periods), ATR(14)),
    periods=(1, 2, 1),
)

MACD_HIST_ATR = Feature(
    name="macd_hist_atr",
    meaning="MACD histogram (fast, slow, signal), in ATR(14)",
    step=unit_ratio_step,
    inputs=lambda *periods: (MACD(*periods)["macd_hist"], ATR(14)),
    periods=(1, 2, 1),
)

StochasticState = tuple[float, float]


@kernel
def stochastic_step(
    state: StochasticState,
    i: int,
    n: int,
    n_k: int,
    n_d: int,
    close: float,
    highest: float,
    lowest: float,
    fast_leaving: float,
    k_leaving: float,
) -> tuple[StochasticState, tuple[float, float, float]]:
    """Fold one bar into %K, smoothed over *n_k*, and %D, its average over *n_d*."""
    sum_k, sum_d = state
    if i < n - 1:
        return state, (np.nan, np.nan, np.nan)
    width = highest - lowest
    fast = 100.0 * (close - lowest) / width if width != 0.0 else 0.0
    sum_k += fast - fast_leaving if i >= n + n_k - 1 else fast
    if i < n + n_k - 2:
        return (sum_k, sum_d), (np.nan, np.nan, fast)
    k = sum_k * (1.0 / n_k)
    sum_d += k - k_leaving if i >= n + n_k + n_d - 2 else k
    d = sum_d * (1.0 / n_d) if i >= n + n_k + n_d - 3 else np.nan
    return (sum_k, sum_d), (k, d, fast)


STOCHASTIC = Feature(
    name="stoch_k",
    meaning="slow stochastic %K (n, smoothing of %K, of %D), 0 to 100; %D, its average",
    step=stochastic_step,
    inputs=lambda n, n_k, n_d: (
        "close",
        Highest("high", n),
        Lowest("low", n),
        Own("_fast", n_k),
        Own("stoch_k", n_d),
    ),
    initial=(0.0, 0.0),
    warm_up=lambda n, n_k, n_d: (n + n_k - 2, n + n_k + n_d - 3, n - 1),
    periods=(1, 1, 1),
    outputs=("stoch_k", "stoch_d", "_fast"),
)


@kernel
def total_of(n: int, values: FloatArray) -> tuple[float]:
    """Return the sum of a window."""
    total = 0.0
    for value in values:
        total += value
    return (total,)


@kernel
def cci_step(
    state: tuple[float],
    i: int,
    n: int,
    high: float,
    low: float,
    close: float,
    earlier: FloatArray,
) -> tuple[tuple[float], tuple[float, float]]:
    """Fold one bar into the commodity channel index; four sums break the chain of additions."""
    typical = (high + low + close) * _THIRD
    total = state[0] + typical
    if i < n - 1:
        return (total,), (np.nan, typical)
    mean = total * (1.0 / n)
    distance = typical - mean
    first, stop, four = np.uint64(0), np.uint64((n - 1) & ~3), np.uint64(4)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    a, b, c, d = abs(distance), 0.0, 0.0, 0.0
    for j in range(first, stop, four):
        a += abs(earlier[j] - mean)
        b += abs(earlier[j + one] - mean)
        c += abs(earlier[j + two] - mean)
        d += abs(earlier[j + three] - mean)
    for j in range(stop, np.uint64(n - 1)):
        a += abs(earlier[j] - mean)
    away = a + b + c + d
    index = distance * n / (0.015 * away) if away != 0.0 else 0.0
    return (total - earlier[first],), (index, typical)


CCI = Feature(
    name="cci",
    meaning="commodity channel index, mean deviations over 0.015",
    step=cci_step,
    inputs=lambda n: ("high", "low", "close", OwnWindow("_typical", n - 1)),
    initial=(0.0,),
    refresh=total_of,
    warm_up=lambda n: (n - 1, 0),
    periods=(2,),
    outputs=("cci", "_typical"),
)


@kernel
def williams_step(
    state: tuple[float], i: int, n: int, close: float, highest: float, lowest: float
) -> tuple[tuple[float], float]:
    """Return Williams %R of one bar and its past."""
    if i < n - 1:
        return state, np.nan
    width = highest - lowest
    return state, -100.0 * (highest - close) / width if width != 0.0 else 0.0


WILLIAMS_R = Feature(
    name="williams_r",
    meaning="Williams %R, -100 to 0",
    step=williams_step,
    inputs=lambda n: ("close", Highest("high", n), Lowest("low", n)),
    initial=(0.0,),
    warm_up=lambda n: n - 1,
    periods=(2,),
)


@kernel
def roc_step(n: int, value: float, earlier: float) -> float:
    """Return the change from *earlier* in per cent; NaN before there was one."""
    return 100.0 * (value / earlier - 1.0) if earlier != 0.0 else 0.0


ROC = Feature(
    name="roc",
    meaning="rate of change over n bars, per cent",
    step=roc_step,
    inputs=lambda n: ("close", Lag("close", n)),
    warm_up=lambda n: n,
    periods=(1,),
)


@kernel
def momentum_step(n: int, value: float, earlier: float) -> float:
    """Return the change from *earlier*; NaN before there was one."""
    return value - earlier


MOMENTUM = Feature(
    name="momentum",
    meaning="change over n bars, price",
    step=momentum_step,
    inputs=lambda n: ("close", Lag("close", n)),
    warm_up=lambda n: n,
    periods=(1,),
)


@kernel
def efficiency_step(
    state: tuple[float],
    i: int,
    n: int,
    close: float,
    previous: float,
    earlier: float,
    step_leaving: float,
) -> tuple[tuple[float], tuple[float, float]]:
    """Fold one close into the net move over the path walked, signed."""
    if i == 0:
        return (0.0,), (np.nan, 0.0)
    walked = abs(close - previous)
    path = state[0] + (walked - step_leaving if i > n else walked)
    if i < n:
        return (path,), (np.nan, walked)
    net = close - earlier
    ratio = net / path if path > 1e-12 * close else 0.0
    return (path,), (max(-1.0, min(1.0, ratio)), walked)


EFFICIENCY = Feature(
    name="efficiency",
    meaning="net move over the path walked in n bars (Kaufman), signed, -1 to 1",
    step=efficiency_step,
    inputs=lambda n: ("close", Lag("close", 1), Lag("close", n), Own("_walked", n)),
    initial=(0.0,),
    warm_up=lambda n: (n, 0),
    periods=(2,),
    outputs=("efficiency", "_walked"),
)

FEATURES = (
    RSI,
    MACD,
    MACD_ATR,
    MACD_HIST_ATR,
    STOCHASTIC,
    CCI,
    WILLIAMS_R,
    ROC,
    MOMENTUM,
    EFFICIENCY,
)
