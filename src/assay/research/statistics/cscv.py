"""All ways to split blocks of time into two halves, and who wins each: the compiled part."""

import math

import numpy as np

from assay.kernels.compiler import BoolArray, FloatArray, IntArray, kernel
from assay.research.statistics.observations import STILL_SHARE


@kernel
def describe_blocks(
    values: FloatArray, edges: IntArray, mean: FloatArray, squares: FloatArray, flat: BoolArray
) -> None:
    """Write each block's mean, sum of squares about it, and whether all its rows are equal."""
    n_blocks, n_candidates = mean.shape
    for b in range(n_blocks):
        first, stop = edges[b], edges[b + 1]
        for k in range(n_candidates):
            total = 0.0
            same = True
            for t in range(first, stop):
                total += values[t, k]
                if values[t, k] != values[first, k]:
                    same = False
            centre = values[first, k] if same else total / (stop - first)
            about = 0.0
            for t in range(first, stop):
                about += (values[t, k] - centre) ** 2
            mean[b, k] = centre
            squares[b, k] = about
            flat[b, k] = same


@kernel
def winner_and_rank(
    one: FloatArray, one_slack: FloatArray, other: FloatArray, other_slack: FloatArray
) -> tuple[int, float]:
    """Return the first best of *one* and its rank in *other*, 1 the worst, ties at their mean.

    Numbers that differ by no more than their slacks are ties.
    """
    best = 0
    for k in range(1, len(one)):
        if one[k] > one[best]:
            best = k
    winner = 0
    while one[winner] < one[best] - one_slack[winner] - one_slack[best]:
        winner += 1
    below = 0
    equal = 0
    for k in range(len(other)):
        slack = other_slack[k] + other_slack[winner]
        if other[k] < other[winner] - slack:
            below += 1
        elif other[k] <= other[winner] + slack:
            equal += 1
    return winner, below + (equal + 1) / 2.0


@kernel
def _measure_half(
    inside: BoolArray,
    wanted: bool,
    count: FloatArray,
    mean: FloatArray,
    squares: FloatArray,
    flat: BoolArray,
    rounding: FloatArray,
    by_sharpe: bool,
    out: FloatArray,
    slack: FloatArray,
) -> int:
    """Write the performance over the blocks where *inside* is *wanted*, and its rounding.

    Returns the first column whose ratio is not defined, or -1.
    """
    n_blocks, n_candidates = mean.shape
    n = 0.0
    out[:] = 0.0
    for b in range(n_blocks):
        if inside[b] == wanted:
            n += count[b]
            for k in range(n_candidates):
                out[k] += count[b] * mean[b, k]
    for k in range(n_candidates):
        out[k] /= n
        slack[k] = rounding[k]
        if abs(out[k]) <= slack[k]:
            out[k] = 0.0
    if not by_sharpe:
        return -1
    about = np.zeros(n_candidates)
    level = np.zeros(n_candidates)
    same = np.ones(n_candidates, np.bool_)
    n_seen = 0
    for b in range(n_blocks):
        if inside[b] == wanted:
            for k in range(n_candidates):
                gap = mean[b, k] - out[k]
                about[k] += squares[b, k] + count[b] * gap * gap
                if n_seen == 0:
                    level[k] = mean[b, k]
                same[k] = same[k] and flat[b, k] and mean[b, k] == level[k]
            n_seen += 1
    for k in range(n_candidates):
        if same[k] or math.sqrt(about[k] / n) <= STILL_SHARE * abs(out[k]):
            if level[k] != 0.0:
                return k
            out[k] = 0.0
        else:
            deviation = math.sqrt(about[k] / (n - 1.0))
            out[k] /= deviation
            slack[k] = slack[k] / deviation + 1e-14 * abs(out[k])
    return -1


@kernel
def judge_splits(
    count: FloatArray,
    mean: FloatArray,
    squares: FloatArray,
    flat: BoolArray,
    rounding: FloatArray,
    by_sharpe: bool,
    in_sample: FloatArray,
    out_of_sample: FloatArray,
    ranks: FloatArray,
    chosen: IntArray,
) -> int:
    """Fill the results of all splits; return a column without a ratio, or -1.

    The halves that hold block 0 come first in lexicographic order; the others are their
    complements in reverse.
    """
    n_blocks, n_candidates = mean.shape
    half = n_blocks // 2
    n_splits = len(ranks)
    blocks = np.arange(half)
    inside = np.zeros(n_blocks, np.bool_)
    one = np.empty(n_candidates)
    other = np.empty(n_candidates)
    one_slack = np.empty(n_candidates)
    other_slack = np.empty(n_candidates)
    told = (count, mean, squares, flat, rounding, by_sharpe)
    for i in range(n_splits // 2):
        inside[:] = False
        for b in blocks:
            inside[b] = True
        bad = _measure_half(inside, True, *told, one, one_slack)
        if bad >= 0:
            return bad
        bad = _measure_half(inside, False, *told, other, other_slack)
        if bad >= 0:
            return bad
        winner, rank = winner_and_rank(one, one_slack, other, other_slack)
        chosen[i], ranks[i] = winner, rank
        in_sample[i], out_of_sample[i] = one[winner], other[winner]
        mirror = n_splits - 1 - i
        winner, rank = winner_and_rank(other, other_slack, one, one_slack)
        chosen[mirror], ranks[mirror] = winner, rank
        in_sample[mirror], out_of_sample[mirror] = other[winner], one[winner]
        place = half - 1
        while place > 0 and blocks[place] == n_blocks - half + place:
            place -= 1
        blocks[place] += 1
        for j in range(place + 1, half):
            blocks[j] = blocks[j - 1] + 1
    return -1
