"""Inference of a source's clock from the weekly close and open and the daily break."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.calendar import minute_of_week
from assay.data.importers.zones import NEW_YORK, fixed_name, zone
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, iso_utc

COMMON = ("UTC", NEW_YORK, "NY+7", "Europe/Athens", "UTC-5", "UTC+3", "UTC+2")
"""Clocks that sources are known to use; they win where the data fit several equally."""

CONFIDENCE_MIN = 0.7
_SHARE_MIN = 0.75
_RIVAL_MARGIN = 0.15
_SWITCH_SHARE_MIN = 0.85
_FRIDAY_CLOSE = 5 * 1_440 + 17 * 60  # minutes of the New York week
_SUNDAY_OPENS = (17 * 60, 18 * 60)
_WEEKEND_NS = (20 * NS_PER_HOUR, 96 * NS_PER_HOUR)
_SLACK_MINUTES = 5
_QUIET_MINUTES = 31
_TICK_GRID_NS = NS_PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFinding:
    """What the rows say about their clock.

    Attributes
    ----------
    timezone : str or None
        None if they cannot tell.
    confidence : float
        [0, 1]; 0 where nothing was found.
    why : str
        One sentence of evidence.
    switch : tuple of (int, str, str) or None
        Local time from which another clock holds, and the clocks before and after.
    """

    timezone: str | None
    confidence: float
    why: str
    switch: tuple[int, str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Edges:
    """Instants at which trading stops and resumes, on the clock of the file."""

    last_ns: IntArray  # open of the last bar before each pause
    next_ns: IntArray  # open of the first bar after it
    length_minutes: int  # of a bar


@lru_cache(maxsize=1)
def candidates() -> tuple[str, ...]:
    """Return the names of the clocks that are tried, the likelier first."""
    us_rule = tuple(f"NY+{hours}" for hours in (6, 5, 8))
    eu_rule = ("Europe/Berlin", "Europe/London", "Europe/Moscow")
    fixed = tuple(fixed_name(hours * 60) for hours in range(-12, 15))
    return tuple(dict.fromkeys((*COMMON, *us_rule, *eu_rule, *fixed)))


def infer_clock(
    local_ns: IntArray, bar_ns: int | None, *, prior: Sequence[str] = ()
) -> ClockFinding:
    """Infer the clock of rows from when the market closes and opens.

    Parameters
    ----------
    local_ns : int64, shape (n_rows,)
        Times on the clock of the file, sorted.
    bar_ns : int or None
        Length of a bar in nanoseconds; None for ticks.
    prior : sequence of str
        Clocks that the format allows, if it allows few.

    Returns
    -------
    finding : ClockFinding

    Notes
    -----
    In every true clock the week ends on Friday at 17:00 New York and begins on Sunday at
    17:00 (metals: 18:00), winter and summer. Each candidate is scored by the share of weeks
    in which that holds, separately for New York winter, for summer, and for the weeks when
    only one of New York and Europe keeps summer time; its worst season counts. Candidates
    that give every row the same UTC time are one candidate. If no weekend is inside, a
    pause that recurs daily (metals: 17:00 to 18:00 New York) takes its place.

    Days and longer bars show no hours: dates without Sundays over half a year are those of
    a server whose day begins with the New York trading day; anything else cannot tell.
    """
    names = tuple(prior) or candidates()
    if len(local_ns) == 0:
        return ClockFinding(timezone=None, confidence=0.0, why="no rows")
    names = _distinct(local_ns, names)
    if len(names) == 1:
        return ClockFinding(
            timezone=names[0], confidence=0.9, why=f"the format allows {names[0]} alone here"
        )
    if bar_ns is not None and bar_ns >= NS_PER_DAY:
        return _daily(local_ns)
    grid_ns = _TICK_GRID_NS if bar_ns is None else bar_ns
    stamps = np.unique(local_ns // grid_ns * grid_ns) if bar_ns is None else np.unique(local_ns)
    edges = _weekly_edges(stamps, grid_ns)
    finding = _judged(edges, names, is_daily=False)
    if finding.timezone is None and finding.switch is None and len(edges.last_ns) < 2:
        breaks = _daily_edges(stamps, grid_ns)
        if len(breaks.last_ns) >= 3:
            finding = _judged(breaks, names, is_daily=True)
    return finding


def _distinct(local_ns: IntArray, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that give the rows different UTC times; the first of equals stays."""
    noons = np.unique(local_ns // NS_PER_DAY) * NS_PER_DAY + NS_PER_DAY // 2
    seen: dict[bytes, str] = {}
    for name in names:
        seen.setdefault((noons - zone(name).to_utc(noons)).tobytes(), name)
    return tuple(seen.values())


def _weekly_edges(stamps: IntArray, grid_ns: int) -> _Edges:
    gaps = np.diff(stamps) - grid_ns
    at = np.flatnonzero((gaps >= _WEEKEND_NS[0]) & (gaps <= _WEEKEND_NS[1]))
    middle_day = (stamps[at] + gaps[at] // 2) // NS_PER_DAY
    at = at[np.isin((middle_day + 4) % 7, (0, 6))]  # the middle lies on Saturday or Sunday
    return _Edges(stamps[at], stamps[at + 1], grid_ns // NS_PER_MINUTE)


def _daily_edges(stamps: IntArray, grid_ns: int) -> _Edges:
    """Return pauses of half an hour to two hours that recur at one time of day."""
    gaps = np.diff(stamps) - grid_ns
    at = np.flatnonzero((gaps >= 30 * NS_PER_MINUTE) & (gaps <= 2 * NS_PER_HOUR))
    n_days = len(np.unique(stamps // NS_PER_DAY))
    if len(at) < max(3, n_days // 2) or len(at) > 2 * n_days:
        at = at[:0]
    return _Edges(stamps[at], stamps[at + 1], grid_ns // NS_PER_MINUTE)


def _hits(edges: _Edges, name: str, *, is_daily: bool) -> tuple[BoolArray, BoolArray]:
    """Tell for each pause whether it begins, and ends, as the market does in clock *name*."""
    clock = zone(name)
    last = minute_of_week(clock.to_utc(edges.last_ns))
    following = minute_of_week(clock.to_utc(edges.next_ns))
    close, opens = _FRIDAY_CLOSE, list(_SUNDAY_OPENS)
    if is_daily:
        last, following, close, opens = last % 1_440, following % 1_440, 17 * 60, [18 * 60]
    length = edges.length_minutes
    slack = _SLACK_MINUTES if length < 60 else 0
    closes = (last - slack < close) & (close <= last + max(length, _QUIET_MINUTES))
    starts = np.zeros(len(last), dtype=np.bool_)
    for start in opens:
        reach = max(length - 1, 0) if length >= 60 else 0
        late = _QUIET_MINUTES if length < 60 else 0
        starts |= (following <= start + late) & (start <= following + reach + slack)
    return np.asarray(closes, dtype=np.bool_), starts


def _seasons(last_ns: IntArray) -> IntArray:
    """Return 0 in winter, 1 in summer, 2 where only New York keeps summer time."""
    is_us = _keeps_summer(NEW_YORK, -5, last_ns)
    is_eu = _keeps_summer("Europe/London", 0, last_ns)
    return np.where(is_us & is_eu, 1, np.where(is_us | is_eu, 2, 0))


def _keeps_summer(name: str, winter_hours: int, last_ns: IntArray) -> BoolArray:
    offset = zone(name).offset_at(last_ns)
    return np.asarray(offset > winter_hours * NS_PER_HOUR, dtype=np.bool_)


def _judged(edges: _Edges, names: Sequence[str], *, is_daily: bool) -> ClockFinding:
    n_edges = len(edges.last_ns)
    what = "daily pauses" if is_daily else "weekends"
    if n_edges == 0:
        return ClockFinding(timezone=None, confidence=0.0, why=f"no {what} in the rows")
    seasons = _seasons(edges.last_ns)
    hits = {name: _hits(edges, name, is_daily=is_daily) for name in names}
    scores = {
        name: (_worst_season(closes, seasons), float(np.mean(opens)))
        for name, (closes, opens) in hits.items()
    }
    total = {name: worst + 0.25 * opened for name, (worst, opened) in scores.items()}
    ranked = sorted(names, key=lambda name: -total[name])
    best = ranked[0]
    rivals = [
        name
        for name in ranked[1:]
        if total[name] > total[best] - _RIVAL_MARGIN and scores[name][0] >= _SHARE_MIN
    ]
    switch = _switch(edges, names, hits)
    if switch is not None and scores[best][0] < 0.95:
        when, before, after = switch
        says = f"the clock changes from {before} to {after} at {iso_utc(when)[:10]}"
        return ClockFinding(timezone=None, confidence=0.0, why=says, switch=switch)
    if scores[best][0] < _SHARE_MIN:
        says = (
            f"in no clock do the {n_edges} {what} begin at 17:00 New York; best was {best} with "
            f"{scores[best][0]:.0%} in its worst season"
        )
        return ClockFinding(timezone=None, confidence=0.0, why=says)
    tied = [name for name in (best, *rivals) if name in COMMON]
    if rivals and len(tied) != 1:
        says = f"{what} fit {', '.join((best, *rivals)[:4])} about equally"
        return ClockFinding(timezone=None, confidence=0.3, why=says)
    chosen = tied[0] if rivals else best
    share = scores[chosen][0]
    confidence = share * n_edges / (n_edges + 0.3) * (0.9 if rivals else 1.0)
    says = f"in {chosen} {share:.0%} of {n_edges} {what} (worst season) begin at 17:00 New York"
    if rivals:
        says += f"; {', '.join(rivals[:3])} would fit too, but no known source uses them"
    return ClockFinding(timezone=chosen, confidence=round(confidence, 3), why=says)


def _worst_season(hits: BoolArray, seasons: IntArray) -> float:
    """Return the lowest share over the seasons that have at least two pauses."""
    shares = [
        float(np.mean(hits[seasons == season]))
        for season in (0, 1, 2)
        if np.count_nonzero(seasons == season) >= 2
    ]
    return min(shares) if shares else float(np.mean(hits))


def _switch(
    edges: _Edges, names: Sequence[str], hits: dict[str, tuple[BoolArray, BoolArray]]
) -> tuple[int, str, str] | None:
    """Return where one clock holds before and another after, if that explains far more."""
    n_edges = len(edges.last_ns)
    if n_edges < 12:
        return None
    closes = np.array([hits[name][0] for name in names], dtype=np.int64)
    before = np.cumsum(closes, axis=1)
    after = before[:, -1:] - before
    explained = before.max(axis=0) + after.max(axis=0)
    at = int(np.argmax(explained))
    first, second = int(np.argmax(before[:, at])), int(np.argmax(after[:, at]))
    gain = (int(explained[at]) - int(before[:, -1].max())) / n_edges
    is_inside = 4 <= at < n_edges - 4
    if first == second or not is_inside or gain < 0.08:
        return None
    if explained[at] < _SWITCH_SHARE_MIN * n_edges:
        return None
    return int(edges.next_ns[at]), names[first], names[second]


def _daily(local_ns: IntArray) -> ClockFinding:
    days = np.unique(local_ns // NS_PER_DAY)
    weekday = (days + 4) % 7
    n_weeks = len(np.unique((days + 3) // 7))
    n_weekend = int(np.count_nonzero((weekday == 0) | (weekday == 6)))
    is_midnight = bool(np.mean(local_ns % NS_PER_DAY == 0) > 0.99)
    if is_midnight and n_weeks >= 26 and n_weekend <= 0.02 * len(days):
        says = (
            f"{len(days)} days, none on a weekend: days that begin with the New York trading "
            "day, as on MT5 servers"
        )
        return ClockFinding(timezone="NY+7", confidence=0.8, why=says)
    says = f"{len(days)} daily rows, {n_weekend} on weekends, do not show when a day begins"
    return ClockFinding(timezone=None, confidence=0.0, why=says)
