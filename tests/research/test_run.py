"""The whole job: repeatable to the byte, whatever the number of workers, and honest when short."""

import json
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge
from assay.domain.errors import ConfigError, DataError
from assay.domain.progress import SilentProgress
from assay.domain.timeframe import Timeframe
from assay.research.history import History
from assay.research.report import write_report
from assay.research.run import execute
from assay.research.run_result import RunResult
from assay.research.training import rows_apart
from assay.research.trials.ledger import TrialLedger

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
QUICK = Settings.model_validate(
    {
        "training": {"algorithms": ["lightgbm", "logistic"], "features_max": 15, "rows_max": 4_000},
        "features": {"timeframes": ["H4"]},
        "evaluation": {"folds": 3, "bootstrap_samples": 200},
    }
)
EDGE = PlantedEdge(half_life_bars=120.0, net_sharpe=3.0)
BARS = simulate(SimulatedMarket(seed=21, n_bars=14_000, edge=EDGE), GOLD["XAUUSD"])


def run(folder: Path, *, workers: int = 1, bars: object = BARS) -> RunResult:
    settings = QUICK.model_copy(update={"run": QUICK.run.model_copy(update={"workers": workers})})
    return execute(
        settings,
        History(bars={"XAUUSD": bars}, instruments=GOLD),  # type: ignore[dict-item]
        ledger=TrialLedger(folder / "ledger.jsonl"),
        progress=SilentProgress(),
        at_ns=7,
    )


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_report(run(tmp_path), tmp_path).json.read_bytes() for _ in range(2))
    assert one == two, "the second run in a workspace counts no further trial"
    told = json.loads(one)
    assert told["verdict"]["outcome"] in {"edge", "no edge", "not enough data"}


def test_training_never_overlaps_its_test_and_every_path_is_shown(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert [item.name for item in result.strategies] == [
        "hybrid",
        "ai",
        "indicators",
        "buy_and_hold",
        "random",
    ]
    for fold in result.folds:
        assert fold.train_stop_ns <= fold.test_start_ns
    assert result.leaks[0][1].startswith("0 pairs")
    assert result.forecasts is not None
    assert ((result.forecasts.p > 0.0) & (result.forecasts.p < 1.0)).all()


def test_the_future_changes_no_earlier_fold(tmp_path: Path) -> None:
    """Cut the last fold off: what the folds before it said stays, to the last bit."""
    whole = run(tmp_path)
    first_end = whole.folds[1].test_start_ns
    changed = BARS.between(0, len(BARS))
    late = changed.time_ns >= whole.folds[2].test_start_ns
    factor = np.where(late, 1.25, 1.0)
    from dataclasses import replace

    columns = ("open", "high", "low", "close", "ask_open", "ask_high", "ask_low", "ask_close")
    other = replace(changed, **{name: getattr(changed, name) * factor for name in columns})
    (tmp_path / "other").mkdir()
    poisoned = run(tmp_path / "other", bars=other)
    assert whole.forecasts is not None and poisoned.forecasts is not None
    early = whole.forecasts.time_ns < first_end
    np.testing.assert_array_equal(
        whole.forecasts.p[early], poisoned.forecasts.p[: int(early.sum())]
    )
    one, two = whole.strategies[0], poisoned.strategies[0]
    n = int(np.sum(one.time_ns < first_end))
    np.testing.assert_array_equal(one.equity[:n], two.equity[:n])


def test_too_little_history_and_no_symbol_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Import more history"):
        run(tmp_path, bars=BARS.between(0, 900))
    with pytest.raises(ConfigError, match=r"market\.symbols"):
        execute(
            QUICK,
            History(bars={}, instruments=GOLD),
            ledger=TrialLedger(tmp_path / "l"),
            progress=SilentProgress(),
            at_ns=0,
        )


def test_pairs_of_rows_are_one_horizon_apart_within_a_symbol() -> None:
    start = np.array([0, 0, 10, 10, 20, 20, 35, 35])
    symbol = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    earlier, later = rows_apart(start, symbol, distance=12)
    assert (symbol[earlier] == symbol[later]).all()
    assert (start[later] - start[earlier] >= 12).all()
    assert earlier.tolist() == [0, 2, 4, 1, 3, 5]
    assert later.tolist() == [4, 6, 6, 5, 7, 7]


def test_two_symbols_share_one_account_and_one_model(tmp_path: Path) -> None:
    euro = {"EURUSD": load_instrument("EURUSD")}
    bars = {
        "XAUUSD": BARS.between(0, 9_000),
        "EURUSD": simulate(SimulatedMarket(seed=5, n_bars=9_000), euro["EURUSD"]),
    }
    assert bars["EURUSD"].timeframe is Timeframe.H1
    result = execute(
        QUICK,
        History(bars=bars, instruments={**GOLD, **euro}),
        ledger=TrialLedger(tmp_path / "ledger.jsonl"),
        progress=SilentProgress(),
        at_ns=7,
    )
    assert result.strategies[0].symbols == ("XAUUSD", "EURUSD")
    assert (np.diff(result.strategies[0].time_ns) >= 0).all()
