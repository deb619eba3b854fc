"""Costs and fill rules of the venue, by hand."""

import math
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from engine_free import gold

from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.domain.facts_history import DatedFacts, FactsHistory
from assay.domain.instrument import SwapMode
from assay.domain.order import OrderKind
from assay.domain.timeframe import Timeframe
from assay.execution.costs import commission, slippage, swap
from assay.execution.margin import is_stopped_out
from assay.execution.round_trip import carry, round_trip_cost
from assay.execution.venue import (
    is_against,
    limit_price,
    market_price,
    trigger_price,
    working_price,
)
from assay.risk.facts import SWAP_MODES, contract_facts

SLIPPAGE = getattr(slippage, "py_func", slippage)
SWAP = getattr(swap, "py_func", swap)
RULES = SimpleNamespace(slippage_points_min=2.0, slippage_volatility_fraction=0.5)
FACTS = SimpleNamespace(swap_long=-20.0, swap_short=7.2, swap_mode=0, point=0.01, contract=100.0)
PERCENT = SimpleNamespace(**{**vars(FACTS), "swap_mode": 1})


def test_slippage_is_the_greater_of_floor_and_volatility() -> None:
    assert SLIPPAGE(0.0, 100.0, 0.01, RULES) == pytest.approx(0.02)
    assert SLIPPAGE(0.01, 100.0, 0.01, RULES) == pytest.approx(0.5)
    assert SLIPPAGE(math.nan, 100.0, 0.01, RULES) == pytest.approx(0.02)


def test_swap_and_commission_by_hand() -> None:
    assert SWAP(3.0, 1, 2.0, 90.0, 100.0, 1.0, FACTS, 1.0) == pytest.approx(-120.0)
    assert SWAP(1.0, -1, 2.0, 90.0, 100.0, 0.5, FACTS, 2.0) == pytest.approx(14.4)
    assert SWAP(1.0, -1, 1.0, 90.0, 100.0, 1.0, PERCENT, 1.0) == pytest.approx(2.0)
    assert commission(2.0, 3.5, 2.0) == 14.0


@pytest.mark.parametrize(
    ("mode", "amount"),
    [
        # two lots of 100, long -20, held at 90, marked at 100, half an account unit per quote unit
        (SwapMode.POINTS, 2 * -20 * 0.01 * 100 * 0.5),
        (SwapMode.PERCENT, 2 * -0.20 / 360 * 100 * 100 * 0.5),
        (SwapMode.PERCENT_OPEN, 2 * -0.20 / 360 * 100 * 90 * 0.5),
        (SwapMode.BASE, 2 * -20 * 100 * 0.5),
        (SwapMode.QUOTE, 2 * -20 * 0.5),
        (SwapMode.ACCOUNT, 2 * -20),
    ],
)
def test_every_swap_mode_by_hand(mode: SwapMode, amount: float) -> None:
    facts = SimpleNamespace(**{**vars(FACTS), "swap_mode": SWAP_MODES[mode]})

    assert SWAP(1.0, 1, 2.0, 90.0, 100.0, 0.5, facts, 1.0) == pytest.approx(amount)
    assert SWAP(3.0, 1, 2.0, 90.0, 100.0, 0.5, facts, 0.5) == pytest.approx(1.5 * amount)


@pytest.mark.parametrize("mode", SwapMode)
def test_the_expected_swap_is_a_day_of_what_is_charged(mode: SwapMode) -> None:
    item = gold(swap_mode=mode)
    bars = quoted_bars(np.array([0]))
    facts = contract_facts([item], Timeframe.H1)[0]
    charged = SWAP(1.0, 1, 1.0, 2000.0, 2000.0, 0.5, facts, 1.0)
    long, _ = carry(bars, item, CostSettings(), horizon_bars=24, conversion=np.array([0.5]))

    assert long[0] == pytest.approx(1.4 * charged / (100 * 2000.0 * 0.5))


def test_expected_costs_follow_the_facts_of_each_bar() -> None:
    dearer = gold(
        commission_per_lot=Decimal(9),
        swap_long=Decimal(-40),
        swap_mode=SwapMode.PERCENT,
        swap_nights=tuple(map(Decimal, (1, 1, 1, 1, 1, 0, 0))),
    )
    dated = FactsHistory(
        symbol="XAUUSD",
        versions=(
            DatedFacts(valid_from_ns=0, instrument=gold()),
            DatedFacts(valid_from_ns=10, instrument=dearer),
        ),
    )
    bars, ones = quoted_bars(np.array([0, 9, 10, 20])), np.ones(4)
    unknown = np.full(4, np.nan)
    cost = round_trip_cost(bars, dated, CostSettings(), volatility=unknown, conversion=ones)
    long, short = carry(bars, dated, CostSettings(), horizon_bars=24, conversion=ones)

    fee = 2 / (100 * 2000.0)
    assert cost - 2 / 2000 == pytest.approx([3 * fee, 3 * fee, 9 * fee, 9 * fee])
    points, percent = 1.4 * 0.01 / 2000, 0.01 / 360
    expected = np.array([points, points, percent, percent])
    assert long == pytest.approx(expected * [-20, -20, -40, -40])
    assert short == pytest.approx(expected * 7.2)


