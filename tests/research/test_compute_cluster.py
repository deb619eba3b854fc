"""A Dask cluster on this machine: the same results, and an answer to everything that goes wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import compute_tasks as tasks
import numpy as np
import pytest

from assay.domain.errors import ComputeError, ConfigError, DataError
from assay.domain.progress import SilentProgress
from assay.research.compute import agreement, cluster
from assay.research.compute.place import Place
from assay.research.compute.pool import compute, compute_each
from assay.research.identity import code_hash

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
SILENT = SilentProgress()


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often who is there: a lost worker is noticed by nothing else."""
    monkeypatch.setattr(cluster, "LOOK_S", 0.1)


@pytest.fixture(scope="module")
def two_processes():
    """Return the address of a cluster of two processes on this machine."""
    from distributed import LocalCluster

    code_hash.cache_clear()
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
        silence_logs=50,
    ) as made:  # fmt: skip
        made.wait_for_workers(2)
        yield made


@pytest.fixture
def place(two_processes):
    two_processes.wait_for_workers(2)
    return Place(cluster=two_processes.scheduler_address)


def run(function, values, place, progress=SILENT):
    return compute(function, values, place=place, progress=progress, stage="Test")


def test_a_cluster_says_what_one_core_says(place: Place) -> None:
    function, seeds = partial(tasks.draws, 2.0), list(range(30))

    assert json.dumps(run(function, seeds, place)) == json.dumps(run(function, seeds, Place()))


def test_the_function_and_its_data_are_sent_once_to_each_worker(place: Place, monkeypatch) -> None:
    from distributed import Client

    sent = []
    original = Client.run

    def counted(self, function, *args, **kwargs):
        if function is cluster.hold:
            sent.append((kwargs["workers"], len(args[1])))
        return original(self, function, *args, **kwargs)

    monkeypatch.setattr(Client, "run", counted)
    table = np.arange(500_000.0)
    found = run(partial(tasks.looked_up, table), list(range(12)), place)

    assert found == [(float(i), "ndarray", True) for i in range(12)]
    assert len(sent) == len({str(workers) for workers, _ in sent}) == 2
    assert all(n_bytes > table.nbytes for _, n_bytes in sent)
    assert table[3] == 3.0


def test_a_worker_forgets_the_function_when_the_job_ends(place: Place) -> None:
    from distributed import Client

    run(abs, [-1, -2], place)
    with Client(place.cluster, set_as_default=False) as client:
        assert set(client.run(lambda: len(cluster._held)).values()) == {0}


@pytest.mark.parametrize("allowed_failures", [3, 0])
def test_a_killed_worker_costs_its_task_only(
    two_processes, place: Place, tmp_path: Path, monkeypatch, allowed_failures: int
) -> None:
    """Also where the scheduler itself gives up a task when its first worker dies."""
    monkeypatch.setattr(two_processes.scheduler, "allowed_failures", allowed_failures)
    found = run(partial(tasks.dies_at_first, str(tmp_path), 2), list(range(12)), place)

    assert found == [i * i for i in range(12)]
    ran = [path.name.split("-")[1] for path in tmp_path.glob("ran-*")]
    assert set(ran) == {str(i) for i in range(12)}
    assert len(ran) <= 14, "an answer that died with its worker is computed again, no more"


def test_a_task_that_kills_three_workers_is_named_and_who_runs_beside_it_is_not_to_blame(
    tmp_path: Path,
) -> None:
    """One process of three threads: each death takes the neighbours with it."""
    from distributed import LocalCluster

    code_hash.cache_clear()
    with LocalCluster(
        n_workers=1, threads_per_worker=3, processes=True, dashboard_address=":0",
        silence_logs=50,
    ) as made:  # fmt: skip
        seen = {}
        with pytest.raises(ComputeError, match=r"Beside, task 1 of 6 ended .* tcp://") as caught:
            for index, result in compute_each(
                partial(tasks.deadly_for_all, str(tmp_path)), range(6), total=6,
                place=Place(cluster=made.scheduler_address), progress=SILENT, stage="Beside",
            ):  # fmt: skip
                seen[index] = result

    assert caught.value.facts["tasks"] == [0]
    assert seen == {i: i for i in range(1, 6)}
    runs = [len(list(tmp_path.glob(f"{i}-*"))) for i in range(6)]
    assert runs == [3, 2, 2, 1, 1, 1], "who has cost a worker gets the next one to itself"


