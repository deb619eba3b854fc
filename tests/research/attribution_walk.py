"""One small walk forward on a market with an edge, for the tests of attribution."""

from functools import cache

import numpy as np

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge
from assay.domain.progress import SilentProgress
from assay.research.history import History
from assay.research.walk import Walked, walk

SETTINGS = Settings.model_validate(
    {
        "training": {
            "algorithms": ["lightgbm", "logistic"],
            "rows_max": 2_000,
            "inner_folds": 2,
        },
        "features": {"names": ["drift_8", "drift_32", "trend_16", "rsi_14"], "timeframes": []},
        "evaluation": {"folds": 2, "bootstrap_samples": 200},
        "fusion": {"topology": "parallel"},
        "exits": {"stop_atr": 4.0, "targets": [{"at_r": 1.5, "fraction": 0.5}]},
        "run": {"workers": 1},
    }
)


def history(n_bars: int = 9_000) -> History:
    gold = load_instrument("XAUUSD")
    edge = PlantedEdge(half_life_bars=60.0, net_sharpe=8.0)
    bars = simulate(SimulatedMarket(seed=21, n_bars=n_bars, edge=edge), gold)
    return History(bars={"XAUUSD": bars}, instruments={"XAUUSD": gold})


@cache
def small_walk() -> Walked:
    return walk(SETTINGS, history(), progress=SilentProgress())


def signed_views(walked: Walked, path: str) -> np.ndarray:
    views = walked.views[path]
    return np.nan_to_num(views.direction * (2.0 * views.score - 1.0))
