"""Laws of the account, over random markets, settings and requests."""

from dataclasses import replace

import numpy as np
import pytest
from engine_worlds import random_world
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.engine.backtest import backtest
from assay.engine.market import event_at
from assay.engine.state import POSITION
from assay.engine.step import EngineState, SymbolEvent, Terms, step
from assay.engine.stream import EngineStream
from assay.engine.views import view_arrays, view_at
from assay.risk.facts import contract_facts

worlds = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([1, 1, 3]))
law = hypothesis_settings(max_examples=25, deadline=None)


def run(world, **changes):
    tape, views, settings, instruments, requests = world
    return backtest(tape, views, settings, instruments, requests, **changes)


def view_of(views, i):
    return view_at(*view_arrays(views), i)


def events_of(world):
    tape, views, _, _, requests = world
    for i in range(len(tape)):
        finer = np.empty((8, 0))
        if tape.finer_range.shape[1]:
            first, end = tape.finer_range[:, i]
            finer = np.ascontiguousarray(tape.finer[:, first:end])
        asked = [] if requests is None else requests[requests["event"] == i].view(np.recarray)
        event = SymbolEvent(
            symbol=int(tape.symbol[i]), bar=event_at(tape.market, i), finer=finer, requests=asked
        )
        yield event, view_of(views, i)


def terms_of(world):
    tape, _, settings, instruments, _ = world
    return Terms.of(tape.symbols, instruments, tape.timeframe, settings)


@pytest.mark.compiled
@law
@given(worlds)
def test_skipping_quiet_stretches_changes_no_bit(drawn) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    fast, slow = run(world), run(world, is_fast=False)

    assert fast.equity.tobytes() == slow.equity.tobytes()
    assert fast.balance.tobytes() == slow.balance.tobytes()
    assert fast.fills.tobytes() == slow.fills.tobytes()
    assert fast.trades.tobytes() == slow.trades.tobytes()
    assert fast.refusals == slow.refusals
    held = slow.books.positions.side != 0
    for name in POSITION.names:
        if name not in ("queued", "working", "mark"):
            np.testing.assert_array_equal(
                fast.books.positions[name][held], slow.books.positions[name][held], name
            )


@law
@given(worlds)
def test_the_stream_equals_the_backtest_bit_for_bit(drawn) -> None:
    world = random_world(drawn[0], n_events=150, n_symbols=drawn[1])
    batch = run(world)
    stream = EngineStream(terms_of(world))
    fills, trades = [], []
    for i, (event, view) in enumerate(events_of(world)):
        made, ended = stream.update(event, view)
        fills.append(made)
        trades.append(ended)
        assert stream.equity == batch.equity[i]
        assert stream.balance == batch.balance[i]

    assert np.concatenate(fills).tobytes() == batch.fills.tobytes()
    assert np.concatenate(trades).tobytes() == batch.trades.tobytes()
    assert stream.state.equity == batch.equity[-1]


@law
@given(worlds)
def test_a_step_is_pure_and_equals_the_stream(drawn) -> None:
    world = random_world(drawn[0], n_events=40, n_symbols=drawn[1])
    terms = terms_of(world)
    state, stream = EngineState.opened(terms), EngineStream(terms)
    for event, view in events_of(world):
        before = [array.tobytes() for array in state.books]
        after, orders = step(state, event, view, terms)
        again, _ = step(state, event, view, terms)
        fills, trades = stream.update(event, view)

        assert [array.tobytes() for array in state.books] == before
        assert [a.tobytes() for a in after.books] == [a.tobytes() for a in again.books]
        assert after.fills.tobytes() == fills.tobytes()
        assert after.trades.tobytes() == trades.tobytes()
        assert orders.tobytes() == after.orders(event.symbol).tobytes()
        assert (after.balance, after.equity) == (stream.balance, stream.equity)
        state = after


@law
@given(worlds)
def test_cash_is_conserved(drawn) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    result = run(world, close_at_end=True)

    start = world[2].account.balance
    scale = max(start, np.abs(result.trades.gross).sum(), 1.0)
    assert abs(result.balance[-1] - start - result.trades.net.sum()) <= 1e-9 * scale
    assert result.equity[-1] == result.balance[-1]
    np.testing.assert_allclose(
        result.trades.net,
        result.trades.gross - result.trades.commission + result.trades.swap,
        atol=1e-9,
    )
    paid = result.fills.commission.sum()
    assert paid == pytest.approx(result.trades.commission.sum())


@law
@given(worlds)
def test_equity_is_balance_and_what_floats(drawn) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    tape, _, _, instruments, _ = world
    result = run(world)

    facts = contract_facts([instruments[name] for name in tape.symbols], tape.timeframe)
    floating = sum(
        p.side * p.lots * (p.mark - p.entry) * f.contract * p.conversion
        for p, f in zip(result.books.positions, facts, strict=True)
        if p.side != 0
    )
    assert result.equity[-1] == pytest.approx(result.balance[-1] + floating, rel=1e-12)


@law
@given(worlds)
def test_lots_in_equal_lots_out(drawn) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    result = run(world, close_at_end=True)
    for s in range(drawn[1]):
        mine = result.fills[result.fills.symbol == s]
        signed = mine.lots * mine.side
        assert abs(signed.sum()) < 1e-9
        assert (np.abs(np.round(signed / 0.01) * 0.01 - signed) < 1e-9).all()


@law
@given(worlds)
def test_stops_never_loosen_and_every_decision_has_one(drawn) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    stream = EngineStream(terms_of(world))
    stops: dict[int, tuple[int, float]] = {}
    for event, view in events_of(world):
        stream.update(event, view)
        for s, position in enumerate(stream.state.books.positions):
            if position.side == 0:
                stops.pop(s, None)
                continue
            stop = position.side * position.stop
            entry = int(position.entry_event)
            if s in stops and stops[s][0] == entry:
                assert stop >= stops[s][1]
            stops[s] = (entry, stop)
            if not np.isnan(position.p_win):
                assert np.isfinite(position.stop)
                assert position.r > 0.0


@pytest.mark.compiled
@law
@given(worlds, st.integers(1, 399), st.sampled_from([np.nan, 1e9]))
def test_the_future_changes_nothing_before_it(drawn, cut, poison) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    tape, views, settings, instruments, requests = world
    market = tape.market.copy()
    market[:, cut:] = poison
    direction = views.direction.copy()
    direction[cut:] = 1
    asked = None if requests is None else requests[requests["event"] < cut]
    honest = run(world)
    poisoned = backtest(
        replace(tape, market=market), replace(views, direction=direction), settings, instruments,
        asked,
    )  # fmt: skip

    assert honest.equity[:cut].tobytes() == poisoned.equity[:cut].tobytes()
    for name in ("fills", "trades"):
        ours, theirs = getattr(honest, name), getattr(poisoned, name)
        key = "event" if name == "fills" else "exit_event"
        assert ours[ours[key] < cut].tobytes() == theirs[theirs[key] < cut].tobytes()


@pytest.mark.compiled
@law
@given(worlds)
def test_a_run_repeats_to_the_last_bit(drawn) -> None:
    world = random_world(drawn[0], n_symbols=drawn[1])
    first, second = run(world), run(world)
    assert first.equity.tobytes() == second.equity.tobytes()
    assert first.trades.tobytes() == second.trades.tobytes()
