"""Snapshots of order books: depth by price, and the open orders and positions of a venue.

A snapshot is stored as its levels. ``orders`` and ``positions`` are OANDA's books: the share
of clients who are long and short at each price. ``depth`` is bids and asks with their sizes.
A snapshot is known when the file says it was received, else at its own time plus a delay: a
minute for OANDA's books, which are computed and then published, a second for depth.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.data.columns import Columns
from assay.data.inputs.reading import Collected, InputChoices
from assay.data.inputs.records import Record
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_SECOND

ORDERS, POSITIONS, DEPTH = "orders", "positions", "depth"
DELAY_NS = {ORDERS: 60 * NS_PER_SECOND, POSITIONS: 60 * NS_PER_SECOND, DEPTH: NS_PER_SECOND}
BID, ASK = "bid", "ask"
LEVELS_MAX = 5_000
PERCENT_SUM_MAX = 101.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of a book as a file states it; *reason* says why it is refused, if it is.

    Attributes
    ----------
    side : str
        ``bid`` or ``ask``; empty in books of orders and positions.
    price, size, long_percent, short_percent : float
        NaN where the book has none.
    record : Record
        Where it stood.
    """

    side: str
    price: float
    record: Record
    size: float = math.nan
    long_percent: float = math.nan
    short_percent: float = math.nan
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One book at one time.

    Attributes
    ----------
    symbol : str
    book : str
        ``depth``, ``orders`` or ``positions``.
    time_ns : int
    known_ns : int or None
        When it was received, where the file states it.
    levels : sequence of Level
    market_price, bucket_width : float
        Of OANDA's books; NaN in others.
    """

    symbol: str
    book: str
    time_ns: int
    levels: Sequence[Level]
    known_ns: int | None = None
    market_price: float = math.nan
    bucket_width: float = math.nan


def judged(snapshot: Snapshot, collected: Collected) -> list[Level]:
    """Return the levels worth keeping, best first (buckets: by price); refuse the others.

    A level is refused for a price or size that is none, or that stands twice. A snapshot is
    refused whole where its best bid is not below its best ask, or its shares exceed 100 %.
    """
    kept: list[Level] = []
    seen: set[tuple[str, float]] = set()
    for level in snapshot.levels:
        reason = level.reason or _fault(level, snapshot.book)
        if reason is None and (level.side, level.price) in seen:
            reason = Reason.DUPLICATE
        if reason is not None:
            collected.refuse(level.record, reason)
            continue
        seen.add((level.side, level.price))
        kept.append(level)
    bids = sorted((item for item in kept if item.side == BID), key=lambda item: -item.price)
    asks = sorted((item for item in kept if item.side == ASK), key=lambda item: item.price)
    buckets = sorted((item for item in kept if not item.side), key=lambda item: item.price)
    is_crossed = bool(bids and asks) and bids[0].price >= asks[0].price
    total = sum(item.long_percent + item.short_percent for item in buckets)
    if is_crossed or total > PERCENT_SUM_MAX:
        for level in kept:
            collected.refuse(level.record, Reason.CROSSED if is_crossed else Reason.RANGE)
        return []
    return [*bids, *asks, *buckets]


def _fault(level: Level, book: str) -> Reason | None:
    if not math.isfinite(level.price) or level.price <= 0.0:
        return Reason.NOT_POSITIVE if math.isfinite(level.price) else Reason.NUMBER
    if book == DEPTH:
        if not math.isfinite(level.size):
            return Reason.NUMBER
        return None if level.size > 0.0 else Reason.NOT_POSITIVE
    shares = (level.long_percent, level.short_percent)
    if not all(math.isfinite(share) for share in shares):
        return Reason.NUMBER
    return None if all(0.0 <= share <= 100.0 for share in shares) else Reason.RANGE


def stored_symbol(path: Path, stated: str, choices: InputChoices, symbol_of: str) -> str:
    """Return the symbol to store under: as the user spells it, if the file means the same.

    Parameters
    ----------
    path : Path
    stated : str
        What the file says; may be empty.
    choices : InputChoices
    symbol_of : str
        *stated* in the spelling of the catalogue.

    Raises
    ------
    DataError
        If the file says another symbol, or nothing says which it is.
    """
    wanted = choices.symbol
    if not stated and not wanted:
        raise DataError(
            f"{path} must say whose order book it holds; it names no symbol.",
            remedy="Pass --symbol, such as --symbol XAUUSD.",
            path=str(path),
        )
    if not stated or wanted is None:
        return wanted or symbol_of
    from assay.data.inputs.reading import symbol_named

    if symbol_named(wanted) != symbol_of:
        raise DataError(
            f"{path} must hold the order book of {wanted}; it is of {stated!r}.",
            remedy=f"Pass --symbol {symbol_of}.",
            path=str(path),
            value=stated,
        )
    return wanted


def columns_of_books(
    snapshots: Sequence[Snapshot], delay_ns: int | None, collected: Collected
) -> tuple[dict[str, Columns], int]:
    """Return the columns of each symbol, sorted by known time, and the number of levels kept.

    A snapshot that stands twice with the same levels is refused the second time.
    """
    rows: dict[str, list[tuple[object, ...]]] = {}
    seen: set[tuple[str, str, int, int, str]] = set()
    n_kept = 0
    for snapshot in snapshots:
        levels = judged(snapshot, collected)
        if not levels:
            continue
        wait_ns = DELAY_NS[snapshot.book] if delay_ns is None else delay_ns
        known_ns = snapshot.time_ns + wait_ns
        if snapshot.known_ns is not None:
            known_ns = max(snapshot.known_ns, snapshot.time_ns)
        name = snapshot_id(levels)
        identity = (snapshot.symbol, snapshot.book, snapshot.time_ns, known_ns, name)
        if identity in seen:
            for level in levels:
                collected.refuse(level.record, Reason.DUPLICATE)
            continue
        seen.add(identity)
        n_kept += len(levels)
        counts = {BID: 0, ASK: 0, "": 0}
        for level in levels:
            counts[level.side] += 1
            rows.setdefault(snapshot.symbol, []).append(
                (
                    known_ns,
                    snapshot.time_ns,
                    snapshot.book,
                    name,
                    level.side,
                    counts[level.side],
                    level.price,
                    level.size,
                    level.long_percent,
                    level.short_percent,
                    snapshot.market_price,
                    snapshot.bucket_width,
                )
            )
    return {symbol: _columns(listed) for symbol, listed in rows.items()}, n_kept


def snapshot_id(levels: Sequence[Level]) -> str:
    """Return what tells the content of one snapshot from another at the same time."""
    digest = hashlib.sha256()
    for level in levels:
        numbers = (level.price, level.size, level.long_percent, level.short_percent)
        digest.update(f"{level.side} {numbers!r}\n".encode())
    return digest.hexdigest()[:16]


def _columns(rows: list[tuple[object, ...]]) -> Columns:
    from assay.data.inputs.schemas import BOOK

    rows.sort(key=lambda row: row[:6])
    types: dict[str, type] = {"int64": np.int64, "float64": np.float64, "string": object}
    return {
        name: np.array([row[at] for row in rows], dtype=types[kind])
        for at, (name, kind) in enumerate(BOOK.columns.items())
    }
