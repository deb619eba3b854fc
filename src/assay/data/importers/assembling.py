"""Assembly of parsed rows: order, timeframe, scale, clock, and the final bars or ticks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.importers.bi5_path import divisor_of
from assay.data.importers.building import bars_from, ticks_from, without_overflow
from assay.data.importers.choices import Choices
from assay.data.importers.clock_finding import ClockFinding
from assay.data.importers.file_clock import (
    clock_of,
    refuse_unclear_clock,
    warnings_of_clock,
)
from assay.data.importers.grid import aligned
from assay.data.importers.imported import Imported
from assay.data.importers.layout import Format, Layout, Recognised
from assay.data.importers.naming import timeframe_of_labels
from assay.data.importers.ordering import (
    Dropped,
    Table,
    quotes_filled,
    refuse_interleaved,
    refuse_level_change,
    sorted_by_time,
    without_jumps,
    without_padding,
    without_repeats,
)
from assay.data.importers.readers import Reader
from assay.data.importers.refusals import Refusals
from assay.data.importers.rows import Rows
from assay.data.importers.scale import divided, price_divisor, refuse_implausible
from assay.data.importers.source import file_sha256
from assay.data.importers.timeframes import on_one_timeframe
from assay.data.importers.zones import Zone, zone
from assay.data.quarantine import RESTORABLE, TEXT_CHARACTERS_MAX, QuarantinedRow, Reason
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_REFUSED_SHARE_MAX = 0.5
_REFUSED_MIN = 20


def table_of(pieces: list[Rows]) -> Table:
    """Return the rows of all blocks as one table."""
    return Table(
        line=np.concatenate([rows.line for rows in pieces]),
        time_ns=np.concatenate([rows.time_ns for rows in pieces]),
        values={
            role: np.concatenate([rows.values[role] for rows in pieces])
            for role in pieces[0].values
        },
    )


def empty_import(
    path: Path, layout: Layout, choices: Choices, refusals: Refusals | None = None
) -> Imported:
    """Return the import of an archive without rows, or of padding alone: an empty series."""
    refusals = refusals or Refusals()
    said = layout.warnings
    if len(refusals):
        said += (f"All {len(refusals)} bars fill a pause of the market (flat, without volume).",)
    none, nothing = np.empty(0, dtype=np.int64), np.empty(0)
    timeframe = choices.timeframe or layout.timeframe
    series: Bars | Ticks
    if layout.format.is_ticks or timeframe is None:
        series = Ticks(symbol=choices.symbol, time_ns=none, bid=nothing, ask=nothing)
    else:
        parts = ("open", "high", "low", "close", "volume", "spread")
        columns = dict.fromkeys(parts, nothing)
        series = Bars(symbol=choices.symbol, timeframe=timeframe, time_ns=none, **columns)
    finding = clock_of(layout, Table(line=none, time_ns=none, values={}), timeframe)
    return Imported(
        series=series,
        recognised=recognised_as(layout, timeframe, finding, layout.divisor or 1, ()),
        quarantine=refusals.quarantine(),
        rows_in=len(refusals),
        rows_kept=0,
        rows_out_of_order=0,
        source=path.name,
        sha256=file_sha256(path),
        warnings=said,
        side=side_of(path, layout),
    )


def assembled(
    path: Path,
    reader: Reader,
    layout: Layout,
    choices: Choices,
    table: Table,
    refusals: Refusals,
    n_rows: int,
    labels: Mapping[str, int],
    *,
    sha256: str | None = None,
) -> Imported:
    """Return the import of a whole file from its parsed rows.

    Parameters
    ----------
    path, reader, layout, choices : what is read, by whom, how, and what the caller fixed
    table : Table
        Rows that stand on their own, in the order of the file, on its clock.
    refusals : Refusals
        Rows refused so far; those refused here are added.
    n_rows : int
        All rows of the file.
    labels : mapping of text to line
        Texts of a timeframe column.
    sha256 : str, optional
        Hash of the file, if it is known already.

    Raises
    ------
    DataError
        If the rows are not one series of one symbol on one known clock.
    """
    _refuse_mostly_bad(path, refusals, n_rows)
    dropped: Dropped = []
    if layout.format is Format.MT5_TICKS:
        table, dropped = quotes_filled(table)
    table, divisor, why = scaled(path, layout, choices, table)
    readable = table
    if not layout.format.is_ticks:
        ordered, padding = without_padding(
            sorted_by_time(table)[0], is_archive=layout.format.is_archive
        )
        if padding and not len(ordered) and not len(refusals):
            _list_dropped(path, reader, layout, padding, refusals)
            return empty_import(path, layout, choices, refusals)
        if padding:
            table = table.kept(~np.isin(table.line, padding[0][0]))
            dropped += padding
    table, timeframe, n_late, gone = _ordered(path, layout, choices, table, labels)
    dropped += gone
    finding = clock_of(layout, table, timeframe, choices.timezone, choices.reference)
    clock = zone(refuse_unclear_clock(path, finding))
    table, n_moved, gone = _in_utc(table, clock, timeframe)
    dropped += gone
    _list_dropped(path, reader, layout, dropped, refusals, _Readable(readable, clock, timeframe))
    _refuse_mostly_bad(path, refusals, n_rows)
    recognised = recognised_as(layout, timeframe, finding, divisor, why)
    said = _warnings(path, layout, recognised, n_late, n_moved) + warnings_of_clock(finding)
    series: Bars | Ticks
    if timeframe is None:
        series = ticks_from(choices.symbol, table)
        said += without_overflow(table.values.get("volume", np.empty(0)))[1]
    else:
        series, more = bars_from(choices.symbol, timeframe, table, digits=choices.digits)
        said += more
    return Imported(
        series=series,
        recognised=recognised,
        quarantine=refusals.quarantine(),
        rows_in=n_rows,
        rows_kept=len(series),
        rows_out_of_order=n_late,
        source=path.name,
        sha256=sha256 or file_sha256(path),
        warnings=(*layout.warnings, *said),
        side=side_of(path, layout),
    )


def _ordered(
    path: Path, layout: Layout, choices: Choices, table: Table, labels: Mapping[str, int]
) -> tuple[Table, Timeframe | None, int, Dropped]:
    """Sort rows; settle the timeframe of bars; refuse repeats and far-off prices."""
    is_ticks, in_file = layout.format.is_ticks, table
    table, n_late = sorted_by_time(table)
    timeframe: Timeframe | None = None
    dropped: Dropped = []
    if not is_ticks:
        stated = layout.timeframe or timeframe_of_labels(path, labels)
        told = choices.timeframe or stated
        timeframe, table, dropped = on_one_timeframe(path, layout, told, in_file, table, n_late)
    before = table
    table, repeats = without_repeats(table, is_ticks=is_ticks)
    for lines, reason in repeats:
        if timeframe is not None and reason is Reason.CONFLICT:
            refuse_interleaved(path, before, lines, timeframe)
    table, jumps = without_jumps(table)
    refuse_level_change(path, table)
    return table, timeframe, n_late, [*dropped, *repeats, *jumps]


def _in_utc(table: Table, clock: Zone, timeframe: Timeframe | None) -> tuple[Table, int, Dropped]:
    """Convert rows to UTC; clocks set back can make two rows share a time."""
    if timeframe is None:
        utc_ns, n_moved = clock.to_utc(table.time_ns), 0
    else:
        utc_ns, n_moved = aligned(table.time_ns, clock, timeframe)
    table, _ = sorted_by_time(replace(table, time_ns=utc_ns))
    table, repeats = without_repeats(table, is_ticks=timeframe is None)
    return table, n_moved, repeats


def scaled(
    path: Path, layout: Layout, choices: Choices, table: Table
) -> tuple[Table, int, tuple[str, ...]]:
    """Return the rows with prices divided as told, as the format says, or as they look."""
    prices = {
        role: value for role, value in table.values.items() if role not in ("volume", "spread")
    }
    if choices.divisor is not None:
        divisor, why = choices.divisor, f"prices divided by {choices.divisor} as told"
    elif (fixed := _fixed_divisor(path, layout, choices)) is not None:
        divisor, why = fixed, f"prices divided by {fixed}, as the format says"
        refuse_implausible(prices, choices.symbol, divisor, where=str(path))
    else:
        divisor, why = price_divisor(prices, choices.symbol, digits=choices.digits, where=str(path))
    if divisor == 1:
        return table, 1, (why,) if why else ()
    divided_by = {role: divided(value, divisor) for role, value in prices.items()}
    return replace(table, values={**table.values, **divided_by}), divisor, (why,)


def _fixed_divisor(path: Path, layout: Layout, choices: Choices) -> int | None:
    """Return the divisor that the format fixes, if it does."""
    if layout.divisor is not None or layout.format not in (Format.BI5_BARS, Format.BI5_TICKS):
        return layout.divisor
    divisor = divisor_of(choices.symbol)
    if divisor is None:
        raise DataError(
            f"{path} must be of a symbol whose prices are divided by a known number; "
            f"{choices.symbol} has none here.",
            remedy="Pass --price-divisor: 10 ** decimals of its prices, 1000 for most indices.",
            path=str(path),
            symbol=choices.symbol,
        )
    return divisor


def side_of(path: Path, layout: Layout) -> str:
    """Return the side that bars of one side quote, as the columns or the file name say."""
    if layout.format.is_ticks or "ask_open" in layout.columns:
        return "bid"
    words = path.stem.lower().replace("-", "_").replace(" ", "_").split("_")
    return "ask" if "ask" in words and "bid" not in words else layout.side


def _refuse_mostly_bad(path: Path, refusals: Refusals, n_rows: int) -> None:
    n_kept = n_rows - len(refusals)
    n_padding = refusals.quarantine().counts.get(Reason.PADDED, 0)
    n_bad, n_rows = len(refusals) - n_padding, n_rows - n_padding
    mostly = n_bad > max(_REFUSED_MIN, _REFUSED_SHARE_MAX * n_rows)
    if n_kept > 0 and not mostly:
        return
    if n_rows == 0:
        raise DataError(
            f"{path} must have rows; had none.", remedy="Export it again.", path=str(path)
        )
    row = min(refusals.rows, key=lambda row: row.line)
    raise DataError(
        f"{path} must have rows that can be used; {n_bad} of {n_rows} could not. The first "
        f"is line {row.line}, {row.reason.value}: {row.text[:120]!r}.",
        remedy="Check the file; if its columns were taken wrongly, name them with --column.",
        path=str(path),
        line=row.line,
        reason=row.reason.value,
    )


@dataclass(frozen=True, slots=True)
class _Readable:
    """Rows that could be read, on the clock of the file, and how they come to UTC."""

    table: Table
    clock: Zone
    timeframe: Timeframe | None

    def row(self, line: int, reason: Reason, text: str) -> QuarantinedRow:
        """Return a refused row with its time and its values."""
        at = int(np.searchsorted(self.table.line, line))  # rows stand in the order of the file
        if at == len(self.table) or self.table.line[at] != line:
            return QuarantinedRow(line=line, reason=reason, text=text)
        local_ns = self.table.time_ns[at : at + 1]
        if self.timeframe is None:
            utc_ns = self.clock.to_utc(local_ns)
        else:
            utc_ns, _ = aligned(local_ns, self.clock, self.timeframe)
        values = {
            role: float(value[at])
            for role, value in self.table.values.items()
            if role != "spread" and np.isfinite(value[at])
        }
        time_ns = int(utc_ns[0])
        return QuarantinedRow(line=line, reason=reason, text=text, time_ns=time_ns, values=values)


_VALUED_MAX = 5_000


def _list_dropped(
    path: Path,
    reader: Reader,
    layout: Layout,
    dropped: Dropped,
    refusals: Refusals,
    readable: _Readable | None = None,
) -> None:
    """Look up the text, time and values of rows that were refused after parsing."""
    wanted = [int(line) for lines, _ in dropped for line in lines[: max(0, refusals.room)]]
    texts = reader.texts(path, layout, wanted) if wanted else {}
    n_valued = 0
    for lines, reason in dropped:
        for line in lines.tolist():
            text = texts.get(line, "")[:TEXT_CHARACTERS_MAX]
            if readable is not None and reason in RESTORABLE and n_valued < _VALUED_MAX:
                refusals.add_row(readable.row(line, reason, text))
                n_valued += 1
            else:
                refusals.add(line, reason, text)


def _warnings(
    path: Path, layout: Layout, recognised: Recognised, n_late: int, n_moved: int
) -> tuple[str, ...]:
    said = []
    if n_late:
        said.append(f"{n_late} rows were out of order of time; sorted.")
    timeframe = recognised.timeframe
    if n_moved and timeframe in (Timeframe.H4, Timeframe.D1):
        said.append(
            f"{n_moved} {timeframe.name} bars do not begin on the trading-day grid (17:00 New "
            "York); each is stamped with the bar in which it ends, so that it is never known "
            "early. Import a shorter timeframe and let Assay resample it."
        )
    elif timeframe is Timeframe.D1 and recognised.clock_confidence < 0.9:
        said.append(
            "Dates show no clock; they are taken as trading days that end at 17:00 New York. "
            "If they are days of UTC, pass --timezone UTC."
        )
    if side_of(path, layout) == "ask":
        said.append("Prices are those of the ask side; they are stored as bid. Prefer bid bars.")
    return tuple(said)


def recognised_as(
    layout: Layout,
    timeframe: Timeframe | None,
    finding: ClockFinding,
    divisor: int,
    why: tuple[str, ...],
) -> Recognised:
    """Return what was recognised, in words."""
    spacing: tuple[str, ...] = ()
    if timeframe is not None:
        how = "as the file states" if timeframe is layout.timeframe else "by the spacing of rows"
        spacing = (f"timeframe {timeframe.name} {how}",)
    return Recognised(
        format=layout.format,
        timeframe=timeframe,
        timezone=finding.timezone,
        columns=dict(layout.names),
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        decimal=layout.decimal,
        stamp=layout.stamp.pattern,
        clock_confidence=finding.confidence,
        price_divisor=divisor,
        why=(*layout.why, *spacing, *why, finding.why),
    )
