"""The whole job: from bars to a judged, repeatable result."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from assay.config.settings import Settings
from assay.domain.progress import Progress
from assay.regimes.volatility import NAMES as REGIME_NAMES
from assay.regimes.volatility import volatility_regimes
from assay.research.assumptions import assumptions_of, strategy_told
from assay.research.attribution.collecting import attribute_walk
from assay.research.compute.place import Place
from assay.research.daily import daily_returns
from assay.research.dataset import Dataset
from assay.research.history import History
from assay.research.judging import Traded, count_trials, judged, trade
from assay.research.leaks.pipeline import prove_run
from assay.research.oos import OutOfSample
from assay.research.preparation import Prepared
from assay.research.result import Forecasts, QuantileScore, Regimes
from assay.research.risk_search.counting import count_searches
from assay.research.risk_search.nested import search_walk
from assay.research.risk_search.record import plan_record, risk_record
from assay.research.risk_search.task import Plan
from assay.research.run_result import RunResult
from assay.research.scores import feature_scores, model_scores, quantile_scores
from assay.research.search.nested import NestedSearch
from assay.research.search.record import search_records
from assay.research.search.space import space_of
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import settings_hash
from assay.research.walk import Walked, walk
from assay.strategy.strategy import Strategy

HEADLINE = "hybrid"


def execute(
    settings: Settings,
    history: History,
    *,
    ledger: TrialLedger,
    progress: Progress,
    at_ns: int,
    repeat: tuple[str, ...] = ("assay run",),
    strategy: Strategy | None = None,
    search: NestedSearch | None = None,
    risk_plan: Plan | None = None,
) -> RunResult:
    """Train, walk forward, trade, measure and judge.

    Parameters
    ----------
    settings : Settings
    history : History
    ledger : TrialLedger
        Where this run's trials are counted before it is judged.
    progress : Progress
    at_ns : int
        Now, UTC nanoseconds, for the ledger alone.
    repeat : tuple of str
        Commands that make this run again, for the report.
    strategy : Strategy, optional
        A user's columns: features for the models, signals among the votes.
    search : NestedSearch, optional
        Chooses the settings of each step of the walk in its past.
    risk_plan : Plan, optional
        Of searches of risk settings, which choose those of each step in the record before it. Not
        together with *search*, whose settings change on the way.

    Returns
    -------
    RunResult
        The same for the same arguments and seed, whatever the number of workers.

    Raises
    ------
    ConfigError
        If the history has no symbol.
    DataError
        If the history is too short or does not fit together.
    StrategyError
        If a user's column fails, or does not say the same over the history and bar by bar.
    """
    walked = walk(settings, history, progress=progress, strategy=strategy, choosing=search)
    prepared, tested = walked.prepared, walked.tested
    shown = settings.of_a_result(is_searched=search is not None)
    identity, risk_found = "" if search is None else search.identity, dict[str, Any]()
    if risk_plan is not None:
        walked, identity, risk_found = _with_risk_settings(
            walked, risk_plan, shown, ledger=ledger, progress=progress, at_ns=at_ns
        )
    # Sums of several threads differ in the last bit from machine to machine.
    with threadpool_limits(limits=1):
        traded = trade(walked.views, HEADLINE, walked.market, progress)
        hashes = {**prepared.hashes, "settings": settings_hash(shown)}
        count_trials(
            ledger,
            traded.tried,
            settings=settings,
            settings_hash=hashes["settings"],
            hashes=hashes,
            at_ns=at_ns,
        )
        forecasts = forecasts_of(tested)
        metrics, verdict = judged(
            traded,
            forecasts,
            settings,
            ledger,
            progress,
            walk=identity,
            leaks=prove_run(walked, progress=progress),
        )
        regimes = regimes_of(prepared.dataset, tested.first)
        attribution, decisions = attribute_walk(walked, traded, regimes, progress)
        return _assembled(
            prepared,
            tested,
            traded,
            forecasts,
            settings,
            metrics=metrics,
            verdict=verdict,
            attribution=attribution,
            decisions=decisions,
            regimes=regimes,
            settings=shown,
            hashes=hashes,
            searches=() if search is None else _searched(search, traded, tested),
            risk_search=risk_found,
            assumptions=_assumptions(prepared, settings, history, strategy),
            warnings=(
                *prepared.quality.warnings,
                *ledger.notices,
                *_warnings(prepared, tested),
            ),
            quality=(*history.quality, *prepared.quality.findings),
            data_notes=history.notes,
            repeat=repeat,
        )


def _assumptions(
    prepared: Prepared, settings: Settings, history: History, strategy: Strategy | None
) -> tuple[str, ...]:
    notes, has_finer = prepared.spread_notes, bool(history.finer)
    return (
        *assumptions_of(settings, history.facts_met(), notes, has_finer=has_finer),
        *strategy_told(strategy),
    )


def _with_risk_settings(
    walked: Walked,
    plan: Plan,
    shown: dict[str, Any],
    *,
    ledger: TrialLedger,
    progress: Progress,
    at_ns: int,
) -> tuple[Walked, str, dict[str, Any]]:
    """Choose risk settings step by step; return the walk under them, its identity, what was found.

    The plan of the searches is written into *shown*, the settings of the result.
    """
    shown["risk_search"] = plan_record(plan, walked.settings)
    chosen, found = search_walk(
        walked, plan, path=HEADLINE, place=Place.of(walked.settings), progress=progress
    )
    hashes = walked.prepared.hashes
    identity = count_searches(ledger, found, shown=shown, hashes=hashes, at_ns=at_ns)
    return chosen, identity, risk_record(found)


def _searched(
    search: NestedSearch, traded: Traded, tested: OutOfSample
) -> tuple[dict[str, Any], ...]:
    """Return what the searches found, and what came of it in the steps that they chose for."""
    result = traded.judged
    daily = daily_returns(result.time_ns, result.equity, result.start_balance)
    event = np.searchsorted(result.time_ns, daily.day_ns, side="right") - 1
    fold = tested.fold[event]
    by_fold = {int(index): daily.returns[fold == index] for index in np.unique(tested.fold)}
    return tuple(search_records(space_of(search.settings), search.found, by_fold))


def _assembled(
    prepared: Prepared,
    tested: OutOfSample,
    traded: Traded,
    forecasts: Forecasts,
    asked: Settings,
    **shown: Any,
) -> RunResult:
    """Put what was found in one place."""
    dataset = prepared.dataset
    fits = [item.diagnostics for item in tested.trainings]
    return RunResult(
        title=f"{', '.join(dataset.symbols)} {asked.market.timeframe}",
        currency=asked.account.currency,
        headline=HEADLINE,
        strategies=traded.strategies,
        random_sharpes=traded.random_sharpes,
        forecasts=forecasts,
        features=feature_scores(fits),
        models=model_scores(fits),
        quantiles=quantiles_of(tested, asked),
        folds=tested.spans,
        seeds={"run": asked.run.seed},
        leaks=_leak_lines(tested),
        **shown,
    )


def forecasts_of(tested: OutOfSample) -> Forecasts:
    """Return the out-of-sample forecasts whose outcome is known."""
    found = list(tested.known_labels())
    dataset = found[0][0]
    rows = np.concatenate([mine for _, mine in found])
    end = np.concatenate([item.column("end")[mine] for item, mine in found]).astype(np.int64)
    side = np.concatenate([item.column("side")[mine] for item, mine in found])
    return Forecasts(
        time_ns=dataset.start_ns[rows],
        p=tested.p_up[rows - tested.first],
        y=(side > 0.0).astype(np.int8),
        horizon=end - dataset.bar[rows],
        fold=tested.fold[rows - tested.first],
        weight=dataset.uniqueness_of(rows, end),
        symbols=dataset.symbols,
        symbol=dataset.symbol[rows],
    )


def quantiles_of(tested: OutOfSample, settings: Settings) -> tuple[QuantileScore, ...]:
    """Return how the forecast quantiles held where the move is known."""
    relative = np.full(len(tested.fold), np.nan)
    for index, dataset in enumerate(tested.datasets):
        mine = tested.fold == index
        span = slice(tested.first, tested.first + len(mine))
        moves = dataset.column("move")[span] / dataset.column("volatility")[span]
        relative[mine] = moves[mine]
    known = np.isfinite(relative) & np.isfinite(tested.quantiles).all(axis=1)
    return quantile_scores(
        relative[known],
        tested.quantiles[known],
        tested.usual_quantiles[known],
        settings.training.quantiles,
    )


def regimes_of(dataset: Dataset, first: int) -> Regimes:
    """Return the volatility regime of the first symbol at each of its tested bars."""
    item = next(iter(dataset.data.values()))
    mine = dataset.bar[first:][dataset.symbol[first:] == 0]
    return Regimes(
        time_ns=item.known_ns[mine], label=volatility_regimes(item.bars)[mine], names=REGIME_NAMES
    )


def _leak_lines(tested: OutOfSample) -> tuple[tuple[str, str], ...]:
    pairs = sum(item.n_leaking for item in tested.trainings)
    purged = sum(item.n_purged for item in tested.trainings)
    late = sum(
        item.last_end_ns >= span.test_start_ns
        for item, span in zip(tested.trainings, tested.spans, strict=True)
    )
    return (
        ("Label overlap between training and test", f"{pairs} pairs; {purged} rows purged"),
        ("Steps with a training label that ends after the test begins", f"{late}"),
    )


def _warnings(prepared: Prepared, tested: OutOfSample) -> tuple[str, ...]:
    dataset, told = prepared.dataset, []
    if dataset.unavailable:
        told.append(
            "This history cannot give these features, so no model read them: "
            + ", ".join(dataset.unavailable)
            + "."
        )
    idle = int(np.sum(~dataset.is_ready[tested.first :]))
    if idle:
        told.append(f"{idle} tested bars had a feature without a value; there AI was silent.")
    own = () if prepared.strategy is None else prepared.strategy.feature_names
    for place, name in enumerate(dataset.names):
        if name in own:
            lacking = ~np.isfinite(dataset.column("x")[tested.first :, place])
            if lacking.any():
                told.append(f"{name} of strategy.py had no value on {lacking.mean():.1%} of them.")
    return tuple(told)
