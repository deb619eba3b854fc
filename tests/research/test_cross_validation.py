"""Cross-validation of the whole training: no leak, whole paths, the same wherever it computes."""

from dataclasses import replace

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge
from assay.domain.errors import DataError
from assay.domain.progress import SilentProgress
from assay.engine.backtest import backtest
from assay.engine.opinion import views_of
from assay.research import cross_validation
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.cross_validation import (
    PathDistribution,
    cpcv,
    forecast_paths,
    splits_of,
    trade_paths,
)
from assay.research.daily import daily_returns
from assay.research.dataset import Dataset
from assay.research.history import History
from assay.research.oos import fold_seed
from assay.research.preparation import Prepared, market_from, prepare
from assay.research.splits.combinatorial import combinatorial_purged
from assay.research.splits.purged import leaking_pairs
from assay.research.statistics.dispersion import median_deviations
from assay.research.statistics.sharpe import sharpe_ratio
from assay.research.training import rows_of, train

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
HERE, SILENT = Place(), SilentProgress()
QUICK = Settings.model_validate(
    {
        "features": {"names": ["drift_32", "drift_128", "rsi_14"], "timeframes": []},
        "training": {"algorithms": ["logistic"], "rows_max": 3_000},
    }
)
EDGE = PlantedEdge(half_life_bars=120.0, net_sharpe=3.0)
N_BARS = 32_000
"""Five years of hours: over one year the Sharpe ratio of an edge of 3 is anything from 1 to 5."""


def world(
    n_bars: int, edge: PlantedEdge | None, settings: Settings, *, seed: int = 4
) -> tuple[Prepared, Market]:
    bars = simulate(SimulatedMarket(seed=seed, n_bars=n_bars, edge=edge), GOLD["XAUUSD"])
    history = History(bars={"XAUUSD": bars}, instruments=GOLD)
    prepared = prepare(settings, history)
    return prepared, market_from(0, prepared, settings, history)


@pytest.fixture(scope="module")
def edged() -> tuple[Prepared, Market]:
    return world(N_BARS, EDGE, QUICK)


@pytest.fixture(scope="module")
def found(edged: tuple[Prepared, Market]) -> PathDistribution:
    prepared, market = edged
    return cpcv(prepared.dataset, QUICK, market, n_groups=4, place=HERE, progress=SILENT)


def test_every_path_covers_every_row_once(
    edged: tuple[Prepared, Market], found: PathDistribution
) -> None:
    dataset = edged[0].dataset
    n_rows = len(dataset.start_ns) - found.forecasts.first
    assert len(found.forecasts.leans) == found.forecasts.splits.n_paths == 3
    for lean in found.forecasts.leans:
        assert len(lean.direction) == n_rows
        assert np.isfinite(lean.p).all()
    assert found.sharpes.shape == found.n_trades.shape == (3,)
    assert found.daily.shape == (3, len(found.day_ns))
    assert (found.n_trades > 0).all()
    assert len(np.unique(found.sharpes)) == 3


def test_no_label_that_trained_touches_one_that_is_tested(
    edged: tuple[Prepared, Market], found: PathDistribution
) -> None:
    """Counted again here, from the labels themselves."""
    assert found.n_leaking == 0
    dataset, first = edged[0].dataset, found.forecasts.first
    for split in found.forecasts.splits:
        trained = first + split.train
        trained = trained[dataset.has_label[trained]]
        tested = first + split.test
        assert leaking_pairs(dataset.start_ns, dataset.settled_ns, trained, tested) == 0
        after = dataset.start_ns[tested].max()
        embargo = QUICK.training.embargo_bars * 3_600 * 10**9
        beyond = dataset.start_ns[trained] - dataset.settled_ns[tested].max()
        late = dataset.start_ns[trained] > after
        assert (beyond[late] > embargo).all()


def test_a_split_is_trained_and_forecast_as_by_hand(
    edged: tuple[Prepared, Market], found: PathDistribution
) -> None:
    dataset, first = edged[0].dataset, found.forecasts.first
    split = found.forecasts.splits.split(4)
    rows = first + split.train
    rows = rows[dataset.is_ready[rows] & dataset.has_label[rows]]
    model = train(
        rows_of(dataset, QUICK, rows), QUICK, seed=fold_seed(QUICK.run.seed, split.index)
    ).model
    group = split.groups[1]
    test = first + split.tests[1]
    span = slice(int(test[0]), int(test[-1]) + 1)
    expected = model.lean(
        "hybrid",
        model.ai_log_odds(dataset.column("x")[span]),
        model.traditional_log_odds(dataset.column("votes")[span]),
        dataset.terms(span),
        confidence=QUICK.risk.probability_confidence,
    )
    (path,) = np.flatnonzero(found.forecasts.splits.paths()[:, group] == split.index)
    lean = found.forecasts.leans[path]
    np.testing.assert_array_equal(lean.score[split.tests[1]], expected.score)
    np.testing.assert_array_equal(lean.p_lower[split.tests[1]], expected.p_lower)


