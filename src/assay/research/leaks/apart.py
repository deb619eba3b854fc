"""Ask a user's columns in a process that has seen no later bar: there is nothing to remember."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from assay.kernels.compiler import IntArray
from assay.research.compute.job import Job
from assay.research.leaks.futures import ended_at
from assay.research.leaks.scene import Scene
from assay.strategy.answering import Answer, Asked, answered

if TYPE_CHECKING:
    from assay.research.compute.processes import LocalWorkers


@contextmanager
def process_apart() -> Iterator["LocalWorkers"]:
    """Yield one process that has computed nothing yet; it ends with the block.

    Whoever asks it several times must ask about earlier bars first.
    """
    from assay.research.compute.processes import LocalWorkers

    workers = LocalWorkers(1)
    try:
        yield workers
    finally:
        workers.close()


def answers_apart(
    scene: Scene, cuts: IntArray, columns: Sequence[tuple[str, str]], apart: "LocalWorkers"
) -> Iterator[tuple[int, dict[tuple[str, str], Answer]]]:
    """Yield, per cut, what the columns say in a process that has seen no bar after it.

    Parameters
    ----------
    scene : Scene
        With a strategy.
    cuts : int64
        Bars of the first symbol, rising: the shortest history comes first, so that whatever the
        user's code keeps, in its own globals, in ``sys`` or anywhere else in its process, it
        keeps nothing of what comes later.
    columns : sequence of (str, str)
        Symbol and name.
    apart : LocalWorkers

    Raises
    ------
    ComputeError
        If no process can be started, or the user's code ends it each time.
    """
    strategy = scene.strategy
    assert strategy is not None, "the scene must have a strategy"

    def tasks() -> Iterator[Asked]:
        for cut in cuts:
            ended = scene.on(ended_at(scene.history, int(scene.known_ns[cut])))
            yield tuple((name, ended.quoted[symbol]) for symbol, name in columns)

    job = Job(
        function=partial(answered, strategy.path, strategy.source),
        tasks=tasks(),
        total=len(cuts),
        stage="Looking for leaks in a process apart",
    )
    for place, answers in apart.run(job):
        yield int(cuts[place]), dict(zip(columns, answers, strict=True))
