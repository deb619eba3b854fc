"""verdict.json: published, whole, read back to the bit; changed or foreign, refused."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evidence_examples import noise, strategy
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from verdict_examples import BLIND, CLEAN, LEAKING, base, judged, run_with

from assay.config.settings import EvaluationSettings
from assay.research.run_result import RunResult
from assay.research.trials.evidence import evidence_of
from assay.research.trials.trial import trial_of
from assay.research.verdict.changes import trials_for_luck, what_would_change
from assay.research.verdict.document import figure_json, schema_document
from assay.research.verdict.judge import (
    GATES,
    LENGTH,
    Outcome,
    Verdict,
    concluded,
    judge,
    outcome_of,
)
from assay.research.verdict.meanings import MEANINGS
from assay.research.verdict.schema import (
    VerdictError,
    document_hash,
    document_of,
    read_verdict,
    schema_text,
    verdict_document,
    verdict_of,
    verdict_text,
)

OUTCOMES = pytest.mark.parametrize("outcome", list(Outcome), ids=lambda item: item.name)
SCHEMA = json.loads(schema_text())


def bits(value: object) -> object:
    """Return *value* so that equal means equal to the bit."""
    if isinstance(value, float):
        return np.float64(value).tobytes() if not math.isnan(value) else "nan"
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return (type(value), [bits(getattr(value, name)) for name in value.__dataclass_fields__])
    return value


def text_of(run: RunResult) -> str:
    return verdict_text(document_of(run))


def again(verdict: Verdict) -> Verdict:
    time_ns = run_with(Outcome.EDGE).strategies[0].time_ns
    span_ns = (int(time_ns[0]), int(time_ns[-1]))
    document = verdict_document(verdict, title="t", strategy="hybrid", span_ns=span_ns, hashes={})
    return verdict_of(verdict_text(document))


def with_numbers(verdict: Verdict, **changes: float) -> Verdict:
    """Return the verdict that follows from other figures."""
    assert verdict.trials is not None
    return concluded("hybrid", {**verdict.numbers, **changes}, verdict.trials, verdict.leaks)


def test_the_published_schema_is_the_one_that_is_read_by() -> None:
    assert schema_document() == SCHEMA
    Draft202012Validator.check_schema(SCHEMA)


@OUTCOMES
@pytest.mark.parametrize(
    "leaks", [None, CLEAN, LEAKING, BLIND], ids=["unasked", "clean", "leaking", "blind"]
)
def test_every_verdict_is_what_the_schema_asks_for(outcome: Outcome, leaks) -> None:
    run = judged(run_with(outcome), leaks)
    document = json.loads(text_of(run))
    Draft202012Validator(SCHEMA).validate(document)
    assert document["passed"] is (document["outcome"] == "edge")
    assert document["hash"] == document_hash(document)


@OUTCOMES
@pytest.mark.parametrize(
    "leaks", [None, CLEAN, LEAKING, BLIND], ids=["unasked", "clean", "leaking", "blind"]
)
def test_a_gate_reads_the_same_object(outcome: Outcome, leaks, tmp_path: Path) -> None:
    run = judged(run_with(outcome), leaks)
    path = tmp_path / "verdict.json"
    path.write_text(text_of(run), encoding="utf-8")
    verdict = read_verdict(path)
    assert bits(verdict) == bits(run.verdict)
    assert verdict.is_passed is run.verdict.is_passed
    assert verdict_of(text_of(run).encode()).outcome is run.verdict.outcome


def test_every_figure_has_a_meaning_and_every_meaning_a_figure() -> None:
    assert set(MEANINGS) == set(run_with(Outcome.EDGE).verdict.numbers)
    for outcome in Outcome:
        assert set(run_with(outcome).verdict.numbers) <= set(MEANINGS)


def test_unknown_and_infinite_figures_survive() -> None:
    verdict = with_numbers(
        judged(base(-0.5, 52_000, 1_600), CLEAN).verdict,
        alpha_t=math.nan, beta=-math.inf, residual_sharpe=-0.0, alpha_annual=5e-324,
        sharpe_low=math.nan, max_drawdown=math.nan,
    )  # fmt: skip
    assert math.isinf(verdict.numbers["track_record_years_min"])
    assert bits(again(verdict)) == bits(verdict)


@given(st.floats())
def test_every_figure_survives(value: float) -> None:
    verdict = with_numbers(run_with(Outcome.EDGE).verdict, beta=value)
    assert bits(again(verdict)) == bits(verdict)
    assert math.isnan(value) is (figure_json(value) is None)


def test_a_strategy_that_never_traded_has_a_verdict_too(tmp_path: Path) -> None:
    run = run_with(Outcome.NO_EDGE)
    one = run.strategies[0]
    still = replace(
        one,
        equity=np.full_like(one.equity, one.start_balance),
        balance=np.full_like(one.equity, one.start_balance),
        trades=one.trades[:0],
    )
    assert run.verdict.trials is not None
    verdict = judge(still, run.verdict.trials, {}, None, evaluation_settings(), leaks=CLEAN)
    assert not verdict.is_passed
    assert bits(again(verdict)) == bits(verdict)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_honest_verdict_is_refused(data: st.DataObject) -> None:
    """Whatever the record, its trials and the settings: what the judge writes, the gate reads."""
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 1_000)))
    n = draw(st.sampled_from([1, 2, 3, 5, 20, 21, 24, 60, 261, 700, 2_340]))
    returns = draw(st.sampled_from([0.0, 0.2, 1.0, 4.0, -3.0])) / 260.0 + noise(n, 0.0, rng)
    if draw(st.booleans()):
        returns[rng.integers(0, n, max(1, n // 3))] = 0.0
    returns *= draw(st.sampled_from([0.0, 1e-6, 1.0, 20.0]))
    one = strategy(np.maximum(returns, -1.0), n_trades=draw(st.sampled_from([1, 29, 30, 400])))
    nested, lost = draw(st.integers(0, 3)), draw(st.sampled_from([0, 0, 1, 40]))
    own = trial_of(one, settings_hash="own", data_hash="d", code_hash="c", at_ns=0)
    others = [
        replace(own, settings_hash=str(k), n_days=int(rng.integers(0, 4_000)), cases=k + 1,
                cases_effective=1.0 + k / 2.0, sharpe_daily=float(rng.normal(0.0, 0.1)),
                nested_in="walk" if k < nested else "")
        for k in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    verdict = judge(
        one,
        evidence_of([own, *others], lost=lost, walk="walk"),
        {"buy_and_hold": strategy(noise(n, 0.4, rng))} if draw(st.booleans()) else {},
        None,
        EvaluationSettings(
            confidence=draw(st.sampled_from([0.51, 0.95, 0.999])),
            years_min=draw(st.sampled_from([0.1, 1.0, 5.0])),
            trades_min=draw(st.sampled_from([1, 30, 31])),
            bootstrap_samples=100,
        ),
        random_sharpes=rng.normal(-1.0, 0.4, draw(st.sampled_from([0, 1, 18, 19, 100]))),
        leaks=draw(st.sampled_from([None, CLEAN, LEAKING, BLIND])),
    )
    span_ns = (int(one.time_ns[0]), int(one.time_ns[-1]))
    document = verdict_document(verdict, title="t", strategy="hybrid", span_ns=span_ns, hashes={})
    text = verdict_text(document)
    Draft202012Validator(SCHEMA).validate(json.loads(text))
    assert bits(verdict_of(text)) == bits(verdict)


def evaluation_settings():
    return EvaluationSettings(bootstrap_samples=100)


# What must be refused


def changed(document: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> str:
    """Return *document* after *change*, with a hash that fits again."""
    copy = json.loads(json.dumps(document))
    change(copy)
    return verdict_text({**copy, "hash": document_hash(copy)})


def put(value: object, *path: object) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = (
                next(item for item in document if item["name"] == key)
                if isinstance(document, list)
                else document[key]
            )
        document[path[-1]] = value

    return change


def without(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["checks"] = [item for item in document["checks"] if item["name"] not in names]

    return change


def call_it_an_edge(document: dict[str, Any]) -> None:
    document["outcome"], document["passed"] = "edge", True


def call_every_condition_held(document: dict[str, Any]) -> None:
    call_it_an_edge(document)
    document["checks"] = [item for item in document["checks"] if item["name"] != "power"]
    for check in document["checks"]:
        check["passed"] = True


def lower_every_threshold(document: dict[str, Any]) -> None:
    call_every_condition_held(document)
    for check in document["checks"]:
        check["threshold"] = 1.0 if check["name"] == "random_entries" else -1e9


def invent_the_deflated_ratio(document: dict[str, Any]) -> None:
    document["numbers"]["dsr"]["value"] = 0.9999
    for check in document["checks"]:
        if check["name"] == "deflated_sharpe":
            check["value"] = 0.9999


def lose_trials_for_nothing(document: dict[str, Any]) -> None:
    document["trials"].update(count=5_000, lost=4_997)
    for name, value in (("trials", 5_000.0), ("trials_lost", 4_997.0)):
        document["numbers"][name]["value"] = value


def ask_for_less(document: dict[str, Any]) -> None:
    document["numbers"]["asked_confidence"]["value"] = 0.51
    for check in document["checks"]:
        if check["name"] == "deflated_sharpe":
            check["threshold"] = 0.51


@OUTCOMES
def test_a_single_changed_letter_is_refused(outcome: Outcome) -> None:
    text = text_of(run_with(outcome))
    assert text.count("XAUUSD H1") == 1
    with pytest.raises(VerdictError, match="hash does not fit"):
        verdict_of(text.replace("XAUUSD H1", "XAUUSD H2"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (call_it_an_edge, "outcome = 'edge', where its own figures give 'no edge'"),
        (put(True, "passed"), "passed = True, where its own figures give False"),
        (call_every_condition_held, "checks = "),
        (lower_every_threshold, "checks = "),
        (put(True, "checks", "deflated_sharpe", "passed"), "checks.deflated_sharpe.passed = True"),
        (put(0.99, "checks", "deflated_sharpe", "value"), "checks.deflated_sharpe.value = 0.99"),
        (put(-9.0, "checks", "buy_and_hold", "threshold"), "checks.buy_and_hold.threshold = -9.0"),
        (put("Splendid.", "checks", "years", "text"), "checks.years.text = 'Splendid.'"),
        (put(None, "checks", "net_profit", "value"), "checks.net_profit.value = nan"),
        (without("deflated_sharpe"), "checks = "),
        (without("power"), "checks = "),
        (without("leaks"), "checks = "),
        (without(*GATES, *LENGTH), "checks = "),
        (put([], "checks"), "checks = "),
        (put(1, "trials", "count"), "trials.clusters = |trials.effective = "),
        (put(0, "trials", "count"), "trials.count = 0; it must be at least 1"),
        (put(1.0, "trials", "effective"), "numbers.trials_effective.value = "),
        (put(1e6, "trials", "effective"), "trials.effective = 1000000.0; it must be between"),
        (put(None, "trials", "effective"), "trials.effective = nan; it must be between"),
        (put(1e-2, "trials", "variance_luck"), "numbers.luck_sharpe.value = "),
        (put(2.0, "trials", "correlation"), "trials.correlation = 2.0; it must be a share"),
        (put(0.99, "numbers", "dsr", "value"), "numbers.dsr.value = 0.99"),
        (put(0.99, "numbers", "psr", "value"), "numbers.psr.value = 0.99"),
        (put(9.9, "numbers", "sharpe_daily", "value"), "numbers.sharpe.value = "),
        (put(None, "numbers", "sharpe_daily", "value"), "it must be a number"),
        (put(1.0, "numbers", "n_days", "value"), "numbers.n_days.value = 1.0; it must be a whole"),
        (put("infinity", "numbers", "n_days", "value"), "numbers.n_days.value = inf"),
        (put(0.5, "numbers", "asked_confidence", "value"), "asked_confidence.value = 0.5"),
        (lambda document: document["numbers"].pop("dsr"), "lacks the figures dsr"),
        (lambda document: document["numbers"].pop("beta"), "lacks the figures beta"),
        (put({"value": 1.0, "text": "x"}, "numbers", "mine"), "no verdict has: mine"),
        (put("Anything.", "numbers", "dsr", "text"), "numbers.dsr.text = 'Anything.'"),
        (put("It made a fortune.", "headline"), "headline = 'It made a fortune.'"),
        (put("Trade it.", "explanation"), "explanation = 'Trade it.'"),
        (put(["Nothing."], "would_change"), "would_change = "),
        (put([], "reasons_against"), "reasons_against = "),
        (put("indicators", "strategy"), "headline = 'Hybrid made"),
        (put("assay.verdict/2", "schema"), "assay.verdict/1"),
        (put("maybe", "outcome"), "schema asks for; outcome"),
        (put(1, "passed"), "schema asks for; passed: .* was 1"),
        (put("1", "checks", "years", "value"), "schema asks for; checks"),
        (put(True, "checks", "years", "value"), "schema asks for; checks"),
        (put("x", "more"), "schema asks for; more"),
        (lambda document: document.pop("trials"), "schema asks for; trials"),
        (put(None, "trials"), "schema asks for; trials: .* was None"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(change, told: str) -> None:
    document = document_of(run_with(Outcome.NO_EDGE))
    assert verdict_of(verdict_text(document)).outcome is Outcome.NO_EDGE
    with pytest.raises(VerdictError, match=told) as caught:
        verdict_of(changed(document, change))
    assert "Run `assay run` again" in caught.value.remedy


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put(None, "trials"), "schema asks for; trials"),
        (put(None, "leaks"), "checks.leaks.value = 0.0, where its own figures give nan"),
        (put(None, "span"), "span = null; an edge has a first and a last event"),
        (invent_the_deflated_ratio, "numbers.dsr.value = 0.9999"),
        (lose_trials_for_nothing, "trials.effective = .* each lost trial is an independent one"),
        (ask_for_less, "checks.deflated_sharpe.threshold = 0.51"),
        (put(0.01, "checks", "years", "threshold"), "checks.years.threshold = 0.01"),
        (put(1.0, "checks", "trades", "threshold"), "checks.trades.threshold = 1.0"),
        (put(0.9, "checks", "random_entries", "value"), "checks.random_entries.value = 0.9"),
        (put(0.9, "checks", "random_entries", "threshold"), "random_entries.threshold = 0.9"),
        (put(50.0, "numbers", "years", "value"), "numbers.years.value = 50.0; it must be the days"),
        (put(99.0, "numbers", "sharpe", "value"), "numbers.sharpe.value = 99.0"),
        (put(1e-12, "trials", "variance_luck"), "trials.variance_luck = 1e-12; it must be at"),
        (put(0, "trials", "recorded"), "trials.recorded = 0; it must be more than trials.nested"),
        (put(10**9, "trials", "nested"), "trials.nested = 1000000000; it must be at most"),
        (put(99, "trials", "lost"), "trials.lost = 99; it must be at most trials.count"),
        (put(-1.0, "trials", "variance_observed"), "trials.variance_observed = -1.0"),
        (put(1.0, "numbers", "kurtosis", "value"), "numbers.kurtosis.value = 1.0; it must be at"),
        (put(2.0, "numbers", "max_drawdown", "value"), "max_drawdown.value = 2.0; it must be a"),
        (put(-0.5, "numbers", "total_return", "value"), "on the same side of 0 as net_profit"),
        (put(9.9, "numbers", "sharpe_low", "value"), "sharpe_low.value = 9.9; it must be at most"),
        (put(1e6, "numbers", "random_as_good", "value"), "at most random_runs"),
        (put(0.0, "numbers", "random_runs", "value"), "random"),
        (put(2.5, "numbers", "closed_trades", "value"), "closed_trades.value = 2.5"),
        (put(1e9, "numbers", "days_per_year", "value"), "days_per_year.value = 1000000000.0"),
        (put("It lost money.", "headline"), "headline = 'It lost money.'"),
        (put("2030-01-01T00:00:00Z", "span", "first"), "span.last = .* which is before"),
        (put("2020-99-99T99:00:00Z", "span", "last"), "span.last = .* must be a day and a time"),
        (put("1990-01-01T00:00:00Z", "span", "first"), "days; numbers.years.value says"),
        (put("0000-01-01T00:00:00Z", "span", "first"), "span.first = .* must be a day and a time"),
    ],
)  # fmt: skip
def test_an_edge_is_claimed_by_its_own_figures_alone(change, told: str) -> None:
    document = document_of(run_with(Outcome.EDGE))
    assert verdict_of(verdict_text(document)).is_passed
    with pytest.raises(VerdictError, match=told):
        verdict_of(changed(document, change))


@pytest.mark.parametrize("part", ["trials", "leaks", "span"])
def test_the_schema_alone_refuses_an_edge_without_its_parts(part: str) -> None:
    document = json.loads(text_of(run_with(Outcome.EDGE)))
    schema = Draft202012Validator(SCHEMA)
    assert schema.is_valid(document)
    assert not schema.is_valid({**document, part: None})
    assert not schema.is_valid({**document, "passed": False})


@given(data=st.data())
def test_no_figure_of_an_edge_can_be_changed_alone(data: st.DataObject) -> None:
    """Whatever is moved is refused, unless nothing that is asked or said rests on it."""
    document = json.loads(json.dumps(document_of(run_with(Outcome.EDGE))))
    free = {"alpha_annual", "residual_sharpe", "max_drawdown", "closed_trades", "net_profit",
            "total_return", "sharpe_low", "sharpe_high", "random_sharpe", "beta",
            "asked_years", "asked_trades", "asked_confidence"}  # fmt: skip
    name = data.draw(st.sampled_from(sorted(set(document["numbers"]) - free)))
    value = data.draw(st.floats(-1e6, 1e6))
    was = document["numbers"][name]["value"]
    if was is not None and math.isclose(was, value, rel_tol=2e-9, abs_tol=1e-11):
        return
    with pytest.raises(VerdictError):
        verdict_of(changed(document, put(value, "numbers", name, "value")))


@pytest.mark.parametrize(
    ("leaks", "change", "told"),
    [
        (LEAKING, put(None, "leaks"), "checks.leaks.value"),
        (LEAKING, without("leaks"), "checks = "),
        (LEAKING, put([], "leaks", "leaks"), "leaks.clean = False"),
        (LEAKING, put(True, "leaks", "clean"), "leaks.clean = True"),
        (LEAKING, put("", "leaks", "reason"), "leaks.reason = ''"),
        (LEAKING, put(True, "checks", "leaks", "passed"), "checks.leaks.passed = True"),
        (CLEAN, put([], "leaks", "canaries"), "leaks.clean = True"),
        (CLEAN, put(["a stage"], "leaks", "blind"), "leaks.clean = True"),
        (CLEAN, put([], "leaks", "stages"), "leaks.stages without any column"),
        (CLEAN, lambda d: d["leaks"]["canaries"][0].update(found=[]), "leaks.clean = True"),
        (CLEAN, lambda d: d["leaks"]["canaries"][0].update(is_found=False), "is_found = False"),
    ],
)
def test_leaks_cannot_be_taken_out(leaks, change, told: str) -> None:
    document = document_of(judged(run_with(Outcome.EDGE), leaks))
    with pytest.raises(VerdictError, match=told):
        verdict_of(changed(document, change))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", "{}", "\ud800", b"\xff\xfe", '{"schema": NaN}', "[" * 100_000,
     '{"schema": "assay.verdict/1"}', '{"schema": "assay.verdict/1", "schema": "assay.verdict/1"}',
     '{"schema": "assay.results/1"}', "1" * 10_000],
)  # fmt: skip
def test_a_foreign_file_is_refused(text: str | bytes) -> None:
    with pytest.raises(VerdictError):
        verdict_of(text)


def test_a_number_too_large_is_refused() -> None:
    text = text_of(run_with(Outcome.EDGE))
    beta = json.dumps(json.loads(text)["numbers"]["beta"]["value"])
    assert beta in text
    with pytest.raises(VerdictError):
        verdict_of(text.replace(f'"value": {beta}', '"value": 1e999', 1))


def test_a_file_that_is_absent_or_huge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerdictError, match="cannot be read"):
        read_verdict(tmp_path / "verdict.json")
    with (tmp_path / "verdict.json").open("wb") as file:
        file.truncate(17 * 2**20)
    with pytest.raises(VerdictError, match="larger than 16 MiB"):
        read_verdict(tmp_path / "verdict.json")


@given(data=st.data())
def test_no_single_byte_can_be_changed_unseen(data: st.DataObject) -> None:
    text = text_of(run_with(Outcome.EDGE)).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255))
    other = text[:at] + bytes([byte]) + text[at + 1 :]
    try:
        found = verdict_of(other)
    except VerdictError:
        return
    assert bits(found) == bits(run_with(Outcome.EDGE).verdict)  # white space, or no change


# The rule, and what would change it


@OUTCOMES
def test_the_rule_asked_again_gives_the_same_answer(outcome: Outcome) -> None:
    verdict = run_with(outcome).verdict
    assert outcome_of(verdict.checks) is outcome
    assert {check.name for check in verdict.checks} <= GATES | LENGTH | {"leaks"}


@OUTCOMES
def test_every_verdict_says_what_would_change_it(outcome: Outcome) -> None:
    told = what_would_change(run_with(outcome).verdict)
    assert told
    assert all(text.endswith(".") and "nan" not in text for text in told)
    assert document_of(run_with(outcome))["would_change"] == list(told)


def test_a_leak_is_named_and_a_blind_prover_too() -> None:
    edge = run_with(Outcome.EDGE)
    assert "labels, move" in what_would_change(judged(edge, LEAKING).verdict)[0]
    assert "find every leak" in what_would_change(judged(edge, BLIND).verdict)[0]


def test_the_trials_that_luck_needs_are_where_the_deflated_ratio_falls_below() -> None:
    from assay.research.statistics.sharpe import deflated_sharpe

    verdict = run_with(Outcome.EDGE).verdict
    numbers, trials = verdict.numbers, verdict.trials
    assert trials is not None
    found = trials_for_luck(verdict, 0.95)
    assert math.isfinite(found)

    def dsr(count: float) -> float:
        return deflated_sharpe(
            numbers["sharpe_daily"],
            int(numbers["n_days"]),
            count,
            trials.variance_luck,
            numbers["skew"],
            numbers["kurtosis"],
        )

    assert dsr(found) >= 0.95 > dsr(1.002 * found)
    assert trials_for_luck(verdict, 1.0) == 1.0
    assert trials_for_luck(verdict, 1e-9) == math.inf


# The documentation


def page_of_docs(name: str) -> str:
    return (Path(__file__).resolve().parents[2] / "docs" / name).read_text(encoding="utf-8")


def test_the_documentation_names_every_key_answer_and_default() -> None:
    page = page_of_docs("verdict.md")
    for key in SCHEMA["properties"]:
        assert f"`{key}`" in page, key
    for outcome in Outcome:
        assert f"| **{outcome.value}** |" in page
    usual = EvaluationSettings()
    assert f"years ≥ {usual.years_min:g}" in page
    assert f"closed trades ≥ {usual.trades_min}" in page
    assert f"`evaluation.confidence` ({usual.confidence:g})" in page


def test_the_documentation_lists_the_space_that_is_searched() -> None:
    from assay.config.settings import Settings
    from assay.research.search.space import DEFAULT_SPACE, space_of

    page = page_of_docs("optimisation.md")
    for name, values in DEFAULT_SPACE.items():
        assert f"| `{name}` | {', '.join(f'{value:g}' for value in values)} |" in page, name
    settings = Settings()
    assert f"{space_of(settings).n_points:,} configurations" in page
    search = settings.search
    for key, value in (
        ("dispersion_weight", search.dispersion_weight),
        ("prune_p", search.prune_p),
        ("adopt_p", search.adopt_p),
    ):
        told = page.split(f"`search.{key}`")[1][:12]
        assert f"{value:g}" in told, key
