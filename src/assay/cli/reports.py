"""Reports of a workspace: their names, their summary, and which there are."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.domain.errors import ConfigError, DataError
from assay.domain.time import iso_utc

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.config.workspace import Workspace
    from assay.research.run_result import RunResult

HTML_FILE = "report.html"
JSON_FILE = "results.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def report_folder(
    place: "Workspace", settings: "Settings", name: str | None, at_ns: int, *, kind: str = "run"
) -> Path:
    """Return the folder that a report will get.

    Raises
    ------
    ConfigError
        If *name* cannot name a folder.
    """
    if name is not None:
        return place.reports / checked_name(name)
    moment = iso_utc(at_ns).replace("-", "").replace(":", "").replace("T", "-").rstrip("Z")
    market = "-".join(settings.market.symbols[:3])
    if len(settings.market.symbols) > 3:
        market += f"-and-{len(settings.market.symbols) - 3}"
    return free_folder(place.reports / f"{moment}-{kind}-{market}-{settings.market.timeframe}")


def checked_name(name: str) -> str:
    """Return *name* if it can name a folder.

    Raises
    ------
    ConfigError
        If it cannot.
    """
    if _NAME.fullmatch(name):
        return name
    raise ConfigError(
        f"A name must consist of letters, digits and . _ - (at most 80); was {name!r}.",
        remedy="Choose another with --name.",
        value=name,
    )


def free_folder(wanted: Path) -> Path:
    """Return *wanted*, or the first of ``wanted-2``, ``wanted-3`` … that is not taken."""
    folder, number = wanted, 1
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def stored_reports(place: "Workspace") -> list[Path]:
    """Return the folders of the finished reports, oldest first."""
    found = [path.parent for path in place.reports.glob(f"*/{JSON_FILE}")]
    return sorted(
        (folder for folder in found if not folder.name.startswith(".")),
        key=lambda folder: ((folder / JSON_FILE).stat().st_mtime_ns, folder.name),
    )


def find_report(place: "Workspace", name: str | None) -> Path:
    """Return the folder of the report called *name*, or of the last one.

    Raises
    ------
    ConfigError
        If there is none.
    """
    folders = stored_reports(place)
    chosen = [folder for folder in folders if name in (None, folder.name)]
    if chosen:
        return chosen[-1]
    known = ", ".join(folder.name for folder in folders[-5:]) or "none yet"
    raise ConfigError(
        f"A report must exist to be shown; was {name or 'the last one'}, known: {known}.",
        remedy="Make one with `assay run`, or list them with `assay report --list`.",
        value=name,
    )


def read_report(folder: Path) -> dict[str, Any]:
    """Return the JSON of a stored report.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    path = folder / JSON_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} must be a report; cannot be read: {error}.",
            remedy="Run `assay run` again.",
            file=str(path),
        ) from None
    if not isinstance(content, dict):
        raise DataError(
            f"{path} must hold one JSON object; holds {type(content).__name__}.",
            remedy="Run `assay run` again.",
            file=str(path),
        )
    return content


def summary_of(result: "RunResult") -> dict[str, Any]:
    """Return the verdict and the metrics of every strategy, for machine output."""
    verdict = result.verdict
    return {
        "title": result.title,
        "outcome": verdict.outcome.value,
        "headline": verdict.headline,
        "explanation": verdict.explanation,
        "reasons_for": verdict.reasons_for,
        "reasons_against": verdict.reasons_against,
        "metrics": dict(result.metrics),
        "hashes": result.hashes,
        "warnings": result.warnings,
    }
