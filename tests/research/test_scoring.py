"""Scores: worked examples, independent libraries, and laws that a proper score keeps."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, mean_pinball_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from assay.domain.errors import ConfigError, DataError
from assay.models.quantile import pinball_loss
from assay.research.statistics import calibration_error
from assay.research.statistics.calibration import assess
from assay.research.statistics.calibration_error import (
    calibration_error_interval,
    calibration_errors,
    equal_mass,
    equal_width,
)
from assay.research.statistics.scoring import (
    brier_score,
    crps_ensemble,
    crps_gaussian,
    crps_quantiles,
    distinct_values,
    log_loss,
    murphy,
    pinball,
)

HITS = {0.1: 1, 0.4: 4, 0.7: 6, 0.9: 9}
P = np.repeat(list(HITS), 10)
Y = np.concatenate([np.arange(10) < hits for hits in HITS.values()]).astype(np.int8)
forecasts = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=80)


def table(rows: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    p = np.array([step / 20 for step, _ in rows])
    return p, np.array([outcome for _, outcome in rows], dtype=np.int8)


class TestProbabilities:
    def test_the_worked_example(self) -> None:
        assert brier_score(P, Y) == pytest.approx(0.1675, abs=1e-12)
        assert murphy(P, Y) == pytest.approx((0.0025, 0.085, 0.25), abs=1e-12)
        for group in (equal_width(P), equal_mass(P), distinct_values(P)):
            assert calibration_errors(P, Y, group) == pytest.approx((0.025, 0.1), abs=1e-12)
        assert brier_score(np.array([0.1, 0.9, 0.8, 0.3]), np.array([0, 1, 1, 0])) == pytest.approx(
            0.0375
        )

    @given(forecasts)
    def test_scores_are_those_of_an_independent_library(self, rows) -> None:
        p, y = table(rows)
        inside = np.clip(p, 0.01, 0.99)
        assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p, labels=[0, 1]), abs=1e-12)
        assert log_loss(inside, y) == pytest.approx(
            sklearn_log_loss(y, inside, labels=[0, 1]), abs=1e-12
        )

    def test_one_wrong_certainty_is_dear_and_finite(self) -> None:
        assert 27 < log_loss(np.array([1.0]), np.array([0])) < 28
        assert math.isnan(log_loss(np.empty(0), np.empty(0)))
        assert math.isnan(brier_score(np.empty(0), np.empty(0)))

    @given(forecasts)
    def test_murphys_parts_add_up_corrected_or_not(self, rows) -> None:
        p, y = table(rows)
        for is_corrected in (False, True):
            parts = murphy(p, y, is_corrected=is_corrected)
            total = parts.reliability - parts.resolution + parts.uncertainty
            assert total == pytest.approx(brier_score(p, y), abs=1e-12)
            assert parts.reliability >= -1e-12
            assert -1e-12 <= parts.resolution <= 1.0 + 1e-12
            assert 0.0 <= parts.uncertainty <= 0.25 + 1e-12

    @given(forecasts)
    def test_the_correction_is_that_of_the_reference(self, rows) -> None:
        """Ferro and Fricker's counts, written out as in the authors' notation."""
        p, y = table(rows)
        n, hits = len(p), int(y.sum())
        cells = [(int(np.sum(p == v)), int(y[p == v].sum()), v) for v in np.unique(p)]
        rel = sum((b - a * v) ** 2 / a for a, b, v in cells) / n
        res = sum(a * (b / a - hits / n) ** 2 for a, b, _ in cells) / n
        unc = hits * (n - hits) / n / n
        s = sum(b * (a - b) / (a * (a - 1)) for a, b, _ in cells if a > 1) / n
        t = hits * (n - hits) / n / n / (n - 1)
        assume(s > 0 and abs(s - t) > 1e-9)
        scale = min(rel / s, max(res / (s - t), (res - 1) / (s - t)), (1 - 4 * unc) / (4 * t), 1.0)
        expected = (rel - scale * s, res - scale * (s - t), unc + scale * t)
        assert murphy(p, y, is_corrected=True) == pytest.approx(expected, abs=1e-12)

    def test_the_correction_takes_out_the_bias_of_small_groups(self) -> None:
        rng = np.random.default_rng(1)
        levels = np.array([0.2, 0.35, 0.5, 0.65, 0.8])
        plain, corrected = [], []
        for _ in range(2_000):
            p = np.repeat(levels, 8)
            truth = np.clip(p + 0.15 * np.sign(p - 0.5) + 0.1, 0, 1)
            y = (rng.random(len(p)) < truth).astype(np.int8)
            plain.append(murphy(p, y).reliability)
            corrected.append(murphy(p, y, is_corrected=True).reliability)
        truth = np.clip(levels + 0.15 * np.sign(levels - 0.5) + 0.1, 0, 1)
        exact = float(np.mean((levels - truth) ** 2))
        assert abs(np.mean(corrected) - exact) < 0.25 * abs(np.mean(plain) - exact)


class TestBins:
    def test_edges_belong_to_the_bin_below(self) -> None:
        p = np.array([0.0, 1 / 15, np.nextafter(1 / 15, 1), 1.0])
        assert equal_width(p).tolist() == [0, 0, 1, 14]

    def test_bins_of_equal_mass_are_equally_full(self) -> None:
        p = np.random.default_rng(2).random(1_500)
        assert set(np.bincount(equal_mass(p)).tolist()) == {100}

    @given(forecasts, st.sampled_from([equal_width, equal_mass]))
    def test_errors_are_those_of_two_loops(self, rows, binning) -> None:
        p, y = table(rows)
        group = binning(p, 15)
        gaps = [
            (np.sum(group == k), abs(np.mean(y[group == k]) - np.mean(p[group == k])))
            for k in np.unique(group)
        ]
        ece, mce = calibration_errors(p, y, group)
        assert ece == pytest.approx(sum(n * gap for n, gap in gaps) / len(p), abs=1e-12)
        assert mce == pytest.approx(max(gap for _, gap in gaps), abs=1e-12)
        found = assess(p, y)
        if binning is equal_width:
            assert (found.ece, found.mce) == (ece, mce)
        else:
            assert found.ece_mass == ece


class TestAgainstRecordedLibraries:
    """Figures that libraries gave which are too large, or too old, to be installed here."""

    @pytest.mark.parametrize(
        ("n_bins", "width", "largest", "mass"),
        [
            (10, 0.10305003958244359, 0.18026801194636966, 0.10285912282181531),
            (15, 0.10538141199570383, 0.1902729254491622, 0.10391616794868903),
        ],
    )
    def test_calibration_errors_of_netcal(
        self, n_bins: int, width: float, largest: float, mass: float
    ) -> None:
        i = np.arange(1, 1_501)
        p = (i * 0.6180339887498949 % 1.0) ** 1.3
        y = (i * 0.41421356237309515 % 1.0 < 0.2 + 0.6 * p).astype(np.int8)
        found = calibration_errors(p, y, equal_width(p, n_bins))
        assert found == pytest.approx((width, largest), abs=1e-9)
        assert calibration_errors(p, y, equal_mass(p, n_bins))[0] == pytest.approx(mass, abs=1e-9)

    def test_ranked_probability_scores_of_properscoring_and_scoringrules(self) -> None:
        i = np.arange(1, 8)
        y, mean, deviation = np.sin(i * 1.7), np.cos(i), 0.3 + 0.1 * i
        members = np.sin(np.outer(i, np.arange(1, 12)) * 0.37)
        assert crps_gaussian(y, mean, deviation).sum() == pytest.approx(
            3.7160144261923502, abs=1e-9
        )
        plain = crps_ensemble(y, members, is_fair=False)
        assert plain.sum() == pytest.approx(2.6675499395787696, abs=1e-9)
        assert crps_ensemble(y, members).sum() == pytest.approx(2.3917454984575377, abs=1e-9)
        levels = (np.arange(5) + 0.5) / 5
        quantiles = np.sort(members[:, :5], axis=1)
        found = crps_quantiles(y, quantiles, levels).sum()
        assert found == pytest.approx(2.6366903176192427, abs=1e-9)


def overlapping(
    rng: np.random.Generator, n: int, *, length: int, distortion: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return forecasts, true probabilities, and outcomes that look at *length* shared steps."""
    steps = np.concatenate(([0.0], np.cumsum(rng.standard_normal(n + length))))
    move = (steps[length : length + n] - steps[:n]) / math.sqrt(length)
    threshold = 0.5 * rng.standard_normal(n)
    return (
        norm.cdf(-threshold * distortion),
        norm.cdf(-threshold),
        (move > threshold).astype(np.int8),
    )


