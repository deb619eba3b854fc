"""``assay features``: the catalogue of features, and the columns of one's own strategy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen

if TYPE_CHECKING:
    from assay.strategy.strategy import Strategy


def features(
    pattern: Annotated[
        str | None, typer.Argument(help="Show only names and meanings with this text.")
    ] = None,
    default_only: Annotated[
        bool, typer.Option("--default", help="Only those that models read by default.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every feature: meaning, inputs, warm-up.

    Periods can be changed (rsi_21) and any feature read on a longer timeframe (rsi_14@H4). In a
    workspace with a strategy.py its features and signals follow, with the line of each.
    """
    from assay.cli.failures import leave_partly_failed
    from assay.domain.errors import StrategyError

    screen = Screen(as_json=as_json)
    rows = _of_catalogue(pattern, default_only=default_only)
    screen.table(
        ("feature", "reads", "warm-up", "default", "meaning"),
        [
            (
                row["name"],
                ", ".join(row["inputs"]),
                row["warm_up_bars"],
                "yes" if row["is_default"] else "",
                row["meaning"],
            )
            for row in rows
        ],
    )
    screen.say(f"{len(rows)} features. Any of them on a longer timeframe: rsi_14@H4")
    try:
        own = _of_strategy(_strategy_here(workspace), pattern)
    except StrategyError as fault:
        leave_partly_failed(screen, {"features": rows}, fault)
    if own:
        screen.table(
            ("own column", "kind", "warm-up", "declared in", "meaning"),
            [
                (
                    row["name"],
                    row["kind"],
                    row["warm_up_bars"],
                    f"{row['file']}:{row['line']}",
                    row["meaning"],
                )
                for row in own
            ],
        )
    screen.emit({"features": rows, "own": own})


def _of_catalogue(pattern: str | None, *, default_only: bool) -> list[dict[str, Any]]:
    from assay.domain.timeframe import Timeframe
    from assay.features.catalogue import all_features, default_features, parse

    default = set(default_features(Timeframe.H1, ()))
    rows: list[dict[str, Any]] = []
    for name in all_features():
        bound = parse(name)
        if default_only and name not in default:
            continue
        if not _is_asked(pattern, name, bound.feature.meaning):
            continue
        rows.append(
            {
                "name": name,
                "meaning": bound.feature.meaning,
                "inputs": list(bound.columns),
                "warm_up_bars": bound.warm_up,
                "is_default": name in default,
            }
        )
    return rows


def _strategy_here(workspace: Path | None) -> "Strategy | None":
    """Return the strategy of the workspace named, or of the one that we are in, if any."""
    from assay.cli.session import find_workspace
    from assay.domain.errors import ConfigError

    try:
        place = find_workspace(workspace)
    except ConfigError:
        if workspace is not None:
            raise
        return None  # the catalogue is the same everywhere
    if not place.has_strategy:
        return None
    from assay.strategy.loading import load_strategy

    return load_strategy(place.strategy_path)


def _of_strategy(strategy: "Strategy | None", pattern: str | None) -> list[dict[str, Any]]:
    columns = () if strategy is None else strategy.columns
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "meaning": column.meaning,
            "warm_up_bars": column.warm_up,
            "file": column.path.name,
            "line": column.line,
        }
        for column in columns
        if _is_asked(pattern, column.name, column.meaning)
    ]


def _is_asked(pattern: str | None, name: str, meaning: str) -> bool:
    return not pattern or pattern.lower() in f"{name} {meaning}".lower()
