"""The walk forward: from bars to what was forecast and thought on bars that no model had seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from assay.config.settings import Settings
from assay.domain.errors import ConfigError
from assay.domain.progress import Progress
from assay.engine.backtest import RuleChange
from assay.engine.opinion import views_of
from assay.engine.views import Views
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.history import History
from assay.research.oos import FoldPlan, OutOfSample, folds_of, forecast_out_of_sample
from assay.research.preparation import Prepared, market_from, prepare
from assay.research.splits.walk_forward import WalkForwardFold
from assay.research.variants import Variants
from assay.strategy.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walked:
    """Everything that is known before anybody trades: the start of every question about a run.

    Attributes
    ----------
    settings : Settings
    history : History
    prepared : Prepared
    tested : OutOfSample
        Trainings, and what each said about the bars after it.
    market : Market
        The out-of-sample events; event 0 is row ``tested.first`` of the dataset.
    views : mapping of str to Views
        By path: hybrid, ai, indicators; one row per event of the market.
    search : object or None
        What chose the settings of each fold, if anything did.
    """

    settings: Settings
    history: History
    prepared: Prepared
    tested: OutOfSample
    market: Market
    views: Mapping[str, Views]
    search: Any = None


class Choosing(Protocol):
    """Chooses the settings of each step of a walk from what was known before it."""

    def choose(
        self,
        variants: Variants,
        market: Market,
        folds: Sequence[WalkForwardFold],
        progress: Progress,
    ) -> Sequence[Settings]:
        """Return one set of settings per fold; they differ in nothing that the tape depends on.

        *market* holds every event of the dataset.
        """
        ...


def walk(
    settings: Settings,
    history: History,
    *,
    progress: Progress,
    strategy: Strategy | None = None,
    choosing: Choosing | None = None,
) -> Walked:
    """Prepare, train each fold and forecast the span after it.

    Parameters
    ----------
    settings : Settings
    history : History
    progress : Progress
    strategy : Strategy, optional
        A user's columns.
    choosing : Choosing, optional
        A search inside each training span. Without one, *settings* hold for every fold.

    Raises
    ------
    ConfigError
        If the history has no symbol.
    DataError
        If the history is too short or does not fit together.
    StrategyError
        If a user's column fails, or does not say the same over the history and bar by bar.
    """
    if not history.bars:
        raise ConfigError(
            "A run must have at least one symbol; had none.",
            remedy="Set market.symbols, and import their history with `assay data import`.",
        )
    # Sums of several threads differ in the last bit from machine to machine.
    with threadpool_limits(limits=1):
        progress.stage("Features and labels", 1)
        prepared = prepare(settings, history, strategy)
        progress.advance()
        variants = Variants(
            base=prepared.dataset,
            settings=settings,
            instruments=history.instruments,
        )
        folds = folds_of(prepared.dataset, settings)
        chosen = (
            [settings] * len(folds)
            if choosing is None
            else choosing.choose(
                variants, market_from(0, prepared, settings, history), folds, progress
            )
        )
        plans = [
            FoldPlan(fold=fold, settings=mine, dataset=variants.of(mine))
            for fold, mine in zip(folds, chosen, strict=True)
        ]
        tested = forecast_out_of_sample(plans, place=Place.of(settings), progress=progress)
        market = market_from(
            tested.first, prepared, settings, history, changes=_changes(plans, settings)
        )
        mid = market.tape.mid_close
        views = {
            path: views_of(lean, mid=mid, atr=market.atr) for path, lean in tested.leans.items()
        }
    return Walked(
        settings=settings,
        history=history,
        prepared=prepared,
        tested=tested,
        market=market,
        views=views,
        search=choosing,
    )


def _changes(plans: Sequence[FoldPlan], settings: Settings) -> list[RuleChange]:
    """Return where the settings of the walk change, counted from its first event."""
    first, held, changes = plans[0].fold.test_start, settings, []
    for plan in plans:
        if plan.settings != held:
            event = plan.fold.test_start - first
            changes.append(RuleChange(event=event, settings=plan.settings))
            held = plan.settings
    return changes
