"""Splits that let nothing leak: purged k-fold with embargo, and walk-forward.

A label that is known from its bar's close to its end spans the closed interval
``[start, end]``. A training label whose span touches a test span would carry the answer.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assay.config.settings import EvaluationSettings
from assay.domain.errors import DataError
from assay.kernels.compiler import IntArray


def purged_train(start: IntArray, end: IntArray, test: IntArray, *, embargo: int) -> IntArray:
    """Return the rows that may train a model tested on the contiguous block *test*.

    Parameters
    ----------
    start, end : int64, shape (n_rows,)
        Closed span of each label, in any one unit of time (bars or nanoseconds).
    test : int64, shape (n_test,)
        Row indices of the test block.
    embargo : int
        Rows that start within this much after the last test span are dropped as well.

    Returns
    -------
    train : int64
        Rising row indices.

    Notes
    -----
    Row *j* is purged iff ``start[j] <= max(end[test])`` and ``end[j] >= min(start[test])``; it is
    embargoed iff ``max(end[test]) < start[j] <= max(end[test]) + embargo``.

    Examples
    --------
    >>> span = np.arange(10)
    >>> purged_train(span, span + 2, np.array([4, 5, 6]), embargo=0)
    array([0, 1, 9])
    """
    first, last = start[test].min(), end[test].max()
    is_purged = (start <= last) & (end >= first)
    is_embargoed = (start > last) & (start <= last + embargo)
    keep = ~(is_purged | is_embargoed)
    keep[test] = False
    return np.flatnonzero(keep)


def purged_kfold(
    start: IntArray, end: IntArray, *, n_folds: int, embargo: int
) -> list[tuple[IntArray, IntArray]]:
    """Return ``n_folds`` pairs of purged train rows and contiguous test rows.

    Rows must be in order of *start*; rows of equal start (several symbols) stay in one block.

    Raises
    ------
    DataError
        If a fold would be left without rows.
    """
    times = np.unique(start)
    edges = times[np.linspace(0, len(times), n_folds + 1).astype(np.int64)[1:-1]]
    cuts = np.concatenate(([0], np.searchsorted(start, edges), [len(start)]))
    pairs = []
    for first, stop in pairwise(cuts):
        test = np.arange(first, stop)
        train = purged_train(start, end, test, embargo=embargo) if len(test) else test
        if not len(test) or not len(train):
            raise DataError(
                f"{n_folds} purged folds need more history; {len(start)} labels leave one empty.",
                remedy="Import more history, or lower training.inner_folds or labels.horizon_bars.",
            )
        pairs.append((train, test))
    return pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardFold:
    """One step of the walk: where the model may learn, and where it is judged.

    Attributes
    ----------
    index : int
    train_start, train_stop, test_start, test_stop : int
        Positions on the time axis, half-open. ``train_stop == test_start``: labels must *end*
        before ``test_start``, which the caller sees to with ``rows_within``.
    """

    index: int
    train_start: int
    train_stop: int
    test_start: int
    test_stop: int


def walk_forward(
    n_times: int, *, first: int, settings: EvaluationSettings
) -> list[WalkForwardFold]:
    """Cut the time axis into consecutive test spans, each after its training span.

    Parameters
    ----------
    n_times : int
        Length of the time axis.
    first : int
        First usable position (warm-up ends there).
    settings : EvaluationSettings
        ``anchored`` training starts at *first* and grows; ``rolling`` keeps its first length.

    Raises
    ------
    DataError
        If the history is too short for the folds.
    """
    usable = n_times - first
    train = int(usable * settings.first_train_fraction)
    test = (usable - train) // settings.folds
    if train < 1 or test < 1:
        raise DataError(
            f"Walk-forward needs more than {n_times} bars "
            f"({first} of warm-up, {settings.folds} folds); was {n_times}.",
            remedy="Import more history, or lower evaluation.folds.",
        )
    start = first + train
    edges = np.linspace(start, n_times, settings.folds + 1).astype(np.int64)
    return [
        WalkForwardFold(
            index=index,
            train_start=first if settings.window == "anchored" else max(first, int(a) - train),
            train_stop=int(a),
            test_start=int(a),
            test_stop=int(b),
        )
        for index, (a, b) in enumerate(pairwise(edges))
    ]


def leaking_pairs(
    start: IntArray, end: IntArray, train: IntArray, test: IntArray, *, embargo: int = 0
) -> int:
    """Count pairs of a train and a test label whose spans touch; zero is the only good answer.

    With *embargo*, a training label that starts within it after a test label's end counts too.
    O(n log n).
    """
    first = np.sort(start[test])
    last = np.sort(end[test])
    begun = np.searchsorted(first, end[train], side="right")
    over = np.searchsorted(last + embargo, start[train], side="left")
    return int(np.maximum(begun - over, 0).sum())
