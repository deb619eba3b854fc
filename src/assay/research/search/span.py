"""The part of a history that one search may see, cut into groups and splits."""

from dataclasses import dataclass

import numpy as np

from assay.engine.market import BID_CLOSE
from assay.kernels.compiler import IntArray
from assay.research.benchmarks import Market
from assay.research.dataset import Dataset
from assay.research.splits.combinatorial import CombinatorialPurged, combinatorial_purged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchSpan:
    """Rows that a search learns from and is judged on; nothing after them is read.

    Attributes
    ----------
    first, stop : int
        Rows of the dataset, which are events of the market; half-open.
    until_ns : int
        Labels that settle at or after this are not known yet, and train nothing.
    n_groups, n_test_groups : int
        Of the combinatorial cross-validation.
    embargo_ns : int
    """

    first: int
    stop: int
    until_ns: int
    n_groups: int
    n_test_groups: int
    embargo_ns: int

    def splits(self, dataset: Dataset) -> CombinatorialPurged:
        """Return the splits of the span under the labels of *dataset*; rows count from *first*.

        Every row takes part, so that the groups are the same whatever the labels are; one without
        a label ends where it starts. A label ends when it would have been known whatever the
        market did: purging by the touch would keep early touches beside a test and drop the rest.
        """
        rows = slice(self.first, self.stop)
        start = dataset.start_ns[rows]
        return combinatorial_purged(
            start,
            np.maximum(dataset.settled_ns[rows], start),
            n_groups=self.n_groups,
            n_test_groups=self.n_test_groups,
            embargo=self.embargo_ns,
        )

    def trains(self, dataset: Dataset, rows: IntArray) -> IntArray:
        """Return those of *rows*, counted from *first*, that have a label known in time."""
        places = rows + self.first
        usable = (
            dataset.is_ready[places]
            & dataset.has_label[places]
            & (dataset.settled_ns[places] < self.until_ns)
        )
        return places[usable]

    def group_market(self, market: Market, cuts: IntArray, group: int) -> Market:
        """Return the events of one group; *market* holds those of the whole dataset."""
        first, stop = (int(edge) + self.first for edge in cuts[group : group + 2])
        return Market(
            tape=market.tape.between(first, stop),
            atr=market.atr[first:stop],
            instruments=market.instruments,
            settings=market.settings,
        )


def mid_of(market: Market) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return the mid close of every event."""
    bid, ask = market.tape.market[BID_CLOSE], market.tape.ask_close
    return np.asarray(0.5 * (bid + ask))
