"""Dukascopy's datafeed: ticks by the hour, candles by the day, month and year, as ``.bi5``."""

import lzma
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import numpy as np

from assay.data.downloads import period as periods
from assay.data.downloads.period import Period
from assay.data.downloads.source import Batch, Piece, Wish
from assay.data.downloads.transfer import Answer, Request, Transfer, excerpt
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import NS_PER_HOUR, NS_PER_SECOND
from assay.domain.timeframe import Timeframe

EMPTY_REPEATS = 2
"""An empty answer for an hour of trading is asked for again: this feed is known to err there."""

UNPACKED_BYTES_MAX = 64_000_000
SETTLE_NS = 2 * NS_PER_HOUR
_SYMBOL = re.compile(r"[A-Z0-9.]{2,40}")
_CLOSED_ON_SATURDAY = frozenset(
    re.findall(
        "...",
        "AUDCADCHFCNHCZKDKKEURGBPHKDHUFILSJPYMXNNOKNZDPLNRONSEKSGDTHBTRYUSDXAGXAUZAR",
    )
)
SIDES = ("BID", "ASK")
_TICK_WORDS, _BAR_WORDS = 5, 6
_SATURDAY, _FRIDAY = 5, 4
_FRIDAY_LAST_HOUR = 19  # UTC; the week ends at 21:00 or 22:00, metals an hour earlier on some days
DAILY_PAUSE_HOURS = (21, 22)


class Dukascopy:
    """The files of Dukascopy's public datafeed.

    Parameters
    ----------
    base_url : str
        Address of the folder that holds one folder for each instrument.

    Notes
    -----
    ``<base>/EURUSD/2019/01/04/00h_ticks.bi5`` is of 4 *February* 2019: months count from 0. A
    file of zero bytes is an hour without ticks. The same layout is kept on disk, so that the
    folder can be imported again at any time.
    """

    name = "dukascopy"
    series = ("ticks", "M1", "H1", "D1")
    notice = None
    secrets = ()

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def named(self, text: str) -> tuple[str, str]:
        """Return the instrument as Dukascopy writes it; the catalogue calls it the same.

        Raises
        ------
        ConfigError
            If *text* cannot be an instrument.

        Examples
        --------
        >>> Dukascopy("http://127.0.0.1").named("eur/usd")
        ('EURUSD', 'EURUSD')
        """
        name = re.sub(r"[/\s_-]", "", text).upper()
        if not _SYMBOL.fullmatch(name) or ".." in name:
            raise ConfigError(
                f"An instrument of Dukascopy must be letters and digits; was {text!r}.",
                remedy="Write, for example, XAUUSD, EURUSD or USA500IDXUSD.",
                value=text,
            )
        name = name.replace(".", "")
        return name, name

    def batches(self, wish: Wish) -> Sequence[Batch]:
        """Return the files of a wish: a month to a batch, for hours a year, for days all."""
        frame = wish.timeframe
        if frame is None:
            return grouped(self._ticks(wish), "%Y-%m")
        if frame is Timeframe.M1:
            return grouped(self._minutes(wish), "%Y-%m")
        if frame is Timeframe.H1:
            return grouped(self._hours(wish), "%Y")
        return grouped(self._days(wish), "D1")

    async def fetch(self, piece: Piece, transfer: Transfer, etag: str | None) -> Answer:
        """Ask for one file; an empty one in trading hours is asked for again.

        Raises
        ------
        DataError
            If there is no plausible answer.
        """
        request = Request(
            url=piece.url,
            flaw=lambda content: flaw_of(content, piece),
            may_be_absent=True,
            etag=etag,
        )
        try:
            return await filled(request, piece, transfer, self.has_rows)
        except DataError as error:
            if error.facts.get("status") is not None:
                raise
            raise DataError(
                error.message,
                remedy=f"{error.remedy} Where these files stay silent, take dukascopy-json.",
                **error.facts,
            ) from error

    def has_rows(self, content: bytes) -> bool:
        """Whether a file holds any row."""
        return bool(content)

    def _ticks(self, wish: Wish) -> Iterator[tuple[datetime, Piece]]:
        for hour in periods.hours_of(wish.period):
            if is_closed(wish.symbol, hour):
                continue
            yield (
                hour,
                self._piece(
                    f"{wish.symbol}/{hour.year}/{hour.month - 1:02}/{hour.day:02}/"
                    f"{hour.hour:02}h_ticks.bi5",
                    periods.between(hour, hour + timedelta(hours=1)),
                    should_trade(wish.symbol, hour) and hour.hour not in DAILY_PAUSE_HOURS,
                    20_000,
                ),
            )

    def _minutes(self, wish: Wish) -> Iterator[tuple[datetime, Piece]]:
        for day in periods.days_of(wish.period):
            if is_closed(wish.symbol, day):
                continue
            folder = f"{wish.symbol}/{day.year}/{day.month - 1:02}/{day.day:02}"
            span = periods.between(day, periods.next_day(day))
            for side in SIDES:
                path = f"{folder}/{side}_candles_min_1.bi5"
                yield day, self._piece(path, span, should_trade(wish.symbol, day), 11_500)

    def _hours(self, wish: Wish) -> Iterator[tuple[datetime, Piece]]:
        for month in periods.months_of(wish.period):
            folder = f"{wish.symbol}/{month.year}/{month.month - 1:02}"
            span = periods.between(month, periods.next_month(month))
            for side in SIDES:
                yield month, self._piece(f"{folder}/{side}_candles_hour_1.bi5", span, False, 5_900)

    def _days(self, wish: Wish) -> Iterator[tuple[datetime, Piece]]:
        for year in periods.years_of(wish.period):
            span = periods.between(year, periods.next_year(year))
            for side in SIDES:
                path = f"{wish.symbol}/{year.year}/{side}_candles_day_1.bi5"
                yield year, self._piece(path, span, False, 4_700)

    def _piece(self, path: str, span: Period, should_have_rows: bool, size: int) -> Piece:
        return Piece(
            path=path,
            url=f"{self._base_url}/{path}",
            period=span,
            settle_ns=SETTLE_NS,
            should_have_rows=should_have_rows,
            bytes_about=size,
        )


