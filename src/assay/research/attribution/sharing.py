"""How one bar's profit is shared by the sources that held, or opposed, the position."""

import numpy as np

from assay.kernels.compiler import FloatArray

TIE = 1e-9
"""Lead of those for a side, over their sum, below which both camps are equally loud."""


def bar_shares(lean: FloatArray, side: FloatArray) -> FloatArray:
    """Return which share of a bar's profit each source made.

    Parameters
    ----------
    lean : float64, shape (n_bars, n_sources)
        What each source added to the lean at the bar's start.
    side : float64, shape (n_bars,)
        -1 or +1: the position that was held over the bar.

    Returns
    -------
    shares : float64, shape (n_bars, n_sources)
        Rows sum to 1; to 0 where the sources together do not speak for the side. Each is in
        [-1/2, 3/2], the sum of their sizes at most 2.

    Notes
    -----
    Let *F* be the sum of what speaks for the side and *A* that of what speaks against it. Those
    for it would have held it alone; those against it would have held the other side, as much
    smaller as they are less loud, ``A / F``. With these four outcomes (nobody: 0, for: 1,
    against: ``-A / F``, both: 1) the Shapley values of the two camps are ``1 + A / 2F`` and
    ``-A / 2F``. Inside a camp log-odds add up and have one sign, so that each source has the
    share of its camp that it has of its sum. No number is divided by a sum in which signs cancel.

    References
    ----------
    Owen, G. (1977). Values of Games with A Priori Unions. In *Mathematical Economics and Game
    Theory*, 76-88.

    Examples
    --------
    >>> bar_shares(np.array([[0.3, 0.1, -0.2]]), np.array([1.0])).round(4).tolist()
    [[0.9375, 0.3125, -0.25]]
    """
    toward = lean * side[:, None]
    agree, against = np.maximum(toward, 0.0), np.maximum(-toward, 0.0)
    loud, contrary = agree.sum(axis=1), against.sum(axis=1)
    held = loud - contrary > TIE * loud
    loud = np.where(held, loud, 1.0)[:, None]
    half = 0.5 * contrary[:, None] / loud
    shares = (agree * (1.0 + half) - 0.5 * against) / loud
    return np.where(held[:, None], shares, 0.0)
