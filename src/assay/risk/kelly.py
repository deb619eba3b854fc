"""The Kelly criterion: the share of equity that one bet deserves."""

from assay.kernels.compiler import kernel


@kernel
def kelly_share(p_win: float, payoff: float, multiplier: float) -> float:
    """Return ``multiplier * max(0, p - (1 - p) / payoff)``; arguments are checked by the caller."""
    return multiplier * max(0.0, p_win - (1.0 - p_win) / payoff)


def kelly_fraction(p_win: float, payoff_ratio: float, *, multiplier: float) -> float:
    """Return the share of equity to put at risk on one binary bet.

    Parameters
    ----------
    p_win : float
        Probability of winning, calibrated out of sample; better its lower confidence
        bound. Unit: probability, [0, 1].
    payoff_ratio : float
        Average win divided by average loss, after costs. Unit: ratio, > 0.
    multiplier : float
        Share of full Kelly to use. Unit: fraction, (0, 1].

    Returns
    -------
    fraction : float
        Unit: fraction of equity, [0, 1]. Zero when there is no edge, never negative:
        taking the other side is a decision for the strategy, not for the sizing rule.

    Raises
    ------
    ValueError
        If an argument is outside its range; NaN is outside every range.

    Notes
    -----
    ``f* = p - (1 - p) / b``, floored at zero, times *multiplier*. For small bets, a
    multiplier *m* keeps ``m (2 - m)`` of the growth rate at *m* times the volatility.
    The rule assumes independent bets and a known *p*; both are optimistic here,
    which is why *multiplier* has no default.

    References
    ----------
    .. [1] Kelly, J. L. (1956). A New Interpretation of Information Rate.
       *Bell System Technical Journal*, 35(4), 917-926. doi:10.1002/j.1538-7305.1956.tb03809.x

    Examples
    --------
    >>> round(kelly_fraction(0.55, 1.0, multiplier=0.5), 4)
    0.05
    >>> kelly_fraction(0.40, 1.0, multiplier=0.5)
    0.0
    """
    if not 0.0 <= p_win <= 1.0:
        raise ValueError(f"p_win must be in [0, 1]; was {p_win}. Calibrate the model first.")
    if not payoff_ratio > 0.0:
        raise ValueError(f"payoff_ratio must be positive; was {payoff_ratio}.")
    if not 0.0 < multiplier <= 1.0:
        raise ValueError(f"multiplier must be in (0, 1]; was {multiplier}.")
    return kelly_share(p_win, payoff_ratio, multiplier)
