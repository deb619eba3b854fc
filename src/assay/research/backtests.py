"""One backtest of what needs no training now: the bare indicators, or a model from the history."""

import numpy as np

from assay.config.settings import Settings
from assay.domain.errors import ConfigError, DataError, ModelError
from assay.domain.progress import Progress
from assay.domain.time import iso_utc
from assay.engine.opinion import views_of
from assay.engine.views import Views
from assay.research.assumptions import assumptions_of, strategy_told
from assay.research.attribution.collecting import attribute_views
from assay.research.attribution.voices import Voices, voices_of_dataset, voices_of_votes
from assay.research.benchmarks import Market
from assay.research.data_gate import override_warnings
from assay.research.dataset import Dataset
from assay.research.history import History
from assay.research.judging import count_trials, judged, trade
from assay.research.leaks.pipeline import prove_backtest
from assay.research.preparation import market_from, prepare
from assay.research.run import regimes_of
from assay.research.run_result import RunResult
from assay.research.stored import StoredModel
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import hash_of
from assay.signals.signal_model import PATHS
from assay.strategy.strategy import Strategy


def backtest_stored(
    settings: Settings,
    history: History,
    stored: StoredModel | None,
    *,
    ledger: TrialLedger,
    progress: Progress,
    at_ns: int,
    repeat: tuple[str, ...],
    strategy: Strategy | None = None,
) -> RunResult:
    """Trade, measure and judge a stored model, or the bare indicators if *stored* is None.

    A stored model trades only bars that closed after its training ended: before, it would be
    asked what it was told. Bare indicators vote with equal weight and are fitted to nothing, so
    they trade all bars after the warm-up. Both count as trials.

    A user's *strategy* is part of what a model was trained with: the same file must be there, and
    one that the model does not know is left out. Beside bare indicators its signals vote. The
    leak prover is asked before anything is judged.

    Raises
    ------
    ConfigError
        If the model was made for another timeframe or other symbols.
    DataError
        If no bar is left to trade.
    ModelError
        If this history does not give the features that the model reads, or the model was
        trained with another ``strategy.py``.
    StrategyError
        If a user's column fails, or does not say the same over the history and bar by bar.
    """
    if stored is not None:
        settings = _settings_for(settings, stored)
        strategy = strategy_for(stored, strategy)
    progress.stage("Features", 1)
    prepared = prepare(settings, history, strategy)
    dataset = prepared.dataset
    first = _first_row(dataset, stored)
    progress.advance()
    market = market_from(first, prepared, settings, history)
    hashes = dict(prepared.hashes)
    hashes["model"] = stored.identity if stored else "none: equal votes"
    views = _model_views(dataset, first, market, stored) if stored else _votes(dataset, first)
    traded = trade(views, "hybrid" if stored else "indicators", market, progress)
    count_trials(
        ledger,
        traded.tried,
        settings=settings,
        settings_hash=hash_of([hashes["settings"], hashes["model"]]),
        hashes=hashes,
        at_ns=at_ns,
        origin="backtest",
    )
    leaks = prove_backtest(settings, history, strategy, progress=progress)
    metrics, verdict = judged(traded, None, settings, ledger, progress, leaks=leaks)
    regimes = regimes_of(dataset, first)
    voices = _voices(dataset, first, settings, stored)
    attribution, decisions = attribute_views(traded, market, voices, views, regimes, progress)
    return RunResult(
        title=f"{', '.join(history.bars)} {settings.market.timeframe}, backtest",
        currency=settings.account.currency,
        headline=traded.headline,
        strategies=traded.strategies,
        metrics=metrics,
        verdict=verdict,
        regimes=regimes,
        attribution=attribution,
        decisions=decisions,
        assumptions=(
            *assumptions_of(
                settings,
                history.facts_met(),
                prepared.spread_notes,
                has_finer=bool(history.finer),
            ),
            *strategy_told(strategy),
            _origin(stored, strategy),
        ),
        settings=settings.of_a_result(),
        hashes=hashes,
        seeds={"run": settings.run.seed},
        warnings=(*prepared.quality.warnings, *_trained_on(stored), *ledger.notices),
        quality=(*history.quality, *prepared.quality.findings),
        repeat=repeat,
        data_notes=history.notes,
        random_sharpes=traded.random_sharpes,
    )


def _trained_on(stored: StoredModel | None) -> tuple[str, ...]:
    """Say so where the model was trained on history that did not pass the data checks."""
    if stored is None:
        return ()
    return tuple(
        f"At the training of the model: {text}" for text in override_warnings(stored.quality)
    )


