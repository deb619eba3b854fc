"""Whether a document says what its own figures say: everything that can be, is computed again."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from assay.research.leaks.evidence import LeakReport
from assay.research.trials.evidence import TrialEvidence
from assay.research.verdict.changes import what_would_change
from assay.research.verdict.document import VerdictDocument
from assay.research.verdict.figures import Demands, evidence_numbers
from assay.research.verdict.judge import Outcome, Verdict, concluded
from assay.research.verdict.meanings import MEANINGS

NEARLY = 1e-9
"""Of a figure that is computed again: another machine may differ in the last digits."""
NOTHING = 1e-12
HELD = frozenset({"alpha_annual", "alpha_t", "beta", "residual_sharpe"})
"""Figures that are there together, or not at all: nobody may have bought and held."""
DAYS_MAX = 10_000_000
SPAN_DAYS = 2.0
"""Days by which a span may differ from the length of the record: it is counted in whole days."""
DAYS_IN_YEAR = 365.25


def disagreement(document: VerdictDocument) -> str:
    """Return the first thing in *document* that its own figures contradict; empty if none does.

    Notes
    -----
    The judge's own function is asked again. Taken on trust is only what nothing else in the
    document tells: the moments of the record, what was measured of it, what the ledger and the
    prover said, and the observations that decide nothing.
    """
    numbers = {name: item.value for name, item in document.numbers.items()}
    trials = document.trials.evidence()
    leaks = None if document.leaks is None else document.leaks.report()
    told = next(_faults_of_parts(document, numbers, trials, leaks), "")
    if told:
        return told
    try:
        again = evidence_numbers(numbers, trials, _confidence(numbers))
        told = next(_different(numbers, again), "")
        verdict = concluded(document.strategy, numbers, trials, leaks)
        return told or next(_contradictions(document, verdict), "")
    except (OverflowError, ZeroDivisionError, ValueError) as error:
        return f"holds figures that no record has: {error}"


def _confidence(numbers: Mapping[str, float]) -> float:
    return Demands.in_numbers(numbers).of_the_judge.confidence


def _faults_of_parts(
    document: VerdictDocument,
    numbers: Mapping[str, float],
    trials: TrialEvidence,
    leaks: LeakReport | None,
) -> Iterator[str]:
    """Say what cannot be, before anything is computed from it."""
    present = set(numbers)
    lacking = set(MEANINGS) - HELD - present
    if lacking:
        yield f"lacks the figures {', '.join(sorted(lacking))}"
    if present - set(MEANINGS):
        yield f"holds figures that no verdict has: {', '.join(sorted(present - set(MEANINGS)))}"
    if present & HELD not in (set(), HELD):
        yield f"lacks the figures {', '.join(sorted(HELD - present))}"
    for name, item in document.numbers.items():
        if item.text != MEANINGS[name]:
            yield _told(f"numbers.{name}.text", item.text, MEANINGS[name])
    for name, (rule, holds) in RULES.items():
        if not holds(numbers[name], numbers):
            yield f"holds numbers.{name}.value = {numbers[name]!r}; it must be {rule}"
    yield from _faults_of_trials(trials)
    if document.outcome == Outcome.EDGE.value:
        yield from _faults_of_luck(trials, numbers["n_days"])
    yield from _faults_of_leaks(document, leaks)
    yield from _faults_of_span(document, numbers)


def _whole(value: float, least: float = 0.0) -> bool:
    return least <= value <= DAYS_MAX and value == int(value)


def _share_or_unknown(value: float, _: Mapping[str, float]) -> bool:
    return math.isnan(value) or 0.0 <= value <= 1.0


Rule = tuple[str, Callable[[float, Mapping[str, float]], bool]]
RULES: Mapping[str, Rule] = {
    "n_days": ("a whole number of days, at least 2", lambda v, _: _whole(v, 2.0)),
    "days_per_year": ("above 0 and at most 366", lambda v, _: 0.0 < v <= 366.0),
    "sharpe_daily": ("a number", lambda v, _: math.isfinite(v)),
    "skew": ("a number", lambda v, _: math.isfinite(v)),
    "kurtosis": (
        "at least 1 + skew squared, as every kurtosis is",
        lambda v, n: math.isfinite(v) and v * (1.0 + NEARLY) >= 1.0 + n["skew"] * n["skew"],
    ),
    "asked_confidence": ("above 0.5 and below 1", lambda v, _: 0.5 < v < 1.0),
    "asked_years": ("above 0", lambda v, _: 0.0 < v < math.inf),
    "asked_trades": ("a whole number, at least 1", lambda v, _: _whole(v, 1.0)),
    "years": (
        "the days of the record over those of a year",
        lambda v, n: 0.0 <= v < math.inf and (v < 0.1 or _near(v, _years(n))),
    ),
    "closed_trades": ("a whole number", lambda v, _: _whole(v)),
    "net_profit": ("a number", lambda v, _: math.isfinite(v)),
    "total_return": (
        "on the same side of 0 as net_profit",
        lambda v, n: math.isfinite(v) and _sign(v) == _sign(n["net_profit"]),
    ),
    "max_drawdown": ("a share, 0 to 1", _share_or_unknown),
    "sharpe_low": (
        "at most sharpe_high, and known if that is",
        lambda v, n: v <= n["sharpe_high"] or math.isnan(v + n["sharpe_high"]),
    ),
    "random_runs": ("a whole number", lambda v, _: _whole(v)),
    "random_as_good": (
        "a whole number, at most random_runs",
        lambda v, n: _whole(v) and v <= n["random_runs"],
    ),
}
"""What a figure must be that is not computed from others."""


def _years(numbers: Mapping[str, float]) -> float:
    """Return the years of a record of so many days: from one to the next, and the first."""
    return (numbers["n_days"] - 1.0) / numbers["days_per_year"] + 1.0 / DAYS_IN_YEAR


def _sign(value: float) -> int:
    return (value > 0.0) - (value < 0.0)


def _faults_of_trials(trials: TrialEvidence) -> Iterator[str]:
    """Say which counts of the ledger contradict one another."""
    known = trials.count - trials.lost
    least = max(1.0, trials.lost + float(known > 0))
    most = max(1.0, float(trials.count))
    rules = (
        ("count", trials.count >= 1, "at least 1: what is judged is itself a trial"),
        ("lost", known >= 0, f"at most trials.count, {trials.count}"),
        ("nested", trials.nested <= trials.recorded, "at most trials.recorded"),
        (
            "recorded",
            trials.recorded >= trials.nested + (known > 0),
            "more than trials.nested, for some of its trials are counted",
        ),
        (
            "clusters",
            (known > 0) <= trials.clusters <= min(known, trials.recorded - trials.nested),
            "between 1 and the trials that are counted",
        ),
        (
            "effective",
            least * (1.0 - NEARLY) <= trials.effective <= most * (1.0 + NEARLY),
            f"between {least:g} and {most:g}: each lost trial is an independent one",
        ),
        ("correlation", 0.0 <= trials.correlation <= 1.0, "a share, 0 to 1"),
        (
            "variance_luck",
            math.isnan(trials.variance_luck) or 0.0 < trials.variance_luck <= 1.0,
            "above 0 and at most 1",
        ),
        (
            "variance_observed",
            math.isnan(trials.variance_observed) or 0.0 <= trials.variance_observed < math.inf,
            "a variance",
        ),
    )
    for name, holds, rule in rules:
        if not holds:
            yield f"holds trials.{name} = {getattr(trials, name)!r}; it must be {rule}"


def _faults_of_luck(trials: TrialEvidence, n_days: float) -> Iterator[str]:
    """Say whether the mean over the trials is too small: the record is one of them."""
    least = 1.0 / ((n_days - 1.0) * max(1, trials.recorded - trials.nested))
    if not trials.variance_luck >= least * (1.0 - NEARLY):
        yield (
            f"holds trials.variance_luck = {trials.variance_luck!r}; it must be at least "
            f"{least!r}, for the record is one of the trials"
        )


def _faults_of_leaks(document: VerdictDocument, leaks: LeakReport | None) -> Iterator[str]:
    """Say what the report of the prover does not say of itself."""
    if leaks is None or document.leaks is None:
        return
    part = document.leaks
    for name, value, again in (
        ("clean", part.clean, leaks.is_clean),
        ("trusted", part.trusted, leaks.trusted),
        ("reason", part.reason, leaks.reason),
    ):
        if value != again:
            yield _told(f"leaks.{name}", value, again)
    for item, canary in zip(part.canaries, leaks.canaries, strict=True):
        if item.is_found is not canary.is_found:
            yield _told(f"leaks.canaries.{canary.column}.is_found", item.is_found, canary.is_found)
    if leaks.is_clean and not sum(stage.columns for stage in leaks.stages):
        yield "holds leaks.stages without any column; the prover must have looked at something"


def _faults_of_span(document: VerdictDocument, numbers: Mapping[str, float]) -> Iterator[str]:
    """Say whether the span is one, and as long as the record."""
    span = document.span
    if span is None:
        if document.outcome == Outcome.EDGE.value:
            yield "holds span = null; an edge has a first and a last event"
        return
    moments = []
    for name, text in (("first", span.first), ("last", span.last)):
        try:
            moments.append(datetime.fromisoformat(text))
        except ValueError:
            yield f"holds span.{name} = {text!r}; it must be a day and a time"
            return
    days = (moments[1] - moments[0]).total_seconds() / 86_400.0
    if days < 0.0:
        yield f"holds span.last = {span.last!r}, which is before span.first, {span.first!r}"
    length = numbers["years"] * DAYS_IN_YEAR - 1.0
    if abs(days - length) > SPAN_DAYS:
        yield (
            f"holds span.first = {span.first!r} and span.last = {span.last!r}, {days:,.0f} days; "
            f"numbers.years.value says {length:,.0f}"
        )


def _different(numbers: Mapping[str, float], again: Mapping[str, float]) -> Iterator[str]:
    """Say which figures do not follow from the others."""
    for name, value in again.items():
        if not _near(numbers[name], value):
            yield _told(f"numbers.{name}.value", numbers[name], value)


def _contradictions(document: VerdictDocument, verdict: Verdict) -> Iterator[str]:
    """Say where the answer, the conditions or the sentences are not those of the figures."""
    names = [check.name for check in document.checks]
    if names != [check.name for check in verdict.checks]:
        yield _told("checks", ", ".join(names), ", ".join(check.name for check in verdict.checks))
    for item, check in zip(document.checks, verdict.checks, strict=True):
        for key in ("value", "threshold"):
            if not _near(getattr(item, key), getattr(check, key)):
                place = f"checks.{item.name}.{key}"
                yield _told(place, getattr(item, key), getattr(check, key))
        for key in ("passed", "text"):
            if getattr(item, key) != getattr(check, key):
                place = f"checks.{item.name}.{key}"
                yield _told(place, getattr(item, key), getattr(check, key))
    for key, value, again in (
        ("outcome", document.outcome, verdict.outcome.value),
        ("passed", document.passed, verdict.is_passed),
        ("headline", document.headline, verdict.headline),
        ("explanation", document.explanation, verdict.explanation),
        ("would_change", document.would_change, what_would_change(verdict)),
        ("reasons_for", document.reasons_for[: len(verdict.reasons_for)], verdict.reasons_for),
        (
            "reasons_against",
            document.reasons_against[: len(verdict.reasons_against)],
            verdict.reasons_against,
        ),
    ):
        if value != again:
            yield _told(key, value, again)


def _near(one: float, other: float) -> bool:
    """Tell whether two figures are the same; two unknown ones are."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=NEARLY, abs_tol=NOTHING)


def _told(key: str, value: object, again: object) -> str:
    return f"holds {key} = {_short(value)}, where its own figures give {_short(again)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:157]}..."
