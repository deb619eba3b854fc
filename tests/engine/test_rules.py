"""One rule of the execution page a test, in figures that can be checked by hand."""

import numpy as np
import pytest
from engine_worlds import flat, instrument, request, requests, settings, tape, views

from assay.domain.errors import DataError
from assay.domain.fill import ExitReason
from assay.domain.order import OrderKind
from assay.domain.refusal import RefusalReason
from assay.domain.timeframe import Timeframe
from assay.engine.backtest import backtest
from assay.engine.market import event_at
from assay.engine.step import EngineState, SymbolEvent, Terms, step
from assay.engine.views import View

ROOM = 3
TARGET = {"targets": [{"at_r": 2.0, "fraction": 1.0}]}


def run(bid, at=None, *, asked=None, rules=None, facts=None, opinion=None, **world):
    """Run one symbol; a world is bid bars, views a map of event to side."""
    course = tape(bid, **world)
    return backtest(
        course,
        views(len(bid), at or {}, **(opinion or {})),
        rules or settings(),
        {"XAUUSD": facts or instrument()},
        asked,
    )


def test_a_decision_fills_at_the_next_open_on_its_own_side_of_the_quote() -> None:
    bars = [*flat(100.0, 2), [101.0, 101.0, 101.0, 101.0], *flat(101.0, 2)]
    long = run(bars, {1: 1}, spread=0.3).fills
    short = run(bars, {1: -1}, spread=0.3).fills

    assert (long.event[0], long.price[0]) == (2, 101.3)
    assert (short.event[0], short.price[0]) == (2, 101.0)


def test_slippage_grows_with_volatility_and_has_a_floor() -> None:
    rules = settings(costs={"slippage_volatility_fraction": 0.5, "slippage_points_min": 10})
    assert run(flat(100.0, 4), {1: 1}, rules=rules).fills.price[0] == pytest.approx(100.1)
    moved = run(flat(100.0, 4), {1: 1}, rules=rules, volatility=0.01).fills
    assert moved.price[0] == pytest.approx(100.5)
    unknown = run(flat(100.0, 4), {1: -1}, rules=rules, volatility=np.nan).fills
    assert unknown.price[0] == pytest.approx(99.9)


def test_the_stop_lies_one_distance_away_and_fills_with_slippage() -> None:
    bars = [*flat(100.0, 3), [100.0, 100.2, 98.5, 99.5], *flat(99.5, 2)]
    rules = settings(costs={"slippage_points_min": 10})
    trade = run(bars, {1: 1}, rules=rules).trades[0]

    assert trade.entry_price == pytest.approx(100.1)
    assert trade.stop == pytest.approx(99.1)
    assert trade.exit_price == pytest.approx(99.0)
    assert trade.reason == ExitReason.STOP
    assert trade.risk == pytest.approx(100.0)


def test_a_gap_through_the_stop_leaves_at_the_open() -> None:
    bars = [*flat(100.0, 3), [97.0, 97.5, 96.0, 97.0], *flat(97.0, 1)]
    trade = run(bars, {1: 1}).trades[0]
    assert trade.exit_price == pytest.approx(97.0)
    assert not trade.is_ambiguous


def test_a_gap_through_the_target_leaves_at_the_open_without_slippage() -> None:
    bars = [*flat(100.0, 3), [103.0, 103.5, 102.9, 103.0], *flat(103.0, 1)]
    rules = settings(exits=TARGET, costs={"slippage_points_min": 10})
    trade = run(bars, {1: 1}, rules=rules).trades[0]
    assert trade.exit_price == pytest.approx(103.0)
    assert trade.reason == ExitReason.TARGET


@pytest.mark.parametrize("side", [1, -1])
def test_stop_and_target_in_one_bar_take_the_worse(side: int) -> None:
    bars = [*flat(100.0, 3), [100.0, 103.0, 97.0, 100.0], *flat(100.0, 1)]
    trade = run(bars, {1: side}, rules=settings(exits=TARGET)).trades[0]
    assert trade.exit_price == pytest.approx(100.0 - side)
    assert trade.reason == ExitReason.STOP
    assert (trade.is_ambiguous, trade.is_resolved) == (1, 0)


