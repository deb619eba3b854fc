"""The fewest changes: settings that the best case changes for nothing go back to what they were."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.research.risk_search.design import NEIGHBOURHOOD, points_around
from assay.research.risk_search.parameters import can_be, units_at, value_of, values_at
from assay.research.risk_search.task import Task, Tried

LOSS = 0.02
"""Share of the best objective that all of this may cost."""
AROUND = 16
"""Neighbours by which a case is known to stand on firm ground."""
FIRM = 0.25
"""Their quantile that must not fall either: a case beside a cliff is as good and not as firm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """How good cases are, and their neighbourhoods; float64, shape (n_cases,) each."""

    objective: FloatArray
    firm: FloatArray


def tries_max(task: Task) -> int:
    """Return how many cases may be traded."""
    n = len(task.plan.ranges)
    n_twice = n - 1 if _has_both_scores(task.plan.ranges) else 0
    return (1 + n * (n + 1) // 2 + n_twice) * (1 + AROUND)


def simplified(task: Task, tried: Tried, best: int) -> tuple[list[Tried], int]:
    """Take changes back one after the other, as long as hardly anything is lost.

    Parameters
    ----------
    task : Task
    tried : (Cases, units, objectives)
    best : int
        The one of them to begin with.

    Returns
    -------
    further : list of (Cases, units, objectives)
        What was traded for this.
    found : int
        Place of the simplest case among *tried* and *further*, one after the other.

    Notes
    -----
    Backward elimination: each round takes back the change that costs least, if neither the case
    nor the lower quartile of its neighbours falls by more than 2 % of the best objective. A
    setting whose value now lies outside its range stays changed. A ``hold_score`` above the
    ``pass_score`` of the case goes back as far as that, and the rest of the way once the
    ``pass_score`` went back as well: so there is at most one round more than there are settings.
    """
    cases, _, objective = tried
    if not np.isfinite(objective[best]):
        return [], best
    now = _held({name: float(column[best]) for name, column in cases.values.items()})
    back = {
        name: value_of(task.settings, name)
        for name, item in task.plan.ranges.items()
        if can_be(value_of(task.settings, name), item)
    }
    first, stand = _traded(task, [now])
    further, found, n_seen = [first], best, len(cases) + len(first[0])
    loss = LOSS * abs(objective[best])
    floors = (float(objective[best]) - loss, float(stand.firm[0]) - loss)
    for _ in range(len(back) + 1):
        rows = [_held({**now, name: value}) for name, value in back.items()]
        rows = [row for row in rows if row != now]
        if not rows:
            break
        some, stand = _traded(task, rows)
        further.append(some)
        may = (stand.objective >= floors[0]) & (stand.firm >= floors[1])
        if not may.any():
            break
        k = int(np.argmax(np.where(may, stand.objective, -np.inf)))
        now = {name: float(column[k]) for name, column in some[0].values.items()}
        found = n_seen + k
        n_seen += len(some[0])
    return further, found


def _has_both_scores(names: Container[str]) -> bool:
    return "hold_score" in names and "pass_score" in names


def _held(row: dict[str, float]) -> dict[str, float]:
    """Return a case as it is traded: its ``hold_score`` is at most its ``pass_score``."""
    if not _has_both_scores(row):
        return row
    return {**row, "hold_score": min(row["hold_score"], row["pass_score"])}


def _traded(task: Task, rows: list[dict[str, float]]) -> tuple[Tried, _Stand]:
    """Trade cases and neighbours of each, and say how good they are; the cases come first."""
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    ranges = task.plan.ranges
    units = units_at(values, ranges)
    around = points_around(units, AROUND, NEIGHBOURHOOD, ranges, seed=task.seed)
    near = values_at(around, ranges)
    cases, objective = task.trade(
        {name: np.concatenate([values[name], near[name]]) for name in ranges}
    )
    n = len(rows)
    firm = np.quantile(objective[n:].reshape(n, AROUND), FIRM, axis=1, method="lower")
    places = np.concatenate([units, around])
    return (cases, places, objective), _Stand(objective=objective[:n], firm=firm)
