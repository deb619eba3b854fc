"""How the weekly close and open, and the daily pause, tell the clock."""

from dataclasses import dataclass, replace

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

MINUTES_PER_WEEK = 7 * 1_440
FRIDAY_CLOSE = 5 * 1_440 + 17 * 60  # minutes of the New York week, which begins on Sunday
SUNDAY_OPEN = 17 * 60
DAILY_CLOSE = 17 * 60

_WEEKEND_NS = (20 * NS_PER_HOUR, 96 * NS_PER_HOUR)
_PAUSE_NS = (45 * NS_PER_MINUTE, 75 * NS_PER_MINUTE)
_SLACK_MINUTES = 5
_QUIET_MINUTES = 31
_LATE_MINUTES = 20  # some venues close metals at 17:15
_DENSITY_MIN = 0.15
_DENSE_ROWS = 10

# Feeds have habits: the first hour of the week is missing, a stray bar follows the close. They
# last, so that one of them must be paid for once and not every week.
OPEN_HABITS = (0, 60, 120, None)
"""Minutes after Sunday 17:00 New York at which a feed's week begins; None: at no fixed time."""

OPEN_PRIOR = np.array([0.48, 0.36, 0.11, 0.05])
CLOSE_PRIOR = np.array([0.91, 0.075, 0.015])
"""The week ends on time; on time or an hour late by turns; an hour early."""

