"""Whether the best case of a search means anything: overfitting, luck, plateau, sensitivity."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.risk_search.evaluation import Arena, Cases
from assay.research.risk_search.objective import CASES_AT_ONCE, Measure
from assay.research.risk_search.parameters import OFF_SHARE, Range
from assay.research.statistics.independent_trials import independent_trials
from assay.research.statistics.overfitting import Metric, Overfitting, overfitting_of_blocks
from assay.research.statistics.sharpe import (
    deflated_sharpe,
    kurtosis,
    sharpe_ratio,
    skewness,
)

DRAWS = 1_000
"""Draws of the luck of all cases; each is used with its mirror."""
ROUNDING = 1e-9
"""Deviations below which the best of all is expected where one alone would be."""
BINS = 16
"""Equal parts of a range, over which its effect is averaged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plateau:
    """The neighbourhood of the best case.

    Attributes
    ----------
    n : int
        Neighbours that were tried.
    tolerance : float
        How far below the best counts as near, as a share of the best.
    share : float
        Of the neighbours that are near or better; 0 where the best is not above 0.
    low, median : float
        Tenth percentile and median of their objectives; minus infinity where they hardly trade.
    """

    n: int
    tolerance: float
    share: float
    low: float
    median: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensitivity:
    """What one parameter does to the objective, over the whole design.

    Attributes
    ----------
    name : str
    share : float
        Share of the variance of the objective that this parameter explains by itself.
    at : float64, shape (n_bins,)
        Median value of the parameter in each bin, rising; 0 is off.
    low, median, high : float64, shape (n_bins,)
        Quartiles of the objective there.
    """

    name: str
    share: float
    at: FloatArray
    low: FloatArray
    median: FloatArray
    high: FloatArray


def overfitting_of(cases: Cases, arena: Arena, measure: Measure) -> Overfitting:
    """Return the probability that choosing the best of *cases* is choosing luck.

    The Sharpe ratio judges for ``SHARPE``, the mean for ``GROWTH``.
    """
    sums = cases.block_sums
    metric = Metric.SHARPE if measure is Measure.SHARPE else Metric.MEAN
    return overfitting_of_blocks(arena.block_days, sums[:, :, 0].T, sums[:, :, 1].T, metric=metric)


def independent_number(returns: FloatArray) -> float:
    """Return how many independent cases expect the same best by luck, [1, n_cases].

    Parameters
    ----------
    returns : float64, shape (n_cases, n_parts)
        Returns by part of the history; a case that returns the same in all of them counts nothing.

    Notes
    -----
    Luck alone gives every case a ratio, and those of cases that resemble each other are alike. With
    *R* the correlation matrix of the rows, the best of all cases is expected at ``E[max N(0, R)]``,
    which is drawn for every case (*R* has the rank of the parts, so that it is cheap); the number
    is that of independent cases with the same expectation.
    """
    varies = np.any(returns != returns[:, :1], axis=1)
    centred = returns[varies] - returns[varies].mean(axis=1, keepdims=True)
    if len(centred) < 2:
        return 1.0
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    draws = np.random.default_rng(unit.shape[1]).standard_normal((DRAWS, unit.shape[1]))
    most, least = np.full(DRAWS, -np.inf), np.full(DRAWS, np.inf)
    for first in range(0, len(unit), CASES_AT_ONCE):
        luck = draws @ unit[first : first + CASES_AT_ONCE].T
        most, least = np.maximum(most, luck.max(axis=1)), np.minimum(least, luck.min(axis=1))
    # A draw and its mirror are equally likely.
    target = 0.5 * float(np.mean(most) - np.mean(least))
    return 1.0 if target <= ROUNDING else independent_trials(target, float(len(unit)))


def scaled(sums: FloatArray, n_days: float, measure: Measure) -> FloatArray:
    """Return the returns of the parts as *measure* sees them, shape (n_cases, n_parts).

    Parameters
    ----------
    sums : float64, shape (n_cases, n_parts, 2)
        Sum and sum of squares of daily returns.
    n_days : float
    measure : Measure
        For ``SHARPE`` in daily deviations of the case, 0 where nothing was traded.
    """
    total = sums[:, :, 0]
    if measure is Measure.GROWTH:
        return np.asarray(total)
    mean = total.sum(axis=1, keepdims=True) / n_days
    spread = np.sqrt(np.maximum(sums[:, :, 1].sum(axis=1, keepdims=True) / n_days - mean**2, 0.0))
    return np.asarray(np.divide(total, spread, out=np.zeros_like(total), where=spread > 0.0))