def test_finer_bars_settle_which_came_first() -> None:
    bars = [*flat(100.0, 3), [100.0, 103.0, 97.0, 100.0], *flat(100.0, 1)]
    rules = settings(exits=TARGET)
    up = [[100.0, 103.0, 100.0, 103.0], [103.0, 103.0, 97.0, 97.0]]
    trade = run(bars, {1: 1}, rules=rules, finer={3: up}).trades[0]
    assert trade.exit_price == pytest.approx(102.0)
    assert (trade.is_ambiguous, trade.is_resolved) == (1, 1)

    doubt = [[100.0, 103.0, 97.0, 100.0]]
    trade = run(bars, {1: 1}, rules=rules, finer={3: doubt}).trades[0]
    assert trade.exit_price == pytest.approx(99.0)
    assert (trade.is_ambiguous, trade.is_resolved) == (1, 0)

    nothing = [[100.0, 100.0, 100.0, 100.0]]
    trade = run(bars, {1: 1}, rules=rules, finer={3: nothing}).trades[0]
    assert trade.exit_price == pytest.approx(99.0)
    assert trade.is_resolved == 0


def test_levels_take_their_fractions_and_the_last_takes_what_is_left() -> None:
    bars = [*flat(100.0, 3), [100.0, 101.1, 100.0, 101.0], [101.0, 102.2, 101.0, 102.0]]
    exits = {"targets": [{"at_r": 1.0, "fraction": 0.355}, {"at_r": 2.0, "fraction": 0.645}]}
    result = run(bars, {1: 1}, rules=settings(exits=exits))

    np.testing.assert_allclose(result.fills.lots, [1.0, 0.35, 0.65])
    assert result.trades[0].exit_price == pytest.approx(0.35 * 101.0 + 0.65 * 102.0)
    assert result.trades[0].gross == pytest.approx(100 * (0.35 * 1.0 + 0.65 * 2.0))


def test_break_even_moves_the_stop_to_the_entry() -> None:
    bars = [*flat(100.0, 3), [100.0, 100.75, 100.0, 100.5], [100.5, 100.5, 99.5, 99.6]]
    trade = run(bars, {1: 1}, rules=settings(exits={"break_even_at_r": 0.75})).trades[0]
    assert trade.exit_price == pytest.approx(100.0)
    assert trade.stop == pytest.approx(99.0)
    later = run(bars, {1: 1}, rules=settings(exits={"break_even_at_r": 0.76}))
    assert not len(later.trades)


def test_a_trailing_stop_follows_the_best_price_from_the_next_bar_on() -> None:
    bars = [*flat(100.0, 3), [100.0, 104.0, 100.0, 103.9], [103.9, 103.9, 103.0, 103.1]]
    trade = run(bars, {1: 1}, rules=settings(exits={"trailing_atr": 0.5})).trades[0]
    assert trade.exit_event == 4
    assert trade.exit_price == pytest.approx(103.5)
    mirrored = [[200.0 - o, 200.0 - low, 200.0 - high, 200.0 - c] for o, high, low, c in bars]
    trade = run(mirrored, {1: -1}, rules=settings(exits={"trailing_atr": 0.5})).trades[0]
    assert trade.exit_price == pytest.approx(96.5)


def test_a_time_stop_leaves_after_its_bars() -> None:
    trade = run(flat(100.0, 9), {1: 1}, rules=settings(exits={"time_stop_bars": 3})).trades[0]
    assert (trade.entry_event, trade.exit_event, trade.bars_held) == (2, 5, 3)
    assert trade.reason == ExitReason.TIME_STOP


def test_an_opposite_view_reverses_at_the_next_open() -> None:
    result = run(flat(100.0, 7), {1: 1, 3: -1}, spread=0.1)
    assert result.fills.side.tolist() == [1, -1, -1]
    assert result.fills.event.tolist() == [2, 4, 4]
    assert result.fills.reason.tolist() == [0, ExitReason.SIGNAL, 0]


