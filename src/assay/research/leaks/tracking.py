"""Keep count, for one stage, of what was compared and what differed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.domain.errors import DataError
from assay.kernels.compiler import BoolArray
from assay.research.leaks.comparing import Chosen, column_of, differing, differs, names_of
from assay.research.leaks.evidence import Check, Leak
from assay.research.leaks.remedies import REMEDIES
from assay.research.leaks.scene import Columns, Rows


def numbers_of(mask: BoolArray) -> Chosen:
    """Return the rows of a mask: as a slice where they are the first ones, else their numbers."""
    n_rows = int(mask.sum())
    return slice(0, n_rows) if mask[:n_rows].all() else np.flatnonzero(mask)


def _filled(columns: Columns, chosen: Chosen) -> Columns:
    """Return columns that reach as far as the rows chosen, with NaN where there is nothing."""
    need = chosen.stop if isinstance(chosen, slice) else int(chosen[-1]) + 1
    if all(len(values) >= need for values in columns.values()):
        return columns
    filled = {}
    for key, values in columns.items():
        lacking = np.full((max(0, need - len(values)), *values.shape[1:]), np.nan)
        filled[key] = np.concatenate((values, lacking))
    return filled


def size_of(chosen: Chosen) -> int:
    """Return how many rows are chosen."""
    return int(chosen.stop) if isinstance(chosen, slice) else len(chosen)


@dataclass(slots=True, kw_only=True)
class _Found:
    row: int
    count: int
    detail: str


@dataclass(kw_only=True, eq=False)
class Tracker:
    """The comparisons of one stage's columns with what other futures make of them.

    Attributes
    ----------
    stage : str
    whole : Columns
        From the history as it is.
    rows : Rows
    rounding, noise : float
        As in `SeriesStage`.
    remedy : str
        In place of those of the checks.
    answers : dict of str to int
        Futures that were answered, by check.
    values : int
        Values compared.
    moved : set of str
        Columns that changed after the cut.
    """

    stage: str
    whole: Columns
    rows: Rows
    rounding: float = 0.0
    noise: float = 0.0
    remedy: str = ""
    answers: dict[Check, int] = field(default_factory=dict)
    values: int = 0
    moved: set[str] = field(default_factory=set)
    found: dict[tuple[str, Check], _Found] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse columns that have not one value per row.

        Raises
        ------
        DataError
            Naming the column.
        """
        n_rows = len(self.rows.known_ns)
        for key, values in self.whole.items():
            if len(values) != n_rows:
                raise DataError(
                    f"{self.stage}.{key} must have a value for each of {n_rows} rows; "
                    f"had {len(values)}.",
                    remedy="Return one value per bar, NaN where there is none.",
                )

    def add(self, check: Check, what: str, cut_ns: int, after: Columns) -> None:
        """Compare what was known at *cut_ns* with what it is under another future.

        A row that was known and is not there under the other future has changed.
        """
        chosen = numbers_of(self.known_at(cut_ns, check))
        after = _filled(after, chosen)
        tolerance = self.rounding if check == "truncate" else self.noise
        self.answers[check] = self.answers.get(check, 0) + 1
        self.values += size_of(chosen) * len(self.names)
        for name, different in differing(self.whole, after, chosen, tolerance):
            found = np.flatnonzero(different)
            rows = found if isinstance(chosen, slice) else chosen[found]
            self._note(name, check, int(rows[0]), len(rows), what)
        if check == "shift":
            self._note_moved(after, cut_ns)

    def known_at(self, cut_ns: int, check: Check) -> BoolArray:
        """Tell which rows no future after *cut_ns* may change."""
        known = self.rows.settled_ns if check == "truncate" else self.rows.known_ns
        return np.asarray((known >= 0) & (known <= cut_ns))

    def _note(self, name: str, check: Check, row: int, count: int, what: str) -> None:
        seen = self.found.get((name, check))
        if seen is None:
            detail = f"values change when {what}"
            self.found[name, check] = _Found(row=row, count=count, detail=detail)
        else:
            seen.row, seen.count = min(seen.row, row), seen.count + count

    @property
    def names(self) -> list[str]:
        """Every column."""
        return names_of(self.whole)

    def _note_moved(self, after: Columns, cut_ns: int) -> None:
        """Remember which columns another future moves after the cut, as it should."""
        later = np.flatnonzero(self.rows.known_ns > cut_ns)
        for name in self.constant:
            before, other = column_of(self.whole, name), column_of(after, name)
            if before is None or other is None:
                continue
            both = later[later < min(len(before), len(other))]
            if differs(before[both], other[both], self.rounding).any():
                self.moved.add(name)

    @property
    def constant(self) -> tuple[str, ...]:
        """Columns that no other future moved so far."""
        return tuple(name for name in self.names if name not in self.moved)

    @property
    def leaking(self) -> list[str]:
        """Columns that differed, in order."""
        seen = {name for name, _ in self.found}
        return [name for name in self.names if name in seen]

    def leaks(self, first_rows: dict[str, int] | None = None) -> list[Leak]:
        """Return what was found, by column; *first_rows* may know earlier ones."""
        order: Sequence[str] = self.names
        place = {name: k for k, name in enumerate(order)}
        leaks = []
        for (name, check), item in sorted(self.found.items(), key=lambda kv: place[kv[0][0]]):
            row = min(item.row, (first_rows or {}).get(name, item.row))
            leaks.append(
                Leak(
                    stage=self.stage,
                    column=name,
                    check=check,
                    bar=self.rows.first + row,
                    time_ns=int(self.rows.time_ns[row]),
                    count=item.count,
                    detail=item.detail,
                    remedy=self.remedy or REMEDIES[check],
                )
            )
        return leaks
