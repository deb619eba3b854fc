"""Calibration heals what it can see, changes little otherwise, and bounds what it knows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.errors import ModelError
from assay.models.calibration import fit_calibrator, fit_isotonic, fit_platt


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sample(n, slope, intercept, seed, spread=0.8):
    rng = np.random.default_rng(seed)
    z = spread * rng.normal(size=n)
    y = (rng.random(n) < sigmoid(slope * z + intercept)).astype(np.int8)
    return z, y, np.ones(n)


# Forecasts .1 .4 .7 .9, ten rows each, of which 1 4 6 9 came true (STATISTICS 7.11).
P = np.repeat([0.1, 0.4, 0.7, 0.9], 10)
HITS = np.concatenate([np.arange(10) < hits for hits in (1, 4, 6, 9)]).astype(np.int8)
Z = np.log(P / (1 - P))


def test_isotonic_gives_the_hit_rates_of_the_worked_example():
    fitted = fit_isotonic(Z, HITS, np.ones(40))
    np.testing.assert_allclose(fitted.p_up(Z)[::10], [0.1, 0.4, 0.6, 0.9])
    np.testing.assert_allclose(fitted.support, 10.0)
    brier = np.mean((fitted.p_up(Z) - HITS) ** 2)
    assert brier == pytest.approx(0.1675 - 0.0025)  # all of REL is gone, RES and UNC stay


def test_platt_hardly_changes_the_worked_example_which_is_nearly_calibrated():
    fitted = fit_platt(Z, HITS, np.ones(40))
    assert abs(np.log(fitted.slope)) < 0.1 and abs(fitted.intercept) < 0.02
    assert np.abs(fitted.p_up(Z) - P).max() < 0.03


def test_with_enough_rows_platt_finds_the_line():
    fitted = fit_platt(*sample(200_000, 1.6, 0.1, 1))
    assert fitted.slope == pytest.approx(1.6, abs=0.05)
    assert fitted.intercept == pytest.approx(0.1, abs=0.03)


def test_with_little_evidence_platt_changes_little():
    z, y, _ = sample(2000, 3.0, 0.5, 2, spread=0.1)
    fitted = fit_platt(z, y, np.full(2000, 1 / 24))
    assert abs(np.log(fitted.slope)) < 0.2 and abs(fitted.intercept) < 0.1


def test_repeating_rows_with_shared_weight_is_no_new_evidence():
    z, y, weight = sample(300, 1.5, 0.2, 3)
    once = fit_platt(z, y, weight)
    often = fit_platt(np.repeat(z, 7), np.repeat(y, 7), np.repeat(weight, 7) / 7)
    assert often.slope == pytest.approx(once.slope)
    np.testing.assert_allclose(often.covariance, once.covariance)
    assert often.effective_rows == pytest.approx(300)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), confidence=st.floats(0.5, 0.999), up=st.booleans())
def test_calibration_never_reorders_and_bounds_enclose(seed, confidence, up):
    z, y, weight = sample(80, -2.0, 0.0, seed)  # even where the forecasts are upside down
    if up:
        y = np.ones_like(y)  # one class only is no reason to fail here
    fitted = fit_platt(z, y, weight)
    grid = np.linspace(-8, 8, 101)
    p = fitted.p_up(grid)
    lower, upper = fitted.bounds(grid, confidence)
    assert (np.diff(p) > 0).all()
    assert (lower <= p).all() and (p <= upper).all()
    assert (lower >= 0).all() and (upper <= 1).all()


def test_bounds_widen_with_confidence_and_narrow_with_evidence():
    z, y, weight = sample(4000, 1.0, 0.0, 4)
    thin, thick = fit_platt(z, y, weight / 20), fit_platt(z, y, weight)
    grid = np.linspace(-2, 2, 9)
    widths = [
        np.subtract(*fitted.bounds(grid, c)[::-1])
        for fitted, c in ((thick, 0.75), (thick, 0.95), (thin, 0.95))
    ]
    assert (widths[0] < widths[1]).all() and (widths[1] < widths[2]).all()
    for bad in (0.4, 1.0, np.nan):
        with pytest.raises(ModelError):
            thick.bounds(grid, bad)


def test_a_one_sided_bound_holds_as_often_as_it_says():
    """Markets differ by the priors' spreads; labels overlap twelve-fold."""
    rng = np.random.default_rng(5)
    held = []
    for _ in range(400):
        slope, intercept = np.exp(0.5 * rng.normal()), 0.05 * rng.normal()
        z = np.repeat(0.3 * rng.normal(size=150), 12)
        hit = np.repeat(rng.random(150), 12) < sigmoid(slope * z + intercept)
        fitted = fit_platt(z, hit.astype(np.int8), np.full(z.size, 1 / 12))
        at = np.array([0.2])
        held.append(fitted.bounds(at, 0.9)[0][0] <= sigmoid(slope * at + intercept)[0])
    assert 0.86 <= np.mean(held) <= 0.94


def test_isotonic_is_taken_only_where_rows_are_many_and_the_line_is_wrong():
    rng = np.random.default_rng(6)
    z = rng.normal(size=6000)
    bent = (rng.random(6000) < np.where(z > 1, 0.9, 0.3)).astype(np.int8)
    assert fit_calibrator(z, bent, np.ones(6000)).is_isotonic
    assert not fit_calibrator(z, bent, np.full(6000, 0.1)).is_isotonic
    straight = (rng.random(6000) < sigmoid(z)).astype(np.int8)
    assert not fit_calibrator(z, straight, np.ones(6000)).is_isotonic


def test_isotonic_is_interpolation_and_its_bounds_enclose():
    z, y, weight = sample(3000, 1.0, 0.0, 7)
    fitted = fit_isotonic(z, y, weight)
    fitted.check()
    grid = np.linspace(-4, 4, 301)
    np.testing.assert_allclose(
        fitted.p_up(grid), np.interp(grid, fitted.knots, fitted.levels), atol=1e-12
    )
    lower, upper = fitted.bounds(grid, 0.9)
    assert (lower <= fitted.p_up(grid)).all() and (fitted.p_up(grid) <= upper).all()
