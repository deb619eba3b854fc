"""What the catalogue says of itself: entries, reports of merges, names of symbols."""

import re
from dataclasses import asdict, dataclass

from assay.data.manifest import TICKS_NAME, Manifest
from assay.data.provenance import Provenance
from assay.data.schema import MARKET
from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.domain.timeframe import Timeframe

_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#+-]{0,63}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored series.

    Attributes
    ----------
    symbol : str
    timeframe : Timeframe or None
        None for ticks.
    rows : int
    first_ns, last_ns : int
        Times of the first and last row, UTC nanoseconds.
    has_ask : bool
        Whether both sides are quoted, at least in part.
    content_hash : str
        SHA-256 that depends on the decoded rows alone.
    provenance : tuple of Provenance
        Imports, oldest first.
    """

    symbol: str
    timeframe: Timeframe | None
    rows: int
    first_ns: int
    last_ns: int
    has_ask: bool
    content_hash: str
    provenance: tuple[Provenance, ...]

    @property
    def series(self) -> str:
        """``H1`` and the like, or ``TICKS``."""
        return TICKS_NAME if self.timeframe is None else self.timeframe.name

    @property
    def order(self) -> tuple[str, int]:
        """Where it stands in a list: by symbol and length of bar, ticks first."""
        return self.symbol, 0 if self.timeframe is None else self.timeframe.value

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "symbol": self.symbol,
            "series": self.series,
            "rows": self.rows,
            "first": iso_utc(self.first_ns),
            "last": iso_utc(self.last_ns),
            "has_ask": self.has_ask,
            "content_hash": self.content_hash,
            "provenance": [entry.as_json() for entry in self.provenance],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class InputEntry:
    """One stored table of inputs: news, sentiment, an order book.

    Attributes
    ----------
    symbol : str
        ``_MARKET`` for what is of no one symbol.
    kind : str
        Kind of its schema.
    rows : int
    first_ns, last_ns : int
        When the first and the last row were known, UTC nanoseconds.
    content_hash : str
        SHA-256 that depends on the decoded rows alone.
    provenance : tuple of Provenance
        Imports, oldest first.
    """

    symbol: str
    kind: str
    rows: int
    first_ns: int
    last_ns: int
    content_hash: str
    provenance: tuple[Provenance, ...]

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "symbol": self.symbol,
            "kind": self.kind,
            "rows": self.rows,
            "first": iso_utc(self.first_ns),
            "last": iso_utc(self.last_ns),
            "content_hash": self.content_hash,
            "provenance": [entry.as_json() for entry in self.provenance],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeReport:
    """What a merge changed; counts are of imported rows.

    Attributes
    ----------
    is_changed : bool
        Whether any stored row changed; False when the same rows are imported again.
    rows_added, rows_replaced, rows_unchanged : int
        At times not stored before; at stored times with other values (the import won);
        stored already.
    rows_total : int
        Rows of the series after the merge.
    content_hash : str
    """

    symbol: str
    series: str
    is_changed: bool
    rows_added: int
    rows_replaced: int
    rows_unchanged: int
    rows_total: int
    content_hash: str

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return asdict(self)


def entry_of(manifest: Manifest) -> Entry:
    """Return the entry that a manifest describes."""
    is_ticks = manifest.series == TICKS_NAME
    return Entry(
        symbol=manifest.symbol,
        timeframe=None if is_ticks else Timeframe[manifest.series],
        rows=manifest.rows,
        first_ns=manifest.parts[0].first_ns,
        last_ns=manifest.parts[-1].last_ns,
        has_ask=is_ticks or any(part.has_ask for part in manifest.parts),
        content_hash=manifest.content_hash,
        provenance=manifest.provenance,
    )


def input_entry_of(manifest: Manifest) -> InputEntry:
    """Return the entry of a table of inputs."""
    return InputEntry(
        symbol=manifest.symbol,
        kind=manifest.columns.kind,
        rows=manifest.rows,
        first_ns=manifest.parts[0].first_ns,
        last_ns=manifest.parts[-1].last_ns,
        content_hash=manifest.content_hash,
        provenance=manifest.provenance,
    )


def is_symbol(text: str) -> bool:
    """Tell whether *text* can name a folder on every system."""
    return bool(_SYMBOL.fullmatch(text)) and not _RESERVED.fullmatch(text) and text[-1] != "."


def checked_symbol(symbol: str, *, may_be_market: bool = False) -> str:
    """Return *symbol* if it can name a folder on every system.

    Parameters
    ----------
    symbol : str
    may_be_market : bool
        Whether ``_MARKET`` will do: for tables of inputs alone.

    Raises
    ------
    DataError
        If it cannot.
    """
    if is_symbol(symbol) or (may_be_market and symbol == MARKET):
        return symbol
    raise DataError(
        f"A symbol must consist of letters, digits and . _ # + - (at most 64); was {symbol!r}.",
        remedy="Pass the venue's name, such as --symbol XAUUSD.",
        symbol=symbol,
    )
