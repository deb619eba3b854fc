"""Direction of an order or a position."""

from enum import Enum, unique


@unique
class Side(Enum):
    """Direction of an order, seen from the account; of a position, that of its entry."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell, so that ``pnl = sign * size * move``."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The side that closes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @classmethod
    def of_sign(cls, sign: float) -> "Side":
        """Return the side of a signed number that is not 0.

        Raises
        ------
        ValueError
            If *sign* is 0 or NaN: neither has a side.
        """
        if sign > 0:
            return cls.BUY
        if sign < 0:
            return cls.SELL
        raise ValueError(f"sign must not be 0 or NaN; was {sign}.")
