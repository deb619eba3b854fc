"""Live, a model reads a strategy's columns bar by bar, and decides as in the backtest."""

import pytest
from engine_worlds import hybrid_views
from strategy_worlds import BARS, COLUMNS, GOLD, N_BARS, SETTINGS, dataset_of

from assay.domain.errors import ConfigError, ModelError
from assay.engine.tape import build_tape
from assay.engine.trader import Trader
from assay.research.training import select_rows, train
from assay.strategy.agreement import agree


def test_live_computes_the_columns_from_trailing_bars_and_decides_as_the_backtest(load) -> None:
    strategy = load(COLUMNS)
    dataset = dataset_of(strategy)
    until = int(dataset.start_ns[2_200])
    rows = select_rows(dataset, SETTINGS, from_ns=0, until_ns=until)
    model = train(rows, SETTINGS, seed=1).model
    assert "tip" in model.forecaster.names
    tape = build_tape({"XAUUSD": BARS}, GOLD, SETTINGS.costs, "USD")
    views = hybrid_views(model, dataset, tape, SETTINGS)
    trader = Trader(model, ["XAUUSD"], GOLD, SETTINGS, strategy=strategy)
    n_views = 0
    for i in range(N_BARS):
        view = trader.on_bar(BARS.between(i, i + 1), conversion=1.0).view
        assert view.direction == views.direction[i]
        for name in ("score", "confidence", "p_win", "payoff", "loss", "unit"):
            assert agree(getattr(view, name), getattr(views, name)[i])
        n_views += view.direction != 0
    assert n_views > 100


def test_live_a_model_meets_its_own_signals_only(load) -> None:
    strategy = load(COLUMNS)
    rows = select_rows(dataset_of(strategy), SETTINGS, from_ns=0, until_ns=2**62)
    model = train(rows, SETTINGS, seed=1).model
    with pytest.raises(ModelError, match="trained with, tip_vote; was none"):
        Trader(model, ["XAUUSD"], GOLD, SETTINGS)
    other = load("@signal(warm_up=1)\ndef up(bars):\n    return bars.close * 0\n")
    with pytest.raises(ModelError, match="trained with, tip_vote; was up"):
        Trader(model, ["XAUUSD"], GOLD, SETTINGS, strategy=other)
    plain = train(
        select_rows(dataset_of(None), SETTINGS, from_ns=0, until_ns=2**62), SETTINGS, seed=1
    ).model
    with pytest.raises(ModelError, match="trained with, none; was tip_vote"):
        Trader(plain, ["XAUUSD"], GOLD, SETTINGS, strategy=strategy)
    features = load(COLUMNS.partition("@signal")[0])
    Trader(plain, ["XAUUSD"], GOLD, SETTINGS, strategy=features)
    own = train(
        select_rows(dataset_of(features), SETTINGS, from_ns=0, until_ns=2**62), SETTINGS, seed=1
    ).model
    assert "tip" in own.forecaster.names
    with pytest.raises(ConfigError, match="tip"):
        Trader(own, ["XAUUSD"], GOLD, SETTINGS)
