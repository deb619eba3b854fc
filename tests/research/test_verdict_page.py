"""verdict.html: the answer on one page, whole, plain, and with figures that can be made again."""

import html
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_reader import Reader, words_of
from verdict_examples import BLIND, CLEAN, judged, run_with

from assay.research.report import write_report
from assay.research.report.environment import LABELS
from assay.research.report.verdict_page import (
    LINES_MAX,
    python_lines,
    trials_told,
    verdict_page,
)
from assay.research.run_result import RunResult
from assay.research.statistics.sharpe import expected_maximum
from assay.research.verdict.figures import evidence_numbers
from assay.research.verdict.judge import Outcome, concluded
from assay.research.verdict.schema import verdict_of

OUTCOMES = pytest.mark.parametrize("outcome", list(Outcome), ids=lambda item: item.name)
LONG = "A sentence that goes on, with commas, and on, and then on again until it is long. "


@OUTCOMES
def test_the_page_says_the_answer_and_both_sides(outcome: Outcome) -> None:
    run = run_with(outcome)
    page = verdict_page(run)
    words = words_of(page)
    assert LABELS[outcome] in words
    assert run.verdict.headline in words
    assert run.title in words
    assert "2010-01-03 to" in words
    shown = [reason for reason in run.verdict.reasons_against if reason in words]
    assert shown == list(run.verdict.reasons_against[: len(shown)])
    assert shown or outcome is Outcome.EDGE
    assert run.repeat[0] in words
    assert "assay ledger" in words and "assay leaks" in words
    assert page.count("<svg") == 2
    assert "nan" not in re.sub(r"nan_to_num|nan=1", "", words).lower().split()


@OUTCOMES
def test_the_page_asks_for_nothing_elsewhere_and_is_the_same_twice(outcome: Outcome) -> None:
    run = run_with(outcome)
    page = verdict_page(run)
    reader = Reader(page)
    assert reader.asks == []
    assert sorted(set(reader.links)) == ["report.html", "verdict.json"]
    assert "url(" not in page and "@import" not in page and "http" not in page.split("</style>")[1]
    again = replace(run, meta={"at": "another", "duration_s": 99.0})
    assert verdict_page(again) == page


