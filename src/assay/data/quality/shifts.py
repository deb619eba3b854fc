"""Checks of the clock: stretches of rows that stand some hours early or late."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.calendar import is_open, new_york_offset
from assay.data.gaps import Gap
from assay.data.quality.hourly import HOURS_PER_WEEK, Hours, weekly_table
from assay.data.quality.joins import usual_by_week
from assay.data.quality.tally import months_of
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe

HOURS_SHIFTED_MAX = 3
_WEEKS_AROUND = 8
_AGREE_SHARE_MIN = 0.6
_ODD_HOURS_MAX = 12
_PAUSE_NS = 4 * NS_PER_HOUR
_HOURS_MIN = 12
_HOURS_MAX = 240
_MONTH_HOURS_MIN = 100
_DATES_FIT_MIN = 0.9
_DATES_GAIN_MIN = 0.1
_EVIDENCE_MIN = 9.0
_TELLING_MIN = 0.1
_BETWEEN_RULES_EVIDENCE_MIN = 30.0
"""Between the clock changes of New York and London; see ``_between_clock_changes``."""
_NOISE_FLOOR = 0.15
_CHI_SQUARED_MEDIAN = 0.455  # with one degree of freedom


def shifted_hours(hours: Hours, gaps: tuple[Gap, ...], timeframe: Timeframe) -> BoolArray:
    """Tell which hours stand some hours early or late.

    Parameters
    ----------
    hours : Hours
    gaps : tuple of Gap
        Of the same history.
    timeframe : Timeframe
        Length of its bars (H1 for ticks).

    Returns
    -------
    is_shifted : bool, shape (n_hours,)

    Notes
    -----
    Rule 1: a week whose first and last hour are both off, by the same number of hours, from what
    they are in most of the weeks around (eight to each side, six in ten of which agree); up to
    three hours, the activity of the week must speak for it too.
    Rule 2: a hole of exactly one, two or three hours within a session, as moving rows leaves at one
    of their ends, and next to it at least twelve hours whose activity follows the pattern of the
    week better with that shift undone: by a log-likelihood of nine, against noise as it is here.
    Where an hour does not speak for its clock by 0.1 of that on average (tick volume: 0.5, ranges:
    0.15 and more), the activity has no pattern to go by, and nothing is said.
    """
    if len(hours) == 0:
        return np.zeros(0, dtype=np.bool_)
    if timeframe.nominal_ns > NS_PER_HOUR or len(hours) < HOURS_PER_WEEK:
        return np.zeros(len(hours), dtype=np.bool_)
    pattern = _pattern(hours)
    return _odd_weeks(hours, pattern) | _after_holes(hours, gaps, timeframe, pattern)


def shifted_dates(hours: Hours, sessions: Sequence[Session]) -> BoolArray:
    """Tell which hours lie in a month whose dates are wrong: its weekends fall on working days.

    Notes
    -----
    Rule: in a UTC month of a hundred hours or more, at least nine in ten hours fall into the weekly
    hours when moved by one to six days, and at least one in ten fewer as they stand. So are months
    that were counted from 0, and days exchanged with months. (February moves nothing: March of most
    years begins on the same weekday.)
    """
    month = months_of(hours.time_ns)
    flags = np.zeros(len(hours), dtype=np.bool_)
    shares = [
        is_open(hours.time_ns + days * NS_PER_DAY, sessions).astype(np.float64) for days in range(7)
    ]
    for number in np.unique(month):
        mine = month == number
        if np.count_nonzero(mine) < _MONTH_HOURS_MIN:
            continue
        fits = [float(share[mine].mean()) for share in shares]
        best = max(fits[1:])
        flags |= mine & (best >= _DATES_FIT_MIN and fits[0] <= best - _DATES_GAIN_MIN)
    return flags


def _odd_weeks(hours: Hours, pattern: "_Pattern") -> BoolArray:
    week = hours.week - hours.week.min()
    hour = hours.hour_of_week
    n_weeks = int(week.max()) + 1
    first = np.full(n_weeks, -1, dtype=np.int64)
    last = np.full(n_weeks, -1, dtype=np.int64)
    np.maximum.at(last, week, hour)
    first_of = np.full(n_weeks, HOURS_PER_WEEK, dtype=np.int64)
    np.minimum.at(first_of, week, hour)
    first[last >= 0] = first_of[last >= 0]
    is_odd = np.zeros(n_weeks, dtype=np.bool_)
    telling = _telling(pattern, len(hours))
    between_rules = _between_clock_changes(hours.time_ns)
    for row in np.flatnonzero(last >= 0):
        first_week, last_week = max(0, int(row) - _WEEKS_AROUND), int(row) + _WEEKS_AROUND
        around = np.arange(first_week, min(n_weeks, last_week + 1))
        around = around[(around != row) & (last[around] >= 0)]
        if len(around) < _WEEKS_AROUND:
            continue
        usual_first, usual_last = _mode(first[around]), _mode(last[around])
        if usual_first is None or usual_last is None:
            continue
        off = first[row] - usual_first
        if off == 0 or off != last[row] - usual_last:
            continue
        if abs(off) > HOURS_SHIFTED_MAX:
            is_odd[row] = abs(off) <= _ODD_HOURS_MAX
        else:
            at = np.flatnonzero(week == row)
            needed = _BETWEEN_RULES_EVIDENCE_MIN if between_rules[at].any() else 0.0
            is_odd[row] = int(off) in telling and _gain(pattern, at, int(off)).sum() > needed
    return np.asarray(is_odd[week], dtype=np.bool_)


def _mode(values: IntArray) -> int | None:
    """Return the value on which six in ten agree."""
    seen, counts = np.unique(values, return_counts=True)
    best = int(np.argmax(counts))
    return int(seen[best]) if counts[best] >= _AGREE_SHARE_MIN * len(values) else None


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Logarithm of activity, and how it deviates from the week's pattern at each shift."""

    misfit: dict[int, FloatArray]
    noise: float


