"""The whole job: from bars to a judged, repeatable result."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.spread import quoted_both_sides
from assay.domain.errors import ConfigError
from assay.domain.instrument import Instrument
from assay.domain.progress import Progress
from assay.engine.backtest import backtest
from assay.engine.conversion import conversion_rates
from assay.engine.opinion import views_of
from assay.engine.tape import build_tape
from assay.kernels.compiler import FloatArray
from assay.regimes.volatility import NAMES as REGIME_NAMES
from assay.regimes.volatility import volatility_regimes
from assay.research.assumptions import assumptions_of
from assay.research.benchmarks import Market, as_result, buy_and_hold, random_entries
from assay.research.dataset import Dataset, build_dataset
from assay.research.identity import code_hash, data_hash, worker_count
from assay.research.ledger import TrialLedger
from assay.research.metrics import measure, rng_for
from assay.research.oos import OutOfSample, forecast_out_of_sample
from assay.research.result import Forecasts, Regimes, RunResult, StrategyResult
from assay.research.scores import feature_scores, model_scores
from assay.research.trial import settings_hash, trial_of
from assay.research.verdict import judge

HEADLINE = "hybrid"


def execute(
    settings: Settings,
    bars: Mapping[str, Bars],
    instruments: Mapping[str, Instrument],
    *,
    ledger: TrialLedger,
    progress: Progress,
    at_ns: int,
    finer: Mapping[str, Bars] | None = None,
    conversion_bars: Mapping[str, Bars] | None = None,
    quality: tuple[tuple[str, str], ...] = (),
    data_notes: tuple[tuple[str, str], ...] = (),
    warnings: tuple[str, ...] = (),
    repeat: tuple[str, ...] = ("assay run",),
) -> RunResult:
    """Train, walk forward, trade, measure and judge.

    Parameters
    ----------
    settings : Settings
    bars : mapping of str to Bars
        One timeframe, by symbol; bid only, with a spread, or with both sides.
    instruments : mapping of str to Instrument
    ledger : TrialLedger
        Where this run's trials are counted before it is judged.
    progress : Progress
    at_ns : int
        Now, UTC nanoseconds, for the ledger alone.
    finer : mapping of str to Bars, optional
        Finer bars with both sides, to settle bars that hold both stop and target.
    conversion_bars : mapping of str to Bars, optional
        Pairs that convert quote currencies into the account's.
    quality, data_notes, warnings, repeat
        Passed on to the report.

    Returns
    -------
    RunResult
        The same for the same arguments and seed, whatever the number of workers.

    Raises
    ------
    ConfigError
        If *bars* is empty.
    DataError
        If the history is too short or does not fit together.
    """
    if not bars:
        raise ConfigError(
            "A run must have at least one symbol; had none.",
            remedy="Set market.symbols, and import their history with `assay data import`.",
        )
    progress.stage("Features and labels", len(bars))
    quoted, notes = {}, {}
    for symbol, item in bars.items():
        quoted[symbol], notes[symbol] = quoted_both_sides(item, instruments[symbol])
    pairs = {**quoted, **(conversion_bars or {})}
    currency = settings.account.currency
    conversion = {
        symbol: conversion_rates(item, instruments[symbol], currency, pairs)
        for symbol, item in quoted.items()
    }
    dataset = build_dataset(quoted, instruments, conversion, settings)
    progress.advance(len(bars))
    tested = forecast_out_of_sample(
        dataset, settings, workers=worker_count(settings), progress=progress
    )
    progress.stage("Trading", 1)
    tape = build_tape(
        quoted,
        instruments,
        settings.costs,
        currency,
        finer=finer,
        conversion_bars=conversion_bars,
    ).since(tested.first)
    market = Market(
        tape=tape,
        atr=dataset.column("atr")[tested.first :],
        instruments=instruments,
        settings=settings,
    )
    strategies, random_sharpes = trade(tested, market)
    progress.stage("Judging", len(strategies))
    hashes = {
        "data": data_hash(bars),
        "features": dataset.schema_hash,
        "settings": settings_hash(settings.model_dump(mode="json")),
        "code": code_hash(),
    }
    ledger.record_all(
        [
            trial_of(
                strategy,
                settings_hash=hashes["settings"],
                data_hash=hashes["data"],
                code_hash=hashes["code"],
                at_ns=at_ns,
            )
            for strategy in strategies
            if strategy.name in tested.leans
        ]
    )
    return _judged(
        dataset,
        tested,
        strategies,
        random_sharpes,
        settings,
        ledger,
        progress,
        hashes=hashes,
        assumptions=assumptions_of(
            settings, {name: instruments[name] for name in bars}, notes, has_finer=bool(finer)
        ),
        quality=quality,
        data_notes=data_notes,
        warnings=(*warnings, *_warnings(dataset, tested)),
        repeat=repeat,
        title=f"{', '.join(bars)} {settings.market.timeframe}",
    )


def trade(tested: OutOfSample, market: Market) -> tuple[tuple[StrategyResult, ...], FloatArray]:
    """Run every strategy over the out-of-sample events; random entries mimic the headline.

    Returns
    -------
    strategies : tuple of StrategyResult
    random_sharpes : float64
    """
    tape = market.tape
    mid = 0.5 * (tape.bid_close + tape.ask_close)
    results = {}
    for path, lean in tested.leans.items():
        views = views_of(lean, mid=mid, atr=market.atr)
        run = backtest(tape, views, market.settings, market.instruments)
        results[path] = as_result(path, run, market)
    holding = buy_and_hold(market)
    generator = rng_for(market.settings.run.seed, "random entries")
    dealt, sharpes = random_entries(market, results[HEADLINE], generator)
    return (*results.values(), holding, dealt), sharpes


def _judged(
    dataset: Dataset,
    tested: OutOfSample,
    strategies: tuple[StrategyResult, ...],
    random_sharpes: FloatArray,
    settings: Settings,
    ledger: TrialLedger,
    progress: Progress,
    **shown: Any,
) -> RunResult:
    """Measure every strategy, judge the headline and put everything in one place."""
    evaluation, seed = settings.evaluation, settings.run.seed
    metrics = {}
    for strategy in strategies:
        metrics[strategy.name] = measure(
            strategy,
            confidence=evaluation.confidence,
            samples=evaluation.bootstrap_samples,
            seed=seed,
        )
        progress.advance()
    by_name = {strategy.name: strategy for strategy in strategies}
    forecasts = forecasts_of(dataset, tested)
    verdict = judge(
        by_name[HEADLINE],
        ledger.evidence(),
        {name: by_name[name] for name in ("random", "buy_and_hold")},
        forecasts,
        evaluation,
        seed=seed,
        metrics=metrics[HEADLINE],
        random_sharpes=random_sharpes,
    )
    progress.done()
    trainings = tested.trainings
    return RunResult(
        currency=settings.account.currency,
        headline=HEADLINE,
        strategies=strategies,
        metrics=metrics,
        verdict=verdict,
        forecasts=forecasts,
        features=feature_scores([item.diagnostics for item in trainings]),
        models=model_scores([item.diagnostics for item in trainings]),
        folds=tested.spans,
        regimes=regimes_of(dataset, tested.first),
        settings=settings.model_dump(mode="json"),
        seeds={"run": seed},
        leaks=_leak_lines(tested),
        random_sharpes=random_sharpes,
        **shown,
    )


def forecasts_of(dataset: Dataset, tested: OutOfSample) -> Forecasts:
    """Return the out-of-sample forecasts whose outcome is known."""
    known = np.flatnonzero(dataset.has_label[tested.first :] & dataset.is_ready[tested.first :])
    rows = known + tested.first
    end = dataset.column("end").astype(np.int64)[rows]
    return Forecasts(
        time_ns=dataset.start_ns[rows],
        p=tested.p_up[known],
        y=(dataset.column("side")[rows] > 0.0).astype(np.int8),
        horizon=end - dataset.bar[rows],
        fold=tested.fold[known],
        weight=dataset.uniqueness_of(rows),
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
    return (
        ("Label overlap between training and test", f"{pairs} pairs; {purged} rows purged"),
        (
            "Training labels that end after their test begins",
            "none: labels must end before the first test bar",
        ),
    )


def _warnings(dataset: Dataset, tested: OutOfSample) -> tuple[str, ...]:
    told = []
    if dataset.unavailable:
        told.append(
            "This history cannot give these features, so no model read them: "
            + ", ".join(dataset.unavailable)
            + "."
        )
    idle = int(np.sum(~dataset.is_ready[tested.first :]))
    if idle:
        told.append(f"{idle} tested bars had a feature without a value; there AI was silent.")
    return tuple(told)
