"""The figures of a verdict: what was measured, and what follows from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from assay.config.settings import EvaluationSettings
from assay.kernels.compiler import FloatArray
from assay.research.alpha import regress, shared_days
from assay.research.daily import DailyReturns, daily_returns
from assay.research.metrics import Metrics
from assay.research.result import StrategyResult
from assay.research.statistics.sharpe import (
    deflated_sharpe,
    expected_maximum,
    probabilistic_sharpe,
    probabilistic_sharpe_null,
    track_record_length_min,
)
from assay.research.trials.evidence import TrialEvidence

STRONG_SHARPE = 2.0
_GATE = EvaluationSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a record is asked for: by the settings, or by the gate.

    Attributes
    ----------
    confidence : float
        Of the deflated Sharpe ratio, the interval and the comparisons.
    years_min : float
        Years out of sample.
    trades_min : int
        Closed trades.
    """

    confidence: float
    years_min: float
    trades_min: int

    @classmethod
    def of(cls, settings: EvaluationSettings) -> "Demands":
        """Return what *settings* ask for."""
        return cls(
            confidence=settings.confidence,
            years_min=settings.years_min,
            trades_min=settings.trades_min,
        )

    @property
    def of_the_judge(self) -> "Demands":
        """What is judged by: these, but never less than the gate asks for."""
        return Demands(
            confidence=max(self.confidence, GATE.confidence),
            years_min=max(self.years_min, GATE.years_min),
            trades_min=max(self.trades_min, GATE.trades_min),
        )

    @property
    def numbers(self) -> dict[str, float]:
        """Return them as figures of a verdict."""
        return {
            "asked_confidence": self.confidence,
            "asked_years": self.years_min,
            "asked_trades": float(self.trades_min),
        }

    @classmethod
    def in_numbers(cls, numbers: Mapping[str, float]) -> "Demands":
        """Return what ``numbers`` hold of it."""
        return cls(
            confidence=numbers["asked_confidence"],
            years_min=numbers["asked_years"],
            trades_min=int(numbers["asked_trades"]),
        )


GATE = Demands.of(_GATE)
"""The least that promotion asks for: the defaults. Settings may ask for more, and for no less."""


def variance_of_luck(trials: TrialEvidence, n: float) -> float:
    """Return the variance of a daily Sharpe ratio that is luck alone, over *n* days.

    Trials with longer records do not make the luck of this one smaller.
    """
    known = trials.variance_luck if trials.variance_luck > 0.0 else 0.0
    return max(known, 1.0 / (n - 1.0))


def moments_of(measured: Metrics) -> dict[str, float]:
    """Return ratio, moments and length of the daily returns, from which the rest follows."""
    sharpe, n = measured.sharpe_daily, measured.n_days
    shape = (measured.skew, measured.kurtosis)
    if math.isnan(sharpe) or n < 2:
        sharpe, shape = 0.0, (0.0, 3.0)
    return {
        "sharpe_daily": sharpe,
        "n_days": float(max(n, 2)),
        "days_per_year": measured.days_per_year if measured.days_per_year > 0.0 else 260.0,
        "skew": shape[0],
        "kurtosis": shape[1],
    }


def evidence_numbers(
    moments: Mapping[str, float], trials: TrialEvidence, confidence: float
) -> dict[str, float]:
    """Return the figures behind the deflated ratio, by name: a function of its arguments alone."""
    sharpe, n, year = moments["sharpe_daily"], int(moments["n_days"]), moments["days_per_year"]
    shape = (moments["skew"], moments["kurtosis"])
    root = math.sqrt(year)
    variance = variance_of_luck(trials, n)
    error = 1.0 / math.sqrt(n - 1)
    count = max(trials.effective, 1.0)
    hurdle = math.sqrt(variance) * expected_maximum(count)
    z = float(ndtri(confidence))
    needed = max(hurdle + z * error, float(ndtri(0.5 + confidence / 2.0)) * error)
    length = track_record_length_min(sharpe, hurdle, confidence, *shape)
    observed = trials.variance_observed
    return {
        "sharpe": sharpe * root,
        "sharpe_daily": sharpe,
        "n_days": float(n),
        "days_per_year": year,
        "skew": shape[0],
        "kurtosis": shape[1],
        "trials": float(trials.count),
        "trials_effective": trials.effective,
        "trials_correlation": trials.correlation,
        "trials_recorded": float(trials.recorded),
        "trials_nested": float(trials.nested),
        "trials_lost": float(trials.lost),
        "trials_clusters": float(trials.clusters),
        "luck_sharpe": hurdle * root,
        "psr": probabilistic_sharpe(sharpe, 0.0, n, *shape),
        "psr_convention_b": probabilistic_sharpe_null(sharpe, 0.0, n, *shape),
        "dsr": deflated_sharpe(sharpe, n, count, variance, *shape),
        "dsr_observed_variance": math.nan
        if math.isnan(observed) or trials.count < 2
        else deflated_sharpe(sharpe, n, float(trials.count), observed, *shape),
        "trials_sharpe_deviation": math.nan if math.isnan(observed) else math.sqrt(observed) * root,
        "track_record_years_min": length / year,
        "power_at_sharpe_2": float(ndtr((STRONG_SHARPE / root - needed) / error)),
        "sharpe_needed": needed * root,
    }


def alpha_numbers(
    daily: DailyReturns, holding: StrategyResult | None, days_per_year: float
) -> dict[str, float]:
    """Return what buying and holding leaves of the return; nothing where nobody held."""
    if holding is None:
        return {}
    other = daily_returns(holding.time_ns, holding.equity, holding.start_balance)
    alpha = regress(*shared_days(daily, other))
    return {
        "alpha_annual": alpha.alpha_daily * days_per_year,
        "alpha_t": alpha.t_statistic,
        "beta": alpha.beta,
        "residual_sharpe": alpha.residual_sharpe * math.sqrt(days_per_year),
    }


def record_numbers(measured: Metrics, random_sharpes: FloatArray | None) -> dict[str, float]:
    """Return what was measured of the record itself, and of the runs with random entries."""
    runs = np.empty(0) if random_sharpes is None else random_sharpes
    return {
        "years": measured.years,
        "closed_trades": float(measured.n_trades),
        "net_profit": measured.net_profit,
        "total_return": measured.total_return,
        "max_drawdown": measured.max_drawdown.value,
        "sharpe_low": measured.sharpe.low,
        "sharpe_high": measured.sharpe.high,
        "random_runs": float(len(runs)),
        "random_as_good": float(np.sum(~(runs < measured.sharpe.value))),
        "random_sharpe": float(np.median(runs)) if len(runs) else math.nan,
    }
