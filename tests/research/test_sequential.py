"""Evidence that may be looked at any time: worked examples, and error rates under peeking."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, t

from assay.domain.errors import ConfigError
from assay.research.statistics.sequential import (
    MixtureProcess,
    always_valid_p,
    mixture_e_values,
    mixture_radius,
    mixture_rho,
    mixture_step,
    normal_mixture_e_value,
    one_sided_mixture_e_value,
    t_mixture_e_value,
)
from assay.research.statistics.sprt import (
    SprtDecision,
    bernoulli_sprt,
    gaussian_sprt,
    sprt_bounds,
    sprt_step,
)

ALPHA = 0.05
UNIT = {"deviation": 1.0, "effect": 0.2}


class TestEValues:
    @pytest.mark.parametrize(("mean", "e_value"), [(0.2, 2.215063), (0.3, 16.367228)])
    def test_the_worked_examples(self, mean: float, e_value: float) -> None:
        found = normal_mixture_e_value(mean, 100, **UNIT)
        assert found == pytest.approx(e_value, abs=5e-7)
        assert found < 1 / ALPHA  # neither may be promoted

    @given(
        mean=st.floats(-2, 2),
        n=st.integers(1, 400),
        deviation=st.floats(0.2, 4),
        effect=st.floats(0.05, 2),
    )
    def test_the_closed_form_is_the_integral_over_the_alternatives(
        self, mean: float, n: int, deviation: float, effect: float
    ) -> None:
        def ratio(size: float) -> float:
            return math.exp((size * mean * n - n * size * size / 2) / deviation**2)

        spread = math.sqrt(1 / (1 / effect**2 + n / deviation**2))
        centre = spread**2 * n * mean / deviation**2
        if centre**2 / (2 * spread**2) > 200:
            return

        def mass(low: float, high: float) -> float:
            value, _ = quad(
                lambda size: ratio(size) * norm.pdf(size, 0, effect), low, high, limit=200
            )
            return value

        low, high = centre - 9 * spread, centre + 9 * spread
        both = normal_mixture_e_value(mean, n, deviation=deviation, effect=effect)
        upper = one_sided_mixture_e_value(mean, n, deviation=deviation, effect=effect)
        assert both == pytest.approx(mass(low, high), rel=1e-6)
        if centre > 0.5 * spread:
            assert upper == pytest.approx(2 * mass(max(low, 0.0), high), rel=1e-6)
        if mean > 0:
            assert both * (1 - 1e-12) <= upper <= 2 * both * (1 + 1e-12)

    def test_a_negative_mean_is_no_evidence_for_a_positive_one(self) -> None:
        assert normal_mixture_e_value(-0.5, 100, **UNIT) > 1_000
        assert one_sided_mixture_e_value(-0.5, 100, **UNIT) < 0.2

    @pytest.mark.parametrize("effect", [0.1, 0.5, 2.0])
    @pytest.mark.parametrize(("ratio", "n"), [(0.4, 12), (-0.2, 60), (0.0, 5), (1.5, 4)])
    def test_the_t_mixture_is_the_ratio_of_t_densities(
        self, effect: float, ratio: float, n: int
    ) -> None:
        """Mixing a non-central t over its effect gives a scaled t: numerator and null density."""
        statistic = ratio * math.sqrt(n)
        growth = math.sqrt(1 + n * effect**2)
        direct = t.pdf(statistic / growth, n - 1) / growth / t.pdf(statistic, n - 1)
        assert t_mixture_e_value(ratio * 3.0, 3.0, n, effect=effect) == pytest.approx(
            direct, rel=1e-9
        )

    def test_nothing_seen_is_no_evidence(self) -> None:
        assert normal_mixture_e_value(0.0, 0, **UNIT) == 1.0
        assert t_mixture_e_value(1.0, 1.0, 1, effect=0.1) == 1.0
        assert t_mixture_e_value(1.0, 0.0, 9, effect=0.1) == 1.0
        assert MixtureProcess(deviation=1.0, effect=0.1).p_value == 1.0

    def test_overwhelming_evidence_is_finite(self) -> None:
        assert math.isfinite(normal_mixture_e_value(1e3, 10**6, **UNIT))
        assert np.isfinite(mixture_e_values(np.full(50, 1e4), **UNIT)).all()


class TestProcess:
    @given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
    def test_one_by_one_is_all_at_once(self, values: list[float]) -> None:
        whole = mixture_e_values(np.array(values), **UNIT)
        state = MixtureProcess(**UNIT, is_one_sided=False)
        for i, value in enumerate(values):
            state = mixture_step(state, value)
            assert state.e_value == pytest.approx(whole[i], rel=1e-9)
            direct = normal_mixture_e_value(float(np.mean(values[: i + 1])), i + 1, **UNIT)
            assert state.e_value == pytest.approx(direct, rel=1e-6)
        assert state.p_value == pytest.approx(always_valid_p(whole)[-1], rel=1e-9)

    def test_the_supremum_is_kept_when_the_evidence_fades(self) -> None:
        state = MixtureProcess(**UNIT)
        for value in [1.0] * 40 + [-1.0] * 40:
            state = mixture_step(state, value)
        assert state.e_value < 1.0
        assert state.rejects(0.001)
        assert state.p_value < 0.001

    def test_looking_after_every_observation_keeps_the_error_rate(self) -> None:
        """Optional stopping: 4,000 null records, 400 looks each. A t-test would fail."""
        rng = np.random.default_rng(5)
        records = rng.standard_normal((4_000, 400))
        e_values = np.array([mixture_e_values(record, **UNIT) for record in records])
        ever = np.mean(e_values.max(axis=1) >= 1 / ALPHA)
        assert 0.01 < ever <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 4_000)
        p = np.array([always_valid_p(row) for row in e_values])
        assert np.mean((p <= ALPHA).any(axis=1)) == ever
        looks = np.arange(1, 401)
        z = np.abs(np.cumsum(records, axis=1)) / np.sqrt(looks)
        assert np.mean((z > norm.ppf(1 - ALPHA / 2)).any(axis=1)) > 0.4  # the habit that fails

    @pytest.mark.parametrize("mean", [0.0, -0.05])
    def test_a_null_of_zero_or_less_is_rejected_no_more_often(self, mean: float) -> None:
        rng = np.random.default_rng(6)
        n_records, n_looks = 1_500, 250
        ever = 0
        for _ in range(n_records):
            state = MixtureProcess(**UNIT)
            for value in rng.normal(mean, 1.0, n_looks):
                state = mixture_step(state, float(value))
                if state.rejects(ALPHA):
                    ever += 1
                    break
        assert ever / n_records <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / n_records)

    @pytest.mark.parametrize("deviation", [0.01, 25.0])
    def test_the_unknown_deviation_keeps_the_error_rate(self, deviation: float) -> None:
        rng = np.random.default_rng(7)
        n_records, n_looks = 1_500, 200
        values = rng.normal(0.0, deviation, (n_records, n_looks))
        n = np.arange(1, n_looks + 1)
        mean = np.cumsum(values, axis=1) / n
        square = np.cumsum(values**2, axis=1) / n - mean**2
        ever = 0
        for i in range(n_records):
            ever += any(
                t_mixture_e_value(
                    mean[i, k], math.sqrt(square[i, k] * (k + 1) / k), k + 1, effect=0.3
                )
                >= 1 / ALPHA
                for k in range(1, n_looks)
            )
        assert ever / n_records <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / n_records)

    def test_a_real_effect_is_found(self) -> None:
        rng = np.random.default_rng(8)
        found = [
            mixture_e_values(rng.normal(0.2, 1.0, 1_000), **UNIT).max() >= 1 / ALPHA
            for _ in range(200)
        ]
        assert np.mean(found) > 0.98


class TestRadius:
    @pytest.mark.parametrize(("n", "radius"), [(100, 0.365639), (1_000, 0.096064)])
    def test_the_worked_examples(self, n: int, radius: float) -> None:
        assert mixture_radius(n, deviation=1.0, rho=0.1, alpha=ALPHA) == pytest.approx(
            radius, abs=5e-7
        )
        fixed = norm.ppf(1 - ALPHA / 2) / math.sqrt(n)
        assert fixed < radius  # 0.196 and 0.062: looking costs width

    @given(n=st.integers(1, 5_000), rho=st.floats(0.01, 2), alpha=st.floats(0.001, 0.5))
    def test_it_holds_exactly_the_means_that_are_not_rejected(
        self, n: int, rho: float, alpha: float
    ) -> None:
        radius = mixture_radius(n, deviation=2.0, rho=rho, alpha=alpha)
        e_value = normal_mixture_e_value(radius, n, deviation=2.0, effect=2.0 * rho)
        assert e_value == pytest.approx(1 / alpha, rel=1e-9)

    @pytest.mark.parametrize("n", [50, 1_000])
    def test_the_recommended_rho_is_about_the_tightest(self, n: int) -> None:
        best = mixture_radius(n, deviation=1.0, rho=mixture_rho(n, alpha=ALPHA), alpha=ALPHA)
        others = [
            mixture_radius(n, deviation=1.0, rho=rho, alpha=ALPHA)
            for rho in np.geomspace(0.001, 3, 400)
        ]
        assert best <= min(others) * 1.002


class TestSprt:
    def test_the_bounds_of_the_book(self) -> None:
        assert sprt_bounds(0.05, 0.05) == pytest.approx((-2.944439, 2.944439), abs=5e-7)
        assert sprt_bounds(0.05, 0.2) == pytest.approx((math.log(0.2 / 0.95), math.log(16)))

    def test_the_sample_numbers_of_half_against_55_percent(self) -> None:
        test = bernoulli_sprt(0.50, 0.55, alpha=0.05, beta=0.05)
        assert test.n_null == pytest.approx(527, abs=1)
        assert test.n_alternative == pytest.approx(529, abs=1)
        assert math.ceil(test.n_fixed) == 1_077

    @given(p=st.floats(0.1, 0.9), q=st.floats(0.1, 0.9), x=st.sampled_from([0.0, 1.0]))
    def test_a_step_is_the_log_likelihood_ratio(self, p: float, q: float, x: float) -> None:
        if abs(p - q) < 1e-6:
            return
        state = sprt_step(bernoulli_sprt(p, q, alpha=1e-9, beta=1e-9), x)
        direct = math.log(q / p) if x else math.log((1 - q) / (1 - p))
        assert state.log_ratio == pytest.approx(direct, abs=1e-12)
        gauss = sprt_step(gaussian_sprt(p, q, deviation=0.7, alpha=1e-9, beta=1e-9), x)
        direct = norm.logpdf(x, q, 0.7) - norm.logpdf(x, p, 0.7)
        assert gauss.log_ratio == pytest.approx(direct, abs=1e-9)

    @pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
    @pytest.mark.parametrize("truth", ["null", "alternative"])
    def test_error_rates_and_sample_numbers_by_simulation(self, kind: str, truth: str) -> None:
        rng = np.random.default_rng(9)
        if kind == "bernoulli":
            test = bernoulli_sprt(0.5, 0.6, alpha=0.05, beta=0.10)
            rate = 0.5 if truth == "null" else 0.6
            draws = (rng.random((1_000, 2_500)) < rate).astype(float)
        else:
            test = gaussian_sprt(0.0, 0.2, deviation=1.0, alpha=0.05, beta=0.10)
            draws = rng.normal(0.0 if truth == "null" else 0.2, 1.0, (1_000, 2_500))
        said, used = [], []
        for row in draws:
            state = test
            for value in row:
                state = sprt_step(state, float(value))
                if state.decision is not SprtDecision.GO_ON:
                    break
            said.append(state.decision.value)
            used.append(state.n)
        wrong = np.mean([name != truth for name in said])
        limit = 0.05 if truth == "null" else 0.10
        assert wrong <= limit + 3 * math.sqrt(limit * (1 - limit) / 1_000)
        expected = test.n_null if truth == "null" else test.n_alternative
        # Wald's numbers leave the overshoot out.
        assert expected * 0.95 < np.mean(used) < expected * 1.25
        assert np.mean(used) < 0.75 * test.n_fixed

    def test_a_decision_stays(self) -> None:
        state = gaussian_sprt(0.0, 1.0, deviation=0.1, alpha=0.05, beta=0.05)
        state = sprt_step(state, 1.0)
        assert state.decision is SprtDecision.ALTERNATIVE
        assert sprt_step(state, -100.0) == state


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: normal_mixture_e_value(0.1, 5, deviation=0.0, effect=1.0), "deviation"),
        (lambda: MixtureProcess(deviation=1.0, effect=math.nan), "effect"),
        (lambda: t_mixture_e_value(0.1, 1.0, 5, effect=-1.0), "effect"),
        (lambda: mixture_radius(5, deviation=1.0, rho=0.1, alpha=1.0), "alpha"),
        (lambda: sprt_bounds(0.5, 0.5), "sum to less than 1"),
        (lambda: bernoulli_sprt(0.0, 0.5, alpha=0.1, beta=0.1), "p_null"),
        (lambda: gaussian_sprt(0.5, 0.5, deviation=1.0, alpha=0.1, beta=0.1), "two values apart"),
    ],
)
def test_what_makes_no_sense_is_refused(call, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        call()
