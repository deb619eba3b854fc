"""Leave no process behind."""

import contextlib
import os
import signal
import sys
from pathlib import Path


def stop_children() -> None:
    """Stop every process that this one started, and those that they started.

    Cost: nothing where no pool was started. Ctrl-C is ignored meanwhile, so that an
    impatient second one does not leave half of them running.
    """
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stop_pool()
    below = {pid for pid in descendants(os.getpid()) if not _is_tracker(pid)}
    if "multiprocessing" in sys.modules:  # all there is where no /proc tells more
        import multiprocessing

        below |= {child.pid for child in multiprocessing.active_children() if child.pid}
    for pid in below:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)


def _stop_pool() -> None:
    """End the processes that compute, and remove the files that they share."""
    pool = sys.modules.get("assay.research.compute.processes")
    if pool is not None:
        pool.close_processes()


def _is_tracker(pid: int) -> bool:
    """Whether a process is a pool's janitor: it removes shared memory, and ends when we do."""
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """Return the processes below *pid*, parents first; empty where there is no ``/proc``."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                children = [int(word) for word in tasks.read_text().split()]
            except OSError:
                continue
            found += children
            waiting += children
    return found
