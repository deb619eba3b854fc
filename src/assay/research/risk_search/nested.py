"""The search of risk settings along a walk forward: each choice in the past of what it is for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.config.settings import Settings
from assay.domain.progress import Progress
from assay.engine.backtest import RuleChange
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.compute.threads import one_thread
from assay.research.daily import DailyReturns, daily_returns, last_of_days
from assay.research.metrics import rng_for
from assay.research.oos import fold_seed
from assay.research.risk_search.evaluation import DAYS_MIN
from assay.research.risk_search.found import RiskSearch
from assay.research.risk_search.parameters import settings_of
from assay.research.risk_search.search import search_risk
from assay.research.risk_search.task import Plan
from assay.research.statistics.paired import PairedComparison, compare_paired
from assay.research.statistics.sharpe import sharpe_ratio
from assay.research.walk import Walked

DAYS_AFTER_MIN = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskStep:
    """One step of the walk, and the search before it.

    Attributes
    ----------
    fold : int
        Which step of the walk.
    first, stop : int
        Events that it chose for, the latter excluded; the search saw those before *first*.
    search : RiskSearch
    settings : Settings
        What was chosen: the best case if it is a winner, else the settings as they are.
    """

    fold: int
    first: int
    stop: int
    search: RiskSearch
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class After:
    """What came after the searches, under what they chose and under the settings as they are.

    Attributes
    ----------
    chosen, as_set : DailyReturns
        Of the days since the first choice; the accounts live on from before.
    step : int64, shape (n_days,)
        Which step each day belongs to, from 0.
    difference : PairedComparison or None
        Of the first less the second, by day; None where they are the same, or days are few.
    """

    chosen: DailyReturns
    as_set: DailyReturns
    step: IntArray
    difference: PairedComparison | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskWalk:
    """Every search of a walk.

    Attributes
    ----------
    plan : Plan
    settings : Settings
        As they are in the workspace.
    steps : tuple of RiskStep
        In order; steps with too short a past before them have no search.
    after : After or None
        None without a step.
    final : RiskSearch
        Over the whole record: what it finds is for the time to come, and nothing here judges it.
    """

    plan: Plan
    settings: Settings
    steps: tuple[RiskStep, ...]
    after: After | None
    final: RiskSearch

    @property
    def searches(self) -> tuple[RiskSearch, ...]:
        """Those of the steps, and the one over everything."""
        return (*(step.search for step in self.steps), self.final)


def search_walk(
    walked: Walked, plan: Plan, *, path: str, place: Place, progress: Progress
) -> tuple[Walked, RiskWalk]:
    """Choose the risk settings of each step of a walk by a search in the record before it.

    Parameters
    ----------
    walked : Walked
        Under one set of settings.
    plan : Plan
    path : str
        Whose views are traded.
    place : Place
    progress : Progress

    Returns
    -------
    walked : Walked
        Its market changes its settings where another choice begins. Models, forecasts and views
        are the same: no risk setting has a part in them.
    found : RiskWalk

    Raises
    ------
    ConfigError
        If the plan makes no sense.
    DataError
        If the whole record is too short for a search.
    """
    market, views, settings = walked.market, walked.views[path], walked.settings
    edges = _edges(walked.tested.fold)
    steps = []
    for fold in range(1, len(edges) - 1):
        first = int(edges[fold])
        past, seen = _before(market, views, first)
        if len(last_of_days(past.tape.known_ns)) < DAYS_MIN:
            continue
        search = search_risk(
            past,
            seen,
            plan,
            place=place,
            progress=progress,
            seed=fold_seed(settings.run.seed, fold),
            stage=f"Searching risk settings, step {fold + 1}",
        )
        steps.append(
            RiskStep(
                fold=fold,
                first=first,
                stop=int(edges[fold + 1]),
                search=search,
                settings=settings_of(settings, search.best.values)
                if search.is_winner
                else settings,
            )
        )
    final = search_risk(
        market,
        views,
        plan,
        place=place,
        progress=progress,
        seed=fold_seed(settings.run.seed, len(edges) - 1),
        stage="Searching risk settings, whole record",
    )
    changed = replace(market, changes=changes_of(steps, settings))
    with one_thread():
        after = _after(changed, views, steps) if steps else None
    found = RiskWalk(
        plan=plan, settings=settings, steps=tuple(steps), after=after, final=_doubted(final, after)
    )
    return replace(walked, market=changed), found


def changes_of(steps: Sequence[RiskStep], settings: Settings) -> tuple[RuleChange, ...]:
    """Return where another choice begins, *settings* holding until then."""
    held, changes = settings, []
    for step in steps:
        if step.settings != held:
            changes.append(RuleChange(event=step.first, settings=step.settings))
            held = step.settings
    return tuple(changes)


def annual(daily: DailyReturns, mine: IntArray | slice = slice(None)) -> float:
    """Return the annual Sharpe ratio of some days; 0 where nothing was traded."""
    ratio = sharpe_ratio(daily.returns[mine])
    return float(ratio * np.sqrt(daily.days_per_year)) if np.isfinite(ratio) else 0.0


def _edges(fold: IntArray) -> IntArray:
    """Return the first event of each step, and the end."""
    return np.append(np.searchsorted(fold, np.unique(fold)), len(fold))


def _before(market: Market, views: Views, stop: int) -> tuple[Market, Views]:
    """Return market and views of the events before *stop*."""
    past = replace(market, tape=market.tape.between(0, stop), atr=market.atr[:stop])
    return past, views.between(0, stop)


def _after(market: Market, views: Views, steps: Sequence[RiskStep]) -> After:
    """Trade on through all steps, and compare with the settings as they are."""
    tape = market.tape
    since = int(tape.known_ns[steps[0].first])
    records = []
    for item in (market, replace(market, changes=())):
        run = item.trade(views)
        daily = daily_returns(tape.known_ns, run.equity, market.settings.account.balance)
        later = daily.day_ns > since
        later[np.argmax(later)] = False  # the search saw the beginning of that day
        records.append(
            replace(
                daily,
                day_ns=daily.day_ns[later],
                equity=daily.equity[later],
                returns=daily.returns[later],
            )
        )
    chosen, as_set = records
    begins = tape.known_ns[[step.first for step in steps]]
    return After(
        chosen=chosen,
        as_set=as_set,
        step=np.searchsorted(begins, chosen.day_ns, side="left") - 1,
        difference=_difference(chosen.returns, as_set.returns, market.settings),
    )


def _difference(
    chosen: FloatArray, as_set: FloatArray, settings: Settings
) -> PairedComparison | None:
    if len(chosen) < DAYS_AFTER_MIN or np.array_equal(chosen, as_set):
        return None
    return compare_paired(
        chosen,
        as_set,
        rng_for(settings.run.seed, "risk search"),
        n_samples=settings.evaluation.bootstrap_samples,
        confidence=settings.evaluation.confidence,
    )


def _doubted(final: RiskSearch, after: After | None) -> RiskSearch:
    """Return the last search, with the record of those before it against its winner."""
    if after is None or not annual(after.chosen) < annual(after.as_set):
        return final
    told = (
        f"What earlier searches chose did worse afterwards than the settings as they are: a Sharpe "
        f"ratio of {annual(after.chosen):.2f} against {annual(after.as_set):.2f}."
    )
    return replace(final, reasons=(*final.reasons, told))