def edge_beyond_luck(daily: FloatArray, n_independent: float) -> float:
    """Return the probability that daily returns have a mean above 0 although they were chosen.

    The deflated Sharpe ratio of the best of *n_independent* cases, whose variance is that of luck;
    0 where nothing varies.
    """
    sharpe = sharpe_ratio(daily)
    if not math.isfinite(sharpe):
        return 0.0
    luck = 1.0 / (len(daily) - 1)
    shape = (skewness(daily), kurtosis(daily))
    return deflated_sharpe(sharpe, len(daily), n_independent, luck, *shape)


def gain_of(best: FloatArray, as_set: FloatArray, measure: Measure) -> FloatArray:
    """Return what the best case earned more on each day, in deviations of each for ``SHARPE``."""
    if measure is Measure.GROWTH:
        return np.asarray(best - as_set)
    spreads = [float(daily.std()) for daily in (best, as_set)]
    one, two = (
        daily / spread if spread > 0.0 else np.zeros_like(daily)
        for daily, spread in zip((best, as_set), spreads, strict=True)
    )
    return np.asarray(one - two)


def plateau_of(best: float, neighbours: FloatArray, tolerance: float) -> Plateau:
    """Return how the neighbours of the best case do, given their objectives."""
    is_near = neighbours >= best - tolerance * abs(best)
    return Plateau(
        n=len(neighbours),
        tolerance=tolerance,
        share=float(np.mean(is_near)) if best > 0.0 else 0.0,
        low=float(np.quantile(neighbours, 0.1, method="lower")),
        median=float(np.quantile(neighbours, 0.5, method="lower")),
    )


def sensitivities(
    cases: Cases, units: FloatArray, objective: FloatArray, ranges: Mapping[str, Range]
) -> tuple[Sensitivity, ...]:
    """Return the effect of each parameter, the largest first.

    Parameters
    ----------
    cases : Cases
    units : float64, shape (n_cases, n_parameters)
        The design, in the order of *ranges*.
    objective : float64, shape (n_cases,)
        Cases without one (minus infinity) are left out.
    ranges : mapping of str to Range

    Notes
    -----
    The share is the correlation ratio: the variance of the means of bins of equal width over the
    variance of all, less what bins of so few cases explain by chance. It is the first-order
    Sobol index, estimated from one design. A rule that is off is a bin of its own.

    References
    ----------
    Saltelli, A. et al. (2008). *Global Sensitivity Analysis: The Primer*, chapter 1.
    """
    known = np.isfinite(objective)
    found = []
    for column, (name, item) in enumerate(ranges.items()):
        u = units[known, column]
        if item.may_be_off:
            u = np.where(u < OFF_SHARE, -0.5 / BINS, (u - OFF_SHARE) / (1.0 - OFF_SHARE))
        place = np.minimum(np.floor(u * BINS), BINS - 1).astype(np.int64)
        found.append(_sensitivity(name, cases.values[name][known], place, objective[known]))
    return tuple(sorted(found, key=lambda item: (-item.share, item.name)))


def _sensitivity(
    name: str, value: FloatArray, place: IntArray, objective: FloatArray
) -> Sensitivity:
    groups = [np.flatnonzero(place == b) for b in np.unique(place)]
    spread = float(np.var(objective)) if len(objective) else 0.0
    share = 0.0
    if spread > 0.0 and len(objective) > len(groups):
        weight = np.array([len(rows) / len(objective) for rows in groups])
        means = np.array([objective[rows].mean() for rows in groups])
        ratio = float(weight @ (means - objective.mean()) ** 2) / spread
        by_chance = (len(groups) - 1.0) / (len(objective) - 1.0)
        share = max(0.0, (ratio - by_chance) / (1.0 - by_chance))
    quartiles = np.array(
        [np.quantile(objective[rows], (0.25, 0.5, 0.75)) for rows in groups]
    ).reshape(-1, 3)
    return Sensitivity(
        name=name,
        share=share,
        at=np.array([float(np.median(value[rows])) for rows in groups]),
        low=quartiles[:, 0],
        median=quartiles[:, 1],
        high=quartiles[:, 2],
    )
