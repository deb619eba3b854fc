"""Histories that might have been: bars drawn in blocks from the real one, prices rebuilt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import MINUTES_PER_WEEK, minute_of_week
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.kernels.volatility import ewma_volatility
from assay.regimes.volatility import USUAL_SECONDS, volatility_regimes

MINUTES_PER_DAY = 1_440
POOL_MIN = 20
"""Fewer bars of one kind are too few to draw from; they draw from a wider kind."""
SCALE_MAX = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinds:
    """Which bars may stand in for each other; all arrays but *members* have shape (n,).

    Attributes
    ----------
    slot : int64
        A block goes on only into a bar of the slot that is due: minute of the week, and regime.
    pool : int64
        From which pool a bar is drawn where a block begins.
    first : int64, shape (n_pools + 1,)
        Where each pool begins in *members*.
    members : int64
        Bars of all pools.
    """

    slot: IntArray
    pool: IntArray
    first: IntArray
    members: IntArray


def kinds_of(time_ns: IntArray, regime: IntArray | None = None) -> Kinds:
    """Return the kinds of bars that open at *time_ns*, int64, shape (n,).

    Parameters
    ----------
    time_ns : int64, shape (n,)
        Opens, rising.
    regime : int64, shape (n,), optional
        Kept too, where it is given.

    Notes
    -----
    Of one kind are bars of the same minute of the week in New York, so that sessions, rollover
    and weekend keep their spreads, volumes and gaps. Kinds of fewer than 20 bars widen to the
    minute of the day, then to all bars.
    """
    state = np.zeros(len(time_ns), np.int64) if regime is None else regime - int(regime.min())
    minute = minute_of_week(time_ns)
    slot = state * MINUTES_PER_WEEK + minute
    pool = np.full(len(time_ns), -1, np.int64)
    members, first = [], [0]
    of_day = state * MINUTES_PER_WEEK + minute % MINUTES_PER_DAY
    for keys, least in ((slot, POOL_MIN), (of_day, POOL_MIN), (state, POOL_MIN), (0 * state, 1)):
        _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        open_ = pool < 0
        order = np.argsort(place, kind="stable")
        begin = np.concatenate(([0], np.cumsum(counts)))
        for value in np.flatnonzero(counts >= least):
            mine = order[begin[value] : begin[value + 1]]
            if np.any(open_[mine]):
                pool[mine[open_[mine]]] = len(first) - 1
                members.append(mine)
                first.append(first[-1] + len(mine))
    return Kinds(
        slot=slot,
        pool=pool,
        first=np.array(first, np.int64),
        members=np.concatenate(members) if members else np.empty(0, np.int64),
    )


@kernel
def join_blocks(
    slot: IntArray,
    pool: IntArray,
    first: IntArray,
    members: IntArray,
    uniform: FloatArray,
    restart: float,
) -> IntArray:
    """Return the bar that stands in for each bar, shape (n,).

    *uniform*, shape (2, n), decides whether a block ends, and where the next one begins.
    """
    n = slot.shape[0]
    source = np.empty(n, np.int64)
    for j in range(n):
        if j > 0 and uniform[0, j] >= restart:
            following = source[j - 1] + 1
            if following < n and slot[following] == slot[j]:
                source[j] = following
                continue
        begin, size = first[pool[j]], first[pool[j] + 1] - first[pool[j]]
        source[j] = members[begin + min(int(uniform[1, j] * size), size - 1)]
    return source


def draw_sources(kinds: Kinds, mean_block: float, rng: np.random.Generator) -> IntArray:
    """Draw which bar stands in for each bar, int64, shape (n,).

    Parameters
    ----------
    kinds : Kinds
    mean_block : float
        Mean length of a block, bars, at least 1. A block also ends where the calendars of both
        places part (a holiday, a change of clocks) and where the regime changes.
    rng : numpy.random.Generator

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). The Stationary Bootstrap.
    *Journal of the American Statistical Association*, 89(428), 1303-1313. Blocks begin in the same
    place of the week here, which keeps the pattern of the week.
    """
    uniform = rng.random((2, len(kinds.slot)))
    return join_blocks(
        kinds.slot, kinds.pool, kinds.first, kinds.members, uniform, 1.0 / max(1.0, mean_block)
    )


def rebuilt(bars: Bars, source: IntArray, first: int, scale: FloatArray | None = None) -> Bars:
    """Return *bars* with those from *first* on made of the moves of their sources.

    Parameters
    ----------
    bars : Bars
        With both sides quoted; at least one bar before *first*.
    source : int64, shape (n_bars - first,)
        Bar (counted on *bars*, at least 1) whose move, range, spread and volume each one takes.
    first : int
        Bars before it stay as they are: what the models knew when they began to speak.
    scale : float64, shape (n_bars - first,), optional
        Factor on the log moves and ranges.

    Notes
    -----
    Log moves from the close before to open, high, low and close of the bid are kept together, and
    so is the ratio of ask to bid of each of the four; times stay. Prices are not rounded to ticks.
    """
    assert bars.ask_open is not None and bars.ask_high is not None
    assert bars.ask_low is not None and bars.ask_close is not None
    factor = np.ones(len(source)) if scale is None else scale
    gap = factor * np.log(bars.open[source] / bars.close[source - 1])
    body = factor * np.log(bars.close[source] / bars.open[source])
    level = np.log(bars.close[first - 1]) + np.cumsum(gap + body)
    close = np.exp(level)
    opened = np.exp(level - body)
    top = opened * np.exp(factor * np.log(bars.high[source] / bars.open[source]))
    bottom = opened * np.exp(factor * np.log(bars.low[source] / bars.open[source]))
    high = np.maximum(top, np.maximum(opened, close))
    low = np.minimum(bottom, np.minimum(opened, close))
    bid = {"open": opened, "high": high, "low": low, "close": close}
    ask = {
        name: price * np.maximum(1.0, (getattr(bars, f"ask_{name}") / getattr(bars, name))[source])
        for name, price in bid.items()
    }
    ask["high"] = np.maximum(ask["high"], np.maximum(ask["open"], ask["close"]))
    ask["low"] = np.minimum(ask["low"], np.minimum(ask["open"], ask["close"]))
    changed: dict[str, FloatArray] = {
        **bid,
        **{f"ask_{name}": price for name, price in ask.items()},
        "volume": bars.volume[source],
        "spread": ask["close"] - close,
    }
    columns: dict[str, Any] = {
        name: np.concatenate((getattr(bars, name)[:first], column))
        for name, column in changed.items()
    }
    return replace(bars, **columns)


def usual_volatility(bars: Bars) -> FloatArray:
    """Return the volatility that each bar's regime is measured against; causal, NaN at first."""
    assert bars.ask_close is not None
    span = max(100, USUAL_SECONDS // bars.timeframe.value)
    return ewma_volatility(0.5 * (bars.close + bars.ask_close), span, span)


def resampled(
    quoted: Mapping[str, Bars],
    *,
    from_ns: int,
    mean_block: float,
    keeps_regime: bool,
    rng: np.random.Generator,
) -> dict[str, Bars]:
    """Return another history of every symbol, on the times of the real one.

    Parameters
    ----------
    quoted : mapping of str to Bars
        With both sides.
    from_ns : int
        Bars that open before it stay as they were.
    mean_block : float
        Bars.
    keeps_regime : bool
        Draw inside the volatility regime of the day, and scale each move from the volatility that
        was usual at its own time to that which was usual at the time it stands in for.
    rng : numpy.random.Generator

    Notes
    -----
    One draw of moments serves all symbols, so that what moved together still does; the regime is
    that of the first one. A symbol without a bar at a drawn moment takes its last one before.
    """
    lead = next(iter(quoted.values()))
    axis = np.unique(np.concatenate([item.time_ns for item in quoted.values()]))
    axis = axis[axis >= from_ns]
    regime = None
    if keeps_regime:
        label = volatility_regimes(lead)
        place = np.maximum(np.searchsorted(lead.time_ns, axis, side="right") - 1, 0)
        regime = label[place]
    moment = axis[draw_sources(kinds_of(axis, regime), mean_block, rng)]
    out = {}
    for symbol, bars in quoted.items():
        first = max(1, int(np.searchsorted(bars.time_ns, from_ns)))
        drawn = moment[np.searchsorted(axis, bars.time_ns[first:])]
        source = np.clip(
            np.searchsorted(bars.time_ns, drawn, side="right") - 1, first, len(bars) - 1
        )
        scale = None
        if keeps_regime:
            usual = usual_volatility(bars)
            ratio = usual[first:] / usual[source]
            ratio = np.where(np.isfinite(ratio), ratio, 1.0)
            scale = np.clip(ratio, 1.0 / SCALE_MAX, SCALE_MAX)
        out[symbol] = rebuilt(bars, source, first, scale)
    return out


def bars_per_day(timeframe: Timeframe) -> float:
    """Return how many bars an average trading day of 24 hours holds, at most."""
    return 86_400.0 / float(timeframe.value)
