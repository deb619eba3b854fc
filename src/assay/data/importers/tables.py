"""Parquet sources: the shared history schema and tables like it, read batch by batch."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.data.arrays import FloatArray, IntArray
from assay.data.importers.headers import (
    chosen_roles,
    roles_of,
    stated_timezone,
    with_told,
    without_part_of_ask,
)
from assay.data.importers.layout import Format, Layout
from assay.data.importers.rows import Refused, Rows
from assay.data.importers.rules import NO_REASON, REASONS, refusals_of
from assay.data.importers.source import Progress, checked_file
from assay.data.importers.stamps import NO_TIME, Stamp, parse_texts, stamp_patterns
from assay.data.quarantine import Reason
from assay.domain.errors import DataError

SIGNATURE = b"PAR1"
_BATCH_ROWS = 1 << 20
BID = ("open", "high", "low", "close")


def is_parquet(path: Path) -> bool:
    """Tell whether *path* begins as Parquet does."""
    with path.open("rb") as file:
        return file.read(4) == SIGNATURE


def opened(path: Path) -> pq.ParquetFile:
    """Return the open file.

    Raises
    ------
    DataError
        If it is cut off or damaged.
    """
    checked_file(path)
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} must be whole Parquet; was not: {str(error).splitlines()[0][:200]}",
        remedy="It is cut off or damaged: copy or download it again.",
        path=str(path),
    )


def recognise_parquet(
    path: Path,
    *,
    format: Format | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
) -> Layout:
    """Recognise which columns of a Parquet file hold what.

    Raises
    ------
    DataError
        If it is damaged, has no rows, or no known columns.
    """
    with opened(path) as file:
        schema, n_rows = file.schema_arrow, file.metadata.num_rows
        if n_rows == 0:
            raise DataError(
                f"{path} must have rows; had none.", remedy="Export it again.", path=str(path)
            )
        headers = list(schema.names)
        found = roles_of(headers)
        if columns:
            found = with_told(found, chosen_roles(columns, headers))
        if "time" not in found and "date" not in found:
            typed = [i for i, field in enumerate(schema) if pa.types.is_timestamp(field.type)]
            found |= {"time": typed[0]} if len(typed) == 1 else {}
        has_bars = all(role in found for role in BID)
        has_ticks = "bid" in found and "ask" in found
        if ("time" not in found and "date" not in found) or not (has_bars or has_ticks):
            raise DataError(
                f"{path} must have columns time, open, high, low, close, or time, bid, ask; "
                f"had {', '.join(headers)}.",
                remedy="Name them with --column, such as --column time=stamp --column open=o.",
                path=str(path),
                columns=headers,
            )
        found = without_part_of_ask(found)
        kind = Format.PARQUET_BARS if has_bars else Format.PARQUET_TICKS
        role = "time" if "time" in found else "date"
        field = schema.field(found[role])
        stamp, timezone, says = _stamp(path, file, field)
    if format is not None and format is not kind:
        raise DataError(
            f"{path} must be {format.value}; was {kind.value}.",
            remedy="Leave --format out to let it be recognised.",
            path=str(path),
        )
    return Layout(
        format=kind,
        columns=found,
        names={role: headers[at] for role, at in found.items()},
        stamp=stamp,
        n_columns=len(headers),
        timezone=timezone or stated_timezone([field.name]),
        why=(f"Parquet with columns {', '.join(headers)}", says),
    )


def _stamp(path: Path, file: pq.ParquetFile, field: pa.Field) -> tuple[Stamp, str | None, str]:
    """Return how times are stored, the zone the file states, and the words for it."""
    kind = field.type
    if pa.types.is_timestamp(kind):
        if kind.tz:
            return Stamp(pattern="arrow"), "UTC", f"times typed, in {kind.tz}"
        return Stamp(pattern="arrow"), None, "times typed, without a zone"
    if pa.types.is_date(kind):
        return Stamp(pattern="arrow", has_clock=False), None, "dates typed"
    try:
        batch = next(file.iter_batches(batch_size=500, columns=[field.name]))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    texts = [str(value) for value in batch.column(0).to_pylist() if value is not None]
    patterns = stamp_patterns(texts)
    if not patterns:
        raise DataError(
            f"{path} column {field.name} must hold times; its first was "
            f"{texts[0] if texts else None!r}.",
            remedy="Name the time column with --column time=...",
            path=str(path),
            column=field.name,
        )
    zone = "UTC" if patterns[0].has_zone else None
    return patterns[0], zone, f"times as {patterns[0].pattern}, such as {texts[0]!r}"


def read_tables(path: Path, layout: Layout, *, progress: Progress | None = None) -> Iterator[Rows]:
    """Yield the rows of a Parquet file, a batch at a time.

    Raises
    ------
    DataError
        If a page is damaged.
    """
    names = list(dict.fromkeys(layout.names.values()))
    size, first = path.stat().st_size, 1
    with opened(path) as file:
        n_rows = max(1, file.metadata.num_rows)
        batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=names)
        while True:
            try:
                batch = next(batches, None)
                if batch is None and first == 1:
                    raise OSError(f"it states {n_rows} rows and holds none")
                if batch is None:
                    return
                rows = _rows(batch, layout, first)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise _damaged(path, error) from error
            first += batch.num_rows
            yield rows
            if progress is not None:
                progress(size * (first - 1) // n_rows, size)


def _rows(batch: pa.RecordBatch, layout: Layout, first: int) -> Rows:
    columns = {role: batch.column(name) for role, name in layout.names.items()}
    role = "time" if "time" in columns else "date"
    time_ns = _times(columns[role], layout.stamp)
    values: dict[str, FloatArray] = {name: _floats(columns[name]) for name in layout.value_roles}
    reasons = refusals_of(values, layout.required_roles)
    reasons[time_ns == NO_TIME] = REASONS.index(Reason.TIME)
    keep = reasons == NO_REASON
    line = np.arange(first, first + batch.num_rows, dtype=np.int64)
    refused: list[Refused] = [
        (int(line[at]), REASONS[int(reasons[at])], row_text(batch, int(at)))
        for at in np.flatnonzero(~keep)
    ]
    labels: dict[str, dict[str, int]] = {}
    for name in ("symbol", "timeframe"):
        if name in columns:
            texts = columns[name].cast(pa.string()).to_pylist()
            labels[name] = {}
            for at, text in enumerate(texts):
                labels[name].setdefault(str(text), first + at)
    if not refused:
        return Rows(
            n_rows=len(line), line=line, time_ns=time_ns, values=values, refused=[], labels=labels
        )
    return Rows(
        n_rows=len(line),
        line=line[keep],
        time_ns=time_ns[keep],
        values={name: value[keep] for name, value in values.items()},
        refused=refused,
        labels=labels,
    )


def row_text(batch: pa.RecordBatch, at: int) -> str:
    """Return one row as text, for the quarantine."""
    return ",".join(str(value) for value in batch.slice(at, 1).to_pylist()[0].values())


def rows_at(path: Path, layout: Layout, numbers: list[int]) -> dict[int, str]:
    """Return the text of the rows *numbers*, counted from 1."""
    wanted, first, found = sorted(set(numbers)), 1, {}
    names = list(dict.fromkeys(layout.names.values()))
    with opened(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
            for number in wanted:
                if first <= number < first + batch.num_rows:
                    found[number] = row_text(batch, number - first)
            first += batch.num_rows
    return found


def _times(column: pa.Array, stamp: Stamp) -> IntArray:
    if stamp.pattern != "arrow":
        import polars as pl

        texts = column.cast(pa.string()) if not pa.types.is_integer(column.type) else column
        series = pl.Series(pl.from_arrow(texts))
        return parse_texts(series.cast(pl.Int64) if series.dtype.is_integer() else series, stamp)
    unit = column.type.unit if pa.types.is_timestamp(column.type) else "s"
    scale = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    naive = column.cast(pa.timestamp(unit, tz=getattr(column.type, "tz", None)))
    counts = pc.fill_null(naive.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    good = (counts >= 0) & (counts < 4_102_444_800 * 10**9 // scale)
    return np.where(good, np.where(good, counts, 0) * scale, NO_TIME)


def _floats(column: pa.Array) -> FloatArray:
    values = column.cast(pa.float64(), safe=False)
    filled = pc.fill_null(values, float("nan")) if values.null_count else values
    return np.array(filled.to_numpy(zero_copy_only=False), dtype=np.float64)