def test_a_view_below_the_hold_score_closes_and_one_above_holds() -> None:
    rules = settings(fusion={"hold_score": 0.3})
    held = run(flat(100.0, 6), {1: 1, 3: -1}, rules=rules, opinion={"score": 0.7})
    assert len(held.fills) == 1
    strict = settings(fusion={"hold_score": 0.6})
    left = run(flat(100.0, 6), {1: 1}, rules=strict, opinion={"score": 0.7})
    assert left.fills.reason.tolist() == [0, ExitReason.SIGNAL]


def test_swap_is_charged_per_night_at_its_side_and_three_times_on_a_triple() -> None:
    facts = instrument(swap_long=-20, swap_short=5)
    nights = [0, 0, 1, 3, 0]
    assert run(flat(100.0, 5), {1: 1}, facts=facts, nights=nights).balance[-1] == 1e5 - 60
    assert run(flat(100.0, 5), {1: -1}, facts=facts, nights=nights).balance[-1] == 1e5 + 15
    doubled = settings(costs={"swap_multiple": 2.0})
    result = run(flat(100.0, 5), {1: 1}, facts=facts, nights=nights, rules=doubled)
    assert result.balance[-1] == 1e5 - 120


def test_swap_in_per_cent_is_a_year_of_360_days_of_the_mark() -> None:
    facts = instrument(swap_long=-3.6, swap_mode=_percent())
    result = run(flat(100.0, 5), {1: 1}, facts=facts, nights=[0, 0, 0, 1, 0], conversion=2.0)
    assert result.balance[-1] - 1e5 == pytest.approx(-0.036 / 360 * 100 * 100 * 2.0)


def _percent():
    from assay.domain.instrument import SwapMode

    return SwapMode.PERCENT


def test_commission_is_paid_on_the_way_in_and_on_the_way_out() -> None:
    bars = [*flat(100.0, 3), [99.0, 99.0, 99.0, 99.0], *flat(99.0, 1)]
    rules = settings(costs={"commission_multiple": 2.0})
    result = run(bars, {1: 1}, rules=rules, facts=instrument(commission_per_lot=3))
    assert result.fills.commission.tolist() == [6.0, 6.0]
    assert result.balance.tolist() == [1e5, 1e5, 1e5 - 6, 1e5 - 112, 1e5 - 112]
    assert result.trades[0].net == pytest.approx(-112.0)


def test_profit_is_converted_at_the_event_of_the_exit() -> None:
    bars = [*flat(100.0, 3), [98.0, 98.0, 98.0, 98.0]]
    result = run(bars, {1: -1}, conversion=[1.0, 1.0, 1.0, 0.5], rules=settings(exits=TARGET))
    assert result.trades[0].gross == pytest.approx(2.0 * 100 * 0.5)


def test_the_account_is_stopped_out_at_the_worst_price_of_the_bar() -> None:
    bars = [*flat(100.0, 3), [100.0, 100.0, 99.2, 99.9], *flat(99.9, 2)]
    rules = settings(account={"balance": 120.0, "stop_out_level": 0.5, "margin_call_level": 1.0})
    result = run(bars, {1: 1}, rules=rules)
    trade = result.trades[0]
    assert trade.reason == ExitReason.STOP_OUT
    assert trade.exit_price == pytest.approx(99.2)
    assert result.equity[-1] == pytest.approx(40.0)


def test_a_stop_out_takes_the_largest_loss_first_and_stops_when_the_account_stands() -> None:
    bars = [[100.0] * 4, [100.0] * 4, [100.0] * 4, [100.0] * 4, [99.8] * 4, [99.0] * 4]
    course = tape(bars, symbols=[0, 1, 0, 1, 0, 1], names=("A", "B"))
    facts = {name: instrument(symbol=name) for name in ("A", "B")}
    rules = settings(account={"balance": 200.0}, exits={"stop_atr": 50.0})
    result = backtest(course, views(6, {0: 1, 1: 1}), rules, facts)
    assert result.trades.symbol.tolist() == [1]
    assert result.trades.reason.tolist() == [ExitReason.STOP_OUT]
    assert result.books.positions[0].side == 1


