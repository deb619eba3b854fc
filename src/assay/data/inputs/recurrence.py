"""Dates of a recurring event, walked day by day, so that no rule can run for ever."""

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

DAYS_MAX = 20 * 366
OCCURRENCES_MAX = 5_000
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_KNOWN = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A recurrence rule of RFC 5545, without parts that no calendar of releases uses.

    Attributes
    ----------
    frequency : str
        ``DAILY``, ``WEEKLY``, ``MONTHLY`` or ``YEARLY``.
    interval : int
    count : int or None
    until : str
        As written; empty for none.
    days : tuple of (ordinal, weekday)
        Ordinal 0: every such day.
    month_days, months, positions : tuple of int
    """

    frequency: str
    interval: int = 1
    count: int | None = None
    until: str = ""
    days: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


def rule_of(text: str) -> Rule | None:
    """Read a rule; None where it cannot be followed exactly.

    Examples
    --------
    >>> rule_of("FREQ=MONTHLY;BYDAY=1FR;COUNT=3").days
    ((1, 4),)
    >>> rule_of("FREQ=SECONDLY") is None
    True
    """
    parts: dict[str, str] = {}
    for part in text.strip().upper().split(";"):
        name, equals, value = part.partition("=")
        if not equals or name in parts or name not in _KNOWN:
            return None
        parts[name] = value
    try:
        days = _days(parts.get("BYDAY", ""))
        rule = Rule(
            frequency=parts["FREQ"],
            interval=int(parts.get("INTERVAL", "1")),
            count=int(parts["COUNT"]) if "COUNT" in parts else None,
            until=parts.get("UNTIL", ""),
            days=days,
            month_days=_numbers(parts, "BYMONTHDAY", 31),
            months=_numbers(parts, "BYMONTH", 12),
            positions=_numbers(parts, "BYSETPOS", 366),
        )
    except (KeyError, ValueError):
        return None
    return rule if _can_be_followed(rule, parts) else None


def _can_be_followed(rule: Rule, parts: Mapping[str, str]) -> bool:
    if rule.frequency not in _FREQUENCIES or not 1 <= rule.interval <= 1_000:
        return False
    if parts.get("WKST", "MO") != "MO" or (rule.count is not None and rule.count < 1):
        return False
    if min(rule.months, default=1) < 1:
        return False
    has_ordinals = any(ordinal for ordinal, _ in rule.days)
    if rule.frequency in ("DAILY", "WEEKLY"):
        return not (has_ordinals or rule.month_days or rule.positions)
    is_year = rule.frequency == "YEARLY"
    return not (is_year and (rule.positions or (rule.days and not rule.months)))


def _days(text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for part in text.split(",") if text else ():
        match = re.fullmatch(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", part)
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 5):
            raise ValueError(part)
        found.append((int(match[1] or 0), _DAYS.index(match[2])))
    return tuple(found)


def _numbers(parts: Mapping[str, str], name: str, largest: int) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in parts[name].split(",")) if name in parts else ()
    if any(not 1 <= abs(number) <= largest for number in numbers):
        raise ValueError(name)
    return numbers


def occurrences(rule: Rule, start: datetime, last: date) -> tuple[list[datetime], bool]:
    """Return the local times of an event, and whether a limit cut them off.

    Parameters
    ----------
    rule : Rule
    start : datetime
        First occurrence, on the wall clock of the event; it always counts.
    last : date
        Nothing after this day; ``DAYS_MAX`` after *start* at most.

    Returns
    -------
    times : list of datetime
        In order, at most ``OCCURRENCES_MAX``; each at the time of day of *start*.
    is_cut : bool
    """
    limit = start.date() + timedelta(days=DAYS_MAX)
    limit = min(limit, date(2099, 12, 30))
    found = [start]
    n_max = min(rule.count or OCCURRENCES_MAX, OCCURRENCES_MAX)
    for day in _matching(rule, start.date(), min(last, limit)):
        if len(found) >= n_max:
            break
        found.append(datetime.combine(day, start.time()))
    is_cut = len(found) >= OCCURRENCES_MAX or (last > limit and len(found) < n_max)
    return found, is_cut


def _matching(rule: Rule, first: date, last: date) -> Iterator[date]:
    """Yield the days of a rule after *first*, up to *last*."""
    if rule.frequency in ("DAILY", "WEEKLY"):
        weekdays = {weekday for _, weekday in rule.days}
        if rule.frequency == "WEEKLY" and not weekdays:
            weekdays = {first.weekday()}
        monday = first - timedelta(days=first.weekday())
        day = first
        while (day := day + timedelta(days=1)) <= last:
            step = (day - first).days if rule.frequency == "DAILY" else (day - monday).days // 7
            in_day = not weekdays or day.weekday() in weekdays
            if step % rule.interval == 0 and in_day and _in_month(rule, day):
                yield day
        return
    year, month = first.year, first.month
    while date(year, month, 1) <= last:
        step = (
            (year - first.year) * 12 + month - first.month
            if rule.frequency == "MONTHLY"
            else year - first.year
        )
        if step % rule.interval == 0:
            for day in _of_month(rule, first, year, month):
                if first < day <= last:
                    yield day
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _in_month(rule: Rule, day: date) -> bool:
    return not rule.months or day.month in rule.months


def _of_month(rule: Rule, first: date, year: int, month: int) -> list[date]:
    """Return the days of one month that fit, in order."""
    n_days = calendar.monthrange(year, month)[1]
    if rule.months and month not in rule.months:
        return []
    is_own_month = rule.months or rule.month_days or month == first.month
    if rule.frequency == "YEARLY" and not is_own_month:
        return []
    days = [date(year, month, number) for number in range(1, n_days + 1)]
    if rule.month_days:
        wanted = {number if number > 0 else n_days + 1 + number for number in rule.month_days}
        days = [day for day in days if day.day in wanted]
    elif not rule.days:
        days = [day for day in days if day.day == first.day]
    if rule.days:
        days = [day for day in days if _is_day(rule, day, n_days)]
    if rule.positions:
        wanted = {number - 1 if number > 0 else len(days) + number for number in rule.positions}
        days = [day for at, day in enumerate(days) if at in wanted]
    return days


def _is_day(rule: Rule, day: date, n_days: int) -> bool:
    from_start, from_end = (day.day - 1) // 7 + 1, -((n_days - day.day) // 7 + 1)
    return any(
        day.weekday() == weekday and ordinal in (0, from_start, from_end)
        for ordinal, weekday in rule.days
    )
