"""Shuffled columns cost what asking the whole model again says, to the last bit."""

import lightgbm
import numpy as np
import pytest

from assay.models.boosting import LIGHTGBM_PARAMETERS, flatten_lightgbm
from assay.models.logistic import log_loss
from assay.models.permutation import permutation_losses
from assay.models.scoring import pack, score_rows
from assay.models.trees import Trees


def _model(seed: int, n_rows: int, n_columns: int):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_rows, n_columns)).astype(np.float32)
    x[:, 1] = 0.0
    y = (x[:, 0] + rng.standard_normal(n_rows) > 0.0).astype(np.int8)
    weight = rng.uniform(0.1, 1.0, n_rows)
    data = lightgbm.Dataset(x, label=y, weight=weight)
    booster = lightgbm.train(LIGHTGBM_PARAMETERS | {"seed": seed}, data, num_boost_round=25)
    return flatten_lightgbm(booster, n_columns, logistic=True), x, y, weight


def _asked_whole(trees: Trees, x, y, weight, rng) -> np.ndarray:
    arguments = pack([trees], np.arange(trees.n_features)).arguments()

    def loss(rows) -> float:
        scores = np.empty((len(rows), 1))
        score_rows(rows, *arguments, scores)
        return log_loss(scores[:, 0], y, weight)

    cost = np.zeros(trees.n_features)
    for j in np.unique(trees.feature[trees.feature >= 0]):
        shuffled = x.copy()
        shuffled[:, j] = rng.permutation(x[:, j])
        cost[j] = max(0.0, loss(shuffled) - loss(x))
    return cost


@pytest.mark.parametrize("seed", range(4))
def test_the_cost_is_that_of_asking_every_tree_again(seed):
    trees, x, y, weight = _model(seed, 400, 12)
    before = x.copy()
    found = permutation_losses(trees, x, y, weight, np.random.default_rng(seed))
    wanted = _asked_whole(trees, before, y, weight, np.random.default_rng(seed))
    assert found.tobytes() == wanted.tobytes()
    assert x.tobytes() == before.tobytes(), "the rows are as they were"
    assert found[0] == found.max() > 0.0, "the column that the label was made of"
    assert found[1] == 0.0, "a column that no tree reads"
