"""The published numbers of Sharpe inference, and the laws between them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statistics_references import numbers

from assay.research.statistics.independent_trials import independent_trials
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


@given(n=st.floats(1.0, 1e6), share=st.floats(-0.5, 1.5))
def test_independent_trials_expect_what_was_asked_for(n: float, share: float) -> None:
    most = expected_maximum(n)
    found = independent_trials(share * most, n)
    assert 1.0 <= found <= n
    assert expected_maximum(found) == pytest.approx(np.clip(share, 0.0, 1.0) * most, abs=1e-6)


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


# The tests of two public programs, which repeat the examples of the papers.


def test_lengths_of_the_frontier_paper_to_all_digits() -> None:
    # Figure 8: a yearly ratio of 2 against 1 in daily and weekly returns; one fund monthly.
    daily = track_record_length_min(2 / math.sqrt(250), 1 / math.sqrt(250), 0.95) / 250
    weekly = track_record_length_min(2 / math.sqrt(52), 1 / math.sqrt(52), 0.95) / 52
    fund = track_record_length_min(3 / math.sqrt(12), 2.5 / math.sqrt(12), 0.95, -0.72, 5.78) / 12
    assert daily == pytest.approx(2.7311878017281761, rel=1e-12)
    assert weekly == pytest.approx(2.8288335869452368, rel=1e-12)
    assert fund == pytest.approx(27.352920196040301, rel=1e-12)


def test_ratios_of_both_papers_to_all_digits() -> None:
    assert probabilistic_sharpe(1.585 / math.sqrt(12), 0.0, **FUND) == pytest.approx(
        0.91323430688486018, rel=1e-12
    )
    deflated = deflated_sharpe(2.5 / math.sqrt(250), 1250, 100, 0.5 / 250, -3.0, 10.0)
    assert deflated == pytest.approx(0.90039683444939034, rel=1e-12)
    assert expected_maximum(100) == pytest.approx(2.5306028932016846, rel=1e-12)
    assert backtest_length_min(45, 1.0) == pytest.approx(4.9980870044434038, rel=1e-12)


@pytest.mark.parametrize(
    ("ratio", "skew", "raw_kurtosis", "error", "years"),
    [(0.7079, -0.2250, 2.9570, 0.1028, 0.7152), (0.8183, -1.4455, 7.0497, 0.1550, 1.1593)],
)
def test_hedge_fund_indices_of_the_frontier_paper(
    ratio: float, skew: float, raw_kurtosis: float, error: float, years: float
) -> None:
    assert f"{sharpe_error(ratio, 134, skew, raw_kurtosis):.4f}" == f"{error:.4f}"
    length = track_record_length_min(ratio, 0.0, 0.95, skew, raw_kurtosis)
    assert f"{length / 12:.4f}" == f"{years:.4f}"


def test_fifty_returns_from_the_rows_to_the_length() -> None:
    # The file of that program holds its returns to 7 digits of its results.
    returns = numbers(
        """0.002118886469477138 -0.002636546921058242 -0.0024358609660036726 -0.006071232875030698
        -0.004499680469396765 -0.007247533239095589 -0.008176560188689118 0.009117754371004887
        0.009477404635678645 0.0042197708651989995 -0.00019996762364832103 0.008191268384352622
        -0.0020278923107388217 0.0038782300933695247 0.0003234337837115485 0.005741116477147061
        -0.00055158413447093 0.009050625431788748 0.00221800977705627 -0.00236869813637592
        -0.0017968533865673503 0.007542966308243992 0.00821061590483064 -0.00430741331277402
        0.005421856250630787 -0.0013993343628088892 0.003323845857746144 0.009511143669396956
        0.006453922488914566 0.007546441720910388 0.006649460358400363 0.0038011548577152957
        0.005214595923986653 0.0017644847653684754 0.0050601376727331705 0.007734536175241815
        0.004882709157075313 -0.021158758457091323 0.006242378497535548 0.0021716683121211083
        0.0035306675414695276 -0.007799958914217092 0.0016867645302712057 -0.00870682695861564
        0.005797790325923 0.007547294646361774 0.0058964895235753415 0.0016712085630854294
        -0.010070799628150532 -0.004337921900945061"""
    )
    ratio, shape = sharpe_ratio(returns), (skewness(returns), kurtosis(returns))
    assert ratio == pytest.approx(0.24171729852769172, abs=5e-8)
    assert sharpe_error(ratio, 50, *shape) == pytest.approx(0.16466174867277414, abs=5e-8)
    assert probabilistic_sharpe(ratio, 0.05, 50, *shape) == pytest.approx(
        0.877850770122146, abs=5e-8
    )
    assert track_record_length_min(ratio, 0.05, 0.90, *shape) == pytest.approx(
        60.365085269027084, rel=1e-6
    )


@pytest.mark.parametrize("value", [0.0, 0.1, -0.07, 1e-12])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 1_000])
def test_what_does_not_vary_has_no_ratio_and_no_shape(value: float, n: int) -> None:
    constant = np.full(n, value)  # its deviation is not 0 in floating point
    assert math.isnan(sharpe_ratio(constant))
    assert math.isnan(skewness(constant))
    assert math.isnan(kurtosis(constant))


def test_a_missing_return_makes_everything_unknown() -> None:
    returns = np.array([0.1, math.nan, 0.2])
    assert math.isnan(sharpe_ratio(returns))
    assert math.isnan(kurtosis(returns))
    assert math.isnan(probabilistic_sharpe(math.nan, 0.0, 100))
    assert math.isnan(deflated_sharpe(0.1, 100, 10, math.nan))


def test_very_many_trials_still_have_a_hurdle() -> None:
    # 1 - 1/N is 1 in floating point; the tail is taken from the other side.
    assert expected_maximum(1e17) == pytest.approx(8.5604, abs=1e-4)
    assert expected_maximum(1e300) < 40.0
    with pytest.raises(ValueError, match="at least 1"):
        expected_maximum(0.5)
    with pytest.raises(ValueError, match="at least 1"):
        expected_maximum(math.nan)


def test_ends_of_the_scale() -> None:
    assert track_record_length_min(0.2, 0.1, 0.5) == 1.0
    assert track_record_length_min(0.2, 0.1, 0.3) == 1.0
    assert track_record_length_min(0.1, 0.2, 0.95) == math.inf
    assert backtest_length_min(45, 0.0) == math.inf
    assert backtest_length_min(45, -1.0) == math.inf
    assert backtest_length_min(1, 1.0) == 0.0
    assert math.isnan(sharpe_error(0.1, 1))
    assert math.isnan(probabilistic_sharpe(0.1, 0.0, 1))


@given(n=st.integers(2, 100_000), ratio=st.floats(0.1, 3.0))
def test_the_length_stays_below_the_papers_bound(n: int, ratio: float) -> None:
    assert backtest_length_min(n, ratio) < 2.0 * math.log(n) / ratio**2


@given(
    sharpe=st.floats(-0.3, 0.5),
    n=st.integers(30, 3_000),
    trials=st.integers(1, 1_000),
    variance=st.floats(0.0, 0.02),
)
def test_more_trials_never_raise_the_deflated_ratio(
    sharpe: float, n: int, trials: int, variance: float
) -> None:
    few = deflated_sharpe(sharpe, n, trials, variance, -0.5, 5.0)
    assert 0.0 <= deflated_sharpe(sharpe, n, trials + 1, variance, -0.5, 5.0) <= few <= 1.0
