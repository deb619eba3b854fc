"""The examples run."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np

from assay.config.instruments import load_instrument
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.strategy import load_strategy
from assay.strategy.agreement import check_agreement

REPOSITORY = Path(__file__).resolve().parents[1]


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_features_by_hand_are_the_same_in_batch_and_live() -> None:
    assert example("features_by_hand").main()


def test_the_strategy_says_the_same_over_a_history_and_bar_by_bar() -> None:
    bars = simulate(SimulatedMarket(seed=1, n_bars=1_500), load_instrument("XAUUSD"))
    strategy = load_strategy(REPOSITORY / "examples" / "strategy.py")
    values = {column.name: column.compute(bars) for column in strategy.columns}

    check_agreement(strategy, {"XAUUSD": bars}, {"XAUUSD": values})
    assert set(np.unique(values["breakout"])) == {-1.0, 0.0, 1.0}
    for name in strategy.feature_names:
        assert np.isfinite(values[name]).mean() > 0.95


def test_the_whole_job_runs_from_python(tmp_path: Path) -> None:
    outcome = example("whole_job").main(
        tmp_path,
        years=2.0,
        training={"algorithms": ["logistic"], "inner_folds": 2},
        evaluation={"folds": 2, "bootstrap_samples": 100},
        features={"names": ["drift_8", "drift_32", "trend_16", "rsi_14"], "timeframes": []},
        run={"workers": 1},
    )

    assert outcome in {"edge", "no edge", "not enough data"}
    assert (tmp_path / "report" / "report.html").is_file()
