"""Stored models of a workspace: their names, and whether they are whole."""

from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.reports import checked_name, free_folder
from assay.domain.errors import ModelError
from assay.domain.time import iso_utc

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.config.workspace import Workspace

CARD_FILE = "decision.json"
LATEST = "latest"


def model_folder(place: "Workspace", settings: "Settings", name: str | None, at_ns: int) -> Path:
    """Return the folder that a model will get.

    Raises
    ------
    ConfigError
        If *name* cannot name a folder.
    """
    if name is not None:
        return place.models / checked_name(name)
    moment = iso_utc(at_ns).replace("-", "").replace(":", "").replace("T", "-").rstrip("Z")
    market = "-".join(settings.market.symbols[:3])
    return free_folder(place.models / f"{moment}-{market}-{settings.market.timeframe}")


def stored_models(folder: Path) -> list[Path]:
    """Return the folders of the stored models, oldest first."""
    found = [path.parent for path in folder.glob(f"*/{CARD_FILE}")]
    return sorted(
        (path for path in found if not path.name.startswith(".")),
        key=lambda path: ((path / CARD_FILE).stat().st_mtime_ns, path.name),
    )


def find_model(place: "Workspace", name: str) -> Path:
    """Return the folder of the model called *name*; ``latest`` is the last one stored.

    Raises
    ------
    ModelError
        If there is none.
    """
    folders = stored_models(place.models)
    chosen = [folder for folder in folders if name in (LATEST, folder.name)]
    if chosen:
        return chosen[-1]
    known = ", ".join(folder.name for folder in folders[-5:]) or "none yet"
    raise ModelError(
        f"A model must exist to be used; was {name}, known: {known}.",
        remedy="Make one with `assay train`.",
        value=name,
    )


def verify_model(folder: Path) -> str:
    """Compare a stored model with its hashes, and say what it is.

    Raises
    ------
    ModelError
        If a file is missing, or its bytes do not match.
    """
    from assay.research.stored import load

    stored = load(folder)
    return f"{len(stored.model.forecaster.models)} members, bytes match their hashes"
