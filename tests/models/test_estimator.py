"""One check per promise of the estimator contract, over every estimator."""

import pickle

import numpy as np
import pytest

from assay.config.section import ALGORITHMS
from assay.domain.errors import ConfigError, ModelError
from assay.models.algorithms import make

N = 600


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, 6))
    y = (rng.random(N) < 1 / (1 + np.exp(-x[:, 0] - x[:, 1]))).astype(np.int8)
    return x, y, rng.uniform(0.1, 1.0, N)


@pytest.fixture(scope="module")
def models(rows):
    found = {name: make(name, 11) for name in ALGORITHMS}
    for model in found.values():
        model.fit(*rows)
    return found


each = pytest.mark.parametrize("name", ALGORITHMS)


@each
def test_answers_are_probabilities_that_rank_the_truth(models, rows, name):
    p = models[name].p_up(rows[0])
    assert p.shape == (N,) and ((p > 0) & (p < 1)).all()
    assert np.corrcoef(p, rows[0][:, 0] + rows[0][:, 1])[0, 1] > 0.7


@each
def test_same_seed_and_rows_give_the_same_bits(models, rows, name):
    again = make(name, 11)
    again.fit(*rows)
    np.testing.assert_array_equal(again.p_up(rows[0]), models[name].p_up(rows[0]))


@each
def test_one_row_alone_equals_the_row_in_a_batch(models, rows, name):
    batch = models[name].p_up(rows[0][:50])
    alone = [models[name].p_up(rows[0][i : i + 1])[0] for i in range(50)]
    np.testing.assert_array_equal(batch, alone)


@each
def test_weights_matter(models, rows, name):
    x, y, weight = rows
    tilted = make(name, 11)
    tilted.fit(x, y, np.where(y == 1, weight, 0.2 * weight))
    assert tilted.p_up(x).mean() > models[name].p_up(x).mean() + 0.1


@each
def test_only_ratios_of_weights_matter(models, rows, name):
    x, y, weight = rows
    scaled = make(name, 11)
    scaled.fit(x, y, 8.0 * weight)
    np.testing.assert_allclose(scaled.p_up(x), models[name].p_up(x), atol=1e-9)


@each
def test_the_kernel_answers_as_the_library_does(models, rows, name):
    x = np.random.default_rng(6).normal(scale=2.0, size=(2000, 6)).astype(np.float32)
    gap = np.abs(models[name].p_up(x) - models[name].native_p_up(x)).max()
    assert gap < 1e-6


@each
def test_one_class_is_an_error_that_counts_both(rows, name):
    x, _, weight = rows
    with pytest.raises(ModelError, match="600 up and 0 down"):
        make(name, 1).fit(x, np.ones(N, dtype=np.int8), weight)


@each
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_cell_that_is_no_number_is_an_error_that_names_it(models, rows, name, value):
    x, y, weight = rows
    bad = x.copy()
    bad[7, 3] = value
    for ask in (lambda: make(name, 1).fit(bad, y, weight), lambda: models[name].p_up(bad)):
        with pytest.raises(ModelError, match=r"column 3 .* row 7"):
            ask()


@each
def test_unusable_weights_and_shapes_are_errors(rows, name):
    x, y, weight = rows
    for bad in (-weight, weight * np.nan, weight[:-1], weight * 0):
        with pytest.raises(ModelError):
            make(name, 1).fit(x, y, bad)
    with pytest.raises(ModelError):
        make(name, 1).fit(x[:, 0], y, weight)


@each
def test_an_unfitted_model_or_another_width_is_refused(models, rows, name):
    with pytest.raises(ModelError, match="fitted"):
        make(name, 1).p_up(rows[0])
    with pytest.raises(ModelError, match="6 features"):
        models[name].p_up(rows[0][:, :4])


@each
def test_a_constant_column_does_no_harm(rows, name):
    x, y, weight = rows
    flat = np.column_stack((x, np.full(N, 3.5)))
    model = make(name, 2)
    model.fit(flat, y, weight)
    assert np.isfinite(model.p_up(flat)).all()


@each
def test_an_uninformative_column_set_gives_the_base_rate(name):
    x = np.ones((N, 2))
    y = (np.arange(N) % 4 == 0).astype(np.int8)
    model = make(name, 2)
    model.fit(x, y, np.ones(N))
    np.testing.assert_allclose(model.p_up(x), 0.25, atol=0.03)


@each
def test_the_form_survives_pickling(models, rows, name):
    form = pickle.loads(pickle.dumps(models[name].form))
    model = make(name, 1)
    model._form = form
    np.testing.assert_array_equal(model.p_up(rows[0]), models[name].p_up(rows[0]))


def test_an_unknown_algorithm_names_the_nearest():
    with pytest.raises(ConfigError, match="lightgbm"):
        make("lightgmb", 1)
