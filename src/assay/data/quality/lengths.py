"""Timeframe purity: bars of another length among the bars of one."""

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.gaps import in_sessions
from assay.data.quality.local import local_median, neighbours_max, neighbours_min
from assay.data.quality.report import Severity
from assay.data.quality.window import BarRule, BarWindow, no_flags
from assay.domain.timeframe import Timeframe

_BARS_INSIDE_MIN = 2
_APART_RANGES = 0.15
_APART_LEAST_RANGES = 0.05
_MEETS_SHARE = 0.34
_RUN_MIN = 3
_ALONE_RANGES = 1.5
_ALONE_VOLUME_SHARE = 0.4


def _impure(window: BarWindow) -> BoolArray:
    """Tell which bars are longer than their timeframe.

    Rule, where the bars that the long one covers are there too: its high and low enclose theirs,
    and its close misses the open that follows it and is the close of the last bar inside a longer
    timeframe (or comes three times closer to it, its high or low being theirs); or its volume is
    theirs together and more. Where they are not there: the next bar opens one longer timeframe
    later and at this bar's close, the range is above 1.5 usual ranges and the volume that of
    several bars; or three such steps in succession, as in a file that is daily before it is hourly.
    """
    if len(window) < 4:
        return no_flags(len(window))
    longer = [t for t in Timeframe if window.timeframe.nominal_ns < t.nominal_ns <= _LONGEST_NS]
    flags = _enclosing(window, longer)
    for timeframe in longer:
        flags |= _spaced(window, timeframe)
    return flags


_LONGEST_NS = Timeframe.W1.nominal_ns


def _enclosing(window: BarWindow, longer: list[Timeframe]) -> BoolArray:
    open_, high, low, close = window.prices
    flags = no_flags(len(window))
    leap = np.zeros(len(window))
    leap[:-1] = np.abs(open_[1:] - close[:-1])
    apart = leap > _APART_LEAST_RANGES * window.scale
    apart[-1] = False
    is_wide = (high - low) >= 0.5 * window.scale
    volume = np.nan_to_num(window.bars.volume)
    many = np.zeros(len(window), dtype=np.bool_)
    many[:-2] = (volume[1:-1] > 0.0) & (volume[:-2] >= volume[1:-1] + volume[2:])
    is_on_top = np.zeros(len(window), dtype=np.bool_)
    is_on_top[:-2] = (high[:-2] >= np.maximum(high[1:-1], high[2:])) & (
        low[:-2] <= np.minimum(low[1:-1], low[2:])
    )
    time_ns = window.time_ns
    for i in np.flatnonzero((apart | many) & is_wide & is_on_top & window.is_sound)[
        :_CANDIDATES_MAX
    ]:
        for timeframe in longer:
            stop = int(np.searchsorted(time_ns, time_ns[i] + timeframe.nominal_ns))
            if stop - i - 1 < _BARS_INSIDE_MIN:
                continue
            inside = slice(i + 1, stop)
            encloses = high[i] >= high[inside].max() and low[i] <= low[inside].min()
            if not encloses:
                break
            miss = abs(close[i] - close[stop - 1])
            is_near = miss <= _MEETS_SHARE * leap[i] and leap[i] > _APART_RANGES * window.scale[i]
            touches = high[i] == high[inside].max() or low[i] == low[inside].min()
            is_same = miss <= 1e-9 * close[i]
            is_sum = many[i] and is_same and volume[i] >= volume[inside].sum()
            if is_sum or (is_same and apart[i]) or (is_near and touches):
                flags[i] = True
    return flags


_CANDIDATES_MAX = 50_000


def _spaced(window: BarWindow, timeframe: Timeframe) -> BoolArray:
    """Tell which bars are followed one longer timeframe later, in a run or as long bars are."""
    time_ns, n = window.time_ns, len(window)
    flags = no_flags(n)
    steps = np.diff(time_ns)
    is_step = steps == timeframe.nominal_ns
    if not is_step.any():
        return flags
    chain = np.zeros(n, dtype=np.int64)
    chain[:-1] = _run_lengths(is_step)
    open_, high, low, close = window.prices
    # A pause of the venue looks like a longer bar; bars before one do not count.
    pause = np.zeros(n, dtype=np.bool_)
    pause[:-1] = ~_is_trading_after(window, timeframe)
    in_chain = (chain >= _RUN_MIN) & ~pause
    alone = np.zeros(n, dtype=np.bool_)
    meets = np.abs(open_[1:] - close[:-1]) <= _APART_RANGES * window.scale[:-1]
    alone[:-1] = is_step & meets & ~pause[:-1]
    alone &= (high - low) > _ALONE_RANGES * window.scale
    alone &= high > neighbours_max(high, 1) - 0.5 * window.scale
    alone &= low < neighbours_min(low, 1) + 0.5 * window.scale
    volume = np.nan_to_num(window.bars.volume)
    usual = local_median(volume)
    times = timeframe.nominal_ns / window.timeframe.nominal_ns
    if np.median(usual) > 0.0:
        alone &= volume > _ALONE_VOLUME_SHARE * times * usual
    else:
        alone &= (high - low) > _ALONE_RANGES * np.sqrt(times) * window.scale
    return in_chain | alone


def _is_trading_after(window: BarWindow, timeframe: Timeframe) -> BoolArray:
    """Tell for each bar but the last whether the venue trades when the next bar is due."""
    due = window.time_ns[:-1] + window.timeframe.nominal_ns
    return in_sessions(due, window.timeframe, window.market.sessions)


def _run_lengths(flags: BoolArray) -> IntArray:
    """Return for each row the length of the run of marked rows it stands in, else 0."""
    group = np.cumsum(np.concatenate([[True], flags[1:] != flags[:-1]])) - 1
    return np.where(flags, np.bincount(group)[group], 0).astype(np.int64)


BAR_RULES = (
    BarRule(
        name="timeframe_purity",
        what="bars of a longer timeframe",
        find=_impure,
        share_max=0.0005,
        severity=Severity.SUSPECT,
    ),
)
