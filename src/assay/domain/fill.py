"""One execution, and why a position was left."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, unique

from assay.domain.side import Side


@unique
class ExitReason(IntEnum):
    """Why lots left a position. The values are those of compiled records; 0 is an entry."""

    STOP = 1
    TARGET = 2
    SIGNAL = 3
    TIME_STOP = 4
    STOP_OUT = 5
    REQUEST = 6
    END = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of one order.

    Attributes
    ----------
    symbol : str
    time_ns : int
        UTC nanoseconds at which the event of the fill is known.
    side : Side
    lots : Decimal
        On the lot step.
    price : Decimal
        Average price paid, quote currency; not rounded to the tick.
    commission : Decimal
        Fee of this fill, account currency.
    reason : ExitReason or None
        None for an entry.
    """

    symbol: str
    time_ns: int
    side: Side
    lots: Decimal
    price: Decimal
    commission: Decimal
    reason: ExitReason | None
