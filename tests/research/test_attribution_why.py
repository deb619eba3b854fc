"""Why a decision fell as it did: the engine's own answer, with the numbers it saw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from attribution_worlds import random_account, split_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.domain.errors import ConfigError, DataError
from assay.domain.refusal import RefusalReason
from assay.engine.answers import record_answers
from assay.engine.backtest import RuleChange
from assay.research.attribution.decisions import FINE, Decisions, decisions_of, six_digits
from assay.research.attribution.gates import LIMIT_WORDS, State, gates_of, kelly_of, least_limit
from assay.research.attribution.storing import (
    DECISIONS_FILE,
    decisions_bytes,
    read_decisions,
    read_trade,
)
from assay.research.attribution.why import event_at, event_of_trade, explain, refused_events
from assay.research.benchmarks import as_result
from assay.risk.sizing import Limits

accounts = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([1, 3]), st.booleans())
law = hypothesis_settings(max_examples=25, deadline=None)


def decided(seed: int, n_symbols: int = 1, *, with_requests: bool = False):
    account = random_account(seed, n_symbols, with_requests=with_requests)
    market, told, result = account
    return decisions_of(result, market, told, split_of(account)), result, told


@law
@given(accounts)
def test_every_refusal_is_explained_by_its_own_gate(drawn) -> None:
    seed, n_symbols, with_requests = drawn
    decisions, result, _ = decided(seed, n_symbols, with_requests=with_requests)
    named: dict[str, int] = {}
    for event in range(len(decisions)):
        row = decisions.row(event)
        gates = gates_of(row, decisions.rules[0])
        states = [gate.state for gate in gates]
        refused = [gate.name for gate in gates if gate.state is State.REFUSED]
        if refused:
            named[refused[0]] = named.get(refused[0], 0) + 1
            place = states.index(State.REFUSED)
            assert states[:place] == [State.PASSED] * place
            assert states[place + 1 :] == [State.NOT_ASKED] * (len(states) - place - 1)
        else:
            assert len(set(states)) == 1
        assert (State.PASSED in states and not refused) == (row["lots"] > 0.0)
    expected = {
        name: n
        for name, n in result.refusals.items()
        if RefusalReason[name] <= RefusalReason.BELOW_MINIMUM_SIZE
    }
    assert named == expected


@law
@given(accounts)
def test_the_number_that_refused_breaks_its_limit_and_one_that_passed_does_not(drawn) -> None:
    decisions, _, _ = decided(drawn[0], drawn[1])
    for event in np.flatnonzero(decisions.columns["refused"] | (decisions.columns["lots"] > 0)):
        for gate in gates_of(decisions.row(event), decisions.rules[0]):
            if gate.value is None or gate.threshold is None:
                continue
            below = gate.name == "POSITIONS_LIMIT"
            at_least = gate.name == "BELOW_MINIMUM_SIZE"
            value, limit = gate.value, gate.threshold
            if below:
                holds = value < limit
            else:
                holds = value >= limit * (1.0 - 1e-6) if at_least else value > limit
            assert holds == (gate.state is State.PASSED), (gate, event)


@law
@given(accounts)
def test_every_trade_of_a_view_is_found_by_its_number(drawn) -> None:
    decisions, result, _ = decided(drawn[0], drawn[1])
    for number, trade in enumerate(result.trades, start=1):
        event = event_of_trade(decisions, number)
        found = explain(decisions, event)

        assert found.opens == number
        assert found.outcome in ("entered", "left and entered")
        assert found.side == ("long" if trade["side"] > 0 else "short")
        assert found.lots == pytest.approx(trade["lots"])
        assert found.sized_by in LIMIT_WORDS
        held = decisions.columns["trade"]
        mine = np.flatnonzero(held == number)
        assert len(mine) == 0 or event < mine[0]


def test_the_parts_of_the_lean_give_the_score() -> None:
    decisions, _, told = decided(11)
    for event in range(0, len(decisions), 7):
        found = explain(decisions, event)
        lean = sum(found.groups.values())
        side = {"long": 1, "short": -1, "none": 0}[found.side]
        assert lean == pytest.approx(sum(v.lean for v in found.sources))
        if side:
            assert 0.5 + 0.5 * side * lean == pytest.approx(found.score, abs=10 * FINE)
    assert len(told.voices.sources) == len(found.sources)


def test_what_a_position_that_stays_is_told() -> None:
    decisions, _, _ = decided(1)
    held = np.flatnonzero((decisions.columns["side"] != 0) & (decisions.columns["leaves"] == 0))
    left = np.flatnonzero(decisions.columns["leaves"] != 0)
    stays, leaves = explain(decisions, int(held[0])), explain(decisions, int(left[0]))

    assert stays.held is not None and stays.outcome == "held"
    assert "stays" in stays.sentence
    assert leaves.held is not None and leaves.held.leaves
    assert leaves.outcome.startswith("left")
    assert "leaves" in leaves.sentence


@pytest.mark.parametrize("seed", [1, 4, 9])
def test_a_table_comes_back_from_disk_as_it_went(tmp_path: Path, seed: int) -> None:
    decisions, _, _ = decided(seed, 3)
    content = decisions_bytes(decisions)
    (tmp_path / DECISIONS_FILE).write_bytes(content)
    again = read_decisions(tmp_path)

    assert decisions_bytes(again) == content, "the same decisions, the same bytes"
    assert again.sources == decisions.sources and again.market == decisions.market
    np.testing.assert_array_equal(again.lean, decisions.lean)
    for name, column in decisions.columns.items():
        np.testing.assert_array_equal(again.columns[name], column, name)
    for event in (0, len(again) // 2, len(again) - 1):
        assert repr(explain(again, event)) == repr(explain(decisions, event))


def test_a_damaged_or_missing_table_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must hold its decisions") as caught:
        read_decisions(tmp_path)
    assert "assay run" in caught.value.remedy
    (tmp_path / DECISIONS_FILE).write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_decisions(tmp_path)
    decisions, _, _ = decided(1)
    path = tmp_path / DECISIONS_FILE
    path.write_bytes(decisions_bytes(decisions))
    table = pq.read_table(path)
    pq.write_table(
        table.replace_schema_metadata({"assay": '{"schema": "assay.decisions/9"}'}), path
    )
    with pytest.raises(DataError, match=r"assay\.decisions/9"):
        read_decisions(tmp_path)
    told = table.schema.metadata
    pq.write_table(table.drop_columns(["refused"]).replace_schema_metadata(told), path)
    with pytest.raises(DataError, match="no column refused"):
        read_decisions(tmp_path)
    with pytest.raises(DataError, match=r"attribution\.csv"):
        read_trade(tmp_path, "hybrid", 1)


def test_a_trade_that_the_file_lacks_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "attribution.csv").write_text("strategy,trade,net\nhybrid,1,5.0\n")

    assert read_trade(tmp_path, "hybrid", 1)["net"] == "5.0"
    with pytest.raises(DataError, match="must hold trade 2 of hybrid"):
        read_trade(tmp_path, "hybrid", 2)


def test_settings_that_change_on_the_way_decide_from_their_event_on() -> None:
    market, told, _ = random_account(1, with_requests=False)
    fusion = market.settings.fusion.model_copy(update={"pass_score": 0.99, "hold_score": 0.98})
    strict = market.settings.model_copy(update={"fusion": fusion})
    market = replace(market, changes=(RuleChange(event=200, settings=strict),))
    result = as_result("hybrid", market.trade(told.views), market)
    answers = record_answers(
        market.tape, told.views, market.settings, market.instruments, changes=market.changes
    )
    told = replace(told, answers=answers)
    split = split_of((market, told, result))
    decisions = decisions_of(result, market, told, split)

    assert decisions.columns["rule"][[199, 200]].tolist() == [0, 1]
    assert decisions.rules[1]["fusion"]["pass_score"] == 0.99
    late = next(k for k in range(200, len(decisions)) if decisions.columns["refused"][k] == 3)
    gate = gates_of(decisions.row(late), decisions.rules[1])[2]
    assert gate.threshold == 0.99
    assert split.gap < 1e-11


def test_a_moment_finds_the_decision_in_force() -> None:
    decisions, _, _ = decided(2, 3)
    later = int(decisions.known_ns[40])
    name = decisions.market[decisions.of_market[40]]

    assert event_at(decisions, later, None) == 40
    assert event_at(decisions, later + 1, name) == 40
    other = next(item for item in decisions.market if item != name)
    assert event_at(decisions, later, other) < 40
    with pytest.raises(ConfigError, match="must be one of the report"):
        event_at(decisions, later, "NOTHING")
    assert event_at(decisions, None, None) == len(decisions) - 1
    assert decisions.market[decisions.of_market[event_at(decisions, None, other)]] == other
    first, last = int(decisions.known_ns[0]), int(decisions.known_ns[-1])
    hour = 3_600 * 10**9
    assert event_at(decisions, last + hour - 1, None) == len(decisions) - 1
    for outside in (first - 1, last + hour, last + 10_000 * hour):
        with pytest.raises(ConfigError, match="tested span"):
            event_at(decisions, outside, None)


def test_refusals_are_listed_by_reason_and_silence_is_none() -> None:
    decisions, result, _ = decided(8)

    assert len(refused_events(decisions, "score")) == result.refusals.get("SCORE", 0)
    every = refused_events(decisions, None)
    assert (decisions.columns["refused"][every] > RefusalReason.NO_VIEW).all()
    with pytest.raises(ConfigError, match="must be one of NO_VIEW"):
        refused_events(decisions, "POSITION_OPEN")
    for number in (10_000, 0, -1):
        with pytest.raises(ConfigError, match=f"must be one of 1 to .*; was {number}"):
            event_of_trade(decisions, number)
    idle = {**decisions.columns, "opens": np.zeros_like(decisions.columns["opens"])}
    nothing = replace(decisions, columns=idle)
    with pytest.raises(ConfigError, match="none was made"):
        event_of_trade(nothing, 1)


def row_of(**changes):
    row = {
        "direction": 1, "score": 0.7, "conviction": 0.4, "p_lower": 0.55, "payoff": 1.0,
        "loss": 1.0, "unit": 1.0, "n_others": 0, "margin_level": np.inf, "refused": 0,
        "lots": 0.2, "price": 100.0, "lot_min": 0.01, "lot_max": 50.0,
        **dict.fromkeys(Limits._fields, 3.0),
    }  # fmt: skip
    return {**row, **changes}


RULES = {
    "fusion": {"pass_score": 0.6, "hold_score": 0.5},
    "risk": {"sizing": "kelly", "kelly_multiplier": 0.5, "positions_max": 2, "fixed_lots": 0.1},
    "account": {"margin_call_level": 1.0},
}


@pytest.mark.parametrize(
    ("reason", "changes", "words"),
    [
        ("NO_VIEW", {"direction": 0}, "neither side"),
        ("WARM_UP", {"unit": np.nan, "payoff": np.nan}, "not known yet: payoff, unit"),
        ("SCORE", {"score": 0.57}, "score 0.5700, must be above 0.6"),
        ("POSITIONS_LIMIT", {"n_others": 2}, "2 positions elsewhere, must be below 2"),
        ("MARGIN_CALL", {"margin_level": 0.9}, "equity over margin 0.90, must be above 1"),
        ("NO_EDGE", {"p_lower": 0.45}, "Kelly stake 0.000% of equity"),
        ("EXPOSURE_LIMIT", {"exposure": 0.0}, "exposure left for 0.0000 lots"),
        ("MARGIN_LIMIT", {"margin": 0.0}, "margin left for 0.0000 lots"),
        (
            "BELOW_MINIMUM_SIZE",
            {"risk": 0.004},
            "0.0040 lots by the risk at the stop, must be at least",
        ),
    ],
)
def test_each_refusal_says_which_number_decided(reason, changes, words) -> None:
    row = row_of(refused=RefusalReason[reason].value, lots=0.0, **changes)
    gate = next(gate for gate in gates_of(row, RULES) if gate.state is State.REFUSED)

    assert gate.name == reason
    assert words in gate.text


def test_a_fixed_size_is_no_stake_of_kelly() -> None:
    rules = {**RULES, "risk": {**RULES["risk"], "sizing": "fixed"}}
    gate = next(gate for gate in gates_of(row_of(), rules) if gate.name == "NO_EDGE")

    assert gate.text == "size fixed at 0.1 lots"
    assert np.isnan(kelly_of(row_of(payoff=np.nan), RULES["risk"]))
    assert least_limit(row_of(stake=0.5)) == ("stake", 0.5)


def test_figures_are_rounded_to_what_a_reader_sees() -> None:
    values = np.array([0.0, np.nan, np.inf, -1.23456789e-7, 98765.4321])
    rounded = six_digits(values)

    assert rounded[0] == 0.0 and np.isnan(rounded[1]) and np.isinf(rounded[2])
    assert rounded[3:] == pytest.approx([-1.23457e-7, 98765.4], rel=1e-6)
    assert isinstance(decided(1)[0], Decisions)
