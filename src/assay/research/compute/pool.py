"""One call for many tasks, wherever they are computed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from assay.domain.progress import Progress
from assay.research.compute.job import Job, named_error
from assay.research.compute.place import Place
from assay.research.compute.threads import one_thread

T = TypeVar("T")
R = TypeVar("R")


def compute(
    function: Callable[[T], R],
    tasks: Sequence[T],
    *,
    place: Place,
    progress: Progress,
    stage: str,
) -> list[R]:
    """Return ``[function(task) for task in tasks]``, computed at *place*.

    Parameters
    ----------
    function : callable
        Of one task, without a random state of its own: seeds come with the tasks. What is bound
        to it with ``functools.partial`` is sent once to each worker; large arrays in it are
        mapped from one file on this machine, and scattered once on a cluster.
    tasks : sequence
        Small; each is sent to the worker that takes it.
    place : Place
    progress : Progress
    stage : str
        Name of the stage, and of the tasks in errors.

    Raises
    ------
    ComputeError
        If a task ends every worker that takes it, no worker starts, or the cluster is lost.
    ConfigError
        If the cluster cannot be reached, or its workers run other code.
    BaseException
        What a task raised, as it is, with a note that names the task. The others are stopped.
    """
    results: list[Any] = [None] * len(tasks)
    for index, result in compute_each(
        function, tasks, total=len(tasks), place=place, progress=progress, stage=stage
    ):
        results[index] = result
    return results


def compute_each(
    function: Callable[[T], R],
    tasks: Iterable[T],
    *,
    total: int,
    place: Place,
    progress: Progress,
    stage: str,
) -> Iterator[tuple[int, R]]:
    """Yield the index and the result of each task as it ends; the order is not fixed.

    Memory stays flat with the number of tasks: they are read as workers become free, and a
    result is forgotten when it has been yielded.

    Parameters
    ----------
    function, place, progress, stage
        As in ``compute``.
    tasks : iterable
        A generator makes them one by one.
    total : int
        How many there are.
    """
    job = Job(function=function, tasks=tasks, total=total, stage=stage)
    progress.stage(stage, total)
    for index, result in _run(job, place):
        progress.advance()
        yield index, result


def _run(job: Job, place: Place) -> Iterator[tuple[int, Any]]:
    if place.cluster:
        from assay.research.compute.cluster import run_on_cluster

        return run_on_cluster(job, place.cluster)
    if place.workers > 1 and job.total > 1:
        from assay.research.compute.processes import run_in_processes

        return run_in_processes(job, place.workers)
    return _run_here(job)


def _run_here(job: Job) -> Iterator[tuple[int, Any]]:
    """Compute in this process, in order."""
    for index, value in enumerate(job.tasks):
        try:
            with one_thread():
                result = job.function(value)
        except Exception as error:
            named_error(error, job, index)
            raise
        yield index, result
