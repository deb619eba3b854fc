"""Purged k-fold with embargo, and the count of label pairs that leak.

A label that is known from its bar's close to its end spans the closed interval
``[start, end]``. A training label whose span touches a test span would carry the answer.
"""

from itertools import pairwise

import numpy as np

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


def check_spans(start: IntArray, end: IntArray) -> None:
    """Raise unless labels are in order of *start* and none ends before it starts.

    Raises
    ------
    DataError
        With the first row that breaks the rule.
    """
    if len(start) != len(end):
        raise DataError(
            f"Labels must have one end per start; had {len(end)} ends for {len(start)} starts.",
            remedy="Pass both columns of the same rows.",
        )
    back = np.flatnonzero(np.diff(start) < 0)
    if len(back):
        raise DataError(
            f"Labels must be in order of their start; row {back[0] + 1} starts before "
            f"row {back[0]}.",
            remedy="Sort the rows by the start of their labels.",
        )
    early = np.flatnonzero(end < start)
    if len(early):
        raise DataError(
            f"A label must not end before it starts; row {early[0]} starts at "
            f"{start[early[0]]} and ends at {end[early[0]]}.",
            remedy="Leave out rows without a label, or end them where they start.",
        )


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
