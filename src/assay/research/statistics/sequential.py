"""Evidence that may be looked at after every observation: e-values, and radii that always hold.

A p-value of a fixed sample is spoilt by looking early. An *e-value* is not: it is a bet against
the null hypothesis that starts with 1 and gains nothing on average if the null holds, so that it
ever reaches ``1 / alpha`` with probability ``alpha`` at most (Ville's inequality). Promote at
``E >= 1 / alpha``, whenever that happens.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

from assay.kernels.compiler import FloatArray
from assay.research.statistics.observations import positive, share

_LOG_MAX = 709.0


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
    return _exp(_log_mixture(mean * n, n, deviation, effect))


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
    return _exp(_log_one_sided(mean * n, n, deviation, effect))


def t_mixture_e_value(mean: float, sample_deviation: float, n: int, *, effect: float) -> float:
    """Return the e-value against a mean of 0 where the deviation is unknown.

    Parameters
    ----------
    mean, sample_deviation : float
        Of the *n* observations; the deviation with ``ddof=1``.
    n : int
        Fewer than 2, or a deviation of 0, is an e-value of 1.
    effect : float
        Size of the mean that is looked for in *deviations* (a Sharpe ratio per period), > 0.

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
    if n < 2 or not sample_deviation > 0.0:
        return 1.0
    growth = 1.0 + n * effect * effect
    ratio = n * (mean / sample_deviation) ** 2 / (n - 1)
    log_e = -0.5 * math.log(growth) + 0.5 * n * (math.log1p(ratio) - math.log1p(ratio / growth))
    return _exp(log_e)


def mixture_e_values(values: FloatArray, *, deviation: float, effect: float) -> FloatArray:
    """Return the two-sided e-value after each observation, float64, shape (n,).

    Causal: ``out[i]`` reads ``values[0..i]``. It is that of :func:`mixture_step`.
    """
    n = np.arange(1, len(values) + 1)
    positive(deviation, "deviation")
    positive(effect, "effect")
    spread = deviation**2 + n * effect**2
    total = np.cumsum(values)
    log_e = 0.5 * np.log(deviation**2 / spread) + (total * effect / deviation) ** 2 / (2 * spread)
    return np.asarray(np.exp(np.minimum(log_e, _LOG_MAX)))


def always_valid_p(e_values: FloatArray) -> FloatArray:
    """Return the p-value that may be read after any observation: 1 over the largest e so far.

    Parameters
    ----------
    e_values : float64, shape (n,)
        One after each observation, in order.

    Returns
    -------
    p : float64, shape (n,)
        In (0, 1], never rising.

    References
    ----------
    Ville, J. (1939). *Étude critique de la notion de collectif*. Gauthier-Villars.

    Examples
    --------
    >>> always_valid_p(np.array([0.5, 4.0, 2.0, 20.0]))
    array([1.  , 0.25, 0.25, 0.05])
    """
    return 1.0 / np.maximum(np.maximum.accumulate(e_values), 1.0)


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
        positive(self.deviation, "deviation")
        positive(self.effect, "effect")

    @property
    def e_value(self) -> float:
        """The e-value now."""
        return _exp(self.log_e)

    @property
    def p_value(self) -> float:
        """Always-valid p-value: one over the largest e-value so far."""
        return math.exp(-self.log_e_max)

    def rejects(self, alpha: float) -> bool:
        """Return whether the e-value ever reached ``1 / alpha``."""
        return self.log_e_max >= -math.log(alpha)


def mixture_step(state: MixtureProcess, value: float) -> MixtureProcess:
    """Fold one observation into the running e-value."""
    n, total = state.n + 1, state.total + value
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
    positive(rho, "rho")
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
    share(alpha, "alpha")
    twice = -2.0 * math.log(alpha)
    return math.sqrt((twice + math.log(twice + 1.0)) / n)


def _log_mixture(total: float, n: int, deviation: float, effect: float) -> float:
    positive(deviation, "deviation")
    positive(effect, "effect")
    spread = deviation**2 + n * effect**2
    return 0.5 * math.log(deviation**2 / spread) + (total * effect / deviation) ** 2 / (2 * spread)


def _log_one_sided(total: float, n: int, deviation: float, effect: float) -> float:
    both = _log_mixture(total, n, deviation, effect)
    spread = math.sqrt(deviation**2 + n * effect**2)
    return both + math.log(2.0) + float(log_ndtr(total * effect / (deviation * spread)))


def _exp(log_e: float) -> float:
    return math.exp(min(log_e, _LOG_MAX))
