"""The account as risk sees it when an order is reviewed."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Facts of the account at one instant; every amount is in account currency.

    Attributes
    ----------
    equity : Decimal
        Balance and floating profit.
    conversion : Decimal
        Account currency per unit of the quote currency of the order's symbol, > 0.
    positions_others : int
        Open positions and queued entries of other symbols.
    notional_others : Decimal
        Notional of the other symbols' positions and queued entries.
    margin_others : Decimal
        Margin of the other symbols' positions and queued entries.
    margin_used_others : Decimal
        Margin of the other symbols' positions alone; the margin level is taken from it.
    """

    equity: Decimal
    conversion: Decimal
    positions_others: int
    notional_others: Decimal
    margin_others: Decimal
    margin_used_others: Decimal
