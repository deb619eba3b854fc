"""Models side by side in flat arrays, and the compiled loop that asks them all."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.models.dense import Dense
from assay.models.inputs import Float32Array
from assay.models.trees import Int32Array, Trees

Form = Trees | Dense

_TREES, _DENSE = 0, 1
# Columns of `Pack.layout`, one row per model.
_KIND, _STRICT, _LOGISTIC, _START, _STOP, _HIDDEN, _WIDTH = range(7)


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """Every model of an ensemble as arguments of one kernel.

    Attributes
    ----------
    columns : int64, shape (n_selected,)
        Input columns that the models read; the models count within these.
    layout : int64, shape (n_models, 7)
        Kind, strictness, link, range (of trees, or of *dense*), hidden units, width.
    base : float64, shape (n_models,)
        Base value, or intercept.
    feature, threshold, left, value, roots
        See `assay.models.trees.Trees`; *feature* counts input columns.
    dense : float64, shape (n_weights,)
        Per dense model: limit, centre, scale, linear, then for each hidden unit its bias, its
        output weight and its row.
    """

    columns: IntArray
    layout: IntArray
    base: FloatArray
    feature: Int32Array
    threshold: Float32Array
    left: Int32Array
    value: Float32Array
    roots: IntArray
    dense: FloatArray

    def arguments(self) -> tuple[object, ...]:
        """Return the arrays in the order of the kernel's parameters."""
        return tuple(getattr(self, field.name) for field in fields(self))


def pack(forms: Sequence[Form], columns: IntArray) -> Pack:
    """Lay *forms* side by side.

    Parameters
    ----------
    forms : sequence of Trees or Dense
        Each reads ``len(columns)`` features.
    columns : int64, shape (n_selected,)
        Where these features stand in the input rows.

    Returns
    -------
    Pack
    """
    layout = np.zeros((len(forms), 7), dtype=np.int64)
    base = np.zeros(len(forms))
    trees: list[Trees] = []
    dense: list[FloatArray] = []
    n_nodes = n_trees = n_weights = 0
    lefts, roots = [], []
    for i_model, form in enumerate(forms):
        if isinstance(form, Trees):
            stop = n_trees + form.roots.shape[0]
            layout[i_model, :5] = _TREES, form.strict, form.logistic, n_trees, stop
            base[i_model] = form.base
            trees.append(form)
            lefts.append(form.left + np.int32(n_nodes))
            roots.append(form.roots + n_nodes)
            n_nodes += form.left.shape[0]
            n_trees = stop
        else:
            rows = np.column_stack((form.hidden_bias, form.out, form.hidden)).ravel()
            head = np.concatenate(([form.limit], form.centre, form.scale, form.linear))
            weights = np.concatenate((head, rows))
            stop = n_weights + weights.shape[0]
            width = form.n_features
            layout[i_model] = _DENSE, 0, 1, n_weights, stop, form.out.shape[0], width
            base[i_model] = form.intercept
            dense.append(weights)
            n_weights = stop
    own = np.concatenate([form.feature for form in trees] or [np.zeros(0, np.int32)])
    wide = np.where(own >= 0, columns[np.maximum(own, 0)] if columns.size else 0, -1)
    return Pack(
        columns=columns.astype(np.int64),
        layout=layout,
        base=base,
        feature=wide.astype(np.int32),
        threshold=np.concatenate([f.threshold for f in trees] or [np.zeros(0, np.float32)]),
        left=np.concatenate(lefts or [np.zeros(0, np.int32)]).astype(np.int32),
        value=np.concatenate([f.value for f in trees] or [np.zeros(0, np.float32)]),
        roots=np.concatenate(roots or [np.zeros(0, np.int64)]).astype(np.int64),
        dense=np.concatenate(dense or [np.zeros(0)]),
    )


@kernel
def sigmoid(z: float) -> float:
    """Return ``1 / (1 + exp(-z))`` without overflow."""
    if z >= 0.0:
        return float(1.0 / (1.0 + np.exp(-z)))
    e = np.exp(z)
    return float(e / (1.0 + e))


