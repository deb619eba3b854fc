"""Workers of a Dask cluster: the scheduler decides who computes, this side keeps the count."""

import asyncio
import math
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from assay.domain.errors import ComputeError, ConfigError
from assay.research.compute.agreement import check_agreement
from assay.research.compute.job import DEATHS_MAX, Job, Task, check_refused, named_error
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
ASK_S = 10.0
"""Longest wait for a word of the scheduler."""
SEND_S = 600.0
"""Longest time in which the function and its data reach a worker."""
ANSWER_S = 60.0
"""Longest wait for an answer that a worker has ready."""
HELD_MAX = 4
"""Jobs whose function a worker keeps."""

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
        with ThreadPoolExecutor(1) as aside:  # a loop may run in this thread
            aside.submit(asyncio.run, _greet(address)).result()
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    # Whoever listens may say anything, also that an answer of exabytes follows.
    except (OSError, ValueError, TypeError, RuntimeError, EOFError, MemoryError) as error:
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


async def _greet(address: str) -> None:
    """Shake hands with the scheduler: Dask's own client waits without end for a silent one."""
    connect = import_module("distributed.comm").connect
    connection = await asyncio.wait_for(connect(address, timeout=CONNECT_S), CONNECT_S)
    await connection.close()


def _first_line(error: Exception) -> str:
    return f"{error}".partition("\n")[0][:200] or type(error).__name__


@dataclass(frozen=True, slots=True)
class _Order:
    """A task that was given to a worker."""

    task: Task
    future: Any
    worker: str
    n_threads: int


