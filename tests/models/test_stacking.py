"""One ensemble: non-negative, shrunken, and no worse than its best member."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.section import ALGORITHMS
from assay.domain.errors import ModelError
from assay.models.stacking import Stacker, fit_stacker, prior_weights


def draws(n, seed):
    rng = np.random.default_rng(seed)
    truth = 0.5 * rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    return truth, y, rng


def test_with_evidence_the_truth_gets_the_weight_and_noise_gets_none():
    truth, y, rng = draws(20_000, 1)
    noise = 0.5 * rng.normal(size=(20_000, 2))
    odds = np.column_stack((noise[:, 0], truth, noise[:, 1]))
    found = fit_stacker(odds, y, np.ones(20_000), ("lightgbm", "logistic", "mlp"))
    assert found.weights[1] > 0.85
    assert found.weights[[0, 2]].max() < 0.1


def test_a_nonlinear_member_can_take_the_weight_from_the_linear_one():
    truth, y, rng = draws(20_000, 2)
    odds = np.column_stack((truth, 0.3 * rng.normal(size=20_000)))
    found = fit_stacker(odds, y, np.ones(20_000), ("lightgbm", "logistic"))
    assert found.weights[0] > 0.8 and found.weights[1] < 0.1


def test_without_evidence_the_prior_stands():
    truth, y, _ = draws(400, 3)
    odds = np.repeat(0.01 * truth[:, None], 6, axis=1)
    found = fit_stacker(odds, y, np.full(400, 0.01), ALGORITHMS)
    np.testing.assert_allclose(found.weights, prior_weights(ALGORITHMS), atol=0.01)
    assert prior_weights(ALGORITHMS).sum() == pytest.approx(1.0)
    assert np.argmax(found.weights) == ALGORITHMS.index("logistic")


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), sign=st.sampled_from([-3.0, -1.0, 1.0, 3.0]))
def test_weights_are_never_negative(seed, sign):
    truth, y, rng = draws(500, seed)
    odds = np.column_stack((sign * truth, rng.normal(size=500), -truth))
    found = fit_stacker(odds, y, np.ones(500), ("xgboost", "mlp", "lightgbm"))
    assert (found.weights >= 0).all()
    found.check(3)


def test_a_stacker_of_another_size_is_refused():
    with pytest.raises(ModelError):
        Stacker(np.ones(2), 0.0).check(3)
