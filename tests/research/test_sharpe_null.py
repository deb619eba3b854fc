"""Convention B: the paper's numbers, exact moments of a maximum, power and false discoveries."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from assay.domain.errors import ConfigError
from assay.research.statistics.maximum import moments_of_maximum
from assay.research.statistics.sharpe import (
    deflated_sharpe_null,
    expected_maximum,
    probabilistic_sharpe_null,
)
from assay.research.statistics.sharpe_null import (
    critical_sharpe,
    detectable_sharpe,
    false_discovery_rate,
    observed_false_discovery_rate,
    sharpe_error_null,
    sharpe_for_discovery_rate,
    sharpe_power,
    track_record_length_min_null,
)

FUND = {"skew": -2.448, "raw_kurtosis": 10.164}
MEMORY = {**FUND, "autocorrelation": 0.2}
RATIO = 0.036 / 0.079


def error_by_hand(ratio: float, n: int, skew: float, kurt: float, rho: float, k: float) -> float:
    """The authors' formula, with the variance of the best of *k* by quadrature."""
    a = 1 + 2 * rho / (1 - rho)
    b = 1 + rho / (1 - rho) + rho**2 / (1 - rho**2)
    c = 1 + 2 * rho**2 / (1 - rho**2)

    def moment(r: int) -> float:
        return quad(
            lambda z: z**r * k * norm.pdf(z) * norm.cdf(z) ** (k - 1), -12, 14, epsabs=1e-13
        )[0]

    best = moment(2) - moment(1) ** 2
    return math.sqrt((a - b * skew * ratio + c * (kurt - 1) / 4 * ratio**2) / n * best)


def test_the_papers_example_without_memory() -> None:
    assert f"{sharpe_error_null(RATIO, 24, **FUND):.3f}" == "0.329"
    assert f"{sharpe_error_null(RATIO, 24):.3f}" == "0.214"
    assert f"{probabilistic_sharpe_null(RATIO, 0.0, 24, **FUND):.3f}" == "0.987"
    assert f"{probabilistic_sharpe_null(RATIO, 0.1, 24, **FUND):.3f}" == "0.939"
    assert f"{track_record_length_min_null(RATIO, 0.0, 0.95, **FUND):.3f}" == "13.029"
    assert f"{1 - sharpe_power(0.0, 0.5, 24, 0.05, **FUND):.3f}" == "0.315"
    assert f"{false_discovery_rate(0.05, 1 - 0.315, 0.05):.3f}" == "0.581"
    observed = observed_false_discovery_rate(RATIO, 0.0, 0.5, 24, 0.05, **FUND)
    assert f"{observed:.3f}" == "0.306"


def test_the_papers_example_with_memory() -> None:
    assert f"{sharpe_error_null(RATIO, 24, **MEMORY):.3f}" == "0.379"
    assert f"{probabilistic_sharpe_null(RATIO, 0.0, 24, **MEMORY):.3f}" == "0.966"
    assert f"{probabilistic_sharpe_null(RATIO, 0.1, 24, **MEMORY):.3f}" == "0.900"
    assert f"{track_record_length_min_null(RATIO, 0.0, 0.95, **MEMORY):.3f}" == "19.543"
    assert f"{track_record_length_min_null(RATIO, 0.1, 0.95, **MEMORY):.3f}" == "39.369"
    power = sharpe_power(0.0, 0.5, 24, 0.05, **MEMORY)
    assert f"{1 - power:.3f} {power:.3f}" == "0.411 0.589"
    assert f"{false_discovery_rate(0.05, power, 0.10):.3f}" == "0.433"
    observed = observed_false_discovery_rate(RATIO, 0.0, 0.5, 24, 0.10, **MEMORY)
    assert f"{observed:.3f}" == "0.361"


@pytest.mark.parametrize("k", [1, 2, 10, 37.5, 500])
@pytest.mark.parametrize("rho", [0.0, 0.2, -0.3])
def test_the_error_agrees_with_the_formula_by_hand(k: float, rho: float) -> None:
    found = sharpe_error_null(0.3, 60, -1.2, 7.0, rho, k)
    assert found == pytest.approx(error_by_hand(0.3, 60, -1.2, 7.0, rho, k), rel=1e-9)


def test_the_deflated_ratio_uses_hurdle_and_error_of_the_best() -> None:
    hurdle = math.sqrt(0.1) * expected_maximum(10)
    error = error_by_hand(hurdle, 24, -2.448, 10.164, 0.0, 10)
    found = deflated_sharpe_null(RATIO, 24, 10, 0.1, **FUND)
    assert found == pytest.approx(norm.cdf((RATIO - hurdle) / error), rel=1e-9)
    assert deflated_sharpe_null(RATIO, 24, 1, 0.1, **FUND) == probabilistic_sharpe_null(
        RATIO, 0.0, 24, **FUND
    )


@pytest.mark.parametrize(
    ("k", "mean"), [(2, 0.56419), (3, 0.84628), (10, 1.53875), (100, 2.50759), (1000, 3.24144)]
)
def test_means_of_the_best_are_those_of_harters_table(k: int, mean: float) -> None:
    assert f"{moments_of_maximum(k)[0]:.5f}" == f"{mean:.5f}"


