"""The probability of backtest overfitting, by combinatorially symmetric cross-validation."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import BoolArray, FloatArray, IntArray
from assay.research.statistics.cscv import describe_blocks, judge_splits, winner_and_rank
from assay.research.statistics.observations import table

BLOCKS = 16
"""The paper's choice: 12,870 splits."""
BLOCKS_MAX = 24
CELLS_MAX = 2_000_000_000
"""Splits times candidates; a million take about 0.02 s."""


@unique
class Metric(Enum):
    """How a candidate's half of the record is judged."""

    MEAN = "mean"
    SHARPE = "sharpe"


Performance = Callable[[FloatArray], ArrayLike]
"""From rows in time order, shape (n_rows, n_candidates), to one number per candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """What choosing the best candidate in one half was worth in the other half.

    Attributes
    ----------
    probability : float
        PBO: share of splits whose winner was at or below the median out of sample.
    logits : float64, shape (n_splits,)
        ``ln(rank / (N + 1 - rank))`` of the winner's rank out of sample, N the best.
    chosen : int64, shape (n_splits,)
        The winner in sample, a column.
    in_sample, out_of_sample : float64, shape (n_splits,)
        Its performance in the half that chose it, and in the other half.
    slope, intercept, r_squared : float
        Least squares of *out_of_sample* on *in_sample*; NaN where all winners did the same. A
        slope below 0 says that a better past meant a worse future.
    probability_of_loss : float
        Share of splits whose winner performed below 0 out of sample.

    Notes
    -----
    Splits are in lexicographic order of the blocks in sample: for four blocks 01, 02, 03, 12, 13,
    23. Split *i* and split ``n - 1 - i`` change roles.
    """

    probability: float
    logits: FloatArray
    chosen: IntArray
    in_sample: FloatArray
    out_of_sample: FloatArray
    slope: float
    intercept: float
    r_squared: float
    probability_of_loss: float


def overfitting(
    performance: ArrayLike,
    *,
    n_blocks: int = BLOCKS,
    metric: Metric | Performance = Metric.SHARPE,
) -> Overfitting:
    """Return how likely the best candidate of a search is no better than the median one.

    Parameters
    ----------
    performance : float64, shape (n_rows, n_candidates)
        Returns or profits per period of *every* candidate that was tried, oldest first, without
        NaN. Leaving out the bad ones makes the answer too good.
    n_blocks : int
        Blocks of time S, even, 2 to 24; every half of them is in sample once.
    metric : Metric or callable
        The mean, the Sharpe ratio per period (``ddof=1``), or a function of a half's rows.

    Raises
    ------
    ConfigError
        If the number of blocks is odd or out of range, or the work too large.
    DataError
        For NaN, fewer than two candidates, fewer than two rows a half, or a candidate whose
        ratio is not defined: one that earns the same amount, not 0, in every row of a half. One
        that earns exactly 0 there has the ratio 0.

    Notes
    -----
    ``λ = ln(ω / (1 - ω))``, ``ω = rank / (N + 1)``; PBO is the share of ``λ <= 0``, so a winner
    that becomes the median counts as overfitted. Ties in sample go to the first column; ties out
    of sample share their mean rank; performances that differ by less than the rounding of their
    sums are ties (of a function as *metric* only equal ones are). All rows count: if *n_blocks*
    does not divide them, the first blocks are one row longer (others drop rows). Halves overlap,
    so that the estimate is noisy: for pure noise its standard deviation is about 0.14 (T = 1,000,
    N = 200, S = 16), around one half.

    The work is done on block means and sums of squares, not on rows: 16 blocks of 1,000
    candidates take well under a second. A function as *metric* is called with rows, twice for
    each pair of halves.

    References
    ----------
    Bailey, D. H., Borwein, J. M., López de Prado, M. and Zhu, Q. J. (2017). The Probability of
    Backtest Overfitting. *Journal of Computational Finance*, 20(4), 39-69.

    Examples
    --------
    Candidates that earn nothing over the whole record: what wins one half loses the other.

    >>> found = overfitting([[1, 2, 0], [3, 0, 1], [0, 1, 2], [2, 3, 1]], n_blocks=4,
    ...                     metric=Metric.MEAN)
    >>> found.probability
    1.0
    >>> found.logits.round(4).tolist()
    [-1.0986, 0.0, -1.0986, 0.0, -1.0986, 0.0]
    """
    values = table(performance, "performance", n_rows_min=4, n_columns_min=2)
    n_splits = _n_splits(n_blocks, *values.shape)
    edges = _edges(len(values), n_blocks)
    into = _places(n_splits)
    if isinstance(metric, Metric):
        _judge_blocks(values, edges, metric, into)
    else:
        _judge_rows(values, edges, metric, into)
    return _found(into, values.shape[1])


def overfitting_of_blocks(
    count: ArrayLike, total: ArrayLike, squares: ArrayLike, *, metric: Metric = Metric.SHARPE
) -> Overfitting:
    """Return what ``overfitting`` says, from sums over each block in place of rows.

    Parameters
    ----------
    count : float64, shape (n_blocks,)
        Rows of each block; their number is even.
    total, squares : float64, shape (n_blocks, n_candidates)
        Sum and sum of squares of each block.
    metric : Metric

    Raises
    ------
    ConfigError, DataError
        As ``overfitting``, and if the blocks do not fit together.

    Notes
    -----
    Equal to ``overfitting`` up to the rounding of the sums: a variance about a mean that is
    10,000 times the deviation keeps half of its digits.

    Examples
    --------
    >>> found = overfitting_of_blocks([1, 1, 1, 1], [[1, 2, 0], [3, 0, 1], [0, 1, 2], [2, 3, 1]],
    ...                               [[1, 4, 0], [9, 0, 1], [0, 1, 4], [4, 9, 1]],
    ...                               metric=Metric.MEAN)
    >>> found.probability
    1.0
    """
    sums = table(total, "total", n_rows_min=2, n_columns_min=2)
    square_sums = table(squares, "squares", n_rows_min=2, n_columns_min=2)
    rows = np.asarray(count, dtype=np.float64)
    if sums.shape != square_sums.shape or rows.shape != (len(sums),) or not (rows >= 1.0).all():
        raise DataError(
            f"count, total and squares must be of the same blocks; have the shapes {rows.shape}, "
            f"{sums.shape} and {square_sums.shape}.",
            remedy="Give at least one row to each block.",
        )
    n_candidates = sums.shape[1]
    into = _places(_n_splits(len(rows), int(rows.sum()), n_candidates))
    mean = sums / rows[:, None]
    about = np.maximum(square_sums - sums * mean, 0.0)
    flat = about <= 4.0 * np.finfo(np.float64).eps * rows[:, None] * square_sums
    about[flat] = 0.0
    # The mean of absolute values is at most the root of the mean square.
    typical = np.sqrt(square_sums.sum(axis=0) / rows.sum())
    rounding = 2.0 * np.finfo(np.float64).eps * rows.sum() * typical
    _judge_moments(rows, mean, about, flat, rounding, metric, into)
    return _found(into, n_candidates)


def _places(n_splits: int) -> "_Into":
    """Return arrays for in sample, out of sample, ranks and chosen of each split."""
    return np.empty(n_splits), np.empty(n_splits), np.empty(n_splits), np.empty(n_splits, np.int64)


def _found(into: "_Into", n_candidates: int) -> Overfitting:
    in_sample, out_of_sample, ranks, chosen = into
    logits = np.log(ranks / (n_candidates + 1.0 - ranks))
    slope, intercept, r_squared = _line(in_sample, out_of_sample)
    return Overfitting(
        probability=float(np.mean(logits <= 0.0)),
        logits=logits,
        chosen=chosen,
        in_sample=in_sample,
        out_of_sample=out_of_sample,
        slope=slope,
        intercept=intercept,
        r_squared=r_squared,
        probability_of_loss=float(np.mean(out_of_sample < 0.0)),
    )


_Into = tuple[FloatArray, FloatArray, FloatArray, IntArray]


def _n_splits(n_blocks: int, n_rows: int, n_candidates: int) -> int:
    if n_blocks % 2 or not 2 <= n_blocks <= BLOCKS_MAX:
        raise ConfigError(
            f"n_blocks must be even and from 2 to {BLOCKS_MAX}; was {n_blocks}.",
            remedy=f"Use {BLOCKS}, as the paper does.",
            n_blocks=n_blocks,
        )
    if n_rows < max(n_blocks, 4):
        raise DataError(
            f"performance must have at least {max(n_blocks, 4)} rows for {n_blocks} blocks; "
            f"has {n_rows}.",
            remedy="Use fewer blocks or a longer record.",
            n_rows=n_rows,
        )
    n_splits = math.comb(n_blocks, n_blocks // 2)
    if n_splits * n_candidates > CELLS_MAX:
        raise ConfigError(
            f"Splits times candidates must be at most {CELLS_MAX:,}; were "
            f"{n_splits:,} · {n_candidates:,}.",
            remedy="Use fewer blocks, or one candidate of each group of near copies.",
            n_blocks=n_blocks,
            n_candidates=n_candidates,
        )
    return n_splits


def _edges(n_rows: int, n_blocks: int) -> IntArray:
    """Return where blocks begin, and the end; the first ones take what is left over."""
    size, rest = divmod(n_rows, n_blocks)
    sizes = np.full(n_blocks, size, np.int64)
    sizes[:rest] += 1
    return np.concatenate(([0], np.cumsum(sizes)))


def _line(x: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    """Return slope, intercept and R² of *y* on *x*; NaN where they are not defined."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) == 0.0:
        return math.nan, math.nan, math.nan
    dx, dy = x - np.mean(x), y - np.mean(y)
    slope = float(dx @ dy / (dx @ dx))
    spread = float(dy @ dy)
    r_squared = slope * float(dx @ dy) / spread if spread > 0.0 else math.nan
    return slope, float(np.mean(y) - slope * np.mean(x)), r_squared


