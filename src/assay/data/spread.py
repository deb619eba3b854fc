"""The spread by minute of the week: its typical shape, its history, and the ask side it implies."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import MINUTES_PER_WEEK, minute_of_week
from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.kernels.compiler import FloatArray, IntArray, kernel

_SHAPE_KNOTS = (
    # Minutes after 17:00 New York, multiple of the spread at quiet hours. Gold and EURUSD at one
    # CFD broker, 2006-2019, medians: twice to thrice at the close, four times at the open.
    (0, 4.0),
    (15, 3.0),
    (60, 3.0),
    (75, 2.0),
    (120, 1.4),
    (180, 1.15),
    (300, 1.05),
    (600, 1.0),
    (1380, 1.0),
    (1410, 1.3),
    (1439, 2.8),
    (1440, 4.0),
)
_SUNDAY_OPEN_MULTIPLE = 2.0
_SUNDAY_OPEN_MINUTES = 120
_MEMORY = 1.0 / 50.0  # weight of one more observation of the same minute of the week


def typical_shape(minute: IntArray) -> FloatArray:
    """Return how much wider than usual spreads are at a minute of the week.

    Parameters
    ----------
    minute : int64, shape (n,)
        Minutes since Sunday 00:00 New York, 0 … 10079.

    Returns
    -------
    multiple : float64, shape (n,)
        About 1 from London's morning to New York's afternoon, near 3 at the daily close, 4 after
        the rollover at 17:00, twice as much again in the first hour of the week.
    """
    after_rollover = (np.asarray(minute, dtype=np.int64) - 17 * 60) % (24 * 60)
    knots, values = zip(*_SHAPE_KNOTS, strict=True)
    multiple = np.interp(after_rollover.astype(np.float64), knots, values)
    since_open = np.asarray(minute, dtype=np.int64) - 17 * 60
    sunday = np.clip(1.0 - since_open / _SUNDAY_OPEN_MINUTES, 0.0, 1.0) * (since_open >= 0)
    shape: FloatArray = multiple * (1.0 + (_SUNDAY_OPEN_MULTIPLE - 1.0) * sunday)
    return shape


@kernel
def _profile(slot: IntArray, spread: FloatArray, n_slots: int, memory: float) -> FloatArray:
    """Return for each bar the running mean of its slot over earlier bars, else of all slots."""
    n_bars = slot.shape[0]
    means = np.zeros(n_slots)
    counts = np.zeros(n_slots, dtype=np.int64)
    profile = np.full(n_bars, np.nan)
    overall, n_seen = 0.0, 0
    for i in range(n_bars):
        at = slot[i]
        if counts[at] > 0:
            profile[i] = means[at]
        elif n_seen > 0:
            profile[i] = overall
        if spread[i] >= 0.0:  # False for NaN
            n_seen += 1
            overall += (spread[i] - overall) * max(memory / 10.0, 1.0 / n_seen)
            counts[at] += 1
            means[at] += (spread[i] - means[at]) * max(memory, 1.0 / counts[at])
    return profile


def spread_by_minute_of_week(bars: Bars) -> FloatArray:
    """Return the spread to expect at each bar from the bars before it.

    Parameters
    ----------
    bars : Bars
        With a spread in price units, NaN where the source has none.

    Returns
    -------
    spread : float64, shape (n_bars,)
        Price units. Mean of the earlier bars at the same minute of the week, new ones weighing
        at least 1/50; before the first of these, of all earlier bars; NaN before any.

    Notes
    -----
    Causal: ``spread[i]`` reads bars ``0 .. i - 1``. O(n_bars) time.
    """
    minutes = max(1, min(bars.timeframe.value // 60, 24 * 60))
    slot = minute_of_week(bars.time_ns) // minutes
    return _profile(slot, bars.spread, -(-MINUTES_PER_WEEK // minutes), _MEMORY)


class SpreadOfWeek(Protocol):
    """What is known of a symbol's spread by minute of the week, from another series of it."""

    @property
    def series(self) -> str:
        """The series that was counted."""

    @property
    def rows(self) -> int:
        """Rows counted."""

    def expected(self, time_ns: IntArray) -> FloatArray:
        """Return the mean spread at these times of the week: price units, without NaN."""


