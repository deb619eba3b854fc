"""The laws of a fitted forecaster, and of the fit that makes it."""

import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.section import ALGORITHMS
from assay.domain.errors import ModelError
from assay.models.fitting import fit_forecaster
from assay.models.ranking import area_under_curve

from .conftest import fitted, linear, problem


def odds(p):
    return np.log(p / (1 - p))


def test_one_row_equals_the_batch_to_the_last_bit(forecaster, weak):
    batch = forecaster.p_up(weak.x, "schema-a")
    assert [forecaster.p_up_row(row) for row in weak.x[:300]] == batch[:300].tolist()


@settings(deadline=None, max_examples=20)
@given(cut=st.integers(1, 200), seed=st.integers(0, 1000))
def test_a_row_does_not_see_the_other_rows(forecaster, weak, cut, seed):
    other = weak.x[:200].copy()
    other[cut:] = np.random.default_rng(seed).normal(size=other[cut:].shape)
    np.testing.assert_array_equal(
        forecaster.p_up(other, "schema-a")[:cut], forecaster.p_up(weak.x[:200], "schema-a")[:cut]
    )


def test_another_schema_is_refused_with_both_hashes(forecaster, weak):
    with pytest.raises(ModelError, match=r"schema-a.*schema-b"):
        forecaster.p_up(weak.x, "schema-b")


def test_a_missing_number_is_refused_and_its_feature_named(forecaster, weak):
    name = forecaster.selected[2]
    column = weak.names.index(name)
    for value in (np.nan, np.inf, 1e300):
        row = weak.x[5].copy()
        row[column] = value
        with pytest.raises(ModelError, match=name):
            forecaster.p_up_row(row)
        with pytest.raises(ModelError, match=name):
            forecaster.p_up(np.stack((weak.x[0], row)), "schema-a")
    with pytest.raises(ModelError, match="shape"):
        forecaster.p_up_row(weak.x[5][:-1])


def test_the_fit_is_the_same_whatever_ran_before_and_survives_pickling(weak, forecast):
    again, diagnostics = fitted(weak)
    assert diagnostics.to_json() == forecast[1].to_json()
    for model in (again, pickle.loads(pickle.dumps(forecast[0]))):
        np.testing.assert_array_equal(
            model.p_up(weak.x, "schema-a"), forecast[0].p_up(weak.x, "schema-a")
        )


def test_inputs_are_left_as_they_were_and_may_be_read_only(weak):
    x = weak.x.copy()
    x.flags.writeable = False
    before = x.copy()
    model, _ = fit_forecaster(
        x,
        weak.y,
        weak.weight,
        names=weak.names,
        schema_hash="s",
        folds=weak.folds,
        calibration=weak.calibration,
        algorithms=("logistic",),
        seed=1,
        features_max=3,
    )
    model.p_up(x, "s")
    np.testing.assert_array_equal(x, before)


def test_labels_of_calibration_rows_reach_only_the_calibrator(weak):
    y = weak.y.copy()
    y[weak.calibration[1]] = 1 - y[weak.calibration[1]]
    from dataclasses import replace

    a, b = fitted(weak)[0], fitted(replace(weak, y=y))[0]
    np.testing.assert_array_equal(a.stacked(weak.x), b.stacked(weak.x))
    assert a.calibrator.slope != b.calibrator.slope


def test_diagnostics_are_json_and_name_every_feature_and_member(forecast, weak):
    plain = json.loads(json.dumps(forecast[1].to_json(), allow_nan=False))
    assert set(plain["importance"]) == set(plain["stability"]) == set(weak.names)
    assert set(plain["log_loss"]) == {*ALGORITHMS, "stacked"}
    assert set(plain["weights"]) == {*ALGORITHMS, "intercept"}
    assert plain["calibration"]["effective_rows"] == pytest.approx(100)
    assert plain["log_loss"]["stacked"] < plain["log_loss_null"]


def test_bounds_enclose_the_forecast(forecaster, weak):
    p = forecaster.p_up(weak.x, "schema-a")
    lower, upper = forecaster.p_bounds(weak.x, 0.75)
    assert (lower <= p).all() and (p <= upper).all() and (upper - lower).mean() > 0.005


