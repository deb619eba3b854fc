"""P-values that stay honest when many questions are asked at once."""

from collections.abc import Callable
from enum import Enum, unique

import numpy as np
from numpy.typing import ArrayLike

from assay.kernels.compiler import FloatArray
from assay.research.statistics.observations import probabilities


@unique
class Correction(Enum):
    """What is kept small: the chance of any false discovery, or the share of false ones.

    ``BONFERRONI``, ``SIDAK`` (independent tests), ``HOLM`` (always at least as powerful as
    Bonferroni, under any dependence) and ``HOCHBERG`` (independent or positively dependent
    tests) keep the chance of one or more errors; ``BENJAMINI_HOCHBERG`` (independent or
    positively dependent) and ``BENJAMINI_YEKUTIELI`` (any dependence) the expected share of
    errors among discoveries.
    """

    BONFERRONI = "bonferroni"
    SIDAK = "sidak"
    HOLM = "holm"
    HOCHBERG = "hochberg"
    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    BENJAMINI_YEKUTIELI = "benjamini_yekutieli"


def adjust(p_values: ArrayLike, correction: Correction) -> FloatArray:
    """Return adjusted p-values: a test is a discovery at every level from its own on.

    Parameters
    ----------
    p_values : float64, shape (n_tests,)
        Of *every* test that was made, in [0, 1], without NaN.
    correction : Correction

    Returns
    -------
    adjusted : float64, shape (n_tests,)
        In the order given, at most 1, never below the p-value itself. Equal p-values have equal
        adjusted ones.

    Raises
    ------
    DataError
        For NaN, a value outside [0, 1], or no test.

    Notes
    -----
    With ``p_(1) <= … <= p_(m)``: Bonferroni ``m p``; Šidák ``1 - (1 - p)^m``; Holm
    ``max_{j<=i} (m - j + 1) p_(j)``; Hochberg ``min_{j>=i} (m - j + 1) p_(j)``; Benjamini-Hochberg
    ``min_{j>=i} (m / j) p_(j)``; Benjamini-Yekutieli that times ``Σ 1/k``. These are those of
    ``p.adjust`` in R and of ``statsmodels.stats.multitest.multipletests``.

    References
    ----------
    Holm, S. (1979). A Simple Sequentially Rejective Multiple Test Procedure. *Scandinavian Journal
    of Statistics*, 6(2), 65-70.

    Hochberg, Y. (1988). A Sharper Bonferroni Procedure for Multiple Tests of Significance.
    *Biometrika*, 75(4), 800-802.

    Benjamini, Y. and Hochberg, Y. (1995). Controlling the False Discovery Rate. *Journal of the
    Royal Statistical Society B*, 57(1), 289-300.

    Benjamini, Y. and Yekutieli, D. (2001). The Control of the False Discovery Rate in Multiple
    Testing under Dependency. *Annals of Statistics*, 29(4), 1165-1188.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03, 0.005], Correction.HOLM).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = probabilities(p_values, "p_values", n_min=1)
    return _RULES[correction](p)


def _bonferroni(p: FloatArray) -> FloatArray:
    return np.minimum(len(p) * p, 1.0)


def _sidak(p: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        adjusted: FloatArray = -np.expm1(len(p) * np.log1p(-p))
    return adjusted


def _holm(p: FloatArray) -> FloatArray:
    return _step(p, np.arange(float(len(p)), 0.0, -1.0), down=True)


def _hochberg(p: FloatArray) -> FloatArray:
    return _step(p, np.arange(float(len(p)), 0.0, -1.0), down=False)


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    return _step(p, len(p) / np.arange(1.0, len(p) + 1.0), down=False)


def _benjamini_yekutieli(p: FloatArray) -> FloatArray:
    rank = np.arange(1.0, len(p) + 1.0)
    return _step(p, len(p) / rank * float(np.sum(1.0 / rank)), down=False)


def _step(p: FloatArray, factor: FloatArray, *, down: bool) -> FloatArray:
    """Multiply the sorted p-values by *factor* and make them rise, from the front or the back."""
    rising = np.argsort(p, kind="stable")
    scaled = factor * p[rising]
    scaled = np.maximum.accumulate(scaled) if down else np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted = np.empty(len(p))
    adjusted[rising] = np.minimum(scaled, 1.0)
    return adjusted


_RULES: dict[Correction, Callable[[FloatArray], FloatArray]] = {
    Correction.BONFERRONI: _bonferroni,
    Correction.SIDAK: _sidak,
    Correction.HOLM: _holm,
    Correction.HOCHBERG: _hochberg,
    Correction.BENJAMINI_HOCHBERG: _benjamini_hochberg,
    Correction.BENJAMINI_YEKUTIELI: _benjamini_yekutieli,
}
