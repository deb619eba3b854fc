"""A sweep finds the engine's own trades, however it gets there."""

from collections.abc import Sequence
from decimal import Decimal as D

import numpy as np
import pytest
from engine_worlds import instrument, settings, tape
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assay.domain.errors import DataError
from assay.domain.fill import ExitReason
from assay.domain.instrument import MarginTier, SwapMode
from assay.engine.backtest import run_backtest
from assay.engine.jump import NEAR_STOP_OUT, SWEPT
from assay.engine.state import REQUEST, TRADE, records
from assay.engine.sweep import (
    block_sums,
    by_crossing,
    course_of,
    day_ends,
    jump_cases,
    summary,
    sweep,
    sweep_blocks,
    varied_rules,
)
from assay.engine.sweep_signal import signal_of
from assay.engine.views import Views, view_arrays
from assay.risk.facts import contract_facts

UNKNOWN = ("mae", "mfe", "score", "p_win")


def course_and_views(seed: int, n_bars: int = 600, *, dense: bool = False):
    rng = np.random.default_rng(seed)
    close = 1000.0 + np.cumsum(rng.normal(0.0, 1.0, n_bars))
    open_ = np.r_[1000.0, close[:-1]] + rng.normal(0.0, 1.0, n_bars) * (rng.random(n_bars) < 0.1)
    high = np.maximum(open_, close) + rng.random(n_bars)
    low = np.minimum(open_, close) - rng.random(n_bars)
    rows = np.round(np.c_[open_, high, low, close], 2)
    nights = np.where(np.arange(n_bars) % 24 == 23, rng.choice([1.0, 3.0]), 0.0)
    if rng.random() < 0.2:
        nights[:] = rng.choice([0.0, 1.0])
    conversion = 1.0 if rng.random() < 0.6 else rng.uniform(0.8, 1.2, n_bars).round(3)
    world = tape(rows, spread=0.1, nights=nights, volatility=0.001, conversion=conversion)
    busy = 0.9 if dense else rng.choice([0.02, 0.1, 0.5])
    direction = rng.choice([-1, 0, 1], n_bars, p=[busy / 2, 1 - busy, busy / 2]).astype(np.int8)
    unit = rng.uniform(0.5, 3.0, n_bars)
    if not dense:
        return world, Views.of(direction, unit=unit, confidence=0.8, p_win=0.6, score=0.9)
    for column in (unit, score := rng.uniform(0.5, 1.0, n_bars)):
        column[rng.random(n_bars) < 0.02] = np.nan
    lean = np.convolve(rng.normal(0.0, 1.0, n_bars), np.ones(rng.integers(1, 12)), "same")
    direction[lean > 0.0], direction[lean < 0.0] = 1, -1
    direction[rng.random(n_bars) < 0.1] = 0
    return world, Views.of(
        direction,
        unit=unit,
        confidence=rng.uniform(0.3, 1.0, n_bars),
        p_win=rng.uniform(0.4, 0.7, n_bars),
        payoff=rng.uniform(0.8, 1.5, n_bars),
        score=score,
    )


