"""Examples worked by hand from docs/execution.md, one rule each."""

from dataclasses import replace
from math import inf, isnan, nan

import pytest
from implementations import RUNS, Run
from reference_markets import Market
from reference_words import Event, Facts, Quotes, Request, Rules, View

FACTS = Facts(
    tick_size=0.01,
    point=0.01,
    contract=100.0,
    lot_step=0.01,
    lot_min=0.01,
    lot_max=50.0,
    margin_fraction=0.01,
    commission_per_lot=7.0,
    swap_mode="points",
    swap_long=-30.0,
    swap_short=12.0,
    stop_level_points=0,
    bars_per_year=120 * 365.25 / 7,
)
RULES = Rules(
    balance=100_000.0,
    stop_out_level=0.5,
    margin_call_level=1.0,
    pass_score=0.6,
    hold_score=0.5,
    sizing="fixed",
    fixed_lots=1.0,
    kelly_multiplier=0.25,
    risk_fraction_max=0.01,
    volatility_target=0.1,
    exposure_max=100.0,
    symbol_exposure_max=100.0,
    margin_fraction_max=1.0,
    positions_max=10,
    stop_atr=2.0,
    targets=(),
    break_even_at_r=0.0,
    trailing_atr=0.0,
    time_stop_bars=0,
    slippage_volatility_fraction=0.0,
    slippage_points_min=0.0,
    commission_multiple=1.0,
    swap_multiple=1.0,
    close_at_end=False,
)
UP = View(direction=1, score=0.8, confidence=1.0, p_win=0.6, payoff=1.0, loss=5.0, unit=5.0)
DOWN = replace(UP, direction=-1)
SILENT = View()
HOUR_NS = 3_600_000_000_000

Bar = tuple[float, float, float, float]


def quotes(bar: Bar, spread: float = 0.5) -> Quotes:
    """Quote *bar* (bid open, high, low, close) with a constant *spread*."""
    bid_open, bid_high, bid_low, bid_close = bar
    return Quotes(
        bid_open=bid_open,
        bid_high=bid_high,
        bid_low=bid_low,
        bid_close=bid_close,
        ask_open=bid_open + spread,
        ask_high=bid_high + spread,
        ask_low=bid_low + spread,
        ask_close=bid_close + spread,
    )


def event(i: int, bar: Bar, view: View = SILENT, **changes: object) -> Event:
    """Return the bar of hour *i* of symbol 0."""
    plain = Event(
        symbol=0,
        time_ns=i * HOUR_NS,
        known_ns=(i + 1) * HOUR_NS,
        quotes=quotes(bar),
        conversion=1.0,
        nights=0.0,
        volatility=0.001,
        volatility_next=0.001,
        view=view,
    )
    return replace(plain, **changes)


def market(*events: Event, requests: tuple[Request, ...] = (), **rules: object) -> Market:
    """Return a one-symbol market."""
    return Market((FACTS,), replace(RULES, **rules), events, requests)


def buy(kind: str = "MARKET", **changes: object) -> Request:
    """Ask for one lot at the first event."""
    return replace(Request(event=0, symbol=0, side=1, kind=kind, lots=1.0), **changes)


FLAT = (1000.0, 1001.0, 999.0, 1000.0)


@pytest.fixture(params=list(RUNS), ids=str)
def run(request: pytest.FixtureRequest) -> Run:
    """Return one implementation of the page."""
    return RUNS[request.param]


def test_an_entry_fills_at_the_next_ask_and_pays_slippage_and_commission(run: Run) -> None:
    outcome = run(
        market(
            event(0, FLAT, UP),
            event(1, (1002.0, 1003.0, 1001.0, 1002.0)),
            slippage_volatility_fraction=0.1,  # of 0.001 of 1002
            hold_score=0.0,
        )
    )
    (fill,) = outcome.fills
    assert fill.price == pytest.approx(1002.5 + 0.1002, abs=1e-12)
    assert (fill.event, fill.side, fill.lots, fill.reason) == (1, 1, 1.0, "ENTRY")
    assert outcome.balance == pytest.approx([100_000.0, 99_993.0])
    assert outcome.equity[1] == pytest.approx(99_993.0 + 100 * (1002.0 - 1002.6002))


