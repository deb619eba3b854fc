"""What a search found, as plain values for results and pages."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.kernels.compiler import FloatArray
from assay.research.search.nested import Search, efficiency, sharpes_after
from assay.research.search.outcome import Outcome
from assay.research.search.space import Space
from assay.research.statistics.overfitting import overfitting

BLOCKS = 10
CANDIDATES_MIN = 4


def search_records(
    space: Space, searches: Sequence[Search], daily: Mapping[int, FloatArray]
) -> list[dict[str, Any]]:
    """Return one record per search, in the order of the walk.

    Parameters
    ----------
    space : Space
    searches : sequence of Search
    daily : mapping of int to float64
        Daily returns out of sample by step of the walk.
    """
    shares, came = efficiency(searches, daily), sharpes_after(searches, daily)
    return [
        {
            "name": item.name,
            "first_fold": item.first_fold,
            "until": iso_utc(item.until_ns),
            "trials": len(item.outcomes),
            "given_up": sum(not outcome.is_complete for outcome in item.outcomes),
            "adopted": item.is_adopted,
            "reason": item.reason,
            "values": item.values,
            "start": _outcome(space, item.start),
            "best": _outcome(space, item.best),
            "p_better": item.p_better,
            "plateau": item.plateau,
            "pbo": probability_of_overfitting(item.outcomes),
            "after": after,
            "efficiency": share,
            "outcomes": [_outcome(space, outcome) for outcome in item.outcomes],
        }
        for item, share, after in zip(searches, shares, came, strict=True)
    ]


def drift(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return, by setting, the value that each search chose, in the order of the walk."""
    names = list(records[0]["values"]) if records else []
    return {name: [record["values"][name] for record in records] for name in names}


def probability_of_overfitting(outcomes: Sequence[Outcome]) -> float:
    """Return the PBO of choosing among the complete configurations; NaN below four."""
    complete = [outcome.daily for outcome in outcomes if outcome.is_complete]
    complete = [daily for daily in complete if np.ptp(daily) > 0.0]
    if len(complete) < CANDIDATES_MIN or len(complete[0]) < 4 * BLOCKS:
        return float("nan")
    try:
        return overfitting(np.column_stack(complete), n_blocks=BLOCKS).probability
    except DataError:  # a configuration that stood still through half of the record
        return float("nan")


def _outcome(space: Space, outcome: Outcome) -> dict[str, Any]:
    return {
        "number": outcome.number,
        "values": space.values(outcome.point),
        "objective": outcome.objective,
        "paths": list(outcome.paths),
    }
