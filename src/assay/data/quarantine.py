"""Rows that were refused: line, reason, raw text."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from pathlib import Path

from assay.domain.errors import DataError

TEXT_CHARACTERS_MAX = 300
ROWS_LISTED_MAX = 100_000


@unique
class Reason(Enum):
    """Why a row was refused. The value is what a user reads."""

    FIELDS = "wrong number of fields"
    TRUNCATED = "line is cut off"
    ENCODING = "not text in the encoding of the file"
    NUMBER = "not a number"
    TIME = "not a time"
    MISSING = "value missing"
    NOT_FINITE = "NaN or infinite"
    NOT_POSITIVE = "price not positive"
    OHLC = "open or close outside low..high"
    CROSSED = "ask below bid"
    JUMP = "price far from its neighbours"
    OFF_GRID = "time off the grid of the timeframe"
    DUPLICATE = "exact duplicate"
    CONFLICT = "other values at the same time"
    ONE_SIDED = "no quote of the other side yet"
    PADDED = "flat bar of a pause, without volume"
    OUTSIDE = "time outside the period of the file"
    SYNTAX = "not JSON"
    INCOMPLETE = "bar was still in progress"
    OFF_STEP = "price off the step of its digits"
    WORD = "not a known word"
    RANGE = "value outside its range"
    RULE = "recurrence that cannot be followed"
    FLAGGED = "flagged by a check, and taken out"


RESTORABLE = frozenset({Reason.JUMP, Reason.CONFLICT, Reason.PADDED, Reason.FLAGGED})
"""Reasons that lie in what stands around a row: the row itself could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """One refused row.

    Attributes
    ----------
    line : int
        Counted from 1 (in Parquet and archives: the record).
    reason : Reason
    text : str
        As it stands in the source, up to ``TEXT_CHARACTERS_MAX`` characters.
    time_ns : int or None
        UTC nanoseconds; None for a row that could not be read, or had no fault of its own.
    values : mapping of str to float
        Its prices (and volume) by role, where *time_ns* is known: enough to restore it.
    """

    line: int
    reason: Reason
    text: str
    time_ns: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_restorable(self) -> bool:
        """Whether the row could be read, and was refused for what stands around it."""
        return self.time_ns is not None and bool(self.values)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """All refused rows of one import, in order of line.

    Attributes
    ----------
    counts : dict of Reason to int
        Every refused row counts, in exactly one reason.
    rows : tuple of QuarantinedRow
        The first ``ROWS_LISTED_MAX`` of them.
    """

    counts: dict[Reason, int] = field(default_factory=dict)
    rows: tuple[QuarantinedRow, ...] = ()

    def __len__(self) -> int:
        return sum(self.counts.values())

    @classmethod
    def of(
        cls, rows: Iterable[QuarantinedRow], unlisted: Counter[Reason] | None = None
    ) -> "Quarantine":
        """Build from rows, and from counts of rows that are not listed."""
        listed = sorted(rows, key=lambda row: row.line)
        counts = Counter(row.reason for row in listed)
        counts.update(unlisted or Counter())
        order = [reason for reason in Reason if counts[reason]]
        return cls({reason: counts[reason] for reason in order}, tuple(listed))

    def first(self, reason: Reason) -> QuarantinedRow | None:
        """Return the first listed row with *reason*."""
        return next((row for row in self.rows if row.reason is reason), None)

    def as_csv(self) -> bytes:
        """Return the listed rows as CSV: line, reason, text, time, values."""
        return rows_as_csv(self.rows)

    def as_json(self) -> dict[str, object]:
        """Return plain values: total, counts by reason, and the first line of each."""
        return {
            "rows": len(self),
            "reasons": [
                {
                    "reason": reason.value,
                    "rows": count,
                    "first_line": None if (row := self.first(reason)) is None else row.line,
                    "first_text": None if row is None else row.text,
                }
                for reason, count in self.counts.items()
            ],
        }


def rows_as_csv(rows: Iterable[QuarantinedRow]) -> bytes:
    """Return rows as CSV: line, reason, text; UTC nanoseconds and values as JSON where known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("line", "reason", "text", "time_ns", "values"))
    for row in rows:
        values = json.dumps(dict(row.values)) if row.values else ""
        time_ns = "" if row.time_ns is None else row.time_ns
        writer.writerow((row.line, row.reason.value, row.text, time_ns, values))
    return text.getvalue().encode("utf-8", errors="replace")


def _read_row(row: Mapping[str, str], reasons: Mapping[str, Reason]) -> QuarantinedRow:
    time_ns, values = row.get("time_ns") or None, row.get("values") or None
    return QuarantinedRow(
        line=int(row["line"]),
        reason=reasons[row["reason"]],
        text=row["text"],
        time_ns=None if time_ns is None else int(time_ns),
        values={} if values is None else {k: float(v) for k, v in json.loads(values).items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredQuarantine:
    """Refused rows of one import, as the catalogue keeps them.

    Attributes
    ----------
    path : Path
        CSV of line, reason, text, time and values; at most the first ``ROWS_LISTED_MAX`` rows.
    source : str
        File that held them.
    rows : int
        All refused rows, listed or not.
    reasons : dict of str to int
        Rows by reason; empty where an earlier version did not store them.
    """

    path: Path
    source: str
    rows: int
    reasons: dict[str, int]

    def listed(self) -> tuple[QuarantinedRow, ...]:
        """Return the listed rows.

        Raises
        ------
        DataError
            If the file is gone or damaged.
        """
        by_text = {reason.value: reason for reason in Reason}
        try:
            with self.path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file)
                return tuple(_read_row(row, by_text) for row in rows)
        except (OSError, KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
            raise DataError(
                f"{self.path} must list quarantined rows; it does not: {error}.",
                remedy=f"Import {self.source or 'the source'} again.",
                path=str(self.path),
            ) from error

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "file": self.path.name,
            "source": self.source,
            "rows": self.rows,
            "reasons": dict(self.reasons),
        }