def quoted_both_sides(
    bars: Bars, facts: ContractFacts, week: SpreadOfWeek | None = None
) -> tuple[Bars, str]:
    """Return the bars with an ask side, and say where it came from.

    Parameters
    ----------
    bars : Bars
        Bid prices; quoted on both sides, or with a spread, or with neither.
    facts : Instrument or FactsHistory
        Of dated facts, the typical spread is that of each bar's open; the grid is the finest.
    week : SpreadOfWeek, optional
        For bars without any spread. It may have been counted later than the bars: a cost, never
        an input of a forecast.

    Returns
    -------
    bars : Bars
        ``ask_*`` set, never below the bid, on the tick grid. ``spread`` without NaN; but NaN
        throughout where it comes from another series, because a feature may not read it.
    assumption : str
        One sentence for the report.

    Notes
    -----
    First choice: the ask quotes of the source. Then its spread at each bar, gaps filled by the
    minute of the week as known before. Then the mean of another series at the minute of the week.
    Then the instrument's typical spread in the typical shape of a week. A spread of zero is taken
    for missing until a larger one was seen, because exports write it so.

    Causal but for *week*: the ask of bar *i* reads bars ``0 .. i``.
    """
    if bars.ask_open is not None and bars.ask_close is not None:
        spread = np.where(np.isnan(bars.spread), bars.ask_close - bars.close, bars.spread)
        return replace(bars, spread=spread), "Costs use the bid and ask quotes of the source."
    history = FactsHistory.of(facts)
    instrument = history.at(int(bars.time_ns[-1])) if len(bars) else history.latest
    tick = float(min(item.tick_size for item in history.instruments))
    digits = max(item.digits for item in history.instruments)
    typical = _typical(bars, history) * typical_shape(minute_of_week(bars.time_ns))
    known = np.isfinite(bars.spread) & (bars.spread >= 0.0)
    known &= np.logical_or.accumulate(bars.spread > 0.0)
    from_week = not has_spread(bars) and week is not None
    if not has_spread(bars) and week is not None:
        spread = week.expected(bars.time_ns)
        text = (
            f"The source quotes no spread: costs use the mean spread of {bars.symbol} "
            f"{week.series} at each minute of the week, counted over {week.rows:,} rows."
        )
    elif not has_spread(bars):
        spread = typical
        text = (
            f"The source quotes no spread: costs use {instrument.spread_points} points, the "
            f"typical spread of {instrument.symbol}, wider around 17:00 New York."
        )
    else:
        expected = spread_by_minute_of_week(
            replace(bars, spread=np.where(known, bars.spread, np.nan))
        )
        expected = np.where(np.isnan(expected), typical, expected)
        spread = np.where(known, bars.spread, expected)
        share = 1.0 - float(known.mean())
        text = "Costs use the spread that the source gives for each bar."
        if share > 0.0:
            text += (
                f" It is missing in {share:.1%} of the bars; there the spread is that of earlier "
                "bars at the same minute of the week."
            )
    spread = _on_grid(np.maximum(spread, 0.0), tick, digits)
    asks = {
        f"ask_{name}": np.round(getattr(bars, name) + spread, digits)
        for name in ("open", "high", "low", "close")
    }
    if from_week:
        spread = np.full(len(bars), np.nan)
    return replace(bars, spread=spread, **asks), text


def has_spread(bars: Bars) -> bool:
    """Tell whether bars quote both sides, or a spread above zero anywhere."""
    return bars.has_ask or bool((bars.spread > 0.0).any())


def _typical(bars: Bars, history: FactsHistory) -> FloatArray:
    """Return the typical spread of the facts that hold at each bar's open, price units."""
    points = [float(item.spread_points) * float(item.point) for item in history.instruments]
    starts = np.array(history.starts_ns, dtype=np.int64)
    return np.array(points)[np.searchsorted(starts, bars.time_ns, side="right")]


def _on_grid(spread: FloatArray, tick: float, digits: int) -> FloatArray:
    """Round up to the tick: a cost is never made smaller by rounding."""
    return np.round(np.ceil(spread / tick - 1e-6) * tick, digits)
