"""The simulated market: repeatable, on the grid, realistic, and without an edge unless planted."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.calendar import is_holiday, is_open, minute_of_week
from assay.data.simulation.market import SimulatedMarket, simulate, simulate_path
from assay.data.simulation.planted import PlantedEdge
from assay.domain.errors import ConfigError
from assay.domain.timeframe import Timeframe

GOLD = load_instrument("XAUUSD")
EURO = load_instrument("EURUSD")
SIDES = ("", "ask_")


@pytest.fixture(scope="module")
def gold() -> Bars:
    return simulate(SimulatedMarket(seed=11), GOLD)


def mid_returns(bars: Bars) -> np.ndarray:
    assert bars.ask_close is not None
    return np.diff(np.log(0.5 * (bars.close + bars.ask_close)))


def columns(bars: Bars) -> list[np.ndarray]:
    values = (getattr(bars, name) for name in Bars.__slots__)
    return [value for value in values if isinstance(value, np.ndarray)]


def test_the_same_seed_gives_the_same_bars_and_another_seed_others() -> None:
    market = SimulatedMarket(seed=3, n_bars=2_000)
    first, again = simulate(market, GOLD), simulate(market, GOLD)
    other = simulate(replace(market, seed=4), GOLD)

    for one, two in zip(columns(first), columns(again), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.close, other.close)


def test_a_longer_market_begins_with_the_shorter_one() -> None:
    short = simulate(SimulatedMarket(seed=3, n_bars=1_000), GOLD)
    long = simulate(SimulatedMarket(seed=3, n_bars=20_000), GOLD)

    for one, two in zip(columns(short), columns(long), strict=True):
        np.testing.assert_array_equal(one, two[:1_000])


@pytest.mark.parametrize("instrument", [GOLD, EURO, load_instrument("USDJPY")])
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M15, Timeframe.H1])
def test_bars_are_consistent_and_on_the_tick_grid(instrument, timeframe) -> None:
    bars = simulate(SimulatedMarket(seed=5, n_bars=5_000, timeframe=timeframe), instrument)

    assert len(bars) == 5_000
    for side in SIDES:
        first, high, low, last = (
            getattr(bars, f"{side}{name}") for name in ("open", "high", "low", "close")
        )
        assert (low <= np.minimum(first, last)).all()
        assert (high >= np.maximum(first, last)).all()
        assert (low > 0).all()
        np.testing.assert_array_equal(last, np.round(last, instrument.digits))
    for name in ("open", "high", "low", "close"):
        assert (getattr(bars, f"ask_{name}") > getattr(bars, name)).all()
    np.testing.assert_allclose(bars.spread, bars.ask_close - bars.close, atol=1e-9)
    assert (bars.volume >= 1).all()


def test_gold_trades_in_its_hours_only(gold: Bars) -> None:
    assert is_open(gold.time_ns, GOLD.sessions).all()
    assert not is_holiday(gold.time_ns).any()
    zone = ZoneInfo("America/New_York")
    hours = {datetime.fromtimestamp(t / 1e9, tz=zone).hour for t in gold.time_ns[:5_000]}
    assert hours == set(range(24)) - {17}
    assert (np.diff(gold.time_ns) > 0).all()
    assert 5_800 * 12 < len(gold) < 6_100 * 12


def test_volatility_clusters_and_tails_are_fat(gold: Bars) -> None:
    returns = mid_returns(gold)
    size = np.abs(returns) - np.abs(returns).mean()
    kurtosis = np.mean((returns - returns.mean()) ** 4) / returns.var() ** 2

    def memory(lag: int) -> float:
        return float((size[lag:] * size[:-lag]).mean() / size.var())

    assert 0.12 < returns.std() * np.sqrt(len(returns) / 12) < 0.22
    assert 8 < kurtosis < 60
    assert memory(1) > 0.2
    assert memory(23) > memory(12), "a day later is nearer than half a day later"
    assert memory(115) > 0.03


def test_the_hours_of_the_day_and_the_weekend_are_felt(gold: Bars) -> None:
    assert gold.ask_open is not None
    minute = minute_of_week(gold.time_ns)
    returns = np.abs(np.log(gold.close / gold.open))
    hour = minute // 60 % 24
    opens = gold.ask_open - gold.open
    weekend = np.append(False, np.diff(gold.time_ns) > 24 * 3_600 * 10**9)
    gap = np.append(0.0, np.log(gold.open[1:] / gold.close[:-1]))

    assert returns[hour == 9].mean() > 1.5 * returns[hour == 0].mean()
    assert np.median(opens[hour == 10]) == pytest.approx(0.20, abs=0.05)
    assert np.median(opens[hour == 18]) > 1.8 * np.median(opens[hour == 10])
    assert np.median(opens[minute == 18 * 60]) > 1.3 * np.median(opens[hour == 18])
    assert np.median(gold.spread[hour == 16]) > 1.8 * np.median(gold.spread[hour == 10])
    assert gap[weekend].std() > 0.6 * mid_returns(gold).std()
    assert weekend.sum() > 12 * 50


def test_without_an_edge_no_simple_rule_earns_before_costs() -> None:
    """Trend and reversal at four speeds over 30 markets: the mean Sharpe is luck."""
    sharpe: dict[tuple[int, int], list[float]] = {}
    for seed in range(30):
        returns = mid_returns(simulate(SimulatedMarket(seed=seed, years=4.0), GOLD))
        risk = np.sqrt(np.convolve(returns**2, np.ones(100) / 100)[: len(returns)] + 1e-12)
        total = np.cumsum(np.append(0.0, returns))
        for span in (1, 8, 64, 512):
            trend = np.sign(total[span:-1] - total[: -span - 1])
            earned = trend * returns[span:] / risk[span - 1 : -1]
            for sign in (1, -1):
                annual = sign * earned.mean() / earned.std() * np.sqrt(len(returns) / 4)
                sharpe.setdefault((span, sign), []).append(annual)

    for values in sharpe.values():  # one Sharpe ratio over 4 years has a standard error of 1/2
        assert abs(np.mean(values)) < 3.5 * 0.5 / np.sqrt(30)


def test_the_mid_is_a_martingale_in_price() -> None:
    ends = []
    for seed in range(400):
        _, path = simulate_path(SimulatedMarket(seed=seed, n_bars=500), GOLD)
        ends.append(path.mid_close[-1] / 1_500.0)

    assert np.mean(ends) == pytest.approx(1.0, abs=3.5 * np.std(ends) / 20)


def test_an_edge_changes_the_drift_and_nothing_else() -> None:
    plain = SimulatedMarket(seed=8, n_bars=4_000)
    _, without = simulate_path(plain, GOLD)
    _, planted = simulate_path(replace(plain, edge=PlantedEdge()), GOLD)

    assert not without.drift.any()
    np.testing.assert_allclose(planted.sigma, without.sigma, rtol=1e-12)
    difference = np.diff(np.log(planted.mid_close)) - np.diff(np.log(without.mid_close))
    np.testing.assert_allclose(difference, planted.drift[1:], atol=1e-12)


def test_the_hidden_drift_has_the_stated_half_life_and_size() -> None:
    market = SimulatedMarket(seed=2, n_bars=200_000, edge=PlantedEdge(half_life_bars=24.0))
    _, path = simulate_path(market, GOLD)
    x = path.drift / path.sigma
    correlation = (x[24:] * x[:-24]).mean() / (x**2).mean()

    assert correlation == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "change",
    [{"years": 0.0}, {"years": 1e3}, {"n_bars": 0}, {"annual_volatility": -0.1},
     {"annual_volatility": 0.0}, {"start_price": 0.0}, {"timeframe": Timeframe.H4}],
)  # fmt: skip
def test_an_impossible_market_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(
        ConfigError, match=f"simulated market's {next(iter(change))} must"
    ) as caught:
        SimulatedMarket(seed=1, **change)

    assert caught.value.remedy
