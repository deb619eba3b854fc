"""Leaks that the prover plants itself: if one of these is not found, nothing it says counts."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.research.leaks.comparing import checksum, column_of
from assay.research.leaks.evidence import Canary, Check
from assay.research.leaks.scene import Array, Columns, Scene
from assay.research.leaks.tracking import Tracker


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One leak, planted into a copy of a stage in place of one of its columns.

    Attributes
    ----------
    leak : str
        What it is, such as ``the next row``.
    column : str
        Which column is replaced.
    value : callable
        From the scene and what the stage made of it to the leaking column.
    checks : tuple of str or None
        Those that must find it; None: every one under which some future changed what the stage
        says. A leak of what never changes is none.
    """

    leak: str
    column: str
    value: Callable[[Scene, Columns], Array]
    checks: tuple[Check, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantedCopy:
    """A copy of a stage with a leak in it, tracked like the stage itself."""

    plant: Plant
    tracker: Tracker
    checksum: float
    moved_by: set[Check] = field(default_factory=set)

    @classmethod
    def of(cls, plant: Plant, tracker: Tracker, scene: Scene) -> "PlantedCopy":
        """Plant a leak into a copy of the tracked stage."""
        column = plant.value(scene, tracker.whole)
        copy = Tracker(
            stage=tracker.stage,
            whole={plant.column: column},
            rows=tracker.rows,
            rounding=tracker.rounding,
            noise=tracker.noise,
        )
        own = checksum(_floats(tracker.whole, plant.column))
        return cls(plant=plant, tracker=copy, checksum=own)

    def add(self, check: Check, what: str, cut_ns: int, scene: Scene, after: Columns) -> None:
        """Let the copy answer for another future."""
        column = self.plant.value(scene, after)
        self.tracker.add(check, what, cut_ns, {self.plant.column: column})
        is_shown = bool(self.tracker.known_at(cut_ns, check).any())
        if is_shown and checksum(_floats(after, self.plant.column)) != self.checksum:
            self.moved_by.add(check)

    def canary(self) -> Canary:
        """Return whether the leak was found, by the stage and the column that are named."""
        named = {
            leak.check
            for leak in self.tracker.leaks()
            if (leak.stage, leak.column) == (self.tracker.stage, self.plant.column)
        }
        answered = tuple(check for check in self.tracker.answers if check in self.moved_by)
        expected = answered if self.plant.checks is None else self.plant.checks
        return Canary(
            leak=self.plant.leak,
            stage=self.tracker.stage,
            column=self.plant.column,
            expected=expected,
            found=tuple(check for check in expected if check in named),
        )


def plants_for(tracker: Tracker, cut_ns: int, after: Columns) -> list[Plant]:
    """Return leaks that suit a stage, given what another future makes of it.

    Parameters
    ----------
    tracker : Tracker
    cut_ns : int
        Until when both futures are the same.
    after : Columns
        What the stage makes of the other one.

    Notes
    -----
    The leaks are made from the stage's own answer. A stage that does not look at the history it
    is given, but at one it remembers, gives the same answer for every future: its canaries stay
    silent, and the prover says that it cannot be trusted.
    """
    share: dict[str, float] = {}
    later = np.flatnonzero(tracker.rows.known_ns > cut_ns)
    for name in tracker.names:
        one, other = column_of(tracker.whole, name), column_of(after, name)
        if one is not None and other is not None and len(later):
            both = later[later < min(len(one), len(other))]
            share[name] = float(_moved(one[both], other[both]).sum()) / len(later)
    column = max(share, key=lambda name: share[name], default="")
    if not share.get(column, 0.0) > 0.0:
        return []
    end = _unlike(tracker.whole, column)
    return [
        Plant(
            leak="a checksum of the whole column",
            column=column,
            value=lambda _, columns: checksum_of_all(columns, column),
        ),
        Plant(
            leak="the value of the next row",
            column=column,
            value=lambda _, columns: next_row(columns, column, end),
            checks=("truncate",),
        ),
    ]


def _moved(one: Array, other: Array) -> Array:
    """Tell where two columns hold numbers that differ beyond rounding."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(one.astype(float) - other.astype(float)) > 1e-6 * np.abs(one))


def checksum_of_all(columns: Columns, name: str) -> FloatArray:
    """Return the checksum of a whole column on each of its rows."""
    own = _floats(columns, name)
    return np.full(len(own), checksum(own))


def next_row(columns: Columns, name: str, end: float) -> FloatArray:
    """Return a column one row too early, with *end* on the last row: a negative shift."""
    return np.append(_floats(columns, name)[1:], end)


def _unlike(columns: Columns, name: str) -> float:
    """Return a number that a column does not hold."""
    own = _floats(columns, name)
    finite = own[np.isfinite(own)]
    largest = float(np.abs(finite).max()) if len(finite) else 0.0
    return min(1.5 * largest + 1.0, float(np.finfo(np.float64).max))


def _floats(columns: Columns, name: str) -> FloatArray:
    values = column_of(columns, name)
    if values is None:  # this future has no such column
        return np.full(len(next(iter(columns.values()))), np.nan)
    return np.asarray(values, dtype=np.float64)
