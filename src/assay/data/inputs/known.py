"""The only door to inputs for features, gates and reports: what was known at a time.

Causal: an answer for time ``t`` reads rows with ``known_ns <= t`` alone. Whatever is changed,
added or deleted later than ``t`` leaves it as it was, and many times at once give what each
alone would.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.data.arrays import FloatArray, IntArray
from assay.data.columns import Columns, take
from assay.data.inputs.event_gap import (
    minutes_since_last_event,
    minutes_to_next_event,
    wanted_rows,
)
from assay.data.inputs.news import ACTUAL, SCHEDULE, VALUES, NewsEvent
from assay.data.inputs.schemas import BOOK, MARKET, NEWS, SENTIMENT
from assay.data.schema import Schema
from assay.domain.errors import DataError

if TYPE_CHECKING:
    from assay.data.catalogue import Catalogue

__all__ = [
    "BookKnown",
    "SentimentKnown",
    "book_at",
    "book_of",
    "books_at",
    "events_known",
    "latest_known",
    "minutes_since_last_event",
    "minutes_to_next_event",
    "news_known",
    "sentiment_at",
]
NONE = -1
"""Row index that stands for: nothing was known yet."""


def latest_known(table: Columns, at_ns: IntArray) -> IntArray:
    """Return the row that holds at each time: of the newest subject known, its last version.

    Parameters
    ----------
    table : columns
        With ``known_ns`` (sorted) and ``time_ns``, int64, shape (n_rows,).
    at_ns : int64, shape (n,)
        UTC nanoseconds, in any order.

    Returns
    -------
    row : int64, shape (n,)
        ``NONE`` where nothing was known. A late revision of an older reading does not hide a
        newer reading.

    Notes
    -----
    Causal: reads rows with ``known_ns <= at_ns``. O(n_rows + n log n_rows).

    Examples
    --------
    >>> table = {"known_ns": np.array([10, 20, 30]), "time_ns": np.array([5, 18, 5])}
    >>> latest_known(table, np.array([9, 10, 25, 35]))
    array([-1,  0,  1,  1])
    """
    at_ns = np.asarray(at_ns, dtype=np.int64)
    known, time = table["known_ns"].astype(np.int64), table["time_ns"].astype(np.int64)
    if len(known) == 0:
        return np.full(at_ns.shape, NONE, dtype=np.int64)
    is_newest = time >= np.maximum.accumulate(time)
    holder = np.maximum.accumulate(np.where(is_newest, np.arange(len(known)), 0))
    at = np.searchsorted(known, at_ns, side="right") - 1
    return np.where(at < 0, NONE, holder[np.maximum(at, 0)]).astype(np.int64)


def news_known(
    catalogue: "Catalogue",
    at_ns: int,
    *,
    start_ns: int,
    stop_ns: int,
    currencies: Collection[str] | None = None,
    impact_min: int | None = None,
) -> tuple[NewsEvent, ...]:
    """Return the events in ``[start_ns, stop_ns)`` as they were known at *at_ns*.

    Parameters
    ----------
    catalogue : Catalogue
    at_ns : int
        UTC nanoseconds; what became known later is not seen.
    start_ns, stop_ns : int
        Of scheduled times, as known at *at_ns*.
    currencies : collection of str, optional
        Events of no one country always count.
    impact_min : int, optional
        Events of unknown impact count as high: a gate must not overlook them.

    Raises
    ------
    DataError
        If the table is damaged. No calendar stored is no error: nothing was known.
    """
    table = _read(catalogue, MARKET, NEWS, at_ns)
    return events_known(
        table,
        at_ns,
        start_ns=start_ns,
        stop_ns=stop_ns,
        currencies=currencies,
        impact_min=impact_min,
    )


def events_known(
    table: Columns,
    at_ns: int,
    *,
    start_ns: int,
    stop_ns: int,
    currencies: Collection[str] | None = None,
    impact_min: int | None = None,
) -> tuple[NewsEvent, ...]:
    """Return what :func:`news_known` does, from rows of the ``news`` table in memory."""
    n_known = int(np.searchsorted(table["known_ns"].astype(np.int64), at_ns, side="right"))
    ids, facts = table["event_id"][:n_known].tolist(), table["fact"][:n_known].tolist()
    last = {(event, fact): row for row, (event, fact) in enumerate(zip(ids, facts, strict=True))}
    rows = [row for (_, fact), row in last.items() if fact == SCHEDULE]
    wanted = wanted_rows(take(table, np.array(rows, dtype=np.int64)), currencies, impact_min)
    found = []
    for row, is_wanted in zip(rows, wanted.tolist(), strict=True):
        time_ns = int(table["time_ns"][row])
        if not is_wanted or not start_ns <= time_ns < stop_ns:
            continue
        found.append(_event(table, row, last))
    return tuple(sorted(found, key=lambda event: (event.time_ns, event.currency, event.title)))


def _event(table: Columns, row: int, last: dict[tuple[str, str], int]) -> NewsEvent:
    event_id = str(table["event_id"][row])
    at = {name: last[event_id, name] for name in VALUES if (event_id, name) in last}
    values = {name: float(table["value"][place]) for name, place in at.items()}
    units = [str(table["unit"][place]) for place in at.values() if table["unit"][place]]
    return NewsEvent(
        event_id=event_id,
        time_ns=int(table["time_ns"][row]),
        known_ns=int(table["known_ns"][row]),
        timing=str(table["timing"][row]),
        currency=str(table["currency"][row]),
        impact=int(table["impact"][row]),
        title=str(table["title"][row]),
        status=str(table["status"][row]),
        unit=units[0] if units else "",
        actual_known_ns=int(table["known_ns"][at[ACTUAL]]) if ACTUAL in at else None,
        **values,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentKnown:
    """Sentiment as it was known at each of some times; every array has shape (n,).

    Attributes
    ----------
    value : float64
        [-1, 1]; NaN where none was known.
    time_ns, known_ns : int64
        What the reading is about and when it was known; -1 where none was.
    """

    value: FloatArray
    time_ns: IntArray
    known_ns: IntArray


def sentiment_at(
    catalogue: "Catalogue", symbol: str, at_ns: IntArray, *, source: str | None = None
) -> SentimentKnown:
    """Return the newest reading known at each time.

    Parameters
    ----------
    catalogue : Catalogue
    symbol : str
        Or a currency, where the series is of one.
    at_ns : int64, shape (n,)
        UTC nanoseconds, in any order.
    source : str, optional
        Must be given where several sources are stored.

    Raises
    ------
    DataError
        If nothing is stored for *symbol*, or several sources and none is chosen.
    """
    at_ns = np.asarray(at_ns, dtype=np.int64)
    table = catalogue.read_table(symbol, SENTIMENT.kind)
    sources = sorted(set(table["source"].tolist()))
    if source is None and len(sources) > 1:
        raise DataError(
            f"{symbol} sentiment must be asked for by source; stored are {', '.join(sources)}.",
            remedy="Pass one of them as source.",
            symbol=symbol,
            sources=sources,
        )
    if source is not None and source not in sources:
        raise DataError(
            f"{symbol} sentiment must come from a stored source; was {source!r}.",
            remedy=f"Choose from {', '.join(sources)}.",
            symbol=symbol,
        )
    if source is not None:
        table = take(table, np.flatnonzero(table["source"] == source))
    rows = latest_known(table, at_ns)
    is_there = rows != NONE
    safe = np.maximum(rows, 0)
    return SentimentKnown(
        value=np.where(is_there, table["value"].astype(np.float64)[safe], np.nan),
        time_ns=np.where(is_there, table["time_ns"].astype(np.int64)[safe], NONE),
        known_ns=np.where(is_there, table["known_ns"].astype(np.int64)[safe], NONE),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BookKnown:
    """One snapshot as it was known; arrays have shape (n_levels,), best level first.

    Attributes
    ----------
    book : str
    time_ns, known_ns : int
    side : tuple of str
        ``bid``, ``ask``, or empty in books of orders and positions.
    price, size, long_percent, short_percent : float64
    market_price, bucket_width : float
        NaN where the book has none.
    """

    book: str
    time_ns: int
    known_ns: int
    side: tuple[str, ...]
    price: FloatArray
    size: FloatArray
    long_percent: FloatArray
    short_percent: FloatArray
    market_price: float = math.nan
    bucket_width: float = math.nan


def book_at(
    catalogue: "Catalogue", symbol: str, at_ns: int, *, book: str = "depth"
) -> BookKnown | None:
    """Return the newest snapshot of a book known at *at_ns*; None if none was.

    Parameters
    ----------
    catalogue : Catalogue
    symbol : str
    at_ns : int
    book : {"depth", "orders", "positions"}

    Raises
    ------
    DataError
        If no book is stored for *symbol*.
    """
    table = catalogue.read_table(symbol, BOOK.kind, None, at_ns + 1)
    table = take(table, np.flatnonzero(table["book"] == book))
    rows = latest_known(table, np.array([at_ns], dtype=np.int64))
    return None if rows[0] == NONE else book_of(table, int(rows[0]))


def books_at(
    catalogue: "Catalogue", symbol: str, at_ns: IntArray, *, book: str = "depth"
) -> tuple[Columns, IntArray]:
    """Return the stored levels of a book, and for each time a row of the snapshot that held.

    ``NONE`` where none was known; :func:`book_of` gives the snapshot of a row. Errors as in
    :func:`book_at`.
    """
    at_ns = np.asarray(at_ns, dtype=np.int64)
    table = catalogue.read_table(symbol, BOOK.kind)
    table = take(table, np.flatnonzero(table["book"] == book))
    return table, latest_known(table, at_ns)


def book_of(table: Columns, row: int) -> BookKnown:
    """Return the snapshot that row *row* belongs to."""
    known = table["known_ns"].astype(np.int64)
    start, stop = np.searchsorted(known, [known[row], known[row] + 1])
    near = take(table, slice(int(start), int(stop)))
    is_own = (near["time_ns"] == table["time_ns"][row]) & (
        near["snapshot"] == table["snapshot"][row]
    )
    own = take(near, np.flatnonzero(is_own))
    order = np.lexsort((own["level"].astype(np.int64), _side_rank(own["side"])))
    own = take(own, order)

    def numbers(name: str) -> FloatArray:
        return own[name].astype(np.float64)

    return BookKnown(
        book=str(own["book"][0]),
        time_ns=int(own["time_ns"][0]),
        known_ns=int(own["known_ns"][0]),
        side=tuple(own["side"].tolist()),
        price=numbers("price"),
        size=numbers("size"),
        long_percent=numbers("long_percent"),
        short_percent=numbers("short_percent"),
        market_price=float(numbers("market_price")[0]),
        bucket_width=float(numbers("bucket_width")[0]),
    )


def _side_rank(sides: NDArray[np.generic]) -> IntArray:
    return np.array([0 if side == "bid" else 1 for side in sides], dtype=np.int64)


def _read(catalogue: "Catalogue", symbol: str, schema: Schema, at_ns: int) -> Columns:
    """Return the rows known at *at_ns*; empty columns where there is no such table."""
    stored = {(entry.symbol, entry.kind) for entry in catalogue.list_inputs()}
    if (symbol, schema.kind) in stored:
        return catalogue.read_table(symbol, schema.kind, None, at_ns + 1)
    types = {"int64": np.int64, "float64": np.float64, "string": np.object_}
    return {name: np.empty(0, dtype=types[kind]) for name, kind in schema.columns.items()}
