"""Answers of Dukascopy's JSON interface: first values, and differences from row to row."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import log10
from pathlib import Path

from assay.data.importers.documents import looks_like_json, read_documents, text_of_head
from assay.data.importers.layout import Format, Layout
from assay.data.importers.records import BATCH_RECORDS, Record, rows_of, shown
from assay.data.importers.rows import Rows
from assay.data.importers.source import Progress
from assay.data.importers.stamps import Stamp
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_BAR_COLUMNS = {"open": "opens", "high": "highs", "low": "lows", "close": "closes"}
_TICK_COLUMNS = {"bid": "bids", "ask": "asks"}
_TIMEFRAMES = {60_000: Timeframe.M1, 3_600_000: Timeframe.H1, 86_400_000: Timeframe.D1}
_DIGITS_MAX = 12


class DukascopyJsonReader:
    """Ticks of an hour, or candles of one side of a day, month or year.

    Prices are whole multiples of ``multiplier``; they are added up as whole numbers, so that
    no rounding piles up. Which side candles quote stands in the name of the file only.
    """

    formats = (Format.DUKASCOPY_BARS, Format.DUKASCOPY_TICKS)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file that begins with JSON of a time, a multiplier and first values.

        Raises
        ------
        DataError
            If it is cut off or damaged.
        """
        text = text_of_head(head)[:400] if looks_like_json(head) else ""
        if not ('"timestamp"' in text and '"multiplier"' in text and '"times"' in text):
            return None
        table = _table(path)
        is_ticks = "bids" in table
        roles = tuple(_TICK_COLUMNS if is_ticks else (*_BAR_COLUMNS, "volume"))
        side = "ask" if re.search(r"(?:^|[_-])ASK(?:[_.-]|$)", path.name, re.I) else "bid"
        shift = table.get("shift")
        return Layout(
            format=Format.DUKASCOPY_TICKS if is_ticks else Format.DUKASCOPY_BARS,
            columns={role: at for at, role in enumerate(("time", *roles))},
            names={role: role for role in ("time", *roles)},
            stamp=Stamp(pattern="epoch ms"),
            timezone="UTC",
            side="bid" if is_ticks else side,
            timeframe=_TIMEFRAMES.get(shift) if isinstance(shift, int) else None,
            divisor=1,
            why=(
                "Dukascopy's JSON: first values and differences",
                *(() if is_ticks else (f"the name of the file says {side}",)),
            ),
        )

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, up to ``BATCH_RECORDS`` at a time.

        Raises
        ------
        DataError
            If columns are missing, differ in length or hold no whole differences.
        """
        records = _records(path)
        for start in range(0, max(1, len(records)), BATCH_RECORDS):
            yield rows_of(records[start : start + BATCH_RECORDS], layout)
        if progress is not None:
            size = path.stat().st_size
            progress(size, size)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return rows as compact JSON, in one further pass over the file."""
        wanted = set(numbers)
        return {item.number: shown(item.raw) for item in _records(path) if item.number in wanted}


def _table(path: Path) -> Mapping[str, object]:
    documents = list(read_documents(path))
    value = documents[0].value if len(documents) == 1 else None
    if not isinstance(value, Mapping):
        raise _damaged(path, "document", "not one object")
    return value


def _records(path: Path) -> list[Record]:
    table = _table(path)
    is_ticks = "bids" in table
    names = _TICK_COLUMNS if is_ticks else _BAR_COLUMNS
    steps = _whole(path, table, "times")
    if not steps:
        return []
    base, shift = table.get("timestamp"), 1 if is_ticks else table.get("shift")
    multiplier = table.get("multiplier")
    if not isinstance(base, int) or not isinstance(shift, int):
        raise _damaged(path, "timestamp", str(base))
    if isinstance(multiplier, bool) or not isinstance(multiplier, int | float) or multiplier <= 0:
        raise _damaged(path, "multiplier", str(multiplier))
    digits = min(_DIGITS_MAX, max(0, round(-log10(multiplier))))
    columns: dict[str, list[float]] = {}
    for role, name in names.items():
        first = table.get(role)
        if isinstance(first, bool) or not isinstance(first, int | float):
            raise _damaged(path, role, str(first))
        deltas = _whole(path, table, name, len(steps))
        start = round(first / multiplier)
        columns[role] = [
            round((start + total) * multiplier, digits) for total in accumulate(deltas)
        ]
    volumes = table.get("volumes")
    if not isinstance(volumes, list) or len(volumes) != len(steps):
        volumes = [None] * len(steps)
    records = []
    for at, total in enumerate(accumulate(steps)):
        values: dict[str, object] = {"time": base + total * shift}
        values |= {role: column[at] for role, column in columns.items()}
        if not is_ticks:
            values["volume"] = volumes[at]
        records.append(Record(number=at + 1, raw=values, values=values))
    return records


def _whole(
    path: Path, table: Mapping[str, object], name: str, length: int | None = None
) -> list[int]:
    """Return a column of whole numbers."""
    column = table.get(name)
    if not isinstance(column, list) or any(type(value) is not int for value in column):
        raise _damaged(path, name, "no list of whole numbers")
    if length is not None and len(column) != length:
        raise _damaged(path, name, f"{len(column)} where {length} belong")
    return column


def _damaged(path: Path, key: str, was: str) -> DataError:
    return DataError(
        f"{path} key {key} must be that of an answer of Dukascopy; was {was}.",
        remedy="It is damaged: download it again.",
        path=str(path),
        key=key,
    )
