"""A seeded mutator of market files, and what an independent, naive reader says of the result.

Run the long form by itself, on several processes::

    python tests/data/fuzzing.py --files 100000 --processes 4

Every mutated file must be refused with an ``AssayError`` that names it, or be read in less than
``SECONDS_MAX`` such that the rows kept are exactly what the naive reader makes of the lines (or
records) that were not quarantined. Archives have their own: ``test_import_archive_fuzz.py``.
"""

import argparse
import codecs
import io
import json
import math
import multiprocessing
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))

import exporters
from exporters import MS, PARTS, Dress

from assay.data.bars import Bars, Ticks
from assay.data.importers import Imported, import_file, recognise
from assay.data.importers.zones import zone
from assay.domain.errors import AssayError
from assay.domain.timeframe import Timeframe

SECONDS_MAX = 5.0
MONDAY = 1_672_617_600 * 10**9  # 2023-01-02 00:00 UTC
Row = tuple[int, dict[str, float]]
"""Nanoseconds on the clock of the file, and values by role."""

Naive = Callable[[bytes], dict[int, Row | None]]
"""Reads what a file says: line (or record) from 1 to row; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Good:
    """A small valid file, and how an independent reader reads it."""

    name: str
    content: bytes
    naive: Naive
    clock: str = "UTC"
    symbol: str = "EURUSD"
    is_text: bool = True
    has_all: bool = True
    """Whether a row states all values; MT5 ticks leave out what did not change."""
    options: dict[str, Any] = field(default_factory=dict)


# ---- an independent reader -------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_OVER = {2.0**31 - 1, 2.0**31, 2.0**32 - 1, 2.0**32}


def number(text: str) -> float | None:
    """Return a number as plain decimal text states it."""
    return float(text) if _NUMBER.fullmatch(text) else None


def moment(text: str, shapes: Sequence[str]) -> int | None:
    """Return nanoseconds of a time written as one of *shapes* (groups y mo d h mi s f p z)."""
    for shape in shapes:
        match = re.fullmatch(shape, text, re.ASCII)
        if match is None:
            continue
        got = match.groupdict()
        if got.get("n") is not None:
            return int(got["n"])
        hour = int(got.get("h") or 0)
        if got.get("p"):
            hour = hour % 12 + (12 if got["p"].lower() == "pm" else 0)
        try:
            at = datetime(
                int(got["y"]), int(got["mo"]), int(got["d"]), hour, int(got.get("mi") or 0),
                int(got.get("s") or 0), tzinfo=UTC,
            )  # fmt: skip
        except ValueError:
            return None
        ns = int(at.timestamp()) * 10**9 + int((got.get("f") or "0").ljust(9, "0")[:9])
        if got.get("z"):
            sign = -1 if got["z"][0] == "-" else 1
            digits = got["z"][1:].replace(":", "")
            ns -= sign * (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * 10**9
        return ns
    return None


def text_of(content: bytes) -> str:
    """Decode a file by its byte-order mark, by its zero bytes, or as UTF-8."""
    for bom, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if content.startswith(bom):
            return content[len(bom) :].decode(name, errors="replace")
    head = content[:65_536]
    if head[1::2].count(0) > 0.8 * len(head[1::2]) and head[0::2].count(0) < 0.1 * len(head):
        return content.decode("utf-16-le", errors="replace")
    if head[0::2].count(0) > 0.8 * len(head[0::2]) and head[1::2].count(0) < 0.1 * len(head):
        return content.decode("utf-16-be", errors="replace")
    return content.decode("utf-8", errors="replace")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Reads a table line by line; knows the columns from the file before it was mutated."""

    roles: tuple[str, ...]
    shapes: tuple[str, ...]
    delimiter: str
    scale: float = 1.0
    unit_ns: int = 0
    """Nanoseconds of an epoch count; 0 for written times."""

    def __call__(self, content: bytes) -> dict[int, Row | None]:
        text = text_of(content).replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        return {at: self.row(line) for at, line in enumerate(lines, start=1) if line.strip(' \t"')}

    def row(self, line: str) -> Row | None:
        """Return the row of a line, read with whichever delimiter gives enough fields."""
        if "\x00" in line:
            return None
        plain = re.sub(r'"([^"]*)"', lambda m: m.group(1).replace(",", "."), line)
        for delimiter in dict.fromkeys((self.delimiter, *",;\t|")):
            for candidate in (plain, line.replace('"', "")):
                fields = [part.strip().strip('"') for part in candidate.split(delimiter)]
                if len(fields) == len(self.roles) + 1 and not fields[-1]:
                    fields = fields[:-1]
                if len(fields) == len(self.roles):
                    found = self.values(fields)
                    if found is not None:
                        return found
        return None

    def values(self, fields: Sequence[str]) -> Row | None:
        named = dict(zip(self.roles, fields, strict=True))
        stamp = named["time"] if "time" in named else f"{named['date']} {named['clock']}"
        if self.unit_ns:
            count = re.fullmatch(r"(\d+)(?:\.(\d*))?", stamp, re.ASCII)
            at = None
            if count is not None and len(count.group(1)) < 20:
                part = float("0." + (count.group(2) or "0"))
                at = int(count.group(1)) * self.unit_ns + round(part * self.unit_ns)
        else:
            at = moment(stamp, self.shapes)
        if at is None:
            return None
        values: dict[str, float] = {}
        for role, text in named.items():
            if role in ("time", "date", "clock", "-", "symbol"):
                continue
            value = number(text.replace(",", "."))
            if (
                value is None
                and role == "volume"
                and re.fullmatch(r"[+-]?(nan|inf(inity)?)", text, re.I)
            ):
                value = math.nan
            if value is None and text and role.startswith("ask_"):
                value = math.nan  # wrong only if the importer reads the column
            if value is None and text:
                return None
            values[role] = math.nan if value is None else value
            if role not in ("volume", "spread") and self.scale != 1.0:
                values[role] = (
                    round(values[role]) / self.scale if math.isfinite(values[role]) else math.nan
                )
        return (at, values) if at < 2**62 else None


