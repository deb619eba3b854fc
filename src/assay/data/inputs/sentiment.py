"""Sentiment series: readings in [-1, 1] by time, symbol and source.

A reading comes as a value, or as the shares of those who are long and short. It is known at
the time the file states for it (``published``), else at its own time plus a delay of an hour;
a reading that is about a day is known when the day is over, plus the delay.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.data.columns import Columns
from assay.data.importers.headers import roles_of
from assay.data.importers.stamps import NO_TIME
from assay.data.importers.zones import zone
from assay.data.inputs import headings
from assay.data.inputs.headings import roles_in
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
from assay.data.inputs.words import is_missing, number_of
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_SECOND

DELAY_NS = 3_600 * NS_PER_SECOND
SOURCE_CHARACTERS_MAX = 60
_UNIT_SHARE_MIN = 0.9
_SUM_TOLERANCE = 3.0
_PERCENT = re.compile(r"(?i)%|pct|percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """A sentiment file as read: columns by symbol, and its clock."""

    rows: dict[str, Columns]
    timezone: str
    n_rows: int
    why: tuple[str, ...]


def is_header(fields: Sequence[str]) -> bool:
    """Tell whether *fields* name the columns of a sentiment series."""
    return is_sentiment(fields, roles_in(fields, headings.SENTIMENT))


def is_sentiment(headers: Sequence[str], roles: dict[str, int]) -> bool:
    """Tell whether columns are a time and a sentiment, and no prices."""
    has_time = "time" in roles or "date" in roles
    has_value = bool({"value", "percent", "long"} & set(roles))
    market = roles_of(headers)
    has_prices = {"open", "close"} <= set(market) or {"bid", "ask"} <= set(market)
    return has_time and has_value and not has_prices


def read_sentiment(
    path: Path,
    table: Table,
    roles: dict[str, int],
    choices: InputChoices,
    collected: Collected,
) -> Sentiment:
    """Return the readings of a table.

    Raises
    ------
    DataError
        If its times, its clock, its symbol or its scale cannot be told, or most rows are bad.
    """
    records = whole_records(table, collected)
    collected.check_share(len(records), "rows of sentiment")
    moments = times_of(path, records, roles, first_line=records[0].line)
    is_utc = moments.has_zone or moments.pattern.startswith("epoch")
    stated = "UTC" if is_utc else stated_zone(table.headers)
    named = choices.timezone or stated
    if named is None:
        raise DataError(
            f"{path} must state its clock; its times, such as {_first(records, roles)!r}, have no "
            "offset and its headers name no zone.",
            remedy="Pass --timezone, such as --timezone UTC or --timezone America/New_York.",
            path=str(path),
        )
    clock = zone("UTC" if moments.has_zone else named)
    good = moments.local_ns != NO_TIME
    local_ns = np.where(good, moments.local_ns, 0)
    time_ns = clock.to_utc(local_ns)
    end_ns = time_ns if moments.has_clock else clock.to_utc(local_ns + NS_PER_DAY)
    delay_ns = DELAY_NS if choices.delay_ns is None else choices.delay_ns
    published = optional_times(path, records, roles, "published", clock.name)
    known_ns = np.where(published == NO_TIME, end_ns + delay_ns, np.maximum(published, time_ns))
    if (published == NO_TIME).any():
        collected.warnings.append(
            f"Readings without a time of publication are taken to be known {delay_ns // 10**9:,} s "
            f"after {'their time' if moments.has_clock else 'the end of their day'}; a column "
            "published states it."
        )
    scale, why = _scale(path, table, records, roles)
    read: dict[tuple[str, str, int, int], tuple[float, float]] = {}
    for at, record in enumerate(records):
        reason, symbol, value, share = _reading(path, record, roles, choices, scale)
        if not good[at] or _is_bad_time(record, roles, int(published[at])):
            reason = Reason.TIME
        if reason is not None:
            collected.refuse(record, reason)
            continue
        source = (
            record.fields[roles["source"]] if "source" in roles else choices.source or path.stem
        )
        key = (symbol, source[:SOURCE_CHARACTERS_MAX], int(time_ns[at]), int(known_ns[at]))
        if key in read:
            is_same = read[key][0] == value
            collected.refuse(record, Reason.DUPLICATE if is_same else Reason.CONFLICT)
            continue
        read[key] = (value, share)
    collected.check_share(len(read), "rows of sentiment")
    return Sentiment(
        rows=_columns(read),
        timezone=clock.name,
        n_rows=len(table.rows),
        why=(f"times as {moments.pattern}, clock {clock.name}", why),
    )


def _first(records: Sequence[Record], roles: dict[str, int]) -> str:
    return records[0].fields[roles.get("time", roles.get("date", 0))]


def _is_bad_time(record: Record, roles: dict[str, int], published_ns: int) -> bool:
    """Tell whether a time of publication is there and cannot be read."""
    has_text = "published" in roles and record.fields[roles["published"]] != ""
    return has_text and published_ns == NO_TIME


def _scale(
    path: Path, table: Table, records: Sequence[Record], roles: dict[str, int]
) -> tuple[float, str]:
    """Return what divides values into [-1, 1] (0: long and short shares), and why.

    Raises
    ------
    DataError
        If values lie outside [-1, 1] and the header does not say per cent.
    """
    if "value" not in roles and "percent" not in roles:
        return 0.0, "shares of long and short"
    role = "value" if "value" in roles else "percent"
    header = table.headers[roles[role]] if table.headers else ""
    texts = [record.fields[roles[role]] for record in records]
    if role == "percent" or _PERCENT.search(header) or _are_percents(texts):
        return 100.0, f"values of {header!r} are per cent"
    numbers = [number for text in texts if (number := number_of(text)) is not None]
    n_unit = sum(1 for number in numbers if abs(number) <= 1.0)
    if n_unit < _UNIT_SHARE_MIN * len(numbers):
        record = next(
            record for record in records if abs(number_of(record.fields[roles[role]]) or 0.0) > 1.0
        )
        raise DataError(
            f"{path} line {record.line} column {header!r} must lie in [-1, 1]; was "
            f"{record.fields[roles[role]]!r}.",
            remedy="Divide the values, or call the column sentiment_pct if they are per cent from "
            "-100 to 100.",
            path=str(path),
            line=record.line,
            column=header,
        )
    return 1.0, f"values of {header!r} lie in [-1, 1]"


def _are_percents(texts: Sequence[str]) -> bool:
    return sum(1 for text in texts if text.endswith("%")) * 2 > len(texts)


def _reading(
    path: Path, record: Record, roles: dict[str, int], choices: InputChoices, scale: float
) -> tuple[Reason | None, str, float, float]:
    """Return why a row is refused, or its symbol, value and share of longs."""
    text = record.fields[roles["symbol"]] if "symbol" in roles else ""
    symbol = symbol_named(text) if text else choices.symbol or ""
    if "symbol" not in roles and not symbol:
        raise DataError(
            f"{path} must say what its sentiment is about; it has no column for a symbol.",
            remedy="Pass --symbol, such as --symbol EURUSD, or a currency such as --symbol USD.",
            path=str(path),
        )
    if not symbol:
        return Reason.MISSING, "", math.nan, math.nan
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9.#+-]{1,31}", symbol.upper()):
        return Reason.WORD, "", math.nan, math.nan
    if choices.symbol and text and symbol_named(choices.symbol) == symbol:
        symbol = choices.symbol
    if scale == 0.0:
        return (*_share_reading(record, roles, symbol),)
    at = roles["value"] if "value" in roles else roles["percent"]
    if is_missing(record.fields[at]):
        return Reason.MISSING, symbol, math.nan, math.nan
    number = number_of(record.fields[at].rstrip("% "))
    if number is None:
        return Reason.NUMBER, symbol, math.nan, math.nan
    value = number / scale
    reason = None if -1.0 <= value <= 1.0 else Reason.RANGE
    return reason, symbol, value, math.nan


def _share_reading(
    record: Record, roles: dict[str, int], symbol: str
) -> tuple[Reason | None, str, float, float]:
    texts = [record.fields[roles[role]] for role in ("long", "short") if role in roles]
    if any(is_missing(text) for text in texts):
        return Reason.MISSING, symbol, math.nan, math.nan
    numbers = [number_of(text.rstrip("% ")) for text in texts]
    if any(number is None for number in numbers):
        return Reason.NUMBER, symbol, math.nan, math.nan
    longs = numbers[0] or 0.0
    shorts = 100.0 - longs if len(numbers) == 1 else numbers[1] or 0.0
    if longs < 0.0 or shorts < 0.0 or longs + shorts <= 0.0:
        return Reason.RANGE, symbol, math.nan, math.nan
    is_percent = any("%" in text for text in texts)
    if is_percent and longs + shorts > 100.0 + _SUM_TOLERANCE:
        return Reason.RANGE, symbol, math.nan, math.nan
    share = longs / (longs + shorts)
    return None, symbol, 2.0 * share - 1.0, share


def _columns(
    read: dict[tuple[str, str, int, int], tuple[float, float]],
) -> dict[str, Columns]:
    """Return the columns of each symbol, sorted by known time."""
    by_symbol: dict[str, list[tuple[int, int, str, float, float]]] = {}
    for (symbol, source, time_ns, known_ns), (value, share) in read.items():
        by_symbol.setdefault(symbol, []).append((known_ns, time_ns, source, value, share))
    found: dict[str, Columns] = {}
    for symbol, unsorted in by_symbol.items():
        rows = sorted(unsorted, key=lambda row: row[:3])
        found[symbol] = {
            "known_ns": np.array([row[0] for row in rows], dtype=np.int64),
            "time_ns": np.array([row[1] for row in rows], dtype=np.int64),
            "source": np.array([row[2] for row in rows], dtype=object),
            "value": np.array([row[3] for row in rows], dtype=np.float64),
            "long_share": np.array([row[4] for row in rows], dtype=np.float64),
        }
    return found
