"""Prove a user's strategy: no column knows the future, and each needs no more than it says."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.data.bars import Bars
from assay.domain.progress import Progress
from assay.domain.time import iso_utc
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.leaks.apart import answers_apart, process_apart
from assay.research.leaks.comparing import differs
from assay.research.leaks.cuts import events_of, spaced, spread_over
from assay.research.leaks.evidence import Canary, Check, Leak, LeakReport, StageProof
from assay.research.leaks.planted_strategy import (
    COUNTING,
    HONEST,
    KEPT_IN_SYS,
    MEMORY,
    SHORT,
    TRACE,
)
from assay.research.leaks.remedies import REMEDIES, REMEMBERS
from assay.research.leaks.scene import Columns, Scene, bars_of
from assay.research.leaks.series import prove_series
from assay.research.leaks.stages import FUTURES, SeriesStage
from assay.strategy.agreement import agree, bars_to_check, size_of
from assay.strategy.column import Column
from assay.strategy.loading import load_strategy, strategy_from
from assay.strategy.strategy import Strategy

if TYPE_CHECKING:
    from assay.research.compute.processes import LocalWorkers

PLANTED = Path(__file__).with_name("planted_strategy.py")
TOLERANCE = 1e-9
"""Of the column's size, where bars are cut off: sums of another length may round otherwise.

