"""Yahoo's chart API, the last resort: days and hours of indicative prices."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from assay.data.downloads import period as periods
from assay.data.downloads.answers import flaw_of_times, table_of
from assay.data.downloads.period import Period
from assay.data.downloads.source import Batch, Piece, Wish
from assay.data.downloads.transfer import Answer, Request, Transfer
from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_DAY, NS_PER_SECOND, iso_utc
from assay.domain.timeframe import Timeframe

HOURS_DAYS_MAX = 729
NOTICE = (
    "Yahoo is a last resort: prices are indicative and of one side, volumes of currencies are "
    "missing, rows are revised and left out without notice. Do not base a verdict on them."
)
_TICKER = re.compile(r"[A-Z0-9.^=-]{1,20}")
_INTERVAL = {Timeframe.D1: "1d", Timeframe.H1: "1h"}
_SETTLE_NS = 2 * NS_PER_DAY
_MARGIN_S = 86_400.0
_BYTES_PER_BAR = 110


class Yahoo:
    """Bars of Yahoo's public chart API.

    Parameters
    ----------
    base_url : str
    now_ns : int
        Hours are given for about two years back; windows must not end in the future.

    Notes
    -----
    An empty answer is an error here, always: this source says "nothing" when it means "no".
    """

    name = "yahoo"
    series = ("D1", "H1")
    notice = NOTICE
    secrets = ()

    def __init__(self, base_url: str, now_ns: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._now_ns = now_ns

    def named(self, text: str) -> tuple[str, str]:
        """Return the ticker, and the name in the catalogue.

        Raises
        ------
        ConfigError
            If *text* cannot be a ticker.

        Examples
        --------
        >>> yahoo = Yahoo("http://127.0.0.1", 0)
        >>> yahoo.named("EURUSD"), yahoo.named("GC=F")
        (('EURUSD=X', 'EURUSD'), ('GC=F', 'GC'))
        """
        ticker = text.strip().upper().replace("/", "")
        if re.fullmatch(r"[A-Z]{6}", ticker):
            ticker += "=X"
        stored = re.sub(r"=[XF]$", "", ticker).lstrip("^")
        if not _TICKER.fullmatch(ticker) or not stored[:1].isalnum():
            raise ConfigError(
                f"A ticker of Yahoo must be letters, digits and . ^ = -; was {text!r}.",
                remedy="Write, for example, EURUSD, GC=F or ^GSPC.",
                value=text,
            )
        return ticker, stored.replace("=", "-")

    def batches(self, wish: Wish) -> Sequence[Batch]:
        """Return the files of a wish, a year to a file.

        Raises
        ------
        ConfigError
            If hours are asked for that Yahoo no longer has.
        """
        frame = wish.timeframe or Timeframe.D1
        oldest_ns = self._now_ns - HOURS_DAYS_MAX * NS_PER_DAY
        if frame is Timeframe.H1 and wish.period.start_ns < oldest_ns:
            raise ConfigError(
                f"Hours of Yahoo must be at most {HOURS_DAYS_MAX} days old; "
                f"{iso_utc(wish.period.start_ns)[:10]} is older.",
                remedy=f"Begin at {iso_utc(oldest_ns + NS_PER_DAY)[:10]}, or take --series D1.",
            )
        return tuple(
            Batch(label=f"{year:%Y}", pieces=(self._piece(wish.symbol, frame, window),))
            for year, window in _windows(wish.period, oldest_ns if frame is Timeframe.H1 else None)
        )

    async def fetch(self, piece: Piece, transfer: Transfer, etag: str | None) -> Answer:
        """Ask for one file.

        Raises
        ------
        DataError
            If there is no plausible answer, or an empty one.
        """
        return await transfer.get(
            Request(url=piece.url, flaw=lambda content: _flaw_of(content, piece), etag=etag)
        )

    def has_rows(self, content: bytes) -> bool:
        """Whether a file holds any row; an empty answer was never kept."""
        return bool(content)

    def _piece(self, ticker: str, frame: Timeframe, window: Period) -> Piece:
        stop_ns = min(window.stop_ns, self._now_ns)
        query = {
            "period1": window.start_ns // NS_PER_SECOND,
            "period2": stop_ns // NS_PER_SECOND,
            "interval": _INTERVAL[frame],
            "events": "history",
        }
        n_bars = (stop_ns - window.start_ns) // frame.nominal_ns
        folder = re.sub(r"[^A-Z0-9.-]", "_", ticker)
        return Piece(
            path=f"{folder}/{frame.name}/{iso_utc(window.start_ns)[:4]}.json",
            url=f"{self._base_url}/v8/finance/chart/{quote(ticker, safe='')}?{urlencode(query)}",
            period=window,
            settle_ns=_SETTLE_NS,
            bytes_about=int(n_bars * _BYTES_PER_BAR * 5 / 7),
        )


def _windows(period: Period, oldest_ns: int | None) -> Iterator[tuple[datetime, Period]]:
    for year in periods.years_of(period):
        window = periods.between(year, periods.next_year(year))
        if oldest_ns is not None and window.start_ns < oldest_ns:
            window = Period(oldest_ns - oldest_ns % NS_PER_DAY + NS_PER_DAY, window.stop_ns)
        yield year, window


def _flaw_of(content: bytes, piece: Piece) -> str | None:
    table = table_of(content)
    if isinstance(table, str):
        return table
    chart = table.get("chart")
    if not isinstance(chart, dict):
        return "an answer without a chart"
    if chart.get("error"):
        return f"an error of the source ({str(chart['error'])[:120]})"
    results = chart.get("result")
    first = results[0] if isinstance(results, list) and results else None
    times = first.get("timestamp") if isinstance(first, dict) else None
    if not isinstance(times, list) or not times:
        return "an empty answer: no rows for this ticker and time"
    return flaw_of_times(
        times,
        piece.period.start_ns / NS_PER_SECOND - _MARGIN_S,
        piece.period.stop_ns / NS_PER_SECOND + _MARGIN_S,
    )
