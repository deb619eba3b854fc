"""Sharpe ratios under autocorrelation: the covariance of another library, Lo's forms, coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statistics_references import autoregression

from assay.domain.errors import ConfigError, DataError
from assay.research.statistics.sharpe import (
    autocorrelations,
    kurtosis,
    lo_factor,
    lo_factor_ar1,
    sharpe_error,
    sharpe_ratio,
    skewness,
)
from assay.research.statistics.sharpe_interval import (
    long_run_variance,
    newey_west_lags,
    sharpe_interval,
)


def returns(n: int = 500, seed: int = 1) -> np.ndarray:
    x = 0.01 * np.random.default_rng(seed).standard_t(5, n) + 0.001
    x[1:] += 0.3 * x[:-1]
    return x


def lo_by_hand(x: np.ndarray, q: int, memory: int, lags: int) -> tuple[float, float]:
    """Lo's generalised method of moments: full covariance matrix, numerical gradient."""
    n, centred = len(x), x - x.mean()
    products = [centred]
    for k in range(memory + 1):
        products.append(np.concatenate([np.zeros(k), centred[k:] * centred[: n - k]]))
    theta = np.array([x.mean()] + [column.mean() for column in products[1:]])
    moments = np.column_stack([column - column.mean() for column in products])
    covariance = moments.T @ moments / n
    for lag in range(1, lags + 1):
        part = moments[lag:].T @ moments[:-lag] / n
        covariance += (1 - lag / (lags + 1)) * (part + part.T)

    def ratio(t: np.ndarray) -> float:
        spread = q * t[1] + 2 * sum((q - k) * t[1 + k] for k in range(1, memory + 1))
        return float(q * t[0] / math.sqrt(spread))

    gradient = np.zeros(len(theta))
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-6 * max(abs(theta[i]), 1e-6)
        gradient[i] = (ratio(theta + step) - ratio(theta - step)) / (2 * step[i])
    return ratio(theta), math.sqrt(gradient @ covariance @ gradient / n)


@pytest.mark.parametrize(
    ("q", "memory", "lags"), [(1, 0, 0), (1, 0, 5), (12, 0, 4), (12, 3, 6), (250, 10, 8)]
)
def test_the_error_is_that_of_the_method_of_moments(q: int, memory: int, lags: int) -> None:
    x = returns()
    value, error = lo_by_hand(x, q, memory, lags)
    found = sharpe_interval(x, periods=q, memory=memory, lags=lags)
    assert found.error == pytest.approx(error, rel=1e-6)  # a numerical gradient
    assert found.value == pytest.approx(value * math.sqrt(1 - 1 / len(x)), rel=1e-12)
    assert (found.low + found.high) / 2 == pytest.approx(found.value)
    assert (found.high - found.low) / 2 == pytest.approx(1.959963984540054 * found.error)


def test_statsmodels_has_the_same_covariance() -> None:
    library = pytest.importorskip("statsmodels.stats.sandwich_covariance")
    x = returns()
    n, mean, deviation = len(x), x.mean(), x.std()
    moments = np.column_stack([x - mean, (x - mean) ** 2 - x.var()])
    covariance = library.S_hac_simple(moments, nlags=5) / n
    gradient = np.array([1 / deviation, -mean / (2 * deviation**3)])
    error = math.sqrt(gradient @ covariance @ gradient / n)
    assert sharpe_interval(x, lags=5).error == pytest.approx(error, rel=1e-9)
    single = library.S_hac_simple(x[:, None] - mean, nlags=7)[0, 0] / n
    assert long_run_variance(x, 7) == pytest.approx(single, rel=1e-9)


def test_without_lags_it_is_the_error_of_the_formula() -> None:
    x = returns()
    ratio = float(x.mean() / x.std())
    formula = sharpe_error(ratio, len(x) + 1, skewness(x), kurtosis(x))
    assert sharpe_interval(x, lags=0).error == pytest.approx(formula, rel=1e-12)
    yearly = sharpe_interval(x, lags=0, periods=252)
    assert yearly.error == pytest.approx(formula * math.sqrt(252), rel=1e-12)
    assert yearly.value == pytest.approx(sharpe_ratio(x) * math.sqrt(252), rel=1e-12)


def test_a_memory_changes_the_yearly_ratio_as_lo_says() -> None:
    x = autoregression(40_000, 0.3, np.random.default_rng(0)) + 0.05
    found = sharpe_interval(x, periods=12, memory=11)
    assert found.value == pytest.approx(
        sharpe_ratio(x) * lo_factor(autocorrelations(x, 11), 12), rel=1e-12
    )
    assert found.value == pytest.approx(0.05 * lo_factor_ar1(0.3, 12), rel=0.1)
    assert found.value < sharpe_ratio(x) * math.sqrt(12)


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.2])
def test_the_interval_covers_as_it_promises_where_returns_have_a_memory(rho: float) -> None:
    covered = 0
    for seed in range(300):
        x = autoregression(1_500, rho, np.random.default_rng(seed)) + 0.05
        found = sharpe_interval(x, confidence=0.90)
        covered += found.low <= 0.05 <= found.high
    assert 0.85 <= covered / 300 <= 0.95


def test_an_error_that_ignores_the_memory_is_too_small() -> None:
    x = autoregression(5_000, 0.4, np.random.default_rng(3))
    assert sharpe_interval(x).error > 1.3 * sharpe_interval(x, lags=0).error


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 9_999), power=st.integers(-10, 10), lags=st.integers(0, 8))
def test_units_do_not_matter_and_signs_mirror(seed: int, power: int, lags: int) -> None:
    x = returns(60, seed)
    found = sharpe_interval(x, lags=lags, periods=12, memory=0)
    scaled = sharpe_interval(x * 2.0**power, lags=lags, periods=12, memory=0)
    assert scaled == found
    mirrored = sharpe_interval(-x, lags=lags, periods=12, memory=0)
    assert (mirrored.value, mirrored.error) == (-found.value, pytest.approx(found.error))
    assert mirrored.low == pytest.approx(-found.high)


def test_the_number_of_lags_is_the_usual_one() -> None:
    assert [newey_west_lags(n) for n in (50, 100, 1_000, 3_120)] == [3, 4, 6, 8]
    assert sharpe_interval(returns(1_000)).lags == 6


@pytest.mark.parametrize(
    ("x", "options", "error", "words"),
    [
        (np.append(returns(20), math.nan), {}, DataError, "row 20 is nan"),
        (returns(9), {}, DataError, "at least 10 periods; has 9"),
        (np.full(50, 0.1), {}, DataError, "returns must vary; all 50 are 0.1"),
        (returns(50), {"lags": 50}, ConfigError, "lags must be a whole number from 0 to 49"),
        (returns(50), {"periods": 0}, ConfigError, "periods must be a whole number from 1"),
        (returns(50), {"memory": 1}, ConfigError, "memory must be a whole number from 0 to 0"),
        (returns(50), {"confidence": 1.0}, ConfigError, "confidence must lie between"),
        (
            np.tile([1.0, -1.0], 10),
            {"periods": 4, "memory": 1},
            DataError,
            "variance over 4 periods must be positive",
        ),
    ],
)
def test_what_has_no_answer_is_refused_by_name(x, options, error, words: str) -> None:
    with pytest.raises(error, match=words):
        sharpe_interval(x, **options)