def json_records(content: bytes) -> Iterator[object]:
    """Yield documents: the whole file, or its lines."""
    text = content.decode(json.detect_encoding(content), errors="strict").removeprefix("\ufeff")
    documents, at = [], 0
    try:
        json.loads(text.lstrip(" \t\r\n").split("\n", maxsplit=1)[0])
        are_lines = True
    except (ValueError, RecursionError):
        are_lines = False
    try:
        if are_lines:
            raise ValueError
        while text[at:].strip(" \t\r\n"):
            at = re.compile(r"[ \t\r\n]*").match(text, at).end()
            value, at = json.JSONDecoder().raw_decode(text, at)
            documents.append(value)
        yield from documents
        return
    except (ValueError, RecursionError):
        pass
    for line in text.split("\n"):
        if line.strip(" \t\r"):
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _raw_number(value: object) -> float | None:
    if value is None or value == "":
        return math.nan
    if isinstance(value, str):
        return number(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _raw_ms(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return round(value * MS) if math.isfinite(value) else None
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\d{1,18}", value.strip(), re.ASCII) else None
    return value * MS if isinstance(value, int) else None


def naive_ccxt(content: bytes) -> dict[int, Row | None]:
    """Read arrays of milliseconds and prices, or trades."""
    records: list[object] = []
    for document in json_records(content):
        is_many = isinstance(document, list) and (
            not document or any(isinstance(item, list | dict) for item in document)
        )
        records += document if isinstance(document, list) and is_many else [document]
    found: dict[int, Row | None] = {}
    for at, record in enumerate(records, start=1):
        found[at] = None
        if isinstance(record, dict):
            price, amount = _raw_number(record.get("price")), _raw_number(record.get("amount"))
            ms = _raw_ms(record.get("timestamp"))
            if ms is not None and price is not None and amount is not None:
                found[at] = (ms, {"bid": price, "ask": price, "volume": amount})
        elif isinstance(record, list) and len(record) >= 5:
            ms = _raw_ms(record[0])
            values = [_raw_number(item) for item in record[1:6]]
            if ms is not None and None not in values:
                pairs = zip((*PARTS, "volume"), values, strict=False)
                found[at] = (ms, {role: value for role, value in pairs if value is not None})
    return found


_RFC = (
    r"(?P<y>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)[T ]"
    r"(?P<h>\d\d):(?P<mi>\d\d):(?P<s>\d\d)(?:\.(?P<f>\d{1,9}))?"
)
_ZONED = rf"{_RFC}\s*(?:Z|(?:GMT|UTC)?\s*(?P<z>[+-]\d\d:?\d\d))"


def naive_oanda(content: bytes) -> dict[int, Row | None]:
    """Read candles of all answers."""
    candles: list[object] = []
    for document in json_records(content):
        for answer in document if isinstance(document, list) else [document]:
            if isinstance(answer, dict) and "candles" in answer:
                inside = answer["candles"]
                candles += inside if isinstance(inside, list) else [inside]
            else:
                candles.append(answer)
    found: dict[int, Row | None] = {}
    for at, candle in enumerate(candles, start=1):
        found[at] = None
        if not isinstance(candle, dict) or candle.get("complete", True) is not True:
            continue
        stamp = candle.get("time")
        ns = moment(stamp.strip(), (_ZONED,)) if isinstance(stamp, str) else None
        values = {"volume": _raw_number(candle.get("volume"))}
        for side, prefix in (("bid", ""), ("ask", "ask_")):
            box = candle.get(side)
            for part in PARTS:
                raw = box.get(part[0]) if isinstance(box, dict) else None
                values[prefix + part] = _raw_number(raw)
        if ns is not None and None not in values.values():
            found[at] = (ns, {role: value for role, value in values.items() if value is not None})
    return found


def naive_parquet(content: bytes) -> dict[int, Row | None]:
    """Read with another library than the importer does."""
    try:
        frame = pl.read_parquet(io.BytesIO(content), use_pyarrow=False)
        times = frame["time"].dt.cast_time_unit("ns").cast(pl.Int64).to_list()
        columns = {name: frame[name].to_list() for name in frame.columns if name != "time"}
    except BaseException as error:  # polars panics on damage; that is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return {}
    return {
        at + 1: (ns, {k: math.nan if v[at] is None else v[at] for k, v in columns.items()})
        for at, ns in enumerate(times)
        if ns is not None
    }


# ---- the corpus ------------------------------------------------------------------------------


def market(n_bars: int = 110, timeframe: Timeframe = Timeframe.H1) -> Bars:
    """Return bars from Monday on, prices on a grid of 1e-5, both sides."""
    rng = np.random.default_rng(7)
    close = 110_000 + np.cumsum(rng.integers(-40, 41, n_bars))
    first = np.concatenate([[110_000], close[:-1]])
    high = np.maximum(first, close) + rng.integers(0, 20, n_bars)
    low = np.minimum(first, close) - rng.integers(0, 20, n_bars)
    prices = dict(zip(PARTS, (first, high, low, close), strict=True))
    return Bars(
        symbol="EURUSD",
        timeframe=timeframe,
        time_ns=MONDAY + np.arange(n_bars, dtype=np.int64) * timeframe.nominal_ns,
        volume=rng.integers(1, 5_000, n_bars).astype(np.float64),
        spread=np.full(n_bars, np.nan),
        **{name: value / 1e5 for name, value in prices.items()},
        **{f"ask_{name}": (value + 12) / 1e5 for name, value in prices.items()},
    )


def one_sided(bars: Bars) -> Bars:
    return Bars(
        **{
            name: getattr(bars, name)
            for name in ("symbol", "timeframe", "time_ns", *PARTS, "volume", "spread")
        }
    )


def quotes(n_ticks: int = 150) -> Ticks:
    """Return quotes at uneven times of one Monday."""
    rng = np.random.default_rng(8)
    bid = 110_000 + np.cumsum(rng.integers(-3, 4, n_ticks))
    time_ns = MONDAY + np.cumsum(rng.integers(1, 90_000, n_ticks)).astype(np.int64) * MS
    ask = bid + rng.integers(1, 20, n_ticks)
    return Ticks(symbol="EURUSD", time_ns=time_ns, bid=bid / 1e5, ask=ask / 1e5)


_DAY = r"(?P<y>\d{4})[-./]?(?P<mo>\d{1,2})[-./]?(?P<d>\d{1,2})"
_TIME = r"(?P<h>\d{1,2}):?(?P<mi>\d\d)(?::?(?P<s>\d\d))?(?:[.,]?(?P<f>\d{1,9}))?"
_YEAR_FIRST = (rf"{_DAY}[T ]?{_TIME}",)
_DAY_FIRST = (rf"(?P<d>\d{{1,2}})[./-](?P<mo>\d{{1,2}})[./-](?P<y>\d{{4}}) {_TIME}",)
_DAY_ZONED = (
    rf"(?P<d>\d{{1,2}})\.(?P<mo>\d{{1,2}})\.(?P<y>\d{{4}}) {_TIME}"
    r"\s*GMT(?P<z>[+-]\d{2}:?\d{2})",
)
_MONTH_FIRST = (
    rf"(?P<mo>\d{{1,2}})/(?P<d>\d{{1,2}})/(?P<y>\d{{4}}) {_TIME}(?: (?P<p>[APap][Mm]))?",
)
_BARS = ("time", *PARTS, "volume")


def corpus() -> list[Good]:
    """Return small valid files of every text, JSON and Parquet format."""
    both = market()
    bars, ticks = one_sided(both), quotes()
    apart = ("date", "clock", *PARTS, "volume")

    def table(
        roles: Sequence[str], shapes: tuple[str, ...], delimiter: str = ",", **more: Any
    ) -> Table:
        return Table(roles=tuple(roles), shapes=shapes, delimiter=delimiter, **more)

    def dressed(name: str, dress: Dress, shapes: tuple[str, ...] = _YEAR_FIRST) -> Good:
        roles = _BARS if dress.order is None else [_BARS[at] for at in dress.order]
        naive = table(roles, shapes, dress.delimiter)
        return Good(name=name, content=exporters.generic_csv(bars, "UTC", dress), naive=naive)

    sides = [f"ask_{part}" for part in PARTS]
    mt5 = table((*apart, "-", "-"), _YEAR_FIRST, "\t")
    return [
        dressed("generic", Dress()),
        dressed("semicolon", Dress(delimiter=";", decimal=",", line_end="\r\n")),
        dressed("quoted", Dress(has_quotes=True, pattern="%m/%d/%Y %I:%M:%S %p"), _MONTH_FIRST),
        dressed("shuffled", Dress(delimiter="|", order=(5, 4, 0, 2, 1, 3))),
        dressed("day first", Dress(delimiter="\t", pattern="%d/%m/%Y %H:%M"), _DAY_FIRST),
        dressed("utf-16", Dress(encoding="utf-16", pattern="%Y%m%d %H%M%S")),
        dressed("bom", Dress(encoding="utf-8-sig", line_end="\r")),
        Good(
            name="both sides",
            content=exporters.generic_csv(both),
            naive=table((*_BARS, *sides), _YEAR_FIRST),
        ),
        Good(name="mt5", content=exporters.mt5_terminal(bars, "UTC"), naive=mt5),
        Good(
            name="mt5 rates",
            content=exporters.mt5_rates(bars, "UTC"),
            naive=table((*_BARS, "-", "-"), (), unit_ns=10**9),
        ),
        Good(name="mt4", content=exporters.mt4_csv(bars, "UTC"), naive=table(apart, _YEAR_FIRST)),
        Good(
            name="histdata",
            content=exporters.histdata_m1(market(110, Timeframe.M1), "America/New_York"),
            naive=table(_BARS, _YEAR_FIRST, ";"),
            clock="America/New_York",
        ),
        Good(
            name="histdata ticks",
            content=exporters.histdata_ticks(ticks, "America/New_York"),
            naive=table(("time", "bid", "ask", "volume"), _YEAR_FIRST),
            clock="America/New_York",
        ),
        *(
            Good(
                name=f"jforex {header}",
                content=exporters.jforex_csv(bars, header),
                naive=table(_BARS, _DAY_ZONED if header == "Local time" else _DAY_FIRST),
            )
            for header in ("Gmt time", "Local time")
        ),
        Good(
            name="dukascopy-node",
            content=exporters.dukascopy_node(bars),
            naive=table(_BARS, (), unit_ns=MS),
        ),
        Good(
            name="dukascopy ticks",
            content=exporters.dukascopy_ticks(ticks),
            naive=table(("time", "ask", "bid", "-", "-"), _DAY_FIRST),
        ),
        Good(
            name="points",
            content=exporters.points_csv(bars, "UTC"),
            naive=table(_BARS, _YEAR_FIRST, scale=1e5),
        ),
        Good(
            name="truefx",
            content=exporters.truefx(ticks),
            naive=table(("symbol", "time", "bid", "ask"), _YEAR_FIRST),
        ),
        Good(
            name="mt5 ticks",
            content=exporters.mt5_ticks(ticks, "UTC"),
            naive=table(("date", "clock", "bid", "ask", "-", "-", "-"), _YEAR_FIRST, "\t"),
            has_all=False,
        ),
        Good(name="oanda", content=exporters.oanda_json(both, "H1", 40), naive=naive_oanda),
        Good(name="ccxt", content=exporters.ccxt_json(bars), naive=naive_ccxt),
        Good(
            name="ccxt lines", content=exporters.ccxt_json(bars, are_lines=True), naive=naive_ccxt
        ),
        Good(name="ccxt trades", content=trades(ticks), naive=naive_ccxt),
        Good(name="parquet", content=exporters.parquet(both), naive=naive_parquet, is_text=False),
    ]


def trades(ticks: Ticks) -> bytes:
    """Write what ``fetch_trades`` returns."""
    return json.dumps(
        [
            {
                "id": i,
                "timestamp": int(t) // MS,
                "symbol": "EUR/USD",
                "side": "buy",
                "price": p,
                "amount": 1.5,
            }
            for i, (t, p) in enumerate(zip(ticks.time_ns, ticks.bid.tolist(), strict=True))
        ]
    ).encode()


# ---- the mutator -----------------------------------------------------------------------------

_NASTY = (
    "1e999",
    "-1e999",
    "0x10",
    "1_000",
    "1,5",
    "1.1.1",
    "\u0661.\u0661",
    "",
    " ",
    "-",
    "+",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "null",
    "None",
    "true",
    "1e",
    "1e5",
    "1.1e0",
    "1d5",
    "1f",
    "0",
    "-1",
    "18446744073709551616",
    "2147483647",
    "9" * 400,
    ".",
    "1.",
    ".5",
    "+1.1",
    "--1",
    "1 1",
    "'1.1",
    "1.1%",
    "$1.1",
    "\u22121.1",
    "1\u00a0000",
    "2023-02-30 00:00:00",
    "2023-01-03 24:00:00",
    "2023-01-03 10:60:00",
    "2023-01-03 10:00:60",
    "10:61",
    "0000-00-00",
    "2023-1-3 1:00",
    "1672704000",
    "1672704000000",
    "99999999999999999999",
    "2023.01.03",
    "20230103",
    "1970-01-01 00:00:00",
)
_INSERTS = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"1e999",
    b"-",
    b"\r",
    b"\n",
    b"9" * 30,
    b'"',
    b",",
    b";",
    b"\t",
    b" ",
    b"\xc3\x28",
)


def mutated(good: Good, rng: random.Random) -> bytes:
    """Damage a file as transmission, editors, spreadsheets and other programs do."""
    content = good.content
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        kind = rng.randrange(26 if good.is_text else 6)
        content = _of_bytes(content, kind, rng) if kind < 8 else _of_lines(content, kind, rng)
        if not content:
            return content
    return content


def _of_bytes(content: bytes, kind: int, rng: random.Random) -> bytes:
    data = bytearray(content)
    at = rng.randrange(len(data))
    if kind == 0:
        data[at] = rng.randrange(256)
    elif kind == 1:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        del data[at : at + rng.choice((1, 2, 5, 40, 400))]
    elif kind == 3:
        data = data[:at]
    elif kind == 4:
        data[at:at] = rng.choice(_INSERTS)
    elif kind == 5:
        data[at:at] = data[at : at + rng.choice((1, 8, 60, 500))]
    elif kind == 6:
        data[at:at] = rng.randbytes(rng.randint(1, 12))
    elif rng.random() < 0.02:
        data[at:at] = b"7" * rng.choice((70_000, 300_000))
    return bytes(data)


def _of_lines(content: bytes, kind: int, rng: random.Random) -> bytes:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if wide else "latin-1", errors="replace")
    end = "\r\n" if "\r\n" in text else "\r" if "\r" in text and "\n" not in text else "\n"
    lines = text.split(end)
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines[at]
    mark = max(",;\t|", key=line.count)
    fields = line.split(mark)
    place = rng.randrange(len(fields))
    if kind == 8:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 9:
        lines.insert(other, line)
    elif kind == 10:
        del lines[at : at + rng.choice((1, 1, 5))]
    elif kind == 11:
        lines = lines[:1] + lines[:0:-1]
    elif kind == 12:
        rng.shuffle(lines)
    elif kind in (13, 14):
        fields[place] = rng.choice(_NASTY)
        lines[at] = mark.join(fields)
    elif kind == 15:
        lines[at] = re.sub(
            r"\d", lambda m: str(rng.randrange(10)) if rng.random() < 0.1 else m[0], line
        )
    elif kind == 16:
        swap = rng.choice(",;\t| ")
        lines[at] = line.replace(mark, swap)
        if rng.random() < 0.3:
            lines = [each.replace(mark, swap) for each in lines]
    elif kind == 17:
        lines[at] = line.replace(".", ",")
        if rng.random() < 0.3:
            lines = [each.replace(".", ",") for each in lines]
    elif kind == 18:
        del fields[place]
        lines[at] = mark.join(fields)
    elif kind == 19:
        fields.insert(place, rng.choice((*_NASTY, "1.1")))
        lines[at] = mark.join(fields)
    elif kind == 20:
        lines[at:at] = lines[at : at + 2]  # an hour that occurs twice when clocks go back
    elif kind == 21:
        text = end.join(lines)
        return text.encode(
            rng.choice(("utf-16", "utf-16-le", "utf-8", "utf-8-sig", "utf-32")), "replace"
        )
    elif kind == 22:
        lines.insert(
            at, rng.choice(("", " ", mark * 5, "Total,,,", "# note", "<html>", '"', "\x1a"))
        )
    elif kind == 23:
        lines[at] = (
            line.replace("[", "[" * rng.choice((2, 40, 5_000)), 1) if "[" in line else f'"{line}'
        )
    elif kind == 24 and rng.random() < 0.02:
        lines[at] = mark.join("1" for _ in range(rng.choice((20_000, 1_000_000))))
    elif kind == 25:
        fields[place] = (
            rng.choice(("", '"', "'", " ")) + fields[place] + rng.choice(('"', " ", "0", "e1"))
        )
        lines[at] = mark.join(fields)
    return end.join(lines).encode("utf-16" if wide else "latin-1", errors="replace")


