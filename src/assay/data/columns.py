"""Bars and ticks as named columns: what the catalogue stores, hashes and compares."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

Columns = dict[str, NDArray[np.generic]]
"""Arrays of one length by name; ``time_ns`` is int64 and sorted, all others are float64."""

TIME = "time_ns"
BID = ("open", "high", "low", "close")
ASK = ("ask_open", "ask_high", "ask_low", "ask_close")
BAR_COLUMNS = (TIME, *BID, "volume", "spread", *ASK)
TICK_COLUMNS = (TIME, "bid", "ask")


def columns_of(series: Bars | Ticks) -> Columns:
    """Return the arrays of *series* by name; ask columns only where both sides are quoted.

    Raises
    ------
    DataError
        If lengths differ, or times fall (or, for bars, repeat).
    """
    names = BAR_COLUMNS if isinstance(series, Bars) else TICK_COLUMNS
    columns: Columns = {}
    for name in names:
        value = getattr(series, name)
        if value is not None:
            kind = np.int64 if name == TIME else np.float64
            columns[name] = np.ascontiguousarray(value, dtype=kind)
    n_rows = len(series)
    for name, value in columns.items():
        if value.shape != (n_rows,):
            raise DataError(
                f"{series.symbol} column {name} must have {n_rows} rows; had {value.shape}.",
                remedy="Build all columns from the same rows.",
                symbol=series.symbol,
                column=name,
            )
    steps = np.diff(times_of(columns))
    falls = np.flatnonzero(steps <= 0 if isinstance(series, Bars) else steps < 0)
    if len(falls):
        row = int(falls[0]) + 1
        raise DataError(
            f"{series.symbol} rows must be sorted by time, bars without repeats; row {row} is not.",
            remedy="Sort the rows and drop the duplicates.",
            symbol=series.symbol,
            row=row,
        )
    return columns


def times_of(columns: Columns) -> IntArray:
    """Return the time column, int64 UTC nanoseconds."""
    return columns[TIME].view(np.int64)


def bars_of(symbol: str, timeframe: Timeframe, columns: Columns) -> Bars:
    """Return *columns* as bars; ask prices only if every row has them."""
    values: dict[str, FloatArray] = {
        name: value.view(np.float64) for name, value in columns.items() if name != TIME
    }
    if not all(name in values and not np.isnan(values[name]).any() for name in ASK):
        for name in ASK:
            values.pop(name, None)
    return Bars(symbol=symbol, timeframe=timeframe, time_ns=times_of(columns), **values)


def ticks_of(symbol: str, columns: Columns) -> Ticks:
    """Return *columns* as ticks."""
    return Ticks(
        symbol=symbol,
        time_ns=times_of(columns),
        bid=columns["bid"].view(np.float64),
        ask=columns["ask"].view(np.float64),
    )


def distinct(ordered: IntArray) -> IntArray:
    """Return the distinct values of a sorted array; numpy's own search hashes and is slower."""
    if len(ordered) == 0:
        return ordered
    is_first = np.ones(len(ordered), dtype=np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]


def content_hash(columns: Columns) -> str:
    """Return the SHA-256 of the decoded arrays, whatever file format holds them."""
    digest = hashlib.sha256()
    for name, value in columns.items():
        digest.update(f"{name}:{value.dtype.str}:{len(value)}\n".encode())
        digest.update(np.ascontiguousarray(value).view(np.uint8).data)
    return digest.hexdigest()


def take(columns: Columns, chosen: BoolArray | IntArray | slice) -> Columns:
    """Return the rows *chosen* of every column."""
    return {name: value[chosen] for name, value in columns.items()}


def _filled(columns: Columns, names: tuple[str, ...]) -> Columns:
    """Return *columns* with every one of *names*, NaN where it was absent."""
    n_rows = len(columns[TIME])
    return {name: columns[name] if name in columns else np.full(n_rows, np.nan) for name in names}


def same_shape(first: Columns, second: Columns) -> tuple[Columns, Columns]:
    """Return both with the union of their columns, in storage order."""
    order = BAR_COLUMNS if "open" in first or "open" in second else TICK_COLUMNS
    names = tuple(name for name in order if name in first or name in second)
    return _filled(first, names), _filled(second, names)


def without_empty_ask(columns: Columns) -> Columns:
    """Drop ask columns that hold nothing, so that a hash depends on content alone."""
    if "ask_open" not in columns or any(
        not np.isnan(columns[name].view(np.float64)).all() for name in ASK
    ):
        return columns
    return {name: value for name, value in columns.items() if name not in ASK}


def rows_differ(first: Columns, second: Columns) -> BoolArray:
    """Tell for each row whether any bit differs; both have the same columns and length."""
    differ = np.zeros(len(first[TIME]), dtype=np.bool_)
    for name, value in first.items():
        differ |= value.view(np.int64) != second[name].view(np.int64)
    return differ


def joined(pieces: list[Mapping[str, NDArray[np.generic]]]) -> Columns:
    """Concatenate pieces that have the same columns."""
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
