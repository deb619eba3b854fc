"""Dukascopy archives: LZMA of big-endian records, ticks of an hour or candles of a period."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.data.arrays import FloatArray, IntArray
from assay.data.importers.bi5_months import refuse_months_from_one
from assay.data.importers.bi5_path import Place, divisor_of, kind_of_name, lacks_january, place_of
from assay.data.importers.bi5_records import (
    CANDLE,
    INPUT_BYTES_MAX,
    TICK,
    checked_times,
    damaged,
    records_of,
)
from assay.data.importers.layout import Format, Layout
from assay.data.importers.rows import Refused, Rows
from assay.data.importers.rules import NO_REASON, REASONS, refusals_of
from assay.data.importers.source import Progress
from assay.data.importers.stamps import Stamp
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND, iso_utc
from assay.domain.timeframe import Timeframe

_HEADER_BYTES = 13
_SIZE_UNKNOWN = (1 << 64) - 1
_TEXTS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TickColumns:
    """Decoded ticks; every array has shape (n_ticks,).

    Attributes
    ----------
    time_ns : int64
        UTC nanoseconds, not decreasing.
    bid, ask : float64
        Quote currency.
    bid_volume, ask_volume : float64
        As the vendor quotes them: millions of the base currency for pairs.
    """

    time_ns: IntArray
    bid: FloatArray
    ask: FloatArray
    bid_volume: FloatArray
    ask_volume: FloatArray

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class BarColumns:
    """Decoded candles of one side; every array has shape (n_bars,).

    Attributes
    ----------
    time_ns : int64
        Open time, UTC nanoseconds, strictly increasing.
    open, high, low, close : float64
        Quote currency.
    volume : float64
        As the vendor quotes it; zero in candles that fill a pause.
    """

    time_ns: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.time_ns)


def decode_ticks(
    content: bytes,
    *,
    base_ns: int,
    divisor: int,
    span_ns: int = NS_PER_HOUR,
    where: str = "The archive",
) -> TickColumns:
    """Return the ticks of one archive.

    Parameters
    ----------
    content : bytes
        The archive as the server sends it; empty for an hour without ticks.
    base_ns : int
        UTC instant from which its times count: the hour in its path.
    divisor : int
        What integer prices are divided by, such as 100,000; see ``divisor_of``.
    span_ns : int
        Length of the period.
    where : str
        Subject of error messages.

    Raises
    ------
    DataError
        If it is damaged, or its records are no ticks of one period in order.
    """
    records = records_of(content, None, where=where)
    return tick_columns(records, base_ns=base_ns, divisor=divisor, span_ns=span_ns, where=where)


def tick_columns(
    records: "NDArray[np.void]",
    *,
    base_ns: int,
    divisor: int,
    span_ns: int = NS_PER_HOUR,
    where: str = "The archive",
) -> TickColumns:
    """Return unpacked records as columns; parameters and errors as for ``decode_ticks``."""
    checked_times(records, None, span_ns, where=where)
    # Bytes are swapped in one pass over all words, which is faster than field by field.
    words = records.view(">u4").reshape(-1, TICK.itemsize // 4).T.astype(np.uint32, order="C")
    volumes = words.view(np.float32)
    at = {name: i for i, name in enumerate(TICK.names or ())}
    return TickColumns(
        time_ns=base_ns + words[at["ms"]].astype(np.int64) * 1_000_000,
        bid=words[at["bid"]] / divisor,
        ask=words[at["ask"]] / divisor,
        bid_volume=volumes[at["bid_volume"]].astype(np.float64),
        ask_volume=volumes[at["ask_volume"]].astype(np.float64),
    )


def decode_bars(
    content: bytes,
    *,
    base_ns: int,
    divisor: int,
    timeframe: Timeframe,
    span_ns: int | None = None,
    where: str = "The archive",
) -> BarColumns:
    """Return the candles of one archive; those that fill pauses are among them.

    Parameters
    ----------
    content, base_ns, divisor, where : as for ``decode_ticks``
    timeframe : Timeframe
        M1 (a day), H1 (a month) or D1 (a year), as the path says.
    span_ns : int, optional
        Length of the period; a day, 31 days or 366 days without it.

    Raises
    ------
    DataError
        If it is damaged, or its records are no candles of one period in order.
    """
    records = records_of(content, timeframe, where=where)
    spans = {Timeframe.M1: 1, Timeframe.H1: 31, Timeframe.D1: 366}
    span_ns = spans[timeframe] * NS_PER_DAY if span_ns is None else span_ns
    checked_times(records, timeframe, span_ns, where=where)
    prices = {name: records[name] / divisor for name in ("open", "high", "low", "close")}
    time_ns = base_ns + records["s"].astype(np.int64) * NS_PER_SECOND
    return BarColumns(time_ns=time_ns, volume=records["volume"].astype(np.float64), **prices)


class Bi5Reader:
    """Archives of Dukascopy; the line of a row is its record, from 1."""

    formats = (Format.BI5_TICKS, Format.BI5_BARS)

    def recognise(self, path: Path, head: bytes) -> Layout | None:
        """Look at a file: LZMA by its header (or the name of an archive), period by its path."""
        is_named = path.suffix.lower() == ".bi5"
        if not head:
            return _empty_layout(path) if is_named else None
        if not _is_lzma(head):
            if not is_named:
                return None
            raise DataError(
                f"{path} must begin as LZMA does (5d 00 ...); begins with {head[:13].hex(' ')}.",
                remedy="Download it again; servers answer with a page of text when they refuse.",
                path=str(path),
                offset=0,
            )
        return _layout(path, place_of(path))

    def rows(
        self, path: Path, layout: Layout, *, block_bytes: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield all rows at once: an archive is small."""
        size = path.stat().st_size
        records = _read(path, layout)
        time_ns = _times(records, layout)
        values = {role: records[role].astype(np.float64) for role in layout.value_roles}
        if not len(records):
            none = np.empty(0, dtype=np.int64)
            yield Rows(n_rows=0, line=none, time_ns=none, values=values, refused=[], labels={})
            return
        said = refuse_months_from_one(path, place_of(path), time_ns, layout.symbol, values)
        reasons = refusals_of(values, layout.required_roles)
        keep = reasons == NO_REASON
        line = np.arange(1, len(records) + 1, dtype=np.int64)
        refused: list[Refused] = [
            (int(line[at]), REASONS[int(reasons[at])], _text(records[at]))
            for at in np.flatnonzero(~keep)
        ]
        yield Rows(
            n_rows=len(records),
            line=line[keep],
            time_ns=time_ns[keep],
            values={role: value[keep] for role, value in values.items()},
            refused=refused,
            labels={},
            warnings=said,
        )
        if progress is not None:
            progress(size, size)

    def texts(self, path: Path, layout: Layout, numbers: Sequence[int]) -> dict[int, str]:
        """Return records as text, such as ``ms=994 ask=114545 bid=114543 ...``."""
        records = _read(path, layout)
        return {number: _text(records[number - 1]) for number in sorted(set(numbers))[:_TEXTS_MAX]}


