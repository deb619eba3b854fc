"""Writers of every text format, from its documentation: what terminals and vendors would save.

Prices are written with the fewest digits that give the same double back. Times are those of
``clock`` unless the format fixes one.
"""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from assay.data.bars import Bars, Ticks
from assay.data.importers.zones import zone

MS = 1_000_000
PARTS = ("open", "high", "low", "close")


@dataclass(frozen=True, kw_only=True)
class Dress:
    """How a table of text is dressed."""

    delimiter: str = ","
    decimal: str = "."
    has_quotes: bool = False
    line_end: str = "\n"
    encoding: str = "utf-8"
    has_last_line_end: bool = True
    pattern: str = "%Y-%m-%d %H:%M:%S"
    order: tuple[int, ...] | None = None
    """Positions of the columns; None leaves them as they are."""

    def number(self, value: float) -> str:
        return repr(float(value)).replace(".", self.decimal)

    def table(self, rows: Sequence[Sequence[str]]) -> bytes:
        """Return rows of fields as the bytes of a file."""
        if self.order is not None:
            rows = [[row[at] for at in self.order] for row in rows]
        mark = '"' if self.has_quotes else ""
        lines = [self.delimiter.join(f"{mark}{field}{mark}" for field in row) for row in rows]
        text = self.line_end.join(lines) + (self.line_end if self.has_last_line_end else "")
        bom = b"\xfe\xff" if self.encoding == "utf-16-be" else b""
        return bom + text.encode(self.encoding)


PLAIN = Dress()


def stamps(time_ns: np.ndarray, pattern: str, clock: str = "UTC") -> list[str]:
    """Return UTC times as the clock *clock* shows them."""
    local = zone(clock).to_local(time_ns)
    return pl.Series(local).cast(pl.Datetime("ns")).dt.strftime(pattern).to_list()


def _prices(bars: Bars, dress: Dress, side: str = "") -> list[list[str]]:
    columns = [getattr(bars, f"{side}{part}").tolist() for part in PARTS]
    return [[dress.number(value) for value in row] for row in zip(*columns, strict=True)]


def _volumes(bars: Bars) -> list[str]:
    return [repr(v).removesuffix(".0") for v in np.nan_to_num(bars.volume).tolist()]


def generic_csv(bars: Bars, clock: str = "UTC", dress: Dress = PLAIN) -> bytes:
    """Write a header and rows; bars with an ask side have its columns too."""
    header = ["time", *PARTS, "volume"]
    rows = [
        [stamp, *prices, volume]
        for stamp, prices, volume in zip(
            stamps(bars.time_ns, dress.pattern, clock),
            _prices(bars, dress),
            _volumes(bars),
            strict=True,
        )
    ]
    if bars.has_ask and dress.order is None:
        header += [f"ask_{part}" for part in PARTS]
        rows = [[*row, *more] for row, more in zip(rows, _prices(bars, dress, "ask_"), strict=True)]
    return dress.table([header, *rows])


def mt5_terminal(bars: Bars, clock: str, dress: Dress = PLAIN) -> bytes:
    """Write what the MT5 terminal saves: tabs, names in angle brackets, UTF-8 or UTF-16."""
    names = ("DATE", "TIME", "OPEN", "HIGH", "LOW", "CLOSE", "TICKVOL", "VOL", "SPREAD")
    rows = [
        [*stamp.split(" "), *prices, volume, "0", "0"]
        for stamp, prices, volume in zip(
            stamps(bars.time_ns, "%Y.%m.%d %H:%M:%S", clock),
            _prices(bars, PLAIN),
            _volumes(bars),
            strict=True,
        )
    ]
    tabbed = Dress(delimiter="\t", line_end="\r\n", encoding=dress.encoding)
    return tabbed.table([[f"<{name}>" for name in names], *rows])


