"""The conditions of a verdict, each a function of its figures, and put into a sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import ndtri

from assay.research.leaks.evidence import LeakReport
from assay.research.verdict.figures import GATE, STRONG_SHARPE, Demands
from assay.research.wording import count, probability, ratio

POWER_MIN = 0.5
NEARLY = 1e-12
RANDOM_RUNS_MIN = 19
"""Fewer runs with random entries cannot show that at most one in twenty does as well."""


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


def conditions(
    numbers: Mapping[str, float], leaks: LeakReport | None
) -> tuple[tuple[Check, ...], tuple[Check, ...]]:
    """Return the conditions of a record that can be judged, and those of an edge."""
    demands = Demands.in_numbers(numbers).of_the_judge
    gates = (
        profit_check(numbers),
        deflated_check(numbers, demands.confidence),
        interval_check(numbers, demands.confidence),
        random_check(numbers, demands.confidence),
        alpha_check(numbers, demands.confidence),
    )
    data: tuple[Check, ...] = (
        leak_check(leaks),
        span_check(numbers, demands),
        trades_check(numbers, demands),
    )
    if not all(check.passed for check in gates):
        data = (*data, power_check(numbers))
    return data, gates


def asks_enough(check: Check) -> bool:
    """Tell whether a condition asks for at least what the gate asks for."""
    z = float(ndtri(GATE.confidence))
    least = {
        "years": GATE.years_min,
        "trades": float(GATE.trades_min),
        "net_profit": 0.0,
        "deflated_sharpe": GATE.confidence,
        "sharpe_interval": 0.0,
        "buy_and_hold": z * (1.0 - NEARLY),
    }
    most = {"leaks": 0.0, "random_entries": 1.0 - GATE.confidence + NEARLY}
    if check.name in most:
        return check.threshold <= most[check.name]
    return check.threshold >= least.get(check.name, math.inf)


def leak_check(report: LeakReport | None) -> Check:
    """Ask whether the record can be evidence at all: nothing in it knew the future."""
    if report is None:
        return Check(
            name="leaks",
            passed=False,
            value=math.nan,
            threshold=0.0,
            text="The leak prover was not asked whether what made it knew the future.",
        )
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


def span_check(numbers: Mapping[str, float], demands: Demands) -> Check:
    """Ask for a long enough record."""
    years = numbers["years"]
    enough = years >= demands.years_min
    return Check(
        name="years",
        passed=enough,
        value=years,
        threshold=demands.years_min,
        text=f"The record is long enough: {years:.1f} years out of sample."
        if enough
        else f"The record spans {years:.1f} years out of sample; at least "
        f"{demands.years_min:g} are asked for.",
    )


def trades_check(numbers: Mapping[str, float], demands: Demands) -> Check:
    """Ask for enough trades."""
    trades = numbers["closed_trades"]
    enough = trades >= demands.trades_min
    return Check(
        name="trades",
        passed=enough,
        value=trades,
        threshold=float(demands.trades_min),
        text=f"Its trades are many enough: {trades:,.0f}."
        if enough
        else f"It closed {trades:,.0f} trades; at least {demands.trades_min:,} are asked for.",
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


def profit_check(numbers: Mapping[str, float]) -> Check:
    """Ask for money made."""
    profit = numbers["net_profit"]
    word = "made" if profit > 0.0 else "lost"
    return Check(
        name="net_profit",
        passed=profit > 0.0,
        value=profit,
        threshold=0.0,
        text=f"After all costs it {word} {abs(numbers['total_return']):.1%} of the account."
        if profit
        else "After all costs it neither made nor lost money.",
    )


def deflated_check(numbers: Mapping[str, float], confidence: float) -> Check:
    """Ask for more than the best of all trials shows by luck."""
    dsr = numbers["dsr"]
    n_trials = int(numbers["trials"])
    luck = numbers["luck_sharpe"]
    tried = "the only trial" if n_trials <= 1 else f"the best of {count(n_trials)} recorded trials"
    return Check(
        name="deflated_sharpe",
        passed=dsr >= confidence,
        value=dsr,
        threshold=confidence,
        text=f"The chance that its true Sharpe ratio beats what luck gives {tried} "
        f"({ratio(luck)}) is {probability(dsr, spoken=True)}; {confidence:.0%} is asked for.",
    )


def interval_check(numbers: Mapping[str, float], confidence: float) -> Check:
    """Ask for an interval of the Sharpe ratio above zero."""
    low, high = numbers["sharpe_low"], numbers["sharpe_high"]
    return Check(
        name="sharpe_interval",
        passed=low > 0.0,
        value=low,
        threshold=0.0,
        text="It never held a position long enough for a Sharpe ratio."
        if math.isnan(low)
        else f"The {confidence:.0%} interval of its Sharpe ratio is {ratio(low)} to {ratio(high)}"
        + ("." if low > 0.0 else "; it reaches below zero."),
    )


def random_check(numbers: Mapping[str, float], confidence: float) -> Check:
    """Compare with runs that enter at random, as often and with the same exits."""
    runs, as_good = numbers["random_runs"], numbers["random_as_good"]
    threshold = 1.0 - confidence
    share = (1.0 + as_good) / (1.0 + runs) if runs >= RANDOM_RUNS_MIN else math.nan
    return Check(
        name="random_entries",
        passed=share <= threshold + NEARLY,
        value=share,
        threshold=threshold,
        text="It was not compared with random entries."
        if not runs
        else f"Of {runs:,.0f} runs with random entries of the same frequency {as_good:,.0f} did "
        f"at least as well (median Sharpe ratio {ratio(numbers['random_sharpe'])})"
        + ("." if runs >= RANDOM_RUNS_MIN else f"; {RANDOM_RUNS_MIN} runs are asked for at least."),
    )


def alpha_check(numbers: Mapping[str, float], confidence: float) -> Check:
    """Ask whether buying and holding explains the return."""
    threshold = float(ndtri(confidence))
    t = numbers.get("alpha_t", math.nan)
    told = f"beta {ratio(numbers.get('beta', math.nan))}, t-statistic of the rest {ratio(t, 1)}"
    if "alpha_t" not in numbers:
        text = "It was not compared with buying and holding."
    elif t >= threshold:
        text = f"Buying and holding does not explain its return ({told})."
    elif math.isnan(t):
        text = "There are too few days to take buying and holding out of its return."
    else:
        text = (
            f"Nothing certain is left once buying and holding is taken out ({told}; "
            f"{threshold:.1f} is asked for)."
        )
    return Check(
        name="buy_and_hold", passed=t >= threshold, value=t, threshold=threshold, text=text
    )
