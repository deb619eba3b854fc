"""What is traded: the contract facts of one symbol at one venue."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, unique


@unique
class SwapMode(Enum):
    """Unit in which overnight financing is quoted."""

    POINTS = "points"
    """Points of price per lot and night; the usual MT5 mode."""
    PERCENT = "percent"
    """Annual interest in per cent of the notional, paid per night over 360 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One stretch of trading in a week, in minutes since Sunday 00:00 New York time.

    Attributes
    ----------
    open_minute, close_minute : int
        ``0 <= open_minute < close_minute <= 10080``; half-open.
    """

    open_minute: int
    close_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Contract facts of one symbol.

    Attributes
    ----------
    symbol : str
        Venue name in capitals, such as ``XAUUSD``.
    description : str
    base, quote : str
        Currencies (or metal) bought and paid: one lot is ``contract_size`` of *base*,
        priced in *quote*.
    digits : int
        Decimal places of a quoted price.
    tick_size : Decimal
        The venue's price increment, in quote currency.
    contract_size : Decimal
        Units of *base* in one lot.
    lot_step, lot_min, lot_max : Decimal
        Size grid and limits, in lots.
    margin_fraction : Decimal
        Margin over notional, (0, 1]; 0.01 means a leverage of 100.
    commission_per_lot : Decimal
        Fee per lot and side, in account currency.
    swap_mode : SwapMode
    swap_long, swap_short : Decimal
        Financing per lot and night, in the unit of *swap_mode*; negative is paid.
    swap_triple_weekday : int
        Day (Monday 0 … Sunday 6) whose 17:00 New York rollover counts three nights.
    stop_level_points : int
        Least distance of a stop or limit from the market, in points.
    spread_points : int
        Typical spread, used where neither quotes nor history give one.
    sessions : tuple of Session
        Trading hours.
    """

    symbol: str
    description: str
    base: str
    quote: str
    digits: int
    tick_size: Decimal
    contract_size: Decimal
    lot_step: Decimal
    lot_min: Decimal
    lot_max: Decimal
    margin_fraction: Decimal
    commission_per_lot: Decimal
    swap_mode: SwapMode
    swap_long: Decimal
    swap_short: Decimal
    swap_triple_weekday: int
    stop_level_points: int
    spread_points: int
    sessions: tuple[Session, ...]

    @property
    def point(self) -> Decimal:
        """The smallest quoted step, ``10 ** -digits``."""
        return Decimal(1).scaleb(-self.digits)

    @property
    def pip(self) -> Decimal:
        """The customary step: 0.0001, 0.01 for prices of two or three digits."""
        return Decimal("0.01") if self.digits in (2, 3) else Decimal("0.0001")
