"""The published numbers of Sharpe inference, and the laws between them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.research.statistics.sharpe import (
    autocorrelations,
    backtest_length_min,
    deflated_sharpe,
    expected_maximum,
    kurtosis,
    lo_factor,
    lo_factor_ar1,
    probabilistic_sharpe,
    probabilistic_sharpe_null,
    sharpe_error,
    sharpe_ratio,
    skewness,
    track_record_length_min,
)

FUND = {"n": 24, "skew": -2.448, "raw_kurtosis": 10.164}
FUND_SHARPE = 0.036 / 0.079
"""The hedge fund of Bailey and López de Prado (2012), monthly."""


def test_both_conventions_of_the_probabilistic_ratio_match_their_papers() -> None:
    assert probabilistic_sharpe(FUND_SHARPE, 0.0, **FUND) == pytest.approx(0.9127, abs=5e-5)
    assert probabilistic_sharpe_null(FUND_SHARPE, 0.0, **FUND) == pytest.approx(0.987, abs=5e-4)
    assert probabilistic_sharpe_null(FUND_SHARPE, 0.1, **FUND) == pytest.approx(0.939, abs=5e-4)


def test_the_deflated_ratio_matches_the_example_of_its_paper() -> None:
    daily = {"sharpe": 2.5 / math.sqrt(250), "n": 1250, "skew": -3.0, "raw_kurtosis": 10.0}
    variance = 0.5 / 250
    assert math.sqrt(variance) * expected_maximum(100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(n_trials=100, trial_variance=variance, **daily) == pytest.approx(
        0.9004, abs=5e-5
    )
    assert deflated_sharpe(n_trials=46, trial_variance=variance, **daily) == pytest.approx(
        0.9505, abs=2e-4
    )


def test_five_years_allow_forty_five_trials_before_luck_shows_a_ratio_of_one() -> None:
    assert backtest_length_min(45, 1.0) == pytest.approx(5.0, abs=0.1)


def test_errors_of_lo_hold_for_normal_returns() -> None:
    assert sharpe_error(0.5, 60) == pytest.approx(math.sqrt((1 + 0.5 * 0.25) / 59), rel=1e-12)


def test_without_other_trials_the_deflated_ratio_is_the_probabilistic_one() -> None:
    assert deflated_sharpe(0.1, 500, 1, 0.01) == probabilistic_sharpe(0.1, 0.0, 500)


@given(
    sharpe=st.floats(0.01, 0.5),
    skew=st.floats(-1.0, 1.0),
    raw_kurtosis=st.floats(3.0, 12.0),
    confidence=st.floats(0.6, 0.99),
)
def test_a_record_of_the_least_length_has_exactly_the_confidence(
    sharpe: float, skew: float, raw_kurtosis: float, confidence: float
) -> None:
    n = track_record_length_min(sharpe, 0.0, confidence, skew, raw_kurtosis)
    variance = 1.0 - skew * sharpe + (raw_kurtosis - 1.0) / 4.0 * sharpe**2
    z = sharpe / math.sqrt(variance / (n - 1.0))
    assert stats.norm.cdf(z) == pytest.approx(confidence, abs=1e-9)


@given(n=st.integers(1, 5_000))
def test_more_trials_never_lower_the_hurdle(n: int) -> None:
    assert 0.0 <= expected_maximum(n) <= expected_maximum(n + 1)


def test_the_expected_maximum_is_close_to_the_simulated_one() -> None:
    drawn = np.random.default_rng(0).standard_normal((4_000, 50)).max(axis=1).mean()
    assert expected_maximum(50) == pytest.approx(drawn, rel=0.02)


def test_moments_are_those_of_scipy_with_raw_kurtosis() -> None:
    returns = np.random.default_rng(1).standard_t(5, 400)
    assert skewness(returns) == pytest.approx(stats.skew(returns), rel=1e-12)
    assert kurtosis(returns) == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-12)
    assert math.isnan(skewness(np.zeros(5)))
    assert math.isnan(sharpe_ratio(np.full(5, 0.01) * 0.0))


def test_annual_factor_of_an_autoregression_agrees_with_the_general_form() -> None:
    rho = 0.3
    general = lo_factor(rho ** np.arange(1, 252), 252)
    assert lo_factor_ar1(rho, 252) == pytest.approx(general, rel=1e-12)
    assert lo_factor_ar1(0.0, 252) == pytest.approx(math.sqrt(252), rel=1e-12)
    assert lo_factor_ar1(0.3, 252) < math.sqrt(252) < lo_factor_ar1(-0.3, 252)


def test_autocorrelations_of_an_alternating_series_alternate() -> None:
    found = autocorrelations(np.tile([1.0, -1.0], 50), 3)
    np.testing.assert_allclose(found, [-0.99, 0.98, -0.97])
