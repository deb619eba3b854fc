"""One configuration on one split: fitted once, and traded under every decision that shares it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from assay.config.settings import Settings
from assay.engine.backtest import backtest
from assay.engine.opinion import views_of
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.benchmarks import Market
from assay.research.daily import daily_returns
from assay.research.dataset import Dataset
from assay.research.search.span import SearchSpan, mid_of
from assay.research.training import rows_of, train
from assay.research.trials.trial import hash_of
from assay.research.variants import Variants
from assay.signals.signal_model import Opinion, lean_of
from assay.signals.terms import Terms

SEARCHED_PATH = "hybrid"
ARRAYS = ("ai", "traditional", "p_up", "lower", "upper")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """What every task of a search needs; it is sent to each worker once.

    Attributes
    ----------
    variants : Variants
    market : Market
        Every event of the dataset, under the settings that are not searched.
    span : SearchSpan
    seed : int
    """

    variants: Variants
    market: Market
    span: SearchSpan
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempt:
    """One split of one fit, and the decisions that are tried on it.

    Attributes
    ----------
    split : int
    models : Settings
        What the fit depends on; see ``settings_of_models``.
    decisions : tuple of Settings
        Configurations that share the fit.
    opinion : Opinion or None
        What the fit said, if it was made before.
    """

    split: int
    models: Settings
    decisions: tuple[Settings, ...]
    opinion: Opinion | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """What an attempt gave.

    Attributes
    ----------
    opinion : Opinion or None
        About the tested rows, in their order, if the fit was made now.
    daily : tuple of tuple of float64
        Daily returns by decision and tested group.
    day_ns : tuple of int64
        Ends of the days, by tested group.
    """

    opinion: Opinion | None
    daily: tuple[tuple[FloatArray, ...], ...]
    day_ns: tuple[IntArray, ...]


def settings_of_models(settings: Settings) -> Settings:
    """Return *settings* as a search fits them: fewer labels and members, one quantile."""
    search, training = settings.search, settings.training
    members = tuple(name for name in search.algorithms if name in training.algorithms)
    quick = training.model_copy(
        update={
            "rows_max": min(training.rows_max, search.rows_max),
            "rows_min": min(training.rows_min, 100),
            "algorithms": members or training.algorithms[:1],
            "inner_folds": 2,
            "quantiles": (0.5,),
        }
    )
    return settings.model_copy(update={"training": quick})


def fit_key(settings: Settings) -> str:
    """Return the hash of everything that a fit depends on."""
    content = settings_of_models(settings).model_dump(mode="json")
    parts = [content[name] for name in ("features", "labels", "training", "costs", "market")]
    parts += [content["fusion"]["topology"], content["risk"]["probability_confidence"]]
    return hash_of(parts)


def attempt(ground: Ground, task: Attempt) -> Tried:
    """Fit unless it was done before, and trade every decision on the tested groups."""
    dataset = ground.variants.of(task.models)
    splits = ground.span.splits(dataset)
    split = splits.split(task.split)
    opinion = task.opinion
    if opinion is None:
        opinion = _fitted(ground, dataset, task, split.train, np.concatenate(split.tests))
    daily: list[list[FloatArray]] = [[] for _ in task.decisions]
    days = []
    place = 0
    for group, rows in zip(split.groups, split.tests, strict=True):
        market = ground.span.group_market(ground.market, splits.cuts, group)
        mine = _part(opinion, slice(place, place + len(rows)))
        first = int(rows[0]) + ground.span.first
        terms = dataset.terms(slice(first, first + len(rows)))
        for decision, settings in enumerate(task.decisions):
            returns, day_ns = _traded(mine, terms, market, settings)
            daily[decision].append(returns)
        days.append(day_ns)
        place += len(rows)
    return Tried(
        opinion=opinion if task.opinion is None else None,
        daily=tuple(tuple(item) for item in daily),
        day_ns=tuple(days),
    )


def _fitted(
    ground: Ground, dataset: Dataset, task: Attempt, train_rows: IntArray, test_rows: IntArray
) -> Opinion:
    """Train on the purged rows of the split, and say what the model thinks of the tested ones."""
    settings = task.models
    rows = rows_of(dataset, settings, ground.span.trains(dataset, train_rows))
    seed = np.random.SeedSequence([ground.seed, task.split, int(fit_key(settings)[:8], 16)])
    model = train(rows, settings, seed=int(seed.generate_state(1)[0])).model
    tested = test_rows + ground.span.first
    return model.opinion(
        SEARCHED_PATH,
        model.ai_log_odds(dataset.column("x")[tested]),
        model.traditional_log_odds(dataset.column("votes")[tested]),
        confidence=settings.risk.probability_confidence,
    )


def _part(opinion: Opinion, rows: slice) -> Opinion:
    """Return what was said about some of the rows."""
    arrays = {name: getattr(opinion, name)[rows] for name in ARRAYS}
    rest = {
        item.name: getattr(opinion, item.name)
        for item in fields(opinion)
        if item.name not in ARRAYS
    }
    return Opinion(**arrays, **rest)


def _traded(
    opinion: Opinion, terms: Terms, market: Market, settings: Settings
) -> tuple[FloatArray, IntArray]:
    """Return the daily returns of one group under one decision, and the ends of the days."""
    lean = lean_of(opinion, terms, settings.fusion)
    views = views_of(lean, mid=mid_of(market), atr=market.atr)
    run = backtest(market.tape, views, settings, market.instruments)
    daily = daily_returns(market.tape.known_ns, run.equity, settings.account.balance)
    return daily.returns, daily.day_ns


def opinion_arrays(opinion: Opinion) -> dict[str, FloatArray]:
    """Return *opinion* as arrays, for a file."""
    return {
        item.name: np.atleast_1d(np.asarray(getattr(opinion, item.name), dtype=np.float64))
        for item in fields(opinion)
    }


def opinion_from(arrays: Mapping[str, FloatArray]) -> Opinion:
    """Return the opinion that ``opinion_arrays`` took apart."""
    numbers = {name: float(arrays[name][0]) for name in ("scale", "move", "persistence")}
    return Opinion(**{name: arrays[name] for name in ARRAYS}, **numbers)  # type: ignore[arg-type]
