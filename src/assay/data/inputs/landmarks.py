"""The clock of a calendar, told from releases whose time in New York everyone knows.

US payrolls, claims, inflation and retail sales appear at 08:30 New York, the ISM surveys at
10:00, decisions of the Federal Reserve at 14:00 (since 2013-03-20). Under the true clock of a
file they do, summer and winter.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.importers.stamps import NO_TIME
from assay.data.importers.zones import NEW_YORK, Zone, fixed_name, zone
from assay.data.inputs.words import plain_words
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE

RELEASES_MIN = 3
SHARE_MIN = 0.9
_FED_AT_TWO_NS = 1_363_737_600_000_000_000  # 2013-03-20: statements at 14:00 from here on
_ANY_DAY, _FRIDAY = -1, 4
_RELEASES = (
    (re.compile(r"(?!adp)(us )?non ?farm (employment change|payrolls?)"), 510, _FRIDAY, 0),
    (re.compile(r"(us )?(initial jobless|unemployment|initial) claims"), 510, _ANY_DAY, 0),
    (
        re.compile(r"(us )?(core )?(cpi|consumer price index|ppi|retail sales)\b.*"),
        510,
        _ANY_DAY,
        0,
    ),
    (re.compile(r"(us )?ism .*(pmi|manufacturing|services).*"), 600, _ANY_DAY, 0),
    (
        re.compile(r"fomc statement|(us )?fed(eral)? (funds|interest) rate( decision)?"),
        840,
        _ANY_DAY,
        _FED_AT_TWO_NS,
    ),
)
_OF_MONTH = re.compile(r" (jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*( \d{1,4})?$")
"""What a title says of the month it is about, as in ``Nonfarm Payrolls (Dec)``."""
_ZONES = (
    "UTC",
    NEW_YORK,
    "NY+7",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "America/Chicago",
    "Australia/Sydney",
    "Pacific/Auckland",
)
_FIXED_MINUTES = (*range(-12 * 60, 15 * 60, 60), 330, 210, 270, 345, 570)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarClock:
    """The clock of a calendar and why.

    Attributes
    ----------
    timezone : str
    confidence : float
        1 where it was told or stated and nothing speaks against it; else the share of known
        releases at their known time.
    why : str
    warning : str
        Empty unless known releases contradict what was told.
    """

    timezone: str
    confidence: float
    why: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """Known releases of a file: their local time, and when they belong in New York."""

    local_ns: IntArray
    minute: IntArray
    weekday: IntArray

    def fits(self, clock: Zone) -> BoolArray:
        """Tell which releases stand at their time under *clock*."""
        local = zone(NEW_YORK).to_local(clock.to_utc(self.local_ns))
        minute = local % NS_PER_DAY // NS_PER_MINUTE
        weekday = (local // NS_PER_DAY + 3) % 7
        is_day = (self.weekday == _ANY_DAY) | (self.weekday == weekday)
        # A release a day early or late (a holiday) still stands at its minute.
        near_day = is_day | ((self.weekday - weekday) == 1)
        return np.asarray((minute == self.minute) & near_day & (local % NS_PER_MINUTE == 0))


def clock_of_calendar(
    path: Path,
    titles: Sequence[str],
    currencies: Sequence[str],
    local_ns: IntArray,
    *,
    told: str | None,
    stated: str | None,
) -> CalendarClock:
    """Return the clock of a calendar: as told, as stated by the file, or inferred.

    Parameters
    ----------
    path : Path
    titles, currencies : sequence of str, length n
    local_ns : int64, shape (n,)
        Times of all rows on the clock of the file; ``NO_TIME`` for rows to leave out
        (whole days, tentative times).
    told : str or None
        What the user said; it wins, with a warning where known releases contradict it.
    stated : str or None
        What the file says of itself.

    Raises
    ------
    DataError
        If nothing is told or stated and known releases do not settle it, or if they
        contradict what the file states.
    """
    known = _known(titles, currencies, local_ns)
    n_known = len(known.local_ns)
    named = told or stated
    if named is not None:
        clock = zone(named)
        n_fit = int(known.fits(clock).sum())
        says = f"clock {clock.name}, {'as told' if told else 'stated by the file'}"
        if n_known < RELEASES_MIN:
            return CalendarClock(timezone=clock.name, confidence=1.0, why=says)
        if n_fit >= 0.5 * n_known:
            why = f"{says}; {n_fit} of {n_known} known US releases stand at their time in New York"
            return CalendarClock(timezone=clock.name, confidence=1.0, why=why)
        best = _best(known, local_ns)
        found = f"; {', '.join(item.name for item in best)} would fit" if best else ""
        problem = (
            f"only {n_fit} of {n_known} known US releases (payrolls 08:30, Fed 14:00) stand at "
            f"their time in New York under {clock.name}{found}"
        )
        if told:
            return CalendarClock(
                timezone=clock.name, confidence=n_fit / n_known, why=says, warning=f"{problem}."
            )
        raise DataError(
            f"{path} must follow the clock it states, {clock.name}; {problem}.",
            remedy=f"Pass --timezone {best[0].name if best else clock.name} (it wins over the "
            "file).",
            path=str(path),
            value=clock.name,
        )
    return _inferred(path, known, local_ns)


def _inferred(path: Path, known: _Known, local_ns: IntArray) -> CalendarClock:
    n_known = len(known.local_ns)
    why = f"only {n_known} known US releases with a time of day are in it"
    if n_known >= RELEASES_MIN:
        best = _best(known, local_ns)
        if len(best) == 1:
            n_fit = int(known.fits(best[0]).sum())
            return CalendarClock(
                timezone=best[0].name,
                confidence=n_fit / n_known,
                why=f"clock {best[0].name}: {n_fit} of {n_known} known US releases (payrolls "
                "08:30, ISM 10:00, Fed 14:00) then stand at their time in New York",
            )
        why = (
            f"its {n_known} known US releases fit {', '.join(item.name for item in best)} alike"
            if best
            else f"no clock puts its {n_known} known US releases at their time in New York"
        )
    raise DataError(
        f"{path} must show its clock; {why}.",
        remedy="Pass --timezone, such as --timezone UTC, --timezone America/New_York or, for an "
        "MT5 server, --timezone NY+7.",
        path=str(path),
        releases=n_known,
    )


def _best(known: _Known, local_ns: IntArray) -> list[Zone]:
    """Return the clocks that fit best, one for each meaning they give to the whole file."""
    times = local_ns[local_ns != NO_TIME]
    scores: list[tuple[int, Zone]] = []
    for name in (*_ZONES, *(fixed_name(minutes) for minutes in _FIXED_MINUTES if minutes)):
        clock = zone(name)
        scores.append((int(known.fits(clock).sum()), clock))
    n_best = max(score for score, _ in scores)
    if n_best < SHARE_MIN * len(known.local_ns):
        return []
    found: dict[bytes, Zone] = {}
    for score, clock in scores:
        if score == n_best:
            found.setdefault(clock.to_utc(times).tobytes(), clock)
    return list(found.values())


def _known(titles: Sequence[str], currencies: Sequence[str], local_ns: IntArray) -> _Known:
    rows: list[tuple[int, int, int]] = []
    kinds: dict[str, tuple[int, int, int] | None] = {}
    for at in np.flatnonzero(local_ns != NO_TIME).tolist():
        if currencies[at] != "USD":
            continue
        title = titles[at]
        if title not in kinds:
            kinds[title] = _kind(plain_words(title))
        kind = kinds[title]
        if kind is not None and local_ns[at] >= kind[2]:
            rows.append((int(local_ns[at]), kind[0], kind[1]))
    table = np.array(sorted(set(rows)), dtype=np.int64).reshape(-1, 3)
    return _Known(table[:, 0], table[:, 1], table[:, 2])


def _kind(words: str) -> tuple[int, int, int] | None:
    words = _OF_MONTH.sub("", words)
    for pattern, minute, weekday, since_ns in _RELEASES:
        if pattern.fullmatch(words):
            return minute, weekday, since_ns
    return None