@kernel
def _sum_of_trees(
    row: Float32Array,
    feature: Int32Array,
    threshold: Float32Array,
    left: Int32Array,
    value: Float32Array,
    roots: IntArray,
    start: int,
    stop: int,
    strict: bool,
) -> float:
    total = 0.0
    # Unsigned indices spare the compiler Python's negative ones: a third of the time.
    for i_tree in range(start, stop):
        i = np.uint64(roots[i_tree])
        j = feature[i]
        if strict:
            while j >= 0:
                i = np.uint64(left[i]) + np.uint64(row[np.uint64(j)] >= threshold[i])
                j = feature[i]
        else:
            while j >= 0:
                i = np.uint64(left[i]) + np.uint64(row[np.uint64(j)] > threshold[i])
                j = feature[i]
        total += value[i]
    return total


@kernel
def _dense_log_odds(
    row: Float32Array,
    columns: IntArray,
    dense: FloatArray,
    start: int,
    n_hidden: int,
    width: int,
    inputs: FloatArray,
) -> float:
    limit = dense[start]
    centre, scale, linear = start + 1, start + 1 + width, start + 1 + 2 * width
    total = 0.0
    for j in range(width):
        u = (np.float64(row[columns[j]]) - dense[centre + j]) / dense[scale + j]
        u = min(max(u, -limit), limit)
        inputs[j] = u
        total += dense[linear + j] * u
    at = linear + width
    for _ in range(n_hidden):
        z = dense[at]
        for j in range(width):
            z += dense[at + 2 + j] * inputs[j]
        total += dense[at + 1] * np.tanh(z)
        at += 2 + width
    return total


@kernel
def score_rows(
    x: Float32Array,
    columns: IntArray,
    layout: IntArray,
    base: FloatArray,
    feature: Int32Array,
    threshold: Float32Array,
    left: Int32Array,
    value: Float32Array,
    roots: IntArray,
    dense: FloatArray,
    scores: FloatArray,
) -> int:
    """Write every model's answer for every row into *scores*.

    Parameters
    ----------
    x : float32, shape (n_rows, n_features), C-contiguous
    columns ... dense
        The arrays of a `Pack`.
    scores : float64, shape (n_rows, n_models)
        Out. Log-odds of models with a logistic link, else the sum of leaves.

    Returns
    -------
    i_cell : int
        ``-1``, or the first cell ``row * n_features + column`` that is read and not finite;
        the scores of that row and of later ones are then unwritten.

    Notes
    -----
    One row or many: the same instructions in the same order, so a row of a batch equals the
    row alone to the last bit. O(rows * trees * depth).
    """
    n_rows, n_features = x.shape
    inputs = np.empty(columns.shape[0])
    for i_row in range(n_rows):
        row = x[i_row]
        for j in range(columns.shape[0]):
            if not np.isfinite(row[columns[j]]):
                return int(i_row * n_features + columns[j])
        for m in range(layout.shape[0]):
            start, stop = layout[m, 3], layout[m, 4]
            if layout[m, 0] == 0:
                total = _sum_of_trees(
                    row, feature, threshold, left, value, roots, start, stop, layout[m, 1] == 1
                )
            else:
                total = _dense_log_odds(
                    row, columns, dense, start, layout[m, 5], layout[m, 6], inputs
                )
            scores[i_row, m] = base[m] + total
    return -1


@kernel
def log_odds_rows(scores: FloatArray, layout: IntArray, limit: float, out: FloatArray) -> None:
    """Turn scores into log-odds, within ``[-limit, limit]``; shapes (n_rows, n_models)."""
    smallest = sigmoid(-limit)
    for i_row in range(scores.shape[0]):
        for m in range(scores.shape[1]):
            z = scores[i_row, m]
            if layout[m, 2] == 0:
                p = min(max(z, smallest), 1.0 - smallest)
                z = np.log(p / (1.0 - p))
            out[i_row, m] = min(max(z, -limit), limit)


@kernel
def sigmoid_rows(z: FloatArray, out: FloatArray) -> None:
    """Write the probability of each log-odds; both one-dimensional."""
    for i in range(z.shape[0]):
        out[i] = sigmoid(z[i])
