"""The planted edge is worth what it says, to one who knows it; and only to one who does."""

from dataclasses import replace

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import CostSettings
from assay.data.simulation import planted
from assay.data.simulation.kalman_trader import Policy
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge, Strength, best_trader, calibrate, strength_of
from assay.data.simulation.price_path import usual_market
from assay.domain.errors import ConfigError, DataError
from assay.domain.timeframe import Timeframe

GOLD = load_instrument("XAUUSD")
EDGE = PlantedEdge(half_life_bars=120.0, net_sharpe=2.0)
FREE = CostSettings(
    spread_multiple=0.0, slippage_volatility_fraction=0.0, commission_multiple=0.0,
    swap_multiple=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def histories() -> list:
    return [simulate(SimulatedMarket(seed=seed, edge=EDGE), GOLD) for seed in range(500, 524)]


def test_the_best_trader_earns_what_the_edge_states(histories) -> None:
    """24 histories of 12 years: the mean has a standard error of about 0.065."""
    earned = [best_trader(bars, EDGE, GOLD).net_sharpe for bars in histories]

    assert np.mean(earned) == pytest.approx(2.0, abs=0.22)
    assert min(earned) > 0.5


def test_costs_only_take(histories) -> None:
    bars = histories[0]
    paying, free = best_trader(bars, EDGE, GOLD), best_trader(bars, EDGE, GOLD, FREE)

    assert free.net_sharpe == free.gross_sharpe
    assert paying.net_sharpe < paying.gross_sharpe
    for costs in (
        CostSettings(spread_multiple=2.0),
        CostSettings(commission_multiple=9.0),
        CostSettings(slippage_volatility_fraction=0.1),
        CostSettings(slippage_points_min=50.0),
    ):
        dearer = best_trader(bars, EDGE, GOLD, costs)
        np.testing.assert_array_equal(dearer.position, paying.position)
        assert dearer.net_sharpe < paying.net_sharpe


def test_profit_is_position_times_move_less_costs(histories) -> None:
    bars = histories[0]
    best = best_trader(bars, EDGE, GOLD, FREE)
    opens, closes = 0.5 * (bars.open + bars.ask_open), 0.5 * (bars.close + bars.ask_close)
    held_before = np.append(0.0, best.position[:-1])
    gap = np.append(0.0, opens[1:] - closes[:-1])
    expected = held_before * gap + best.position * (closes - opens)

    np.testing.assert_allclose(best.net_returns, expected, atol=1e-15)


def test_the_best_trader_sees_the_past_only(histories) -> None:
    bars = histories[0].between(0, 6_000)
    cut = 4_000
    changed = {
        name: np.append(getattr(bars, name)[:cut], getattr(bars, name)[cut:] * 1.5)
        for name in ("open", "close", "ask_open", "ask_close")
    }
    one, two = best_trader(bars, EDGE, GOLD), best_trader(replace(bars, **changed), EDGE, GOLD)

    np.testing.assert_array_equal(one.position[: cut + 1], two.position[: cut + 1])
    np.testing.assert_array_equal(one.net_returns[:cut], two.net_returns[:cut])


def test_it_waits_while_the_spread_is_wide(histories) -> None:
    position = best_trader(histories[0], EDGE, GOLD).position
    traded = np.flatnonzero(np.diff(position)) + 1
    hour = histories[0].time_ns[traded] // 3_600_000_000_000 % 24

    assert len(traded) > 1_000
    assert not np.isin(hour, [22]).any(), "17:00 or 18:00 New York, summer and winter"


def test_without_the_edge_its_trader_loses_its_costs() -> None:
    earned = [
        best_trader(simulate(SimulatedMarket(seed=seed), GOLD), EDGE, GOLD) for seed in range(16)
    ]

    assert abs(np.mean([one.gross_sharpe for one in earned])) < 3.5 / np.sqrt(12 * 16)
    assert np.mean([one.net_sharpe - one.gross_sharpe for one in earned]) < -0.05


def test_a_known_policy_beats_its_neighbours(histories) -> None:
    """What calibration found is a maximum: thresholds twice as large or none earn less."""
    usual = strength_of(EDGE, GOLD, Timeframe.H1, annual_volatility=0.16, start_price=1_500.0)
    paths = [
        planted._calibration_path(GOLD, Timeframe.H1, 0.16, 1_500.0, usual.strength, 120.0, i)
        for i in range(4)
    ]
    best = planted._expected_sharpe(paths, usual.policy)
    for change in ({"threshold": 0.6}, {"slope": 0.0}, {"slope": 10.0}, {"slack": 0.8}):
        assert planted._expected_sharpe(paths, replace(usual.policy, **change)) < best


def test_a_usual_case_is_stored_and_an_unusual_one_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Strength(strength=0.1, policy=Policy(threshold=0.0, slope=1.0, tilt=0.0, slack=0.0))
    asked = []
    monkeypatch.setattr(planted, "calibrate", lambda *case: asked.append(case) or found)
    volatility, price = usual_market(GOLD)

    def ask(instrument=GOLD, volatility=volatility) -> Strength:
        return strength_of(
            EDGE, instrument, Timeframe.H1, annual_volatility=volatility, start_price=price
        )

    assert ask().strength != 0.1
    assert not asked
    assert ask(volatility=0.3) is found
    assert ask(load_instrument("XAUUSD", {"spread_points": 40})) is found
    assert len(asked) == 2


def test_dearer_markets_need_a_stronger_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "_N_PATHS", 6)
    monkeypatch.setattr(planted, "_PATH_BARS", 20_000)
    monkeypatch.setattr(planted, "_CHOICES", {"threshold": (0.1, 0.3, 0.6), "slope": (0.7, 1.4)})
    planted._calibration_times.cache_clear()
    edge = PlantedEdge(half_life_bars=48.0, net_sharpe=1.5)
    dear = load_instrument("XAUUSD", {"spread_points": 200})
    strengths = [
        calibrate.__wrapped__(edge, instrument, Timeframe.H1, 0.16, 1_500.0).strength
        for instrument in (GOLD, dear)
    ]
    planted._calibration_times.cache_clear()

    assert strengths[1] > 1.1 * strengths[0], strengths


def test_what_no_drift_can_earn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "_N_PATHS", 3)
    monkeypatch.setattr(planted, "_PATH_BARS", 5_000)
    monkeypatch.setattr(planted, "_CHOICES", {"threshold": (0.1, 0.5)})
    planted._calibration_times.cache_clear()
    absurd = load_instrument("XAUUSD", {"spread_points": 1_000_000})
    with pytest.raises(ConfigError, match=r"net_sharpe must be within reach"):
        calibrate.__wrapped__(
            PlantedEdge(half_life_bars=2.0, net_sharpe=9.0), absurd, Timeframe.H1, 0.16, 1_500.0
        )
    planted._calibration_times.cache_clear()


@pytest.mark.parametrize(
    ("name", "value"), [("half_life_bars", 1.0), ("net_sharpe", 0.0), ("net_sharpe", 11.0)]
)
def test_an_impossible_edge_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"edge\.{name} must be from"):
        PlantedEdge(**{name: value})


def test_bars_of_one_side_are_refused(histories) -> None:
    bare = replace(histories[0], ask_open=None, ask_high=None, ask_low=None, ask_close=None)
    with pytest.raises(DataError, match="must quote both sides"):
        best_trader(bare, EDGE, GOLD)
