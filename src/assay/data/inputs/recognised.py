"""What a file of inputs was recognised as, and the outcome of its import."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import unique

from assay.data.columns import Columns
from assay.data.file_format import FileFormat
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine
from assay.domain.time import iso_utc


@unique
class InputFormat(FileFormat):
    """Formats of inputs. The value is what a user writes with ``--format``."""

    NEWS_CSV = "news_csv"
    NEWS_JSON = "news_json"
    NEWS_ICS = "news_ics"
    SENTIMENT_CSV = "sentiment_csv"
    SENTIMENT_JSON = "sentiment_json"
    BOOK_OANDA = "book_oanda"
    BOOK_JSON = "book_json"
    BOOK_CSV = "book_csv"

    @property
    def kind(self) -> str:
        """Kind of table the rows go to: ``news``, ``sentiment`` or ``book``."""
        return self.value.partition("_")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedInput:
    """What a file was recognised as, for people to check.

    Attributes
    ----------
    format : InputFormat
    symbol : str or None
        What the file states; None if nothing, or several.
    timezone : str or None
        Clock of the file, where it is known yet.
    columns : mapping of role to text
        Header (or position from 1) of each column.
    clock_confidence : float
        [0, 1]; 1 where the clock is told or stated.
    why : tuple of str
        One sentence for each choice.
    """

    format: InputFormat
    symbol: str | None = None
    timezone: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    clock_confidence: float = 0.0
    why: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Kind of table: ``news``, ``sentiment`` or ``book``."""
        return self.format.kind

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "format": self.format.value,
            "kind": self.kind,
            "symbol": self.symbol,
            "timezone": self.timezone,
            "clock_confidence": self.clock_confidence,
            "columns": dict(self.columns),
            "why": list(self.why),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedInput:
    """The rows of one file of inputs, ready to be stored, and what happened on the way.

    Attributes
    ----------
    recognised : RecognisedInput
    rows : mapping of symbol to columns
        Columns of the table of ``recognised.kind``, sorted by ``known_ns``. The calendar
        stands under ``_MARKET``. A calendar has several rows for each event of the file.
    quarantine : Quarantine
    rows_in, rows_kept : int
        Rows of the file: events, readings, levels. ``rows_in == rows_kept + len(quarantine)``.
    source, sha256 : str
        Name and hash of the file.
    warnings : tuple of str
        What a user should know before trusting the rows.
    """

    recognised: RecognisedInput
    rows: Mapping[str, Columns]
    quarantine: Quarantine
    rows_in: int
    rows_kept: int
    source: str
    sha256: str
    warnings: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Kind of table: ``news``, ``sentiment`` or ``book``."""
        return self.recognised.kind

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols under which rows are stored."""
        return tuple(self.rows)

    @property
    def span_ns(self) -> tuple[int, int]:
        """First and last time that the rows are about."""
        times = [columns["time_ns"] for columns in self.rows.values()]
        return min(int(time.min()) for time in times), max(int(time.max()) for time in times)

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
        )

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        first_ns, last_ns = self.span_ns
        return {
            "source": self.source,
            "sha256": self.sha256,
            "symbols": list(self.symbols),
            "recognised": self.recognised.as_json(),
            "rows_in": self.rows_in,
            "rows_kept": self.rows_kept,
            "first": iso_utc(first_ns),
            "last": iso_utc(last_ns),
            "quarantine": self.quarantine.as_json(),
            "warnings": list(self.warnings),
        }
