"""Merging of imported rows into stored rows: the newest import wins, and conflicts are counted."""

from dataclasses import dataclass

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.columns import TIME, Columns, joined, rows_differ, same_shape, take, times_of
from assay.domain.errors import DataError

LEVEL_FACTOR_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Rows after a merge, and what changed.

    Attributes
    ----------
    columns : Columns
        Stored and imported rows, sorted by time.
    rows_added : int
        Rows at times that were not stored.
    rows_replaced : int
        Imported rows at stored times with other values (conflicts; the import won).
    rows_unchanged : int
        Imported rows that were stored already, bit for bit.
    """

    columns: Columns
    rows_added: int
    rows_replaced: int
    rows_unchanged: int


def merged_rows(stored: Columns, imported: Columns) -> Merged:
    """Merge by time; all rows at one time are replaced together.

    For ticks several rows may share a time. They count as one unchanged group if the
    import has the same rows in the same order, and are replaced as a whole otherwise.
    Idempotent: merging the same rows again changes nothing. O(n log n).
    """
    stored, imported = same_shape(stored, imported)
    stored_ns, imported_ns = times_of(stored), times_of(imported)
    stored_meets, imported_meets = _meet(stored_ns, imported_ns), _meet(imported_ns, stored_ns)
    changed = _rows_changed(take(stored, stored_meets), take(imported, imported_meets))
    n_meet, n_changed = int(imported_meets.sum()), int(changed.sum())
    n_added = len(imported_ns) - n_meet
    if n_added == 0 and n_changed == 0:
        return Merged(columns=stored, rows_added=0, rows_replaced=0, rows_unchanged=n_meet)
    both = joined([take(stored, ~stored_meets), imported])
    if len(stored_ns) and not (stored_ns[-1] < imported_ns[0] and not stored_meets.any()):
        both = take(both, np.argsort(both[TIME], kind="stable"))
    return Merged(
        columns=both,
        rows_added=n_added,
        rows_replaced=n_changed,
        rows_unchanged=n_meet - n_changed,
    )


def _meet(times: IntArray, others: IntArray) -> BoolArray:
    """Tell which of the sorted *times* are among the sorted *others*."""
    if len(others) == 0:
        return np.zeros(len(times), dtype=np.bool_)
    at = np.minimum(np.searchsorted(others, times), len(others) - 1)
    return np.asarray(others[at] == times, dtype=np.bool_)


def _rows_changed(stored: Columns, imported: Columns) -> BoolArray:
    """Tell which imported rows belong to a time whose rows differ from the stored ones."""
    stored_ns, imported_ns = times_of(stored), times_of(imported)
    if len(stored_ns) == len(imported_ns) and np.array_equal(stored_ns, imported_ns):
        differ = rows_differ(stored, imported)
        if not differ.any():
            return differ
        return np.asarray(np.isin(imported_ns, imported_ns[differ]), dtype=np.bool_)
    times, counts_stored = np.unique(stored_ns, return_counts=True)
    _, counts_imported = np.unique(imported_ns, return_counts=True)
    resized = np.isin(imported_ns, times[counts_stored != counts_imported])
    same_size_stored = ~np.isin(stored_ns, times[counts_stored != counts_imported])
    differ = rows_differ(take(stored, same_size_stored), take(imported, ~resized))
    odd_times = imported_ns[~resized][differ]
    return np.asarray(resized | np.isin(imported_ns, odd_times), dtype=np.bool_)


def refuse_other_level(symbol: str, stored: Columns, imported: Columns) -> None:
    """Refuse an import whose level contradicts the stored one by a large factor.

    That is another symbol or another unit (points for prices), never a market.

    Raises
    ------
    DataError
        If the medians of one period differ by ``LEVEL_FACTOR_MAX`` or more.
    """
    name = "close" if "close" in imported else "bid"
    if len(stored[name]) == 0:
        return
    old = float(np.median(stored[name].view(np.float64)))
    fresh = float(np.median(imported[name].view(np.float64)))
    if not 1 / LEVEL_FACTOR_MAX < fresh / old < LEVEL_FACTOR_MAX:
        raise DataError(
            f"{symbol} prices must be of the stored level, about {old:g} in the same period; "
            f"were about {fresh:g}.",
            remedy="Check --symbol, and whether the file quotes prices in points.",
            symbol=symbol,
            stored=old,
            imported=fresh,
        )