def rules_for(seed: int, n_cases: int = 6, *, exits: bool = False):
    rng = np.random.default_rng(seed + 1)
    base = settings(
        account={"balance": 2e5},
        risk={"sizing": str(rng.choice(["fixed", "kelly"])), "fixed_lots": 1.0,
              "risk_fraction_max": 0.02},
        costs={"slippage_volatility_fraction": 0.1},
    )  # fmt: skip
    more = {}
    if exits:
        more = {
            "trailing_atr": rng.choice([0.0, 0.5, 1.5, 4.0], n_cases),
            "break_even_at_r": rng.choice([0.0, 0.3, 1.0], n_cases),
            "time_stop_bars": rng.choice([0, 1, 2, 9, 40], n_cases),
            "hold_score": rng.choice([0.2, 0.4, 0.5, 0.55, 0.7], n_cases),
            "pass_score": rng.choice([0.5, 0.6, 0.8, 0.95], n_cases),
            "kelly_multiplier": rng.uniform(0.05, 0.5, n_cases),
            "volatility_target": rng.uniform(0.02, 0.5, n_cases),
        }
    return varied_rules(
        base,
        stop_atr=rng.uniform(1.0, 6.0, n_cases),
        target_r=rng.choice([0.0, 0.5, 1.0, 3.0], n_cases),
        **more,
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


N_BLOCKS = 5


def check_against_engine(world, views, rules, instruments) -> list[str]:
    """Compare every case with the engine to the last bit; return how each came about."""
    facts = contract_facts(list(instruments.values()), world.timeframe)
    marks = day_ends(world)
    signal = signal_of(views, with_scores=True)
    swept = records(SWEPT, len(rules))
    sums = np.zeros((len(rules), N_BLOCKS, 2))
    kinds = []
    for k in range(len(rules)):
        trades = records(TRADE, len(world))
        one = rules[k : k + 1].view(np.recarray)
        jump_cases(
            course_of(world, marks), signal, np.array([k]), facts, rules, swept, sums, trades,
            crossing=bool(by_crossing(views, one)[0]),
        )  # fmt: skip
        result = run_backtest(
            world, view_arrays(views), facts, one, records(REQUEST, 0), close_at_end=False
        )
        if swept[k].status == NEAR_STOP_OUT:
            kinds.append("given back")
            continue
        for name in TRADE.names:
            if name not in UNKNOWN:
                mine = trades[name][: swept[k].n_trades]
                np.testing.assert_array_equal(mine, result.trades[name], name)
        assert swept[k].equity == result.equity[-1]
        expected = summary(result, marks)
        for name in SWEPT.names:
            assert swept[k][name] == pytest.approx(expected[name], rel=1e-6, abs=1e-6), name
        np.testing.assert_allclose(sums[k], block_sums(result, marks, N_BLOCKS), 1e-9, 1e-15)
        kinds += [ExitReason(int(code)).name for code in result.trades.reason]
    return kinds


@pytest.mark.compiled
@hypothesis_settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_jumping_from_trade_to_trade_gives_the_engine_s_trades(seed: int) -> None:
    world, views = course_and_views(seed)
    check_against_engine(world, views, rules_for(seed), facts_of(seed))


@pytest.mark.compiled
@hypothesis_settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_stops_that_follow_time_stops_and_scores_give_the_engine_s_trades(
    seed: int, dense: bool
) -> None:
    world, views = course_and_views(seed, dense=dense)
    check_against_engine(world, views, rules_for(seed, exits=True), facts_of(seed))


@pytest.mark.parametrize(
    "seeds",
    [(0, 1, 8), pytest.param(range(12), marks=pytest.mark.compiled)],
    ids=["with and without conversion", "dozen"],
)
def test_the_comparison_meets_every_kind_of_exit_and_seldom_gives_up(seeds: Sequence[int]) -> None:
    kinds = []
    for seed in seeds:
        world, views = course_and_views(seed, dense=True)
        kinds += check_against_engine(world, views, rules_for(seed, exits=True), facts_of(seed))

    assert {"STOP", "TARGET", "SIGNAL", "TIME_STOP"} <= set(kinds)
    assert kinds.count("given back") < 0.02 * len(kinds)
    assert len(kinds) > 90 * len(seeds)


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
def test_every_exit_rule_ends_where_the_engine_ends(changes) -> None:
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


def test_a_tape_with_finer_bars_runs_through_the_engine_and_a_moving_conversion_is_met() -> None:
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
    jump_cases(
        course_of(world, day_ends(world)), signal_of(views, with_scores=False), np.array([0]),
        facts, rules, swept, np.zeros((2, 1, 2)), records(TRADE, 0), crossing=True,
    )  # fmt: skip
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


@pytest.mark.compiled
def test_sums_of_blocks_give_the_sharpe_ratio_of_any_union_of_blocks() -> None:
    world, views = course_and_views(8, 3_000, dense=True)
    rules, instruments = rules_for(8, 12, exits=True), facts_of(8)
    marks = day_ends(world)
    swept, sums = sweep_blocks(
        world, [views], np.zeros(12), rules, instruments, marks=marks, n_blocks=6, threads=2
    )
    facts = contract_facts(list(instruments.values()), world.timeframe)
    blocks = np.array_split(np.arange(len(marks)), 6)
    for k in np.flatnonzero(swept.n_trades > 0):
        result = run_backtest(
            world, view_arrays(views), facts, rules[k : k + 1].view(np.recarray),
            records(REQUEST, 0), close_at_end=False,
        )  # fmt: skip
        worth = np.r_[result.balance_start, result.equity[marks]]
        daily = worth[1:] / worth[:-1] - 1.0
        for union in ([0, 3, 5], [1, 2], range(6)):
            days = np.concatenate([blocks[b] for b in union])
            total, squares = sums[k, list(union)].sum(axis=0)
            spread = np.sqrt((squares - total**2 / len(days)) / (len(days) - 1))
            assert total / len(days) == pytest.approx(daily[days].mean(), rel=1e-9, abs=1e-15)
            assert spread == pytest.approx(daily[days].std(ddof=1), rel=1e-9)
    assert (swept.n_trades > 0).sum() > 6


def test_a_ruined_account_returns_minus_one_and_then_nothing() -> None:
    rows = np.full((10 * 24, 4), 100.0)
    rows[48:] = 1.0  # a fall by 99 % overnight
    direction = np.zeros(len(rows), dtype=np.int8)
    direction[3] = 1
    world = tape(rows)
    rules = varied_rules(settings(account={"balance": 2_000.0}), stop_atr=[1.0, 1.0])
    marks = day_ends(world)
    swept, sums = sweep_blocks(
        world, [Views.of(direction)], [0, 0], rules, {"XAUUSD": instrument()},
        marks=marks, n_blocks=len(marks), threads=1,
    )  # fmt: skip

    assert swept.equity[0] < 0.0
    fallen = np.flatnonzero(sums[0, :, 0])
    assert sums[0, fallen].tolist() == [[-1.0, 1.0]]


@pytest.mark.parametrize("n_blocks", [0, 1_000])
def test_blocks_are_as_many_as_days_at_most(n_blocks: int) -> None:
    world, views = course_and_views(9, 200)
    with pytest.raises(DataError, match="n_blocks must be from 1"):
        sweep_blocks(
            world, [views], [0], rules_for(9, 1), facts_of(9),
            marks=day_ends(world), n_blocks=n_blocks,
        )  # fmt: skip


def test_several_targets_run_through_the_engine() -> None:
    world, views = course_and_views(10)
    levels = [{"at_r": 0.5, "fraction": 0.5}, {"at_r": 1.5, "fraction": 0.5}]
    rules = varied_rules(settings(exits={"targets": levels}, account={"balance": 1e6}),
                         stop_atr=[2.0])  # fmt: skip
    facts = contract_facts(list(facts_of(10).values()), world.timeframe)
    swept = sweep(world, [views], [0], rules, facts_of(10), threads=1)
    result = run_backtest(
        world, view_arrays(views), facts, rules, records(REQUEST, 0), close_at_end=False
    )
    assert swept[0].equity == result.equity[-1]
    assert swept[0].n_trades == len(result.trades) > 0
