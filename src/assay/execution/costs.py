"""What trading costs: slippage, commission, swap."""

from typing import Any

from assay.kernels.compiler import kernel


@kernel
def slippage(volatility: float, price: float, point: float, rules: Any) -> float:
    """Return how much worse than quoted a market or stop order fills, in price units.

    Parameters
    ----------
    volatility : float
        Standard deviation of one bar's log return as known before the event; NaN counts as 0.
    price : float
        The event's bid at its open, quote currency.
    point : float
    rules : record of ``RULES``
    """
    least: float = rules.slippage_points_min * point
    moving: float = rules.slippage_volatility_fraction * volatility * price
    return moving if moving > least else least


@kernel
def commission(lots: float, commission_per_lot: float, multiple: float) -> float:
    """Return the fee of one fill, account currency."""
    return commission_per_lot * multiple * lots


@kernel
def swap(
    nights: float, side: int, lots: float, mark: float, conversion: float,
    facts: Any, multiple: float,
) -> float:  # fmt: skip
    """Return the financing of *nights* nights, account currency; positive is received."""
    quoted = facts.swap_long if side > 0 else facts.swap_short
    if facts.swap_is_percent:
        rate = quoted / 100.0 / 360.0 * facts.contract * mark * conversion
    else:
        rate = quoted * facts.point * facts.contract * conversion
    amount: float = nights * lots * rate * multiple
    return amount
