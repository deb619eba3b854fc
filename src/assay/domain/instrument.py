"""What is traded: the contract facts of one symbol at one venue."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, unique

WORKDAYS = 5
MARGIN_TIERS_MAX = 8
"""Margin tiers of one instrument."""


@unique
class SwapMode(Enum):
    """Unit in which overnight financing is quoted."""

    POINTS = "points"
    """Points of price per lot and night; the usual MT5 mode."""
    PERCENT = "percent"
    """Annual interest in per cent of the notional at the last price, over 360 days."""
    PERCENT_OPEN = "percent of open"
    """Annual interest in per cent of the notional at the open price, over 360 days."""
    BASE = "base currency"
    """Units of the base currency per lot and night."""
    QUOTE = "quote currency"
    """Units of the quote (profit) currency per lot and night."""
    ACCOUNT = "account currency"
    """Units of the account (deposit) currency per lot and night."""


@unique
class MarginBasis(Enum):
    """What the bounds of margin tiers count."""

    LOTS = "lots"
    NOTIONAL = "notional"
    """Account currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTier:
    """One step of a margin that grows with the position.

    Attributes
    ----------
    up_to : Decimal
        Upper end of the step, lots or notional; the last one of an instrument is infinite.
    fraction : Decimal
        Margin over notional of what lies in the step, (0, 1].
    """

    up_to: Decimal
    fraction: Decimal


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
        Margin over notional, (0, 1]; 0.01 means a leverage of 100. With tiers, the first one's.
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
    freeze_level_points : int
        Distance from the market within which the venue changes no order; not simulated.
    swap_nights : tuple of Decimal
        Nights that the 17:00 New York rollover of each weekday counts, Monday to Sunday. Empty:
        one from Monday to Friday, three on *swap_triple_weekday*.
    account_currency : str
        Currency of the account for which swaps of mode ``ACCOUNT`` and margin tiers by notional
        were quoted; empty: any.
    margin_currency : str
        Currency in which the venue counts margin; empty: *base*.
    margin_basis : MarginBasis
    margin_tiers : tuple of MarginTier
        Margin of the first, second … step of a position, each at its own fraction; empty: one
        fraction for all.
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
    freeze_level_points: int = 0
    swap_nights: tuple[Decimal, ...] = ()
    account_currency: str = ""
    margin_currency: str = ""
    margin_basis: MarginBasis = MarginBasis.LOTS
    margin_tiers: tuple[MarginTier, ...] = ()

    @property
    def nights(self) -> tuple[Decimal, ...]:
        """Nights that the rollover of each weekday counts, Monday to Sunday."""
        if self.swap_nights:
            return self.swap_nights
        return tuple(
            Decimal(3 if day == self.swap_triple_weekday else day < WORKDAYS) for day in range(7)
        )

    @property
    def point(self) -> Decimal:
        """The smallest quoted step, ``10 ** -digits``."""
        return Decimal(1).scaleb(-self.digits)

    @property
    def pip(self) -> Decimal:
        """The customary step: 0.0001, 0.01 for prices of two or three digits."""
        return Decimal("0.01") if self.digits in (2, 3) else Decimal("0.0001")
