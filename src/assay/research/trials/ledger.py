"""The trial ledger: how often an edge was looked for, counted by the machine.

One line of JSON per trial, each with the hash of the line before it. The file only grows.
Beside it lies its *head*, the count and hash of the last line, so that lines cut off the end
are missed too.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import brentq

from assay.data.disk import Disk, put
from assay.data.lock import single_writer
from assay.domain.errors import DataError
from assay.research.statistics.sharpe import expected_maximum
from assay.research.trials.trial import MONTHS_MAX, Trial, hash_of

LINE_BYTES_MAX = 65_536
LOCK_WAIT_S_MAX = 30.0
OVERLAP_MONTHS_MIN = 12
COMPARED_MAX = 1_000
"""Trials whose likeness is measured, evenly spaced over the ledger if there are more."""
GENESIS = "0" * 64


class LedgerError(DataError):
    """The ledger was changed by something else than an append."""

    code: ClassVar[str] = "data.ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvidence:
    """What the ledger says about luck; only :meth:`TrialLedger.evidence` makes one.

    Attributes
    ----------
    count : int
        Different trials recorded.
    effective : float
        Independent trials of which the best is expected to look as good by luck, [1, count].
    correlation : float
        Mean correlation of the trials' monthly returns, floored at 0; 0 where unknown.
    variance_luck : float
        Variance of a daily Sharpe ratio that is luck alone, mean over the trials.
    variance_observed : float
        Variance of the recorded daily ratios; NaN below two trials.
    trials_hash : str
        Names the set of trials; the same set has the same hash in every workspace.
    """

    count: int
    effective: float
    correlation: float
    variance_luck: float
    variance_observed: float
    trials_hash: str


class TrialLedger:
    """The ledger of one workspace.

    Parameters
    ----------
    path : Path
        The file; made with its folder at the first record.

    Attributes
    ----------
    notices : list of str
        What the ledger had to repair, in sentences for the report's warnings.

    Notes
    -----
    Safe against ``kill -9`` at any instant: a line counts once it is whole, and a torn last
    line moves to ``<name>.quarantine``. One writer at a time; the lock dies with its holder.
    It guards against mistakes and quiet edits, not against someone who rewrites both files.
    """

    def __init__(self, path: Path, *, disk: Disk | None = None) -> None:
        self.path = path
        self.notices: list[str] = []
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
        known = {line["identity"] for line in lines}
        head = lines[-1]["hash"] if lines else GENESIS
        count = len(lines)
        block = bytearray()
        for trial in trials:
            if trial.identity in known:
                continue
            known.add(trial.identity)
            body = {"n": count + 1, "previous": head, "identity": trial.identity}
            body["trial"] = _plain(trial)
            head = hash_of(body)
            line = _text({**body, "hash": head}).encode() + b"\n"
            if len(line) > LINE_BYTES_MAX:
                raise DataError(
                    f"A trial must fit in {LINE_BYTES_MAX} bytes; {trial.kind!r} has {len(line)}.",
                    remedy="Shorten its kind or its monthly returns.",
                    kind=trial.kind,
                )
            block += line
            count += 1
        added = count - len(lines)
        if added:
            with self.path.open("ab") as file:
                self._disk.write_block(file.fileno(), memoryview(bytes(block)))
                self._disk.sync_file(file.fileno())
            self._disk.sync_folder(self.path.parent)
        if added or (lines and not self.head_path.exists()):
            put(self._disk, self.head_path, _text({"count": count, "hash": head}).encode())
        return added

    def trials(self) -> tuple[Trial, ...]:
        """Return every recorded trial, oldest first.

        Raises
        ------
        LedgerError
            If the file was edited, or lines were deleted.
        """
        found = []
        for line in self._read(repair=False):
            fields = dict(line["trial"])
            fields["monthly"] = tuple(fields["monthly"])
            for name in ("sharpe_daily", "skew", "kurtosis"):
                fields[name] = math.nan if fields[name] is None else fields[name]
            found.append(Trial(**fields))
        return tuple(found)

    def count(self) -> int:
        """Return the number of different trials."""
        return len(self._read(repair=False))

    def variance_of_sharpe(self) -> float:
        """Return the variance (``ddof=1``) of the trials' daily ratios; NaN below two."""
        return _variance([trial.sharpe_daily for trial in self.trials()])

    def evidence(self) -> TrialEvidence:
        """Return what the verdict needs to know about the number of trials.

        Notes
        -----
        Luck alone gives a daily ratio the variance ``1/(n_days - 1)``. Of *N* such trials
        with mean correlation ρ the best is expected at
        ``sqrt((1 - ρ)/(n - 1)) E[max_N]``; *effective* is the number of independent trials
        with the same expectation.
        """
        trials = self.trials()
        lengths = [trial.n_days for trial in trials if trial.n_days >= 2]
        luck = float(np.mean([1.0 / (n - 1) for n in lengths])) if lengths else math.nan
        correlation = _mean_correlation(trials)
        return TrialEvidence(
            count=len(trials),
            effective=_effective(len(trials), correlation),
            correlation=correlation,
            variance_luck=luck,
            variance_observed=_variance([trial.sharpe_daily for trial in trials]),
            trials_hash=hash_of(sorted(trial.identity for trial in trials)),
        )

    def _read(self, *, repair: bool) -> list[dict[str, Any]]:
        """Return the checked lines; move a torn last one away if *repair*."""
        content = self.path.read_bytes() if self.path.exists() else b""
        whole, _, torn = content.rpartition(b"\n")
        texts = whole.split(b"\n") if whole else []
        lines = [self._parse(text, number) for number, text in enumerate(texts, 1)]
        self._check_chain(lines)
        self._check_head(lines)
        if torn and repair:
            self._quarantine(torn, keep=len(content) - len(torn))
        return lines

    def _parse(self, text: bytes, number: int) -> dict[str, Any]:
        try:
            line = json.loads(text) if len(text) <= LINE_BYTES_MAX else None
        except ValueError:
            line = None
        if not isinstance(line, dict) or not {"n", "previous", "identity", "trial", "hash"} <= set(
            line
        ):
            raise self._tampered(f"line {number} is no record", number)
        return line

    def _check_chain(self, lines: Sequence[Mapping[str, Any]]) -> None:
        previous = GENESIS
        for number, line in enumerate(lines, 1):
            body = {key: value for key, value in line.items() if key != "hash"}
            if line["n"] != number or line["previous"] != previous:
                raise self._tampered(f"line {number} does not follow the one before it", number)
            if hash_of(body) != line["hash"]:
                raise self._tampered(f"line {number} does not match its hash", number)
            previous = line["hash"]

    def _check_head(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Compare with the head, which may lag behind after a crash but never lead."""
        if not self.head_path.exists():
            return
        try:
            head = json.loads(self.head_path.read_bytes())
            count, digest = int(head["count"]), str(head["hash"])
        except (ValueError, TypeError, KeyError):
            raise self._tampered(f"{self.head_path.name} cannot be read", 0) from None
        if len(lines) < count:
            raise self._tampered(f"{count - len(lines)} of {count} lines are missing", len(lines))
        if count and lines[count - 1]["hash"] != digest:
            raise self._tampered(f"line {count} is not the one that was written", count)

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
            remedy="Restore it and its .head file from a backup. Without one, delete both: "
            "the count then starts at zero, and earlier reports still name the old ledger.",
            path=str(self.path),
            line=line,
        )


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(trial: Trial) -> dict[str, Any]:
    """Return the fields of *trial* with null for what is not finite."""
    fields = asdict(trial)
    fields["monthly"] = [value if math.isfinite(value) else 0.0 for value in trial.monthly]
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in fields.items()
    }


def _variance(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.var(known, ddof=1)) if len(known) > 1 else math.nan


def _mean_correlation(trials: Sequence[Trial]) -> float:
    """Return the mean correlation of all pairs, floored at 0; an unknown pair counts as 0."""
    if len(trials) < 2:
        return 0.0
    if len(trials) > COMPARED_MAX:
        places = np.linspace(0, len(trials) - 1, COMPARED_MAX).astype(np.int64)
        trials = [trials[i] for i in places]
    start = min(trial.first_month for trial in trials)
    stop = max(trial.first_month + len(trial.monthly) for trial in trials)
    if not OVERLAP_MONTHS_MIN <= stop - start <= 10 * MONTHS_MAX:
        return 0.0
    value = np.zeros((len(trials), stop - start))
    known = np.zeros((len(trials), stop - start))
    for i, trial in enumerate(trials):
        place = trial.first_month - start
        value[i, place : place + len(trial.monthly)] = trial.monthly
        known[i, place : place + len(trial.monthly)] = 1.0
    n = known @ known.T
    mean = np.divide(value @ known.T, n, out=np.zeros_like(n), where=n > 0)
    square = np.divide((value**2) @ known.T, n, out=np.zeros_like(n), where=n > 0)
    product = np.divide(value @ value.T, n, out=np.zeros_like(n), where=n > 0)
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    scale = deviation * deviation.T
    usable = (n >= OVERLAP_MONTHS_MIN) & (scale > 0.0)
    correlation = np.divide(product - mean * mean.T, scale, out=np.zeros_like(n), where=usable)
    pairs = correlation[np.triu_indices(len(trials), 1)]
    return float(np.clip(np.mean(pairs), 0.0, 1.0))


def _effective(count: int, correlation: float) -> float:
    """Return how many independent trials expect the same best by luck as *count* alike ones."""
    if count <= 1 or correlation >= 1.0:
        return 1.0
    target = math.sqrt(1.0 - correlation) * expected_maximum(count)
    if target <= 0.0:
        return 1.0
    solution = brentq(lambda n: expected_maximum(n) - target, 1.0, float(count), xtol=1e-9)
    return float(solution)
