"""The conditions of a verdict, each measured and put into a sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from assay.config.settings import EvaluationSettings
from assay.kernels.compiler import FloatArray
from assay.research.alpha import regress, shared_days
from assay.research.daily import DailyReturns, daily_returns
from assay.research.leaks.evidence import LeakReport
from assay.research.metrics import Metrics
from assay.research.result import StrategyResult
from assay.research.statistics.sharpe import (
    deflated_sharpe,
    expected_maximum,
    probabilistic_sharpe,
    probabilistic_sharpe_null,
    sharpe_ratio,
    track_record_length_min,
)
from assay.research.trials.evidence import TrialEvidence
from assay.research.wording import probability, ratio

STRONG_SHARPE = 2.0
POWER_MIN = 0.5
RANDOM_RUNS_MIN = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition of the verdict.

    Attributes
    ----------
    name : str
        Stable identifier, such as ``deflated_sharpe``.
    passed : bool
    value, threshold : float
        What was measured, and what it had to reach; NaN where unknown.
    text : str
        The finding as a sentence.
    """

    name: str
    passed: bool
    value: float
    threshold: float
    text: str


def variance_of_luck(trials: TrialEvidence, n: float) -> float:
    """Return the variance of a daily Sharpe ratio that is luck alone, over *n* days.

    Trials with longer records do not make the luck of this one smaller.
    """
    known = trials.variance_luck if trials.variance_luck > 0.0 else 0.0
    return max(known, 1.0 / (n - 1.0))


def evidence_numbers(
    measured: Metrics, trials: TrialEvidence, confidence: float
) -> dict[str, float]:
    """Return the figures behind the deflated ratio, by name."""
    sharpe, n = measured.sharpe_daily, measured.n_days
    shape = (measured.skew, measured.kurtosis)
    if math.isnan(sharpe) or n < 2:
        sharpe, shape = 0.0, (0.0, 3.0)
    n = max(n, 2)
    year = measured.days_per_year if measured.days_per_year > 0.0 else 260.0
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


def leak_check(report: LeakReport) -> Check:
    """Ask whether the record can be evidence at all: nothing in it knew the future."""
    n_columns = len({(leak.stage, leak.column) for leak in report.leaks})
    proved = sum(stage.columns for stage in report.stages)
    return Check(
        name="leaks",
        passed=report.is_clean,
        value=float(n_columns),
        threshold=0.0,
        text=f"The leak prover found all {len(report.canaries)} leaks that it had planted itself, "
        f"and none in the {proved:,} columns it looked at."
        if report.is_clean
        else report.reason,
    )


def span_check(measured: Metrics, settings: EvaluationSettings) -> Check:
    """Ask for a long enough record."""
    enough = measured.years >= settings.years_min
    return Check(
        name="years",
        passed=enough,
        value=measured.years,
        threshold=settings.years_min,
        text=f"The record is long enough: {measured.years:.1f} years out of sample."
        if enough
        else f"The record spans {measured.years:.1f} years out of sample; at least "
        f"{settings.years_min:g} are asked for.",
    )


def trades_check(measured: Metrics, settings: EvaluationSettings) -> Check:
    """Ask for enough trades."""
    enough = measured.n_trades >= settings.trades_min
    return Check(
        name="trades",
        passed=enough,
        value=float(measured.n_trades),
        threshold=float(settings.trades_min),
        text=f"Its trades are many enough: {measured.n_trades:,}."
        if enough
        else f"It closed {measured.n_trades:,} trades; at least {settings.trades_min:,} are "
        "asked for.",
    )


def power_check(numbers: Mapping[str, float]) -> Check:
    """Ask whether a strong edge would have been found at all."""
    power = numbers["power_at_sharpe_2"]
    return Check(
        name="power",
        passed=power >= POWER_MIN,
        value=power,
        threshold=POWER_MIN,
        text=f"A strategy with a true Sharpe ratio of {STRONG_SHARPE:g} would have been found "
        f"in a record of this length with a chance of {probability(power, spoken=True)}.",
    )


def profit_check(measured: Metrics) -> Check:
    """Ask for money made."""
    profit = measured.net_profit
    word = "made" if profit > 0.0 else "lost"
    return Check(
        name="net_profit",
        passed=profit > 0.0,
        value=profit,
        threshold=0.0,
        text=f"After all costs it {word} {abs(measured.total_return):.1%} of the account."
        if profit
        else "After all costs it neither made nor lost money.",
    )


