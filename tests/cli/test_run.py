"""The whole job from the command line: run, train, backtest, report."""

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
    "run.workers=1",
)
OPTIONS = [word for text in QUICK for word in ("--set", text)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which everything was done once."""
    folder = tmp_path_factory.mktemp("w") / "gold"
    place = ["-w", str(folder)]
    for words in (
        ["init", str(folder)],
        ["data", "simulate", "--years", "2", *place],
        ["run", "--name", "one", *place, *OPTIONS],
        ["run", "--name", "two", *place, *OPTIONS, "--set", "run.workers=2"],
        ["train", "--name", "early", "--set", "market.end=2011-06-01", *place, *OPTIONS],
        ["backtest", "--name", "votes", *place, *OPTIONS],
        ["backtest", "--name", "later", "--model", "early", *place, *OPTIONS],
    ):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0, words
    return folder


def test_a_run_ends_with_a_page_numbers_and_a_verdict(finished: Path) -> None:
    folder = finished / "reports" / "one"
    results = json.loads((folder / "results.json").read_text())

    assert results["verdict"]["outcome"] in {"edge", "no edge", "not enough data"}
    assert "<html" in (folder / "report.html").read_text()[:500].lower()
    assert "assay run --set training.algorithms=logistic" in (folder / "report.html").read_text()


def test_a_run_leaves_nothing_unfinished(finished: Path) -> None:
    names = {path.name for path in finished.rglob("*")}

    assert not {name for name in names if name.startswith(".unfinished")}
    assert not (finished / "reports" / "one" / "ledger").exists()


def test_every_path_of_every_different_job_is_one_trial(finished: Path) -> None:
    lines = (finished / "ledger" / "trials.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    kinds = [line["trial"]["kind"] for line in read if "trial" in line]

    assert sorted(kinds) == sorted(["hybrid", "ai", "indicators"] * 2 + ["indicators", "fit"])
    assert sum("retry" in line for line in read) == 3


def test_a_trial_says_what_it_tried_and_what_it_saw(finished: Path) -> None:
    trials = TrialLedger(finished / "ledger" / "trials.jsonl").trials()
    run, fit = trials[0], next(trial for trial in trials if trial.origin == "fit")

    assert (run.origin, run.tried["evaluation.folds"]) == ("run", 2)
    assert "run.workers" not in run.tried
    assert fit.tried["market.end"] == "2011-06-01"
    assert fit.saw_until_ns < run.saw_until_ns


def test_every_result_remembers_the_ledger_it_was_judged_by(finished: Path) -> None:
    lines = [json.loads(x) for x in (finished / "ledger" / "trials.jsonl").read_text().splitlines()]
    hashes = {line["hash"]: line["n"] for line in lines}
    reports = [json.loads(path.read_text()) for path in finished.glob("reports/*/meta.json")]
    card = json.loads((finished / "models" / "early" / "decision.json").read_text())

    for note in (*(item["ledger"] for item in reports), card["notes"]["ledger"]):
        assert hashes[note["hash"]] == note["count"]


def test_the_same_run_with_more_workers_gives_the_same_bytes(finished: Path) -> None:
    first, again = finished / "reports" / "one", finished / "reports" / "two"

    for name in ("results.json", "trades.csv", "forecasts.parquet"):
        assert (again / name).read_bytes() == (first / name).read_bytes()


def test_a_stored_model_trades_only_after_its_training(finished: Path) -> None:
    card = json.loads((finished / "models" / "early" / "decision.json").read_text())
    results = json.loads((finished / "reports" / "later" / "results.json").read_text())
    text = json.dumps(results)

    assert card["trained_until"] < "2011-06-02"
    assert "traded only later bars" in text


def test_a_model_that_has_seen_everything_is_not_tested(assay, finished: Path) -> None:
    answer = assay(
        "backtest", "--model", "early", "-w", finished, *OPTIONS, "--set", "market.end=2011-05-01"
    )

    assert answer.status == 3
    assert "after its training" in answer.err


def test_a_model_meets_only_what_it_was_made_for(assay, finished: Path) -> None:
    other = assay(
        "backtest", "-m", "early", "-w", finished, *OPTIONS, "--set", "market.timeframe=D1"
    )

    assert other.status == 2
    assert "H1" in other.err


@pytest.mark.parametrize("name", ["decision.json", "forecaster/card.json"])
def test_a_model_whose_bytes_changed_is_refused(
    assay, finished: Path, tmp_path: Path, name: str
) -> None:
    copy = tmp_path / "gold"
    shutil.copytree(finished, copy)
    path = copy / "models" / "early" / name
    path.write_text(path.read_text().replace("7", "8", 1))
    answer = assay("backtest", "-m", "early", "-w", copy, *OPTIONS)
    doctor = assay("doctor", "-w", copy, "--json")

    assert answer.status == 4
    assert doctor.status == 4
    assert "train" in answer.err


def test_a_report_is_never_overwritten(assay, finished: Path) -> None:
    answer = assay("run", "--name", "one", "-w", finished, *OPTIONS)

    assert answer.status == 2
    assert "exists already" in answer.err


def test_the_verdict_of_a_report_is_read_as_a_gate_reads_it(assay, finished: Path) -> None:
    folder = finished / "reports" / "one"
    page = (folder / "verdict.html").read_text()
    assert "assay run --set training.algorithms=logistic" in page
    checked = assay("report", "one", "--check", "-w", finished, "--json").json
    results = json.loads((folder / "results.json").read_text())
    assert checked["outcome"] == results["verdict"]["outcome"]
    assert checked["passed"] is (checked["outcome"] == "edge")
    assert "is whole" in assay("report", "one", "--check", "-w", finished).out
    assert str(folder / "verdict.html") in assay("report", "one", "-w", finished).out


def test_a_changed_verdict_is_an_error(assay, finished: Path) -> None:
    path = finished / "reports" / "one" / "verdict.json"
    whole = path.read_text()
    try:
        path.write_text(whole.replace("XAUUSD", "EURUSD", 1))
        refused = assay("report", "one", "--check", "-w", finished)
        assert refused.status == 3
        assert "was changed after it was written" in refused.err
        path.unlink()
        refused = assay("report", "one", "--check", "-w", finished)
        assert refused.status == 3
        assert "cannot be read" in refused.err
    finally:
        path.write_text(whole)


def test_the_schema_of_the_verdict_is_printed_anywhere(assay, finished: Path, tmp_path) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(assay("report", "--schema", "verdict", "-w", tmp_path).out)
    document = json.loads((finished / "reports" / "one" / "verdict.json").read_text())
    Draft202012Validator(schema).validate(document)
    refused = assay("report", "--schema", "trades", "-w", tmp_path)
    assert refused.status == 2
    assert "was 'trades'" in refused.err


def test_reports_are_listed_and_the_last_one_is_shown(assay, finished: Path) -> None:
    listed = assay("report", "--list", "-w", finished, "--json").json["reports"]
    last = assay("report", "-w", finished, "--json").json
    named = assay("report", "one", "-w", finished)

    assert listed[:2] == ["one", "two"]
    assert set(listed) == {"one", "two", "votes", "later"}
    assert Path(last["report"]).name == listed[-1]
    assert str(finished / "reports" / "one" / "report.html") in named.out


def test_doctor_finds_a_used_workspace_whole(assay, finished: Path) -> None:
    answer = assay("doctor", "-w", finished, "--json")
    states = {item["check"]: item["state"] for item in answer.json["findings"]}

    assert answer.status == 0
    assert states["model early"] == states["data XAUUSD H1"] == "ok"


def test_too_little_history_is_a_data_fault_with_a_remedy(assay, tmp_path: Path) -> None:
    folder = tmp_path / "short"
    assay("init", folder)
    assay("data", "simulate", "--years", "0.05", "-w", folder)
    answer = assay("run", "-w", folder, *OPTIONS)

    assert answer.status == 3
    assert "history" in answer.err
    assert list((folder / "reports").iterdir()) == []


def test_bars_of_a_longer_timeframe_are_built_from_shorter_ones(assay, finished: Path) -> None:
    answer = assay(
        "backtest", "-w", finished, *OPTIONS, "--set", "market.timeframe=H4", "--name", "h4"
    )
    assert answer.status == 0, answer.err
    results = (finished / "reports" / "h4" / "results.json").read_text()

    assert "built from H1" in results
    shutil.rmtree(finished / "reports" / "h4")
