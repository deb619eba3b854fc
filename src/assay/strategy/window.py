"""A user's columns one bar at a time, from the trailing bars that their warm-up allows."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from assay.data.bars import Bars
from assay.kernels.compiler import FloatArray
from assay.strategy.column import Column
from assay.strategy.strategy import Strategy


class TrailingBars:
    """The latest bars of one symbol, as one history.

    Parameters
    ----------
    n_bars : int
        How many to keep, at least 1.
    """

    def __init__(self, n_bars: int) -> None:
        self._n_bars = n_bars
        self._stop = 0
        self._columns: dict[str, np.ndarray] = {}
        self._first: Bars | None = None

    def push(self, bar: Bars) -> None:
        """Append one bar; amortised O(1) per column."""
        if self._first is None:
            self._first = bar
            self._columns = {
                field.name: np.empty(2 * self._n_bars, column.dtype)
                for field in fields(bar)
                if isinstance(column := getattr(bar, field.name), np.ndarray)
            }
        if self._stop == 2 * self._n_bars:
            for column in self._columns.values():
                column[: self._n_bars - 1] = column[self._n_bars + 1 :]
            self._stop = self._n_bars - 1
        for name, column in self._columns.items():
            column[self._stop] = getattr(bar, name)[0]
        self._stop += 1

    def latest(self, n_bars: int) -> Bars:
        """Return the latest bars, oldest first: at most *n_bars*, fewer at the start.

        They are views, valid until the next push.
        """
        assert self._first is not None, "push a bar first"
        first = max(0, self._stop - n_bars)
        return Bars(
            symbol=self._first.symbol,
            timeframe=self._first.timeframe,
            **{name: column[first : self._stop] for name, column in self._columns.items()},
        )


class StrategyStream:
    """The rows of ``Strategy.features_of`` and ``votes_of``, one bar at a time.

    Parameters
    ----------
    strategy : Strategy

    Notes
    -----
    Each column is computed on the latest ``warm_up + 1`` bars, and its last value counts. That
    equals the history to rounding, 1e-6, where the declared warm-up holds; ``check_agreement``
    finds where it does not. O(warm_up) per bar and column.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._bars = TrailingBars(1 + max((c.warm_up for c in strategy.columns), default=0))

    def update(self, bar: Bars) -> tuple[FloatArray, FloatArray]:
        """Take the next bar, and return features, shape (n_features,), and votes, (n_signals,)."""
        self._bars.push(bar)
        return self._row(self._strategy.features), self._row(self._strategy.signals)

    def _row(self, columns: Sequence[Column]) -> FloatArray:
        row = np.empty(len(columns))
        for place, column in enumerate(columns):
            row[place] = column.compute(self._bars.latest(column.warm_up + 1))[-1]
        return row
