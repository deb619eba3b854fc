"""How many independent trials expect as much of their best: the expected maximum, inverted."""

from scipy.optimize import brentq

from assay.research.statistics.sharpe import expected_maximum

XTOL = 1e-9


def independent_trials(maximum: float, n_trials: float) -> float:
    """Return how many independent standard normal numbers expect *maximum* of their largest.

    Parameters
    ----------
    maximum : float
        What the largest of *n_trials* numbers that resemble each other is expected at.
    n_trials : float
        At least 1.

    Returns
    -------
    number : float
        [1, n_trials]: 1 where *maximum* is 0 or less, *n_trials* where it is what so many
        independent numbers expect, or more.

    Notes
    -----
    The other way of :func:`~assay.research.statistics.sharpe.expected_maximum`, to 1e-9.

    Examples
    --------
    >>> round(independent_trials(expected_maximum(12.5), 100), 6)
    12.5
    """
    if maximum <= 0.0:
        return 1.0
    if maximum >= expected_maximum(n_trials):
        return n_trials
    return float(brentq(lambda k: expected_maximum(k) - maximum, 1.0, n_trials, xtol=XTOL))
