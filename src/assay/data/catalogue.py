"""The Parquet catalogue: series by symbol and timeframe, merged whole or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.data.bars import Bars, Ticks
from assay.data.columns import Columns, bars_of, checked_table, columns_of, ticks_of
from assay.data.disk import Disk, disk_refused
from assay.data.entry import (
    Entry,
    InputEntry,
    MergeReport,
    checked_symbol,
    entry_of,
    input_entry_of,
    is_symbol,
)
from assay.data.lock import single_writer
from assay.data.manifest import FILE_NAME, TICKS_NAME, Manifest, blank
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine, StoredQuarantine
from assay.data.schema import BARS, MARKET, TICKS, Schema, registered
from assay.data.store import Merge, refuse_empty
from assay.data.window import (
    Window,
    manifest_in,
    quarantines_of,
    read_window,
    refuse_other_schema,
    scan_window,
    unknown_series,
    verify_parts,
)
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_LOCK_NAME = "catalogue.lock"


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
        found = [entry_of(manifest) for manifest in self._manifests() if not manifest.schema]
        return tuple(sorted(found, key=lambda entry: entry.order))

    def list_inputs(self) -> tuple[InputEntry, ...]:
        """Return the stored tables of inputs, sorted by symbol and kind.

        Raises
        ------
        DataError
            If a manifest is damaged.
        """
        found = [input_entry_of(manifest) for manifest in self._manifests() if manifest.schema]
        return tuple(sorted(found, key=lambda entry: (entry.symbol, entry.kind)))

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
        return bars_of(symbol, timeframe, self._read(symbol, timeframe, start_ns, stop_ns))

    def read_ticks(
        self, symbol: str, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Ticks:
        """Return the ticks in ``[start_ns, stop_ns)``; errors as in :meth:`read_bars`."""
        return ticks_of(symbol, self._read(symbol, None, start_ns, stop_ns))

    def read_columns(
        self,
        symbol: str,
        timeframe: Timeframe | None,
        columns: Sequence[str],
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Columns:
        """Return some columns of a series (*timeframe* None: ticks); others are not read.

        Parameters
        ----------
        symbol : str
        timeframe : Timeframe or None
        columns : sequence of str
            Such as ``["close"]``. An ask column is absent from the answer if no row of the
            window has ask prices, and NaN in rows without.
        start_ns, stop_ns : int, optional

        Returns
        -------
        columns : dict of str to array, shape (n_rows,)
            ``time_ns`` first, in any case.

        Raises
        ------
        DataError
            As in :meth:`read_bars`, or if a column is unknown.
        """
        return self._read(symbol, timeframe, start_ns, stop_ns, columns)

    def read_table(
        self, symbol: str, kind: str, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Columns:
        """Return the rows of a table of inputs that were known in ``[start_ns, stop_ns)``.

        Parameters
        ----------
        symbol : str
            ``_MARKET`` for what is of no one symbol.
        kind : str
            Of a registered schema.
        start_ns, stop_ns : int, optional

        Returns
        -------
        columns : dict of str to array, shape (n_rows,)
            In the order of the schema, ``known_ns`` first, sorted; strings are objects,
            ``str`` or None.

        Raises
        ------
        DataError
            If the table is unknown or damaged. An empty window is not an error.
        """
        schema = registered(kind)
        return read_window(
            lambda: self._known_table(symbol, schema),
            self.root / symbol / kind,
            Window(start_ns, stop_ns),
        )

    def scan_bars(
        self,
        symbol: str,
        timeframe: Timeframe,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[Bars]:
        """Yield the bars of :meth:`read_bars` a year at a time, oldest first.

        Memory: one year. A piece has ask prices if every one of its own bars has them.

        Raises
        ------
        DataError
            As in :meth:`read_bars`, or if a merge changed the series meanwhile.
        """
        for columns in self._scan(symbol, timeframe, start_ns, stop_ns):
            yield bars_of(symbol, timeframe, columns)

    def scan_ticks(
        self, symbol: str, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[Ticks]:
        """Yield the ticks of :meth:`read_ticks` a week at a time; as :meth:`scan_bars`."""
        for columns in self._scan(symbol, None, start_ns, stop_ns):
            yield ticks_of(symbol, columns)

    def quarantined(self, symbol: str, timeframe: Timeframe | None) -> tuple[StoredQuarantine, ...]:
        """Return the stored quarantines of one series, oldest import first.

        Raises
        ------
        DataError
            If the series is unknown.
        """
        folder = self._folder(symbol, timeframe)
        return quarantines_of(self._known(symbol, timeframe), folder)

    def verify(self, symbol: str, timeframe: Timeframe | None) -> None:
        """Read every part of a series and compare it with its hash.

        Raises
        ------
        DataError
            If one does not match.
        """
        verify_parts(lambda: self._known(symbol, timeframe), self._folder(symbol, timeframe))

    def verify_table(self, symbol: str, kind: str) -> None:
        """Do as :meth:`verify` for a table of inputs."""
        schema = registered(kind)
        verify_parts(lambda: self._known_table(symbol, schema), self.root / symbol / kind)

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
        name = series.timeframe.name if isinstance(series, Bars) else TICKS_NAME
        columns = columns_of(series)
        return self._merge(symbol, name, None, columns, provenance, quarantine)

    def merge_table(
        self,
        symbol: str,
        kind: str,
        columns: Mapping[str, NDArray[np.generic] | Sequence[object]],
        provenance: Provenance,
        quarantine: Quarantine | None = None,
    ) -> MergeReport:
        """Add rows to a table of inputs; of rows with the same keys the newest import stays.

        Idempotent, and whole or not at all, as :meth:`merge`.

        Parameters
        ----------
        symbol : str
            ``_MARKET`` for what is of no one symbol.
        kind : str
            Of a registered schema.
        columns : mapping of str to array or sequence, shape (n_rows,)
            All columns of the schema; ``known_ns`` sorted. NaN and None are missing values.
        provenance : Provenance
            Recorded with the table.
        quarantine : Quarantine, optional
            Refused rows; stored beside the table as CSV.

        Raises
        ------
        DataError
            If there are no rows, they are not of the schema, another process is writing, or
            the disk refuses.
        """
        symbol, schema = checked_symbol(symbol, may_be_market=True), registered(kind)
        table = checked_table(schema, columns)
        return self._merge(symbol, kind, schema, table, provenance, quarantine)

    def _merge(
        self,
        symbol: str,
        name: str,
        schema: Schema | None,
        columns: Columns,
        provenance: Provenance,
        quarantine: Quarantine | None,
    ) -> MergeReport:
        refuse_empty(symbol, columns)
        with self.writing(symbol, name, schema) as merge:
            return merge.run(columns, provenance, quarantine)

    @contextmanager
    def writing(self, symbol: str, name: str, schema: Schema | None = None) -> Iterator[Merge]:
        """Hold the lock of the writer, and give what changes one series whole or not at all.

        Raises
        ------
        DataError
            If another process is writing, or the disk refuses.
        """
        folder = self.root / symbol / name
        try:
            self._disk.make_folder(self.root)
            with single_writer(self.root / _LOCK_NAME, wait_s_max=self._lock_wait_s_max):
                self._disk.make_folder(folder)
                stored = manifest_in(folder) or blank(symbol, name, schema)
                if schema is not None:
                    refuse_other_schema(folder, stored, schema)
                yield Merge(self._disk, folder, stored, stored.columns)
        except OSError as error:
            raise disk_refused(self.root, symbol, error) from error

    def _read(
        self,
        symbol: str,
        timeframe: Timeframe | None,
        start_ns: int | None,
        stop_ns: int | None,
        names: Sequence[str] | None = None,
    ) -> Columns:
        schema = TICKS if timeframe is None else BARS
        odd = [name for name in names or () if name not in schema.columns]
        if odd:
            raise DataError(
                f"Columns of {symbol} must be among {', '.join(schema.columns)}; was {odd[0]!r}.",
                remedy="Correct the name.",
                symbol=symbol,
                column=odd[0],
            )

        return read_window(
            lambda: self._known(symbol, timeframe),
            self._folder(symbol, timeframe),
            Window(start_ns, stop_ns),
            names,
        )

    def _scan(
        self, symbol: str, timeframe: Timeframe | None, start_ns: int | None, stop_ns: int | None
    ) -> Iterator[Columns]:
        folder = self._folder(symbol, timeframe)
        return scan_window(self._known(symbol, timeframe), folder, Window(start_ns, stop_ns))

    def _manifests(self) -> Iterator[Manifest]:
        for path in self.root.glob(f"*/*/{FILE_NAME}"):
            manifest = manifest_in(path.parent)
            if manifest is not None:
                yield manifest

    def _known(self, symbol: str, timeframe: Timeframe | None) -> Manifest:
        series = TICKS_NAME if timeframe is None else timeframe.name
        manifest = manifest_in(self._folder(symbol, timeframe)) if is_symbol(symbol) else None
        if manifest is not None and manifest.symbol == symbol:
            return manifest
        stored = [f"{entry.symbol} {entry.series}" for entry in self.list()]
        raise unknown_series(self.root, symbol, series, stored, f"FILE --symbol {symbol}")

    def _known_table(self, symbol: str, schema: Schema) -> Manifest:
        is_name = is_symbol(symbol) or symbol == MARKET
        folder = self.root / symbol / schema.kind
        manifest = manifest_in(folder) if is_name else None
        if manifest is not None and manifest.symbol == symbol:
            refuse_other_schema(folder, manifest, schema)
            return manifest
        stored = [f"{entry.symbol} {entry.kind}" for entry in self.list_inputs()]
        raise unknown_series(self.root, symbol, schema.kind, stored, "FILE")

    def _folder(self, symbol: str, timeframe: Timeframe | None) -> Path:
        return self.root / symbol / (TICKS_NAME if timeframe is None else timeframe.name)
