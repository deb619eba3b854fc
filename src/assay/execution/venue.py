"""The venue's fill rules: whether an order meets a bar, and at which price."""

import math

from assay.domain.order import OrderKind
from assay.kernels.compiler import kernel

_LIMIT = OrderKind.LIMIT.value
_STOP = OrderKind.STOP.value


@kernel
def is_against(side: int, price: float, level: float) -> bool:
    """Whether *price* lies at *level* or beyond it, against a position of *side*."""
    return price <= level if side > 0 else price >= level


@kernel
def market_price(side: int, bid: float, ask: float, slip: float) -> float:
    """Return the price of a market order: a buy pays the ask and more, a sell the bid and less."""
    return ask + slip if side > 0 else bid - slip


@kernel
def limit_price(side: int, limit: float, open_: float, reach: float) -> float:
    """Return the fill price of a limit order, or NaN.

    Parameters
    ----------
    side : int
    limit : float
    open_ : float
        Ask (buy) or bid (sell) at the open.
    reach : float
        Best quote of the bar for the order: the ask's low (buy) or the bid's high (sell).
    """
    if is_against(side, open_, limit):
        return open_
    if is_against(side, reach, limit):
        return limit
    return math.nan


@kernel
def trigger_price(side: int, trigger: float, open_: float, reach: float) -> float:
    """Return the price at which a stop order triggers, before slippage, or NaN.

    *reach* is the ask's high (buy) or the bid's low (sell).
    """
    if is_against(-side, open_, trigger):
        return open_
    if is_against(-side, reach, trigger):
        return trigger
    return math.nan


@kernel
def working_price(
    kind: int,
    side: int,
    price: float,
    limit: float,
    slip: float,
    open_: float,
    low: float,
    high: float,
) -> tuple[float, bool]:
    """Return the fill price of a working order (NaN: none), and whether it triggered.

    Parameters
    ----------
    kind : int
        ``LIMIT``, ``STOP`` or ``STOP_LIMIT``; a stop-limit that triggered is a limit.
    side : int
    price : float
        Limit of a ``LIMIT``, trigger of the others.
    limit : float
        Limit of a ``STOP_LIMIT``.
    slip : float
        Slippage of the event, price units.
    open_, low, high : float
        Ask (buy) or bid (sell) of the bar.
    """
    if kind == _LIMIT:
        return limit_price(side, price, open_, low if side > 0 else high), False
    triggered = trigger_price(side, price, open_, high if side > 0 else low)
    if math.isnan(triggered):
        return math.nan, False
    if kind == _STOP:
        return triggered + side * slip, True
    if is_against(side, triggered, limit):
        return triggered, True
    return math.nan, True
