"""The stationary bootstrap: the same seed, the same numbers, and intervals that cover."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statistics_references import autoregression

from assay.research.drawdown import (
    drawdown_max,
    drawdowns,
    duration_max,
    underwater,
)
from assay.research.statistics.bootstrap import (
    block_length,
    interval,
    path_statistics,
    stationary_indices,
    trade_statistics,
)


def normal(n: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n)


def test_block_length_of_independent_values_is_that_of_the_reference_library() -> None:
    # arch 8.0.0: optimal_block_length gives 2.359007 for these numbers.
    assert block_length(normal(1_000)) == pytest.approx(2.359007, abs=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_block_length_of_any_memory_is_that_of_the_reference_library(seed: int) -> None:
    library = pytest.importorskip("arch.bootstrap")
    rng = np.random.default_rng(seed)
    series = autoregression(int(rng.integers(12, 2_000)), rng.uniform(-0.9, 0.97), rng)
    theirs = float(library.optimal_block_length(series)["stationary"].iloc[0])
    assert block_length(series) == pytest.approx(max(theirs, 1.0), rel=1e-9)


@pytest.mark.parametrize(("n", "mean_block"), [(1, 1.0), (2, 1.5), (50, 7.0), (300, 1e9)])
def test_the_same_seed_draws_the_rows_of_the_reference_library(n: int, mean_block: float) -> None:
    library = pytest.importorskip("arch.bootstrap")
    resampler = library.StationaryBootstrap(mean_block, np.arange(n), seed=np.random.default_rng(n))
    theirs = [drawn[0][0] for drawn in resampler.bootstrap(25)]
    ours = stationary_indices(n, 25, mean_block, np.random.default_rng(n))
    np.testing.assert_array_equal(ours, theirs)


def test_blocks_are_as_long_as_asked() -> None:
    rows = stationary_indices(1_000, 200, 8.0, np.random.default_rng(0))
    breaks = np.mean(np.diff(rows, axis=1) % 1_000 != 1)
    assert 1.0 / breaks == pytest.approx(8.0, rel=0.03)
    assert np.bincount(rows.ravel(), minlength=1_000).std() < 60.0


def test_block_length_grows_with_memory() -> None:
    shocks = normal(2_000)
    lengths = []
    for rho in (0.0, 0.5, 0.9):
        series = np.zeros(2_000)
        for i in range(1, 2_000):
            series[i] = rho * series[i - 1] + shocks[i]
        lengths.append(block_length(series))
    assert lengths == sorted(lengths)
    assert lengths[2] > 4 * lengths[0]
    assert block_length(np.zeros(100)) == 1.0


def test_the_same_seed_gives_the_same_samples() -> None:
    returns = 0.01 * normal(500)
    one = path_statistics(returns, 300, np.random.default_rng(3))
    two = path_statistics(returns, 300, np.random.default_rng(3))
    np.testing.assert_array_equal(one, two)


def test_one_block_as_long_as_the_record_keeps_its_statistics() -> None:
    returns = 0.01 * normal(250)
    drawn = path_statistics(returns, 20, np.random.default_rng(0), mean_block=1e12)
    np.testing.assert_allclose(drawn[:, 0], returns.mean(), rtol=1e-9)
    np.testing.assert_allclose(drawn[:, 1], returns.std(ddof=1), rtol=1e-9)
    np.testing.assert_allclose(drawn[:, 3], np.log1p(returns).mean(), rtol=1e-9)
    worst = np.sort(returns)
    tail = -(worst[:12].sum() + 0.5 * worst[12]) / 12.5
    np.testing.assert_allclose(drawn[:, 5], tail, rtol=1e-9)
    centred = returns - returns.mean()
    skew = np.mean(centred**3) / np.mean(centred**2) ** 1.5
    np.testing.assert_allclose(drawn[:, 6], skew, rtol=1e-6)


def test_every_resampled_path_has_the_drawdown_of_its_own_order() -> None:
    drawn = path_statistics(np.full(50, -0.01), 5, np.random.default_rng(0))
    np.testing.assert_allclose(drawn[:, 4], 1.0 - 0.99**50, rtol=1e-9)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        returns = 0.01 * normal(400, seed) + 0.0005
        drawn = path_statistics(returns, 300, np.random.default_rng(seed))
        low, high = interval(drawn[:, 0], 0.90)
        covered += low <= 0.0005 <= high
    assert 0.84 <= covered / 200 <= 0.95


def test_trade_statistics_know_the_absence_of_losses() -> None:
    drawn = trade_statistics(np.full(30, 5.0), 10, np.random.default_rng(0))
    assert (drawn[:, 0] == 1.0).all()
    assert np.isinf(drawn[:, 1]).all()
    assert (drawn[:, 2] == 5.0).all()
    assert np.isnan(drawn[:, 3]).all()


def test_an_interval_of_nothing_is_unknown() -> None:
    assert all(math.isnan(end) for end in interval(np.full(3, np.nan), 0.95))


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(1.0, 1e6)))
def test_drawdowns_agree_with_their_definition(equity: np.ndarray) -> None:
    loss = underwater(equity)
    expected = max(1.0 - equity[j] / equity[: j + 1].max() for j in range(len(equity)))
    assert drawdown_max(equity) == pytest.approx(expected, abs=1e-12)
    assert ((loss >= 0.0) & (loss < 1.0)).all()
    found = drawdowns(equity, 100)
    assert [fall.depth for fall in found] == sorted((fall.depth for fall in found), reverse=True)
    for fall in found:
        assert loss[fall.i_peak] == 0.0
        assert fall.i_peak < fall.i_trough
        assert fall.i_recovered is None or equity[fall.i_recovered] >= equity[fall.i_peak]


def test_the_longest_drawdown_ends_with_its_recovery_or_with_the_record() -> None:
    assert duration_max(np.array([1.0, 2.0, 3.0])) == 0
    assert duration_max(np.array([3.0, 2.0, 1.0, 3.0, 2.0])) == 3
    assert duration_max(np.array([3.0, 2.0, 1.0, 1.0])) == 3
    assert duration_max(np.array([1.0, 0.9, 0.8, 1.1, 1.0])) == 3
