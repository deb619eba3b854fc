"""The life of an order at a venue: typed states, and the only transitions between them.

::

    APPROVED ──sent──► SENT ──accepted──► WORKING ──filled──► PARTLY_FILLED ──filled──► FILLED
                         │                   │                      │
                         │                   └──cancelled/expired───┴──► CANCELLED / EXPIRED
                         ├──rejected──► REJECTED
                         └──silence──► UNKNOWN ──(what reconciliation finds)──► any of the above

An order whose outcome is unknown is neither failed nor working: until reconciliation has
found it, nothing may be sent in its place.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, unique

from assay.domain.order import ApprovedOrder


@unique
class OrderStatus(Enum):
    """Where an order is in its life."""

    APPROVED = "approved"
    SENT = "sent"
    WORKING = "working"
    PARTLY_FILLED = "partly filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in _FINAL

    @property
    def may_exist(self) -> bool:
        """Whether the venue may hold the order, so that no other may take its place."""
        return self in _LIVE


_FINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED}
)
_LIVE = frozenset(
    {OrderStatus.SENT, OrderStatus.WORKING, OrderStatus.PARTLY_FILLED, OrderStatus.UNKNOWN}
)


@unique
class OrderEvent(Enum):
    """What can happen to an order, beside a fill."""

    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SILENCE = "silence"
    """The venue did not answer in time: the order may exist."""
    NOT_FOUND = "not found"
    """Reconciliation has shown that the venue never had the order."""


_OPEN = (OrderStatus.WORKING, OrderStatus.PARTLY_FILLED)
_TRANSITIONS: dict[tuple[OrderStatus, OrderEvent], OrderStatus] = {
    (OrderStatus.APPROVED, OrderEvent.SENT): OrderStatus.SENT,
    (OrderStatus.SENT, OrderEvent.ACCEPTED): OrderStatus.WORKING,
    (OrderStatus.SENT, OrderEvent.REJECTED): OrderStatus.REJECTED,
    (OrderStatus.SENT, OrderEvent.SILENCE): OrderStatus.UNKNOWN,
    (OrderStatus.UNKNOWN, OrderEvent.ACCEPTED): OrderStatus.WORKING,
    (OrderStatus.UNKNOWN, OrderEvent.REJECTED): OrderStatus.REJECTED,
    (OrderStatus.UNKNOWN, OrderEvent.CANCELLED): OrderStatus.CANCELLED,
    (OrderStatus.UNKNOWN, OrderEvent.EXPIRED): OrderStatus.EXPIRED,
    (OrderStatus.UNKNOWN, OrderEvent.SILENCE): OrderStatus.UNKNOWN,
    (OrderStatus.UNKNOWN, OrderEvent.NOT_FOUND): OrderStatus.REJECTED,
    **{(status, OrderEvent.CANCELLED): OrderStatus.CANCELLED for status in _OPEN},
    **{(status, OrderEvent.EXPIRED): OrderStatus.EXPIRED for status in _OPEN},
    **{(status, OrderEvent.SILENCE): OrderStatus.UNKNOWN for status in _OPEN},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One approved order and how far it has come; never changed in place.

    Attributes
    ----------
    approved : ApprovedOrder
    status : OrderStatus
    filled_lots : Decimal
        Between 0 and the approved size.
    """

    approved: ApprovedOrder
    status: OrderStatus = OrderStatus.APPROVED
    filled_lots: Decimal = Decimal(0)

    @property
    def open_lots(self) -> Decimal:
        """What is not filled yet."""
        return self.approved.size_lots - self.filled_lots

    def after(self, event: OrderEvent) -> "Order":
        """Return the order after *event*.

        Raises
        ------
        ValueError
            If the event cannot happen in this state: a bug in an adapter.
        """
        after = _TRANSITIONS.get((self.status, event))
        if after is None:
            raise ValueError(
                f"An order that is {self.status.value} cannot meet the event {event.value!r}."
            )
        if after is OrderStatus.WORKING and self.filled_lots > 0:
            after = OrderStatus.PARTLY_FILLED
        return replace(self, status=after)

    def filled(self, lots: Decimal) -> "Order":
        """Return the order after a fill of *lots*.

        A fill proves that the venue has the order, so it may come before the acceptance,
        and it settles an unknown outcome.

        Raises
        ------
        ValueError
            If the order cannot be filled in this state, or by so much.
        """
        if not self.status.may_exist:
            raise ValueError(f"An order that is {self.status.value} cannot be filled.")
        if not 0 < lots <= self.open_lots:
            raise ValueError(f"A fill must be in (0, {self.open_lots}] lots; was {lots}.")
        total = self.filled_lots + lots
        done = total == self.approved.size_lots
        status = OrderStatus.FILLED if done else OrderStatus.PARTLY_FILLED
        return replace(self, status=status, filled_lots=total)
