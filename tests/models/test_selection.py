"""Selection keeps what matters, says how stable the choice is, and reads fit rows only."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.models.selection import (
    METHODS,
    agreement,
    l1_path,
    mutual_information,
    rank_share,
    select_features,
    twins,
)


def chosen(p, features_max, x=None):
    x = p.x if x is None else x
    rng = np.random.default_rng(0)
    return select_features(x.astype(np.float32), p.y, p.weight, p.folds, features_max, rng)


def test_the_features_of_the_truth_are_kept(weak):
    found = chosen(weak, 6)
    assert {0, 1, 2} <= set(found.columns.tolist())
    assert found.importance[:3].mean() > 1.3 * found.importance[3:].mean()
    assert found.stability[:3].mean() > found.stability[3:].mean()
    assert set(found.by_method) == set(METHODS)


def test_calibration_rows_are_not_read(weak):
    other = weak.x.copy()
    other[weak.calibration[1]] = 77.0
    a, b = chosen(weak, 4), chosen(weak, 4, other)
    np.testing.assert_array_equal(a.columns, b.columns)
    np.testing.assert_array_equal(a.importance, b.importance)


def test_a_copy_and_a_constant_are_dropped(weak):
    x = np.column_stack((weak.x, 3.0 * weak.x[:, 0] + 1.0, np.full(len(weak.x), 2.0)))
    kept = set(chosen(weak, 12, x).columns.tolist())
    assert 11 not in kept and len(kept & {0, 10}) == 1


def test_information_of_a_known_table():
    """x equals y: the information is the entropy of y, ln 2."""
    y = np.tile([0, 1], 500).astype(np.int8)
    u = np.column_stack((y.astype(float), np.random.default_rng(1).normal(size=1000)))
    found = mutual_information(u, y, np.ones(1000))
    assert found[0] == pytest.approx(np.log(2))
    assert found[1] < 0.02


def test_the_l1_path_enters_the_strongest_feature_first():
    rng = np.random.default_rng(2)
    u = rng.normal(size=(4000, 5))
    y = (rng.random(4000) < 1 / (1 + np.exp(-0.3 * u[:, 1] - 0.9 * u[:, 3]))).astype(np.int8)
    order = np.argsort(-l1_path(u, y, np.ones(4000)))
    assert order[0] == 3 and order[1] == 1


def test_agreement_is_one_for_equal_sets_and_about_zero_for_random_ones():
    rng = np.random.default_rng(3)
    same = [np.array([0, 3, 5])] * 4
    random = [rng.choice(40, 10, replace=False) for _ in range(200)]
    assert agreement(same, 10) == pytest.approx(1.0)
    assert abs(agreement(random, 40)) < 0.05


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_rank_shares_are_in_the_unit_interval_and_zero_only_without_a_score(scores):
    found = rank_share(np.array(scores))
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found == 0, np.array(scores) == 0)


def test_all_constant_columns_still_leave_one(weak):
    assert chosen(weak, 3, np.ones_like(weak.x)).columns.size == 1
    assert twins(np.ones((10, 3)), np.ones(3)).all()
