"""Workers on this machine: processes that are told one task at a time.

Each worker has a pipe of its own, so a worker that dies is known with the one task that it had:
that task is run again, and no other worker notices. A pool that shares a queue (joblib,
concurrent.futures) gives up everything under way when one of its processes dies.
"""

import atexit
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from multiprocessing import connection as pipes
from typing import Any

from assay.domain.errors import ComputeError
from assay.research.compute.job import DEATHS_MAX, Job, Task, check_refused, named_error
from assay.research.compute.mapping import ArrayFolder
from assay.research.compute.place import INSIDE
from assay.research.compute.threads import ONE_THREAD
from assay.research.compute.worker import FUNCTION, TASK, serve

FAILED_STARTS_MAX = 3
LOOK_S = 1.0
"""Seconds between two looks at workers from which nothing is heard."""
END_S = 5.0
"""Seconds that a process which ends gets to be gone."""


class _Worker:
    """One process, the pipe to it, and the task that it has."""

    def __init__(self, folder: str) -> None:
        from joblib.externals.loky.backend import get_context

        context = get_context("loky")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=serve,
            args=(theirs, os.getpid(), folder),
            daemon=True,
            env={**ONE_THREAD, INSIDE: "1"},
        )
        self._process.start()
        theirs.close()
        self.is_ready = False
        self.job: Job | None = None
        self.task: Task | None = None

    @property
    def is_alive(self) -> bool:
        return bool(self._process.is_alive())

    def give(self, job: Job, function: bytes, task: Task) -> None:
        """Send *task*, and before it the function if this worker does not have it."""
        from joblib.externals.loky.backend.reduction import dumps

        message = TASK + bytes(dumps(task.value))
        self.task = task
        if self.job is not job:
            self.connection.send_bytes(FUNCTION + function)
            self.job = job
        self.connection.send_bytes(message)

    def forget(self) -> bool:
        """Let go of the function and its data; return whether the process is there."""
        self.job = None
        try:
            self.connection.send_bytes(FUNCTION)
        except OSError:
            return False
        return True

    def end(self, grace_s: float = 0.0) -> str:
        """Kill the process, if it still lives after *grace_s*, and return how it ended."""
        self.connection.close()
        self._process.join(grace_s)
        if self._process.is_alive():
            os.kill(self._process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.join(END_S)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"signal {-code} ({signal.Signals(-code).name})"
        return f"exit status {code}"


class LocalWorkers:
    """Up to *n_max* worker processes, which wait for more work between two jobs.

    Parameters
    ----------
    n_max : int
    """

    def __init__(self, n_max: int) -> None:
        self.n_max = n_max
        self._folder = ArrayFolder()
        self._workers: list[_Worker] = []
        self._waiting: deque[Task] = deque()
        self._refused: list[tuple[int, str]] = []
        self._n_failed_starts = 0

    def run(self, job: Job) -> Iterator[tuple[int, Any]]:
        """Yield each task's index and result as they end.

        Raises
        ------
        ComputeError
            After all other tasks, if one ended ``DEATHS_MAX`` workers; at once, if no worker can
            be started.
        BaseException
            What a task raised, as it is.
        """
        function = self._folder.packed(job.function)
        fresh = (Task(index, value) for index, value in enumerate(job.tasks))
        self._waiting.clear()
        self._refused, self._n_failed_starts = [], 0
        try:
            while self._hand_out(job, function, fresh):
                for worker in self._heard():
                    answered = self._answer(worker)
                    if answered is None:
                        continue
                    task, (is_done, content) = answered
                    if not is_done:
                        raise named_error(content[0], job, task.index, content[1])
                    yield task.index, content
            check_refused(job, self._refused)
        finally:
            for worker in self._workers[:]:
                if worker.task is not None or not worker.forget():
                    self._drop(worker)
            self._folder.clear()

    def close(self) -> None:
        """End every process."""
        for worker in self._workers[:]:
            self._drop(worker)
        self._folder.remove()

    def _hand_out(self, job: Job, function: bytes, fresh: Iterator[Task]) -> bool:
        """Give free workers tasks, and return whether there is anything to wait for."""
        while True:
            task = self._waiting.popleft() if self._waiting else next(fresh, None)
            if task is None:
                return any(worker.task is not None for worker in self._workers)
            free = next((w for w in self._workers if w.is_ready and w.task is None), None)
            if free is None:
                self._waiting.appendleft(task)
                self._start_workers(job.total - task.index + len(self._waiting) - 1)
                return True
            try:
                free.give(job, function, task)
            except OSError:  # it went home, or died, before it had the task
                self._waiting.appendleft(task)
                self._drop(free)

    def _start_workers(self, n_left: int) -> None:
        """Start as many as the *n_left* tasks that nobody has can use."""
        n_busy = sum(worker.task is not None for worker in self._workers)
        while len(self._workers) < min(self.n_max, n_busy + max(1, n_left)):
            self._workers.append(_Worker(str(self._folder.path)))

    def _heard(self) -> list[_Worker]:
        """Wait a moment, and return the workers that said something or are gone."""
        talking = {w.connection: w for w in self._workers if w.task is not None or not w.is_ready}
        heard = pipes.wait(list(talking), timeout=LOOK_S)
        if heard:
            return [talking[item] for item in heard]
        return [worker for worker in talking.values() if not worker.is_alive]

    def _answer(self, worker: _Worker) -> tuple[Task, Any] | None:
        """Read what *worker* said; None if it only says hello, or died."""
        from joblib.externals.loky.backend.reduction import loads

        try:
            message = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._lost(worker)
            return None
        self._n_failed_starts = 0
        worker.is_ready = True
        task, worker.task = worker.task, None
        return None if task is None else (task, loads(message))

    def _lost(self, worker: _Worker) -> None:
        """Let the task of a dead worker be run again, unless it has cost too many."""
        task = worker.task
        how = self._drop(worker, END_S)
        if task is None:
            self._n_failed_starts += 1
            if self._n_failed_starts >= FAILED_STARTS_MAX:
                raise ComputeError(
                    f"A worker process must start; {FAILED_STARTS_MAX} ended at once, the last "
                    f"one by {how}.",
                    remedy="Set run.workers = 1 to compute in one process, and see what fails.",
                )
            return
        task.deaths += 1
        if task.deaths >= DEATHS_MAX:
            self._refused.append((task.index, f"{DEATHS_MAX}, the last one by {how}"))
        else:
            self._waiting.append(task)

    def _drop(self, worker: _Worker, grace_s: float = 0.0) -> str:
        self._workers.remove(worker)
        return worker.end(grace_s)


_standing: LocalWorkers | None = None
_in_use = threading.Lock()


def run_in_processes(job: Job, n_workers: int) -> Iterator[tuple[int, Any]]:
    """Run *job* in up to *n_workers* processes, which stay for the next job.

    A job inside the loop over another one, or in a second thread, has processes of its own.
    """
    global _standing  # noqa: PLW0603  (processes belong to the process)
    if not _in_use.acquire(blocking=False):
        own = LocalWorkers(n_workers)
        try:
            yield from own.run(job)
        finally:
            own.close()
        return
    try:
        if _standing is None or _standing.n_max != n_workers:
            close_processes()
            _standing = LocalWorkers(n_workers)
        yield from _standing.run(job)
    finally:
        _in_use.release()


@atexit.register
def close_processes() -> None:
    """End the processes that wait for work; there may be none."""
    global _standing
    standing, _standing = _standing, None
    if standing is not None:
        standing.close()
