"""A small market and a small search over it: seconds, not minutes."""

from functools import cache
from pathlib import Path

import numpy as np

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge
from assay.domain.progress import SilentProgress
from assay.research.history import History
from assay.research.run import execute
from assay.research.run_result import RunResult
from assay.research.search.journal import SearchJournal
from assay.research.search.nested import NestedSearch, nested_search
from assay.research.trials.ledger import TrialLedger
from assay.strategy import Strategy

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
QUICK = Settings.model_validate(
    {
        "run": {"workers": 1},
        "training": {"algorithms": ["logistic"], "features_max": 6, "inner_folds": 2},
        "features": {"names": ["drift_8", "drift_32", "trend_16", "rsi_14"], "timeframes": []},
        "evaluation": {"folds": 2, "bootstrap_samples": 100},
        "search": {
            "trials": 6,
            "batch": 3,
            "every_folds": 1,
            "groups": 4,
            "test_groups": 1,
            "algorithms": ["logistic"],
            "rows_max": 600,
            "adopt_p": 1.0,
            "plateau_share_min": 0.0,
            "space": {
                "labels.horizon_bars": [12, 24],
                "labels.barrier_volatility": [],
                "training.features_max": [],
                "fusion.pass_score": {"low": 0.5, "high": 0.62, "step": 0.04},
                "fusion.weight_ai": [],
                "exits.stop_atr": [4.0, 8.0],
                "risk.kelly_multiplier": [],
            },
        },
    }
)


@cache
def bars():
    edge = PlantedEdge(half_life_bars=60.0, net_sharpe=4.0)
    return simulate(SimulatedMarket(seed=5, n_bars=9_000, edge=edge), GOLD["XAUUSD"])


def history() -> History:
    return History(bars={"XAUUSD": bars()}, instruments=GOLD)


def with_search(settings: Settings = QUICK, **changes: object) -> Settings:
    return settings.model_copy(update={"search": settings.search.model_copy(update=changes)})


class CountingJournal(SearchJournal):
    """A journal that knows how many fits were made since it was opened."""

    n_fits = 0

    def keep_fit(self, *told) -> None:
        self.n_fits += 1
        super().keep_fit(*told)


def search_in(
    folder: Path,
    settings: Settings = QUICK,
    *,
    strategy: Strategy | None = None,
    ledger: TrialLedger | None = None,
) -> NestedSearch:
    """Return the search of a walk with journal and ledger in *folder*; it has not begun."""
    book = ledger or TrialLedger(folder / "ledger.jsonl")
    search = nested_search(settings, history(), strategy, folder=folder, ledger=book, at_ns=1)
    search.journal = CountingJournal(search.journal.folder)
    return search


def executed(search: NestedSearch) -> RunResult:
    """Run the whole optimisation with *search*."""
    return execute(
        search.settings,
        history(),
        ledger=search.ledger,
        progress=SilentProgress(),
        at_ns=1,
        search=search,
    )


def searched(folder: Path, settings: Settings = QUICK) -> tuple[RunResult, NestedSearch]:
    """Run the whole optimisation in *folder*."""
    search = search_in(folder, settings)
    return executed(search), search


def same(one, two) -> bool:
    """Tell whether two outcomes are the same to the bit."""
    return (
        (one.number, one.point, one.by_split, one.paths)
        == (
            two.number,
            two.point,
            two.by_split,
            two.paths,
        )
        and one.daily.tobytes() == two.daily.tobytes()
        and np.array_equal(one.objective, two.objective, equal_nan=True)
    )
