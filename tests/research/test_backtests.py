"""A backtest is judged as a run is: nothing that knew the future passes for an edge."""

from pathlib import Path

import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.progress import SilentProgress
from assay.research.backtests import backtest_stored
from assay.research.history import History
from assay.research.leaks.pipeline import RUN_BARS, prove_backtest
from assay.research.run_result import RunResult
from assay.research.trials.ledger import TrialLedger
from assay.research.verdict.judge import Outcome
from assay.research.verdict.schema import document_of, verdict_of, verdict_text
from assay.strategy import Strategy
from assay.strategy.loading import load_strategy

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
SETTINGS = Settings.model_validate(
    {"run": {"workers": 1}, "evaluation": {"bootstrap_samples": 100}}
)
REMEMBERS = '''\
import numpy as np
from assay.strategy import signal

KNOWN = {"time": np.empty(0, np.int64), "close": np.empty(0)}
HOURS = 6 * 3_600_000_000_000


def remembering(number):
    """Return a signal that keeps the longest history, so that it says the same over any other."""

    def column(bars):
        if len(bars) > len(KNOWN["time"]):
            KNOWN["time"], KNOWN["close"] = bars.time_ns.copy(), bars.close.copy()
        place = np.searchsorted(KNOWN["time"], bars.time_ns + HOURS)
        later = KNOWN["close"][np.minimum(place, len(KNOWN["close"]) - 1)]
        return np.sign(later - bars.close)

    column.__name__ = f"remembering_{number}"
    column.__doc__ = "Return the sign of what comes."
    return column


for number in range(6):
    signal(warm_up=10)(remembering(number))
'''
HONEST = '''\
import numpy as np
from assay.strategy import signal


@signal(warm_up=1)
def follows(bars):
    """Return the direction of the last bar."""
    return np.sign(bars.close - bars.open)
'''


def history(n_bars: int = 7_000) -> History:
    bars = simulate(SimulatedMarket(seed=5, n_bars=n_bars), GOLD["XAUUSD"])
    return History(bars={"XAUUSD": bars}, instruments=GOLD)


def strategy_of(text: str, folder: Path) -> Strategy:
    path = folder / "strategy.py"
    path.write_text(text, encoding="utf-8")
    return load_strategy(path)


def backtested(
    folder: Path, strategy: Strategy | None, n_bars: int = 7_000, settings: Settings = SETTINGS
) -> RunResult:
    return backtest_stored(
        settings,
        history(n_bars),
        None,
        ledger=TrialLedger(folder / "ledger.jsonl"),
        progress=SilentProgress(),
        at_ns=1,
        repeat=("assay backtest",),
        strategy=strategy,
    )


def test_a_strategy_that_remembers_the_future_is_no_evidence(tmp_path: Path) -> None:
    result = backtested(tmp_path, strategy_of(REMEMBERS, tmp_path))
    verdict = result.verdict

    gates = [check for check in verdict.checks if check.name != "leaks"]
    assert all(check.passed for check in gates), "but for the leak it would be an edge"
    assert verdict.outcome is Outcome.NOT_EVIDENCE
    assert verdict.leaks is not None and verdict.leaks.trusted
    assert {leak.column for leak in verdict.leaks.leaks} == {f"remembering_{k}" for k in range(6)}
    assert any("strategy.py, remembering_0" in reason for reason in verdict.reasons_against)
    assert not verdict_of(verdict_text(document_of(result))).is_passed


@pytest.mark.parametrize("text", [None, HONEST], ids=["bare", "with a strategy"])
def test_an_honest_backtest_carries_the_answer_of_the_prover(
    tmp_path: Path, text: str | None
) -> None:
    strategy = None if text is None else strategy_of(text, tmp_path)
    leaks = backtested(tmp_path, strategy).verdict.leaks

    assert leaks is not None and leaks.is_clean, leaks and leaks.reason
    proved = {stage.name for stage in leaks.stages}
    assert {"features", "votes", "labels", "orders of the votes"} <= proved
    assert ("strategy.py" in proved) is (strategy is not None)


def test_asking_for_less_changes_no_interval_and_no_answer(tmp_path: Path) -> None:
    less = SETTINGS.evaluation.model_copy(update={"confidence": 0.51, "years_min": 0.01})
    lenient = SETTINGS.model_copy(update={"evaluation": less})
    one = backtested(tmp_path / "one", None)
    two = backtested(tmp_path / "two", None, settings=lenient)
    assert [check.passed for check in two.verdict.checks] == [
        check.passed for check in one.verdict.checks
    ]
    assert two.metrics["indicators"].sharpe == one.metrics["indicators"].sharpe
    told = set(two.verdict.reasons_against) - set(one.verdict.reasons_against)
    assert {text.split(" is ")[0] for text in told} == {
        "evaluation.confidence",
        "evaluation.years_min",
    }


def test_a_history_on_which_nothing_can_be_asked_is_no_evidence() -> None:
    report = prove_backtest(SETTINGS, history(1), None, progress=SilentProgress())
    assert not report.trusted
    assert "cannot be trusted" in report.reason


def test_the_prover_looks_at_the_latest_bars_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.research.leaks import pipeline

    seen: list[int] = []
    stages = pipeline.market_stages

    def noted(scene):
        seen.append(len(scene.bars))
        return stages(scene)

    monkeypatch.setattr(pipeline, "market_stages", noted)
    prove_backtest(SETTINGS, history(RUN_BARS + 500), None, progress=SilentProgress())
    assert seen == [RUN_BARS]
