"""The feature matrix of a history, and the same rows one bar at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import bar_close, bar_open, minute_of_week
from assay.data.resample import resample
from assay.domain.errors import ConfigError, DataError
from assay.domain.timeframe import Timeframe
from assay.features.catalogue import Named, parse_named
from assay.features.feature import OPTIONAL_COLUMNS
from assay.features.graph import Graph, Stream, columns_of
from assay.features.schema import schema_hash
from assay.kernels.compiler import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFrame:
    """Features of every bar, as known at its close.

    Attributes
    ----------
    names : tuple of str
        Columns of *values*.
    values : float64, shape (n_bars, n_features), C-order
        NaN during the warm-up, and where a bar lacks the volume or spread a feature reads.
    known_ns : int64, shape (n_bars,)
        When each row is known: the close of its bar, UTC nanoseconds.
    warm_up : int
        Leading rows in which some feature is still NaN; ``n_bars`` if the history is too short.
    schema_hash : str
        Of *names*.
    unavailable : tuple of str
        Wanted features left out because the history has no volume, or no spread, at all.
    """

    names: tuple[str, ...]
    values: FloatArray
    known_ns: IntArray
    warm_up: int
    schema_hash: str
    unavailable: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)


def compute(bars: Bars, names: Sequence[str]) -> FeatureFrame:
    """Return features of every bar.

    Parameters
    ----------
    bars : Bars
    names : sequence of str
        Such as ``rsi_14`` or, on the bars of a longer timeframe, ``rsi_14@H4``.

    Returns
    -------
    frame : FeatureFrame
        Row *i* reads bars ``0..i`` only. A longer bar counts from its close on: row *i* has
        the last one whose close is at or before the close of bar *i*.

    Raises
    ------
    ConfigError
        If a name is unknown, given twice, or not of a longer timeframe.
    """
    wanted = _parsed(names, bars.timeframe)
    lacking = {name for name in OPTIONAL_COLUMNS if np.isnan(getattr(bars, name)).all()}
    kept = [item for item in wanted if lacking.isdisjoint(item.bound.columns)]
    known_ns = bar_close(bars.time_ns, bars.timeframe)
    values = np.empty((len(bars), len(kept)))
    for timeframe in dict.fromkeys(item.timeframe for item in kept) if len(bars) else ():
        places = [place for place, item in enumerate(kept) if item.timeframe is timeframe]
        graph = Graph([kept[place].bound for place in places])
        if timeframe is None:
            found = graph.batch(columns_of(bars, graph.columns))
            for place, column in zip(places, found, strict=True):
                values[:, place] = column
            continue
        longer = resample(bars, timeframe)
        found = graph.batch(columns_of(longer, graph.columns))
        latest = np.searchsorted(bar_close(longer.time_ns, timeframe), known_ns, side="right")
        for place, column in zip(places, found, strict=True):
            values[:, place] = np.concatenate(([np.nan], column))[latest]
    return FeatureFrame(
        names=tuple(item.name for item in kept),
        values=values,
        known_ns=known_ns,
        warm_up=_warm_up(values),
        schema_hash=schema_hash([item.name for item in kept]),
        unavailable=tuple(item.name for item in wanted if item not in kept),
    )


def _parsed(names: Sequence[str], timeframe: Timeframe) -> list[Named]:
    """Read the names, and refuse what cannot be a column."""
    wanted = [parse_named(name) for name in names]
    for item in wanted:
        if item.timeframe is not None and item.timeframe.value <= timeframe.value:
            raise ConfigError(
                f"A joined timeframe must be longer than {timeframe.name}; was {item.name!r}.",
                remedy=f"Write {item.bound.name} for the bars at hand.",
                value=item.name,
            )
    if len(set(names)) != len(names):
        double = next(name for name in names if list(names).count(name) > 1)
        raise ConfigError(
            f"Each feature must be named once; {double!r} was named again.",
            remedy="Remove it from features.names.",
            value=double,
        )
    return wanted


def _warm_up(values: FloatArray) -> int:
    """Return the first row from which every column has had a value."""
    known = ~np.isnan(values)
    n_bars = len(values)
    if values.size == 0:
        return 0
    return int(np.where(known.any(axis=0), known.argmax(axis=0), n_bars).max())


class _Longer:
    """One longer timeframe of a stream: gathers bars, and folds each longer one once it closed."""

    def __init__(self, timeframe: Timeframe, wanted: Sequence[Named], places: list[int]) -> None:
        self.timeframe = timeframe
        self.places = places
        self.graph = Graph([item.bound for item in wanted])
        self.stream = Stream(self.graph)
        self.row = np.full(len(places), np.nan)
        self.pending: list[Bars] = []
        self.closes_ns = 0

    def add(self, bar: Bars, known_ns: int) -> FloatArray:
        """Take one bar, and return the row of the last longer bar closed at *known_ns*."""
        if self.pending and int(bar.time_ns[0]) >= self.closes_ns:
            self._fold()
        if not self.pending:
            open_ns = bar_open(bar.time_ns, self.timeframe)
            self.closes_ns = int(bar_close(open_ns, self.timeframe)[0])
        self.pending.append(bar)
        if self.closes_ns <= known_ns:
            self._fold()
        return self.row

    def _fold(self) -> None:
        longer = resample(_joined(self.pending), self.timeframe)
        columns = columns_of(longer, self.graph.columns)
        self.row = self.stream.update(*(columns[name][0] for name in self.graph.columns))
        self.pending = []


def _joined(bars: Sequence[Bars]) -> Bars:
    """Return single bars as one history, bid side."""
    first = bars[0]
    arrays = ("time_ns", "open", "high", "low", "close", "volume", "spread")
    return Bars(
        symbol=first.symbol,
        timeframe=first.timeframe,
        **{name: np.concatenate([getattr(bar, name) for bar in bars]) for name in arrays},
    )


class FeatureStream:
    """The rows of ``compute``, one bar at a time and bit for bit.

    Parameters
    ----------
    names : sequence of str
        Features that the source can feed; one that it cannot is NaN in every row.
    timeframe : Timeframe
        Of the bars to come.

    Attributes
    ----------
    names : tuple of str
    schema_hash : str

    Raises
    ------
    ConfigError
        If a name is unknown, given twice, or not of a longer timeframe.
    """

    def __init__(self, names: Sequence[str], timeframe: Timeframe) -> None:
        wanted = _parsed(names, timeframe)
        self.names = tuple(item.name for item in wanted)
        self.schema_hash = schema_hash(self.names)
        self._timeframe = timeframe
        self._places = [place for place, item in enumerate(wanted) if item.timeframe is None]
        self._graph = Graph([wanted[place].bound for place in self._places])
        self._stream = Stream(self._graph)
        self._longer: list[_Longer] = []
        for frame in dict.fromkeys(item.timeframe for item in wanted):
            if frame is not None:
                places = [k for k, item in enumerate(wanted) if item.timeframe is frame]
                self._longer.append(_Longer(frame, [wanted[k] for k in places], places))
        self._last_ns = -(2**63)

    def update(self, bar: Bars) -> FloatArray:
        """Fold the next bar.

        Parameters
        ----------
        bar : Bars
            One bar, later than all before it.

        Returns
        -------
        row : float64, shape (n_features,)

        Raises
        ------
        DataError
            If there is not exactly one bar, or it is not later than the last.
        """
        if len(bar) != 1 or bar.timeframe is not self._timeframe:
            raise DataError(
                f"A feature stream must get one {self._timeframe.name} bar at a time; "
                f"got {len(bar)} {bar.timeframe.name}.",
                remedy="Pass bars.between(i, i + 1).",
            )
        time_ns = int(bar.time_ns[0])
        if time_ns <= self._last_ns:
            raise DataError(
                f"A bar must be later than the last, {self._last_ns} ns; was {time_ns} ns.",
                remedy="Sort the bars by open time and drop repeats.",
            )
        self._last_ns = time_ns
        known_ns = bar_close(bar.time_ns, self._timeframe)
        columns = [
            float(minute_of_week(known_ns)[0]) if name == "minute" else getattr(bar, name)[0]
            for name in self._graph.columns
        ]
        row = np.empty(len(self.names))
        row[self._places] = self._stream.update(*columns)
        for longer in self._longer:
            row[longer.places] = longer.add(bar, int(known_ns[0]))
        return row
