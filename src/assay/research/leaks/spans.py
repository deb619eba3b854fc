"""Parts of a long history: its beginning, its middle and its end, at the cost of one short one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.research.leaks.cuts import borders_of
from assay.research.leaks.evidence import Canary, Check, Leak, LeakReport, StageProof
from assay.research.leaks.scene import Scene

N_SPANS = 3
SAMPLED = "in parts of the history"
"""Stands in the note of a stage that was not asked about the whole."""


def part_of(scene: Scene, first: int, stop: int | None = None, *, with_finer: bool = True) -> Scene:
    """Return the scene of bars ``first .. stop - 1`` of the first symbol, and what lies beside.

    See ``window``.
    """
    stop_ns = None if stop is None else int(scene.known_ns[stop - 1])
    return window(scene, int(scene.bars.time_ns[first]), stop_ns, with_finer=with_finer)


def window(
    scene: Scene, first_ns: int, stop_ns: int | None = None, *, with_finer: bool = True
) -> Scene:
    """Return the scene of the bars that open from *first_ns* on and are known at *stop_ns*.

    Of every symbol, finer bars and conversion pairs; of the two latter also the last that was
    known before.
    """
    history = scene.history

    def end_of(item: Bars) -> int:
        if stop_ns is None:
            return len(item)
        known = bar_close(item.time_ns, item.timeframe)
        return int(np.searchsorted(known, stop_ns, side="right"))

    def within(item: Bars) -> Bars:
        return item.between(int(np.searchsorted(item.time_ns, first_ns)), end_of(item))

    def beside(item: Bars) -> Bars:
        known = bar_close(item.time_ns, item.timeframe)
        start = max(0, int(np.searchsorted(known, first_ns, side="right")) - 1)
        return item.between(start, end_of(item))

    return scene.on(
        replace(
            history,
            bars={symbol: within(item) for symbol, item in history.bars.items()},
            finer={k: beside(v) for k, v in history.finer.items()} if with_finer else {},
            conversion_bars={k: beside(v) for k, v in history.conversion_bars.items()},
        )
    )


def spans_of(scene: Scene, n_bars: int, warm_up: int) -> list[Scene]:
    """Return three parts of *n_bars* in all, each with a warm-up more; or the whole, if shorter.

    The parts are the beginning, the end of a year nearest to the middle, and the end, in that
    order. A part in which some symbol has too few bars is left out, but the last never is.
    """
    total, each = len(scene.bars), n_bars // N_SPANS + warm_up
    if total <= N_SPANS * each:
        return [part_of(scene, 0, with_finer=False)]
    years, _ = borders_of(scene.bars.time_ns).get("year", (np.empty(0, np.int64),) * 2)
    middle = total // 2
    if len(years):
        middle = int(years[np.argmin(np.abs(years - middle))]) + n_bars // N_SPANS // 2
    middle = min(max(middle, 2 * each), total - each)
    found = [part_of(scene, stop - each, stop, with_finer=False) for stop in (each, middle, total)]
    *before, last = found
    few = n_bars // N_SPANS // 2 + warm_up
    return [
        part for part in before if all(len(bars) >= few for bars in part.history.bars.values())
    ] + [last]


def together(reports: Sequence[LeakReport]) -> LeakReport:
    """Return the reports on several parts of one history as one.

    A leak stands there once for each check, with the first bar of all; a planted leak must be
    found in every part.
    """
    leaks: dict[tuple[str, str, Check], Leak] = {}
    stages: dict[tuple[str, str], StageProof] = {}
    canaries: dict[tuple[str, str, str], Canary] = {}
    for report in reports:
        for leak in report.leaks:
            seen = leaks.setdefault((leak.stage, leak.column, leak.check), leak)
            if seen is not leak:
                both = replace(seen, count=seen.count + leak.count)
                leaks[leak.stage, leak.column, leak.check] = both
        for stage in report.stages:
            before = stages.get((stage.name, stage.note))
            stages[stage.name, stage.note] = stage if before is None else _both(before, stage)
        for canary in report.canaries:
            place = (canary.leak, canary.stage, canary.column)
            if place not in canaries or canaries[place].is_found:
                canaries[place] = canary
    return LeakReport(
        leaks=tuple(leaks.values()),
        stages=tuple(stages.values()),
        canaries=tuple(canaries.values()),
        blind=tuple(dict.fromkeys(text for report in reports for text in report.blind)),
    )


def _both(one: StageProof, other: StageProof) -> StageProof:
    return replace(
        one,
        answers=one.answers + other.answers,
        values=one.values + other.values,
        checks=tuple(dict.fromkeys((*one.checks, *other.checks))),
        constant=tuple(name for name in one.constant if name in other.constant),
    )
