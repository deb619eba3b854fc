"""The stages of Assay itself before the prover: none of them sees the future."""

from collections.abc import Mapping

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.spread import quoted_both_sides, spread_by_minute_of_week
from assay.engine import market as columns
from assay.engine.backtest import backtest
from assay.engine.tape import build_tape
from assay.engine.views import Views
from assay.features.catalogue import all_features
from assay.features.frame import compute
from assay.regimes.volatility import volatility_regimes
from assay.research.dataset import Dataset, build_dataset
from assay.research.leaks.prover import FitStage, RowStage, SeriesStage, prove
from assay.research.splits.purged import purged_kfold
from assay.research.training import select_rows, train

SYMBOL = "XAUUSD"
INSTRUMENT = load_instrument(SYMBOL)
SETTINGS = Settings.model_validate(
    {
        "labels": {"horizon_bars": 12},
        "training": {
            "algorithms": ["logistic", "lightgbm"],
            "rows_min": 100,
            "features_max": 8,
            "inner_folds": 2,
        },
    }
)
TRADED = Settings.model_validate(
    {
        "exits": {
            "stop_atr": 2.0,
            "targets": [{"at_r": 1.0, "fraction": 0.5}],
            "break_even_at_r": 1.0,
            "trailing_atr": 3.0,
        }
    }
)
HORIZON = SETTINGS.labels.horizon_bars
N_BARS = 2_900
N_TRAIN = 2_600
Columns = Mapping[str, np.ndarray]


def dataset_of(bars: Bars) -> Dataset:
    return build_dataset(
        {SYMBOL: bars}, {SYMBOL: INSTRUMENT}, {SYMBOL: np.ones(len(bars))}, SETTINGS
    )


def features(bars: Bars) -> Columns:
    names = (*all_features(), *(f"{name}@H4" for name in all_features()), "rsi_14@D1")
    frame = compute(bars, names)
    columns = {name: frame.values[:, k] for k, name in enumerate(frame.names)}
    # The first bars may hold no spread: a feature is then left out; it is NaN there.
    return {name: columns.get(name, np.full(len(bars), np.nan)) for name in names}


def model_inputs(bars: Bars) -> Columns:
    data = dataset_of(bars).data[SYMBOL]
    return {"x": data.x, "mirror_x": data.mirror_x, "votes": data.votes, "atr": data.atr}


def labels(bars: Bars) -> Columns:
    known = dataset_of(bars).data[SYMBOL].labels
    return {name: getattr(known, name) for name in ("side", "move", "end")}


def label_known(bars: Bars) -> np.ndarray:
    """Return when each label is there: an early touch waits for its horizon too."""
    has_label = labels(bars)["end"] >= 0
    return np.where(has_label, np.arange(len(bars)) + HORIZON, -1)


def label_scales(bars: Bars) -> Columns:
    known = dataset_of(bars).data[SYMBOL].labels
    return {name: getattr(known, name) for name in ("barrier", "cost", "volatility")}


def regimes(bars: Bars) -> Columns:
    return {"regime": volatility_regimes(bars)}


def quotes(bars: Bars) -> Columns:
    one_sided = Bars(
        **{
            name: getattr(bars, name)
            for name in ("symbol", "timeframe", "time_ns", "open", "high", "low", "close")
        },
        volume=bars.volume,
        spread=bars.spread,
    )
    quoted, _ = quoted_both_sides(one_sided, INSTRUMENT)
    assert quoted.ask_close is not None
    return {"ask_close": quoted.ask_close, "profile": spread_by_minute_of_week(bars)}


def tape(bars: Bars) -> Columns:
    market = build_tape({SYMBOL: bars}, {SYMBOL: INSTRUMENT}, SETTINGS.costs, "USD").market
    wanted = {
        "volatility": columns.VOLATILITY,
        "volatility_next": columns.VOLATILITY_NEXT,
        "conversion": columns.CONVERSION,
        "nights": columns.NIGHTS,
    }
    return {name: market[row] for name, row in wanted.items()}


def account(bars: Bars) -> Columns:
    """Trade on the votes: equity at a close must not depend on what comes after it."""
    data = dataset_of(bars).data[SYMBOL]
    lean = np.nan_to_num(data.votes.mean(axis=1))
    views = Views.of(
        np.sign(lean),
        score=np.minimum(1.0, 0.55 + np.abs(lean)),
        p_win=0.6,
        loss=data.atr,
        unit=data.atr,
    )
    market = build_tape({SYMBOL: bars}, {SYMBOL: INSTRUMENT}, SETTINGS.costs, "USD")
    result = backtest(market, views, TRADED, {SYMBOL: INSTRUMENT})
    return {"equity": result.equity, "balance": result.balance}


SERIES = {
    "account": SeriesStage(name="account", compute=account),
    "features": SeriesStage(name="features", compute=features),
    "model inputs": SeriesStage(name="model inputs", compute=model_inputs),
    "labels": SeriesStage(name="labels", compute=labels, known=label_known),
    "label scales": SeriesStage(name="label scales", compute=label_scales),
    "regimes": SeriesStage(name="regimes", compute=regimes),
    "quotes": SeriesStage(name="quotes", compute=quotes),
    "tape": SeriesStage(name="tape", compute=tape),
}


@pytest.fixture(scope="module")
def bars() -> Bars:
    """Return a simulated history with weekends."""
    return simulate(SimulatedMarket(seed=3, n_bars=N_BARS), INSTRUMENT)


@pytest.mark.parametrize("name", SERIES)
def test_no_series_sees_the_future(name: str, bars: Bars) -> None:
    assert prove([SERIES[name]], bars, n_cuts=8) == ()


def test_the_models_know_nothing_after_their_training(bars: Bars) -> None:
    from_ns = int(bars.time_ns[0])
    until_ns = int(bars.time_ns[N_TRAIN]) + 1

    def fit(history: Bars) -> Columns:
        rows = select_rows(dataset_of(history), SETTINGS, from_ns=from_ns, until_ns=until_ns)
        training = train(rows, SETTINGS, seed=5)
        assert training.n_leaking == 0
        model, told = training.model, training.diagnostics
        return {
            "rows": rows.start_ns,
            "weight": rows.weight,
            "selected": np.array([hash(name) for name in told.selected]),
            "stacker": model.forecaster.stacker.weights,
            "calibrators": np.array(
                [[c.slope, c.intercept] for _, c in sorted(model.calibrators.items())]
            ),
            "votes": model.vote_weights,
            "forecast": model.forecaster.p_up(rows.x, rows.schema_hash),
        }

    assert prove([FitStage(name="training", fit=fit, until=N_TRAIN)], bars) == ()


def test_the_folds_share_no_label(bars: Bars) -> None:
    dataset = dataset_of(bars)
    rows = np.flatnonzero(dataset.is_ready & dataset.has_label)
    start, end = dataset.start_ns[rows], dataset.end_ns[rows]
    hour = 3_600_000_000_000
    stage = RowStage(
        name="folds",
        start=start // hour,
        end=end // hour,
        split=lambda first, last: purged_kfold(first, last, n_folds=4, embargo=24),
        embargo=24,
    )
    assert prove([stage], bars) == ()


def test_the_account_of_the_prover_does_trade(bars: Bars) -> None:
    balance = account(bars)["balance"]
    assert len(np.unique(balance)) > 50
