"""What the loss of a tree model is once a column is shuffled, without asking every tree again."""

import numpy as np

from assay.kernels.compiler import BoolArray, FloatArray, IntArray, kernel
from assay.models.inputs import Float32Array, LabelArray
from assay.models.logistic import log_loss
from assay.models.trees import Int32Array, Trees


def permutation_losses(
    trees: Trees, x: Float32Array, y: LabelArray, weight: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return the log loss that shuffling each column costs.

    Parameters
    ----------
    trees : Trees
        With a logistic link, not strict.
    x : float32, shape (n_rows, n_features), C-contiguous
        Shuffled in place, column by column, and put back.
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
    rng : numpy.random.Generator
        Asked once for each column that a tree reads, in rising order.

    Returns
    -------
    cost : float64, shape (n_features,)
        Unit: nats. At least 0, a shuffle that helps counts as 0.

    Notes
    -----
    Only the trees that read the column walk again; the leaves of the others stand. Leaves are
    summed in the order of the trees, so the figures are those of asking them all.
    """
    n_trees = trees.roots.shape[0]
    ends = np.append(trees.roots[1:], trees.feature.shape[0])
    reads = np.zeros((trees.n_features, n_trees), np.bool_)
    for i_tree, (first, end) in enumerate(zip(trees.roots, ends, strict=True)):
        columns = trees.feature[first:end]
        reads[columns[columns >= 0], i_tree] = True
    nodes = (trees.feature, trees.threshold, trees.left, trees.value, trees.roots)
    leaves = np.empty((x.shape[0], n_trees), np.float32)
    scores = np.empty(x.shape[0])
    walk_again(x, np.ones(n_trees, np.bool_), *nodes, leaves, scores, True)
    whole = log_loss(trees.base + scores, y, weight)
    cost = np.zeros(trees.n_features)
    for j in np.flatnonzero(reads.any(axis=1)):
        kept = x[:, j].copy()
        x[:, j] = rng.permutation(kept)
        walk_again(x, reads[j], *nodes, leaves, scores, False)
        cost[j] = max(0.0, log_loss(trees.base + scores, y, weight) - whole)
        x[:, j] = kept
    return cost


@kernel
def walk_again(
    x: Float32Array,
    walks: BoolArray,
    feature: Int32Array,
    threshold: Float32Array,
    left: Int32Array,
    value: Float32Array,
    roots: IntArray,
    leaves: Float32Array,
    scores: FloatArray,
    stores: bool,
) -> None:
    """Sum the leaves of every row: those of *walks* are looked for, the others are in *leaves*.

    Parameters
    ----------
    x : float32, shape (n_rows, n_features)
    walks : bool, shape (n_trees,)
    feature, threshold, left, value, roots
        See `assay.models.trees.Trees`, not strict.
    leaves : float32, shape (n_rows, n_trees)
        In; out where *stores*.
    scores : float64, shape (n_rows,)
        Out.
    stores : bool
    """
    for i_row in range(x.shape[0]):
        row = x[i_row]
        total = 0.0
        for i_tree in range(roots.shape[0]):
            if not walks[i_tree]:
                total += leaves[i_row, i_tree]
                continue
            i = np.uint64(roots[i_tree])
            j = feature[i]
            while j >= 0:
                i = np.uint64(left[i]) + np.uint64(row[np.uint64(j)] > threshold[i])
                j = feature[i]
            total += value[i]
            if stores:
                leaves[i_row, i_tree] = value[i]
        scores[i_row] = total
