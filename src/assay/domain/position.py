"""What the account holds in one symbol."""

from dataclasses import dataclass
from decimal import Decimal

from assay.domain.side import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An open position; at most one per symbol (netting).

    Attributes
    ----------
    symbol : str
    side : Side
    lots : Decimal
        What is left of it, on the lot step.
    entry_price, mark : Decimal
        Average price of the entry, and the price at which it would leave now.
    stop_price : Decimal or None
        None only if a request asked for a position without a stop.
    floating : Decimal
        Profit at the mark, account currency, before the costs of leaving.
    """

    symbol: str
    side: Side
    lots: Decimal
    entry_price: Decimal
    mark: Decimal
    stop_price: Decimal | None
    floating: Decimal
