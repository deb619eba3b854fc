"""Merging of imported rows into stored rows: the newest import wins, and conflicts are counted."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, IntArray
from assay.data.columns import Columns, joined, rows_differ, same_shape, take, times_of
from assay.data.schema import Schema
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
        Rows at times (in a table: with keys) that were not stored.
    rows_replaced : int
        Imported rows that met a stored one with other values (conflicts; the import won).
    rows_unchanged : int
        Imported rows that were stored already, bit for bit.
    """

    columns: Columns
    rows_added: int
    rows_replaced: int
    rows_unchanged: int


def merged_rows(schema: Schema, stored: Columns, imported: Columns) -> Merged:
    """Merge by time, or by key where the schema has keys.

    Without keys all rows at one time are replaced together: for ticks several rows may
    share a time. They count as one unchanged group if the import has the same rows in the
    same order, and are replaced as a whole otherwise. With keys the last row of each key
    stays, and rows of one time are in order of their keys.
    Idempotent: merging the same rows again changes nothing. O(n log n).
    """
    stored, imported = same_shape(schema, [stored, imported])
    if schema.keys:
        return _merged_by_key(schema, stored, imported)
    stored_ns, imported_ns = times_of(stored), times_of(imported)
    if len(stored_ns) == 0 or stored_ns[-1] < imported_ns[0]:  # the usual case: a later day
        both = joined([stored, imported])
        return Merged(columns=both, rows_added=len(imported_ns), rows_replaced=0, rows_unchanged=0)
    stored_meets, imported_meets = _meet(stored_ns, imported_ns), _meet(imported_ns, stored_ns)
    changed = _rows_changed(take(stored, stored_meets), take(imported, imported_meets))
    n_meet, n_changed = int(imported_meets.sum()), int(changed.sum())
    n_added = len(imported_ns) - n_meet
    if n_added == 0 and n_changed == 0:
        return Merged(columns=stored, rows_added=0, rows_replaced=0, rows_unchanged=n_meet)
    both = joined([take(stored, ~stored_meets), imported])
    return Merged(
        columns=take(both, np.argsort(times_of(both), kind="stable")),
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


def _merged_by_key(schema: Schema, stored: Columns, imported: Columns) -> Merged:
    n_stored, n_imported = len(times_of(stored)), len(times_of(imported))
    both = joined([stored, imported])
    keys = keys_of(schema, both).with_row_index("row")
    last = keys.group_by(schema.keys, maintain_order=True).agg(
        pl.col("row").last(), pl.col("row").first().alias("first"), pl.len().alias("rows")
    )
    met = last.filter((pl.col("first") < n_stored) & (pl.col("row") >= n_stored))
    before, after = met["first"].to_numpy(), met["row"].to_numpy()
    n_replaced = int(rows_differ(take(both, before), take(both, after)).sum())
    n_added = last.filter(pl.col("first") >= n_stored).height
    # A row that a later row of the same import replaced counts as replaced.
    n_overtaken = n_imported - n_added - met.height
    if n_added == 0 and n_replaced == 0:
        kept = stored
    else:
        by_time = [schema.time, *(key for key in schema.keys if key != schema.time)]
        times = pl.Series(schema.time, times_of(both)[last["row"].to_numpy()])
        order = last.with_columns(times).sort(by_time, maintain_order=True)
        kept = take(both, order["row"].to_numpy().astype(np.int64))
    return Merged(
        columns=kept,
        rows_added=n_added,
        rows_replaced=n_replaced + n_overtaken,
        rows_unchanged=met.height - n_replaced,
    )


def keys_of(schema: Schema, columns: Columns) -> pl.DataFrame:
    """Return the key columns of a table as a frame."""
    series = [
        pl.Series(name, columns[name].tolist(), dtype=pl.String)
        if schema.columns[name] == "string"
        else pl.Series(name, columns[name].view(np.int64))
        for name in schema.keys
    ]
    return pl.DataFrame(series)


def without_keys_of(schema: Schema, stored: Columns, imported: Columns) -> Columns:
    """Return the stored rows whose keys the import does not have.

    For keys without the time: a row may come back at another time, in another part.
    """
    keys = keys_of(schema, stored).with_row_index("row")
    others = keys.join(
        keys_of(schema, imported).unique(), on=list(schema.keys), how="anti", nulls_equal=True
    )
    if others.height == keys.height:
        return stored
    return take(stored, np.sort(others["row"].to_numpy()).astype(np.int64))


def refuse_other_level(symbol: str, stored: Columns, imported: Columns) -> None:
    """Refuse an import whose level contradicts the stored one by a large factor.

    That is another symbol or another unit (points for prices), never a market.

    Raises
    ------
    DataError
        If the medians differ by ``LEVEL_FACTOR_MAX`` or more.
    """
    name = "close" if "close" in imported else "bid"
    if len(stored[name]) == 0:
        return
    before = float(np.median(stored[name].view(np.float64)))
    fresh = float(np.median(imported[name].view(np.float64)))
    if not 1 / LEVEL_FACTOR_MAX < fresh / before < LEVEL_FACTOR_MAX:
        raise DataError(
            f"{symbol} prices must be of the stored level, about {before:g} in the same period; "
            f"were about {fresh:g}.",
            remedy="Check --symbol, and whether the file quotes prices in points.",
            symbol=symbol,
            stored=before,
            imported=fresh,
        )
