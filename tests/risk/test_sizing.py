"""Sizes: Kelly, and the least of every limit, on the lot step."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.domain.refusal import RefusalReason
from assay.risk.exposure import is_margin_call, margin_level, notional
from assay.risk.facts import FACTS as CONTRACT
from assay.risk.grid import down_lot, down_tick, is_on_lot_step, up_tick
from assay.risk.kelly import kelly_fraction, kelly_share
from assay.risk.rules import RULES as COMPILED
from assay.risk.sizing import Funds, Stake, size_lots

# The uncompiled form takes any record; the compiled one is held to it by the engine's tests.
SIZE = getattr(size_lots, "py_func", size_lots)

RULES = {
    "is_fixed": 0,
    "fixed_lots": 1.0,
    "kelly_multiplier": 0.25,
    "risk_fraction_max": 0.01,
    "volatility_target": 0.1,
    "exposure_max": 5.0,
    "symbol_exposure_max": 3.0,
    "margin_fraction_max": 0.5,
}
FACTS = {
    "bars_per_year": 6000.0,
    "margin_fraction": 0.01,
    "lot_step": 0.01,
    "lot_min": 0.01,
    "lot_max": 100.0,
}
STAKE = Stake(
    price=2000.0,
    value=100.0,
    distance=10.0,
    confidence=1.0,
    p_win=0.6,
    payoff=1.2,
    loss=10.0,
    volatility=0.001,
)
FUNDS = Funds(1e6, 0.0, 0.0)


def size(stake=STAKE, funds=FUNDS, facts=(), **rules) -> tuple[float, int]:
    return SIZE(stake, funds, record_of(CONTRACT, **{**FACTS, **dict(facts)}), ruled(**rules))


def record_of(dtype, **values):
    record = np.zeros(1, dtype=dtype).view(np.recarray)[0]
    for name, value in values.items():
        setattr(record, name, value)
    return record


def ruled(**rules):
    return record_of(COMPILED, **{**RULES, **rules})


WIDE = {
    "kelly_multiplier": 0.5,
    "risk_fraction_max": 1.0,
    "volatility_target": 1e9,
    "exposure_max": 1e9,
    "symbol_exposure_max": 1e9,
    "margin_fraction_max": 1e9,
}
BINDING = [
    # one limit at a time, by hand: lots before rounding
    ({"kelly_multiplier": 0.25}, {}, 0.25 * (0.6 - 0.4 / 1.2) * 1e6 / (10 * 100)),
    ({"risk_fraction_max": 0.01}, {}, 0.01 * 1e6 / (10 * 100)),
    ({"risk_fraction_max": 0.01}, {"confidence": 0.5}, 0.5 * 0.01 * 1e6 / (10 * 100)),
    ({"volatility_target": 0.1}, {}, 0.1 * 1e6 / (0.001 * math.sqrt(6000) * 2000 * 100)),
    ({"symbol_exposure_max": 3.0}, {}, 3e6 / 2e5),
    ({"exposure_max": 5.0}, {}, 5e6 / 2e5),
    ({"margin_fraction_max": 0.05}, {}, 0.05e6 / (2e5 * 0.01)),
]


@pytest.mark.parametrize(("rules", "stake", "lots"), BINDING)
def test_each_limit_binds_alone(rules, stake, lots) -> None:
    found, code = size(STAKE._replace(**stake), facts={"lot_max": 1e9}, **{**WIDE, **rules})
    assert code == 0
    assert found == pytest.approx(math.floor(lots / 0.01 + 1e-9) * 0.01)


def test_what_others_use_is_taken_off() -> None:
    free = {**WIDE, "exposure_max": 5.0}
    assert size(funds=Funds(1e6, 3e6, 0.0), **free)[0] == pytest.approx(10.0)
    assert size(funds=Funds(1e6, 5e6, 0.0), **free) == (0.0, RefusalReason.EXPOSURE_LIMIT)
    tight = {**WIDE, "margin_fraction_max": 0.05}
    assert size(funds=Funds(1e6, 0.0, 3e4), **tight)[0] == pytest.approx(10.0)
    assert size(funds=Funds(1e6, 0.0, 5e4), **tight) == (0.0, RefusalReason.MARGIN_LIMIT)


def test_no_edge_means_no_trade_and_unknown_volatility_no_target() -> None:
    assert size(STAKE._replace(p_win=0.45)) == (0.0, RefusalReason.NO_EDGE)
    alone = {**WIDE, "volatility_target": 0.1, "risk_fraction_max": 0.01}
    for unknown in (0.0, math.nan):
        assert size(STAKE._replace(volatility=unknown), **alone)[0] == pytest.approx(10.0)


def test_too_small_is_refused_never_rounded_up() -> None:
    assert size(funds=Funds(90.0, 0.0, 0.0)) == (0.0, RefusalReason.BELOW_MINIMUM_SIZE)
    assert size(facts={"lot_min": 50.0}) == (0.0, RefusalReason.BELOW_MINIMUM_SIZE)


def test_fixed_lots_are_held_to_exposure_margin_and_the_venue() -> None:
    assert size(is_fixed=1, fixed_lots=2.0)[0] == pytest.approx(2.0)
    assert size(is_fixed=1, fixed_lots=20.0)[0] == pytest.approx(15.0)
    assert size(is_fixed=1, fixed_lots=2.0, facts={"lot_max": 1.5})[0] == pytest.approx(1.5)
    assert size(STAKE._replace(p_win=0.0), is_fixed=1)[0] == pytest.approx(1.0)


money = st.floats(1e2, 1e8)
shares = st.floats(0.0, 1.0)


@given(
    equity=money,
    others=st.floats(0.0, 1e8),
    margin_others=st.floats(0.0, 1e8),
    p_win=shares,
    confidence=shares,
    payoff=st.floats(0.01, 10.0),
    price=st.floats(0.5, 1e4),
    distance=st.floats(1e-3, 1e3),
    value=st.floats(0.1, 1e5),
    volatility=st.just(0.0) | st.floats(1e-12, 0.1),
    fixed=st.booleans(),
)
def test_a_size_never_exceeds_any_limit(
    equity,
    others,
    margin_others,
    p_win,
    confidence,
    payoff,
    price,
    distance,
    value,
    volatility,
    fixed,
) -> None:
    stake = Stake(price, value, distance, confidence, p_win, payoff, distance, volatility)
    lots, code = size(stake, Funds(equity, others, margin_others), is_fixed=int(fixed))
    if code:
        assert lots == 0.0
        return
    slack = 1.0 + 2e-9
    assert FACTS["lot_min"] <= lots <= FACTS["lot_max"] * slack
    assert is_on_lot_step(lots, 0.01)
    worth = lots * price * value
    assert worth <= equity * RULES["symbol_exposure_max"] * slack
    assert worth <= (equity * RULES["exposure_max"] - others) * slack + 1e-6 * worth
    room = equity * RULES["margin_fraction_max"] - margin_others
    assert worth * FACTS["margin_fraction"] <= room * slack + 1e-6 * worth
    if not fixed:
        risk = lots * distance * value
        assert risk <= equity * RULES["risk_fraction_max"] * confidence * slack
        assert risk <= equity * kelly_share(p_win, payoff, 0.25) * slack


@given(st.sampled_from(sorted(WIDE)), st.floats(1e-3, 1.0), st.floats(1.0, 10.0), money)
def test_a_looser_limit_never_sizes_smaller(name, limit, looser, equity) -> None:
    funds = Funds(equity, 0.0, 0.0)
    tight = size(funds=funds, **{name: limit})[0]
    loose = size(funds=funds, **{name: limit * looser})[0]
    assert loose >= tight


@given(shares, shares, st.floats(0.01, 10.0), st.floats(0.01, 1.0))
def test_kelly_rises_with_the_probability(p, q, payoff, multiplier) -> None:
    low, high = sorted((p, q))
    fewer = kelly_fraction(low, payoff, multiplier=multiplier)
    assert 0.0 <= fewer <= kelly_fraction(high, payoff, multiplier=multiplier) <= 1.0


@pytest.mark.parametrize(
    ("p_win", "payoff", "multiplier", "fraction"),
    [(0.55, 1.0, 0.5, 0.05), (0.6, 1.0, 1.0, 0.2), (0.5, 2.0, 1.0, 0.25), (0.4, 1.0, 0.5, 0.0)],
)
def test_kelly_by_hand(p_win, payoff, multiplier, fraction) -> None:
    assert kelly_fraction(p_win, payoff, multiplier=multiplier) == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("p_win", "payoff", "multiplier"),
    [
        (1.1, 1, 1),
        (-0.1, 1, 1),
        (math.nan, 1, 1),
        (0.5, 0, 1),
        (0.5, math.nan, 1),
        (0.5, 1, 0),
        (0.5, 1, 1.01),
    ],
)
def test_kelly_refuses_what_is_no_bet(p_win, payoff, multiplier) -> None:
    with pytest.raises(ValueError, match="must be"):
        kelly_fraction(p_win, payoff, multiplier=multiplier)


@given(st.floats(0.01, 1e6), st.sampled_from([0.01, 0.00001, 0.25, 0.1]))
def test_rounding_brackets_its_price(price, tick) -> None:
    near = 2e-9 * max(price, tick)
    assert price - tick - near <= down_tick(price, tick) <= price + near
    assert price - near <= up_tick(price, tick) <= price + tick + near


@given(st.integers(0, 100_000), st.sampled_from([0.01, 0.1, 0.001]))
def test_what_is_on_the_grid_stays(n, step) -> None:
    assert down_lot(n * step, step) == up_tick(n * step, step) == n * step
    assert is_on_lot_step(n * step, step)
    assume(n < 1000)
    assert not is_on_lot_step((n + 0.3) * step, step)


def test_margin_level_and_call() -> None:
    assert notional(2.0, 100.0, 50.0) == 10_000.0
    assert margin_level(100.0, 0.0) == math.inf
    assert margin_level(100.0, 50.0) == 2.0
    assert is_margin_call(100.0, 100.0, 1.0)
    assert is_margin_call(0.0, 0.0, 1.0)
    assert not is_margin_call(100.1, 100.0, 1.0)
