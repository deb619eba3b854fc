"""What most commands begin with: the workspace, its settings, the time."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.domain.time import UtcNs

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.config.workspace import Workspace


class SystemClock:
    """The clock of the machine: the one place that reads it."""

    def now(self) -> UtcNs:
        """Return the current time."""
        return UtcNs(time.time_ns())


def find_workspace(folder: Path | None) -> "Workspace":
    """Return the workspace named on the command line, or the one that we are in.

    Raises
    ------
    ConfigError
        If there is none.
    """
    from assay.config.workspace import Workspace

    return Workspace.find(folder or Path())


def open_workspace(
    folder: Path | None, overrides: Sequence[str] | None
) -> tuple["Workspace", "Settings"]:
    """Return the workspace with its validated settings.

    Raises
    ------
    ConfigError
        If there is no workspace, or a setting is wrong.
    """
    from assay.config.loader import load_settings
    from assay.data.specification.loading import load_facts

    workspace = find_workspace(folder)
    facts_of = partial(load_facts, workspace.data)
    return workspace, load_settings(workspace.settings_path, tuple(overrides or ()), facts_of)
