"""One call: a function, its tasks, and what is told when a task cannot be done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assay.domain.errors import ComputeError

DEATHS_MAX = 3
"""Workers that a task may cost before it is refused."""

NAMED_MAX = 5
"""Refused tasks that an error names beside the first."""

REMEDY = (
    "Such an end mostly means that memory ran out: set run.workers lower, or choose fewer bars "
    "with market.start and market.end; else look for the crash in the log of the system."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done.

    Attributes
    ----------
    function : callable
        Of one task. What is bound to it with ``functools.partial`` travels with it, once to each
        worker.
    tasks : iterable
        Read as workers become free.
    total : int
        How many tasks there are.
    stage : str
        What people call it.
    """

    function: Callable[[Any], Any]
    tasks: Iterable[Any]
    total: int
    stage: str

    def named(self, index: int) -> str:
        """Return what people call the task *index*."""
        return f"{self.stage}, task {index + 1} of {self.total}"


@dataclass(slots=True)
class Task:
    """One task on its way.

    Attributes
    ----------
    index : int
        Place among the tasks.
    value : object
    deaths : int
        Workers that ended while they had it.
    """

    index: int
    value: Any
    deaths: int = 0


def named_error(error: BaseException, job: Job, index: int, trace: str = "") -> BaseException:
    """Return *error* with a note that names the task, and where in its worker it arose."""
    where = f"\n{trace}" if trace else ""
    error.add_note(f"in {job.named(index)}{where}")
    return error


def check_refused(job: Job, refused: Sequence[tuple[int, str]]) -> None:
    """Raise an error that names the tasks which ended every worker that took them.

    Parameters
    ----------
    job : Job
    refused : sequence of (int, str)
        Task, and how its workers ended.

    Raises
    ------
    ComputeError
        If there is such a task.
    """
    if not refused:
        return
    (first, how), *others = sorted(refused)
    beside = ", ".join(str(index + 1) for index, _ in others[:NAMED_MAX])
    more = ", …" if len(others) > NAMED_MAX else ""
    told = f" So did the tasks {beside}{more}." if others else ""
    raise ComputeError(
        f"A worker must outlive its task; {job.named(first)} ended every worker that took it "
        f"({how}).{told} All other tasks are done.",
        remedy=REMEDY,
        tasks=sorted(index for index, _ in refused),
    )
