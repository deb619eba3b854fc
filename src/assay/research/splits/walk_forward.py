"""Walk-forward, anchored and rolling: always train before, always test after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from assay.config.settings import EvaluationSettings
from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import IntArray
from assay.research.splits.purged import check_spans

Window = Literal["anchored", "rolling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardFold:
    """One step of the walk: where the model may learn, and where it is judged.

    Attributes
    ----------
    index : int
    train_start, train_stop, test_start, test_stop : int
        Positions on the time axis, half-open. ``train_stop == test_start``: labels must *end*
        before ``test_start``, which the caller sees to, as `purged_walk_forward` does.
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
    return _folds(edges, first=first, n_train=train, window=settings.window)


def walk_forward_by_size(
    n_times: int, *, n_train: int, n_test: int, window: Window, first: int = 0
) -> list[WalkForwardFold]:
    """Cut the time axis into test spans of *n_test* positions; what is left over tests nothing.

    Parameters
    ----------
    n_times : int
        Length of the time axis.
    n_train : int
        Length of the first training span, before purging; of every one if *window* is rolling.
    n_test : int
    window : {"anchored", "rolling"}
    first : int
        First usable position.

    Raises
    ------
    ConfigError
        If a length is below 1.
    DataError
        If the axis is too short for one fold.

    Examples
    --------
    >>> [
    ...     (f.train_start, f.test_start, f.test_stop)
    ...     for f in walk_forward_by_size(10, n_train=4, n_test=2, window="rolling")
    ... ]
    [(0, 4, 6), (2, 6, 8), (4, 8, 10)]
    """
    if n_train < 1 or n_test < 1:
        raise ConfigError(
            f"Walk-forward must train and test at least 1 position; was {n_train} and {n_test}.",
            remedy="Give lengths of 1 or more.",
        )
    n_folds = (n_times - first - n_train) // n_test
    if n_folds < 1:
        raise DataError(
            f"Walk-forward must have at least {first + n_train + n_test} positions; was {n_times}.",
            remedy="Import more history, or shorten the training or the test.",
        )
    edges = first + n_train + n_test * np.arange(n_folds + 1)
    return _folds(edges, first=first, n_train=n_train, window=window)


def _folds(edges: IntArray, *, first: int, n_train: int, window: Window) -> list[WalkForwardFold]:
    """Return one fold between each two *edges*."""
    return [
        WalkForwardFold(
            index=index,
            train_start=first if window == "anchored" else max(first, int(a) - n_train),
            train_stop=int(a),
            test_start=int(a),
            test_stop=int(b),
        )
        for index, (a, b) in enumerate(pairwise(edges))
    ]


def whole_times(folds: Sequence[WalkForwardFold], start: IntArray) -> list[WalkForwardFold]:
    """Move the edges back so that rows of one moment (several symbols) stay in one span.

    Parameters
    ----------
    folds : sequence of WalkForwardFold
        Positions are row numbers.
    start : int64, shape (n_rows,)
        When each row is known, not decreasing.
    """

    def edge(position: int) -> int:
        if position >= len(start):
            return len(start)
        return int(np.searchsorted(start, start[position]))

    return [
        replace(
            fold,
            train_start=edge(fold.train_start),
            train_stop=edge(fold.train_stop),
            test_start=edge(fold.test_start),
            test_stop=edge(fold.test_stop),
        )
        for fold in folds
    ]


def purged_walk_forward(
    start: IntArray, end: IntArray, folds: Sequence[WalkForwardFold]
) -> list[tuple[IntArray, IntArray]]:
    """Return train and test rows of every fold; a training label ends before the test starts.

    Parameters
    ----------
    start, end : int64, shape (n_rows,)
        Closed span of each label, in order of *start*.
    folds : sequence of WalkForwardFold
        Positions are row numbers; edges move back to the first row of their moment.

    Raises
    ------
    DataError
        If a fold would be left without rows, or the labels are out of order.

    Notes
    -----
    No embargo: nothing that is trained on follows the test.

    Examples
    --------
    >>> span = np.arange(10)
    >>> folds = walk_forward_by_size(10, n_train=6, n_test=4, window="anchored")
    >>> purged_walk_forward(span, span + 2, folds)
    [(array([0, 1, 2, 3]), array([6, 7, 8, 9]))]
    """
    check_spans(start, end)
    pairs = []
    for fold in whole_times(folds, start):
        test = np.arange(fold.test_start, fold.test_stop)
        candidates = np.arange(fold.train_start, fold.train_stop)
        train = candidates[end[candidates] < start[test[0]]] if len(test) else test
        if not len(train):
            raise DataError(
                f"Step {fold.index} of the walk must have labels that end before its test; "
                f"{len(candidates)} labels leave none.",
                remedy="Import more history, or lower evaluation.folds or labels.horizon_bars.",
            )
        pairs.append((train, test))
    return pairs
