"""The table of published examples: a row each, and who adds them.

A topic is a function that yields rows; ``@topic("Sharpe ratio")`` puts it into the table.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

LIBRARY_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure beside what it has to be.

    Attributes
    ----------
    name, source : str
        What it is, and who published it or computes it too.
    low, high : float
        What it has to lie between.
    expected : str
        The same, as published.
    found : float
        What Assay says; NaN where a library is not installed.
    """

    name: str
    source: str
    low: float
    high: float
    expected: str
    found: float

    @property
    def holds(self) -> bool:
        """Whether the figure is what it has to be."""
        return self.low <= self.found <= self.high

    @property
    def difference(self) -> float:
        """Distance to the middle of what it has to be."""
        return self.found - (self.low + self.high) / 2.0 if self.low != self.high else 0.0


Topic = Callable[[], Iterator[Row]]
TOPICS: dict[str, Topic] = {}


def topic(title: str) -> Callable[[Topic], Topic]:
    """Add a function to the table under *title*."""

    def add(function: Topic) -> Topic:
        TOPICS[title] = function
        return function

    return add


def published(name: str, source: str, expected: str, found: float) -> Row:
    """Ask for equality to the digits published: half a unit of the last one."""
    decimals = len(expected.partition(".")[2])
    value, half = float(expected), 0.5 * 10.0**-decimals * (1.0 + 1e-9)
    return Row(
        name=name,
        source=source,
        low=value - half,
        high=value + half,
        expected=expected,
        found=float(found),
    )


def equal(name: str, source: str, expected: float, found: float) -> Row:
    """Ask for equality to 1e-9, relative to numbers above 1."""
    slack = LIBRARY_TOLERANCE * max(1.0, abs(expected))
    return Row(
        name=name,
        source=source,
        low=expected - slack,
        high=expected + slack,
        expected=f"{expected:.10g}",
        found=float(found),
    )


def exactly(name: str, source: str, expected: float, found: float) -> Row:
    """Ask for the same number, to the last bit."""
    value = float(expected)
    return Row(
        name=name, source=source, low=value, high=value, expected=f"{value:g}", found=float(found)
    )


def between(name: str, source: str, low: float, high: float, found: float) -> Row:
    """Ask for a figure of a simulation inside its range."""
    return Row(
        name=name,
        source=source,
        low=low,
        high=high,
        expected=f"{low:g} to {high:g}",
        found=float(found),
    )


def library(name: str) -> ModuleType | None:
    """Return an independent library, or None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def missing(name: str, source: str) -> Row:
    """Say that a library is not there to compare with."""
    return Row(
        name=name, source=source, low=0.0, high=0.0, expected="not installed", found=math.nan
    )
