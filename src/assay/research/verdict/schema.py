"""The verdict as a published document: written, checked, and read back as the same object."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from importlib.resources import files
from operator import ge, gt
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.research.run_result import RunResult
from assay.research.statistics.sharpe import deflated_sharpe, probabilistic_sharpe
from assay.research.verdict.changes import what_would_change
from assay.research.verdict.checks import Check, variance_of_luck
from assay.research.verdict.document import SCHEMA, VerdictDocument, figure_json
from assay.research.verdict.judge import GATES, LENGTH, Outcome, Verdict, outcome_of
from assay.research.verdict.meanings import MEANINGS

VERDICT_FILE = "verdict.json"
SCHEMA_FILE = "verdict.schema.json"
BYTES_MAX = 16 * 2**20
NEARLY = 1e-9
"""Of a figure that is computed again: another machine may differ in the last digits."""
HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "years": ge,
    "trades": ge,
    "power": ge,
    "net_profit": gt,
    "deflated_sharpe": ge,
    "sharpe_interval": gt,
    "buy_and_hold": ge,
}
"""How value and threshold of a condition decide whether it holds, where they alone do."""


class VerdictError(DataError):
    """A document is no verdict of Assay, or was changed after it was written."""

    code: ClassVar[str] = "data.verdict"


def verdict_document(
    verdict: Verdict,
    *,
    title: str,
    strategy: str,
    span_ns: tuple[int, int] | None,
    hashes: Mapping[str, str],
) -> dict[str, Any]:
    """Return *verdict* as the content of ``verdict.json``.

    Parameters
    ----------
    verdict : Verdict
    title : str
        What was tested on what.
    strategy : str
        Name of the strategy that is judged.
    span_ns : (int, int) or None
        First and last event of the record, UTC nanoseconds.
    hashes : mapping of str to str
        What it was made of.
    """
    trials, leaks = verdict.trials, verdict.leaks
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "title": title,
        "strategy": strategy,
        "outcome": verdict.outcome.value,
        "passed": verdict.is_passed,
        "headline": verdict.headline,
        "explanation": verdict.explanation,
        "reasons_for": list(verdict.reasons_for),
        "reasons_against": list(verdict.reasons_against),
        "would_change": list(what_would_change(verdict)),
        "checks": [_plain(check) for check in verdict.checks],
        "numbers": {
            name: {"value": figure_json(value), "text": MEANINGS[name]}
            for name, value in verdict.numbers.items()
        },
        "trials": None if trials is None else _plain(trials),
        "leaks": None if leaks is None else json.loads(json.dumps(leaks.to_json())),
        "span": None
        if span_ns is None
        else {"first": iso_utc(span_ns[0]), "last": iso_utc(span_ns[1])},
        "hashes": dict(sorted(hashes.items())),
    }
    return {**content, "hash": document_hash(content)}


def document_of(run: RunResult) -> dict[str, Any]:
    """Return the verdict of *run* as the content of ``verdict.json``."""
    time_ns = run.strategy(run.headline).time_ns
    return verdict_document(
        run.verdict,
        title=run.title,
        strategy=run.headline,
        span_ns=(int(time_ns[0]), int(time_ns[-1])) if len(time_ns) else None,
        hashes=run.hashes,
    )


def verdict_text(document: Mapping[str, Any]) -> str:
    """Return ``verdict.json``: the keys in their order, a line each where they are short."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def document_hash(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of *content* without its own hash, in hexadecimal."""
    rest = {key: value for key, value in content.items() if key != "hash"}
    text = json.dumps(
        rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def schema_text() -> str:
    """Return the published JSON Schema (2020-12) of ``verdict.json``."""
    return files("assay.research.verdict").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")


def read_verdict(path: Path) -> Verdict:
    """Return the verdict in the file at *path*; see ``verdict_of``.

    Raises
    ------
    VerdictError
        If it cannot be read, too.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise _refusal(f"is larger than {BYTES_MAX // 2**20} MiB")
        return verdict_of(path.read_bytes())
    except OSError as error:
        raise _refusal(f"cannot be read from {path}: {error.strerror}") from None


def verdict_of(text: str | bytes) -> Verdict:
    """Return the verdict that ``verdict_text`` wrote: the object that every gate asks.

    Parameters
    ----------
    text : str or bytes
        The whole content of ``verdict.json``.

    Raises
    ------
    VerdictError
        If it is something else, was changed, or says what its own figures do not: a hash that
        does not fit, a condition that is missing, that does not follow from its figures, or that
        the outcome does not follow from.

    Notes
    -----
    The hash finds accidents and quiet edits. Someone who computes it again is still bound to
    figures that fit together: the outcome is asked again from the conditions, most conditions
    from their figures, and the deflated ratio from the moments of the record and the trials. It
    is no signature: a gate that does not trust its folder repeats the run.
    """
    content = _content(text)
    if content.get("schema") != SCHEMA:
        raise _refusal(f"has the schema {content.get('schema')!r}; {SCHEMA!r} is read")
    try:
        document = VerdictDocument.model_validate_json(text)
    except ValidationError as error:
        told = error.errors()[0]
        place = ".".join(str(part) for part in told["loc"])
        raise _refusal(f"is not what its schema asks for; {place}: {told['msg']}") from None
    if not _is_whole(document.hash, content):
        raise _refusal("was changed after it was written: its hash does not fit")
    verdict = Verdict(
        outcome=Outcome(document.outcome),
        headline=document.headline,
        explanation=document.explanation,
        reasons_for=document.reasons_for,
        reasons_against=document.reasons_against,
        checks=tuple(item.check() for item in document.checks),
        numbers={name: item.value for name, item in document.numbers.items()},
        trials=None if document.trials is None else document.trials.evidence(),
        leaks=None if document.leaks is None else document.leaks.report(),
    )
    fault = _fault(verdict, passed=document.passed)
    if fault:
        raise _refusal(fault)
    return verdict


def _is_whole(hash_: str, content: Mapping[str, Any]) -> bool:
    """Tell whether *content* is what was hashed."""
    try:
        return hash_ == document_hash(content)
    except ValueError:  # a number too large for one, which Assay writes as a word
        return False


def _content(text: str | bytes) -> dict[str, Any]:
    """Return the JSON object that *text* holds, no key of it given twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise ValueError("a key stands there twice")
        return table

    def refused(word: str) -> float:
        raise ValueError(f"{word} is no number of JSON")

    try:
        content = json.loads(text, object_pairs_hook=once, parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise _refusal(f"is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise _refusal("must hold one JSON object")
    return content


def _fault(verdict: Verdict, *, passed: bool) -> str:
    """Return what contradicts itself in *verdict*; empty if nothing does."""
    names = [check.name for check in verdict.checks]
    known = set(HOLDS) | GATES | LENGTH | {"leaks"}
    needed = GATES | LENGTH - {"power"}
    failed = {check.name for check in verdict.checks if not check.passed}
    if len(set(names)) < len(names) or not needed <= set(names) <= known:
        return "must hold each condition of a verdict once, and no other"
    if ("power" in names) is not bool(failed & GATES):
        return "must hold the condition on power if, and only if, one of an edge fails"
    for check in verdict.checks:
        if not _follows(check):
            return f"says of {check.name} what its value and threshold do not"
    if ("leaks" in names) is not (verdict.leaks is not None):
        return "must hold the condition on leaks together with the report of the prover"
    if verdict.leaks is not None and ("leaks" in failed) is verdict.leaks.is_clean:
        return "says of leaks what the report of the prover does not"
    if outcome_of(verdict.checks) is not verdict.outcome or passed is not verdict.is_passed:
        return "says what its conditions do not"
    return _figures_fault(verdict)


def _follows(check: Check) -> bool:
    """Tell whether *check* says what its own figures say, as far as these decide."""
    if check.name in HOLDS:
        return check.passed is HOLDS[check.name](check.value, check.threshold)
    return not (check.passed and math.isnan(check.value))


def _figures_fault(verdict: Verdict) -> str:
    """Return which figure does not follow from the others; empty if all do."""
    numbers, trials = verdict.numbers, verdict.trials
    asked = {"sharpe_daily", "n_days", "skew", "kurtosis", "psr", "dsr", "trials_effective"}
    if not asked <= set(numbers):
        return f"lacks the figures {', '.join(sorted(asked - set(numbers)))}"
    n = numbers["n_days"]
    if not (math.isfinite(n) and n >= 2.0 and n == int(n)):
        return "must count at least two days"
    by_name = {check.name: check.value for check in verdict.checks}
    moments = (numbers["skew"], numbers["kurtosis"])
    if not all(map(math.isfinite, (numbers["sharpe_daily"], *moments))):
        return "must know the ratio and the moments of its record"
    again = [
        ("deflated_sharpe", by_name["deflated_sharpe"], numbers["dsr"]),
        ("psr", probabilistic_sharpe(numbers["sharpe_daily"], 0.0, int(n), *moments),
         numbers["psr"]),
    ]  # fmt: skip
    if trials is not None:
        if not 0.0 < trials.effective <= max(1.0, float(trials.count)):
            return "counts more independent trials than trials"
        variance = variance_of_luck(trials, n)
        effective = max(trials.effective, 1.0)
        dsr = deflated_sharpe(numbers["sharpe_daily"], int(n), effective, variance, *moments)
        again += [
            ("dsr", dsr, numbers["dsr"]),
            ("trials", float(trials.count), numbers.get("trials", math.nan)),
            ("trials_effective", trials.effective, numbers["trials_effective"]),
        ]
    for name, one, other in again:
        both_unknown = math.isnan(one) and math.isnan(other)
        if not both_unknown and not math.isclose(one, other, rel_tol=NEARLY, abs_tol=NEARLY):
            return f"holds a figure, {name}, that does not follow from the others"
    return ""


def _plain(part: object) -> dict[str, Any]:
    """Return the fields of one part, figures as the document holds them."""
    names = part.__dataclass_fields__  # type: ignore[attr-defined]
    found = {name: getattr(part, name) for name in names}
    return {
        name: figure_json(value) if isinstance(value, float) else value
        for name, value in found.items()
    }


def _refusal(told: str) -> VerdictError:
    return VerdictError(
        f"A verdict must be whole and as Assay wrote it; this one {told}.",
        remedy="Run `assay run` again; its report folder gets a verdict.json of its own.",
    )
