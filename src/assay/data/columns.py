"""Rows as named columns: what the catalogue stores, hashes and compares."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.data.schema import BARS, TICKS, Schema
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

Columns = dict[str, NDArray[np.generic]]
"""Arrays of one length by name, as a :class:`Schema` states them; a string column is an array
of objects, ``str`` or None."""

TIME = BARS.time
BID = ("open", "high", "low", "close")
ASK = BARS.optional
_DTYPES = {"int64": np.int64, "float64": np.float64, "string": np.object_}


def empty(schema: Schema, names: Sequence[str], n_rows: int) -> Columns:
    """Return columns of *n_rows* rows that are still to be filled."""
    return {name: np.empty(n_rows, dtype=_DTYPES[schema.columns[name]]) for name in names}


def columns_of(series: Bars | Ticks) -> Columns:
    """Return the arrays of *series* by name; ask columns only where both sides are quoted.

    Raises
    ------
    DataError
        If lengths differ, or times fall (or, for bars, repeat).
    """
    schema = BARS if isinstance(series, Bars) else TICKS
    columns: Columns = {}
    for name, kind in schema.columns.items():
        value = getattr(series, name)
        if value is not None:
            columns[name] = np.ascontiguousarray(value, dtype=_DTYPES[kind])
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


def checked_table(
    schema: Schema, columns: Mapping[str, NDArray[np.generic] | Sequence[object]]
) -> Columns:
    """Return *columns* in the types and the order of *schema*.

    Raises
    ------
    DataError
        If a column is absent, unknown, of another length or type, or times fall.
    """
    if set(columns) != set(schema.columns):
        raise DataError(
            f"A table of {schema.kind} must have the columns {', '.join(schema.columns)}; had "
            f"{', '.join(columns) or 'none'}.",
            remedy="Pass every column; NaN and None stand for what is missing.",
            kind=schema.kind,
        )
    table = {
        name: _typed(schema, name, kind, columns[name]) for name, kind in schema.columns.items()
    }
    lengths = {name: len(value) for name, value in table.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"Columns of {schema.kind} must have one length; had {lengths}.",
            remedy="Build all columns from the same rows.",
            kind=schema.kind,
        )
    falls = np.flatnonzero(np.diff(times_of(table)) < 0)
    if len(falls):
        raise DataError(
            f"Rows of {schema.kind} must be sorted by {schema.time}; row {int(falls[0]) + 1} is "
            "earlier than the one before.",
            remedy="Sort the rows by the time at which each was known.",
            kind=schema.kind,
            row=int(falls[0]) + 1,
        )
    return table


def _typed(
    schema: Schema, name: str, kind: str, values: NDArray[np.generic] | Sequence[object]
) -> NDArray[np.generic]:
    """Return one column in the type of its schema; nothing is converted with loss."""
    if kind == "string":
        texts = np.empty(len(values), dtype=np.object_)
        texts[:] = [str(item) if isinstance(item, str) else item for item in values]
        odd = next((item for item in texts if not (item is None or isinstance(item, str))), None)
    else:
        given = np.asarray(values)
        allowed = "iu" if kind == "int64" else "iuf"
        odd = None if given.dtype.kind in allowed or given.size == 0 else given.reshape(-1)[0]
        if odd is None and given.ndim == 1:
            return np.array(given, dtype=_DTYPES[kind])
        texts = given
    if odd is not None or texts.ndim != 1:
        raise DataError(
            f"Column {name} of {schema.kind} must be {kind}, one value a row; was {odd!r}.",
            remedy="Convert the column before it is stored.",
            kind=schema.kind,
            column=name,
        )
    return texts


def times_of(columns: Columns) -> IntArray:
    """Return the first column, by which rows are sorted: int64 UTC nanoseconds."""
    return next(iter(columns.values())).view(np.int64)


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
    """Return the SHA-256 of the decoded arrays, whatever file format holds them.

    A string counts as its length and its UTF-8 bytes, a missing one as length -1.
    """
    digest = hashlib.sha256()
    for name, value in columns.items():
        if value.dtype == np.object_:
            texts = [None if text is None else text.encode() for text in value.tolist()]
            lengths = [-1 if text is None else len(text) for text in texts]
            digest.update(f"{name}:string:{len(value)}\n".encode())
            digest.update(np.array(lengths, dtype="<i8").tobytes())
            digest.update(b"".join(text or b"" for text in texts))
            continue
        digest.update(f"{name}:{value.dtype.str}:{len(value)}\n".encode())
        digest.update(np.ascontiguousarray(value).view(np.uint8).data)
    return digest.hexdigest()


def take(columns: Columns, chosen: BoolArray | IntArray | slice) -> Columns:
    """Return the rows *chosen* of every column."""
    return {name: value[chosen] for name, value in columns.items()}


def same_shape(schema: Schema, pieces: Sequence[Columns]) -> list[Columns]:
    """Return all pieces with the union of their columns, NaN where one was absent."""
    names = [name for name in schema.columns if any(name in piece for piece in pieces)]
    return [
        {
            name: piece[name] if name in piece else np.full(len(times_of(piece)), np.nan)
            for name in names
        }
        for piece in pieces
    ]


def without_empty(schema: Schema, columns: Columns) -> Columns:
    """Drop optional columns if all are empty, so that a hash depends on content alone."""
    found = [name for name in schema.optional if name in columns]
    if not found or any(not np.isnan(columns[name].view(np.float64)).all() for name in found):
        return columns
    return {name: value for name, value in columns.items() if name not in found}


def rows_differ(first: Columns, second: Columns) -> BoolArray:
    """Tell for each row whether any bit differs; both have the same columns and length."""
    differ = np.zeros(len(times_of(first)), dtype=np.bool_)
    for name, value in first.items():
        if value.dtype == np.object_:
            differ |= np.asarray(value != second[name], dtype=np.bool_)
        else:
            differ |= value.view(np.int64) != second[name].view(np.int64)
    return differ


def joined(pieces: Sequence[Columns]) -> Columns:
    """Concatenate pieces that have the same columns."""
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
