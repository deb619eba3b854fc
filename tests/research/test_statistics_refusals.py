"""What no statistic answers: NaN, values out of range, series that vary by rounding alone."""

import math
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy import stats

from assay.domain.errors import AssayError, ConfigError, DataError
from assay.research.comparison.pairs import _sequential
from assay.research.statistics import conformal, scoring, sequential, sprt, tail
from assay.research.statistics.bootstrap import block_length
from assay.research.statistics.calibration import assess, wilson
from assay.research.statistics.calibration_error import (
    calibration_error_interval,
    calibration_errors,
    equal_mass,
    equal_width,
)
from assay.research.statistics.forecast_comparison import diebold_mariano
from assay.research.statistics.maximum import moments_of_maximum
from assay.research.statistics.observations import is_still, moderate
from assay.research.statistics.overfitting import overfitting
from assay.research.statistics.paired import compare_paired
from assay.research.statistics.sharpe import (
    autocorrelations,
    expected_maximum,
    kurtosis,
    lo_factor,
    lo_factor_ar1,
    sharpe_ratio,
    skewness,
)
from assay.research.statistics.sharpe_interval import sharpe_interval
from assay.research.statistics.superiority import superior_ability

NAN, INF = math.nan, math.inf
P, Y = np.array([0.2, 0.5, 0.7, 0.9]), np.array([0, 1, 0, 1], np.int8)
GROUP = np.array([0, 1, 2, 3])
UNIT = {"deviation": 1.0, "effect": 0.2}
RATES = {"alpha": 0.05, "beta": 0.05}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def with_p(value: float) -> np.ndarray:
    return np.array([0.2, value, 0.7, 0.9])


def with_y(value: float) -> np.ndarray:
    return np.array([0.0, value, 0.0, 1.0])


