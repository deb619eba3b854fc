"""``kill -9`` at any moment of an optimisation: it goes on, and ends like one that was let be."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

QUICK = (
    "training.algorithms=logistic",
    "training.inner_folds=2",
    "training.features_max=6",
    "evaluation.folds=2",
    "evaluation.bootstrap_samples=100",
    "features.names=drift_8,drift_32,trend_16,rsi_14",
    "features.timeframes=[]",
    "search.algorithms=logistic",
    "search.batch=3",
    "search.every_folds=1",
    "search.groups=4",
    "search.rows_max=600",
    "search.adopt_p=1.0",
)
SHORT_KILLS, SHORT_TRIALS = 1, 6
SOAK_KILLS, SOAK_TRIALS = 10, 15
PATIENCE_S = 240.0


def assay(*words: str, place: Path, trials: int, workers: int = 1, cluster: str = "") -> list[str]:
    options = [part for text in QUICK for part in ("--set", text)]
    options += ["--set", f"search.trials={trials}", "--set", f"run.workers={workers}"]
    options += ["--set", f"run.cluster={cluster}"] if cluster else []
    return [sys.executable, "-m", "assay.cli.main", *words, "-w", str(place), *options]


def optimise(place: Path, trials: int, *, workers: int = 1, cluster: str = "") -> bytes:
    """Optimise to the end, and return results.json."""
    words = ("optimise", "--name", "it")
    command = assay(*words, place=place, trials=trials, workers=workers, cluster=cluster)
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return (place / "reports" / "it" / "results.json").read_bytes()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with two years of simulated gold."""
    place = tmp_path_factory.mktemp("kill") / "gold"
    for words in (["init", str(place)], ["data", "simulate", "--years", "2", "-w", str(place)]):
        subprocess.run([sys.executable, "-m", "assay.cli.main", *words], check=True, timeout=120)
    return place


@pytest.fixture(scope="module")
def uninterrupted(market: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the results of a long search that nobody killed."""
    return finished(market, tmp_path_factory.mktemp("whole") / "gold", SOAK_TRIALS)


def finished(market: Path, place: Path, trials: int) -> bytes:
    """Search in a copy of *market*, and return the results."""
    shutil.copytree(market, place)
    return optimise(place, trials)


def progress_of(place: Path) -> int:
    """Return bytes of the journal and number of kept fits: what a kill must not lose."""
    journals = place.glob("searches/*/journal.log")
    return sum(path.stat().st_size for path in journals) + len(list(place.rglob("*.fit")))


def killed_then_finished(market: Path, place: Path, n_kills: int, trials: int) -> bytes:
    """Kill the search *n_kills* times, each soon after it came some steps further; let it end."""
    shutil.copytree(market, place)
    rng = np.random.default_rng(n_kills)
    for _ in range(n_kills):
        before, steps = progress_of(place), int(rng.integers(1, 12))
        command = assay("optimise", "--name", "it", place=place, trials=trials)
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            give_up = time.monotonic() + PATIENCE_S
            while steps and process.poll() is None and time.monotonic() < give_up:
                time.sleep(float(rng.uniform(0.0, 0.02)))
                now = progress_of(place)
                steps -= now != before
                before = now
            assert process.poll() is None, "it ended before it could be killed"
            os.killpg(process.pid, signal.SIGKILL)
    return optimise(place, trials)


def known_trials(place: Path) -> int:
    lines = (place / "ledger" / "trials.jsonl").read_text().splitlines()
    return sum("trial" in json.loads(line) for line in lines)


def test_a_killed_search_ends_with_the_same_results(market: Path, tmp_path: Path) -> None:
    killed = killed_then_finished(market, tmp_path / "killed" / "gold", SHORT_KILLS, SHORT_TRIALS)
    assert killed == finished(market, tmp_path / "whole" / "gold", SHORT_TRIALS)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_ten_kills_change_nothing(market: Path, uninterrupted: bytes, tmp_path: Path) -> None:
    place = tmp_path / "w"
    assert killed_then_finished(market, place, SOAK_KILLS, SOAK_TRIALS) == uninterrupted
    assert known_trials(place) == len(
        {json.loads(line).get("identity") for line in ledger_lines(place)} - {None}
    )


def ledger_lines(place: Path) -> list[str]:
    return (place / "ledger" / "trials.jsonl").read_text().splitlines()


@contextmanager
def dask_cluster(n_workers: int) -> Iterator[str]:
    """Run a scheduler and workers as processes of their own on this machine."""
    distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")
    cluster = distributed.LocalCluster(
        n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=None
    )
    try:
        yield cluster.scheduler_address
    finally:
        cluster.close(timeout=20)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_one_worker_four_and_a_cluster_of_two_processes_agree(
    market: Path, uninterrupted: bytes, tmp_path: Path
) -> None:
    for name, workers in (("four", 4), ("cluster", 1)):
        place = tmp_path / name
        shutil.copytree(market, place)
        if name == "cluster":
            with dask_cluster(2) as address:
                assert optimise(place, SOAK_TRIALS, cluster=address) == uninterrupted
        else:
            assert optimise(place, SOAK_TRIALS, workers=workers) == uninterrupted
