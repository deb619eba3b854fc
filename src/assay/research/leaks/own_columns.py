"""A user's columns as the models read them: beside ours, and in the mirror."""

from collections.abc import Collection, Sequence

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.research.leaks.scene import Columns, Scene, bars_of
from assay.research.leaks.stages import SeriesStage
from assay.research.leaks.strategy import TOLERANCE


def own_stages(scene: Scene, leaking: Collection[str]) -> list[SeriesStage]:
    """Return a user's columns as the models read them: beside ours, and in the mirror.

    Those that leak by themselves are left out.
    """
    strategy = scene.strategy
    assert strategy is not None, "the scene must have a strategy"
    dataset = scene.whole_dataset
    own = {column.name for column in strategy.columns} - set(leaking)
    features = tuple(name for name in dataset.names if name in own)
    votes = tuple(name for name in dataset.vote_names if name in own)
    stages = []
    for symbol in scene.history.bars:

        def columns(at: Scene, symbol: str = symbol) -> Columns:
            there, item = at.whole_dataset, at.whole_dataset.data[symbol]
            return {
                **_named(features, there.names, item.x, ""),
                **_named(features, there.names, item.mirror_x, " in the mirror"),
                **_named(votes, there.vote_names, item.votes, ""),
                **_named(votes, there.vote_names, item.mirror_votes, " in the mirror"),
            }

        several = f", {symbol}" if len(scene.history.bars) > 1 else ""
        stages.append(
            SeriesStage(
                name=f"own columns{several}",
                compute=columns,
                rows=bars_of(symbol),
                rounding=TOLERANCE,
                may_stand_still=True,
                note=f"of {strategy.path.name}, as the models read them",
            )
        )
    return stages if own else []


def _named(
    wanted: Sequence[str], names: Sequence[str], table: FloatArray, suffix: str
) -> dict[str | tuple[str, ...], FloatArray]:
    """Return the columns *wanted* of a table; NaN where a shorter history has none."""
    there = {name: k for k, name in enumerate(names)}
    unknown = np.full(len(table), np.nan)
    return {
        f"{name}{suffix}": table[:, there[name]] if name in there else unknown for name in wanted
    }
