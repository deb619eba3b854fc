"""The clocks that are tried, and how likely each is before the rows were seen."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from assay.data.arrays import IntArray
from assay.data.calendar import new_york_offset
from assay.data.columns import distinct
from assay.data.importers.zones import NEW_YORK, fixed_name, zone
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE

PRIOR = {
    "UTC": 1.0,
    NEW_YORK: 1.0,
    "NY+7": 1.0,
    "Europe/Athens": 1.0,
    "UTC-5": 0.5,
    "UTC+3": 0.3,
    "Europe/Berlin": 0.3,
    "Europe/London": 0.3,
    "UTC+2": 0.1,
    "America/Chicago": 0.1,
    "UTC+8": 0.1,
}
"""Weights of clocks that sources are known to use; every other one has ``_PRIOR_OTHER``."""

_PRIOR_OTHER = 0.05
_PRIOR_HALF_HOUR = 0.01
_HALF_HOURS = (210, 270, 330, 570)  # Tehran, Kabul, Mumbai, Adelaide

Groups = dict[str, tuple[float, list[str]]]
"""Clocks that differ on the rows, each with its weight and the clocks that equal it there."""


@lru_cache(maxsize=1)
def candidates() -> tuple[str, ...]:
    """Return the names of the clocks that are tried, the likelier first."""
    us_rule = tuple(f"NY+{hours}" for hours in (6, 5, 8))
    fixed = tuple(fixed_name(hours * 60) for hours in range(-12, 15))
    half = tuple(fixed_name(minutes) for minutes in _HALF_HOURS)
    return tuple(dict.fromkeys((*PRIOR, *us_rule, *fixed, *half)))


def distinct_clocks(local_ns: IntArray, names: Sequence[str]) -> Groups:
    """Return the clocks that give the rows different UTC times, with weight and equals.

    Of clocks that agree on every row the likeliest stays, with the weight of all.
    """
    noons = distinct(local_ns // NS_PER_DAY) * NS_PER_DAY + NS_PER_DAY // 2
    groups: dict[bytes, list[str]] = {}
    for name in names:
        groups.setdefault((noons - zone(name).to_utc(noons)).tobytes(), []).append(name)
    found = {}
    for group in groups.values():
        best = max(group, key=prior_of)
        found[best] = (sum(map(prior_of, group)), [name for name in group if name != best])
    return found


def prior_of(name: str) -> float:
    """Return the weight of a clock before any row was seen; they do not sum to 1."""
    other = _PRIOR_HALF_HOUR if ":" in name else _PRIOR_OTHER
    return PRIOR.get(name, other)


def shifts_of_days(days: IntArray, names: Sequence[str]) -> IntArray:
    """Return how many minutes each clock is ahead of New York: (n_days, n_clocks)."""
    noons = days * NS_PER_DAY + NS_PER_DAY // 2
    columns = []
    for name in names:
        utc_ns = zone(name).to_utc(noons)
        columns.append((noons - utc_ns - new_york_offset(utc_ns)) // NS_PER_MINUTE)
    return np.stack(columns, axis=1)
