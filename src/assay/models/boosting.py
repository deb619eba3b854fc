"""Gradient boosting: LightGBM and XGBoost, small and slow-learning, on one thread."""

import json
from typing import Any, ClassVar

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray, IntArray
from assay.models.estimator import Estimator
from assay.models.inputs import Float32Array, LabelArray
from assay.models.trees import Trees, flatten

LIGHTGBM_PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 6,
    "max_depth": 3,
    "max_bin": 63,
    "feature_fraction": 0.15,
    "bagging_fraction": 0.3,
    "bagging_freq": 1,
    "use_missing": False,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
XGBOOST_PARAMETERS: dict[str, object] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "learning_rate": 0.04,
    "max_depth": 3,
    "max_bin": 64,
    "colsample_bytree": 0.15,
    "subsample": 0.3,
    "nthread": 1,
    "verbosity": 0,
}
N_TREES = 60
LEAF_SHARE_MIN = 0.05


def flatten_lightgbm(booster: Any, n_features: int, *, logistic: bool) -> Trees:
    """Read a LightGBM booster's own text format into flat arrays.

    Parameters
    ----------
    booster : lightgbm.Booster
        Numerical splits only, fitted with ``use_missing=False``.
    n_features : int
    logistic : bool
        Whether the sum of leaves is a log-odds.

    Raises
    ------
    ModelError
        If a split is categorical or treats missing values, which the form cannot say.
    """
    left: list[IntArray] = []
    right: list[IntArray] = []
    feature, threshold, value, roots = [], [], [], []
    n_nodes = 0
    for block in booster.model_to_string().split("\nTree=")[1:]:
        lines = (line.partition("=") for line in block.splitlines())
        facts = {key: text for key, _, text in lines}
        leaves = np.array(facts["leaf_value"].split(), dtype=np.float64)
        n_inner = leaves.shape[0] - 1
        roots.append(n_nodes)
        if n_inner:
            decisions = np.array(facts["decision_type"].split(), dtype=np.int64)
            if (decisions & ~2).any():
                raise ModelError(
                    "A LightGBM tree must split on plain numbers; was another decision type.",
                    remedy="Fit with use_missing=False and without categorical features.",
                )
            for out, key in ((left, "left_child"), (right, "right_child")):
                child = np.array(facts[key].split(), dtype=np.int64)
                out.append(n_nodes + np.where(child >= 0, child, n_inner + ~child))
            feature.append(np.array(facts["split_feature"].split(), dtype=np.int64))
            threshold.append(np.array(facts["threshold"].split(), dtype=np.float64))
            value.append(np.zeros(n_inner))
        none = np.full(n_inner + 1, -1, dtype=np.int64)
        left.append(none)
        right.append(none)
        feature.append(none)
        threshold.append(np.zeros(n_inner + 1))
        value.append(leaves)
        n_nodes += 2 * n_inner + 1
    return flatten(
        left=np.concatenate(left),
        right=np.concatenate(right),
        feature=np.concatenate(feature),
        threshold=np.concatenate(threshold),
        value=np.concatenate(value),
        roots=np.array(roots, dtype=np.int64),
        n_features=n_features,
        strict=False,
        logistic=logistic,
        base=0.0,
    )


def flatten_xgboost(booster: Any, n_features: int) -> Trees:
    """Read an XGBoost booster's own JSON format into flat arrays."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]
    p_base = float(np.atleast_1d(json.loads(model["learner_model_param"]["base_score"]))[0])
    left: list[IntArray] = []
    right: list[IntArray] = []
    feature, number, roots = [], [], []
    n_nodes = 0
    for tree in model["gradient_booster"]["model"]["trees"]:
        children = [np.array(tree[key], np.int64) for key in ("left_children", "right_children")]
        for out, child in zip((left, right), children, strict=True):
            out.append(np.where(child >= 0, child + n_nodes, -1))
        feature.append(np.array(tree["split_indices"], dtype=np.int64))
        number.append(np.array(tree["split_conditions"], dtype=np.float64))
        roots.append(n_nodes)
        n_nodes += children[0].shape[0]
    numbers = np.concatenate(number)
    return flatten(
        left=np.concatenate(left),
        right=np.concatenate(right),
        feature=np.concatenate(feature),
        threshold=numbers,
        value=numbers,
        roots=np.array(roots, dtype=np.int64),
        n_features=n_features,
        strict=True,
        logistic=True,
        base=float(np.log(p_base / (1.0 - p_base))),
    )


class LightGBM(Estimator):
    """LightGBM with depth-3 trees, a third of the rows and a sixth of the features per tree."""

    name: ClassVar[str] = "lightgbm"

    def _fit(self, x: Float32Array, y: LabelArray, weight: FloatArray) -> Trees:
        import lightgbm

        n_rows, n_features = x.shape
        parameters = LIGHTGBM_PARAMETERS | {
            "min_data_in_leaf": max(10, round(LEAF_SHARE_MIN * n_rows)),
            "lambda_l2": 0.01 * n_rows,
            "seed": self.seed,
        }
        data = lightgbm.Dataset(x, label=y, weight=weight, params=parameters)
        self._booster = lightgbm.train(parameters, data, num_boost_round=N_TREES)
        return flatten_lightgbm(self._booster, n_features, logistic=True)

    def native_p_up(self, x: Float32Array) -> FloatArray:
        """Return LightGBM's own probability, shape (n_rows,)."""
        return np.asarray(self._booster.predict(x, num_threads=1), dtype=np.float64)


class XGBoost(Estimator):
    """XGBoost with depth-3 histogram trees on as few rows and features."""

    name: ClassVar[str] = "xgboost"

    def _fit(self, x: Float32Array, y: LabelArray, weight: FloatArray) -> Trees:
        import xgboost

        n_rows, n_features = x.shape
        parameters = XGBOOST_PARAMETERS | {
            "min_child_weight": max(2.0, 0.25 * 0.3 * LEAF_SHARE_MIN * n_rows),
            "reg_lambda": 0.01 * n_rows,
            "base_score": float(weight @ y / weight.sum()),
            "seed": self.seed,
        }
        data = xgboost.DMatrix(x, label=y, weight=weight, nthread=1)
        self._booster = xgboost.train(parameters, data, num_boost_round=N_TREES)
        return flatten_xgboost(self._booster, n_features)

    def native_p_up(self, x: Float32Array) -> FloatArray:
        """Return XGBoost's own probability, shape (n_rows,)."""
        return np.asarray(self._booster.inplace_predict(x), dtype=np.float64)
