"""Resampled histories are histories; other orders keep what an order cannot change."""

import math

import numpy as np
import pytest
from evidence_examples import strategy
from scipy.stats import binom

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.calendar import minute_of_week
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.regimes.volatility import volatility_regimes
from assay.research.daily import daily_returns
from assay.research.stress.outcome import Axis, Outcome, outcome_of_days, recovery_days
from assay.research.stress.resampling import draw_sources, kinds_of, rebuilt, resampled
from assay.research.stress.reshuffling import in_other_order, of_drawn_days, trade_growth
from assay.research.stress.summary import chance, spread, summary_of

BARS = simulate(SimulatedMarket(seed=5, n_bars=12_000), load_instrument("XAUUSD"))
FIRST = 5_000
FROM_NS = int(BARS.time_ns[FIRST])
SIDES = ("open", "high", "low", "close", "ask_open", "ask_high", "ask_low", "ask_close")


def draw(seed: int, *, keeps_regime: bool, mean_block: float = 100.0) -> Bars:
    return resampled(
        {"XAUUSD": BARS},
        from_ns=FROM_NS,
        mean_block=mean_block,
        keeps_regime=keeps_regime,
        rng=np.random.default_rng(seed),
    )["XAUUSD"]


@pytest.mark.parametrize("keeps_regime", [False, True], ids=["blocks", "regimes"])
def test_resampled_bars_are_valid_bars_on_the_times_of_the_real_ones(keeps_regime: bool) -> None:
    bars = draw(1, keeps_regime=keeps_regime)
    np.testing.assert_array_equal(bars.time_ns, BARS.time_ns)
    for name in SIDES:
        np.testing.assert_array_equal(getattr(bars, name)[:FIRST], getattr(BARS, name)[:FIRST])
    for first in (0, 4):
        opened, high, low, close = (getattr(bars, name) for name in SIDES[first : first + 4])
        assert (low > 0.0).all()
        assert (low <= np.minimum(opened, close)).all()
        assert (high >= np.maximum(opened, close)).all()
    for bid, ask in zip(SIDES[:4], SIDES[4:], strict=True):
        assert (getattr(bars, ask) >= getattr(bars, bid)).all()
    assert (bars.close[FIRST:] != BARS.close[FIRST:]).mean() > 0.99
    assert set(np.unique(bars.volume[FIRST:])) <= set(np.unique(BARS.volume[FIRST:]))


def test_bars_that_stand_for_themselves_give_the_real_prices_back() -> None:
    own = np.arange(FIRST, len(BARS))
    same = rebuilt(BARS, own, FIRST)
    for name in (*SIDES, "spread"):
        np.testing.assert_allclose(getattr(same, name), getattr(BARS, name), rtol=1e-9, atol=1e-9)


def test_moves_ranges_spreads_and_volume_of_a_bar_stay_together() -> None:
    source = np.random.default_rng(2).integers(FIRST, len(BARS), len(BARS) - FIRST)
    bars = rebuilt(BARS, source, FIRST)
    made = slice(FIRST, None)
    for top, base in (("high", "open"), ("low", "open"), ("close", "open"), ("ask_close", "close")):
        np.testing.assert_allclose(
            (getattr(bars, top) / getattr(bars, base))[made],
            (getattr(BARS, top) / getattr(BARS, base))[source],
            rtol=1e-9,
        )
    gap = np.log(bars.open[FIRST:] / bars.close[FIRST - 1 : -1])
    np.testing.assert_allclose(gap, np.log(BARS.open[source] / BARS.close[source - 1]), atol=1e-9)
    np.testing.assert_array_equal(bars.volume[made], BARS.volume[source])


def test_a_bar_is_replaced_by_one_of_its_place_in_the_week_in_blocks() -> None:
    time_ns = BARS.time_ns[FIRST:]
    source = draw_sources(kinds_of(time_ns), 100.0, np.random.default_rng(3))
    minute = minute_of_week(time_ns)
    assert np.mean(minute[source] == minute) > 0.99  # a few hours of the year are too rare
    goes_on = np.diff(source) == 1
    assert np.mean(goes_on) == pytest.approx(0.99, abs=0.005)
    alone = draw_sources(kinds_of(time_ns), 1.0, np.random.default_rng(3))
    assert np.mean(np.diff(alone) == 1) < 0.02
    assert len(np.unique(source)) < len(source)


