"""Risk settings along a walk: chosen in the past, judged after it, counted, and shown."""

import json
import re
import tomllib
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from page_reader import Reader, words_of
from risk_search_examples import SETTINGS, SILENT, plan, world

from assay.domain.errors import DataError
from assay.domain.progress import SilentProgress
from assay.domain.time import iso_utc
from assay.research.compute.place import Place
from assay.research.daily import daily_returns
from assay.research.report.records import canonical
from assay.research.report.risk_charts import sensitivity_chart, value_text
from assay.research.report.risk_page import risk_page
from assay.research.risk_search.counting import count_searches
from assay.research.risk_search.nested import RiskWalk, annual, search_walk
from assay.research.risk_search.parameters import settings_of
from assay.research.risk_search.record import plan_record, risk_record
from assay.research.trials.ledger import TrialLedger
from assay.research.walk import Walked

N_BARS, N_FOLDS = 30_000, 5
PER_FOLD = N_BARS // N_FOLDS
PLANTED = 1.5e-4
HASHES = {"data": "d", "facts": "f", "code": "c"}
JUDGED = (1, 2_000_000_000 * 10**9)


def walk_of(market, views) -> Walked:
    fold = np.arange(N_BARS) // PER_FOLD
    return Walked(
        settings=SETTINGS,
        history=None,
        prepared=None,
        tested=SimpleNamespace(fold=fold),
        market=market,
        views={"hybrid": views, "ai": views},
    )


def searched(market, views, *, workers: int = 1, n_cases: int = 512) -> tuple[Walked, RiskWalk]:
    return search_walk(
        walk_of(market, views),
        plan(n_cases),
        path="hybrid",
        place=Place(workers=workers),
        progress=SILENT,
    )


@cache
def planted() -> tuple[Walked, RiskWalk]:
    return searched(*world(1, N_BARS, drift=PLANTED))


@cache
def noise() -> tuple[Walked, RiskWalk]:
    return searched(*world(7, N_BARS))


# Chosen in the past, judged after it


def test_a_planted_region_is_chosen_before_it_pays() -> None:
    walked, found = planted()

    assert [step.fold for step in found.steps] == [1, 2, 3, 4]
    assert all(step.search.is_winner for step in found.steps)
    assert found.after is not None
    assert annual(found.after.chosen) > 3.0 > 1.0 > annual(found.after.as_set)
    assert found.after.difference is not None
    assert found.after.difference.sharpe.low > 0.0
    assert [change.event for change in walked.market.changes] == [
        step.first for step in found.steps
    ]
    assert found.final.is_winner


def test_on_noise_every_step_keeps_its_settings() -> None:
    walked, found = noise()

    assert walked.market.changes == ()
    assert found.after is not None
    assert found.after.difference is None, "there is nothing to compare"
    assert not found.final.is_winner


def test_a_search_sees_nothing_of_what_it_chooses_for() -> None:
    _, before = planted()
    market, views = world(1, N_BARS, drift=PLANTED)
    first = 3 * PER_FOLD
    future = world(99, N_BARS)[0].tape.market
    other = market.tape.market.copy()
    other[:, first:] = future[:, first:]
    tape = replace(market.tape, market=other)
    turned = replace(views, direction=np.where(np.arange(N_BARS) < first, views.direction, 0))
    turned = replace(turned, direction=turned.direction.astype(np.int8))
    _, after = searched(replace(market, tape=tape), turned)

    for one, two in zip(before.steps[:3], after.steps[:3], strict=True):
        assert canonical(one.search) == canonical(two.search)
        assert one.settings == two.settings
        assert one.search.until_ns <= int(market.tape.known_ns[one.first])
    assert canonical(before.steps[3].search) != canonical(after.steps[3].search)


def test_what_is_traded_is_what_was_chosen_step_by_step() -> None:
    walked, found = planted()
    run = walked.market.trade(walked.views["hybrid"])
    daily = daily_returns(walked.market.tape.known_ns, run.equity, 1e5)
    assert found.after is not None
    n = len(found.after.chosen.returns)
    np.testing.assert_array_equal(daily.returns[-n:], found.after.chosen.returns)
    assert daily.day_ns[-n - 1] >= walked.market.tape.known_ns[found.steps[0].first]
    same = replace(walked.market, changes=()).trade(walked.views["hybrid"])
    as_set = daily_returns(walked.market.tape.known_ns, same.equity, 1e5)
    np.testing.assert_array_equal(as_set.returns[-n:], found.after.as_set.returns)
    assert sorted(set(found.after.step.tolist())) == [0, 1, 2, 3]


