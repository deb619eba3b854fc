"""How well scores rank outcomes."""

import math

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.models.inputs import LabelArray


def area_under_curve(score: FloatArray, y: LabelArray, weight: FloatArray | None = None) -> float:
    """Return the weighted chance that an up row outranks a down row; ties count half.

    Parameters
    ----------
    score : float64, shape (n_rows,)
        Log-odds, probabilities or anything else that rises with them, without NaN.
    y : int8, shape (n_rows,)
        1 for up, 0 for down.
    weight : float64, shape (n_rows,), optional
        Of at least 0; every row counts as one without it.

    Returns
    -------
    area : float
        In [0, 1]; 0.5 is chance. NaN unless up and down rows both have weight.

    Examples
    --------
    >>> area_under_curve(np.array([0.1, 0.9, 0.8, 0.3]), np.array([0, 1, 1, 0]))
    1.0
    """
    if weight is None:
        weight = np.ones(len(score))
    levels, inverse = np.unique(score, return_inverse=True)
    up = np.bincount(inverse, weight * y, minlength=levels.size)
    down = np.bincount(inverse, weight * (1 - y), minlength=levels.size)
    below = np.cumsum(down) - down
    total = up.sum() * down.sum()
    return float(up @ (below + 0.5 * down) / total) if total > 0.0 else math.nan