# ---- the verdict -----------------------------------------------------------------------------


def check(good: Good, content: bytes, path: Path, told: str | None) -> str:
    """Import *content*; return ``read`` or ``refused``; raise AssertionError with the fault."""
    path.write_bytes(content)
    start = time.perf_counter()
    try:
        recognise(path)
        imported = import_file(path, symbol=good.symbol, timezone=told, **good.options)
    except AssayError as error:
        assert error.remedy, "a refusal must say what to do"
        assert str(path) in error.message, f"a refusal must name its file: {error.message}"
        assert " must " in error.message, f"a refusal must state the rule: {error.message}"
        return "refused"
    finally:
        seconds = time.perf_counter() - start
        assert seconds < SECONDS_MAX, f"took {seconds:.1f} s"
    assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
    series = imported.series
    assert len(series) == imported.rows_kept
    steps = np.diff(series.time_ns)
    assert (steps > 0).all() if isinstance(series, Bars) else (steps >= 0).all(), "out of order"
    prices = series.low if isinstance(series, Bars) else series.bid
    assert (prices > 0).all() and np.isfinite(prices).all(), "no price"
    if imported.recognised.timezone == good.clock:
        _compare(good, content, imported)
    return "read"


def _compare(good: Good, content: bytes, imported: Imported) -> None:
    """Hold that the rows kept are those that the naive reader finds outside the quarantine."""
    said = good.naive(content)
    if not said and not good.is_text:
        return  # the other library refuses the file
    refused = {row.line for row in imported.quarantine.rows}
    # A line of nothing but quotes is blank where fields stand in quotes.
    lines = sorted(set(said) | (refused if isinstance(good.naive, Table) else set()))
    said |= {line: None for line in lines if line not in said}
    if good.is_text and not isinstance(good.naive, Table):
        n_header = 0
    else:
        n_header = max(0, len(lines) - imported.rows_in)
    lost = [line for line in lines[:n_header] if said[line] is not None]
    assert not lost, f"lines {lost[:5]} are rows, but were taken for a header"
    kept = [line for line in lines[n_header:] if line not in refused]
    odd = [line for line in kept if said[line] is None]
    assert not odd, f"lines {odd[:5]} hold no row, but were kept"
    assert len(kept) == imported.rows_kept, f"{imported.rows_kept} kept; naive {len(kept)}"
    clock = zone(good.clock)
    rows = [said[line] for line in kept]
    expected = [row for row in rows if row is not None]
    times = clock.to_utc(np.array([ns for ns, _ in expected], dtype=np.int64))
    series = imported.series
    order = np.argsort(times, kind="stable")
    np.testing.assert_array_equal(series.time_ns, times[order])
    names = (
        (*PARTS, "ask_open", "ask_high", "ask_low", "ask_close")
        if isinstance(series, Bars)
        else ("bid", "ask")
    )
    # Ticks of one time keep the order of the file, unless the file ran backwards.
    for name in names:
        found = getattr(series, name)
        if found is None or any(name not in values for _, values in expected):
            continue
        told = np.array([values[name] for _, values in expected])[order]
        side = "ask_" if name.startswith("ask_") else ""
        if name.endswith(("high", "low")) and isinstance(series, Bars):
            pick = np.maximum if name.endswith("high") else np.minimum
            told = pick(told, pick(getattr(series, f"{side}open"), getattr(series, f"{side}close")))
        if not good.has_all:
            found = np.where(np.isnan(told) | (told == 0.0), told, found)
        if isinstance(series, Ticks) and (np.diff(series.time_ns) == 0).any():
            keys = np.lexsort((found, series.time_ns)), np.lexsort((told, series.time_ns))
            found, told = found[keys[0]], told[keys[1]]
        np.testing.assert_array_equal(found, told, err_msg=name)
    if isinstance(series, Bars) and all("volume" in values for _, values in expected):
        told = np.array([values["volume"] for _, values in expected])[order]
        is_blank = np.isnan(series.volume)
        np.testing.assert_array_equal(series.volume[~is_blank], told[~is_blank])
        over = np.isin(told, list(_OVER)) | (told < 0) | (told >= 2.0**63) | np.isnan(told)
        if (told > 0).any() and (series.volume > 0).any():
            assert not (is_blank & ~over).any(), "a volume was lost"


