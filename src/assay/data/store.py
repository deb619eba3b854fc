"""One merge, on disk: parts first, the manifest last, so that a kill leaves a whole state."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assay.data import manifest as manifests
from assay.data.arrays import IntArray
from assay.data.columns import Columns, distinct, empty, joined, same_shape, take, times_of
from assay.data.disk import TEMPORARY_SUFFIX, Disk, put
from assay.data.entry import MergeReport
from assay.data.manifest import (
    IMPORTS_KEPT_MAX,
    QUARANTINES_KEPT_MAX,
    Manifest,
    Part,
    QuarantineFile,
)
from assay.data.merging import keys_of, merged_rows, refuse_other_level, without_keys_of
from assay.data.parts import SUFFIX, encode_part, read_parts
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine, QuarantinedRow, rows_as_csv
from assay.data.schema import Schema
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY

_NEAR_NS = 40 * NS_PER_DAY


@dataclass(frozen=True, slots=True)
class _Counts:
    """Imported rows by what became of them."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0


class Merge:
    """A merge into one series; the caller holds the lock of the catalogue.

    Parameters
    ----------
    disk : Disk
    folder : Path
        Folder of the series; exists.
    stored : Manifest
        State before.
    schema : Schema
    """

    def __init__(self, disk: Disk, folder: Path, stored: Manifest, schema: Schema) -> None:
        self._disk, self._folder, self._stored, self._schema = disk, folder, stored, schema
        self._kept = {part.period: part for part in stored.parts}
        self._written: set[str] = set()
        self._is_trusted = bool(schema.keys)

    def run(
        self, columns: Columns, provenance: Provenance, quarantine: Quarantine | None
    ) -> MergeReport:
        """Write the merged parts and then the manifest that names them."""
        counts = self._add(columns)
        self._commit(provenance, self._refused_with(provenance, quarantine))
        return self._report(counts)

    def take_out(
        self, time_ns: IntArray, provenance: Provenance, quarantine: Quarantine
    ) -> MergeReport:
        """Move the rows at these times into quarantine; at least one row must stay."""
        self._sweep()
        n_gone = 0
        for name, part in list(self._kept.items()):
            stored = self._read([part])
            stays = ~np.isin(times_of(stored), time_ns)
            if stays.all():
                continue
            n_gone += int(len(stays) - stays.sum())
            if stays.any():
                self._put(take(stored, stays), name)
            else:
                del self._kept[name]
        if not self._kept:
            raise DataError(
                f"{self._stored.symbol} {self._stored.series} must keep at least one row; all "
                f"{n_gone:,} would go.",
                remedy=f"To remove the series, delete the folder {self._folder}.",
                symbol=self._stored.symbol,
            )
        self._commit(provenance, self._refused_with(provenance, quarantine))
        return self._report(_Counts(replaced=n_gone))

    def put_back(
        self,
        columns: Columns,
        provenance: Provenance,
        name: str,
        left: Sequence[QuarantinedRow],
        n_unlisted: int,
    ) -> MergeReport:
        """Merge rows of the quarantine file *name* again; *left* are the rows that stay in it."""
        self._quarantine_named(name)
        self._is_trusted = True  # whoever restores a row has looked at it
        counts = self._add(columns)
        refused = tuple(file for file in self._stored.quarantine if file.name != name)
        if left or n_unlisted:
            before = self._quarantine_named(name)
            content = rows_as_csv(left)
            digest = hashlib.sha256(content).hexdigest()[:8]
            shorter = f"{name.removesuffix('.csv').split('~')[0]}~{digest}.csv"
            put(self._disk, self._folder / shorter, content)
            reasons = Counter(row.reason.value for row in left)
            rows = len(left) + n_unlisted
            refused += (replace(before, name=shorter, rows=rows, reasons=dict(reasons)),)
        self._commit(provenance, refused)
        return self._report(counts)

    def _quarantine_named(self, name: str) -> QuarantineFile:
        """Return a quarantine that is still there: another process may have restored it."""
        for file in self._stored.quarantine:
            if file.name == name:
                return file
        raise DataError(
            f"Quarantine {name} must still be there; it was changed meanwhile.",
            remedy="List the quarantines again: assay data quarantine.",
            path=str(self._folder / name),
        )

    def _add(self, columns: Columns) -> _Counts:
        """Merge rows into the parts of their periods."""
        self._sweep()
        self._recut()
        counts = _Counts()
        if self._schema.keys and self._schema.time not in self._schema.keys:
            columns, counts = self._without_moved(columns)
        numbers = self._schema.period.numbers(times_of(columns))
        for number in distinct(numbers).tolist():
            rows = take(columns, slice(*np.searchsorted(numbers, [number, number + 1])))
            done = self._merge_period(self._schema.period.name_of(number), rows)
            counts = _Counts(
                counts.added + done.added,
                counts.replaced + done.replaced,
                counts.unchanged + done.unchanged,
            )
        return counts

    @property
    def _parts(self) -> tuple[Part, ...]:
        return tuple(sorted(self._kept.values(), key=lambda part: part.first_ns))

    def _report(self, counts: _Counts) -> MergeReport:
        after = replace(self._stored, parts=self._parts)
        return MergeReport(
            symbol=after.symbol,
            series=after.series,
            is_changed=after.parts != self._stored.parts,
            rows_added=counts.added,
            rows_replaced=counts.replaced,
            rows_unchanged=counts.unchanged,
            rows_total=after.rows,
            content_hash=after.content_hash,
        )

    def _merge_period(self, name: str, rows: Columns) -> _Counts:
        part = self._kept.get(name)
        stored = self._read([] if part is None else [part])
        if not self._is_trusted:
            self._refuse_other_level(stored, rows)
        merged = merged_rows(self._schema, stored, rows)
        if merged.rows_added or merged.rows_replaced:
            self._put(merged.columns, name)
        return _Counts(merged.rows_added, merged.rows_replaced, merged.rows_unchanged)

    def _read(self, parts: Sequence[Part]) -> Columns:
        return read_parts(self._folder, parts, self._schema)

    def _put(self, columns: Columns, name: str) -> None:
        part, content = encode_part(self._schema, columns, name)
        if self._kept.get(name) != part:
            put(self._disk, self._folder / part.name, content)
            self._written.add(part.name)
            self._kept[name] = part

    def _refuse_other_level(self, stored: Columns, rows: Columns) -> None:
        """Compare prices with those stored nearby, in this period or in the nearest part.

        Only what lies within 40 days of each other: a market may move far in a year.
        """
        first, last = int(times_of(rows)[0]), int(times_of(rows)[-1])
        if len(times_of(stored)) == 0 and self._kept:
            away = {
                max(part.first_ns - last, first - part.last_ns): part
                for part in self._kept.values()
            }
            part = away[min(away)]
            name = "close" if "close" in rows else "bid"
            stored = read_parts(self._folder, [part], self._schema, names=[name])
        stored = _within(stored, first - _NEAR_NS, last + _NEAR_NS)
        if len(times_of(stored)) == 0:
            return
        times = times_of(stored)
        rows = _within(rows, int(times[0]) - _NEAR_NS, int(times[-1]) + _NEAR_NS)
        if len(times_of(rows)):
            refuse_other_level(self._stored.symbol, stored, rows)

    def _without_moved(self, columns: Columns) -> tuple[Columns, _Counts]:
        """Take stored rows out of parts in which the import has their keys at another time.

        Returns
        -------
        columns : Columns
            The import, the last row of each key alone.
        counts : _Counts
            Rows counted here because they replace rows of other parts: they will be counted
            as added where they are merged, hence the negative number.
        """
        schema = self._schema
        whole = len(times_of(columns))
        keys = keys_of(schema, columns).with_row_index("row")
        last = keys.unique(schema.keys, keep="last").sort("row")["row"].to_numpy()
        columns = take(columns, last.astype(np.int64))
        n_moved = 0
        for name, part in list(self._kept.items()):
            stored = self._read([part])
            numbers = schema.period.numbers(times_of(columns))
            names = {schema.period.name_of(number) for number in np.unique(numbers).tolist()}
            others = columns
            if name in names:
                own = np.array([schema.period.name_of(int(n)) == name for n in numbers])
                others = take(columns, ~own)
            left = without_keys_of(schema, stored, others)
            n_gone = len(times_of(stored)) - len(times_of(left))
            if n_gone == 0:
                continue
            n_moved += n_gone
            if len(times_of(left)):
                self._put(left, name)
            else:
                del self._kept[name]
        return columns, _Counts(-n_moved, n_moved + whole - len(times_of(columns)), 0)

    def _recut(self) -> None:
        """Cut the parts of an earlier layout, ticks by month, into the periods of this one."""
        period = self._schema.period
        if all(period.is_name(name) for name in self._kept):
            return
        parts = sorted(self._kept.values(), key=lambda part: part.first_ns)
        self._kept = {}
        for name, columns in self._cut_by_period(parts):
            self._put(columns, name)

    def _cut_by_period(self, parts: Sequence[Part]) -> Iterator[tuple[str, Columns]]:
        """Yield whole periods; only the last one, which may go on, is carried along."""
        period = self._schema.period
        carried = empty(self._schema, self._schema.required, 0)
        for at, part in enumerate(parts):
            rows = joined(same_shape(self._schema, [carried, self._read([part])]))
            numbers = period.numbers(times_of(rows))
            is_last = at == len(parts) - 1
            for number in distinct(numbers).tolist():
                piece = take(rows, slice(*np.searchsorted(numbers, [number, number + 1])))
                if number == numbers[-1] and not is_last:
                    carried = piece
                else:
                    yield period.name_of(number), piece

    def _refused_with(
        self, provenance: Provenance, quarantine: Quarantine | None
    ) -> tuple[QuarantineFile, ...]:
        """Write the refused rows of an import; return all quarantine files with it."""
        refused = self._stored.quarantine
        if quarantine is None or not len(quarantine) or self._is_known(provenance):
            return refused
        piece = f"-{provenance.piece}" if provenance.piece else ""
        name = f"quarantine-{provenance.sha256[:24]}{piece}.csv"
        put(self._disk, self._folder / name, quarantine.as_csv())
        file = QuarantineFile(
            name=name,
            source=provenance.source,
            rows=len(quarantine),
            reasons={reason.value: count for reason, count in quarantine.counts.items()},
        )
        return (*(entry for entry in refused if entry.name != name), file)

    def _is_known(self, provenance: Provenance) -> bool:
        """Tell whether this very import was merged before and changes nothing now."""
        known = any(entry.identity == provenance.identity for entry in self._stored.provenance)
        return known and self._parts == self._stored.parts

    def _commit(self, provenance: Provenance, refused: tuple[QuarantineFile, ...]) -> None:
        """Replace the manifest, unless nothing changed."""
        stored = self._stored
        if self._is_known(provenance) and refused == stored.quarantine:
            return
        known = any(entry.identity == provenance.identity for entry in stored.provenance)
        imports = stored.provenance if known else (*stored.provenance, provenance)
        after = replace(
            stored,
            parts=self._parts,
            provenance=imports[-IMPORTS_KEPT_MAX:],
            quarantine=refused[-QUARANTINES_KEPT_MAX:],
        )
        put(self._disk, self._folder / manifests.FILE_NAME, after.encode())
        for passing in self._written - {part.name for part in (*after.parts, *stored.parts)}:
            with contextlib.suppress(OSError):  # cut, then merged into: no manifest named it
                self._disk.remove(self._folder / passing)

    def _sweep(self) -> None:
        """Remove what crashed or superseded merges left; readers retry if they lose a part."""
        stored = self._stored
        keep = {
            manifests.FILE_NAME,
            *(file.name for file in stored.quarantine),
            *(part.name for part in stored.parts),
        }
        for path in self._folder.iterdir():
            if path.name not in keep and path.name.endswith((SUFFIX, TEMPORARY_SUFFIX, ".csv")):
                with contextlib.suppress(PermissionError):  # Windows: a reader has it open
                    self._disk.remove(path)


def refuse_empty(symbol: str, columns: Columns) -> None:
    """Refuse a merge of nothing, before anything is locked or made.

    Raises
    ------
    DataError
        If there are no rows.
    """
    if len(times_of(columns)) == 0:
        raise DataError(
            f"{symbol} must have rows to store; had none.",
            remedy="Check the source file.",
            symbol=symbol,
        )


def _within(columns: Columns, start_ns: int, stop_ns: int) -> Columns:
    return take(columns, slice(*np.searchsorted(times_of(columns), [start_ns, stop_ns])))
