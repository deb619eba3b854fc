"""Combinatorial purged cross-validation of the whole training: a Sharpe ratio for every path."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from assay.config.settings import Settings
from assay.domain.errors import DataError
from assay.domain.progress import Progress
from assay.engine.opinion import views_of
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.compute.pool import compute
from assay.research.daily import daily_returns
from assay.research.dataset import Dataset
from assay.research.oos import fold_seed
from assay.research.splits.combinatorial import CombinatorialPurged, combinatorial_purged
from assay.research.splits.purged import leaking_pairs
from assay.research.statistics.dispersion import median_deviations
from assay.research.statistics.sharpe import sharpe_ratio
from assay.research.training import rows_of, train
from assay.signals.signal_model import Lean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathForecasts:
    """What models that had not seen them said about every row, once on every path.

    Attributes
    ----------
    first : int
        First row of the dataset that takes part; arrays begin there.
    splits : CombinatorialPurged
        Of the rows from *first* on.
    leans : tuple of Lean
        One per path, shape (n_rows,) each.
    n_trained : int64, shape (n_splits,)
        Labels that each split trained on, before mirroring.
    n_leaking : int
        Pairs of a label that trained and a tested one whose spans touch, over all splits; zero.
    """

    first: int
    splits: CombinatorialPurged
    leans: tuple[Lean, ...]
    n_trained: IntArray
    n_leaking: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathDistribution:
    """How the result of one configuration varies over the paths, after costs.

    Attributes
    ----------
    sharpes : float64, shape (n_paths,)
        Annual Sharpe ratio of each path's daily returns; 0 where nothing was traded.
    daily : float64, shape (n_paths, n_days)
        Returns per trading day, as fractions.
    day_ns : int64, shape (n_days,)
        Ends of the days.
    n_trades : int64, shape (n_paths,)
    forecasts : PathForecasts

    Notes
    -----
    Paths share their days and most of their training, so that they vary less than independent
    histories would; their spread is no standard error of the Sharpe ratio.
    """

    sharpes: FloatArray
    daily: FloatArray
    day_ns: IntArray
    n_trades: IntArray
    forecasts: PathForecasts

    @property
    def median(self) -> float:
        """Median of the paths' Sharpe ratios."""
        return float(np.median(self.sharpes))

    @property
    def dispersion(self) -> float:
        """Median absolute deviation of the Sharpe ratios from their median, times 1.4826."""
        return float(median_deviations(self.sharpes))

    @property
    def n_leaking(self) -> int:
        """Pairs of labels that leak; zero."""
        return self.forecasts.n_leaking


def cpcv(
    dataset: Dataset,
    settings: Settings,
    market: Market,
    *,
    n_groups: int = 6,
    n_test_groups: int = 2,
    source: str = "hybrid",
    place: Place,
    progress: Progress,
) -> PathDistribution:
    """Train on every split, forecast what it tests, and trade every path.

    Parameters
    ----------
    dataset : Dataset
    settings : Settings
    market : Market
        One event per row of *dataset*, as `assay.research.preparation.market_from` returns from
        event 0 on. Its own settings are what is traded under.
    n_groups, n_test_groups : int
        As in `assay.research.splits.combinatorial.combinatorial_purged`; 6 and 2 make 15 splits
        and 5 paths.
    source : {"hybrid", "ai", "indicators"}
        Whose view is traded.
    place : Place
    progress : Progress

    Returns
    -------
    PathDistribution
        The same for the same arguments, wherever it is computed.

    Raises
    ------
    ConfigError
        If the numbers of groups fit no split.
    DataError
        If a split leaves too few labels to train on.

    Notes
    -----
    Each path is one account that trades all rows in order. Hazard: the models of a path were
    trained on its future too. That no label leaks makes the forecasts honest about *how stable*
    an edge is; what trading would have earned is for the walk forward to say.

    References
    ----------
    López de Prado, M. (2018). *Advances in Financial Machine Learning*, ch. 12. Wiley.
    """
    forecasts = forecast_paths(
        dataset,
        settings,
        n_groups=n_groups,
        n_test_groups=n_test_groups,
        source=source,
        place=place,
        progress=progress,
    )
    return trade_paths(forecasts, market, progress=progress)


