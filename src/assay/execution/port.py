"""The broker port: what every venue adapter does, and all that it is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from assay.domain.account import AccountView
from assay.domain.fill import Fill
from assay.domain.order import ApprovedOrder
from assay.domain.position import Position
from assay.execution.orders import OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the venue said about an order.

    Attributes
    ----------
    client_order_id : str
    venue_order_id : str
        Empty while the venue has not named it.
    status : OrderStatus
    filled_lots : Decimal
    """

    client_order_id: str
    venue_order_id: str
    status: OrderStatus
    filled_lots: Decimal


class Broker(Protocol):
    """Submit orders to one venue.

    Every implementation passes the checks in ``tests/execution/broker_checks.py``, one per
    promise:

    1. ``submit`` is idempotent: the same ``client_order_id`` returns the same receipt.
    2. ``submit`` never waits past *timeout_s*; it raises ``OutcomeUnknownError`` instead.
    3. A refusal raises ``RejectedError``, and the order then does not exist.
    4. ``reconcile`` tells of every order that the venue has, and of no other.
    """

    async def submit(self, order: ApprovedOrder, *, timeout_s: float) -> Receipt:
        """Send *order*, and return once the venue has acknowledged it.

        Raises
        ------
        UnavailableError
            If it was never sent.
        RejectedError
            If the venue certainly refused.
        OutcomeUnknownError
            If it may exist: reconcile before anything else.
        """
        ...

    async def cancel(self, client_order_id: str, *, timeout_s: float) -> Receipt:
        """Withdraw what is left of an order; raises as ``submit`` does."""
        ...

    async def reconcile(
        self, client_order_ids: Sequence[str], *, timeout_s: float
    ) -> Sequence[Receipt]:
        """Return a receipt for each of the orders that the venue knows."""
        ...

    async def positions(self, *, timeout_s: float) -> Sequence[Position]:
        """Return what the account holds."""
        ...

    async def account(self, symbol: str, *, timeout_s: float) -> AccountView:
        """Return the account as seen by an order for *symbol*."""
        ...

    async def fills(self, since_ns: int, *, timeout_s: float) -> Sequence[Fill]:
        """Return the fills since a time, oldest first."""
        ...
