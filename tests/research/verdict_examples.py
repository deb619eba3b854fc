"""Runs with every outcome, judged by the real rule."""

from dataclasses import replace
from functools import cache

from evidence_examples import CLEAN, FOUND, STAGE
from report_examples import made_up_run

from assay.config.settings import Settings
from assay.research.leaks.evidence import Leak, LeakReport
from assay.research.run_result import RunResult
from assay.research.verdict.judge import Outcome, judge

LEAK = Leak(
    stage="labels",
    column="move",
    check="truncate",
    bar=812,
    count=40,
    detail="the value at bar 812 changes when bars after it are cut off",
    time_ns=1_262_293_200 * 10**9,
    remedy="Read no bar after the one that is labelled.",
)
LEAKING = LeakReport(leaks=(LEAK,), stages=(STAGE,), canaries=(FOUND,))
BLIND = LeakReport(leaks=(), stages=(STAGE,), canaries=(replace(FOUND, found=()),))


@cache
def base(sharpe: float, n: int, n_trades: int, seed: int = 4) -> RunResult:
    return made_up_run(sharpe, n=n, n_trades=n_trades, seed=seed)


def judged(run: RunResult, leaks: LeakReport | None) -> RunResult:
    """Return *run* judged again, with the answer of the leak prover."""
    assert run.verdict.trials is not None
    verdict = judge(
        run.strategies[0],
        run.verdict.trials,
        {item.name: item for item in run.strategies[3:]},
        run.forecasts,
        Settings().evaluation,
        seed=7,
        metrics=run.metrics["hybrid"],
        random_sharpes=run.random_sharpes,
        leaks=leaks,
    )
    return replace(run, verdict=verdict)


def run_with(outcome: Outcome, leaks: LeakReport | None = CLEAN) -> RunResult:
    """Return a run that is judged to be *outcome*."""
    if outcome is Outcome.EDGE:
        run = base(2.2, 52_000, 1_600)
    elif outcome is Outcome.NO_EDGE:
        run = base(0.2, 52_000, 1_600)
    elif outcome is Outcome.NOT_ENOUGH_DATA:
        run = base(0.4, 6_000, 60)
    else:
        run, leaks = base(2.2, 52_000, 1_600), LEAKING
    run = judged(run, leaks)
    assert run.verdict.outcome is outcome
    return run
