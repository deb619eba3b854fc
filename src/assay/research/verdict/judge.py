"""The verdict: edge, no edge, not enough data or not evidence at all, and why.

The rule is fixed here and nowhere else; reports print it and promotion asks it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, unique

from assay.config.settings import EvaluationSettings
from assay.kernels.compiler import FloatArray
from assay.research.daily import daily_returns
from assay.research.leaks.evidence import LeakReport
from assay.research.metrics import Metrics, measure
from assay.research.result import Forecasts, StrategyResult, title_of
from assay.research.trials.evidence import TrialEvidence
from assay.research.verdict.checks import Check, asks_enough, conditions
from assay.research.verdict.figures import (
    Demands,
    alpha_numbers,
    evidence_numbers,
    moments_of,
    record_numbers,
)
from assay.research.verdict.findings import Finding, demand_findings, findings, trial_findings
from assay.research.wording import count, percent, ratio


@unique
class Outcome(Enum):
    """The four answers."""

    EDGE = "edge"
    NO_EDGE = "no edge"
    NOT_ENOUGH_DATA = "not enough data"
    NOT_EVIDENCE = "not evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer, and everything needed to argue with it.

    Attributes
    ----------
    outcome : Outcome
    headline : str
        The answer in one sentence.
    explanation : str
        What it means for someone who would trade it.
    reasons_for, reasons_against : tuple of str
    checks : tuple of Check
        All conditions, in the order in which they were asked. If one on the soundness of the
        record fails, the outcome is "not evidence"; if one on its length, "not enough data".
    numbers : mapping of str to float
        Every figure the conditions used; ratios are annual unless the name says daily.
    trials : TrialEvidence or None
        What the ledger said about luck.
    leaks : LeakReport or None
        What the leak prover said; None if it was not asked, and then this is no evidence.
    """

    outcome: Outcome
    headline: str
    explanation: str
    reasons_for: tuple[str, ...]
    reasons_against: tuple[str, ...]
    checks: tuple[Check, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)
    trials: TrialEvidence | None = None
    leaks: LeakReport | None = None

    @property
    def is_passed(self) -> bool:
        """Whether this may be promoted: the question that every gate asks.

        Whoever made the object: the conditions have to be all there, to hold, and to ask for no
        less than the gate does.
        """
        names = sorted(check.name for check in self.checks)
        return (
            self.outcome is Outcome.EDGE
            and names == sorted(SOUNDNESS | LENGTH - {"power"} | GATES)
            and outcome_of(self.checks) is Outcome.EDGE
            and all(asks_enough(check) for check in self.checks)
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """All reasons, those that carry the outcome first."""
        if self.outcome is Outcome.EDGE:
            return self.reasons_for + self.reasons_against
        return self.reasons_against + self.reasons_for


SOUNDNESS = frozenset({"leaks"})
"""Conditions without which a record is no evidence at all."""
LENGTH = frozenset({"years", "trades", "power"})
"""Conditions without which a record says neither yes nor no."""
GATES = frozenset(
    {"net_profit", "deflated_sharpe", "sharpe_interval", "random_entries", "buy_and_hold"}
)
"""Conditions of an edge."""


def outcome_of(checks: Sequence[Check]) -> Outcome:
    """Return the answer that *checks* give: the whole rule, asked by the judge and by the gate."""
    failed = {check.name for check in checks if not check.passed}
    if failed & SOUNDNESS:
        return Outcome.NOT_EVIDENCE
    if failed & LENGTH:
        return Outcome.NOT_ENOUGH_DATA
    return Outcome.NO_EDGE if failed else Outcome.EDGE


def judge(
    result: StrategyResult,
    trials: TrialEvidence,
    benchmarks: Mapping[str, StrategyResult],
    forecasts: Forecasts | None,
    settings: EvaluationSettings,
    *,
    seed: int = 0,
    metrics: Metrics | None = None,
    random_sharpes: FloatArray | None = None,
    leaks: LeakReport | None = None,
) -> Verdict:
    """Judge one strategy on its out-of-sample record.

    Parameters
    ----------
    result : StrategyResult
        After all costs, out of sample only: an in-sample record makes the verdict worthless.
    trials : TrialEvidence
        From the ledger, after this run's own trials were recorded in it.
    benchmarks : mapping of str to StrategyResult
        ``buy_and_hold`` is asked for; without it its condition fails.
    forecasts : Forecasts or None
        Evidence for the reader; no condition depends on it.
    settings : EvaluationSettings
        May ask for more than the gate does. Where they ask for less, the gate's own demand is
        judged by, and the verdict says so.
    seed : int
        Of the run.
    metrics : Metrics, optional
        Of *result*, if they were measured already with the same seed and the confidence that is
        judged by.
    random_sharpes : float64, shape (n,), optional
        Annual Sharpe ratios of random-entry runs with the same frequency, at least 19; with fewer
        their condition fails.
    leaks : LeakReport, optional
        What the leak prover found in the pipeline that made the record.

    Notes
    -----
    NOT_EVIDENCE, before anything else, if the prover found a leak, cannot be trusted or was not
    asked: no figure of such a record means what it says.

    EDGE asks for all of: net profit; deflated Sharpe ratio at least ``confidence``; a
    bootstrap interval of the Sharpe ratio above 0; better than random entries; a return
    that buying and holding does not explain. On noise without costs about 1 in 100 passes.
    """
    asked = Demands.of(settings)
    confidence = asked.of_the_judge.confidence
    measured = metrics or measure(
        result, confidence=confidence, samples=settings.bootstrap_samples, seed=seed
    )
    daily = daily_returns(result.time_ns, result.equity, result.start_balance)
    moments = moments_of(measured)
    numbers = {
        **evidence_numbers(moments, trials, confidence),
        **alpha_numbers(daily, benchmarks.get("buy_and_hold"), moments["days_per_year"]),
        **record_numbers(measured, random_sharpes),
        **asked.numbers,
    }
    further = findings(result, measured, daily, forecasts)
    return concluded(result.name, numbers, trials, leaks, further)


def concluded(
    strategy: str,
    numbers: Mapping[str, float],
    trials: TrialEvidence,
    leaks: LeakReport | None,
    further: Sequence[Finding] = (),
) -> Verdict:
    """Return the verdict that follows from figures: the judge writes it, the gate asks it again.

    Parameters
    ----------
    strategy : str
        Name of the one that is judged.
    numbers : mapping of str to float
        Of `assay.research.verdict.figures`, all of them.
    trials : TrialEvidence
    leaks : LeakReport or None
    further : sequence of Finding
        What else a reader is told, after all that follows from the rest.
    """
    data, gates = conditions(numbers, leaks)
    outcome = outcome_of((*data, *gates))
    told = (*demand_findings(numbers), *trial_findings(trials), *further)
    return Verdict(
        outcome=outcome,
        headline=_headline(outcome, title_of(strategy), numbers, data, gates, leaks),
        explanation=_explanation(outcome, numbers, leaks),
        reasons_for=_reasons(data, gates, told, speaks_for=True),
        reasons_against=_reasons(data, gates, told, speaks_for=False),
        checks=(*data, *gates),
        numbers=numbers,
        trials=trials,
        leaks=leaks,
    )


def _headline(
    outcome: Outcome,
    title: str,
    numbers: Mapping[str, float],
    data: tuple[Check, ...],
    gates: tuple[Check, ...],
    leaks: LeakReport | None,
) -> str:
    years, n_trades = numbers["years"], numbers["closed_trades"]
    if outcome is Outcome.NOT_EVIDENCE:
        if leaks is not None and leaks.trusted:
            did = "knew the future" if leaks.sees_future else "does not do what it says"
            return f"This is not evidence: the pipeline that made it {did}."
        return "This is not evidence: nobody knows whether what made it knew the future."
    if outcome is Outcome.EDGE:
        n_trials = int(numbers["trials"])
        tried = "one trial" if n_trials == 1 else f"{count(n_trials)} trials"
        return (
            f"{title} earned more, after costs, than luck over {tried} explains: a Sharpe "
            f"ratio of {ratio(numbers['sharpe'])} over {years:.1f} years."
        )
    if outcome is Outcome.NOT_ENOUGH_DATA:
        failed = {check.name for check in data if not check.passed}
        if "years" in failed:
            return f"{years:.1f} years out of sample are too few to tell."
        if "trades" in failed:
            word = "trade" if n_trades == 1 else "trades"
            return f"{n_trades:,.0f} {word} in {years:.1f} years are too few to tell."
        return f"{years:.1f} years are too short to find even a strong edge."
    if numbers["net_profit"] <= 0.0:
        return f"{title} lost {abs(numbers['total_return']):.1%} of the account after costs."
    failed_gates = {check.name for check in gates if not check.passed}
    if failed_gates <= {"buy_and_hold"}:
        return f"{title} made money, but no more than buying and holding explains."
    if failed_gates <= {"random_entries"}:
        return f"{title} made money, but so did entries at random."
    made = percent(numbers["total_return"])
    return f"{title} made {made} of the account, which luck explains as well."


def _explanation(outcome: Outcome, numbers: Mapping[str, float], leaks: LeakReport | None) -> str:
    needed = numbers["sharpe_needed"]
    if outcome is Outcome.NOT_EVIDENCE and not (leaks is not None and leaks.trusted):
        return (
            "Whatever the figures below say, they may have been made with knowledge that nobody "
            "has when trading: the leak prover could not tell. `assay leaks` says why."
        )
    if outcome is Outcome.NOT_EVIDENCE:
        return (
            "Whatever the figures below say, they were made with knowledge that nobody has when "
            "trading. Mend what is named, and run again; `assay leaks` shows every place."
        )
    if outcome is Outcome.EDGE:
        return (
            "All conditions below hold on data the models had not seen. This is evidence, not a "
            "promise: the same edge had a largest drawdown of "
            f"{numbers['max_drawdown']:.0%}, and it can fade. Trade it on paper first."
        )
    if outcome is Outcome.NOT_ENOUGH_DATA:
        return (
            "The record says neither yes nor no. Do not trade it on this evidence; give the "
            "system a longer history, or settings under which it trades more often. In this "
            f"record a Sharpe ratio of about {needed:.1f} was needed to stand out from luck."
        )
    years = numbers["track_record_years_min"]
    confidence = Demands.in_numbers(numbers).of_the_judge.confidence
    longer = (
        f" If it really is as good as it looked, {years:,.0f} years of such a record would "
        f"be needed for {confidence:.0%} confidence."
        if math.isfinite(years) and numbers["years"] < years < 200.0
        else ""
    )
    return (
        "Do not trade it. In this record a Sharpe ratio of about "
        f"{needed:.1f} after costs was needed to stand out from luck; it has "
        f"{ratio(numbers['sharpe'])}.{longer}"
    )


def _reasons(
    data: tuple[Check, ...],
    gates: tuple[Check, ...],
    further: tuple[Finding, ...],
    *,
    speaks_for: bool,
) -> tuple[str, ...]:
    told = [
        check.text
        for check in (*data, *gates)
        if check.passed is speaks_for and not (speaks_for and check.name == "power")
    ]
    told += [finding.text for finding in further if finding.speaks_for is speaks_for]
    return tuple(told)
