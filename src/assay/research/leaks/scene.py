"""One history and everything that the pipeline makes of it, each part once and only if asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.engine.tape import Tape
from assay.kernels.compiler import FloatArray, IntArray
from assay.research import preparation
from assay.research.dataset import Dataset
from assay.research.history import History
from assay.strategy.strategy import Strategy

Array = NDArray[Any]
Columns = Mapping[str | tuple[str, ...], Array]
"""Arrays by name, shape (n_rows,); or by several names at once, shape (n_rows, n_names)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """The pipeline on one history, as it is configured.

    Attributes
    ----------
    history : History
    settings : Settings
    load : callable or None
        Gives the user's strategy. It is asked afresh for every history, so that nothing that the
        user's file remembers of one history reaches another.
    """

    history: History
    settings: Settings
    load: Callable[[], Strategy] | None = None
    _memory: dict[str, Columns] = field(default_factory=dict, repr=False)

    def on(self, history: History) -> "Scene":
        """Return the same pipeline on another history, with nothing computed yet."""
        return replace(self, history=history, _memory={})

    def once(self, name: str, make: Callable[[], Columns]) -> Columns:
        """Return what *make* gives, made once for this scene."""
        if name not in self._memory:
            self._memory[name] = make()
        return self._memory[name]

    @property
    def bars(self) -> Bars:
        """The bars of the first symbol, as they were read."""
        return next(iter(self.history.bars.values()))

    @cached_property
    def known_ns(self) -> IntArray:
        """When each bar of the first symbol closed."""
        return bar_close(self.bars.time_ns, self.bars.timeframe)

    @cached_property
    def strategy(self) -> Strategy | None:
        """The user's strategy, loaded for this scene alone."""
        return None if self.load is None else self.load()

    @cached_property
    def quoted(self) -> dict[str, Bars]:
        """Bars with both sides, by symbol."""
        return preparation.quote(self.settings, self.history)[0]

    @cached_property
    def rates(self) -> dict[str, FloatArray]:
        """Account currency per unit of quote currency at each quoted bar, by symbol."""
        return preparation.convert(self.settings, self.history, self.quoted)

    def skipped(self, symbol: str | None = None) -> int:
        """Return the bars before the first that the pipeline takes; None: of the only symbol."""
        if symbol is None:
            symbol = next(iter(self.history.bars))
            if len(self.history.bars) > 1:
                return 0  # rows of several symbols are no bars of one
        return len(self.history.bars[symbol]) - len(self.quoted[symbol])

    @cached_property
    def dataset(self) -> Dataset:
        """Features, votes and labels, without a user's columns."""
        settings = self.settings
        if self.strategy is not None and settings.features.names:
            own = set(self.strategy.feature_names)
            kept = tuple(name for name in settings.features.names if name not in own)
            features = settings.features.model_copy(update={"names": kept})
            settings = settings.model_copy(update={"features": features})
        return preparation.assemble(settings, self.history)[0]

    @cached_property
    def whole_dataset(self) -> Dataset:
        """The same with a user's columns: what the models read."""
        if self.strategy is None:
            return self.dataset
        return preparation.assemble(self.settings, self.history, self.strategy)[0]

    @cached_property
    def tape(self) -> Tape:
        """The events that strategies trade on."""
        return preparation.tape_of(self.settings, self.history, self.quoted)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What the rows of a stage are; every array has shape (n_rows,).

    Attributes
    ----------
    time_ns : int64
        Open of the bar that a row belongs to.
    known_ns : int64
        Moment from which the value of a row may not change any more; -1 for never.
    settled_ns : int64
        Moment from which it is there on a history that ends; -1 for never. A label that was
        decided early still waits for its horizon.
    first : int
        Number of the first row in the history.
    """

    time_ns: IntArray
    known_ns: IntArray
    settled_ns: IntArray
    first: int = 0

    def between(self, start: int, stop: int) -> "Rows":
        """Return rows ``start .. stop - 1``, numbered as they are in the history."""
        chosen = slice(start, stop)
        return Rows(
            time_ns=self.time_ns[chosen],
            known_ns=self.known_ns[chosen],
            settled_ns=self.settled_ns[chosen],
            first=self.first + start,
        )

    @classmethod
    def of(cls, bars: Bars) -> "Rows":
        """Return one row per bar, known at its close."""
        known = bar_close(bars.time_ns, bars.timeframe)
        return cls(time_ns=bars.time_ns, known_ns=known, settled_ns=known)

    @classmethod
    def at_open(cls, bars: Bars) -> "Rows":
        """Return one row per bar, known at its open; it is there once the bar is."""
        known = bar_close(bars.time_ns, bars.timeframe)
        return cls(time_ns=bars.time_ns, known_ns=bars.time_ns, settled_ns=known)

    @classmethod
    def of_dataset(cls, dataset: Dataset, first: int = 0) -> "Rows":
        """Return the rows of a dataset, known at the close of their bars."""
        opens = [item.bars.time_ns for item in dataset.data.values()]
        offset = np.cumsum([0] + [len(part) for part in opens])[:-1]
        time_ns = np.concatenate(opens)[offset[dataset.symbol] + dataset.bar]
        known = dataset.start_ns
        return cls(time_ns=time_ns, known_ns=known, settled_ns=known, first=first)


def bars_of(symbol: str) -> Callable[[Scene], Rows]:
    """Return the rows of one symbol's quoted bars."""
    return lambda scene: replace(Rows.of(scene.quoted[symbol]), first=scene.skipped(symbol))


def first_bars(scene: Scene) -> Rows:
    """Return one row per bar of the first symbol."""
    return Rows.of(scene.bars)
