"""Time of day and week in New York, at the moment a bar is known."""

from math import cos, pi, sin

from assay.features.feature import Feature
from assay.kernels.compiler import kernel

_DAY = 1440.0
_WEEK = 10080.0
_HOUR = 60.0


@kernel
def week_step(minute: float) -> tuple[float, float, float, float]:
    """Return where in the week and in the day a minute lies, as points on two circles."""
    week = 2.0 * pi * minute / _WEEK
    day = 2.0 * pi * (minute % _DAY) / _DAY
    return sin(week), cos(week), sin(day), cos(day)


WEEK = Feature(
    name="week_sin",
    meaning="New York time at the close on the circle of the week, and of the day",
    step=week_step,
    inputs=lambda: ("minute",),
    outputs=("week_sin", "week_cos", "day_sin", "day_cos"),
)


@kernel
def session_step(minute: float) -> tuple[float, float, float, float]:
    """Return 1 in the hours of a market, 0 outside, on New York's clock."""
    hour = (minute % _DAY) / _HOUR
    asia = 1.0 if hour >= 19.0 or hour < 4.0 else 0.0
    london = 1.0 if 3.0 <= hour < 12.0 else 0.0
    new_york = 1.0 if 8.0 <= hour < 17.0 else 0.0
    return asia, london, new_york, london * new_york


SESSION = Feature(
    name="session_asia",
    meaning="whether the next bar opens in a market's hours, 0 or 1: Asia, London, New York, both",
    step=session_step,
    inputs=lambda: ("minute",),
    outputs=("session_asia", "session_london", "session_new_york", "session_overlap"),
)

FEATURES = (WEEK, SESSION)
