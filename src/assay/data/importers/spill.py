"""Rows that wait on disk between parsing and their turn, in a file without a name."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from assay.data.importers.ordering import Table
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY


class Spill:
    """Rows of a file by local day, in the order of the file.

    Parameters
    ----------
    source : Path
        The file that is imported, for messages.
    folder : Path or None
        Where the rows wait; None is the system's temporary folder. The file has no name, so
        a process that is killed leaves nothing behind.
    roles : sequence of str
        Values of a row.

    Notes
    -----
    One write per block and day; 16 bytes a row and 8 per value.
    """

    def __init__(self, source: Path, folder: Path | None, *, roles: Sequence[str]) -> None:
        self._source, self._roles = source, tuple(roles)
        self._row_bytes = 8 * (2 + len(self._roles))
        self._segments: dict[int, list[tuple[int, int]]] = {}
        self._end = 0
        with self._told():
            self._file = tempfile.TemporaryFile(dir=folder, prefix="assay-import-")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, table: Table) -> None:
        """Write rows, in the order of the file.

        Raises
        ------
        DataError
            If the disk is full.
        """
        days = table.time_ns // NS_PER_DAY
        if (np.diff(days) < 0).any():
            order = np.argsort(days, kind="stable")
            table, days = table.kept(order), days[order]
        starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
        stops = np.append(starts[1:], len(days))
        block = np.empty((2 + len(self._roles), len(days)), dtype=np.int64)
        block[0], block[1] = table.line, table.time_ns
        for row, role in enumerate(self._roles, start=2):
            block[row] = table.values[role].view(np.int64)
        with self._told():
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                self._file.write(np.ascontiguousarray(block[:, start:stop]).data)
                segment = self._end, stop - start
                self._segments.setdefault(int(days[start]), []).append(segment)
                self._end += self._row_bytes * (stop - start)

    def rows_by_day(self) -> dict[int, int]:
        """Return the number of rows of each day, counted since 1970 on the file's clock."""
        return {day: sum(n for _, n in found) for day, found in self._segments.items()}

    def read(self, days: Sequence[int]) -> Table:
        """Return the rows of some days, in the order of the file."""
        segments = sorted(segment for day in days for segment in self._segments[day])
        n_rows = sum(n for _, n in segments)
        block = np.empty((2 + len(self._roles), n_rows), dtype=np.int64)
        at = 0
        with self._told():
            for offset, n in segments:
                self._file.seek(offset)
                raw = self._file.read(self._row_bytes * n)
                block[:, at : at + n] = np.frombuffer(raw, dtype=np.int64).reshape(-1, n)
                at += n
        values = {role: block[i].view(np.float64) for i, role in enumerate(self._roles, start=2)}
        return Table(line=block[0], time_ns=block[1], values=values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise DataError(
                f"The rows of {self._source} must have room to wait on disk while it is imported; "
                f"the disk answered: {error}.",
                remedy="Free space in the temporary folder, or set TMPDIR to one that has more.",
                path=str(self._source),
            ) from error
