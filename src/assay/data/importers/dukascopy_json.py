"""Answers of Dukascopy's JSON interface: first values, and differences from row to row."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from assay.data.arrays import FloatArray, IntArray
from assay.data.importers.documents import looks_like_json, read_documents, text_of, text_of_head
from assay.data.importers.layout import Format, Layout
from assay.data.importers.rows import Refused, Rows
from assay.data.importers.rules import NO_REASON, REASONS, refusals_of
from assay.data.importers.source import Progress
from assay.data.importers.stamps import Stamp
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_BAR_COLUMNS = {"open": "opens", "high": "highs", "low": "lows", "close": "closes"}
_TICK_COLUMNS = {"bid": "bids", "ask": "asks"}
_TIMEFRAMES = {60_000: Timeframe.M1, 3_600_000: Timeframe.H1, 86_400_000: Timeframe.D1}
_STEP_MAX = 10**9
_UNITS_MAX = 1e15
_TIME_MS_MAX = 9_000_000_000_000  # the year 2255
_NS_PER_MS = 1_000_000


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
        """Yield all rows at once: a file is small.

        Raises
        ------
        DataError
            If columns are missing, differ in length or hold no whole differences.
        """
        time_ns, values = _columns(path)
        values = {role: values[role] for role in layout.value_roles}
        reasons = refusals_of(values, layout.required_roles)
        keep = reasons == NO_REASON
        line = np.arange(1, len(time_ns) + 1, dtype=np.int64)
        refused: list[Refused] = [
            (int(line[at]), REASONS[int(reasons[at])], _text(time_ns, values, int(at)))
            for at in np.flatnonzero(~keep)
        ]
        yield Rows(
            n_rows=len(time_ns),
            line=line[keep],
            time_ns=time_ns[keep],
            values={role: column[keep] for role, column in values.items()},
            refused=refused,
            labels={},
        )
        if progress is not None:
            size = path.stat().st_size
            progress(size, size)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return rows as compact JSON, in one further pass over the file."""
        time_ns, values = _columns(path)
        return {
            number: _text(time_ns, values, number - 1)
            for number in numbers
            if 1 <= number <= len(time_ns)
        }


def _text(time_ns: IntArray, values: Mapping[str, FloatArray], at: int) -> str:
    row: dict[str, object] = {"time": int(time_ns[at]) // _NS_PER_MS}
    return text_of(row | {role: float(column[at]) for role, column in values.items()})


def _table(path: Path) -> Mapping[str, object]:
    documents = list(read_documents(path))
    value = documents[0].value if len(documents) == 1 else None
    if not isinstance(value, Mapping):
        raise _damaged(path, "document", "not one object")
    return value


def _columns(path: Path) -> tuple[IntArray, dict[str, FloatArray]]:
    """Return times in UTC nanoseconds, and prices (and volumes of bars), each shape (n_rows,)."""
    table = _table(path)
    is_ticks = "bids" in table
    steps = _whole(path, table, "times")
    n_rows = len(steps)
    values: dict[str, FloatArray] = {}
    for role, name in (_TICK_COLUMNS if is_ticks else _BAR_COLUMNS).items():
        deltas = _whole(path, table, name, n_rows)
        values[role] = _prices(path, table, role, deltas) if n_rows else np.empty(0)
    if not is_ticks:
        values["volume"] = _volumes(table.get("volumes"), n_rows)
    if n_rows == 0:
        return np.empty(0, dtype=np.int64), values
    base, shift = table.get("timestamp"), 1 if is_ticks else table.get("shift")
    if type(base) is not int or type(shift) is not int or shift < 1:
        raise _damaged(path, "timestamp", f"{base!r} with shift {shift!r}"[:80])
    if steps.min() < 0:
        raise _damaged(path, "times", f"{steps.min()}, a step back")
    at = np.cumsum(steps)
    if not 0 <= base <= base + int(at[-1]) * shift <= _TIME_MS_MAX:
        raise _damaged(path, "times", f"{base + int(at[-1]) * shift} ms, which is no time")
    return (base + at * shift) * _NS_PER_MS, values


def _prices(path: Path, table: Mapping[str, object], role: str, deltas: IntArray) -> FloatArray:
    first, multiplier = _number(path, table, role), _number(path, table, "multiplier")
    if not 1e-12 <= multiplier <= 1e6 or abs(first / multiplier) > _UNITS_MAX:
        raise _damaged(path, "multiplier", f"{multiplier} for a first value of {first}")
    units = round(first / multiplier) + np.cumsum(deltas)
    per_one = round(1.0 / multiplier)
    if per_one >= 1 and abs(per_one * multiplier - 1.0) < 1e-9:
        # Divided by a whole number, a price is the nearest float to its decimals.
        return np.asarray(units / per_one, dtype=np.float64)
    return np.asarray(units * multiplier, dtype=np.float64)


def _volumes(column: object, n_rows: int) -> FloatArray:
    """Return volumes; NaN where there are none."""
    if not isinstance(column, list) or len(column) != n_rows:
        return np.full(n_rows, np.nan)
    is_number = [isinstance(value, int | float) and not isinstance(value, bool) for value in column]
    known = zip(column, is_number, strict=True)
    return np.array(
        [value if is_one and abs(value) < 1e300 else math.nan for value, is_one in known],
        dtype=np.float64,
    )


def _number(path: Path, table: Mapping[str, object], key: str) -> float:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise _damaged(path, key, f"{value!r}"[:60])
    return float(value)


def _whole(
    path: Path, table: Mapping[str, object], name: str, length: int | None = None
) -> IntArray:
    """Return a column of whole numbers."""
    column = table.get(name)
    if not isinstance(column, list) or any(type(value) is not int for value in column):
        raise _damaged(path, name, "no list of whole numbers")
    if length is not None and len(column) != length:
        raise _damaged(path, name, f"{len(column)} where {length} belong")
    worst = max(column, key=abs, default=0)
    if abs(worst) > _STEP_MAX:
        raise _damaged(path, name, f"{worst}"[:60])
    return np.array(column, dtype=np.int64)


def _damaged(path: Path, key: str, was: str) -> DataError:
    return DataError(
        f"{path} key {key} must be that of an answer of Dukascopy; was {was}.",
        remedy="It is damaged: download it again.",
        path=str(path),
        key=key,
    )
