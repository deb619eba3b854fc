"""Show the economic calendar as it was known at a time."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.screen import Screen
from assay.domain.errors import ConfigError
from assay.domain.time import NS_PER_DAY, Clock, iso_utc, utc_ns

if TYPE_CHECKING:
    from assay.data.inputs.news import NewsEvent

DAYS_SHOWN = 7
_YEAR_MIN, _YEAR_MAX = 1970, 2200
_IMPACTS = {"low": 1, "medium": 2, "high": 3, "1": 1, "2": 2, "3": 3}
_WORDS = {-1: "?", 0: "none", 1: "low", 2: "medium", 3: "high"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarWish:
    """What the user wants to see.

    Attributes
    ----------
    at_ns : int
        As known then.
    start_ns, stop_ns : int
    currencies : tuple of str or None
    impact_min : int or None
    """

    at_ns: int
    start_ns: int
    stop_ns: int
    currencies: tuple[str, ...] | None
    impact_min: int | None

    @classmethod
    def parse(
        cls,
        *,
        start: str | None,
        stop: str | None,
        currency: str | None,
        impact: str | None,
        at: str | None,
        clock: Clock,
    ) -> "CalendarWish":
        """Read the options of the command line; times are UTC.

        Raises
        ------
        ConfigError
            If one cannot be read.
        """
        at_ns = int(clock.now()) if at is None else moment_of(at, "--at")
        start_ns = at_ns - at_ns % NS_PER_DAY if start is None else moment_of(start, "--from")
        stop_ns = (
            start_ns + DAYS_SHOWN * NS_PER_DAY
            if stop is None
            else moment_of(stop, "--to", is_end=True)
        )
        if stop_ns <= start_ns:
            raise ConfigError(
                f"--to must be after --from; was {stop or start!r}.",
                remedy="Write the earlier one in --from.",
                value=stop,
            )
        if impact is not None and impact.lower() not in _IMPACTS:
            raise ConfigError(
                f"--impact must be low, medium or high; was {impact!r}.",
                remedy="Correct the spelling.",
                value=impact,
            )
        named = tuple(re.split(r"[,\s]+", currency.strip().upper())) if currency else None
        return cls(
            at_ns=at_ns,
            start_ns=start_ns,
            stop_ns=stop_ns,
            currencies=named,
            impact_min=None if impact is None else _IMPACTS[impact.lower()],
        )


def moment_of(text: str, option: str, *, is_end: bool = False) -> int:
    """Return a date or an ISO 8601 time in UTC nanoseconds; a date as an end means its end.

    Raises
    ------
    ConfigError
        If *text* is neither.

    Examples
    --------
    >>> moment_of("1970-01-01T00:00:01Z", "--at")
    1000000000
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if not _YEAR_MIN <= moment.year <= _YEAR_MAX:
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{option} must be a date or a time such as 2024-01-05T13:30Z, of {_YEAR_MIN} to "
            f"{_YEAR_MAX}; was {text!r}.",
            remedy="Correct it; times without an offset are UTC.",
            value=text,
        ) from None
    if is_end and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
        moment += timedelta(days=1)
    return utc_ns(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def show_calendar(folder: Path, wish: CalendarWish, screen: Screen) -> None:
    """Show events of a stretch of time as they were known at a time.

    Raises
    ------
    DataError
        If the stored calendar is damaged.
    """
    from assay.data.catalogue import Catalogue
    from assay.data.inputs.known import news_known

    events = news_known(
        Catalogue(folder),
        wish.at_ns,
        start_ns=wish.start_ns,
        stop_ns=wish.stop_ns,
        currencies=wish.currencies,
        impact_min=wish.impact_min,
    )
    if not events:
        screen.say(
            f"No events from {iso_utc(wish.start_ns)} to {iso_utc(wish.stop_ns)} were known at "
            f"{iso_utc(wish.at_ns)}. Next: assay data import calendar.csv"
        )
    else:
        screen.table(
            ("time (UTC)", "currency", "impact", "event", "actual", "forecast", "previous"),
            [_row(event) for event in events],
            title=f"As known at {iso_utc(wish.at_ns)}",
        )
    screen.emit(
        {
            "at": iso_utc(wish.at_ns),
            "from": iso_utc(wish.start_ns),
            "to": iso_utc(wish.stop_ns),
            "events": [event.as_json() for event in events],
        }
    )


def _row(event: "NewsEvent") -> tuple[str, ...]:
    day, _, clock = iso_utc(event.time_ns).partition("T")
    shown = clock[:5] if event.timing == "exact" else event.timing.replace("_", " ")
    title = f"{event.title} (cancelled)" if event.is_cancelled else event.title
    previous = event.previous if math.isnan(event.revised) else event.revised
    return (
        f"{day} {shown}",
        event.currency,
        _WORDS[event.impact],
        title,
        *(_value(value, event.unit) for value in (event.actual, event.forecast, previous)),
    )


def _value(value: float, unit: str) -> str:
    return "" if math.isnan(value) else f"{value:,.10g}{unit}"
