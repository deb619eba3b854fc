"""The lock that lets one process write a folder at a time; it dies with its holder."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.domain.errors import DataError

_POLL_S = 0.02


def _try_lock(descriptor: int) -> bool:
    """Take the lock without waiting; the system releases it when the process ends."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError, InterruptedError):
        return False
    return True


@contextmanager
def single_writer(path: Path, *, wait_s_max: float) -> Iterator[None]:
    """Hold the lock file *path* during the block.

    Parameters
    ----------
    path : Path
        Created if absent, never deleted: deleting it would let two writers in.
    wait_s_max : float
        Longest wait for another writer, in seconds.

    Raises
    ------
    DataError
        If another process still writes after *wait_s_max*.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        give_up = time.monotonic() + wait_s_max
        while not _try_lock(descriptor):
            if time.monotonic() >= give_up:
                raise DataError(
                    f"The folder {path.parent} must be free to write; another process has "
                    f"been writing for {wait_s_max:g} s.",
                    remedy="Wait for the other command to end, then run this one again.",
                    path=str(path.parent),
                    wait_s_max=wait_s_max,
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)
