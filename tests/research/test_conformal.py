"""Conformal intervals: published ranks, coverage, and the long-run promise of the adaptive ones."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.regression import (
    ConformalizedQuantileRegressor,
    SplitConformalRegressor,
    TimeSeriesRegressor,
)
from sklearn.base import BaseEstimator, RegressorMixin

from assay.domain.errors import ConfigError
from assay.research.statistics.conformal import (
    AdaptiveConformal,
    adaptive_bound,
    adaptive_levels,
    adaptive_step,
    conformal_quantile,
    conformal_rank,
    coverage_distribution,
    quantile_interval,
    quantile_scores,
    split_interval,
)


class FirstColumn(RegressorMixin, BaseEstimator):
    """Forecasts a column of its input; nothing is learned."""

    def __init__(self, column: int = 0) -> None:
        self.column = column

    def fit(self, x: np.ndarray, y: np.ndarray) -> "FirstColumn":
        self.is_fitted_, self.n_features_in_ = True, x.shape[1]
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x)[:, self.column]


class TestSplit:
    @pytest.mark.parametrize(
        ("n", "alpha", "rank"), [(19, 0.1, 18), (9, 0.1, 9), (99, 0.05, 95), (1_000, 0.1, 901)]
    )
    def test_the_worked_ranks(self, n: int, alpha: float, rank: int) -> None:
        assert conformal_rank(n, alpha) == rank
        assert conformal_quantile(np.arange(n, 0, -1), alpha) == rank

    def test_too_few_scores_promise_nothing(self) -> None:
        assert conformal_quantile(np.arange(8), 0.1) == math.inf
        assert conformal_quantile([], 0.5) == math.inf
        assert conformal_quantile(np.arange(8), 1.0) == -math.inf
        assert conformal_quantile(np.arange(8), 0.0) == math.inf

    @given(n=st.integers(0, 300), hundredths=st.integers(-20, 120))
    def test_the_rank_is_that_of_exact_arithmetic(self, n: int, hundredths: int) -> None:
        """In floating point, 0.7 of 10 scores would be the 4th of them, and not the 3rd."""
        exact = math.ceil((n + 1) * (1 - Fraction(hundredths, 100)))
        assert conformal_rank(n, hundredths / 100) == exact
        assert conformal_rank(n, 1.0 - (100 - hundredths) / 100) == exact

    def test_coverage_given_the_calibration_set(self) -> None:
        assert coverage_distribution(1_000, 0.1) == pytest.approx((0.9001, 0.0095), abs=5e-5)
        assert coverage_distribution(8, 0.1) == (1.0, 0.0)
        rng = np.random.default_rng(1)
        reached = [conformal_quantile(rng.random(200), 0.1) for _ in range(4_000)]
        mean, deviation = coverage_distribution(200, 0.1)
        assert np.mean(reached) == pytest.approx(mean, abs=0.002)
        assert np.std(reached) == pytest.approx(deviation, rel=0.05)

    def test_a_thousand_scores_cover_as_promised(self) -> None:
        rng = np.random.default_rng(2)
        scores = np.abs(rng.standard_t(4, 1_000))
        forecast = rng.standard_normal(20_000)
        y = forecast + rng.standard_t(4, 20_000)
        low, high = split_interval(forecast, scores, 0.1)
        assert np.mean((y >= low) & (y <= high)) == pytest.approx(0.90, abs=0.03)

    @pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25])
    def test_intervals_are_those_of_an_independent_library(self, alpha: float) -> None:
        rng = np.random.default_rng(3)
        x, forecast = rng.standard_normal((257, 1)), rng.standard_normal((40, 1))
        y = x[:, 0] + rng.standard_normal(257)
        theirs = SplitConformalRegressor(FirstColumn().fit(x, y), confidence_level=1 - alpha)
        _, bounds = theirs.conformalize(x, y).predict_interval(forecast)
        low, high = split_interval(forecast[:, 0], np.abs(y - x[:, 0]), alpha)
        np.testing.assert_allclose(low, bounds[:, 0, 0], rtol=0, atol=1e-9)
        np.testing.assert_allclose(high, bounds[:, 1, 0], rtol=0, atol=1e-9)

    def test_quantile_intervals_are_those_of_an_independent_library(self) -> None:
        rng = np.random.default_rng(4)
        middle = rng.standard_normal(300)
        x = np.column_stack([middle - 1.0, middle + 1.5, middle])
        y = middle + rng.standard_normal(300) * 1.3
        members = [FirstColumn(column).fit(x, y) for column in (0, 1, 2)]
        theirs = ConformalizedQuantileRegressor(members, confidence_level=0.8, prefit=True)
        _, bounds = theirs.conformalize(x, y).predict_interval(x[:50], symmetric_correction=True)
        scores = quantile_scores(y, x[:, 0], x[:, 1])
        low, high = quantile_interval(x[:50, 0], x[:50, 1], scores, 0.2)
        np.testing.assert_allclose(low, bounds[:, 0, 0], rtol=0, atol=1e-9)
        np.testing.assert_allclose(high, bounds[:, 1, 0], rtol=0, atol=1e-9)

    def test_quantile_intervals_that_are_too_wide_are_narrowed(self) -> None:
        rng = np.random.default_rng(5)
        y = rng.standard_normal(5_000)
        low, high = np.full(5_000, -9.0), np.full(5_000, 9.0)
        scores = quantile_scores(y[:1_000], low[:1_000], high[:1_000])
        below, above = quantile_interval(low[1_000:], high[1_000:], scores, 0.1)
        inside = (y[1_000:] >= below) & (y[1_000:] <= above)
        assert np.mean(inside) == pytest.approx(0.9, abs=0.03)
        assert above[0] - below[0] < 4.0

    def test_a_share_that_is_none_is_refused(self) -> None:
        for alpha in (0.0, 1.0, math.nan):
            with pytest.raises(ConfigError, match="alpha"):
                split_interval(np.zeros(1), np.ones(9), alpha)


class TestAdaptive:
    def test_the_worked_path_of_the_level(self) -> None:
        missed = np.array([0, 0, 1, 0, 1, 1, 0, 0, 0, 0], bool)
        path = [0.1005, 0.101, 0.0965, 0.097, 0.0925, 0.088, 0.0885, 0.089, 0.0895, 0.09]
        assert adaptive_levels(missed, alpha=0.1, gamma=0.005) == pytest.approx(path, abs=1e-12)

    def test_the_worked_bounds(self) -> None:
        assert adaptive_bound(1_000, alpha=0.1, gamma=0.005) == pytest.approx(0.181, abs=1e-12)
        assert adaptive_bound(10_000, alpha=0.1, gamma=0.005) == pytest.approx(0.0181, abs=1e-12)

    def test_the_level_is_that_of_an_independent_library_while_that_is_not_clipped(self) -> None:
        rng = np.random.default_rng(6)
        x = rng.standard_normal((150, 1))
        y = x[:, 0] + rng.standard_normal(150)
        later = rng.standard_normal((30, 1))
        outcome = later[:, 0] + 2.0 * rng.standard_normal(30)
        theirs = TimeSeriesRegressor(FirstColumn().fit(x, y), method="aci", cv="prefit")
        theirs.fit(x, y)
        theirs.adapt_conformal_inference(later, outcome, gamma=0.01, confidence_level=0.8)
        state = AdaptiveConformal(alpha=0.2, gamma=0.01, window=150, scores=np.abs(y - x[:, 0]))
        for forecast, truth in zip(later[:, 0], outcome, strict=True):
            moved = adaptive_step(state, abs(truth - forecast))
            state = replace(moved, scores=state.scores)  # the library keeps its first scores
        (level,) = theirs.current_alpha.values()
        assert state.level == pytest.approx(float(level), abs=1e-9)
        assert state.level != 0.2

    @settings(max_examples=80, deadline=None)
    @given(
        alpha=st.floats(0.02, 0.6),
        gamma=st.floats(0.005, 0.3),
        seed=st.integers(0, 999),
        kind=st.sampled_from(["growing", "shrinking", "shocks", "hostile"]),
    )
    def test_no_market_can_break_the_long_run_promise(
        self, alpha: float, gamma: float, seed: int, kind: str
    ) -> None:
        rng = np.random.default_rng(seed)
        n = 300
        state = AdaptiveConformal(alpha=alpha, gamma=gamma, window=40)
        missed = []
        for i in range(n):
            score = float(rng.random())
            score *= {"growing": 1.1**i, "shrinking": 0.9**i}.get(kind, 1.0)
            if kind == "shocks" and i % 60 > 40:
                score += 50.0
            if kind == "hostile":  # whatever hurts: outside if that is possible
                score = state.radius + 1.0 if math.isfinite(state.radius) else 1.0
            before = state.n_missed
            state = adaptive_step(state, score)
            missed.append(state.n_missed > before)
            assert -gamma <= state.level <= 1.0 + gamma
        assert abs(state.miss_rate - alpha) <= adaptive_bound(n, alpha=alpha, gamma=gamma) + 1e-12
        expected = adaptive_levels(missed, alpha=alpha, gamma=gamma)
        assert state.level == pytest.approx(expected[-1], abs=1e-9)

    def test_a_clipped_level_would_break_it(self) -> None:
        """Why the level is not held inside [0, 1]: growing scores are then missed for ever."""
        alpha, gamma, n, n_missed = 0.1, 0.05, 400, 0
        level, scores = alpha, np.empty(0)
        for i in range(n):
            score = 1.02**i
            radius = conformal_quantile(scores, level) if level > 0 else float(scores.max())
            n_missed += score > radius
            level = float(np.clip(level + gamma * (alpha - (score > radius)), 0.0, 1.0))
            scores = np.append(scores, score)
        assert n_missed / n > 0.5 > alpha + adaptive_bound(n, alpha=alpha, gamma=gamma)

    def test_it_follows_a_market_that_split_conformal_does_not(self) -> None:
        rng = np.random.default_rng(7)
        scale = np.concatenate([np.ones(1_000), np.full(3_000, 3.0)])
        scores = np.abs(rng.standard_normal(4_000)) * scale
        fixed = conformal_quantile(scores[:1_000], 0.1)
        state = AdaptiveConformal(alpha=0.1, gamma=0.01, scores=scores[:1_000])
        for score in scores[1_000:]:
            state = adaptive_step(state, float(score))
        assert np.mean(scores[1_000:] > fixed) > 0.5
        assert state.miss_rate == pytest.approx(0.1, abs=0.02)

    def test_a_state_is_a_value(self) -> None:
        state = AdaptiveConformal(alpha=0.2, gamma=0.1, window=3, scores=np.arange(9.0))
        assert state.scores.tolist() == [6.0, 7.0, 8.0]
        assert math.isnan(state.miss_rate)
        after = adaptive_step(state, 1.0)
        assert (state.n, after.n, state.level) == (0, 1, 0.2)
        assert after.scores.tolist() == [7.0, 8.0, 1.0]
        assert state.scores.tolist() == [6.0, 7.0, 8.0]

    def test_a_score_at_the_radius_is_covered(self) -> None:
        state = AdaptiveConformal(alpha=0.5, gamma=0.1, scores=np.arange(9.0))
        assert state.radius == 4.0
        assert adaptive_step(state, 4.0).n_missed == 0
        assert adaptive_step(state, np.nextafter(4.0, 5.0)).n_missed == 1

    def test_what_makes_no_sense_is_refused(self) -> None:
        for wrong, said in (({"alpha": 1.0}, "alpha"), ({"gamma": 0.0}, "gamma"),
                            ({"window": 0}, "window")):  # fmt: skip
            with pytest.raises(ConfigError, match=said):
                AdaptiveConformal(**{"alpha": 0.1, **wrong})
