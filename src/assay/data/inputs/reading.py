"""What the readers of inputs share: choices, collected rows, and the checks of a row."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assay.data.arrays import IntArray
from assay.data.importers.headers import stated_timezone
from assay.data.importers.naming import plain
from assay.data.importers.refusals import Refusals
from assay.data.importers.scale import plausible_range
from assay.data.importers.stamps import NO_TIME
from assay.data.importers.zones import zone
from assay.data.inputs.moments import Moments, moments_of
from assay.data.inputs.records import Record, Table
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY

BAD_SHARE_MAX = 0.5
_ZONE_WORDS = re.compile(
    r"(?i)\(?\b(?:(?P<utc>(?:utc|gmt)\s*[+-]\s*\d{1,2}(?::?\d{2})?)|(?P<eastern>et|est/edt|us/eastern|"
    r"eastern(?: time)?|new[ _]york)|(?P<london>london))\b\)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChoices:
    """What the user said instead of leaving it to recognition.

    Attributes
    ----------
    symbol : str or None
        Of a book or a sentiment series.
    timezone : str or None
    currency : str or None
        Of events that name none.
    delay_ns : int or None
        From the time of a row to the moment it can be known; None: the rule of its kind.
    source : str or None
        Name of a sentiment series that has no column for it.
    snapshot_ns : int or None
        UTC time of a book that does not state its own.
    """

    symbol: str | None = None
    timezone: str | None = None
    currency: str | None = None
    delay_ns: int | None = None
    source: str | None = None
    snapshot_ns: int | None = None


@dataclass(slots=True)
class Collected:
    """Refused rows and warnings, while a file is read."""

    path: Path
    refusals: Refusals = field(default_factory=Refusals)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, record: Record, reason: Reason) -> None:
        """Refuse one row."""
        self.refusals.add(record.line, reason, record.text)

    def check_share(self, n_kept: int, what: str) -> None:
        """Refuse the file if nothing is left of it, or less than half.

        Raises
        ------
        DataError
            Naming the first refused line and its reason.
        """
        n_bad = len(self.refusals)
        if n_kept > 0 and n_bad <= BAD_SHARE_MAX * (n_kept + n_bad):
            return
        first = min(self.refusals.rows, key=lambda row: row.line, default=None)
        seen = (
            ""
            if first is None
            else (f" Line {first.line} was refused ({first.reason.value}): {first.text[:120]!r}.")
        )
        raise DataError(
            f"{self.path} must have {what}, most of them readable; {n_bad:,} of "
            f"{n_kept + n_bad:,} were not.{seen}",
            remedy="Correct the file, or export it again.",
            path=str(self.path),
            line=0 if first is None else first.line,
            reason="" if first is None else first.reason.value,
        )


def whole_records(table: Table, collected: Collected) -> list[Record]:
    """Return rows that have a field for every column; refuse the others.

    Empty fields at the end may be missing or too many only if a delimiter ends the line.
    """
    n_columns = table.n_columns
    found = []
    last = table.rows[-1].line if table.rows else 0
    for record in table.rows:
        fields = record.fields
        if "\ufffd" in record.text or "\x00" in record.text:
            collected.refuse(record, Reason.ENCODING)
            continue
        while len(fields) > n_columns and not fields[-1]:
            fields = fields[:-1]
        if len(fields) != n_columns:
            is_cut = table.ends_cut and record.line == last and len(fields) < n_columns
            collected.refuse(record, Reason.TRUNCATED if is_cut else Reason.FIELDS)
            continue
        found.append(
            record
            if fields is record.fields
            else Record(line=record.line, fields=fields, text=record.text)
        )
    return found


def stated_zone(headers: Iterable[str]) -> str | None:
    """Return the zone that a header itself names, such as ``Time (GMT+2)``.

    Examples
    --------
    >>> stated_zone(["Date", "Time (GMT +2)"]), stated_zone(["Time (ET)"]), stated_zone(["Time"])
    ('UTC+2', 'America/New_York', None)
    """
    listed = list(headers)
    for header in listed:
        match = _ZONE_WORDS.search(header) if re.search(r"(?i)time|date", header) else None
        if match is None:
            continue
        if match["utc"]:
            return zone(re.sub(r"\s", "", match["utc"])).name
        return "America/New_York" if match["eastern"] else "Europe/London"
    return stated_timezone(listed)


def times_of(
    path: Path, records: list[Record], roles: dict[str, int], *, first_line: int
) -> Moments:
    """Return the times of *records* on the clock of the file; errors as in ``moments_of``."""
    if "time" in roles:
        return moments_of(path, [r.fields[roles["time"]] for r in records], None, first_line)
    clocks = [r.fields[roles["clock"]] for r in records] if "clock" in roles else None
    dates = [r.fields[roles["date"]] for r in records]
    return moments_of(path, dates, clocks, first_line, may_fill="clock" in roles)


def optional_times(
    path: Path, records: list[Record], roles: dict[str, int], role: str, timezone: str
) -> IntArray:
    """Return a second time column in UTC; ``NO_TIME`` where it is empty or no time.

    It follows *timezone* unless its stamps carry an offset. A date alone means its end.
    """
    if role not in roles or not any(record.fields[roles[role]] for record in records):
        return np.full(len(records), NO_TIME, dtype=np.int64)
    texts = [record.fields[roles[role]] for record in records]
    moments = moments_of(path, texts, None, records[0].line)
    local_ns = moments.local_ns
    is_time = local_ns != NO_TIME
    if not moments.has_clock:
        local_ns = np.where(is_time, local_ns + NS_PER_DAY, NO_TIME)
    if moments.has_zone or moments.pattern.startswith("epoch"):
        return local_ns
    utc = zone(timezone).to_utc(np.where(is_time, local_ns, 0))
    return np.where(is_time, utc, NO_TIME)


def symbol_named(text: str) -> str:
    """Return the symbol that a file names, in the spelling of the catalogue.

    Examples
    --------
    >>> symbol_named("EUR_USD"), symbol_named("BTC/USDT"), symbol_named("usd")
    ('EURUSD', 'BTCUSDT', 'USD')
    """
    letters = plain(text)
    if plausible_range(letters) is not None:
        return letters
    return re.sub(r"[\s/_:-]", "", text.strip().upper())
