"""Evidence that may be looked at after every observation: e-values, and radii that always hold.

A p-value of a fixed sample is spoilt by looking early. An *e-value* is not: it is a bet against
the null hypothesis that starts with 1 and gains nothing on average if the null holds, so that it
ever reaches ``1 / alpha`` with probability ``alpha`` at most (Ville's inequality). Promote at
``E >= 1 / alpha``, whenever that happens.

An observation that is not known is refused, never folded in: one NaN in a running sum would
silence the test for ever. E-values beyond e^709 are given as that number.
"""

import math
import sys
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import erfcx, log_ndtr

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import FloatArray
from assay.research.statistics.observations import (
    STILL_SHARE,
    count,
    number,
    observed,
    positive,
    series,
    share,
)

N_MAX = 10**15
_LOG_MAX = 709.0
_RATIO_MAX = 1e100


def normal_mixture_e_value(mean: float, n: int, *, deviation: float, effect: float) -> float:
    """Return the e-value against a mean of 0, in either direction, after *n* observations.

    Parameters
    ----------
    mean : float
        Of the *n* observations.
    n : int
        At least 0; nothing seen is an e-value of 1.
    deviation : float
        Sub-Gaussian bound *sigma* of one observation given those before, > 0. It must not come
        from the observations themselves; if it must, use :func:`t_mixture_e_value`.
    effect : float
        Size *tau* of the mean that is looked for, in the unit of the observations, > 0: the
        alternative is ``N(0, tau²)``. Any value is valid; one near the truth is quickest.

    Raises
    ------
    DataError
        If the mean is not finite.
    ConfigError
        If another number is out of range.

    Notes
    -----
    ``sqrt(s² / (s² + n t²)) exp(n² t² m² / (2 s² (s² + n t²)))`` with *s* the deviation and *t*
    the effect. Valid at any stopping time if every observation, given the past, has mean 0 under
    the null. Autocorrelated observations do not.

    References
    ----------
    Robbins, H. (1970). Statistical Methods Related to the Law of the Iterated Logarithm.
    *Annals of Mathematical Statistics*, 41(5), 1397-1409.

    Examples
    --------
    >>> round(normal_mixture_e_value(0.2, 100, deviation=1.0, effect=0.2), 6)
    2.215063
    >>> round(normal_mixture_e_value(0.3, 100, deviation=1.0, effect=0.2), 6)
    16.367228
    """
    return _exp(_log_mixture(_total(mean, n), n, deviation, effect))


def one_sided_mixture_e_value(mean: float, n: int, *, deviation: float, effect: float) -> float:
    """Return the e-value against a mean of 0 *or less*: only a positive mean is evidence.

    Parameters are those of :func:`normal_mixture_e_value`; the alternative is the positive half
    of ``N(0, effect²)``.

    Notes
    -----
    The two-sided e-value times ``2 Φ(n m t / (s sqrt(s² + n t²)))``. It is never below the
    two-sided one while the mean is positive, so that "two-sided, and the mean is positive" is
    valid for a null of 0 or less too.
    """
    return _exp(_log_one_sided(_total(mean, n), n, deviation, effect))


def t_mixture_e_value(mean: float, sample_deviation: float, n: int, *, effect: float) -> float:
    """Return the e-value against a mean of 0 where the deviation is unknown.

    Parameters
    ----------
    mean, sample_deviation : float
        Of the *n* observations; the deviation with ``ddof=1``.
    n : int
        Fewer than 2, or a deviation of 0 or of rounding alone, is an e-value of 1.
    effect : float
        Size of the mean that is looked for in *deviations* (a Sharpe ratio per period), > 0.

    Raises
    ------
    DataError
        If the mean or the deviation is not finite, or the deviation is negative.
    ConfigError
        If another number is out of range.

    Notes
    -----
    With ``t² = n m² / s²``, ``v = n - 1`` and ``k = 1 + n effect²``:
    ``k^(-1/2) ((1 + t²/v) / (1 + t²/(v k)))^(n/2)``. A test martingale for independent normal
    observations of any variance, at stopping times that depend on the e-values alone.

    References
    ----------
    Wang, H. and Ramdas, A. (2024). Anytime-valid t-tests and confidence sequences for Gaussian
    means with unknown variance. arXiv:2310.03722.
    """
    positive(effect, "effect")
    count(n, "n", minimum=0, maximum=N_MAX)
    observed(mean, "mean")
    if observed(sample_deviation, "sample_deviation") < 0.0:
        raise DataError(
            f"sample_deviation must not be negative; was {sample_deviation:g}.",
            remedy="Pass the root of the variance.",
        )
    if n < 2 or not sample_deviation > STILL_SHARE * abs(mean):
        return 1.0
    growth = 1.0 + n * effect * effect
    ratio = n * (mean / sample_deviation) ** 2 / (n - 1)
    log_e = -0.5 * math.log(growth) + 0.5 * n * (math.log1p(ratio) - math.log1p(ratio / growth))
    return _exp(log_e)


