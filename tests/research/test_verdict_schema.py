"""verdict.json: published, whole, read back to the bit; changed or foreign, refused."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from verdict_examples import BLIND, CLEAN, LEAKING, judged, run_with

from assay.research.run_result import RunResult
from assay.research.verdict.changes import trials_for_luck, what_would_change
from assay.research.verdict.document import figure_json, schema_document
from assay.research.verdict.judge import GATES, LENGTH, Outcome, Verdict, judge, outcome_of
from assay.research.verdict.meanings import MEANINGS
from assay.research.verdict.schema import (
    HOLDS,
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
    document = verdict_document(verdict, title="t", strategy="s", span_ns=None, hashes={})
    return verdict_of(verdict_text(document))


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
    run = run_with(Outcome.NO_EDGE)
    numbers = {
        **run.verdict.numbers,
        "track_record_years_min": math.inf,
        "alpha_t": math.nan,
        "beta": -math.inf,
        "residual_sharpe": -0.0,
        "alpha_annual": 5e-324,
    }
    verdict = replace(run.verdict, numbers=numbers)
    assert bits(again(verdict)) == bits(verdict)


@given(st.floats())
def test_every_figure_survives(value: float) -> None:
    verdict = run_with(Outcome.EDGE).verdict
    verdict = replace(verdict, numbers={**verdict.numbers, "beta": value})
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
    verdict = judge(still, run.verdict.trials, {}, None, evaluation_settings())
    assert not verdict.is_passed
    assert bits(again(verdict)) == bits(verdict)


def evaluation_settings():
    from assay.config.settings import EvaluationSettings

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


def raise_the_deflated_ratio(document: dict[str, Any]) -> None:
    call_every_condition_held(document)
    for check in document["checks"]:
        check["value"] = abs(check["value"]) + 1e6 if check["name"] in HOLDS else check["value"]
    by_name = {check["name"]: check for check in document["checks"]}
    by_name["deflated_sharpe"]["value"] = document["numbers"]["dsr"]["value"] = 0.99


@OUTCOMES
def test_a_single_changed_letter_is_refused(outcome: Outcome) -> None:
    text = text_of(run_with(outcome))
    assert text.count("XAUUSD H1") == 1
    with pytest.raises(VerdictError, match="hash does not fit"):
        verdict_of(text.replace("XAUUSD H1", "XAUUSD H2"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (call_it_an_edge, "says what its conditions do not"),
        (put(True, "passed"), "says what its conditions do not"),
        (call_every_condition_held, "value and threshold do not"),
        (raise_the_deflated_ratio, "does not follow from the others"),
        (put(True, "checks", "deflated_sharpe", "passed"), "value and threshold do not"),
        (put(None, "checks", "net_profit", "value"), "value and threshold do not|figure"),
        (without("deflated_sharpe"), "each condition of a verdict once"),
        (without("power"), "the condition on power"),
        (without(*GATES, *LENGTH), "each condition of a verdict once"),
        (put([], "checks"), "each condition of a verdict once"),
        (put(1, "trials", "count"), "does not follow|more independent trials"),
        (put(1.0, "trials", "effective"), "does not follow from the others"),
        (put(1e6, "trials", "effective"), "more independent trials than trials"),
        (put(1e-2, "trials", "variance_luck"), "does not follow from the others"),
        (put(0.99, "numbers", "dsr", "value"), "does not follow from the others"),
        (put(0.99, "numbers", "psr", "value"), "does not follow from the others"),
        (put(9.9, "numbers", "sharpe_daily", "value"), "does not follow from the others"),
        (put(None, "numbers", "sharpe_daily", "value"), "must know the ratio"),
        (put(1.0, "numbers", "n_days", "value"), "at least two days"),
        (put("infinity", "numbers", "n_days", "value"), "at least two days"),
        (lambda document: document["numbers"].pop("dsr"), "lacks the figures dsr"),
        (put("assay.verdict/2", "schema"), "assay.verdict/1"),
        (put("maybe", "outcome"), "schema asks for; outcome"),
        (put(1, "passed"), "schema asks for; passed"),
        (put("1", "checks", "years", "value"), "schema asks for; checks"),
        (put(True, "checks", "years", "value"), "schema asks for; checks"),
        (put("x", "more"), "schema asks for; more"),
        (lambda document: document.pop("trials"), "schema asks for; trials"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(change, told: str) -> None:
    document = document_of(run_with(Outcome.NO_EDGE))
    assert verdict_of(verdict_text(document)).outcome is Outcome.NO_EDGE
    with pytest.raises(VerdictError, match=told):
        verdict_of(changed(document, change))


@pytest.mark.parametrize(
    ("leaks", "change", "told"),
    [
        (LEAKING, put(None, "leaks"), "together with the report of the prover"),
        (LEAKING, without("leaks"), "together with the report of the prover"),
        (LEAKING, put([], "leaks", "leaks"), "what the report of the prover does not"),
        (LEAKING, put(True, "checks", "leaks", "passed"), "what the report of the prover does not"),
        (CLEAN, put([], "leaks", "canaries"), "what the report of the prover does not"),
        (CLEAN, put(["a stage"], "leaks", "blind"), "what the report of the prover does not"),
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
    from assay.config.settings import EvaluationSettings

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
