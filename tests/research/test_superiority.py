"""Tests of superiority: the library's own numbers, the paper's equations, size, power and laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statistics_references import autoregression, hansen

from assay.domain.errors import ConfigError, DataError
from assay.research.statistics.bootstrap import block_length, stationary_indices
from assay.research.statistics.superiority import (
    Recentring,
    bootstrap_variance,
    reality_check,
    stepwise_superior,
    superior_ability,
)


def models(seed: int, n: int = 250, k: int = 10) -> np.ndarray:
    """Return differences of mixed quality and scale."""
    rng = np.random.default_rng(seed)
    shift = np.linspace(-0.25, 0.22, k)
    return (rng.standard_normal((n, k)) + shift) * np.geomspace(0.5, 3.0, k)


def all_p(found) -> tuple[float, float, float]:
    return found.p_lower, found.p_consistent, found.p_upper


@pytest.mark.parametrize("seed", range(25))
def test_the_same_seed_gives_the_p_values_of_the_reference_library(seed: int) -> None:
    multiple = pytest.importorskip("arch.bootstrap")
    rng = np.random.default_rng(seed)
    n, k, block = int(rng.integers(20, 300)), int(rng.integers(1, 25)), int(rng.integers(1, 12))
    benchmark = rng.standard_normal(n)
    losses = benchmark[:, None] - models(seed, n, k)
    differences = benchmark[:, None] - losses
    theirs = multiple.SPA(benchmark, losses, block_size=block, reps=300, seed=seed)
    theirs.compute()
    options = {"n_samples": 300, "mean_block": block}
    ours = superior_ability(differences, np.random.default_rng(seed), studentised=False, **options)
    assert ours.shares == pytest.approx(tuple(theirs.pvalues), abs=1e-12)
    counted = [(1.0 + 300.0 * p) / 301.0 for p in theirs.pvalues]  # our convention: never 0
    assert all_p(ours) == pytest.approx(tuple(counted), abs=1e-12)
    check = reality_check(differences, np.random.default_rng(seed), **options)
    assert check == ours.p_upper
    np.testing.assert_allclose(
        bootstrap_variance(differences, block), theirs._loss_diff_var, rtol=1e-9
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_same_seed_finds_the_models_of_the_reference_library(seed: int) -> None:
    multiple = pytest.importorskip("arch.bootstrap")
    differences = models(seed)
    zero = np.zeros(len(differences))
    theirs = multiple.StepM(zero, -differences, size=0.10, block_size=4, reps=400, seed=seed)
    theirs.compute()
    ours = stepwise_superior(
        differences,
        np.random.default_rng(seed),
        size=0.10,
        n_samples=400,
        mean_block=4,
        studentised=False,
    )
    assert list(ours.superior) == theirs.superior_models


def test_numbers_of_the_reference_library_stay_pinned_without_it() -> None:
    # arch 8.0.0: SPA(zeros, -(models(3) - 0.3), block_size=5, reps=1000, seed=11).pvalues
    ours = superior_ability(
        models(3) - 0.3, np.random.default_rng(11), n_samples=1_000, mean_block=5, studentised=False
    )
    assert ours.shares == (0.057, 0.057, 0.058)


@pytest.mark.parametrize("seed", range(6))
def test_studentised_numbers_are_those_of_the_papers_equations(seed: int) -> None:
    differences = models(seed, n=60, k=5)
    found = superior_ability(
        differences, np.random.default_rng(seed), n_samples=200, mean_block=3.5
    )
    indices = stationary_indices(60, 200, 3.5, np.random.default_rng(seed))
    statistic, p = hansen(differences, indices, 3.5)
    assert found.statistic == pytest.approx(statistic, rel=1e-12)
    assert found.shares == pytest.approx(tuple(p), abs=1e-12)


def test_no_p_value_claims_that_something_is_impossible() -> None:
    edge = 3.0 + np.random.default_rng(2).standard_normal((300, 2))
    found = superior_ability(edge, np.random.default_rng(1), n_samples=500)
    assert found.shares == (0.0, 0.0, 0.0)
    assert all_p(found) == (1.0 / 501.0,) * 3
    assert reality_check(edge, np.random.default_rng(1), n_samples=500) == 1.0 / 501.0
    named = stepwise_superior(edge, np.random.default_rng(1), n_samples=500)
    assert named.p_values.tolist() == [1.0 / 501.0] * 2


def test_the_variance_is_that_of_resampled_means() -> None:
    series = autoregression(200, 0.5, np.random.default_rng(1))
    indices = stationary_indices(200, 20_000, 6.0, np.random.default_rng(2))
    resampled = series[indices].mean(axis=1).var() * 200
    assert bootstrap_variance(series[:, None], 6.0)[0] == pytest.approx(resampled, rel=0.04)
    assert bootstrap_variance(series[:, None], 1.0)[0] == pytest.approx(series.var(), rel=1e-12)


def share_rejected(n: int, rho: float, n_runs: int, *, studentised: bool = True) -> float:
    rejected = 0
    for seed in range(n_runs):
        rng = np.random.default_rng([seed, 7])
        null = np.column_stack([autoregression(n, rho, rng) for _ in range(10)])
        found = superior_ability(null, rng, n_samples=300, studentised=studentised)
        rejected += found.p_consistent < 0.05
    return rejected / n_runs


@pytest.mark.parametrize("studentised", [True, False])
def test_two_hundred_nulls_are_rejected_about_one_time_in_twenty(studentised: bool) -> None:
    assert 0.02 <= share_rejected(250, 0.0, 200, studentised=studentised) <= 0.08


def test_a_memory_that_is_resampled_in_blocks_costs_little() -> None:
    # Resampled day by day it would be rejected about one time in four.
    assert 0.02 <= share_rejected(1_000, 0.3, 100) <= 0.12


def test_a_real_edge_among_many_is_found_and_named() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((500, 40))
    values[:, 23] += 0.25
    found = superior_ability(values, np.random.default_rng(1))
    assert found.best == 23
    assert found.p_consistent < 0.01
    named = stepwise_superior(values, np.random.default_rng(1))
    assert named.superior == (23,)
    assert named.p_values[23] == found.p_consistent
    assert (np.delete(named.p_values, 23) > 0.05).all()


def test_studentising_keeps_a_wild_model_from_hiding_a_good_one() -> None:
    rng = np.random.default_rng(4)
    values = np.column_stack([0.25 + rng.standard_normal(400), 60.0 * rng.standard_normal(400)])
    values[:, 1] += 0.3 - values[:, 1].mean()
    assert superior_ability(values, np.random.default_rng(1)).p_consistent < 0.01
    hidden = superior_ability(values, np.random.default_rng(1), studentised=False)
    assert hidden.p_consistent > 0.2


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 5_000), k=st.integers(1, 8))
def test_laws_of_the_three_p_values(seed: int, k: int) -> None:
    values = models(seed, n=40, k=k)
    options = {"n_samples": 60, "mean_block": 3.0}
    found = superior_ability(values, np.random.default_rng(seed), **options)
    assert 1.0 / 61.0 <= found.p_lower <= found.p_consistent <= found.p_upper <= 1.0
    assert found == superior_ability(values, np.random.default_rng(seed), **options)
    scale = 2.0 ** np.random.default_rng(seed).integers(-8, 8, k)
    scaled = superior_ability(values * scale, np.random.default_rng(seed), **options)
    assert all_p(scaled) == all_p(found)
    order = np.random.default_rng(seed).permutation(k)
    shuffled = superior_ability(values[:, order], np.random.default_rng(seed), **options)
    assert all_p(shuffled) == all_p(found)
    assert order[shuffled.best] == found.best


@pytest.mark.parametrize(("t", "kept"), [(-1.0, True), (-1.8, True), (-1.9, False)])
def test_a_model_is_clearly_worse_beyond_the_papers_bound(t: float, kept: bool) -> None:
    # sqrt(2 ln ln 250) = 1.8485
    values = np.random.default_rng(6).standard_normal((250, 1))
    deviation = math.sqrt(bootstrap_variance(values, 3.0)[0])
    values += t * deviation / math.sqrt(250) - values.mean()
    found = superior_ability(values, np.random.default_rng(1), mean_block=3.0)
    assert found.statistic == pytest.approx(t)
    assert found.p_lower < found.p_upper
    assert found.p_consistent == (found.p_upper if kept else found.p_lower)


def test_hopeless_models_hide_an_edge_from_white_but_not_from_hansen() -> None:
    rng = np.random.default_rng(2)
    edge = 0.25 + rng.standard_normal((300, 1))
    hopeless = rng.standard_normal((300, 200)) * 3.0 - 6.0
    alone = superior_ability(edge, np.random.default_rng(5), mean_block=2.0)
    crowded = superior_ability(
        np.hstack([edge, hopeless]), np.random.default_rng(5), mean_block=2.0
    )
    assert crowded.p_consistent == alone.p_consistent < 0.02
    assert crowded.p_upper > 0.05


def test_steps_find_more_than_the_first_one_and_end_when_all_are_found() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_normal((400, 6)) + np.array([0.6, 0.5, 0.155, -0.1, 0.0, 0.02])
    named = stepwise_superior(values, np.random.default_rng(1), size=0.05)
    assert named.superior[:2] == (0, 1)
    single = superior_ability(values, np.random.default_rng(1))
    assert named.p_values[0] == single.p_consistent
    everyone = stepwise_superior(1.0 + rng.standard_normal((200, 3)), np.random.default_rng(1))
    assert everyone.superior == (0, 1, 2)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 5_000), recentring=st.sampled_from(list(Recentring)))
def test_a_larger_size_never_takes_a_name_off(seed: int, recentring: Recentring) -> None:
    values = models(seed, n=60, k=6) + 0.1
    options = {"n_samples": 100, "mean_block": 2.0, "recentring": recentring}
    sets = [
        set(stepwise_superior(values, np.random.default_rng(seed), size=size, **options).superior)
        for size in (0.01, 0.05, 0.2, 0.5)
    ]
    assert sets[0] <= sets[1] <= sets[2] <= sets[3]
    p = stepwise_superior(values, np.random.default_rng(seed), **options)
    order = np.argsort(-p.statistics, kind="stable")
    assert (np.diff(p.p_values[order]) >= 0.0).all()  # a better model never has a larger p
    for size, names in zip((0.01, 0.05, 0.2, 0.5), sets, strict=True):
        assert set(np.flatnonzero(p.p_values < size).tolist()) <= names


def test_a_model_that_is_the_benchmark_has_no_lead() -> None:
    found = superior_ability(np.zeros((50, 3)), np.random.default_rng(0), n_samples=50)
    assert found.statistic == 0.0
    assert all_p(found) == (1.0, 1.0, 1.0)
    worse = np.column_stack([np.zeros(50), np.random.default_rng(0).standard_normal(50) - 5.0])
    assert superior_ability(worse, np.random.default_rng(0)).p_lower == 1.0
    assert stepwise_superior(worse, np.random.default_rng(0)).superior == ()
    mixed = np.column_stack([np.zeros(100), np.random.default_rng(1).standard_normal(100) + 1.0])
    assert superior_ability(mixed, np.random.default_rng(0)).best == 1


def test_the_block_length_is_chosen_from_the_models() -> None:
    values = models(1)
    found = superior_ability(values, np.random.default_rng(0), n_samples=20)
    assert found.mean_block == np.mean([block_length(column) for column in values.T])


def with_nan() -> np.ndarray:
    values = models(0, n=20, k=3)
    values[4, 1] = math.nan
    return values


@pytest.mark.parametrize(
    ("values", "options", "error", "words"),
    [
        (with_nan(), {}, DataError, "row 4, column 1 is nan"),
        (np.ones((2, 3)), {}, DataError, "at least 3 periods; has 2"),
        (np.full((30, 2), 0.1), {}, DataError, "column 0 is 0.1 in every period"),
        (0.1 + 1e-17 * np.arange(60.0).reshape(30, 2), {}, DataError, "column 0 is 0.1 in every"),
        (np.tile([[0.3], [0.1 + 0.2]], (15, 1)), {}, DataError, "0.3 in every period, but for"),
        (models(0, n=20) * 1e160, {}, DataError, "the largest is .*Count in another unit"),
        (models(0, n=20), {"mean_block": 0.5}, ConfigError, "mean_block must be at least 1"),
        (models(0, n=20), {"mean_block": math.nan}, ConfigError, "mean_block must be at least 1"),
        (models(0, n=20), {"n_samples": 0}, ConfigError, "n_samples must be a whole number"),
        (np.zeros((5, 2_000)), {"n_samples": 100_000}, ConfigError, "Samples times models"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(values, options, error, words: str) -> None:
    with pytest.raises(error, match=words):
        superior_ability(values, np.random.default_rng(0), **options)


def test_a_size_outside_of_zero_and_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="size must lie between 0 and 1; was 5"):
        stepwise_superior(models(0), np.random.default_rng(0), size=5)
