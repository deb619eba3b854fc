"""The same results on one core and on many; a worker that dies costs its task, and is told of."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import compute_tasks as tasks
import numpy as np
import psutil
import pytest

from assay.config.settings import Settings
from assay.domain.errors import ComputeError, DataError
from assay.domain.progress import SilentProgress
from assay.research.compute import processes
from assay.research.compute.mapping import ArrayFolder, mapped
from assay.research.compute.place import INSIDE, Place
from assay.research.compute.pool import compute, compute_each

HERE = Place()
TWO = Place(workers=2)
SILENT = SilentProgress()


class Counted:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.n_done = 0

    def stage(self, name: str, total: int) -> None:
        self.stages.append((name, total))

    def advance(self, n: int = 1) -> None:
        self.n_done += n

    def done(self) -> None:
        """End, silently."""


def run(function, values, place=TWO, progress=SILENT):
    return compute(function, values, place=place, progress=progress, stage="Test")


def test_one_worker_and_four_say_the_same_in_the_order_of_the_tasks() -> None:
    function = partial(tasks.draws, 2.0)
    texts = {json.dumps(run(function, list(range(30)), Place(workers=n))) for n in (1, 4, 2)}

    assert len(texts) == 1
    assert [item["seed"] for item in json.loads(texts.pop())] == list(range(30))


def test_results_stream_and_progress_counts_them() -> None:
    progress = Counted()
    seen = dict(
        compute_each(abs, iter(range(-20, 0)), total=20, place=TWO, progress=progress, stage="S")
    )

    assert seen == {i: 20 - i for i in range(20)}
    assert (progress.stages, progress.n_done) == ([("S", 20)], 20)


def test_nothing_to_do_gives_nothing() -> None:
    assert run(abs, []) == []


def test_closures_travel() -> None:
    offset = 7
    assert run(lambda x: x + offset, [1, 2, 3]) == [8, 9, 10]


@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_are_mapped_once_and_what_a_worker_writes_stays_its_own(order: str) -> None:
    table = np.asarray(np.arange(400_000.0).reshape(4, -1), order=order)
    found = run(partial(_first_of, table), list(range(8)))

    assert found == [(float(i), "ndarray", True, order) for i in range(8)]
    assert table[0, 3] == 3.0


def _first_of(table, i):
    before = float(table[0, i])
    table[0, i] = -1.0
    kept = "C" if table.flags.c_contiguous else "F"
    return before, type(table).__name__, table.flags.writeable, kept


def test_an_array_is_written_once_and_small_or_odd_ones_travel_inside(tmp_path: Path) -> None:
    from joblib.externals.loky.backend.reduction import loads

    large, small = np.arange(300_000.0), np.arange(3.0)
    gaps = np.arange(600_000.0)[::2]
    words = np.array(["a"] * 200_000, dtype=object)
    folder = ArrayFolder()
    try:
        packed = folder.packed([large, large, small, gaps, words])
        assert [path.stat().st_size for path in folder.path.iterdir()] == [large.nbytes]
        for mine, its in zip([large, large, small, gaps, words], loads(packed), strict=True):
            np.testing.assert_array_equal(mine, its)
        assert len(folder.packed(large)) < 1_000
        folder.clear()
        assert not list(folder.path.iterdir())
    finally:
        folder.remove()
    assert not folder.path.exists()


def test_an_array_that_the_disk_has_no_room_for_travels_inside(monkeypatch) -> None:
    from joblib.externals.loky.backend.reduction import loads

    folder = ArrayFolder()
    folder.remove()  # a folder in which nothing can be written
    large = np.arange(300_000.0)

    np.testing.assert_array_equal(loads(folder.packed(large)), large)


def test_a_mapped_array_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    np.arange(6.0).tofile(path)

    assert mapped(str(path), np.dtype(float), (2, 3), "C").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_killed_worker_costs_its_task_only(tmp_path: Path) -> None:
    found = run(partial(tasks.dies_at_first, str(tmp_path), 2), list(range(12)))

    assert found == [i * i for i in range(12)]
    ran = [path.name.split("-")[1] for path in tmp_path.glob("ran-*")]
    assert sorted(ran, key=int) == [str(i) for i in range(12)], "nothing else was run again"


def test_a_task_that_kills_three_workers_is_named_and_the_others_are_done() -> None:
    seen = {}
    with pytest.raises(
        ComputeError, match=r"Sweep, task 3 of 9 ended .* So did the tasks 6\."
    ) as caught:
        for index, result in compute_each(
            tasks.deadly, range(9), total=9, place=TWO, progress=SILENT, stage="Sweep"
        ):
            seen[index] = result

    assert seen == {i: i for i in range(9) if i not in (2, 5)}
    assert caught.value.facts["tasks"] == [2, 5]
    assert "SIGKILL" in caught.value.message
    assert "run.workers" in caught.value.remedy
    assert run(abs, [-1, -2]) == [1, 2], "the workers are there for the next job"


def test_a_task_that_leaves_its_process_is_refused_as_well() -> None:
    with pytest.raises(ComputeError, match="exit status 3"):
        run(tasks.leaves, [1, 2])


@pytest.mark.parametrize("place", [HERE, TWO], ids=["one", "two"])
def test_an_error_arrives_as_it_is_and_names_its_task(place: Place) -> None:
    with pytest.raises(DataError, match="The bar must be there") as caught:
        run(tasks.fails, list(range(9)), place)

    assert caught.value.facts == {"bar": 4}
    assert caught.value.remedy == "Import it."
    assert "in Test, task 5 of 9" in caught.value.__notes__[0]


def test_the_place_in_the_worker_s_code_is_told() -> None:
    with pytest.raises(DataError) as caught:
        run(tasks.fails, list(range(9)))

    assert "compute_tasks.py" in caught.value.__notes__[0]


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    with pytest.raises(ComputeError, match="WithTwoWords: left"):
        run(tasks.fails_without_travelling, [1, 2])


def test_a_result_that_cannot_travel_is_an_error_of_its_task() -> None:
    with pytest.raises(TypeError, match="generator"):
        run(tasks.returns_what_cannot_travel, [1, 2])


def test_a_task_computes_its_parts_in_its_own_process() -> None:
    found = run(tasks.in_place, list(range(4)))

    assert {place for place, _ in found} == {HERE}
    assert os.getpid() not in {pid for _, pid in found}
    assert run(tasks.in_place, [1], HERE)[0] == (Place(workers=4), os.getpid())


def test_settings_name_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def place(**run_settings):
        return Place.of(Settings.model_validate({"run": run_settings}))

    assert place(workers=3) == Place(workers=3)
    assert place(cluster="tcp://127.0.0.1:8786", workers=3) == Place(cluster="tcp://127.0.0.1:8786")
    monkeypatch.setenv(INSIDE, "1")
    assert place(workers=3) == HERE


def test_a_job_inside_the_loop_over_another_has_workers_of_its_own() -> None:
    found = []
    for i, outer in compute_each(
        abs, [-1, -2, -3], total=3, place=TWO, progress=SILENT, stage="outer"
    ):
        found.append((i, outer, run(abs, [-outer, -10])))

    assert sorted(found) == [(0, 1, [1, 10]), (1, 2, [2, 10]), (2, 3, [3, 10])]


def test_a_loop_that_is_left_early_leaves_nobody_at_work() -> None:
    began_s = time.monotonic()
    for _ in compute_each(
        tasks.sleeps, [0.0, 30.0, 30.0], total=3, place=TWO, progress=SILENT, stage="S"
    ):
        break
    assert run(abs, [-1, -2]) == [1, 2]
    assert time.monotonic() - began_s < 20.0


def test_workers_wait_for_the_next_job_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    def two_at_once(name: str) -> set[int]:
        (tmp_path / name).mkdir()
        return set(run(partial(tasks.meets, str(tmp_path / name)), [1, 2]))

    first = two_at_once("a")
    assert len(first) == 2
    assert two_at_once("b") == first
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    ended = psutil.STATUS_ZOMBIE
    tasks.wait_for(lambda: all(psutil.Process(pid).status() == ended for pid in first))

    assert not two_at_once("c") & first


def test_workers_have_one_thread_each() -> None:
    for counts, variable in run(tasks.thread_counts, [1, 2]):
        assert set(counts) == {1}
        assert variable == "1"


def test_a_process_that_cannot_start_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    processes.close_processes()
    monkeypatch.setattr(processes, "serve", _fall)
    with pytest.raises(ComputeError, match=r"worker process must start.*exit status 7"):
        run(abs, [-1, -2])


def _fall(*_):
    os._exit(7)


@pytest.mark.parametrize("n_tasks", [1_200, pytest.param(10_000, marks=pytest.mark.soak)])
def test_memory_stays_flat_over_thousands_of_tasks(n_tasks: int) -> None:
    """Gigabytes of results pass by; tasks are read as workers become free, results forgotten."""
    process = psutil.Process()
    n_read = n_seen = n_ahead = 0
    early = late = 0

    def read() -> Iterator[int]:
        nonlocal n_read
        for i in range(n_tasks):
            n_read += 1
            yield i

    for _, result in compute_each(
        tasks.heavy, read(), total=n_tasks, place=TWO, progress=SILENT, stage="S"
    ):
        n_seen += int(result[0] == result[-1])
        n_ahead = max(n_ahead, n_read - n_seen)
        if n_seen % 50 == 0:
            most = process.memory_info().rss
            early, late = (max(early, most), late) if n_seen <= 500 else (early, max(late, most))

    assert n_seen == n_read == n_tasks
    assert n_ahead <= 3, "one task for each worker, and one at hand"
    assert late - early < 8e6, "a megabyte each: eight of them may be left over"
    for worker in processes._standing._workers:
        assert psutil.Process(worker._process.pid).memory_info().rss < 400e6


PARENT = """
import sys
sys.path.insert(0, {here!r})
from functools import partial
import compute_tasks as tasks
import numpy as np
from assay.domain.progress import SilentProgress
from assay.research.compute.place import Place
from assay.research.compute.pool import compute
def both(table, folder, i):
    return tasks.note_and_sleep(folder, i)
compute(partial(both, np.arange(1e6), {folder!r}), [1, 2, 3], place=Place(workers=2),
        progress=SilentProgress(), stage="Long")
"""


def test_a_stopped_command_leaves_no_worker_and_no_file(tmp_path: Path) -> None:
    """Three commands at a time, each stopped in another way."""
    commands = {
        number: started(tmp_path / number.name)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    }
    for number, parent in commands.items():
        folder = tmp_path / number.name / "pids"
        tasks.wait_for(lambda folder=folder: len(list(folder.iterdir())) == 2, limit_s=60.0)
        parent.send_signal(number)
    for number, parent in commands.items():
        assert parent.wait(30.0) != 0
        for path in (tmp_path / number.name / "pids").iterdir():
            tasks.wait_for(lambda path=path: not psutil.pid_exists(int(path.name)), limit_s=10.0)
        assert not list((tmp_path / number.name).glob("assay-*")), number.name


def started(folder: Path) -> subprocess.Popen:
    """Return a command that writes its temporary files, and the pids of its workers, there."""
    (folder / "pids").mkdir(parents=True)
    code = PARENT.format(here=str(Path(__file__).parent), folder=str(folder / "pids"))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(folder)},
        stderr=subprocess.DEVNULL,
    )
