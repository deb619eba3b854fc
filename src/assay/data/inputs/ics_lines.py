"""The lines of an iCalendar file: blocks, properties, stamps and zones."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from icalendar.parser import Contentline
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from assay.data.importers.stamps import EARLIEST_NS, LATEST_NS
from assay.data.importers.zones import Zone, zone
from assay.data.inputs.records import Record
from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_SECOND, utc_ns

UNFOLDED_CHARACTERS_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class Property:
    """One content line: its parameters and its value, still escaped."""

    params: Mapping[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of one VEVENT."""

    line: int
    lines: tuple[str, ...]
    is_whole: bool

    @property
    def record(self) -> Record:
        """The event as a row of the quarantine."""
        return Record(line=self.line, fields=(), text=" ".join(self.lines)[:300])


def calendar_properties(lines: list[str]) -> dict[str, str]:
    """Return what stands above the first component."""
    found: dict[str, str] = {}
    for line in lines[1:60]:
        if line.upper().startswith("BEGIN:"):
            break
        name, colon, value = line.partition(":")
        if colon:
            found[name.split(";")[0].strip().upper()] = value.strip()
    return found


def blocks_of(lines: list[str]) -> Iterator[Block]:
    """Yield the unfolded lines of each VEVENT, without the components inside it."""
    start, inside, depth = 0, list[str](), 0
    for number, line in enumerate(lines, 1):
        bare = line.strip().upper()
        if bare == "BEGIN:VEVENT":
            if start:
                yield Block(start, tuple(inside), False)
            start, inside, depth = number, [], 0
        elif start and bare == "END:VEVENT":
            yield Block(start, tuple(inside), True)
            start, inside = 0, []
        elif start and bare.startswith("BEGIN:"):
            depth += 1
        elif start and bare.startswith("END:"):
            if depth == 0:
                yield Block(start, tuple(inside), False)
                start, inside = 0, []
            depth = max(0, depth - 1)
        elif start and depth == 0:
            if line[:1] in (" ", "\t") and inside:
                if len(inside[-1]) < UNFOLDED_CHARACTERS_MAX:
                    inside[-1] += line[1:]
            elif line.strip():
                inside.append(line)
    if start:
        yield Block(start, tuple(inside), False)


def properties_of(block: Block) -> dict[str, list[Property]] | None:
    """Return the properties by name; None if a line is damaged."""
    found: dict[str, list[Property]] = {}
    for line in block.lines:
        try:
            content = Contentline(line)  # type: ignore[no-untyped-call]
            name, params, value = content.parts()
        except (ValueError, IndexError, KeyError):
            return None
        plain = {str(key).upper(): str(item) for key, item in params.items()}
        found.setdefault(str(name).upper(), []).append(Property(plain, str(value)))
    return found


_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?")


def read_stamp(text: str) -> tuple[datetime, bool, bool] | None:
    """Return a date or time, whether it is UTC, and whether it is a date alone."""
    match = _STAMP.fullmatch(text.strip().upper())
    if match is None:
        return None
    try:
        moment = datetime(*(int(part or 0) for part in match.groups()[:6]))  # type: ignore[arg-type]
    except ValueError:
        return None
    return moment, match[7] == "Z", match[4] is None


def zone_named(name: str) -> Zone | None:
    """Return the clock of a TZID: IANA names, those of Windows, and names with a prefix."""
    bare = name.strip().strip('"')
    bare = WINDOWS_TO_OLSON.get(bare, bare)
    for candidate in (bare, "/".join(bare.split("/")[-2:]), "/".join(bare.split("/")[-3:])):
        if not candidate:
            continue
        try:
            return zone(candidate)
        except ConfigError:
            continue
    return None


def instant_of(local: datetime, clock: Zone) -> int:
    """Return the UTC nanoseconds of a wall clock time."""
    local_ns = utc_ns(local.replace(tzinfo=UTC))
    return int(clock.to_utc(np.array([local_ns], dtype=np.int64))[0])


def local_of(time_ns: int, clock: Zone) -> datetime:
    """Return the wall clock time of UTC nanoseconds, to the second."""
    local_ns = int(clock.to_local(np.array([time_ns], dtype=np.int64))[0])
    return datetime(1970, 1, 1) + timedelta(seconds=local_ns // NS_PER_SECOND)


def text_of(properties: Mapping[str, list[Property]], name: str) -> str:
    """Return the first value of a property, or an empty text."""
    return properties[name][0].value.strip() if name in properties else ""


def utc_of(properties: Mapping[str, list[Property]], name: str) -> int | None:
    """Return a property that must be in UTC; None where it is absent or no time."""
    read = read_stamp(text_of(properties, name)) if name in properties else None
    if read is None:
        return None
    moment = utc_ns(read[0].replace(tzinfo=UTC))
    return moment if EARLIEST_NS <= moment < LATEST_NS else None
