"""Prove stages that are fitted once: what came to be known later must not move them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.domain.errors import AssayError, DataError
from assay.research.leaks.comparing import checksum, differs
from assay.research.leaks.evidence import Canary, Check, Leak, LeakReport, StageProof
from assay.research.leaks.futures import arrays_of, futures_of, is_same
from assay.research.leaks.remedies import FIT
from assay.research.leaks.scene import Array, Scene
from assay.research.leaks.stages import FitStage

PLANTED = "a checksum of the whole history"


@dataclass(kw_only=True, eq=False)
class _Learned:
    """What one stage learned, and which of it other futures changed."""

    found: dict[tuple[str, Check], tuple[int, str]] = field(default_factory=dict)
    answers: dict[Check, int] = field(default_factory=dict)
    values: int = 0
    changed: set[Check] = field(default_factory=set)
    planted: set[Check] = field(default_factory=set)


def prove_fits(stages: Sequence[FitStage], scene: Scene) -> LeakReport:
    """Fit every stage again under other futures, and compare what was learned bit by bit.

    Raises
    ------
    DataError
        If a stage refuses every other future.
    """
    leaks: list[Leak] = []
    proofs: list[StageProof] = []
    canaries: list[Canary] = []
    blind: list[str] = []
    for stage in stages:
        whole = stage.fit(scene)
        learned = _asked(stage, scene, {name: np.asarray(whole[name]) for name in whole})
        last = int(np.searchsorted(scene.known_ns, stage.until_ns, side="right")) - 1
        leaks += [
            Leak(
                stage=stage.name,
                column=name,
                check=check,
                bar=last,
                time_ns=int(scene.bars.time_ns[max(last, 0)]),
                count=count,
                detail=f"what was learned changes when {what}",
                remedy=stage.remedy or FIT,
            )
            for (name, check), (count, what) in learned.found.items()
        ]
        first = next(iter(whole))
        answered = tuple(learned.answers)
        expected = tuple(check for check in answered if check in learned.changed)
        canaries.append(
            Canary(
                leak=PLANTED,
                stage=stage.name,
                column=first,
                expected=expected,
                found=tuple(check for check in expected if check in learned.planted),
            )
        )
        if not expected:
            blind.append(f"No other future of {stage.name} differs from what came.")
        proofs.append(
            StageProof(
                name=stage.name,
                kind="fit",
                columns=len(whole),
                answers=sum(learned.answers.values()),
                values=learned.values,
                checks=answered,
                note=stage.note,
            )
        )
    return LeakReport(
        leaks=tuple(leaks), stages=tuple(proofs), canaries=tuple(canaries), blind=tuple(blind)
    )


def _asked(stage: FitStage, scene: Scene, whole: dict[str, Array]) -> _Learned:
    learned = _Learned()
    refused: AssayError | None = None
    for future in futures_of(scene.history, stage.until_ns, stage.checks):
        changed = scene.on(future.history)
        try:
            other = stage.fit(changed)
        except AssayError as error:
            refused = error
            continue
        check = future.check
        learned.answers[check] = learned.answers.get(check, 0) + 1
        for name, values in whole.items():
            count = n_differing(values, np.asarray(other[name])) if name in other else values.size
            learned.values += values.size
            if count and (name, check) not in learned.found:
                learned.found[name, check] = (count, f"the later bars {future.what}")
        if not is_same(scene.history, future.history):
            learned.changed.add(check)
        if n_differing(_planted(scene), _planted(changed)):
            learned.planted.add(check)
    if not learned.answers:
        raise DataError(
            f"Stage {stage.name} must answer for some other future; refused every one: {refused}",
            remedy="Give the prover a longer history.",
        )
    return learned


def _planted(scene: Scene) -> Array:
    """Return what was learned from everything: a number for all bars of every series."""
    history = scene.history
    series = (*history.bars.values(), *history.finer.values(), *history.conversion_bars.values())
    return np.array([checksum(*arrays_of(bars).values()) for bars in series])


def n_differing(before: Array, after: Array) -> int:
    """Return how many values differ; all of them where shapes do."""
    if before.shape != after.shape:
        return max(before.size, 1)
    return int(differs(np.atleast_1d(before), np.atleast_1d(after)).sum())
