"""Workers of a Dask cluster: the scheduler decides who computes, this side keeps the count."""

import queue
import time
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from assay.domain.errors import ComputeError, ConfigError
from assay.research.compute.agreement import check_agreement
from assay.research.compute.job import Job, Task, check_refused, named_error
from assay.research.compute.place import inside_worker
from assay.research.compute.worker import answer
from assay.research.identity import code_hash

CONNECT_S = 10.0
"""Longest wait for the scheduler's first answer."""
WORKERS_S = 30.0
"""Longest wait for the first worker."""
PATIENCE_S = 60.0
"""Longest time without a worker, or without the scheduler, once tasks are under way."""
LOOK_S = 1.0
CLOSE_S = 5.0
VERDICTS_MAX = 2
"""Times that the scheduler may give a task up: with others beside it, and alone."""

INSTALL = "Install it with `pip install 'assay[cluster]'`, or leave run.cluster empty."


def run_on_cluster(job: Job, address: str) -> Iterator[tuple[int, Any]]:
    """Yield each task's index and result as they end, computed by the workers at *address*.

    Raises
    ------
    ConfigError
        If Dask is not installed, nobody answers at *address*, or workers run other code.
    ComputeError
        If a task ends every worker that takes it, or the cluster is lost on the way.
    BaseException
        What a task raised, as it is.
    """
    client = connected(address)
    try:
        check_agreement(client, address)
        yield from _Run(job, client, address).results()
    finally:
        client.close(timeout=CLOSE_S)


def connected(address: str) -> Any:
    """Return a client of the scheduler at *address*, which has at least one worker."""
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise ConfigError(
            f"run.cluster needs dask and distributed; run.cluster was {address}.", remedy=INSTALL
        ) from None
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError, EOFError) as error:
        raise ConfigError(
            f"A Dask scheduler must answer at run.cluster = {address} within {CONNECT_S:.0f} s; "
            f"was not so: {_first_line(error)}",
            remedy="Start one with `dask scheduler`, correct the address, or leave it empty.",
        ) from None
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        client.close(timeout=CLOSE_S)
        raise ConfigError(
            f"The Dask cluster at {address} must have a worker; had none in {WORKERS_S:.0f} s.",
            remedy=f"Start one with `dask worker {address} --nthreads 1`.",
        ) from None
    return client


def _first_line(error: Exception) -> str:
    return f"{error}".partition("\n")[0][:200] or type(error).__name__


class _Run:
    """One job on its way over a cluster."""

    def __init__(self, job: Job, client: Any, address: str) -> None:
        from joblib.externals.loky.backend.reduction import dumps

        self._job = job
        self._client = client
        self._address = address
        self._packed = bytes(dumps(job.function))
        self._function = self._scattered()
        self._fresh = (Task(index, value) for index, value in enumerate(job.tasks))
        self._waiting: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._under_way: dict[str, tuple[Task, Any]] = {}
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._refused: list[tuple[int, str]] = []
        self._seen_s = time.monotonic()
        self._n_submitted = 0

    def results(self) -> Iterator[tuple[int, Any]]:
        """Yield results until every task is done or refused."""
        from joblib.externals.loky.backend.reduction import loads

        try:
            while self._hand_out():
                future = self._next_ended()
                if future is None:
                    continue
                task, _ = self._under_way.pop(future.key)
                reply = self._reply(future, task)
                future.release()
                if reply is None:
                    continue
                is_done, content = loads(reply)
                if not is_done:
                    raise named_error(content[0], self._job, task.index, content[1])
                yield task.index, content
            check_refused(self._job, self._refused)
        finally:
            futures = [future for _, future in self._under_way.values()]
            if self._client.status == "running":
                self._client.cancel(futures, force=True)
                self._client.run(_function_of.cache_clear, wait=False, on_error="ignore")

    def _scattered(self) -> Any:
        """Send the function, and what is bound to it, once to every worker."""
        return self._client.scatter([self._packed], broadcast=True, hash=False)[0]

    def _hand_out(self) -> bool:
        """Keep one task under way for each thread; return whether any is."""
        n_threads = max(1, sum(self._client.nthreads().values()))
        while len(self._under_way) < n_threads:
            task = self._waiting.popleft() if self._waiting else next(self._fresh, None)
            if task is None:
                break
            self._submit(task)
        if not self._under_way and self._suspects:
            self._submit(self._suspects.popleft())  # alone, so that no other is to blame
        return bool(self._under_way)

    def _submit(self, task: Task) -> None:
        from joblib.externals.loky.backend.reduction import dumps

        self._n_submitted += 1
        future = self._client.submit(
            run_task,
            self._function,
            self._function.key,
            bytes(dumps(task.value)),
            code_hash(),
            key=f"assay-{self._function.key}-{task.index}-{self._n_submitted}",
            pure=False,
        )
        self._under_way[future.key] = (task, future)
        future.add_done_callback(self._ended.put)

    def _next_ended(self) -> Any:
        """Return a future that ended, or None after a while in which none did."""
        try:
            future = self._ended.get(timeout=LOOK_S)
        except queue.Empty:
            self._look()
            return None
        return future if future.key in self._under_way else None

    def _look(self) -> None:
        """Give up where nobody is there to work."""
        now_s = time.monotonic()
        if self._client.status == "running" and self._client.nthreads():
            self._seen_s = now_s
        elif now_s - self._seen_s > PATIENCE_S:
            raise ComputeError(
                f"The Dask cluster at {self._address} must have workers; had none for "
                f"{PATIENCE_S:.0f} s in the middle of {self._job.stage}.",
                remedy="Start its workers, then run the command again; or leave run.cluster empty.",
            )

    def _reply(self, future: Any, task: Task) -> bytes | None:
        """Return what a worker answered; None if the task is to be run again, or refused."""
        killed = import_module("distributed").KilledWorker
        if future.status == "finished":
            try:
                return bytes(future.result(timeout=PATIENCE_S))
            except (TimeoutError, OSError):
                self._look()
        elif future.status == "error":
            fault = future.exception(timeout=PATIENCE_S)
            if not isinstance(fault, killed):
                raise named_error(fault, self._job, task.index)
            task.deaths += 1
            if task.deaths < VERDICTS_MAX:
                self._suspects.append(task)
            else:
                self._refused.append((task.index, f"the last one was {fault.last_worker.address}"))
            return None
        self._function = self._scattered()  # all who held it are gone
        self._waiting.append(task)
        return None


def run_task(function: bytes, name: str, task: bytes, expected: str) -> bytes:
    """Run one task on a worker of the cluster, and return its answer.

    Parameters
    ----------
    function, task : bytes
        Packed.
    name : str
        By which a worker knows a function that it has read.
    expected : str
        Hash of the code that asks; a worker that joined with other code refuses.
    """
    if code_hash() != expected:
        raise ConfigError(
            "A worker that joins a cluster must run the code of the command; it ran other code.",
            remedy="Install the same Assay there, and start the worker again.",
        )
    with inside_worker():
        _, reply = answer(_function_of(name, function), function, task)
    return reply


@lru_cache(maxsize=1)
def _function_of(name: str, function: bytes) -> Any:
    from joblib.externals.loky.backend.reduction import loads

    return loads(function)
