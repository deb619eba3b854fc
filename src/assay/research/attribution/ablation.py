"""What each source is worth: take one away at a time, and compare on the same days."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum, unique

import numpy as np

from assay.config.settings import EvaluationSettings, Settings
from assay.domain.errors import ConfigError
from assay.domain.progress import Progress
from assay.engine.answers import record_answers
from assay.engine.views import Views
from assay.research.attribution.collecting import attribute, told_by_walk
from assay.research.attribution.removal import (
    HEADLINE,
    Removal,
    flat_views,
    market_without,
    removals,
    spoken_in,
    views_refitted,
    views_without,
)
from assay.research.attribution.summary import Attribution
from assay.research.benchmarks import as_result
from assay.research.daily import DailyReturns, daily_returns
from assay.research.metrics import rng_for
from assay.research.result import StrategyResult
from assay.research.statistics.multiple_testing import Correction, adjust
from assay.research.statistics.paired import Difference, PairedComparison, compare_paired
from assay.research.statistics.sharpe import sharpe_ratio
from assay.research.walk import Walked


@unique
class Finding(StrEnum):
    """What the comparison showed."""

    HELPS = "helps"
    HURTS = "hurts"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablated:
    """The strategy without one thing, against the whole one; figures are annual.

    Attributes
    ----------
    name, title, how : str
        What was taken away.
    was_refitted : bool
        Trained again without it; else silenced, with all weights as they were.
    attributed : float
        What the split gives it of the profit, account currency.
    total_return, sharpe : float
    n_trades : int
    return_difference, sharpe_difference : Difference
        The whole strategy less the one without it: positive, and the thing helps.
    p_adjusted : float
        Of the Sharpe ratio's difference, by Holm over all that was taken away.
    finding : Finding
    """

    name: str
    title: str
    how: str
    was_refitted: bool
    attributed: float
    total_return: float
    sharpe: float
    n_trades: int
    return_difference: Difference
    sharpe_difference: Difference
    p_adjusted: float
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ablation:
    """All ablations of one strategy.

    Attributes
    ----------
    whole : StrategyResult
    total_return, sharpe : float
        Of the whole strategy.
    n_days : int
    confidence : float
    rows : tuple of Ablated
        In order of what was taken away.
    results : tuple of StrategyResult
        Of the strategies without it; each is a trial.
    """

    whole: StrategyResult
    total_return: float
    sharpe: float
    n_days: int
    confidence: float
    rows: tuple[Ablated, ...]
    results: tuple[StrategyResult, ...]


def chosen_removals(
    settings: Settings, vote_names: Sequence[str], only: Sequence[str]
) -> tuple[Removal, ...]:
    """Return what is to be taken away: everything, or what *only* names; see ``removals``.

    Raises
    ------
    ConfigError
        If a name is unknown.
    """
    every = removals(settings, vote_names)
    names = [item.name for item in every]
    strange = [name for name in only if name not in names]
    if strange:
        raise ConfigError(
            f"What is taken away must be one of {', '.join(names)}; was {strange[0]}.",
            remedy="Choose among them, or leave --only out.",
            value=strange[0],
        )
    return tuple(item for item in every if not only or item.name in only)


def ablate(
    walked: Walked,
    chosen: Sequence[Removal],
    progress: Progress,
    *,
    refit: bool = False,
) -> Ablation:
    """Trade without each of *chosen*, one at a time.

    Parameters
    ----------
    walked : Walked
    chosen : sequence of Removal
    progress : Progress
    refit : bool
        Train again without the source, where that makes a difference.

    Notes
    -----
    Paired stationary bootstrap over trading days, the same days for both; Holm's correction over
    everything that is taken away here. Silencing is quick and says what the fitted strategy owes
    to a source; refitting lets the others learn what it knew.
    """
    market, settings = walked.market, walked.settings
    whole = as_result(HEADLINE, market.trade(walked.views[HEADLINE]), market)
    split = _split_of(walked, whole)
    spoken = spoken_in(walked)
    results, refitted = [], []
    if not refit:
        progress.stage("Taking away", len(chosen))
    for removal in chosen:
        trains = refit and removal.can_refit
        if trains:
            progress.stage(f"Without {removal.title}", 1)
        views = (
            views_refitted(walked, removal, progress)
            if trains
            else views_without(walked, spoken, removal)
        )
        results.append(_traded(walked, removal, views))
        refitted.append(trains)
        if not refit:
            progress.advance()
    pairs = [_compared(whole, result, settings.evaluation, settings.run.seed) for result in results]
    adjusted = adjust([pair.sharpe.p for pair in pairs], Correction.HOLM) if pairs else np.empty(0)
    daily = _daily(whole)
    return Ablation(
        whole=whole,
        total_return=_total_return(whole),
        sharpe=_annual_sharpe(daily),
        n_days=len(daily.returns),
        confidence=settings.evaluation.confidence,
        rows=tuple(
            _row(*found, split, daily.days_per_year, settings.evaluation.confidence)
            for found in zip(chosen, results, pairs, adjusted.tolist(), refitted, strict=True)
        ),
        results=tuple(results),
    )


def _split_of(walked: Walked, whole: StrategyResult) -> Attribution:
    settings = walked.settings
    told = {HEADLINE: told_by_walk(walked)[HEADLINE]}
    found = attribute(
        (whole,), walked.market, told, None, settings.evaluation, seed=settings.run.seed
    )
    return found[HEADLINE]


def _traded(walked: Walked, removal: Removal, views: Views) -> StrategyResult:
    """Trade what is left."""
    market = walked.market
    if removal.flat_size:
        answers = record_answers(
            market.tape, views, market.settings, market.instruments, changes=market.changes
        )
        entered = answers.lots > 0.0
        conviction = np.broadcast_to(views.confidence, len(views))[entered]
        views = flat_views(views, float(conviction.mean()) if len(conviction) else 0.0)
    if removal.change is not None:
        market = market_without(market, removal.change)
    return as_result(f"{HEADLINE} without {removal.name}", market.trade(views), market)


def _daily(result: StrategyResult) -> DailyReturns:
    return daily_returns(result.time_ns, result.equity, result.start_balance)


def _compared(
    whole: StrategyResult, without: StrategyResult, evaluation: EvaluationSettings, seed: int
) -> PairedComparison:
    return compare_paired(
        _daily(whole).returns,
        _daily(without).returns,
        rng_for(seed, "ablation", without.name),
        n_samples=evaluation.bootstrap_samples,
        confidence=evaluation.confidence,
    )


def _row(
    removal: Removal,
    result: StrategyResult,
    pair: PairedComparison,
    p_adjusted: float,
    was_refitted: bool,
    split: Attribution,
    days_per_year: float,
    confidence: float,
) -> Ablated:
    helps = pair.sharpe.value > 0.0
    finding = Finding.NOT_SHOWN
    if p_adjusted < 1.0 - confidence:
        finding = Finding.HELPS if helps else Finding.HURTS
    return Ablated(
        name=removal.name,
        title=removal.title,
        how="trained again without it" if was_refitted else removal.how,
        was_refitted=was_refitted,
        attributed=sum(part.total for part in split.parts if part.name in removal.parts),
        total_return=_total_return(result),
        sharpe=_annual_sharpe(_daily(result)),
        n_trades=len(result.trades),
        return_difference=_scaled(pair.mean, days_per_year),
        sharpe_difference=_scaled(pair.sharpe, math.sqrt(days_per_year)),
        p_adjusted=p_adjusted,
        finding=finding,
    )


def _scaled(difference: Difference, factor: float) -> Difference:
    return Difference(
        value=difference.value * factor,
        low=difference.low * factor,
        high=difference.high * factor,
        p=difference.p,
    )


def _total_return(result: StrategyResult) -> float:
    return float(result.equity[-1]) / result.start_balance - 1.0


def _annual_sharpe(daily: DailyReturns) -> float:
    if not np.any(daily.returns != 0.0):
        return 0.0
    return float(sharpe_ratio(daily.returns)) * math.sqrt(daily.days_per_year)


def as_record(ablation: Ablation) -> Mapping[str, object]:
    """Return the ablation as what JSON knows."""
    return {
        "strategy": ablation.whole.name,
        "total_return": ablation.total_return,
        "sharpe": ablation.sharpe,
        "n_trades": len(ablation.whole.trades),
        "n_days": ablation.n_days,
        "confidence": ablation.confidence,
        "correction": Correction.HOLM.value,
        "removed": [asdict(row) for row in ablation.rows],
    }
