"""A sweep finds the engine's own trades, however it gets there."""

from decimal import Decimal as D

import numpy as np
import pytest
from engine_worlds import instrument, settings, tape
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.domain.errors import DataError
from assay.domain.instrument import MarginTier, SwapMode
from assay.engine.backtest import run_backtest
from assay.engine.jump import NEAR_STOP_OUT, SWEPT
from assay.engine.state import REQUEST, TRADE, records
from assay.engine.sweep import _course, _signal, jump_cases, summary, sweep, varied_rules
from assay.engine.views import Views, view_arrays
from assay.risk.facts import contract_facts

UNKNOWN = ("mae", "mfe", "score", "p_win")


def course_and_views(seed: int, n_bars: int = 600):
    rng = np.random.default_rng(seed)
    close = 1000.0 + np.cumsum(rng.normal(0.0, 1.0, n_bars))
    open_ = np.r_[1000.0, close[:-1]] + rng.normal(0.0, 1.0, n_bars) * (rng.random(n_bars) < 0.1)
    high = np.maximum(open_, close) + rng.random(n_bars)
    low = np.minimum(open_, close) - rng.random(n_bars)
    rows = np.round(np.c_[open_, high, low, close], 2)
    nights = np.where(np.arange(n_bars) % 24 == 23, rng.choice([1.0, 3.0]), 0.0)
    if rng.random() < 0.2:
        nights[:] = rng.choice([0.0, 1.0])
    world = tape(rows, spread=0.1, nights=nights, volatility=0.001)
    busy = rng.choice([0.02, 0.1, 0.5])
    direction = rng.choice([-1, 0, 1], n_bars, p=[busy / 2, 1 - busy, busy / 2]).astype(np.int8)
    unit = rng.uniform(0.5, 3.0, n_bars)
    return world, Views.of(direction, unit=unit, confidence=0.8, p_win=0.6, score=0.9)


def rules_for(seed: int, n_cases: int = 6):
    rng = np.random.default_rng(seed + 1)
    base = settings(
        account={"balance": 2e5},
        risk={"sizing": str(rng.choice(["fixed", "kelly"])), "fixed_lots": 1.0,
              "risk_fraction_max": 0.02},
        costs={"slippage_volatility_fraction": 0.1},
    )  # fmt: skip
    return varied_rules(
        base,
        stop_atr=rng.uniform(1.0, 6.0, n_cases),
        target_r=rng.choice([0.0, 0.5, 1.0, 3.0], n_cases),
    )


def facts_of(seed: int):
    tiers = (
        MarginTier(up_to=D("0.5"), fraction=D("0.01")),
        MarginTier(up_to=D("Infinity"), fraction=D("0.05")),
    )
    return {
        "XAUUSD": instrument(
            commission_per_lot=3,
            swap_long=-20,
            swap_short=4,
            swap_mode=list(SwapMode)[seed % len(SwapMode)],
            contract_size=10,
            margin_tiers=tiers if seed % 3 == 0 else (),
        )
    }


@hypothesis_settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_jumping_from_trade_to_trade_gives_the_engine_s_trades(seed: int) -> None:
    world, views = course_and_views(seed)
    rules, instruments = rules_for(seed), facts_of(seed)
    facts = contract_facts(list(instruments.values()), world.timeframe)
    course = _course(world, facts)
    swept = records(SWEPT, len(rules))
    for k in range(len(rules)):
        trades = records(TRADE, len(world))
        jump_cases(course, _signal(views), np.array([k]), rules, swept, trades)
        one = rules[k : k + 1].view(np.recarray)
        result = run_backtest(
            world, view_arrays(views), facts, one, records(REQUEST, 0), close_at_end=False
        )
        expected = summary(result, course.marks[:-1])
        if swept[k].status == NEAR_STOP_OUT:
            continue
        for name in TRADE.names:
            if name not in UNKNOWN:
                mine = trades[name][: swept[k].n_trades]
                np.testing.assert_array_equal(mine, result.trades[name], name)
        assert swept[k].equity == result.equity[-1]
        for name in SWEPT.names:
            assert swept[k][name] == pytest.approx(expected[name], rel=1e-6, abs=1e-6), name


