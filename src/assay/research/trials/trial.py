"""One trial: a strategy configuration that was evaluated, and its identity."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.daily import DailyReturns, daily_returns
from assay.research.result import StrategyResult
from assay.research.statistics.sharpe import kurtosis, sharpe_ratio, skewness

MONTHS_MAX = 1_200
NOT_PART_OF_A_TRIAL = (
    "run.workers",
    "run.cluster",
    "evaluation.confidence",
    "evaluation.trades_min",
    "evaluation.years_min",
    "evaluation.bootstrap_samples",
)


ORIGINS = ("run", "backtest", "fit", "search", "risk_search", "ablation", "stress")
"""What made a trial: the act that evaluated it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One strategy configuration that was evaluated: what it tried, and what it saw.

    Attributes
    ----------
    kind : str
        What was tried, such as ``hybrid``.
    origin : str
        One of ``ORIGINS``.
    settings_hash, data_hash, code_hash : str
        Which settings, history and code. With *kind* they are the identity of the trial.
    sharpe_daily, skew, kurtosis : float
        Of daily returns out of sample; kurtosis is raw. NaN if it never traded.
    n_days : int
        Number of daily returns.
    at_ns : int
        When it was recorded, UTC nanoseconds; informative.
    first_month : int
        Months since 1970-01 of the first of *monthly*.
    monthly : tuple of float
        Returns per calendar month, by which the ledger knows trials that resemble each other.
    saw_from_ns, saw_until_ns : int
        Span of the market that its score was computed on, UTC nanoseconds.
    tried : mapping of str to value
        The settings that differ from the defaults, by dotted name.
    nested_in : str
        Of a trial that chose settings inside the training spans of one walk forward: the identity
        of that walk. What the walk is judged on came after all that such a trial saw.
    cases : int
        Configurations that were evaluated under this one entry, such as those of a sweep.
    cases_effective : float
        Independent configurations among them, [1, cases].
    """

    kind: str
    settings_hash: str
    data_hash: str
    code_hash: str
    sharpe_daily: float
    n_days: int
    skew: float
    kurtosis: float
    at_ns: int
    first_month: int = 0
    monthly: tuple[float, ...] = ()
    origin: str = "run"
    saw_from_ns: int = 0
    saw_until_ns: int = 0
    tried: Mapping[str, Any] = field(default_factory=dict)
    nested_in: str = ""
    cases: int = 1
    cases_effective: float = 1.0

    @property
    def identity(self) -> str:
        """Return the hash by which the same trial is known again."""
        return hash_of([self.kind, self.settings_hash, self.data_hash, self.code_hash])


def hash_of(value: object) -> str:
    """Return the SHA-256 of *value* as canonical JSON, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def settings_hash(
    settings: Mapping[str, Any], *, ignore: Iterable[str] = NOT_PART_OF_A_TRIAL
) -> str:
    """Return the hash of nested *settings* without the keys that cannot change a trial.

    Parameters
    ----------
    settings : mapping
        Nested as in ``assay.toml``.
    ignore : iterable of str
        Dotted keys to leave out: by default the workers and what only the verdict reads.
    """
    ignored = set(ignore)
    kept = {
        section: {k: v for k, v in table.items() if f"{section}.{k}" not in ignored}
        if isinstance(table, Mapping)
        else table
        for section, table in settings.items()
    }
    return hash_of(kept)


def changed_settings(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return what *settings* change, by dotted name; both are nested as in ``assay.toml``."""
    changed: dict[str, Any] = {}
    for section, table in settings.items():
        usual = defaults.get(section, {})
        for key, value in table.items():
            if f"{section}.{key}" not in NOT_PART_OF_A_TRIAL and value != usual.get(key):
                changed[f"{section}.{key}"] = value
    return changed


def trial_of(
    result: StrategyResult,
    *,
    settings_hash: str,
    data_hash: str,
    code_hash: str,
    at_ns: int,
    origin: str = "run",
    tried: Mapping[str, Any] | None = None,
) -> Trial:
    """Return the ledger's view of *result*."""
    daily = daily_returns(result.time_ns, result.equity, result.start_balance)
    return Trial(
        kind=result.name,
        settings_hash=settings_hash,
        data_hash=data_hash,
        code_hash=code_hash,
        **figures_of(daily, result.start_balance),
        at_ns=at_ns,
        origin=origin,
        saw_from_ns=int(result.time_ns[0]) if len(result.time_ns) else 0,
        saw_until_ns=int(result.time_ns[-1]) if len(result.time_ns) else 0,
        tried=dict(tried or {}),
    )


def figures_of(daily: DailyReturns, start_balance: float) -> dict[str, Any]:
    """Return what a trial keeps of a record: length, moments and monthly returns."""
    first, monthly = monthly_returns(daily.day_ns, daily.equity, start_balance)
    return {
        "sharpe_daily": sharpe_ratio(daily.returns),
        "n_days": len(daily.returns),
        "skew": skewness(daily.returns),
        "kurtosis": kurtosis(daily.returns),
        "first_month": first,
        "monthly": tuple(float(f"{value:.6g}") for value in monthly[:MONTHS_MAX]),
    }


def monthly_returns(
    day_ns: IntArray, equity: FloatArray, start_balance: float
) -> tuple[int, FloatArray]:
    """Return the first month (since 1970-01) and the return of every month from it on.

    Parameters
    ----------
    day_ns : int64, shape (n_days,)
        Ends of the trading days.
    equity : float64, shape (n_days,)
    start_balance : float
    """
    if not len(day_ns):
        return 0, np.empty(0)
    month = day_ns.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    first, last = int(month[0]), int(month[-1])
    ends = np.searchsorted(month, np.arange(first, last + 1), side="right") - 1
    closes = np.concatenate(([start_balance], equity[ends]))
    before = closes[:-1]
    return first, np.divide(closes[1:], before, out=np.ones(len(ends)), where=before > 0) - 1.0
