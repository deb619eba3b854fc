"""Dispersion that no single value can move far."""

import numpy as np

from assay.kernels.compiler import FloatArray

MAD_TO_DEVIATION = 1.482602218505602
"""Standard deviation of a normal distribution over its median absolute deviation."""


def median_deviations(values: FloatArray) -> FloatArray:
    """Return the median absolute deviation from the median along the last axis, times 1.4826.

    For a normal distribution that is the standard deviation; no single value can move it far.

    References
    ----------
    Hampel, F. R. (1974). The Influence Curve and Its Role in Robust Estimation. *JASA*, 69(346).

    Examples
    --------
    >>> median_deviations(np.array([[1.0, 2.0, 3.0, 4.0, 500.0]])).round(4)
    array([1.4826])
    """
    median = np.median(values, axis=-1, keepdims=True)
    return np.asarray(MAD_TO_DEVIATION * np.median(np.abs(values - median), axis=-1))