def mixture_e_values(values: FloatArray, *, deviation: float, effect: float) -> FloatArray:
    """Return the two-sided e-value after each observation, float64, shape (n,).

    Causal: ``out[i]`` reads ``values[0..i]``. It is that of :func:`mixture_step`.

    Raises
    ------
    DataError
        If an observation is not finite.
    ConfigError
        If the deviation or the effect is not above 0.
    """
    known = series(values, "values", n_min=0, has_powers=False)
    ratio = _ratio(deviation, effect)
    n = np.arange(1, len(known) + 1)
    growth = 1.0 + n * ratio * ratio
    with np.errstate(over="ignore"):
        z = np.cumsum(known) / deviation * ratio / np.sqrt(growth)
        log_e = 0.5 * (z * z - np.log(growth))
    return np.asarray(np.exp(np.minimum(log_e, _LOG_MAX)))


def always_valid_p(e_values: FloatArray) -> FloatArray:
    """Return the p-value that may be read after any observation: 1 over the largest e so far.

    Parameters
    ----------
    e_values : float64, shape (n,)
        One after each observation, in order, at least 0.

    Returns
    -------
    p : float64, shape (n,)
        In (0, 1], never rising.

    Raises
    ------
    DataError
        If an e-value is not finite, or negative.

    References
    ----------
    Ville, J. (1939). *Étude critique de la notion de collectif*. Gauthier-Villars.

    Examples
    --------
    >>> always_valid_p(np.array([0.5, 4.0, 2.0, 20.0]))
    array([1.  , 0.25, 0.25, 0.05])
    """
    known = series(e_values, "e_values", n_min=0, has_powers=False)
    if np.any(known < 0.0):
        raise DataError(
            f"e_values must not be negative; one is {np.min(known):g}.",
            remedy="Pass e-values, not their logarithms.",
        )
    return np.asarray(1.0 / np.maximum(np.maximum.accumulate(known), 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureProcess:
    """A running e-value, to be folded with :func:`mixture_step`.

    Attributes
    ----------
    deviation, effect : float
        As in :func:`normal_mixture_e_value`.
    is_one_sided : bool
        Against a mean of 0 or less, or against a mean of 0.
    n : int
    total : float
        Sum of the observations.
    log_e, log_e_max : float
        Natural logarithms of the e-value now, and of the largest one so far.
    """

    deviation: float
    effect: float
    is_one_sided: bool = True
    n: int = 0
    total: float = 0.0
    log_e: float = 0.0
    log_e_max: float = 0.0

    def __post_init__(self) -> None:
        _ratio(self.deviation, self.effect)
        count(self.n, "n", minimum=0, maximum=N_MAX)
        observed(self.total, "total")
        number(self.log_e, "log_e")
        number(self.log_e_max, "log_e_max")

    @property
    def e_value(self) -> float:
        """The e-value now."""
        return _exp(self.log_e)

    @property
    def p_value(self) -> float:
        """Always-valid p-value: one over the largest e-value so far, in (0, 1]."""
        return 1.0 / _exp(self.log_e_max)

    def rejects(self, alpha: float) -> bool:
        """Return whether the e-value ever reached ``1 / alpha``."""
        return self.log_e_max >= -math.log(share(alpha, "alpha"))


def mixture_step(state: MixtureProcess, value: float) -> MixtureProcess:
    """Fold one observation into the running e-value.

    Raises
    ------
    DataError
        If it is not finite; the state stays as it was.
    """
    n, total = state.n + 1, state.total + observed(value, "value")
    log_of = _log_one_sided if state.is_one_sided else _log_mixture
    log_e = log_of(total, n, state.deviation, state.effect)
    return replace(state, n=n, total=total, log_e=log_e, log_e_max=max(state.log_e_max, log_e))


def mixture_radius(n: int, *, deviation: float, rho: float, alpha: float) -> float:
    """Return the half-width around the mean that holds for all *n* at once.

    Parameters
    ----------
    n : int
        Observations, at least 1.
    deviation : float
        As in :func:`normal_mixture_e_value`.
    rho : float
        ``effect / deviation``, > 0. :func:`mixture_rho` gives the one that is tightest at a
        given *n*.
    alpha : float
        Chance that the true mean is ever outside, (0, 1).

    Notes
    -----
    ``s sqrt(2 (n r² + 1) / (n² r²) ln(sqrt(n r² + 1) / alpha))``: the means that
    :func:`normal_mixture_e_value` does not reject.

    References
    ----------
    Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. and Ramdas, A. (2024). Time-uniform
    central limit theory and asymptotic confidence sequences. *Annals of Statistics*, 52(6).

    Examples
    --------
    >>> round(mixture_radius(100, deviation=1.0, rho=0.1, alpha=0.05), 6)
    0.365639
    >>> round(mixture_radius(1000, deviation=1.0, rho=0.1, alpha=0.05), 6)
    0.096064
    """
    count(n, "n", minimum=1, maximum=N_MAX)
    positive(deviation, "deviation")
    _ratio(1.0, rho)
    share(alpha, "alpha")
    growth = n * rho * rho + 1.0
    inside = 2.0 * growth / (n * rho) ** 2 * (0.5 * math.log(growth) - math.log(alpha))
    return deviation * math.sqrt(inside)


def mixture_rho(n: int, *, alpha: float) -> float:
    """Return the *rho* that makes :func:`mixture_radius` about the tightest at *n*.

    Notes
    -----
    ``sqrt((-2 ln a + ln(-2 ln a + 1)) / n)``, from the same paper.
    """
    count(n, "n", minimum=1, maximum=N_MAX)
    share(alpha, "alpha")
    twice = -2.0 * math.log(alpha)
    return math.sqrt((twice + math.log(twice + 1.0)) / n)


def _ratio(deviation: float, effect: float) -> float:
    """Return effect over deviation, if its square is a number."""
    ratio = positive(effect, "effect") / positive(deviation, "deviation")
    if not 1.0 / _RATIO_MAX <= ratio <= _RATIO_MAX:
        raise ConfigError(
            f"effect must be within a factor of {_RATIO_MAX:g} of the deviation; were {effect:g} "
            f"and {deviation:g}.",
            remedy="Look for an effect of about the size that would matter.",
        )
    return ratio


def _total(mean: float, n: int) -> float:
    return observed(mean, "mean") * count(n, "n", minimum=0, maximum=N_MAX)


def _growth_and_z(total: float, n: int, deviation: float, effect: float) -> tuple[float, float]:
    """Return ``(s² + n t²) / s²``, and the sum of the observations in deviations of the mixture."""
    ratio = _ratio(deviation, effect)
    growth = 1.0 + n * ratio * ratio
    return growth, total / deviation * ratio / math.sqrt(growth)


def _log_mixture(total: float, n: int, deviation: float, effect: float) -> float:
    growth, z = _growth_and_z(total, n, deviation, effect)
    return _bounded(0.5 * (z * z - math.log(growth)))


def _log_one_sided(total: float, n: int, deviation: float, effect: float) -> float:
    """Return ``-ln(growth) / 2 + z² / 2 + ln 2Φ(z)``, whose last two are one far below 0."""
    growth, z = _growth_and_z(total, n, deviation, effect)
    if z > 0.0:
        return _bounded(0.5 * (z * z - math.log(growth)) + math.log(2.0) + float(log_ndtr(z)))
    below = float(erfcx(-z / math.sqrt(2.0)))
    return _bounded(math.log(max(below, sys.float_info.min)) - 0.5 * math.log(growth))


def _bounded(log_e: float) -> float:
    return min(log_e, sys.float_info.max)


def _exp(log_e: float) -> float:
    return math.exp(min(log_e, _LOG_MAX))
