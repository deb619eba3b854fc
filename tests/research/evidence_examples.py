"""Made-up strategies for the tests of the evidence: daily returns in, records out."""

from types import MappingProxyType

import numpy as np

from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.research.leaks.evidence import Canary, LeakReport, StageProof
from assay.research.result import StrategyResult

TRADE = np.dtype(
    [
        ("symbol", np.int64),
        ("side", np.int64),
        ("entry_event", np.int64),
        ("entry_price", np.float64),
        ("exit_event", np.int64),
        ("exit_price", np.float64),
        ("lots", np.float64),
        ("gross", np.float64),
        ("commission", np.float64),
        ("swap", np.float64),
        ("net", np.float64),
        ("reason", np.int64),
        ("is_ambiguous", np.int64),
        ("is_resolved", np.int64),
        ("bars_held", np.int64),
    ]
)
FIRST_DAY = 1_262_293_200 * 10**9 + 3 * NS_PER_DAY  # Sunday 2010-01-03 21:00 UTC
FOUND = Canary(
    leak="the next bar",
    stage="features",
    column="rsi_14",
    expected=("truncate", "shift"),
    found=("truncate", "shift"),
)
STAGE = StageProof(
    name="features",
    kind="series",
    columns=77,
    answers=12,
    values=91_000,
    checks=("truncate", "poison", "shift"),
    constant=("time_of_week_sin",),
)
CLEAN = LeakReport(leaks=(), stages=(STAGE,), canaries=(FOUND,))


def weekday_closes(n_days: int) -> np.ndarray:
    """Return an instant inside each of *n_days* trading days, five a week."""
    day = np.arange(n_days)
    return FIRST_DAY + (day // 5 * 7 + day % 5) * NS_PER_DAY + 12 * NS_PER_HOUR


def strategy(
    returns: np.ndarray, *, name: str = "hybrid", n_trades: int = 400, balance: float = 100_000.0
) -> StrategyResult:
    """Return a record with these daily returns and trades that add up to its profit."""
    equity = balance * np.cumprod(1.0 + returns)
    n = len(returns)
    trades = np.zeros(min(n_trades, n // 2), TRADE)
    edges = np.linspace(0, n, len(trades) + 1).astype(np.int64)
    curve = np.concatenate(([balance], equity))
    trades["entry_event"] = edges[:-1]
    trades["exit_event"] = edges[1:] - 1
    trades["net"] = np.diff(curve[edges])
    trades["commission"] = 2.0
    trades["swap"] = -0.5
    trades["gross"] = trades["net"] + 2.5
    trades["side"] = np.where(np.arange(len(trades)) % 2, 1, -1)
    trades["lots"] = 0.1
    trades["reason"] = 3
    return StrategyResult(
        name=name,
        time_ns=weekday_closes(n),
        equity=equity,
        balance=equity.copy(),
        trades=trades,
        fills=np.empty(0, TRADE),
        refusals=MappingProxyType({"SCORE": 12, "NO_VIEW": 3}),
        start_balance=balance,
        symbols=("XAUUSD",),
        spread_cost=1_000.0,
        slippage_cost=500.0,
    )


def noise(
    n_days: int, sharpe: float, rng: np.random.Generator, volatility: float = 0.1
) -> np.ndarray:
    """Return fat-tailed daily returns of a true annual Sharpe ratio."""
    scale = volatility / np.sqrt(260.0)
    tails = rng.standard_t(5, n_days) / np.sqrt(5.0 / 3.0)
    return scale * (tails + sharpe / np.sqrt(260.0))
