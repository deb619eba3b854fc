"""Exchanges through ccxt: its knowledge of their interfaces, our own polite transfer."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from assay.data.downloads import period as periods
from assay.data.downloads.answers import parsed
from assay.data.downloads.period import Period
from assay.data.downloads.source import Batch, Piece, Wish
from assay.data.downloads.transfer import Answer, Request, Transfer, excerpt
from assay.domain.errors import AssayError, ConfigError, DataError
from assay.domain.timeframe import Timeframe

PAGE_ROWS = 1_000
PAGES_MAX = 500
_SYMBOL = re.compile(r"[A-Za-z0-9._-]{1,20}/[A-Za-z0-9._-]{1,20}(:[A-Za-z0-9._-]{1,20})?")
_FRAMES = {"M1": "1m", "H1": "1h", "D1": "1d"}
_NS_PER_MS = 1_000_000
_TRADE_KEYS = ("id", "timestamp", "symbol", "side", "price", "amount")
_BYTES_PER_ROW = 60
_ROWS_PER_HOUR_OF_TRADES = 5_000


class Ccxt:
    """Bars and trades of one exchange that ccxt knows.

    Parameters
    ----------
    exchange : str
        Its name in ccxt, such as ``kraken``.
    base_url : str or None
        Scheme and host in place of the exchange's own; tests use it.

    Raises
    ------
    ConfigError
        If ccxt is not installed, or knows no such exchange.

    Notes
    -----
    ccxt makes the addresses and reads the answers; every request goes through our own
    transfer, so its limits hold here as well. Only public data: no key is ever asked for.
    """

    series = ("M1", "H1", "D1", "ticks")
    notice = None
    secrets = ()

    def __init__(self, exchange: str, base_url: str | None = None) -> None:
        try:
            import ccxt.async_support as library
        except ImportError:
            raise ConfigError(
                "Downloads from exchanges need ccxt; it is not installed.",
                remedy="Install it with: pip install 'assay[ccxt]'.",
            ) from None
        if exchange not in library.exchanges:
            nearest = get_close_matches(exchange, library.exchanges, n=1)
            raise ConfigError(
                f"An exchange must be one that ccxt knows; was {exchange!r}.",
                remedy=f"Use ccxt:{nearest[0]}." if nearest else "Write, for example, ccxt:kraken.",
                value=exchange,
            )
        self.name = f"ccxt-{exchange}"
        self._library: Any = library
        self._id = exchange
        self._base_url = base_url
        self._exchange: Any = None

    def named(self, text: str) -> tuple[str, str]:
        """Return the symbol as ccxt writes it, and its name in the catalogue.

        Raises
        ------
        ConfigError
            If *text* cannot be a symbol.
        """
        name = text.strip().upper()
        if not _SYMBOL.fullmatch(name):
            raise ConfigError(
                f"A symbol of ccxt must be BASE/QUOTE; was {text!r}.",
                remedy="Write, for example, BTC/USDT, or BTC/USDT:USDT for a perpetual.",
                value=text,
            )
        pair, _, settled_in = name.partition(":")
        stored = pair.replace("/", "")
        return name, f"{stored}.{settled_in}" if settled_in else stored

    def batches(self, wish: Wish) -> Sequence[Batch]:
        """Return the files of a wish: days of minutes, months of hours, years of days."""
        return tuple(
            Batch(label=label, pieces=tuple(_piece(wish, start, window) for _, start, window in g))
            for label, g in groupby(_windows(wish), key=lambda item: item[0])
        )

    async def fetch(self, piece: Piece, transfer: Transfer, etag: str | None) -> Answer:
        """Ask for one window, in as many pages as it takes.

        Raises
        ------
        DataError
            If a page has no plausible answer, or the exchange refuses.
        """
        exchange = self._opened(transfer)
        series = piece.path.split("/")[1]
        rows: Sequence[object]
        try:
            if series == "ticks":
                rows = await _trades(exchange, piece)
            else:
                rows = await _bars(exchange, piece, series)
        except AssayError:
            raise
        except (self._library.BaseError, KeyError, TypeError, ValueError, AttributeError) as error:
            words = transfer.masked(excerpt(str(error).encode()))
            raise DataError(
                f"{self._id} must answer for {piece.url} {series}; ccxt says "
                f"{type(error).__name__}: {words}.",
                remedy="Check that the exchange has this symbol and series; the list is in ccxt.",
                exchange=self._id,
                symbol=piece.url,
                is_lasting=isinstance(error, self._library.BaseError),
            ) from error
        return Answer(content=json.dumps(rows, separators=(",", ":")).encode())

    def has_rows(self, content: bytes) -> bool:
        """Whether a file holds any row."""
        return content.strip() not in (b"", b"[]")

    def _opened(self, transfer: Transfer) -> Any:
        """Return the exchange, its requests bent to *transfer*."""
        if self._exchange is None:
            exchange = getattr(self._library, self._id)({"asyncio_loop": asyncio.get_event_loop()})

            async def fetch(
                url: str, method: str = "GET", headers: Any = None, body: Any = None
            ) -> Any:
                return await self._fetched(exchange, transfer, url, method, headers, body)

            exchange.fetch = fetch
            self._exchange = exchange
        return self._exchange

    async def _fetched(
        self, exchange: Any, transfer: Transfer, url: str, method: str, headers: Any, body: Any
    ) -> Any:
        if method != "GET" or body:
            raise DataError(
                f"{self._id} must give history to a plain request; it wants {method}.",
                remedy="Choose another exchange.",
                is_lasting=True,
            )
        answer = await transfer.get(
            Request(url=self._moved(url), headers=dict(headers or {}), flaw=_flaw_of)
        )
        text = answer.content.decode("utf-8", errors="replace")
        value = exchange.parse_json(text)
        exchange.handle_errors(200, "OK", url, method, {}, text, value, headers, body)
        return value

    def _moved(self, url: str) -> str:
        if self._base_url is None:
            return url
        base, parts = urlsplit(self._base_url), urlsplit(url)
        path = base.path.rstrip("/") + parts.path
        return urlunsplit((base.scheme, base.netloc, path, parts.query, ""))


async def _bars(exchange: Any, piece: Piece, series: str) -> list[list[Any]]:
    """Return the bars of a window, sorted; pages may be shorter than asked for, or empty."""
    step_ms = Timeframe[series].nominal_ns // _NS_PER_MS
    start_ms = piece.period.start_ns // _NS_PER_MS
    stop_ms = piece.period.stop_ns // _NS_PER_MS
    rows: dict[int, list[Any]] = {}
    since = start_ms
    for _ in range(PAGES_MAX):
        page = await exchange.fetch_ohlcv(piece.url, _FRAMES[series], since, PAGE_ROWS)
        times = [int(row[0]) for row in page]
        rows |= {at: row for at, row in zip(times, page, strict=True) if start_ms <= at < stop_ms}
        further = [at for at in times if at >= since]
        # An empty page may be a pause of the exchange: what follows it is asked for too.
        since = max(further) + step_ms if further else since + PAGE_ROWS * step_ms
        if since >= stop_ms:
            return [rows[at] for at in sorted(rows)]
    raise _too_many_pages(piece)


async def _trades(exchange: Any, piece: Piece) -> list[dict[str, Any]]:
    """Return the trades of a window, sorted by time, each once."""
    start_ms = piece.period.start_ns // _NS_PER_MS
    stop_ms = piece.period.stop_ns // _NS_PER_MS
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    since = start_ms
    for _ in range(PAGES_MAX):
        page = await exchange.fetch_trades(piece.url, since, PAGE_ROWS)
        n_before = len(found)
        times = [int(trade["timestamp"]) for trade in page]
        for at, trade in zip(times, page, strict=True):
            if start_ms <= at < stop_ms:
                kept = {key: trade.get(key) for key in _TRADE_KEYS}
                found.setdefault(tuple(kept.values()), kept)
        last = max(times, default=stop_ms)
        if last >= stop_ms or len(found) == n_before:
            return sorted(found.values(), key=lambda trade: int(trade["timestamp"]))
        since = last if last > since else since + 1
    raise _too_many_pages(piece)


def _too_many_pages(piece: Piece) -> DataError:
    return DataError(
        f"{piece.path} must come in at most {PAGES_MAX} pages; there are more.",
        remedy="Choose longer bars.",
        path=piece.path,
        is_lasting=True,
    )


def _windows(wish: Wish) -> Iterator[tuple[str, datetime, Period]]:
    """Yield batch, start and window of each file; borders do not depend on the wish."""
    if wish.timeframe is None:
        for hour in periods.hours_of(wish.period):
            yield f"{hour:%Y-%m-%d}", hour, periods.between(hour, hour + timedelta(hours=1))
    elif wish.timeframe is Timeframe.M1:
        for day in periods.days_of(wish.period):
            yield f"{day:%Y-%m}", day, periods.between(day, periods.next_day(day))
    elif wish.timeframe is Timeframe.H1:
        for month in periods.months_of(wish.period):
            yield f"{month:%Y}", month, periods.between(month, periods.next_month(month))
    else:
        for year in periods.years_of(wish.period):
            yield "D1", year, periods.between(year, periods.next_year(year))


def _piece(wish: Wish, start: datetime, window: Period) -> Piece:
    folder = re.sub(r"[^A-Z0-9.-]", "_", wish.symbol)
    if wish.timeframe is None:
        n_rows = _ROWS_PER_HOUR_OF_TRADES
    else:
        n_rows = (window.stop_ns - window.start_ns) // wish.timeframe.nominal_ns
    return Piece(
        path=f"{folder}/{wish.series}/{start:%Y-%m-%dT%H}.json",
        url=wish.symbol,
        period=window,
        bytes_about=n_rows * _BYTES_PER_ROW,
    )


def _flaw_of(content: bytes) -> str | None:
    if parsed(content) is None:
        return f"bytes that are no JSON ({excerpt(content[:60])!r})"
    return None
