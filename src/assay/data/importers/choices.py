"""What a caller fixes of an import; the rest is found by looking."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from assay.data.bars import Bars
from assay.data.entry import checked_symbol
from assay.data.importers.layout import Format, Layout
from assay.data.importers.zones import zone
from assay.domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the caller fixed, checked; ``Choices()`` leaves everything to recognition.

    Attributes
    ----------
    symbol : str
        Empty: as the file says.
    timeframe : Timeframe or None
    timezone : str or None
        Canonical name of the clock of the file.
    format : Format or None
    columns : mapping of role to header, or to position from 1
    digits : int or None
        Decimal places of the instrument; settles whether whole numbers are points.
    divisor : int or None
        What prices are divided by.
    reference : Bars or None
        Bars of the same symbol on a known clock; they settle the clock of the file.
    """

    symbol: str = ""
    timeframe: Timeframe | None = None
    timezone: str | None = None
    format: Format | None = None
    columns: Mapping[str, str | int] | None = None
    digits: int | None = None
    divisor: int | None = None
    reference: Bars | None = None

    @classmethod
    def of(
        cls,
        *,
        symbol: str | None = None,
        timeframe: Timeframe | str | None = None,
        timezone: str | None = None,
        format: Format | str | None = None,  # noqa: A002  (the word users write)
        columns: Mapping[str, str | int] | None = None,
        digits: int | None = None,
        divisor: int | None = None,
        reference: Bars | None = None,
    ) -> Self:
        """Read what a user wrote.

        Raises
        ------
        ConfigError
            If an argument names no format, timeframe or zone.
        DataError
            If *symbol* cannot be one.
        """
        return cls(
            symbol="" if symbol is None else checked_symbol(symbol),
            timeframe=Timeframe.parse(timeframe) if isinstance(timeframe, str) else timeframe,
            timezone=None if timezone is None else zone(timezone).name,
            format=Format.parse(format) if isinstance(format, str) else format,
            columns=columns,
            digits=digits,
            divisor=divisor,
            reference=reference,
        )

    def settled(self, symbol: str, layout: Layout) -> Self:
        """Return the choices for a file that is of *symbol* and read as *layout* says."""
        return replace(
            self, symbol=symbol, digits=layout.digits if self.digits is None else self.digits
        )