def _is_lzma(head: bytes) -> bool:
    """Tell whether bytes begin as LZMA-alone does: 0x5d, a usual dictionary, a possible size."""
    if len(head) < _HEADER_BYTES or head[0] != 0x5D:
        return False
    dictionary = int.from_bytes(head[1:5], "little")
    size = int.from_bytes(head[5:13], "little")
    is_usual = dictionary >= 4_096 and dictionary.bit_count() <= 2
    return is_usual and (size == _SIZE_UNKNOWN or size < 1 << 40)


def _read(path: Path, layout: Layout) -> "NDArray[np.void]":
    size = path.stat().st_size
    if size > INPUT_BYTES_MAX:
        raise damaged(str(path), f"{size:,} bytes", INPUT_BYTES_MAX)
    if size == 0:
        return np.empty(0, dtype=CANDLE if layout.timeframe else TICK)
    records = records_of(path.read_bytes(), layout.timeframe, where=str(path))
    place = place_of(path)
    checked_times(records, layout.timeframe, place.stop_ns - place.base_ns, where=str(path))
    if len(records) == 0:
        raise DataError(
            f"{path} must have records; its archive is empty.",
            remedy="Download it again; an hour without ticks is a file of zero bytes.",
            path=str(path),
        )
    return records


def _times(records: "NDArray[np.void]", layout: Layout) -> IntArray:
    base_ns = layout.base_ns or 0
    if layout.timeframe is None:
        return base_ns + records["ms"].astype(np.int64) * 1_000_000
    return base_ns + records["s"].astype(np.int64) * NS_PER_SECOND


def _text(record: np.void) -> str:
    assert record.dtype.names is not None
    return " ".join(f"{name}={record[name].item():g}" for name in record.dtype.names)


def _layout(path: Path, place: Place) -> Layout:
    is_ticks = place.timeframe is None
    roles = ("bid", "ask") if is_ticks else ("open", "high", "low", "close", "volume")
    names = (TICK if is_ticks else CANDLE).names or ()
    columns = {"time": 0, **{role: names.index(role) for role in roles}}
    unit = "ms" if is_ticks else "s"
    warnings = []
    if place.is_flat and place.month_seen is not None:
        warnings.append(
            f"The month {place.month_seen:02d} in the file name is read as counted from 0, as on "
            f"the server: times begin at {iso_utc(place.base_ns)}."
        )
    if lacks_january(path):
        warnings.append(
            "The year has ten months or more but none called 00: check that January was not "
            "renamed to 01."
        )
    return Layout(
        format=Format.BI5_TICKS if is_ticks else Format.BI5_BARS,
        columns=columns,
        names={"time": unit, **{role: role for role in roles}},
        stamp=Stamp(pattern=f"offset {unit}"),
        n_columns=len(names),
        encoding="binary",
        timezone="UTC",
        side=place.side,
        symbol=place.symbol,
        timeframe=place.timeframe,
        divisor=None if place.symbol is None else divisor_of(place.symbol),
        base_ns=place.base_ns,
        why=(
            f"Dukascopy archive: LZMA of {'ticks' if is_ticks else 'candles'}, by its first bytes "
            "and its path",
            f"period from {iso_utc(place.base_ns)} to {iso_utc(place.stop_ns)} by its path, months "
            "counted from 0",
        ),
        warnings=tuple(warnings),
    )


def _empty_layout(path: Path) -> Layout:
    """Return the layout of a zero-byte archive, with what its path says, if anything."""
    says = "The archive is empty (0 bytes): the vendor had no rows for this period."
    try:
        layout = _layout(path, place_of(path))
    except DataError:
        kind = kind_of_name(path)
        layout = Layout(
            format=Format.BI5_TICKS if kind is None else Format.BI5_BARS,
            columns={},
            names={},
            stamp=Stamp(pattern="offset ms"),
            timezone="UTC",
            timeframe=kind,
            why=("Dukascopy archive of zero bytes, by its name",),
        )
    return replace(layout, warnings=(*layout.warnings, says))
