"""Order books in JSON: OANDA's order and position books, depth as ccxt and OANDA write it."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from assay.data.importers.stamps import NO_TIME, parse_texts, stamp_patterns
from assay.data.inputs.order_book import (
    ASK,
    BID,
    DEPTH,
    LEVELS_MAX,
    ORDERS,
    POSITIONS,
    Level,
    Snapshot,
    stored_symbol,
)
from assay.data.inputs.reading import Collected, InputChoices, symbol_named
from assay.data.inputs.records import Record, shown
from assay.data.inputs.words import number_of
from assay.data.quarantine import Reason
from assay.domain.errors import DataError

_OANDA = {"orderBook": ORDERS, "positionBook": POSITIONS}
_TIMES = ("timestamp", "time", "datetime", "ts", "T", "E", "lastUpdateTime")
_RECEIVED = ("received", "received_at", "receivedTime", "local_timestamp", "known", "known_at")
_SYMBOLS = ("symbol", "instrument", "s", "pair")
Values = Sequence[tuple[int, object]]


def is_oanda(values: Values) -> bool:
    """Tell whether the first of *values* is a book of orders or positions of OANDA."""
    return bool(values) and _oanda_body(values[0][1]) is not None


def is_depth(values: Values) -> bool:
    """Tell whether the first of *values* has bids and asks."""
    return bool(values) and _has_sides(values[0][1])


def _oanda_body(value: object) -> tuple[str, Mapping[str, object]] | None:
    if not isinstance(value, Mapping):
        return None
    for key, book in _OANDA.items():
        body = value.get(key)
        if isinstance(body, Mapping) and isinstance(body.get("buckets"), list):
            return book, body
    return None


def _has_sides(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(value.get(side), list) for side in ("bids", "asks")
    )


def stated_symbol(values: Values) -> str | None:
    """Return the one symbol that the first values state, in the spelling of the catalogue."""
    named = set()
    for _, value in values[:100]:
        oanda = _oanda_body(value)
        body = oanda[1] if oanda is not None else value
        text = _first_of(body, _SYMBOLS) if isinstance(body, Mapping) else ""
        named.add(symbol_named(text) if text else None)
    return named.pop() if len(named) == 1 else None


def read_books(
    path: Path, values: Values, choices: InputChoices, collected: Collected
) -> list[Snapshot]:
    """Return the snapshots of a JSON file; what is no book or has no time is refused.

    Raises
    ------
    DataError
        If the symbol is not known, or another than asked for.
    """
    found = []
    number = 0
    for line, value in values:
        oanda = _oanda_body(value)
        whole = Record(line=line, fields=(), text=shown(value))
        if oanda is None and not _has_sides(value):
            number += 1
            collected.refuse(whole, Reason.FIELDS)
            continue
        body = oanda[1] if oanda is not None else value
        assert isinstance(body, Mapping)
        book = DEPTH if oanda is None else oanda[0]
        levels = _buckets(body, number) if oanda is not None else _sides(body, number)
        number += len(levels)
        if not levels:
            continue  # an empty book states nothing
        time_ns = _moment(_first_of(body, _TIMES))
        if time_ns is None and choices.snapshot_ns is not None and len(values) == 1:
            time_ns = choices.snapshot_ns
        if time_ns is None or len(levels) > LEVELS_MAX:
            for level in levels:
                collected.refuse(level.record, Reason.TIME if time_ns is None else Reason.RANGE)
            continue
        text = _first_of(body, _SYMBOLS)
        received = _first_of(body, _RECEIVED)
        found.append(
            Snapshot(
                symbol=stored_symbol(path, text, choices, symbol_named(text) if text else ""),
                book=book,
                time_ns=time_ns,
                known_ns=_moment(received) if received else None,
                levels=levels,
                market_price=_number(body.get("price")),
                bucket_width=_number(body.get("bucketWidth")),
            )
        )
    return found


def no_snapshot(path: Path) -> DataError:
    """Return the error for a file in which no book has a time."""
    return DataError(
        f"{path} must state the time of its order book; it has none that can be read.",
        remedy="Add a key time, such as 2024-01-05T13:30:00Z, or timestamp in milliseconds.",
        path=str(path),
    )


def _first_of(body: Mapping[str, object], names: Sequence[str]) -> str:
    """Return the first value that is there, as text."""
    for name in names:
        value = body.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value).strip()
    return ""


def _moment(text: str) -> int | None:
    """Return a time in UTC; offsets count, epochs in any unit, and fractions of seconds."""
    bare = re.sub(r"(\.\d{9})\d+", r"\1", text.strip())
    patterns = stamp_patterns([bare])
    if len(patterns) != 1 or not (patterns[0].has_zone or patterns[0].is_epoch):
        return None
    time_ns = int(parse_texts(pl.Series([bare], dtype=pl.String), patterns[0])[0])
    return None if time_ns == NO_TIME else time_ns


def _buckets(body: Mapping[str, object], number: int) -> list[Level]:
    listed = body.get("buckets")
    found = []
    for at, bucket in enumerate(listed if isinstance(listed, list) else [], number + 1):
        record = Record(line=at, fields=(), text=shown(bucket))
        if not isinstance(bucket, Mapping):
            found.append(Level(side="", price=math.nan, record=record, reason=Reason.FIELDS))
            continue
        names = ("price", "longCountPercent", "shortCountPercent")
        price, longs, shorts = (_number(bucket.get(name)) for name in names)
        is_missing = any(bucket.get(name) is None for name in names)
        found.append(
            Level(
                side="",
                price=price,
                long_percent=longs,
                short_percent=shorts,
                record=record,
                reason=Reason.MISSING if is_missing else None,
            )
        )
    return found


def _sides(body: Mapping[str, object], number: int) -> list[Level]:
    found: list[Level] = []
    for side, name in ((BID, "bids"), (ASK, "asks")):
        listed = body.get(name)
        for level in listed if isinstance(listed, list) else []:
            number += 1
            record = Record(line=number, fields=(), text=f"{side} {shown(level)}")
            price, size = _price_and_size(level)
            reason = Reason.FIELDS if price is None or size is None else None
            found.append(
                Level(
                    side=side,
                    price=_number(price),
                    size=_number(size),
                    record=record,
                    reason=reason,
                )
            )
    return found


def _price_and_size(level: object) -> tuple[object, object]:
    if isinstance(level, list) and 2 <= len(level) <= 4:
        return level[0], level[1]
    if isinstance(level, Mapping):
        size = next(
            (
                level[name]
                for name in ("size", "liquidity", "volume", "amount", "qty", "quantity")
                if name in level
            ),
            None,
        )
        return level.get("price"), size
    return None, None


def _number(value: object) -> float:
    """Return a JSON number, or a text that holds one; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return math.nan
    number = number_of(str(value)) if len(str(value)) < 40 else None
    return math.nan if number is None else number
