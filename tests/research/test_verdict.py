"""The verdict: rarely fooled by noise, rarely blind to an edge, and never without a reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evidence_examples import CLEAN, noise, strategy

from assay.config.settings import EvaluationSettings
from assay.research.benchmarks import random_runs
from assay.research.leaks.evidence import Leak, LeakReport
from assay.research.metrics import measure
from assay.research.result import Forecasts, StrategyResult
from assay.research.trials.evidence import TrialEvidence
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import trial_of
from assay.research.verdict.judge import Outcome, Verdict, judge

SETTINGS = EvaluationSettings(bootstrap_samples=200)
NINE_YEARS = 9 * 260


def evidence(count: int, n_days: int = NINE_YEARS, effective: float | None = None) -> TrialEvidence:
    return TrialEvidence(
        count=count,
        effective=float(count) if effective is None else effective,
        correlation=0.0,
        variance_luck=1.0 / (n_days - 1),
        variance_observed=1.0 / (n_days - 1),
        trials_hash="0",
    )


def verdict_on(
    returns: np.ndarray,
    rng: np.random.Generator,
    *,
    n_trades: int = 400,
    trials: TrialEvidence | None = None,
    holding: np.ndarray | None = None,
    randoms: np.ndarray | None = None,
    settings: EvaluationSettings = SETTINGS,
    leaks: LeakReport | None = CLEAN,
) -> Verdict:
    n = len(returns)
    return judge(
        strategy(returns, n_trades=n_trades),
        trials or evidence(3, n, effective=2.0),
        {
            "random": strategy(noise(n, 0.0, rng), name="random"),
            "buy_and_hold": strategy(
                noise(n, 0.4, rng) if holding is None else holding, name="buy_and_hold"
            ),
        },
        None,
        settings,
        random_sharpes=rng.standard_normal(200) * np.sqrt(260 / n) if randoms is None else randoms,
        leaks=leaks,
    )


def exact(n: int, sharpe: float, rng: np.random.Generator) -> np.ndarray:
    """Return fat-tailed returns whose sample ratio is exactly *sharpe*."""
    shocks = noise(n, 0.0, rng)
    shocks = (shocks - shocks.mean()) / shocks.std(ddof=1)
    return 0.1 / np.sqrt(260.0) * (shocks + sharpe / np.sqrt(260.0))


def test_noise_is_called_an_edge_in_fewer_than_one_of_twenty_runs() -> None:
    rng = np.random.default_rng(11)
    found = sum(
        verdict_on(noise(NINE_YEARS, 0.0, rng), rng).outcome is Outcome.EDGE for _ in range(150)
    )
    assert found <= 4  # at a rate of 1 %, more than 4 of 150 happen once in 60 suites


def test_an_edge_of_nine_years_and_a_ratio_of_one_point_three_is_found() -> None:
    rng = np.random.default_rng(12)
    found = sum(
        verdict_on(noise(NINE_YEARS, 1.3, rng), rng).outcome is Outcome.EDGE for _ in range(100)
    )
    assert found >= 91


def test_a_clear_edge_is_an_edge_with_nothing_against_it() -> None:
    rng = np.random.default_rng(1)
    verdict = verdict_on(exact(NINE_YEARS, 1.8, rng), rng)
    assert verdict.outcome is Outcome.EDGE
    assert all(check.passed for check in verdict.checks)
    assert "1.8" in verdict.headline
    assert verdict.reasons_for


def test_more_trials_turn_the_same_record_from_edge_into_luck() -> None:
    rng = np.random.default_rng(2)
    returns = exact(NINE_YEARS, 1.2, rng)
    one = verdict_on(returns, np.random.default_rng(3), trials=evidence(1))
    many = verdict_on(returns, np.random.default_rng(3), trials=evidence(500))
    assert one.outcome is Outcome.EDGE
    assert many.outcome is Outcome.NO_EDGE
    assert many.numbers["dsr"] < one.numbers["dsr"] == one.numbers["psr"]
    assert any("500 recorded trials" in reason for reason in many.reasons_against)


@pytest.mark.parametrize(
    ("n_days", "n_trades", "word"), [(200, 400, "years"), (NINE_YEARS, 20, "trades")]
)
def test_a_short_record_is_not_enough_however_good(n_days: int, n_trades: int, word: str) -> None:
    rng = np.random.default_rng(4)
    verdict = verdict_on(exact(n_days, 4.0, rng), rng, n_trades=n_trades)
    assert verdict.outcome is Outcome.NOT_ENOUGH_DATA
    assert word in verdict.headline
    assert any("asked for" in reason for reason in verdict.reasons_against)


def test_a_record_too_short_for_even_a_strong_edge_is_not_called_no_edge() -> None:
    rng = np.random.default_rng(5)
    verdict = verdict_on(exact(280, 0.3, rng), rng, n_trades=120, trials=evidence(3, 280))
    assert verdict.outcome is Outcome.NOT_ENOUGH_DATA
    assert next(check.name for check in verdict.checks if not check.passed) == "power"


def test_a_leveraged_copy_of_the_market_is_no_edge() -> None:
    rng = np.random.default_rng(6)
    market = exact(NINE_YEARS, 1.5, rng)
    verdict = verdict_on(1.5 * market, rng, holding=market)
    assert verdict.outcome is Outcome.NO_EDGE
    assert "buying and holding" in verdict.headline


def test_what_random_entries_do_as_well_is_no_edge() -> None:
    rng = np.random.default_rng(7)
    verdict = verdict_on(exact(NINE_YEARS, 1.5, rng), rng, randoms=rng.normal(1.4, 0.3, 200))
    assert verdict.outcome is Outcome.NO_EDGE
    assert "entries at random" in verdict.headline


def test_a_missing_benchmark_can_not_help_a_strategy() -> None:
    rng = np.random.default_rng(8)
    one = strategy(exact(NINE_YEARS, 2.0, rng))
    verdict = judge(one, evidence(1), {}, None, SETTINGS, leaks=CLEAN)
    assert verdict.outcome is Outcome.NO_EDGE
    failed = {check.name for check in verdict.checks if not check.passed}
    assert failed == {"random_entries", "buy_and_hold"}


@pytest.mark.parametrize(("n_runs", "told"), [(0, "not compared"), (18, "19 runs are asked for")])
def test_a_few_random_runs_show_nothing(n_runs: int, told: str) -> None:
    rng = np.random.default_rng(9)
    verdict = verdict_on(exact(NINE_YEARS, 1.8, rng), rng, randoms=np.full(n_runs, -5.0))
    (check,) = (check for check in verdict.checks if check.name == "random_entries")
    assert not check.passed and np.isnan(check.value)
    assert told in check.text
    assert verdict.outcome is Outcome.NO_EDGE
    enough = verdict_on(exact(NINE_YEARS, 1.8, rng), rng, randoms=np.full(19, -5.0))
    (check,) = (check for check in enough.checks if check.name == "random_entries")
    assert check.passed and check.value == pytest.approx(0.05)


@pytest.mark.parametrize(("confidence", "n_runs"), [(0.51, 100), (0.95, 100), (0.999, 5_000)])
def test_any_confidence_that_may_be_asked_can_be_reached_at_random(confidence, n_runs) -> None:
    assert random_runs(confidence) == n_runs
    assert 1.0 / (1.0 + n_runs) < 1.0 - confidence


LENIENT = EvaluationSettings(confidence=0.51, years_min=0.01, trades_min=1, bootstrap_samples=200)


@pytest.mark.parametrize(
    ("sharpe", "n_days", "n_trades", "outcome"),
    [(0.4, NINE_YEARS, 400, Outcome.NO_EDGE), (6.0, 200, 400, Outcome.NOT_ENOUGH_DATA),
     (3.0, NINE_YEARS, 20, Outcome.NOT_ENOUGH_DATA), (2.0, NINE_YEARS, 400, Outcome.EDGE)],
)  # fmt: skip
def test_asking_for_less_than_the_gate_makes_no_edge(
    sharpe: float, n_days: int, n_trades: int, outcome: Outcome
) -> None:
    rng = np.random.default_rng(21)
    returns = exact(n_days, sharpe, rng)
    told = {
        settings.confidence: verdict_on(
            returns, np.random.default_rng(3), n_trades=n_trades, settings=settings
        )
        for settings in (SETTINGS, LENIENT)
    }
    usual, lenient = told[0.95], told[0.51]
    assert lenient.outcome is usual.outcome is outcome
    assert [check.passed for check in lenient.checks] == [check.passed for check in usual.checks]
    assert {check.name: check.threshold for check in lenient.checks} == {
        check.name: check.threshold for check in usual.checks
    }
    against = " ".join(lenient.reasons_against)
    for key, own, least in (
        ("confidence", "0.51", "0.95"), ("years_min", "0.01", "1"), ("trades_min", "1", "30"),
    ):  # fmt: skip
        assert f"evaluation.{key} is {own}, and the gate asks for {least}" in against
    assert not any("the gate asks" in reason for reason in usual.reasons_against)


def test_the_interval_of_lenient_settings_is_that_of_the_gate() -> None:
    rng = np.random.default_rng(22)
    returns = exact(NINE_YEARS, 0.4, rng)
    assert measure(strategy(returns), confidence=0.51, samples=200).sharpe.low > 0.0
    verdict = verdict_on(returns, rng, settings=LENIENT)
    (check,) = (check for check in verdict.checks if check.name == "sharpe_interval")
    assert check.value < 0.0 and "95%" in check.text


@pytest.mark.parametrize(
    ("name", "threshold"),
    [("years", 0.5), ("trades", 29.0), ("deflated_sharpe", 0.94), ("random_entries", 0.06),
     ("buy_and_hold", 1.64), ("net_profit", -1.0), ("sharpe_interval", -0.1), ("leaks", 1.0)],
)  # fmt: skip
def test_no_object_passes_whose_conditions_ask_for_less(name: str, threshold: float) -> None:
    rng = np.random.default_rng(1)
    edge = verdict_on(exact(NINE_YEARS, 1.8, rng), rng)
    assert edge.is_passed
    lower = [replace(check, threshold=threshold) if check.name == name else check
             for check in edge.checks]  # fmt: skip
    assert not replace(edge, checks=tuple(lower)).is_passed
    without = tuple(check for check in edge.checks if check.name != name)
    assert not replace(edge, checks=without).is_passed
    failed = [replace(check, passed=check.name != name) for check in edge.checks]
    assert not replace(edge, checks=tuple(failed)).is_passed


def test_asking_for_more_is_judged_by() -> None:
    rng = np.random.default_rng(23)
    strict = EvaluationSettings(
        confidence=0.99, years_min=5.0, trades_min=300, bootstrap_samples=200
    )
    verdict = verdict_on(exact(NINE_YEARS, 1.2, rng), rng, settings=strict)
    thresholds = {check.name: check.threshold for check in verdict.checks}
    assert (thresholds["years"], thresholds["trades"]) == (5.0, 300.0)
    assert thresholds["deflated_sharpe"] == 0.99
    assert thresholds["random_entries"] == pytest.approx(0.01)
    assert not any("the gate asks" in reason for reason in verdict.reasons_against)


def test_nobody_is_an_edge_before_the_prover_was_asked() -> None:
    rng = np.random.default_rng(1)
    returns = exact(NINE_YEARS, 1.8, rng)
    verdict = verdict_on(returns, rng, leaks=None)
    assert verdict.outcome is Outcome.NOT_EVIDENCE and not verdict.is_passed
    assert "The leak prover was not asked" in verdict.reasons_against[0]
    assert "nobody knows" in verdict.headline


@pytest.mark.parametrize(
    ("check", "told"), [("poison", "knew the future"), ("repeat", "does not do what it says")]
)
def test_the_headline_names_the_fault_that_the_prover_found(check, told) -> None:
    rng = np.random.default_rng(2)
    leak = Leak(stage="strategy", column="mine", check=check, bar=3, count=1, detail="why")
    verdict = verdict_on(exact(NINE_YEARS, 1.8, rng), rng, leaks=replace(CLEAN, leaks=(leak,)))
    assert verdict.outcome is Outcome.NOT_EVIDENCE
    assert told in verdict.headline


def test_a_strategy_that_never_traded_gets_an_answer_in_words() -> None:
    idle = strategy(np.zeros(NINE_YEARS))
    idle = replace(idle, trades=idle.trades[:0])
    verdict = judge(idle, evidence(1), {"buy_and_hold": idle}, None, SETTINGS, leaks=CLEAN)
    assert verdict.outcome is Outcome.NOT_ENOUGH_DATA
    assert verdict.headline.startswith("0 trades")
    assert "nan" not in " ".join((verdict.headline, verdict.explanation, *verdict.reasons))


def test_the_trials_of_a_run_come_from_the_ledger(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    ledger = TrialLedger(tmp_path / "trials.jsonl")
    paths: list[StrategyResult] = [
        strategy(noise(NINE_YEARS, 0.5, rng), name=name) for name in ("hybrid", "ai", "indicators")
    ]
    ledger.record_all(
        [trial_of(p, settings_hash="s", data_hash="d", code_hash="c", at_ns=0) for p in paths]
    )
    verdict = verdict_on(noise(NINE_YEARS, 0.5, rng), rng, trials=ledger.evidence())
    assert verdict.numbers["trials"] == 3.0


@pytest.mark.parametrize("slope", [0.0, 3.0])
def test_forecasts_are_told_but_do_not_decide(slope: float) -> None:
    rng = np.random.default_rng(15)
    p = rng.uniform(0.4, 0.6, 4_000)
    forecasts = Forecasts(
        time_ns=np.arange(4_000),
        p=p,
        y=(rng.random(4_000) < 0.5 + slope * (p - 0.5)).astype(np.int8),
        horizon=np.ones(4_000, np.int64),
        fold=np.zeros(4_000, np.int64),
    )
    result = strategy(exact(NINE_YEARS, 1.8, rng))
    without = judge(result, evidence(1), {}, None, SETTINGS, leaks=CLEAN)
    told = judge(result, evidence(1), {}, forecasts, SETTINGS, leaks=CLEAN)
    assert told.outcome is without.outcome
    reasons = told.reasons_for if slope else told.reasons_against
    assert any("rank outcomes" in reason for reason in reasons)


def test_the_same_record_gets_the_same_verdict() -> None:
    rng = np.random.default_rng(14)
    returns = noise(NINE_YEARS, 0.6, rng)
    one = verdict_on(returns, np.random.default_rng(1))
    two = verdict_on(returns, np.random.default_rng(1))
    assert one == two