def mt5_rates(bars: Bars, clock: str, dress: Dress = PLAIN) -> bytes:
    """Write ``copy_rates``: epoch seconds of the server, as pandas saves them."""
    header = ["time", *PARTS, "tick_volume", "spread", "real_volume"]
    seconds = (zone(clock).to_local(bars.time_ns) // 10**9).tolist()
    rows = [
        [str(second), *prices, volume, "0", "0"]
        for second, prices, volume in zip(
            seconds, _prices(bars, PLAIN), _volumes(bars), strict=True
        )
    ]
    return Dress(line_end=dress.line_end).table([header, *rows])


def mt4_csv(bars: Bars, clock: str, dress: Dress = PLAIN) -> bytes:
    """Write what the MT4 history centre saves: no header, date and time apart."""
    rows = [
        [*stamp.split(" "), *prices, volume]
        for stamp, prices, volume in zip(
            stamps(bars.time_ns, "%Y.%m.%d %H:%M", clock),
            _prices(bars, PLAIN),
            _volumes(bars),
            strict=True,
        )
    ]
    return Dress(line_end="\r\n", encoding=dress.encoding).table(rows)


def histdata_m1(bars: Bars, clock: str, dress: Dress = PLAIN) -> bytes:
    """Write HistData minutes; *clock* is New York with or without daylight saving."""
    rows = [
        [stamp, *prices, "0"]
        for stamp, prices in zip(
            stamps(bars.time_ns, "%Y%m%d %H%M%S", clock), _prices(bars, PLAIN), strict=True
        )
    ]
    return Dress(delimiter=";", line_end=dress.line_end).table(rows)


def jforex_csv(bars: Bars, header: str, dress: Dress = PLAIN) -> bytes:
    """Write what JForex saves, under ``Gmt time``, ``Time (EET)`` or ``Local time``.

    Local times carry their offset, here that of Berlin.
    """
    clock = {"Local time": "Europe/Berlin", "Time (EET)": "EET"}.get(header, "UTC")
    times = stamps(bars.time_ns, "%d.%m.%Y %H:%M:%S%.3f", clock)
    if header == "Local time":
        hours = zone(clock).offset_at(bars.time_ns) // (3_600 * 10**9)
        times = [f"{t} GMT+{h:02d}00" for t, h in zip(times, hours.tolist(), strict=True)]
    rows = [
        [stamp, *prices, volume]
        for stamp, prices, volume in zip(times, _prices(bars, PLAIN), _volumes(bars), strict=True)
    ]
    names = [header, "Open", "High", "Low", "Close", "Volume"]
    return Dress(line_end=dress.line_end, encoding=dress.encoding).table([names, *rows])


def dukascopy_node(bars: Bars, dress: Dress = PLAIN) -> bytes:
    """Write what dukascopy-node saves: milliseconds since 1970."""
    rows = [
        [str(ms), *prices, volume]
        for ms, prices, volume in zip(
            (bars.time_ns // MS).tolist(), _prices(bars, PLAIN), _volumes(bars), strict=True
        )
    ]
    header = ["timestamp", *PARTS, "volume"]
    return Dress(line_end=dress.line_end).table([header, *rows])


def points_csv(bars: Bars, clock: str, divisor: int = 100_000) -> bytes:
    """Write prices as whole points, with the noise of a program that multiplied them."""
    rows = [["Date", *PARTS, "tick_volume"]]
    times = stamps(bars.time_ns, "%Y-%m-%d %H:%M:%S", clock)
    columns = [getattr(bars, part) * divisor for part in PARTS]
    for i, stamp in enumerate(times):
        rows.append([stamp, *(repr(float(column[i])) for column in columns), "5"])
    return PLAIN.table(rows)


def oanda_json(bars: Bars, granularity: str, per_response: int = 5_000) -> bytes:
    """Write v20 responses, one per line: prices as text, times with nanoseconds."""
    times = stamps(bars.time_ns, "%Y-%m-%dT%H:%M:%S.%9fZ")
    sides = {"bid": _prices(bars, PLAIN)}
    if bars.has_ask:
        sides["ask"] = _prices(bars, PLAIN, "ask_")
    candles = [
        {
            "complete": True,
            "volume": int(np.nan_to_num(bars.volume[i])),
            "time": times[i],
            **{side: dict(zip("ohlc", rows[i], strict=True)) for side, rows in sides.items()},
        }
        for i in range(len(bars))
    ]
    instrument = f"{bars.symbol[:3]}_{bars.symbol[3:]}"
    answers = [
        {
            "instrument": instrument,
            "granularity": granularity,
            "candles": candles[start : start + per_response],
        }
        for start in range(0, len(candles), per_response)
    ]
    return "\n".join(map(json.dumps, answers)).encode()


def ccxt_json(bars: Bars, *, are_lines: bool = False) -> bytes:
    """Write what ``fetch_ohlcv`` returns."""
    columns = [getattr(bars, part).tolist() for part in (*PARTS,)]
    volumes = np.nan_to_num(bars.volume).tolist()
    rows = [list(row) for row in zip((bars.time_ns // MS).tolist(), *columns, volumes, strict=True)]
    if are_lines:
        return "\n".join(map(json.dumps, rows)).encode()
    return json.dumps(rows).encode()


def parquet(bars: Bars, clock: str = "UTC", *, is_aware: bool = True) -> bytes:
    """Write a Parquet table with typed times."""
    time = pl.Series("time", zone(clock).to_local(bars.time_ns)).cast(pl.Datetime("ns"))
    columns = {name: getattr(bars, name) for name in (*PARTS, "volume")}
    if bars.has_ask:
        columns |= {f"ask_{part}": getattr(bars, f"ask_{part}") for part in PARTS}
    frame = pl.DataFrame([time.dt.replace_time_zone("UTC") if is_aware else time])
    buffer = io.BytesIO()
    frame.with_columns(**columns).write_parquet(buffer)
    return buffer.getvalue()


def truefx(ticks: Ticks, dress: Dress = PLAIN) -> bytes:
    """Write TrueFX quotes, in milliseconds of GMT."""
    pair = f"{ticks.symbol[:3]}/{ticks.symbol[3:]}"
    times = stamps(ticks.time_ns, "%Y%m%d %H:%M:%S%.3f")
    rows = [
        [pair, stamp, repr(bid), repr(ask)]
        for stamp, bid, ask in zip(times, ticks.bid.tolist(), ticks.ask.tolist(), strict=True)
    ]
    return Dress(line_end=dress.line_end).table(rows)


def histdata_ticks(ticks: Ticks, clock: str) -> bytes:
    """Write HistData quotes, in milliseconds of New York."""
    times = stamps(ticks.time_ns, "%Y%m%d %H%M%S%3f", clock)
    rows = [
        [stamp, repr(bid), repr(ask), "0"]
        for stamp, bid, ask in zip(times, ticks.bid.tolist(), ticks.ask.tolist(), strict=True)
    ]
    return PLAIN.table(rows)


def mt5_ticks(ticks: Ticks, clock: str, dress: Dress = PLAIN) -> bytes:
    """Write MT5 ticks with flags; an unchanged side is left empty."""
    names = ("DATE", "TIME", "BID", "ASK", "LAST", "VOLUME", "FLAGS")
    times = stamps(ticks.time_ns, "%Y.%m.%d %H:%M:%S%.3f", clock)
    rows = [[f"<{name}>" for name in names]]
    for i, stamp in enumerate(times):
        is_same = i > 0 and ticks.bid[i] == ticks.bid[i - 1]
        bid = "" if is_same else repr(float(ticks.bid[i]))
        flags = "4" if is_same else "6"
        rows.append([*stamp.split(" "), bid, repr(float(ticks.ask[i])), "", "", flags])
    return Dress(delimiter="\t", line_end="\r\n", encoding=dress.encoding).table(rows)


def dukascopy_ticks(ticks: Ticks) -> bytes:
    """Write JForex quotes: the ask first, then the bid, then their volumes."""
    times = stamps(ticks.time_ns, "%d.%m.%Y %H:%M:%S%.3f")
    rows = [["Time (UTC)", "Ask", "Bid", "AskVolume", "BidVolume"]]
    for i, stamp in enumerate(times):
        rows.append([stamp, repr(float(ticks.ask[i])), repr(float(ticks.bid[i])), "1.5", "2.25"])
    return PLAIN.table(rows)


CLOCKED: dict[str, Callable[[Bars, str, Dress], bytes]] = {
    "generic": generic_csv,
    "mt5": mt5_terminal,
    "mt5_rates": mt5_rates,
    "mt4": mt4_csv,
    "parquet": lambda bars, clock, _: parquet(bars, clock, is_aware=False),
}
"""Formats whose rows do not state their clock."""

STATED: dict[str, Callable[[Bars, Dress], bytes]] = {
    "jforex gmt": lambda bars, dress: jforex_csv(bars, "Gmt time", dress),
    "jforex eet": lambda bars, dress: jforex_csv(bars, "Time (EET)", dress),
    "jforex local": lambda bars, dress: jforex_csv(bars, "Local time", dress),
    "dukascopy-node": dukascopy_node,
    "ccxt": lambda bars, _: ccxt_json(bars),
    "ccxt lines": lambda bars, _: ccxt_json(bars, are_lines=True),
    "oanda": lambda bars, _: oanda_json(bars, bars.timeframe.name),
    "parquet": lambda bars, _: parquet(bars),
}
"""Formats that state their clock, by a header or by definition."""
