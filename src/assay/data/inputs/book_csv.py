"""Order books as tables: a row per level, or a row per snapshot with columns by level."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assay.data.arrays import IntArray
from assay.data.importers.headers import normal
from assay.data.importers.stamps import NO_TIME
from assay.data.importers.zones import zone
from assay.data.inputs import headings
from assay.data.inputs.headings import roles_in
from assay.data.inputs.order_book import ASK, BID, DEPTH, Level, Snapshot, stored_symbol
from assay.data.inputs.reading import (
    Collected,
    InputChoices,
    optional_times,
    stated_zone,
    symbol_named,
    times_of,
    whole_records,
)
from assay.data.inputs.records import Record, Table
from assay.data.inputs.words import number_of
from assay.data.quarantine import Reason
from assay.domain.errors import DataError

_WIDE = re.compile(
    r"(?P<side>bid|ask)s?_?(?P<at>\d{1,3})?_?(?P<what>price|px|p|rate|size|sz|qty|quantity|volume|"
    r"vol|v|amount)?_?(?P<at2>\d{1,3})?(?:_(?P<what2>price|px|size|sz|qty|volume|vol|amount))?"
)
_PRICES = frozenset({"price", "px", "p", "rate"})
_SIDES = {
    **dict.fromkeys(("b", "bid", "bids", "buy", "2", "book type buy", "buy limit"), BID),
    **dict.fromkeys(("a", "ask", "asks", "s", "sell", "offer", "1", "book type sell"), ASK),
}
Wide = dict[tuple[str, int], dict[str, int]]


def is_header(fields: Sequence[str]) -> bool:
    """Tell whether *fields* name the columns of an order book."""
    return is_long(roles_in(fields, headings.BOOK)) or bool(wide_columns(fields))


def is_long(roles: dict[str, int]) -> bool:
    """Tell whether columns are those of one level a row."""
    return {"side", "price", "size"} <= set(roles)


def wide_columns(headers: Sequence[str]) -> Wide:
    """Return where price and size of each side and level stand; empty if nowhere.

    Examples
    --------
    >>> wide_columns(["time", "bid_px_00", "bid_sz_00", "asks[0].price", "asks[0].amount"])
    {('bid', 0): {'price': 1, 'size': 2}, ('ask', 0): {'price': 3, 'size': 4}}
    """
    found: Wide = {}
    for position, header in enumerate(headers):
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", header.strip())
        match = _WIDE.fullmatch(normal(name))
        level = (match["at"] or match["at2"]) if match else None
        if match is None or level is None:
            continue
        what = match["what"] or match["what2"] or "price"
        role = "price" if what in _PRICES else "size"
        found.setdefault((match["side"], int(level)), {})[role] = position
    whole = {key: columns for key, columns in found.items() if len(columns) == 2}
    return whole if {side for side, _ in whole} == {BID, ASK} else {}


def is_market_book(table: Table) -> bool:
    """Tell whether a table without headers is an MT5 market book: type, price, volume."""
    rows = [row.fields for row in table.rows[:200]]
    return (
        bool(rows)
        and not table.headers
        and all(
            len(row) == 3 and _side_of(row[0]) is not None and number_of(row[1]) is not None
            for row in rows
        )
        and len({_side_of(row[0]) for row in rows}) == 2
    )


def read_table(
    path: Path, table: Table, choices: InputChoices, collected: Collected
) -> tuple[list[Snapshot], str, tuple[str, ...]]:
    """Return the snapshots of a table, its clock, and why.

    Raises
    ------
    DataError
        If its times, its clock or its symbol cannot be told, or most rows are bad.
    """
    roles = roles_in(table.headers, headings.BOOK)
    wide = wide_columns(table.headers)
    if not table.headers:
        roles = {"side": 0, "price": 1, "size": 2}
    records = whole_records(table, collected)
    collected.check_share(len(records), "rows of an order book")
    time_ns, timezone, why = _times(path, table, records, roles, choices)
    received = optional_times(path, records, roles, "published", timezone)
    groups: dict[tuple[str, int], list[int]] = {}
    for at, record in enumerate(records):
        text = record.fields[roles["symbol"]] if "symbol" in roles else ""
        if time_ns[at] == NO_TIME:
            collected.refuse(record, Reason.TIME)
            continue
        if "symbol" in roles and not text:
            collected.refuse(record, Reason.MISSING)
            continue
        groups.setdefault((text, int(time_ns[at])), []).append(at)
    found = []
    for (text, moment), rows in groups.items():
        symbol = stored_symbol(path, text, choices, symbol_named(text) if text else "")
        levels: list[Level] = []
        for at in rows:
            levels += (
                _wide_levels(records[at], wide, collected)
                if wide
                else [_long_level(records[at], roles)]
            )
        known = max(int(received[at]) for at in rows)
        found.append(
            Snapshot(
                symbol=symbol,
                book=DEPTH,
                time_ns=moment,
                known_ns=None if known == NO_TIME else known,
                levels=levels,
            )
        )
    return found, timezone, why


def _times(
    path: Path,
    table: Table,
    records: list[Record],
    roles: dict[str, int],
    choices: InputChoices,
) -> tuple[IntArray, str, tuple[str, ...]]:
    """Return when each row stood in the book, in UTC."""
    if "time" not in roles and "date" not in roles:
        if choices.snapshot_ns is None:
            raise DataError(
                f"{path} must state the time of its order book; it has no column for one.",
                remedy="Add a column time, such as 2024-01-05T13:30:00Z in each row.",
                path=str(path),
                line=1,
            )
        moments = np.full(len(records), choices.snapshot_ns, dtype=np.int64)
        return moments, "UTC", ("time of the snapshot as told",)
    moments_read = times_of(path, records, roles, first_line=records[0].line)
    is_utc = moments_read.has_zone or moments_read.pattern.startswith("epoch")
    named = choices.timezone or ("UTC" if is_utc else stated_zone(table.headers))
    if named is None:
        raise DataError(
            f"{path} must state its clock; its times have no offset and its headers name no zone.",
            remedy="Pass --timezone, such as --timezone UTC or --timezone NY+7.",
            path=str(path),
        )
    clock = zone("UTC" if moments_read.has_zone else named)
    good = moments_read.local_ns != NO_TIME
    utc = clock.to_utc(np.where(good, moments_read.local_ns, 0))
    why = (f"times as {moments_read.pattern}, clock {clock.name}",)
    return np.where(good, utc, NO_TIME), clock.name, why


def _side_of(text: str) -> str | None:
    return _SIDES.get(re.sub(r"[\W_]+", " ", text.lower()).strip())


def _long_level(record: Record, roles: dict[str, int]) -> Level:
    side = _side_of(record.fields[roles["side"]])
    price = number_of(record.fields[roles["price"]])
    size = number_of(record.fields[roles["size"]])
    is_number = price is not None and size is not None
    return Level(
        side=side or BID,
        price=math.nan if price is None else price,
        size=math.nan if size is None else size,
        record=record,
        reason=Reason.WORD if side is None else None if is_number else Reason.NUMBER,
    )


def _wide_levels(record: Record, wide: Wide, collected: Collected) -> list[Level]:
    """Return the levels of a row; an empty pair of fields is no level.

    A row is kept or refused whole: with one bad level the book is not what it was.
    """
    found = []
    for (side, _), columns in wide.items():
        texts = [record.fields[columns[role]] for role in ("price", "size")]
        if not any(texts):
            continue
        price, size = (number_of(text) for text in texts)
        if price is None or size is None or price <= 0.0 or size < 0.0:
            collected.refuse(record, Reason.NUMBER)
            return []
        if size > 0.0:
            found.append(Level(side=side, price=price, size=size, record=record))
    return found
