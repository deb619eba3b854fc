"""Records of searches as `search_records` makes them, with a known answer."""

from typing import Any

import numpy as np

HORIZONS = (12, 24, 48, 96)
STOPS = (4.0, 8.0, 16.0)
BY_HORIZON = {12: -0.5, 24: 0.4, 48: 0.1, 96: 0.0}


def record_of(
    fold: int,
    *,
    n: int = 40,
    n_paths: int = 5,
    adopted: bool = True,
    efficiency: float = 0.6,
    noise: float = 0.1,
    best_horizon: int = 24,
    given_up: int = 6,
) -> dict[str, Any]:
    """Return a search in which the horizon matters and the stop does not."""
    rng = np.random.default_rng([7, fold])
    outcomes = []
    for number in range(n):
        values = {
            "labels.horizon_bars": int(rng.choice(HORIZONS)),
            "exits.stop_atr": float(rng.choice(STOPS)),
        }
        if number == 0:
            values = {"labels.horizon_bars": 48, "exits.stop_atr": 8.0}
        if number == 1:
            values["labels.horizon_bars"] = best_horizon
        level = BY_HORIZON[values["labels.horizon_bars"]] + 0.3 * fold + 1.0
        level += 2.0 * (number == 1)
        paths = level + noise * rng.standard_normal(n_paths)
        is_complete = number < n - given_up
        outcomes.append(
            {
                "number": number,
                "values": values,
                "objective": float(np.median(paths)) - 0.05 if is_complete else float("nan"),
                "paths": paths.tolist() if is_complete else [],
            }
        )
    start, best = outcomes[0], outcomes[1]
    return {
        "name": f"fold {fold}",
        "first_fold": fold,
        "until": f"201{fold}-05-01T00:00:00Z",
        "trials": n,
        "given_up": given_up,
        "adopted": adopted,
        "reason": "Better than the start (p = 0.01), and 80% of its neighbours do nearly as well."
        if adopted
        else "Only 20% of its neighbours do nearly as well: a lone peak.",
        "values": (best if adopted else start)["values"],
        "start": start,
        "best": best,
        "p_better": 0.01,
        "plateau": 0.8 if adopted else 0.2,
        "pbo": 0.12,
        "efficiency": efficiency,
        "outcomes": outcomes,
    }