def test_the_number_of_threads_changes_no_bit() -> None:
    world, views = course_and_views(3)
    other = Views.of(-views.direction, unit=2.0)
    rules = rules_for(3, 50)
    index = np.arange(50) % 2
    one = sweep(world, [views, other], index, rules, facts_of(3), threads=1)
    four = sweep(world, [views, other], index, rules, facts_of(3), threads=4)
    assert one.tobytes() == four.tobytes()
    assert one.n_trades.sum() > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"break_even_at_r": 1.0},
        {"trailing_atr": 2.0},
        {"time_stop_bars": 5},
    ],
)
def test_a_case_with_other_rules_runs_through_the_engine(changes) -> None:
    world, views = course_and_views(4)
    base = settings(exits=changes, account={"balance": 1e6})
    rules = varied_rules(base, stop_atr=[2.0])
    facts = contract_facts(list(facts_of(4).values()), world.timeframe)
    swept = sweep(world, [views], [0], rules, facts_of(4), threads=1)
    result = run_backtest(
        world, view_arrays(views), facts, rules, records(REQUEST, 0), close_at_end=False
    )
    assert swept[0].equity == result.equity[-1]
    assert swept[0].n_trades == len(result.trades)


def test_a_tape_with_finer_bars_or_a_moving_conversion_runs_through_the_engine() -> None:
    rows = np.round(np.c_[[100.0 + np.arange(40) % 7] * 4].T, 2)
    rows[:, 1] += 1.0
    rows[:, 2] -= 1.0
    direction = np.where(np.arange(40) % 9 == 1, 1, 0).astype(np.int8)
    moving = tape(rows, conversion=np.linspace(1.0, 1.1, 40))
    fine = tape(rows, finer={5: [rows[5]]})
    rules = varied_rules(settings(), stop_atr=[1.0], target_r=[1.0])
    for world in (moving, fine):
        swept = sweep(world, [Views.of(direction)], [0], rules, {"XAUUSD": instrument()})
        assert swept[0].status == 0
        assert swept[0].n_trades > 0


def test_a_case_near_its_stop_out_is_given_back_to_the_engine() -> None:
    world, views = course_and_views(5)
    rules = varied_rules(settings(account={"balance": 250.0}), stop_atr=[50.0, 2.0])
    instruments = facts_of(5)
    facts = contract_facts(list(instruments.values()), world.timeframe)
    swept = records(SWEPT, 2)
    course = _course(world, facts)
    jump_cases(course, _signal(views), np.array([0]), rules, swept, records(TRADE, 0))
    assert swept[0].status == NEAR_STOP_OUT

    final = sweep(world, [views], [0, 0], rules, instruments, threads=1)
    one = rules[:1].view(np.recarray)
    result = run_backtest(
        world, view_arrays(views), facts, one, records(REQUEST, 0), close_at_end=False
    )
    assert final[0].equity == result.equity[-1]
    assert final[0].status == 0


def test_gates_refuse_as_in_the_engine() -> None:
    world, views = course_and_views(6)
    silent = Views.of(np.zeros(len(world), dtype=np.int8))
    poor = varied_rules(settings(account={"balance": 0.5}), stop_atr=[1.0])
    assert sweep(world, [views], [0], poor, facts_of(6))[0].n_trades == 0
    rules = rules_for(6, 1)
    assert sweep(world, [silent], [0], rules, facts_of(6))[0].n_trades == 0
    unknown = Views.of(views.direction, unit=np.nan, score=0.9)
    assert sweep(world, [unknown], [0], rules, facts_of(6))[0].n_trades == 0
    margin = varied_rules(settings(), stop_atr=[1.0], margin_call_level=[np.inf])
    assert sweep(world, [views], [0], margin, facts_of(6))[0].n_trades == 0


def test_varied_rules_know_their_fields() -> None:
    with pytest.raises(DataError, match="field of the rules"):
        varied_rules(settings(), stop_art=[1.0])
    with pytest.raises(DataError, match="one value per case"):
        varied_rules(settings(), stop_atr=[1.0, 2.0], target_r=[1.0])


def test_one_day_has_a_mean_and_no_spread() -> None:
    rows = [[100.0] * 4] * 5
    world = tape(rows)
    rules = varied_rules(settings(), stop_atr=[1.0])
    swept = sweep(world, [Views.of(np.array([0, 1, 0, 0, 0], dtype=np.int8))], [0], rules,
                  {"XAUUSD": instrument(commission_per_lot=5)})  # fmt: skip
    assert swept[0].daily_mean == -5.0
    assert swept[0].daily_std == 0.0
