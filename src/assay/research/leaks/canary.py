"""A canary for overlapping labels: forecasts noise from nothing but the labels' overlap."""

from collections.abc import Sequence

import numpy as np

from assay.kernels.compiler import IntArray

Folds = Sequence[tuple[IntArray, IntArray]]

INDEPENDENT_MIN = 64.0
"""Labels that are apart, over all draws: with fewer, who is always right may be lucky."""


def canary_score(
    start: IntArray, end: IntArray, folds: Folds, *, repeats: int = 20, seed: int = 7
) -> tuple[float, float]:
    """Return how often overlap alone forecasts labels of pure noise, and the error of that share.

    Parameters
    ----------
    start, end : int64, shape (n_rows,)
        Closed span of each row's label, in bars.
    folds : sequence of (learning rows, judged rows)
    repeats : int
        Independent draws of noise, at least; more where a draw judges few labels that are apart.
    seed : int
        Of the noise.

    Returns
    -------
    score : float
        Share of right signs over all judged rows and draws; 0.5 is a coin.
    error : float
        Its standard error; labels that overlap count as one.

    Notes
    -----
    Label *i* is the sign of the sum of one normal number per bar over its span. The forecast of a
    judged row is the label of the nearest learning row: all that it can know is what the spans
    share. Hit rate without purging: ``1/2 + asin(shared fraction) / pi``.
    """
    rng = np.random.default_rng(seed)
    first = int(start.min())
    n_bars = int(end.max()) - first + 1
    folds = [(train, test) for train, test in folds if len(train) and len(test)]
    nearest = [_nearest(start, train, test) for train, test in folds]
    if not folds:
        return 0.5, float("inf")
    span = float((end - start + 1).mean())
    judged = float(np.mean([end[test].max() - start[test].min() + 1 for _, test in folds]))
    each = len(folds) * max(judged / span, 1.0)
    repeats = max(repeats, int(np.ceil(INDEPENDENT_MIN / each)))
    hits: list[float] = []
    for _ in range(repeats):
        path = np.concatenate([[0.0], np.cumsum(rng.standard_normal(n_bars))])
        label = path[end - first + 1] >= path[start - first]
        for (_, test), row in zip(folds, nearest, strict=True):
            hits.append(float((label[test] == label[row]).mean()))
    return float(np.mean(hits)), 0.5 / float(np.sqrt(repeats * each))


def _nearest(start: IntArray, train: IntArray, test: IntArray) -> IntArray:
    """Return, per judged row, the learning row whose start is nearest."""
    order = train[np.argsort(start[train], kind="stable")]
    starts = start[order]
    right = np.clip(np.searchsorted(starts, start[test]), 0, len(order) - 1)
    left = np.maximum(right - 1, 0)
    left_is_nearer = np.abs(starts[left] - start[test]) <= np.abs(starts[right] - start[test])
    return np.asarray(order[np.where(left_is_nearer, left, right)])
