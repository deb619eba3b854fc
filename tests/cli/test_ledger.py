"""``assay ledger``: the trials of a workspace, and those that it no longer knows."""

import shutil
from pathlib import Path

import pytest

from assay.cli.trials import opened_ledger, witnesses_of
from assay.config.workspace import Workspace
from assay.research.search.journal import SearchJournal
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import Trial


def trial(index: int) -> Trial:
    return Trial(
        kind="search, fold 0", settings_hash=str(index), data_hash="data", code_hash="code",
        sharpe_daily=0.01, n_days=500, skew=0.0, kurtosis=3.0, at_ns=index, origin="search",
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """Return a workspace in which a search was killed after seven trials."""
    place = Workspace.create(tmp_path / "gold", symbols=("XAUUSD",), timeframe="H1")
    ledger = opened_ledger(place)
    journal = SearchJournal(place.searches / "0123456789abcdef")
    for first in (0, 4):
        ledger.record_all([trial(i) for i in range(first, min(first + 4, 7))])
        journal.remember(ledger.witness("fold 0"))
    return place


def test_a_killed_search_remembers_its_trials(assay, place: Workspace) -> None:
    assert [item.count for item in witnesses_of(place)] == [7]
    shutil.rmtree(place.ledger_path.parent)
    answer = assay("ledger", "-w", place.root)
    assert answer.status == 0, answer.err
    assert "7 of them are lost: earlier results counted them" in answer.out
    evidence = assay("ledger", "-w", place.root, "--json").json["evidence"]
    assert (evidence["count"], evidence["lost"], evidence["effective"]) == (7, 7, 7.0)


def test_a_ledger_that_is_shorter_than_the_one_it_replaces_hides_nothing(
    assay, place: Workspace, tmp_path: Path
) -> None:
    other = TrialLedger(tmp_path / "trials.jsonl")
    other.record_all([trial(i) for i in range(50, 54)])
    for source, target in ((other.path, place.ledger_path), (other.head_path, None)):
        shutil.copy(source, target or opened_ledger(place).head_path)
    evidence = assay("ledger", "-w", place.root, "--json").json["evidence"]
    assert (evidence["count"], evidence["lost"], evidence["recorded"]) == (11, 7, 4)


def test_doctor_tells_of_lost_trials(assay, place: Workspace) -> None:
    def told() -> str:
        findings = assay("doctor", "-w", place.root, "--json").json["findings"]
        return next(item["detail"] for item in findings if item["check"] == "trial ledger")

    assert told() == "7 trials, chain unbroken"
    shutil.rmtree(place.ledger_path.parent)
    assert told() == "0 trials, 7 more are lost, as `assay ledger` says"


def test_a_line_that_was_changed_is_named_with_what_to_do(assay, place: Workspace) -> None:
    text = place.ledger_path.read_bytes()
    place.ledger_path.write_bytes(text.replace(b"\n", b"\r\n"))
    answer = assay("ledger", "-w", place.root)
    assert answer.status == 3
    told = " ".join(answer.err.split())
    assert "ledger/trials.jsonl must be as it was written; line 1 is no record" in told
    assert "Restore it and its .head file from a backup" in told
