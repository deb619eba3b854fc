"""Diebold and Mariano: R's own example, the reference library's, and the laws of the test."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statistics_references import autoregression, numbers

from assay.domain.errors import ConfigError, DataError
from assay.research.statistics.forecast_comparison import Alternative, Weights, diebold_mariano

# Errors of ets and arima on WWWusage[81:100], the example of dm.test in R's forecast.
ETS = numbers(
    """0.00224127 -0.000661906 -1.200002613 -4.000218178 3.799373533 3.401005111 -1.199692125
    -0.800490048 -1.200048999 3.399847229 7.000708948 2.200989241 -4.800165569 -1.201043375
    3.400167556 3.000709085 0.40026795 -6.800169207 -2.40125905 1.200112198"""
)
ARIMA = numbers(
    """0.1209998 8.0622269 -0.9189429 -1.7952436 5.3431277 2.0459823 -0.6073261 0.5516816
    -0.7633238 4.1229472 5.8785333 1.2828331 -3.4854233 1.197137 3.1709314 2.3408457 0.4962286
    -5.9841362 0.1537114 0.4207951"""
)


@pytest.mark.parametrize(
    ("power", "horizon", "p", "second_better", "first_better"),
    [
        (2, 1, 0.8871, 0.5565, 0.4435),
        (2, 10, 0.9362, 0.5319, 0.4681),
        (1, 1, 0.7818, 0.3909, 0.6091),
    ],
)
def test_the_example_of_r_is_repeated_to_its_digits(
    power: int, horizon: int, p: float, second_better: float, first_better: float
) -> None:
    expected = dict(zip(Alternative, (p, first_better, second_better), strict=True))
    for alternative, value in expected.items():
        found = diebold_mariano(
            abs(ETS) ** power, abs(ARIMA) ** power, horizon=horizon, alternative=alternative
        )
        assert f"{found.p:.4f}" == f"{value:.4f}"


def test_examples_of_the_reference_library_are_repeated_to_their_digits() -> None:
    one, two = np.arange(6.0) ** 2, np.array([0.0, 2.0, 3.0, 3.0, 5.0, 6.0]) ** 2
    found = diebold_mariano(one, two)
    assert f"{found.statistic:.4f} {found.p:.5f}" == "-2.4905 0.05513"


@pytest.mark.parametrize("horizon", [1, 2, 5])
@pytest.mark.parametrize("weights", list(Weights))
@pytest.mark.parametrize("n", [20, 120])
def test_the_reference_library_agrees(horizon: int, weights: Weights, n: int) -> None:
    library = pytest.importorskip("dieboldmariano")
    rng = np.random.default_rng(n + horizon)
    one = autoregression(n, 0.5, rng)
    two = 0.7 * one + autoregression(n, 0.5, rng)
    options = {
        "h": horizon,
        "loss": lambda _, error: abs(error),
        "variance_estimator": "acf" if weights is Weights.EQUAL else "bartlett",
    }
    ours = {"horizon": horizon, "weights": weights}
    statistic, p = library.dm_test([0.0] * n, list(one), list(two), **options)
    found = diebold_mariano(abs(one), abs(two), **ours)
    assert found.statistic == pytest.approx(statistic, abs=1e-9)
    assert found.p == pytest.approx(p, abs=1e-9)
    _, one_sided = library.dm_test([0.0] * n, list(one), list(two), one_sided=True, **options)
    better = diebold_mariano(abs(one), abs(two), alternative=Alternative.FIRST_BETTER, **ours)
    assert better.p == pytest.approx(one_sided, abs=1e-9)
    plain, _ = library.dm_test([0.0] * n, list(one), list(two), harvey_correction=False, **options)
    assert found.uncorrected == pytest.approx(plain, abs=1e-9)


def test_at_one_step_it_is_the_paired_t_test() -> None:
    # With the correction sqrt((n - 1)/n) the variance becomes the unbiased one.
    rng = np.random.default_rng(5)
    one, two = rng.exponential(size=40), rng.exponential(size=40)
    found = diebold_mariano(one, two)
    reference = stats.ttest_rel(one, two)
    assert found.statistic == pytest.approx(reference.statistic, rel=1e-12)
    assert found.p == pytest.approx(reference.pvalue, rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 9_999), horizon=st.integers(1, 6), scale=st.integers(-12, 12))
def test_laws_of_sides_exchange_and_units(seed: int, horizon: int, scale: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.standard_normal(30) ** 2, rng.standard_normal(30) ** 2
    options = {"horizon": horizon, "weights": Weights.BARTLETT}
    p = {side: diebold_mariano(one, two, alternative=side, **options).p for side in Alternative}
    assert p[Alternative.FIRST_BETTER] + p[Alternative.SECOND_BETTER] == pytest.approx(1.0)
    assert p[Alternative.DIFFERENT] == pytest.approx(
        2 * min(p[Alternative.FIRST_BETTER], p[Alternative.SECOND_BETTER])
    )
    found, swapped = (diebold_mariano(*pair, **options) for pair in ((one, two), (two, one)))
    assert swapped.statistic == -found.statistic
    assert swapped.difference == -found.difference
    assert swapped.p == found.p
    scaled = diebold_mariano(one * 2.0**scale, two * 2.0**scale, **options)
    assert scaled.statistic == found.statistic


def test_the_correction_mends_the_size_of_short_overlapping_forecasts() -> None:
    rejected = {"corrected": 0, "published": 0, "counted": 0}
    for seed in range(600):
        shock = np.random.default_rng(seed).standard_normal((2, 34))
        error = shock[:, 2:] + shock[:, 1:-1] + shock[:, :-2]  # three steps ahead
        try:
            found = diebold_mariano(error[0] ** 2, error[1] ** 2, horizon=3)
        except DataError:  # a variance below zero
            continue
        rejected["counted"] += 1
        rejected["corrected"] += found.p < 0.05
        rejected["published"] += abs(found.uncorrected) > 1.959964
    assert rejected["counted"] > 550
    assert rejected["corrected"] < 0.75 * rejected["published"]
    assert 0.03 <= rejected["corrected"] / rejected["counted"] <= 0.12


def test_a_negative_variance_is_refused_and_bartlett_helps() -> None:
    d = np.tile([1.0, -1.0], 10) + np.linspace(0.0, 0.01, 20)
    with pytest.raises(DataError, match=r"must be positive; is -.*Use Weights.BARTLETT"):
        diebold_mariano(d, np.zeros(20), horizon=2)
    assert diebold_mariano(d, np.zeros(20), horizon=2, weights=Weights.BARTLETT).p <= 1.0


@pytest.mark.parametrize(
    ("first", "second", "horizon", "error", "words"),
    [
        ([1.0, math.nan, 2.0], [1.0, 2.0, 3.0], 1, DataError, "first must hold finite"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], 1, DataError, "answered 2 and 3"),
        ([1.0, 2.0, 4.0], [1.0, 2.0, 4.0], 1, DataError, "differ by 0 in all 3 cases"),
        ([1.0, 2.0, 4.0], [2.0, 3.0, 5.0], 1, DataError, "differ by -1 in all 3 cases"),
        ([1.0, 2.0, 4.0], [2.0, 1.0, 5.0], 3, ConfigError, "from 1 to 2; was 3"),
        ([1.0, 2.0, 4.0], [2.0, 1.0, 5.0], 0, ConfigError, "from 1 to 2; was 0"),
        ([[1.0, 2.0]], [1.0, 2.0], 1, DataError, "must be one series"),
        ([1.0], [2.0], 1, DataError, "at least 2 periods; has 1"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(first, second, horizon, error, words) -> None:
    with pytest.raises(error, match=words):
        diebold_mariano(first, second, horizon=horizon)
