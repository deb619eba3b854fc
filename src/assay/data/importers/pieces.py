"""Import of tick files too large for memory: parsed once, then yielded piece by piece in time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from assay.data.arrays import FloatArray, IntArray
from assay.data.columns import distinct
from assay.data.importers.assembling import assembled, recognised_as, scaled
from assay.data.importers.choices import Choices
from assay.data.importers.file_clock import (
    clock_of,
    refuse_unclear_clock,
    warnings_of_clock,
)
from assay.data.importers.imported import Imported
from assay.data.importers.importing import ROWS_MAX, import_whole
from assay.data.importers.layout import Format, Layout
from assay.data.importers.naming import settled_symbol, symbol_in_rows, unknown_symbol
from assay.data.importers.ordering import Table
from assay.data.importers.readers import ParquetReader, Reader, TextReader, reader_of
from assay.data.importers.refusals import Refusals
from assay.data.importers.rows import Rows
from assay.data.importers.source import BLOCK_BYTES, Progress, file_sha256, read_sample
from assay.data.importers.spill import Spill
from assay.data.importers.tables import opened
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE, iso_utc

WHOLE_ROWS_MAX = 8_000_000
PIECE_ROWS = 4_000_000
_SAMPLE_STEP = 997
_LISTED_MAX = 300_000
_REFUSED_SHARE_MAX, _REFUSED_MIN = 0.5, 1_000


def import_pieces(
    path: Path,
    choices: Choices,
    *,
    progress: Progress | None = None,
    block_bytes: int = BLOCK_BYTES,
    whole_rows_max: int = WHOLE_ROWS_MAX,
    piece_rows: int = PIECE_ROWS,
    folder: Path | None = None,
) -> Iterator[Imported]:
    """Yield the rows of a file, oldest first: one piece if it is small, else several.

    Parameters
    ----------
    path : Path
    choices : Choices
        What the caller fixes.
    progress : callable, optional
        Called with bytes read and bytes in all.
    block_bytes : int
        Bytes parsed at a time.
    whole_rows_max : int
        Files of ticks with more rows than about this come in pieces. Bars come whole: even
        sixty years of minutes fit.
    piece_rows : int
        Rows in a piece, more or less: pieces end between weeks where they can, and never
        between rows of one day.
    folder : Path, optional
        Where rows wait between parsing and their piece, about 40 bytes each; an anonymous
        file that the system removes whatever happens. Default: the system's temporary folder.

    Yields
    ------
    imported : Imported
        Each is whole in itself: merge them one by one; a rerun of the same file makes the
        same pieces. Over all pieces the rows in are those of the file.

    Raises
    ------
    DataError
        As ``import_file``. Clock, scale and symbol are settled by the whole file before the
        first piece; only a level of prices that jumps inside a later piece is found later.

    Notes
    -----
    Memory: a block, a piece, and one row a minute for the clock. The text that the
    quarantine shows of a row refused after parsing is its values as read, not its line.
    """
    reader, layout = reader_of(path, format=choices.format, columns=choices.columns)
    if not layout.format.is_ticks or _n_rows_about(path, reader) <= whole_rows_max:
        rows_max = max(ROWS_MAX, whole_rows_max)
        yield import_whole(
            path, choices, progress=progress, block_bytes=block_bytes, rows_max=rows_max
        )
        return
    choices = choices.settled(settled_symbol(path, layout, choices.symbol), layout)
    with Spill(path, folder, roles=layout.value_roles) as spill:
        first = _First(path, layout, choices, spill)
        for rows in reader.rows(path, layout, block_bytes=block_bytes, progress=progress):
            first.take(rows)
        yield from _pieces(first, reader, piece_rows)


def _n_rows_about(path: Path, reader: Reader) -> float:
    """Return how many rows a file has, from its size; 0 for formats that are small by nature."""
    if isinstance(reader, ParquetReader):
        with opened(path) as file:
            return float(file.metadata.num_rows)
    if isinstance(reader, TextReader):
        return path.stat().st_size / max(1.0, read_sample(path).line_bytes)
    return 0.0


@dataclass(slots=True)
class _First:
    """The pass over the file: rows go to the spill, what must be settled first is collected."""

    path: Path
    layout: Layout
    choices: Choices
    spill: Spill
    n_rows: int = 0
    n_refused: int = 0
    n_listed: int = 0
    refused: dict[int, Refusals] = field(default_factory=dict)
    minutes: list[Table] = field(default_factory=list)
    sample: list[dict[str, FloatArray]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    carried: dict[str, float] = field(default_factory=dict)
    day: int | None = None

    def take(self, rows: Rows) -> None:
        """Take the rows of one block."""
        symbol = symbol_in_rows(self.path, self.choices.symbol, rows.labels.get("symbol"))
        self.choices = replace(self.choices, symbol=symbol)
        self.said += [words for words in rows.warnings if words not in self.said]
        self.n_rows += rows.n_rows
        self.n_refused += len(rows.refused)
        if len(rows.line):
            values = self._filled(rows.values)
            table = Table(line=rows.line, time_ns=rows.time_ns, values=values)
            self.spill.add(table)
            day = int(rows.time_ns[0] // NS_PER_DAY)
            self.day = day if self.day is None else self.day
            self._refuse(rows, day)
            self.minutes.append(_last_of_minutes(table))
            self.sample.append({role: v[::_SAMPLE_STEP] for role, v in values.items()})
        else:
            self._refuse(rows, -1)
        if self.n_refused > max(_REFUSED_MIN, _REFUSED_SHARE_MAX * self.n_rows):
            raise self._mostly_bad(rows)

    def _refuse(self, rows: Rows, day: int) -> None:
        refusals = self.refused.setdefault(day, Refusals())
        for line, reason, text in rows.refused:
            if self.n_listed < _LISTED_MAX:
                refusals.add(line, reason, text)
                self.n_listed += 1
            else:
                refusals.count(reason)

    def _mostly_bad(self, rows: Rows) -> DataError:
        line, reason, text = rows.refused[0]
        return DataError(
            f"{self.path} must have rows that can be used; {self.n_refused:,} of {self.n_rows:,} "
            f"up to line {line} could not. That line, {reason.value}: {text[:120]!r}.",
            remedy="Check the file; if its columns were taken wrongly, name them with --column.",
            path=str(self.path),
            line=line,
            reason=reason.value,
        )

    def _filled(self, values: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """Carry the unchanged side of MT5 ticks from one block into the next."""
        if self.layout.format is not Format.MT5_TICKS:
            return values
        filled = dict(values)
        for role in ("bid", "ask"):
            side = values[role]
            known = ~np.isnan(side)
            last = np.maximum.accumulate(np.where(known, np.arange(len(side)), -1))
            before = self.carried.get(role, np.nan)
            filled[role] = np.where(last >= 0, side[np.maximum(last, 0)], before)
            self.carried[role] = float(filled[role][-1])
        return filled


def _last_of_minutes(table: Table) -> Table:
    """Return the last row of each minute: all that a clock is told by, and little."""
    minute = table.time_ns // NS_PER_MINUTE
    is_last = np.append(minute[1:] != minute[:-1], True)
    values = {role: value[is_last] for role, value in table.values.items()}
    return Table(line=table.line[is_last], time_ns=table.time_ns[is_last], values=values)


def _joined(tables: Sequence[Table]) -> Table:
    """Return thinned rows of all blocks, by time, one a minute."""
    time_ns = np.concatenate([table.time_ns for table in tables])
    order = np.argsort(time_ns, kind="stable")
    values = {
        role: np.concatenate([table.values[role] for table in tables])[order]
        for role in tables[0].values
    }
    line = np.concatenate([table.line for table in tables])[order]
    return _last_of_minutes(Table(line=line, time_ns=time_ns[order], values=values))


def _pieces(first: _First, reader: Reader, piece_rows: int) -> Iterator[Imported]:
    """Settle what the whole file settles, then yield its pieces."""
    path, choices = first.path, first.choices
    if not first.minutes:
        raise DataError(
            f"{path} must have rows that can be used; had none.",
            remedy="Check the file; if its columns were taken wrongly, name them with --column.",
            path=str(path),
        )
    if not choices.symbol:
        raise unknown_symbol(path)
    layout = replace(first.layout, warnings=(*first.layout.warnings, *first.said))
    sampled = {
        role: np.concatenate([values[role] for values in first.sample]) for role in first.sample[0]
    }
    sampled = {role: value[~np.isnan(value)] for role, value in sampled.items()}
    none = np.empty(0, dtype=np.int64)
    _, divisor, why = scaled(path, layout, choices, Table(line=none, time_ns=none, values=sampled))
    thin = _joined(first.minutes)
    first.minutes.clear()
    finding = clock_of(layout, thin, None, choices.timezone, choices.reference)
    settled = replace(
        choices, timezone=refuse_unclear_clock(path, finding), divisor=divisor, reference=None
    )
    layout = replace(layout, warnings=(*layout.warnings, *warnings_of_clock(finding)))
    recognised = recognised_as(layout, None, finding, divisor, why)
    sha256 = file_sha256(path)
    refused = dict(first.refused)
    before = refused.pop(-1, None)  # blocks without any good row: with the first piece
    for i_piece, days in enumerate(_days_of_pieces(first.spill.rows_by_day(), piece_rows)):
        table = first.spill.read(days)
        parts = [refused[day] for day in days if day in refused]
        refusals = Refusals.joined([*([before] if before and i_piece == 0 else []), *parts])
        n_rows = len(table) + len(refusals)
        shown = _Shown(reader, table)
        imported = assembled(
            path, shown, layout, settled, table, refusals, n_rows, {}, sha256=sha256
        )
        yield replace(
            imported,
            recognised=recognised,
            piece=iso_utc(days[0] * NS_PER_DAY)[:10],
            warnings=imported.warnings if i_piece == 0 else (),
        )


def _days_of_pieces(rows_by_day: Mapping[int, int], piece_rows: int) -> Iterator[list[int]]:
    """Yield the days of each piece; it ends with a week once it is large enough."""
    days: list[int] = []
    n_rows = 0
    for day in sorted(rows_by_day):
        is_next_week = bool(days) and (day + 5) // 7 != (days[-1] + 5) // 7
        is_full = is_next_week and n_rows >= piece_rows // 2
        if days and (is_full or n_rows + rows_by_day[day] > 2 * piece_rows):
            yield days
            days, n_rows = [], 0
        days.append(day)
        n_rows += rows_by_day[day]
    if days:
        yield days


class _Shown:
    """The reader of the file, with the rows of one piece at hand for the quarantine."""

    def __init__(self, reader: Reader, table: Table) -> None:
        self._reader, self._table = reader, table

    @property
    def formats(self) -> tuple[Format, ...]:
        """As those of the reader."""
        return self._reader.formats

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file, as the reader does."""
        return self._reader.recognise(path, head)

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield rows, as the reader does."""
        return self._reader.rows(path, layout, block_bytes=block_bytes, progress=progress)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return rows of the piece as their values, without another pass over the file."""
        table = self._table
        wanted: IntArray = distinct(np.sort(np.asarray(numbers, dtype=np.int64)))
        at = np.flatnonzero(np.isin(table.line, wanted))
        return {
            int(table.line[i]): " ".join(
                [str(np.datetime64(int(table.time_ns[i]), "ns"))]
                + [f"{role}={float(value[i])!r}" for role, value in table.values.items()]
            )
            for i in at.tolist()
        }
