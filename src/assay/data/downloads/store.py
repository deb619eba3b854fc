"""Files that were fetched, and a ledger of their hashes: partial work survives anything."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from assay.data.disk import Disk, put
from assay.data.lock import single_writer
from assay.domain.errors import DataError

LEDGER = "ledger.jsonl"
_LOCK = "downloads.lock"
_LINE_BYTES_MAX = 10_000
_SPARE_LINES_MAX = 1_000
_ETAG_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One file of a source, as it was when it was fetched.

    Attributes
    ----------
    path : str
        Below the folder of the source, with ``/``.
    sha256 : str
        Of its bytes; empty if the source has no such file.
    size : int
        In bytes.
    etag : str or None
    fetched_ns : int
        When, UTC nanoseconds.
    is_absent : bool
        The source said that there is no such file.
    """

    path: str
    sha256: str = ""
    size: int = 0
    etag: str | None = None
    fetched_ns: int
    is_absent: bool = False


class Store:
    """The folder of one source.

    Parameters
    ----------
    folder : Path
        Created by the first write.
    disk : Disk, optional
        Where writes go; tests pass one that fails.

    Notes
    -----
    A file is written whole (temporary file, fsync, rename) before its line enters the
    ledger, and the ledger only grows: a crash costs the file in flight, a torn last line
    is ignored, and a file that no longer matches its line is fetched again.
    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = Path(folder)
        self._disk = disk or Disk()
        self._kept: dict[str, Kept] = {}
        self._read()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other downloads of the same source out during the block.

        Raises
        ------
        DataError
            If one is at work.
        """
        with self._guarded(self.folder):
            self._disk.make_folder(self.folder)
        try:
            lock = single_writer(self.folder / _LOCK, wait_s_max=0.0)
            with lock:
                if self._read() > 2 * len(self._kept) + _SPARE_LINES_MAX:
                    self._compact()
                yield
        except DataError as error:
            if "wait_s_max" not in error.facts:
                raise
            raise DataError(
                f"{self.folder} must have one download at a time; another is at work.",
                remedy="Wait for it to end, or stop it; what it fetched is kept.",
                path=str(self.folder),
            ) from None

    def find(self, path: str) -> Kept | None:
        """Return what the ledger says of *path*, if its file is there unharmed."""
        kept = self._kept.get(path)
        if kept is None or kept.is_absent:
            return kept
        try:
            content = self.file(path).read_bytes()
        except OSError:
            return None
        matches = len(content) == kept.size and hashlib.sha256(content).hexdigest() == kept.sha256
        return kept if matches else None

    def is_known(self, path: str) -> bool:
        """Whether the ledger holds a line of *path*, whatever became of its file."""
        return path in self._kept

    def file(self, path: str) -> Path:
        """Return where *path* lies.

        Raises
        ------
        DataError
            If it would lie outside of the folder.
        """
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in path:
            raise DataError(
                f"A file of a source must lie in its folder; was {path!r}.",
                remedy="Check the symbol.",
                path=path,
            )
        return self.folder.joinpath(*parts)

    def keep(self, path: str, content: bytes, *, etag: str | None, fetched_ns: int) -> Kept:
        """Store a file and its line.

        Raises
        ------
        DataError
            If the disk refuses; what was there before stays.
        """
        target = self.file(path)
        kept = Kept(
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            etag=etag if etag is None or len(etag) <= _ETAG_CHARACTERS_MAX else None,
            fetched_ns=fetched_ns,
        )
        with self._guarded(target):
            self._disk.make_folder(target.parent)
            put(self._disk, target, content)
        self._note(kept)
        return kept

    def keep_absent(self, path: str, *, fetched_ns: int) -> Kept:
        """Note that the source has no such file; a file of earlier times stays, unused."""
        kept = Kept(path=path, fetched_ns=fetched_ns, is_absent=True)
        self._note(kept)
        return kept

    def keep_unchanged(self, kept: Kept, *, fetched_ns: int) -> Kept:
        """Note that a file is still the current one."""
        again = Kept(**{**asdict(kept), "fetched_ns": fetched_ns})
        self._note(again)
        return again

    def _note(self, kept: Kept) -> None:
        self._append(_line(kept))
        self._kept[kept.path] = kept

    def _read(self) -> int:
        """Take in the ledger and count its lines; what is no whole line of it is passed over."""
        self._kept.clear()
        try:
            raw = (self.folder / LEDGER).read_bytes()
        except FileNotFoundError:
            return 0
        lines = [line for line in raw.split(b"\n") if line]
        for line in lines:
            self._take(line)
        return len(lines)

    def _take(self, line: bytes) -> None:
        try:
            entry: Any = json.loads(line) if len(line) <= _LINE_BYTES_MAX else None
            if isinstance(entry, dict):
                kept = Kept(**entry)
                if all(
                    (
                        isinstance(kept.path, str),
                        isinstance(kept.sha256, str),
                        isinstance(kept.size, int),
                        isinstance(kept.fetched_ns, int),
                        isinstance(kept.is_absent, bool),
                        isinstance(kept.etag, str | None),
                    )
                ):
                    self._kept[kept.path] = kept
        except (ValueError, TypeError):
            return

    def _compact(self) -> None:
        """Write one line for each file in place of its history."""
        content = b"".join(_line(kept) for kept in self._kept.values())
        with self._guarded(self.folder):
            put(self._disk, self.folder / LEDGER, content)

    def _append(self, line: bytes) -> None:
        path = self.folder / LEDGER
        with self._guarded(path):
            self._disk.make_folder(self.folder)
            is_fresh = not path.exists()
            with path.open("ab+") as file:
                end = file.seek(0, os.SEEK_END)
                if end:
                    file.seek(end - 1)
                    torn = b"" if file.read(1) == b"\n" else b"\n"
                else:
                    torn = b""
                self._disk.write_block(file.fileno(), memoryview(torn + line))
                self._disk.sync_file(file.fileno())
            if is_fresh:
                self._disk.sync_folder(self.folder)

    @contextmanager
    def _guarded(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{path} must be writable; the disk answered: {error.strerror or error}.",
                remedy="Free space or correct the permissions, then run the command again: what "
                "was fetched is kept.",
                path=str(path),
                errno=error.errno,
            ) from error


def _line(kept: Kept) -> bytes:
    entry = {key: value for key, value in asdict(kept).items() if value is not None}
    return json.dumps(entry, separators=(",", ":"), sort_keys=True).encode() + b"\n"
