"""Prove a user's strategy: no column knows the future, and each needs no more than it says."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.data.bars import Bars
from assay.domain.progress import Progress
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.leaks.comparing import differs
from assay.research.leaks.cuts import events_of, spaced, spread_over
from assay.research.leaks.evidence import Canary, Check, Leak, LeakReport, StageProof
from assay.research.leaks.planted_strategy import HONEST, SHORT
from assay.research.leaks.remedies import REMEDIES
from assay.research.leaks.scene import Columns, Scene, bars_of
from assay.research.leaks.series import prove_series
from assay.research.leaks.stages import FUTURES, SeriesStage
from assay.strategy.agreement import agree, bars_to_check, size_of
from assay.strategy.column import Column
from assay.strategy.loading import load_strategy, strategy_from
from assay.strategy.strategy import Strategy

PLANTED = Path(__file__).with_name("planted_strategy.py")
TOLERANCE = 1e-9
"""Of the column's size: sums of another length may round otherwise, a leak is larger."""

WINDOWS = 1_000
WINDOW_BARS_MAX = 4_000_000
"""Bars at most that one column is computed on again, over all its windows."""

EVENTS_MIN = 4


def reloading(strategy: Strategy) -> Callable[[], Strategy]:
    """Return a function that executes the strategy afresh, whatever its file says by now."""
    return lambda: strategy_from(strategy.path, strategy.source)


def prove_strategy(
    scene: Scene, cuts: IntArray, *, n_windows: int = WINDOWS, progress: Progress | None = None
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
    progress : Progress, optional

    Notes
    -----
    Besides the checks of other stages: *repeat*, the same bars twice must give the same values;
    *warm_up*, the last value of the trailing ``warm_up + 1`` bars must be that of the whole
    history to 1e-6, as for freqtrade's recursive analysis. The file is loaded afresh for every
    history, so that it cannot remember one while it is asked about another.
    """
    own = _proved(scene, cuts, n_windows, progress)
    planted = replace(scene, load=lambda: load_strategy(PLANTED), _memory={})
    found = _proved(planted, cuts, n_windows, None)
    return own.joined(_as_canaries(planted, found))


def _proved(scene: Scene, cuts: IntArray, n_windows: int, progress: Progress | None) -> LeakReport:
    strategy = scene.strategy
    assert strategy is not None, "the scene must have a strategy"
    reports = []
    for symbol, bars in scene.quoted.items():
        steady, unsteady = _repeated(scene, strategy, symbol, bars)
        stages = [_stage(strategy, column, symbol, scene) for column, _ in steady]
        if unsteady:
            reports.append(LeakReport(leaks=tuple(unsteady), stages=(), canaries=()))
        if stages:
            events = max(EVENTS_MIN, len(cuts) // 2)
            reports.append(prove_series(stages, scene, cuts, n_events=events, progress=progress))
        for column, values in steady:
            known = {(leak.column, leak.check) for report in reports for leak in report.leaks}
            leaks = tuple(_windows(strategy, column, bars, values, n_windows, known))
            reports.append(LeakReport(leaks=leaks, stages=(), canaries=()))
    merged = LeakReport(leaks=(), stages=(), canaries=()).joined(*reports)
    lines = {column.name: column.line for column in strategy.columns}
    return replace(
        merged,
        leaks=tuple(replace(leak, line=lines[leak.column]) for leak in merged.leaks),
        stages=_with_windows(merged.stages),
    )


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
                tolerance=TOLERANCE,
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


def name_of(strategy: Strategy) -> str:
    """Return the name of the stage: that of the file."""
    return strategy.path.name


def _stage(strategy: Strategy, column: Column, symbol: str, scene: Scene) -> SeriesStage:
    """Return one column of one symbol as a stage; every scene loads the file for itself."""

    def compute(at: Scene) -> Columns:
        assert at.strategy is not None
        own = next(item for item in at.strategy.columns if item.name == column.name)
        return {column.name: own.values(at.quoted[symbol])}

    several = f" on {symbol}" if len(scene.quoted) > 1 else ""
    return SeriesStage(
        name=name_of(strategy),
        compute=compute,
        rows=bars_of(symbol),
        tolerance=TOLERANCE,
        may_stand_still=True,
        note=f"{column.kind} {column.name}, line {column.line}{several}",
    )


def _repeated(
    scene: Scene, strategy: Strategy, symbol: str, bars: Bars
) -> tuple[list[tuple[Column, FloatArray]], list[Leak]]:
    """Return the columns that say the same twice, with their values, and those that do not."""
    again = scene.on(scene.history).strategy
    assert again is not None
    steady, unsteady = [], []
    for column, same in zip(strategy.columns, again.columns, strict=True):
        values = column.values(bars)
        different = differs(values, same.values(bars), TOLERANCE)
        if different.any():
            row = int(np.argmax(different))
            unsteady.append(
                _leak(strategy, column, bars, row, int(different.sum()), "repeat", "values differ")
            )
        else:
            steady.append((column, values))
    return steady, unsteady


def _windows(
    strategy: Strategy,
    column: Column,
    bars: Bars,
    values: FloatArray,
    n_windows: int,
    known: set[tuple[str, Check]],
) -> Iterator[Leak]:
    """Compare the history with the trailing bars of the declared warm-up."""
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
    past = float(column.values(bars.between(0, bar + 1))[-1])
    if agree(float(values[bar]), past, size):
        detail = (
            f"it is {values[bar]:.10g} from the whole history and {window_value:.10g} from "
            f"{column.warm_up + 1:,} bars"
        )
        yield _leak(strategy, column, bars, bar, len(wrong), "warm_up", detail)
    elif (column.name, "truncate") not in known:
        detail = f"values change when the bars after {bar} are cut off"
        yield _leak(strategy, column, bars, bar, len(wrong), "truncate", detail)


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
        expected: tuple[Check, ...] = FUTURES
        if column.name in HONEST:
            continue
        if column.name in SHORT:
            expected = ("warm_up",)
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
