"""Conformal intervals: forecasts with a promise about how often the truth lies outside.

A *score* says how wrong a forecast was; larger is worse. Split conformal takes a quantile of past
scores and promises coverage if past and future are exchangeable, which markets are not. Adaptive
conformal inference moves its level after each miss or hit, and its long-run share of misses is
the one asked for whatever the market does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from assay.domain.errors import ConfigError
from assay.kernels.compiler import BoolArray, FloatArray
from assay.research.statistics.observations import (
    count,
    finite,
    number,
    observed,
    outcomes,
    positive,
    series,
    share,
)


def conformal_rank(n: int, alpha: float) -> int:
    """Return which of *n* scores, counted from the smallest, bounds the next one.

    Parameters
    ----------
    n : int
        Scores that are known, at least 0.
    alpha : float
        Share of misses, any finite number; taken to twelve decimals, so that 0.7 of 10 is 7 and
        ``1 - 0.9`` is 0.1.

    Raises
    ------
    ConfigError
        If *n* is no whole number from 0 on, or *alpha* is not finite.

    Returns
    -------
    rank : int
        ``ceil((n + 1) (1 - alpha))``. Above *n*: no score is large enough; below 1: none is
        small enough.

    Examples
    --------
    >>> [conformal_rank(n, 0.1) for n in (19, 9, 8, 1000)]
    [18, 9, 9, 901]
    """
    count(n, "n", minimum=0, maximum=10**15)
    number(alpha, "alpha")
    return n + 1 - math.floor((n + 1) * Fraction(repr(round(float(alpha), 12))))


def conformal_quantile(scores: ArrayLike, alpha: float) -> float:
    """Return the score that the next one exceeds with a chance of *alpha* at most.

    Parameters
    ----------
    scores : float64, shape (n,)
        Of forecasts made on rows that no model was fitted on, without NaN; any order.
    alpha : float
        Share of misses.

    Returns
    -------
    quantile : float
        The score of rank :func:`conformal_rank`; infinite where that is above *n* (nothing can
        be promised), minus infinity where it is below 1 (everything may be missed).

    Raises
    ------
    DataError
        If a score is NaN or infinite.
    ConfigError
        If *alpha* is not finite.

    Notes
    -----
    Holds on average over calibration sets, if the scores and the next one are exchangeable.
    Given one set, coverage varies as :func:`coverage_distribution` says. O(n).

    References
    ----------
    Vovk, V., Gammerman, A. and Shafer, G. (2005). *Algorithmic Learning in a Random World*.
    Springer.

    Examples
    --------
    >>> conformal_quantile(np.arange(1, 20), 0.1), conformal_quantile(np.arange(1, 9), 0.1)
    (18.0, inf)
    """
    known = series(scores, "scores", n_min=0, has_powers=False)
    rank = conformal_rank(len(known), alpha)
    if rank > len(known):
        return math.inf
    if rank < 1:
        return -math.inf
    return float(np.partition(known, rank - 1)[rank - 1])


def coverage_distribution(n: int, alpha: float) -> tuple[float, float]:
    """Return mean and deviation of the coverage that one calibration set of *n* scores gives.

    Notes
    -----
    Coverage given the set is ``Beta(k, n + 1 - k)`` with *k* the rank, for continuous scores.

    References
    ----------
    Vovk, V. (2012). Conditional validity of inductive conformal predictors. *ACML*.

    Examples
    --------
    >>> [round(x, 4) for x in coverage_distribution(1000, 0.1)]
    [0.9001, 0.0095]
    """
    rank = conformal_rank(n, alpha)
    if not 1 <= rank <= n:
        return (1.0, 0.0) if rank > n else (0.0, 0.0)
    mean = rank / (n + 1)
    return mean, math.sqrt(mean * (1.0 - mean) / (n + 2))


def quantile_scores(y: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return how far outcomes lie outside forecast intervals, negative inside, shape (n,).

    References
    ----------
    Romano, Y., Patterson, E. and Candès, E. J. (2019). Conformalized Quantile Regression.
    *NeurIPS*.
    """
    outcome = finite(y, "y")
    return np.maximum(finite(low, "low") - outcome, outcome - finite(high, "high"))


