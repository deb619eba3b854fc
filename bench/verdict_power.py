"""How often the verdict says "edge" on records whose true Sharpe ratio is known.

Each made-up run has the shape of a default one: three paths that resemble each other go
into a fresh ledger, 200 random-entry runs (a default run has 100) and buying and holding
stand beside them. Daily returns have fat tails (Student, 5 degrees of freedom). Noise here
pays no costs, which is the hard case: with costs its true ratio is negative.

    python bench/verdict_power.py --runs 1000
"""

import argparse
import tempfile
from pathlib import Path
from types import MappingProxyType

import numpy as np

from assay.config.settings import EvaluationSettings
from assay.domain.time import NS_PER_DAY
from assay.research.leaks.evidence import Canary, LeakReport
from assay.research.result import StrategyResult
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import trial_of
from assay.research.verdict.judge import Outcome, judge

SUNDAY_NS = 1_262_552_400 * 10**9  # 2010-01-03 21:00 UTC
TRADE = np.dtype(
    [("entry_event", np.int64), ("exit_event", np.int64)]
    + [(name, np.float64) for name in ("gross", "commission", "swap", "net")]
)
DAYS_PER_YEAR = 260
FOUND = Canary(
    leak="the next day", stage="records", column="returns", expected=("shift",), found=("shift",)
)
CLEAN = LeakReport(leaks=(), stages=(), canaries=(FOUND,))
"""Nothing leaks here: the records are drawn."""


def student(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return *n* fat-tailed numbers of mean 0 and deviation 1."""
    return rng.standard_t(5, n) / np.sqrt(5.0 / 3.0)


def record(name: str, shocks: np.ndarray, sharpe: float) -> StrategyResult:
    """Return a strategy of 10 % volatility with the given shocks and true annual ratio."""
    returns = 0.1 / np.sqrt(DAYS_PER_YEAR) * (shocks + sharpe / np.sqrt(DAYS_PER_YEAR))
    day = np.arange(len(returns))
    equity = 100_000.0 * np.cumprod(1.0 + returns)
    trades = np.zeros(len(returns) // 5, TRADE)
    ends = 5 * np.arange(len(trades) + 1)
    trades["entry_event"], trades["exit_event"] = ends[:-1], ends[1:] - 1
    trades["net"] = np.diff(np.concatenate(([100_000.0], equity))[ends])
    return StrategyResult(
        name=name,
        time_ns=SUNDAY_NS + (day // 5 * 7 + day % 5) * NS_PER_DAY + NS_PER_DAY // 2,
        equity=equity,
        balance=equity,
        trades=trades,
        fills=np.empty(0, TRADE),
        refusals=MappingProxyType({}),
        start_balance=100_000.0,
    )


def is_edge(sharpe: float, years: float, rng: np.random.Generator, samples: int) -> bool:
    """Judge one made-up run."""
    n = round(years * DAYS_PER_YEAR)
    own = student(n, rng)
    paths = (
        record("hybrid", own, sharpe),
        record("ai", 0.8 * own + 0.6 * student(n, rng), sharpe),
        record("indicators", 0.4 * own + 0.917 * student(n, rng), sharpe / 2.0),
    )
    benchmarks = {
        "random": record("random", student(n, rng), 0.0),
        "buy_and_hold": record("buy_and_hold", student(n, rng), 0.4),
    }
    with tempfile.TemporaryDirectory() as folder:
        ledger = TrialLedger(Path(folder) / "trials.jsonl")
        ledger.record_all(
            [
                trial_of(path, settings_hash="s", data_hash="d", code_hash="c", at_ns=0)
                for path in paths
            ]
        )
        trials = ledger.evidence()
    verdict = judge(
        paths[0],
        trials,
        benchmarks,
        None,
        EvaluationSettings(bootstrap_samples=samples),
        random_sharpes=rng.standard_normal(200) / np.sqrt(years),
        leaks=CLEAN,
    )
    return verdict.outcome is Outcome.EDGE


def main() -> None:
    """Print the share of edges found per true Sharpe ratio and length of record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--samples", type=int, default=2_000, help="bootstrap samples")
    arguments = parser.parse_args()
    print(f"share of {arguments.runs} runs with the verdict 'edge' (noise: Sharpe 0)")
    print("years   " + "".join(f"{sharpe:>8}" for sharpe in (0.0, 0.5, 1.0, 1.3, 2.0)))
    for years in (3.0, 6.0, 9.0):
        shares = []
        for sharpe in (0.0, 0.5, 1.0, 1.3, 2.0):
            rng = np.random.default_rng([int(years), int(10 * sharpe)])
            found = sum(
                is_edge(sharpe, years, rng, arguments.samples) for _ in range(arguments.runs)
            )
            shares.append(found / arguments.runs)
        print(f"{years:<8g}" + "".join(f"{share:>8.1%}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
