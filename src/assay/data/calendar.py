"""The trading calendar: New York time, trading days, bar boundaries, swap nights."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from assay.domain.errors import DataError
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import BoolArray, FloatArray, IntArray

DayStart = Literal["new_york_17", "utc"]
"""Where a trading day begins: 17:00 New York, or midnight UTC (to compare with peers)."""

MINUTES_PER_WEEK = 7 * 24 * 60
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_NEW_YORK = ZoneInfo("America/New_York")
_DAY_START_HOUR = 17
_H4_PER_DAY = 6
_EPOCH_WEEKDAY_FROM_SUNDAY = 4  # 1970-01-01 was a Thursday


@cache
def _offsets() -> tuple[IntArray, IntArray]:
    """Return the UTC instants (ns) at which New York's offset changes, and each offset (ns)."""

    def offset(second: int) -> int:
        moment = datetime.fromtimestamp(second, tz=UTC).astimezone(_NEW_YORK).utcoffset()
        assert moment is not None
        return int(moment.total_seconds())

    start = int(datetime(_FIRST_YEAR - 1, 12, 1, tzinfo=UTC).timestamp())
    stop = int(datetime(_LAST_YEAR + 1, 2, 1, tzinfo=UTC).timestamp())
    step = 21 * 86_400  # shorter than any stretch between two changes
    changes, offsets = [start], [offset(start)]
    for left in range(start, stop, step):
        here, there = offsets[-1], offset(left + step)
        if here != there:
            low, high = left, left + step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == here else (low, middle)
            changes.append(high)
            offsets.append(there)
    return (
        np.array(changes, dtype=np.int64) * NS_PER_SECOND,
        np.array(offsets, dtype=np.int64) * NS_PER_SECOND,
    )


@cache
def _day_starts(day_start: DayStart) -> IntArray:
    """Return the first instant of every trading day, UTC ns, for the years of the table."""
    first, last = date(_FIRST_YEAR - 1, 12, 15), date(_LAST_YEAR + 1, 1, 15)
    days = np.arange((first - date(1970, 1, 1)).days, (last - date(1970, 1, 1)).days)
    midnight = days.astype(np.int64) * NS_PER_DAY
    if day_start == "utc":
        return midnight
    local = midnight + _DAY_START_HOUR * NS_PER_HOUR
    changes, offsets = _offsets()
    # No change of offset ever fell between 12:00 and 17:00 local time (UTC + 5 is near enough).
    return local - offsets[np.searchsorted(changes, local + 5 * NS_PER_HOUR, side="right") - 1]


def _day_labels(day_start: DayStart) -> IntArray:
    """Return the date on which most of each trading day lies, in days since 1970."""
    starts = _day_starts(day_start)
    if day_start == "utc":
        return starts // NS_PER_DAY
    return (starts + 12 * NS_PER_HOUR) // NS_PER_DAY


@cache
def boundaries(timeframe: Timeframe, day_start: DayStart = "new_york_17") -> IntArray:
    """Return every boundary between bars of a timeframe that follows the trading day.

    Parameters
    ----------
    timeframe : Timeframe
        H4, D1, W1 or MN1; up to H1 the grid is arithmetic and has no table.
    day_start : {"new_york_17", "utc"}

    Returns
    -------
    boundaries : int64, shape (n,)
        UTC ns, strictly increasing, from the end of 1969 to the start of 2101.

    Notes
    -----
    H4 counts four-hour steps from the start of the trading day; the last step of a day takes
    the hour that a change of clocks adds or removes. The week begins on Sunday 17:00 New York,
    the month at 17:00 New York before its first day. With ``"utc"`` the week begins on Monday
    and the month on its first day, at midnight.

    Raises
    ------
    DataError
        If *timeframe* is H1 or shorter.
    """
    starts = _day_starts(day_start)
    if timeframe is Timeframe.H4:
        steps = np.arange(_H4_PER_DAY, dtype=np.int64) * Timeframe.H4.nominal_ns
        return np.ascontiguousarray((starts[:, None] + steps[None, :]).ravel())
    labels = _day_labels(day_start)
    if timeframe is Timeframe.D1:
        return starts
    if timeframe is Timeframe.W1:
        weekday_monday = (labels + 3) % 7
        return np.ascontiguousarray(starts[weekday_monday == 0])
    if timeframe is Timeframe.MN1:
        months = labels.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return np.ascontiguousarray(starts[1:][np.diff(months) != 0])
    raise DataError(
        f"Timeframe must follow the trading day; was {timeframe.name}.",
        remedy="Use the arithmetic grid: time - time % length.",
        timeframe=timeframe.name,
    )


