"""Counts of faulty rows, kept while a series passes block by block."""

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.quality.report import TIMES_LISTED_MAX, Check, Severity
from assay.domain.time import iso_utc


def months_of(time_ns: IntArray) -> IntArray:
    """Return the UTC month of each time, as months since 1970."""
    return time_ns.view("datetime64[ns]").astype("datetime64[M]").astype(np.int64)


def month_name(month: int) -> str:
    """Return a month number as text, such as ``2016-12``."""
    return str(np.datetime64(int(month), "M"))


class MonthCount:
    """Rows by month."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}

    def add(self, time_ns: IntArray, rows: IntArray | None = None) -> None:
        """Count times in any order, each as one row or as many as *rows* says."""
        if len(time_ns) == 0:
            return
        months, which = np.unique(months_of(np.ascontiguousarray(time_ns)), return_inverse=True)
        counts = np.bincount(which, weights=rows).astype(np.int64)
        for month, count in zip(months.tolist(), counts.tolist(), strict=True):
            self.rows[month] = self.rows.get(month, 0) + count

    def by_name(self) -> dict[str, int]:
        """Return the counts by the text of the month, oldest first."""
        return {month_name(month): self.rows[month] for month in sorted(self.rows)}


class Tally:
    """What one check has found so far.

    Parameters
    ----------
    name, what : str
    share_max : float
        The check passes up to this share.
    severity : Severity
    """

    def __init__(self, name: str, what: str, *, share_max: float, severity: Severity) -> None:
        self.name = name
        self.what = what
        self.share_max = share_max
        self.severity = severity
        self.rows = 0
        self._times: list[int] = []
        self._months = MonthCount()

    def add(self, time_ns: IntArray, is_bad: BoolArray) -> None:
        """Count the marked rows."""
        self.add_times(time_ns[is_bad])

    def add_times(self, time_ns: IntArray, rows: IntArray | None = None) -> None:
        """Count rows by their times; of an hour's time as many as *rows* says it has."""
        if len(time_ns) == 0:
            return
        self.rows += len(time_ns) if rows is None else int(rows.sum())
        self._times.extend(time_ns[: TIMES_LISTED_MAX - len(self._times)].tolist())
        self._months.add(time_ns, rows)

    def check(self, n_rows: int, says: str | None = None) -> Check:
        """Return the answer, given how many rows were looked at."""
        share = self.rows / max(1, n_rows)
        first = iso_utc(self._times[0]) if self._times else None
        found = f"{self.rows} {self.what} ({share:.2%})" if says is None else says
        return Check(
            name=self.name,
            rows=self.rows,
            share=share,
            first=first,
            says=found + (f", first {first}" if first else ""),
            is_passed=share <= self.share_max,
            severity=self.severity,
            times_ns=tuple(self._times),
            months=self._months.by_name(),
        )
