"""What a strategy earned: daily closes at 17:00 New York, ratios, costs, intervals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from evidence_examples import FIRST_DAY, noise, strategy, weekday_closes
from hypothesis import given, settings
from hypothesis import strategies as st
from report_examples import hourly

from assay.data.calendar import trading_day_start
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.research.alpha import regress
from assay.research.daily import daily_returns, last_of_days
from assay.research.metrics import costs_of, cvar, measure
from assay.research.tables import by_hour, by_weekday, by_year, grouped_tables, worst_falls

RNG = np.random.default_rng


def test_a_value_known_at_seventeen_new_york_belongs_to_the_day_that_ends() -> None:
    close = int(trading_day_start(np.array([FIRST_DAY + 3 * NS_PER_DAY]))[0])
    time = np.array([close - 1, close, close + 1])
    daily = daily_returns(time, np.array([100.0, 110.0, 121.0]), 100.0)
    np.testing.assert_allclose(daily.equity, [110.0, 121.0])
    np.testing.assert_allclose(daily.returns, [0.10, 0.10])
    np.testing.assert_array_equal(daily.day_ns, [close, close + NS_PER_DAY])


@given(st.integers(0, 2**31), st.integers(1, 400))
def test_the_last_events_of_days_are_where_daily_equity_is_read(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.integers(1, 40, n)) * 1_000_000_000 * 3_600
    equity = np.arange(1.0, n + 1.0)
    assert last_of_days(time).tolist() == (daily_returns(time, equity, 1.0).equity - 1).tolist()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=60), st.integers(1, 4))
def test_daily_returns_compound_to_the_whole_however_often_equity_is_seen(
    returns: list[float], per_day: int
) -> None:
    days = weekday_closes(len(returns))
    time = np.repeat(days, per_day) + np.tile(np.arange(per_day), len(days)) * NS_PER_HOUR
    equity = np.repeat(100.0 * np.cumprod(1.0 + np.array(returns)), per_day)
    daily = daily_returns(time, equity, 100.0)
    np.testing.assert_allclose(daily.returns, returns, atol=1e-12)
    assert np.prod(1.0 + daily.returns) == pytest.approx(equity[-1] / 100.0)


def test_a_weekend_adds_no_day_and_five_days_a_week_make_the_year() -> None:
    daily = daily_returns(weekday_closes(1_300), np.full(1_300, 100.0), 100.0)
    assert len(daily.returns) == 1_300
    assert daily.days_per_year == pytest.approx(365.25 * 5 / 7, rel=0.002)


def test_a_stray_quote_on_saturday_counts_to_the_next_day() -> None:
    friday = weekday_closes(10)[4]
    time = np.sort(np.append(weekday_closes(10), friday + NS_PER_DAY))
    equity = np.linspace(101.0, 111.0, 11)
    daily = daily_returns(time, equity, 100.0)
    assert len(daily.returns) == 10
    assert daily.equity[-1] == 111.0
    assert np.prod(1.0 + daily.returns) == pytest.approx(1.11)


def test_a_ruined_account_loses_everything_once() -> None:
    daily = daily_returns(weekday_closes(4), np.array([50.0, -10.0, 30.0, 5.0]), 100.0)
    np.testing.assert_allclose(daily.returns, [-0.5, -1.0, 0.0, 0.0])


def test_metrics_recover_what_was_put_in() -> None:
    found = measure(strategy(noise(2_600, 1.5, RNG(12))), samples=500, seed=1)
    assert found.sharpe.low < 1.5 < found.sharpe.high
    assert found.volatility.value == pytest.approx(0.10, rel=0.05)
    assert found.n_trades == 400
    assert found.exposure == 1.0
    assert found.sharpe.value == pytest.approx(
        found.sharpe_daily * math.sqrt(found.days_per_year), rel=1e-12
    )
    assert found.max_drawdown.value > 0.0
    assert found.calmar.value == pytest.approx(found.cagr.value / found.max_drawdown.value)
    assert found.total_return == pytest.approx(
        math.expm1(found.years * math.log1p(found.cagr.value)), rel=0.02
    )


def test_a_mirrored_strategy_has_the_mirrored_ratio() -> None:
    returns = noise(1_000, 0.8, RNG(9))
    one = measure(strategy(returns), samples=100)
    other = measure(strategy(-returns), samples=100)
    assert other.sharpe.value == pytest.approx(-one.sharpe.value, rel=1e-9)


def test_intervals_depend_on_the_seed_and_the_name_alone() -> None:
    result = strategy(noise(500, 0.5, RNG(1)))
    assert measure(result, samples=200, seed=7) == measure(result, samples=200, seed=7)
    assert measure(result, samples=200, seed=7) != measure(result, samples=200, seed=8)


def test_a_strategy_that_never_trades_is_unknown_and_not_wrong() -> None:
    result = strategy(np.zeros(300))
    idle = replace(result, trades=result.trades[:0], spread_cost=0.0, slippage_cost=0.0)
    found = measure(idle, samples=100)
    assert found.net_profit == 0.0
    assert math.isnan(found.sharpe.value)
    assert math.isnan(found.win_rate.value)
    assert found.exposure == 0.0
    assert math.isnan(found.costs.share)


def test_costs_add_up_to_the_difference_between_gross_and_net() -> None:
    result = strategy(noise(500, 1.0, RNG(2)), n_trades=100)
    costs = costs_of(result)
    assert costs.commission == pytest.approx(200.0)
    assert costs.swap == pytest.approx(50.0)
    assert costs.total == pytest.approx(1_750.0)
    assert costs.profit_before - costs.total == pytest.approx(result.equity[-1] - 100_000.0)


def test_conditional_value_at_risk_counts_the_last_loss_in_part() -> None:
    losses = -np.arange(1.0, 11.0)
    assert cvar(losses, 0.20) == pytest.approx(9.5)
    assert cvar(losses, 0.15) == pytest.approx(9.666667, abs=1e-6)
    assert cvar(losses, 0.10) == pytest.approx(10.0)
    normal = RNG(0).standard_normal(400_000)
    assert cvar(normal, 0.05) == pytest.approx(2.062713, rel=0.01)


def test_regression_finds_alpha_and_beta() -> None:
    rng = RNG(4)
    market = 0.01 * rng.standard_normal(3_000)
    found = regress(0.0005 + 0.4 * market + 0.005 * rng.standard_normal(3_000), market)
    assert found.beta == pytest.approx(0.4, abs=0.03)
    assert found.alpha_daily == pytest.approx(0.0005, abs=0.0003)
    assert found.t_statistic > 2.0


def test_a_leveraged_copy_of_the_market_has_no_alpha() -> None:
    rng = RNG(5)
    market = 0.0005 + 0.01 * rng.standard_normal(3_000)
    found = regress(2.0 * market + 1e-4 * rng.standard_normal(3_000), market)
    assert found.beta == pytest.approx(2.0, abs=0.01)
    assert abs(found.t_statistic) < 3.0
    assert found.correlation > 0.99


@pytest.fixture(scope="module")
def trader():
    return hourly("hybrid", 1.0, 12_000, 400, RNG(6))


def test_every_grouping_holds_every_trade_once(trader) -> None:
    for title, groups in grouped_tables(trader, None):
        assert sum(group.n_trades for group in groups) == len(trader.trades), title
        assert sum(group.net for group in groups) == pytest.approx(trader.trades["net"].sum()), (
            title
        )
    assert len(by_hour(trader)) == 24
    assert {group.label for group in by_weekday(trader)} <= {
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"
    }  # fmt: skip


def test_months_compound_to_years_and_years_to_the_whole(trader) -> None:
    daily = daily_returns(trader.time_ns, trader.equity, trader.start_balance)
    years = by_year(daily, trader.start_balance)
    whole = math.prod(1.0 + year.total for year in years)
    assert whole == pytest.approx(trader.equity[-1] / trader.start_balance)


def test_the_deepest_fall_is_the_largest_drawdown(trader) -> None:
    daily = daily_returns(trader.time_ns, trader.equity, trader.start_balance)
    falls = worst_falls(daily, trader.start_balance)
    assert falls[0].depth == pytest.approx(measure(trader, samples=100).max_drawdown.value)
    assert all(fall.peak_ns <= fall.trough_ns for fall in falls)
