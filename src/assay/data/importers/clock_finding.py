"""What was found out about the clock of a source."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.domain.time import iso_utc

CONFIDENCE_MIN = 0.9
"""Least confidence in a clock that is used without asking."""

CONFIDENCE_MIN_WEEKENDS = 0.8
"""The same where weekends alone speak, whose confidence is tempered once more."""

_CONFIDENCE_MAX = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """One change of a server's clock inside a history.

    Attributes
    ----------
    at_ns : int
        Local time of the clock *before* from which *after* holds.
    before, after : str
        Names of clocks.
    earliest_ns, latest_ns : int
        The change lies between these local times; between them the rows get the same UTC
        times from both clocks, or there are none.
    """

    at_ns: int
    before: str
    after: str
    earliest_ns: int
    latest_ns: int

    @property
    def says(self) -> str:
        """The change in words."""
        early, late = (iso_utc(at)[:10] for at in (self.earliest_ns, self.latest_ns))
        when = f"on {late}" if early == late else f"between {early} and {late}"
        return f"the clock changes from {self.before} to {self.after} {when}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFinding:
    """What the rows say about their clock.

    Attributes
    ----------
    timezone : str or None
        None if they cannot tell. A clock that changed is named with its dates; ``zone``
        knows such names.
    confidence : float
        Probability of *timezone* among all that were tried, [0, 1]; without one, that of the
        likeliest.
    why : str
        One sentence of evidence.
    alternatives : tuple of (str, float)
        Clocks and their probabilities on the least certain day, the likeliest first.
    changes : tuple of ClockChange
        Changes of the clock inside the history, oldest first.
    contradicts : str
        The clock that the file states, where the rows show another one; else empty.
    """

    timezone: str | None
    confidence: float
    why: str
    alternatives: tuple[tuple[str, float], ...] = ()
    changes: tuple[ClockChange, ...] = ()
    contradicts: str = ""


def capped(probability: float) -> float:
    """Return a probability that never claims to be certain, to three places."""
    return round(min(max(probability, 0.0), _CONFIDENCE_MAX), 3)


def percentages(alternatives: Sequence[tuple[str, float]]) -> str:
    """Return alternatives in words: ``UTC (60%) and NY+7 (30%)``."""
    return " and ".join(f"{name} ({chance:.0%})" for name, chance in alternatives) or "no clock"
