"""Functions for workers: they are imported there, so they stand in a module of their own."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from assay.config.settings import Settings
from assay.domain.errors import DataError
from assay.research.compute.place import Place


def draws(scale, seed):
    """Return numbers that depend on the task alone, by routines that use BLAS."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(60, 60)) * scale
    return {"seed": seed, "trace": float(np.trace(matrix @ matrix.T)), "sum": float(matrix.sum())}


def looked_up(table, i):
    """Return an element of a large table, and what kind of array this worker has of it."""
    before = float(table[i])
    table[i] = -1.0  # must stay this worker's own
    return before, type(table).__name__, table.flags.writeable


def in_place(_):
    """Return where a task may compute parts of itself, and in which process it runs."""
    return Place.of(Settings.model_validate({"run": {"workers": 4}})), os.getpid()


def dies_at_first(folder, deaths, i):
    """Kill this worker in the task 3, *deaths* times."""
    seen = len(list(Path(folder).glob(f"{i}-*")))
    if i == 3 and seen < deaths:
        (Path(folder) / f"{i}-{seen}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (Path(folder) / f"ran-{i}-{os.getpid()}-{time.monotonic_ns()}").touch()
    return i * i


def deadly(i):
    """Kill every worker that takes the task 2 or 5."""
    if i in (2, 5):
        os.kill(os.getpid(), signal.SIGKILL)
    return i


def deadly_for_all(folder, i):
    """Kill the worker in the task 0, as soon as the tasks 1 and 2 have begun beside it."""
    (Path(folder) / f"{i}-{time.monotonic_ns()}").touch()
    if i == 0:
        wait_for(lambda: all(any(Path(folder).glob(f"{beside}-*")) for beside in (1, 2)))
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)
    return i


def wait_for(is_so, limit_s=30.0):
    """Wait until something is so, and fail if it never is."""
    end_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)


def meets(folder, i):
    """Return the process, once two of these tasks run at the same time."""
    (Path(folder) / f"{i}").touch()
    wait_for(lambda: len(list(Path(folder).iterdir())) >= 2)
    return os.getpid()


def fails(i):
    if i == 4:
        raise DataError("The bar must be there; was not.", remedy="Import it.", bar=i)
    time.sleep(0.05)
    return i


class WithTwoWords(Exception):
    """An error that cannot be read back: it does not keep its arguments."""

    def __init__(self, one, two):
        super().__init__(one)


def fails_without_travelling(_):
    raise WithTwoWords("left", "right")


def leaves(i):
    """End the process in the task 1, without a signal."""
    if i == 1:
        raise SystemExit(3)


def returns_what_cannot_travel(_):
    return (item for item in ())


def heavy(i):
    """Return about a megabyte."""
    return np.full(125_000, float(i))


def sleeps(seconds):
    time.sleep(seconds)
    return os.getpid()


def note_and_sleep(folder, i):
    (Path(folder) / f"{os.getpid()}").touch()
    time.sleep(60.0)
    return i


def thread_counts(_):
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return [item["num_threads"] for item in threadpool_info()], os.environ["OMP_NUM_THREADS"]
