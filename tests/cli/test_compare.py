"""``assay compare``: an answer, its page, and a list of every look."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "research"))

from comparison_examples import made_up, stored
from evidence_examples import noise, strategy

from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import trial_of
from assay.research.verdict.judge import Outcome

QUICK = ("--samples", "500")


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return report folders: a good strategy, two worthless ones, and a copy."""
    folder = tmp_path_factory.mktemp("stock")
    rng = np.random.default_rng(5)
    good = noise(1_200, 4.0, rng)
    for name, columns in (
        ("good", {"hybrid": good, "ai": noise(1_200, 0.0, rng), "random": noise(1_200, 0.0, rng)}),
        ("plain", {"hybrid": noise(1_200, 0.0, rng)}),
    ):
        stored(folder / name, made_up(columns, hashes={"settings": name}))
    shutil.copytree(folder / "good", folder / "copy")
    euro = made_up({"hybrid": good}, currency="EUR", hashes={"settings": "euro"})
    stored(folder / "euro", euro)
    stored(folder / "leaking", made_up({"hybrid": good}, outcome=Outcome.NOT_EVIDENCE))
    return folder


@pytest.fixture
def place(gold: Path, stock: Path) -> Path:
    """Return a workspace with these reports, and stand in it."""
    shutil.copytree(stock, gold / "reports", dirs_exist_ok=True)
    return gold


def test_the_better_run_is_found_and_a_page_says_so(assay, place: Path) -> None:
    answer = assay("compare", "plain", "good", "--name", "first", *QUICK)

    assert answer.status == 0, answer.err
    assert "B (good) is better than A (plain)" in answer.out
    assert "comparison 1 of this workspace" in answer.out
    page = (place / "comparisons" / "first" / "comparison.html").read_text()
    assert "B (good) is better than A (plain)" in page
    assert 'href="../../reports/good/report.html"' in page
    content = json.loads((place / "comparisons" / "first" / "comparison.json").read_text())
    assert content["winner"] == "good"
    assert content["schema"] == "assay.comparison/1"


def test_a_program_gets_the_same_object(assay, place: Path) -> None:
    answer = assay("compare", "plain", "good", "--json", *QUICK).json
    stored_one = json.loads((Path(answer["page"]).parent / "comparison.json").read_text())

    assert answer["comparison"] == stored_one
    assert (answer["look"], answer["strategies_compared_so_far"]) == (1, 2)
    assert answer["comparison"]["confidence"] == 0.95
    assert answer["comparison"]["samples"] == 500


def test_a_copy_of_a_run_is_no_winner(assay, place: Path) -> None:
    answer = assay("compare", "good", "copy", "--json", *QUICK).json

    assert answer["comparison"]["winner"] is None
    assert answer["comparison"]["pairs"][0]["sharpe_difference"]["value"] == 0.0
    assert "same trial" in answer["comparison"]["concerns"][0]["text"]
    assert answer["strategies_compared_so_far"] == 1


def test_strategies_of_one_run_are_compared(assay, place: Path) -> None:
    found = assay("compare", "good:all", "--json", *QUICK).json["comparison"]
    assert [item["name"] for item in found["figures"]] == ["good", "good:ai", "good:random"]
    assert found["winner"] == "good"
    pair = assay("compare", "good:ai", "good:random", "--json", *QUICK).json["comparison"]
    assert [item["strategy"] for item in pair["figures"]] == ["ai", "random"]
    assert pair["winner"] is None


@pytest.mark.parametrize(
    ("runs", "benchmark"),
    [(["good", "plain"], "plain"), (["good"], "plain"), (["good", "plain"], "plain:hybrid")],
)
def test_a_benchmark_need_not_be_named_twice(assay, place: Path, runs, benchmark) -> None:
    found = assay("compare", *runs, "-b", benchmark, "--json", *QUICK).json["comparison"]

    assert found["benchmark"] == "plain"
    assert found["winner"] == "good"
    assert found["benchmark_test"]["superior"] == ["good"]