async def filled(
    request: Request, piece: Piece, transfer: Transfer, has_rows: Callable[[bytes], bool]
) -> Answer:
    """Ask, and ask again while the answer is empty where it should not be."""
    answer = await transfer.get(request)
    for _ in range(EMPTY_REPEATS if piece.should_have_rows else 0):
        if answer.is_absent or answer.is_unchanged or has_rows(answer.content):
            break
        answer = await transfer.get(request)
    return answer


def grouped(pieces: Iterator[tuple[datetime, Piece]], pattern: str) -> tuple[Batch, ...]:
    """Return batches of the pieces whose times look alike under *pattern* of strftime."""
    return tuple(
        Batch(label=label, pieces=tuple(piece for _, piece in group))
        for label, group in groupby(pieces, key=lambda item: item[0].strftime(pattern))
    )


def _is_known(symbol: str) -> bool:
    return len(symbol) == 6 and {symbol[:3], symbol[3:]} <= _CLOSED_ON_SATURDAY


def is_closed(symbol: str, start: datetime) -> bool:
    """Whether nothing can be traded: only where that is certain, Saturdays of known pairs."""
    return start.weekday() == _SATURDAY and _is_known(symbol)


def should_trade(symbol: str, start: datetime) -> bool:
    """Whether a known pair trades in every week at this time, holidays aside."""
    if not _is_known(symbol) or start.weekday() >= _SATURDAY:
        return False
    return start.weekday() != _FRIDAY or start.hour <= _FRIDAY_LAST_HOUR


def flaw_of(content: bytes, piece: Piece) -> str | None:
    """Say what is wrong with the bytes of a ``.bi5``; None if it can be what it should be.

    The archive must end where its bytes end, hold whole records, and every record must
    fall into the period of the file and quote prices above zero.
    """
    if not content:
        return None
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=UNPACKED_BYTES_MAX * 2)
    try:
        raw = decoder.decompress(content, max_length=UNPACKED_BYTES_MAX)
    except lzma.LZMAError:
        return f"bytes that are no bi5 archive ({excerpt(content[:40])!r})"
    if not decoder.eof or decoder.unused_data:
        return f"a bi5 archive that is cut off or goes on ({len(content):,} bytes)"
    is_ticks = piece.path.endswith("ticks.bi5")
    n_words = _TICK_WORDS if is_ticks else _BAR_WORDS
    if len(raw) % (4 * n_words):
        return f"a bi5 archive of {len(raw):,} bytes, which are no whole records"
    words_read = np.frombuffer(raw, dtype=">u4").reshape(-1, n_words)
    scale = 1_000 if is_ticks else 1
    seconds = (piece.period.stop_ns - piece.period.start_ns) // NS_PER_SECOND
    if len(words_read) and int(words_read[:, 0].max()) > seconds * scale:
        start = datetime.fromtimestamp(piece.period.start_ns / NS_PER_SECOND, tz=UTC)
        return f"records of another time than the one from {start:%Y-%m-%d %H:%M}"
    prices = words_read[:, 1:3] if is_ticks else words_read[:, 1:5]
    if len(words_read) and int(prices.min()) == 0:
        return "records without a price"
    return None
