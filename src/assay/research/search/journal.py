"""The journal of a search: what was evaluated survives ``kill -9``, and is never evaluated again.

Outcomes are kept by Optuna's journal storage, one study per search and one per look around its
winner; fits of the search under way lie beside it as plain arrays, until the search has ended.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.data.disk import Disk, put
from assay.data.lock import single_writer
from assay.domain.errors import DataError
from assay.research.search.outcome import Outcome
from assay.research.search.trying import opinion_arrays, opinion_from
from assay.research.trials.witness import Witness
from assay.signals.signal_model import Opinion

if TYPE_CHECKING:
    import optuna

JOURNAL_FILE = "journal.log"
LOCK_FILE = "journal.lock"
WITNESS_FILE = "ledger.json"
FITS_FOLDER = "fits"
LOCK_WAIT_S_MAX = 5.0


class SearchJournal:
    """The journal of one optimisation, in a folder of its own.

    Parameters
    ----------
    folder : Path
        Made if it is absent.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, *, disk: Disk | None = None) -> None:
        self.folder = folder
        self._disk = disk or Disk()
        with _disk_errors(folder):
            self._disk.make_folder(folder / FITS_FOLDER)

    @property
    def path(self) -> Path:
        """Optuna's journal file."""
        return self.folder / JOURNAL_FILE

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes out; the lock dies with its holder."""
        with single_writer(self.folder / LOCK_FILE, wait_s_max=LOCK_WAIT_S_MAX):
            self._drop_torn_line()
            yield

    def outcomes(self, study: str) -> list[Outcome]:
        """Return what *study* knows, in order of number.

        Raises
        ------
        DataError
            If the journal is damaged.
        """
        trials = self._study(study).get_trials(deepcopy=False)
        try:
            by_number = {int(trial.user_attrs["number"]): trial for trial in reversed(trials)}
            found = [by_number[number] for number in sorted(by_number)]
            if sorted(by_number) != list(range(len(found))):
                raise self._damaged("its trials are not numbered one by one")
            while found and found[-1].user_attrs["batch_end"] != len(found):
                found.pop()  # of a batch that a crash cut off: it is made again
            return [_outcome(trial) for trial in found]
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"a trial has no {error}") from None

    def record(self, study: str, outcomes: Sequence[Outcome]) -> None:
        """Append the outcomes of one batch; its fits stay until ``forget_fits``."""
        import optuna

        kept = self._study(study)
        for outcome in outcomes:
            distributions: dict[str, optuna.distributions.BaseDistribution] = {
                name: optuna.distributions.IntDistribution(0, max(1, place))
                for name, place in outcome.point.items()
            }
            kept.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState.COMPLETE
                    if outcome.is_complete
                    else optuna.trial.TrialState.PRUNED,
                    value=outcome.objective if outcome.is_complete else None,
                    params=dict(outcome.point),
                    distributions=distributions,
                    intermediate_values=dict(outcome.by_split),
                    user_attrs={
                        "number": outcome.number,
                        "batch_end": outcomes[-1].number + 1,
                        "paths": list(outcome.paths),
                        "daily": [float(value) for value in outcome.daily],
                    },
                )
            )

    def remember(self, witness: Witness) -> None:
        """Keep what the ledger of trials held, for whoever finds it shorter later.

        A search shows what it found as it goes, and may be killed before any report tells.
        """
        note = {"ledger": {"count": witness.count, "hash": witness.hash}}
        with _disk_errors(self.folder):
            put(self._disk, self.folder / WITNESS_FILE, f"{json.dumps(note)}\n".encode())

    def keep_fit(self, study: str, key: str, split: int, opinion: Opinion) -> None:
        """Keep one fit of *study*, to the rows of its span, until its search has ended."""
        arrays = opinion_arrays(opinion)
        head = json.dumps({name: array.size for name, array in arrays.items()})
        content = head.encode() + b"\n" + b"".join(array.tobytes() for array in arrays.values())
        path = self._fit_path(study, key, split)
        with _disk_errors(self.folder):
            self._disk.make_folder(path.parent)
            put(self._disk, path, content)

    def fit(self, study: str, key: str, split: int) -> Opinion | None:
        """Return a fit that was kept for *study*; None if it is not there or not whole."""
        path = self._fit_path(study, key, split)
        if not path.exists():
            return None
        try:
            head, _, body = path.read_bytes().partition(b"\n")
            sizes = json.loads(head)
            numbers = np.frombuffer(body, dtype=np.float64)
            if numbers.size != sum(sizes.values()):
                return None
            parts = np.split(numbers, np.cumsum(list(sizes.values()))[:-1])
            return opinion_from(dict(zip(sizes, parts, strict=True)))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None  # cut off by a crash: it is made again

    def forget_fits(self, study: str) -> None:
        """Drop the kept fits of *study*; those of another search, which was cut off, stay."""
        shutil.rmtree(self.folder / FITS_FOLDER / study, ignore_errors=True)

    def _fit_path(self, study: str, key: str, split: int) -> Path:
        return self.folder / FITS_FOLDER / study / f"{key[:32]}-{split}.fit"

    def _study(self, name: str) -> "optuna.Study":
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            storage = optuna.storages.JournalStorage(
                JournalFileBackend(str(self.path), lock_obj=_NoLock())  # type: ignore[arg-type]
            )
            if name in optuna.get_all_study_names(storage):
                return optuna.load_study(storage=storage, study_name=name)
            return optuna.create_study(storage=storage, study_name=name, direction="maximize")
        except OSError as error:
            raise DataError(
                f"The journal {self.path} must be writable; was not: {error.strerror}.",
                remedy="Free disk space or correct the permissions, then run again.",
                path=str(self.path),
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(str(error)) from None

    def _drop_torn_line(self) -> None:
        """Cut off a last line that a crash left unfinished: Optuna would append to it."""
        if not self.path.exists():
            return
        with self.path.open("r+b") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.truncate(whole)
                self._disk.sync_file(file.fileno())

    def _damaged(self, what: str) -> DataError:
        return DataError(
            f"The journal {self.path} must be as it was written; {what}.",
            remedy="Restore it from a backup, or move its folder away: the search then begins "
            "again, and its trials stay in the ledger.",
            path=str(self.path),
        )


class _NoLock:
    """Optuna's lock survives a killed holder; ``SearchJournal.held`` does not."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _outcome(trial: Any) -> Outcome:
    attributes = trial.user_attrs
    return Outcome(
        number=int(attributes["number"]),
        point={name: int(place) for name, place in trial.params.items()},
        by_split={int(k): float(v) for k, v in sorted(trial.intermediate_values.items())},
        paths=tuple(float(value) for value in attributes["paths"]),
        objective=float(trial.value) if trial.value is not None else float("nan"),
        daily=np.array(attributes["daily"], dtype=np.float64),
    )


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"The folder {folder} must be writable; was not: {error.strerror}.",
            remedy="Free disk space or correct the permissions, then run again.",
            path=str(folder),
        ) from error


def described(folder: Path, content: dict[str, Any], *, disk: Disk | None = None) -> None:
    """Write beside the journal what is searched, for a reader."""
    text = json.dumps(content, indent=1, sort_keys=True, default=str)
    with _disk_errors(folder):
        put(disk or Disk(), folder / "search.json", text.encode())