GATES = [
    ({}, {}, {}, RefusalReason.NO_VIEW),
    ({1: 1}, {}, {"unit": np.nan}, RefusalReason.WARM_UP),
    ({1: 1}, {}, {"unit": 0.0}, RefusalReason.WARM_UP),
    ({1: 1}, {}, {"loss": 0.0}, RefusalReason.WARM_UP),
    ({1: 1}, {}, {"payoff": 0.0}, RefusalReason.WARM_UP),
    ({1: 1}, {}, {"score": 0.6}, RefusalReason.SCORE),
    ({1: 1}, {"sizing": "kelly"}, {"p_win": 0.5}, RefusalReason.NO_EDGE),
    ({1: 1}, {"fixed_lots": 0.004}, {}, RefusalReason.BELOW_MINIMUM_SIZE),
]


@pytest.mark.parametrize(("at", "risk", "opinion", "reason"), GATES)
def test_each_gate_counts_its_refusal(at, risk, opinion, reason) -> None:
    result = run(flat(100.0, 3), at, rules=settings(risk=risk), opinion=opinion)
    assert not len(result.fills)
    assert result.refusals[reason] == (1 if at else 3)


def two_symbols(rules):
    course = tape(flat(100.0, 6), symbols=[0, 1] * 3, names=("A", "B"))
    facts = {name: instrument(symbol=name) for name in ("A", "B")}
    return backtest(course, views(6, {0: 1, 1: 1}), rules, facts)


def test_a_queued_entry_of_another_symbol_counts_against_every_limit() -> None:
    account = {"balance": 15_000.0}
    for risk, reason in [
        ({"positions_max": 1}, RefusalReason.POSITIONS_LIMIT),
        ({"exposure_max": 0.667}, RefusalReason.BELOW_MINIMUM_SIZE),
        ({"exposure_max": 0.66}, None),
        ({"margin_fraction_max": 0.00667}, RefusalReason.BELOW_MINIMUM_SIZE),
    ]:
        result = two_symbols(settings(risk=risk, account=account))
        if reason is None:
            assert result.fills.lots[0] == pytest.approx(0.99)
            assert result.refusals[RefusalReason.EXPOSURE_LIMIT] == 1
        else:
            assert result.fills.symbol.tolist() == [0]
            assert result.refusals[reason] == 1


def test_exposure_and_margin_used_up_by_others_refuse_by_name() -> None:
    bars = [*flat(100.0, 4), [200.0] * 4, [100.0] * 4]
    course = tape(bars, symbols=[0, 1, 0, 1, 0, 1], names=("A", "B"))
    facts = {name: instrument(symbol=name) for name in ("A", "B")}
    for risk, reason in [
        ({"exposure_max": 0.8}, RefusalReason.EXPOSURE_LIMIT),
        ({"margin_fraction_max": 0.008}, RefusalReason.MARGIN_LIMIT),
    ]:
        account = {"balance": 12_500.0, "stop_out_level": 0.0, "margin_call_level": 0.001}
        rules = settings(risk=risk, account=account, exits={"stop_atr": 500.0})
        result = backtest(course, views(6, {0: -1, 5: 1}), rules, facts)
        assert result.refusals[reason] == 1


def test_a_margin_call_bars_entries() -> None:
    course = tape(flat(100.0, 6), symbols=[0, 1] * 3, names=("A", "B"))
    facts = {name: instrument(symbol=name, margin_fraction=1) for name in ("A", "B")}
    account = {"balance": 11_000.0, "margin_call_level": 2.0, "stop_out_level": 0.5}
    result = backtest(course, views(6, {0: 1, 3: 1}), settings(account=account), facts)
    assert result.refusals[RefusalReason.MARGIN_CALL] == 1


