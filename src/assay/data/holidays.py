"""When a venue may rest beside its weekly hours: dated stretches, each from a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from assay.data.arrays import IntArray
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_SECOND

_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_NEW_YORK = ZoneInfo("America/New_York")
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_JUNETEENTH_FROM = 2022
_KING_FROM = 1986
_REOPEN_HOUR = 19
"""By then every venue is open again; bars of the first hour are often late."""
_LATE_OPEN_HOUR = 2
"""After Christmas and New Year's Day some brokers wait until 02:00 of the day after."""
_EARLY_CLOSE_HOUR = 12
"""No earlier close than noon is known: metals stop at 13:00, 13:30, 13:45 or 14:30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A stretch in which a venue may be closed although its weekly hours say open.

    Attributes
    ----------
    name : str
    start, stop : datetime
        New York time; half-open.
    """

    name: str
    start: datetime
    stop: datetime


def has_daily_break(sessions: Sequence[Session]) -> bool:
    """Tell whether the week is cut into days, as an exchange's is: its holidays then count."""
    return len(sessions) > 1


def rests_of(year: int, *, is_exchange: bool) -> tuple[Rest, ...]:
    """Return the stretches of one year, oldest first.

    Parameters
    ----------
    year : int
    is_exchange : bool
        Metals follow the holidays of COMEX; currency pairs rest at Christmas and New Year only.

    Notes
    -----
    Currencies: from noon on 24 and 31 December through 25 December and 1 January; if that
    day is a Sunday, its Monday too. COMEX beside these: Good Friday; 24 December whole if
    Christmas is a Saturday; a close from noon on Martin Luther King's, Presidents', Memorial,
    Juneteenth (from 2022), Independence, Labor and Thanksgiving Day, on the observed day if it
    falls on a weekend, on 3 July when the 4th is a Saturday, and on the day after Thanksgiving.
    Sources: the CME Group holiday calendars of 2012-2024, and the hours in which the gold and
    currency feeds of OANDA and two MetaTrader brokers had no bars from 2006 to 2024.
    """
    rests = [
        _until_reopening("New Year's Day", date(year, 1, 1)),
        _until_reopening("Christmas", date(year, 12, 25)),
        # The eve belongs to the year before, so that every stretch lies in one year's table.
        Rest(
            name="New Year's Eve",
            start=_at(date(year, 12, 31), _EARLY_CLOSE_HOUR),
            stop=_at(date(year + 1, 1, 1), 0),
        ),
    ]
    if is_exchange:
        easter = _easter(year)
        rests.append(
            Rest(
                name="Good Friday",
                start=_at(easter - timedelta(days=3), 17),
                stop=_at(easter - timedelta(days=2), _REOPEN_HOUR),
            )
        )
        if date(year, 12, 25).weekday() == _SATURDAY:
            rests.append(
                Rest(
                    name="Christmas observed",
                    start=_at(date(year, 12, 23), 17),
                    stop=_at(date(year, 12, 25), 0),
                )
            )
        rests.extend(
            Rest(name=name, start=_at(day, _EARLY_CLOSE_HOUR), stop=_at(day, _REOPEN_HOUR))
            for name, day in _half_days(year)
        )
    return tuple(sorted(rests, key=lambda rest: rest.start))


def rest_numbers(time_ns: IntArray, sessions: Sequence[Session]) -> IntArray:
    """Return the number of the stretch in which each time lies, -1 outside of all.

    Parameters
    ----------
    time_ns : int64, shape (n,)
        UTC nanoseconds, in any order.
    sessions : sequence of Session
        A week that is cut into days marks an exchange, with its half days.

    Returns
    -------
    number : int64, shape (n,)
        Row of :func:`rest_table`.
    """
    starts, stops = rest_table(is_exchange=has_daily_break(sessions))
    at = np.searchsorted(starts, time_ns, side="right") - 1
    is_inside = (at >= 0) & (time_ns < stops[np.clip(at, 0, None)])
    return np.where(is_inside, at, -1).astype(np.int64, copy=False)


@cache
def rest_table(*, is_exchange: bool) -> tuple[IntArray, IntArray]:
    """Return starts and ends of all stretches, UTC ns, those that touch joined into one."""
    rests = [
        rest
        for year in range(_FIRST_YEAR, _LAST_YEAR + 1)
        for rest in rests_of(year, is_exchange=is_exchange)
    ]
    joined: list[tuple[int, int]] = []
    for start, stop in sorted((_ns(rest.start), _ns(rest.stop)) for rest in rests):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        else:
            joined.append((start, stop))
    starts, stops = zip(*joined, strict=True)
    return np.array(starts, dtype=np.int64), np.array(stops, dtype=np.int64)


def _until_reopening(name: str, day: date) -> Rest:
    """Return the rest over a day: from noon on its eve (New Year: midnight) to its reopening."""
    is_christmas = day.month == 12
    start = _at(day - timedelta(days=1), _EARLY_CLOSE_HOUR) if is_christmas else _at(day, 0)
    after = day + timedelta(days=1)
    stop = _at(after, _REOPEN_HOUR + 1 if day.weekday() == _SUNDAY else _LATE_OPEN_HOUR)
    return Rest(name=name, start=start, stop=stop)


def _half_days(year: int) -> list[tuple[str, date]]:
    thanksgiving = _nth(year, 11, _THURSDAY, 4)
    independence = date(year, 7, 4)
    days = [
        ("Presidents' Day", _nth(year, 2, _MONDAY, 3)),
        ("Memorial Day", _last(year, 5, _MONDAY)),
        ("Independence Day", _observed(independence)),
        ("Labor Day", _nth(year, 9, _MONDAY, 1)),
        ("Thanksgiving", thanksgiving),
        ("Day after Thanksgiving", thanksgiving + timedelta(days=1)),
    ]
    if _observed(independence) == independence:
        days.append(("Independence Day's eve", independence - timedelta(days=1)))
    if year >= _KING_FROM:
        days.append(("Martin Luther King Day", _nth(year, 1, _MONDAY, 3)))
    if year >= _JUNETEENTH_FROM:
        days.append(("Juneteenth", _observed(date(year, 6, 19))))
    return days


def _observed(day: date) -> date:
    """Return the Friday before a Saturday, the Monday after a Sunday, else the day itself."""
    shift = {_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last(year: int, month: int, weekday: int) -> date:
    last = date(year, month + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def _easter(year: int) -> date:
    """Return Easter Sunday (Gregorian; Meeus, *Astronomical Algorithms*, 2nd ed., ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=_NEW_YORK)


def _ns(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * NS_PER_SECOND