def test_a_step_without_a_past_keeps_its_settings_and_a_short_record_is_refused() -> None:
    market, views = world(1, drift=PLANTED)
    fold = np.arange(len(views)) // 2_400
    short = replace(walk_of(market, views), tested=SimpleNamespace(fold=fold))
    _, found = search_walk(
        short, plan(512), path="hybrid", place=Place(), progress=SilentProgress()
    )
    assert [step.fold for step in found.steps] == [3, 4], "240 days lie before these alone"

    few = replace(market, tape=market.tape.between(0, 3_000), atr=market.atr[:3_000])
    with pytest.raises(DataError, match="240 trading days"):
        search_walk(
            replace(short, market=few, views={"hybrid": views.between(0, 3_000)},
                    tested=SimpleNamespace(fold=fold[:3_000])),
            plan(512), path="hybrid", place=Place(), progress=SILENT,
        )  # fmt: skip


def test_choices_that_did_worse_afterwards_speak_against_the_last_one() -> None:
    from assay.research.risk_search.nested import _doubted

    _, found = planted()
    assert found.after is not None
    swapped = replace(found.after, chosen=found.after.as_set, as_set=found.after.chosen)
    doubted = _doubted(found.final, swapped)
    assert not doubted.is_winner
    assert "did worse afterwards" in doubted.reasons[-1]
    assert _doubted(found.final, None) is found.final


def test_two_workers_find_the_same_walk_to_the_bit() -> None:
    one = canonical(risk_record(planted()[1]))
    two = canonical(risk_record(searched(*world(1, N_BARS, drift=PLANTED), workers=2)[1]))
    assert one == two


# Counted


def counted(folder, found: RiskWalk) -> tuple[TrialLedger, str]:
    ledger = TrialLedger(folder / "ledger.jsonl")
    shown = {**SETTINGS.of_a_result(), "risk_search": plan_record(found.plan, SETTINGS)}
    identity = count_searches(ledger, found, shown=shown, hashes=HASHES, at_ns=9)
    return ledger, identity


def test_every_case_of_every_search_is_in_the_ledger(tmp_path) -> None:
    _, found = planted()
    ledger, identity = counted(tmp_path, found)
    trials = ledger.trials()

    assert len(trials) == 5
    assert {trial.origin for trial in trials} == {"risk_search"}
    assert {trial.nested_in for trial in trials} == {identity}
    assert [trial.cases for trial in trials] == [search.n_cases for search in found.searches]
    assert sum(trial.cases for trial in trials) > 5 * 400
    for trial, search in zip(trials, found.searches, strict=True):
        assert trial.cases_effective == search.n_independent > 2.0
        assert trial.sharpe_daily * np.sqrt(261) == pytest.approx(search.best.sharpe, rel=0.02)
        growth = np.prod(1.0 + np.array(trial.monthly))
        assert growth == pytest.approx(search.daily.equity[-1] / 1e5, rel=1e-4)
        assert trial.tried["exits.time_stop_bars"] == search.best.values["time_stop_bars"]


def test_cases_count_against_everything_that_they_saw_and_not_against_their_own_walk(
    tmp_path,
) -> None:
    _, found = planted()
    ledger, identity = counted(tmp_path, found)
    own = ledger.evidence(walk=identity, judged_ns=JUDGED)
    others = ledger.evidence(judged_ns=JUDGED)

    assert (own.count, own.effective) == (0, 1.0)
    assert others.count == sum(search.n_cases for search in found.searches)
    assert others.effective > 20.0


def test_the_same_search_again_is_a_retry(tmp_path) -> None:
    _, found = planted()
    ledger, _ = counted(tmp_path, found)
    counted(tmp_path, found)
    assert (ledger.count(), ledger.retries()) == (5, 5)


def test_another_plan_is_another_trial(tmp_path) -> None:
    _, found = planted()
    ledger, identity = counted(tmp_path, found)
    _, other = counted(tmp_path, replace(found, plan=replace(found.plan, drawdown_max=0.2)))
    assert other != identity
    assert ledger.count() == 10


# Shown


