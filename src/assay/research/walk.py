"""The walk forward: from bars to what was forecast and thought on bars that no model had seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from assay.config.settings import Settings
from assay.domain.errors import ConfigError
from assay.domain.progress import Progress
from assay.engine.opinion import views_of
from assay.engine.views import Views
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.history import History
from assay.research.oos import OutOfSample, forecast_out_of_sample
from assay.research.preparation import Prepared, market_from, prepare
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
    """

    settings: Settings
    history: History
    prepared: Prepared
    tested: OutOfSample
    market: Market
    views: Mapping[str, Views]


def walk(
    settings: Settings,
    history: History,
    *,
    progress: Progress,
    strategy: Strategy | None = None,
) -> Walked:
    """Prepare, train each fold and forecast the span after it.

    Parameters
    ----------
    settings : Settings
    history : History
    progress : Progress
    strategy : Strategy, optional
        A user's columns.

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
        tested = forecast_out_of_sample(
            prepared.dataset, settings, place=Place.of(settings), progress=progress
        )
        market = market_from(tested.first, prepared, settings, history)
        mid = 0.5 * (market.tape.bid_close + market.tape.ask_close)
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
    )
