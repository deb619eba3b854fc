"""Encoders of binary and zipped formats, written from their documentation, not from the readers.

There is no MT4 file among the real data: ``hst`` follows the HistoryHeader, RateInfo and MqlRates
structures that the terminal's documentation gives. The Dukascopy and LEAN encoders are held to
the real files by the tests that read those.
"""

import io
import lzma
import struct
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assay.data.bars import Bars, Ticks

NS = 10**9


def points(price: float, divisor: int) -> int:
    return round(price * divisor)


def alone(raw: bytes) -> bytes:
    """Pack bytes as LZMA-alone, the container of .bi5."""
    return lzma.compress(raw, format=lzma.FORMAT_ALONE)


def bi5_ticks(ticks: Ticks, base_ns: int, divisor: int = 100_000) -> bytes:
    """Pack ticks of one hour: big-endian ms, ask, bid, ask volume, bid volume."""
    raw = b"".join(
        struct.pack(
            ">IIIff",
            int(time_ns - base_ns) // 1_000_000,
            points(ask, divisor),
            points(bid, divisor),
            1.5,
            2.25,
        )
        for time_ns, bid, ask in zip(ticks.time_ns, ticks.bid, ticks.ask, strict=True)
    )
    return alone(raw)


def bi5_rows(rows: Sequence[tuple[int, float, float, float, float, float]]) -> bytes:
    """Pack candles given as seconds, open, high, low, close in points, and volume."""
    raw = b"".join(
        struct.pack(">IIIIIf", s, int(first), int(last), int(low), int(high), volume)
        for s, first, high, low, last, volume in rows
    )
    return alone(raw)


def bi5_bars(bars: Bars, base_ns: int, divisor: int = 100_000) -> bytes:
    """Pack candles: big-endian seconds, open, close, low, high, volume."""
    columns = (bars.open, bars.high, bars.low, bars.close)
    return bi5_rows(
        [
            (
                int(bars.time_ns[i] - base_ns) // NS,
                *(points(column[i], divisor) for column in columns),
                float(bars.volume[i]),
            )
            for i in range(len(bars))
        ]
    )


def bi5_path(
    folder: Path, symbol: str, at_ns: int, name: str, *, first_month: int = 0, levels: int = 3
) -> Path:
    """Return where the server keeps an archive; *levels* of year, month and day."""
    at = datetime.fromtimestamp(at_ns // NS, tz=UTC)
    parts = (f"{at.year}", f"{at.month - 1 + first_month:02d}", f"{at.day:02d}")[:levels]
    path = folder.joinpath(symbol, *parts, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def hst(
    bars: Bars,
    *,
    version: int = 401,
    local_ns: np.ndarray | None = None,
    symbol: str | None = None,
    period: int | None = None,
    digits: int = 5,
    spread: Sequence[int] | None = None,
    is_swapped: bool = False,
) -> bytes:
    """Write an MT4 history file; *local_ns* are the opens on the server's clock."""
    name = (symbol or bars.symbol).encode("ascii")
    minutes = bars.timeframe.value // 60 if period is None else period
    head = struct.pack(
        "<i64s12siiii13i",
        version,
        b"(C)opyright 2003, MetaQuotes Software Corp.",
        name,
        minutes,
        digits,
        1_388_534_400,
        0,
        *[0] * 13,
    )
    times = (bars.time_ns if local_ns is None else local_ns) // NS
    rows = []
    for i in range(len(bars)):
        o, h, lo, c = (float(x[i]) for x in (bars.open, bars.high, bars.low, bars.close))
        if is_swapped:
            h, lo = lo, h
        if version == 400:
            rows.append(struct.pack("<iddddd", times[i], o, lo, h, c, float(bars.volume[i])))
        else:
            points_i = 0 if spread is None else spread[i]
            row = struct.pack("<qddddqiq", times[i], o, h, lo, c, int(bars.volume[i]), points_i, 0)
            rows.append(row)
    return head + b"".join(rows)


def plain_number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def lean_bar_lines(bars: Bars, *, day_ns: int | None) -> list[str]:
    """Write quote bars: offset in ms (or a date), bid OHLC and size, ask OHLC and size."""
    assert bars.ask_open is not None and bars.ask_high is not None
    assert bars.ask_low is not None and bars.ask_close is not None
    lines = []
    for i in range(len(bars)):
        if day_ns is None:
            at = datetime.fromtimestamp(bars.time_ns[i] // NS, tz=UTC).strftime("%Y%m%d %H:%M")
        else:
            at = str((int(bars.time_ns[i]) - day_ns) // 1_000_000)
        bid = [plain_number(x[i]) for x in (bars.open, bars.high, bars.low, bars.close)]
        asks = (bars.ask_open, bars.ask_high, bars.ask_low, bars.ask_close)
        lines.append(",".join((at, *bid, "0", *(plain_number(x[i]) for x in asks), "0")))
    return lines


def lean_tick_lines(ticks: Ticks, *, day_ns: int) -> list[str]:
    """Write quotes: offset in ms with up to six decimals, bid, ask."""
    lines = []
    for time_ns, bid, ask in zip(ticks.time_ns, ticks.bid, ticks.ask, strict=True):
        whole, rest = divmod(int(time_ns) - day_ns, 1_000_000)
        at = f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
        lines.append(f"{at},{plain_number(bid)},{plain_number(ask)}")
    return lines


def zipped(lines: Sequence[str], member: str) -> bytes:
    """Zip one member; LEAN ends its last line without a newline."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(member, (2017, 3, 23, 23, 13, 0)), "\n".join(lines))
    return buffer.getvalue()


def placed(folder: Path, parts: str, content: bytes) -> Path:
    """Save *content* under folders below *folder*."""
    path = folder.joinpath(*parts.split("/"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
