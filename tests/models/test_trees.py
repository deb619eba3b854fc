"""Flat trees decide as the libraries do, above all where a feature equals a threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.errors import ModelError
from assay.models.algorithms import make
from assay.models.graph import read_graph, write_graph
from assay.models.inputs import as_float32
from assay.models.parity import runtime_answer
from assay.models.trees import flatten, round_down

TREE_MODELS = ("lightgbm", "xgboost", "random_forest", "extra_trees")


def awkward(n_rows, seed):
    """Columns that invite ties: integers, tenths, denormals, huge and signed zeros."""
    rng = np.random.default_rng(seed)
    return np.column_stack(
        (
            rng.integers(-3, 4, n_rows).astype(float),
            np.round(rng.normal(size=n_rows), 1),
            rng.normal(size=n_rows) * 1e-38,
            rng.normal(size=n_rows) * 1e30,
            np.where(rng.random(n_rows) < 0.5, 0.0, -0.0) + rng.integers(0, 2, n_rows) * 1e-3,
            rng.normal(size=n_rows),
        )
    )


@pytest.fixture(scope="module", params=TREE_MODELS)
def model(request):
    x = awkward(800, 1)
    rng = np.random.default_rng(2)
    odds = x[:, 0] + x[:, 1] + np.sign(x[:, 2]) + np.sign(x[:, 3]) + 500 * x[:, 4]
    y = (rng.random(800) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    fitted = make(request.param, 4)
    fitted.fit(x, y, rng.uniform(0.2, 1.0, 800))
    return fitted


def at_thresholds(form, rng):
    """Rows whose every cell is a threshold of its column, or its float32 neighbour."""
    rows = awkward(4000, 3).astype(np.float32)
    for j in range(form.n_features):
        cuts = form.threshold[form.feature == j]
        if cuts.size:
            cuts = np.concatenate(
                (
                    cuts,
                    np.nextafter(cuts, np.float32(-np.inf)),
                    np.nextafter(cuts, np.float32(np.inf)),
                )
            )
            rows[:, j] = rng.choice(cuts.astype(np.float32), rows.shape[0])
    return as_float32(rows)


def test_ties_go_the_same_way_in_library_kernel_and_runtime(model):
    rows = at_thresholds(model.form, np.random.default_rng(8))
    native, kernel = model.native_p_up(rows), model.p_up(rows)
    assert np.abs(kernel - native).max() < 1e-6
    assert np.abs(runtime_answer(write_graph(model.form), rows) - native).max() < 1e-6


def test_every_feature_was_used_so_that_the_test_above_means_something(model):
    assert set(model.form.feature[model.form.feature >= 0]) >= {0, 1, 3, 5}


def test_a_graph_read_back_is_the_same_form(model):
    again = read_graph(write_graph(model.form), "m.onnx")
    for field in ("feature", "threshold", "left", "value", "roots"):
        np.testing.assert_array_equal(getattr(again, field), getattr(model.form, field))
    for field in ("strict", "logistic", "base", "n_features"):
        assert getattr(again, field) == getattr(model.form, field)


@given(
    threshold=st.floats(-1e38, 1e38),
    x=st.floats(-(2.0**100), 2.0**100, width=32),
    near=st.booleans(),
)
@settings(deadline=None)
def test_rounding_down_keeps_every_decision_on_float32(threshold, x, near):
    narrow = round_down(np.array([threshold]))[0]
    value = np.float32(threshold) if near else np.float32(x)
    for v in (
        value,
        np.nextafter(value, np.float32(np.inf)),
        np.nextafter(value, np.float32(-np.inf)),
    ):
        assert (v <= narrow) == (float(v) <= threshold)


def chain(depth):
    """One tree that splits its right child *depth* times."""
    n = 2 * depth + 1
    left, right = np.full(n, -1), np.full(n, -1)
    for k in range(depth):
        left[2 * k], right[2 * k] = 2 * k + 1, 2 * k + 2
    return left, right


@given(depth=st.integers(0, 30), n_trees=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_flattening_keeps_children_behind_parents_and_siblings_together(depth, n_trees):
    left, right = chain(depth)
    n = left.size
    shift = np.repeat(np.arange(n_trees) * n, n)
    lefts, rights = np.tile(left, n_trees), np.tile(right, n_trees)
    form = flatten(
        left=np.where(lefts >= 0, lefts + shift, -1),
        right=np.where(rights >= 0, rights + shift, -1),
        feature=np.zeros(n * n_trees, dtype=np.int64),
        threshold=np.arange(n * n_trees, dtype=float),
        value=np.arange(n * n_trees, dtype=float),
        roots=np.arange(n_trees) * n,
        n_features=1,
        strict=False,
        logistic=False,
        base=0.0,
    )
    form.check()
    assert form.feature.size == n * n_trees
    np.testing.assert_array_equal(form.roots, np.arange(n_trees) * n)


@pytest.mark.parametrize("change", ["left", "feature", "value", "roots"])
def test_a_walk_that_could_leave_the_arrays_is_refused(model, change):
    from dataclasses import replace

    array = getattr(model.form, change).copy()
    inner = int(np.flatnonzero(model.form.feature >= 0)[-1])
    array[{"left": inner, "feature": inner, "value": 0, "roots": -1}[change]] = {
        "left": inner,
        "feature": 6,
        "value": np.nan,
        "roots": 10**6,
    }[change]
    with pytest.raises(ModelError):
        replace(model.form, **{change: array}).check()