def test_a_gap_over_the_stop_leaves_at_the_open_not_at_the_stop(run: Run) -> None:
    outcome = run(
        market(
            event(0, FLAT, UP),
            event(1, FLAT, UP),  # fills at 1000.5, stop 990.5
            event(2, (980.0, 985.0, 979.0, 981.0)),
            slippage_points_min=1.0,
        )
    )
    (trade,) = outcome.trades
    assert trade.entry_price == pytest.approx(1000.51)
    assert trade.stop_at_entry == pytest.approx(990.51)
    assert trade.exit_price == pytest.approx(979.99)
    assert trade.reason == "STOP"
    assert trade.initial_risk == pytest.approx(1000.0)
    assert trade.net == pytest.approx(100 * (979.99 - 1000.51) - 14.0)
    assert trade.mae == pytest.approx(1000.51 - 979.99)
    assert not trade.ambiguous


def test_swap_counts_every_night_and_the_event_of_the_night(run: Run) -> None:
    outcome = run(
        market(
            event(0, FLAT, UP),
            event(1, FLAT, UP, nights=1.0),  # fills after the charge: no swap
            event(2, FLAT, UP, nights=3.0),
        )
    )
    assert outcome.balance == pytest.approx([100_000.0, 99_993.0, 99_993.0 - 3 * 30])


BOTH = (1000.0, 1011.0, 985.0, 1000.0)


def test_stop_and_target_in_one_bar_is_the_stop(run: Run) -> None:
    outcome = run(
        market(event(0, FLAT, UP), event(1, FLAT, UP), event(2, BOTH), targets=((1.0, 1.0),))
    )
    (trade,) = outcome.trades
    assert (trade.reason, trade.ambiguous, trade.resolved) == ("STOP", True, False)
    assert trade.exit_price == pytest.approx(990.5)


@pytest.mark.parametrize(
    ("finer", "reason", "price", "resolved"),
    [
        ([(1000.0, 1011.0, 999.0, 1005.0), (1005.0, 1005.0, 985.0, 1000.0)], "TARGET", 1010.5, 1),
        ([(1000.0, 1001.0, 985.0, 1005.0), (1005.0, 1011.0, 985.0, 1000.0)], "STOP", 990.5, 1),
        ([(1000.0, 1001.0, 999.0, 1000.0), (1000.0, 1011.0, 985.0, 1000.0)], "STOP", 990.5, 0),
        ([(1000.0, 1001.0, 999.0, 1000.0)], "STOP", 990.5, 0),
        ([(1000.0, 1001.0, 999.0, 1000.0), (986.0, 1011.0, 985.0, 1000.0)], "STOP", 986.0, 1),
    ],
    ids=["target-first", "stop-first", "ambiguous-again", "touches-neither", "finer-gap"],
)
def test_finer_bars_settle_what_they_can(
    run: Run, finer: list[Bar], reason: str, price: float, resolved: bool
) -> None:
    last = event(2, BOTH, finer=tuple(quotes(bar) for bar in finer))
    outcome = run(market(event(0, FLAT, UP), event(1, FLAT, UP), last, targets=((1.0, 1.0),)))
    (trade,) = outcome.trades
    assert (trade.reason, trade.ambiguous, trade.resolved) == (reason, True, resolved)
    assert trade.exit_price == pytest.approx(price)


