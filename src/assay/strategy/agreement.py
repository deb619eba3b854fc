"""A quick check that a column says the same over a history and bar by bar."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.data.bars import Bars
from assay.domain.errors import StrategyError
from assay.domain.time import iso_utc
from assay.kernels.compiler import FloatArray, IntArray
from assay.strategy.column import Column
from assay.strategy.strategy import Strategy

TOLERANCE = 1e-6
"""Of the value, or of the mean size of the column where that is larger."""

BLOCKS = 8
BLOCK_BARS = 8
"""Bars are checked in blocks, so that every place within a longer bar is met."""

REPEATS = 8
"""How often a column that disagrees is asked again about the same bars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A bar on which a column says one thing over the history and another bar by bar.

    Attributes
    ----------
    column : Column
    symbol : str
    bar : int
    time_ns : int
        Open of the bar.
    whole : float
        From the whole history, the bars after this one included.
    past : float
        From all bars up to this one.
    window : float
        From this bar and the ``warm_up`` before it, as live.
    again : float or None
        From the same bars, where the answer changes from call to call; None if it stays.
    """

    column: Column
    symbol: str
    bar: int
    time_ns: int
    whole: float
    past: float
    window: float
    again: float | None = None

    @property
    def reads_future(self) -> bool:
        """Whether bars after this one change the value; else the warm-up is too short."""
        return self.again is None and not agree(self.whole, self.past)

    def fault(self) -> StrategyError:
        """Return the error that says so."""
        column, moment = self.column, iso_utc(self.time_ns)
        where = f"on bar {self.bar:,} of {self.symbol}, {moment},"
        facts: dict[str, Any] = {
            "symbol": self.symbol,
            "bar": self.bar,
            "time": moment,
            "whole": self.whole,
            "past": self.past,
            "window": self.window,
        }
        if self.again is not None:
            return column.fault(
                f"must say the same whenever it is asked; {where} it is {self.window:.10g} and, "
                f"from the same bars, {self.again:.10g}.",
                remedy="Keep nothing between calls, no counter and no list that grows, and give "
                "every random number generator a fixed seed.",
                cause="repeat",
                again=self.again,
                **facts,
            )
        if self.reads_future:
            return column.fault(
                f"must not read the future; {where} it is {self.whole:.10g} from the whole "
                f"history and {self.past:.10g} from the bars up to that one.",
                remedy="Let value i read bars 0..i only: no negative shift, no statistic of the "
                "whole column, no longer bar before its close.",
                cause="future",
                **facts,
            )
        return column.fault(
            f"must need no more than its warm-up of {column.warm_up:,} bars; {where} it is "
            f"{self.whole:.10g} from the whole history and {self.window:.10g} from "
            f"{column.warm_up + 1:,} bars.",
            remedy="Raise warm_up until both agree to 1e-6: a recursive average needs about 8 "
            "times its span.",
            cause="warm-up",
            **facts,
        )


def agree(one: float, other: float, size: float = 0.0) -> bool:
    """Return whether two values are the same to 1e-6; two unknown ones are.

    Parameters
    ----------
    one, other : float
    size : float
        A small size of the column, below which differences are measured against it.
    """
    if np.isnan(one) or np.isnan(other):
        return bool(np.isnan(one) and np.isnan(other))
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), size)


def size_of(values: FloatArray) -> float:
    """Return a small size of a column: the tenth of what is not 0, 0 if there is nothing.

    A mean would let a few huge values hide what the others do.
    """
    known = np.abs(values[np.isfinite(values) & (values != 0.0)])
    return float(np.quantile(known, 0.1)) if len(known) else 0.0


def bars_to_check(n_bars: int, warm_up: int) -> IntArray:
    """Return some dozens of bars after the warm-up, in blocks, first and last bar among them."""
    first = np.linspace(warm_up, max(warm_up, n_bars - BLOCK_BARS), BLOCKS).astype(np.int64)
    found = np.unique(first[:, None] + np.arange(BLOCK_BARS))
    return found[found < n_bars]


def disagreement(
    column: Column, bars: Bars, values: FloatArray, at: IntArray | None = None
) -> Disagreement | None:
    """Return the first checked bar on which the history and the window disagree, or None.

    Parameters
    ----------
    column : Column
    bars : Bars
    values : float64, shape (n_bars,)
        ``column.compute(bars)``.
    at : int64, shape (n_checked,), optional
        Bars to check; by default those of ``bars_to_check``.

    Notes
    -----
    O(n_checked * warm_up), and one more computation of the past where they disagree.
    """
    size = size_of(values)
    for bar in bars_to_check(len(bars), column.warm_up) if at is None else at:
        start, stop = max(0, int(bar) - column.warm_up), int(bar) + 1
        window = float(column.compute(bars.between(start, stop))[-1])
        if agree(float(values[bar]), window, size):
            continue
        again = _another(column, bars.between(start, stop), window)
        past = float(column.compute(bars.between(0, stop))[-1])
        is_same = agree(float(values[bar]), past, size)
        return Disagreement(
            column=column,
            symbol=bars.symbol,
            bar=int(bar),
            time_ns=int(bars.time_ns[bar]),
            whole=float(values[bar]),
            past=float(values[bar]) if is_same else past,
            window=window,
            again=again,
        )
    return None


def _another(column: Column, bars: Bars, said: float) -> float | None:
    """Return another answer of a column about the same bars, or None if it gives none."""
    answers = (float(column.compute(bars)[-1]) for _ in range(REPEATS))
    return next((answer for answer in answers if not agree(answer, said)), None)


def check_agreement(
    strategy: Strategy, bars: Mapping[str, Bars], values: Mapping[str, Mapping[str, FloatArray]]
) -> None:
    """Refuse a strategy that says other things bar by bar than over the history.

    Parameters
    ----------
    strategy : Strategy
    bars : mapping of str to Bars
        By symbol.
    values : mapping of str to mapping of str to float64, shape (n_bars,)
        By symbol and column: what each column makes of the whole history. A column that is not
        there is not checked.

    Raises
    ------
    StrategyError
        For the first column, symbol and bar that disagree; both values are named.
    """
    for column in strategy.columns:
        for symbol, item in bars.items():
            whole = values[symbol].get(column.name)  # none where it never has a value
            found = None if whole is None else disagreement(column, item, whole)
            if found is None:
                continue
            if found.again is None and not found.reads_future:
                found = replace(found, again=_afresh(strategy, found, item))
            raise found.fault()


def _afresh(strategy: Strategy, found: Disagreement, bars: Bars) -> float | None:
    """Return what a column says after its file was executed afresh, if that is what it said."""
    from assay.strategy.loading import strategy_from

    fresh = strategy_from(strategy.path, strategy.source)
    column = next(item for item in fresh.columns if item.name == found.column.name)
    start = max(0, found.bar - column.warm_up)
    answer = float(column.compute(bars.between(start, found.bar + 1))[-1])
    return answer if agree(answer, found.whole) else None
