"""A period as a user writes it, and its years, months, days and hours."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_SECOND, iso_utc

YEAR_MIN = 1970
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_EXAMPLE = "Write, for example, 2020-01..2024-12, or 2020-01-15..2020-02-03."


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open stretch of time.

    Attributes
    ----------
    start_ns, stop_ns : int
        UTC nanoseconds; the start is in it, the stop is not.
    """

    start_ns: int
    stop_ns: int

    def meets(self, other: "Period") -> bool:
        """Whether both have an instant in common."""
        return self.start_ns < other.stop_ns and other.start_ns < self.stop_ns


def parse_period(text: str, now_ns: int) -> Period:
    """Read ``FROM..TO`` or one year, month or day; both ends are included.

    An end in the present year, month or day is cut at *now_ns*; so is an open end.

    Raises
    ------
    ConfigError
        If *text* is no period, runs backwards, or begins or ends in the future.

    Examples
    --------
    >>> now_ns = 1_700_000_000 * 10**9
    >>> parse_period("2020-01..2020-02", now_ns) == parse_period("2020-01-01..2020-02-29", now_ns)
    True
    """
    first, dots, last = text.strip().partition("..")
    start = _moment(first, text)
    if dots and last.strip():
        end, stop = _moment(last, text), _after(last, text)
    elif dots:
        end = stop = _datetime(now_ns)
    else:
        end, stop = start, _after(first, text)
    if end < start:
        raise ConfigError(
            f"A period must run forwards; was {text!r}.",
            remedy=f"Write {last.strip()}..{first.strip()}.",
            value=text,
        )
    start_ns, stop_ns = nanoseconds(start), min(nanoseconds(stop), now_ns)
    for moment, name in ((start, "begin"), (end, "end")):
        if nanoseconds(moment) > now_ns or start_ns >= stop_ns:
            raise ConfigError(
                f"A period must {name} in the past; {text!r} does not (it is {iso_utc(now_ns)}).",
                remedy=f"End it at {_datetime(now_ns):%Y-%m-%d} or before.",
                value=text,
            )
    return Period(start_ns, stop_ns)


def hours_of(period: Period) -> Iterator[datetime]:
    """Yield the start of every hour that meets *period*."""
    return _steps(period, _datetime(period.start_ns).replace(minute=0, second=0), _next_hour)


def days_of(period: Period) -> Iterator[datetime]:
    """Yield the start of every day that meets *period*."""
    return _steps(period, _midnight(period.start_ns), next_day)


def months_of(period: Period) -> Iterator[datetime]:
    """Yield the start of every month that meets *period*."""
    return _steps(period, _midnight(period.start_ns).replace(day=1), next_month)


def years_of(period: Period) -> Iterator[datetime]:
    """Yield the start of every year that meets *period*."""
    return _steps(period, _midnight(period.start_ns).replace(month=1, day=1), next_year)


def next_day(day: datetime) -> datetime:
    """Return the day after *day*."""
    return day + timedelta(days=1)


def next_month(month: datetime) -> datetime:
    """Return the first instant of the following month."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def next_year(year: datetime) -> datetime:
    """Return the first instant of the following year."""
    return year.replace(year=year.year + 1)


def between(start: datetime, stop: datetime) -> Period:
    """Return the period from *start* to *stop*."""
    return Period(nanoseconds(start), nanoseconds(stop))


def nanoseconds(moment: datetime) -> int:
    """Return a whole second of UTC in nanoseconds."""
    return int(moment.timestamp()) * NS_PER_SECOND


def _steps(
    period: Period, at: datetime, step: Callable[[datetime], datetime]
) -> Iterator[datetime]:
    while nanoseconds(at) < period.stop_ns:
        yield at
        at = step(at)


def _next_hour(hour: datetime) -> datetime:
    return hour + timedelta(hours=1)


def _datetime(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, tz=UTC)


def _midnight(time_ns: int) -> datetime:
    return _datetime(time_ns).replace(hour=0, minute=0, second=0)


def _moment(text: str, whole: str) -> datetime:
    """Return the first instant of a year, month or day."""
    match = _DATE.fullmatch(text.strip())
    try:
        if match is None or int(match[1]) < YEAR_MIN:
            raise ValueError(text)
        return datetime(int(match[1]), int(match[2] or 1), int(match[3] or 1), tzinfo=UTC)
    except ValueError:
        raise ConfigError(
            f"A period must be years, months or days since {YEAR_MIN}; was {whole!r}.",
            remedy=_EXAMPLE,
            value=whole,
        ) from None


def _after(text: str, whole: str) -> datetime:
    """Return the first instant after a year, month or day."""
    moment = _moment(text, whole)
    try:
        return (next_year, next_month, next_day)[text.count("-")](moment)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"A period must end before the year 9999; was {whole!r}.", remedy=_EXAMPLE, value=whole
        ) from None
