"""Part files: Parquet that holds one period of one series."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assay.data.arrays import IntArray
from assay.data.columns import (
    ASK,
    BAR_COLUMNS,
    TICK_COLUMNS,
    TIME,
    Columns,
    content_hash,
    times_of,
    without_empty_ask,
)
from assay.data.manifest import Part
from assay.domain.errors import DataError

SUFFIX = ".parquet"
_ROW_GROUP = 1 << 18
_TIME_TYPE = pa.timestamp("ns", tz="UTC")


def periods_of(time_ns: IntArray, *, is_ticks: bool) -> IntArray:
    """Return for each time the number of its period: UTC years, or months for ticks."""
    unit = "datetime64[M]" if is_ticks else "datetime64[Y]"
    return time_ns.view("datetime64[ns]").astype(unit).astype(np.int64)


def period_name(period: int, *, is_ticks: bool) -> str:
    """Return a period number as text, such as ``2014`` or ``2014-05``."""
    return str(np.datetime64(period, "M" if is_ticks else "Y"))


def encode_part(columns: Columns, period: str) -> tuple[Part, bytes]:
    """Return the description and the bytes of a part file."""
    columns = without_empty_ask(columns)
    digest = content_hash(columns)
    arrays, fields = [], []
    for name, value in columns.items():
        if name == TIME:
            arrays.append(pa.array(value.view("datetime64[ns]")).cast(_TIME_TYPE))
            fields.append(pa.field("time", _TIME_TYPE, nullable=False))
        else:
            arrays.append(pa.array(value))
            fields.append(pa.field(name, pa.float64(), nullable=False))
    buffer = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=pa.schema(fields)),
        buffer,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        store_schema=True,
    )
    time_ns = times_of(columns)
    part = Part(
        name=f"{period}-{digest[:24]}{SUFFIX}",
        period=period,
        rows=len(time_ns),
        first_ns=int(time_ns[0]),
        last_ns=int(time_ns[-1]),
        sha256=digest,
        has_ask="ask_open" in columns,
    )
    return part, buffer.getvalue()


def read_parts(folder: Path, parts: Sequence[Part], *, is_ticks: bool) -> Columns:
    """Return the rows of *parts*, oldest first, in fresh writable arrays.

    Raises
    ------
    FileNotFoundError
        If a part is gone: a writer replaced it since the manifest was read.
    DataError
        If a part is damaged.
    """
    names: tuple[str, ...] = TICK_COLUMNS if is_ticks else BAR_COLUMNS
    if not any(part.has_ask for part in parts):
        names = tuple(name for name in names if name not in ASK)
    n_rows = sum(part.rows for part in parts)
    columns: Columns = {
        name: np.empty(n_rows, dtype=np.int64 if name == TIME else np.float64) for name in names
    }
    start = 0
    for part in parts:
        _read_into(folder / part.name, part, columns, start)
        start += part.rows
    return columns


def _read_into(path: Path, part: Part, columns: Columns, start: int) -> None:
    """Copy the rows of one part file to position *start* of *columns*."""
    try:
        table = pq.read_table(path, memory_map=False)
        if table.num_rows != part.rows:
            raise ValueError(f"has {table.num_rows} rows instead of {part.rows}")
        for name, target in columns.items():
            if name in ASK and name not in table.column_names:
                target[start : start + part.rows] = np.nan
                continue
            at = start
            for chunk in table.column("time" if name == TIME else name).chunks:
                values: NDArray[np.generic] = chunk.to_numpy(zero_copy_only=True)
                target[at : at + len(values)] = values.view(target.dtype)
                at += len(values)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(
            f"{path} must be the part file its manifest describes; was not: {error}.",
            remedy=f"Delete the folder {path.parent} and import its sources again.",
            path=str(path),
        ) from error


def verify_part(folder: Path, part: Part) -> None:
    """Check that the decoded rows have the hash that the manifest states.

    Raises
    ------
    DataError
        If they do not.
    """
    is_ticks = len(part.period) > 4
    columns = read_parts(folder, [part], is_ticks=is_ticks)
    digest = content_hash(columns)
    if digest != part.sha256:
        raise DataError(
            f"{folder / part.name} must hash to {part.sha256[:16]}…; was {digest[:16]}….",
            remedy=f"Delete the folder {folder} and import its sources again.",
            path=str(folder / part.name),
        )
