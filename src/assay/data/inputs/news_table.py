"""Economic calendars as tables: CSV of the usual exporters, or JSON records of the same."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assay.data.importers.stamps import NO_TIME
from assay.data.importers.zones import zone
from assay.data.inputs import headings, news
from assay.data.inputs.headings import roles_in
from assay.data.inputs.landmarks import CalendarClock, clock_of_calendar
from assay.data.inputs.moments import EXACT, Moments
from assay.data.inputs.news import EventRow
from assay.data.inputs.reading import (
    Collected,
    InputChoices,
    optional_times,
    stated_zone,
    times_of,
    whole_records,
)
from assay.data.inputs.records import Record, Table
from assay.data.inputs.words import (
    currency_of,
    decimal_mark,
    impact_of,
    is_missing,
    value_of,
)
from assay.data.quarantine import Reason
from assay.domain.time import NS_PER_DAY

_UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_CALLED_OFF = re.compile(r"(?i)cancel|postpon")
_SAMPLE_ROWS = 200


def is_header(fields: Sequence[str]) -> bool:
    """Tell whether *fields* name the columns of a calendar."""
    return is_calendar(roles_in(fields, headings.NEWS))


def is_calendar(roles: dict[str, int]) -> bool:
    """Tell whether columns are those of a calendar: a time, a title, and who it is about."""
    has_time = "time" in roles or "date" in roles
    has_who = "currency" in roles or "country" in roles
    has_more = bool({"impact", "actual", "forecast", "previous"} & set(roles))
    return has_time and "title" in roles and has_more and (has_who or "impact" in roles)


def roles_of_table(table: Table) -> tuple[dict[str, int], str] | None:
    """Return the columns of a calendar and why, or None if the table is none."""
    if table.headers:
        roles = roles_in(table.headers, headings.NEWS)
        shown = ", ".join(table.headers)[:200]
        return (roles, f"a calendar by its headers {shown}") if is_calendar(roles) else None
    by_value = _roles_by_value(table)
    if by_value is None:
        return None
    return by_value, "no header; a calendar by its values: time, currency, impact, title"


def _roles_by_value(table: Table) -> dict[str, int] | None:
    """Find the columns of a table without headers; values must be actual, forecast, previous."""
    n_columns = table.n_columns
    rows = [row.fields for row in table.rows[:_SAMPLE_ROWS] if len(row.fields) == n_columns]
    if not 5 <= n_columns <= 12 or len(rows) < 3:
        return None
    columns = list(zip(*rows, strict=True))

    def share(at: int, test: "re.Pattern[str]") -> float:
        return sum(1 for text in columns[at] if test.search(text)) / len(rows)

    date_like, clock_like = re.compile(r"\d{4}[-./]\d|\d[-./]\d{1,2}[-./]\d"), re.compile(r"\d:\d")
    roles: dict[str, int] = {}
    for at in range(n_columns):
        texts = [text for text in columns[at] if text]
        if "date" not in roles and share(at, date_like) > 0.3:
            roles["date"] = at
        elif "clock" not in roles and share(at, clock_like) > 0.5:
            roles["clock"] = at
        elif "currency" not in roles and _most(texts, lambda text: currency_of(text) is not None):
            roles["currency"] = at
        elif "impact" not in roles and _most(texts, lambda text: impact_of(text) is not None):
            roles["impact"] = at
    rest = [at for at in range(n_columns) if at not in roles.values()]
    letters = {at: sum(len(re.sub(r"[^A-Za-z]", "", text)) for text in columns[at]) for at in rest}
    if not {"date", "currency", "impact"} <= set(roles) or not letters:
        return None
    title = max(letters, key=lambda at: letters[at])
    values = [at for at in rest if at > title]
    if letters[title] < 5 * len(rows) or len(values) != 3:
        return None
    roles |= {"title": title, "actual": values[0], "forecast": values[1], "previous": values[2]}
    if "clock" not in roles:
        roles["time"] = roles.pop("date")
    return roles


def _most(texts: Sequence[str], test: Callable[[str], bool]) -> bool:
    return len(texts) >= 3 and sum(1 for text in texts if test(text)) >= 0.9 * len(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A calendar as read: its events, its clock, and what was refused."""

    rows: list[EventRow]
    clock: CalendarClock
    n_rows: int
    why: tuple[str, ...] = field(default=())


def read_calendar(
    path: Path,
    table: Table,
    roles: dict[str, int],
    choices: InputChoices,
    collected: Collected,
) -> Calendar:
    """Return the events of a table.

    Raises
    ------
    DataError
        If its times or its clock cannot be told, or most rows are bad.
    """
    records = whole_records(table, collected)
    collected.check_share(len(records), "rows of events")
    if "event_id" in roles and not _is_identity(table, records, roles["event_id"]):
        roles = {role: at for role, at in roles.items() if role != "event_id"}
    moments = times_of(path, records, roles, first_line=records[0].line)
    titles = [re.sub(r"\s+", " ", record.fields[roles["title"]]).strip() for record in records]
    currencies = [_currency(record, roles, choices) for record in records]
    exact = np.array([timing == EXACT for timing in moments.timing], dtype=np.bool_)
    stated = stated_zone(table.headers)
    if moments.has_zone or moments.pattern.startswith("epoch"):
        stated = "UTC"
    clock = clock_of_calendar(
        path,
        titles,
        [currency or "" for currency in currencies],
        np.where(exact, moments.local_ns, NO_TIME),
        told=choices.timezone,
        stated=stated,
    )
    if clock.warning:
        collected.warnings.append(clock.warning)
    rows = _rows(path, records, roles, moments, (titles, currencies, clock.timezone), collected)
    rows = _without_repeats(rows, collected)
    collected.check_share(len(rows), "rows of events")
    return Calendar(
        rows=news.numbered(rows),
        clock=clock,
        n_rows=len(table.rows),
        why=(f"times as {moments.pattern}", clock.why),
    )


