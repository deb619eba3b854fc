"""``assay optimise --risk``: from the command line to a report, the ledger and the next verdict."""

import json
from pathlib import Path

import pytest

from assay.cli.main import main

QUICK = (
    "training.algorithms=logistic",
    "training.inner_folds=2",
    "evaluation.folds=3",
    "evaluation.bootstrap_samples=100",
    "features.names=drift_8,drift_32,trend_16,rsi_14",
    "features.timeframes=[]",
    "run.workers=1",
)
OPTIONS = [word for text in QUICK for word in ("--set", text)]
RISK = ["optimise", "--risk", "--cases", "256"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which risk settings were searched, and then it was run as it is."""
    folder = tmp_path_factory.mktemp("w") / "gold"
    place = ["-w", str(folder)]
    for words in (
        ["init", str(folder)],
        ["data", "simulate", "--years", "3", *place],
        ["run", "--name", "before", *place, *OPTIONS],
        [*RISK, "--name", "one", *place, *OPTIONS],
        [*RISK, "--name", "two", *place, *OPTIONS, "--set", "run.workers=2"],
        ["run", "--name", "after", *place, *OPTIONS],
    ):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0, words
    return folder


def results(finished: Path, name: str):
    return json.loads((finished / "reports" / name / "results.json").read_text())


def test_the_report_holds_the_searches_and_a_page_of_them(finished: Path) -> None:
    found = results(finished, "one")["risk_search"]
    folder = finished / "reports" / "one"

    assert [step["fold"] for step in found["steps"]] == [2], "one step has 240 days before it"
    assert found["final"]["cases"] >= 256
    assert set(found["final"]["best"]["values"]) == set(found["final"]["as_set"]["values"])
    page = (folder / "optimisation.html").read_text()
    assert "the search of risk settings" in page
    assert "assay optimise --risk --cases 256 --set training.algorithms=logistic" in page
    assert 'href="optimisation.html"' in (folder / "report.html").read_text()
    assert (
        "Risk settings were searched before 1 of 3 steps" in (folder / "verdict.html").read_text()
    )
    assert not (folder / "ledger").exists()


def test_a_plain_run_knows_nothing_of_it(finished: Path) -> None:
    assert "risk_search" not in results(finished, "after")
    assert not (finished / "reports" / "after" / "optimisation.html").exists()


def test_two_workers_write_the_same_bytes(finished: Path) -> None:
    one, two = (finished / "reports" / name for name in ("one", "two"))
    for name in ("results.json", "optimisation.html", "trades.csv"):
        expected = (one / name).read_bytes()
        assert (two / name).read_bytes().replace(b" --set run.workers=2", b"") == expected, name


def test_the_next_verdict_counts_every_case(finished: Path) -> None:
    before, own, after = (
        results(finished, name)["verdict"]["trials"] for name in ("before", "one", "after")
    )
    cases = sum(
        search["cases"]
        for found in (results(finished, "one")["risk_search"],)
        for search in (*found["steps"], found["final"])
    )

    assert own["count"] == before["count"] + 3, "its own cases chose in the past of what is judged"
    assert after["count"] == own["count"] + cases
    assert after["effective"] > before["effective"] + 2.0


def test_the_ledger_shows_the_searches_with_their_cases(finished: Path, assay) -> None:
    shown = assay("ledger", "-w", finished, "--json").json
    mine = [trial for trial in shown["trials"] if trial["origin"] == "risk_search"]

    assert [trial["kind"] for trial in mine] == ["risk search, fold 2", "risk search, all"]
    assert all(trial["cases"] >= 256 > trial["cases_effective"] > 1 for trial in mine)
    assert shown["retries"] >= 2, "the second search was the same"


def test_people_and_programs_are_told_the_same(finished: Path, assay) -> None:
    place = ("-w", finished, *OPTIONS)
    told = assay(*RISK, "--measure", "growth", "--drawdown-max", "0.3", "--name", "told", *place)
    assert told.status == 0, told.err
    assert "risk settings" in told.out
    assert "hold_score" in told.out
    assert "= largest fall" in told.out
    assert "Searching risk settings, step 3" in told.err
    again = assay(
        *RISK, "--measure", "growth", "--drawdown-max", "0.3", "--name", "again", "--json", *place
    )
    found = again.json["risk_search"]
    assert found["plan"]["measure"] == "growth"
    assert found["plan"]["drawdown_max"] == 0.3
    assert found["final"] == results(finished, "told")["risk_search"]["final"]
    assert set(found["after"]["chosen"]) == {"sharpe"}
    assert again.json["outcome"] == results(finished, "told")["verdict"]["outcome"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cases", "512"], "--cases must stand beside --risk"),
        (["--measure", "growth"], "--measure must stand beside --risk"),
        (["--drawdown-max", "0.2"], "--drawdown-max must stand beside --risk"),
        (["--risk", "--cases", "10"], "256 to 1,000,000 cases; had 10"),
        (["--risk", "--measure", "profit"], "sharpe, growth; was 'profit'"),
        (["--risk", "--drawdown-max", "-1"], "must be above 0, a share of the peak; was -1"),
        (["--risk", "--set", 'search.space={"exits.stop_atr"=[0]}'], "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    gold: Path, assay, words: list[str], told: str
) -> None:
    answer = assay("optimise", *words)
    assert answer.status == 2, answer.err
    assert told in " ".join(answer.err.split())
    assert not list((gold / "reports").glob("*"))


def test_a_record_that_is_too_short_is_refused_by_its_days(gold: Path, assay) -> None:
    assert assay("data", "simulate", "--years", "1").status == 0
    answer = assay(*RISK, *OPTIONS)
    assert answer.status != 0
    assert "at least 240 trading days that models were tested on" in " ".join(answer.err.split())
    assert not list((gold / "reports").glob("*"))
