"""Rows that were refused: line, reason, raw text."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """One refused row; *line* counts from 1 (in Parquet: the row)."""

    line: int
    reason: Reason
    text: str


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
        """Return the listed rows as CSV: line, reason, text."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("line", "reason", "text"))
        writer.writerows((row.line, row.reason.value, row.text) for row in self.rows)
        return text.getvalue().encode("utf-8", errors="replace")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredQuarantine:
    """Refused rows of one import, as the catalogue keeps them.

    Attributes
    ----------
    path : Path
        CSV of line, reason and text; at most the first ``ROWS_LISTED_MAX`` rows.
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
                return tuple(
                    QuarantinedRow(
                        line=int(row["line"]), reason=by_text[row["reason"]], text=row["text"]
                    )
                    for row in rows
                )
        except (OSError, KeyError, ValueError, csv.Error) as error:
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