def test_targets_leave_in_pieces_and_a_gap_pays_the_open(run: Run) -> None:
    outcome = run(
        market(
            event(0, FLAT, UP),
            event(1, FLAT, UP),  # 1000.5; levels 1005.5 and 1010.5
            event(2, (1006.0, 1007.0, 1005.0, 1006.0), UP),
            event(3, (1006.0, 1012.0, 1005.0, 1011.0), UP),
            targets=((0.5, 0.3), (1.0, 0.7)),
        )
    )
    assert [(f.lots, f.price) for f in outcome.fills[1:]] == [
        (pytest.approx(0.3), pytest.approx(1006.0)),
        (pytest.approx(0.7), pytest.approx(1010.5)),
    ]
    (trade,) = outcome.trades
    assert trade.exit_price == pytest.approx(0.3 * 1006.0 + 0.7 * 1010.5)
    assert trade.commission == pytest.approx(14.0)


def test_a_limit_fills_at_its_price_and_may_be_stopped_in_the_same_bar(run: Run) -> None:
    order = buy("LIMIT", price=995.0, stop_distance=4.0)
    outcome = run(
        market(event(0, FLAT), event(1, (1000.0, 1001.0, 990.0, 1000.0)), requests=(order,))
    )
    (trade,) = outcome.trades
    assert (trade.entry_price, trade.exit_price) == (995.0, 991.0)
    assert (trade.ambiguous, trade.bars_held, trade.reason) == (True, 0, "STOP")
    assert isnan(trade.score)


def test_a_limit_opened_inside_the_bar_takes_no_target_in_it(run: Run) -> None:
    order = buy("LIMIT", price=999.6, target_distance=1.0)
    outcome = run(market(event(0, FLAT), event(1, FLAT), event(2, FLAT), requests=(order,)))
    (trade,) = outcome.trades
    assert (trade.entry_event, trade.exit_event, trade.exit_price) == (1, 2, 1000.6)
    assert trade.stop_at_entry == -inf
    assert trade.initial_risk == 0.0


def test_a_stop_order_slips_and_a_gapped_stop_limit_rests(run: Run) -> None:
    up = (1006.0, 1007.0, 1004.0, 1006.0)
    stop = buy("STOP", price=1003.0)
    outcome = run(market(event(0, FLAT), event(1, up), requests=(stop,), slippage_points_min=2.0))
    assert outcome.fills[0].price == pytest.approx(1006.52)

    stop_limit = buy("STOP_LIMIT", price=1003.0, limit_price=1004.0)
    outcome = run(market(event(0, FLAT), event(1, up), event(2, FLAT), requests=(stop_limit,)))
    assert [(f.event, f.price) for f in outcome.fills] == [(2, 1000.5)]


def test_an_order_expires_after_its_last_event(run: Run) -> None:
    below = (990.0, 991.0, 989.0, 990.0)
    for expiry_bars, n_fills in ((1, 0), (2, 1)):
        order = buy("LIMIT", price=995.0, expiry_bars=expiry_bars)
        outcome = run(market(event(0, FLAT), event(1, FLAT), event(2, below), requests=(order,)))
        assert len(outcome.fills) == n_fills


def test_the_opposite_view_closes_and_reverses_at_one_open(run: Run) -> None:
    outcome = run(market(event(0, FLAT, UP), event(1, FLAT, DOWN), event(2, FLAT)))
    assert [(f.event, f.side, f.reason, f.price) for f in outcome.fills] == [
        (1, 1, "ENTRY", 1000.5),
        (2, -1, "SIGNAL", 1000.0),
        (2, -1, "ENTRY", 1000.0),
    ]


def test_a_silent_view_scores_half(run: Run) -> None:
    held = run(market(*(event(i, FLAT, UP if i == 0 else SILENT) for i in range(4))))
    assert not held.trades
    closed = run(
        market(*(event(i, FLAT, UP if i == 0 else SILENT) for i in range(4)), hold_score=0.51)
    )
    assert [(t.reason, t.exit_event) for t in closed.trades] == [("SIGNAL", 2)]


