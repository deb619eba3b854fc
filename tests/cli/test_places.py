"""A whole run on one core, on two and on a cluster writes the same results, byte for byte."""

from pathlib import Path

import pytest

from assay.cli.main import main
from assay.research.compute import cluster
from assay.research.identity import code_hash

QUICK = (
    "training.algorithms=logistic",
    "training.inner_folds=2",
    "evaluation.folds=4",
    "evaluation.bootstrap_samples=100",
    "features.names=drift_8,drift_32,trend_16,rsi_14",
)


def options(*settings: str) -> list[str]:
    return [word for text in (*QUICK, *settings) for word in ("--set", text)]


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("w") / "gold"
    done("init", folder)
    done("data", "simulate", "--years", "2", "-w", folder)
    return folder


def done(*words: object) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    assert caught.value.code == 0, words


def results(folder: Path, name: str, *settings: str) -> bytes:
    """Run in a workspace whose ledger counts the same job once."""
    done("run", "--name", name, "-w", folder, *options(*settings))
    return (folder / "reports" / name / "results.json").read_bytes()


def test_one_core_two_and_a_cluster_write_the_same_bytes(gold: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    one = results(gold, "one", "run.workers=1")
    two = results(gold, "two", "run.workers=2")
    code_hash.cache_clear()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as made:
        many = results(gold, "many", f"run.cluster={made.scheduler_address}")

    assert one == two
    assert one == many
    assert len(one) > 10_000


def test_a_cluster_that_does_not_answer_is_told_with_a_remedy(
    gold: Path, capsys, monkeypatch
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr(cluster, "CONNECT_S", 0.3)
    with pytest.raises(SystemExit) as caught:
        main(["run", "-w", str(gold), *options("run.cluster=tcp://127.0.0.1:9")])
    told = capsys.readouterr().err

    assert caught.value.code == 2
    assert "A Dask scheduler must answer at run.cluster = tcp://127.0.0.1:9" in told
    assert "dask scheduler" in told
    assert "Traceback" not in told
