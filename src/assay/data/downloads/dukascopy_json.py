"""Dukascopy's JSON interface: the same history as its ``.bi5`` files, from another address."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from assay.data.downloads import period as periods
from assay.data.downloads.answers import table_of
from assay.data.downloads.dukascopy import (
    DAILY_PAUSE_HOURS,
    SETTLE_NS,
    SIDES,
    filled,
    grouped,
    is_closed,
    should_trade,
)
from assay.data.downloads.period import Period
from assay.data.downloads.source import Batch, Piece, Wish
from assay.data.downloads.transfer import Answer, Request, Transfer
from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_SECOND
from assay.domain.timeframe import Timeframe

_CODE = re.compile(r"[A-Z0-9]{2,20}(\.[A-Z0-9]{2,6})?-[A-Z]{2,6}")
_NS_PER_MS = 1_000_000
_COLUMNS = {
    True: ("times", "asks", "bids"),
    False: ("times", "opens", "highs", "lows", "closes"),
}


class DukascopyJson:
    """Ticks and candles of Dukascopy's JSON interface.

    Parameters
    ----------
    base_url : str

    Notes
    -----
    ``<base>/candles/minute/EUR-USD/BID/2024/1/2`` is of 2 *January* 2024: here months count
    from 1. Bars without trades are left out. Each file holds first values and differences.
    """

    name = "dukascopy-json"
    series = ("ticks", "M1", "H1", "D1")
    notice = None
    secrets = ()

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def named(self, text: str) -> tuple[str, str]:
        """Return the code of the instrument, and its letters and digits.

        Raises
        ------
        ConfigError
            If *text* cannot be an instrument.

        Examples
        --------
        >>> DukascopyJson("http://127.0.0.1").named("eurusd")
        ('EUR-USD', 'EURUSD')
        """
        code = re.sub(r"[/\s_]", "-", text.strip()).upper()
        if re.fullmatch(r"[A-Z]{6}", code):
            code = f"{code[:3]}-{code[3:]}"
        if not _CODE.fullmatch(code):
            raise ConfigError(
                f"An instrument of dukascopy-json must be its code; was {text!r}.",
                remedy="Write, for example, XAUUSD, EUR-USD or USA500.IDX-USD.",
                value=text,
            )
        return code, re.sub(r"[^A-Z0-9]", "", code)

    def batches(self, wish: Wish) -> Sequence[Batch]:
        """Return the files of a wish: a month to a batch, for hours a year, for days all."""
        pattern = {Timeframe.H1: "%Y", Timeframe.D1: "D1"}
        label = "%Y-%m" if wish.timeframe is None else pattern.get(wish.timeframe, "%Y-%m")
        return grouped(self._pieces(wish), label)

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
        return await filled(request, piece, transfer, self.has_rows)

    def has_rows(self, content: bytes) -> bool:
        """Whether a file holds any row."""
        table = table_of(content)
        return not isinstance(table, str) and bool(table.get("times"))

    def _pieces(self, wish: Wish) -> Iterator[tuple[datetime, Piece]]:
        stored = wish.store_as
        if wish.timeframe is None:
            for hour in periods.hours_of(wish.period):
                if not is_closed(stored, hour):
                    span = periods.between(hour, hour + timedelta(hours=1))
                    trades = should_trade(stored, hour) and hour.hour not in DAILY_PAUSE_HOURS
                    where = f"{hour.year}/{hour.month}/{hour.day}/{hour.hour}"
                    path = f"{stored}/ticks/{hour:%Y-%m-%dT%H}.json"
                    yield hour, self._piece(f"ticks/{wish.symbol}/{where}", path, span, trades)
            return
        for start, stop, where, name in _windows(wish.timeframe, wish.period):
            if wish.timeframe is Timeframe.M1 and is_closed(stored, start):
                continue
            trades = wish.timeframe is Timeframe.M1 and should_trade(stored, start)
            for side in SIDES:
                yield (
                    start,
                    self._piece(
                        f"candles/{name}/{wish.symbol}/{side}/{where}",
                        f"{stored}/{wish.series}/{start:%Y-%m-%d}_{side}.json",
                        periods.between(start, stop),
                        trades,
                    ),
                )

    def _piece(self, where: str, path: str, span: Period, should_have_rows: bool) -> Piece:
        return Piece(
            path=path,
            url=f"{self._base_url}/{quote(where)}",
            period=span,
            settle_ns=SETTLE_NS,
            should_have_rows=should_have_rows,
            bytes_about=60_000 if "/ticks/" in path else 24_000,
        )


def _windows(frame: Timeframe, period: Period) -> Iterator[tuple[datetime, datetime, str, str]]:
    """Yield start, stop, place in the address, and the word for the length of a bar."""
    if frame is Timeframe.M1:
        for day in periods.days_of(period):
            yield day, periods.next_day(day), f"{day.year}/{day.month}/{day.day}", "minute"
    elif frame is Timeframe.H1:
        for month in periods.months_of(period):
            yield month, periods.next_month(month), f"{month.year}/{month.month}", "hour"
    else:
        for year in periods.years_of(period):
            yield year, periods.next_year(year), f"{year.year}", "day"


def flaw_of(content: bytes, piece: Piece) -> str | None:
    """Say what is wrong with an answer; None if it can be what it should be."""
    table = table_of(content)
    if isinstance(table, str):
        return table
    columns = [table.get(name) for name in _COLUMNS["/ticks/" in piece.path]]
    lists = [column for column in columns if isinstance(column, list)]
    if len(lists) != len(columns) or len({len(column) for column in lists}) != 1:
        return "an answer whose columns are missing or differ in length"
    times = lists[0]
    if not times:
        return None
    if not all(type(value) is int for column in lists for value in column):
        return "an answer with differences that are no whole numbers"
    base, shift = table.get("timestamp"), 1 if "/ticks/" in piece.path else table.get("shift")
    if not isinstance(base, int) or not isinstance(shift, int):
        return "an answer without a time to count from"
    first_ns = (base + times[0] * shift) * _NS_PER_MS
    last_ns = (base + sum(times) * shift) * _NS_PER_MS
    # Days begin at the hour of New York's close, so they may stand a little outside.
    margin_ns = 86_400 * NS_PER_SECOND if shift == 86_400_000 else 0
    start_ns, stop_ns = piece.period.start_ns - margin_ns, piece.period.stop_ns + margin_ns
    if min(times) < 0 or first_ns < start_ns or last_ns > stop_ns:
        return f"rows of another time than the one asked for (from {base} ms)"
    return None
