"""Disks on which the call of one number is the last: it fails, the disk is full, or Python dies."""

import errno
import os
import signal
from pathlib import Path

from assay.data.disk import Disk


class EndingDisk(Disk):
    """Ends at the *last*-th call that changes a file, halfway through if it is a write."""

    def __init__(self, last: int) -> None:
        self.calls, self.last = 0, last

    def end(self) -> None:
        """Do what an end is here."""
        raise NotImplementedError

    def _step(self) -> None:
        self.calls += 1
        if self.calls == self.last:
            self.end()

    def make_folder(self, path: Path) -> None:
        self._step()
        super().make_folder(path)

    def write_block(self, descriptor: int, block: memoryview) -> None:
        if self.calls + 1 == self.last:
            super().write_block(descriptor, block[: len(block) // 2])
        self._step()
        super().write_block(descriptor, block)

    def sync_file(self, descriptor: int) -> None:
        self._step()
        super().sync_file(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._step()
        super().replace(source, target)

    def sync_folder(self, path: Path) -> None:
        self._step()
        super().sync_folder(path)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)


class Failing(EndingDisk):
    """Raises *fault* once."""

    def __init__(self, last: int, fault: BaseException) -> None:
        super().__init__(last)
        self.fault = fault

    def end(self) -> None:
        raise self.fault


class Full(EndingDisk):
    """Refuses the call and every later one."""

    def end(self) -> None:
        self.last = self.calls + 1  # and again
        raise OSError(errno.ENOSPC, "No space left on device")


class Deadly(EndingDisk):
    """Kills its own process, which has no say in it."""

    def end(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
