"""``assay doctor``: whether this machine and this workspace are in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.domain.errors import AssayError, ConfigError

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.config.workspace import Workspace
    from assay.data.entry import Entry

FREE_BYTES_MIN = 1_000_000_000
MEMORY_BYTES_MIN = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check.

    Attributes
    ----------
    check : str
    state : {"ok", "warning", "fault"}
    detail : str
    remedy : str
        What to do; empty if all is well.
    exit_status : int
        Status of the command if this is its worst fault.
    """

    check: str
    state: Literal["ok", "warning", "fault"]
    detail: str
    remedy: str = ""
    exit_status: int = ConfigError.exit_status


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Check the machine and the workspace; name each remedy.

    Outside a workspace only the machine is checked. The exit code is that of the first fault.
    """
    from assay.config.workspace import Workspace

    screen = Screen(as_json=as_json)
    findings = list(_machine())
    try:
        place = Workspace.find(workspace or Path())
    except ConfigError as error:
        state: Literal["fault", "warning"] = "fault" if workspace else "warning"
        findings.append(
            Finding(check="workspace", state=state, detail=error.message, remedy=error.remedy)
        )
    else:
        with screen.progress() as progress:
            progress.stage("checking the workspace", 1)
            findings += _workspace(place)
            progress.advance()
    screen.table(
        ("check", "state", "detail"),
        [(finding.check, finding.state, finding.detail) for finding in findings],
    )
    for finding in findings:
        if finding.remedy:
            screen.say(f"{finding.check}: {finding.remedy}")
    screen.emit({"findings": findings})
    faults = [finding for finding in findings if finding.state == "fault"]
    if faults:
        raise typer.Exit(faults[0].exit_status)


def _machine() -> Iterator[Finding]:
    """Look at Python, packages, processors, memory and the folder of compiled code."""
    import os
    import platform
    import sys

    yield Finding(
        check="python",
        state="ok" if sys.version_info >= (3, 11) else "fault",
        detail=f"{platform.python_implementation()} {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}",
        remedy="" if sys.version_info >= (3, 11) else "Install Python 3.11 or later.",
    )
    yield _packages()
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding(check="processors", state="ok", detail=f"{n_cores} usable")
    yield from _memory()
    yield _cache()


def _packages() -> Finding:
    """Compare what is installed with the bounds of the package."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    wrong, shown = [], []
    for text in requires("assay") or []:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement} is missing")
            continue
        shown.append(f"{requirement.name} {found}")
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement} is wanted, {found} is installed")
    if wrong:
        return Finding(
            check="packages",
            state="fault",
            detail="; ".join(wrong),
            remedy="Install them again: pip install -r requirements.lock",
        )
    return Finding(check="packages", state="ok", detail=f"{len(shown)} within their bounds")


def _memory() -> Iterator[Finding]:
    """Compare free memory with what a run takes, where the system tells."""
    table = Path("/proc/meminfo")
    if not table.is_file():
        return
    sizes = dict(line.split(":", 1) for line in table.read_text().splitlines() if ":" in line)
    available = int(sizes.get("MemAvailable", "0 kB").split()[0]) * 1024
    is_enough = available >= MEMORY_BYTES_MIN
    yield Finding(
        check="memory",
        state="ok" if is_enough else "warning",
        detail=f"{available / 1e9:.1f} GB available",
        remedy="" if is_enough else "A run takes up to 2 GB: close something, or run.workers = 1.",
    )


def _cache() -> Finding:
    """See whether compiled code can be kept."""
    import os

    import assay.kernels.compiler  # noqa: F401  (it chooses the folder)

    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Finding(
            check="compiled code",
            state="warning",
            detail=f"{folder} cannot be written: {error.strerror}",
            remedy="Set ASSAY_CACHE_DIR to a folder of yours, or each command compiles again.",
        )
    return Finding(check="compiled code", state="ok", detail=str(folder))


def _workspace(place: "Workspace") -> Iterator[Finding]:
    """Look at the settings, the space, the data, the models and what killed runs left."""
    import shutil

    from assay.cli.session import open_workspace

    yield Finding(check="workspace", state="ok", detail=str(place.root))
    yield _attempt("settings", lambda: _settings_detail(open_workspace(place.root, None)[1]))
    free = shutil.disk_usage(place.root).free
    yield Finding(
        check="disk",
        state="ok" if free >= FREE_BYTES_MIN else "warning",
        detail=f"{free / 1e9:.1f} GB free",
        remedy="" if free >= FREE_BYTES_MIN else "Free some space before importing history.",
    )
    yield from _data(place)
    yield _attempt("broker facts", lambda: _facts_detail(place))
    yield from _models(place)
    yield _attempt("trial ledger", lambda: _ledger_detail(place))
    stale = place.unfinished()
    if stale:
        yield Finding(
            check="unfinished runs",
            state="warning",
            detail=", ".join(path.name for path in stale[:5]),
            remedy="The next `assay run` deletes them, if none is running now.",
        )


def _facts_detail(place: "Workspace") -> str:
    """Read every document of contract facts and count the versions."""
    from assay.data.specification.storing import FactsStore

    store = FactsStore(place.data)
    counts = {symbol: len(store.versions(symbol)) for symbol in store.symbols()}
    if not counts:
        return "none imported; the built-in catalogue holds"
    return ", ".join(f"{symbol}: {n} versions" for symbol, n in counts.items())


def _settings_detail(settings: "Settings") -> str:
    """Say how many keys differ from silence."""
    tables = [getattr(settings, section) for section in settings.model_fields_set]
    n_keys = sum(len(getattr(table, "model_fields_set", table)) for table in tables)
    return f"valid; {n_keys} keys set"


def _data(place: "Workspace") -> Iterator[Finding]:
    """Compare every stored series with its hashes."""
    from assay.data.catalogue import Catalogue

    catalogue = Catalogue(place.data)
    try:
        entries = catalogue.list()
    except AssayError as error:
        yield _fault("data", error)
        return
    if not entries:
        yield Finding(
            check="data",
            state="warning",
            detail="no history",
            remedy="Import some: assay data import FILE --symbol XAUUSD",
        )
    for entry in entries:

        def verified(entry: "Entry" = entry) -> str:
            catalogue.verify(entry.symbol, entry.timeframe)
            return f"{entry.rows:,} rows match their hash"

        yield _attempt(f"data {entry.symbol} {entry.series}", verified)


def _models(place: "Workspace") -> Iterator[Finding]:
    """Compare every stored model with its hashes."""
    from assay.cli.artifacts import stored_models, verify_model

    for folder in stored_models(place.models):
        yield _attempt(f"model {folder.name}", partial(verify_model, folder))


def _ledger_detail(place: "Workspace") -> str:
    from assay.cli.trials import opened_ledger

    book = opened_ledger(place)
    lost = book.lost()
    told = f"{lost} more are lost, as `assay ledger` says" if lost else "chain unbroken"
    return f"{book.count()} trials, {told}"


def _attempt(check: str, attempt: Callable[[], str]) -> Finding:
    """Turn the outcome of *attempt* into a finding."""
    try:
        return Finding(check=check, state="ok", detail=attempt())
    except AssayError as error:
        return _fault(check, error)


def _fault(check: str, error: AssayError) -> Finding:
    return Finding(
        check=check,
        state="fault",
        detail=error.message,
        remedy=error.remedy,
        exit_status=error.exit_status,
    )
