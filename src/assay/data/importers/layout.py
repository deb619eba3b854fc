"""What was recognised in a file: its format, its columns, its clock, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import unique

from assay.data.file_format import FileFormat
from assay.data.importers.stamps import Stamp
from assay.domain.timeframe import Timeframe


@unique
class Format(FileFormat):
    """Formats that can be imported. The value is what a user writes."""

    MT5_BARS = "mt5_bars"
    MT5_TICKS = "mt5_ticks"
    MT5_RATES = "mt5_rates"
    HISTDATA_M1 = "histdata_m1"
    HISTDATA_TICKS = "histdata_ticks"
    CSV_BARS = "csv_bars"
    CSV_TICKS = "csv_ticks"
    PARQUET_BARS = "parquet_bars"
    PARQUET_TICKS = "parquet_ticks"
    BI5_TICKS = "bi5_ticks"
    BI5_BARS = "bi5_bars"
    HST_BARS = "hst_bars"
    LEAN_TICKS = "lean_ticks"
    LEAN_BARS = "lean_bars"
    OANDA_BARS = "oanda_bars"
    CCXT_BARS = "ccxt_bars"
    CCXT_TICKS = "ccxt_ticks"
    TRUEFX_TICKS = "truefx_ticks"
    YAHOO_BARS = "yahoo_bars"
    DUKASCOPY_BARS = "dukascopy_bars"
    DUKASCOPY_TICKS = "dukascopy_ticks"

    @property
    def is_ticks(self) -> bool:
        """Whether rows are quotes rather than bars."""
        return self.value.endswith("ticks")

    @property
    def is_archive(self) -> bool:
        """Whether a file holds one timeframe by construction, and its path says which."""
        return self.value.startswith(("bi5", "lean"))

    @property
    def is_server_time(self) -> bool:
        """Whether stamps follow a broker's clock even where they look like UTC."""
        return self.value.startswith(("mt5", "hst"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How to read the rows of a file.

    Attributes
    ----------
    format : Format
    columns : mapping of role to position
        Roles: ``date`` and ``clock``, or ``time``; ``open`` … ``close``, ``volume``,
        ``spread``, ``ask_open`` … ``ask_close``; ``bid``, ``ask``; ``symbol``,
        ``timeframe``.
    names : mapping of role to text
        Header of each column, or its position counted from 1.
    stamp : Stamp
        How times are written.
    n_columns : int
        Fields per row.
    delimiter : str
    decimal : str
        ``.`` or ``,``.
    header_lines : int
        Lines before the first row.
    has_quotes : bool
        Whether fields stand in double quotes.
    encoding : str
    timezone : str or None
        Clock that the file itself states.
    side : str
        ``bid`` or ``ask``: which side the bars of a one-sided file quote.
    symbol : str or None
        What the bytes or the path state that the rows are quotes of.
    timeframe : Timeframe or None
        Length of bars, where bytes or path state it.
    divisor : int or None
        What prices must be divided by, where the format fixes it.
    base_ns : int or None
        UTC instant from which the times of rows count, where they are offsets.
    digits : int or None
        Decimal places of prices, where the bytes state them.
    why : tuple of str
        What each choice rests on.
    warnings : tuple of str
        What a user should know before trusting the rows.
    """

    format: Format
    columns: Mapping[str, int]
    names: Mapping[str, str]
    stamp: Stamp
    n_columns: int = 0
    delimiter: str = ""
    decimal: str = "."
    header_lines: int = 0
    has_quotes: bool = False
    encoding: str = "utf-8"
    timezone: str | None = None
    side: str = "bid"
    symbol: str | None = None
    timeframe: Timeframe | None = None
    divisor: int | None = None
    base_ns: int | None = None
    digits: int | None = None
    why: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def value_roles(self) -> tuple[str, ...]:
        """Roles that hold numbers."""
        return tuple(role for role in self.columns if role not in TEXT_ROLES)

    @property
    def required_roles(self) -> tuple[str, ...]:
        """Numbers without which a row is worth nothing."""
        if self.format is Format.MT5_TICKS:
            return ()
        if self.format.is_ticks:
            return ("bid", "ask")
        return tuple(role for role in self.value_roles if role not in ("volume", "spread"))


TEXT_ROLES = frozenset({"time", "date", "clock", "symbol", "timeframe"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a file was recognised as, for people to check.

    Attributes
    ----------
    format : Format
    timeframe : Timeframe or None
        None for ticks, or where too few rows tell.
    timezone : str or None
        Clock of the file; None where it cannot be told.
    columns : mapping of role to text
    encoding, delimiter, decimal, stamp : str
    clock_confidence : float
        Confidence in *timezone*, [0, 1]; 1 where the file states it.
    price_divisor : int
        1, or the power of ten by which prices in points are divided.
    why : tuple of str
        One sentence for each choice.
    """

    format: Format
    timeframe: Timeframe | None
    timezone: str | None
    columns: Mapping[str, str]
    encoding: str = "utf-8"
    delimiter: str = ""
    decimal: str = "."
    stamp: str = ""
    clock_confidence: float = 0.0
    price_divisor: int = 1
    why: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "format": self.format.value,
            "timeframe": None if self.timeframe is None else self.timeframe.name,
            "timezone": self.timezone,
            "clock_confidence": self.clock_confidence,
            "columns": dict(self.columns),
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "stamp": self.stamp,
            "price_divisor": self.price_divisor,
            "why": list(self.why),
        }