def fuzz_one(seed: int, folder: Path, files: Sequence[Good]) -> tuple[str, str, str]:
    """Mutate and check one file; return the name of its format, the outcome, and a fault."""
    rng = random.Random(seed)
    good = files[seed % len(files)]
    content = mutated(good, rng)
    told = rng.choice((None, good.clock, good.clock, good.clock))
    path = folder / f"fuzzed-{multiprocessing.current_process().pid}.csv"
    try:
        return good.name, check(good, content, path, told), ""
    except Exception as error:  # whatever escapes an import is a finding
        (folder / f"fault-{seed}.bin").write_bytes(content)
        return good.name, "fault", f"seed {seed}: {type(error).__name__}: {str(error)[:600]}"


def fuzz(seeds: range, folder: Path) -> tuple[Counter[str], list[str]]:
    """Check one file for each seed; return the outcomes, and the faults found."""
    files, outcomes, faults = corpus(), Counter[str](), list[str]()
    for seed in seeds:
        name, outcome, fault = fuzz_one(seed, folder, files)
        outcomes[outcome] += 1
        outcomes[f"{name}: {outcome}"] += 1
        if fault:
            faults.append(f"{name}: {fault}")
    return outcomes, faults


def fuzz_in_parallel(
    n_files: int, folder: Path, n_processes: int, first: int = 1_000
) -> tuple[Counter[str], list[str]]:
    """Share the seeds out over processes."""
    chunks = [
        range(at, min(at + 500, first + n_files)) for at in range(first, first + n_files, 500)
    ]
    outcomes, faults = Counter[str](), list[str]()
    if n_processes == 1:
        results = map(partial(fuzz, folder=folder), chunks)
        return _summed(results, outcomes, faults)
    with multiprocessing.get_context("spawn").Pool(n_processes) as pool:
        return _summed(pool.imap_unordered(partial(fuzz, folder=folder), chunks), outcomes, faults)


def _summed(
    results: Any, outcomes: Counter[str], faults: list[str]
) -> tuple[Counter[str], list[str]]:
    for some, more in results:
        outcomes.update(some)
        faults += more
    return outcomes, faults


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the importers of text, JSON and Parquet.")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--first", type=int, default=1_000, help="first seed")
    parser.add_argument("--folder", type=Path, default=None, help="where faults are left")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="assay-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    outcomes, faults = fuzz_in_parallel(args.files, folder, args.processes, args.first)
    for name, count in sorted(outcomes.items()):
        sys.stdout.write(f"{name:32} {count}\n")
    sys.stdout.write("\n".join(faults[:200]) + "\n")
    sys.stdout.write(f"{len(faults)} faults in {time.perf_counter() - start:.0f} s; see {folder}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
