"""Part files: Parquet that holds one period of one series."""

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.data.columns import (
    Columns,
    content_hash,
    empty,
    take,
    times_of,
    without_empty,
)
from assay.data.manifest import Part
from assay.data.schema import Schema
from assay.domain.errors import DataError

SUFFIX = ".parquet"
OPEN_MAX = 256
"""Parts held open at once: what is open stays readable when a writer removes its name."""

_ROW_GROUP = 1 << 16
_TIME_TYPE = pa.timestamp("ns", tz="UTC")
_TYPES = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
_THREADS_MAX = 4
_ROWS_PER_THREAD_MIN = 1 << 18


def _stored_name(schema: Schema, name: str) -> str:
    """Return the name in the file, where the time is typed and needs no unit in its name."""
    return name.removesuffix("_ns") if name == schema.time else name


def encode_part(schema: Schema, columns: Columns, period: str) -> tuple[Part, bytes]:
    """Return the description and the bytes of a part file."""
    columns = without_empty(schema, columns)
    digest = content_hash(columns)
    arrays, fields = [], []
    for name, value in columns.items():
        if name == schema.time:
            array, kind = pa.array(value.view("datetime64[ns]")).cast(_TIME_TYPE), _TIME_TYPE
        else:
            kind = _TYPES[schema.columns[name]]
            array = pa.array(value, type=kind, from_pandas=False)
        arrays.append(array)
        is_text = schema.columns[name] == "string"
        fields.append(pa.field(_stored_name(schema, name), kind, nullable=is_text))
    times = _stored_name(schema, schema.time)
    buffer = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=pa.schema(fields)),
        buffer,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=1,
        # Prices repeat, times step evenly: a third of the size, and read three times as fast.
        use_dictionary=[field.name for field in fields if field.name != times],
        column_encoding={times: "DELTA_BINARY_PACKED"},
        write_statistics=[times],
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
        has_ask=any(name in columns for name in schema.optional),
    )
    return part, buffer.getvalue()


def read_parts(
    folder: Path,
    parts: Sequence[Part],
    schema: Schema,
    *,
    names: Sequence[str] | None = None,
    start_ns: int | None = None,
    stop_ns: int | None = None,
) -> Columns:
    """Return the rows of *parts* in ``[start_ns, stop_ns)``, in fresh writable arrays.

    Parameters
    ----------
    folder : Path
    parts : sequence of Part
        Oldest first.
    schema : Schema
    names : sequence of str, optional
        Columns wanted; others are not read. The time comes first in any case. Optional
        columns are left out if no part has them.
    start_ns, stop_ns : int, optional
        Row groups outside are not read.

    Raises
    ------
    FileNotFoundError
        If a part is gone: a writer replaced it since the manifest was read.
    DataError
        If a part is damaged.
    """
    has_optional = any(part.has_ask for part in parts)
    wanted = schema.columns if names is None else {schema.time, *names}
    chosen = [
        name
        for name in schema.columns
        if name in wanted and (has_optional or name not in schema.optional)
    ]
    columns, n_rows = empty(schema, chosen, sum(part.rows for part in parts)), 0
    for first in range(0, len(parts), OPEN_MAX):
        with ExitStack() as stack:
            files = [
                stack.enter_context(_opened(folder / part.name, part, schema, start_ns, stop_ns))
                for part in parts[first : first + OPEN_MAX]
            ]
            _read_all(files, columns, n_rows)
            n_rows += sum(file.n_rows for file in files)
    return _cut(take(columns, slice(0, n_rows)), start_ns, stop_ns)


def _read_all(files: "Sequence[_OpenPart]", columns: Columns, start: int) -> None:
    """Copy the rows of all files into *columns* from row *start* on."""
    starts = np.cumsum([start, *(file.n_rows for file in files)]).tolist()
    n_threads = min(
        _THREADS_MAX, pa.cpu_count(), len(files), (starts[-1] - start) // _ROWS_PER_THREAD_MIN
    )
    if n_threads <= 1:
        for file, at in zip(files, starts, strict=False):
            file.read_into(columns, at)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda file, at: file.read_into(columns, at), files, starts))


