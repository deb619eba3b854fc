"""How far below its peak an account was, and for how long."""

from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """One fall from a peak.

    Attributes
    ----------
    depth : float
        Largest loss from the peak, as a fraction of it, [0, 1].
    i_peak, i_trough : int
        Where the peak and the lowest value are.
    i_recovered : int or None
        First value at or above the peak again; None if it did not come back.
    """

    depth: float
    i_peak: int
    i_trough: int
    i_recovered: int | None


def underwater(equity: FloatArray) -> FloatArray:
    """Return the loss from the running peak at each value.

    Parameters
    ----------
    equity : float64, shape (n,)
        Account values, oldest first, the first above 0.

    Returns
    -------
    loss : float64, shape (n,)
        Fractions in [0, 1] where equity is not negative; 0 at a peak.

    Examples
    --------
    >>> underwater(np.array([100.0, 80.0, 120.0, 90.0]))
    array([0.  , 0.2 , 0.  , 0.25])
    """
    if not len(equity):
        return np.empty(0)
    return 1.0 - equity / np.maximum.accumulate(equity)


def drawdown_max(equity: FloatArray) -> float:
    """Return the largest loss from a peak, as a fraction; 0 for a curve that only rises."""
    return float(np.max(underwater(equity))) if len(equity) else 0.0


def duration_max(equity: FloatArray) -> int:
    """Return the longest stretch below a peak, from the peak to its recovery or to the end.

    Unit: periods.

    Examples
    --------
    >>> duration_max(np.array([1.0, 0.9, 0.8, 1.1, 1.0]))
    3
    """
    at_peak = np.flatnonzero(underwater(equity) <= 0.0)
    if not len(at_peak):
        return 0
    gaps = np.diff(np.append(at_peak, len(equity)))
    gaps[-1] -= 1  # the end is not a recovery: count only the values that were seen
    return int(np.max(np.where(gaps > 1, gaps, 0), initial=0)) if len(gaps) else 0


def drawdowns(equity: FloatArray, n_worst: int) -> tuple[Drawdown, ...]:
    """Return the *n_worst* separate falls from a peak, deepest first.

    Parameters
    ----------
    equity : float64, shape (n,)
    n_worst : int
        At least 1.
    """
    loss = underwater(equity)
    below = np.concatenate(([False], loss > 0.0, [False]))
    edges = np.flatnonzero(np.diff(below.astype(np.int8)))
    found = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        trough = int(start + np.argmax(loss[start:stop]))
        found.append(
            Drawdown(
                depth=float(loss[trough]),
                i_peak=int(start) - 1,
                i_trough=trough,
                i_recovered=int(stop) if stop < len(loss) else None,
            )
        )
    found.sort(key=lambda fall: (-fall.depth, fall.i_peak))
    return tuple(found[:n_worst])
