"""Where a run computes: in this process, in processes beside it, or on a cluster."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assay.config.settings import Settings
from assay.research.identity import worker_count

INSIDE = "ASSAY_INSIDE_A_WORKER"
"""Environment variable that marks a worker process."""

_here = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where tasks are computed. No result depends on it.

    Attributes
    ----------
    workers : int
        Processes on this machine; 1 computes in this process.
    cluster : str
        Address of a Dask scheduler, which then counts alone; empty: this machine.
    """

    workers: int = 1
    cluster: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "Place":
        """Return the place that ``run.workers`` and ``run.cluster`` name.

        A task that asks, because it computes in parts itself, gets its own process: the others
        are at work already.
        """
        if is_inside_worker():
            return cls()
        if settings.run.cluster:
            return cls(cluster=settings.run.cluster)
        return cls(workers=worker_count(settings))


def is_inside_worker() -> bool:
    """Whether this code runs as a task of a worker, on whatever machine."""
    return INSIDE in os.environ or getattr(_here, "is_task", False)


@contextmanager
def inside_worker() -> Iterator[None]:
    """Mark this thread as one that computes a task."""
    before = getattr(_here, "is_task", False)
    _here.is_task = True
    try:
        yield
    finally:
        _here.is_task = before
