"""Reading a window of a stored series while another process may be writing it."""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, TypeVar

from assay.data import manifest as manifests
from assay.data.columns import Columns, times_of
from assay.data.manifest import Manifest, Part
from assay.data.parts import read_parts, verify_part
from assay.data.quarantine import StoredQuarantine
from assay.data.schema import Schema
from assay.domain.errors import DataError

_ATTEMPTS_MAX = 10
_STORED_SHOWN_MAX = 20

T = TypeVar("T")


class Window(NamedTuple):
    """Times ``[start_ns, stop_ns)``; None is without a limit."""

    start_ns: int | None
    stop_ns: int | None

    def touched(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts that can hold rows of the window."""
        return [
            part
            for part in parts
            if (self.start_ns is None or part.last_ns >= self.start_ns)
            and (self.stop_ns is None or part.first_ns < self.stop_ns)
        ]


def manifest_in(folder: Path) -> Manifest | None:
    """Return the manifest of a series; None if there is none.

    Raises
    ------
    DataError
        If it is damaged.
    """
    path = folder / manifests.FILE_NAME
    try:
        return manifests.decode(path.read_bytes(), path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_window(
    known: Callable[[], Manifest],
    folder: Path,
    window: Window,
    names: Sequence[str] | None = None,
) -> Columns:
    """Return the rows of a window, all of one state of the series.

    Raises
    ------
    DataError
        If a part is damaged, or gone although the manifest names it.
    """

    def read() -> Columns:
        manifest = known()
        return read_parts(
            folder,
            window.touched(manifest.parts),
            manifest.columns,
            names=names,
            start_ns=window.start_ns,
            stop_ns=window.stop_ns,
        )

    return _retried(read)


def scan_window(manifest: Manifest, folder: Path, window: Window) -> Iterator[Columns]:
    """Yield the rows of a window part by part, oldest first.

    Raises
    ------
    DataError
        If a part is damaged, or merges replaced it since the scan began: rows of two states
        are never mixed.
    """
    for part in window.touched(manifest.parts):
        try:
            columns = read_parts(
                folder,
                [part],
                manifest.columns,
                start_ns=window.start_ns,
                stop_ns=window.stop_ns,
            )
        except FileNotFoundError as error:
            raise DataError(
                f"{manifest.symbol} {manifest.series} must stay as it is while it is read; merges "
                f"replaced its part {part.period}.",
                remedy="Run the command again when the import has ended.",
                path=str(folder / part.name),
            ) from error
        if len(times_of(columns)):
            yield columns


def verify_parts(known: Callable[[], Manifest], folder: Path) -> None:
    """Compare every part of a series with its hash.

    Raises
    ------
    DataError
        If one does not match.
    """

    def verify() -> None:
        manifest = known()
        for part in manifest.parts:
            verify_part(folder, part, manifest.columns)

    _retried(verify)


def refuse_other_schema(folder: Path, stored: Manifest, schema: Schema) -> None:
    """Refuse to mix rows of two schemas in one table.

    Raises
    ------
    DataError
        If the stored columns, keys or periods differ from those of *schema*.
    """
    if stored.columns.as_json() == schema.as_json():
        return
    raise DataError(
        f"{folder} must hold {schema.kind} with the columns {', '.join(schema.columns)}; it holds "
        f"{', '.join(stored.columns.columns)}.",
        remedy="It was stored by another version: delete the folder and import its sources again.",
        path=str(folder),
    )


def quarantines_of(manifest: Manifest, folder: Path) -> tuple[StoredQuarantine, ...]:
    """Return the quarantines that a manifest names, oldest import first."""
    return tuple(
        StoredQuarantine(
            path=folder / file.name,
            source=file.source,
            rows=file.rows,
            reasons=dict(file.reasons),
        )
        for file in manifest.quarantine
    )


def unknown_series(
    root: Path, symbol: str, series: str, stored: list[str], command: str
) -> DataError:
    """Return the error of a series that is not stored: the nearest, and what is."""
    if not stored:
        remedy = f"Import a file first: assay data import {command}."
    else:
        (nearest,) = get_close_matches(f"{symbol} {series}".upper(), stored, n=1, cutoff=0.0)
        shown = ", ".join(stored[:_STORED_SHOWN_MAX])
        more = len(stored) - _STORED_SHOWN_MAX
        shown += f" and {more} more" if more > 0 else ""
        remedy = f"Use {nearest}, the nearest, or import it; stored: {shown}."
    return DataError(
        f"The catalogue {root} must hold {symbol} {series}; it does not.",
        remedy=remedy,
        symbol=symbol,
        series=series,
        stored=stored,
    )


def _retried(read: Callable[[], T]) -> T:
    """Call *read* again while a writer takes parts away under it."""
    for _ in range(_ATTEMPTS_MAX - 1):
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
