"""What the path of a Dukascopy archive says: symbol, period, side; months counted from 0."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.domain.errors import DataError
from assay.domain.time import NS_PER_SECOND, utc_ns
from assay.domain.timeframe import Timeframe

_BETWEEN = r"[/\\_. -]"
_SYMBOL = r"(?:(?P<symbol>[A-Za-z0-9]{3,24})" + _BETWEEN + r"|^|[/\\])"
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_PART = _BETWEEN + r"(?P<{}>\d{{2}})"
_MONTH, _DAY, _HOUR = (_PART.format(name) for name in ("month", "day", "hour"))
_SIDE = _BETWEEN + r"(?P<side>BID|ASK)_candles_"
_END = r"\.bi5$"
_SHAPES = (
    (re.compile(_SYMBOL + _YEAR + _MONTH + _DAY + _HOUR + r"h_ticks" + _END, re.I), None),
    (re.compile(_SYMBOL + _YEAR + _MONTH + _DAY + _SIDE + r"min_1" + _END, re.I), Timeframe.M1),
    (re.compile(_SYMBOL + _YEAR + _MONTH + _SIDE + r"hour_1" + _END, re.I), Timeframe.H1),
    (re.compile(_SYMBOL + _YEAR + _SIDE + r"day_1" + _END, re.I), Timeframe.D1),
)
_TIMEFRAME = re.compile(r"candles_(min|hour|day)_1", re.I)
_YEARS_LOOKED_MAX = 64
_MONTHS_MANY = 10

# Decimal factors of the vendor's own list of instruments (freeserv.dukascopy.com, common/
# instruments: ten divided by the pip).
_CODES = "AUDCADCHFCNHCZKDKKEURGBPGBXHKDHUFILSJPYMXNNOKNZDPLNRONRUBSEKSGDTHBTRYUSDZAR"
_CURRENCIES = frozenset(_CODES[at : at + 3] for at in range(0, len(_CODES), 3))
_METALS = frozenset({"XAU", "XAG", "XPT", "XPD"})
_QUOTED_IN_THOUSANDTHS = frozenset({"JPY", "HUF", "RUB", "THB"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an archive belongs.

    Attributes
    ----------
    symbol : str or None
        None where the path names none that could be one.
    timeframe : Timeframe or None
        None for ticks.
    side : str
        ``bid`` or ``ask``; ``bid`` for ticks, which quote both.
    base_ns : int
        UTC instant from which the times of records count.
    stop_ns : int
        End of the period.
    month_seen : int or None
        Month as the path writes it; None for a year of days.
    is_flat : bool
        Whether the parts stand in one file name instead of in folders.
    """

    symbol: str | None
    timeframe: Timeframe | None
    side: str
    base_ns: int
    stop_ns: int
    month_seen: int | None
    is_flat: bool

    @property
    def shift_from_one_ns(self) -> int | None:
        """Shift of times if months were counted from 1 (negative); None if that cannot be."""
        start = datetime.fromtimestamp(self.base_ns // NS_PER_SECOND, tz=UTC)
        if not self.month_seen:
            return None
        try:
            other = start.replace(month=self.month_seen)
        except ValueError:
            return None
        return int(utc_ns(other)) - self.base_ns


def divisor_of(symbol: str) -> int | None:
    """Return what integer prices of *symbol* are divided by; None if it is not known.

    Examples
    --------
    >>> divisor_of("EURUSD"), divisor_of("USDJPY"), divisor_of("XAUUSD"), divisor_of("DEUIDXEUR")
    (100000, 1000, 1000, 1000)
    """
    name = "".join(letter for letter in symbol.upper() if letter.isalnum())
    base, quote = name[:-3], name[-3:]
    if base in _METALS:
        return 1_000
    if len(name) == 6 and base in _CURRENCIES and quote in _CURRENCIES:
        if quote == "CZK":
            return 10_000
        return 1_000 if quote in _QUOTED_IN_THOUSANDTHS else 100_000
    if name in ("BTCUSD", "ETHUSD"):
        return 10
    if len(name) > 6 and quote in _CURRENCIES:
        return 10 if name.endswith("JPJPY") else 1_000  # shares of Tokyo; shares, indices, goods
    return None


def place_of(path: Path) -> Place:
    """Return where the archive at *path* belongs.

    Raises
    ------
    DataError
        If the path does not tell the period, or its months are counted from 1.
    """
    text = path.absolute().as_posix()
    for shape, timeframe in _SHAPES:
        match = shape.search(text)
        if match is not None:
            return _place(path, match, timeframe)
    raise DataError(
        f"{path} must tell by its path what period it covers; it does not (the bytes of an "
        "archive hold only offsets).",
        remedy="Keep the folders of the server, such as EURUSD/2019/01/04/00h_ticks.bi5 (months "
        "count from 0: this is 4 February), or EURUSD/2019/01/04/BID_candles_min_1.bi5.",
        path=str(path),
    )


def kind_of_name(path: Path) -> Timeframe | None:
    """Return the timeframe that the bare name of an archive tells; None for ticks."""
    match = _TIMEFRAME.search(path.name)
    names = {"min": Timeframe.M1, "hour": Timeframe.H1, "day": Timeframe.D1}
    return None if match is None else names[match.group(1).lower()]


def _place(path: Path, match: "re.Match[str]", timeframe: Timeframe | None) -> Place:
    parts = match.groupdict()
    year, month = int(parts["year"]), parts.get("month")
    day, hour = int(parts.get("day") or 1), int(parts.get("hour") or 0)
    month_seen = None if month is None else int(month)
    if month_seen is not None:
        _refuse_month(path, year, month_seen, day if parts.get("day") else None)
    if hour > 23:
        raise DataError(
            f"{path} must name an hour from 00 to 23; its path says {hour}.",
            remedy="Restore the name that the server gave it.",
            path=str(path),
        )
    start = datetime(year, (month_seen or 0) + 1, day, hour, tzinfo=UTC)
    if timeframe is Timeframe.D1:
        stop = datetime(year + 1, 1, 1, tzinfo=UTC)
    elif timeframe is Timeframe.H1:
        stop = start + timedelta(days=monthrange(start.year, start.month)[1])
    else:
        stop = start + timedelta(hours=1 if timeframe is None else 24)
    is_flat = "/" not in match.string[match.start("year") :]
    folder = year_folder(path)
    if folder is not None:
        _refuse_tree_from_one(path, folder)
    return Place(
        symbol=_symbol(parts.get("symbol")),
        timeframe=timeframe,
        side=(parts.get("side") or "bid").lower(),
        base_ns=utc_ns(start),
        stop_ns=utc_ns(stop),
        month_seen=month_seen,
        is_flat=is_flat,
    )


def _symbol(text: str | None) -> str | None:
    """Return the word before the year, if it could be a symbol of the vendor."""
    if text is None or len(text) < 6 or text[-3:].upper() not in _CURRENCIES:
        return None
    return text.upper()


def _refuse_month(path: Path, year: int, month: int, day: int | None) -> None:
    """Refuse a month or day that does not exist if months are counted from 0."""
    if month <= 11 and (day is None or 1 <= day <= monthrange(year, month + 1)[1]):
        return
    if month > 12 or month < 1 or (day is not None and not 1 <= day <= 31):
        raise DataError(
            f"{path} must name a month from 00 to 11 and a day of it; its path says month "
            f"{month:02d}" + ("." if day is None else f", day {day:02d}."),
            remedy="Restore the folders of the server.",
            path=str(path),
        )
    if month == 12:
        raise from_one(path, "there is a month 12")
    raise from_one(path, f"month {month:02d} would be of {monthrange(year, month + 1)[1]} days")


def year_folder(path: Path) -> Path | None:
    """Return the folder of the year if months stand below it as folders; None otherwise."""
    for folder in path.absolute().parents[:4]:
        if _is_year(folder) and re.fullmatch(
            r"\d{2}", path.absolute().relative_to(folder).parts[0]
        ):
            return folder
    return None


def _refuse_tree_from_one(path: Path, folder: Path) -> None:
    """Refuse an archive in a tree in which this year, or another of the symbol, has a month 12."""
    try:
        years = [entry for entry in folder.parent.iterdir() if _is_year(entry)]
        for year in [folder, *years[:_YEARS_LOOKED_MAX]]:
            if (year / "12").is_dir():
                raise from_one(path, f"{year.name} has a month 12")
    except OSError:
        return


def lacks_january(path: Path) -> bool:
    """Tell whether the year of *path* has ten months or more, but none is called 00."""
    folder = year_folder(path)
    try:
        names = set() if folder is None else {entry.name for entry in folder.iterdir()}
    except OSError:
        return False
    months = {name for name in names if re.fullmatch(r"0\d|1[0-2]", name)}
    return len(months) >= _MONTHS_MANY and "00" not in months


def _is_year(entry: Path) -> bool:
    return bool(re.fullmatch(r"(?:19|20)\d{2}", entry.name))


def from_one(path: Path, reason: str) -> DataError:
    """Return the refusal of a path whose months are counted from 1."""
    return DataError(
        f"{path} must count months from 0, as the server does; they are counted from 1: {reason}.",
        remedy="Rename the month folders so that January is 00 and December 11, then import again.",
        path=str(path),
        reason=reason,
    )