def test_prices_of_the_venue_by_hand() -> None:
    assert market_price(1, 99.0, 100.0, 0.5) == 100.5
    assert market_price(-1, 99.0, 100.0, 0.5) == 98.5
    assert is_against(1, 99.0, 99.0)
    assert not is_against(-1, 98.9, 99.0)
    assert limit_price(1, 99.0, 98.0, 97.0) == 98.0
    assert limit_price(1, 99.0, 100.0, 98.0) == 99.0
    assert math.isnan(limit_price(-1, 99.0, 98.0, 98.5))
    assert trigger_price(1, 101.0, 102.0, 103.0) == 102.0
    assert trigger_price(-1, 99.0, 100.0, 98.0) == 99.0
    assert math.isnan(trigger_price(1, 101.0, 100.0, 100.5))


@pytest.mark.parametrize(
    ("kind", "side", "price", "limit", "fill", "triggered"),
    [
        (OrderKind.LIMIT, 1, 99.0, 0.0, 99.0, False),
        (OrderKind.LIMIT, -1, 101.0, 0.0, 101.0, False),
        (OrderKind.STOP, 1, 101.0, 0.0, 101.1, True),
        (OrderKind.STOP, -1, 99.0, 0.0, 98.9, True),
        (OrderKind.STOP, 1, 103.0, 0.0, math.nan, False),
        (OrderKind.STOP_LIMIT, 1, 101.0, 101.5, 101.0, True),
        (OrderKind.STOP_LIMIT, 1, 101.0, 100.5, math.nan, True),
        (OrderKind.STOP_LIMIT, -1, 99.0, 98.5, 99.0, True),
    ],
)
def test_working_orders_by_hand(kind, side, price, limit, fill, triggered) -> None:
    found, did = working_price(kind.value, side, price, limit, 0.1, 100.0, 98.0, 102.0)
    assert found == pytest.approx(fill, nan_ok=True)
    assert did is triggered or did == triggered


def test_stop_out_by_hand() -> None:
    assert is_stopped_out(50.0, 100.0, 0.5)
    assert not is_stopped_out(50.1, 100.0, 0.5)
    assert is_stopped_out(0.0, 0.0, 0.5)


def quoted_bars(time_ns: np.ndarray) -> Bars:
    """Return bars that stand at 1999 bid and 2001 ask."""
    bid, ask = np.full(len(time_ns), 1999.0), np.full(len(time_ns), 2001.0)
    return Bars(
        symbol="XAUUSD", timeframe=Timeframe.H1, time_ns=time_ns,
        open=bid, high=bid, low=bid, close=bid,
        volume=np.zeros(len(time_ns)), spread=np.full(len(time_ns), 2.0),
        ask_open=ask, ask_high=ask, ask_low=ask, ask_close=ask,
    )  # fmt: skip


def test_a_round_trip_costs_spread_slippage_and_two_commissions() -> None:
    bars = quoted_bars(np.arange(2))
    costs = CostSettings(slippage_volatility_fraction=0.1, slippage_points_min=0.0)
    found = round_trip_cost(
        bars, gold(), costs, volatility=np.array([np.nan, 0.01]), conversion=np.ones(2)
    )
    fee = 2 * 3.0 / (100 * 2000.0)
    assert found == pytest.approx([2 / 2000 + fee, 2 / 2000 + fee + 2 * 0.001])

    ones = np.ones(2)
    long, short = carry(bars, gold(), costs, horizon_bars=24, conversion=ones)
    assert long == pytest.approx(np.full(2, -20 * 0.01 / 2000 * 1.4))
    assert short == pytest.approx(np.full(2, 7.2 * 0.01 / 2000 * 1.4))
    percent = gold(swap_mode=SwapMode.PERCENT)
    long, _ = carry(bars, percent, costs, horizon_bars=24, conversion=ones)
    assert long == pytest.approx(np.full(2, -20 / 100 / 360 * 1.4))