def test_requests_fill_as_their_kind_says() -> None:
    bars = [*flat(100.0, 2), [100.0, 101.0, 99.0, 100.0], *flat(100.0, 3)]
    K = OrderKind
    cases = [
        (request(1, K.LIMIT, 1, 1.0, price=99.5), 99.5),
        (request(1, K.LIMIT, 1, 1.0, price=100.5), 100.0),
        (request(1, K.LIMIT, -1, 1.0, price=100.5), 100.5),
        (request(1, K.STOP, 1, 1.0, price=100.5), 100.6),
        (request(1, K.STOP, -1, 1.0, price=99.5), 99.4),
        (request(1, K.STOP, 1, 1.0, price=99.5), 100.1),
        (request(1, K.STOP_LIMIT, 1, 1.0, price=100.5, limit_price=100.7), 100.5),
        (request(1, K.STOP_LIMIT, 1, 1.0, price=100.5, limit_price=100.4), 100.0),
        (request(1, K.MARKET, 1, 1.0), 100.1),
    ]
    rules = settings(costs={"slippage_points_min": 10})
    for asked, price in cases:
        fills = run(bars, asked=asked, rules=rules).fills
        assert fills.price.tolist() == pytest.approx([price]), asked


def test_an_order_expires_after_its_bars() -> None:
    bars = [*flat(100.0, 3), [100.0, 100.0, 98.0, 98.5], *flat(98.5, 1)]
    for expiry, n_fills in [(1, 0), (2, 1), (0, 1)]:
        asked = request(1, OrderKind.LIMIT, 1, 1.0, price=99.0, expiry_bars=expiry)
        assert len(run(bars, asked=asked).fills) == n_fills


def test_a_position_opened_inside_a_bar_meets_its_stop_at_once_but_no_target() -> None:
    bars = [*flat(100.0, 2), [100.0, 105.0, 97.0, 104.0], *flat(104.0, 1)]
    asked = request(1, OrderKind.LIMIT, 1, 1.0, price=99.0, stop_distance=1.0, target_distance=2.0)
    trade = run(bars, asked=asked).trades[0]
    assert trade.exit_price == pytest.approx(98.0)
    assert (trade.reason, trade.is_ambiguous) == (ExitReason.STOP, 1)

    asked = request(1, OrderKind.LIMIT, 1, 1.0, price=99.0, target_distance=2.0)
    trade = run(bars, asked=asked).trades[0]
    assert (trade.exit_event, trade.exit_price) == (3, 104.0)
    assert np.isnan(trade.p_win)


def test_an_opposite_request_reduces_reverses_or_is_refused_as_open() -> None:
    K = OrderKind
    asked = requests(
        request(0, K.MARKET, 1, 1.0), request(1, K.MARKET, -1, 0.4), request(2, K.MARKET, 1, 1.0),
        request(3, K.MARKET, -1, 1.0), request(4, K.CLOSE, 0, 0.1), request(5, K.CLOSE, 0, 0.0),
        request(6, K.CLOSE, 0, 0.0),
    )  # fmt: skip
    result = run(flat(100.0, 9), asked=asked)
    np.testing.assert_allclose(result.fills.lots, [1.0, 0.4, 0.6, 0.4, 0.1, 0.3])
    assert result.fills.side.tolist() == [1, -1, -1, -1, 1, 1]
    assert result.refusals[RefusalReason.POSITION_OPEN] == 1
    assert result.trades.side.tolist() == [1, -1]


def test_requests_beyond_the_limits_are_refused() -> None:
    K = OrderKind
    many = requests(*[request(0, K.LIMIT, 1, 1.0, price=1.0)] * 9)
    result = run(flat(100.0, 3), asked=many)
    assert result.refusals[RefusalReason.TOO_MANY_ORDERS] == 1
    crowd = requests(*[request(0, K.CLOSE, 1, 0.0)] * 63)
    assert run(flat(100.0, 3), asked=crowd).refusals[RefusalReason.TOO_MANY_ORDERS] == 1
    for lots in (0.0, 0.015, 60.0, -1.0):
        result = run(flat(100.0, 3), asked=request(0, K.MARKET, 1, lots))
        assert result.refusals[RefusalReason.INVALID_LOTS] == 1


