"""``assay features``: the catalogue of features."""

from typing import Annotated, Any

import typer

from assay.cli.options import JsonOption
from assay.cli.screen import Screen


def features(
    pattern: Annotated[
        str | None, typer.Argument(help="Show only names and meanings with this text.")
    ] = None,
    default_only: Annotated[
        bool, typer.Option("--default", help="Only those that models read by default.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List every feature: meaning, inputs, warm-up.

    Periods can be changed (rsi_21) and any feature read on a longer timeframe (rsi_14@H4).
    """
    from assay.domain.timeframe import Timeframe
    from assay.features.catalogue import all_features, default_features, parse

    default = set(default_features(Timeframe.H1, ()))
    rows: list[dict[str, Any]] = []
    for name in all_features():
        bound = parse(name)
        if default_only and name not in default:
            continue
        if pattern and pattern.lower() not in f"{name} {bound.feature.meaning}".lower():
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
    screen = Screen(as_json=as_json)
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
    screen.emit({"features": rows})
