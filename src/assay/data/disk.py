"""Writes that are whole or absent: temporary file, fsync, rename, fsync of the folder."""

import contextlib
import os
from pathlib import Path
from typing import Literal

from assay.domain.errors import DataError

TEMPORARY_SUFFIX = ".partial"
_BLOCK_BYTES = 1 << 20


class Disk:
    """The calls that change files. Tests put a failing one in its place.

    Every method is one point at which a process can be killed or the disk be full; the
    catalogue must be readable whichever of them was the last to succeed.
    """

    def make_folder(self, path: Path) -> None:
        """Create *path* and its parents."""
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, content: bytes) -> None:
        """Write *content* to *path* and wait until it is on the medium."""
        view = memoryview(content)
        with path.open("wb") as file:
            for start in range(0, len(view), _BLOCK_BYTES):
                self.write_block(file.fileno(), view[start : start + _BLOCK_BYTES])
            self.sync_file(file.fileno())

    def write_block(self, descriptor: int, block: memoryview) -> None:
        """Write all of *block*."""
        while block:
            block = block[os.write(descriptor, block) :]

    def sync_file(self, descriptor: int) -> None:
        """Wait until an open file is on the medium."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename *source* to *target* in one step, over what is there."""
        source.replace(target)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in *path* are on the medium, where the system can."""
        if os.name == "nt":
            return  # a folder cannot be opened there; NTFS journals names itself
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Delete *path* if it is there."""
        path.unlink(missing_ok=True)


def put(disk: Disk, path: Path, content: bytes) -> None:
    """Store *content* under *path* so that a crash leaves the old file or the new one.

    Raises
    ------
    OSError
        The temporary file is then removed if that is still possible.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        disk.write(temporary, content)
        disk.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            disk.remove(temporary)
        raise
    disk.sync_folder(path.parent)


def disk_refused(
    root: Path, symbol: str, error: OSError, *, what: Literal["rows", "facts"] = "rows"
) -> DataError:
    """Return the error of a disk that does not take the rows, or the facts, of *symbol*."""
    return DataError(
        f"The catalogue {root} must accept the {what} of {symbol}; the disk answered: "
        f"{error.strerror or error}.",
        remedy="Free space or correct the permissions, then run the command again; what was "
        "stored before is intact.",
        path=str(root),
        symbol=symbol,
        errno=error.errno,
    )
