"""One round trip: from flat to flat."""

from dataclasses import dataclass
from decimal import Decimal

from assay.domain.fill import ExitReason
from assay.domain.side import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A position that was opened and has left entirely.

    Attributes
    ----------
    symbol : str
    side : Side
        Of the position.
    entry_ns, exit_ns : int
        UTC nanoseconds at which the events of entry and last exit are known.
    lots : Decimal
        Initial size.
    entry_price, exit_price : Decimal
        The exit is volume-weighted. Quote currency.
    gross, commission, swap, net : Decimal
        Account currency; ``net = gross - commission + swap``.
    reason : ExitReason
        Of the last exit.
    is_ambiguous, is_resolved : bool
        Whether stop and target lay inside one bar, and whether finer bars settled it.
    """

    symbol: str
    side: Side
    entry_ns: int
    exit_ns: int
    lots: Decimal
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    commission: Decimal
    swap: Decimal
    net: Decimal
    reason: ExitReason
    is_ambiguous: bool
    is_resolved: bool
