"""Clocks of sources: names, offsets, and the way from local time to UTC."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from assay.data.arrays import IntArray
from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND

NEW_YORK = "America/New_York"
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_FIXED = re.compile(r"(?:UTC|GMT)\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_NEW_YORK_PLUS = re.compile(r"(?:NY|NEW[ _]YORK)\s*([+-])\s*(\d{1,2})", re.IGNORECASE)
_UNTIL = re.compile(r" until (\S+) then ", re.IGNORECASE)
_UNTIL_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M")
_CHANGES_MAX = 16
_OTHER_NAMES = {
    "utc": "UTC",
    "gmt": "UTC",
    "z": "UTC",
    "ny": NEW_YORK,
    "new york": NEW_YORK,
    "new_york": NEW_YORK,
    "est": "UTC-5",
    "mt5": "NY+7",
    "eet": "Europe/Athens",
    "cet": "Europe/Berlin",
    "london": "Europe/London",
}


@dataclass(frozen=True, slots=True)
class Zone:
    """A clock with dated offsets from UTC.

    Attributes
    ----------
    name : str
        Canonical name: ``UTC``, ``UTC+3``, ``NY+7``, an IANA name, or several of these with
        the dates between them.
    starts_ns : int64, shape (n_periods,)
        UTC instants from which an offset holds; the first is far in the past.
    offsets_ns : int64, shape (n_periods,)
        Local time less UTC.
    """

    name: str
    starts_ns: IntArray
    offsets_ns: IntArray

    def to_utc(self, local_ns: IntArray) -> IntArray:
        """Return the UTC instants of local times.

        A local time that occurs twice (clocks set back) means the first; one that does
        not occur (clocks set forward) is read with the offset after the change.
        """
        bounds = self.starts_ns[1:] + self.offsets_ns[:-1]
        return local_ns - self.offsets_ns[np.searchsorted(bounds, local_ns, side="right")]

    def to_local(self, utc_ns: IntArray) -> IntArray:
        """Return the local times of UTC instants."""
        at = np.searchsorted(self.starts_ns[1:], utc_ns, side="right")
        return utc_ns + self.offsets_ns[at]

    def offset_at(self, utc_ns: IntArray) -> IntArray:
        """Return local time less UTC at UTC instants, in nanoseconds."""
        return self.offsets_ns[np.searchsorted(self.starts_ns[1:], utc_ns, side="right")]


@lru_cache(maxsize=256)
def zone(name: str) -> Zone:
    """Return the clock called *name*.

    Parameters
    ----------
    name : str
        ``UTC``, ``UTC+3``, ``UTC-5``, ``NY+7`` (New York plus seven hours: the clock of most
        MT5 servers), ``EET``, ``CET``, or an IANA name such as ``Europe/Athens``. A server
        that changed its clock: ``UTC+2 until 2014-11-23 then NY+7``, with the local time of
        the first (``2014-11-23T06:30`` is possible too), and so on for more changes.

    Raises
    ------
    ConfigError
        If no clock has that name, or changes are not in order of time.

    Examples
    --------
    >>> zone("utc+03").name
    'UTC+3'
    """
    text = " ".join(name.split())
    if _UNTIL.search(text):
        return _composite(text)
    text = _OTHER_NAMES.get(text.lower(), text)
    if text == "UTC":
        return _fixed("UTC", 0)
    if match := _FIXED.fullmatch(text):
        sign = 1 if match.group(1) == "+" else -1
        minutes = sign * (int(match.group(2)) * 60 + int(match.group(3) or 0))
        if abs(minutes) <= 14 * 60:
            return _fixed(fixed_name(minutes), minutes)
    if match := _NEW_YORK_PLUS.fullmatch(text):
        hours = int(match.group(2)) * (1 if match.group(1) == "+" else -1)
        if abs(hours) <= 14:
            base = zone(NEW_YORK)
            if hours == 0:
                return base
            return Zone(f"NY{hours:+d}", base.starts_ns, base.offsets_ns + hours * NS_PER_HOUR)
    try:
        return _from_tzdata(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"Time zone must be UTC, UTC+3, NY+7, EET, CET or an IANA name; was {name!r}.",
            remedy="Most MT5 servers use --timezone NY+7; Europe/Athens and America/New_York are "
            "IANA names.",
            value=name,
        ) from None


def composite_name(names: Sequence[str], until_ns: Sequence[int]) -> str:
    """Return the name of a clock that changed.

    Parameters
    ----------
    names : sequence of str
        Clocks in order of time.
    until_ns : sequence of int
        Local time, whole minutes, at which each but the last ends.

    Examples
    --------
    >>> composite_name(["UTC", "NY+7"], [0])
    'UTC until 1970-01-01 then NY+7'
    """
    text = names[0]
    for until, name in zip(until_ns, names[1:], strict=True):
        moment = datetime.fromtimestamp(until // NS_PER_SECOND, tz=UTC)
        is_midnight = until % NS_PER_DAY == 0
        text += f" until {moment.strftime(_UNTIL_FORMATS[0 if is_midnight else 1])} then {name}"
    return text


def _composite(text: str) -> Zone:
    pieces = _UNTIL.split(text)
    clocks = [zone(name) for name in pieces[::2]]
    untils = [_until(word, text) for word in pieces[1::2]]
    if len(untils) > _CHANGES_MAX:
        raise ConfigError(
            f"Time zone must change at most {_CHANGES_MAX} times; was {len(untils)} in {text!r}.",
            remedy="Split the file.",
            value=text,
        )
    starts, offsets = [clocks[0].starts_ns], [clocks[0].offsets_ns]
    change = np.iinfo(np.int64).min
    for before, after, until in zip(clocks, clocks[1:], untils, strict=False):
        previous, change = change, int(before.to_utc(np.array([until], dtype=np.int64))[0])
        if change <= previous:
            raise ConfigError(
                f"Time zone must change in order of time; was {text!r}.",
                remedy="Write the earlier change first.",
                value=text,
            )
        keep = starts[-1] < change
        starts[-1], offsets[-1] = starts[-1][keep], offsets[-1][keep]
        later = after.starts_ns > change
        now = after.offset_at(np.array([change], dtype=np.int64))
        starts.append(np.concatenate([[change], after.starts_ns[later]]).astype(np.int64))
        offsets.append(np.concatenate([now, after.offsets_ns[later]]))
    name = composite_name([clock.name for clock in clocks], untils)
    return Zone(name, np.concatenate(starts), np.concatenate(offsets))


def _until(word: str, text: str) -> int:
    for pattern in _UNTIL_FORMATS:
        try:
            moment = datetime.strptime(word.upper(), pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
        if _FIRST_YEAR <= moment.year < _LAST_YEAR:
            return int(moment.timestamp()) * NS_PER_SECOND
    raise ConfigError(
        f"A change of time zone must have a date such as 2014-11-23; was {word!r} in {text!r}.",
        remedy="Write `UTC+2 until 2014-11-23 then NY+7`.",
        value=text,
    )


def fixed_name(minutes: int) -> str:
    """Return the name of a fixed offset, such as ``UTC+3`` or ``UTC+5:30``."""
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02d}" if rest else "")


def _fixed(name: str, minutes: int) -> Zone:
    starts = np.array([np.iinfo(np.int64).min // 2], dtype=np.int64)
    return Zone(name, starts, np.array([minutes * 60 * NS_PER_SECOND], dtype=np.int64))


def _from_tzdata(name: str) -> Zone:
    info = ZoneInfo(name)

    def offset_s(moment: datetime) -> int:
        shift = moment.astimezone(info).utcoffset()
        return 0 if shift is None else int(shift.total_seconds())

    step = timedelta(days=7)
    at, stop = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(_LAST_YEAR, 1, 1, tzinfo=UTC)
    starts, offsets = [np.iinfo(np.int64).min // 2], [offset_s(at) * NS_PER_SECOND]
    while at < stop:
        low, high = at, at + step
        if offset_s(low) != offset_s(high):
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                low, high = (low, middle) if offset_s(middle) != offset_s(low) else (middle, high)
            starts.append(int(high.timestamp()) * NS_PER_SECOND)
            offsets.append(offset_s(high) * NS_PER_SECOND)
        at += step
    return Zone(name, np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64))