@pytest.mark.parametrize("sharpe_of", [Outcome.EDGE, Outcome.NO_EDGE, Outcome.NOT_ENOUGH_DATA])
def test_the_python_of_the_page_gives_the_figures_of_the_page(
    sharpe_of: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_with(sharpe_of)
    write_report(run, tmp_path)
    monkeypatch.chdir(tmp_path)
    page = (tmp_path / "verdict.html").read_text()
    known: dict[str, Any] = {}
    n_compared = 0
    for line, told in python_lines(run):
        assert html.escape(line, quote=False).replace('"', "&#34;") in page
        *before, last = line.split("; ")
        exec("; ".join(before), known)
        if " = " in last or last.startswith(("import", "from")):
            exec(last, known)
            continue
        value = eval(last, known)
        assert f"{value:.4f}" == told.split()[0].rstrip(",").replace("−", "-")
        n_compared += 1
    assert n_compared == 4
    assert f"{len(known['r']):,}" in dict(python_lines(run))["r = equity[1:] / equity[:-1] - 1"]
    numbers = run.verdict.numbers
    assert known["s"] == pytest.approx(numbers["sharpe_daily"], rel=1e-12)


def test_luck_is_recomputed_where_other_trials_have_longer_records() -> None:
    run = run_with(Outcome.EDGE)
    verdict = run.verdict
    assert verdict.trials is not None
    trials = replace(verdict.trials, variance_luck=1e-5)
    longer = concluded("hybrid", verdict.numbers, trials, verdict.leaks)
    (line,) = [line for line, _ in python_lines(replace(run, verdict=longer)) if "luck =" in line]
    known: dict[str, Any] = {"expected_maximum": expected_maximum, "year": 1.0}
    exec(line.partition(";")[0], known)
    root = math.sqrt(verdict.numbers["days_per_year"])
    again = evidence_numbers(verdict.numbers, trials, 0.95)["luck_sharpe"]
    assert known["luck"] * root == pytest.approx(again, rel=1e-12)


def test_a_ruined_account_can_be_recomputed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_with(Outcome.NO_EDGE)
    one = run.strategies[0]
    equity = one.equity.copy()
    equity[len(equity) // 2 :] = 0.0
    ruined = replace(run, strategies=(replace(one, equity=equity), *run.strategies[1:]))
    write_report(ruined, tmp_path)
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for line, _ in python_lines(ruined)[:5]:
            exec(line, known)
    assert np.min(known["r"]) == -1.0
    assert known["r"][-1] == 0.0


@OUTCOMES
def test_a_report_holds_page_and_document_and_links_them(outcome: Outcome, tmp_path: Path) -> None:
    run = run_with(outcome)
    write_report(run, tmp_path)
    assert (tmp_path / "verdict.html").read_text() == verdict_page(run)
    assert verdict_of((tmp_path / "verdict.json").read_bytes()).outcome is outcome
    report = (tmp_path / "report.html").read_text()
    assert 'href="verdict.html"' in report
    assert "optimisation.html" not in report
    assert not (tmp_path / "optimisation.html").exists()


def test_results_and_document_tell_the_same(tmp_path: Path) -> None:
    run = judged(run_with(Outcome.NO_EDGE), CLEAN)
    write_report(run, tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())["verdict"]
    document = json.loads((tmp_path / "verdict.json").read_text())
    for key in ("outcome", "headline", "reasons_for", "reasons_against", "trials"):
        assert document[key] == results[key]
    assert [item["name"] for item in results["checks"]] == [
        item["name"] for item in document["checks"]
    ]


def told_at_length(run: RunResult) -> RunResult:
    """Return *run* with more to say than a page holds."""
    assert run.verdict.trials is not None
    verdict = replace(
        run.verdict,
        reasons_for=(LONG * 3,) * 9,
        reasons_against=(LONG * 2,) * 12,
        trials=replace(run.verdict.trials, nested=1_234, lost=57, count=2_345),
    )
    return replace(
        run,
        verdict=verdict,
        warnings=(LONG * 3,) * 5,
        repeat=("assay optimise " + "--set search.trials=12 " * 20,),
        title="XAUUSD, EURUSD, GBPUSD, USDJPY, AUDUSD, NZDUSD, USDCAD H1",
        searches=({"trials": 32},) * 4,
    )


def test_a_long_story_is_cut_to_a_page_and_says_so() -> None:
    run = told_at_length(run_with(Outcome.NO_EDGE))
    page = verdict_page(run)
    words = words_of(page)
    assert re.search(r"\d more in report\.html", words)
    assert 'class="dense"' in page
    assert "Settings were searched 4 times (128 configurations)" in words
    assert "57 of them are missing from the ledger" in words
    assert "1,234 further trials chose settings" in words
    assert "3 more in report.html" in words  # warnings
    plain = verdict_page(run_with(Outcome.NO_EDGE))
    assert 'class="dense"' not in plain
    shown = re.findall(r"<li>(A sentence[^<]*)</li>", page)
    assert sum(-(-len(text) // 62) for text in shown[:-2]) <= 2 * LINES_MAX + 4


def test_a_record_whose_prover_is_blind_tells_that_its_figures_do_not_count() -> None:
    words = words_of(verdict_page(judged(run_with(Outcome.EDGE), BLIND)))
    assert "What its figures say, which do not count" in words
    assert "cannot be trusted" in words
    assert "none of this means anything" in words


def test_one_trial_and_none_are_told_plainly() -> None:
    verdict = run_with(Outcome.EDGE).verdict
    assert verdict.trials is not None
    alone = replace(verdict, trials=replace(verdict.trials, count=1, clusters=1, effective=1.0))
    assert "Nothing else was tried" in trials_told(alone)[0]
    alike = replace(verdict, trials=replace(verdict.trials, count=9, clusters=1, effective=1.0))
    assert "form one group; together they are worth 1.0" in trials_told(alike)[0]
    unknown = replace(verdict, trials=None)
    assert len(trials_told(unknown)) == 1


def test_words_from_elsewhere_cannot_become_part_of_the_page() -> None:
    run = run_with(Outcome.EDGE)
    evil = "<script>alert(1)</script>"
    run = replace(
        run,
        title=evil,
        repeat=(evil,),
        warnings=(evil,),
        hashes={evil: evil},
        verdict=replace(run.verdict, headline=evil, explanation=f"`{evil}`", reasons_for=(evil,)),
    )
    page = verdict_page(run)
    assert "<script" not in page
    assert Reader(page).asks == []


def test_a_backtest_without_folds_or_searches_is_told_as_one() -> None:
    run = replace(run_with(Outcome.NO_EDGE), folds=(), random_sharpes=None)
    words = words_of(verdict_page(run))
    assert "Models were trained" not in words
    assert "runs that entered at random as often" not in words
