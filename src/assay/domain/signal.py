"""The one form in which every source states its view."""

from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One source's directional view at one bar's close.

    Attributes
    ----------
    source : str
        Name of the source, such as ``votes`` or ``ensemble``.
    direction : float
        Lean in [-1, 1]; the sign is the side, 0 abstains.
    confidence : float
        Calibrated probability that the side is right over the horizon, [0, 1].
    horizon_bars : int
        Distance of the view, in bars, at least 1.
    reason : str
        Why, in words that a trader understands.
    """

    source: str
    direction: float
    confidence: float
    horizon_bars: int
    reason: str

    def __post_init__(self) -> None:
        if not (isfinite(self.direction) and -1.0 <= self.direction <= 1.0):
            raise ValueError(f"direction must be in [-1, 1]; was {self.direction}.")
        if not (isfinite(self.confidence) and 0.0 <= self.confidence <= 1.0):
            raise ValueError(f"confidence must be in [0, 1]; was {self.confidence}.")
        if self.horizon_bars < 1:
            raise ValueError(f"horizon_bars must be at least 1; was {self.horizon_bars}.")

    @property
    def is_abstention(self) -> bool:
        """Whether the source has no view."""
        return self.direction == 0.0
