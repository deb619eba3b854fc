"""What an event was answered is what the backtest did, event by event."""

from dataclasses import replace
from decimal import Decimal as D

import numpy as np
import pytest
from engine_worlds import flat, instrument, random_world, settings, tape, views
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.domain.facts_history import DatedFacts, FactsHistory
from assay.domain.fill import ExitReason
from assay.domain.refusal import RefusalReason
from assay.engine.answers import record_answers
from assay.engine.backtest import RuleChange, backtest
from assay.engine.dated import dated_events
from assay.risk.sizing import Limits

worlds = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([1, 1, 3]))
law = hypothesis_settings(max_examples=40, deadline=None)
DECIDED = [reason for reason in RefusalReason if reason <= RefusalReason.BELOW_MINIMUM_SIZE]


def both(world):
    tape, views, settings, instruments, requests = world
    answers = record_answers(tape, views, settings, instruments, requests)
    return answers, backtest(tape, views, settings, instruments, requests)


@pytest.mark.compiled
@law
@given(worlds)
def test_the_answers_are_those_of_the_backtest(drawn) -> None:
    same_as_the_backtest(random_world(drawn[0], n_symbols=drawn[1]))


@pytest.mark.parametrize("n_symbols", [1, 3])
def test_the_answers_to_one_world_are_those_of_the_backtest(n_symbols: int) -> None:
    same_as_the_backtest(random_world(5, n_symbols=n_symbols))


def same_as_the_backtest(world) -> None:
    answers, result = both(world)

    assert answers.equity.tobytes() == result.equity.tobytes()
    for reason in DECIDED:
        assert (answers.refused == reason).sum() == result.refusals.get(reason, 0)


@pytest.mark.compiled
@law
@given(worlds)
def test_every_entry_of_a_decision_was_answered_with_its_lots(drawn) -> None:
    """At the symbol's event before the fill, whatever other orders there are."""
    world = random_world(drawn[0], n_symbols=drawn[1])
    answers, result = both(world)
    symbol = world[0].symbol
    for trade in result.trades[np.isfinite(result.trades.score)]:
        mine = np.flatnonzero(symbol[: trade.entry_event] == trade.symbol)
        answer = answers[mine[-1]]
        limits = [answer[name] for name in Limits._fields]

        assert answer.lots >= trade.lots > 0.0
        assert answer.lots <= min(limits) * (1.0 + 1e-9) + 1e-12
        assert answer.refused == 0


@pytest.mark.compiled
@law
@given(worlds)
def test_without_an_answer_a_position_was_held(drawn) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    answers, _ = both(world)
    silent = (answers.refused == 0) & (answers.lots == 0.0) & (answers.leaves == 0)

    assert (answers.side[silent] != 0).all()
    asked = (answers.lots > 0.0) | (answers.refused >= RefusalReason.NO_EDGE)
    assert (np.isfinite(answers.stake) == asked).all()


def test_leaving_by_time_and_by_view_is_told_with_its_reason() -> None:
    world = tape(flat(100.0, 8))
    at = {0: 1, 3: -1}
    timed = settings(exits={"time_stop_bars": 2})
    facts = {"XAUUSD": instrument()}
    opinion = views(8, at, score=0.9)

    by_view = record_answers(world, opinion, settings(), facts)
    by_time = record_answers(world, opinion, timed, facts)

    assert by_view.leaves[3] == ExitReason.SIGNAL
    assert by_view.lots[[0, 3]].tolist() == [1.0, 1.0]
    assert by_view.held_lots[1:4].tolist() == [1.0, 1.0, 1.0]
    assert by_view.bars_held[:4].tolist() == [0, 1, 2, 3]
    assert by_view.side[4:].tolist() == [-1] * 4
    assert by_time.leaves[2] == ExitReason.TIME_STOP


def test_the_numbers_that_decided_are_kept() -> None:
    world = tape(flat(100.0, 3), volatility=0.01)
    opinion = views(3, {0: 1, 2: -1}, score=[0.9, 0.5, 0.55], p_win=0.6, payoff=1.0)
    asked = settings(risk={"sizing": "kelly", "kelly_multiplier": 0.5})
    answers = record_answers(world, opinion, asked, {"XAUUSD": instrument()})

    assert answers.price[0] == 100.0 and answers.distance[0] == 1.0
    assert answers.stake[0] == pytest.approx(1e5 * 0.5 * 0.2 / 100)
    assert answers.risk[0] == pytest.approx(1e5 * 0.01 / 100)
    assert answers.side[1] == 1 and answers.refused[1] == 0
    assert np.isinf(answers.margin_level).all()


def test_facts_that_change_size_the_entries_after_their_date() -> None:
    cheap, dear = instrument(), instrument(lot_step=D("0.3"), lot_min=D("0.3"))
    world = tape(flat(100.0, 40))
    history = FactsHistory(
        symbol="XAUUSD",
        versions=(
            DatedFacts(valid_from_ns=0, instrument=cheap),
            DatedFacts(valid_from_ns=int(world.time_ns[20]), instrument=dear),
        ),
    )
    version, charges = dated_events(world.time_ns, world.symbol, [history])
    world = replace(world, version=version, charges=charges)
    opinion = views(40, {5: 1, 10: -1, 25: 1}, score=0.9, p_win=0.6, payoff=1.0)
    asked = settings(risk={"sizing": "kelly", "kelly_multiplier": 0.5, "volatility_target": 1.0})
    answers = record_answers(world, opinion, asked, {"XAUUSD": history})
    result = backtest(world, opinion, asked, {"XAUUSD": history})

    assert answers.equity.tobytes() == result.equity.tobytes()
    assert answers.lots[[5, 10, 25]] == pytest.approx([10.0, 10.0, 9.9])


@law
@given(worlds)
def test_settings_that_change_on_the_way_hold_for_the_answers_too(drawn) -> None:
    tape, views, settings, instruments, _ = random_world(drawn[0], n_symbols=drawn[1])
    strict = settings.fusion.model_copy(update={"pass_score": 0.8, "hold_score": 0.7})
    later = settings.model_copy(update={"fusion": strict})
    changes = [RuleChange(event=150, settings=later), RuleChange(event=300, settings=settings)]
    answers = record_answers(tape, views, settings, instruments, changes=changes)
    result = backtest(tape, views, settings, instruments, changes=changes)

    assert answers.equity.tobytes() == result.equity.tobytes()
    for reason in DECIDED:
        assert (answers.refused == reason).sum() == result.refusals.get(reason, 0)
