"""Inference of a source's clock from the weekly close and open and the daily break."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.data.arrays import FloatArray, IntArray
from assay.data.calendar import minute_of_week
from assay.data.columns import distinct
from assay.data.importers.zones import NEW_YORK, fixed_name, zone
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, iso_utc

PRIOR = {
    "UTC": 1.0,
    NEW_YORK: 1.0,
    "NY+7": 1.0,
    "Europe/Athens": 1.0,
    "UTC-5": 0.5,
    "UTC+3": 0.3,
    "UTC+2": 0.1,
    "Europe/Berlin": 0.3,
    "Europe/London": 0.3,
}
"""Weights of clocks that sources are known to use; every other one has ``_PRIOR_OTHER``."""

_PRIOR_OTHER = 0.05
CONFIDENCE_MIN = 0.8
_CONFIDENCE_MAX = 0.999

# Chance of what one weekend shows under the true clock. Missing hours are common, rows in
# hours when the market is closed are rare, and many of them are all but impossible.
_CLOSES_ON_TIME, _CLOSES_NEAR, _CLOSES_LATE, _TRADES_CLOSED = 0.8, 0.1, 0.02, 0.001
_OPENS_ON_TIME, _OPENS_LATE, _OPENS_EARLY = 0.75, 0.2, 0.05
_OPEN_WEIGHT = 0.5
_WEEKENDS_COUNTED_MAX = 8  # weekends of one season repeat each other
_WEEKENDS_ENOUGH = 3
_DENSITY_MIN = 0.15
_ROWS_AFTER_CLOSE_MAX = 10
_SWITCH_SHARE_MIN, _SWITCH_GAIN_MIN, _SWITCH_EDGES_MIN = 0.75, 0.08, 12

_FRIDAY_CLOSE = 5 * 1_440 + 17 * 60  # minutes of the New York week
_DAILY_CLOSE = 17 * 60
_OPENS = (17 * 60, 18 * 60)
_WEEKEND_NS = (20 * NS_PER_HOUR, 96 * NS_PER_HOUR)
_SLACK_MINUTES = 5
_LATE_MINUTES = 20  # some venues close metals at 17:15
_QUIET_MINUTES = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFinding:
    """What the rows say about their clock.

    Attributes
    ----------
    timezone : str or None
        None if they cannot tell.
    confidence : float
        Probability of *timezone* among all that were tried, [0, 1].
    why : str
        One sentence of evidence.
    switch : tuple of (int, str, str) or None
        Local time from which another clock holds, and the clocks before and after.
    """

    timezone: str | None
    confidence: float
    why: str
    switch: tuple[int, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edges:
    """Instants at which trading stops and resumes, on the clock of the file.

    ``last_ns`` is the open of the last bar before each pause, ``next_ns`` of the first after
    it; ``n_before`` counts the bars in the last hour before the pause.
    """

    last_ns: IntArray
    next_ns: IntArray
    n_before: IntArray
    length_minutes: int
    is_daily: bool

    def __len__(self) -> int:
        return len(self.last_ns)


@lru_cache(maxsize=1)
def candidates() -> tuple[str, ...]:
    """Return the names of the clocks that are tried, the likelier first."""
    us_rule = tuple(f"NY+{hours}" for hours in (6, 5, 8))
    fixed = tuple(fixed_name(hours * 60) for hours in range(-12, 15))
    return tuple(dict.fromkeys((*PRIOR, *us_rule, *fixed)))


def infer_clock(
    local_ns: IntArray, bar_ns: int | None, *, allowed: Sequence[str] = ()
) -> ClockFinding:
    """Infer the clock of rows from when the market closes and opens.

    Parameters
    ----------
    local_ns : int64, shape (n_rows,)
        Times on the clock of the file, sorted.
    bar_ns : int or None
        Length of a bar in nanoseconds; None for ticks.
    allowed : sequence of str
        Clocks that the format allows, if it allows few.

    Returns
    -------
    finding : ClockFinding

    Notes
    -----
    In the true clock the week ends on Friday at 17:00 New York and begins on Sunday at 17:00
    (metals: 18:00), winter and summer. The evidence is collected separately for New York
    winter, for summer, and for the weeks in which New York and Europe differ, so that each
    season has a say however few weeks it has; at most eight of them count, since they
    repeat each other. With fewer than three weekends, a pause that recurs daily (metals:
    17:00 to 18:00 New York) is evidence of the same kind. The confidence is the posterior
    probability under ``PRIOR``. Candidates that give every row the same UTC time are one.

    Days and longer bars show no hours: dates without Sundays over half a year are those of
    a server whose day begins with the New York trading day; anything else cannot tell.
    """
    if len(local_ns) == 0:
        return ClockFinding(timezone=None, confidence=0.0, why="no rows")
    weights = _distinct(local_ns, tuple(allowed) or candidates())
    if len(weights) == 1:
        (name,) = weights
        says = f"the format allows {name} alone here"
        return ClockFinding(timezone=name, confidence=0.9, why=says)
    if bar_ns is not None and bar_ns >= NS_PER_DAY:
        return _daily(local_ns)
    grid_ns = NS_PER_MINUTE if bar_ns is None else bar_ns
    stamps = distinct(local_ns // grid_ns * grid_ns if bar_ns is None else local_ns)
    evidence = [_weekly_edges(stamps, grid_ns)]
    if len(evidence[0]) < _WEEKENDS_ENOUGH:
        # Some servers keep the daily pause at their own midnight, so weekends go first.
        evidence.append(_daily_edges(stamps, grid_ns))
    return _judged([edges for edges in evidence if len(edges)], weights)


def _distinct(local_ns: IntArray, names: Sequence[str]) -> dict[str, float]:
    """Return the clocks that give the rows different UTC times, and their prior weights.

    Of clocks that agree on every row the likeliest stays, with the weight of all.
    """
    noons = distinct(local_ns // NS_PER_DAY) * NS_PER_DAY + NS_PER_DAY // 2
    groups: dict[bytes, list[str]] = {}
    for name in names:
        groups.setdefault((noons - zone(name).to_utc(noons)).tobytes(), []).append(name)
    weighed = [
        [(PRIOR.get(name, _PRIOR_OTHER), name) for name in group] for group in groups.values()
    ]
    return {
        max(group, key=lambda pair: pair[0])[1]: sum(weight for weight, _ in group)
        for group in weighed
    }


def _edges_at(stamps: IntArray, at: IntArray, grid_ns: int, *, is_daily: bool) -> _Edges:
    n_before = at + 1 - np.searchsorted(stamps, stamps[at] - NS_PER_HOUR, side="right")
    # Where rows are sparse a pause says nothing of when the market closed.
    is_dense = n_before * grid_ns >= _DENSITY_MIN * NS_PER_HOUR
    at, n_before = at[is_dense], n_before[is_dense]
    return _Edges(
        last_ns=stamps[at],
        next_ns=stamps[at + 1],
        n_before=n_before,
        length_minutes=max(1, grid_ns // NS_PER_MINUTE),
        is_daily=is_daily,
    )


def _weekly_edges(stamps: IntArray, grid_ns: int) -> _Edges:
    gaps = np.diff(stamps) - grid_ns
    at = np.flatnonzero((gaps >= _WEEKEND_NS[0]) & (gaps <= _WEEKEND_NS[1]))
    middle_day = (stamps[at] + gaps[at] // 2) // NS_PER_DAY
    at = at[np.isin((middle_day + 4) % 7, (0, 6))]  # the middle lies on Saturday or Sunday
    return _edges_at(stamps, at, grid_ns, is_daily=False)


def _daily_edges(stamps: IntArray, grid_ns: int) -> _Edges:
    """Return pauses of about an hour, if they recur at one time of day on most days."""
    gaps = np.diff(stamps) - grid_ns
    at = np.flatnonzero((gaps >= 45 * NS_PER_MINUTE) & (gaps <= 75 * NS_PER_MINUTE))
    n_days = len(distinct(stamps // NS_PER_DAY))
    if len(at):
        clock = (stamps[at] + grid_ns) % NS_PER_DAY // (30 * NS_PER_MINUTE)
        usual = np.bincount(clock).argmax()
        at = at[np.abs(clock - usual) <= 2]
    if len(at) < max(3, n_days // 2):
        at = at[:0]
    return _edges_at(stamps, at, grid_ns, is_daily=True)


def _wrapped(minutes: IntArray, period: int) -> IntArray:
    return (minutes + period // 2) % period - period // 2


def _log_chances(edges: _Edges, name: str) -> tuple[FloatArray, FloatArray]:
    """Return per pause the log chance of its begin and end in clock *name*, and the hits."""
    clock, period = zone(name), 1_440 if edges.is_daily else 7 * 1_440
    close = _DAILY_CLOSE if edges.is_daily else _FRIDAY_CLOSE
    length = edges.length_minutes
    slack = _SLACK_MINUTES if length < 60 else 0
    quiet = max(length, _QUIET_MINUTES)
    opened = _wrapped(minute_of_week(clock.to_utc(edges.last_ns)) - close, period)
    # A week that ends on Thursday before a holiday ends at the same time of day.
    opened = np.where(np.abs(opened + 1_440) <= quiet, opened + 1_440, opened)
    on_time = (opened < (slack if not edges.is_daily else _LATE_MINUTES)) & (opened >= -quiet)
    late = opened >= (_LATE_MINUTES if length < 60 else length)
    chance = np.where(on_time, _CLOSES_ON_TIME, np.where(late, _CLOSES_LATE, _CLOSES_NEAR))
    chance = np.where(late & (edges.n_before > _ROWS_AFTER_CLOSE_MAX), _TRADES_CLOSED, chance)
    start = minute_of_week(clock.to_utc(edges.next_ns))
    reach = length - 1 if length >= 60 else 0
    at = _wrapped(start - (_OPENS[0] if not edges.is_daily else _OPENS[1]), period)
    delays = (0, 60) if not edges.is_daily else (0,)
    tolerated = _QUIET_MINUTES if length < 60 else 0
    hits = np.zeros(len(at), dtype=np.bool_)
    for delay in delays:
        hits |= (at <= delay + tolerated) & (at >= delay - reach - slack)
    opens = np.where(hits, _OPENS_ON_TIME, np.where(at > 0, _OPENS_LATE, _OPENS_EARLY))
    return np.log(chance) + _OPEN_WEIGHT * np.log(opens), on_time.astype(np.float64)


def _seasons(last_ns: IntArray) -> IntArray:
    """Return 0 in winter, 1 in summer, 2 in the weeks when New York and Europe differ."""
    is_us = zone(NEW_YORK).offset_at(last_ns) > -5 * NS_PER_HOUR
    is_eu = zone("Europe/London").offset_at(last_ns) > 0
    return np.where(is_us & is_eu, 1, np.where(is_us | is_eu, 2, 0))


def _judged(evidence: Sequence[_Edges], weights: Mapping[str, float]) -> ClockFinding:
    """Weigh the evidence for each clock."""
    if not evidence:
        says = "no weekend and no daily pause among the rows"
        return ClockFinding(timezone=None, confidence=0.0, why=says)
    names = list(weights)
    scores = np.log(np.array([weights[name] for name in names]))
    hits = np.zeros((len(names), len(evidence[0])))
    n_hits = np.zeros(len(names))
    for edges in evidence:
        seasons = _seasons(edges.last_ns)
        for i, name in enumerate(names):
            chances, on_time = _log_chances(edges, name)
            if edges is evidence[0]:
                hits[i] = on_time
            n_hits[i] += on_time.sum()
            for season in (0, 1, 2):
                chosen = chances[seasons == season]
                if len(chosen):
                    scores[i] += chosen.mean() * min(len(chosen), _WEEKENDS_COUNTED_MAX)
    chance = np.exp(scores - scores.max())
    chance /= chance.sum()
    best = int(np.argmax(chance))
    n_edges = sum(len(edges) for edges in evidence)
    share = float(n_hits[best]) / n_edges
    switch = _switch(evidence[0], names, hits)
    if switch is not None:
        when, before, after = switch
        says = f"the clock changes from {before} to {after} at {iso_utc(when)[:10]}"
        return ClockFinding(timezone=None, confidence=0.0, why=says, switch=switch)
    kinds = ["daily pauses" if edges.is_daily else "weekends" for edges in evidence]
    what = " and ".join(kinds)
    if share < 0.3:
        says = f"in no clock do the {n_edges} {what} begin at 17:00 New York"
        return ClockFinding(timezone=None, confidence=0.0, why=says)
    order = np.argsort(-chance)
    says = f"{share:.0%} of {n_edges} {what} begin at 17:00 New York in {names[best]}"
    if chance[best] < CONFIDENCE_MIN:
        says = f"{n_edges} {what} fit " + " and ".join(
            f"{names[i]} ({chance[i]:.0%})" for i in order[:2]
        )
    confidence = min(float(chance[best]), _CONFIDENCE_MAX)
    return ClockFinding(timezone=names[best], confidence=round(confidence, 3), why=says)


def _switch(edges: _Edges, names: Sequence[str], hits: FloatArray) -> tuple[int, str, str] | None:
    """Return where one clock holds before and another after, if that explains far more."""
    n_edges = len(edges)
    if n_edges < _SWITCH_EDGES_MIN or edges.is_daily:
        return None
    before = np.cumsum(hits, axis=1)
    after = before[:, -1:] - before
    explained = before.max(axis=0) + after.max(axis=0)
    at = int(np.argmax(explained))
    first, second = int(np.argmax(before[:, at])), int(np.argmax(after[:, at]))
    gain = (explained[at] - before[:, -1].max()) / n_edges
    is_inside = 4 <= at < n_edges - 4
    if first == second or not is_inside or gain < _SWITCH_GAIN_MIN:
        return None
    if explained[at] < _SWITCH_SHARE_MIN * n_edges:
        return None
    return int(edges.next_ns[at]), names[first], names[second]


def _daily(local_ns: IntArray) -> ClockFinding:
    days = distinct(local_ns // NS_PER_DAY)
    weekday = (days + 4) % 7
    n_weeks = len(distinct((days + 3) // 7))
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
