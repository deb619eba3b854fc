"""Splits: no training label touches a test label."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio.model_selection import WalkForward

from assay.config.settings import EvaluationSettings
from assay.domain.errors import ConfigError, DataError
from assay.research.splits.purged import leaking_pairs, purged_kfold, purged_train
from assay.research.splits.walk_forward import (
    purged_walk_forward,
    walk_forward,
    walk_forward_by_size,
    whole_times,
)


def test_the_pinned_example_of_closed_spans() -> None:
    start = np.arange(10)
    assert purged_train(start, start + 2, np.array([4, 5, 6]), embargo=0).tolist() == [0, 1, 9]
    assert purged_train(start, start + 2, np.array([4, 5, 6]), embargo=1).tolist() == [0, 1]


@settings(max_examples=200, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), min_size=30, max_size=120),
    horizon=st.integers(0, 8),
    embargo=st.integers(0, 6),
    n_folds=st.integers(2, 4),
)
def test_no_pair_of_labels_leaks_across_a_fold(
    gaps: list[int], horizon: int, embargo: int, n_folds: int
) -> None:
    start = np.cumsum(np.array(gaps))
    end = start + np.random.default_rng(len(gaps)).integers(0, horizon + 1, len(start))
    try:
        folds = purged_kfold(start, end, n_folds=n_folds, embargo=embargo)
    except DataError:
        return
    seen = np.concatenate([test for _, test in folds])
    assert sorted(seen.tolist()) == list(range(len(start)))
    for train, test in folds:
        assert leaking_pairs(start, end, train, test) == 0
        assert not np.intersect1d(train, test).size
        after = start[train] > end[test].max()
        assert (start[train][after] > end[test].max() + embargo).all()


@settings(max_examples=100, deadline=None)
@given(
    start=st.lists(st.integers(0, 60), min_size=4, max_size=40),
    length=st.integers(0, 9),
    share=st.floats(0.2, 0.8),
)
def test_the_pair_counter_counts_what_two_loops_count(
    start: list[int], length: int, share: float
) -> None:
    begin = np.array(sorted(start))
    end = begin + length
    cut = max(1, int(len(begin) * share))
    train, test = np.arange(cut), np.arange(cut, len(begin))
    if not len(test):
        return
    slow = sum(begin[a] <= end[b] and end[a] >= begin[b] for a in train for b in test)
    assert leaking_pairs(begin, end, train, test) == slow


@pytest.mark.parametrize("window", ["anchored", "rolling"])
def test_walk_forward_tests_every_later_bar_once_and_trains_only_before(window: str) -> None:
    folds = walk_forward(1_000, first=100, settings=EvaluationSettings(window=window, folds=7))
    assert folds[-1].test_stop == 1_000
    for one, two in pairwise(folds):
        assert one.test_stop == two.test_start
    for fold in folds:
        assert fold.train_start >= 100
        assert fold.train_stop == fold.test_start < fold.test_stop
    starts = {fold.train_start for fold in folds}
    assert len(starts) == (1 if window == "anchored" else 7)


def test_too_little_history_says_what_to_do() -> None:
    with pytest.raises(DataError, match="Import more history"):
        walk_forward(110, first=105, settings=EvaluationSettings())
    with pytest.raises(DataError, match="inner_folds"):
        purged_kfold(np.arange(8), np.arange(8) + 50, n_folds=4, embargo=0)


@pytest.mark.parametrize("window", ["anchored", "rolling"])
@pytest.mark.parametrize(("n_rows", "n_train", "n_test"), [(100, 40, 10), (103, 50, 7)])
@pytest.mark.parametrize("horizon", [0, 4])
def test_walk_forward_rows_are_those_of_an_independent_library(
    window: str, n_rows: int, n_train: int, n_test: int, horizon: int
) -> None:
    bar = np.arange(n_rows)
    folds = walk_forward_by_size(n_rows, n_train=n_train, n_test=n_test, window=window)
    theirs = WalkForward(
        test_size=n_test,
        train_size=n_train - horizon,
        purged_size=horizon,
        expand_train=window == "anchored",
    )
    mine = purged_walk_forward(bar, bar + horizon, folds)
    for (train, test), (other, later) in zip(mine, theirs.split(bar[:, None]), strict=True):
        np.testing.assert_array_equal(train, other)
        np.testing.assert_array_equal(test, later)


@settings(max_examples=100, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), min_size=40, max_size=100),
    horizon=st.integers(0, 8),
    window=st.sampled_from(["anchored", "rolling"]),
)
def test_no_label_of_the_walk_ends_in_its_test(gaps: list[int], horizon: int, window: str) -> None:
    start = np.cumsum(np.array(gaps))
    end = start + np.random.default_rng(sum(gaps)).integers(0, horizon + 1, len(start))
    folds = walk_forward_by_size(len(start), n_train=20, n_test=7, window=window)
    try:
        pairs = purged_walk_forward(start, end, folds)
    except DataError:
        return
    for train, test in pairs:
        assert (end[train] < start[test].min()).all()
        assert leaking_pairs(start, end, train, test) == 0
        assert not np.isin(start[train], start[test]).any()
        dropped = np.setdiff1d(np.arange(train[0], test[0]), train)
        assert (end[dropped] >= start[test[0]]).all()


def test_rows_of_one_moment_stay_in_one_span() -> None:
    start = np.repeat(np.arange(10), 3)
    folds = walk_forward_by_size(30, n_train=10, n_test=10, window="anchored")
    edges = [(fold.test_start, fold.test_stop) for fold in whole_times(folds, start)]
    assert edges == [(9, 18), (18, 30)]


def test_a_walk_that_does_not_fit_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="lengths of 1 or more"):
        walk_forward_by_size(10, n_train=0, n_test=2, window="rolling")
    with pytest.raises(DataError, match="at least 12 positions; was 10"):
        walk_forward_by_size(10, n_train=10, n_test=2, window="rolling")
    bar = np.arange(10)
    folds = walk_forward_by_size(10, n_train=5, n_test=2, window="anchored")
    with pytest.raises(DataError, match="5 labels leave none"):
        purged_walk_forward(bar, bar + 9, folds)
