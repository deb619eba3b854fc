"""OANDA v20: candles with bid, mid and ask prices, a fixed window of time to a page."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from urllib.parse import quote, urlencode

from assay.data.downloads import period as periods
from assay.data.downloads.answers import refuse_plain_http, table_of
from assay.data.downloads.period import Period
from assay.data.downloads.source import Batch, Piece, Wish
from assay.data.downloads.transfer import Answer, Request, Transfer
from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_HOUR, iso_utc
from assay.domain.timeframe import Timeframe

HOSTS = {
    "practice": "https://api-fxpractice.oanda.com",
    "live": "https://api-fxtrade.oanda.com",
}
PAGE_CANDLES_MAX = 5_000
_SETTLE_NS = NS_PER_HOUR
_INSTRUMENT = re.compile(r"[A-Z0-9]{2,20}_[A-Z0-9]{2,10}")
_GRANULARITY = {Timeframe.M1: "M1", Timeframe.H1: "H1", Timeframe.D1: "D"}
_PAGE_MINUTE_DAYS = 3  # 4,320 candles
_PAGE_HOUR_MONTHS = 6  # at most 4,416 candles
_BYTES_PER_CANDLE = 60


class Oanda:
    """Candles of the OANDA v20 REST API.

    Parameters
    ----------
    base_url : str
        One of ``HOSTS``, or a server of tests.
    token : str
        Sent in a header; it is never written, logged or quoted.
    now_ns : int
        The API refuses windows that end in the future.

    Raises
    ------
    ConfigError
        If the token is missing, or would travel in the clear.

    Notes
    -----
    The API gives at most 5,000 candles an answer. Pages are windows with fixed borders, not
    "the next 5,000 from here", so that each can be fetched, kept and repeated on its own.
    """

    name = "oanda"
    series = ("M1", "H1", "D1")
    notice = None

    def __init__(self, base_url: str, token: str, now_ns: int) -> None:
        refuse_plain_http(base_url, "oanda_url")
        if not token.isprintable() or not token.isascii() or " " in token:
            raise ConfigError(
                "The token of OANDA must be one word of letters, digits and dashes; was not.",
                remedy="Copy it again from the account's page, without quotes or spaces.",
            )
        self._base_url = base_url.rstrip("/")
        self.secrets = (token,)
        self._now_ns = now_ns

    def named(self, text: str) -> tuple[str, str]:
        """Return the instrument as OANDA writes it, and without the line.

        Raises
        ------
        ConfigError
            If *text* cannot be an instrument.

        Examples
        --------
        >>> Oanda("http://127.0.0.1", "x", 0).named("xauusd")
        ('XAU_USD', 'XAUUSD')
        """
        name = re.sub(r"[/\s-]", "_", text.strip()).upper()
        if re.fullmatch(r"[A-Z]{6}", name):
            name = f"{name[:3]}_{name[3:]}"
        if not _INSTRUMENT.fullmatch(name):
            raise ConfigError(
                f"An instrument of OANDA must be two words with a line between; was {text!r}.",
                remedy="Write, for example, XAU_USD, EUR_USD or DE30_EUR.",
                value=text,
            )
        return name, name.replace("_", "")

    def batches(self, wish: Wish) -> Sequence[Batch]:
        """Return the pages of a wish: a month of minutes to a batch, a year of hours, all days."""
        frame = wish.timeframe or Timeframe.M1
        pattern = {Timeframe.M1: "%Y-%m", Timeframe.H1: "%Y"}.get(frame, "D1")
        return tuple(
            Batch(
                label=label,
                pieces=tuple(self._piece(wish.symbol, frame, window) for _, window in group),
            )
            for label, group in groupby(
                _windows(frame, wish.period), key=lambda item: item[0].strftime(pattern)
            )
        )

    async def fetch(self, piece: Piece, transfer: Transfer, etag: str | None) -> Answer:
        """Ask for one page.

        Raises
        ------
        DataError
            If there is no plausible answer.
        """
        instrument, granularity = piece.path.split("/")[:2]
        return await transfer.get(
            Request(
                url=piece.url,
                headers={
                    "authorization": f"Bearer {self.secrets[0]}",
                    "accept-datetime-format": "RFC3339",
                },
                flaw=lambda content: _flaw_of(content, instrument, granularity),
                etag=etag,
            )
        )

    def has_rows(self, content: bytes) -> bool:
        """Whether a page holds any candle."""
        table = table_of(content)
        return not isinstance(table, str) and bool(table.get("candles"))

    def _piece(self, instrument: str, frame: Timeframe, window: Period) -> Piece:
        granularity = _GRANULARITY[frame]
        start = iso_utc(window.start_ns)
        query = {
            "granularity": granularity,
            "price": "BAM",
            "from": start,
            "to": iso_utc(min(window.stop_ns, self._now_ns)),
        }
        url = f"{self._base_url}/v3/instruments/{quote(instrument)}/candles?{urlencode(query)}"
        n_candles = (window.stop_ns - window.start_ns) // frame.nominal_ns
        return Piece(
            path=f"{instrument}/{granularity}/{start[:10]}.json",
            url=url,
            period=window,
            settle_ns=_SETTLE_NS,
            bytes_about=int(n_candles * _BYTES_PER_CANDLE * 5 / 7),
        )


def _windows(frame: Timeframe, period: Period) -> Iterator[tuple[datetime, Period]]:
    """Yield each page's start and window; borders do not depend on *period*."""
    if frame is Timeframe.M1:
        for month in periods.months_of(period):
            end = periods.next_month(month)
            at = month
            while at < end:
                stop = min(at + timedelta(days=_PAGE_MINUTE_DAYS), end)
                if periods.between(at, stop).meets(period):
                    yield at, periods.between(at, stop)
                at = stop
        return
    for year in periods.years_of(period):
        if frame is Timeframe.D1:
            yield year, periods.between(year, periods.next_year(year))
            continue
        middle = year.replace(month=1 + _PAGE_HOUR_MONTHS)
        for window in (
            periods.between(year, middle),
            periods.between(middle, periods.next_year(year)),
        ):
            if window.meets(period):
                yield year, window


def _flaw_of(content: bytes, instrument: str, granularity: str) -> str | None:
    table = table_of(content)
    if isinstance(table, str):
        return table
    candles = table.get("candles")
    if not isinstance(candles, list):
        return "an answer without candles"
    for key, wanted in (("instrument", instrument), ("granularity", granularity)):
        if table.get(key) != wanted:
            return f"candles of another {key} ({str(table.get(key))[:40]!r})"
    if len(candles) > PAGE_CANDLES_MAX:
        return f"{len(candles):,} candles where {PAGE_CANDLES_MAX:,} are the most"
    for at, candle in enumerate(candles):
        if not isinstance(candle, dict) or not {"time", "bid", "ask"} <= candle.keys():
            return f"a candle without time, bid and ask (number {at + 1})"
    return None
