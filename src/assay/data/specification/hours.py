"""Trading hours in the server's clock to stretches of our week, which follows New York."""

from collections.abc import Mapping

import numpy as np

from assay.data.arrays import IntArray
from assay.data.calendar import MINUTES_PER_WEEK, new_york_offset
from assay.data.specification.sheet import MINUTES_PER_DAY, WEEKDAYS
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE

DAYS_PER_YEAR = 365
ROLLOVER_AHEAD_MINUTES = 7 * 60


def new_york_sessions(
    sessions: Mapping[int, tuple[tuple[int, int], ...]],
    timezone: str,
    valid_from_ns: int,
    where: str,
) -> tuple[list[list[int]], tuple[str, ...]]:
    """Return the stretches of our week, and what a reader must know about them.

    Parameters
    ----------
    sessions : mapping of int to tuple of (int, int)
        Weekday (Monday 0) to stretches in minutes of the server's day.
    timezone : str
        The server's clock; a name of ``zone``.
    valid_from_ns : int
        When the specification held: the distance of the two clocks is that of this day.
    where : str
        Names the symbol in messages.

    Returns
    -------
    stretches : list of [open, close]
        Minutes since Sunday 00:00 New York, rising, joined where they touch.
    notes : tuple of str

    Raises
    ------
    DataError
        If a stretch is empty, backwards, or overlaps another.
    ConfigError
        If no clock has that name.
    """
    shift = int(_ahead_minutes(timezone, np.array([valid_from_ns]))[0])
    pieces: list[tuple[int, int]] = []
    for weekday, stretches in sorted(sessions.items()):
        midnight = ((weekday + 1) % 7) * MINUTES_PER_DAY
        for begin, end in stretches:
            if not 0 <= begin < end <= MINUTES_PER_DAY:
                raise DataError(
                    f"{where} must trade from an earlier to a later minute of the day; on "
                    f"{WEEKDAYS[weekday].capitalize()} it was {_clock(begin)}-{_clock(end)}.",
                    remedy="Correct the session, or leave it out.",
                )
            start = (midnight + begin - shift) % MINUTES_PER_WEEK
            pieces.append((start, min(start + end - begin, MINUTES_PER_WEEK)))
            if start + end - begin > MINUTES_PER_WEEK:
                pieces.append((0, start + end - begin - MINUTES_PER_WEEK))
    joined: list[list[int]] = []
    for begin, end in sorted(pieces):
        if joined and begin < joined[-1][1]:
            raise DataError(
                f"{where} must have sessions that do not overlap; two share the minutes from "
                f"{begin} to {joined[-1][1]} of the week.",
                remedy="Correct the sessions of that day.",
            )
        if joined and begin == joined[-1][1]:
            joined[-1][1] = end
        else:
            joined.append([begin, end])
    return joined, _moving(timezone, valid_from_ns, shift)


def _ahead_minutes(timezone: str, time_ns: IntArray) -> IntArray:
    """Return how far the server's clock is ahead of New York's, in minutes."""
    from assay.data.importers.zones import zone  # loads every importer

    ahead = zone(timezone).offset_at(time_ns) - new_york_offset(time_ns)
    return np.asarray(ahead // NS_PER_MINUTE)


def _moving(timezone: str, valid_from_ns: int, shift: int) -> tuple[str, ...]:
    """Say in how much of the year the two clocks lie apart by another distance."""
    days = valid_from_ns + np.arange(DAYS_PER_YEAR) * NS_PER_DAY
    other = int((_ahead_minutes(timezone, days) != shift).sum())
    if not other:
        return ()
    return (
        f"Trading hours were taken with {timezone} {shift / 60:g} hours ahead of New York; on "
        f"{other} days of a year it is not, and they are off by that difference.",
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def server_midnight_note(timezone: str, valid_from_ns: int) -> tuple[str, ...]:
    """Say so if the server's day does not end at 17:00 New York, when Assay charges swaps."""
    ahead = int(_ahead_minutes(timezone, np.array([valid_from_ns]))[0])
    if ahead == ROLLOVER_AHEAD_MINUTES:
        return ()
    midnight = -ahead % MINUTES_PER_DAY
    return (f"The server's midnight is {_clock(midnight)} New York; swaps are charged at 17:00.",)
