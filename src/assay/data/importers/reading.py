"""Reading of one file of many: its symbol, its digits, and a clock that its siblings may lend."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.data.bars import Bars
from assay.data.catalogue import Catalogue
from assay.data.importers.choices import Choices
from assay.data.importers.discovery import Found
from assay.data.importers.imported import Imported
from assay.data.importers.layout import Format
from assay.data.importers.naming import symbol_of
from assay.data.importers.pieces import import_pieces
from assay.data.importers.readers import reader_of
from assay.data.importers.source import Progress
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

REFERENCE_BARS_MAX = 2_000_000
UNCLEAR_FILES_MAX = 1_000
_SURE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user fixed instead of leaving it to recognition.

    Attributes
    ----------
    symbol, timeframe, timezone, format : str or None
    columns : dict of role to header or position from 1
    divisor : int or None
        What prices are divided by.
    digits_of : callable
        Decimal places of a symbol, None where it has no contract facts.
    """

    symbol: str | None = None
    timeframe: str | None = None
    timezone: str | None = None
    format: str | None = None
    columns: dict[str, str | int] = field(default_factory=dict)
    divisor: int | None = None
    digits_of: Callable[[str], int | None] = lambda symbol: None


class Reading:
    """Reads files one after another; remembers what they teach about each other.

    Parameters
    ----------
    wish : Wish
    catalogue : Catalogue or None
        Its bars of the same symbol are the reference for the clock of a file.
    """

    def __init__(self, wish: Wish, catalogue: Catalogue | None = None) -> None:
        self.wish = wish
        self._catalogue = catalogue
        self._references: dict[str, Bars | None] = {}
        self._clocks: dict[tuple[Format, str], set[str]] = {}
        self._unclear: list[tuple[Found, DataError]] = []
        self._kept = tempfile.TemporaryDirectory(prefix="assay-unclear-")

    def close(self) -> None:
        """Remove what was kept of archives."""
        self._kept.cleanup()

    def read(self, found: Found, progress: Progress | None) -> Iterator[Imported]:
        """Yield the rows of a file, in pieces if it is large.

        A file whose clock cannot be told waits for ``read_unclear``.

        Raises
        ------
        DataError
            As ``import_file``.
        """
        try:
            for imported in self._read(found, progress, self.wish.timezone):
                self._learn(imported)
                yield imported
        except DataError as error:
            if error.facts.get("needs") != "timezone" or len(self._unclear) >= UNCLEAR_FILES_MAX:
                raise
            self._unclear.append((self._held(found), error))

    def read_unclear(self) -> Iterator[tuple[Found, Iterator[Imported] | DataError]]:
        """Yield the files whose clock was unclear, read with that of their siblings.

        A sibling is a file of the same format and symbol in this import. Where there is none, or
        siblings disagree, the error is yielded in place of the rows.
        """
        unclear, self._unclear = self._unclear, []
        for found, error in unclear:
            zones = self._clocks_like(found)
            if len(zones) != 1:
                yield found, error
                continue
            yield found, self._lent(found, next(iter(zones)))

    def _lent(self, found: Found, timezone: str) -> Iterator[Imported]:
        for imported in self._read(found, None, timezone):
            says = (
                f"This file alone does not show its clock; {timezone} is that of the other "
                "files of its format and symbol."
            )
            yield replace(imported, warnings=(*imported.warnings, says))

    def _read(
        self, found: Found, progress: Progress | None, timezone: str | None
    ) -> Iterator[Imported]:
        wish = self.wish
        symbol = wish.symbol or self._symbol(found)
        choices = Choices.of(
            symbol=wish.symbol,
            timeframe=wish.timeframe,
            timezone=timezone,
            format=wish.format,
            columns=wish.columns or None,
            digits=None if symbol is None else wish.digits_of(symbol),
            divisor=wish.divisor,
            reference=None if symbol is None or timezone else self._reference(symbol),
        )
        for imported in import_pieces(found.path, choices, progress=progress):
            yield replace(imported, source=found.name)

    def _symbol(self, found: Found) -> str | None:
        _, layout = reader_of(
            found.path, format=_format(self.wish.format), columns=self.wish.columns or None
        )
        return layout.symbol or symbol_of(found.path)

    def _reference(self, symbol: str) -> Bars | None:
        """Return stored bars of the symbol, the shortest timeframe that is small enough."""
        if self._catalogue is None:
            return None
        if symbol not in self._references:
            entries = [
                entry
                for entry in self._catalogue.list()
                if entry.symbol == symbol
                and entry.timeframe is not None
                and entry.timeframe.value <= Timeframe.H1.value
                and entry.rows <= REFERENCE_BARS_MAX
            ]
            chosen = max(entries, key=lambda entry: entry.rows, default=None)
            self._references[symbol] = (
                None
                if chosen is None or chosen.timeframe is None
                else self._catalogue.read_bars(symbol, chosen.timeframe)
            )
        return self._references[symbol]

    def _learn(self, imported: Imported) -> None:
        recognised = imported.recognised
        if recognised.timezone is not None and recognised.clock_confidence >= _SURE:
            key = recognised.format, imported.series.symbol
            self._clocks.setdefault(key, set()).add(recognised.timezone)

    def _clocks_like(self, found: Found) -> set[str]:
        _, layout = reader_of(
            found.path, format=_format(self.wish.format), columns=self.wish.columns or None
        )
        symbol = self.wish.symbol or layout.symbol or symbol_of(found.path) or ""
        return self._clocks.get((layout.format, symbol), set())

    def _held(self, found: Found) -> Found:
        """Return the file, copied if it is a member of an archive and about to go."""
        if found.is_lasting:
            return found
        folder = Path(self._kept.name) / str(len(self._unclear))
        folder.mkdir()
        return replace(found, path=Path(shutil.copy2(found.path, folder / found.path.name)))


def _format(text: str | None) -> Format | None:
    return None if text is None else Format.parse(text)
