"""The outcome of an import: rows, quarantine, and what was recognised."""

from dataclasses import dataclass

from assay.data.bars import Bars, Ticks
from assay.data.importers.layout import Recognised
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine
from assay.domain.time import iso_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The rows of one file, ready to be merged, and what happened on the way.

    Attributes
    ----------
    series : Bars or Ticks
        Without rows for an archive of an hour without ticks; its symbol is empty where such a
        file does not say what it is of.
    recognised : Recognised
    quarantine : Quarantine
    rows_in, rows_kept : int
        ``rows_in == rows_kept + len(quarantine)``, always.
    rows_out_of_order : int
        Rows that were not in order of time; they are kept, sorted.
    source, sha256 : str
        Name and hash of the file.
    side : str
        ``bid`` or ``ask``: the side that bars of one side quote.
    piece : str
        Which piece of a file too large for memory; else empty.
    warnings : tuple of str
        What a user should know before trusting the rows.
    """

    series: Bars | Ticks
    recognised: Recognised
    quarantine: Quarantine
    rows_in: int
    rows_kept: int
    rows_out_of_order: int
    source: str
    sha256: str
    warnings: tuple[str, ...]
    side: str = "bid"
    piece: str = ""

    @property
    def bars(self) -> Bars | None:
        """The bars, if the file holds bars."""
        return self.series if isinstance(self.series, Bars) else None

    @property
    def ticks(self) -> Ticks | None:
        """The ticks, if the file holds ticks."""
        return self.series if isinstance(self.series, Ticks) else None

    def provenance(self, imported_ns: int) -> Provenance:
        """Return what the catalogue records; *imported_ns* is the time of the import."""
        return Provenance(
            source=self.source,
            sha256=self.sha256,
            importer=self.recognised.format.value,
            timezone=self.recognised.timezone or "",
            rows_in=self.rows_in,
            rows_kept=self.rows_kept,
            rows_quarantined=len(self.quarantine),
            imported_ns=imported_ns,
            piece=self.piece,
        )

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        time_ns = self.series.time_ns
        first, last = (time_ns[0], time_ns[-1]) if len(time_ns) else (None, None)
        return {
            "source": self.source,
            "sha256": self.sha256,
            "symbol": self.series.symbol,
            "side": self.side,
            "recognised": self.recognised.as_json(),
            "rows_in": self.rows_in,
            "rows_kept": self.rows_kept,
            "rows_out_of_order": self.rows_out_of_order,
            "first": None if first is None else iso_utc(int(first)),
            "last": None if last is None else iso_utc(int(last)),
            "quarantine": self.quarantine.as_json(),
            "warnings": list(self.warnings),
        }
