"""The nine lengths of a bar."""

from enum import Enum, unique
from typing import Self

from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_SECOND


@unique
class Timeframe(Enum):
    """Length of a bar. The value is its nominal length in seconds (MN1: 30 days).

    Up to H1 bars lie on the UTC grid. H4, D1, W1 and MN1 follow the trading day, which
    begins at 17:00 New York; ``assay.data.calendar`` computes their boundaries.
    """

    M1 = 60
    M5 = 300
    M15 = 900
    M30 = 1_800
    H1 = 3_600
    H4 = 14_400
    D1 = 86_400
    W1 = 604_800
    MN1 = 2_592_000

    @property
    def nominal_ns(self) -> int:
        """Nominal length in nanoseconds; exact up to H1."""
        return self.value * NS_PER_SECOND

    @property
    def is_fixed(self) -> bool:
        """Whether every bar has the nominal length and lies on the UTC grid."""
        return self.value <= Timeframe.H1.value

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a timeframe from user text, in any case.

        Raises
        ------
        ConfigError
            If *text* names no timeframe. The message lists the valid names.

        Examples
        --------
        >>> Timeframe.parse("m15").value
        900
        """
        try:
            return cls[text.strip().upper()]
        except KeyError:
            valid = ", ".join(member.name for member in cls)
            raise ConfigError(
                f"Timeframe must be one of {valid}; was {text!r}.",
                remedy="Correct the spelling.",
                value=text,
            ) from None
