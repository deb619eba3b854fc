"""Ask a user's columns in a process that has seen no later bar: there is nothing to remember."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.data.bars import Bars
from assay.domain.errors import AssayError
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.compute.job import Job
from assay.research.leaks.futures import ended_at
from assay.research.leaks.scene import Scene
from assay.strategy.loading import strategy_from

if TYPE_CHECKING:
    from assay.research.compute.processes import LocalWorkers

Asked = tuple[tuple[str, str, Bars], ...]
"""Symbol, column and bars."""

Answer = FloatArray | None
"""One value per bar; None where the column failed."""


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
            yield tuple((symbol, name, ended.quoted[symbol]) for symbol, name in columns)

    job = Job(
        function=partial(_answered, strategy.path, strategy.source),
        tasks=tasks(),
        total=len(cuts),
        stage="Looking for leaks in a process apart",
    )
    for place, answers in apart.run(job):
        yield int(cuts[place]), dict(zip(columns, answers, strict=True))


def _answered(path: Path, source: bytes, asked: Asked) -> list[Answer]:
    """Execute the file afresh, and ask its columns; what fails has no answer."""
    own = {column.name: column for column in strategy_from(path, source).columns}
    answers: list[Answer] = []
    for _, name, bars in asked:
        try:
            answers.append(own[name].values(bars))
        except AssayError:
            answers.append(None)
    return answers
