"""Random forest and extra trees: many shallow trees on small samples, on one thread."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray
from assay.models.estimator import Estimator
from assay.models.inputs import Float32Array, LabelArray
from assay.models.trees import Trees, flatten

N_TREES = 60
DEPTH_MAX = 3
LEAF_SHARE_MIN = 0.05
SAMPLE_SHARE = 0.2


def flatten_forest(forest: Any, n_features: int) -> Trees:
    """Read scikit-learn's tree arrays into flat arrays whose leaves sum to the mean P(up)."""
    left: list[IntArray] = []
    right: list[IntArray] = []
    feature, threshold, value, roots = [], [], [], []
    n_nodes = 0
    n_trees = len(forest.estimators_)
    for member in forest.estimators_:
        tree = member.tree_
        for out, child in ((left, tree.children_left), (right, tree.children_right)):
            out.append(np.where(child >= 0, child + n_nodes, -1))
        feature.append(tree.feature)
        threshold.append(tree.threshold)
        counts = tree.value[:, 0, :]
        value.append(counts[:, 1] / counts.sum(axis=1) / n_trees)
        roots.append(n_nodes)
        n_nodes += int(tree.node_count)
    return flatten(
        left=np.concatenate(left).astype(np.int64),
        right=np.concatenate(right).astype(np.int64),
        feature=np.concatenate(feature).astype(np.int64),
        threshold=np.concatenate(threshold),
        value=np.concatenate(value),
        roots=np.array(roots, dtype=np.int64),
        n_features=n_features,
        strict=False,
        logistic=False,
        base=0.0,
    )


class _Forest(Estimator):
    """What both forests share."""

    @abstractmethod
    def _make(self, n_rows: int) -> Any:
        """Return the library's forest, unfitted, for a training of *n_rows*."""

    def _fit(self, x: Float32Array, y: LabelArray, weight: FloatArray) -> Trees:
        self._forest = self._make(x.shape[0])
        self._forest.fit(x, y, sample_weight=weight)
        return flatten_forest(self._forest, x.shape[1])

    def native_p_up(self, x: Float32Array) -> FloatArray:
        """Return scikit-learn's own probability, shape (n_rows,)."""
        return np.asarray(self._forest.predict_proba(x)[:, 1], dtype=np.float64)


class RandomForest(_Forest):
    """Bagged trees: best split among a few features.

    A tree draws a fifth of the rows: labels overlap, so a full bootstrap draws each move many
    times over and its trees agree on noise.
    """

    name: ClassVar[str] = "random_forest"

    def _make(self, n_rows: int) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=N_TREES,
            max_depth=DEPTH_MAX,
            min_samples_leaf=max(5, round(LEAF_SHARE_MIN * SAMPLE_SHARE * n_rows)),
            max_features="sqrt",
            max_samples=SAMPLE_SHARE,
            n_jobs=1,
            random_state=self.seed,
        )


class ExtraTrees(_Forest):
    """Bagged trees with random thresholds."""

    name: ClassVar[str] = "extra_trees"

    def _make(self, n_rows: int) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(
            n_estimators=N_TREES,
            max_depth=DEPTH_MAX,
            min_samples_leaf=max(5, round(LEAF_SHARE_MIN * SAMPLE_SHARE * n_rows)),
            max_features=0.3,
            bootstrap=True,
            max_samples=SAMPLE_SHARE,
            n_jobs=1,
            random_state=self.seed,
        )
