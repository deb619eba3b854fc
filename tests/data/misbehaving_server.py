"""A local server of files that misbehaves by a schedule, and counts what it is asked."""

import contextlib
import json
import lzma
import select
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import numpy as np

FAULTS = (
    "truncated",
    "announced too long",
    "announced too short",
    "429",
    "429 with pause",
    "500",
    "503 with date",
    "stall before",
    "stall within",
    "drip",
    "drip of headers",
    "reset",
    "redirect elsewhere",
    "garbage",
    "html",
    "no http",
)
"""Every way in which an answer can go wrong; all must be repeated until the truth comes."""

SLOW = ("stall before", "stall within", "drip", "drip of headers")
"""Those of them that only the patience of the client ends."""

STALL_S = 8.0
TICK = np.dtype(
    [("ms", ">u4"), ("ask", ">u4"), ("bid", ">u4"), ("ask_volume", ">f4"), ("bid_volume", ">f4")]
)
CANDLE = np.dtype(
    [(name, ">u4") for name in ("s", "open", "close", "low", "high")] + [("volume", ">f4")]
)

Files = Mapping[str, bytes] | Callable[[str, str], bytes | None]
"""Bytes by path, or a function of path and query that makes them; None: 404."""


@dataclass
class Server:
    """What the tests see of the server.

    Attributes
    ----------
    files : mapping or callable
    faults : dict of path to list of str
        Faults that the next answers for a path suffer, in order.
    requests : list of (path, headers)
    delay_s : float
        Time that each answer takes.
    """

    files: Files
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    n_active_max: int = 0
    delay_s: float = 0.0
    elsewhere: str = "http://localhost:9/elsewhere"
    url: str = ""
    asked: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    _n_active: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def truth(self, path: str, query: str) -> bytes | None:
        return self.files(path, query) if callable(self.files) else self.files.get(path)

    def begin(self, path: str, headers: Mapping[str, str]) -> str | None:
        with self._lock:
            self.requests.append((path, {key.lower(): value for key, value in headers.items()}))
            self._n_active += 1
            self.n_active_max = max(self.n_active_max, self._n_active)
            waiting = self.faults.get(path)
            return waiting.pop(0) if waiting else None

    def end(self) -> None:
        with self._lock:
            self._n_active -= 1
        self.asked.set()

    def n_requests(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.requests)


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what these tests are about: nothing to print."""


@contextmanager
def serving(files: Files) -> Iterator[Server]:
    """Run a server during the block."""
    state = Server(files)
    httpd = Listener(("127.0.0.1", 0), handler_of(state))
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def handler_of(state: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            fault = state.begin(parts.path, self.headers)
            try:
                if state.delay_s:
                    state.closing.wait(state.delay_s)
                content = state.truth(parts.path, parts.query)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.answer(fault, content)
            finally:
                state.end()

        def answer(self, fault: str | None, content: bytes | None) -> None:
            if fault is not None:
                self.close_connection = True
                misbehave(self, fault, content or b"nothing" * 40, state)
            elif content is None:
                self.reply(404, b"not here")
            else:
                etag = f'"{hash(content) & 0xFFFFFFFF:x}"'
                if self.headers.get("If-None-Match") == etag:
                    self.reply(304, b"", {"ETag": etag})
                else:
                    self.reply(200, content, {"ETag": etag})

        def reply(
            self, status: int, content: bytes, headers: Mapping[str, str] | None = None
        ) -> None:
            self.send_response(status)
            headers = {"Content-Length": str(len(content)), **(headers or {})}
            if self.close_connection:
                headers["Connection"] = "close"
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

    return Handler


def misbehave(handler: BaseHTTPRequestHandler, fault: str, content: bytes, state: Server) -> None:
    """Give the wrong answer that *fault* names."""
    reply = handler.reply  # type: ignore[attr-defined]
    n = len(content)
    half = n // 2
    if fault == "truncated":
        reply(200, content[:half], {"Content-Length": str(n)})
    elif fault == "announced too long":
        reply(200, content, {"Content-Length": str(n + 17)})
    elif fault == "announced too short":
        reply(200, content, {"Content-Length": str(max(1, half))})
    elif fault == "429":
        reply(429, b"slow down")
    elif fault == "429 with pause":
        reply(429, b"slow down", {"Retry-After": "7"})
    elif fault == "500":
        reply(500, b"oops")
    elif fault == "503 with date":
        reply(503, b"closed", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    elif fault == "stall before":
        be_silent(handler, state)
    elif fault in ("stall within", "drip"):
        handler.send_response(200)
        handler.send_header("Content-Length", str(n))
        handler.end_headers()
        handler.wfile.write(content[:1])
        if fault == "stall within":
            be_silent(handler, state)
        else:
            drip(handler, content[1:], state)
    elif fault == "drip of headers":
        drip(handler, b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 10_000, state)
    elif fault == "reset":
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()
    elif fault == "redirect elsewhere":
        reply(302, b"", {"Location": state.elsewhere})
    elif fault == "garbage":
        reply(200, np.random.default_rng(n).bytes(max(n, 64)))
    elif fault == "html":
        reply(200, b"<!DOCTYPE html><html><body>Attention required</body></html>")
    elif fault == "no http":
        handler.wfile.write(b"\x00\x01SSH-2.0 hello\r\n\r\n")
    else:
        raise AssertionError(fault)


def drip(handler: BaseHTTPRequestHandler, content: bytes, state: Server) -> None:
    """Send byte after byte, never long enough silent to be called a stall."""
    stop = time.monotonic() + STALL_S
    for at in range(len(content)):
        if time.monotonic() > stop or state.closing.wait(0.01) or is_gone(handler):
            return
        handler.wfile.write(content[at : at + 1])


def be_silent(handler: BaseHTTPRequestHandler, state: Server) -> None:
    """Say nothing for a while, or until the client has gone: it is no request any more."""
    stop = time.monotonic() + STALL_S
    while time.monotonic() < stop and not state.closing.is_set() and not is_gone(handler):
        pass


def is_gone(handler: BaseHTTPRequestHandler) -> bool:
    """Tell whether the client has closed the connection."""
    ready, _, _ = select.select([handler.connection], [], [], 0.01)
    return bool(ready) and not handler.connection.recv(1, socket.MSG_PEEK)


def bi5(records: np.ndarray) -> bytes:
    """Pack records as the datafeed does."""
    if len(records) == 0:
        return b""
    return lzma.compress(records.tobytes(), format=lzma.FORMAT_ALONE, preset=1)


def ticks_bi5(seed: int, n_ticks: int = 60, level: int = 120_000) -> bytes:
    """Return an hour of quotes."""
    rng = np.random.default_rng(seed)
    records = np.zeros(n_ticks, dtype=TICK)
    records["ms"] = np.sort(rng.choice(3_600_000, n_ticks, replace=False))
    records["bid"] = level + np.cumsum(rng.integers(-3, 4, n_ticks))
    records["ask"] = records["bid"] + rng.integers(1, 12, n_ticks)
    records["ask_volume"] = records["bid_volume"] = 1.5
    return bi5(records)


def candles_bi5(seed: int, seconds: np.ndarray, *, is_ask: bool, level: int = 120_000) -> bytes:
    """Return candles that open at *seconds*; both sides of a seed belong together."""
    rng = np.random.default_rng(seed)
    n_bars = len(seconds)
    records = np.zeros(n_bars, dtype=CANDLE)
    close = level + np.cumsum(rng.integers(-20, 21, n_bars))
    open_ = np.concatenate([[level], close[:-1]])
    shift = 8 * is_ask
    records["s"] = seconds
    records["open"], records["close"] = open_ + shift, close + shift
    records["high"] = np.maximum(open_, close) + rng.integers(0, 9, n_bars) + shift
    records["low"] = np.minimum(open_, close) - rng.integers(0, 9, n_bars) + shift
    records["volume"] = 10.0 + np.arange(n_bars) % 7
    return bi5(records)


def datafeed(symbol: str, first: date, last: date, n_bars_max: int = 60) -> dict[str, bytes]:
    """Return the files of a small Dukascopy: ticks, minutes, hours and days, Monday to Thursday.

    Parameters
    ----------
    first, last : date
        Both are in it.
    n_bars_max : int
        Bars in each file, and ticks.
    """
    files: dict[str, bytes] = {}
    opens: dict[str, tuple[datetime, int, list[datetime]]] = {}
    day = datetime(first.year, first.month, first.day, tzinfo=UTC)
    while day.date() <= last:
        year, month = f"/{symbol}/{day.year}", f"/{symbol}/{day.year}/{day.month - 1:02}"
        if day.weekday() < 4:
            folder = f"{month}/{day.day:02}"
            minutes = [day + timedelta(minutes=i) for i in range(min(n_bars_max, 1_440))]
            opens[f"{folder}/{{}}_candles_min_1.bi5"] = (day, 60, minutes)
            start = day.replace(day=1)
            hours = opens.setdefault(f"{month}/{{}}_candles_hour_1.bi5", (start, 3_600, []))[2]
            hours += [day + timedelta(hours=i) for i in range(24)]
            start = start.replace(month=1)
            opens.setdefault(f"{year}/{{}}_candles_day_1.bi5", (start, 86_400, []))[2].append(day)
            for hour in range(24):
                seed = day.toordinal() * 24 + hour
                is_quiet = hour == 3
                files[f"{folder}/{hour:02}h_ticks.bi5"] = (
                    b"" if is_quiet else ticks_bi5(seed, n_bars_max)
                )
        day += timedelta(days=1)
    for at, (path, (start, _, moments)) in enumerate(opens.items()):
        seconds = np.array([(m - start).total_seconds() for m in moments[:n_bars_max]])
        for side in ("BID", "ASK"):
            files[path.format(side)] = candles_bi5(at, seconds, is_ask=side == "ASK")
    return files


def as_json(path: str, feed: Mapping[str, bytes], symbol: str = "EURUSD") -> bytes | None:
    """Return what Dukascopy's JSON interface says where the datafeed has the same rows."""
    kind, *words = path.strip("/").split("/")
    where = [int(word) for word in words if word.isdigit()]
    start = datetime(where[0], *(where[1:] + [1, 1][len(where) - 1 :]), tzinfo=UTC)
    folder = "/".join(f"{n - (at == 1):02}" for at, n in enumerate(where[:3]))
    table: dict[str, object] = {"timestamp": int(start.timestamp()) * 1_000, "multiplier": 1e-5}
    if kind == "ticks":
        content = feed.get(f"/{symbol}/{folder}/{where[3]:02}h_ticks.bi5")
        names = {"ask": "asks", "bid": "bids"}
        records = unpacked(content, TICK)
        shift, at = 1, records["ms"]
    else:
        name = {"minute": "min_1", "hour": "hour_1", "day": "day_1"}[words[0]]
        content = feed.get(f"/{symbol}/{folder}/{words[2]}_candles_{name}.bi5")
        names = {"open": "opens", "high": "highs", "low": "lows", "close": "closes"}
        records = unpacked(content, CANDLE)
        shift = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}[words[0]]
        at = records["s"] * np.int64(1_000)
        table |= {"shift": shift, "volumes": [float(volume) for volume in records["volume"]]}
    if content is None:
        return None
    steps = np.diff(at.astype(np.int64) // shift, prepend=0)
    table["times"] = [int(step) for step in steps]
    for first, plural in names.items():
        column = records[first].astype(np.int64)
        table[first] = round(int(column[0]) * 1e-5, 5) if len(column) else None
        table[plural] = [int(step) for step in np.diff(column, prepend=column[:1])]
    return json.dumps(table).encode()


def unpacked(content: bytes | None, kind: "np.dtype[np.void]") -> np.ndarray:
    return np.frombuffer(lzma.decompress(content) if content else b"", dtype=kind)


def random_faults(
    rng: np.random.Generator, paths: Sequence[str], n_each_max: int
) -> dict[str, list[str]]:
    """Draw a schedule: for each path up to *n_each_max* faults in succession."""
    return {
        path: [str(name) for name in rng.choice(FAULTS, rng.integers(0, n_each_max + 1))]
        for path in paths
    }