def _cut(columns: Columns, start_ns: int | None, stop_ns: int | None) -> Columns:
    """Return the rows in ``[start_ns, stop_ns)``; a small share of them as a copy."""
    time_ns = times_of(columns)
    start = 0 if start_ns is None else int(np.searchsorted(time_ns, start_ns))
    stop = len(time_ns) if stop_ns is None else int(np.searchsorted(time_ns, stop_ns))
    rows = take(columns, slice(start, max(start, stop)))
    if 2 * (stop - start) >= len(time_ns):
        return rows
    return {name: value.copy() for name, value in rows.items()}


class _OpenPart:
    """A part file held open, with the row groups that a window needs."""

    def __init__(self, path: Path, part: Part, schema: Schema, file: pq.ParquetFile) -> None:
        self._path, self._schema, self._file = path, schema, file
        self._groups = list(range(file.metadata.num_row_groups))
        self.n_rows = file.metadata.num_rows
        if self.n_rows != part.rows:
            raise ValueError(f"has {self.n_rows} rows instead of {part.rows}")

    def narrow(self, start_ns: int | None, stop_ns: int | None) -> None:
        """Keep the row groups that can hold rows in ``[start_ns, stop_ns)``."""
        metadata = self._file.metadata
        kept = []
        for at in self._groups:
            times = metadata.row_group(at).column(0).statistics
            if times is not None and times.has_min_max:
                is_after = start_ns is not None and times.max_raw < start_ns
                if is_after or (stop_ns is not None and times.min_raw >= stop_ns):
                    continue
            kept.append(at)
        self._groups = kept
        self.n_rows = sum(metadata.row_group(at).num_rows for at in kept)

    def read_into(self, columns: Columns, start: int) -> None:
        """Copy the rows of the chosen row groups to position *start* of *columns*."""
        with _told(self._path):
            stored = set(self._file.schema_arrow.names)
            names = {name: _stored_name(self._schema, name) for name in columns}
            absent = [name for name in names if names[name] not in stored]
            if not set(absent) <= set(self._schema.optional):
                raise ValueError(f"has no column {', '.join(absent)}")
            for name in absent:
                columns[name][start : start + self.n_rows] = np.nan
            for group in self._groups:
                wanted = [names[name] for name in columns if name not in absent]
                table = self._file.read_row_group(group, columns=wanted, use_threads=False)
                for name in columns:
                    if name not in absent:
                        _fill(columns[name], start, table.column(names[name]))
                start += table.num_rows


def _fill(
    target: np.ndarray[tuple[int, ...], np.dtype[np.generic]], at: int, column: object
) -> None:
    for chunk in column.chunks:  # type: ignore[attr-defined]
        if target.dtype == np.object_:
            target[at : at + len(chunk)] = chunk.to_pylist()
        else:
            target[at : at + len(chunk)] = chunk.to_numpy(zero_copy_only=True).view(target.dtype)
        at += len(chunk)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what a damaged file makes the reader raise into an error with a remedy."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(
            f"{path} must be the part file its manifest describes; was not: {error}.",
            remedy=f"Delete the folder {path.parent} and import its sources again.",
            path=str(path),
        ) from error


@contextmanager
def _opened(
    path: Path, part: Part, schema: Schema, start_ns: int | None, stop_ns: int | None
) -> Iterator[_OpenPart]:
    with ExitStack() as stack:
        with _told(path):
            source = stack.enter_context(pa.OSFile(str(path), "rb"))
            opened = _OpenPart(path, part, schema, stack.enter_context(pq.ParquetFile(source)))
            is_inside = (start_ns is None or part.first_ns >= start_ns) and (
                stop_ns is None or part.last_ns < stop_ns
            )
            if not is_inside:
                opened.narrow(start_ns, stop_ns)
        yield opened


def verify_part(folder: Path, part: Part, schema: Schema) -> None:
    """Check that the decoded rows have the hash that the manifest states.

    Raises
    ------
    DataError
        If they do not.
    """
    digest = content_hash(read_parts(folder, [part], schema))
    if digest != part.sha256:
        raise DataError(
            f"{folder / part.name} must hash to {part.sha256[:16]}…; was {digest[:16]}….",
            remedy=f"Delete the folder {folder} and import its sources again.",
            path=str(folder / part.name),
        )
