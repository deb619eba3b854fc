"""A walk forward made ready to be put elsewhere: its models, its market, its decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.domain.facts_history import ContractFacts
from assay.domain.progress import SilentProgress
from assay.domain.timeframe import Timeframe
from assay.engine.opinion import views_of
from assay.engine.tape import build_tape
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.benchmarks import Market, as_result
from assay.research.daily import daily_returns
from assay.research.history import History
from assay.research.oos import FoldPlan, forecast
from assay.research.preparation import assemble
from assay.research.result import StrategyResult
from assay.research.splits.walk_forward import WalkForwardFold
from assay.research.stress.outcome import Axis
from assay.research.training import Training
from assay.research.walk import Walked
from assay.signals.signal_model import Lean, lean_of
from assay.signals.terms import Terms
from assay.strategy.strategy import Strategy

PATH = "hybrid"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What every scenario begins with; it travels to the workers.

    Attributes
    ----------
    settings : Settings
    history : History
        Bars with both sides, and what converts currencies; no finer bars.
    finer : mapping of str to Bars
        They settle bars that hold both stop and target, where the bars are the real ones.
    from_ns : int
        Open of the first bar that was traded on.
    fold_ns : int64, shape (n_folds,)
        When the first bar of each test span is known.
    trainings : tuple of Training
        The model of each fold; never fitted again.
    ai, traditional : float64, shape (n_events,)
        Log-odds that the models gave the real bars.
    terms : Terms
        Of the real bars.
    fold : int64, shape (n_events,)
    views : Views
        What was decided on the real bars.
    atr : float64, shape (n_events,)
    axis : Axis
    strategy : Strategy or None
        The user's, as the walk executed it, whatever its file says by now.
    names : tuple of str
        Features that the models read.
    """

    settings: Settings
    history: History
    finer: Mapping[str, Bars]
    from_ns: int
    fold_ns: IntArray
    trainings: tuple[Training, ...]
    ai: FloatArray
    traditional: FloatArray
    terms: Terms
    fold: IntArray
    views: Views
    atr: FloatArray
    axis: Axis
    strategy: Strategy | None
    names: tuple[str, ...]

    @property
    def quoted(self) -> Mapping[str, Bars]:
        """The real bars, with both sides."""
        return self.history.bars

    @property
    def timeframe(self) -> Timeframe:
        """Of the bars."""
        return next(iter(self.quoted.values())).timeframe


def scene_of(walked: Walked) -> tuple[Scene, StrategyResult]:
    """Return the scene of a walk, and what its strategy did: the headline of ``assay run``."""
    prepared, tested, market = walked.prepared, walked.tested, walked.market
    base = as_result(PATH, market.trade(walked.views[PATH]), market)
    daily = daily_returns(base.time_ns, base.equity, base.start_balance)
    dataset, first = prepared.dataset, tested.first
    ai, traditional = np.empty(len(tested.fold)), np.empty(len(tested.fold))
    for index, training in enumerate(tested.trainings):
        mine = np.flatnonzero(tested.fold == index)
        ai[mine] = training.model.ai_log_odds(dataset.column("x")[first + mine])
        traditional[mine] = training.model.traditional_log_odds(
            dataset.column("votes")[first + mine]
        )
    scene = Scene(
        settings=walked.settings,
        history=replace(walked.history, bars=prepared.quoted, finer={}, spreads={}),
        finer=walked.history.finer,
        from_ns=int(market.tape.time_ns[0]),
        fold_ns=np.array([span.test_start_ns for span in tested.spans], np.int64),
        trainings=tested.trainings,
        ai=ai,
        traditional=traditional,
        terms=dataset.terms(slice(first, first + len(tested.fold))),
        fold=tested.fold,
        views=walked.views[PATH],
        atr=market.atr,
        axis=Axis.of(daily),
        strategy=prepared.strategy,
        names=dataset.names,
    )
    return scene, base


def replayed(
    scene: Scene,
    bars: Mapping[str, Bars],
    settings: Settings,
    instruments: Mapping[str, ContractFacts],
) -> tuple[Market, Views]:
    """Let the models of the walk speak about other bars, and return what can then be traded.

    Parameters
    ----------
    scene : Scene
    bars : mapping of str to Bars
        With both sides; before ``scene.from_ns`` those of the scene.
    settings : Settings
    instruments : mapping of str to Instrument or FactsHistory
        Both hold for the market alone; the decisions are made under those of the scene.

    Notes
    -----
    Features, votes and forecasts are made by the code of the walk. Each bar is forecast by the
    model that was in force at its time. No finer bars: where a bar holds stop and target, the
    stop counts.
    """
    history = replace(scene.history, bars=bars)
    dataset, quoted, _ = assemble(scene.settings, history, scene.strategy)
    edges = np.append(np.searchsorted(dataset.start_ns, scene.fold_ns), len(dataset.start_ns))
    plans = [
        FoldPlan(
            fold=WalkForwardFold(
                index=index,
                train_start=0,
                train_stop=int(edges[index]),
                test_start=int(edges[index]),
                test_stop=int(edges[index + 1]),
            ),
            settings=scene.settings,
            dataset=dataset,
        )
        for index in range(len(scene.trainings))
    ]
    tested = forecast(plans, list(scene.trainings), SilentProgress())
    first = int(edges[0])
    atr = dataset.column("atr")[first:]
    market = _market(scene, quoted, {}, atr, settings, instruments)
    return market, views_of(tested.leans[PATH], mid=market.tape.mid_close, atr=atr)


def real_market(
    scene: Scene, settings: Settings, instruments: Mapping[str, ContractFacts]
) -> Market:
    """Return the market of the real bars under other costs, or other contract facts."""
    return _market(scene, scene.quoted, scene.finer, scene.atr, settings, instruments)


def _market(
    scene: Scene,
    quoted: Mapping[str, Bars],
    finer: Mapping[str, Bars],
    atr: FloatArray,
    settings: Settings,
    instruments: Mapping[str, ContractFacts],
) -> Market:
    """Return the last events of *quoted*, one for each of *atr*."""
    tape = build_tape(
        quoted,
        instruments,
        settings.costs,
        settings.account.currency,
        finer=finer or None,
        conversion_bars=scene.history.conversion_bars or None,
    )
    return Market(
        tape=tape.since(len(tape) - len(atr)),
        atr=atr,
        instruments=instruments,
        settings=settings,
    )


def decided(scene: Scene, settings: Settings, market: Market) -> Views:
    """Return what is decided on the real bars under other settings of fusion and risk."""
    leans = []
    for index, training in enumerate(scene.trainings):
        mine = slice(*np.searchsorted(scene.fold, (index, index + 1)).tolist())
        model = replace(training.model, fusion=settings.fusion)
        opinion = model.opinion(
            PATH,
            scene.ai[mine],
            scene.traditional[mine],
            confidence=settings.risk.probability_confidence,
        )
        terms = Terms(
            volatility=scene.terms.volatility[mine],
            cost=scene.terms.cost[mine],
            carry_long=scene.terms.carry_long[mine],
            carry_short=scene.terms.carry_short[mine],
        )
        leans.append(lean_of(opinion, terms, settings.fusion))
    return views_of(Lean.joined(leans), mid=market.tape.mid_close, atr=scene.atr)