def refused(call: Callable[[], object], error: type[AssayError], words: str) -> None:
    """Expect an error with the value and a remedy, and no warning on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=words) as caught:
            call()
    assert caught.value.remedy


class TestSequential:
    @pytest.mark.parametrize("one_sided", [True, False])
    @pytest.mark.parametrize("value", [NAN, INF, -INF])
    def test_an_unknown_observation_never_silences_a_test(
        self, value: float, one_sided: bool
    ) -> None:
        state = sequential.MixtureProcess(**UNIT, is_one_sided=one_sided)
        for _ in range(30):
            state = sequential.mixture_step(state, 1.0)
        refused(partial(sequential.mixture_step, state, value), DataError, f"value .*was {value}")
        for _ in range(30):
            state = sequential.mixture_step(state, 1.0)
        assert state.rejects(0.05) and state.n == 60

    @pytest.mark.parametrize(
        "e_value", [sequential.normal_mixture_e_value, sequential.one_sided_mixture_e_value]
    )
    def test_a_mean_that_is_none_has_no_e_value(self, e_value) -> None:
        refused(partial(e_value, NAN, 10, **UNIT), DataError, "mean must be a finite number")
        refused(partial(e_value, 0.1, -1, **UNIT), ConfigError, "n must be a whole number")
        refused(partial(e_value, 0.1, 2.5, **UNIT), ConfigError, r"n must .*was 2\.5")
        refused(
            partial(e_value, 0.1, 10, deviation=NAN, effect=0.2), ConfigError, "deviation must be"
        )
        refused(
            partial(e_value, 0.1, 10, deviation=1e-300, effect=1e300), ConfigError, "effect must be"
        )

    def test_huge_values_overflow_nowhere(self) -> None:
        largest = math.exp(709.0)
        assert sequential.normal_mixture_e_value(1e160, 10**6, **UNIT) == largest
        assert sequential.one_sided_mixture_e_value(1e300, 10**9, **UNIT) == largest
        assert sequential.one_sided_mixture_e_value(-1e300, 10**9, **UNIT) < 1e-300
        assert sequential.mixture_e_values(np.array([1e200, 1e300]), **UNIT).tolist() == [
            largest, largest,
        ]  # fmt: skip
        state = sequential.mixture_step(sequential.MixtureProcess(**UNIT), 1e250)
        assert 0.0 < state.p_value < 1e-300
        assert sequential.normal_mixture_e_value(
            0.2e150, 100, deviation=1e150, effect=0.2e150
        ) == pytest.approx(2.215063, abs=1e-6)

    def test_a_far_negative_sum_is_no_evidence_for_a_positive_mean(self) -> None:
        """The two halves of its logarithm cancel; their difference was once e to the 256."""
        for n in (1, 10, 1_000):
            for mean in -np.geomspace(1.0, 1e12, 40):
                assert sequential.one_sided_mixture_e_value(float(mean), n, **UNIT) < 1.0

    def test_the_one_sided_value_is_the_integral_over_the_positive_half(self) -> None:
        for mean, n in ((-2.0, 3), (-0.3, 50), (0.0, 10), (0.3, 50), (1.0, 20)):
            grid = np.linspace(0.0, 3.0, 300_001)
            density = 2.0 * stats.norm.pdf(grid, 0.0, 0.2)
            expected = np.trapezoid(density * np.exp(grid * mean * n - 0.5 * n * grid**2), grid)
            found = sequential.one_sided_mixture_e_value(mean, n, **UNIT)
            assert found == pytest.approx(expected, rel=1e-7)

    def test_t_mixture(self) -> None:
        e_value = partial(sequential.t_mixture_e_value, effect=0.1)
        refused(partial(e_value, NAN, 1.0, 10), DataError, "mean must be a finite number; was nan")
        refused(partial(e_value, 0.1, NAN, 10), DataError, "sample_deviation must be a finite")
        refused(partial(e_value, 0.1, -1.0, 10), DataError, "must not be negative; was -1")
        refused(partial(e_value, 0.1, 1.0, NAN), ConfigError, "n must be a whole number")
        assert e_value(1e300, 1e-300, 5) == 1.0
        assert e_value(0.3, 1e-17, 500) == 1.0, "a deviation of rounding alone"
        assert e_value(0.3, 1e-5, 500) > 1e9

    def test_a_constant_difference_is_no_evidence_whatever_rounding_makes_of_it(self) -> None:
        constant = (np.arange(1_000) * 0.1 + 0.3) - np.arange(1_000) * 0.1
        assert _sequential(np.full(1_000, 0.1), 261.0) == (1.0, 1.0)
        assert _sequential(constant, 261.0) == (1.0, 1.0)
        e_value, p = _sequential(0.2 + rng().standard_normal(1_000), 261.0)
        assert e_value > 2.0 and p < 0.5

    def test_e_values_that_are_none(self) -> None:
        for value in (NAN, INF):
            refused(
                partial(sequential.always_valid_p, np.array([1.0, value, 30.0])),
                DataError,
                f"e_values must hold finite numbers; row 1 is {value}",
            )
        refused(partial(sequential.always_valid_p, np.array([1.0, -3.0])), DataError, "one is -3")
        refused(
            partial(sequential.mixture_e_values, np.array([0.1, NAN]), **UNIT),
            DataError,
            "row 1 is nan",
        )

    @pytest.mark.parametrize(
        ("n", "options", "words"),
        [
            (0, {}, "n must be a whole number from 1 .*was 0"),
            (-5, {}, "n must be"),
            (10, {"deviation": NAN}, "deviation must be above 0"),
            (10, {"deviation": 0.0}, "deviation must be above 0"),
            (10, {"rho": NAN}, "effect must be above 0"),
            (10, {"rho": 1e200}, "effect must be within"),
            (10, {"alpha": NAN}, "alpha must lie between"),
        ],
    )
    def test_a_radius_that_is_none(self, n: int, options: dict[str, float], words: str) -> None:
        asked = {"deviation": 1.0, "rho": 0.1, "alpha": 0.05, **options}
        refused(partial(sequential.mixture_radius, n, **asked), ConfigError, words)

    def test_the_rest(self) -> None:
        refused(partial(sequential.mixture_rho, 0, alpha=0.05), ConfigError, "n must be")
        state = sequential.MixtureProcess(**UNIT)
        refused(partial(state.rejects, NAN), ConfigError, "alpha must lie")
        refused(partial(state.rejects, 0.0), ConfigError, "alpha must lie")
        refused(partial(sequential.MixtureProcess, **UNIT, log_e_max=NAN), ConfigError, "log_e_max")
        refused(partial(sequential.MixtureProcess, **UNIT, total=NAN), DataError, "total")


class TestSprt:
    def test_an_unknown_observation_never_silences_a_test(self) -> None:
        test = sprt.bernoulli_sprt(0.5, 0.8, **RATES)
        refused(partial(sprt.sprt_step, test, NAN), DataError, "value must be a finite number")
        for _ in range(50):
            test = sprt.sprt_step(test, 1.0)
        assert test.decision is sprt.SprtDecision.ALTERNATIVE
        refused(partial(sprt.sprt_step, test, NAN), DataError, "was nan")

    @pytest.mark.parametrize("value", [50.0, -1.0, 0.5])
    def test_an_observation_of_a_rate_is_yes_or_no(self, value: float) -> None:
        test = sprt.bernoulli_sprt(0.5, 0.55, **RATES)
        refused(partial(sprt.sprt_step, test, value), DataError, f"0 or 1; was {value:g}")
        mean = sprt.gaussian_sprt(0.0, 0.1, deviation=1.0, **RATES)
        assert sprt.sprt_step(mean, value).n == 1

    @pytest.mark.parametrize(
        ("null", "alternative", "deviation", "words"),
        [
            (NAN, 0.1, 1.0, "mean_null must be a finite"),
            (0.0, INF, 1.0, "mean_alternative must be a finite"),
            (0.0, 0.1, NAN, "deviation must be above 0"),
            (0.0, 1e-300, 1.0, "must tell two values apart"),
            (0.0, 0.1, 1e-200, "must tell two values apart"),
            (0.1, 0.1, 1.0, "must tell two values apart"),
            (-1e308, 1e308, 1e306, "must tell two values apart"),
        ],
    )
    def test_means_that_make_no_test(
        self, null: float, alternative: float, deviation: float, words: str
    ) -> None:
        refused(
            partial(sprt.gaussian_sprt, null, alternative, deviation=deviation, **RATES),
            ConfigError,
            words,
        )

    def test_rates_that_make_no_test(self) -> None:
        make = sprt.bernoulli_sprt
        refused(partial(make, 0.5, 0.5 + 1e-9, **RATES), ConfigError, "tell two values apart")
        refused(partial(make, NAN, 0.5, **RATES), ConfigError, "p_null must lie")
        refused(partial(make, 0.5, 0.6, alpha=NAN, beta=0.1), ConfigError, "alpha must lie")
        refused(partial(make, 5e-324, 0.6, **RATES), ConfigError, "must be a finite number")

    def test_expected_lengths_are_walds_for_means_of_any_size(self) -> None:
        near = sprt.gaussian_sprt(0.0, 0.5, deviation=1.0, **RATES)
        far = sprt.gaussian_sprt(1e9, 1e9 + 0.5, deviation=1.0, **RATES)
        assert near.n_null == near.n_alternative == pytest.approx(2.65 / 0.125, rel=1e-4)
        assert (far.n_null, far.n_alternative) == (near.n_null, near.n_alternative)


class TestScores:
    @pytest.mark.parametrize("score", [scoring.brier_score, scoring.log_loss, scoring.murphy])
    def test_no_probability_and_no_outcome(self, score) -> None:
        for wrong in (NAN, 1.5, -0.2, INF):
            refused(partial(score, with_p(wrong), Y), DataError, f"p must .*{wrong}")
        for wrong in (2.0, 0.5, -1.0):
            refused(partial(score, P, with_y(wrong)), DataError, f"y must be 0 or 1; .*{wrong:g}")
        refused(partial(score, P, with_y(NAN)), DataError, "row 1 is nan")
        refused(partial(score, P, Y[:3]), DataError, "y must have one entry per .*has 3 for 4")

    def test_small_integers_do_not_wrap_around(self) -> None:
        p, y = np.array([0, 1], np.int8), np.array([1, 0], np.uint8)
        assert scoring.brier_score(p, y) == 1.0

    def test_nothing_has_no_parts(self) -> None:
        nothing = np.empty(0)
        assert all(math.isnan(part) for part in scoring.murphy(nothing, nothing))
        assert all(math.isnan(gap) for gap in calibration_errors(nothing, nothing, GROUP[:0]))

    @pytest.mark.parametrize(
        ("group", "words"),
        [
            (GROUP[:3], "group must have one entry per forecast; has 3"),
            (GROUP - 1, "group must hold whole numbers from 0 on; number 0 is -1"),
            (GROUP + 0.5, "number 0 is 0.5"),
        ],
    )
    def test_groups_that_are_none(self, group: np.ndarray, words: str) -> None:
        refused(partial(scoring.murphy, P, Y, group), DataError, words)
        refused(partial(calibration_errors, P, Y, group), DataError, words)
        refused(partial(calibration_error_interval, P, Y, group, rng=rng()), DataError, words)

    def test_pinball(self) -> None:
        one = np.array([1.0])
        for level in (NAN, 0.0, 1.0, 90.0):
            refused(partial(scoring.pinball, one, one, level), ConfigError, "level must lie")
        refused(partial(scoring.pinball, np.array([NAN]), one, 0.5), DataError, "y must hold")
        refused(partial(scoring.pinball, one, np.array([NAN]), 0.5), DataError, "forecast must")

    def test_ranked_probability(self) -> None:
        y = np.array([0.0])
        refused(partial(scoring.crps_gaussian, y, NAN, 1.0), DataError, "mean must hold finite")
        refused(partial(scoring.crps_gaussian, y, 0.0, NAN), DataError, "deviation must hold")
        refused(partial(scoring.crps_gaussian, y * NAN, 0.0, 1.0), DataError, "y must hold")
        members = np.array([[1.0, INF]])
        refused(partial(scoring.crps_ensemble, y, members), DataError, "row 0, column 1 is inf")
        refused(
            partial(scoring.crps_ensemble, np.zeros(3), np.ones((2, 4))), DataError, "has 3 for 2"
        )
        levels = np.array([0.25, 0.75])
        score = partial(scoring.crps_quantiles, y)
        refused(partial(score, np.array([[2.0, -1.0]]), levels), DataError, "must not fall")
        refused(partial(score, np.array([[NAN, 1.0]]), levels), DataError, "row 0, column 0 is nan")
        refused(
            partial(score, np.zeros((2, 2)), levels), DataError, r"1 and 2; have shape \(2, 2\)"
        )
        refused(partial(score, np.zeros((1, 2)), np.array([NAN, 0.5])), DataError, "Levels must")


class TestCalibration:
    @pytest.mark.parametrize("bins", [equal_width, equal_mass])
    def test_bins(self, bins) -> None:
        for wrong in (NAN, 1.5, -0.2):
            refused(partial(bins, with_p(wrong)), DataError, f"p must .*{wrong:g}")
        refused(partial(bins, P, 0), ConfigError, "n_bins must be a whole number")
        refused(partial(bins, P, 2.5), ConfigError, r"n_bins .*2\.5")

    def test_errors_and_their_interval(self) -> None:
        interval = partial(calibration_error_interval, rng=rng())
        for wrong in (NAN, 1.5):
            refused(partial(calibration_errors, with_p(wrong), Y, GROUP), DataError, "p must")
            refused(partial(interval, with_p(wrong), Y, GROUP), DataError, "p must")
        refused(partial(interval, P, with_y(3.0), GROUP), DataError, "y must be 0 or 1")
        refused(partial(interval, P, Y, GROUP, overlap=NAN), ConfigError, "overlap must be a")
        refused(partial(interval, P, Y, GROUP, n_samples=0), ConfigError, "n_samples must be")
        refused(partial(interval, P, Y, GROUP, confidence=NAN), ConfigError, "confidence must")

    def test_assess(self) -> None:
        refused(partial(assess, with_p(NAN), Y), DataError, "p must hold finite")
        refused(partial(assess, with_p(1.01), Y), DataError, r"p must be in \[0, 1\]; number 1")
        refused(partial(assess, P, with_y(2.0)), DataError, "y must be 0 or 1; number 1 is 2")
        refused(partial(assess, P, Y, overlap=NAN), ConfigError, "overlap must be a finite")
        refused(partial(assess, P, Y, confidence=95.0), ConfigError, "confidence must lie")
        refused(partial(wilson, NAN, 10, 0.95), ConfigError, "share must be in")
        refused(partial(wilson, 1.2, 10, 0.95), ConfigError, "share must be in .*was 1.2")
        refused(partial(wilson, 0.5, 10, NAN), ConfigError, "confidence must lie")
        refused(partial(wilson, 0.5, NAN, 0.95), ConfigError, "n must be a finite")


class TestConformal:
    def test_an_unknown_score_is_no_hit(self) -> None:
        state = conformal.AdaptiveConformal(alpha=0.1, scores=np.arange(50.0))
        refused(partial(conformal.adaptive_step, state, NAN), DataError, "score must be a finite")
        refused(
            partial(conformal.AdaptiveConformal, alpha=0.1, scores=np.array([1.0, NAN])),
            DataError,
            "scores must hold finite",
        )
        refused(partial(conformal.conformal_quantile, [1.0, NAN] * 20, 0.1), DataError, "row 1")

    def test_the_rest(self) -> None:
        one, scores = np.array([1.0]), np.arange(20.0)
        refused(partial(conformal.conformal_rank, 10, NAN), ConfigError, "alpha must be a finite")
        refused(partial(conformal.conformal_rank, -1, 0.1), ConfigError, "n must be")
        refused(partial(conformal.split_interval, one * NAN, scores, 0.1), DataError, "forecast")
        refused(
            partial(conformal.quantile_interval, one * NAN, one, scores, 0.1), DataError, "low must"
        )
        refused(partial(conformal.quantile_scores, one * NAN, one, one), DataError, "y must")
        options = {"alpha": 0.1, "gamma": 0.005}
        refused(partial(conformal.adaptive_levels, [0.0, NAN], **options), DataError, "row 1")
        refused(partial(conformal.adaptive_levels, [0.0, 2.0], **options), DataError, "0 or 1")
        refused(partial(conformal.adaptive_bound, 0, **options), ConfigError, "n must be")


class TestStillness:
    """Series that are constant but for rounding have no ratio, as exactly constant ones."""

    NEARLY = (
        np.r_[np.full(99, 0.1), np.nextafter(0.1, 1.0)],
        np.full(100, 0.1) + 1e-18 * np.arange(100.0),
        (np.arange(20) * 0.1 + 0.3) - np.arange(20) * 0.1,
        np.diff(1.0001 ** np.arange(500.0)) / 1.0001 ** np.arange(499.0),
    )

    @pytest.mark.parametrize("values", [*NEARLY, np.full(50, -0.2), np.zeros(30)])
    def test_undefined(self, values: np.ndarray) -> None:
        assert is_still(values)
        assert math.isnan(sharpe_ratio(values))
        assert math.isnan(skewness(values)) and math.isnan(kurtosis(values))
        assert autocorrelations(values, 3).tolist() == [0.0, 0.0, 0.0]
        assert block_length(values) == 1.0
        refused(partial(sharpe_interval, values), DataError, "returns must vary; all")

    @pytest.mark.parametrize("values", NEARLY)
    def test_no_test(self, values: np.ndarray) -> None:
        noise = rng().standard_normal(len(values))
        for one, two in ((values, np.zeros(len(values))), (noise + 0.3, noise)):
            refused(partial(diebold_mariano, one, two), DataError, "differ by varying amounts")
        refused(partial(diebold_mariano, np.log(3.0 * noise**2), np.log(noise**2) + np.log(3.0)),
                DataError, "but for rounding")  # fmt: skip
        refused(partial(compare_paired, values, noise, rng()), DataError, "first must vary; is")
        table = np.column_stack([noise, values])
        refused(partial(overfitting, table, n_blocks=4), DataError, "column 1 earns the same")
        refused(partial(superior_ability, table, rng()), DataError, "column 1 is .* but for round")

    def test_small_but_real_variation_is_kept(self) -> None:
        values = 1.0 + 1e-6 * rng().standard_normal(1_000)
        assert sharpe_ratio(values) == pytest.approx(1e6, rel=0.1)
        assert not is_still(values)
        assert is_still(np.array([0.1, NAN])) and is_still(np.array([0.1, INF]))


class TestSizes:
    """Ratios and lengths depend on no unit, and say so where squares are no numbers."""

    VALUES = np.cumsum(np.random.default_rng(5).standard_normal(400)) * 0.1 + 0.05

    @pytest.mark.parametrize("power", [-900, -600, -170, 170, 600, 900])
    def test_any_unit(self, power: int) -> None:
        scaled = np.ldexp(self.VALUES, power)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for figure in (sharpe_ratio, skewness, kurtosis, block_length):
                assert figure(scaled) == figure(self.VALUES)
            np.testing.assert_array_equal(
                autocorrelations(scaled, 4), autocorrelations(self.VALUES, 4)
            )

    def test_values_of_usual_size_are_not_touched(self) -> None:
        assert moderate(self.VALUES) is self.VALUES

    @pytest.mark.parametrize("scale", [1e160, 1e-160])
    def test_tests_ask_for_another_unit(self, scale: float) -> None:
        values = self.VALUES * scale
        for call in (
            partial(compare_paired, values, values[::-1], rng()),
            partial(diebold_mariano, values, values[::-1]),
            partial(sharpe_interval, values),
        ):
            refused(call, DataError, "Count in another unit")

    def test_block_length_of_what_is_not_known(self) -> None:
        refused(partial(block_length, np.array([NAN] * 20)), DataError, "values must hold finite")


class TestFormulas:
    @pytest.mark.parametrize("rho", [1.0, -1.0, 1.5, NAN])
    def test_no_variance_has_no_factor(self, rho: float) -> None:
        refused(partial(lo_factor_ar1, rho, 12), ConfigError, f"rho must lie between -1 .*{rho:g}")

    def test_periods(self) -> None:
        for periods in (0, -3, 2.5, NAN):
            refused(partial(lo_factor_ar1, 0.2, periods), ConfigError, "periods must be a whole")
            refused(partial(lo_factor, np.array([0.1]), periods), ConfigError, "periods must be")
        refused(partial(lo_factor, np.array([NAN]), 12), DataError, "autocorrelation must hold")
        for rho in (0.999, -0.999, 0.37):
            lags = rho ** np.arange(1.0, 52.0)
            assert lo_factor_ar1(rho, 52) == pytest.approx(lo_factor(lags, 52), rel=1e-9)

    @pytest.mark.parametrize("freedom", [50.0, 99.0, 101.0, 1e4, 1e8, 1e12, 1e14, 1e300])
    def test_the_tail_of_many_degrees_of_freedom_is_that_of_a_normal_loss(
        self, freedom: float
    ) -> None:
        risk, beyond = tail.student_tail(0.99, freedom=freedom)
        if freedom < 1e5:
            above = stats.t.expect(lambda x: x, args=(freedom,), lb=risk) / 0.01
            assert beyond == pytest.approx(above, rel=1e-9)
        else:
            normal = tail.gaussian_tail(0.99)
            assert (risk, beyond) == pytest.approx(normal, rel=1e-15 + 10.0 / freedom)

    def test_tails_that_are_none(self) -> None:
        refused(partial(tail.student_tail, 0.99, freedom=NAN), ConfigError, "freedom - 1 must be")
        refused(partial(tail.student_tail, 0.99, freedom=5.0, mean=NAN), ConfigError, "mean must")
        refused(partial(tail.gaussian_tail, 0.99, mean=NAN), ConfigError, "mean must be a finite")
        refused(partial(tail.gaussian_tail, NAN), ConfigError, "level must lie")

    def test_the_published_maximum_is_as_far_from_the_exact_one_as_its_docstring_says(self) -> None:
        error = {n: expected_maximum(n) / moments_of_maximum(n)[0] - 1.0 for n in range(2, 101)}
        assert round(expected_maximum(2), 3) == 0.520
        assert round(moments_of_maximum(2)[0], 3) == 0.564
        assert round(100 * error[2]) == -8
        assert 0.025 < max(error.values()) < 0.0265 and min(list(error.values())[1:]) > 0.0
        assert round(100 * error[100], 1) == 0.9
        doc = expected_maximum.__doc__ or ""
        assert "two trials it is 8 % low (0.520 against the exact 0.564)" in doc
