"""Prove what learns in parts: each part reads the rows that are its own, and no others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.research.leaks.evidence import Canary, Check, Leak, LeakReport, StageProof
from assay.research.leaks.fits import n_differing
from assay.research.leaks.remedies import REMEDIES
from assay.research.leaks.scene import Array
from assay.research.leaks.stages import Change, PartStage

Answer = Mapping[str, Mapping[Any, Array]]
PLANTED = "a checksum of all rows"
IDLE = "a part that reads no row"


def prove_parts(stages: Sequence[PartStage]) -> LeakReport:
    """Change rows of every table, and see which parts notice: those that must, and no others."""
    empty = LeakReport(leaks=(), stages=(), canaries=())
    return empty.joined(*(_proved(stage) for stage in stages))


def _proved(stage: PartStage) -> LeakReport:
    whole = stage.answer(stage.given)
    leaks: list[Leak] = []
    canaries: list[Canary] = []
    for change in stage.changes:
        other = stage.answer(change.table)
        leaks += _leaks(stage, change, whole, other)
        canaries += _canaries(stage, change, whole)
    columns = sum(len(part) for part in whole.values())
    values = sum(array.size for part in whole.values() for array in part.values())
    return LeakReport(
        leaks=tuple(leaks),
        stages=(
            StageProof(
                name=stage.name,
                kind="parts",
                columns=columns,
                answers=len(stage.changes),
                values=values * len(stage.changes),
                checks=("unseen", "unread"),
                note=stage.note,
            ),
        ),
        canaries=tuple(canaries),
    )


def _leaks(stage: PartStage, change: Change, whole: Answer, other: Answer) -> list[Leak]:
    """Return parts that noticed what they must not see, or not what they must read."""
    leaks = []
    for part in change.unseen:
        for name, values in whole[part].items():
            if count := _n_changed(np.asarray(values), other[part].get(name)):
                leaks.append(
                    Leak(
                        stage=part,
                        column=name,
                        check="unseen",
                        bar=0,
                        count=count,
                        detail=f"it changes with {change.what}, which it must not see",
                        remedy=stage.remedy or REMEDIES["unseen"],
                    )
                )
    for part in change.read:
        columns = {name: np.asarray(values) for name, values in whole[part].items()}
        if not any(_n_changed(values, other[part].get(name)) for name, values in columns.items()):
            leaks.append(
                Leak(
                    stage=part,
                    column=next(iter(columns)),
                    check="unread",
                    bar=0,
                    count=sum(values.size for values in columns.values()),
                    detail=f"it does not change with {change.what}, on which it must be fitted",
                    remedy=REMEDIES["unread"],
                )
            )
    return leaks


def _n_changed(values: Array, after: Array | None) -> int:
    return max(values.size, 1) if after is None else n_differing(values, np.asarray(after))


def _canaries(stage: PartStage, change: Change, whole: Answer) -> list[Canary]:
    """Plant a part that saw too much, and one that read nothing, and look for both."""
    canaries = []
    for part in change.unseen[:1]:
        name = next(iter(whole[part]))
        seen = [{part: {name: stage.full(table)}} for table in (stage.given, change.table)]
        alone = replace(change, unseen=(part,), read=())
        canaries.append(_canary(PLANTED, part, name, "unseen", _leaks(stage, alone, *seen)))
    for part in change.read:
        name = next(iter(whole[part]))
        idle = {part: {name: np.zeros(1)}}
        alone = replace(change, unseen=(), read=(part,))
        canaries.append(_canary(IDLE, part, name, "unread", _leaks(stage, alone, idle, idle)))
    return canaries


def _canary(leak: str, part: str, name: str, check: Check, found: Sequence[Leak]) -> Canary:
    named = any((item.stage, item.column, item.check) == (part, name, check) for item in found)
    return Canary(
        leak=leak, stage=part, column=name, expected=(check,), found=(check,) if named else ()
    )
