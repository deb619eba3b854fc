"""A user's folder: where its parts lie, and how to change them without leaving half of a change."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from assay.config.template import render_template
from assay.domain.errors import ConfigError, DataError

SETTINGS_FILE = "assay.toml"
STRATEGY_FILE = "strategy.py"
FREE_BYTES_MIN = 200_000_000
UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of one workspace.

    Attributes
    ----------
    root : Path
        Folder that holds ``assay.toml``.
    """

    root: Path

    @classmethod
    def find(cls, start: Path) -> "Workspace":
        """Return the workspace that *start* lies in, walking up.

        Raises
        ------
        ConfigError
            If neither *start* nor a folder above it holds ``assay.toml``.
        """
        here = start.resolve()
        for folder in (here, *here.parents):
            if (folder / SETTINGS_FILE).is_file():
                return cls(folder)
        raise ConfigError(
            f"A command must run inside a workspace; was in {here}, where no {SETTINGS_FILE} is.",
            remedy="Run `assay init NAME` and change into it, or name one with --workspace.",
            folder=str(here),
        )

    @classmethod
    def create(cls, root: Path, *, symbols: tuple[str, ...], timeframe: str) -> "Workspace":
        """Make the folders and a commented ``assay.toml``.

        Raises
        ------
        ConfigError
            If *root* is a workspace already, or cannot be written. Nothing is overwritten.
        """
        workspace = cls(root.resolve())
        if workspace.settings_path.exists():
            raise ConfigError(
                f"A workspace must be made once; {workspace.settings_path} exists already.",
                remedy="Edit that file, or choose another folder.",
                file=str(workspace.settings_path),
            )
        market = {"symbols": symbols, "timeframe": timeframe}
        try:
            for folder in (workspace.data, workspace.models, workspace.reports):
                folder.mkdir(parents=True, exist_ok=True)
            write_atomically(workspace.settings_path, render_template({"market": market}))
        except OSError as error:
            raise ConfigError(
                f"A workspace must be writable; {workspace.root} was not: {error.strerror}.",
                remedy="Choose a folder that you may write to.",
                folder=str(workspace.root),
            ) from None
        return workspace

    @property
    def settings_path(self) -> Path:
        """The file ``assay.toml``."""
        return self.root / SETTINGS_FILE

    @property
    def strategy_path(self) -> Path:
        """The user's own features and signals; most workspaces have none."""
        return self.root / STRATEGY_FILE

    @property
    def has_strategy(self) -> bool:
        """Whether there is a strategy, be it a link that leads nowhere."""
        return os.path.lexists(self.strategy_path)

    @property
    def data(self) -> Path:
        """The Parquet catalogue, with what it quarantined."""
        return self.root / "data"

    @property
    def models(self) -> Path:
        """Trained models, one folder each."""
        return self.root / "models"

    @property
    def reports(self) -> Path:
        """Reports, one folder for each run."""
        return self.root / "reports"

    @property
    def comparisons(self) -> Path:
        """Comparisons of runs, one folder each, and the list of all of them."""
        return self.root / "comparisons"

    @property
    def searches(self) -> Path:
        """Journals of optimisations, by the identity of what they search."""
        return self.root / "searches"

    @property
    def ledger_path(self) -> Path:
        """The ledger of trials, from which the deflated Sharpe ratio takes their number."""
        return self.root / "ledger" / "trials.jsonl"

    @property
    def lock_path(self) -> Path:
        """The file that a writing command holds locked."""
        return self.root / ".assay.lock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other writing command out, for as long as the block runs.

        The operating system drops the lock with the process, so a killed run leaves none.

        Raises
        ------
        ConfigError
            If another command is writing to this workspace.
        """
        with self.lock_path.open("a+", encoding="ascii") as file:
            if not _try_lock(file):
                file.seek(0)
                owner = file.read().strip() or "unknown"
                raise ConfigError(
                    f"A workspace must have one writer at a time; process {owner} is at work here.",
                    remedy="Wait for it to finish, or stop it.",
                    pid=owner,
                )
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def drop_unfinished(self) -> int:
        """Delete what killed runs left half-written; return how many folders.

        Call it only while the workspace is :meth:`held`.
        """
        stale = self.unfinished()
        for folder in stale:
            shutil.rmtree(folder, ignore_errors=True)
        return len(stale)

    def unfinished(self) -> list[Path]:
        """Return the folders of runs that were killed, or that are at work."""
        parents = (self.models, self.reports, self.comparisons)
        return [path for parent in parents for path in parent.glob(f"{UNFINISHED}*")]


@contextmanager
def folder_in_one_piece(target: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes *target* when the block ends well.

    Whatever ends the block early, Ctrl-C included, the temporary folder is deleted and
    *target* stays as it was.

    Raises
    ------
    DataError
        If the disk is full or cannot be written.
    ConfigError
        If *target* exists.
    """
    if target.exists():
        raise ConfigError(
            f"A run must have a folder of its own; {target} exists already.",
            remedy="Choose another name with --name.",
            folder=str(target),
        )
    draft = target.parent / f"{UNFINISHED}{target.name}-{os.getpid()}"
    try:
        draft.mkdir(parents=True)
        yield draft
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise disk_error(error, target) from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def write_atomically(path: Path, text: str) -> None:
    """Replace the content of *path*: readers see all of it or what was there before.

    Raises
    ------
    OSError
        If the disk is full or cannot be written; *path* is then as it was.
    """
    draft = path.with_name(f"{UNFINISHED}{path.name}-{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def disk_error(error: OSError, path: Path) -> DataError:
    """Return the typed form of a failed read or write at *path*."""
    return DataError(
        f"{error.filename or path} must be readable and writable; was not: {error.strerror}.",
        remedy="Free some space or correct the permissions; nothing was changed.",
        file=str(error.filename or path),
        errno=error.errno,
    )


def _try_lock(file: IO[str]) -> bool:
    """Lock *file* for this process, if nobody else holds it."""
    if os.name == "nt":  # pragma: no cover - exercised on Windows only
        import msvcrt

        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
