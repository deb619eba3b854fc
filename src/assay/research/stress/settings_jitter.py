"""Settings a little beside the chosen ones, to see whether the result hangs on one number."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.config.settings import Settings

LEAST, MOST = 0.10, 0.30
JITTERED: Mapping[str, tuple[str, ...]] = {
    "fusion": (
        "weight_traditional",
        "weight_ai",
        "weight_correlation",
        "pass_score",
        "hold_score",
    ),
    "risk": (
        "fixed_lots",
        "kelly_multiplier",
        "probability_confidence",
        "risk_fraction_max",
        "volatility_target",
        "exposure_max",
        "symbol_exposure_max",
        "margin_fraction_max",
    ),
    "exits": ("stop_atr", "break_even_at_r", "trailing_atr", "time_stop_bars"),
}
"""What is moved, beside the distances of the targets.

The largest number of positions, the shares of the targets and the length of the average true range
stay.
"""

WEIGHTS = ("weight_traditional", "weight_ai", "weight_correlation")


def jittered(settings: Settings, rng: np.random.Generator) -> Settings:
    """Return *settings* with the numbers of ``JITTERED`` and the targets moved by 10 to 30 %.

    Notes
    -----
    Up or down with equal chance. What is 0, and so off, stays off; a value beyond what a setting
    allows is put back to its limit; the three weights are made to sum to 1 again; the bar to keep
    a position is at most the bar to enter it.
    """
    tables: dict[str, dict[str, Any]] = {}
    for section, names in JITTERED.items():
        table = getattr(settings, section)
        moved = {name: _moved(table, name, rng) for name in names}
        tables[section] = {**table.model_dump(), **moved}
    fusion = tables["fusion"]
    total = sum(fusion[name] for name in WEIGHTS)
    for name in WEIGHTS:
        fusion[name] /= total
    fusion["hold_score"] = min(fusion["hold_score"], fusion["pass_score"])
    factors = [_factor(rng) for _ in settings.exits.targets]
    distances = sorted(
        level.at_r * factor for level, factor in zip(settings.exits.targets, factors, strict=True)
    )
    tables["exits"]["targets"] = tuple(
        {"at_r": distance, "fraction": level.fraction}
        for level, distance in zip(settings.exits.targets, distances, strict=True)
    )
    changed = {
        section: type(getattr(settings, section)).model_validate(table)
        for section, table in tables.items()
    }
    return settings.model_copy(update=changed)


def _factor(rng: np.random.Generator) -> float:
    size = rng.uniform(LEAST, MOST)
    return 1.0 + size if rng.random() < 0.5 else 1.0 - size


def _moved(table: Any, name: str, rng: np.random.Generator) -> float | int:
    """Return one setting moved, inside what it allows."""
    value = getattr(table, name)
    moved = value * _factor(rng)
    for limit in type(table).model_fields[name].metadata:
        if getattr(limit, "le", None) is not None:
            moved = min(moved, limit.le)
        if getattr(limit, "ge", None) is not None:
            moved = max(moved, limit.ge)
        if getattr(limit, "lt", None) is not None:
            moved = min(moved, math.nextafter(limit.lt, -math.inf))
    if isinstance(value, int):
        return 0 if value == 0 else max(1, round(moved))
    return float(moved)