def splits_of(
    dataset: Dataset, settings: Settings, *, n_groups: int, n_test_groups: int
) -> tuple[int, CombinatorialPurged]:
    """Return the first row with all features, and the splits of the rows from there on.

    Every row takes part, with or without a label, so that every path covers every bar. A label
    spans the time to the end of its *horizon*, not to the touch that decided it: purging by the
    touch would keep early touches beside a test and drop the others.

    Raises
    ------
    DataError
        If no row has all features.
    """
    ready = np.flatnonzero(dataset.is_ready)
    if not len(ready):
        raise DataError(
            "Cross-validation must have a row with every feature; there is none.",
            remedy="Import more history, or leave out features.names that never warm up.",
        )
    first = int(ready[0])
    start = dataset.start_ns[first:]
    bar_ns = next(iter(dataset.data.values())).bars.timeframe.nominal_ns
    splits = combinatorial_purged(
        start,
        np.maximum(dataset.settled_ns[first:], start),
        n_groups=n_groups,
        n_test_groups=n_test_groups,
        embargo=settings.training.embargo_bars * bar_ns,
    )
    return first, splits


def forecast_paths(
    dataset: Dataset,
    settings: Settings,
    *,
    n_groups: int,
    n_test_groups: int,
    source: str = "hybrid",
    place: Place,
    progress: Progress,
) -> PathForecasts:
    """Train on every split and join what the models say into paths; see :func:`cpcv`."""
    first, splits = splits_of(dataset, settings, n_groups=n_groups, n_test_groups=n_test_groups)
    answers = compute(
        partial(_forecast_split, dataset, settings, first, splits, source),
        range(len(splits)),
        place=place,
        progress=progress,
        stage="Cross-validation",
    )
    leans = tuple(
        Lean.joined([_part(answers[index].lean, rows) for index, rows in splits.parts(path)])
        for path in range(splits.n_paths)
    )
    return PathForecasts(
        first=first,
        splits=splits,
        leans=leans,
        n_trained=np.array([answer.n_trained for answer in answers], np.int64),
        n_leaking=sum(answer.n_leaking for answer in answers),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SplitForecast:
    """What one split's model said about its test rows, in their order."""

    lean: Lean
    n_trained: int
    n_leaking: int


def _forecast_split(
    dataset: Dataset,
    settings: Settings,
    first: int,
    splits: CombinatorialPurged,
    source: str,
    index: int,
) -> _SplitForecast:
    """Train one split and forecast what it tests."""
    split = splits.split(index)
    trained = first + split.train
    trained = trained[dataset.is_ready[trained] & dataset.has_label[trained]]
    rows = rows_of(dataset, settings, trained)
    training = train(rows, settings, seed=fold_seed(settings.run.seed, index))
    x, votes = dataset.column("x"), dataset.column("votes")
    leans = []
    with threadpool_limits(limits=1):
        for test in split.tests:
            span = slice(first + int(test[0]), first + int(test[-1]) + 1)
            leans.append(
                training.model.lean(
                    source,
                    training.model.ai_log_odds(x[span]),
                    training.model.traditional_log_odds(votes[span]),
                    dataset.terms(span),
                    confidence=settings.risk.probability_confidence,
                )
            )
    return _SplitForecast(
        lean=Lean.joined(leans),
        n_trained=training.n_rows,
        n_leaking=training.n_leaking
        + leaking_pairs(splits.start, splits.end, trained - first, split.test),
    )


def _part(lean: Lean, rows: slice) -> Lean:
    return Lean(**{field.name: getattr(lean, field.name)[rows] for field in fields(lean)})


def trade_paths(
    forecasts: PathForecasts, market: Market, *, progress: Progress
) -> PathDistribution:
    """Trade every path over all its rows, after costs.

    Parameters
    ----------
    forecasts : PathForecasts
    market : Market
        One event per row of the dataset.
    progress : Progress
    """
    mine = replace(
        market, tape=market.tape.since(forecasts.first), atr=market.atr[forecasts.first :]
    )
    if len(mine.tape) != len(forecasts.splits.start):
        raise DataError(
            f"A market must have one event per row of the dataset; had {len(market.tape)} for "
            f"{forecasts.first + len(forecasts.splits.start)}.",
            remedy="Make it with market_from(0, ...) from the same history.",
        )
    mid = mine.tape.mid_close
    progress.stage("Trading paths", len(forecasts.leans))
    sharpes: list[float] = []
    returns: list[FloatArray] = []
    n_trades: list[int] = []
    days: Sequence[int] | IntArray = ()
    for lean in forecasts.leans:
        run = mine.trade(views_of(lean, mid=mid, atr=mine.atr))
        daily = daily_returns(mine.tape.known_ns, run.equity, mine.settings.account.balance)
        ratio = sharpe_ratio(daily.returns) * np.sqrt(daily.days_per_year)
        sharpes.append(float(ratio) if np.isfinite(ratio) else 0.0)
        returns.append(daily.returns)
        n_trades.append(len(run.trades))
        days = daily.day_ns
        progress.advance()
    return PathDistribution(
        sharpes=np.array(sharpes),
        daily=np.array(returns),
        day_ns=np.asarray(days, np.int64),
        n_trades=np.array(n_trades, np.int64),
        forecasts=forecasts,
    )
