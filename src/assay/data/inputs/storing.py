"""Storing of inputs so that what was known stays known: rows are added, never replaced.

Before rows are merged, each is compared with what the catalogue says at the time at which
the row could be known:

- it says the same: the row adds nothing and is left out, so importing twice changes nothing;
- it says nothing: the row is added at its own known time;
- it says something else: the last word of the file is a revision, known from the import on.
  An answer for an earlier time does not change.

What stands in a file is known by the time of its import at the latest: a calendar of the
coming week is visible from its import on, however early.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.data.arrays import IntArray
from assay.data.columns import Columns, take
from assay.data.inputs.news import ACTUAL, REVISED
from assay.data.inputs.recognised import ImportedInput
from assay.data.inputs.schemas import BOOK, NEWS, SENTIMENT
from assay.data.schema import Schema
from assay.domain.time import iso_utc

if TYPE_CHECKING:
    from assay.data.catalogue import Catalogue
    from assay.data.entry import MergeReport


@dataclass(frozen=True, slots=True, kw_only=True)
class _Law:
    """What makes two rows speak of the same thing, and what they say of it."""

    schema: Schema
    about: tuple[str, ...]
    says: tuple[str, ...]


_LAWS = {
    "news": _Law(
        schema=NEWS,
        about=("event_id", "fact"),
        says=("time_ns", "currency", "impact", "title", "timing", "status", "value", "unit"),
    ),
    "sentiment": _Law(schema=SENTIMENT, about=("time_ns", "source"), says=("value", "long_share")),
    "book": _Law(schema=BOOK, about=("time_ns", "book"), says=("snapshot",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInput:
    """What storing changed.

    Attributes
    ----------
    reports : tuple of MergeReport
        One for each symbol with something new.
    rows_added : int
    rows_stated_before : int
        Rows that said what was known already.
    rows_revised : int
        Facts, readings or books that contradict what was known; known from the import on.
    warnings : tuple of str
    """

    reports: "tuple[MergeReport, ...]"
    rows_added: int
    rows_stated_before: int
    rows_revised: int
    warnings: tuple[str, ...]

    @property
    def is_changed(self) -> bool:
        """Whether anything was added."""
        return self.rows_added > 0

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "is_changed": self.is_changed,
            "rows_added": self.rows_added,
            "rows_stated_before": self.rows_stated_before,
            "rows_revised": self.rows_revised,
            "merges": [report.as_json() for report in self.reports],
            "warnings": list(self.warnings),
        }


def store_input(catalogue: "Catalogue", imported: ImportedInput, imported_ns: int) -> StoredInput:
    """Add the rows of an import to the catalogue.

    Idempotent. The caller sees to it that nobody else imports inputs meanwhile (the lock of
    the workspace does).

    Parameters
    ----------
    catalogue : Catalogue
    imported : ImportedInput
    imported_ns : int
        The time of the import, UTC nanoseconds.

    Raises
    ------
    DataError
        If the catalogue is damaged, or the disk refuses.
    """
    law = _LAWS[imported.kind]
    reports: list[MergeReport] = []
    warnings: list[str] = []
    counts = np.zeros(3, dtype=np.int64)
    for symbol, rows in imported.rows.items():
        bounded, n_future = _known_by(imported_ns, rows, imported.kind)
        if n_future:
            warnings.append(
                f"{n_future:,} values of {imported.source} belong to times after "
                f"{iso_utc(imported_ns)}, the time of the import; its clock may be wrong."
            )
        stored = _stored(catalogue, symbol, law)
        fresh, n_same, n_revised = additions(law.about, law.says, stored, bounded, imported_ns)
        n_added = len(fresh["known_ns"])
        counts += (n_added, n_same, n_revised)
        if n_added:
            provenance = imported.provenance(imported_ns)
            refused = None if reports else imported.quarantine  # once, not for each symbol
            reports.append(catalogue.merge_table(symbol, imported.kind, fresh, provenance, refused))
    return StoredInput(
        reports=tuple(reports),
        rows_added=int(counts[0]),
        rows_stated_before=int(counts[1]),
        rows_revised=int(counts[2]),
        warnings=tuple(warnings),
    )


def _stored(catalogue: "Catalogue", symbol: str, law: _Law) -> Columns | None:
    kind = law.schema.kind
    names = {(entry.symbol, entry.kind) for entry in catalogue.list_inputs()}
    return catalogue.read_table(symbol, kind) if (symbol, kind) in names else None


def _known_by(imported_ns: int, rows: Columns, kind: str) -> tuple[Columns, int]:
    """Return rows that are known by the import at the latest, and how many lie in the future.

    Values of what has not happened yet keep their known time: they are either wrong or
    stamped by another clock, and must not be seen early.
    """
    known, time = rows["known_ns"].astype(np.int64), rows["time_ns"].astype(np.int64)
    measured = np.ones(len(known), dtype=np.bool_)
    if kind == "news":
        measured = np.isin(rows["fact"].astype(str), (ACTUAL, REVISED))
    is_future = measured & (time > imported_ns)
    bounded = np.where(is_future, known, np.minimum(known, imported_ns))
    order = np.argsort(bounded, kind="stable")
    table = take({**rows, "known_ns": bounded}, order)
    return table, int(is_future.sum())


def additions(
    about: Sequence[str],
    says: Sequence[str],
    stored: Columns | None,
    rows: Columns,
    imported_ns: int,
) -> tuple[Columns, int, int]:
    """Return the rows that add something, the number that do not, and the number revised.

    Parameters
    ----------
    about : sequence of str
        Columns that name what a row speaks of.
    says : sequence of str
        Columns that hold what it says. Rows of one known time that speak of the same thing
        (the levels of a book) say the same.
    stored : columns or None
        Rows of the catalogue, sorted by ``known_ns``.
    rows : columns
        Rows to add, sorted by ``known_ns``.
    imported_ns : int

    Notes
    -----
    Rows of one import that speak of the same thing at different known times are versions of
    it; a version that repeats the one before is left out as well, and of two at the same
    known time the later stays. O(n log n).
    """
    n_rows = len(rows["known_ns"])
    subject = _codes(about, stored, rows)
    content = _codes(says, stored, rows)
    n_stored = len(subject) - n_rows
    known = rows["known_ns"].astype(np.int64)
    asked = set(subject[n_stored:].tolist())
    held: dict[int, list[tuple[int, int]]] = {}
    if stored is not None:
        told_ns = stored["known_ns"].astype(np.int64).tolist()
        for key, when, what in zip(subject.tolist(), told_ns, content.tolist(), strict=False):
            if key in asked:
                held.setdefault(key, []).append((when, what))
    keys, whats = subject[n_stored:].tolist(), content[n_stored:].tolist()
    versions: dict[int, dict[int, int]] = {}
    for key, when, what in zip(keys, known.tolist(), whats, strict=True):
        versions.setdefault(key, {})[when] = what
    decided: dict[tuple[int, int, int], int] = {}
    n_revised = 0
    for key, told in versions.items():
        placed, n_late = _placed(held.get(key, []), told, imported_ns)
        n_revised += n_late
        for (when, what), at_ns in placed.items():
            decided[key, when, what] = at_ns
    moved = np.array(
        [decided.get(item, -1) for item in zip(keys, known.tolist(), whats, strict=True)],
        dtype=np.int64,
    )
    keep = np.flatnonzero(moved >= 0)
    keep = keep[np.argsort(moved[keep], kind="stable")]
    return take({**rows, "known_ns": moved}, keep), n_rows - len(keep), n_revised


def _placed(
    held: Sequence[tuple[int, int]], told: Mapping[int, int], imported_ns: int
) -> tuple[dict[tuple[int, int], int], int]:
    """Return the known time of each version that adds something, and how many are revisions.

    Parameters
    ----------
    held : sequence of (known_ns, content)
        What is stored of one subject, sorted by time.
    told : mapping of known_ns to content
        What the import says of it.
    imported_ns : int
    """
    times = [when for when, _ in held]
    state = dict(held)
    placed: dict[tuple[int, int], int] = {}
    final: tuple[int, int] | None = None
    is_contradicted = False
    n_late = 0
    for when, what in sorted(told.items()):
        if when > imported_ns:
            continue
        final = (when, what)
        at = bisect_right(times, when) - 1
        if at >= 0:
            is_contradicted |= held[at][1] != what
        elif _state_at(state, when) != what:
            placed[when, what] = when
            state[when] = what
    if final is not None and is_contradicted and _state_at(state, imported_ns) != final[1]:
        placed[final] = imported_ns
        state[imported_ns] = final[1]
        n_late = 1
    for when, what in sorted(told.items()):
        if when > imported_ns and _state_at(state, when) != what:
            placed[when, what] = when
            state[when] = what
    return placed, n_late


def _state_at(state: Mapping[int, int], when: int) -> int | None:
    """Return what holds at a time: the last content known by then."""
    known = [at for at in state if at <= when]
    return state[max(known)] if known else None


def _codes(names: Sequence[str], stored: Columns | None, rows: Columns) -> IntArray:
    """Return a number for each row, stored ones first: equal where the columns are equal."""
    frames = [
        pl.DataFrame({name: _comparable(table[name]) for name in names})
        for table in (stored, rows)
        if table is not None and len(table["known_ns"])
    ]
    both = pl.concat(frames)
    unique = both.unique(names, maintain_order=True).with_row_index("code")
    joined = both.join(unique, on=list(names), how="left", nulls_equal=True, maintain_order="left")
    return joined["code"].to_numpy().astype(np.int64)


def _comparable(values: NDArray[np.generic]) -> pl.Series:
    """Return a column in which a missing number equals a missing number."""
    if values.dtype.kind == "f":
        numbers = values.astype(np.float64) + 0.0
        return pl.Series(np.where(np.isnan(numbers), np.nan, numbers).view(np.int64))
    if values.dtype.kind == "O":
        return pl.Series(values.tolist(), dtype=pl.String)
    return pl.Series(values.astype(np.int64))