_ON_HABIT = 0.88
_WEEKENDS_ALONE_MAX = 60
_OWN_GRID_MIN, _OFF_GRID = 0.9, 0.05
_PAUSE_WEIGHT, _PAUSES_WEIGHT_MAX = 0.4, 24.0
_PAUSE_SHARE_MIN, _PAUSES_USUAL_MIN, _PAUSES_A_DAY_MAX = 0.15, 0.6, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Ends and begins of trading weeks on the local clock.

    Attributes
    ----------
    close_days, open_days : int64, shape (n_closes,) and (n_opens,)
        Position of each one's day among the days of the history.
    closes : float64, shape (n_closes, n_shifts, 3)
        Log chance of each close under each shift and habit.
    opens : float64, shape (n_opens, n_shifts, 4)
    hits : bool, shape (n_closes, n_shifts)
        Whether the week ends at 17:00 New York or an hour from it.
    """

    close_days: IntArray
    open_days: IntArray
    closes: FloatArray
    opens: FloatArray
    hits: BoolArray


def weekly_edges(stamps: IntArray, grid_ns: int, days: IntArray, shifts: IntArray) -> Edges:
    """Return where trading weeks begin and end.

    Parameters
    ----------
    stamps : int64, shape (n_stamps,)
        Distinct local times on a grid of *grid_ns*, sorted.
    grid_ns : int
    days : int64, shape (n_days,)
        Distinct local days of the rows.
    shifts : int64, shape (n_shifts,)
        Local clock ahead of New York, minutes.
    """
    gaps = np.diff(stamps) - grid_ns
    at = np.flatnonzero((gaps >= _WEEKEND_NS[0]) & (gaps <= _WEEKEND_NS[1]))
    middle_day = (stamps[at] + gaps[at] // 2) // NS_PER_DAY
    at = at[np.isin((middle_day + 4) % 7, (0, 6))]  # the middle lies on Saturday or Sunday
    hour = min(NS_PER_HOUR, grid_ns) if grid_ns > NS_PER_HOUR else NS_PER_HOUR
    n_before = at + 1 - np.searchsorted(stamps, stamps[at] - hour, side="right")
    # Where rows are sparse a pause says nothing of when the market closed.
    at = at[n_before * grid_ns >= _DENSITY_MIN * NS_PER_HOUR]
    last, after = stamps[at], stamps[at + 1]
    length = max(1, grid_ns // NS_PER_MINUTE)
    late = (_minutes(last) + length)[:, None] - shifts - FRIDAY_CLOSE
    early = _minutes(after)[:, None] - shifts - SUNDAY_OPEN
    late, early = _wrapped(late), _wrapped(early)
    closes, hits = _close_chances(late, length)
    return Edges(
        close_days=np.searchsorted(days, last // NS_PER_DAY),
        open_days=np.searchsorted(days, after // NS_PER_DAY),
        closes=np.log(closes),
        opens=np.log(_open_chances(early, length)),
        hits=hits,
    )


def tempered(edges: Edges) -> Edges:
    """Return edges whose weight together is that of a year at most.

    Alone they must not outvote doubt: a feed that drops the first hour of the week in summer
    does so every summer.
    """
    weight = min(1.0, _WEEKENDS_ALONE_MAX / max(1, len(edges.close_days)))
    return replace(edges, closes=weight * edges.closes, opens=weight * edges.opens)


def without_edges(edges: Edges) -> Edges:
    """Return no edges at all, of the same shapes."""
    return Edges(
        close_days=edges.close_days[:0],
        open_days=edges.open_days[:0],
        closes=edges.closes[:0],
        opens=edges.opens[:0],
        hits=edges.hits[:0],
    )


def daily_pauses(
    stamps: IntArray, grid_ns: int, days: IntArray, shifts: IntArray
) -> tuple[FloatArray, int]:
    """Return the log chance of daily pauses of about an hour, if they recur at one time.

    Returns
    -------
    log_chance : float64, shape (n_days, n_shifts)
    n_pauses : int

    Notes
    -----
    Metals rest from 17:00 to 18:00 New York. Some servers keep the pause at their own midnight,
    so that its weight over a long history is limited.
    """
    chances = np.zeros((len(days), len(shifts)))
    if grid_ns > NS_PER_HOUR:
        return chances, 0
    gaps = np.diff(stamps) - grid_ns
    at = np.flatnonzero((gaps >= _PAUSE_NS[0]) & (gaps <= _PAUSE_NS[1]))
    n_gaps = len(at)
    minute = (stamps[at] + grid_ns) // NS_PER_MINUTE % 1_440
    if n_gaps:
        # A change of clocks moves the pause, so more than one time of day may recur.
        counts = np.bincount(minute // 30, minlength=48)
        often = counts + np.roll(counts, 1) + np.roll(counts, -1)
        at = at[often[minute // 30] >= max(3, _PAUSE_SHARE_MIN * len(days))]
    is_daily = max(3, 0.4 * len(days)) <= len(at) <= _PAUSES_A_DAY_MAX * len(days)
    if not is_daily or len(at) < _PAUSES_USUAL_MIN * n_gaps:
        return chances, 0
    minute = (stamps[at] + grid_ns) // NS_PER_MINUTE
    late = (minute[:, None] - shifts - DAILY_CLOSE + 720) % 1_440 - 720
    is_hit = (late >= -_quiet(grid_ns // NS_PER_MINUTE)) & (late < _LATE_MINUTES)
    weight = min(_PAUSE_WEIGHT, _PAUSES_WEIGHT_MAX / len(at))
    rows = np.searchsorted(days, stamps[at] // NS_PER_DAY)
    np.add.at(chances, rows, weight * np.log(np.where(is_hit, 0.9, 0.1 / 24)))
    return chances, len(at)


def grid_evidence(stamps: IntArray, grid_ns: int, days: IntArray, shifts: IntArray) -> FloatArray:
    """Return the log chance of where bars longer than an hour are cut: (n_days, n_shifts).

    Sources cut them from midnight of their own clock, which tells nothing, or from 17:00 New
    York; then the hours at which bars begin on the file's clock give away the clock.
    """
    chances = np.zeros((len(days), len(shifts)))
    length = grid_ns // NS_PER_MINUTE
    minute = stamps // NS_PER_MINUTE
    if length <= 60 or length >= 1_440 or np.mean(minute % length == 0) > _OWN_GRID_MIN:
        return chances
    first = np.searchsorted(stamps, days * NS_PER_DAY)
    late = (minute[first][:, None] - shifts - DAILY_CLOSE) % length
    return np.where(late == 0, 0.0, np.log(_OFF_GRID))


def edge_of_file(stamps: IntArray, grid_ns: int, shifts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the log chance of the first and of the last row lying in trading hours.

    A history may begin and end anywhere, but not while the market is closed.
    """
    length = grid_ns // NS_PER_MINUTE
    chances = []
    for stamp, reach in ((stamps[0], length), (stamps[-1], 0)):
        minute = (_minutes(stamp[None]) - shifts + reach) % MINUTES_PER_WEEK
        is_closed = (minute >= FRIDAY_CLOSE + max(60, _LATE_MINUTES)) | (minute < SUNDAY_OPEN - 60)
        chances.append(np.where(is_closed, np.log(0.02), 0.0))
    return chances[0], chances[1]