class TestInterval:
    @pytest.mark.parametrize("length", [1, 12])
    @pytest.mark.parametrize("distortion", [1.0, 2.0])
    def test_it_covers_the_truth(self, length: int, distortion: float) -> None:
        rng = np.random.default_rng(3)
        forecast, truth, _ = overlapping(rng, 400_000, length=1, distortion=distortion)
        gaps = np.bincount(equal_width(forecast), weights=truth - forecast)
        exact = float(np.abs(gaps).sum()) / len(forecast)
        inside = 0
        for _ in range(100):
            p, _, y = overlapping(rng, 600, length=length, distortion=distortion)
            low, high = calibration_error_interval(
                p, y, equal_width(p), rng=rng, overlap=length, n_samples=200
            )
            inside += low <= exact + 1e-4 and exact <= high
        assert inside >= 83

    def test_plain_percentiles_would_miss_a_calibrated_forecaster(self) -> None:
        """Why the interval is not made of percentiles: resampled errors are all above 0."""
        rng = np.random.default_rng(4)
        p, _, y = overlapping(rng, 600, length=1, distortion=1.0)
        group, resampled = equal_width(p), []
        for _ in range(200):
            rows = rng.integers(600, size=600)
            resampled.append(calibration_errors(p[rows], y[rows], group[rows])[0])
        assert np.quantile(resampled, 0.025) > 0.02
        assert calibration_error_interval(p, y, group, rng=rng)[0] == 0.0

    def test_overlap_widens_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Here the blocks are as long as the overlap, not as what the misses remember."""
        monkeypatch.setattr(calibration_error, "block_length", lambda values: 1.0)
        _, _, y = overlapping(np.random.default_rng(5), 2_000, length=24, distortion=1.0)
        constant = np.full(len(y), 0.6)
        width = []
        for overlap in (1.0, 24.0):
            rng = np.random.default_rng(6)
            low, high = calibration_error_interval(
                constant, y, equal_width(constant), rng=rng, overlap=overlap
            )
            width.append(high - low)
        assert width[1] > 1.8 * width[0]

    def test_the_error_itself_is_inside_and_the_seed_decides(self) -> None:
        one, other = (
            calibration_error_interval(P, Y, equal_mass(P), rng=np.random.default_rng(7))
            for _ in range(2)
        )
        assert one == other
        assert one[0] <= 0.025 <= one[1] <= 1.0

    def test_the_ends(self) -> None:
        rng = np.random.default_rng(8)
        nothing = np.empty(0)
        assert np.isnan(
            calibration_error_interval(nothing, nothing, equal_mass(nothing), rng=rng)
        ).all()
        with pytest.raises(ConfigError, match="confidence"):
            calibration_error_interval(P, Y, equal_mass(P), rng=rng, confidence=1.0)


class TestPinball:
    def test_the_worked_example(self) -> None:
        found = pinball(np.array([10.0, 8.0]), np.array([8.0, 10.0]), 0.9)
        assert found == pytest.approx([1.8, 0.2], abs=1e-12)

    @given(
        st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=30),
        st.floats(0.01, 0.99),
    )
    def test_its_mean_is_that_of_an_independent_library(self, rows, level: float) -> None:
        y, forecast = np.array(rows).T
        mean = float(np.mean(pinball(y, forecast, level)))
        assert mean == pytest.approx(mean_pinball_loss(y, forecast, alpha=level), abs=1e-12)
        assert mean == pytest.approx(pinball_loss(y, forecast, level), abs=1e-12)


class TestRankedProbability:
    @pytest.mark.parametrize(("y", "score"), [(0.0, 0.233695), (1.0, 0.602441), (2.0, 1.452792)])
    def test_the_worked_examples_of_the_standard_normal(self, y: float, score: float) -> None:
        assert float(crps_gaussian(np.array(y), 0.0, 1.0)) == pytest.approx(score, abs=5e-7)

    @given(y=st.floats(-5, 5), mean=st.floats(-3, 3), deviation=st.floats(0.1, 4))
    def test_the_closed_form_is_the_integral(self, y: float, mean: float, deviation: float) -> None:
        below, _ = quad(lambda x: norm.cdf(x, mean, deviation) ** 2, mean - 12 * deviation, y)
        above, _ = quad(lambda x: norm.sf(x, mean, deviation) ** 2, y, mean + 12 * deviation)
        found = float(crps_gaussian(np.array(y), mean, deviation))
        assert found == pytest.approx(below + above, rel=1e-6, abs=1e-7)

    @given(
        members=st.lists(st.floats(-9, 9), min_size=2, max_size=12),
        y=st.floats(-9, 9),
        is_fair=st.booleans(),
    )
    def test_an_ensemble_is_scored_as_by_two_loops(
        self, members: list[float], y: float, is_fair: bool
    ) -> None:
        n = len(members)
        pairs = sum(abs(a - b) for a in members for b in members)
        direct = sum(abs(a - y) for a in members) / n - pairs / (2 * n * (n - is_fair))
        found = crps_ensemble(np.array([y]), np.array([members]), is_fair=is_fair)
        assert found[0] == pytest.approx(direct, abs=1e-9)

    @given(members=st.lists(st.floats(-9, 9), min_size=2, max_size=9), y=st.floats(-9, 9))
    def test_the_plain_score_is_the_integral_of_the_steps(
        self, members: list[float], y: float
    ) -> None:
        ordered = np.sort([*members, y])
        middle = 0.5 * (ordered[1:] + ordered[:-1])
        steps = np.mean(np.array(members)[:, None] <= middle, axis=0) - (middle >= y)
        direct = float(np.sum(steps**2 * np.diff(ordered)))
        found = crps_ensemble(np.array([y]), np.array([members]), is_fair=False)
        assert found[0] == pytest.approx(direct, abs=1e-9)

    def test_the_fair_score_does_not_depend_on_the_number_of_members(self) -> None:
        rng = np.random.default_rng(9)
        y = rng.standard_normal(20_000)
        exact = float(np.mean(crps_gaussian(y, 0.0, 1.0)))
        for n in (2, 5):
            members = rng.standard_normal((20_000, n))
            assert np.mean(crps_ensemble(y, members)) == pytest.approx(exact, abs=0.02)
            assert np.mean(crps_ensemble(y, members, is_fair=False)) > exact + 0.05

    @given(
        members=st.lists(st.floats(-9, 9), min_size=1, max_size=9).map(sorted), y=st.floats(-9, 9)
    )
    def test_quantiles_at_the_middles_are_an_ensemble(self, members: list[float], y: float) -> None:
        n = len(members)
        levels = (np.arange(n) + 0.5) / n
        found = crps_quantiles(np.array([y]), np.array([members]), levels)
        plain = crps_ensemble(np.array([y]), np.array([members]), is_fair=False)
        assert found[0] == pytest.approx(plain[0], abs=1e-9)

    @pytest.mark.parametrize("y", [-1.0, 0.3, 2.5])
    def test_many_quantiles_are_the_distribution(self, y: float) -> None:
        levels = (np.arange(999) + 0.5) / 999
        found = crps_quantiles(np.array([y]), norm.ppf(levels)[None, :], levels)
        assert found[0] == pytest.approx(float(crps_gaussian(np.array(y), 0.0, 1.0)), abs=1e-3)

    def test_levels_of_any_spacing_are_weighed_by_their_width(self) -> None:
        levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
        loss = [float(pinball(np.array(1.0), 0.0, level)) for level in levels]
        width = [0.15, 0.225, 0.25, 0.225, 0.15]
        found = crps_quantiles(np.array([1.0]), np.zeros((1, 5)), levels)
        assert found[0] == pytest.approx(2 * np.dot(loss, width), abs=1e-12)

    def test_what_is_no_forecast_is_refused(self) -> None:
        one = np.array([1.0])
        with pytest.raises(DataError, match="deviation"):
            crps_gaussian(one, 0.0, 0.0)
        with pytest.raises(DataError, match="at least 2 members"):
            crps_ensemble(one, one[:, None])
        for levels in ([], [0.5, 0.5], [0.0, 0.5], [0.5, 1.0], [0.7, 0.2]):
            with pytest.raises(DataError, match="rise inside"):
                crps_quantiles(one, np.ones((1, len(levels))), np.array(levels))
