"""Readers of files, one per family of formats, and the order in which they look at a file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from assay.data.importers.bi5 import Bi5Reader
from assay.data.importers.ccxt_json import CcxtReader
from assay.data.importers.detect import recognise_text
from assay.data.importers.dukascopy_json import DukascopyJsonReader
from assay.data.importers.hst import HstReader
from assay.data.importers.layout import Format, Layout
from assay.data.importers.lean import LeanReader
from assay.data.importers.oanda import OandaReader
from assay.data.importers.rows import Rows, parse_block
from assay.data.importers.source import Progress, checked_file, lines_at, read_blocks
from assay.data.importers.tables import SIGNATURE, read_tables, recognise_parquet, rows_at
from assay.data.importers.yahoo import YahooReader
from assay.domain.errors import ConfigError, DataError

HEAD_BYTES = 1 << 16
_TEXTS = ("mt5_", "histdata_", "csv_", "truefx_")


class Reader(Protocol):
    """Reads the rows of one family of formats; a reader has no state."""

    @property
    def formats(self) -> tuple[Format, ...]:
        """What the reader can return as format."""

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file.

        Parameters
        ----------
        path : Path
        head : bytes
            Its first ``HEAD_BYTES``.

        Returns
        -------
        layout : Layout or None
            None if the file is of another family.

        Raises
        ------
        DataError
            If it is of this family, but damaged.
        """

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, at least one block of them (which may be empty), in file order."""

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return what the quarantine shows for rows *numbers*, counted as ``Rows.line``."""


class TextReader:
    """Tables in text: one row per line, fields between delimiters."""

    formats = tuple(member for member in Format if member.value.startswith(_TEXTS))

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file; every one that no other reader knows must be text."""
        return self.recognise_told(path)

    def recognise_told(
        self,
        path: Path,
        *,
        format: Format | None = None,  # noqa: A002  (the word users write)
        columns: Mapping[str, str | int] | None = None,
    ) -> Layout:
        """Look at a file of which *format* or *columns* are known."""
        return recognise_text(path, format=format, columns=columns)

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, a block of lines at a time."""
        blocks = read_blocks(path, layout.encoding, block_bytes=block_bytes, progress=progress)
        for block in blocks:
            yield parse_block(block, layout)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return lines, in one further pass over the file."""
        return lines_at(path, layout.encoding, numbers)


class ParquetReader:
    """Parquet tables; rows are counted from 1."""

    formats = (Format.PARQUET_BARS, Format.PARQUET_TICKS)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file that begins with the signature of Parquet."""
        return self.recognise_told(path) if head.startswith(SIGNATURE) else None

    def recognise_told(
        self,
        path: Path,
        *,
        format: Format | None = None,  # noqa: A002
        columns: Mapping[str, str | int] | None = None,
    ) -> Layout:
        """Look at a file of which *format* or *columns* are known."""
        return recognise_parquet(path, format=format, columns=columns)

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, a batch at a time."""
        yield from read_tables(path, layout, progress=progress)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return rows as text."""
        return rows_at(path, layout, list(numbers)) if numbers else {}


TEXT = TextReader()
PARQUET = ParquetReader()
READERS: tuple[Reader, ...] = (
    PARQUET,
    Bi5Reader(),
    HstReader(),
    LeanReader(),
    YahooReader(),
    DukascopyJsonReader(),
    OandaReader(),
    CcxtReader(),
    TEXT,
)
"""In the order in which they look: signatures first, text last."""


def reader_of(
    path: Path,
    *,
    format: Format | None = None,  # noqa: A002
    columns: Mapping[str, str | int] | None = None,
) -> tuple[Reader, Layout]:
    """Return who reads *path*, and how.

    Parameters
    ----------
    path : Path
    format : Format, optional
        What it is, if the caller knows.
    columns : mapping of role to header or position, optional
        Which columns of a table hold what.

    Raises
    ------
    DataError
        If the file is missing, empty, damaged, not what *format* says, or no market data.
    ConfigError
        If *columns* are given for a format whose fields are fixed.
    """
    head = head_of(path)
    for reader in READERS:
        if isinstance(reader, TextReader | ParquetReader):
            if isinstance(reader, ParquetReader) and not head.startswith(SIGNATURE):
                continue
            return reader, reader.recognise_told(path, format=format, columns=columns)
        if format is not None and format not in reader.formats:
            continue
        layout = reader.recognise(path, head)
        if layout is not None and columns:
            raise ConfigError(
                f"Columns must be named for tables only; {path} is {layout.format.value}, whose "
                "fields are fixed.",
                remedy="Leave --column out.",
            )
        if layout is not None and format is not None and layout.format is not format:
            raise _other_format(path, format, layout.format.value)
        if layout is not None:
            return reader, layout
        if format is not None:
            raise _other_format(path, format, "something else")
    raise AssertionError("TextReader looks at every file")


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file; none for a ``.bi5`` of an hour without ticks.

    Raises
    ------
    DataError
        If it is missing, no file, unreadable, or empty.
    """
    if path.suffix.lower() == ".bi5" and path.is_file() and path.stat().st_size == 0:
        return b""
    checked_file(path)
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _other_format(path: Path, told: Format, found: str) -> DataError:
    return DataError(
        f"{path} must be {told.value}; was {found}.",
        remedy="Leave --format out to let it be recognised.",
        path=str(path),
        format=told.value,
    )
