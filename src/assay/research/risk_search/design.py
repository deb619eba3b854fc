"""Points of the unit cube: spread over all of it, or around the best ones."""

from collections.abc import Mapping

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.risk_search.parameters import OFF_SHARE, Range

NEIGHBOURHOOD = 0.1
"""Half the width of what counts as a neighbour, as a share of each range."""


def spread_points(n: int, n_dimensions: int, *, seed: int) -> FloatArray:
    """Return a scrambled Sobol sequence over the whole cube, shape (n, n_dimensions).

    Parameters
    ----------
    n : int
        A power of two keeps the sequence balanced; else the first *n* of the next one.
    n_dimensions : int
    seed : int

    References
    ----------
    Owen, A. B. (1998). Scrambling Sobol' and Niederreiter-Xing Points. *Journal of Complexity*.
    """
    from scipy.stats import qmc

    generator = np.random.default_rng([seed, n_dimensions])
    sequence = qmc.Sobol(n_dimensions, scramble=True, seed=generator)
    points = sequence.random_base2(max(n - 1, 0).bit_length())
    return np.asarray(points[:n], dtype=np.float64)


def points_around(
    centres: FloatArray, n_each: int, half_width: float, ranges: Mapping[str, Range], *, seed: int
) -> FloatArray:
    """Return points in boxes around *centres*, shape (n_centres * n_each, n_dimensions).

    Parameters
    ----------
    centres : float64, shape (n_centres, n_dimensions)
    n_each : int
    half_width : float
        Of the box, as a share of each range. A rule that is off stays off, one that is on stays
        on: its box is that of the on part.
    ranges : mapping of str to Range
    seed : int
    """
    offsets = 2.0 * spread_points(n_each, centres.shape[1], seed=seed) - 1.0
    points = centres[:, None, :] + half_width * offsets[None, :, :]
    low, high = np.zeros_like(centres), np.ones_like(centres)
    for column, item in enumerate(ranges.values()):
        if item.may_be_off:
            is_off = centres[:, column] < OFF_SHARE
            high[is_off, column] = OFF_SHARE
            low[~is_off, column] = OFF_SHARE
    below_one = np.nextafter(high, 0.0)
    inside = np.clip(points, low[:, None, :], below_one[:, None, :])
    return np.ascontiguousarray(inside.reshape(-1, centres.shape[1]))


def nearest(points: FloatArray, centre: FloatArray, n: int) -> IntArray:
    """Return the indices of the *n* points nearest to *centre*, the nearest first."""
    distance = np.sum((points - centre) ** 2, axis=1)
    return np.asarray(np.argsort(distance, kind="stable")[:n])
