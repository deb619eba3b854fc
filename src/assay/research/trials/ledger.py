"""The trial ledger: how often an edge was looked for, counted by the machine.

One line of JSON per trial, each with the hash of the line before it. The file only grows.
Beside it lies its *head*, the count and hash of the last line, so that lines cut off the end
are missed too.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from assay.data.disk import Disk, put
from assay.data.lock import single_writer
from assay.domain.errors import DataError
from assay.research.trials.evidence import TrialEvidence, evidence_of, variance
from assay.research.trials.line import GENESIS, LINE_BYTES_MAX, Line, canonical, parsed, plain
from assay.research.trials.trial import Trial, hash_of
from assay.research.trials.witness import Witness, contradicted, missing

LOCK_WAIT_S_MAX = 30.0


class LedgerError(DataError):
    """The ledger was changed by something else than an append."""

    code: ClassVar[str] = "data.ledger"


class TrialLedger:
    """The ledger of one workspace.

    Parameters
    ----------
    path : Path
        The file; made with its folder at the first record.
    witnesses : sequence of Witness
        What earlier results of the workspace say that it held.

    Attributes
    ----------
    notices : list of str
        What the ledger had to repair, in sentences for the report's warnings.

    Notes
    -----
    Safe against ``kill -9`` at any instant: a line counts once it is whole, and a torn last
    line moves to ``<name>.quarantine``. One writer at a time; the lock dies with its holder.
    A trial that is made again is a line too, a retry that refers to the first. A ledger that was
    deleted, put back from an earlier copy, or replaced by a shorter one, goes on with a line that
    says how many trials are *lost*: those that the witnesses counted. It guards against mistakes
    and quiet edits, not against someone who rewrites every file.
    """

    def __init__(
        self, path: Path, *, witnesses: Sequence[Witness] = (), disk: Disk | None = None
    ) -> None:
        self.path = path
        self.notices: list[str] = []
        self._witnesses = tuple(witnesses)
        self._disk = disk or Disk()

    @property
    def head_path(self) -> Path:
        """Where the count and hash of the last line are kept."""
        return self.path.with_name(self.path.name + ".head")

    @property
    def quarantine_path(self) -> Path:
        """Where torn lines go."""
        return self.path.with_name(self.path.name + ".quarantine")

    def record(self, trial: Trial) -> bool:
        """Append *trial* unless it is known, and return whether it was counted.

        Raises
        ------
        LedgerError
            If the file was edited, or lines were deleted.
        DataError
            If it cannot be written, or another process holds it.
        """
        return self.record_all((trial,)) == 1

    def record_all(self, trials: Sequence[Trial]) -> int:
        """Append those of *trials* that are not known yet, and return how many those were."""
        try:
            self._disk.make_folder(self.path.parent)
            lock = self.path.with_name(self.path.name + ".lock")
            with single_writer(lock, wait_s_max=LOCK_WAIT_S_MAX):
                return self._append(trials)
        except OSError as error:
            raise DataError(
                f"The trial ledger {self.path} must be writable; was not: {error.strerror}.",
                remedy="Free disk space or correct the permissions, then run again.",
                path=str(self.path),
            ) from error

    def _append(self, trials: Sequence[Trial]) -> int:
        lines = self._read(repair=True)
        lost = self._missing(lines)
        block = _Block(lines)
        if lost:
            block.add({"lost": lost, "n": block.count + lost})
        known = {line.trial.identity for line in lines if line.trial is not None}
        added = 0
        for trial in trials:
            if trial.identity in known:
                block.add({"retry": trial.identity, "at_ns": trial.at_ns, "n": block.count})
                continue
            known.add(trial.identity)
            added += 1
            block.add(
                {"n": block.count + 1, "identity": trial.identity, "trial": plain(trial)},
                name=trial.kind,
            )
        if block.content:
            with self.path.open("ab") as file:
                self._disk.write_block(file.fileno(), memoryview(bytes(block.content)))
                self._disk.sync_file(file.fileno())
            self._disk.sync_folder(self.path.parent)
        if block.content or (lines and not self.head_path.exists()):
            head = {"count": block.count, "lines": block.n_lines, "hash": block.head}
            put(self._disk, self.head_path, canonical(head).encode())
        return added

    def hand_over(self, target: "TrialLedger") -> int:
        """Append to *target* what this copy of it gained; return how many trials those were."""
        lines, theirs = self._read(repair=False), target._read(repair=False)
        made = {line.trial.identity: line.trial for line in lines if line.trial is not None}
        seen = {line.hash for line in theirs}
        gained = []
        for line in lines:
            if line.hash in seen or line.lost:
                continue
            gained.append(line.trial or replace(made[line.retry], at_ns=line.at_ns))
        return target.record_all(gained)

    def trials(self) -> tuple[Trial, ...]:
        """Return every recorded trial, oldest first.

        Raises
        ------
        LedgerError
            If the file was edited, or lines were deleted.
        """
        return _trials(self._read(repair=False))

    def count(self) -> int:
        """Return the number of different trials."""
        return len(self.trials())

    def retries(self) -> int:
        """Return how often a trial was made again that was known already."""
        return sum(bool(line.retry) for line in self._read(repair=False))

    def lost(self) -> int:
        """Return how many trials earlier results counted that the ledger no longer holds."""
        return self._lost(self._read(repair=False))

    def witness(self, source: str) -> Witness:
        """Return what a result that is judged now has to remember of this ledger."""
        lines = self._read(repair=False)
        if not lines:
            return Witness(count=0, hash=GENESIS, source=source)
        return Witness(count=lines[-1].n, hash=lines[-1].hash, source=source)

    def variance_of_sharpe(self) -> float:
        """Return the variance (``ddof=1``) of the trials' daily ratios; NaN below two."""
        return variance([trial.sharpe_daily for trial in self.trials()])

    def evidence(
        self, *, walk: str = "", judged_ns: tuple[int, int] | None = None
    ) -> TrialEvidence:
        """Return what the verdict needs to know about the number of trials.

        Parameters
        ----------
        walk : str
            Identity of the walk that is judged, if trials were nested in it.
        judged_ns : (int, int), optional
            First and last moment of the record that is judged, UTC nanoseconds.
        """
        lines = self._read(repair=False)
        return evidence_of(_trials(lines), lost=self._lost(lines), walk=walk, judged_ns=judged_ns)

    def _lost(self, lines: Sequence[Line]) -> int:
        return sum(line.lost for line in lines) + self._missing(lines)

    def _missing(self, lines: Sequence[Line]) -> int:
        """Return how many trials the witnesses counted that the lines do not account for."""
        witnesses = self._witnesses
        if not lines and self.head_path.exists():
            count, _, digest = self._head()
            witnesses = (*witnesses, Witness(count=count, hash=digest, source=self.head_path.name))
        return missing(lines, witnesses)

    def _read(self, *, repair: bool) -> list[Line]:
        """Return the checked lines; move a torn last one away if *repair*."""
        content = self.path.read_bytes() if self.path.exists() else b""
        whole, _, torn = content.rpartition(b"\n")
        texts = whole.split(b"\n") if whole else []
        lines = [self._parse(text, number) for number, text in enumerate(texts, 1)]
        self._check_chain(lines)
        self._check_head(lines)
        against = contradicted(lines, self._witnesses)
        if against is not None:
            number = next(k for k, line in enumerate(lines, 1) if line.n == against.count)
            what = f"line {number}, trial {against.count}, is not the one that {against.source} saw"
            raise self._tampered(what, number)
        if torn and repair:
            self._quarantine(torn, keep=len(content) - len(torn))
        return lines

    def _parse(self, text: bytes, number: int) -> Line:
        try:
            return parsed(text)
        except ValueError as error:
            raise self._tampered(f"line {number} is no record: {error}", number) from None

    def _check_chain(self, lines: Sequence[Line]) -> None:
        previous, count = GENESIS, 0
        known: set[str] = set()
        for number, line in enumerate(lines, 1):
            count += line.adds
            if line.n != count or line.previous != previous:
                raise self._tampered(f"line {number} does not follow the one before it", number)
            if line.retry and line.retry not in known:
                raise self._tampered(f"line {number} repeats a trial that no line holds", number)
            if line.trial is not None and line.trial.identity in known:
                raise self._tampered(f"line {number} counts a trial a second time", number)
            if line.trial is not None:
                known.add(line.trial.identity)
            previous = line.hash

    def _head(self) -> tuple[int, int, str]:
        """Return trials, lines and last hash as the head file says."""
        try:
            head = json.loads(self.head_path.read_bytes())
            count, n_lines, digest = head["count"], head.get("lines", head["count"]), head["hash"]
            if min(count, n_lines) < 0 or not all(
                type(value) is kind for value, kind in ((count, int), (n_lines, int), (digest, str))
            ):
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise self._tampered(f"{self.head_path.name} cannot be read", 0) from None
        return count, n_lines, digest

    def _check_head(self, lines: Sequence[Line]) -> None:
        """Compare with the head, which may lag behind after a crash but never lead."""
        if not lines or not self.head_path.exists():
            return
        _, n_lines, digest = self._head()
        if len(lines) < n_lines:
            raise self._tampered(f"{n_lines - len(lines)} of {n_lines} lines are missing", 0)
        if n_lines and lines[n_lines - 1].hash != digest:
            raise self._tampered(f"line {n_lines} is not the one that was written", n_lines)

    def _quarantine(self, torn: bytes, keep: int) -> None:
        with self.quarantine_path.open("ab") as file:
            self._disk.write_block(file.fileno(), memoryview(torn + b"\n"))
            self._disk.sync_file(file.fileno())
        with self.path.open("r+b") as file:
            file.truncate(keep)
            self._disk.sync_file(file.fileno())
        self.notices.append(
            f"The trial ledger ended in an unfinished line of {len(torn)} bytes, as after a "
            f"crash; it was moved to {self.quarantine_path.name}."
        )

    def _tampered(self, what: str, line: int) -> LedgerError:
        return LedgerError(
            f"The trial ledger {self.path} must be as it was written; {what}.",
            remedy="Restore it and its .head file from a backup. Without one, move the file away: "
            "the trials that earlier results counted then count as lost, each as a trial of its "
            "own.",
            path=str(self.path),
            line=line,
        )


class _Block:
    """Lines to be appended, each chained to the one before it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.content = bytearray()
        self.count: int = lines[-1].n if lines else 0
        self.head: str = lines[-1].hash if lines else GENESIS
        self.n_lines = len(lines)

    def add(self, body: dict[str, Any], *, name: str = "") -> None:
        """Chain one line; *name* is said if it is too long."""
        chained = {**body, "previous": self.head}
        self.head = hash_of(chained)
        line = canonical({**chained, "hash": self.head}).encode()
        if len(line) > LINE_BYTES_MAX:
            raise DataError(
                f"A trial must fit in {LINE_BYTES_MAX} bytes; {name!r} has {len(line)}.",
                remedy="Shorten its kind or its monthly returns.",
                kind=name,
            )
        self.content += line + b"\n"
        self.count = body["n"]
        self.n_lines += 1


def _trials(lines: Sequence[Line]) -> tuple[Trial, ...]:
    return tuple(line.trial for line in lines if line.trial is not None)
