"""UTC nanoseconds and the clock port."""

from datetime import UTC, datetime
from typing import NewType, Protocol

UtcNs = NewType("UtcNs", int)
"""Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds."""

NS_PER_SECOND = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_SECOND
NS_PER_HOUR = 3_600 * NS_PER_SECOND
NS_PER_DAY = 86_400 * NS_PER_SECOND


class Clock(Protocol):
    """Tell the time. Passed in wherever time is needed; nothing reads an ambient clock."""

    def now(self) -> UtcNs:
        """Return the current time; never earlier than the last answer."""
        ...


def utc_ns(moment: datetime) -> UtcNs:
    """Convert an aware datetime, exactly to the microsecond.

    Raises
    ------
    ValueError
        If *moment* has no timezone: guessing one has moved trades by hours before.

    Examples
    --------
    >>> utc_ns(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000000
    """
    if moment.tzinfo is None:
        raise ValueError(
            f"moment must be timezone-aware; was {moment!r}. Attach the broker's timezone."
        )
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000
    return UtcNs((microseconds + since_epoch.microseconds) * 1_000)


def iso_utc(time_ns: int) -> str:
    """Return *time_ns* as ISO 8601 text in UTC, to the second.

    Examples
    --------
    >>> iso_utc(1_000_000_000)
    '1970-01-01T00:00:01Z'
    """
    seconds, _ = divmod(int(time_ns), NS_PER_SECOND)
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
