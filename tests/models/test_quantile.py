"""Quantile forecasts are in order, cover what they say, and beat a constant."""

import numpy as np
import pytest

from assay.domain.errors import ModelError
from assay.models.quantile import fit_quantiles, pinball_loss

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMES = ("calm", "noise")


def rows(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return x, np.exp(0.5 * x[:, 0]) * rng.normal(size=n)


@pytest.fixture(scope="module")
def model():
    x, r = rows(4000, 1)
    return fit_quantiles(x, r, np.ones(4000), LEVELS, names=NAMES, schema_hash="s", seed=1)


def test_quantiles_never_cross(model):
    x, _ = rows(3000, 2)
    assert (np.diff(model.quantiles(10 * x, "s"), axis=1) >= 0).all()


def test_coverage_is_near_each_level_on_fresh_rows(model):
    x, r = rows(20_000, 3)
    covered = (r[:, None] <= model.quantiles(x, "s")).mean(axis=0)
    np.testing.assert_allclose(covered, LEVELS, atol=0.03)


def test_forecasts_beat_the_constant_quantile_where_volatility_varies(model):
    x, r = rows(20_000, 4)
    found = model.quantiles(x, "s")
    for k in (0, -1):
        constant = np.full(r.size, np.quantile(r, LEVELS[k]))
        assert pinball_loss(r, found[:, k], LEVELS[k]) < 0.97 * pinball_loss(r, constant, LEVELS[k])


def test_sorting_never_makes_the_pinball_loss_worse(model):
    x, r = rows(5000, 5)
    raw, found = model.raw(3 * x), model.quantiles(3 * x, "s")
    total = [sum(pinball_loss(r, q[:, k], a) for k, a in enumerate(LEVELS)) for q in (found, raw)]
    assert total[0] <= total[1] + 1e-12


def test_pinball_loss_of_the_worked_examples():
    assert pinball_loss(np.array([10.0]), np.array([8.0]), 0.9) == pytest.approx(1.8)
    assert pinball_loss(np.array([8.0]), np.array([10.0]), 0.9) == pytest.approx(0.2)


def test_kernel_and_library_agree(model):
    assert np.abs(model.raw(model.sample.x) - model.sample.native).max() < 1e-6


@pytest.mark.parametrize("levels", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0)])
def test_levels_out_of_order_or_range_are_refused(levels):
    x, r = rows(500, 6)
    with pytest.raises(ModelError, match="levels"):
        fit_quantiles(x, r, np.ones(500), levels, names=NAMES, schema_hash="s", seed=1)


def test_returns_that_are_not_known_yet_are_refused():
    x, r = rows(500, 7)
    r[-1] = np.nan
    with pytest.raises(ModelError, match="horizon"):
        fit_quantiles(x, r, np.ones(500), (0.5,), names=NAMES, schema_hash="s", seed=1)
