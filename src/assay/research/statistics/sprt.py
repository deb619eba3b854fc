"""Wald's sequential probability ratio test: two hypotheses, two error rates, few observations."""

import math
from dataclasses import dataclass, replace
from enum import Enum, unique

from scipy.special import ndtri

from assay.domain.errors import ConfigError, DataError
from assay.research.statistics.observations import number, observed, positive, share

_MEAN_GAP_MIN = 1e-8
_RATE_GAP_MIN = 1e-6
"""Nearer hypotheses differ by little more than rounding."""


@unique
class SprtDecision(Enum):
    """What Wald's test says."""

    GO_ON = "go on"
    NULL = "null"
    ALTERNATIVE = "alternative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprt:
    """Wald's sequential probability ratio test of one value against another.

    Attributes
    ----------
    lower, upper : float
        Bounds of the log likelihood ratio: accept the null at or below, the alternative at or
        above.
    weight, offset : float
        The log likelihood ratio grows by ``weight x + offset`` per observation *x*.
    n_null, n_alternative : float
        Observations to expect under either hypothesis (Wald's approximation).
    n_fixed : float
        Observations that a one-sided test of one fixed size needs for the same error rates.
    n : int
        Seen so far.
    log_ratio : float
    decision : SprtDecision
        Once it is made it stays.
    is_binary : bool
        Whether observations are 0 or 1, and anything else is refused.
    """

    lower: float
    upper: float
    weight: float
    offset: float
    n_null: float
    n_alternative: float
    n_fixed: float
    n: int = 0
    log_ratio: float = 0.0
    decision: SprtDecision = SprtDecision.GO_ON
    is_binary: bool = False

    def __post_init__(self) -> None:
        for name in ("lower", "upper", "weight", "offset", "log_ratio"):
            number(getattr(self, name), name)


def sprt_step(state: Sprt, value: float) -> Sprt:
    """Fold one observation into the test; after the decision nothing changes.

    Raises
    ------
    DataError
        If it is not finite or, in a test of rates, neither 0 nor 1; the state stays as it was.
    """
    observed(value, "value")
    if state.is_binary and value not in (0.0, 1.0):
        raise DataError(
            f"An observation of a success rate must be 0 or 1; was {value:g}.",
            remedy="Pass 1 for a success and 0 for a failure, or test a mean.",
        )
    if state.decision is not SprtDecision.GO_ON:
        return state
    log_ratio = state.log_ratio + state.weight * value + state.offset
    decision = SprtDecision.GO_ON
    if log_ratio >= state.upper:
        decision = SprtDecision.ALTERNATIVE
    elif log_ratio <= state.lower:
        decision = SprtDecision.NULL
    return replace(state, n=state.n + 1, log_ratio=log_ratio, decision=decision)


def sprt_bounds(alpha: float, beta: float) -> tuple[float, float]:
    """Return Wald's lower and upper bound of the log likelihood ratio.

    Parameters
    ----------
    alpha, beta : float
        Chance of accepting the alternative under the null, and the null under the alternative;
        each in (0, 1), their sum below 1.

    Notes
    -----
    ``ln(beta / (1 - alpha))`` and ``ln((1 - beta) / alpha)``. The true error rates are close to
    those asked for and their sum is not above ``alpha + beta``.

    References
    ----------
    Wald, A. (1945). Sequential Tests of Statistical Hypotheses. *Annals of Mathematical
    Statistics*, 16(2), 117-186.

    Examples
    --------
    >>> [round(bound, 6) for bound in sprt_bounds(0.05, 0.05)]
    [-2.944439, 2.944439]
    """
    share(alpha, "alpha")
    share(beta, "beta")
    if alpha + beta >= 1.0:
        raise ConfigError(
            f"The error rates of a test must sum to less than 1; were {alpha} and {beta}.",
            remedy="Use small rates, such as 0.05 each.",
        )
    return math.log(beta / (1.0 - alpha)), math.log((1.0 - beta) / alpha)


def bernoulli_sprt(p_null: float, p_alternative: float, *, alpha: float, beta: float) -> Sprt:
    """Return the test of one success rate against another; observations are 0 or 1.

    Examples
    --------
    >>> test = bernoulli_sprt(0.50, 0.55, alpha=0.05, beta=0.05)
    >>> round(test.n_null), round(test.n_alternative), math.ceil(test.n_fixed)
    (527, 529, 1077)
    """
    share(p_null, "p_null")
    share(p_alternative, "p_alternative")
    _apart(p_null, p_alternative, 1.0, _RATE_GAP_MIN)
    bounds = sprt_bounds(alpha, beta)
    offset = math.log((1.0 - p_alternative) / (1.0 - p_null))
    weight = math.log(p_alternative / p_null) - offset
    z_alpha, z_beta = float(ndtri(1.0 - alpha)), float(ndtri(1.0 - beta))
    spread = z_alpha * math.sqrt(p_null * (1.0 - p_null)) + z_beta * math.sqrt(
        p_alternative * (1.0 - p_alternative)
    )
    null, alternative = _expected(bounds, alpha, beta)
    return Sprt(
        lower=bounds[0],
        upper=bounds[1],
        weight=weight,
        offset=offset,
        n_null=null / (weight * p_null + offset),
        n_alternative=alternative / (weight * p_alternative + offset),
        n_fixed=(spread / (p_alternative - p_null)) ** 2,
        is_binary=True,
    )


def gaussian_sprt(
    mean_null: float, mean_alternative: float, *, deviation: float, alpha: float, beta: float
) -> Sprt:
    """Return the test of one mean against another; observations are normal with *deviation*.

    Raises
    ------
    ConfigError
        If a number is out of range, or the means are so near or so far apart in deviations that
        the ratio is no number.
    """
    number(mean_null, "mean_null")
    number(mean_alternative, "mean_alternative")
    _apart(mean_null, mean_alternative, positive(deviation, "deviation"), _MEAN_GAP_MIN)
    bounds = sprt_bounds(alpha, beta)
    gap = mean_alternative - mean_null
    weight = gap / deviation / deviation
    drift = 0.5 * (gap / deviation) * (gap / deviation)
    reach = float(ndtri(1.0 - alpha)) + float(ndtri(1.0 - beta))
    null, alternative = _expected(bounds, alpha, beta)
    return Sprt(
        lower=bounds[0],
        upper=bounds[1],
        weight=weight,
        offset=-weight * 0.5 * (mean_null + mean_alternative),
        n_null=null / -drift,
        n_alternative=alternative / drift,
        n_fixed=(reach * deviation / gap) ** 2,
    )


def _expected(bounds: tuple[float, float], alpha: float, beta: float) -> tuple[float, float]:
    """Return the mean log likelihood ratio at the end, under the null and the alternative."""
    lower, upper = bounds
    return (1.0 - alpha) * lower + alpha * upper, beta * lower + (1.0 - beta) * upper


def _apart(null: float, alternative: float, deviation: float, gap_min: float) -> None:
    gap = abs(alternative - null) / deviation
    if not gap_min <= gap <= 1.0 / gap_min:
        raise ConfigError(
            f"A test must tell two values apart that differ by {gap_min:g} to {1.0 / gap_min:g} of "
            f"the deviation of an observation; were {null:g} and {alternative:g}, {gap:g} apart.",
            remedy="Give the smallest difference that would matter.",
        )
