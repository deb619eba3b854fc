"""Import of one file: recognise, parse, refuse bad rows, order, convert to UTC."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from assay.data.entry import checked_symbol
from assay.data.importers.assembling import (
    Choices,
    assembled,
    clock_of,
    recognised_as,
    table_of,
)
from assay.data.importers.detect import recognise_text
from assay.data.importers.grid import (
    spacing_of,
)
from assay.data.importers.imported import Imported
from assay.data.importers.layout import Format, Layout, Recognised
from assay.data.importers.naming import refuse_other_symbol
from assay.data.importers.ordering import (
    sorted_by_time,
)
from assay.data.importers.refusals import Refusals
from assay.data.importers.rows import Rows, parse_block
from assay.data.importers.source import (
    BLOCK_BYTES,
    Progress,
    checked_file,
    read_blocks,
    read_sample,
)
from assay.data.importers.tables import is_parquet, read_tables, recognise_parquet
from assay.data.importers.zones import zone
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

ROWS_MAX = 30_000_000
_LOOK_ROWS_MAX = 200_000


def recognise(
    path: Path,
    *,
    format: Format | str | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
) -> Recognised:
    """Look at a file and say what it is, without importing it.

    Only the first rows are read (up to 200,000), so the clock may be told with less
    confidence than an import has.

    Raises
    ------
    DataError
        If it is missing, empty, binary, or no table of bars or quotes.
    """
    path = Path(path)
    layout = _layout(path, format, columns)
    pieces, n_rows = [], 0
    for rows in _rows(path, layout, BLOCK_BYTES, None):
        pieces.append(rows)
        n_rows += rows.n_rows
        if n_rows >= _LOOK_ROWS_MAX:
            break
    table, _ = sorted_by_time(table_of(pieces))
    timeframe = None if layout.format.is_ticks else spacing_of(table.time_ns)
    finding = clock_of(layout, table, timeframe)
    return recognised_as(layout, timeframe, finding, 1, ())


def import_file(
    path: Path,
    *,
    symbol: str,
    timeframe: Timeframe | str | None = None,
    timezone: str | None = None,
    format: Format | str | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
    digits: int | None = None,
    price_divisor: int | None = None,
    progress: Progress | None = None,
    block_bytes: int = BLOCK_BYTES,
    rows_max: int = ROWS_MAX,
) -> Imported:
    """Read bars or ticks of *symbol* from a file.

    Parameters
    ----------
    path : Path
    symbol : str
        What the rows are quotes of.
    timeframe, timezone, format, columns : optional
        Override what would be recognised. *timezone* is the clock of the file, such as
        ``NY+7``; *columns* maps roles to headers, or to positions from 1.
    digits : int, optional
        Decimal places of the instrument; settles whether whole numbers are points.
    price_divisor : int, optional
        Divide prices by this instead of judging.
    progress : callable, optional
        Called with bytes read and bytes in all.
    block_bytes : int
        Bytes parsed at a time.
    rows_max : int
        Larger files are refused before they fill the memory (75 bytes a tick, 130 a bar).

    Raises
    ------
    DataError
        If the file cannot be read as market data of *symbol*; names file, line, value.
    ConfigError
        If an argument names no format, timeframe, zone or column.
    """
    path = Path(path)
    choices = Choices(
        symbol=checked_symbol(symbol),
        timeframe=Timeframe.parse(timeframe) if isinstance(timeframe, str) else timeframe,
        timezone=None if timezone is None else zone(timezone).name,
        digits=digits,
        divisor=price_divisor,
    )
    refuse_other_symbol(path, symbol)
    layout = _layout(path, format, columns)
    _refuse_large(path, layout, rows_max)
    refusals = Refusals()
    pieces: list[Rows] = []
    n_rows = 0
    for rows in _rows(path, layout, block_bytes, progress):
        refuse_other_symbol(path, symbol, rows.labels.get("symbol"))
        refusals.add_all(rows.refused)
        n_rows += rows.n_rows
        if n_rows > rows_max:
            raise _too_many(path, n_rows, rows_max)
        pieces.append(replace(rows, refused=[]))
    table = table_of(pieces)
    labels = {
        text: line for rows in pieces for text, line in rows.labels.get("timeframe", {}).items()
    }
    del pieces
    return assembled(path, layout, choices, table, refusals, n_rows, labels, block_bytes)


def _layout(
    path: Path,
    format: Format | str | None,  # noqa: A002
    columns: Mapping[str, str | int] | None,
) -> Layout:
    checked_file(path)
    chosen = Format.parse(format) if isinstance(format, str) else format
    if is_parquet(path):
        return recognise_parquet(path, format=chosen, columns=columns)
    return recognise_text(path, format=chosen, columns=columns)


def _rows(
    path: Path, layout: Layout, block_bytes: int, progress: Progress | None
) -> Iterator[Rows]:
    if layout.format in (Format.PARQUET_BARS, Format.PARQUET_TICKS):
        yield from read_tables(path, layout, progress=progress)
        return
    blocks = read_blocks(path, layout.encoding, block_bytes=block_bytes, progress=progress)
    for block in blocks:
        yield parse_block(block, layout)


def _refuse_large(path: Path, layout: Layout, rows_max: int) -> None:
    """Refuse a file that cannot fit, from its size alone."""
    if is_parquet(path):
        return
    n_about = path.stat().st_size / max(1.0, read_sample(path).line_bytes)
    if n_about > 1.5 * rows_max:
        raise _too_many(path, int(n_about), rows_max)


def _too_many(path: Path, n_rows: int, rows_max: int) -> DataError:
    return DataError(
        f"{path} must have at most {rows_max:,} rows; has about {n_rows:,}.",
        remedy="Split it by year and import each part; parts merge into one series.",
        path=str(path),
        rows=n_rows,
        rows_max=rows_max,
    )
