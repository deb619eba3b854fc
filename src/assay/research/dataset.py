"""History made ready for learning: features, votes and labels of every symbol on one time axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.data.mirror import mirrored
from assay.domain.errors import DataError
from assay.domain.facts_history import ContractFacts
from assay.domain.timeframe import Timeframe
from assay.features.catalogue import default_features
from assay.features.frame import FeatureFrame, compute
from assay.features.schema import schema_hash
from assay.kernels.compiler import BoolArray, FloatArray, IntArray
from assay.research.labels import Labels, label_bars, uniqueness
from assay.research.own_columns import OwnColumns, beside
from assay.signals.terms import Terms
from assay.signals.votes import VOTES, vote_inputs, votes_from
from assay.strategy.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SymbolData:
    """One symbol's bars and what was computed from them; arrays have one row per bar.

    Attributes
    ----------
    bars : Bars
        With both sides quoted.
    known_ns : int64
        When each bar closed.
    x, mirror_x : float64, shape (n_bars, n_features)
        Features of the market and of its mirror image.
    votes, mirror_votes : float64, shape (n_bars, n_votes)
        Those of the fourteen indicators, then a user's signals. The mirror image of an indicator
        is its opposite; that of a signal is computed, since nobody knows whether it takes sides.
    atr : float64
        Unit of the stops, price units; causal.
    labels : Labels
    conversion : float64
        Account currency per unit of quote currency.
    """

    bars: Bars
    known_ns: IntArray
    x: FloatArray
    mirror_x: FloatArray
    votes: FloatArray
    mirror_votes: FloatArray
    atr: FloatArray
    labels: Labels
    conversion: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """All symbols together; rows are (symbol, bar) pairs in order of time, then symbol.

    Attributes
    ----------
    symbols : tuple of str
    data : mapping of str to SymbolData
    names : tuple of str
        Feature columns that the models read: of the catalogue, then a user's own.
    vote_names : tuple of str
        Columns of the votes: the fourteen indicators, then a user's signals.
    schema_hash : str
    unavailable : tuple of str
        Default features that this history cannot give (no volume, for example).
    symbol, bar : int64, shape (n_rows,)
        Which symbol and which of its bars each row is.
    start_ns, end_ns : int64, shape (n_rows,)
        Closed span of each row's label: from the bar's close to the close of the bar that
        decided it; ``end_ns`` is 0 where there is no label.
    settled_ns : int64, shape (n_rows,)
        When the label would have been known whatever the market did: the close of the last bar of
        its horizon; 0 where there is no label. Training takes labels by this, because taking
        them by their end would keep early touches and drop the rest near the edge.
    is_ready : bool, shape (n_rows,)
        Every feature is finite.
    has_label : bool, shape (n_rows,)
        The label is known and went one way.
    """

    symbols: tuple[str, ...]
    data: Mapping[str, SymbolData]
    names: tuple[str, ...]
    vote_names: tuple[str, ...]
    schema_hash: str
    unavailable: tuple[str, ...]
    symbol: IntArray
    bar: IntArray
    start_ns: IntArray
    end_ns: IntArray
    settled_ns: IntArray
    is_ready: BoolArray
    has_label: BoolArray

    def column(self, name: str) -> FloatArray:
        """Return a per-bar array of ``SymbolData`` or its labels, in row order."""
        parts = [
            getattr(item, name) if hasattr(item, name) else getattr(item.labels, name)
            for item in self.data.values()
        ]
        return np.asarray(self._in_row_order(parts))

    def terms(self, rows: slice) -> Terms:
        """Return the terms of trade of *rows*."""
        return Terms(**{field.name: self.column(field.name)[rows] for field in fields(Terms)})

    def _in_row_order(self, parts: Sequence[FloatArray]) -> FloatArray:
        if len(parts) == 1:
            return parts[0]
        joined = np.concatenate(parts)
        offset = np.cumsum([0] + [len(part) for part in parts])[:-1]
        return np.asarray(joined[offset[self.symbol] + self.bar])

    def uniqueness_of(self, rows: IntArray, end: IntArray | None = None) -> FloatArray:
        """Return the average uniqueness of the labels *rows* among themselves, per symbol.

        *end* replaces the bars in which they were decided, shape (n_rows,).
        """
        weight = np.ones(len(rows))
        if end is None:
            end = self.column("end").astype(np.int64)[rows]
        for index, item in enumerate(self.data.values()):
            mine = np.flatnonzero(self.symbol[rows] == index)
            if len(mine):
                begin = self.bar[rows[mine]] + 1
                weight[mine] = uniqueness(begin, end[mine], len(item.bars))
        return weight


def feature_names(settings: Settings) -> tuple[str, ...]:
    """Return the model features that the settings ask for, before availability is known."""
    if settings.features.names:
        return settings.features.names
    timeframe = Timeframe.parse(settings.market.timeframe)
    return tuple(default_features(timeframe, higher_timeframes(settings)))


def higher_timeframes(settings: Settings) -> tuple[Timeframe, ...]:
    """Return the higher timeframes of the settings that are coarser than the bars."""
    base = Timeframe.parse(settings.market.timeframe)
    higher = [Timeframe.parse(text) for text in settings.features.timeframes]
    return tuple(frame for frame in higher if frame.value > base.value)


def atr_name(settings: Settings) -> str:
    """Return the feature that is the unit of the stops."""
    return f"atr_{settings.exits.atr_bars}"


def build_dataset(
    bars: Mapping[str, Bars],
    instruments: Mapping[str, ContractFacts],
    conversion: Mapping[str, FloatArray],
    settings: Settings,
    strategy: Strategy | None = None,
) -> Dataset:
    """Compute features, mirror features, votes and labels of every symbol.

    Parameters
    ----------
    bars : mapping of str to Bars
        With both sides quoted, by symbol.
    instruments : mapping of str to Instrument or FactsHistory
    conversion : mapping of str to float64, shape (n_bars,)
        Account currency per unit of quote currency, by symbol.
    settings : Settings
    strategy : Strategy, optional
        A user's columns: its features join those of the settings, its signals the votes.

    Raises
    ------
    DataError
        If no feature is available on every symbol.
    StrategyError
        If a user's column fails.
    """
    own = None if strategy is None else OwnColumns.of(strategy, bars)
    wanted = [name for name in feature_names(settings) if own is None or name not in own.asked]
    votes_need = vote_inputs([frame.name for frame in higher_timeframes(settings)])
    atr = atr_name(settings)
    everything = tuple(dict.fromkeys((*wanted, *votes_need, atr)))
    frames = {symbol: compute(item, everything) for symbol, item in bars.items()}
    missing = {name for frame in frames.values() for name in frame.unavailable}
    names = tuple(name for name in wanted if name not in missing)
    if not names and (own is None or not own.names):
        raise DataError(
            f"The model must have at least one feature; none of {len(wanted)} is available.",
            remedy="Set features.names to features that this history can give.",
        )
    data = {}
    for symbol, item in bars.items():
        frame = frames[symbol]
        x, mirror_x = _pick(frame, names), _pick(compute(mirrored(item), names), names)
        votes = votes_from(frame.names, frame.values, votes_need)
        mirror_votes = -votes
        if own is not None:
            x, mirror_x = beside(x, own.x[symbol]), beside(mirror_x, own.mirror_x[symbol])
            votes = beside(votes, own.votes[symbol])
            mirror_votes = beside(mirror_votes, own.mirror_votes[symbol])
        data[symbol] = SymbolData(
            bars=item,
            known_ns=bar_close(item.time_ns, item.timeframe),
            x=x,
            mirror_x=mirror_x,
            votes=votes,
            mirror_votes=mirror_votes,
            atr=_pick(frame, (atr,))[:, 0],
            labels=label_bars(
                item, instruments[symbol], settings.labels, settings.costs, conversion[symbol]
            ),
            conversion=conversion[symbol],
        )
    return assemble(
        data,
        names if own is None else (*names, *own.names),
        VOTES if own is None else (*VOTES, *own.signals),
        tuple(sorted({*(missing & set(wanted)), *(() if own is None else own.unavailable)})),
        settings.labels.horizon_bars,
    )


def _pick(frame: FeatureFrame, names: tuple[str, ...]) -> FloatArray:
    place = {name: i for i, name in enumerate(frame.names)}
    return np.ascontiguousarray(frame.values[:, [place[name] for name in names]])


def assemble(
    data: Mapping[str, SymbolData],
    names: tuple[str, ...],
    vote_names: tuple[str, ...],
    unavailable: tuple[str, ...],
    horizon_bars: int,
) -> Dataset:
    """Lay the rows of all symbols on one time axis."""
    items = list(data.values())
    symbol = np.concatenate([np.full(len(item.bars), i, np.int64) for i, item in enumerate(items)])
    bar = np.concatenate([np.arange(len(item.bars), dtype=np.int64) for item in items])
    known = np.concatenate([item.known_ns for item in items])
    end_ns = np.concatenate(
        [np.where(item.labels.end >= 0, item.known_ns[item.labels.end], 0) for item in items]
    )
    settled_ns = np.concatenate([_settled(item, horizon_bars) for item in items])
    is_ready = np.concatenate(
        [np.isfinite(item.x).all(axis=1) & np.isfinite(item.mirror_x).all(axis=1) for item in items]
    )
    side = np.concatenate([item.labels.side for item in items])
    order = np.lexsort((symbol, known))
    return Dataset(
        symbols=tuple(data),
        data=data,
        names=names,
        vote_names=vote_names,
        schema_hash=schema_hash(names),
        unavailable=unavailable,
        symbol=symbol[order],
        bar=bar[order],
        start_ns=known[order],
        end_ns=end_ns[order],
        settled_ns=settled_ns[order],
        is_ready=is_ready[order],
        has_label=np.isfinite(side[order]) & (side[order] != 0.0),
    )


def _settled(item: SymbolData, horizon_bars: int) -> IntArray:
    """Return the close of the last bar of each label's horizon; 0 where there is no label."""
    settled = np.zeros(len(item.bars), np.int64)
    settled[: max(0, len(item.bars) - horizon_bars)] = item.known_ns[horizon_bars:]
    return np.where(item.labels.end >= 0, settled, 0)
