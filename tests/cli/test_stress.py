"""``assay stress``: one page, one object, and a look that the ledger counts."""

import json
import shutil
from pathlib import Path

import pytest

from assay.cli.main import main
from assay.research.trials.ledger import TrialLedger

QUICK = (
    "training.algorithms=logistic",
    "training.inner_folds=2",
    "evaluation.folds=2",
    "evaluation.bootstrap_samples=100",
    "features.names=drift_8,drift_32,trend_16,rsi_14",
    "features.timeframes=[]",
    "fusion.pass_score=0.55",
    "run.workers=1",
)
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "strategy.py"
OPTIONS = [word for text in QUICK for word in ("--set", text)]


@pytest.fixture(scope="module")
def stressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose strategy was put under stress, twice; its edge is wide open."""
    folder = tmp_path_factory.mktemp("w") / "gold"
    place = ["-w", str(folder)]
    for words in (
        ["init", str(folder)],
        ["data", "simulate", "--years", "2", "--edge", "6", *place],
        ["stress", "--name", "one", "--paths", "20", *place, *OPTIONS],
        ["stress", "--name", "two", "--paths", "20", *place, *OPTIONS],
    ):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0, words
    return folder


def test_the_same_question_gives_the_same_bytes(stressed: Path) -> None:
    one, two = stressed / "reports" / "one", stressed / "reports" / "two"
    for name in ("stress.json", "stress.html"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    assert json.loads((one / "stress.json").read_text())["schema"] == "assay.stress/1"
    assert not (one / "ledger").exists()
    assert {path.name for path in one.iterdir()} == {"stress.json", "stress.html", "meta.json"}


def test_the_table_of_runs_calls_it_no_broken_run(assay, stressed: Path) -> None:
    answer = assay("runs", "--json", "-w", stressed).json

    assert answer["unreadable"] == answer["runs"] == []
    assert {"name": "one", "kind": "stress"} in answer["others"]


def test_a_look_is_counted_once_per_set_and_remembered(stressed: Path) -> None:
    ledger = TrialLedger(next((stressed / "ledger").glob("*.jsonl")))
    trials = ledger.trials()
    assert [item.origin for item in trials] == ["stress"] * 6
    assert ledger.retries() == 6
    meta = json.loads((stressed / "reports" / "two" / "meta.json").read_text())
    assert meta["ledger"]["count"] == 6


def test_one_set_alone_speaks_json(assay, stressed: Path) -> None:
    words = ("--only", "shocks", "--name", "three", "--json", "-w", stressed, *OPTIONS)
    answer = assay("stress", *words)

    assert answer.status == 0, answer.err
    found = answer.json
    assert Path(found["report"]) == stressed / "reports" / "three"
    assert found["stress"]["scenarios"] == []
    assert found["stress"]["shocks"]["absent"]
    stored = json.loads((stressed / "reports" / "three" / "stress.json").read_text())
    assert stored == found["stress"]


def test_a_person_reads_the_answer_first(assay, stressed: Path) -> None:
    answer = assay("stress", "--only", "order", "--name", "four", "-w", stressed, *OPTIONS)

    assert answer.status == 0, answer.err
    lines = [line for line in answer.out.splitlines() if line]
    assert lines[1].startswith("XAUUSD H1: ") or lines[0].startswith("XAUUSD H1: ")
    assert "As it was: It made " in answer.out
    assert "stress.html" in lines[-1]


def test_what_is_the_worst_of_few_paths_is_said(assay, stressed: Path) -> None:
    told = "Of fewer than 20 paths the worst 5 % is the worst of them."
    page = (stressed / "reports" / "one" / "stress.html").read_text()
    assert "at most 10 draws" in page
    answer = assay(
        "stress", "--only", "execution", "--paths", "20", "--name", "few", "-w", stressed, *OPTIONS
    )
    assert answer.status == 0, answer.err
    assert told in answer.out


@pytest.mark.parametrize(
    "words", [("--paths", "3"), ("--only", "luck"), ("--ruin", "2"), ("--block-days", "0")]
)
def test_what_cannot_be_asked_is_refused_before_anything_begins(
    assay, stressed: Path, words: tuple[str, ...]
) -> None:
    before = sorted(path.name for path in (stressed / "reports").iterdir())
    answer = assay("stress", *words, "-w", stressed)

    assert answer.status == 2, answer.err
    assert words[0] in answer.err
    assert sorted(path.name for path in (stressed / "reports").iterdir()) == before


@pytest.mark.soak
def test_own_columns_travel_to_the_workers(assay, stressed: Path) -> None:
    shutil.copy(EXAMPLE, stressed / "strategy.py")
    words = ("--only", "candles", "--paths", "20", "-w", stressed, *OPTIONS)
    texts = []
    for name, workers in (("own", 1), ("own2", 2)):
        answer = assay("stress", "--name", name, *words, "--set", f"run.workers={workers}")
        assert answer.status == 0, answer.err
        texts.append((stressed / "reports" / name / "stress.json").read_bytes())
        assert (stressed / "reports" / name / "strategy.py").exists()
    assert texts[0] == texts[1]
    (stressed / "strategy.py").unlink()
