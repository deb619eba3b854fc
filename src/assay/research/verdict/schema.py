"""The verdict as a published document: written, checked, and read back as the same object."""

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.research.run_result import RunResult
from assay.research.verdict.agreement import disagreement
from assay.research.verdict.changes import what_would_change
from assay.research.verdict.document import SCHEMA, VerdictDocument, figure_json
from assay.research.verdict.judge import Outcome, Verdict
from assay.research.verdict.meanings import MEANINGS

VERDICT_FILE = "verdict.json"
SCHEMA_FILE = "verdict.schema.json"
BYTES_MAX = 16 * 2**20


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
        If it is something else, was changed, or says what its own figures do not. The message
        names the key, what stands there, and what the figures give.

    Notes
    -----
    The hash finds accidents and quiet edits. Someone who computes it again is still bound to
    figures that fit together: the judge's own function is asked again, and every figure,
    condition, threshold and sentence that follows from others must be the one that it gives. It
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
        was = f"{told.get('input')!r:.80}"
        raise _refusal(
            f"is not what its schema asks for; {place}: {told['msg']}, was {was}"
        ) from None
    if not _is_whole(document.hash, content):
        raise _refusal("was changed after it was written: its hash does not fit")
    fault = disagreement(document)
    if fault:
        raise _refusal(fault)
    return Verdict(
        outcome=Outcome(document.outcome),
        headline=document.headline,
        explanation=document.explanation,
        reasons_for=document.reasons_for,
        reasons_against=document.reasons_against,
        checks=tuple(item.check() for item in document.checks),
        numbers={name: item.value for name, item in document.numbers.items()},
        trials=document.trials.evidence(),
        leaks=None if document.leaks is None else document.leaks.report(),
    )


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
