"""``assay leaks``: what it prints, what it exits with, and that it changes nothing."""

import json
from pathlib import Path

import pytest

from assay.cli.failures import LEAKS_FOUND, PROVER_UNTRUSTED
from assay.data.catalogue import Catalogue
from assay.domain.timeframe import Timeframe
from assay.research.leaks import pipeline, tracking

FAST = (
    "features.names=drift_8,rsi_14",
    "features.timeframes=[]",
    "training.algorithms=logistic",
    "training.inner_folds=2",
    "evaluation.folds=2",
)
OPTIONS = [word for text in FAST for word in ("--set", text)]
HONEST = """
import numpy as np
from assay.strategy import Bars, feature, signal

@feature(warm_up=5)
def change(bars: Bars):
    return bars.close / np.roll(bars.close, 5) - 1.0
"""
LEAKING = (
    HONEST
    + """
@signal(warm_up=10)
def oracle(bars: Bars):
    return np.sign(np.append(bars.close[1:], bars.close[-1:]) - bars.close)
"""
)


@pytest.fixture
def workspace(gold: Path, assay) -> Path:
    assert assay("data", "simulate", "--years", "0.6").status == 0
    return gold


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stored_times(folder: Path) -> list[int]:
    """Return the opens of all bars of the workspace."""
    bars = Catalogue(folder / "data").read_bars("XAUUSD", Timeframe.H1)
    return bars.time_ns.tolist()


def test_a_clean_pipeline_is_told_so_and_nothing_is_written(workspace: Path, assay) -> None:
    (workspace / "strategy.py").write_text(HONEST)
    before = everything_in(workspace)
    answer = assay("leaks", "--quick", *OPTIONS)

    assert answer.status == 0
    assert "No leak found" in answer.out
    assert "Planted leaks found:" in answer.out
    for stage in ("features", "votes", "labels", "walk forward", "orders of the votes"):
        assert stage in answer.out
    assert "not moved" not in answer.out or "carry" in answer.out
    assert "Changing the future" in answer.err
    assert everything_in(workspace) == before


def test_a_leak_is_named_with_column_line_time_and_remedy(workspace: Path, assay) -> None:
    (workspace / "strategy.py").write_text(LEAKING)
    answer = assay("leaks", "--quick", *OPTIONS)

    assert answer.status == LEAKS_FOUND == 7
    assert "oracle, line 9" in answer.out
    assert "truncate" in answer.out and "shift" in answer.out
    assert "Let value i read bars 0..i only" in answer.out
    assert "1 column knows the future" in answer.out
    assert "strategy.py, change:" not in answer.out


def test_a_column_that_counts_its_calls_is_not_said_to_know_the_future(
    workspace: Path, assay
) -> None:
    counting = """
_calls = [0]
@feature(warm_up=1)
def counting(bars: Bars):
    _calls[0] += 1
    return np.full(len(bars), float(_calls[0] % 5))
"""
    (workspace / "strategy.py").write_text(HONEST + counting)
    alone = assay("leaks", "--quick", *OPTIONS)
    (workspace / "strategy.py").write_text(LEAKING + counting)
    both = assay("leaks", "--quick", *OPTIONS)

    assert alone.status == both.status == LEAKS_FOUND
    assert "1 column has another fault: no result" in alone.out
    assert "keeps something between them" in alone.out and "warm_up" not in alone.out
    assert "1 column knows the future, and 1 has another fault: no result" in both.out


