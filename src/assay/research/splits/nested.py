"""Nested splits: choices are made inside each outer training set, which never meets its test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import IntArray
from assay.research.splits.combinatorial import combinatorial_purged
from assay.research.splits.purged import check_spans

Pairs = Sequence[tuple[IntArray, IntArray]]
Splitter = Callable[[IntArray, IntArray], Pairs]
"""From closed label spans, in order of start, to pairs of train and test rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NestedSplit:
    """One outer split, and the splits inside its training rows.

    Attributes
    ----------
    index : int
    train, test : int64
        Outer rows; *train* is purged and embargoed against *test*.
    inner : tuple of (int64, int64)
        Train and test rows for tuning, in the numbers of the whole table; all are in *train*.
    """

    index: int
    train: IntArray
    test: IntArray
    inner: tuple[tuple[IntArray, IntArray], ...]


def nested(
    start: IntArray, end: IntArray, *, outer: Splitter, inner: Splitter
) -> list[NestedSplit]:
    """Return outer splits with inner splits made from each outer training set alone.

    Parameters
    ----------
    start, end : int64, shape (n_rows,)
        Closed span of each label, in order of *start*.
    outer, inner : callable
        From spans to pairs of rows, such as ``partial(purged_kfold, n_folds=4, embargo=24)``,
        ``partial(purged_walk_forward, folds=...)`` or
        ``partial(combinatorial_pairs, n_groups=6, n_test_groups=2, embargo=24)``.
        *inner* is given the spans of the outer training rows and nothing else, so that it
        cannot reach the outer test or its embargo.

    Raises
    ------
    DataError
        If the labels are out of order, or a split would be left without rows.

    Examples
    --------
    >>> from functools import partial
    >>> from assay.research.splits.purged import purged_kfold
    >>> bar = np.arange(12)
    >>> halves = partial(purged_kfold, n_folds=2, embargo=0)
    >>> first = nested(bar, bar + 1, outer=halves, inner=halves)[0]
    >>> first.train, first.inner[0]
    (array([ 7,  8,  9, 10, 11]), (array([10, 11]), array([7, 8])))
    """
    check_spans(start, end)
    return [
        NestedSplit(
            index=index,
            train=train,
            test=test,
            inner=tuple((train[a], train[b]) for a, b in inner(start[train], end[train])),
        )
        for index, (train, test) in enumerate(outer(start, end))
    ]


def combinatorial_pairs(
    start: IntArray, end: IntArray, *, n_groups: int, n_test_groups: int, embargo: int
) -> list[tuple[IntArray, IntArray]]:
    """Return every split of combinatorial purged cross-validation as train and test rows.

    Parameters and errors are those of `assay.research.splits.combinatorial.combinatorial_purged`.
    """
    splits = combinatorial_purged(
        start, end, n_groups=n_groups, n_test_groups=n_test_groups, embargo=embargo
    )
    return [(split.train, np.concatenate(split.tests)) for split in splits]
