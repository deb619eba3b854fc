"""Nested splits: what is chosen inside an outer training set never met its test."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.errors import DataError
from assay.research.splits.combinatorial import combinatorial_purged
from assay.research.splits.nested import NestedSplit, Splitter, combinatorial_pairs, nested
from assay.research.splits.purged import leaking_pairs, purged_kfold
from assay.research.splits.walk_forward import purged_walk_forward, walk_forward_by_size

EMBARGO = 2
INNER: dict[str, Splitter] = {
    "k-fold": partial(purged_kfold, n_folds=3, embargo=EMBARGO),
    "combinatorial": partial(combinatorial_pairs, n_groups=4, n_test_groups=2, embargo=EMBARGO),
}


def outer_of(kind: str, n_rows: int) -> Splitter:
    if kind == "k-fold":
        return partial(purged_kfold, n_folds=4, embargo=EMBARGO)
    if kind == "combinatorial":
        return INNER["combinatorial"]
    folds = walk_forward_by_size(n_rows, n_train=n_rows // 2, n_test=n_rows // 8, window=kind)
    return partial(purged_walk_forward, folds=folds)


def labels(gaps: list[int], horizon: int) -> tuple[np.ndarray, np.ndarray]:
    start = np.cumsum(np.array(gaps))
    return start, start + np.random.default_rng(sum(gaps)).integers(0, horizon + 1, len(start))


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("outer", ["k-fold", "combinatorial", "anchored", "rolling"])
@settings(max_examples=40, deadline=None)
@given(gaps=st.lists(st.integers(0, 3), min_size=60, max_size=120), horizon=st.integers(0, 5))
def test_no_inner_row_touches_the_outer_test_or_its_embargo(
    outer: str, inner: str, gaps: list[int], horizon: int
) -> None:
    start, end = labels(gaps, horizon)
    try:
        splits = nested(start, end, outer=outer_of(outer, len(start)), inner=INNER[inner])
    except DataError:
        return
    embargo = 0 if outer in {"anchored", "rolling"} else EMBARGO
    for split in splits:
        assert split.inner
        for train, test in split.inner:
            both = np.concatenate([train, test])
            assert np.isin(both, split.train).all()
            assert leaking_pairs(start, end, both, split.test, embargo=embargo) == 0
            assert leaking_pairs(start, end, train, test) == 0
            assert not np.intersect1d(train, test).size
        if outer in {"anchored", "rolling"}:
            assert end[split.train].max() < start[split.test].min()


def test_inner_splits_are_those_of_the_outer_training_rows_alone() -> None:
    """Change everything about the outer test: the inner splits stay."""
    start = np.arange(120)
    end = start + 3
    outer = partial(purged_kfold, n_folds=4, embargo=EMBARGO)
    before = nested(start, end, outer=outer, inner=INNER["k-fold"])[3]
    longer = end.copy()
    longer[before.test] += 40
    after = nested(start, longer, outer=outer, inner=INNER["k-fold"])[3]
    assert same(before, after)


def same(one: NestedSplit, other: NestedSplit) -> bool:
    return all(
        np.array_equal(a, b)
        for mine, others in zip(one.inner, other.inner, strict=True)
        for a, b in zip(mine, others, strict=True)
    )


def test_an_inner_leak_would_be_seen() -> None:
    """The check above can fail: inner splits over the whole table do reach the outer test."""
    start = np.arange(120)
    end = start + 3
    careless = purged_kfold(start, end, n_folds=3, embargo=EMBARGO)
    outer = nested(start, end, outer=outer_of("k-fold", 120), inner=INNER["k-fold"])
    touching = sum(
        leaking_pairs(start, end, np.concatenate(pair), split.test)
        for split in outer
        for pair in careless
    )
    assert touching > 0


def test_pairs_are_the_splits_of_the_combinatorial_table() -> None:
    start = np.arange(60)
    pairs = INNER["combinatorial"](start, start + 2)
    cv = combinatorial_purged(start, start + 2, n_groups=4, n_test_groups=2, embargo=EMBARGO)
    for (train, test), split in zip(pairs, cv, strict=True):
        np.testing.assert_array_equal(train, split.train)
        np.testing.assert_array_equal(test, split.test)


def test_labels_out_of_order_are_refused() -> None:
    start = np.arange(60)
    with pytest.raises(DataError, match="Sort the rows"):
        nested(start[::-1], start[::-1], outer=INNER["k-fold"], inner=INNER["k-fold"])