def test_a_path_is_one_account_that_trades_all_rows(
    edged: tuple[Prepared, Market], found: PathDistribution
) -> None:
    market, first = edged[1], found.forecasts.first
    tape, atr = market.tape.since(first), market.atr[first:]
    views = views_of(found.forecasts.leans[1], mid=0.5 * (tape.bid_close + tape.ask_close), atr=atr)
    run = backtest(tape, views, QUICK, GOLD)
    daily = daily_returns(tape.known_ns, run.equity, QUICK.account.balance)
    expected = sharpe_ratio(daily.returns) * np.sqrt(daily.days_per_year)
    assert found.sharpes[1] == expected
    assert found.n_trades[1] == len(run.trades)


def test_the_summary_is_that_of_the_paths(found: PathDistribution) -> None:
    assert found.median == np.median(found.sharpes)
    middle = np.abs(found.sharpes - found.median)
    assert found.dispersion == pytest.approx(1.4826 * np.median(middle), rel=1e-4)
    rng = np.random.default_rng(1)
    assert median_deviations(rng.normal(0.0, 3.0, 100_000)) == pytest.approx(3.0, rel=0.02)


def test_a_planted_edge_is_there_on_every_path_and_noise_is_not(found: PathDistribution) -> None:
    """Of ten markets of either kind the weakest path had 1.1 and the strongest of noise 1.0."""

    def paths(edge: PlantedEdge | None, seed: int) -> PathDistribution:
        prepared, market = world(N_BARS, edge, QUICK, seed=seed)
        return cpcv(prepared.dataset, QUICK, market, n_groups=4, place=HERE, progress=SILENT)

    planted = [found, *(paths(EDGE, seed) for seed in (5, 6))]
    assert min(item.sharpes.min() for item in planted) > 0.9
    assert min(item.median for item in planted) > 1.5
    noise = [paths(None, seed) for seed in range(100, 104)]
    assert all(item.n_leaking == 0 for item in noise)
    assert max(item.sharpes.max() for item in noise) < 0.9
    assert np.mean([item.median for item in noise]) < 0.3


def test_two_processes_give_the_same_bits(
    edged: tuple[Prepared, Market], found: PathDistribution
) -> None:
    prepared, market = edged
    again = cpcv(
        prepared.dataset, QUICK, market, n_groups=4, place=Place(workers=2), progress=SILENT
    )
    np.testing.assert_array_equal(again.daily, found.daily)
    np.testing.assert_array_equal(again.sharpes, found.sharpes)


def test_the_count_of_leaks_can_be_other_than_zero(
    edged: tuple[Prepared, Market], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Splits that take labels for moments leak, and the count says so."""

    def careless(dataset: Dataset, settings: Settings, **numbers: int):
        first, honest = splits_of(dataset, settings, **numbers)
        unpurged = combinatorial_purged(honest.start, honest.start, embargo=0, **numbers)

        class Careless(type(unpurged)):
            """Chooses rows as if labels had no length, and knows how long they are."""

            def split(self, index: int):
                return unpurged.split(index)

        return first, Careless(
            start=honest.start, end=honest.end, cuts=honest.cuts, tested=honest.tested, embargo=0
        )

    monkeypatch.setattr(cross_validation, "splits_of", careless)
    leaky = forecast_paths(
        edged[0].dataset, QUICK, n_groups=4, n_test_groups=2, place=HERE, progress=SILENT
    )
    assert leaky.n_leaking > 1_000


def test_a_feature_made_of_overlapping_labels_scores_chance_under_purging_and_high_without() -> (
    None
):
    """The leak canary: a test row is told the label of the training row nearest in time.

    On a random walk nothing can be known; what that label tells comes from the steps that both
    labels share. Groups are shorter than a label, so that every test row has such a neighbour.
    """
    prepared, _ = world(4_000, None, QUICK)
    dataset = prepared.dataset
    rows = np.flatnonzero(dataset.is_ready & dataset.has_label)
    start, end = dataset.start_ns[rows], dataset.settled_ns[rows]
    side = dataset.column("side")[rows]

    def accuracy(spans_end: np.ndarray, embargo_bars: int) -> float:
        splits = combinatorial_purged(
            start, spans_end, n_groups=len(rows) // 6, n_test_groups=1,
            embargo=embargo_bars * 3_600 * 10**9,
        )  # fmt: skip
        right = []
        for split in splits:
            place = np.searchsorted(start[split.train], start[split.test])
            last = len(split.train) - 1
            below, above = np.clip(place - 1, 0, last), np.clip(place, 0, last)
            is_near = np.abs(start[split.train[below]] - start[split.test]) < np.abs(
                start[split.train[above]] - start[split.test]
            )
            told = side[split.train[np.where(is_near, below, above)]]
            right.append(told == side[split.test])
        return float(np.mean(np.concatenate(right)))

    assert accuracy(start, 0) > 0.75
    assert 0.42 < accuracy(end, QUICK.training.embargo_bars) < 0.58


def test_a_market_of_another_length_is_refused(
    edged: tuple[Prepared, Market], found: PathDistribution
) -> None:
    market = edged[1]
    short = replace(market, tape=market.tape.since(100), atr=market.atr[100:])
    with pytest.raises(DataError, match="one event per row"):
        trade_paths(found.forecasts, short, progress=SILENT)


def test_a_dataset_without_a_usable_row_is_refused(edged: tuple[Prepared, Market]) -> None:
    dataset = edged[0].dataset
    nothing = replace(dataset, is_ready=np.zeros_like(dataset.is_ready))
    with pytest.raises(DataError, match="row with every feature"):
        splits_of(nothing, QUICK, n_groups=4, n_test_groups=2)
