"""News events, and when each fact about them could be known.

An event is not one row but a growing set of facts. The ``news`` table holds one row per fact:

=========== ============================================ =====================================
fact        states                                       known from (unless the file states it)
=========== ============================================ =====================================
schedule    time, currency, impact, title, status        24 h before the event
forecast    the consensus                                1 h before the event
previous    the value of last time, as first published   with the forecast, where the file also
                                                         has the revised one; else with the
                                                         actual, since it may be revised
actual      the released value                           release + delay (5 minutes)
revised     the value of last time, revised              release + delay
=========== ============================================ =====================================

The schedule of an official release is public weeks ahead and the consensus days ahead, so
these rules err towards later. A row with ``known_ns > t`` is invisible at ``t``: looking at
``t`` shows no actual before its release, no forecast before it was out, and the schedule as
it then stood. Of each fact the row with the greatest ``known_ns <= t`` holds; rows are never
replaced, so a revision or a new date changes what is seen from its own ``known_ns`` on.

The actual of an event without a time of day is known when its day is over (plus the delay).
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assay.data.columns import Columns
from assay.data.inputs.words import plain_words
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND, iso_utc

SCHEDULE, FORECAST, PREVIOUS, ACTUAL, REVISED = (
    "schedule",
    "forecast",
    "previous",
    "actual",
    "revised",
)
VALUES = (FORECAST, PREVIOUS, ACTUAL, REVISED)
SCHEDULED, CANCELLED = "scheduled", "cancelled"
IMPACT_UNKNOWN = -1
TITLE_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsRules:
    """When a fact is taken to be known, where the file does not state it.

    Attributes
    ----------
    schedule_lead_ns, forecast_lead_ns : int
        Before the event.
    delay_ns : int
        From the release to the moment a reader of the feed has the value.
    """

    schedule_lead_ns: int = NS_PER_DAY
    forecast_lead_ns: int = NS_PER_HOUR
    delay_ns: int = 300 * NS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event as one row of a file states it.

    Attributes
    ----------
    line : int
    identity : str
        What makes it the same event in another file.
    time_ns, end_ns : int
        Scheduled time; when it is over (the same, or the end of its day).
    timing : str
        ``exact``, ``all_day`` or ``tentative``.
    currency : str
    impact : int
        -1 unknown, 0 none, 1 low, 2 medium, 3 high.
    title, status : str
    values : mapping of fact to (value, unit)
    published_ns : int or None
        When schedule and forecast were out, where the file states it.
    released_ns : int or None
        When the actual was out, where the file states it.
    text : str
        As it stood in the file.
    """

    line: int
    identity: str
    time_ns: int
    end_ns: int
    timing: str
    currency: str
    impact: int
    title: str
    status: str = SCHEDULED
    values: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    published_ns: int | None = None
    released_ns: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsEvent:
    """An event as it was known at some time.

    Attributes
    ----------
    event_id : str
    time_ns : int
        Scheduled time, UTC nanoseconds; for a whole day, its beginning.
    known_ns : int
        When this schedule was known.
    timing : str
        ``exact``, ``all_day`` or ``tentative``.
    currency : str
        Such as ``USD``; ``ALL`` for an event of no one country.
    impact : int
        -1 unknown, 0 none or holiday, 1 low, 2 medium, 3 high.
    title, status : str
        *status* is ``scheduled`` or ``cancelled``.
    forecast, previous, actual, revised : float
        NaN where not known (yet).
    unit : str
    actual_known_ns : int or None
    """

    event_id: str
    time_ns: int
    known_ns: int
    timing: str
    currency: str
    impact: int
    title: str
    status: str
    forecast: float = math.nan
    previous: float = math.nan
    actual: float = math.nan
    revised: float = math.nan
    unit: str = ""
    actual_known_ns: int | None = None

    @property
    def surprise(self) -> float:
        """Actual less forecast, in the unit of both; NaN until both are known."""
        return self.actual - self.forecast

    @property
    def is_cancelled(self) -> bool:
        """Whether it was called off, as far as was known."""
        return self.status == CANCELLED

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document; what is not known is null."""
        known = {
            name: None if math.isnan(value := getattr(self, name)) else value for name in VALUES
        }
        return {
            "event_id": self.event_id,
            "time": iso_utc(self.time_ns),
            "timing": self.timing,
            "currency": self.currency,
            "impact": None if self.impact == IMPACT_UNKNOWN else self.impact,
            "title": self.title,
            "status": self.status,
            **known,
            "unit": self.unit,
            "known": iso_utc(self.known_ns),
            "actual_known": None if self.actual_known_ns is None else iso_utc(self.actual_known_ns),
        }


def identity_of(currency: str, title: str, time_ns: int, country: str = "") -> str:
    """Return what makes an event the same in another export: who, what, and the UTC date."""
    words = (currency, plain_words(country), plain_words(title), str(time_ns // NS_PER_DAY))
    return "|".join(words)


def numbered(rows: Sequence[EventRow]) -> list[EventRow]:
    """Tell apart events of one identity (two speeches on a day) by their order in time."""
    seen: Counter[str] = Counter()
    found = []
    for row in sorted(rows, key=lambda row: (row.time_ns, row.line)):
        seen[row.identity] += 1
        n_seen = seen[row.identity]
        found.append(row if n_seen == 1 else replace(row, identity=f"{row.identity}|{n_seen}"))
    return found


def event_id_of(identity: str) -> str:
    """Return the id under which an event is stored."""
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def known_times(row: EventRow, rules: NewsRules) -> dict[str, int]:
    """Return when each fact of *row* could be known, in UTC nanoseconds.

    Never is an actual or a revised value known before the event, whatever the file states.
    """
    published = row.published_ns
    schedule = row.time_ns - rules.schedule_lead_ns if published is None else published
    forecast = row.time_ns - rules.forecast_lead_ns if published is None else published
    release = row.end_ns + rules.delay_ns
    if row.released_ns is not None:
        release = max(row.released_ns, row.time_ns)
    elif published is not None:
        release = max(published, release)
    return {
        SCHEDULE: schedule,
        FORECAST: max(forecast, schedule),
        PREVIOUS: max(forecast, schedule) if REVISED in row.values else release,
        ACTUAL: release,
        REVISED: release,
    }


def facts_of(rows: Sequence[EventRow], rules: NewsRules) -> Columns:
    """Return the facts of *rows* as columns of the ``news`` table, sorted by known time.

    Of facts that share id, name and known time the later row stays.
    """
    table: dict[tuple[int, str, str], tuple[int, str, int, str, str, str, float, str]] = {}
    for row in rows:
        event_id = event_id_of(row.identity)
        known = known_times(row, rules)
        table[known[SCHEDULE], event_id, SCHEDULE] = (
            row.time_ns,
            row.currency,
            row.impact,
            row.title[:TITLE_CHARACTERS_MAX],
            row.timing,
            row.status,
            math.nan,
            "",
        )
        for name in VALUES:
            if name in row.values:
                value, unit = row.values[name]
                blank = ("", IMPACT_UNKNOWN, "", "", "")
                table[known[name], event_id, name] = (row.time_ns, *blank, value, unit)
    keys = sorted(table)
    values = [table[key] for key in keys]

    def texts(at: int) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
        return np.array([value[at] for value in values], dtype=object)

    return {
        "known_ns": np.array([key[0] for key in keys], dtype=np.int64),
        "time_ns": np.array([value[0] for value in values], dtype=np.int64),
        "event_id": np.array([key[1] for key in keys], dtype=object),
        "fact": np.array([key[2] for key in keys], dtype=object),
        "currency": texts(1),
        "impact": np.array([value[2] for value in values], dtype=np.int64),
        "title": texts(3),
        "timing": texts(4),
        "status": texts(5),
        "value": np.array([value[6] for value in values], dtype=np.float64),
        "unit": texts(7),
    }
