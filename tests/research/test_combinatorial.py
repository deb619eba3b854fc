"""Combinatorial purged cross-validation: no leak, every path whole, and the published tables."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV

from assay.domain.errors import ConfigError, DataError
from assay.research.splits.combinatorial import (
    SPLITS_MAX,
    CombinatorialPurged,
    combinatorial_purged,
)
from assay.research.splits.purged import leaking_pairs, purged_train


def kept_by_definition(
    start: np.ndarray, end: np.ndarray, blocks: list[np.ndarray], embargo: int
) -> list[int]:
    """Keep a row iff the set of moments it spans meets no test label, nor an embargo after one."""
    tested = {int(row) for block in blocks for row in block}
    taken = set()
    for block in blocks:
        last = max(int(end[row]) for row in block)
        for row in block:
            taken |= set(range(int(start[row]), int(end[row]) + 1))
        held = set(range(last + 1, last + embargo + 1))
        tested |= {row for row in range(len(start)) if int(start[row]) in held}
    return [
        row
        for row in range(len(start))
        if row not in tested and not taken & set(range(int(start[row]), int(end[row]) + 1))
    ]


def blocks_of(cv: CombinatorialPurged, groups: tuple[int, ...]) -> list[np.ndarray]:
    """Join the rows of neighbouring groups."""
    blocks: list[np.ndarray] = []
    previous = None
    for group in groups:
        rows = np.arange(cv.cuts[group], cv.cuts[group + 1])
        if previous is not None and group == previous + 1:
            blocks[-1] = np.concatenate([blocks[-1], rows])
        else:
            blocks.append(rows)
        previous = group
    return blocks


@pytest.mark.parametrize(
    ("n_groups", "n_test", "n_splits", "n_paths"),
    [(6, 2, 15, 5), (10, 2, 45, 9), (10, 8, 45, 36), (5, 1, 5, 1)],
)
def test_the_published_numbers_of_splits_and_paths(
    n_groups: int, n_test: int, n_splits: int, n_paths: int
) -> None:
    bar = np.arange(120)
    cv = combinatorial_purged(bar, bar, n_groups=n_groups, n_test_groups=n_test, embargo=0)
    assert (len(cv), cv.n_paths) == (n_splits, n_paths)
    assert cv.paths().shape == (n_paths, n_groups)


@pytest.mark.parametrize(
    ("horizon", "embargo", "trains"),
    [
        (0, 0, [[8, 9, 10, 11], [4, 5, 6, 7], [0, 1, 2, 3]]),
        (1, 0, [[9, 10, 11], [5, 6], [0, 1, 2]]),
        (0, 1, [[9, 10, 11], [5, 6, 7], [0, 1, 2, 3]]),
    ],
)
def test_the_published_training_sets_of_twelve_rows(
    horizon: int, embargo: int, trains: list[list[int]]
) -> None:
    bar = np.arange(12)
    cv = combinatorial_purged(bar, bar + horizon, n_groups=3, n_test_groups=2, embargo=embargo)
    assert [split.train.tolist() for split in cv] == trains
    assert [split.groups for split in cv] == [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize("n_rows", [240, 1_003])
@pytest.mark.parametrize(("n_groups", "n_test"), [(3, 2), (6, 2), (6, 5), (10, 2), (10, 8)])
@pytest.mark.parametrize(("horizon", "embargo"), [(0, 0), (5, 0), (0, 4), (5, 7)])
def test_every_index_is_that_of_an_independent_library(
    n_rows: int, n_groups: int, n_test: int, horizon: int, embargo: int
) -> None:
    bar = np.arange(n_rows)
    cv = combinatorial_purged(
        bar, bar + horizon, n_groups=n_groups, n_test_groups=n_test, embargo=embargo
    )
    theirs = CombinatorialPurgedCV(
        n_folds=n_groups, n_test_folds=n_test, purged_size=horizon, embargo_size=embargo
    )
    for split, (train, tests) in zip(cv, theirs.split(np.zeros((n_rows, 1))), strict=True):
        np.testing.assert_array_equal(split.train, train)
        for mine, other in zip(split.tests, tests, strict=True):
            np.testing.assert_array_equal(mine, other)
    np.testing.assert_array_equal(cv.paths(), theirs.recombined_paths.T)


def test_closed_ends_touch() -> None:
    """A label that ends at the very moment at which a test label starts is purged."""
    start = np.array([0, 1, 2, 3, 4, 5])
    end = np.array([3, 2, 2, 3, 6, 5])
    cv = combinatorial_purged(start, end, n_groups=2, n_test_groups=1, embargo=0)
    assert cv.split(1).train.tolist() == [1, 2]
    assert cv.split(0).train.tolist() == [4, 5]  # row 0 ends at 3, and row 3 starts there
    assert combinatorial_purged(
        start, end, n_groups=2, n_test_groups=1, embargo=1
    ).split(0).train.tolist() == [5]  # fmt: skip


def test_purging_and_embargo_are_done_around_each_block() -> None:
    bar = np.arange(30)
    cv = combinatorial_purged(bar, bar + 2, n_groups=6, n_test_groups=2, embargo=1)
    split = next(item for item in cv if item.groups == (1, 4))
    # Blocks 5-9 and 20-24: two rows before each, two and the embargo after each.
    assert split.train.tolist() == [0, 1, 2, *range(13, 18), 28, 29]
    together = next(item for item in cv if item.groups == (1, 2))
    assert together.train.tolist() == [0, 1, 2, *range(18, 30)]


def test_a_thousand_random_label_sets_leak_nothing_and_waste_nothing() -> None:
    rng = np.random.default_rng(11)
    n_splits = 0
    for _ in range(1_000):
        n = int(rng.integers(20, 50))
        start = np.sort(rng.integers(0, int(rng.integers(30, 90)), n))
        end = start + rng.integers(0, int(rng.integers(1, 12)), n)
        n_groups = int(rng.integers(2, 6))
        embargo = int(rng.integers(0, 4))
        cv = combinatorial_purged(
            start,
            end,
            n_groups=n_groups,
            n_test_groups=int(rng.integers(1, n_groups)),
            embargo=embargo,
        )
        for index in range(len(cv)):
            try:
                split = cv.split(index)
            except DataError:
                groups = tuple(int(group) for group in cv.tested[index])
                assert kept_by_definition(start, end, blocks_of(cv, groups), embargo) == []
                continue
            n_splits += 1
            blocks = blocks_of(cv, split.groups)
            assert split.train.tolist() == kept_by_definition(start, end, blocks, embargo)
            assert leaking_pairs(start, end, split.train, split.test) == 0
    assert n_splits > 4_000


@settings(max_examples=150, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), min_size=24, max_size=80),
    horizon=st.integers(0, 6),
    embargo=st.integers(0, 5),
    n_groups=st.integers(2, 7),
    data=st.data(),
)
def test_paths_are_whole_and_use_every_answer_once(
    gaps: list[int], horizon: int, embargo: int, n_groups: int, data: st.DataObject
) -> None:
    start = np.cumsum(np.array(gaps))
    end = start + np.random.default_rng(sum(gaps)).integers(0, horizon + 1, len(start))
    n_test = data.draw(st.integers(1, n_groups - 1))
    try:
        cv = combinatorial_purged(
            start, end, n_groups=n_groups, n_test_groups=n_test, embargo=embargo
        )
        splits = list(cv)
    except DataError:
        return
    assert len(splits) == comb(n_groups, n_test)
    assert cv.leaking_pairs() == 0
    for split in splits:
        assert not np.intersect1d(split.train, split.test).size
        for one in split.tests:  # rows of one moment stay together
            assert not np.isin(start[split.train], start[one]).any()
    answers = [np.column_stack([split.test, np.full(split.test.size, split.index)]) * 1.0
               for split in splits]  # fmt: skip
    whole = cv.assembled(answers)
    assert whole.shape == (cv.n_paths, len(start), 2)
    for path in whole:
        np.testing.assert_array_equal(path[:, 0], np.arange(len(start)))
    used = {(int(row), int(index)) for path in whole for row, index in path}
    assert len(used) == sum(split.test.size for split in splits)


def test_one_test_group_is_purged_kfold() -> None:
    rng = np.random.default_rng(3)
    start = np.sort(rng.integers(0, 400, 200))
    end = start + rng.integers(0, 9, 200)
    cv = combinatorial_purged(start, end, n_groups=5, n_test_groups=1, embargo=3)
    for split in cv:
        np.testing.assert_array_equal(split.train, purged_train(start, end, split.test, embargo=3))
    np.testing.assert_array_equal(cv.assembled([split.test for split in cv])[0], np.arange(200))


def test_a_split_of_a_hundred_thousand_is_made_without_the_others() -> None:
    bar = np.arange(4_000)
    cv = combinatorial_purged(bar, bar, n_groups=20, n_test_groups=7, embargo=0)
    assert len(cv) == 77_520
    assert cv.split(77_519).groups == tuple(range(13, 20))


def test_the_limit_and_the_bounds_say_what_to_do() -> None:
    bar = np.arange(100)
    with pytest.raises(ConfigError, match=r"at most 100,000 splits; .* make 155,117,520"):
        combinatorial_purged(bar, bar, n_groups=30, n_test_groups=15, embargo=0)
    assert comb(20, 8) > SPLITS_MAX
    for n_groups, n_test in ((1, 1), (4, 0), (4, 4), (4, 5)):
        with pytest.raises(ConfigError, match="such as 2 of 6"):
            combinatorial_purged(bar, bar, n_groups=n_groups, n_test_groups=n_test, embargo=0)
    with pytest.raises(ConfigError, match="embargo must be at least 0"):
        combinatorial_purged(bar, bar, n_groups=4, n_test_groups=2, embargo=-1)
    with pytest.raises(DataError, match="a moment each; there are 1"):
        combinatorial_purged(bar * 0, bar, n_groups=4, n_test_groups=2, embargo=0)
    with pytest.raises(DataError, match="leaves none"):
        combinatorial_purged(bar, bar + 99, n_groups=4, n_test_groups=2, embargo=0).split(0)


def test_labels_out_of_order_are_refused() -> None:
    bar = np.arange(20)
    for start, end, said in (
        (bar[::-1], bar[::-1], "row 1 starts before row 0"),
        (bar, np.where(bar == 7, 0, bar), "row 7 starts at 7 and ends at 0"),
        (bar, bar[:-1], "19 ends for 20 starts"),
    ):
        with pytest.raises(DataError, match=said):
            combinatorial_purged(start, end, n_groups=4, n_test_groups=2, embargo=0)
