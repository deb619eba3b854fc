"""Combinatorial purged cross-validation: many whole out-of-sample paths from one history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import comb

import numpy as np

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.splits.purged import check_spans, leaking_pairs

SPLITS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CombinatorialSplit:
    """One way to leave out some of the groups.

    Attributes
    ----------
    index : int
    groups : tuple of int
        The groups that are tested, rising.
    train : int64
        Rows that may train, rising.
    tests : tuple of int64 arrays
        Rows of each tested group, in the order of *groups*.
    """

    index: int
    groups: tuple[int, ...]
    train: IntArray
    tests: tuple[IntArray, ...]

    @property
    def test(self) -> IntArray:
        """All tested rows, rising."""
        return np.concatenate(self.tests)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CombinatorialPurged:
    """The splits, made one at a time when they are asked for, and the paths through them.

    Attributes
    ----------
    start, end : int64, shape (n_rows,)
        Closed span of each label, in order of *start*.
    cuts : int64, shape (n_groups + 1,)
        First row of each group, and the number of rows.
    tested : int64, shape (n_splits, n_test_groups)
        The groups that each split tests, in lexicographic order.
    embargo : int
        In the unit of the spans.
    """

    start: IntArray
    end: IntArray
    cuts: IntArray
    tested: IntArray
    embargo: int

    def __len__(self) -> int:
        """Return the number of splits, ``C(n_groups, n_test_groups)``."""
        return len(self.tested)

    def __iter__(self) -> Iterator[CombinatorialSplit]:
        return (self.split(index) for index in range(len(self)))

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.cuts) - 1

    @property
    def n_paths(self) -> int:
        """Number of paths, ``n_test_groups / n_groups`` times the number of splits."""
        return self.tested.size // self.n_groups

    def split(self, index: int) -> CombinatorialSplit:
        """Return split *index*: neighbouring test groups are one block, purged and embargoed.

        Raises
        ------
        DataError
            If nothing is left to train on.

        Notes
        -----
        O(n_rows). Row *j* outside a block is dropped iff ``start[j] <= max(end[block]) + embargo``
        and ``end[j] >= min(start[block])``. In rows that rise by *start* this drops what touches
        the block, what starts within the embargo, and nothing else.
        """
        groups = self.tested[index]
        keep = np.ones(len(self.start), bool)
        for block in np.split(groups, np.flatnonzero(np.diff(groups) > 1) + 1):
            first, stop = self.cuts[block[0]], self.cuts[block[-1] + 1]
            last = self.end[first:stop].max()
            beyond = np.searchsorted(self.start, last + self.embargo, side="right")
            keep[:first] &= self.end[:first] < self.start[first]
            keep[first : max(stop, beyond)] = False
        train = np.flatnonzero(keep)
        if not len(train):
            raise DataError(
                f"Split {index} must leave labels to train on; testing groups "
                f"{', '.join(map(str, groups))} of {self.n_groups} leaves none.",
                remedy="Import more history, test fewer groups, or lower the embargo.",
            )
        return CombinatorialSplit(
            index=index,
            groups=tuple(int(group) for group in groups),
            train=train,
            tests=tuple(np.arange(*self.cuts[group : group + 2]) for group in groups),
        )

    def paths(self) -> IntArray:
        """Return which split tests each group of each path.

        Returns
        -------
        split : int64, shape (n_paths, n_groups)
            Path *p* takes each group from the *p*-th split that tests it, so that every test
            group of every split is in exactly one path.
        """
        by_group = np.argsort(self.tested, axis=None, kind="stable") // self.tested.shape[1]
        return np.asarray(by_group.reshape(self.n_groups, self.n_paths).T)

    def parts(self, path: int) -> list[tuple[int, slice]]:
        """Return where the groups of one path stand, in order of time.

        Returns
        -------
        parts : list of (int, slice)
            For each group: the split, and where the group's rows stand among that split's
            test rows.
        """
        sizes = np.diff(self.cuts)
        found = []
        for group, index in enumerate(self.paths()[path]):
            before = self.tested[index][self.tested[index] < group]
            offset = int(sizes[before].sum())
            found.append((int(index), slice(offset, offset + int(sizes[group]))))
        return found

    def assembled(self, answers: Sequence[FloatArray]) -> FloatArray:
        """Return what was said about every row, once on every path.

        Parameters
        ----------
        answers : sequence of float64, shape (n_test_rows, ...)
            One per split, about its test rows in their order.

        Returns
        -------
        whole : float64, shape (n_paths, n_rows, ...)
            In order of time.
        """
        return np.stack(
            [
                np.concatenate([answers[index][rows] for index, rows in self.parts(path)])
                for path in range(self.n_paths)
            ]
        )

    def leaking_pairs(self) -> int:
        """Count pairs of training and test labels that touch, over all splits; zero, or a bug."""
        return sum(
            leaking_pairs(self.start, self.end, split.train, split.test, embargo=self.embargo)
            for split in self
        )


def combinatorial_purged(
    start: IntArray, end: IntArray, *, n_groups: int, n_test_groups: int, embargo: int
) -> CombinatorialPurged:
    """Cut labels into groups of time and return every choice of *n_test_groups* to test.

    Parameters
    ----------
    start, end : int64, shape (n_rows,)
        Closed span of each label, in any one unit of time (bars or nanoseconds), in order of
        *start*. A row without a label ends where it starts.
    n_groups, n_test_groups : int
        ``1 <= n_test_groups < n_groups``. One test group makes purged k-fold, with one path.
    embargo : int
        Rows that start within this much after the last label of a test block has ended are
        dropped as well, after each block, at least 0.

    Returns
    -------
    CombinatorialPurged

    Raises
    ------
    ConfigError
        If the numbers fit no split, or make more than ``SPLITS_MAX``.
    DataError
        If there are fewer moments than groups, or the labels are out of order.

    Notes
    -----
    Every group but the last holds ``floor(T / n_groups)`` of the *T* distinct starts, and the
    last one the rest; rows of one start (several symbols) stay in one group. There are
    ``C(N, k)`` splits and ``k / N C(N, k)`` paths. Models are trained on what follows a test as
    well as on what precedes it: the paths show how a result varies, not what trading would
    have earned.

    References
    ----------
    López de Prado, M. (2018). *Advances in Financial Machine Learning*, ch. 12. Wiley.

    Examples
    --------
    >>> bar = np.arange(12)
    >>> cv = combinatorial_purged(bar, bar + 1, n_groups=3, n_test_groups=2, embargo=0)
    >>> [split.train.tolist() for split in cv]
    [[9, 10, 11], [5, 6], [0, 1, 2]]
    >>> cv.paths()
    array([[0, 0, 1],
           [1, 2, 2]])
    """
    if n_groups < 2 or not 1 <= n_test_groups < n_groups:
        raise ConfigError(
            "Combinatorial cross-validation must test at least 1 group and train on at least 1; "
            f"was {n_test_groups} of {n_groups} groups.",
            remedy="Choose 1 <= n_test_groups < n_groups, such as 2 of 6.",
        )
    if embargo < 0:
        raise ConfigError(
            f"An embargo must be at least 0; was {embargo}.", remedy="Use 0 for no embargo."
        )
    n_splits = comb(n_groups, n_test_groups)
    if n_splits > SPLITS_MAX:
        raise ConfigError(
            f"Combinatorial cross-validation must have at most {SPLITS_MAX:,} splits; "
            f"{n_test_groups} of {n_groups} groups make {n_splits:,}.",
            remedy="Use fewer groups, or test fewer of them: each split is a whole training.",
        )
    check_spans(start, end)
    moments = start[np.flatnonzero(np.diff(start, prepend=start[:1] - 1))]
    if len(moments) < n_groups:
        raise DataError(
            f"{n_groups} groups must have a moment each; there are {len(moments)}.",
            remedy="Import more history, or use fewer groups.",
        )
    edges = moments[len(moments) // n_groups * np.arange(1, n_groups)]
    chosen = chain.from_iterable(combinations(range(n_groups), n_test_groups))
    return CombinatorialPurged(
        start=start,
        end=end,
        cuts=np.concatenate(([0], np.searchsorted(start, edges), [len(start)])),
        tested=np.fromiter(chosen, np.int64).reshape(n_splits, n_test_groups),
        embargo=embargo,
    )