def split_interval(
    forecast: FloatArray, scores: ArrayLike, alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Return the interval around point forecasts; *scores* are absolute errors.

    Parameters
    ----------
    forecast : float64, shape (n,)
    scores : float64, shape (n_calibration,)
        Absolute errors of forecasts on rows that no model was fitted on.
    alpha : float
        Share of misses, in (0, 1).

    Examples
    --------
    >>> low, high = split_interval(np.array([5.0]), np.arange(1, 20), 0.1)
    >>> low, high
    (array([-13.]), array([23.]))
    """
    radius = conformal_quantile(scores, share(alpha, "alpha"))
    centre = finite(forecast, "forecast")
    return centre - radius, centre + radius


def quantile_interval(
    low: FloatArray, high: FloatArray, scores: ArrayLike, alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Return forecast intervals, widened or narrowed to hold (conformalised quantile regression).

    Parameters
    ----------
    low, high : float64, shape (n,)
        Forecast quantiles.
    scores : float64, shape (n_calibration,)
        Of :func:`quantile_scores` on rows that no model was fitted on.
    alpha : float
        Share of misses, in (0, 1).

    Returns
    -------
    low, high : float64, shape (n,)
        An interval that was far too wide may come out empty: *low* above *high*.
    """
    radius = conformal_quantile(scores, share(alpha, "alpha"))
    return finite(low, "low") - radius, finite(high, "high") + radius


def _no_scores() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdaptiveConformal:
    """Adaptive conformal inference so far, to be folded with :func:`adaptive_step`.

    Attributes
    ----------
    alpha : float
        Share of misses that is asked for, in (0, 1).
    gamma : float
        How far one miss moves the level, above 0; 0.005 in the paper.
    window : int
        Latest scores that the radius is taken from.
    level : float
        The level at work, ``alpha_t``; starts at *alpha*. It is *not* held inside [0, 1]: below
        0 the radius is infinite, above 1 nothing is covered, and only so the promise holds.
    scores : float64
        The latest scores, oldest first, at most *window*. Scores known before may be given.
    n, n_missed : int
        Steps, and those whose score exceeded the radius.
    """

    alpha: float
    gamma: float = 0.005
    window: int = 500
    level: float = math.nan
    scores: FloatArray = field(default_factory=_no_scores)
    n: int = 0
    n_missed: int = 0

    def __post_init__(self) -> None:
        share(self.alpha, "alpha")
        positive(self.gamma, "gamma")
        if self.window < 1:
            raise ConfigError(
                f"window must be at least 1 score; was {self.window}.",
                remedy="Keep a few hundred scores.",
            )
        if math.isnan(self.level):
            object.__setattr__(self, "level", self.alpha)
        known = series(self.scores, "scores", n_min=0, has_powers=False)
        object.__setattr__(self, "scores", known[-self.window :])

    @property
    def radius(self) -> float:
        """The score that the next one should not exceed; infinite or minus infinity at the ends."""
        return conformal_quantile(self.scores, self.level)

    @property
    def miss_rate(self) -> float:
        """Share of steps that were missed so far; NaN before the first."""
        return self.n_missed / self.n if self.n else math.nan


def adaptive_step(state: AdaptiveConformal, score: float) -> AdaptiveConformal:
    """Fold the score of one forecast, made with ``state.radius``, into the state.

    Raises
    ------
    DataError
        If the score is not finite: it would count as a hit. The state stays as it was.

    Notes
    -----
    ``level + gamma (alpha - missed)``. Causal: the radius of a step reads earlier scores alone.
    A forecast whose outcome comes *h* steps later is folded in then, *h* steps late.

    References
    ----------
    Gibbs, I. and Candès, E. (2021). Adaptive Conformal Inference Under Distribution Shift.
    *NeurIPS*.
    """
    is_missed = observed(score, "score") > state.radius
    return replace(
        state,
        level=state.level + state.gamma * (state.alpha - is_missed),
        scores=np.append(state.scores, score)[-state.window :],
        n=state.n + 1,
        n_missed=state.n_missed + is_missed,
    )


def adaptive_levels(
    is_missed: BoolArray | Sequence[bool], *, alpha: float, gamma: float
) -> FloatArray:
    """Return the level after each miss or hit, float64, shape (n,); it starts at *alpha*.

    Examples
    --------
    >>> adaptive_levels([False, False, True], alpha=0.1, gamma=0.005)
    array([0.1005, 0.101 , 0.0965])
    """
    missed = outcomes(is_missed, "is_missed", n=len(is_missed))
    share(alpha, "alpha")
    positive(gamma, "gamma")
    return alpha + gamma * np.cumsum(alpha - missed)


def adaptive_bound(n: int, *, alpha: float, gamma: float) -> float:
    """Return how far the share of misses of *n* steps can be from *alpha*, whatever happens.

    Notes
    -----
    ``(max(alpha, 1 - alpha) + gamma) / (n gamma)``, of Gibbs and Candès (2021), proposition 4.1.

    Examples
    --------
    >>> [round(adaptive_bound(n, alpha=0.1, gamma=0.005), 4) for n in (1_000, 10_000)]
    [0.181, 0.0181]
    """
    count(n, "n", minimum=1, maximum=10**15)
    share(alpha, "alpha")
    positive(gamma, "gamma")
    return (max(alpha, 1.0 - alpha) + gamma) / (n * gamma)
