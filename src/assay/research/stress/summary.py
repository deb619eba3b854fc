"""What many paths say together: the middle, the worst twentieth, and how often it ends badly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.research.stress.outcome import Outcome

TAIL = 0.05
BOUND = 0.95
FAN_PATHS_MIN = 20
"""Fewer paths have no worst twentieth to draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """How often something happened.

    Attributes
    ----------
    count : int
    share : float
        Of the paths, [0, 1].
    high : float
        Upper bound of the probability behind it, at 95 % confidence (Clopper and Pearson): nothing
        in 100 paths may still be 3 %. NaN where there is one path, which is no sample.
    """

    count: int
    share: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure over all paths: the worst twentieth begins at *worst*; *best* is its mirror."""

    worst: float
    median: float
    best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Trading days to climb out of the deepest fall; infinite where it was not climbed out of."""

    median_days: float
    worst_days: float
    never: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """Equity over the start balance at the days shown, one value per day."""

    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One scenario.

    Attributes
    ----------
    name, group : str
        What it is called, and which of the five groups it belongs to.
    title : str
        Name for a reader.
    told : str
        What was done, in a sentence.
    n_paths : int
    ruin, stop_out, loss : Chance
        Equity below the stated share of the start; a position closed for want of margin; less
        money at the end than at the start.
    growth, sharpe, drawdown : Spread
        Equity at the end over the start; annual; of daily closes.
    recovery : Recovery
    trades : float
        Median number of trades.
    fan : Fan or None
        Where there are paths enough to draw one.
    """

    name: str
    group: str
    title: str
    told: str
    n_paths: int
    ruin: Chance
    stop_out: Chance
    loss: Chance
    growth: Spread
    sharpe: Spread
    drawdown: Spread
    recovery: Recovery
    trades: float
    fan: Fan | None


def summary_of(
    name: str, group: str, title: str, told: str, outcomes: Sequence[Outcome], *, ruin_share: float
) -> Summary:
    """Return what *outcomes* say; at least one of them."""
    growth = np.array([item.growth for item in outcomes])
    days = np.array([item.recovery_days for item in outcomes])
    fan = None
    if len(outcomes) >= FAN_PATHS_MIN:
        curves = np.sort(np.array([item.curve for item in outcomes]), axis=0)
        low, middle, high = (tuple(row.tolist()) for row in _ranks(curves))
        fan = Fan(low=low, median=middle, high=high)
    return Summary(
        name=name,
        group=group,
        title=title,
        told=told,
        n_paths=len(outcomes),
        ruin=chance([item.lowest < ruin_share for item in outcomes]),
        stop_out=chance([item.is_stopped_out for item in outcomes]),
        loss=chance([item.growth < 1.0 for item in outcomes]),
        growth=spread(growth),
        sharpe=spread(np.array([item.sharpe for item in outcomes])),
        drawdown=_mirrored(spread(-np.array([item.drawdown for item in outcomes]))),
        recovery=Recovery(
            median_days=spread(-days).median * -1.0,
            worst_days=spread(-days).worst * -1.0,
            never=float(np.mean(np.isinf(days))),
        ),
        trades=float(np.median([item.n_trades for item in outcomes])),
        fan=fan,
    )


def chance(happened: Sequence[bool]) -> Chance:
    """Return how often something happened, and how likely it may still be.

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). The Use of Confidence or Fiducial Limits Illustrated
    in the Case of the Binomial. *Biometrika*, 26(4), 404-413.

    Examples
    --------
    >>> round(chance([False] * 100).high, 4)
    0.0295
    """
    from scipy.stats import beta

    n, count = len(happened), int(np.sum(happened))
    high = math.nan
    if n > 1:
        high = 1.0 if count == n else float(beta.ppf(BOUND, count + 1, n - count))
    return Chance(count=count, share=count / n, high=high)


def spread(values: FloatArray) -> Spread:
    """Return the 5 %, 50 % and 95 % quantiles, each a value that occurred; low is worst.

    The outer two lean outwards, so that few paths do not look safe.

    Examples
    --------
    >>> spread(np.arange(1.0, 101.0))
    Spread(worst=5.0, median=50.0, best=96.0)
    """
    worst, median, best = _ranks(np.sort(values))
    return Spread(worst=float(worst), median=float(median), best=float(best))


def _ranks(ordered: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three quantiles along the first axis of sorted values."""
    last = len(ordered) - 1
    low = math.floor(TAIL * last)
    return ordered[low], ordered[last // 2], ordered[last - low]


def _mirrored(values: Spread) -> Spread:
    return Spread(worst=-values.worst, median=-values.median, best=-values.best)
