"""Economic calendars as iCalendar files (RFC 5545): time zones, recurrence, changes, currency.

Each VEVENT is read on its own, so that one damaged event costs one event. Versions of an
event (the same UID and RECURRENCE-ID) become versions in the catalogue: the schedule of a
later SEQUENCE is known from its LAST-MODIFIED on, never before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from assay.data.importers.stamps import EARLIEST_NS, LATEST_NS
from assay.data.importers.zones import Zone, zone
from assay.data.inputs import news
from assay.data.inputs.ics_lines import (
    Block,
    Property,
    blocks_of,
    calendar_properties,
    instant_of,
    local_of,
    properties_of,
    read_stamp,
    text_of,
    utc_of,
    zone_named,
)
from assay.data.inputs.ics_words import described
from assay.data.inputs.moments import ALL_DAY, EXACT
from assay.data.inputs.news import EventRow
from assay.data.inputs.reading import Collected, InputChoices
from assay.data.inputs.records import ROWS_MAX
from assay.data.inputs.recurrence import occurrences, rule_of
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_SECOND, utc_ns

HORIZON = timedelta(days=2 * 366)
"""How far beyond the last word about it a recurring event without an end is followed."""


@dataclass(frozen=True, slots=True)
class _Version:
    """One version of an event, before it is spread over its occurrences."""

    uid: str
    recurrence: str
    sequence: int
    modified_ns: int | None
    stamped_ns: int | None
    row: EventRow
    times: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IcsCalendar:
    """An iCalendar file as read."""

    rows: list[EventRow]
    n_rows: int
    timezone: str
    why: tuple[str, ...]


def is_ics(text: str) -> bool:
    """Tell whether a text begins as an iCalendar file does."""
    return text.lstrip()[:15].upper() == "BEGIN:VCALENDAR"


def read_ics(path: Path, text: str, choices: InputChoices, collected: Collected) -> IcsCalendar:
    """Return the events of an iCalendar file.

    Raises
    ------
    DataError
        If it has no events, most are bad, or an event has a local time without a zone and
        none was told.
    """
    lines = text.split("\n")
    calendar_name = calendar_properties(lines)
    told = None if choices.timezone is None else zone(choices.timezone)
    default = told or zone_named(calendar_name.get("X-WR-TIMEZONE", ""))
    blocks = list(blocks_of(lines))
    versions: list[_Version] = []
    n_occurrences = 0
    for block in blocks:
        version = _version(path, block, default, calendar_name, choices, collected)
        if version is not None:
            versions.append(version)
            n_occurrences += len(version.times)
        if n_occurrences > ROWS_MAX:
            raise DataError(
                f"{path} line {block.line} must be one of {ROWS_MAX:,} events; was beyond.",
                remedy="Bound its recurrence rules, or split the file.",
                path=str(path),
                line=block.line,
            )
    versions = _without_repeats(versions, collected)
    collected.check_share(len(versions), "events")
    rows = _spread(versions)
    return IcsCalendar(
        rows=rows,
        n_rows=len(blocks),
        timezone=default.name if default is not None else "UTC",
        why=(f"iCalendar, {len(blocks)} events, {len(rows)} occurrences; zones as it states",),
    )


def _version(
    path: Path,
    block: Block,
    default: Zone | None,
    calendar_name: Mapping[str, str],
    choices: InputChoices,
    collected: Collected,
) -> _Version | None:
    record = block.record
    properties = properties_of(block) or {}
    reason = _fault(block, properties)
    if reason is not None:
        collected.refuse(record, reason)
        return None
    start = _moment(path, block, properties["DTSTART"][0], default)
    modified = utc_of(properties, "LAST-MODIFIED")
    stamped = utc_of(properties, "DTSTAMP")
    words = described(
        {name: [item.value for item in items] for name, items in properties.items()},
        calendar_name,
        choices.currency,
    )
    sequence = text_of(properties, "SEQUENCE") or "0"
    if start is None or not re.fullmatch(r"\d{1,9}", sequence):
        collected.refuse(record, Reason.TIME if start is None else Reason.NUMBER)
        return None
    if not words.currency:
        collected.refuse(record, Reason.MISSING)
        return None
    local, clock, timing = start
    times = _times(properties, local, clock, timing, default, (modified, stamped))
    if times is None:
        collected.refuse(record, Reason.RULE)
        return None
    instants, is_cut = times
    if not instants or any(not EARLIEST_NS <= item[0] < LATEST_NS for item in instants):
        collected.refuse(record, Reason.TIME)
        return None
    if is_cut:
        collected.warnings.append(
            f"The event in line {block.line} recurs beyond the limit; its later dates are left "
            "out. Export it again nearer to them."
        )
    is_off = text_of(properties, "STATUS").upper() == "CANCELLED"
    recurrence = properties["RECURRENCE-ID"][0] if "RECURRENCE-ID" in properties else None
    instance = _moment(path, block, recurrence, default) if recurrence else None
    return _Version(
        uid=text_of(properties, "UID") or f"{words.title}|{instants[0][0]}",
        recurrence="" if instance is None else str(instant_of(instance[0], instance[1])),
        sequence=int(sequence),
        modified_ns=modified,
        stamped_ns=stamped,
        row=EventRow(
            line=block.line,
            identity="",
            time_ns=instants[0][0],
            end_ns=instants[0][1],
            timing=timing,
            currency=words.currency,
            impact=words.impact,
            title=words.title,
            status=news.CANCELLED if is_off else news.SCHEDULED,
            values=words.values,
            text=record.text,
        ),
        times=tuple(instants),
    )


def _fault(block: Block, properties: Mapping[str, list[Property]]) -> Reason | None:
    """Return why an event cannot be read at all."""
    if not block.is_whole:
        return Reason.TRUNCATED
    if any("\ufffd" in line or "\x00" in line for line in block.lines):
        return Reason.ENCODING
    if not properties:
        return Reason.FIELDS
    is_there = "DTSTART" in properties and text_of(properties, "SUMMARY")
    return None if is_there else Reason.MISSING


def _times(
    properties: Mapping[str, list[Property]],
    local: datetime,
    clock: Zone,
    timing: str,
    default: Zone | None,
    stated: tuple[int | None, int | None],
) -> tuple[list[tuple[int, int, str]], bool] | None:
    """Return begin, end and instance of each occurrence; None if the rule cannot be followed."""
    locals_, is_cut = [local], False
    rules = properties.get("RRULE", [])
    if len(rules) > 1 or "EXRULE" in properties:
        return None
    if rules:
        rule = rule_of(rules[0].value)
        if rule is None:
            return None
        last = _last_day(rule.until, rule.count, local, clock, stated)
        if last is None:
            return None
        locals_, is_cut = occurrences(rule, local, last[0])
        locals_ = [item for item in locals_ if item == local or item <= last[1]]
    for item in properties.get("RDATE", []):
        for moment in _listed(item, default, clock):
            if moment is None:
                return None
            locals_.append(moment)
    gone = set()
    for item in properties.get("EXDATE", []):
        gone |= set(_listed(item, default, clock))
    found = []
    for moment in sorted(set(locals_) - gone):
        begin = instant_of(moment, clock)
        end = begin if timing == EXACT else instant_of(moment + timedelta(days=1), clock)
        found.append((begin, end, str(begin)))
    return found, is_cut


def _last_day(
    until: str,
    count: int | None,
    local: datetime,
    clock: Zone,
    stated: tuple[int | None, int | None],
) -> tuple[date, datetime] | None:
    """Return the last day and the last local time of a rule."""
    if until:
        read = read_stamp(until)
        if read is None:
            return None
        moment, is_utc, is_date = read
        if is_utc:
            moment = local_of(utc_ns(moment.replace(tzinfo=UTC)), clock)
        return moment.date(), moment + timedelta(days=1 if is_date else 0)
    if count is not None:
        return date(2099, 12, 31), datetime(2099, 12, 31)
    said = [datetime.fromtimestamp(ns // NS_PER_SECOND, UTC) for ns in stated if ns is not None]
    latest = max([local, *(moment.replace(tzinfo=None) for moment in said)]) + HORIZON
    return latest.date(), latest


def _listed(item: Property, default: Zone | None, clock: Zone) -> list[datetime | None]:
    """Return the dates of EXDATE or RDATE on the wall clock of the event."""
    found: list[datetime | None] = []
    own = zone_named(item.params.get("TZID", "")) or clock
    for text in item.value.split(","):
        read = read_stamp(text.split("/")[0])
        if read is None:
            found.append(None)
            continue
        moment, is_utc, _ = read
        instant = instant_of(moment, zone("UTC") if is_utc else own)
        found.append(local_of(instant, clock))
    return found


def _moment(
    path: Path, block: Block, item: Property, default: Zone | None
) -> tuple[datetime, Zone, str] | None:
    """Return the wall clock time of a property, its zone, and whether it is a whole day."""
    read = read_stamp(item.value)
    if read is None:
        return None
    moment, is_utc, is_date = read
    if is_utc:
        return moment, zone("UTC"), EXACT
    name = item.params.get("TZID", "")
    clock = zone_named(name) or default
    if clock is None:
        if name or not is_date:
            what = f"of the unknown zone {name!r}" if name else "without a zone"
            raise DataError(
                f"{path} line {block.line} must say its time zone; {item.value} is a local time "
                f"{what}.",
                remedy="Pass --timezone, such as --timezone America/New_York.",
                path=str(path),
                line=block.line,
                value=item.value,
            )
        clock = zone("America/New_York")
    return moment, clock, ALL_DAY if is_date else EXACT


def _without_repeats(versions: list[_Version], collected: Collected) -> list[_Version]:
    """Refuse versions that an equal or later one of the same moment replaces."""
    best: dict[tuple[str, str, int, int | None], _Version] = {}
    for version in versions:
        key = (version.uid, version.recurrence, version.sequence, version.modified_ns)
        if key in best:
            collected.refusals.add(version.row.line, Reason.DUPLICATE, version.row.text)
        else:
            best[key] = version
    return list(best.values())


def _spread(versions: list[_Version]) -> list[EventRow]:
    """Return one row for each occurrence of each version, the earliest version first."""
    overridden = {(item.uid, item.recurrence) for item in versions if item.recurrence}
    order = sorted(
        versions, key=lambda item: (bool(item.recurrence), item.sequence, item.modified_ns or 0)
    )
    found = []
    for version in order:
        for begin, end, instance in version.times:
            name = version.recurrence or (instance if len(version.times) > 1 else "")
            if not version.recurrence and (version.uid, instance) in overridden:
                name = instance
            found.append(
                replace(
                    version.row,
                    identity=f"{version.uid}|{name}",
                    time_ns=begin,
                    end_ns=end,
                    values=version.row.values if len(version.times) == 1 else {},
                    published_ns=_published(version, begin),
                    released_ns=_released(version, begin),
                )
            )
    return found


def _published(version: _Version, begin_ns: int) -> int:
    """Return when the schedule was out.

    One that never changed (SEQUENCE 0) was out by the rule at the latest, whatever was edited
    later; a changed one from LAST-MODIFIED on. DTSTAMP only bounds the rule from above.
    """
    modified, stamped = version.modified_ns, version.stamped_ns
    by_rule = begin_ns - NS_PER_DAY
    if modified is None:
        return by_rule if stamped is None else min(stamped, by_rule)
    is_changed = bool(version.sequence or version.recurrence)
    return modified if is_changed else min(modified, by_rule)


def _released(version: _Version, begin_ns: int) -> int | None:
    """Return when the actual was out, where an edit after the event may have brought it."""
    modified = version.modified_ns
    has_actual = news.ACTUAL in version.row.values
    return modified if has_actual and modified is not None and modified >= begin_ns else None
