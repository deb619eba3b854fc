"""The ``strategy.py`` of a workspace: found, loaded, named on the screen, kept beside results."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.cli.screen import Screen
    from assay.config.workspace import Workspace
    from assay.strategy.strategy import Strategy


def find_strategy(place: "Workspace", screen: "Screen") -> "Strategy | None":
    """Load the workspace's ``strategy.py`` and say so; without one there is nothing to say.

    Raises
    ------
    StrategyError
        If the file fails, or declares something wrong.
    """
    if not place.has_strategy:
        return None
    from assay.strategy.loading import load_strategy

    strategy = load_strategy(place.strategy_path)
    screen.say(
        f"Using {strategy.path.name}: {_named('feature', strategy.feature_names)}; "
        f"{_named('signal', strategy.signal_names)}."
    )
    return strategy


def keep_copy(strategy: "Strategy | None", folder: Path) -> None:
    """Write the file into the folder of what was made with it; its hash is in the result."""
    if strategy is not None:
        (folder / strategy.path.name).write_bytes(strategy.source)


def _named(kind: str, names: Sequence[str]) -> str:
    if not names:
        return f"no {kind}"
    return f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}"