def deflated_check(numbers: Mapping[str, float], confidence: float) -> Check:
    """Ask for more than the best of all trials shows by luck."""
    dsr = numbers["dsr"]
    count = int(numbers["trials"])
    luck = numbers["luck_sharpe"]
    tried = "the only trial" if count <= 1 else f"the best of {count} recorded trials"
    return Check(
        name="deflated_sharpe",
        passed=dsr >= confidence,
        value=dsr,
        threshold=confidence,
        text=f"The chance that its true Sharpe ratio beats what luck gives {tried} "
        f"({ratio(luck)}) is {probability(dsr, spoken=True)}; {confidence:.0%} is asked for.",
    )


def interval_check(measured: Metrics, confidence: float) -> Check:
    """Ask for an interval of the Sharpe ratio above zero."""
    sharpe = measured.sharpe
    known = not math.isnan(sharpe.low)
    return Check(
        name="sharpe_interval",
        passed=known and sharpe.low > 0.0,
        value=sharpe.low,
        threshold=0.0,
        text=f"The {confidence:.0%} interval of its Sharpe ratio is {ratio(sharpe.low)} to "
        f"{ratio(sharpe.high)}" + ("." if sharpe.low > 0.0 else "; it reaches below zero.")
        if known
        else "It never held a position long enough for a Sharpe ratio.",
    )


def random_check(
    measured: Metrics,
    random: StrategyResult | None,
    random_sharpes: FloatArray | None,
    confidence: float,
) -> Check:
    """Compare with entries at random, of the same frequency and with the same exits."""
    own = measured.sharpe.value
    if random_sharpes is not None and len(random_sharpes) >= RANDOM_RUNS_MIN:
        n = len(random_sharpes)
        as_good = int(np.sum(~(random_sharpes < own)))
        share = (1.0 + as_good) / (1.0 + n)
        return Check(
            name="random_entries",
            passed=not math.isnan(own) and share <= 1.0 - confidence + 1e-12,
            value=share,
            threshold=1.0 - confidence,
            text=f"Of {n:,} runs with random entries of the same frequency {as_good:,} did at "
            f"least as well (median Sharpe ratio {ratio(float(np.median(random_sharpes)))}).",
        )
    if random is None:
        return Check(
            name="random_entries",
            passed=False,
            value=math.nan,
            threshold=math.nan,
            text="It was not compared with random entries.",
        )
    other = daily_returns(random.time_ns, random.equity, random.start_balance)
    other_sharpe = sharpe_ratio(other.returns) * math.sqrt(other.days_per_year)
    other_sharpe = 0.0 if math.isnan(other_sharpe) else other_sharpe
    return Check(
        name="random_entries",
        passed=own > other_sharpe,
        value=own,
        threshold=other_sharpe,
        text=f"Random entries of the same frequency have a Sharpe ratio of {ratio(other_sharpe)}; "
        f"it has {ratio(own)}.",
    )


def alpha_check(
    daily: DailyReturns,
    holding: StrategyResult | None,
    confidence: float,
    numbers: dict[str, float],
) -> Check:
    """Ask whether buying and holding explains the return; adds its figures to *numbers*."""
    threshold = float(ndtri(confidence))
    if holding is None:
        return Check(
            name="buy_and_hold",
            passed=False,
            value=math.nan,
            threshold=threshold,
            text="It was not compared with buying and holding.",
        )
    other = daily_returns(holding.time_ns, holding.equity, holding.start_balance)
    alpha = regress(*shared_days(daily, other))
    numbers["alpha_annual"] = alpha.alpha_daily * numbers["days_per_year"]
    numbers["alpha_t"] = alpha.t_statistic
    numbers["beta"] = alpha.beta
    numbers["residual_sharpe"] = alpha.residual_sharpe * math.sqrt(numbers["days_per_year"])
    passed = alpha.t_statistic >= threshold
    told = f"beta {ratio(alpha.beta)}, t-statistic of the rest {ratio(alpha.t_statistic, 1)}"
    return Check(
        name="buy_and_hold",
        passed=passed,
        value=alpha.t_statistic,
        threshold=threshold,
        text=f"Buying and holding does not explain its return ({told})."
        if passed
        else f"Nothing certain is left once buying and holding is taken out ({told}; "
        f"{threshold:.1f} is asked for)."
        if not math.isnan(alpha.t_statistic)
        else "There are too few days to take buying and holding out of its return.",
    )
