"""A made-up run with every part of a report filled."""

import tempfile
from pathlib import Path
from types import MappingProxyType

import numpy as np
from evidence_examples import CLEAN, FIRST_DAY, TRADE

from assay.config.settings import Settings
from assay.data.calendar import trading_day_start
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.research.metrics import measure
from assay.research.result import (
    FeatureScore,
    FoldSpan,
    Forecasts,
    ModelScore,
    Regimes,
    StrategyResult,
)
from assay.research.run_result import RunResult
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import trial_of
from assay.research.verdict.judge import judge

BALANCE = 100_000.0


def hourly_times(n: int) -> np.ndarray:
    """Return closes of *n* hourly bars, 120 a week from Sunday 17:00 New York."""
    hour = np.arange(n)
    sunday = trading_day_start(np.array([FIRST_DAY + NS_PER_DAY]))[0]
    return sunday + (hour // 120 * 168 + hour % 120 + 1) * NS_PER_HOUR


def hourly(
    name: str, sharpe: float, n: int, n_trades: int, rng: np.random.Generator
) -> StrategyResult:
    """Return a strategy on hourly events with trades that hold about half of the time."""
    entry = np.sort(rng.choice(np.arange(0, n - 40, 2), n_trades, replace=False))
    exit_ = np.minimum(entry + rng.integers(2, 36, n_trades), np.append(entry[1:] - 1, n - 1))
    held = np.zeros(n + 1)
    np.add.at(held, entry, 1)
    np.add.at(held, exit_ + 1, -1)
    is_held = np.cumsum(held[:-1]) > 0
    unit = 0.1 / np.sqrt(6_240 * is_held.mean())
    moves = (
        unit * (rng.standard_t(4, n) / 1.41 + sharpe / np.sqrt(6_240 * is_held.mean())) * is_held
    )
    equity = BALANCE + BALANCE * np.cumsum(moves)
    worth = np.concatenate(([0.0], np.cumsum(BALANCE * moves)))
    trades = np.zeros(n_trades, TRADE)
    trades["entry_event"], trades["exit_event"] = entry, exit_
    trades["net"] = worth[exit_ + 1] - worth[entry]
    trades["commission"], trades["swap"] = 7.0, -3.0 * (exit_ - entry > 20)
    trades["gross"] = trades["net"] + 7.0 - trades["swap"]
    trades["side"] = rng.choice([-1, 1], n_trades)
    trades["lots"] = np.round(rng.uniform(0.1, 1.0, n_trades), 2)
    trades["entry_price"] = np.round(1200 + 200 * np.sin(entry / 4_000), 2)
    trades["exit_price"] = np.round(trades["entry_price"] + rng.normal(0, 4, n_trades), 2)
    trades["reason"] = rng.choice([1, 2, 3, 4], n_trades, p=[0.2, 0.1, 0.6, 0.1])
    trades["is_ambiguous"] = rng.random(n_trades) < 0.01
    trades["bars_held"] = exit_ - entry + 1
    balance = BALANCE + np.cumsum(np.bincount(exit_, weights=trades["net"], minlength=n))
    return StrategyResult(
        name=name,
        time_ns=hourly_times(n),
        open_ns=hourly_times(n) - NS_PER_HOUR,
        equity=equity,
        balance=np.where(is_held, balance, equity),
        trades=trades,
        fills=np.empty(0, TRADE),
        refusals=MappingProxyType(
            {"SCORE": 18_231, "NO_VIEW": 4_120, "NO_EDGE": 905, "WARM_UP": 12}
        ),
        start_balance=BALANCE,
        symbols=("XAUUSD",),
        spread_cost=9.0 * n_trades,
        slippage_cost=4.0 * n_trades,
    )


def made_up_run(
    sharpe: float = 1.4, n: int = 52_000, n_trades: int = 1_600, seed: int = 4
) -> RunResult:
    """Return a run whose judged strategy has this true annual Sharpe ratio."""
    rng = np.random.default_rng(seed)
    strategies = (
        hourly("hybrid", sharpe, n, n_trades, rng),
        hourly("ai", sharpe * 0.8, n, n_trades, rng),
        hourly("indicators", -0.2, n, n_trades, rng),
        hourly("buy_and_hold", 0.5, n, 1, rng),
        hourly("random", -0.3, n, n_trades, rng),
    )
    settings = Settings()
    metrics = {item.name: measure(item, samples=300, seed=7) for item in strategies}
    with tempfile.TemporaryDirectory() as folder:
        ledger = TrialLedger(Path(folder) / "trials.jsonl")
        ledger.record_all(
            [
                trial_of(item, settings_hash="s", data_hash="d", code_hash="c", at_ns=n)
                for item in strategies[:3]
            ]
        )
        trials = ledger.evidence()
    time = hourly_times(n)
    made = np.arange(0, n, 3)
    latent = rng.normal(0, 0.12, len(made))
    forecasts = Forecasts(
        time_ns=time[made],
        p=1 / (1 + np.exp(-latent)),
        y=(rng.random(len(made)) < 1 / (1 + np.exp(-0.9 * latent))).astype(np.int8),
        horizon=np.full(len(made), 24),
        fold=made * 8 // n,
        weight=np.full(len(made), 0.12),
    )
    randoms = rng.normal(-0.3, 0.34, 200)
    cuts = np.linspace(0, n - 1, 9).astype(int)
    back = 2.5 * 365 * NS_PER_DAY
    names = [
        "trend_64",
        "trend_128",
        "rsi_14@H4",
        "zscore_50",
        "time_of_week_sin",
        "atr_ratio_20_100",
    ]
    return RunResult(
        title="XAUUSD H1",
        currency="USD",
        headline="hybrid",
        strategies=strategies,
        metrics=metrics,
        verdict=judge(
            strategies[0],
            trials,
            {item.name: item for item in strategies[3:]},
            forecasts,
            settings.evaluation,
            seed=7,
            metrics=metrics["hybrid"],
            random_sharpes=randoms,
            leaks=CLEAN,
        ),
        forecasts=forecasts,
        features=tuple(
            FeatureScore(name=name, importance=0.3 / (i + 1), stability=1.0 - 0.12 * i)
            for i, name in enumerate(names)
        ),
        models=tuple(
            ModelScore(
                name=name, weight=weight, log_loss=0.6921 + 0.0003 * i, auc=0.529 - 0.002 * i
            )
            for i, (name, weight) in enumerate(
                [
                    ("logistic", 0.48),
                    ("lightgbm", 0.2),
                    ("xgboost", 0.14),
                    ("extra_trees", 0.11),
                    ("mlp", 0.07),
                ]
            )
        ),
        folds=tuple(
            FoldSpan(
                index=i,
                train_start_ns=int(time[0] - back),
                train_stop_ns=int(time[cuts[i]] - 2 * NS_PER_DAY),
                test_start_ns=int(time[cuts[i]]),
                test_stop_ns=int(time[cuts[i + 1]]),
                n_train=14_000 + 6_500 * i,
                n_test=6_500,
                n_purged=24,
            )
            for i in range(8)
        ),
        regimes=Regimes(
            time_ns=time,
            label=(np.arange(n) // 700 % 3).astype(np.int64),
            names=("calm", "normal", "turbulent"),
        ),
        assumptions=(
            "Market orders pay half the quoted spread and 2 % of one bar's volatility.",
            "Swap is charged at 17:00 New York, three nights on Wednesday.",
        ),
        settings=settings.of_a_result(),
        hashes={"data": "3f" * 32, "code": "a1" * 32, "features": "77" * 32},
        seeds={"run": 7},
        warnings=("12 tested bars had a feature without a value; there AI was silent.",),
        quality=(("Duplicate bars", "0"), ("Gaps inside trading hours", "14, the longest 3 hours")),
        leaks=(("Label overlap between training and test", "0 pairs; 192 rows purged"),),
        repeat=("assay run --set run.seed=7",),
        data_notes=(("Source", "XAUUSD_H1.parquet, 76,499 bars, both sides quoted"),),
        random_sharpes=randoms,
        meta={"at": "2026-01-01T00:00:00Z", "duration_s": 12.5},
    )