def test_variances_of_the_best_are_exact() -> None:
    assert moments_of_maximum(1) == pytest.approx((0.0, 1.0), abs=1e-14)
    assert moments_of_maximum(2)[1] == pytest.approx(1 - 1 / math.pi, abs=1e-14)
    # 30 digits of mpmath: k = 10, 1e6, 1e15.
    for k, variance in (
        (10, 0.34434382326069026),
        (1e6, 0.061506271412830516),
        (1e15, 0.024375794105469832),
    ):
        assert moments_of_maximum(k)[1] == pytest.approx(variance, rel=1e-12)
    drawn = np.random.default_rng(0).standard_normal((40_000, 20)).max(axis=1)
    assert moments_of_maximum(20)[1] == pytest.approx(drawn.var(), rel=0.03)


@given(k=st.floats(1.0, 1e6), factor=st.floats(1.0, 10.0))
def test_the_best_of_more_is_higher_and_varies_less(k: float, factor: float) -> None:
    few, many = moments_of_maximum(k), moments_of_maximum(k * factor)
    assert many[0] >= few[0] - 1e-12
    assert many[1] <= few[1] + 1e-12


@given(
    n=st.integers(20, 5_000),
    significance=st.floats(0.001, 0.2),
    power=st.floats(0.25, 0.99),
    skew=st.floats(-1.0, 1.0),
    kurt=st.floats(3.0, 10.0),
    rho=st.floats(-0.3, 0.3),
)
def test_the_detectable_ratio_has_exactly_the_power(
    n, significance, power, skew, kurt, rho
) -> None:
    shape = (skew, kurt, rho)
    ratio = detectable_sharpe(0.05, n, significance, power, *shape)
    if math.isfinite(ratio):
        assert sharpe_power(0.05, ratio, n, significance, *shape) == pytest.approx(power, abs=1e-9)


def test_too_short_a_record_detects_nothing() -> None:
    assert detectable_sharpe(0.0, 10, 0.05, 0.9999, raw_kurtosis=12.0) == math.inf
    assert detectable_sharpe(0.0, 2_500, 0.05, 0.8) < detectable_sharpe(0.0, 250, 0.05, 0.8)
    assert detectable_sharpe(0.1, 250, 0.5, 0.01) == 0.1


def test_the_critical_ratio_is_exceeded_as_often_as_it_says() -> None:
    critical = critical_sharpe(0.1, 100, 0.05, **FUND)
    assert 1 - probabilistic_sharpe_null(critical, 0.1, 100, **FUND) == pytest.approx(0.05)
    assert f"{critical_sharpe(0.0, 24, 0.10):.3f}" == "0.262"


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.25])
@pytest.mark.parametrize("k", [1, 10])
def test_what_passes_the_bar_is_false_as_often_as_asked(rate: float, k: int) -> None:
    shape = {**FUND, "n_trials": k}
    bar = sharpe_for_discovery_rate(rate, 0.0, 0.5, 24, 0.10, **shape)
    null = error_by_hand(0.0, 24, -2.448, 10.164, 0.0, k)
    real = error_by_hand(0.5, 24, -2.448, 10.164, 0.0, k)

    def share(c: float) -> float:
        false, true = 0.9 * norm.sf(c / null), 0.1 * norm.sf((c - 0.5) / real)
        return false / (false + true) - rate

    assert bar == pytest.approx(brentq(share, -0.5, 3.0, xtol=1e-14), rel=1e-9)
    observed = observed_false_discovery_rate(bar, 0.0, 0.5, 24, 0.10, **shape)
    assert observed == pytest.approx(rate, rel=1e-9)


def test_a_bar_at_either_end() -> None:
    assert sharpe_for_discovery_rate(0.95, 0.0, 0.5, 24, 0.10) == -math.inf
    assert math.isnan(sharpe_for_discovery_rate(0.05, 0.5, 0.5, 24, 0.10))
    # Real edges that vary much less than luck does leave the far tail to luck.
    tight = sharpe_for_discovery_rate(0.001, 0.0, 0.01, 24, 0.01, 5.0, 26.0)
    assert math.isnan(tight) or tight > 0.0


def test_rates_fall_with_evidence() -> None:
    rates = [observed_false_discovery_rate(s, 0.0, 0.5, 24, 0.1) for s in (0.0, 0.3, 0.6, 0.9)]
    assert rates == sorted(rates, reverse=True)
    assert false_discovery_rate(0.05, 0.8, 0.5) < false_discovery_rate(0.05, 0.8, 0.1)


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"inside \(-1, 1\); was 1"):
        sharpe_error_null(0.1, 100, autocorrelation=1.0)
    with pytest.raises(ValueError, match="n_trials must be from 1"):
        sharpe_error_null(0.1, 100, n_trials=0.5)
    with pytest.raises(ConfigError, match="significance must lie between 0 and 1; was 5"):
        critical_sharpe(0.0, 100, 5)
    with pytest.raises(ConfigError, match="share_true must lie"):
        false_discovery_rate(0.05, 0.8, 0.0)
    assert math.isnan(sharpe_error_null(0.1, 1))
    assert math.isnan(probabilistic_sharpe_null(0.1, 0.0, 1))
    assert math.isnan(observed_false_discovery_rate(0.1, 0.0, 0.5, 1, 0.1))
    assert track_record_length_min_null(0.1, 0.1, 0.95) == math.inf
    assert track_record_length_min_null(0.2, 0.1, 0.40) == 0.0
