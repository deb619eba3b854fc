"""Search the risk settings of one fixed stream of views."""

import math

import numpy as np

from assay.domain.errors import ConfigError
from assay.domain.progress import Progress
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.compute.threads import one_thread
from assay.research.risk_search.design import NEIGHBOURHOOD, nearest, points_around, spread_points
from assay.research.risk_search.evaluation import arena_of, joined
from assay.research.risk_search.found import RiskSearch
from assay.research.risk_search.judging import found_by
from assay.research.risk_search.ranges import check_ranges
from assay.research.risk_search.simplifying import simplified, tries_max
from assay.research.risk_search.task import CASES, Plan, Task, Tried

CASES_MIN = 256
CASES_MAX = 1_000_000
SPREAD_SHARE = 0.6
NEIGHBOURS_SHARE = 0.05
NEIGHBOURS_MIN = 64
CENTRES = 8
SMOOTHED_OVER = 16
CANDIDATES = 64
HALF_WIDTHS = (0.15, 0.07)
"""Of the boxes around the best, one round of refinement after the other."""


def search_risk(
    market: Market,
    views: Views,
    plan: Plan,
    *,
    place: Place,
    progress: Progress,
    seed: int,
    stage: str = "Searching risk settings",
) -> RiskSearch:
    """Search the risk settings of one stream of views on the compiled engine.

    Parameters
    ----------
    market : Market
        Its settings are what the cases vary. Hazard: everything in it is seen by the search. What
        it chooses must be judged on what comes after, and every case is a trial.
    views : Views
        One fixed stream, one row per event.
    plan : Plan
        Of its cases 60 % (rounded down to a power of two) are spread over the ranges, then follow
        two rounds of refinement around the best. Then settings that the best case changes for
        nothing go back to what they were, and the neighbourhood of what is left is traded.
    place : Place
    progress : Progress
    seed : int
    stage : str
        Name of the stage for *progress*.

    Returns
    -------
    RiskSearch
        The same for the same arguments, wherever it is computed.

    Raises
    ------
    ConfigError
        If the ranges leave what the settings allow, or the plan is out of range.
    DataError
        If the history is too short.
    """
    check_plan(plan)
    check_ranges(market.settings, plan.ranges)
    task = Task(arena=arena_of(market, views), plan=plan, place=place, seed=seed, progress=progress)
    n_spread = 2 ** int(math.log2(SPREAD_SHARE * plan.n_cases))
    n_near = max(NEIGHBOURS_MIN, int(NEIGHBOURS_SHARE * plan.n_cases))
    n_each = (plan.n_cases - n_spread - n_near) // (len(HALF_WIDTHS) * CENTRES)
    n_spare = tries_max(task)
    n_sure = n_spread + n_near + n_each * len(HALF_WIDTHS) * CENTRES + 1
    progress.stage(stage, n_sure + n_spare)
    spread = task.tried(spread_points(n_spread, len(plan.ranges), seed=seed))
    tried = [spread]
    for i, half_width in enumerate(HALF_WIDTHS):
        centres = _best_places(tried)
        tried.append(
            task.tried(points_around(centres, n_each, half_width, plan.ranges, seed=seed + 2 + i))
        )
    so_far = _together(tried)
    ranked = np.argsort(-so_far[2], kind="stable")
    further, best = simplified(task, so_far, _most_supported(*so_far[1:], ranked[:CANDIDATES]))
    every, units, objective = _together([so_far, *further])
    near = task.tried(
        points_around(units[[best]], n_near, NEIGHBOURHOOD, plan.ranges, seed=seed + 1)
    )
    progress.advance(n_spare - sum(len(item[0]) for item in further))
    order = np.argsort(-objective, kind="stable")
    with one_thread():
        return found_by(
            task,
            spread=spread,
            every=(joined([every, near[0]]), np.concatenate([objective, near[2]])),
            order=np.concatenate(([best], order[order != best])),
            near=near[2],
        )


def check_plan(plan: Plan) -> None:
    """Refuse a plan whose numbers make no sense.

    Raises
    ------
    ConfigError
        Naming the number.
    """
    if not CASES_MIN <= plan.n_cases <= CASES_MAX:
        raise ConfigError(
            f"A search of risk settings must have {CASES_MIN} to {CASES_MAX:,} cases; had "
            f"{plan.n_cases:,}.",
            remedy=f"Use {CASES}: on an hourly history of ten years they take seconds.",
            key="cases",
        )
    if not plan.drawdown_max > 0.0:
        raise ConfigError(
            f"The largest drawdown must be above 0, a share of the peak; was "
            f"{plan.drawdown_max:g}.",
            remedy="Use 0.2 for a fifth, or leave it out.",
            key="drawdown_max",
        )


def _together(tried: "list[Tried]") -> Tried:
    return (
        joined([cases for cases, _, _ in tried]),
        np.concatenate([units for _, units, _ in tried]),
        np.concatenate([objective for _, _, objective in tried]),
    )


def _best_places(tried: "list[Tried]") -> FloatArray:
    """Return where to look more closely: the best cases whose neighbourhood does best."""
    units = np.concatenate([item[1] for item in tried])
    objective = np.concatenate([item[2] for item in tried])
    order = np.argsort(-objective, kind="stable")[:CANDIDATES]
    return units[sorted(order, key=lambda k: -_smoothed(units, objective, k))[:CENTRES]]


def _smoothed(units: FloatArray, objective: FloatArray, k: int) -> float:
    """Return the median objective of a case and those nearest to it: a lone peak counts little."""
    near = objective[nearest(units, units[k], SMOOTHED_OVER)]
    return float(np.quantile(near, 0.5, method="lower"))


def _most_supported(units: FloatArray, objective: FloatArray, candidates: IntArray) -> int:
    """Return the one of the best cases whose neighbourhood does best."""
    smoothed = [_smoothed(units, objective, k) for k in candidates]
    return int(candidates[int(np.argmax(smoothed))])