class _Run:
    """One job on its way over a cluster.

    Each task is given to a named worker, as many at a time as it has threads. So it is known
    which tasks a lost worker had, whatever the scheduler is set to. A task that lost a worker
    gets the next one to itself: if that is lost too, no other task is to blame.
    """

    def __init__(self, job: Job, client: Any, address: str) -> None:
        from joblib.externals.loky.backend.reduction import dumps

        self._job = job
        self._client = client
        self._address = address
        self._function = bytes(dumps(job.function))
        self._name = client.id
        killed = import_module("distributed").KilledWorker
        self._losses = (TimeoutError, OSError, CancelledError, killed)
        self._fresh = (Task(index, value) for index, value in enumerate(job.tasks))
        self._is_all_given = False
        self._waiting: deque[Task] = deque()
        self._orders: dict[str, _Order] = {}
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._refused: list[tuple[int, str]] = []
        self._n_threads: dict[str, int] = {}
        self._n_busy: Counter[str] = Counter()
        self._informed: set[str] = set()
        self._seen_s = time.monotonic()
        self._looked_s = -math.inf
        self._n_orders = 0

    def results(self) -> Iterator[tuple[int, Any]]:
        """Yield results until every task is done or refused."""
        from joblib.externals.loky.backend.reduction import loads

        try:
            while self._is_unfinished():
                ended = self._next_ended()
                reply = None if ended is None else self._reply(ended)
                if ended is None or reply is None:
                    continue
                is_done, content = loads(reply)
                if not is_done:
                    raise named_error(content[0], self._job, ended.task.index, content[1])
                yield ended.task.index, content
            check_refused(self._job, self._refused)
        finally:
            futures = [order.future for order in self._orders.values()]
            self._ask(self._client.cancel, futures, force=True)
            self._ask(self._client.run, forget, self._name, on_error="ignore")

    def _is_unfinished(self) -> bool:
        """Give free threads tasks; return whether there is anything to do or to wait for."""
        if time.monotonic() - self._looked_s > LOOK_S:
            self._look()
        for worker, n_threads in self._n_threads.items():
            while self._n_busy[worker] < n_threads:
                task = self._next_task(has_worker=self._n_busy[worker] == 0)
                if task is None:
                    break
                self._order(task, worker, n_threads if task.deaths else 1)
        return bool(self._orders or self._waiting or not self._is_all_given)

    def _next_task(self, *, has_worker: bool) -> Task | None:
        """Return the task to give next: one that needs a worker to itself, or a fresh one."""
        if has_worker and self._waiting:
            return self._waiting.popleft()
        task = next(self._fresh, None)
        self._is_all_given = task is None
        return task

    def _order(self, task: Task, worker: str, n_threads: int) -> None:
        from joblib.externals.loky.backend.reduction import dumps

        if worker not in self._informed:
            self._ask(
                self._client.run, hold, self._name, self._function,
                workers=[worker], on_error="ignore", limit_s=SEND_S,
            )  # fmt: skip
            self._informed.add(worker)
        self._n_orders += 1
        future = self._client.submit(
            run_task,
            self._name,
            bytes(dumps(task.value)),
            code_hash(),
            key=f"assay-{self._name}-{task.index}-{self._n_orders}",
            workers=[worker],
            pure=False,
        )
        self._orders[future.key] = _Order(task, future, worker, n_threads)
        self._n_busy[worker] += n_threads
        future.add_done_callback(self._ended.put)

    def _next_ended(self) -> _Order | None:
        """Return an order that ended, or None after a while in which none did."""
        try:
            future = self._ended.get(timeout=LOOK_S)
        except queue.Empty:
            return None
        return self._closed(future.key) if future.key in self._orders else None

    def _closed(self, key: str) -> _Order:
        order = self._orders.pop(key)
        self._n_busy[order.worker] -= order.n_threads
        return order

    def _look(self) -> None:
        """See who is there; take tasks back from who is gone, and give up without anybody."""
        self._looked_s = time.monotonic()
        self._n_threads = dict(self._ask(self._client.nthreads) or {})
        for key, order in list(self._orders.items()):
            if order.worker not in self._n_threads:
                self._lost(self._closed(key))
        if self._n_threads:
            self._seen_s = self._looked_s
        elif self._looked_s - self._seen_s > PATIENCE_S:
            raise ComputeError(
                f"The Dask cluster at {self._address} must have workers; had none for "
                f"{PATIENCE_S:.0f} s in the middle of {self._job.stage}.",
                remedy="Start its workers, then run the command again; or leave run.cluster empty.",
            )

    def _ask(
        self, question: Callable[..., Any], *words: Any, limit_s: float | None = None, **more: Any
    ) -> Any:
        """Return what the scheduler answers, or None if it does not in time."""
        if self._client.status != "running":
            return None
        with suppress(TimeoutError, OSError):
            return self._client.sync(question, *words, callback_timeout=limit_s or ASK_S, **more)
        return None

    def _reply(self, order: _Order) -> bytes | None:
        """Return what a worker answered; None if it was lost with its answer."""
        try:
            reply = order.future.result(timeout=ANSWER_S)
        except self._losses:
            self._looked_s = -math.inf  # who is gone must not be given the task again
            self._lost(order)
            return None
        except Exception as error:
            named_error(error, self._job, order.task.index)
            raise
        if reply is None:  # a process that took the place, and the address, of a lost one
            self._informed.discard(order.worker)
            self._lost(order)
        return reply  # type: ignore[no-any-return]

    def _lost(self, order: _Order) -> None:
        """Let the task of a lost worker be run again, unless it has cost too many."""
        self._ask(self._client.cancel, [order.future], force=True)
        order.task.deaths += 1
        if order.task.deaths >= DEATHS_MAX:
            how = f"{DEATHS_MAX}, the last one was {order.worker}"
            self._refused.append((order.task.index, how))
        else:
            self._waiting.append(order.task)


_held: dict[str, Any] = {}
"""On a worker: packed functions, then what was read from them, by the name of their job."""


def hold(name: str, function: bytes) -> None:
    """Keep a packed function on this worker, and no more than ``HELD_MAX`` of them."""
    while len(_held) >= HELD_MAX:
        _held.pop(next(iter(_held)), None)
    _held[name] = function


def forget(name: str) -> None:
    """Drop a function from this worker."""
    _held.pop(name, None)


def run_task(name: str, task: bytes, expected: str) -> bytes | None:
    """Run one task on a worker of the cluster, and return its answer.

    Parameters
    ----------
    name : str
        Under which the function was given to this worker.
    task : bytes
        Packed.
    expected : str
        Hash of the code that asks; a worker that joined with other code refuses.

    Returns
    -------
    answer : bytes or None
        None if this process was not given the function.
    """
    if code_hash() != expected:
        raise ConfigError(
            "A worker that joins a cluster must run the code of the command; it ran other code.",
            remedy="Install the same Assay there, and start the worker again.",
        )
    found = _held.get(name)
    if found is None:
        return None
    with inside_worker():
        if not isinstance(found, bytes):
            return answer(found, b"", task)[1]
        call, reply = answer(None, found, task)
        if call is not None and name in _held:
            _held[name] = call
        return reply
