"""The list of comparisons that were made in a workspace: every one was a look at the data.

One line of JSON each, with the hash of the line before it. The file only grows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.data.disk import Disk, put
from assay.data.lock import single_writer
from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.research.comparison.comparison import Comparison
from assay.research.comparison.entrant import Entrant
from assay.research.trials.trial import hash_of
from assay.research.wording import count

LOOKS_FILE = "looks.jsonl"
LOCK_WAIT_S_MAX = 30.0
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One comparison as the workspace remembers it.

    Attributes
    ----------
    number : int
        Which look of the workspace, from 1.
    at : str
        When it was made first, ISO 8601 UTC.
    names : tuple of str
        What was compared.
    strategies : tuple of str
        Their identities: a copied run is the same strategy.
    benchmark, winner : str or None
    n_days : int
    n_strategies : int
        Different strategies compared so far, this look included.
    """

    number: int
    at: str
    names: tuple[str, ...]
    strategies: tuple[str, ...]
    benchmark: str | None
    winner: str | None
    n_days: int
    n_strategies: int

    @property
    def sentence(self) -> str:
        """What a reader is told of it."""
        return (
            f"This is comparison {count(self.number)} of this workspace; "
            f"{count(self.n_strategies)} different strategies have been compared in it. Every "
            "comparison is a look at the same data: what it picks was not tested by it."
        )


def note_look(path: Path, comparison: Comparison, entrants: Sequence[Entrant], at_ns: int) -> Look:
    """Append a comparison to the list, unless the same one is in it; return how it stands there.

    Parameters
    ----------
    path : Path
        The list; made with its folder at the first look.
    comparison : Comparison
    entrants : sequence of Entrant
        Those that were compared.
    at_ns : int
        Now, UTC nanoseconds.

    Raises
    ------
    DataError
        If the list was edited, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with single_writer(path.with_name(path.name + ".lock"), wait_s_max=LOCK_WAIT_S_MAX):
            return _noted(path, comparison, entrants, at_ns)
    except OSError as error:
        raise DataError(
            f"The list of comparisons {path} must be writable; was not: {error.strerror}.",
            remedy="Free disk space or correct the permissions, then compare again.",
            path=str(path),
        ) from error


def read_looks(path: Path) -> tuple[Look, ...]:
    """Return every comparison of the list, oldest first.

    Raises
    ------
    DataError
        If the list was edited.
    """
    seen: set[str] = set()
    looks = []
    for line in _lines(path):
        seen |= set(line["strategies"])
        looks.append(_look(line, len(seen)))
    return tuple(looks)


def _noted(path: Path, comparison: Comparison, entrants: Sequence[Entrant], at_ns: int) -> Look:
    lines = _lines(path)
    strategies = sorted({item.identity for item in entrants})
    base = next((e.identity for e in entrants if e.name == comparison.benchmark), None)
    asked = [strategies, base, comparison.shared.n_days, comparison.confidence]
    seen: set[str] = set()
    for line in lines:
        seen |= set(line["strategies"])
        if line["asked"] == hash_of(asked):
            return _look(line, len(seen))
    body = {
        "n": len(lines) + 1,
        "previous": lines[-1]["hash"] if lines else GENESIS,
        "asked": hash_of(asked),
        "at": iso_utc(at_ns),
        "names": list(comparison.names),
        "strategies": strategies,
        "benchmark": comparison.benchmark,
        "winner": comparison.winner,
        "n_days": comparison.shared.n_days,
    }
    lines.append({**body, "hash": hash_of(body)})
    text = "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines)
    put(Disk(), path, text.encode())
    return _look(lines[-1], len(seen | set(strategies)))


def _look(line: dict[str, Any], n_strategies: int) -> Look:
    return Look(
        number=line["n"],
        at=line["at"],
        names=tuple(line["names"]),
        strategies=tuple(line["strategies"]),
        benchmark=line["benchmark"],
        winner=line["winner"],
        n_days=line["n_days"],
        n_strategies=n_strategies,
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the checked lines of the list."""
    content = path.read_bytes() if path.exists() else b""
    lines: list[dict[str, Any]] = []
    previous = GENESIS
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = json.loads(text)
            body = {key: value for key, value in line.items() if key != "hash"}
            is_whole = (line["n"], line["previous"], line["hash"]) == (
                number,
                previous,
                hash_of(body),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            is_whole = False
        if not is_whole:
            raise DataError(
                f"The list of comparisons {path} must be as it was written; line {number} was "
                "changed.",
                remedy="Restore it from a backup, or move it away: the count then starts anew.",
                path=str(path),
                line=number,
            )
        lines.append(line)
        previous = line["hash"]
    return lines