def test_rare_moments_draw_from_wider_kinds() -> None:
    time_ns = np.array([0, 1, 2, 3, 4], np.int64) * 86_400_000_000_000
    kinds = kinds_of(time_ns)
    assert set(kinds.members) == {0, 1, 2, 3, 4}
    assert len(set(kinds.pool)) == 1
    found = {
        int(bar)
        for seed in range(50)
        for bar in draw_sources(kinds, 1.0, np.random.default_rng(seed))
    }
    assert found == {0, 1, 2, 3, 4}


def test_regimes_stay_where_they_were() -> None:
    label = volatility_regimes(BARS)[FIRST:]
    time_ns = BARS.time_ns[FIRST:]
    source = draw_sources(kinds_of(time_ns, label), 100.0, np.random.default_rng(4))
    np.testing.assert_array_equal(label[source], label)
    shares = np.bincount(label + 1, minlength=4) / len(label)
    for seed in range(3):
        again = volatility_regimes(draw(seed, keeps_regime=True))[FIRST:]
        # Measured anew, moves of other days blur what was calm or turbulent by a hair.
        assert np.bincount(again + 1, minlength=4) / len(again) == pytest.approx(shares, abs=0.2)
        assert np.mean(again == label) > 0.6
    scattered = volatility_regimes(draw(0, keeps_regime=False))[FIRST:]
    assert np.mean(scattered == label) < 0.6


def test_symbols_are_drawn_at_the_same_moments() -> None:
    from dataclasses import replace

    twin = replace(BARS, symbol="XAGUSD")
    short = twin.between(100, len(twin))
    out = resampled(
        {"XAUUSD": BARS, "XAGUSD": short},
        from_ns=FROM_NS,
        mean_block=50.0,
        keeps_regime=False,
        rng=np.random.default_rng(6),
    )
    np.testing.assert_array_equal(out["XAUUSD"].close[100:], out["XAGUSD"].close)
    assert len(out["XAGUSD"]) == len(short)


def axis_of(n_days: int) -> Axis:
    return Axis(
        day_ns=np.arange(1, n_days + 1) * 86_400_000_000_000,
        days_per_year=260.0,
        shown=np.arange(n_days),
    )


def test_another_order_of_trades_ends_at_the_same_balance() -> None:
    rng = np.random.default_rng(7)
    growth = rng.normal(0.001, 0.02, 80)
    axis = axis_of(200)
    end_ns = np.sort(rng.integers(1, 200, 80)) * 86_400_000_000_000
    paths = [
        in_other_order(growth, end_ns, axis, np.random.default_rng(seed)) for seed in range(40)
    ]
    for path in paths:
        assert path.growth == pytest.approx(math.exp(growth.sum()), rel=1e-12)
    assert len({round(path.drawdown, 9) for path in paths}) > 30
    assert not np.allclose(paths[0].curve, paths[1].curve)


def test_without_trades_nothing_happens() -> None:
    path = in_other_order(np.empty(0), np.empty(0, np.int64), axis_of(5), np.random.default_rng(0))
    assert (path.growth, path.drawdown, path.sharpe, path.recovery_days) == (1.0, 0.0, 0.0, 0.0)