def run_of(found: RiskWalk):
    """Return as much of a run as the page reads."""
    verdict = SimpleNamespace(outcome=_outcome())
    return SimpleNamespace(
        title="XAUUSD H1",
        risk_search=risk_record(found),
        verdict=verdict,
        repeat=("assay optimise --risk",),
    )


def _outcome():
    from assay.research.verdict.judge import Outcome

    return Outcome.NO_EDGE


def test_the_record_is_plain_and_tells_everything() -> None:
    _, found = planted()
    record = json.loads(canonical(risk_record(found)))

    assert record["final"]["winner"] is True
    assert record["final"]["until"] == iso_utc(found.final.until_ns)
    assert record["plan"]["target_r"] == [0.0, 0.5, 6.0]
    assert record["plan"]["time_stop_bars"] == [4.0, 60.0]
    assert len(record["steps"]) == 4
    days = sum(step["after"]["days"] for step in record["steps"])
    assert days == record["after"]["days"] == len(record["after"]["chosen"]["equity"])
    lines = tomllib.loads("\n".join(record["lines"]))
    best = settings_of(SETTINGS, found.final.best.values)
    assert lines["exits"]["time_stop_bars"] == best.exits.time_stop_bars
    assert json.loads(canonical(risk_record(noise()[1])))["lines"] == []


def test_the_page_of_a_winner_gives_lines_to_paste() -> None:
    _, found = planted()
    page = risk_page(run_of(found))
    words = words_of(page)

    assert "better than those of the workspace, and not by luck alone" in words
    assert "Lines for assay.toml" in words
    code = re.findall(r"<pre>(.*?)</pre>", page, re.S)
    assert code[0] == "\n".join(risk_record(found)["lines"])
    assert code[-1] == "assay optimise --risk"
    assert "A winner was taken before 4 of 4 steps" in words
    assert "paired bootstrap" in words
    for title in ("What each setting does", "The best cases", "How to read it"):
        assert title in words
    assert page.count("<svg") == 1 + len(found.plan.ranges) + 1
    assert not Reader(page).asks
    assert page == risk_page(run_of(found))


def test_the_page_of_noise_says_to_keep_the_settings_and_why() -> None:
    _, found = noise()
    words = words_of(risk_page(run_of(found)))

    assert "Keep the risk settings as they are." in words
    assert all(reason in words for reason in found.final.reasons)
    assert "In none of 4 steps was there a winner" in words
    assert "Lines for assay.toml" not in words


def test_a_page_without_steps_says_that_nothing_was_judged_afterwards() -> None:
    _, found = noise()
    words = words_of(risk_page(run_of(replace(found, steps=(), after=None))))
    assert "No step of the walk has 240 tested days before it" in words


def test_a_page_of_nothing_traded_has_no_curves_and_no_fault() -> None:
    market, views = world(1, N_BARS)
    silent = replace(views, direction=np.zeros_like(views.direction))
    _, found = searched(market, silent)
    words = words_of(risk_page(run_of(found)))
    assert "No case trades often enough within the limits." in words
    assert "−∞" in words


def test_a_chart_marks_best_and_as_set_and_draws_off_apart() -> None:
    item = {
        "title": "trailing stop, ATR", "name": "trailing_atr",
        "at": [0.0, 1.0, 4.0, 16.0], "low": [0.1] * 4, "median": [0.2] * 4, "high": [0.3] * 4,
    }  # fmt: skip
    drawn = sensitivity_chart(
        item,
        (1.0, 16.0),
        (0.0, 1.0),
        ((0.0, "mark luck", "as set"), (16.0, "mark own", "best")),
        is_log=True,
    )
    assert "off: 0.20" in drawn
    assert "best: 16" in drawn, "also at the end of its range"
    assert "as set" not in drawn, "off has no place on the axis of values"
    on = {key: value[1:] if isinstance(value, list) else value for key, value in item.items()}
    assert ">off<" not in sensitivity_chart(on, (1.0, 16.0), (0.0, 1.0), (), is_log=True)
    one = {key: value[:2] if isinstance(value, list) else value for key, value in item.items()}
    assert "<path" not in sensitivity_chart(one, (1.0, 16.0), (0.0, 1.0), (), is_log=True)


def test_values_are_told_in_few_digits() -> None:
    assert value_text(0.0, may_be_off=False) == "0"
    assert value_text(0.123456) == "0.1235"
