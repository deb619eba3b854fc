"""Contract facts that changed over time: dated versions of one symbol."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from assay.domain.errors import DataError
from assay.domain.instrument import Instrument
from assay.domain.time import iso_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedFacts:
    """One version.

    Attributes
    ----------
    valid_from_ns : int
        First instant at which the facts held, UTC nanoseconds.
    instrument : Instrument
    """

    valid_from_ns: int
    instrument: Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsHistory:
    """The contract facts of one symbol, by the time from which they held.

    Attributes
    ----------
    symbol : str
    versions : tuple of DatedFacts
        At least one, in rising order of time. The first also serves all earlier times.
    notes : tuple of str
        Sentences for the report: where the versions came from, what was taken for granted.
    """

    symbol: str
    versions: tuple[DatedFacts, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse versions that are out of order or of several symbols or currencies."""
        if not self.versions:
            raise DataError(
                f"{self.symbol} must have at least one version of its contract facts; had none.",
                remedy="Import a specification: assay data facts import FILE.",
                symbol=self.symbol,
            )
        starts = [version.valid_from_ns for version in self.versions]
        if any(after <= before for before, after in pairwise(starts)):
            raise DataError(
                f"Contract facts of {self.symbol} must be in rising order of time; were {starts}.",
                remedy="Give every version its own date.",
                symbol=self.symbol,
            )
        names = {(item.symbol, item.base, item.quote) for item in self.instruments}
        if len(names) > 1 or self.symbol != self.instruments[0].symbol:
            raise DataError(
                f"All contract facts of {self.symbol} must be of one symbol and one pair of "
                f"currencies; were {', '.join(' '.join(name) for name in sorted(names))}.",
                remedy="Import the other contract under its own symbol.",
                symbol=self.symbol,
            )

    @classmethod
    def of(cls, facts: "ContractFacts") -> "FactsHistory":
        """Return *facts* as a history; an instrument has always been as it is."""
        if isinstance(facts, FactsHistory):
            return facts
        only = DatedFacts(valid_from_ns=0, instrument=facts)
        return cls(symbol=facts.symbol, versions=(only,))

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The facts of every version, oldest first."""
        return tuple(version.instrument for version in self.versions)

    @property
    def base(self) -> str:
        """Currency (or metal) bought; the same in every version."""
        return self.latest.base

    @property
    def quote(self) -> str:
        """Currency paid; the same in every version."""
        return self.latest.quote

    @property
    def latest(self) -> Instrument:
        """The facts of the last version."""
        return self.versions[-1].instrument

    @property
    def starts_ns(self) -> tuple[int, ...]:
        """Instants from which the second and every later version holds."""
        return tuple(version.valid_from_ns for version in self.versions[1:])

    def at(self, time_ns: int) -> Instrument:
        """Return the facts that held at *time_ns*; before the first version, its own."""
        return self.versions[bisect_right(self.starts_ns, time_ns)].instrument

    def between(self, first_ns: int, last_ns: int) -> "FactsHistory":
        """Return the versions that hold at some time in ``[first_ns, last_ns]``.

        Where facts of a later date serve earlier times, a note says so.
        """
        begin = bisect_right(self.starts_ns, first_ns)
        end = bisect_right(self.starts_ns, last_ns)
        known_ns = self.versions[begin].valid_from_ns
        notes = self.notes
        if first_ns < known_ns:
            day = iso_utc(known_ns)[:10]
            notes = (
                *notes,
                f"{self.symbol}: the facts of {day} are used before that date, for want of older.",
            )
        return FactsHistory(
            symbol=self.symbol, versions=self.versions[begin : end + 1], notes=notes
        )


ContractFacts = Instrument | FactsHistory
"""Facts that never changed, or their dated versions."""