def test_json_is_one_object_with_everything(
    workspace: Path, assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "QUICK_BARS", 3_000)  # of some 3,700
    (workspace / "strategy.py").write_text(LEAKING)
    answer = assay("leaks", "--quick", "--cuts", "4", "--json", *OPTIONS)
    found = answer.json

    assert answer.status == LEAKS_FOUND
    assert found["clean"] is False and found["trusted"] is True
    assert {(leak["stage"], leak["column"]) for leak in found["leaks"]} == {
        ("strategy.py", "oracle")
    }
    assert found["leaks"][0]["line"] == 9 and found["leaks"][0]["time_ns"] > 0
    leak = found["leaks"][0]
    times = stored_times(workspace)
    assert times[leak["bar"]] == leak["time_ns"], "counted from the beginning of the history"
    assert found["depth"] == {"cuts": 4, "bars": 3_000, "training": False}
    assert found["history"]["XAUUSD"]["timeframe"] == "H1"
    assert all(canary["is_found"] for canary in found["canaries"])
    assert answer.out == json.dumps(found, indent=2) + "\n"


def test_the_whole_proof_repeats_trainings(workspace: Path, assay) -> None:
    answer = assay("leaks", "--cuts", "4", "--json", *OPTIONS)
    kinds = {stage["kind"] for stage in answer.json["stages"]}

    assert answer.status == 0
    assert kinds == {"series", "rows", "fit", "parts"}


def test_the_same_question_gives_the_same_bytes(workspace: Path, assay) -> None:
    (workspace / "strategy.py").write_text(LEAKING)
    words = ("leaks", "--quick", "--json", *OPTIONS)

    assert assay(*words).out == assay(*words).out


def test_a_prover_that_sees_nothing_says_that_it_cannot_be_trusted(
    workspace: Path, assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "strategy.py").write_text(LEAKING)
    monkeypatch.setattr(tracking, "differing", lambda *_: iter(()))
    answer = assay("leaks", "--quick", *OPTIONS)

    assert answer.status == PROVER_UNTRUSTED == 8
    assert "cannot be trusted" in answer.out
    assert "Missed in features" in answer.out
    assert "proves nothing" in answer.out
    assert "That is no leak, and no proof that there is none" in answer.out
    assert "knows the future" not in answer.out


def test_being_untrustworthy_outweighs_what_was_found(
    workspace: Path, assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "strategy.py").write_text(LEAKING)
    honest = tracking.Tracker.leaks
    monkeypatch.setattr(
        tracking.Tracker,
        "leaks",
        lambda self, *rows: [] if self.stage == "votes" else honest(self, *rows),
    )
    answer = assay("leaks", "--quick", *OPTIONS)

    assert answer.status == PROVER_UNTRUSTED
    assert "oracle" in answer.out and "Missed in votes" in answer.out


def test_a_run_with_a_strategy_that_repaints_is_not_evidence(workspace: Path, assay) -> None:
    """The quick check of a run finds what a look at some bars alone does not."""
    (workspace / "strategy.py").write_text(
        HONEST
        + """
@feature(warm_up=60)
def pivot(bars: Bars):
    out = np.zeros(len(bars))
    if len(bars) > 120:
        views = np.lib.stride_tricks.sliding_window_view(bars.high, 121)
        out[60:len(bars) - 60] = views.argmax(axis=1) == 60
    return out
"""
    )
    answer = assay("run", "--json", *OPTIONS, "--set", "evaluation.bootstrap_samples=100")

    assert answer.status == 0
    assert answer.json["outcome"] == "not evidence"
    assert any("pivot" in reason for reason in answer.json["reasons_against"])


@pytest.mark.parametrize("words", [("--cuts", "1"), ("--cuts", "many")])
def test_too_few_cuts_are_a_mistake(gold: Path, assay, words: tuple[str, ...]) -> None:
    answer = assay("leaks", *words)

    assert answer.status == 2
    assert "--cuts" in answer.err


def test_without_history_the_remedy_is_to_import_some(gold: Path, assay) -> None:
    answer = assay("leaks")

    assert answer.status == 3
    assert "import" in answer.err


def test_the_help_names_the_cuts_that_are_made(assay) -> None:
    text = " ".join(assay("leaks", "--help").out.split())

    assert f"default: {pipeline.N_CUTS}, with --quick {pipeline.QUICK_CUTS}" in text
