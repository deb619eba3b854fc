"""The Parquet catalogue: series by symbol and timeframe, merged whole or not at all."""

import contextlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import numpy as np

from assay.data import manifest as manifests
from assay.data.bars import Bars, Ticks
from assay.data.columns import Columns, bars_of, columns_of, distinct, take, ticks_of, times_of
from assay.data.disk import TEMPORARY_SUFFIX, Disk, put
from assay.data.entry import TICKS, Entry, MergeReport, checked_symbol, entry_of, is_symbol
from assay.data.lock import single_writer
from assay.data.manifest import IMPORTS_KEPT_MAX, Manifest, Part
from assay.data.merging import merged_rows, refuse_other_level
from assay.data.parts import (
    SUFFIX,
    encode_part,
    period_name,
    periods_of,
    read_parts,
    verify_part,
)
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_LOCK_NAME = "catalogue.lock"
_READ_ATTEMPTS_MAX = 10

T = TypeVar("T")


class Catalogue:
    """Bars and ticks in a folder of Parquet files.

    Parameters
    ----------
    root : Path
        The folder. Reading never creates or changes anything in it.
    lock_wait_s_max : float
        Longest wait for another writer, in seconds.
    disk : Disk
        Where writes go; tests pass one that fails.

    Notes
    -----
    ``<root>/<symbol>/<series>/manifest.json`` names the immutable part files that hold the
    series; parts are named by the hash of their content. A merge writes parts first and
    replaces the manifest last, so a reader sees the state before or after, never between,
    and so does whoever comes after a crash. What a crash leaves behind is removed by the
    next merge.
    """

    def __init__(
        self, root: Path, *, lock_wait_s_max: float = 30.0, disk: Disk | None = None
    ) -> None:
        self.root = Path(root)
        self._lock_wait_s_max = lock_wait_s_max
        self._disk = disk or Disk()

    def list(self) -> tuple[Entry, ...]:
        """Return what is stored, sorted by symbol and length of bar (ticks first).

        Raises
        ------
        DataError
            If a manifest is damaged.
        """
        found = [
            entry_of(manifest)
            for path in self.root.glob(f"*/*/{manifests.FILE_NAME}")
            if (manifest := self._manifest(path.parent)) is not None
        ]
        return tuple(sorted(found, key=_list_order))

    def entry(self, symbol: str, timeframe: Timeframe | None) -> Entry:
        """Return the entry of one series (*timeframe* None: ticks).

        Raises
        ------
        DataError
            If there is none; the message names the nearest and lists what exists.
        """
        return entry_of(self._known(symbol, timeframe))

    def read_bars(
        self,
        symbol: str,
        timeframe: Timeframe,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Bars:
        """Return the bars that open in ``[start_ns, stop_ns)``.

        Ask prices come along only if every one of these bars has them; ``spread`` is
        there in any case.

        Raises
        ------
        DataError
            If the series is unknown or damaged. An empty window is not an error.
        """
        columns = self._read(symbol, timeframe, start_ns, stop_ns)
        return bars_of(symbol, timeframe, columns)

    def read_ticks(
        self, symbol: str, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Ticks:
        """Return the ticks in ``[start_ns, stop_ns)``; errors as in :meth:`read_bars`."""
        return ticks_of(symbol, self._read(symbol, None, start_ns, stop_ns))

    def verify(self, symbol: str, timeframe: Timeframe | None) -> None:
        """Read every part of a series and compare it with its hash.

        Raises
        ------
        DataError
            If one does not match.
        """
        for part in self._known(symbol, timeframe).parts:
            verify_part(self._folder(symbol, timeframe), part)

    def merge(
        self,
        series: Bars | Ticks,
        provenance: Provenance,
        quarantine: Quarantine | None = None,
    ) -> MergeReport:
        """Add rows; where a time is stored already, the newest import wins and is counted.

        Idempotent: the same rows twice change nothing. Whole or not at all: after any
        failure the catalogue holds the old rows.

        Parameters
        ----------
        series : Bars or Ticks
        provenance : Provenance
            Recorded with the series.
        quarantine : Quarantine, optional
            Refused rows; stored beside the series as CSV.

        Raises
        ------
        DataError
            If there are no rows, they are not sorted, another process is writing, prices
            contradict the stored ones by a factor, or the disk refuses (full, read-only).
        """
        symbol = checked_symbol(series.symbol)
        timeframe = series.timeframe if isinstance(series, Bars) else None
        columns = columns_of(series)
        if len(series) == 0:
            raise DataError(
                f"{symbol} must have rows to store; had none.",
                remedy="Check the source file.",
                symbol=symbol,
            )
        try:
            self._disk.make_folder(self.root)
            with single_writer(self.root / _LOCK_NAME, wait_s_max=self._lock_wait_s_max):
                return self._merge(symbol, timeframe, columns, provenance, quarantine)
        except OSError as error:
            raise DataError(
                f"The catalogue {self.root} must accept the rows of {symbol}; the disk answered: "
                f"{error.strerror or error}.",
                remedy="Free space or correct the permissions, then run the command again; what "
                "was stored before is intact.",
                path=str(self.root),
                symbol=symbol,
                errno=error.errno,
            ) from error

    def _merge(
        self,
        symbol: str,
        timeframe: Timeframe | None,
        columns: Columns,
        provenance: Provenance,
        quarantine: Quarantine | None,
    ) -> MergeReport:
        folder = self._folder(symbol, timeframe)
        self._disk.make_folder(folder)
        old = self._manifest(folder) or Manifest(
            symbol=symbol, series=folder.name, parts=(), provenance=(), quarantine=()
        )
        self._sweep(folder, old)
        kept = {part.period: part for part in old.parts}
        counts = np.zeros(3, dtype=np.int64)
        is_ticks = timeframe is None
        periods = periods_of(times_of(columns), is_ticks=is_ticks)
        for period in distinct(periods):
            name = period_name(int(period), is_ticks=is_ticks)
            rows = take(columns, slice(*np.searchsorted(periods, [period, period + 1])))
            stored_parts = [kept[name]] if name in kept else []
            stored = read_parts(folder, stored_parts, is_ticks=is_ticks)
            refuse_other_level(symbol, stored, rows)
            merged = merged_rows(stored, rows)
            counts += (merged.rows_added, merged.rows_replaced, merged.rows_unchanged)
            if merged.rows_added or merged.rows_replaced:
                part, content = encode_part(merged.columns, name)
                if kept.get(name) != part:
                    put(self._disk, folder / part.name, content)
                    kept[name] = part
        parts = tuple(kept[name] for name in sorted(kept, key=lambda name: kept[name].first_ns))
        self._commit(folder, old, parts, provenance, quarantine)
        stored_manifest = Manifest(
            symbol=symbol, series=folder.name, parts=parts, provenance=(), quarantine=()
        )
        added, replaced, unchanged = (int(count) for count in counts)
        return MergeReport(
            symbol=symbol,
            series=folder.name,
            is_changed=parts != old.parts,
            rows_added=added,
            rows_replaced=replaced,
            rows_unchanged=unchanged,
            rows_total=stored_manifest.rows,
            content_hash=stored_manifest.content_hash,
        )

    def _commit(
        self,
        folder: Path,
        old: Manifest,
        parts: tuple[Part, ...],
        provenance: Provenance,
        quarantine: Quarantine | None,
    ) -> None:
        """Replace the manifest, unless nothing changed."""
        is_known = any(entry.identity == provenance.identity for entry in old.provenance)
        if parts == old.parts and is_known:
            return
        names = old.quarantine
        if quarantine is not None and len(quarantine):
            name = f"quarantine-{provenance.sha256[:24]}.csv"
            put(self._disk, folder / name, quarantine.as_csv())
            names = tuple(dict.fromkeys((*names, name)))
        imports = old.provenance if is_known else (*old.provenance, provenance)
        manifest = Manifest(
            symbol=old.symbol,
            series=old.series,
            parts=parts,
            provenance=imports[-IMPORTS_KEPT_MAX:],
            quarantine=names,
        )
        put(self._disk, folder / manifests.FILE_NAME, manifest.encode())

    def _sweep(self, folder: Path, current: Manifest) -> None:
        """Remove what crashed or superseded merges left; readers retry if they lose a part."""
        keep = {manifests.FILE_NAME, *current.quarantine, *(part.name for part in current.parts)}
        for path in folder.iterdir():
            if path.name not in keep and path.name.endswith((SUFFIX, TEMPORARY_SUFFIX, ".csv")):
                with contextlib.suppress(PermissionError):  # Windows: a reader has it open
                    self._disk.remove(path)

    def _read(
        self, symbol: str, timeframe: Timeframe | None, start_ns: int | None, stop_ns: int | None
    ) -> Columns:
        def read() -> Columns:
            manifest = self._known(symbol, timeframe)
            parts = [
                part
                for part in manifest.parts
                if (start_ns is None or part.last_ns >= start_ns)
                and (stop_ns is None or part.first_ns < stop_ns)
            ]
            folder = self._folder(symbol, timeframe)
            return read_parts(folder, parts, is_ticks=timeframe is None)

        columns = _retried(read)
        time_ns = times_of(columns)
        start = 0 if start_ns is None else int(np.searchsorted(time_ns, start_ns))
        stop = len(time_ns) if stop_ns is None else int(np.searchsorted(time_ns, stop_ns))
        if (start, stop) == (0, len(time_ns)):
            return columns
        return take(columns, slice(start, max(start, stop)))

    def _manifest(self, folder: Path) -> Manifest | None:
        path = folder / manifests.FILE_NAME
        try:
            return manifests.decode(path.read_bytes(), path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _known(self, symbol: str, timeframe: Timeframe | None) -> Manifest:
        series = TICKS if timeframe is None else timeframe.name
        folder = self._folder(symbol, timeframe)
        manifest = self._manifest(folder) if is_symbol(symbol) else None
        if manifest is not None and manifest.symbol == symbol:
            return manifest
        stored = [f"{entry.symbol} {entry.series}" for entry in self.list()]
        if not stored:
            remedy = f"Import a file first: assay data import FILE --symbol {symbol}."
        else:
            nearest = get_close_matches(f"{symbol} {series}".upper(), stored, n=1, cutoff=0.0)
            remedy = f"Use {nearest[0]}, the nearest, or import it; stored: {', '.join(stored)}."
        raise DataError(
            f"The catalogue {self.root} must hold {symbol} {series}; it does not.",
            remedy=remedy,
            symbol=symbol,
            series=series,
            stored=stored,
        )

    def _folder(self, symbol: str, timeframe: Timeframe | None) -> Path:
        return self.root / symbol / (TICKS if timeframe is None else timeframe.name)


def _list_order(entry: Entry) -> tuple[str, int]:
    return entry.symbol, 0 if entry.timeframe is None else entry.timeframe.value


def _retried(read: Callable[[], T]) -> T:
    """Call *read* again while a writer takes parts away under it."""
    for _ in range(_READ_ATTEMPTS_MAX - 1):
        try:
            return read()
        except FileNotFoundError:
            continue
    try:
        return read()
    except FileNotFoundError as error:
        raise DataError(
            f"{error.filename} must exist, since its manifest names it; it does not.",
            remedy="Delete its folder and import the sources again.",
            path=str(error.filename),
        ) from error
