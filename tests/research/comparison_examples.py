"""Made-up runs for the tests of comparisons: daily returns in, a report folder or result out."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from evidence_examples import strategy

from assay.config.settings import Settings
from assay.research.metrics import measure
from assay.research.report import write_report
from assay.research.result import StrategyResult
from assay.research.run_result import RunResult
from assay.research.trials.ledger import TrialEvidence
from assay.research.verdict.judge import Outcome, judge

HASHES = {"data": "d" * 64, "facts": "f" * 64, "code": "c" * 64, "features": "e" * 64}


def settings_with(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all settings of a result with some changed, by dotted key."""
    settings = Settings().of_a_result()
    for key, value in (changes or {}).items():
        section, name = key.split(".")
        settings[section][name] = value
    return settings


@cache
def _verdict():
    """Return one verdict; what it says does not matter to a comparison."""
    rng = np.random.default_rng(0)
    trials = TrialEvidence(
        count=3,
        effective=3.0,
        correlation=0.0,
        variance_luck=1e-3,
        variance_observed=1e-3,
        trials_hash="t",
    )
    returns = 0.006 * rng.standard_normal(300)
    evaluation = Settings().evaluation.model_copy(update={"bootstrap_samples": 100})
    return judge(strategy(returns), trials, {}, None, evaluation, seed=1)


def made_up(
    strategies: Mapping[str, np.ndarray] | None = None,
    *,
    results: tuple[StrategyResult, ...] = (),
    changes: Mapping[str, Any] | None = None,
    hashes: Mapping[str, str] | None = None,
    currency: str = "USD",
    at: str = "2026-01-01T00:00:00Z",
    command: str = "run",
    outcome: Outcome = Outcome.NO_EDGE,
    **fields: Any,
) -> RunResult:
    """Return a run of these strategies; the first is judged."""
    made = results or tuple(
        strategy(returns, name=name) for name, returns in (strategies or {}).items()
    )
    settings = settings_with({"account.currency": currency, **(changes or {})})
    return RunResult(
        title="XAUUSD H1",
        currency=currency,
        headline=made[0].name,
        strategies=made,
        metrics={item.name: measure(item, samples=50) for item in made},
        verdict=replace(_verdict(), outcome=outcome),
        settings=settings,
        hashes={**HASHES, **(hashes or {})},
        seeds={"run": 7},
        repeat=(f"assay {command} --set run.seed=7",),
        meta={"at": at, "duration_s": 1.0},
        **fields,
    )


def stored(folder: Path, run: RunResult, **changes: Any) -> Path:
    """Write the report of *run* into *folder*, and return the folder."""
    write_report(replace(run, **changes) if changes else run, folder)
    return folder