def test_an_error_arrives_as_it_is_and_names_its_task(place: Place) -> None:
    with pytest.raises(DataError, match="The bar must be there") as caught:
        run(tasks.fails, list(range(9)), place)

    assert caught.value.facts == {"bar": 4}
    assert "in Test, task 5 of 9" in caught.value.__notes__[0]
    assert run(abs, [-1], place) == [1], "the cluster is free again"


def test_a_task_computes_its_parts_in_its_own_process(place: Place) -> None:
    found = run(tasks.in_place, list(range(4)), place)

    assert {where for where, _ in found} == {Place()}
    assert os.getpid() not in {pid for _, pid in found}


def test_workers_compute_with_one_thread(place: Place) -> None:
    for counts, variable in run(tasks.thread_counts, [1, 2], place):
        assert set(counts) == {1}
        assert variable == "1"


def test_memory_stays_flat_while_results_pass_by(place: Place) -> None:
    import psutil

    process = psutil.Process()
    run(tasks.heavy, [1, 2], place)
    begin = most = process.memory_info().rss
    n_seen = 0
    for _, result in compute_each(
        tasks.heavy, (i for i in range(150)), total=150, place=place, progress=SILENT, stage="S"
    ):
        n_seen += int(result[0] == result[-1])
        most = max(most, process.memory_info().rss)

    assert n_seen == 150
    assert most - begin < 60e6, "150 MB of results passed"


def test_workers_with_other_code_are_refused_by_name(place: Place, monkeypatch) -> None:
    monkeypatch.setattr(agreement, "code_hash", lambda: "0" * 64)
    with pytest.raises(ConfigError, match=r"tcp://\S+ has other code") as caught:
        run(abs, [-1], place)

    assert "same version" in caught.value.remedy


def test_a_worker_that_joins_later_with_other_code_refuses_its_task(place, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "code_hash", lambda: "0" * 64)
    with pytest.raises(ConfigError, match="must run the code of the command"):
        run(abs, [-1], place)


def test_a_worker_that_hangs_is_told_in_time(two_processes, place: Place, monkeypatch) -> None:
    monkeypatch.setattr(agreement, "LOOK_S", 0.5)
    (pid, *_) = (nanny.pid for nanny in two_processes.workers.values())
    os.kill(pid, signal.SIGSTOP)
    began_s = time.monotonic()
    try:
        with pytest.raises(ConfigError, match=r"must say within 0\.5 s what it runs") as caught:
            run(abs, [-1], place)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert time.monotonic() - began_s < 5.0
    assert place.cluster in caught.value.message
    assert "Stop the workers that hang" in caught.value.remedy
    assert run(abs, [-1], place) == [1], "it answers again"


def test_a_worker_that_hangs_when_asked_for_its_libraries_is_told_too(monkeypatch) -> None:
    def silent(**_):
        raise TimeoutError("timed out after 30 s.")

    client = Pretender({"tcp://w:1": code_hash()}, {})
    monkeypatch.setattr(client, "get_versions", silent)
    with pytest.raises(ConfigError, match=r"at tcp://s:1 must say within 30 s"):
        agreement.check_agreement(client, "tcp://s:1")


class Pretender:
    """A client whose workers answer as told."""

    def __init__(self, hashes, versions) -> None:
        self._hashes, self._versions = hashes, versions

    def sync(self, question, *words, callback_timeout, **more):
        assert callback_timeout == agreement.LOOK_S
        return question(*words, **more)

    def run(self, _function, **_):
        return self._hashes

    def get_versions(self, packages):
        here = dict.fromkeys(packages, "1.0") | {"python": "3.11.2.final.0"}
        return {
            "client": {"packages": here},
            "workers": {"tcp://w:1": {"packages": here | self._versions}},
        }


@pytest.mark.parametrize(
    ("answer", "versions", "told"),
    [
        ("", {}, "has no Assay"),
        (ModuleNotFoundError("assay"), {}, "has no Assay"),
        (None, {"numpy": "0.9"}, r"must have numpy 1\.0; tcp://w:1 has 0\.9"),
        (None, {"lightgbm": None}, "has none"),
        (None, {"python": "3.12.1.final.0"}, r"must have python 3\.11; tcp://w:1 has 3\.12"),
    ],
)
def test_a_worker_must_have_the_same_assay_python_and_libraries(answer, versions, told) -> None:
    hashes = {"tcp://w:1": code_hash() if answer is None else answer}
    with pytest.raises(ConfigError, match=told):
        agreement.check_agreement(Pretender(hashes, versions), "tcp://s:1")


def test_a_patch_of_python_makes_no_difference() -> None:
    client = Pretender({"tcp://w:1": code_hash()}, {"python": "3.11.9.final.0"})
    agreement.check_agreement(client, "tcp://s:1")


