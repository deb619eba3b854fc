"""One thread in each worker: sums of several differ in the last bit, and fight for the cores."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController, threadpool_limits

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
ONE_THREAD = dict.fromkeys(_VARIABLES, "1")
"""Environment of a worker; a library reads it when it is loaded."""

_n_modules = 0


def keep_one_thread() -> None:
    """Hold every numeric library of this process to one thread, for good.

    Notes
    -----
    Looks again only when modules were loaded since: a look takes milliseconds. Limits are not
    restored, because a process of a cluster may run several tasks, each in a thread.
    """
    global _n_modules  # noqa: PLW0603  (a fact of the process)
    if len(sys.modules) == _n_modules:
        return
    os.environ.update(ONE_THREAD)
    threadpool_limits(limits=1)
    _n_modules = len(sys.modules)


_controller: tuple[int, ThreadpoolController] | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold every numeric library of this process to one thread inside the block.

    Costs microseconds where no module was loaded since the last time.
    """
    global _controller  # noqa: PLW0603
    if _controller is None or _controller[0] != len(sys.modules):
        _controller = (len(sys.modules), ThreadpoolController())
    with _controller[1].limit(limits=1):
        yield