def _pattern(hours: Hours) -> _Pattern:
    has_activity = float(np.median(hours.activity)) > 0.0
    values = np.log(hours.activity + 1.0) if has_activity else hours.log_range
    usual = usual_by_week(hours, values)
    table, week = weekly_table(hours, usual)
    flat = table.ravel()
    at = week * HOURS_PER_WEEK + hours.hour_of_week
    level = _running_level(values - usual)
    misfit = {}
    for shift in range(-HOURS_SHIFTED_MAX, HOURS_SHIFTED_MAX + 1):
        source = np.clip(at - shift, 0, len(flat) - 1)
        misfit[shift] = (values - level - flat[source]) ** 2
    known = misfit[0][np.isfinite(misfit[0])]
    noise = (
        float(np.median(known)) / 0.455 if len(known) else 1.0
    )  # median of chi-squared, 1 d.o.f.
    return _Pattern(misfit, max(noise, _NOISE_FLOOR**2))


def _running_level(values: FloatArray) -> FloatArray:
    """Return the mean of the day around each hour: busy days and quiet ones are no shift."""
    known = np.isfinite(values)
    kernel = np.ones(25)
    total = np.convolve(np.where(known, values, 0.0), kernel, mode="same")
    count = np.convolve(known.astype(np.float64), kernel, mode="same")
    return total[: len(values)] / np.maximum(count[: len(values)], 1.0)


def _after_holes(
    hours: Hours, gaps: tuple[Gap, ...], timeframe: Timeframe, pattern: _Pattern
) -> BoolArray:
    flags = np.zeros(len(hours), dtype=np.bool_)
    between_rules = _between_clock_changes(hours.time_ns)
    telling = _telling(pattern, len(hours))
    for gap in gaps:
        length_ns = gap.bars_missing * timeframe.nominal_ns
        if length_ns % NS_PER_HOUR or not 0 < length_ns <= HOURS_SHIFTED_MAX * NS_PER_HOUR:
            continue
        if gap.stop_ns - gap.start_ns != length_ns:
            continue
        shift = length_ns // NS_PER_HOUR
        start = int(np.searchsorted(hours.time_ns, gap.start_ns))
        if start == 0 or gap.start_ns - hours.time_ns[start - 1] > _PAUSE_NS:
            continue  # a late opening
        for sign, stretch in (  # (after the hole, before it)
            (shift, np.arange(start, min(start + _HOURS_MAX, len(hours)))),
            (-shift, np.arange(start - 1, max(start - 1 - _HOURS_MAX, -1), -1)),
        ):
            if sign not in telling:
                continue
            length = _shifted_length(pattern, stretch, sign, between_rules[stretch])
            flags[stretch[:length]] = True
    return flags


def _gain(pattern: _Pattern, at: IntArray, shift: int) -> FloatArray:
    """Return by how much each hour speaks for the shift: log-likelihood, at most 4 either way."""
    gain = pattern.misfit[0][at] - pattern.misfit[shift][at]
    return np.clip(np.nan_to_num(gain) / (2.0 * pattern.noise), -4.0, 4.0)


def _telling(pattern: _Pattern, n_hours: int) -> frozenset[int]:
    """Return the shifts of which the activity of this history says that they are not there."""
    every = np.arange(n_hours)
    return frozenset(
        shift
        for shift in pattern.misfit
        if shift and float(_gain(pattern, every, shift).mean()) <= -_TELLING_MIN
    )


def _shifted_length(
    pattern: _Pattern, stretch: IntArray, shift: int, between_rules: BoolArray
) -> int:
    """Return how many hours from the hole on fit better with the shift undone; 0: no evidence."""
    total = np.cumsum(_gain(pattern, stretch, shift))
    if len(total) <= _HOURS_MIN:
        return 0
    best = int(np.argmax(total))
    is_between = bool(between_rules[: best + 1].any())
    needed = _BETWEEN_RULES_EVIDENCE_MIN if is_between else _EVIDENCE_MIN
    return best + 1 if best + 1 >= _HOURS_MIN and total[best] >= needed else 0


def _between_clock_changes(time_ns: IntArray) -> BoolArray:
    """Tell when New York has changed its clocks and London has not yet, or the other way round.

    In these weeks the European half of the day moves by an hour in New York time by itself.
    """
    is_summer_here = new_york_offset(time_ns) == -4 * NS_PER_HOUR
    years = time_ns.view("datetime64[ns]").astype("datetime64[Y]").astype(np.int64)
    is_summer_there = np.ones(len(time_ns), dtype=np.bool_)
    for year in np.unique(years):
        starts, stops = (_last_sunday(12 * int(year) + month) for month in (2, 9))
        mine = years == year
        is_summer_there[mine] = (time_ns[mine] >= starts) & (time_ns[mine] < stops)
    return np.asarray(is_summer_here != is_summer_there, dtype=np.bool_)


def _last_sunday(month: int) -> int:
    """Return 01:00 UTC of the last Sunday of a month (counted from January 1970), UTC ns.

    Then Europe changes its clocks, in March and October.
    """
    last = int(np.datetime64(month + 1, "M").astype("datetime64[D]").astype(np.int64)) - 1
    weekday = (last + 4) % 7  # Sunday 0
    return (last - weekday) * NS_PER_DAY + NS_PER_HOUR