def test_without_dask_the_remedy_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match="needs dask") as caught:
        run(abs, [-1], Place(cluster="tcp://127.0.0.1:1"))

    assert "pip install 'assay[cluster]'" in caught.value.remedy


def test_where_nobody_listens_the_error_comes_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.3)
    began_s = time.monotonic()
    with pytest.raises(ConfigError, match=r"run\.cluster = tcp://127\.0\.0\.1:9") as caught:
        run(abs, [-1], Place(cluster="tcp://127.0.0.1:9"))

    assert time.monotonic() - began_s < 10.0
    assert "dask scheduler" in caught.value.remedy


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50])
def test_a_listener_that_is_no_scheduler_is_told_in_time(monkeypatch, says: bytes) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    connection.sendall(says)
                except OSError:
                    return
                held.append(connection)

        threading.Thread(target=accept, daemon=True).start()
        port = server.getsockname()[1]
        began_s = time.monotonic()
        with pytest.raises(ConfigError, match=r"must answer at run\.cluster"):
            run(abs, [-1], Place(cluster=f"tcp://127.0.0.1:{port}"))
        assert time.monotonic() - began_s < 15.0
        for connection in held:
            connection.close()


def test_the_address_of_a_worker_is_no_address_of_a_scheduler(two_processes) -> None:
    worker = next(iter(two_processes.scheduler_info["workers"]))
    began_s = time.monotonic()
    with pytest.raises(ConfigError, match=r"must answer at run\.cluster"):
        run(abs, [-1], Place(cluster=worker))
    assert time.monotonic() - began_s < 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def started(words: list[str]) -> subprocess.Popen:
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def scheduler_words(port: int) -> list[str]:
    return ["dask_scheduler", "--host", "127.0.0.1", "--port", str(port),
            "--no-dashboard", "--no-show"]  # fmt: skip


def test_a_cluster_without_workers_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKERS_S", 0.2)
    monkeypatch.setattr(cluster, "CONNECT_S", 30.0)
    port = free_port()
    process = started(scheduler_words(port))
    try:
        with pytest.raises(ConfigError, match="must have a worker") as caught:
            run(abs, [-1], Place(cluster=f"tcp://127.0.0.1:{port}"))
    finally:
        process.kill()
        process.wait(10.0)

    assert "dask worker tcp://" in caught.value.remedy


@pytest.fixture(scope="module")
def programs() -> Iterator[Callable[[], tuple[str, dict[str, subprocess.Popen]]]]:
    """Return a call that gives a scheduler and a worker, as a user starts them, both alive."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    words = {
        "scheduler": scheduler_words(port),
        "worker": ["dask_worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard"],
    }
    alive: dict[str, subprocess.Popen] = {}

    def both() -> tuple[str, dict[str, subprocess.Popen]]:
        for name, command in words.items():
            if name not in alive or alive[name].poll() is not None:
                alive[name] = started(command)
        return address, alive

    yield both
    for process in alive.values():
        process.kill()
        process.wait(10.0)


@pytest.mark.parametrize("lost", ["frozen scheduler", "worker", "scheduler"])
def test_a_cluster_that_is_lost_on_the_way_is_told_in_time(
    programs, monkeypatch, lost: str
) -> None:
    """Programs as a user starts them; one of them is killed in the middle of a job."""
    code_hash.cache_clear()
    monkeypatch.setattr(cluster, "PATIENCE_S", 1.0)
    monkeypatch.setattr(cluster, "ASK_S", 1.0)
    monkeypatch.setattr(cluster, "CLOSE_S", 1.0)
    monkeypatch.setattr(cluster, "CONNECT_S", 30.0)
    address, processes = programs()
    victim = processes[lost.removeprefix("frozen ")]
    began_s = None
    try:
        with pytest.raises(ComputeError, match="had none for 1 s in the middle of Long") as caught:
            for _ in compute_each(
                tasks.sleeps, [0.0] + [1.0] * 60, total=61, place=Place(cluster=address),
                progress=SILENT, stage="Long",
            ):  # fmt: skip
                if began_s is None:
                    began_s = time.monotonic()
                    is_frozen = lost.startswith("frozen")
                    victim.send_signal(signal.SIGSTOP if is_frozen else signal.SIGKILL)
        assert began_s is not None
        assert time.monotonic() - began_s < 15.0
        assert "Start its workers" in caught.value.remedy
    finally:
        if lost.startswith("frozen"):
            victim.send_signal(signal.SIGCONT)
        else:
            victim.wait(10.0)
