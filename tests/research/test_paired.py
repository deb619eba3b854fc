"""Two strategies on the same days: the reference library's intervals, coverage, size, laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statistics_references import autoregression

from assay.domain.errors import ConfigError, DataError
from assay.research.statistics.bootstrap import block_length
from assay.research.statistics.paired import compare_paired


def pair(seed: int, n: int = 300, rho: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return two strategies that share half of what moves them, with a Sharpe ratio of 0.05."""
    rng = np.random.default_rng(seed)
    one, other = autoregression(n, rho, rng), autoregression(n, rho, rng)
    return 0.01 * (one + 0.05), 0.01 * (0.6 * one + 0.8 * other + 0.05)


def figures(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    def fall(x: np.ndarray) -> float:
        path = np.concatenate([[0.0], np.cumsum(x)])
        return float((np.maximum.accumulate(path) - path).max())

    ratios = [x.mean() / x.std(ddof=1) for x in (one, two)]
    return np.array([one.mean() - two.mean(), ratios[0] - ratios[1], fall(one) - fall(two)])


@pytest.mark.parametrize("block", [1, 5, 20])
def test_the_same_seed_gives_the_intervals_of_the_reference_library(block: int) -> None:
    library = pytest.importorskip("arch.bootstrap")
    one, two = pair(block)
    resampler = library.StationaryBootstrap(block, one, two, seed=np.random.default_rng(9))
    low, high = resampler.conf_int(figures, 300, method="percentile", size=0.90)
    found = compare_paired(
        one, two, np.random.default_rng(9), n_samples=300, mean_block=block, confidence=0.90
    )
    parts = (found.mean, found.sharpe, found.drawdown)
    assert [part.value for part in parts] == pytest.approx(figures(one, two), rel=1e-12)
    assert [part.low for part in parts] == pytest.approx(low, rel=1e-9)
    assert [part.high for part in parts] == pytest.approx(high, rel=1e-9)


def test_a_drawdown_by_hand() -> None:
    one = np.array([1.0, -2.0, 1.0, -3.0, 5.0, 1.0, 1.0, 1.0, 1.0, 1.0])  # falls from 1 to -3
    two = np.array([-1.0, 1.0, 2.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])  # from 0 to -1, 2 to 1
    found = compare_paired(one, two, np.random.default_rng(0))
    assert found.drawdown.value == 4.0 - 1.0
    assert found.mean.value == pytest.approx(0.0)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 9_999), scale=st.integers(-8, 8))
def test_laws_of_exchange_units_and_seeds(seed: int, scale: int) -> None:
    one, two = pair(seed, 60)
    options = {"n_samples": 100, "mean_block": 2.0}
    found = compare_paired(one, two, np.random.default_rng(seed), **options)
    assert found == compare_paired(one, two, np.random.default_rng(seed), **options)
    swapped = compare_paired(two, one, np.random.default_rng(seed), **options)
    larger = compare_paired(
        one * 2.0**scale, two * 2.0**scale, np.random.default_rng(seed), **options
    )
    for name in ("mean", "sharpe", "drawdown"):
        here, there = getattr(found, name), getattr(swapped, name)
        assert (there.value, there.p) == (-here.value, here.p)
        assert (there.low, there.high) == pytest.approx((-here.high, -here.low), rel=1e-9)
        factor = 1.0 if name == "sharpe" else 2.0**scale
        assert getattr(larger, name).value == here.value * factor
        assert getattr(larger, name).p == here.p
        assert here.low <= here.high
        assert 0.0 < here.p <= 1.0


def test_p_and_interval_tell_the_same() -> None:
    agreed = 0
    for seed in range(60):
        one, two = pair(seed, 120)
        found = compare_paired(one + 0.0015, two, np.random.default_rng(seed), n_samples=400)
        for part in (found.mean, found.sharpe, found.drawdown):
            outside = part.low > 0.0 or part.high < 0.0
            agreed += outside == (part.p < 0.05)
    assert agreed >= 0.97 * 180


def test_a_strategy_does_not_differ_from_itself() -> None:
    one, _ = pair(3)
    found = compare_paired(one, one, np.random.default_rng(0))
    for part in (found.mean, found.sharpe, found.drawdown):
        assert (part.value, part.low, part.high, part.p) == (0.0, 0.0, 0.0, 1.0)
    assert found.correlation == pytest.approx(1.0)


@pytest.mark.parametrize("rho", [0.0, 0.2])
def test_equal_strategies_are_told_apart_about_one_time_in_twenty(rho: float) -> None:
    rejected = np.zeros(2)
    covered = 0
    for seed in range(250):
        one, two = pair(seed, 400, rho)
        found = compare_paired(one, two, np.random.default_rng(seed), n_samples=400)
        rejected += [found.mean.p < 0.05, found.sharpe.p < 0.05]
        better = compare_paired(one + 0.001, two, np.random.default_rng(seed), n_samples=100)
        covered += better.mean.low <= 0.001 <= better.mean.high
    assert (rejected / 250 >= 0.02).all()
    assert (rejected / 250 <= 0.09).all()
    assert 0.88 <= covered / 250 <= 0.98


def test_what_moves_both_cancels() -> None:
    rng = np.random.default_rng(8)
    market = rng.standard_normal(400)
    one = market + 0.05 * rng.standard_normal(400) + 0.02
    two = market + 0.05 * rng.standard_normal(400)
    found = compare_paired(one, two, np.random.default_rng(0))
    assert found.mean.p < 0.01
    assert found.correlation > 0.99
    alone = compare_paired(one - two.mean(), np.zeros(400), np.random.default_rng(0))
    assert alone.mean.p > 0.2


def test_a_strategy_that_never_trades_has_the_ratio_zero() -> None:
    one, _ = pair(2)
    found = compare_paired(one, np.zeros(len(one)), np.random.default_rng(0), n_samples=200)
    assert found.sharpe.value == pytest.approx(one.mean() / one.std(ddof=1))
    assert math.isnan(found.correlation)
    rare = np.zeros(40)
    rare[3] = 1.0  # many resamples do not hold it
    both = compare_paired(rare, rare[::-1], np.random.default_rng(0), mean_block=1.0)
    assert math.isfinite(both.sharpe.low)


def test_the_block_length_suits_the_daily_differences() -> None:
    one, two = pair(4, 500, 0.5)
    found = compare_paired(one, two, np.random.default_rng(0), n_samples=100)
    assert found.mean_block == block_length(one - two) > 3.0
    assert (found.n, found.n_samples) == (500, 100)


GOOD = np.random.default_rng(0).standard_normal(20)


@pytest.mark.parametrize(
    ("first", "second", "options", "error", "words"),
    [
        (np.append(GOOD, math.inf), np.append(GOOD, 0.0), {}, DataError, "row 20 is inf"),
        (GOOD, GOOD[1:], {}, DataError, "have 20 and 19"),
        (GOOD[:9], GOOD[:9], {}, DataError, "at least 10 periods; has 9"),
        (GOOD, np.full(20, 0.1), {}, DataError, "second must vary; is 0.1 every day"),
        (GOOD, GOOD + 1.0, {"confidence": 95}, ConfigError, "confidence must lie between"),
        (GOOD, GOOD + 1.0, {"n_samples": 50}, ConfigError, "n_samples must be a whole number"),
        (GOOD, GOOD + 1.0, {"mean_block": 0.0}, ConfigError, "mean_block must be at least 1"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(first, second, options, error, words) -> None:
    with pytest.raises(error, match=words):
        compare_paired(first, second, np.random.default_rng(0), **options)
