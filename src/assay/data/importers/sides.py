"""Series from several files made one: overlaps settled, bid and ask sides joined."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.data.columns import BID
from assay.data.schema import BARS, TICKS

Series = TypeVar("Series", Bars, Ticks)


def joined(pieces: Sequence[Series]) -> tuple[Series, int]:
    """Return the rows of all pieces, oldest first, and how many were in more than one.

    Parameters
    ----------
    pieces : sequence of Bars or Ticks
        Of one symbol and timeframe, each sorted by time, at least one.

    Returns
    -------
    series : Bars or Ticks
    n_repeated : int
        Rows left out because a later piece has rows at the same time: the later one wins, as in
        the catalogue. Ticks of one time stay together.
    """
    if len(pieces) == 1:
        return pieces[0], 0
    time_ns = np.concatenate([piece.time_ns for piece in pieces])
    owner = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    order = np.argsort(time_ns, kind="stable")
    time_ns, owner = time_ns[order], owner[order]
    is_first = np.ones(len(time_ns), dtype=np.bool_)
    is_first[1:] = time_ns[1:] != time_ns[:-1]
    group = np.cumsum(is_first) - 1
    last_owner = np.zeros(int(is_first.sum()), dtype=np.int64)
    np.maximum.at(last_owner, group, owner)
    keep = owner == last_owner[group]
    chosen = order[keep]
    names = [name for name in _value_names(pieces[0]) if any(_has(piece, name) for piece in pieces)]
    columns = {
        name: np.concatenate([_column(piece, name) for piece in pieces])[chosen] for name in names
    }
    return _rebuilt(pieces[0], time_ns[keep], columns), int(len(keep) - keep.sum())


def _value_names(series: Bars | Ticks) -> tuple[str, ...]:
    schema = BARS if isinstance(series, Bars) else TICKS
    return tuple(name for name in schema.columns if name != schema.time)


def _has(series: Bars | Ticks, name: str) -> bool:
    return getattr(series, name) is not None


def _column(series: Bars | Ticks, name: str) -> FloatArray:
    value: FloatArray | None = getattr(series, name)
    return np.full(len(series), np.nan) if value is None else value


def _rebuilt(like: Series, time_ns: IntArray, columns: dict[str, FloatArray]) -> Series:
    if isinstance(like, Bars):
        return Bars(symbol=like.symbol, timeframe=like.timeframe, time_ns=time_ns, **columns)
    return Ticks(symbol=like.symbol, time_ns=time_ns, **columns)


def with_ask_side(bid: Bars, ask: Bars) -> tuple[Bars, Bars | None, int]:
    """Return bid bars with the ask bars of the same times, and the ask bars left over.

    Parameters
    ----------
    bid : Bars
    ask : Bars
        Prices of the ask side in ``open`` … ``close``.

    Returns
    -------
    both : Bars
        As *bid*, with ``ask_*`` and ``spread`` where the other side is known, NaN elsewhere.
    left : Bars or None
        Ask bars without a bid bar.
    n_crossed : int
        Bars whose ask opens or closes below the bid: these stay without an ask side.
    """
    at = np.searchsorted(bid.time_ns, ask.time_ns)
    is_met = np.zeros(len(ask), dtype=np.bool_)
    inside = at < len(bid)
    is_met[inside] = bid.time_ns[at[inside]] == ask.time_ns[inside]
    target: IntArray = at[is_met]
    crossed = (ask.open[is_met] < bid.open[target]) | (ask.close[is_met] < bid.close[target])
    good, source = target[~crossed], np.flatnonzero(is_met)[~crossed]
    columns = {name: _column(bid, name) for name in _value_names(bid)}
    for name in BID:
        column = columns[f"ask_{name}"].copy()
        column[good] = _column(ask, name)[source]
        columns[f"ask_{name}"] = column
    columns["spread"] = columns["spread"].copy()
    columns["spread"][good] = columns["ask_close"][good] - bid.close[good]
    both = _rebuilt(bid, bid.time_ns, columns)
    left = None if is_met.all() else rows_of(ask, ~is_met)
    return both, left, int(crossed.sum())


def rows_of(series: Series, chosen: BoolArray) -> Series:
    """Return the rows *chosen*: bool, shape (n_rows,)."""
    names = [name for name in _value_names(series) if _has(series, name)]
    rest = {name: _column(series, name)[chosen] for name in names}
    return _rebuilt(series, series.time_ns[chosen], rest)
