"""Import of one file: recognise, parse, refuse bad rows, order, convert to UTC."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from assay.data.bars import Bars
from assay.data.importers.assembling import assembled, empty_import, recognised_as, table_of
from assay.data.importers.choices import Choices
from assay.data.importers.file_clock import clock_of
from assay.data.importers.grid import spacing_of
from assay.data.importers.imported import Imported
from assay.data.importers.layout import Format, Recognised
from assay.data.importers.naming import settled_symbol, symbol_in_rows, unknown_symbol
from assay.data.importers.ordering import sorted_by_time, without_jumps
from assay.data.importers.readers import Reader, TextReader, reader_of
from assay.data.importers.refusals import Refusals
from assay.data.importers.rows import Rows
from assay.data.importers.source import BLOCK_BYTES, Progress, file_sha256, read_sample
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

ROWS_MAX = 30_000_000
_LOOK_ROWS_MAX = 200_000


def recognise(
    path: Path,
    *,
    format: Format | str | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
    timeframe: Timeframe | str | None = None,
    timezone: str | None = None,
) -> Recognised:
    """Look at a file and say what it is, without importing it.

    Only the first rows are read (up to 200,000), so the clock may be told with less
    confidence than an import has. Arguments are as for ``import_file``.

    Raises
    ------
    DataError
        If it is missing, empty, damaged, or no table of bars or quotes.
    """
    path = Path(path)
    choices = Choices.of(timeframe=timeframe, timezone=timezone, format=format, columns=columns)
    reader, layout = reader_of(path, format=choices.format, columns=choices.columns)
    pieces, n_rows = [], 0
    for rows in reader.rows(path, layout, block_bytes=BLOCK_BYTES, progress=None):
        pieces.append(rows)
        n_rows += rows.n_rows
        if n_rows >= _LOOK_ROWS_MAX:
            break
    table, _ = without_jumps(sorted_by_time(table_of(pieces))[0])
    frame = choices.timeframe or layout.timeframe
    if frame is None and not layout.format.is_ticks:
        frame = spacing_of(table.time_ns)
    finding = clock_of(layout, table, frame, choices.timezone)
    return recognised_as(layout, frame, finding, layout.divisor or 1, ())


def import_file(
    path: Path,
    *,
    symbol: str | None = None,
    timeframe: Timeframe | str | None = None,
    timezone: str | None = None,
    format: Format | str | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
    digits: int | None = None,
    price_divisor: int | None = None,
    reference: Bars | None = None,
    progress: Progress | None = None,
    block_bytes: int = BLOCK_BYTES,
    rows_max: int = ROWS_MAX,
) -> Imported:
    """Read bars or ticks from a file.

    Parameters
    ----------
    path : Path
    symbol : str, optional
        What the rows are quotes of; without it the file must say, in its bytes, in a column
        or by its name.
    timeframe, timezone, format, columns : optional
        Override what would be recognised. *timezone* is the clock of the file, such as
        ``NY+7``; *columns* maps roles to headers, or to positions from 1.
    digits : int, optional
        Decimal places of the instrument; settles whether whole numbers are points.
    price_divisor : int, optional
        Divide prices by this instead of judging.
    reference : Bars, optional
        Bars of the same symbol on a known clock; they settle the clock of the file.
    progress : callable, optional
        Called with bytes read and bytes in all.
    block_bytes : int
        Bytes parsed at a time.
    rows_max : int
        Larger files are refused before they fill the memory (75 bytes a tick, 130 a bar).

    Raises
    ------
    DataError
        If the file cannot be read as market data of one symbol; names file, line, value.
    ConfigError
        If an argument names no format, timeframe, zone or column.
    """
    choices = Choices.of(
        symbol=symbol,
        timeframe=timeframe,
        timezone=timezone,
        format=format,
        columns=columns,
        digits=digits,
        divisor=price_divisor,
        reference=reference,
    )
    return import_whole(
        Path(path), choices, progress=progress, block_bytes=block_bytes, rows_max=rows_max
    )


def import_whole(
    path: Path,
    choices: Choices,
    *,
    progress: Progress | None = None,
    block_bytes: int = BLOCK_BYTES,
    rows_max: int = ROWS_MAX,
) -> Imported:
    """Read bars or ticks from a file; everything else is as for ``import_file``."""
    reader, layout = reader_of(path, format=choices.format, columns=choices.columns)
    symbol = settled_symbol(path, layout, choices.symbol)
    _refuse_large(path, reader, rows_max)
    aside = ThreadPoolExecutor(max_workers=1)
    digest = aside.submit(file_sha256, path)  # while the rows are parsed
    aside.shutdown(wait=False)
    refusals = Refusals()
    pieces: list[Rows] = []
    said: list[str] = []
    n_rows = 0
    for rows in reader.rows(path, layout, block_bytes=block_bytes, progress=progress):
        symbol = symbol_in_rows(path, symbol, rows.labels.get("symbol"))
        refusals.add_all(rows.refused)
        n_rows += rows.n_rows
        if n_rows > rows_max:
            raise _too_many(path, n_rows, rows_max)
        said += [words for words in rows.warnings if words not in said]
        pieces.append(replace(rows, refused=[]))
    choices = choices.settled(symbol, layout)
    if n_rows == 0 and path.stat().st_size == 0:
        return empty_import(path, layout, choices)
    if not symbol:
        raise unknown_symbol(path)
    table = table_of(pieces)
    labels = {
        text: line for rows in pieces for text, line in rows.labels.get("timeframe", {}).items()
    }
    layout = replace(layout, warnings=(*layout.warnings, *said))
    del pieces
    sha256 = digest.result()
    return assembled(path, reader, layout, choices, table, refusals, n_rows, labels, sha256=sha256)


def _refuse_large(path: Path, reader: Reader, rows_max: int) -> None:
    """Refuse a text that cannot fit, from its size alone."""
    if not isinstance(reader, TextReader):
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
