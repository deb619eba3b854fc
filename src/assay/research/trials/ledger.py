"""The trial ledger: how often an edge was looked for, counted by the machine.

One line of JSON per trial, each with the hash of the line before it. The file only grows.
Beside it lies its *head*, the count and hash of the last line, so that lines cut off the end
are missed too.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from assay.data.disk import Disk, put
from assay.data.lock import single_writer
from assay.domain.errors import DataError
from assay.research.trials.evidence import TrialEvidence, evidence_of, variance
from assay.research.trials.trial import Trial, hash_of

LINE_BYTES_MAX = 65_536
LOCK_WAIT_S_MAX = 30.0
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What a result remembers of the ledger that it was judged by.

    Attributes
    ----------
    count : int
        Trials counted then.
    hash : str
        Of the last line.
    source : str
        Which result, in words.
    """

    count: int
    hash: str
    source: str


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
    deleted, or put back from an earlier copy, goes on with a line that says how many trials are
    *lost*: those that the witnesses counted. It guards against mistakes and quiet edits, not
    against someone who rewrites every file.
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
        known = {line["identity"] for line in lines if "identity" in line}
        added = 0
        for trial in trials:
            if trial.identity in known:
                block.add({"retry": trial.identity, "at_ns": trial.at_ns, "n": block.count})
                continue
            known.add(trial.identity)
            added += 1
            block.add(
                {"n": block.count + 1, "identity": trial.identity, "trial": _plain(trial)},
                name=trial.kind,
            )
        if block.content:
            with self.path.open("ab") as file:
                self._disk.write_block(file.fileno(), memoryview(bytes(block.content)))
                self._disk.sync_file(file.fileno())
            self._disk.sync_folder(self.path.parent)
        if block.content or (lines and not self.head_path.exists()):
            head = {"count": block.count, "lines": block.n_lines, "hash": block.head}
            put(self._disk, self.head_path, _text(head).encode())
        return added

    def hand_over(self, target: "TrialLedger") -> int:
        """Append to *target* what this copy of it gained; return how many trials those were."""
        lines, theirs = self._read(repair=False), target._read(repair=False)
        made = {line["identity"]: _trial(line) for line in lines if "trial" in line}
        seen = {line["hash"] for line in theirs}
        gained = []
        for line in lines:
            if line["hash"] in seen or "lost" in line:
                continue
            again = {"at_ns": line["at_ns"]} if "retry" in line else {}
            gained.append(replace(made[line.get("retry", line.get("identity"))], **again))
        return target.record_all(gained)

    def trials(self) -> tuple[Trial, ...]:
        """Return every recorded trial, oldest first.

        Raises
        ------
        LedgerError
            If the file was edited, or lines were deleted.
        """
        return tuple(_trial(line) for line in self._read(repair=False) if "trial" in line)

    def count(self) -> int:
        """Return the number of different trials."""
        return sum("trial" in line for line in self._read(repair=False))

    def retries(self) -> int:
        """Return how often a trial was made again that was known already."""
        return sum("retry" in line for line in self._read(repair=False))

    def lost(self) -> int:
        """Return how many trials earlier results counted that the ledger no longer holds."""
        lines = self._read(repair=False)
        return sum(int(line.get("lost", 0)) for line in lines) + self._missing(lines)

    def witness(self, source: str) -> Witness:
        """Return what a result that is judged now has to remember of this ledger."""
        lines = self._read(repair=False)
        if not lines:
            return Witness(count=0, hash=GENESIS, source=source)
        return Witness(count=lines[-1]["n"], hash=lines[-1]["hash"], source=source)

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
        return evidence_of(self.trials(), lost=self.lost(), walk=walk, judged_ns=judged_ns)

    def _missing(self, lines: Sequence[Mapping[str, Any]]) -> int:
        """Return how many trials more the witnesses counted than the lines do."""
        count = lines[-1]["n"] if lines else 0
        known = max((item.count for item in self._all_witnesses(lines)), default=0)
        return max(0, known - count)

    def _all_witnesses(self, lines: Sequence[Mapping[str, Any]]) -> tuple[Witness, ...]:
        if lines or not self.head_path.exists():
            return self._witnesses
        count, _, digest = self._head()
        return (*self._witnesses, Witness(count=count, hash=digest, source=self.head_path.name))

    def _read(self, *, repair: bool) -> list[dict[str, Any]]:
        """Return the checked lines; move a torn last one away if *repair*."""
        content = self.path.read_bytes() if self.path.exists() else b""
        whole, _, torn = content.rpartition(b"\n")
        texts = whole.split(b"\n") if whole else []
        lines = [self._parse(text, number) for number, text in enumerate(texts, 1)]
        self._check_chain(lines)
        self._check_head(lines)
        self._check_witnesses(lines)
        if torn and repair:
            self._quarantine(torn, keep=len(content) - len(torn))
        return lines

    def _parse(self, text: bytes, number: int) -> dict[str, Any]:
        try:
            line = json.loads(text) if len(text) <= LINE_BYTES_MAX else None
        except ValueError:
            line = None
        if not isinstance(line, dict) or not any(kind <= set(line) for kind in _KINDS):
            raise self._tampered(f"line {number} is no record", number)
        return line

    def _check_chain(self, lines: Sequence[Mapping[str, Any]]) -> None:
        previous, count = GENESIS, 0
        for number, line in enumerate(lines, 1):
            body = {key: value for key, value in line.items() if key != "hash"}
            count += line["lost"] if "lost" in line else int("trial" in line)
            if line["n"] != count or line["previous"] != previous:
                raise self._tampered(f"line {number} does not follow the one before it", number)
            if hash_of(body) != line["hash"]:
                raise self._tampered(f"line {number} does not match its hash", number)
            previous = line["hash"]

    def _head(self) -> tuple[int, int, str]:
        """Return trials, lines and last hash as the head file says."""
        try:
            head = json.loads(self.head_path.read_bytes())
            count = int(head["count"])
            return count, int(head.get("lines", count)), str(head["hash"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._tampered(f"{self.head_path.name} cannot be read", 0) from None

    def _check_head(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Compare with the head, which may lag behind after a crash but never lead."""
        if not lines or not self.head_path.exists():
            return
        _, n_lines, digest = self._head()
        if len(lines) < n_lines:
            raise self._tampered(f"{n_lines - len(lines)} of {n_lines} lines are missing", 0)
        if n_lines and lines[n_lines - 1]["hash"] != digest:
            raise self._tampered(f"line {n_lines} is not the one that was written", n_lines)

    def _check_witnesses(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Compare with what earlier results remember: the same count must have the same hash."""
        hashes: dict[int, set[str]] = {}
        is_lost: list[range] = []
        for line in lines:
            hashes.setdefault(line["n"], set()).add(line["hash"])
            if "lost" in line:
                is_lost.append(range(line["n"] - line["lost"] + 1, line["n"] + 1))
        for item in self._witnesses:
            if any(item.count in span for span in is_lost):
                continue
            if item.count in hashes and item.hash not in hashes[item.count]:
                raise self._tampered(
                    f"trial {item.count} is not the one that {item.source} counted", item.count
                )

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


_CHAINED = {"n", "previous", "hash"}
_KINDS = (_CHAINED | {"identity", "trial"}, _CHAINED | {"retry", "at_ns"}, _CHAINED | {"lost"})


class _Block:
    """Lines to be appended, each chained to the one before it."""

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        self.content = bytearray()
        self.count: int = lines[-1]["n"] if lines else 0
        self.head: str = lines[-1]["hash"] if lines else GENESIS
        self.n_lines = len(lines)

    def add(self, body: dict[str, Any], *, name: str = "") -> None:
        """Chain one line; *name* is said if it is too long."""
        chained = {**body, "previous": self.head}
        self.head = hash_of(chained)
        line = _text({**chained, "hash": self.head}).encode() + b"\n"
        if len(line) > LINE_BYTES_MAX:
            raise DataError(
                f"A trial must fit in {LINE_BYTES_MAX} bytes; {name!r} has {len(line)}.",
                remedy="Shorten its kind or its monthly returns.",
                kind=name,
            )
        self.content += line
        self.count = body["n"]
        self.n_lines += 1


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _trial(line: Mapping[str, Any]) -> Trial:
    """Return the trial of one line."""
    fields = dict(line["trial"])
    fields["monthly"] = tuple(fields["monthly"])
    for name in ("sharpe_daily", "skew", "kurtosis"):
        fields[name] = math.nan if fields[name] is None else fields[name]
    return Trial(**fields)


def _plain(trial: Trial) -> dict[str, Any]:
    """Return the fields of *trial* with null for what is not finite."""
    fields = asdict(trial)
    fields["monthly"] = [value if math.isfinite(value) else 0.0 for value in trial.monthly]
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in fields.items()
    }