def test_break_even_and_trailing_move_the_stop_from_the_next_event(run: Run) -> None:
    rise = event(2, (1000.0, 1011.0, 1000.0, 1010.0), UP)
    fall = event(3, (1008.0, 1008.0, 999.0, 1000.0))
    start = (event(0, FLAT, UP), event(1, FLAT, UP), rise, fall)
    assert run(market(*start, break_even_at_r=1.0)).trades[0].exit_price == 1000.5
    # Best 1011, less 1.5 x 5.
    assert run(market(*start, trailing_atr=1.5)).trades[0].exit_price == 1003.5
    assert not run(market(*start)).trades


def test_a_time_stop_leaves_at_the_open_after_its_last_bar(run: Run) -> None:
    outcome = run(market(*(event(i, FLAT, UP) for i in range(6)), time_stop_bars=2))
    assert [(t.entry_event, t.exit_event, t.bars_held, t.reason) for t in outcome.trades] == [
        (1, 3, 2, "TIME_STOP")
    ]
    assert [f.event for f in outcome.fills] == [1, 3, 4]


def test_a_stop_out_closes_at_the_worst_price_of_the_bar(run: Run) -> None:
    plunge = event(2, (1000.0, 1000.0, 992.0, 1000.0))
    # One lot is 100,000; margin 1,000 and a balance of 1,300: level 0.5 is 800 lost.
    outcome = run(
        market(event(0, FLAT), event(1, FLAT), plunge, requests=(buy(),), balance=1_300.0)
    )
    (trade,) = outcome.trades
    assert (trade.reason, trade.exit_price, trade.exit_event) == ("STOP_OUT", 992.0, 2)


def test_each_limit_of_the_size_binds_in_turn(run: Run) -> None:
    # equity 100,000; distance 10; value 100; price 1000.5; loss 5; Kelly share 0.25 x 0.2.
    cases = {
        (): 1.0,  # risk: 100,000 x 0.01 / (10 x 100)
        (("risk_fraction_max", 0.05), ("volatility_target", 1.0)): 5.0,
        (("kelly_multiplier", 0.01), ("volatility_target", 1.0)): 0.4,  # 100,000 x 0.002 / 500
        (("volatility_target", 0.05),): 0.63,  # 5,000 / (0.001 x 79.13 x 100,050) = 0.6315
        (("symbol_exposure_max", 0.5),): 0.49,
        (("exposure_max", 0.3),): 0.29,
        (("margin_fraction_max", 0.005),): 0.49,
    }
    for changes, lots in cases.items():
        outcome = run(
            market(event(0, FLAT, UP), event(1, FLAT), **{"sizing": "kelly", **dict(changes)})
        )
        assert outcome.fills[0].lots == pytest.approx(lots), changes


@pytest.mark.parametrize(
    ("view", "rules", "reason"),
    [
        (SILENT, {}, "NO_VIEW"),
        (replace(UP, unit=nan), {}, "WARM_UP"),
        (replace(UP, payoff=0.0), {}, "WARM_UP"),
        (replace(UP, score=0.6), {}, "SCORE"),
        (replace(UP, p_win=0.5), {"sizing": "kelly"}, "NO_EDGE"),
        (replace(UP, confidence=0.001), {"sizing": "kelly"}, "BELOW_MINIMUM_SIZE"),
    ],
)
def test_a_refusal_keeps_its_reason(
    run: Run, view: View, rules: dict[str, object], reason: str
) -> None:
    outcome = run(market(event(0, FLAT, view), **rules))
    assert outcome.refusals == {reason: 1}


def test_requests_are_checked_before_they_are_orders(run: Run) -> None:
    orders = tuple(buy("LIMIT", price=900.0 - k) for k in range(9))
    off_the_step = (buy(lots=0.015), buy(lots=0.0), buy("CLOSE", lots=0.005), buy(lots=60.0))
    outcome = run(market(event(0, FLAT), requests=orders + off_the_step))
    assert {k: v for k, v in outcome.refusals.items() if k != "NO_VIEW"} == {
        "TOO_MANY_ORDERS": 1,
        "INVALID_LOTS": 4,
    }