def test_on_a_linear_truth_the_ensemble_is_as_good_as_its_best_member():
    worse_rank, worse_loss = [], []
    for seed in (1, 2, 4):
        p = problem(lambda x: 0.6 * linear(x), seed=seed, n_rows=5000, n_columns=14)
        fresh = problem(lambda x: 0.6 * linear(x), seed=seed + 100, n_rows=5000, n_columns=14)
        model, diagnostics = fitted(p, features_max=14)
        z = odds(model.stacked(fresh.x))
        members = odds(model.raw(fresh.x)).T
        ranks = [np.corrcoef(m, fresh.truth)[0, 1] for m in (z, *members)]
        target = 1 / (1 + np.exp(-fresh.truth))
        losses = [np.mean(np.logaddexp(0, m) - m * target) for m in (z, *members)]
        worse_rank.append(max(ranks[1:]) - ranks[0])
        worse_loss.append(losses[0] - min(losses[1:]))
        weights = np.array([diagnostics.weights[name] for name in ALGORITHMS])
        assert weights[ALGORITHMS.index("logistic")] > 0.5 * weights.sum()
        assert losses[0] < np.log(2)
    assert np.mean(worse_rank) < 0.02 and max(worse_rank) < 0.04
    assert np.mean(worse_loss) < 1e-3 and max(worse_loss) < 2e-3


def test_the_ensemble_finds_an_interaction_that_no_line_can():
    def crossed(x):
        return 1.5 * np.sign(x[:, 0]) * np.clip(x[:, 1], -1.5, 1.5)

    p = problem(crossed, seed=4, n_rows=8000, n_columns=6, horizon=3)
    fresh = problem(crossed, seed=104, n_rows=4000, n_columns=6, horizon=3)
    model, _ = fitted(p)
    z = odds(model.stacked(fresh.x))
    line = odds(model.raw(fresh.x))[:, model.models.index("logistic")]
    assert abs(np.corrcoef(line, fresh.truth)[0, 1]) < 0.15
    assert np.corrcoef(z, fresh.truth)[0, 1] > 0.5


def test_without_any_truth_forecasts_stay_near_the_base_rate():
    p = problem(lambda x: np.zeros(len(x)), seed=5)
    model, _ = fitted(p)
    assert np.abs(model.p_up(p.x[p.calibration[1]], "schema-a") - 0.5).mean() < 0.06


@pytest.mark.parametrize("broken", ["overlap", "calibration", "empty", "one_class", "shape"])
def test_unsound_splits_are_refused(weak, broken):
    from dataclasses import replace

    train, test = weak.folds[0]
    _, held = weak.calibration
    p = {
        "overlap": replace(weak, folds=[(np.append(train, test[0]), test), *weak.folds[1:]]),
        "calibration": replace(weak, folds=[(np.append(train, held[0]), test)]),
        "empty": replace(weak, folds=[]),
        "one_class": replace(weak, y=np.where(np.isin(np.arange(3000), train), 1, weak.y)),
        "shape": replace(weak, names=weak.names[:-1]),
    }[broken]
    with pytest.raises(ModelError):
        fitted(p)


def test_area_under_curve_counts_ties_half():
    y = np.array([0, 1, 0, 1], dtype=np.int8)
    assert area_under_curve(np.array([0.1, 0.9, 0.2, 0.8]), y, np.ones(4)) == 1.0
    assert area_under_curve(np.zeros(4), y, np.ones(4)) == 0.5
    assert area_under_curve(np.array([1.0, 1.0, 0.0, 2.0]), y, np.ones(4)) == 0.875


def test_area_under_curve_is_unknown_where_one_class_has_no_weight():
    y = np.array([0, 1, 0], dtype=np.int8)
    assert math.isnan(area_under_curve(np.arange(3.0), np.ones(3, dtype=np.int8)))
    assert math.isnan(area_under_curve(np.arange(3.0), y, np.array([1.0, 0.0, 1.0])))


def test_area_under_curve_counts_a_row_as_often_as_it_weighs():
    rng = np.random.default_rng(5)
    score, y = np.round(rng.random(60), 1), (rng.random(60) < 0.4).astype(np.int8)
    weight = rng.integers(0, 4, 60)
    repeated = area_under_curve(np.repeat(score, weight), np.repeat(y, weight))
    assert area_under_curve(score, y, weight.astype(float)) == pytest.approx(repeated, rel=1e-12)