def test_malformed_requests_and_views_are_faults() -> None:
    K = OrderKind
    with pytest.raises(DataError, match="event must lie"):
        run(flat(100.0, 3), asked=request(7, K.MARKET, 1, 1.0))
    with pytest.raises(DataError, match="symbol must be"):
        run(flat(100.0, 3), asked=request(0, K.MARKET, 1, 1.0, symbol=1))
    with pytest.raises(DataError, match="OrderKind"):
        run(flat(100.0, 3), asked=request(0, K.MARKET, 2, 1.0))
    with pytest.raises(DataError, match="one view per event"):
        backtest(tape(flat(100.0, 3)), views(2), settings(), {"XAUUSD": instrument()})
    with pytest.raises(DataError, match="direction must be"):
        views(3, {1: 5})
    with pytest.raises(DataError, match="score must have 1 or 3 values"):
        views(3, {}, score=[1.0, 2.0])


def test_open_positions_are_marked_or_closed_at_the_end() -> None:
    bars = [*flat(100.0, 3), [100.0, 100.5, 100.0, 100.5]]
    course, opinion, facts = tape(bars), views(4, {1: 1}), {"XAUUSD": instrument()}
    marked = backtest(course, opinion, settings(), facts)
    closed = backtest(course, opinion, settings(), facts, close_at_end=True)
    assert (len(marked.trades), marked.balance[-1], marked.equity[-1]) == (0, 1e5, 1e5 + 50)
    assert closed.trades.reason.tolist() == [ExitReason.END]
    assert closed.balance[-1] == closed.equity[-1] == 1e5 + 50


def test_excursions_are_the_worst_and_the_best_of_the_closing_side() -> None:
    bars = [*flat(100.0, 3), [100.0, 100.7, 99.5, 100.0], [101.0, 102.5, 101.0, 102.0]]
    trade = run(bars, {1: 1}, rules=settings(exits=TARGET)).trades[0]
    assert trade.mae == pytest.approx(0.5)
    assert trade.mfe == pytest.approx(2.0)


def test_records_grow_past_one_chunk() -> None:
    n_bars = 4000
    at = {i: 1 if i % 2 else -1 for i in range(1, n_bars - 1)}
    late = request(n_bars - 1, OrderKind.CLOSE, 0, 0.0)
    asked = requests(request(0, OrderKind.LIMIT, 1, 1.0, price=1.0), late)
    result = run(flat(100.0, n_bars), at, asked=asked)
    assert len(result.fills) == 2 * (n_bars - 2) - 1
    assert (np.diff(result.fills.event) >= 0).all()
    assert len(result.balance) == n_bars


def test_a_view_is_taken_alone() -> None:
    opinion = views(3, {1: -1}, score=[0.1, 0.2, 0.3])
    alone = opinion.at(1)
    assert (len(alone), alone.direction[0], alone.score[0], alone.unit[0]) == (1, -1, 0.2, 1.0)


def test_an_account_that_pledges_all_is_never_quiet() -> None:
    rules = settings(account={"stop_out_level": 1.0, "margin_call_level": 1.0})
    facts = instrument(margin_fraction=1)
    result = run(flat(100.0, 6), {1: 1}, rules=rules, facts=facts)
    assert (len(result.fills), result.equity[-1]) == (1, 1e5)


def test_an_event_alone_needs_no_finer_bars() -> None:
    terms = Terms.of(["XAUUSD"], {"XAUUSD": instrument()}, Timeframe.H1, settings())
    bar = event_at(tape(flat(100.0, 1)).market, 0)
    view = View(0, 0.5, 0.0, 0.5, 1.0, 1.0, 1.0)
    after, orders = step(EngineState.opened(terms), SymbolEvent(symbol=0, bar=bar), view, terms)
    assert (after.n_events, after.equity, len(orders)) == (1, 1e5, 0)