def _settings_for(settings: Settings, stored: StoredModel) -> Settings:
    """Return the settings under which the model's own features are computed."""
    if settings.market.timeframe != stored.timeframe:
        raise ConfigError(
            f"A model must meet bars of its timeframe {stored.timeframe}; "
            f"was {settings.market.timeframe}.",
            remedy=f"Add --set market.timeframe={stored.timeframe}, or train another model.",
            key="market.timeframe",
        )
    strange = sorted(set(settings.market.symbols) - set(stored.symbols))
    if strange:
        raise ConfigError(
            f"A model must meet the symbols it was trained on, {', '.join(stored.symbols)}; "
            f"was {', '.join(strange)}.",
            remedy="Correct market.symbols, or train another model.",
            key="market.symbols",
        )
    features = settings.features.model_copy(update={"names": stored.names})
    return settings.model_copy(update={"features": features})


def strategy_for(stored: StoredModel, strategy: Strategy | None) -> Strategy | None:
    """Return the columns that the model was trained with; none if it was trained without any.

    Raises
    ------
    ModelError
        If *strategy* is not the one that the model was trained with.
    """
    trained = stored.hashes.get("strategy")
    if trained is None:
        return None
    if strategy is None or strategy.source_hash != trained:
        was = "none" if strategy is None else f"SHA-256 {strategy.source_hash[:12]}"
        raise ModelError(
            f"A model must meet the strategy.py it was trained with, SHA-256 {trained[:12]}; "
            f"was {was}.",
            remedy="Restore that file, of which a copy lies beside the model, or train again with "
            "`assay train`.",
            trained=trained,
        )
    return strategy.reading(stored.names)


def _first_row(dataset: Dataset, stored: StoredModel | None) -> int:
    """Return the first row that may be traded."""
    allowed = np.isfinite(dataset.column("atr"))
    if stored is not None:
        allowed &= dataset.is_ready & (dataset.start_ns >= stored.trained_until_ns)
    rows = np.flatnonzero(allowed)
    if len(rows):
        return int(np.searchsorted(dataset.start_ns, dataset.start_ns[rows[0]]))
    if stored is None:
        raise DataError(
            f"A backtest must have bars after the warm-up; had {len(allowed)} bars, all in it.",
            remedy="Import more history.",
        )
    raise DataError(
        f"A model must be tested on bars after its training, which ended "
        f"{iso_utc(stored.trained_until_ns)}; there were none.",
        remedy="Import later history, or train on less: assay train --set market.end=DAY.",
        trained_until_ns=stored.trained_until_ns,
    )


def _model_views(
    dataset: Dataset, first: int, market: Market, stored: StoredModel
) -> dict[str, Views]:
    """Return the views of each path of the model."""
    rows, model = slice(first, None), stored.model
    tape = market.tape
    mid = tape.mid_close
    ai = model.ai_log_odds(dataset.column("x")[rows])
    mine = model.traditional_log_odds(dataset.column("votes")[rows])
    terms, confidence = dataset.terms(rows), market.settings.risk.probability_confidence
    return {
        path: views_of(
            model.lean(path, ai, mine, terms, confidence=confidence), mid=mid, atr=market.atr
        )
        for path in PATHS
    }


def _votes(dataset: Dataset, first: int) -> dict[str, Views]:
    """Return the views of the indicators, and a user's signals, that vote with equal weight."""
    mean = np.nan_to_num(dataset.column("votes")[first:]).mean(axis=1)
    atr = dataset.column("atr")[first:]
    score = 0.5 + 0.5 * np.abs(mean)
    return {"indicators": Views.of(np.sign(mean), score=score, loss=atr, unit=atr)}


def _voices(
    dataset: Dataset, first: int, settings: Settings, stored: StoredModel | None
) -> dict[str, Voices]:
    """Return who spoke in each path of the model, or among the indicators."""
    rows = slice(first, None)
    if stored is None:
        votes = dataset.column("votes")[rows]
        return {"indicators": voices_of_votes(votes, dataset.vote_names)}
    confidence = settings.risk.probability_confidence
    return voices_of_dataset(stored.model, dataset, rows, PATHS, confidence=confidence)


def _origin(stored: StoredModel | None, strategy: Strategy | None) -> str:
    if stored is None:
        n_own = 0 if strategy is None else len(strategy.signals)
        beside = f" and {n_own} signal{'s' if n_own > 1 else ''} of strategy.py" if n_own else ""
        return (
            f"Fourteen indicators{beside} vote with equal weight; nothing was fitted. Positions "
            "are sized by risk and volatility alone."
        )
    return (
        f"The model was fitted on {stored.n_rows:,} labels from {iso_utc(stored.trained_from_ns)} "
        f"to {iso_utc(stored.trained_until_ns)} and traded only later bars."
    )