def _index(table: IntArray, time_ns: IntArray) -> IntArray:
    """Return the index of the last boundary at or before each time."""
    index = np.searchsorted(table, time_ns, side="right") - 1
    if index.size and (index.min() < 0 or index.max() >= len(table) - 1):
        outside = time_ns[(index < 0) | (index >= len(table) - 1)].flat[0]
        raise DataError(
            f"Time must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}; "
            f"was {int(outside)} ns.",
            remedy="Check the unit of the time column: nanoseconds are expected.",
            time_ns=int(outside),
        )
    return index.astype(np.int64, copy=False)


def new_york_offset(time_ns: IntArray) -> IntArray:
    """Return New York's offset from UTC at each time: int64 ns, shape of *time_ns*."""
    time_ns = np.asarray(time_ns, dtype=np.int64)
    changes, offsets = _offsets()
    return offsets[np.clip(np.searchsorted(changes, time_ns, side="right") - 1, 0, None)]


def minute_of_week(time_ns: IntArray) -> IntArray:
    """Return minutes since Sunday 00:00 New York time, aware of daylight saving.

    Parameters
    ----------
    time_ns : int64, shape (n,)
        UTC nanoseconds, in any order.

    Returns
    -------
    minute : int64, shape (n,)
        0 … 10079.

    Examples
    --------
    >>> minute_of_week(np.array([0]))  # Wednesday 19:00
    array([5460])
    """
    time_ns = np.asarray(time_ns, dtype=np.int64)
    minutes = (time_ns + new_york_offset(time_ns)) // NS_PER_MINUTE
    return (minutes + _EPOCH_WEEKDAY_FROM_SUNDAY * 24 * 60) % MINUTES_PER_WEEK


def trading_day_start(time_ns: IntArray) -> IntArray:
    """Return the last 17:00 New York at or before each time.

    Parameters
    ----------
    time_ns : int64, shape (n,)
        UTC nanoseconds, in any order.

    Returns
    -------
    start : int64, shape (n,)
        UTC nanoseconds.
    """
    time_ns = np.asarray(time_ns, dtype=np.int64)
    table = _day_starts("new_york_17")
    return table[_index(table, time_ns)]


def bar_open(
    time_ns: IntArray, timeframe: Timeframe, day_start: DayStart = "new_york_17"
) -> IntArray:
    """Return the open of the bar that contains each time.

    Parameters
    ----------
    time_ns : int64, shape (n,)
        UTC nanoseconds, in any order.
    timeframe : Timeframe
    day_start : {"new_york_17", "utc"}

    Returns
    -------
    open_ns : int64, shape (n,)
        ``open_ns <= time_ns < bar_close(open_ns)``.

    Raises
    ------
    DataError
        If a time lies outside 1970-2100.
    """
    time_ns = np.asarray(time_ns, dtype=np.int64)
    if timeframe.is_fixed:
        return time_ns - time_ns % timeframe.nominal_ns
    table = boundaries(timeframe, day_start)
    return table[_index(table, time_ns)]


def bar_close(
    open_ns: IntArray, timeframe: Timeframe, day_start: DayStart = "new_york_17"
) -> IntArray:
    """Return when each bar is known: the open of the bar that may follow it.

    Parameters
    ----------
    open_ns : int64, shape (n,)
        Opens of bars, UTC nanoseconds. A time inside a bar gives the same answer from H4 up.
    timeframe : Timeframe
    day_start : {"new_york_17", "utc"}

    Returns
    -------
    known_ns : int64, shape (n,)
        Strictly after *open_ns*.
    """
    open_ns = np.asarray(open_ns, dtype=np.int64)
    if timeframe.is_fixed:
        return open_ns + timeframe.nominal_ns
    table = boundaries(timeframe, day_start)
    return table[_index(table, open_ns) + 1]