def test_an_opposite_request_reduces_first_and_opens_with_the_rest(run: Run) -> None:
    sell = replace(buy(), event=1, side=-1, lots=1.5)
    outcome = run(market(*(event(i, FLAT) for i in range(3)), requests=(buy(), sell)))
    assert [(f.side, f.reason, f.lots) for f in outcome.fills] == [
        (1, "ENTRY", 1.0),
        (-1, "REQUEST", 1.0),
        (-1, "ENTRY", pytest.approx(0.5)),
    ]


def test_the_last_mark_closes_at_the_end_on_demand(run: Run) -> None:
    events = [event(i, FLAT, UP) for i in range(2)]
    assert not run(market(*events)).trades
    outcome = run(market(*events, close_at_end=True, slippage_points_min=5.0))
    (trade,) = outcome.trades
    assert (trade.reason, trade.exit_price) == ("END", 1000.0)
    assert outcome.balance[-1] == outcome.equity[-1] == pytest.approx(100_000 - 55.0 - 14.0)


def test_break_even_counts_at_equality(run: Run) -> None:
    exactly = event(2, (1000.0, 1010.5, 1000.0, 1005.0), UP)  # entry 1000.5, distance 10
    fall = event(3, (1004.0, 1004.0, 999.0, 1000.0))
    events = (event(0, FLAT, UP), event(1, FLAT, UP), exactly, fall)
    (trade,) = run(market(*events, break_even_at_r=1.0)).trades
    assert (trade.exit_event, trade.exit_price) == (3, 1000.5)


def test_a_stop_out_counts_at_equality(run: Run) -> None:
    # Margin 1,000 at a mark of 1,000; the entry costs 50 of spread and 7 of commission.
    for balance, n_trades in ((557.0, 1), (557.01, 0)):
        steady = (1000.0, 1001.0, 1000.0, 1000.0)
        outcome = run(market(event(0, FLAT), event(1, steady), requests=(buy(),), balance=balance))
        assert len(outcome.trades) == n_trades


def two_symbols(*events: Event, requests: tuple[Request, ...] = (), **rules: object) -> Market:
    """Return a market of two equal symbols."""
    return Market((FACTS, FACTS), replace(RULES, **rules), events, requests)


def test_a_margin_call_counts_at_equality(run: Run) -> None:
    events = (
        event(0, FLAT),
        event(0, FLAT, symbol=1),
        event(1, FLAT),
        event(1, FLAT, UP, symbol=1),
        event(2, FLAT),
        event(2, FLAT, symbol=1),
    )
    for balance, n_fills in ((2_057.0, 1), (2_057.01, 2)):
        outcome = run(
            two_symbols(*events, requests=(buy(),), balance=balance, margin_call_level=2.0)
        )
        assert len(outcome.fills) == n_fills
        assert outcome.refusals.get("MARGIN_CALL", 0) == 2 - n_fills


def test_equal_losses_stop_out_the_first_symbol_first(run: Run) -> None:
    plunge = (990.0, 990.0, 990.0, 990.0)
    requests = (buy(), replace(buy(), event=1, symbol=1))
    # The first symbol at 990 loses 1,050, the second still 50; then both lose 1,050.
    outcome = run(
        two_symbols(
            event(0, FLAT),
            event(0, FLAT, symbol=1),
            event(1, FLAT),
            event(1, FLAT, symbol=1),
            event(2, plunge),
            event(2, plunge, symbol=1),
            requests=requests,
            balance=3_000.0,
        )
    )
    assert [(t.symbol, t.reason, t.exit_event) for t in outcome.trades] == [(0, "STOP_OUT", 5)]