Where as many bars came differently, every sum is the same one, and nothing is forgiven.
"""

EXPECTED: Mapping[str, tuple[Check, ...]] = {
    **dict.fromkeys(SHORT, ("warm_up",)),
    **dict.fromkeys(TRACE, ("poison", "shift")),
    **dict.fromkeys(MEMORY, ("truncate",)),
    **dict.fromkeys(COUNTING, ("repeat",)),
}
"""Checks that must find a planted column, where not all futures do."""

WINDOWS = 1_000
WINDOW_BARS_MAX = 4_000_000
"""Bars at most that one column is computed on again, over all its windows."""

EVENTS_MIN = 4

STATEFUL = "values differ from call to call: it keeps something between them"


def reloading(strategy: Strategy) -> Callable[[], Strategy]:
    """Return a function that executes the strategy afresh, whatever its file says by now."""
    return lambda: strategy_from(strategy.path, strategy.source)


def prove_strategy(
    scene: Scene,
    cuts: IntArray,
    *,
    n_windows: int = WINDOWS,
    apart: "LocalWorkers | None" = None,
    progress: Progress | None = None,
) -> LeakReport:
    """Put every column of the scene's strategy through all checks, with planted ones beside it.

    Parameters
    ----------
    scene : Scene
        With a strategy.
    cuts : int64
        Bars of the first symbol after which the future changes; bars on which a column that
        rarely moves does so are added.
    n_windows : int
        Bars on which each column is computed again from the bars of its warm-up alone.
    apart : LocalWorkers, optional
        A process that has seen no bar after the first cut; by default a fresh one.
    progress : Progress, optional

    Notes
    -----
    Besides the checks of other stages: *repeat*, the same bars twice must give the same values;
    *warm_up*, the last value of the trailing ``warm_up + 1`` bars must be that of the whole
    history to 1e-6, as for freqtrade's recursive analysis. The file is loaded afresh for every
    history, so that it cannot remember one while it is asked about another; and once more in a
    process of its own, the shortest history first, for what it keeps outside its file.
    """
    vars(sys).pop(KEPT_IN_SYS, None)
    planted = replace(scene, load=lambda: load_strategy(PLANTED), _memory={})
    with process_apart() if apart is None else nullcontext(apart) as process:
        own = _proved(scene, cuts, n_windows, process, progress)
        found = _proved(planted, cuts, n_windows, process, None)
    vars(sys).pop(KEPT_IN_SYS, None)
    return own.joined(_as_canaries(planted, found))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Steady:
    """A column that says the same twice.

    Attributes
    ----------
    symbol : str
    column : Column
    values : float64, shape (n_bars,)
    noise : float
        0 if it repeats to the bit.
    """

    symbol: str
    column: Column
    values: FloatArray
    noise: float


def _proved(
    scene: Scene,
    cuts: IntArray,
    n_windows: int,
    apart: "LocalWorkers",
    progress: Progress | None,
) -> LeakReport:
    strategy = scene.strategy
    assert strategy is not None, "the scene must have a strategy"
    reports: list[LeakReport] = []
    everything: list[_Steady] = []

    def known() -> set[tuple[str, Check]]:
        return {(leak.column, leak.check) for report in reports for leak in report.leaks}

    for symbol, bars in scene.quoted.items():
        steady, unsteady = _repeated(scene, strategy, symbol, bars)
        stages = [_stage(strategy, item, scene) for item in steady]
        if unsteady:
            reports.append(LeakReport(leaks=tuple(unsteady), stages=(), canaries=()))
        if stages:
            events = max(EVENTS_MIN, len(cuts) // 2)
            # Executed afresh, for it was called before, and may have counted.
            first = scene.on(scene.history)
            reports.append(prove_series(stages, first, cuts, n_events=events, progress=progress))
        for item in steady:
            leaks = tuple(_windows(scene, strategy, item, bars, n_windows, known()))
            reports.append(LeakReport(leaks=leaks, stages=(), canaries=()))
        everything += steady
    leaks = tuple(_remembering(scene, strategy, cuts, everything, apart, known()))
    reports.append(LeakReport(leaks=leaks, stages=(), canaries=()))
    merged = LeakReport(leaks=(), stages=(), canaries=()).joined(*reports)
    lines = {column.name: column.line for column in strategy.columns}
    return replace(
        merged,
        leaks=tuple(replace(leak, line=lines[leak.column]) for leak in merged.leaks),
        stages=_with_windows(merged.stages),
    )


def name_of(strategy: Strategy) -> str:
    """Return the name of the stage: that of the file."""
    return strategy.path.name


def _stage(strategy: Strategy, item: _Steady, scene: Scene) -> SeriesStage:
    """Return one column of one symbol as a stage; every scene loads the file for itself."""
    column, symbol = item.column, item.symbol

    def compute(at: Scene) -> Columns:
        return {column.name: _same(at, column).values(at.quoted[symbol])}

    several = f" on {symbol}" if len(scene.quoted) > 1 else ""
    noisy = "; it does not repeat to the last bit, so changes below 1e-9 count as none"
    return SeriesStage(
        name=name_of(strategy),
        compute=compute,
        rows=bars_of(symbol),
        rounding=TOLERANCE,
        noise=item.noise,
        may_stand_still=True,
        note=f"{column.kind} {column.name}, line {column.line}{several}"
        + (noisy if item.noise else ""),
    )


def _same(at: Scene, column: Column) -> Column:
    """Return the column as another scene has loaded it."""
    assert at.strategy is not None
    return next(item for item in at.strategy.columns if item.name == column.name)


def _repeated(
    scene: Scene, strategy: Strategy, symbol: str, bars: Bars
) -> tuple[list[_Steady], list[Leak]]:
    """Return the columns that say the same twice, and those that do not.

    Each is asked again after the file was executed afresh, and again without that.
    """
    again = scene.on(scene.history)
    steady, unsteady = [], []
    for column in strategy.columns:
        values = column.values(bars)
        others = [_same(again, column).values(bars), column.values(bars)]
        different = [differs(values, other, TOLERANCE) for other in others]
        if any(mask.any() for mask in different):
            mask = next(mask for mask in different if mask.any())
            detail = "values differ" if mask is different[0] else STATEFUL
            row, count = int(np.argmax(mask)), int(mask.sum())
            unsteady.append(_leak(strategy, column, bars, row, count, "repeat", detail))
        else:
            is_exact = not any(differs(values, other).any() for other in others)
            noise = 0.0 if is_exact else TOLERANCE
            steady.append(_Steady(symbol=symbol, column=column, values=values, noise=noise))
    return steady, unsteady


def _windows(
    scene: Scene,
    strategy: Strategy,
    item: _Steady,
    bars: Bars,
    n_windows: int,
    known: set[tuple[str, Check]],
) -> Iterator[Leak]:
    """Compare the history with the trailing bars of the declared warm-up."""
    column, values = item.column, item.values
    n_windows = max(8, min(n_windows, WINDOW_BARS_MAX // (column.warm_up + 1)))
    events = events_of({column.name: values}, n_windows // 4)
    some = spread_over(bars_to_check(len(bars), column.warm_up), n_windows // 4)
    rest = spaced(column.warm_up, max(column.warm_up, len(bars)), n_windows // 2)
    size = size_of(values)
    wrong = []
    for bar in np.unique(np.concatenate([events, some, rest])):
        if not column.warm_up <= bar < len(bars):
            continue
        window = column.values(bars.between(int(bar) - column.warm_up, int(bar) + 1))
        if not agree(float(values[bar]), float(window[-1]), size):
            wrong.append((int(bar), float(window[-1])))
    if not wrong:
        return
    bar, window_value = wrong[0]
    # What was called often may have counted; what was executed afresh has not.
    fresh = _same(scene.on(scene.history), column)
    again = float(fresh.values(bars.between(bar - column.warm_up, bar + 1))[-1])
    past = float(_same(scene.on(scene.history), column).values(bars.between(0, bar + 1))[-1])
    if agree(float(values[bar]), again, size):
        yield _leak(strategy, column, bars, bar, len(wrong), "repeat", STATEFUL)
    elif agree(float(values[bar]), past, size):
        detail = (
            f"it is {values[bar]:.10g} from the whole history and {window_value:.10g} from "
            f"{column.warm_up + 1:,} bars"
        )
        yield _leak(strategy, column, bars, bar, len(wrong), "warm_up", detail)
    elif (column.name, "truncate") not in known:
        detail = f"values change when the bars after {_when(bars, bar)} are cut off"
        yield _leak(strategy, column, bars, bar, len(wrong), "truncate", detail)


def _remembering(
    scene: Scene,
    strategy: Strategy,
    cuts: IntArray,
    steady: Sequence[_Steady],
    apart: "LocalWorkers",
    known: set[tuple[str, Check]],
) -> Iterator[Leak]:
    """Compare the columns with what they say in a process that has seen no later bar."""
    left = {
        (item.symbol, item.column.name): item
        for item in steady
        if (item.column.name, "truncate") not in known
    }
    if not left or not len(cuts):
        return
    found: dict[str, Leak] = {}
    for cut, answers in answers_apart(scene, cuts, list(left), apart):
        for (symbol, name), after in answers.items():
            item = left[symbol, name]
            if after is None or name in found:
                continue
            different = differs(item.values[: len(after)], after, TOLERANCE)
            if different.any():
                bars, row = scene.quoted[symbol], int(np.argmax(different))
                detail = (
                    f"values change when the bars after {_when(scene.bars, cut)} are cut off, in "
                    "a process that has seen no later one"
                )
                leak = _leak(
                    strategy, item.column, bars, row, int(different.sum()), "truncate", detail
                )
                found[name] = replace(leak, remedy=REMEMBERS)
    yield from found.values()


def _when(bars: Bars, bar: int) -> str:
    return iso_utc(int(bars.time_ns[bar]))[:16]


def _leak(
    strategy: Strategy, column: Column, bars: Bars, bar: int, count: int, check: Check, detail: str
) -> Leak:
    return Leak(
        stage=name_of(strategy),
        column=column.name,
        check=check,
        bar=bar,
        time_ns=int(bars.time_ns[bar]),
        count=count,
        detail=detail,
        remedy=REMEDIES[check],
    )


def _with_windows(stages: Sequence[StageProof]) -> tuple[StageProof, ...]:
    """Say that every column was also asked twice and on the bars of its warm-up."""
    extra: tuple[Check, ...] = ("repeat", "warm_up")
    return tuple(
        replace(stage, kind="strategy", checks=(*stage.checks, *extra)) for stage in stages
    )


def _as_canaries(scene: Scene, found: LeakReport) -> LeakReport:
    """Return what was found in the planted strategy as canaries; none may accuse honesty."""
    strategy = scene.strategy
    assert strategy is not None
    stage = name_of(strategy)
    canaries = []
    named: dict[str, set[Check]] = {}
    for leak in found.leaks:
        if leak.stage == stage:
            named.setdefault(leak.column, set()).add(leak.check)
    for column in strategy.columns:
        if column.name in HONEST:
            continue
        expected = EXPECTED.get(column.name, FUTURES)
        seen = named.get(column.name, set())
        canaries.append(
            Canary(
                leak=column.meaning.removeprefix("Return ").rstrip("."),
                stage=stage,
                column=column.name,
                expected=expected,
                found=tuple(check for check in expected if check in seen),
            )
        )
    blind = tuple(
        f"It accuses {name}, which is honest, of: {', '.join(sorted(named[name]))}."
        for name in HONEST
        if name in named
    )
    return LeakReport(leaks=(), stages=(), canaries=tuple(canaries), blind=blind)