@cache
def _nights_before(nights: tuple[float, ...]) -> FloatArray:
    """Return the swap nights of all rollovers up to each trading-day start, that one included."""
    weekday = (_day_starts("new_york_17") // NS_PER_DAY + 3) % 7
    return np.cumsum(np.array(nights)[weekday])


def rollover_nights(open_ns: IntArray, triple_weekday: int) -> FloatArray:
    """Return the swap nights charged at the open of each bar.

    Parameters
    ----------
    open_ns : int64, shape (n_bars,)
        Opens of bars, oldest first, UTC nanoseconds.
    triple_weekday : int
        Day (Monday 0 … Friday 4) whose 17:00 New York rollover counts three nights.

    Returns
    -------
    nights : float64, shape (n_bars,)
        ``nights[i]`` sums the rollovers ``R`` with ``open_ns[i - 1] < R <= open_ns[i]``: one
        from Monday to Friday, three on the triple day, none at the weekend. ``nights[0] = 0``.

    Notes
    -----
    A position that is open across the rollover pays it; one opened at the rollover does not.
    The triple day stands for the weekend: metals and pairs settle two business days later.
    """
    nights = [1.0] * 5 + [0.0] * 2
    nights[triple_weekday] = 3.0
    return weekday_nights(open_ns, tuple(nights))


def weekday_nights(
    open_ns: IntArray,
    nights: tuple[float, ...],
    *,
    from_ns: int | None = None,
    until_ns: int | None = None,
) -> FloatArray:
    """Return the swap nights charged at the open of each bar, where each weekday has its own count.

    Parameters
    ----------
    open_ns : int64, shape (n_bars,)
        Opens of bars, oldest first, UTC nanoseconds.
    nights : tuple of float
        Nights that the 17:00 New York rollover of Monday, Tuesday … Sunday counts.
    from_ns, until_ns : int, optional
        Count only the rollovers in ``[from_ns, until_ns)``.

    Returns
    -------
    nights : float64, shape (n_bars,)
        As in ``rollover_nights``.
    """
    open_ns = np.asarray(open_ns, dtype=np.int64)
    charged = np.zeros(len(open_ns), dtype=np.float64)
    if len(open_ns):
        table = _day_starts("new_york_17")
        last = _index(table, open_ns)
        if from_ns is not None:
            last = np.maximum(last, max(0, int(np.searchsorted(table, from_ns)) - 1))
        if until_ns is not None:
            last = np.minimum(last, max(0, int(np.searchsorted(table, until_ns)) - 1))
        charged[1:] = np.diff(_nights_before(nights)[last])
    return charged


def is_open(time_ns: IntArray, sessions: Sequence[Session]) -> BoolArray:
    """Return whether the venue trades at each time.

    Parameters
    ----------
    time_ns : int64, shape (n,)
        UTC nanoseconds, in any order.
    sessions : sequence of Session
        Half-open stretches in minutes since Sunday 00:00 New York.

    Returns
    -------
    is_open : bool, shape (n,)

    Notes
    -----
    Weekly hours only; ``is_holiday`` knows the two days on which everyone rests.
    """
    opens = np.zeros(MINUTES_PER_WEEK, dtype=np.bool_)
    for session in sessions:
        opens[session.open_minute : session.close_minute] = True
    return opens[minute_of_week(time_ns)]


def is_holiday(time_ns: IntArray) -> BoolArray:
    """Return whether each time lies in the trading day of Christmas or New Year's Day.

    Parameters
    ----------
    time_ns : int64, shape (n,)
        UTC nanoseconds, in any order.

    Returns
    -------
    is_holiday : bool, shape (n,)
        The trading day of a date runs from 17:00 New York on the day before.
    """
    days = (trading_day_start(time_ns) + 12 * NS_PER_HOUR) // NS_PER_DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day_of_month = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    month = months.astype(np.int64) % 12 + 1
    return np.asarray(
        ((month == 12) & (day_of_month == 25)) | ((month == 1) & (day_of_month == 1)),
        dtype=np.bool_,
    )
