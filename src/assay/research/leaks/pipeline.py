"""The whole pipeline of a workspace before the prover, or the part of it that a run must know."""

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from assay.config.settings import Settings
from assay.domain.errors import ConfigError, DataError
from assay.domain.progress import Progress
from assay.kernels.compiler import IntArray
from assay.research import oos, training
from assay.research.history import History
from assay.research.leaks.apart import process_apart
from assay.research.leaks.cuts import cuts_of
from assay.research.leaks.decisions import Decided, decision_stages, head_of
from assay.research.leaks.evidence import Leak, LeakReport, StageProof
from assay.research.leaks.fits import prove_fits
from assay.research.leaks.learning import (
    Lesson,
    fold_stage,
    plans_of,
    row_stages,
    split_stage,
    training_stage,
    walk_stages,
)
from assay.research.leaks.market import engine_plants, market_stages, week_stages
from assay.research.leaks.own_columns import own_stages
from assay.research.leaks.parts import prove_parts
from assay.research.leaks.prover import N_CUTS, cuts_in
from assay.research.leaks.rows import prove_rows
from assay.research.leaks.scene import Rows, Scene
from assay.research.leaks.series import prove_series
from assay.research.leaks.spans import SAMPLED, spans_of, together, window
from assay.research.leaks.stages import FUTURES
from assay.research.leaks.strategy import prove_strategy, reloading
from assay.research.oos import FoldPlan
from assay.research.walk import Walked
from assay.strategy.strategy import Strategy

QUICK_CUTS = 9
QUICK_BARS = 12_000
RUN_CUTS = 6
RUN_BARS = 6_000
RUN_WINDOWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much is asked.

    Attributes
    ----------
    n_cuts : int
        Bars after which the future changes, before those that rare columns add.
    bars : int or None
        Latest bars on which stages without a split are tried; None: all.
    learns : bool
        Whether trainings are repeated.
    """

    n_cuts: int = N_CUTS
    bars: int | None = None
    learns: bool = True

    @classmethod
    def quick(cls) -> "Depth":
        """Return a depth that takes seconds: the latest bars, few cuts, no training."""
        return cls(n_cuts=QUICK_CUTS, bars=QUICK_BARS, learns=False)


def prove_pipeline(
    settings: Settings,
    history: History,
    *,
    strategy: Strategy | None = None,
    depth: Depth | None = None,
    progress: Progress,
) -> LeakReport:
    """Ask every stage of the pipeline, as it is configured, whether it knows the future.

    Parameters
    ----------
    settings : Settings
    history : History
    strategy : Strategy, optional
        A user's columns.
    depth : Depth, optional
        By default everything.
    progress : Progress

    Returns
    -------
    report : LeakReport
        The same for the same arguments.

    Raises
    ------
    ConfigError
        If the history has no symbol.
    DataError
        If the history fits no stage.
    """
    if not history.bars:
        raise ConfigError(
            "The prover must have at least one symbol; had none.",
            remedy="Set market.symbols, and import their history with `assay data import`.",
        )
    deep = depth or Depth()
    load = None if strategy is None else reloading(strategy)
    scene = Scene(history=history, settings=settings, load=load)
    # Sums of several threads differ in the last bit from time to time.
    with threadpool_limits(limits=1):
        recent = scene if deep.bars is None else _recent(scene, deep.bars)
        cuts = _cuts(recent, deep.n_cuts)
        progress.stage("Features and labels", 1)
        stages = market_stages(recent)
        progress.advance()
        plants = engine_plants(recent, _last_ns(recent, cuts))
        reports = [prove_series(stages, recent, cuts, plants=plants, progress=progress)]
        reports.append(prove_parts(week_stages(recent)))
        progress.stage("Splits", 1)
        reports.append(_walk(scene, deep, progress))
        if strategy is not None:
            own = prove_strategy(recent, cuts, progress=progress)
            stages = own_stages(recent, {leak.column for leak in own.leaks})
            reports += [own, prove_series(stages, recent, cuts, progress=progress)]
        found = reports[0].joined(*reports[1:])
    return replace(found, leaks=tuple(_placed(leak, recent, scene) for leak in found.leaks))


def _placed(leak: Leak, recent: Scene, scene: Scene) -> Leak:
    """Count the bar of a leak from the beginning of the whole history, where it has one symbol."""
    skipped = int(np.searchsorted(scene.bars.time_ns, recent.bars.time_ns[0]))
    is_series = leak.line is not None or leak.check in FUTURES
    if len(scene.history.bars) > 1 or not (is_series and skipped):
        return leak
    return replace(leak, bar=leak.bar + skipped)


def _walk(scene: Scene, deep: Depth, progress: Progress) -> LeakReport:
    """Prove the walk forward; on a history that no run could walk there is none."""
    try:
        plans = plans_of(scene.dataset, scene.settings)
        report = prove_rows(walk_stages(plans))
    except DataError as error:
        note = f"not proved, for no run could walk this history: {error.message}"
        nothing = StageProof(
            name="walk forward", kind="rows", columns=0, answers=0, values=0, checks=(), note=note
        )
        return LeakReport(leaks=(), stages=(nothing,), canaries=())
    return report.joined(_learning(scene, plans, deep.n_cuts, progress)) if deep.learns else report


def prove_run(walked: Walked, *, progress: Progress) -> LeakReport:
    """Ask what every run must know: whether its splits leak, or the user's strategy does.

    Parameters
    ----------
    walked : Walked
        The run, with the splits that it used.
    progress : Progress

    Notes
    -----
    The splits are counted exactly, fold by fold as they were trained. The strategy is tried with
    few cuts on the beginning of the history, on its middle and on its end, 6,000 bars in all
    beside its warm-up; `prove_pipeline` tries everything.
    """
    tested, strategy = walked.tested, walked.prepared.strategy
    folds = oos.folds_of(walked.prepared.dataset, walked.settings)
    plans = [
        FoldPlan(fold=fold, settings=settings, dataset=dataset)
        for fold, settings, dataset in zip(folds, tested.chosen, tested.datasets, strict=True)
    ]
    with threadpool_limits(limits=1):
        progress.stage("Looking for leaks", 1)
        report = prove_rows(walk_stages(plans))
        progress.advance()
        if strategy is None:
            return report
        return report.joined(_own(_scene(walked.settings, walked.history, strategy), progress))


def prove_backtest(
    settings: Settings, history: History, strategy: Strategy | None, *, progress: Progress
) -> LeakReport:
    """Ask what every backtest without a training must know: whether what it trades on leaks.

    Parameters
    ----------
    settings : Settings
    history : History
    strategy : Strategy or None
        A user's columns. All of the file are tried, those that are left out of the trading too.
    progress : Progress

    Notes
    -----
    There is no split to count. Every stage between the bars and the orders is tried on the latest
    6,000 bars with few cuts, and the strategy as a run tries it. A history on which no stage
    answers leaves the prover blind, which is no evidence.
    """
    with threadpool_limits(limits=1):
        progress.stage("Looking for leaks", 1)
        scene = _scene(settings, history, strategy)
        recent = _recent(scene, RUN_BARS, with_finer=False)
        progress.advance()
        try:
            cuts = _cuts(recent, QUICK_CUTS)
            report = prove_series(
                market_stages(recent),
                recent,
                cuts,
                plants=engine_plants(recent, _last_ns(recent, cuts)),
                progress=progress,
            )
            return report if strategy is None else report.joined(_own(scene, progress))
        except DataError as error:
            return LeakReport(leaks=(), stages=(), canaries=(), blind=(error.message,))


def _scene(settings: Settings, history: History, strategy: Strategy | None) -> Scene:
    load = None if strategy is None else reloading(strategy)
    return Scene(history=history, settings=settings, load=load)


def _own(scene: Scene, progress: Progress) -> LeakReport:
    """Try the user's columns as every run and backtest does: on parts of the history."""
    assert scene.strategy is not None, "the scene must have a strategy"
    warm_up = max(column.warm_up for column in scene.strategy.columns)
    parts = spans_of(scene, RUN_BARS, warm_up)
    reports = []
    with process_apart() as apart:
        for part in parts:
            found = prove_strategy(
                part,
                _cuts(part, RUN_CUTS),
                n_windows=RUN_WINDOWS // len(parts),
                apart=apart,
                progress=progress,
            )
            placed = tuple(_placed(leak, part, scene) for leak in found.leaks)
            reports.append(replace(found, leaks=placed))
    report = together(reports)
    n_asked, n_bars = sum(len(part.bars) for part in parts), len(scene.bars)
    if n_asked == n_bars:
        return report
    note = f"{SAMPLED}, {n_asked:,} of {n_bars:,} bars"
    return replace(
        report, stages=tuple(replace(item, note=f"{item.note}; {note}") for item in report.stages)
    )


