"""Labels: barriers, their ends, and how much each is worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.instruments import load_instrument
from assay.config.settings import CostSettings, LabelSettings
from assay.data.mirror import mirrored
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.research.labels import label_bars, triple_barrier, uniqueness

GOLD = load_instrument("XAUUSD")


def paths(close: list[float]) -> tuple[np.ndarray, ...]:
    """Bars without range: open, high, low and close are the same."""
    price = np.array(close)
    return price, price, price, price


def test_published_triple_barrier_path() -> None:
    """STATISTICS: 100, 100.5, 101.2, … with barriers of 1 %; the entry is the next open here."""
    close = [100.0, 100.0, 100.5, 101.2, 99.8, 98.9, 99.5, 102.1, 103.0]
    side, move, end = triple_barrier(*paths(close), np.full(9, np.log(1.01)), 6)
    assert side[0] == 1.0
    assert end[0] == 3
    assert move[0] == pytest.approx(np.log(1.01))


def test_a_bar_that_touches_both_barriers_is_decided_by_its_close() -> None:
    price = np.array([100.0, 100.0, 100.0, 100.0])
    high = np.array([100.0, 103.0, 100.0, 100.0])
    low = np.array([100.0, 97.0, 100.0, 100.0])
    close = np.array([100.0, 99.5, 100.0, 100.0])
    side, move, end = triple_barrier(price, high, low, close, np.full(4, 0.02), 2)
    assert (side[0], end[0]) == (-1.0, 1)
    assert move[0] == pytest.approx(np.log(0.995))


def test_no_label_reaches_past_the_last_bar_and_unknown_barriers_give_none() -> None:
    barrier = np.array([np.nan, 0.01, 0.01, 0.01, 0.01])
    side, _, end = triple_barrier(*paths([100.0, 101.0, 102.0, 103.0, 104.0]), barrier, 2)
    assert np.isnan(side[[0, 3, 4]]).all()
    assert end.tolist() == [-1, 3, 4, -1, -1]


def test_uniqueness_equals_the_published_example() -> None:
    weight = uniqueness(np.array([0, 2, 4]), np.array([2, 3, 5]), 6)
    assert weight == pytest.approx([5 / 6, 3 / 4, 1.0])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=1, max_size=60))
def test_uniqueness_is_a_share_and_adds_up_to_the_times_covered(
    spans: list[tuple[int, int]],
) -> None:
    start = np.array(sorted(first for first, _ in spans))
    end = start + np.array([length for _, length in spans])
    weight = uniqueness(start, end, 60)
    assert ((weight > 0.0) & (weight <= 1.0 + 1e-12)).all()
    covered = len({t for a, b in zip(start, end, strict=True) for t in range(a, b + 1)})
    assert (weight * (end - start + 1)).sum() == pytest.approx(covered)


def test_every_target_clears_the_cost_of_its_trade() -> None:
    bars = simulate(SimulatedMarket(seed=3, n_bars=600), GOLD)
    costs = CostSettings(spread_multiple=40.0)
    wanted = LabelSettings(cost_multiple_min=2.0)
    labels = label_bars(bars, GOLD, wanted, costs, np.ones(600))
    known = np.isfinite(labels.side)
    paid = labels.cost + np.maximum(0.0, np.maximum(-labels.carry_long, -labels.carry_short))
    assert known.any()
    assert (labels.barrier[known] >= 2.0 * paid[known] - 1e-15).all()


def test_labels_change_only_when_their_own_span_changes() -> None:
    bars = simulate(SimulatedMarket(seed=4, n_bars=800), GOLD)
    wanted = LabelSettings(horizon_bars=12)
    whole = label_bars(bars, GOLD, wanted, CostSettings(), np.ones(800))
    cut = label_bars(bars.between(0, 700), GOLD, wanted, CostSettings(), np.ones(700))
    same = np.flatnonzero(np.isfinite(cut.side))
    assert (whole.side[same] == cut.side[same]).all()
    assert (whole.end[same] < 700).all()
    np.testing.assert_array_equal(whole.volatility[:700], cut.volatility)


def test_the_mirror_image_has_the_opposite_labels() -> None:
    bars = simulate(SimulatedMarket(seed=5, n_bars=2_000), GOLD)
    costs, wanted = CostSettings(), LabelSettings()
    here = label_bars(bars, GOLD, wanted, costs, np.ones(2_000))
    there = label_bars(mirrored(bars), GOLD, wanted, costs, np.ones(2_000))
    known = np.isfinite(here.side) & np.isfinite(there.side)
    assert np.mean(here.side[known] == -there.side[known]) > 0.995
    np.testing.assert_allclose(here.volatility, there.volatility, rtol=1e-3)
