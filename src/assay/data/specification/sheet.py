"""What a specification file says of one symbol, in words common to every form of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

MINUTES_PER_DAY = 24 * 60
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""Monday is 0, as in ``Instrument``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One line of a table of leverage.

    Attributes
    ----------
    up_to : Decimal
        Infinite for the last.
    leverage : Decimal
        Notional over margin.
    unit : str
        ``lots``, or the currency in which the bounds are.
    """

    up_to: Decimal
    leverage: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One symbol's specification as the file gives it; None or empty where it is silent.

    Attributes
    ----------
    form : str
        ``symbol_info`` or ``window``.
    symbol : str or None
    numbers : mapping of str to Decimal
        Keys are those of MT5's ``symbol_info()``: ``digits``, ``point``,
        ``trade_contract_size``, ``trade_tick_value``, ``volume_min`` and so on, and
        ``margin_rate_buy``, ``margin_rate_sell``, ``leverage``.
    texts : mapping of str to str
        ``description``, ``currency_base``, ``currency_profit``, ``currency_margin``,
        ``account_currency``, ``swap_mode`` and ``calc_mode`` (names), ``swap_3days`` (a
        weekday).
    swap_ratios : mapping of int to Decimal
        Nights that the rollover of a weekday counts, Monday 0, as far as given.
    sessions : mapping of int to tuple of (int, int)
        Trading of each weekday, minutes of the server's day.
    tiers : tuple of Tier
    margins : tuple of (Decimal, Decimal, Decimal)
        Lots, price and margin in account currency that the terminal calculated for them.
    exported : str
        ISO 8601 time at which the file was made; empty if it does not say.
    timezone : str
        The server's clock; empty if the file does not say.
    """

    form: str
    symbol: str | None = None
    numbers: Mapping[str, Decimal] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    swap_ratios: Mapping[int, Decimal] = field(default_factory=dict)
    sessions: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    tiers: tuple[Tier, ...] = ()
    margins: tuple[tuple[Decimal, Decimal, Decimal], ...] = ()
    exported: str = ""
    timezone: str = ""
