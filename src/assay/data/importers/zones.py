"""Clocks of sources: names, offsets, and the way from local time to UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from assay.data.arrays import IntArray
from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_HOUR, NS_PER_SECOND

NEW_YORK = "America/New_York"
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_FIXED = re.compile(r"(?:UTC|GMT)\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_NEW_YORK_PLUS = re.compile(r"(?:NY|NEW[ _]YORK)\s*([+-])\s*(\d{1,2})", re.IGNORECASE)
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
        Canonical name: ``UTC``, ``UTC+3``, ``NY+7``, or an IANA name.
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
        not occur (clocks set forward) is read with the offset before the change.
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
        MT5 servers), ``EET``, ``CET``, or an IANA name such as ``Europe/Athens``.

    Raises
    ------
    ConfigError
        If no clock has that name.

    Examples
    --------
    >>> zone("utc+03").name
    'UTC+3'
    """
    text = name.strip()
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
