"""What trading costs: slippage, commission, swap."""

from typing import Any

from assay.domain.instrument import SwapMode
from assay.kernels.compiler import kernel
from assay.risk.facts import SWAP_MODES

_POINTS = SWAP_MODES[SwapMode.POINTS]
_PERCENT = SWAP_MODES[SwapMode.PERCENT]
_PERCENT_OPEN = SWAP_MODES[SwapMode.PERCENT_OPEN]
_BASE = SWAP_MODES[SwapMode.BASE]
_QUOTE = SWAP_MODES[SwapMode.QUOTE]


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
    nights: float, side: int, lots: float, entry: float, mark: float, conversion: float,
    facts: Any, multiple: float,
) -> float:  # fmt: skip
    """Return the financing of *nights* nights, account currency; positive is received.

    Parameters
    ----------
    nights : float
    side : int
    lots : float
    entry, mark : float
        Price at which the position was opened, and its last mark; quote currency.
    conversion : float
        Account currency per unit of quote currency.
    facts : record of ``FACTS``
    multiple : float
    """
    quoted = facts.swap_long if side > 0 else facts.swap_short
    if facts.swap_mode == _POINTS:
        rate = quoted * facts.point * facts.contract * conversion
    elif facts.swap_mode in (_PERCENT, _PERCENT_OPEN):
        price = mark if facts.swap_mode == _PERCENT else entry
        rate = quoted / 100.0 / 360.0 * facts.contract * price * conversion
    elif facts.swap_mode == _BASE:
        rate = quoted * mark * conversion
    elif facts.swap_mode == _QUOTE:
        rate = quoted * conversion
    else:
        rate = quoted
    amount: float = nights * lots * rate * multiple
    return amount
