"""Settings that change on the way: the same account goes on under other rules."""

import pytest
from engine_worlds import random_world
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_laws import events_of

from assay.domain.errors import DataError
from assay.engine.backtest import RuleChange, backtest
from assay.engine.step import EngineState, Terms, step

law = hypothesis_settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def with_exits(settings, stop_atr):
    exits = settings.exits.model_copy(update={"stop_atr": stop_atr, "targets": ()})
    return settings.model_copy(update={"exits": exits})


def run(world, changes, **options):
    tape, views, settings, instruments, requests = world
    return backtest(tape, views, settings, instruments, requests, changes=changes, **options)


def same(one, two) -> bool:
    return (
        one.equity.tobytes() == two.equity.tobytes()
        and one.fills.tobytes() == two.fills.tobytes()
        and one.trades.tobytes() == two.trades.tobytes()
        and one.refusals == two.refusals
    )


@law
@given(seeds, st.data())
def test_the_same_rules_again_change_no_bit(seed, data) -> None:
    world = random_world(seed, n_symbols=1)
    events = sorted(data.draw(st.lists(st.integers(0, len(world[0])), max_size=4)))
    changes = [RuleChange(event=event, settings=world[2]) for event in events]

    assert same(run(world, changes), run(world, ()))


@law
@given(seeds, st.data())
def test_a_change_is_that_of_the_live_engine(seed, data) -> None:
    world = random_world(seed, n_symbols=1)
    tape, _, settings, instruments, _ = world
    at = data.draw(st.integers(0, len(tape)))
    later = with_exits(settings, 0.7)
    terms = [Terms.of(tape.symbols, instruments, tape.timeframe, s) for s in (settings, later)]
    state = EngineState.opened(terms[0])
    equity = []
    for i, (event, view) in enumerate(events_of(world)):
        state, _ = step(state, event, view, terms[i >= at])
        equity.append(state.equity)
    for is_fast in (True, False):
        found = run(world, [RuleChange(event=at, settings=later)], is_fast=is_fast)
        assert found.equity.tolist() == equity


def test_changes_out_of_order_are_refused() -> None:
    world = random_world(1, n_symbols=1)
    late = [RuleChange(event=event, settings=world[2]) for event in (9, 3)]

    with pytest.raises(DataError, match="rising order"):
        run(world, late)
    with pytest.raises(DataError, match="rising order"):
        run(world, [RuleChange(event=len(world[0]) + 1, settings=world[2])])
