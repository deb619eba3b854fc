"""Import of one file: recognise, parse, refuse bad rows, order, convert to UTC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.catalogue import checked_symbol
from assay.data.importers import histdata
from assay.data.importers.building import bars_from, ticks_from
from assay.data.importers.clock import CONFIDENCE_MIN, ClockFinding, infer_clock
from assay.data.importers.detect import recognise_text
from assay.data.importers.grid import (
    aligned,
    off_grid,
    refuse_mixed,
    refuse_off_grid,
    spacing_of,
)
from assay.data.importers.layout import Format, Layout, Recognised
from assay.data.importers.naming import refuse_other_symbol, timeframe_of_labels
from assay.data.importers.ordering import (
    Dropped,
    Table,
    quotes_filled,
    refuse_interleaved,
    refuse_level_change,
    sorted_by_time,
    without_jumps,
    without_repeats,
)
from assay.data.importers.refusals import Refusals
from assay.data.importers.rows import Rows, parse_block
from assay.data.importers.scale import divided, price_divisor
from assay.data.importers.source import (
    BLOCK_BYTES,
    Progress,
    checked_file,
    file_sha256,
    lines_at,
    read_blocks,
    read_sample,
)
from assay.data.importers.tables import is_parquet, read_tables, recognise_parquet, rows_at
from assay.data.importers.zones import zone
from assay.data.provenance import Provenance
from assay.data.quarantine import Quarantine
from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.domain.timeframe import Timeframe

ROWS_MAX = 50_000_000
_REFUSED_SHARE_MAX = 0.5
_REFUSED_MIN = 20
_LOOK_ROWS_MAX = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The rows of one file, ready to be merged, and what happened on the way.

    Attributes
    ----------
    series : Bars or Ticks
    recognised : Recognised
    quarantine : Quarantine
    rows_in, rows_kept : int
        ``rows_in == rows_kept + len(quarantine)``, always.
    rows_out_of_order : int
        Rows that were not in order of time; they are kept, sorted.
    source, sha256 : str
        Name and hash of the file.
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
        )

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        time_ns = self.series.time_ns
        return {
            "source": self.source,
            "sha256": self.sha256,
            "symbol": self.series.symbol,
            "recognised": self.recognised.as_json(),
            "rows_in": self.rows_in,
            "rows_kept": self.rows_kept,
            "rows_out_of_order": self.rows_out_of_order,
            "first": iso_utc(int(time_ns[0])),
            "last": iso_utc(int(time_ns[-1])),
            "quarantine": self.quarantine.as_json(),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choices:
    """What the caller fixed instead of leaving it to recognition."""

    symbol: str
    timeframe: Timeframe | None
    timezone: str | None
    digits: int | None
    divisor: int | None


def recognise(
    path: Path,
    *,
    format: Format | str | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
) -> Recognised:
    """Look at a file and say what it is, without importing it.

    Only the first rows are read (up to 200,000), so the clock may be told with less
    confidence than an import has.

    Raises
    ------
    DataError
        If it is missing, empty, binary, or no table of bars or quotes.
    """
    path = Path(path)
    layout = _layout(path, format, columns)
    pieces, n_rows = [], 0
    for rows in _rows(path, layout, BLOCK_BYTES, None):
        pieces.append(rows)
        n_rows += rows.n_rows
        if n_rows >= _LOOK_ROWS_MAX:
            break
    table, _ = sorted_by_time(_table(pieces))
    timeframe = None if layout.format.is_ticks else spacing_of(table.time_ns)
    finding = _clock(layout, table, timeframe)
    return _recognised(layout, timeframe, finding, 1, ())


def import_file(
    path: Path,
    *,
    symbol: str,
    timeframe: Timeframe | str | None = None,
    timezone: str | None = None,
    format: Format | str | None = None,  # noqa: A002  (the word users write)
    columns: Mapping[str, str | int] | None = None,
    digits: int | None = None,
    price_divisor: int | None = None,
    progress: Progress | None = None,
    block_bytes: int = BLOCK_BYTES,
    rows_max: int = ROWS_MAX,
) -> Imported:
    """Read bars or ticks of *symbol* from a file.

    Parameters
    ----------
    path : Path
    symbol : str
        What the rows are quotes of.
    timeframe, timezone, format, columns : optional
        Override what would be recognised. *timezone* is the clock of the file, such as
        ``NY+7``; *columns* maps roles to headers, or to positions from 1.
    digits : int, optional
        Decimal places of the instrument; settles whether whole numbers are points.
    price_divisor : int, optional
        Divide prices by this instead of judging.
    progress : callable, optional
        Called with bytes read and bytes in all.
    block_bytes : int
        Bytes parsed at a time.
    rows_max : int
        Larger files are refused before they fill the memory (about 70 bytes a row).

    Raises
    ------
    DataError
        If the file cannot be read as market data of *symbol*; names file, line, value.
    ConfigError
        If an argument names no format, timeframe, zone or column.
    """
    path = Path(path)
    choices = _Choices(
        symbol=checked_symbol(symbol),
        timeframe=Timeframe.parse(timeframe) if isinstance(timeframe, str) else timeframe,
        timezone=None if timezone is None else zone(timezone).name,
        digits=digits,
        divisor=price_divisor,
    )
    refuse_other_symbol(path, symbol)
    layout = _layout(path, format, columns)
    _refuse_large(path, layout, rows_max)
    refusals = Refusals()
    pieces: list[Rows] = []
    n_rows = 0
    for rows in _rows(path, layout, block_bytes, progress):
        refuse_other_symbol(path, symbol, rows.labels.get("symbol"))
        refusals.add_all(rows.refused)
        n_rows += rows.n_rows
        if n_rows > rows_max:
            raise _too_many(path, n_rows, rows_max)
        pieces.append(replace(rows, refused=[]))
    table = _table(pieces)
    labels = {
        text: line for rows in pieces for text, line in rows.labels.get("timeframe", {}).items()
    }
    del pieces
    return _assembled(path, layout, choices, table, refusals, n_rows, labels, block_bytes)


def _layout(
    path: Path,
    format: Format | str | None,
    columns: Mapping[str, str | int] | None,  # noqa: A002
) -> Layout:
    checked_file(path)
    chosen = Format.parse(format) if isinstance(format, str) else format
    if is_parquet(path):
        return recognise_parquet(path, format=chosen, columns=columns)
    return recognise_text(path, format=chosen, columns=columns)


def _rows(
    path: Path, layout: Layout, block_bytes: int, progress: Progress | None
) -> Iterator[Rows]:
    if layout.format in (Format.PARQUET_BARS, Format.PARQUET_TICKS):
        yield from read_tables(path, layout, progress=progress)
        return
    blocks = read_blocks(path, layout.encoding, block_bytes=block_bytes, progress=progress)
    for block in blocks:
        yield parse_block(block, layout)


def _refuse_large(path: Path, layout: Layout, rows_max: int) -> None:
    """Refuse a file that cannot fit, from its size alone."""
    if is_parquet(path):
        return
    n_about = path.stat().st_size / max(1.0, read_sample(path).line_bytes)
    if n_about > 1.5 * rows_max:
        raise _too_many(path, int(n_about), rows_max)


def _too_many(path: Path, n_rows: int, rows_max: int) -> DataError:
    return DataError(
        f"{path} must have at most {rows_max:,} rows; has about {n_rows:,}.",
        remedy="Split it by year and import each part; parts merge into one series.",
        path=str(path),
        rows=n_rows,
        rows_max=rows_max,
    )


def _table(pieces: list[Rows]) -> Table:
    return Table(
        line=np.concatenate([rows.line for rows in pieces]),
        time_ns=np.concatenate([rows.time_ns for rows in pieces]),
        values={
            role: np.concatenate([rows.values[role] for rows in pieces])
            for role in pieces[0].values
        },
    )


def _assembled(
    path: Path,
    layout: Layout,
    choices: _Choices,
    table: Table,
    refusals: Refusals,
    n_rows: int,
    labels: Mapping[str, int],
    block_bytes: int,
) -> Imported:
    """Order, scale, check and convert the rows of a whole file."""
    _refuse_mostly_bad(path, refusals, n_rows)
    dropped: Dropped = []
    is_ticks = layout.format.is_ticks
    if layout.format is Format.MT5_TICKS:
        table, gone = quotes_filled(table)
        dropped += gone
    table, divisor, why_scale = _scaled(path, choices, table)
    in_file = table
    table, n_late = sorted_by_time(table)
    timeframe = None
    if not is_ticks:
        timeframe = choices.timeframe or timeframe_of_labels(path, labels)
        timeframe, table, gone = _on_one_timeframe(path, timeframe, in_file, table, n_late)
        dropped += gone
    del in_file
    before = table
    table, gone = without_repeats(table, is_ticks=is_ticks)
    dropped += gone
    if timeframe is not None and len(gone) == 2:
        refuse_interleaved(path, before, gone[1][0], timeframe)
    table, gone = without_jumps(table)
    dropped += gone
    refuse_level_change(path, table)
    finding = _clock(layout, table, timeframe, choices.timezone)
    if finding.timezone is None or finding.confidence < CONFIDENCE_MIN:
        raise _unclear_clock(path, finding)
    n_moved = 0
    clock = zone(finding.timezone)
    if timeframe is None:
        utc_ns = clock.to_utc(table.time_ns)
    else:
        utc_ns, n_moved = aligned(table.time_ns, clock, timeframe)
    table, n_folded = sorted_by_time(replace(table, time_ns=utc_ns))
    table, gone = without_repeats(table, is_ticks=is_ticks)
    dropped += gone
    _list_dropped(path, layout, dropped, refusals, block_bytes)
    _refuse_mostly_bad(path, refusals, n_rows)
    series: Bars | Ticks
    warnings = _warnings(path, layout, timeframe, n_late, n_moved)
    if timeframe is None:
        series = ticks_from(choices.symbol, table)
    else:
        series, more = bars_from(choices.symbol, timeframe, table, digits=choices.digits)
        warnings += more
    recognised = _recognised(layout, timeframe, finding, divisor, why_scale)
    return Imported(
        series=series,
        recognised=recognised,
        quarantine=refusals.quarantine(),
        rows_in=n_rows,
        rows_kept=len(series),
        rows_out_of_order=n_late,
        source=path.name,
        sha256=file_sha256(path),
        warnings=warnings,
    )


def _scaled(path: Path, choices: _Choices, table: Table) -> tuple[Table, int, tuple[str, ...]]:
    prices = {
        role: value for role, value in table.values.items() if role not in ("volume", "spread")
    }
    if choices.divisor is not None:
        divisor, why = choices.divisor, f"prices divided by {choices.divisor} as told"
    else:
        divisor, why = price_divisor(prices, choices.symbol, digits=choices.digits, where=str(path))
    if divisor == 1:
        return table, 1, (why,) if why else ()
    scaled = {role: divided(value, divisor) for role, value in prices.items()}
    return replace(table, values={**table.values, **scaled}), divisor, (why,)


def _on_one_timeframe(
    path: Path, timeframe: Timeframe | None, in_file: Table, table: Table, n_late: int
) -> tuple[Timeframe, Table, Dropped]:
    """Settle the timeframe; refuse mixtures, and rows off its grid."""
    spaced = spacing_of(table.time_ns)
    timeframe = timeframe or spaced
    if timeframe is None:
        raise DataError(
            f"{path} must show its timeframe by the spacing of its rows; {len(table)} rows do not.",
            remedy="Pass --timeframe, such as --timeframe H1.",
            path=str(path),
        )
    if spaced is not None and spaced is not timeframe:
        raise DataError(
            f"{path} must hold {timeframe.name} bars; its rows are {spaced.name} apart.",
            remedy=f"Pass --timeframe {spaced.name}, or import the right file.",
            path=str(path),
            line=int(table.line[0]),
        )
    ordered = in_file if n_late <= 0.01 * len(table) or n_late == len(table) else table
    refuse_mixed(path, ordered.line, ordered.time_ns, timeframe)
    is_off = off_grid(table.time_ns, timeframe)
    if not is_off.any():
        return timeframe, table, []
    from assay.data.quarantine import Reason

    refuse_off_grid(path, table.line, is_off, timeframe)
    return timeframe, table.kept(~is_off), [(table.line[is_off], Reason.OFF_GRID)]


def _clock(
    layout: Layout, table: Table, timeframe: Timeframe | None, told: str | None = None
) -> ClockFinding:
    """Return the clock: as told, as the file states, or as the rows show."""
    if told is not None:
        return ClockFinding(timezone=told, confidence=1.0, why=f"time zone {told} as told")
    if layout.timezone is not None:
        says = f"the file states {layout.timezone}"
        return ClockFinding(timezone=zone(layout.timezone).name, confidence=1.0, why=says)
    is_histdata = layout.format in (Format.HISTDATA_M1, Format.HISTDATA_TICKS)
    prior = histdata.CLOCKS if is_histdata else ()
    bar_ns = None if timeframe is None else timeframe.nominal_ns
    finding = infer_clock(table.time_ns, bar_ns, prior=prior)
    is_sure = finding.timezone is not None and finding.confidence >= CONFIDENCE_MIN
    if layout.stamp.is_epoch and not layout.format.is_server_time and not is_sure:
        says = f"counts since 1970 are UTC by definition ({finding.why})"
        return ClockFinding(timezone="UTC", confidence=0.9, why=says)
    return finding


def _unclear_clock(path: Path, finding: ClockFinding) -> DataError:
    if finding.switch is not None:
        when, before, after = finding.switch
        return DataError(
            f"{path} must follow one clock; {finding.why}.",
            remedy=f"Split it at {iso_utc(when)[:10]}; import the first part with --timezone "
            f"{before} and the second with --timezone {after}.",
            path=str(path),
            switch_ns=when,
        )
    return DataError(
        f"{path} must show which clock it follows; it does not: {finding.why}.",
        remedy="Pass --timezone: UTC, NY+7 (most MT5 servers), EET, America/New_York or UTC+3.",
        path=str(path),
    )


def _refuse_mostly_bad(path: Path, refusals: Refusals, n_rows: int) -> None:
    n_kept = n_rows - len(refusals)
    mostly = len(refusals) > max(_REFUSED_MIN, _REFUSED_SHARE_MAX * n_rows)
    if n_kept > 0 and not mostly:
        return
    if n_rows == 0:
        raise DataError(
            f"{path} must have rows; had none.", remedy="Export it again.", path=str(path)
        )
    row = min(refusals.rows, key=lambda row: row.line)
    raise DataError(
        f"{path} must have rows that can be used; {len(refusals)} of {n_rows} could not. The first "
        f"is line {row.line}, {row.reason.value}: {row.text[:120]!r}.",
        remedy="Check the file; if its columns were taken wrongly, name them with --columns.",
        path=str(path),
        line=row.line,
        reason=row.reason.value,
    )


def _list_dropped(
    path: Path, layout: Layout, dropped: Dropped, refusals: Refusals, block_bytes: int
) -> None:
    """Look up the text of rows that were refused after parsing."""
    wanted = [int(line) for lines, _ in dropped for line in lines[: max(0, refusals.room)]]
    if layout.format in (Format.PARQUET_BARS, Format.PARQUET_TICKS):
        texts = rows_at(path, layout, wanted) if wanted else {}
    else:
        texts = lines_at(path, layout.encoding, wanted, block_bytes=block_bytes)
    for lines, reason in dropped:
        refusals.add_all((int(line), reason, texts.get(int(line), "")) for line in lines)


def _warnings(
    path: Path, layout: Layout, timeframe: Timeframe | None, n_late: int, n_moved: int
) -> tuple[str, ...]:
    said = []
    if n_late:
        said.append(f"{n_late} rows were out of order of time; sorted.")
    if n_moved and timeframe in (Timeframe.H4, Timeframe.D1):
        said.append(
            f"{n_moved} {timeframe.name} bars do not begin on the trading-day grid (17:00 New "
            "York); each is stamped with the bar in which it ends, so that it is never known "
            "early. Import a shorter timeframe and let Assay resample it."
        )
    words = path.stem.lower().replace("-", "_").replace(" ", "_").split("_")
    if layout.side == "ask" or ("ask" in words and "bid" not in words):
        said.append("Prices are those of the ask side; they are stored as bid. Prefer bid bars.")
    return tuple(said)


def _recognised(
    layout: Layout,
    timeframe: Timeframe | None,
    finding: ClockFinding,
    divisor: int,
    why: tuple[str, ...],
) -> Recognised:
    spacing = () if timeframe is None else (f"timeframe {timeframe.name} by the spacing of rows",)
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