def test_ruin_of_a_random_walk_is_its_closed_form() -> None:
    """Reflection: the least of n fair steps is at or below -b with P(S <= -b) + P(S < -b)."""
    n_days, step, barrier, n_paths = 200, 0.04, 17, 4_000
    ups = np.tile([1.0, -1.0], n_days // 2)
    returns = np.exp(step * ups) - 1.0
    axis = axis_of(n_days)
    paths = [
        of_drawn_days(returns, axis, 1.0, np.random.default_rng([8, i]), n_trades=0)
        for i in range(n_paths)
    ]
    share = math.exp(-step * (barrier - 0.5))
    summary = summary_of("days", "order", "", "", paths, ruin_share=share)
    at_most, below = (n_days - barrier) / 2, (n_days - barrier - 1e-9) / 2
    exact = binom.cdf(math.floor(at_most), n_days, 0.5)
    exact += binom.cdf(math.ceil(below) - 1 if at_most == below else math.floor(below), n_days, 0.5)
    error = math.sqrt(exact * (1.0 - exact) / n_paths)
    assert summary.ruin.share == pytest.approx(exact, abs=4.0 * error)
    assert summary.ruin.high > exact
    assert error < 0.01 < exact


def test_blocks_of_days_are_blocks() -> None:
    returns = np.where(np.arange(100) == 50, 1.0, 0.0)
    whole = of_drawn_days(returns, axis_of(100), 1e9, np.random.default_rng(1), n_trades=3)
    assert whole.growth == 2.0  # one endless block holds every day once
    assert whole.n_trades == 3


def outcome(growth: float, recovery: float = 0.0, lowest: float = 1.0) -> Outcome:
    return Outcome(
        growth=growth,
        lowest=lowest,
        sharpe=growth,
        drawdown=1.0 - lowest,
        recovery_days=recovery,
        n_trades=1,
        is_stopped_out=lowest < 0.1,
        curve=np.array([1.0, growth]),
    )


@pytest.mark.parametrize("left", [0.0, -0.2], ids=["to zero", "below zero"])
def test_an_account_that_was_lost_is_lost_in_every_order(left: float) -> None:
    """Not flat and safe: what lost it stays a stake of the whole account."""
    returns = np.full(40, 0.01)
    returns[25] = left - 1.0
    returns[26:] = 0.0
    record = strategy(returns, n_trades=20)
    growth, end_ns = trade_growth(record)
    assert np.isneginf(growth).sum() == 1
    assert np.isneginf(growth[-1]) and len(growth) == len(end_ns) == 13
    np.testing.assert_allclose(growth[:-1], 2.0 * np.log(1.01))
    axis = Axis.of(daily_returns(record.time_ns, record.equity, record.start_balance))
    paths = [
        in_other_order(growth, end_ns, axis, np.random.default_rng(seed)) for seed in range(50)
    ]
    found = summary_of("trades", "order", "", "", paths, ruin_share=0.5)
    assert (found.ruin.share, found.loss.share, found.recovery.never) == (1.0, 1.0, 1.0)
    assert found.growth.best == 0.0 and found.drawdown.best == 1.0
    assert all(np.isfinite(path.curve).all() and math.isfinite(path.sharpe) for path in paths)
    assert len({int(np.argmax(path.curve == 0.0)) for path in paths}) > 5


def test_a_summary_counts_and_ranks() -> None:
    paths = [outcome(0.5 + 0.01 * i, lowest=0.005 * i) for i in range(100)]
    paths[0] = outcome(0.5, math.inf, lowest=0.0)
    found = summary_of("x", "order", "", "", paths, ruin_share=0.25)
    assert (found.ruin.count, found.loss.count, found.stop_out.count) == (50, 50, 20)
    assert found.growth.worst == pytest.approx(0.54)
    assert found.growth.best == pytest.approx(1.45)
    assert found.drawdown.worst == pytest.approx(1.0 - 0.005 * 4)
    assert (found.recovery.never, found.recovery.median_days) == (0.01, 0.0)
    assert found.fan is not None
    assert found.fan.low[-1] == found.growth.worst
    never = summary_of("x", "order", "", "", [outcome(1.0, math.inf)] * 3, ruin_share=0.5)
    assert math.isinf(never.recovery.worst_days) and never.fan is None


def test_no_event_in_few_paths_is_no_proof() -> None:
    assert chance([False] * 100).high == pytest.approx(1.0 - 0.05**0.01)
    assert chance([True] * 10).high == 1.0
    assert math.isnan(chance([True]).high)
    assert spread(np.array([3.0])).worst == 3.0


def test_time_to_recover_counts_from_the_peak() -> None:
    path = outcome_of_days(np.array([1.2, 0.9, 1.1, 1.2, 1.0, 1.3]), axis_of(6), n_trades=0)
    assert path.recovery_days == 3.0
    assert path.drawdown == pytest.approx(0.25)
    lost = outcome_of_days(np.array([1.2, -0.5, 1.1]), axis_of(3), n_trades=0)
    assert (lost.lowest, lost.drawdown) == (0.0, 1.0)
    assert math.isinf(lost.recovery_days)
    rising = np.array([1.0, 1.1])
    assert recovery_days(rising, np.zeros(2)) == 0.0


def test_inside_regimes_the_volatility_of_each_time_stays() -> None:
    own = np.arange(FIRST, len(BARS))
    late = own > (FIRST + len(BARS)) // 2
    louder = rebuilt(BARS, own, FIRST, np.where(late, 3.0, 1.0))

    def loudness(keeps_regime: bool) -> float:
        bars = resampled(
            {"XAUUSD": louder},
            from_ns=FROM_NS,
            mean_block=100.0,
            keeps_regime=keeps_regime,
            rng=np.random.default_rng(9),
        )["XAUUSD"]
        moves = np.diff(np.log(bars.close))[FIRST - 1 :]
        return float(np.std(moves[late][-2_000:]) / np.std(moves[~late]))

    assert 2.0 < loudness(keeps_regime=True) < 4.5
    assert 0.6 < loudness(keeps_regime=False) < 1.6
