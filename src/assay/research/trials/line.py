"""One line of the ledger: what it may say, and how it is written."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from assay.research.trials.trial import MONTHS_MAX, Trial, hash_of

LINE_BYTES_MAX = 65_536
GENESIS = "0" * 64
_HASH = re.compile("[0-9a-f]{64}")
_CHAINED = {"n", "previous", "hash"}
_KINDS = (_CHAINED | {"identity", "trial"}, _CHAINED | {"retry", "at_ns"}, _CHAINED | {"lost"})
_FIELDS = {item.name for item in fields(Trial)}
_ASKED = {
    item.name
    for item in fields(Trial)
    if item.default is MISSING and item.default_factory is MISSING
}
_TEXTS = ("kind", "settings_hash", "data_hash", "code_hash", "origin", "nested_in")
_WHOLE = ("n_days", "at_ns", "first_month", "saw_from_ns", "saw_until_ns", "cases")
_FIGURES = ("sharpe_daily", "skew", "kurtosis")
_LEAST = {"n_days": 0, "at_ns": 0, "cases": 1}
_NEARLY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: a trial, a retry of one, or trials that are lost.

    Attributes
    ----------
    n : int
        Trials counted up to here, lost ones included.
    previous, hash : str
        Of the line before, and of this one.
    trial : Trial or None
    retry : str
        Identity of the trial that was made again; empty if none was.
    at_ns : int
        When it was made again.
    lost : int
        Trials that earlier results counted, and that were gone when this was written.
    """

    n: int
    previous: str
    hash: str
    trial: Trial | None = None
    retry: str = ""
    at_ns: int = 0
    lost: int = 0

    @property
    def adds(self) -> int:
        """Trials that it adds to the count."""
        return self.lost + (self.trial is not None)


def canonical(value: object) -> str:
    """Return *value* as the ledger writes it: sorted keys, no spaces, finite numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parsed(text: bytes) -> Line:
    """Return what one line says.

    Parameters
    ----------
    text : bytes
        Without its end of line.

    Raises
    ------
    ValueError
        If it says something else than Assay writes, or in another form; the message says what.
    """
    if len(text) > LINE_BYTES_MAX:
        raise ValueError(f"it has more than {LINE_BYTES_MAX:,} bytes")
    try:
        content = json.loads(text)
        is_ours = isinstance(content, dict) and canonical(content).encode() == text
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not is_ours:
        raise ValueError("it is not written as Assay writes it: a key twice, a space or another")
    if set(content) not in _KINDS:
        raise ValueError(f"its keys are {', '.join(sorted(content))[:200]}")
    n, previous, own = content["n"], _hash(content, "previous"), _hash(content, "hash")
    chained: dict[str, Any] = {"n": _count(content, "n"), "previous": previous, "hash": own}
    if own != hash_of({key: value for key, value in content.items() if key != "hash"}):
        raise ValueError("it does not match its hash")
    if "lost" in content:
        return Line(**chained, lost=_count(content, "lost", least=1))
    if "retry" in content:
        return Line(**chained, retry=_hash(content, "retry"), at_ns=_count(content, "at_ns"))
    trial = _trial(content["trial"])
    if content["identity"] != trial.identity:
        raise ValueError(f"trial {n} has another identity than the one that it is recorded under")
    return Line(**chained, trial=trial)


def plain(trial: Trial) -> dict[str, Any]:
    """Return the fields of *trial* with null for what is not finite."""
    content = asdict(trial)
    content["monthly"] = [value if math.isfinite(value) else 0.0 for value in trial.monthly]
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in content.items()
    }


def _hash(content: Mapping[str, Any], key: str) -> str:
    value = content[key]
    if not (isinstance(value, str) and _HASH.fullmatch(value)):
        raise ValueError(f"{key} must be a SHA-256; was {value!r:.80}")
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(content: Mapping[str, Any], key: str, *, least: int = 0) -> int:
    value = content[key]
    if not _is_whole(value) or value < least:
        raise ValueError(f"{key} must be a whole number from {least} on; was {value!r:.80}")
    return int(value)


def _trial(content: object) -> Trial:
    """Return the trial that a line holds; one of an earlier version lacks what has a default."""
    if not isinstance(content, dict) or not _ASKED <= set(content) <= _FIELDS:
        raise ValueError("its trial lacks a field, or has one that no trial has")
    wrong = next((key for key, value in content.items() if not _fits(key, value)), None)
    if wrong is not None:
        raise ValueError(f"{wrong} of its trial cannot be {content[wrong]!r:.80}")
    cases, effective = content.get("cases", 1), content.get("cases_effective", 1.0)
    if not effective <= cases * (1.0 + _NEARLY):
        raise ValueError(f"cases_effective of its trial must be at most {cases}; was {effective}")
    unknown = {key: math.nan for key in _FIGURES if content[key] is None}
    months = {"monthly": tuple(content["monthly"])} if "monthly" in content else {}
    return Trial(**{**content, **unknown, **months})


def _fits(key: str, value: Any) -> bool:
    """Tell whether *value* can be the field *key* of a trial."""
    if key in _TEXTS:
        return isinstance(value, str)
    if key in _WHOLE:
        return _is_whole(value) and value >= _LEAST.get(key, value)
    if key in _FIGURES:
        return value is None or _is_number(value)
    if key == "cases_effective":
        return _is_number(value) and value >= 1.0
    if key == "monthly":
        return isinstance(value, list) and len(value) <= MONTHS_MAX and all(map(_is_number, value))
    return isinstance(value, dict)  # tried: informative, and nothing is computed from it