def _minutes(local_ns: IntArray) -> IntArray:
    """Return minutes since Sunday 00:00 of the local clock."""
    return (local_ns // NS_PER_MINUTE + 4 * 1_440) % MINUTES_PER_WEEK


def _wrapped(minutes: IntArray) -> IntArray:
    return (minutes + MINUTES_PER_WEEK // 2) % MINUTES_PER_WEEK - MINUTES_PER_WEEK // 2


def _quiet(length: int) -> int:
    return _QUIET_MINUTES if length < 60 else 0


def _close_chances(late: IntArray, length: int) -> tuple[FloatArray, BoolArray]:
    """Return the chance that a week ends so many minutes after Friday 17:00 New York."""
    quiet, slack = _quiet(length), _SLACK_MINUTES if length < 60 else 0
    hour = np.floor_divide(late + quiet, 60)
    base = np.full(late.shape, 2e-4)
    base = np.where((hour >= -24) & (hour < 0), 0.12 / 18, base)
    base = np.where((hour >= -6) & (hour < 0), 0.25 / 6, base)
    # A week that ends on an earlier day before a holiday ends at the same time of day.
    day_end = (late < -1_000) & ((late + quiet) % 1_440 <= quiet + slack)
    base = np.where(day_end, 0.06, base)
    base = np.where((late > slack) & (late <= 60), 0.01, base)
    on_time = (late >= -quiet) & (late <= slack)
    base = np.where(on_time, 0.5, base)
    stray = (late > slack) & (late <= 60)
    early = (late >= -60 - quiet) & (late <= -60 + slack)
    on = on_time.astype(np.float64)
    if length > 60:
        # The bar that holds the close may reach beyond it, unless bars are cut at 17:00.
        on = np.where(late == 0, 0.5 + 30 / length, 0.0)
        on = np.where((late > 0) & (late < length), 30 / length, on)
        stray = early = np.zeros(late.shape, dtype=np.bool_)
        base = np.where(on > 0, 0.1, base)
    habits = np.stack([on, 0.5 * on + 0.5 * stray, early.astype(np.float64)], axis=-1)
    chance = _ON_HABIT * habits + (1 - _ON_HABIT) * base[..., None]
    return chance, (on > 0) | stray | early


def _open_chances(early: IntArray, length: int) -> FloatArray:
    """Return the chance that a week begins so many minutes after Sunday 17:00 New York."""
    reach, slack = max(0, length - 60), _SLACK_MINUTES if length < 60 else 0
    quiet = 30 if length < 60 else 0
    base = np.full(early.shape, 3e-5)
    base = np.where((early >= -60 - reach) & (early < 0), 4e-3, base)
    base = np.where((early > 0) & (early < 1_440), 0.15 / 23, base)
    # After a holiday the week begins a day or two late, at the usual time of day.
    base = np.where((early >= 1_440) & (early % 1_440 <= 120 + quiet), 0.01, base)
    matches = []
    for habit in OPEN_HABITS:
        if habit is None:
            matches.append(np.zeros(early.shape))
            continue
        match = (early >= habit - slack) & (early <= habit + quiet)
        value = match.astype(np.float64)
        if reach:
            value = 0.5 * value + 30 / length * ((early <= habit) & (early > habit - length))
        matches.append(value)
    base = np.where(matches[0] + matches[1] > 0, 0.3, np.where(matches[2] > 0, 0.05, base))
    on_habit = np.array([_ON_HABIT, _ON_HABIT, _ON_HABIT, 0.0])
    return np.asarray(np.stack(matches, axis=-1) * on_habit + (1 - on_habit) * base[..., None])
