"""What the searches of one walk say together: drift, efficiency, and what mattered.

Everything here reads the records of `assay.research.search.record.search_records`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.kernels.compiler import FloatArray

Record = Mapping[str, Any]

STAYED, WANDERED = 0.5, 0.8
"""Shares of the wandering of random draws: below the first a setting stayed, from the second it
wandered like chance; between them it moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Where the best value of one setting lay, search after search.

    Attributes
    ----------
    name : str
    values : tuple
        All values that were tried, numbers in their order.
    best, chosen : tuple of int
        Place among *values* of what each search found best, and of what it chose.
    wandering : float
        Mean step between the bests of successive searches over that of values drawn at random;
        1 is what chance gives. NaN below two searches or two values.
    """

    name: str
    values: tuple[Any, ...]
    best: tuple[int, ...]
    chosen: tuple[int, ...]
    wandering: float

    @property
    def moves(self) -> int:
        """How often the best was another than that of the search before."""
        return sum(one != other for one, other in zip(self.best, self.best[1:], strict=False))

    @property
    def word(self) -> str:
        """``stayed``, ``moved``, ``wandered`` like chance, or ``unknown``."""
        if math.isnan(self.wandering):
            return "unknown"
        if self.wandering < STAYED:
            return "stayed"
        return "moved" if self.wandering < WANDERED else "wandered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one search promised, and what came of it.

    Attributes
    ----------
    expected : float
        Median over the paths of the annual Sharpe ratio of what it chose.
    after : float
        Annual Sharpe ratio of the steps that it chose for.
    share : float
        The walk-forward efficiency: *after* over *expected*.
    """

    expected: float
    after: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much of the differences between configurations one setting explains.

    Attributes
    ----------
    name : str
    share : float
        Of the variance of the objective, corrected for chance, [0, 1]; NaN where unknown.
    means : tuple of (value, mean, count)
        Mean objective of the configurations with each value, less that of their search.
    """

    name: str
    share: float
    means: tuple[tuple[Any, float, int], ...]


def drifts(records: Sequence[Record]) -> tuple[Drift, ...]:
    """Return the drift of every setting that was searched.

    Notes
    -----
    Two places drawn at random among *k* are ``(k² - 1) / 3k`` apart on average.
    """
    found = []
    for name in _names(records):
        values = _values_seen(records, name)
        place = {_key(value): index for index, value in enumerate(values)}
        best = tuple(place[_key(record["best"]["values"][name])] for record in records)
        chosen = tuple(place[_key(record["values"][name])] for record in records)
        k = len(values)
        known = k > 1 and len(records) > 1
        steps = float(np.mean(np.abs(np.diff(best)))) if known else math.nan
        found.append(
            Drift(
                name=name,
                values=values,
                best=best,
                chosen=chosen,
                wandering=steps / ((k * k - 1) / (3.0 * k)) if known else math.nan,
            )
        )
    return tuple(found)


def kept(records: Sequence[Record]) -> tuple[Kept, ...]:
    """Return what each search promised and what came of it, in the order of the walk."""
    found = []
    for record in records:
        chosen = record["best"] if record["adopted"] else record["start"]
        expected = float(np.median(chosen["paths"]))
        share = float(record["efficiency"])
        after = float(record.get("after", share * expected))  # earlier records have none
        found.append(Kept(expected=expected, after=after, share=share))
    return tuple(found)


def efficiency_of_all(items: Sequence[Kept]) -> float:
    """Return the mean of what came after over the mean of what was expected; NaN if unknown."""
    known = [item for item in items if not math.isnan(item.share)]
    expected = sum(item.expected for item in known)
    return sum(item.after for item in known) / expected if expected > 0.0 else math.nan


def importances(records: Sequence[Record]) -> tuple[Importance, ...]:
    """Return the share of the objective's variance that each setting explains, largest first.

    Notes
    -----
    A one-way analysis of variance per setting over the complete configurations of all searches,
    each objective less the mean of its search: ``ε² = (SSB - (k - 1) MSW) / SST`` for *k* values,
    floored at 0, so that a setting without effect has 0 on average and not ``(k - 1)/(n - 1)``.
    The settings are searched together and not on a grid, so the shares need not add up to 1.
    """
    complete = [
        [outcome for outcome in record["outcomes"] if outcome["paths"]] for record in records
    ]
    centred = [
        np.array([outcome["objective"] for outcome in outcomes])
        - np.mean([outcome["objective"] for outcome in outcomes])
        for outcomes in complete
        if outcomes
    ]
    objective = np.concatenate(centred) if centred else np.empty(0)
    every = [outcome["values"] for outcomes in complete for outcome in outcomes]
    n_free = len(objective) - len(centred)
    found = []
    for name in _names(records):
        values = _values_seen(records, name)
        keys = np.array([_key(value[name]) for value in every])
        found.append(_importance(name, values, keys, objective, n_free))
    return tuple(
        sorted(found, key=lambda item: -item.share if not math.isnan(item.share) else math.inf)
    )


def _importance(
    name: str, values: Sequence[Any], keys: Any, objective: FloatArray, n_free: int
) -> Importance:
    """Return the share of one setting; *n_free* are the degrees of freedom of the objective."""
    means, between, n_groups = [], 0.0, 0
    for value in values:
        mine = objective[keys == _key(value)] if len(objective) else objective
        if not len(mine):
            continue
        mean = float(np.mean(mine))
        means.append((value, mean, len(mine)))
        between += len(mine) * mean**2
        n_groups += 1
    total = float(np.sum(objective**2))
    free = n_free - (n_groups - 1)
    if n_groups < 2 or free < 1 or not total > 0.0:
        return Importance(name=name, share=math.nan, means=tuple(means))
    within = max(total - between, 0.0) / free
    share = (between - (n_groups - 1) * within) / total
    return Importance(name=name, share=min(max(share, 0.0), 1.0), means=tuple(means))


def _names(records: Sequence[Record]) -> list[str]:
    return list(records[0]["values"]) if records else []


def _values_seen(records: Sequence[Record], name: str) -> tuple[Any, ...]:
    """Return every value of *name* that was tried, numbers in their order."""
    seen = {
        _key(outcome["values"][name]): outcome["values"][name]
        for record in records
        for outcome in (*record["outcomes"], record["start"], record["best"], record)
    }
    values = list(seen.values())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return tuple(sorted(values))
    return tuple(sorted(values, key=_key))


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
