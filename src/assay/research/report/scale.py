"""Axes: where ticks lie, and how a value becomes a place on the page."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from assay.domain.time import NS_PER_SECOND
from assay.kernels.compiler import FloatArray

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to page units, or one on logarithms.

    Attributes
    ----------
    low, high : float
        Values at the two ends.
    start, stop : float
        Page units at the two ends; *stop* may be smaller, as it is upward on a page.
    is_log : bool
    """

    low: float
    high: float
    start: float
    stop: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of one value."""
        low, high = self.low, self.high
        if self.is_log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.stop - self.start)

    def places(self, values: FloatArray) -> FloatArray:
        """Return the places of many values."""
        low, high = self.low, self.high
        if self.is_log:
            values, low, high = np.log(values), math.log(low), math.log(high)
        share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        return self.start + share * (self.stop - self.start)


def ticks(low: float, high: float, n_about: int = 5) -> list[float]:
    """Return round values between *low* and *high*.

    Examples
    --------
    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / max(n_about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1.0, 2.0, 2.5, 5.0, 10.0) if size * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def percent_digits(marks: list[float]) -> int:
    """Return how many decimals per cent need so that no two marks look alike or round.

    Examples
    --------
    >>> percent_digits([0.0, 0.025, 0.05]), percent_digits([0.0, 0.1])
    (1, 0)
    """
    for digits in (0, 1):
        if all(abs(100.0 * mark - round(100.0 * mark, digits)) < 1e-6 for mark in marks):
            return digits
    return 2


def growth_ticks(low: float, high: float) -> list[float]:
    """Return round growth factors for a logarithmic axis, at most about seven."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for shape in (
        (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 8),
        (1, 1.5, 2, 3, 5, 7),
        (1, 2, 5),
        (1,),
    ):
        found = [size * 10.0**decade for decade in decades for size in shape]
        found = [value for value in found if low <= value <= high]
        if len(found) <= 7:
            return found
    return found


def year_ticks(start_ns: int, stop_ns: int, n_max: int = 10) -> list[tuple[int, str]]:
    """Return the starts of calendar years inside a span, or of quarters or months if short."""
    first, last = _moment(start_ns), _moment(stop_ns)
    months = (last.year - first.year) * 12 + last.month - first.month
    for step in (1, 2, 3, 6, 12, 24, 60, 120):
        if months / step <= n_max:
            break
    found = []
    for index in range(first.year * 12, last.year * 12 + 12, step):
        year, month = divmod(index, 12)
        at = int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * NS_PER_SECOND
        if start_ns <= at <= stop_ns:
            label = str(year) if step >= 12 else f"{MONTHS[month]} {year}"
            found.append((at, label))
    return found


def day_text(time_ns: int) -> str:
    """Return the UTC date of an instant.

    Examples
    --------
    >>> day_text(0)
    '1970-01-01'
    """
    return _moment(time_ns).strftime("%Y-%m-%d")


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, tz=UTC)