def _judge_blocks(values: FloatArray, edges: IntArray, metric: Metric, into: _Into) -> None:
    n_blocks, n_candidates = len(edges) - 1, values.shape[1]
    mean = np.empty((n_blocks, n_candidates))
    squares = np.empty((n_blocks, n_candidates))
    flat = np.empty((n_blocks, n_candidates), np.bool_)
    describe_blocks(values, edges, mean, squares, flat)
    rounding = 2.0 * np.finfo(np.float64).eps * len(values) * np.mean(np.abs(values), axis=0)
    count = np.diff(edges).astype(np.float64)
    _judge_moments(count, mean, squares, flat, rounding, metric, into)


def _judge_moments(
    count: FloatArray,
    mean: FloatArray,
    squares: FloatArray,
    flat: BoolArray,
    rounding: FloatArray,
    metric: Metric,
    into: _Into,
) -> None:
    by_sharpe = metric is Metric.SHARPE
    undefined = judge_splits(count, mean, squares, flat, rounding, by_sharpe, *into)
    if undefined >= 0:
        raise DataError(
            f"performance must vary for a Sharpe ratio; column {undefined} earns the same amount "
            "in every row of a half.",
            remedy="Take that candidate out, or compare means.",
            column=undefined,
        )


def _judge_rows(values: FloatArray, edges: IntArray, metric: Performance, into: _Into) -> None:
    n_blocks = len(edges) - 1
    block_of_row = np.repeat(np.arange(n_blocks), np.diff(edges))
    in_sample, out_of_sample, ranks, chosen = into
    exact = np.zeros(values.shape[1])
    last = len(ranks) - 1
    for i, blocks in enumerate(combinations(range(n_blocks), n_blocks // 2)):
        if 2 * i > last:
            break
        inside = np.isin(block_of_row, blocks)
        halves = _measured(metric, values[inside]), _measured(metric, values[~inside])
        for split, (one, other) in ((i, halves), (last - i, halves[::-1])):
            winner, rank = winner_and_rank(one, exact, other, exact)
            chosen[split], ranks[split] = winner, rank
            in_sample[split], out_of_sample[split] = one[winner], other[winner]


def _measured(metric: Performance, rows: FloatArray) -> FloatArray:
    found = np.asarray(metric(rows), dtype=np.float64)
    if found.shape != (rows.shape[1],) or np.isnan(found).any():
        raise DataError(
            f"metric must give one number per candidate, {rows.shape[1]}; gave "
            f"{'NaN' if found.shape == (rows.shape[1],) else f'shape {found.shape}'}.",
            remedy="Define it for candidates that do not trade, or take those out.",
        )
    return found
