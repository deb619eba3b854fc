"""A strategy.py in a workspace: used, named, kept, asked for; and left alone where not needed."""

import json
import shutil
from pathlib import Path

import pytest

from assay.cli.main import main
from assay.research.trials.ledger import TrialLedger

OPTIONS = [
    word
    for text in (
        "training.algorithms=logistic",
        "training.inner_folds=2",
        "evaluation.folds=2",
        "evaluation.bootstrap_samples=100",
        "features.names=drift_8,drift_32,trend_16,rsi_14",
        "features.timeframes=[]",
        "run.workers=1",
    )
    for word in ("--set", text)
]
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "strategy.py"
BOMB = "raise RuntimeError('nobody asked for me')\n"
LEAKY = """\
import numpy as np
from assay.strategy import feature


@feature(warm_up=10)
def tomorrow(bars):
    return np.append(bars.close[1:], np.nan) / bars.close
"""


def done(*words: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    assert caught.value.code == 0, words


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with history, and a model that knows no strategy."""
    folder = tmp_path_factory.mktemp("w") / "gold"
    done("init", str(folder))
    done("data", "simulate", "--years", "2", "-w", str(folder))
    plain = ["--set", "market.end=2011-06-01", "-w", str(folder), *OPTIONS]
    done("train", "--name", "plain", *plain)
    return folder


@pytest.fixture(scope="module")
def used(made: Path) -> Path:
    """Return the same workspace after a run and a training with the example."""
    shutil.copy(EXAMPLE, made / "strategy.py")
    place = ["-w", str(made), *OPTIONS]
    done("run", "--name", "own", *place)
    done("train", "--name", "own", "--set", "market.end=2011-06-01", *place)
    return made


def results(folder: Path, name: str) -> dict:
    return json.loads((folder / "reports" / name / "results.json").read_text())


def test_init_makes_none(assay, tmp_path: Path) -> None:
    assert assay("init", tmp_path / "w").status == 0
    assert not (tmp_path / "w" / "strategy.py").exists()


def test_a_run_says_that_it_uses_it(used: Path, assay) -> None:
    answer = assay("run", "--name", "told", "-w", used, *OPTIONS)
    assert answer.status == 0
    line = "Using strategy.py: features squeeze, slope_h4; signal breakout."
    assert line in answer.out.splitlines()
    page = (used / "reports" / "told" / "report.html").read_text()
    assert "adds the features squeeze, slope_h4 to what the models read" in page
    assert "Strategy hash" in page


def test_results_hold_its_hash_and_its_columns(used: Path) -> None:
    told = results(used, "own")
    assert len(told["hashes"]["strategy"]) == 64
    names = {score["name"] for score in told["features"]}
    assert {"squeeze", "slope_h4"} <= names


def test_a_copy_is_kept_beside_what_was_made_with_it(used: Path) -> None:
    for folder in (used / "reports" / "own", used / "models" / "own"):
        assert (folder / "strategy.py").read_bytes() == EXAMPLE.read_bytes()
    assert not (used / "models" / "plain" / "strategy.py").exists()
    assert not list(used.rglob("__pycache__"))


def test_the_machine_reads_one_object_whatever_the_file_prints(used: Path, assay) -> None:
    text = EXAMPLE.read_text()
    try:
        (used / "strategy.py").write_text(text + '\n\nprint("loaded")\n')
        answer = assay("backtest", "--json", "--name", "noisy", "-w", used, *OPTIONS)
    finally:
        (used / "strategy.py").write_text(text)
    assert answer.status == 0
    assert len(answer.json["hashes"]["strategy"]) == 64
    assert "loaded" in answer.err


def test_a_model_trades_with_its_own_strategy_only(used: Path, assay) -> None:
    good = assay("backtest", "--model", "own", "--name", "good", "-w", used, *OPTIONS)
    assert good.status == 0
    assert results(used, "good")["hashes"]["strategy"]
    text = EXAMPLE.read_text()
    words = ("backtest", "--model", "own", "--name", "bad", "-w", used, *OPTIONS)
    try:
        (used / "strategy.py").write_text(text + "# changed\n")
        changed = assay(*words)
        (used / "strategy.py").unlink()
        gone = assay(*words)
    finally:
        (used / "strategy.py").write_text(text)
    for answer in (changed, gone):
        assert answer.status == 4
        assert "must meet the strategy.py it was trained with" in answer.err
        assert "a copy lies beside the model" in answer.err
    assert not (used / "reports" / "bad").exists()


def test_code_that_is_not_needed_does_not_run(made: Path, assay, tmp_path: Path) -> None:
    """Neither help, nor commands about data, nor a model that knows no strategy."""
    place = tmp_path / "gold"
    shutil.copytree(made, place)
    (place / "strategy.py").write_text(BOMB)
    for words in (
        ("run", "--help"),
        ("--help",),
        ("data", "list", "-w", place),
        ("config", "show", "-w", place),
        ("report", "--list", "-w", place),
        ("ledger", "-w", place),
        ("backtest", "--model", "plain", "--name", "plain", "-w", place, *OPTIONS),
    ):
        answer = assay(*words)
        assert answer.status == 0, (words, answer.err)
        assert "nobody asked" not in answer.out + answer.err
    assert "strategy" not in results(place, "plain")["hashes"]
    assert not (place / "reports" / "plain" / "strategy.py").exists()


@pytest.mark.parametrize("command", ["run", "train", "backtest"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "line 1: the file must run without an error; raised RuntimeError: nobody asked"),
        (LEAKY, "line 5: feature tomorrow must not read the future; on bar 10 of XAUUSD"),
    ],
    ids=["broken", "leaky"],
)
def test_a_wrong_file_stops_the_command_with_its_line(
    command: str, text: str, told: str, made: Path, assay, tmp_path: Path
) -> None:
    place = tmp_path / "gold"
    shutil.copytree(made, place)
    (place / "strategy.py").write_text(text)
    n_trials = len(TrialLedger(place / "ledger" / "trials.jsonl").trials())
    answer = assay(command, "--name", "x", "-w", place, *OPTIONS)
    assert answer.status == 2
    assert answer.err.splitlines()[-2].startswith("config.strategy: strategy.py, ")
    assert told in answer.err
    for parent in ("reports", "models"):
        assert not (place / parent / "x").exists()
        assert not list((place / parent).glob(".unfinished*"))
    assert len(TrialLedger(place / "ledger" / "trials.jsonl").trials()) == n_trials


def test_features_lists_its_columns_with_their_lines(used: Path, assay, tmp_path: Path) -> None:
    own = assay("features", "-w", used, "--json").json["own"]
    lines = EXAMPLE.read_text().splitlines()
    assert [(row["name"], row["kind"], row["warm_up_bars"]) for row in own] == [
        ("squeeze", "feature", 61),
        ("slope_h4", "feature", 48),
        ("breakout", "signal", 100),
    ]
    for row in own:
        assert lines[row["line"] - 1].startswith(f"@{row['kind']}(warm_up=")
        assert lines[row["line"]].startswith(f"def {row['name']}(")
        assert row["meaning"]
    shown = assay("features", "close beyond", "-w", used).out
    assert f"strategy.py:{own[2]['line']}" in shown
    assert "squeeze " not in shown
    assert assay("features", "rsi", "-w", used, "--json").json["own"] == []
    assert assay("features", "-w", tmp_path).status == 2


def test_a_link_to_nowhere_is_no_missing_file(assay, tmp_path: Path) -> None:
    place = tmp_path / "gold"
    assert assay("init", place).status == 0
    (place / "strategy.py").symlink_to(tmp_path / "lost.py")
    answer = assay("features", "-w", place)
    assert answer.status == 2
    assert "must be readable; was not: No such file" in answer.err


def test_features_need_no_workspace_and_no_strategy(assay, made: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert assay("features", "--json").json["own"] == []
    place = tmp_path / "gold"
    assert assay("init", place).status == 0
    monkeypatch.chdir(place)
    assert assay("features", "--json").json["own"] == []


def test_features_are_listed_though_the_file_is_broken(assay, tmp_path: Path) -> None:
    place = tmp_path / "gold"
    assert assay("init", place).status == 0
    (place / "strategy.py").write_text(BOMB)
    answer = assay("features", "rsi", "-w", place)
    assert answer.status == 2
    assert "rsi_14" in answer.out
    assert "RuntimeError" in answer.err
    machine = assay("features", "rsi", "-w", place, "--json")
    assert machine.status == 2
    assert machine.json["features"][0]["name"] == "rsi_14"
    assert machine.json["error"]["code"] == "config.strategy"