def test_of_many_pairs_a_person_sees_the_clearest(assay, place: Path) -> None:
    for i in range(3):
        shutil.copytree(place / "reports" / "plain", place / "reports" / f"plain{i}")
    runs = ["good:all", "plain", "plain0", "plain1", "plain2"]
    answer = assay("compare", *runs, *QUICK)

    assert answer.status == 0, answer.err
    assert "The clearest 15 of 21 pairs" in answer.out


def test_the_page_is_opened_on_request(assay, place: Path, monkeypatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    answer = assay("compare", "good", "plain", "--open", "--name", "seen", *QUICK)

    assert answer.status == 0
    assert opened == [(place / "comparisons" / "seen" / "comparison.html").as_uri()]


def test_the_ledger_says_among_how_many_luck_could_choose(assay, place: Path) -> None:
    tried = strategy(noise(300, 0.0, np.random.default_rng(1)))
    trial = trial_of(tried, settings_hash="s", data_hash="d", code_hash="c", at_ns=0)
    TrialLedger(place / "ledger" / "trials.jsonl").record(trial)
    found = assay("compare", "plain", "good", "--json", *QUICK).json["comparison"]

    assert found["selection"]["trials"] == 1
    assert found["selection"]["compared"] == 2


def test_a_comparison_is_never_overwritten(assay, place: Path) -> None:
    assert assay("compare", "plain", "good", "--name", "x", *QUICK).status == 0
    before = (place / "comparisons" / "x" / "comparison.json").read_bytes()
    again = assay("compare", "plain", "copy", "--name", "x", *QUICK)

    assert again.status == 2
    assert "exists already" in again.err
    assert (place / "comparisons" / "x" / "comparison.json").read_bytes() == before


def test_comparing_leaves_reports_and_the_table_of_runs_alone(assay, place: Path) -> None:
    names = {path.name for path in (place / "reports").iterdir()}
    assert assay("compare", "plain", "good", *QUICK).status == 0

    assert {path.name for path in (place / "reports").iterdir()} == names
    assert not list((place / "comparisons").glob(".unfinished*"))
    assert assay("runs", "--json").json["unreadable"] == []


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["good"], 2, "compare ONE:all"),
        (["good", "goood"], 2, "Did you mean good"),
        (["good", "good"], 2, "came twice"),
        (["good", "plain", "-b", "good:all"], 2, "must be one strategy"),
        (["good", "euro"], 2, "one currency"),
        (["plain", "leaking"], 3, "not evidence"),
        (["good", "plain", "--confidence", "2"], 2, "between 0.5 and 1"),
        (["good", "plain", "--samples", "10"], 2, "at least 500"),
        (["good", "plain", "--name", "a/b"], 2, "letters"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_compared_is_refused(assay, place: Path, words, status, told) -> None:
    answer = assay("compare", *words)

    assert answer.status == status
    assert told in answer.err
    assert not (place / "comparisons").exists()


def test_a_list_of_looks_that_was_edited_stops_the_count(assay, place: Path) -> None:
    assert assay("compare", "plain", "good", *QUICK).status == 0
    path = place / "comparisons" / "looks.jsonl"
    path.write_text(path.read_text().replace('"n_days":1200', '"n_days":9'))
    answer = assay("compare", "plain", "good:ai", *QUICK)

    assert answer.status == 3
    assert "looks.jsonl" in answer.err


def test_the_confidence_is_that_of_the_settings_unless_it_is_told(assay, place: Path) -> None:
    path = place / "assay.toml"
    path.write_text(path.read_text().replace("# confidence = 0.95", "confidence = 0.9"))
    of_settings = assay("compare", "plain", "good", "--json", *QUICK).json["comparison"]
    told = assay("compare", "plain", "good", "--confidence", "0.8", "--json", *QUICK).json

    assert of_settings["confidence"] == 0.9
    assert told["comparison"]["confidence"] == 0.8
