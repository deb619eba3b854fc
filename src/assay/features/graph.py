"""Features that feed features, in order: over a whole history, or one bar at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import bar_close, minute_of_week
from assay.domain.timeframe import Timeframe
from assay.features.feature import (
    COLUMNS,
    BoundFeature,
    Feature,
    Highest,
    Lag,
    Lowest,
    Own,
    OwnWindow,
    Window,
)
from assay.features.loop import SPAN_MAX, Loop, loop_of
from assay.kernels.compiler import FloatArray, IntArray

_NEVER = 1e18
_SLACK_BARS = 4096


@dataclass(frozen=True, slots=True)
class _Node:
    """One fold of the graph: a family with its periods."""

    feature: Feature
    periods: tuple[int, ...]
    begins: int
    memory: int
    spans: tuple[int, ...]
    extremes: tuple[tuple[int, float], ...]
    sources: tuple[int, ...]
    results: tuple[int, ...]

    @property
    def lookback(self) -> int:
        return max(self.spans, default=0)

    def state(self) -> FloatArray:
        """Return a fresh state; the last cell counts bars since a hole in the data."""
        return np.array((*self.feature.initial, _NEVER))

    def scratch(self) -> tuple[FloatArray, ...]:
        """Return fresh memory for each running extreme: prefix, position, block suffixes."""
        found = []
        for bars, worst in self.extremes:
            memory = np.full(bars + 2, worst)
            memory[1] = 0.0
            found.append(memory)
        return tuple(found)


class Graph:
    """The folds behind some features, each once, in an order in which inputs come first.

    Parameters
    ----------
    wanted : sequence of BoundFeature

    Attributes
    ----------
    columns : tuple of str
        Columns of the bars that are read.
    """

    def __init__(self, wanted: Sequence[BoundFeature]) -> None:
        self.wanted = tuple(wanted)
        needed = {column for bound in wanted for column in bound.columns}
        self.columns = tuple(column for column in COLUMNS if column in needed)
        self.nodes: list[_Node] = []
        self._slots: dict[tuple[str, tuple[int, ...]], int] = {
            (column, ()): slot for slot, column in enumerate(self.columns)
        }
        self.n_series = len(self.columns)
        self.slots = tuple(self._slot(bound) for bound in wanted)

    def _slot(self, source: str | BoundFeature) -> int:
        """Return where a series lies, adding its fold (and what that needs) if it is missing."""
        if isinstance(source, str):
            return self._slots[source, ()]
        key = (source.stem, source.periods)
        if key not in self._slots:
            self._add(source)
        return self._slots[key]

    def _add(self, bound: BoundFeature) -> None:
        sources = tuple(self._slot(source) for source in bound.sources)
        feature = bound.feature
        results = tuple(range(self.n_series, self.n_series + len(feature.stems)))
        self.n_series += len(results)
        for stem, slot in zip(feature.stems, results, strict=True):
            self._slots[stem if stem[0] != "_" else feature.name + stem, bound.periods] = slot
        own = feature.warm_up(*bound.periods)
        kinds = (Lag, Highest, Lowest, Window, Own, OwnWindow)
        for item in bound.inputs:
            if isinstance(item, kinds) and not 1 <= item.bars <= SPAN_MAX:
                raise ValueError(f"{bound.name} must reach back 1 to {SPAN_MAX} bars; was {item}.")
        self.nodes.append(
            _Node(
                feature=feature,
                periods=bound.periods,
                begins=bound.begins,
                memory=1 + (max(own) if isinstance(own, tuple) else own),
                spans=tuple(item.bars for item in bound.inputs if isinstance(item, kinds)),
                extremes=tuple(
                    (item.bars, -np.inf if isinstance(item, Highest) else np.inf)
                    for item in bound.inputs
                    if isinstance(item, Highest | Lowest)
                ),
                sources=sources,
                results=results,
            )
        )

    def batch(self, columns: Mapping[str, FloatArray]) -> list[FloatArray]:
        """Return each wanted feature over a whole history.

        Parameters
        ----------
        columns : mapping from column name to float64, shape (n_bars,)

        Returns
        -------
        values : list of float64, shape (n_bars,)
            In the order of ``wanted``; the same array where two are the same feature.
        """
        series: dict[int, FloatArray] = {
            slot: np.require(columns[name], np.float64, ["C", "A", "W"])
            for slot, name in enumerate(self.columns)
        }
        n_bars = len(series[0]) if series else 0
        last_use = self._last_use()
        for index, node in enumerate(self.nodes):
            first = min(node.begins, n_bars)
            for slot in node.results:
                series[slot] = np.empty(n_bars)
                series[slot][:first] = np.nan
            loop_of(node.feature)(
                node.state(),
                0,
                first,
                n_bars,
                node.memory,
                *node.periods,
                *node.spans,
                *node.scratch(),
                *(series[slot] for slot in node.sources),
                *(series[slot] for slot in node.results),
            )
            for slot in (*node.sources, *node.results):
                if last_use.get(slot, index) <= index:
                    series.pop(slot, None)
        return [series[slot] for slot in self.slots]

    def _last_use(self) -> dict[int, float]:
        """Return after which fold each series may be forgotten."""
        last: dict[int, float] = {}
        for index, node in enumerate(self.nodes):
            for slot in node.sources:
                last[slot] = index
        return last | dict.fromkeys(self.slots, np.inf)


class Stream:
    """The same folds, one bar at a time.

    Parameters
    ----------
    graph : Graph

    Notes
    -----
    Every series keeps as much past as the longest lag or window needs; each bar runs the very
    loop that ``Graph.batch`` runs, over one bar.
    """

    def __init__(self, graph: Graph) -> None:
        self.columns = graph.columns
        self._keep = max((node.lookback for node in graph.nodes), default=0) + 1
        self._series = np.full((max(1, graph.n_series), self._keep + _SLACK_BARS), np.nan)
        self._n_columns = len(graph.columns)
        self._slots = np.array(graph.slots, dtype=np.int64)
        self._position = 0
        self._n_seen = 0
        rows = list(self._series)
        self._folds: list[tuple[Loop, int, FloatArray, tuple[object, ...]]] = [
            (
                loop_of(node.feature),
                node.begins,
                node.state(),
                (
                    node.memory,
                    *node.periods,
                    *node.spans,
                    *node.scratch(),
                    *(rows[slot] for slot in node.sources),
                    *(rows[slot] for slot in node.results),
                ),
            )
            for node in graph.nodes
        ]

    def update(self, *values: float) -> FloatArray:
        """Fold one bar.

        Parameters
        ----------
        *values : float
            One value for each of ``graph.columns``.

        Returns
        -------
        row : float64, shape (n_wanted,)
        """
        here = self._position
        if here == self._series.shape[1]:
            self._series[:, : self._keep] = self._series[:, -self._keep :].copy()
            self._series[:, self._keep :] = np.nan
            here = self._keep
        self._series[: self._n_columns, here] = values
        n_seen = self._n_seen
        for loop, begins, state, arguments in self._folds:
            if n_seen >= begins:
                loop(state, n_seen - begins, here, here + 1, *arguments)
        self._position = here + 1
        self._n_seen = n_seen + 1
        row: FloatArray = self._series[self._slots, here]
        return row


def known_times(time_ns: IntArray, timeframe: Timeframe) -> IntArray:
    """Return when each bar is known: its close boundary, UTC ns, shape of *time_ns*."""
    return bar_close(time_ns, timeframe)


def columns_of(bars: Bars, names: Sequence[str]) -> dict[str, FloatArray]:
    """Return the named columns of bars, float64 of shape (n_bars,)."""
    columns: dict[str, FloatArray] = {}
    for name in names:
        if name == "minute":
            known = known_times(bars.time_ns, bars.timeframe)
            columns[name] = minute_of_week(known).astype(np.float64)
        else:
            columns[name] = getattr(bars, name)
    return columns