def _recent(scene: Scene, n_bars: int, *, with_finer: bool = True) -> Scene:
    """Return the scene since the time from which every symbol has its latest *n_bars*."""
    starts = (item.time_ns[max(0, len(item) - n_bars)] for item in scene.history.bars.values())
    return window(scene, int(min(starts)), with_finer=with_finer)


def _learning(scene: Scene, plans: list[FoldPlan], n_cuts: int, progress: Progress) -> LeakReport:
    """Prove what learns: its rows on three steps, its parts and its decisions on the first."""
    lesson = Lesson.of(plans[0])
    seed = oos.fold_seed(scene.settings.run.seed, lesson.plan.fold.index)
    progress.stage("Training on changed rows", 5)
    reports = [prove_fits(row_stages(plans), scene)]
    progress.advance()
    fitted = training.train(lesson.rows, lesson.plan.settings, seed=seed)
    progress.advance()
    reports.append(prove_parts([split_stage(lesson, fitted, seed)]))
    progress.advance()
    reports.append(prove_parts([fold_stage(lesson, seed)]))
    progress.advance()
    decided = Decided.of(lesson, fitted)
    head = head_of(scene, decided)
    reports.append(prove_fits([training_stage(lesson, seed)], head))
    progress.advance()
    cuts = _after(head, lesson.until_ns, max(2, n_cuts // 2))
    reports.append(prove_series(decision_stages(decided), head, cuts, progress=progress))
    return reports[0].joined(*reports[1:])


def _cuts(scene: Scene, n_cuts: int) -> IntArray:
    """Return cuts at which every symbol has a bar that the pipeline takes."""
    first_ns = max(int(Rows.of(bars.between(0, 1)).known_ns[0]) for bars in scene.quoted.values())
    cuts = cuts_in(scene, n_cuts)
    return cuts[scene.known_ns[cuts] >= first_ns]


def _last_ns(scene: Scene, cuts: IntArray) -> int | None:
    return int(scene.known_ns[cuts[-1]]) if len(cuts) else None


def _after(scene: Scene, from_ns: int, n_cuts: int) -> IntArray:
    """Return cuts among the bars that are known from a moment on."""
    first = int(np.searchsorted(scene.known_ns, from_ns))
    tested = scene.bars.between(first, len(scene.bars))
    return cuts_of(tested, n_cuts) + first