def _is_identity(table: Table, records: list[Record], at: int) -> bool:
    """Tell an id of one release from the id of a series of releases, which repeats."""
    header = table.headers[at].strip().lower() if table.headers else ""
    texts = [record.fields[at] for record in records]
    if len(set(texts)) != len(texts):
        return False
    return header in ("value_id", "uid", "guid") or all(_UUID.fullmatch(text) for text in texts)


def _currency(record: Record, roles: dict[str, int], choices: InputChoices) -> str | None:
    """Return the currency of a row; empty if it names none, None if it is no known one."""
    for role in ("currency", "country"):
        text = record.fields[roles[role]] if role in roles else ""
        if text:
            return currency_of(text)
    return choices.currency or ""


def _rows(
    path: Path,
    records: list[Record],
    roles: dict[str, int],
    moments: Moments,
    read: tuple[list[str], list[str | None], str],
    collected: Collected,
) -> list[EventRow]:
    titles, currencies, timezone = read
    clock = zone("UTC" if moments.has_zone else timezone)
    good = moments.local_ns != NO_TIME
    local_ns = np.where(good, moments.local_ns, 0)
    time_ns, day_end_ns = clock.to_utc(local_ns), clock.to_utc(local_ns + NS_PER_DAY)
    published = optional_times(path, records, roles, "published", timezone)
    released = optional_times(path, records, roles, "released", timezone)
    decimal = decimal_mark(
        record.fields[roles[name]] for record in records for name in news.VALUES if name in roles
    )
    unreadable: list[tuple[int, str]] = []
    found = []
    for at, record in enumerate(records):
        impact_text = record.fields[roles["impact"]] if "impact" in roles else ""
        impact = impact_of(impact_text) if impact_text else news.IMPACT_UNKNOWN
        currency, title = currencies[at], titles[at]
        status = record.fields[roles["status"]] if "status" in roles else ""
        reason = (
            Reason.TIME
            if not good[at]
            else Reason.WORD
            if currency is None or impact is None
            else Reason.MISSING
            if not currency or not title
            else _bad_time(record, roles, "published", int(published[at]))
            or _bad_time(record, roles, "released", int(released[at]))
        )
        if reason is not None or currency is None or impact is None:
            collected.refuse(record, reason or Reason.WORD)
            continue
        values = _values(record, roles, decimal, unreadable)
        country = record.fields[roles["country"]] if "country" in roles else ""
        found.append(
            EventRow(
                line=record.line,
                identity=record.fields[roles["event_id"]]
                if "event_id" in roles
                else news.identity_of(currency, title, int(time_ns[at]), country),
                time_ns=int(time_ns[at]),
                end_ns=int(time_ns[at] if moments.timing[at] == EXACT else day_end_ns[at]),
                timing=moments.timing[at],
                currency=currency,
                impact=impact,
                title=title,
                status=news.CANCELLED if _CALLED_OFF.search(status) else news.SCHEDULED,
                values=values,
                published_ns=None if published[at] == NO_TIME else int(published[at]),
                released_ns=None if released[at] == NO_TIME else int(released[at]),
                text=record.text,
            )
        )
    if unreadable:
        line, text = unreadable[0]
        collected.warnings.append(
            f"{len(unreadable)} values are no single number, the first in line {line} "
            f"({text[:40]!r}); they are stored as missing, their events are kept."
        )
    return found


def _bad_time(record: Record, roles: dict[str, int], role: str, time_ns: int) -> Reason | None:
    """Refuse a row whose publication time is there and cannot be read."""
    is_there = role in roles and record.fields[roles[role]]
    return Reason.TIME if is_there and time_ns == NO_TIME else None


def _values(
    record: Record,
    roles: dict[str, int],
    decimal: str | None,
    unreadable: list[tuple[int, str]],
) -> dict[str, tuple[float, str]]:
    found = {}
    unit_told = record.fields[roles["unit"]] if "unit" in roles else ""
    for name in news.VALUES:
        text = record.fields[roles[name]] if name in roles else ""
        if is_missing(text):
            continue
        value = value_of(text, decimal)
        if value is None or not math.isfinite(value[0]):
            unreadable.append((record.line, text))
            continue
        found[name] = (value[0], value[1] or unit_told[:12])
    return found


def _without_repeats(rows: list[EventRow], collected: Collected) -> list[EventRow]:
    """Refuse rows that say the same about the same event at the same time."""
    seen: set[tuple[object, ...]] = set()
    found = []
    for row in rows:
        says = (row.identity, row.time_ns, row.impact, row.status, *sorted(row.values.items()))
        if says in seen:
            collected.refusals.add(row.line, Reason.DUPLICATE, row.text)
            continue
        seen.add(says)
        found.append(row)
    return found
