"""One path: bars fed one at a time lead to the views, fills and equity of the backtest."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from engine_worlds import hybrid_views

from assay.config.instruments import load_instrument
from assay.config.settings import CostSettings, Settings
from assay.data.bars import Bars
from assay.domain.errors import ConfigError, DataError
from assay.domain.facts_history import DatedFacts, FactsHistory
from assay.domain.instrument import SwapMode
from assay.domain.timeframe import Timeframe
from assay.engine.backtest import backtest
from assay.engine.tape import build_tape
from assay.engine.trader import Trader
from assay.research.dataset import build_dataset
from assay.research.training import select_rows, train

pytestmark = pytest.mark.compiled

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
N_TRAINING, N_BARS = 900, 1_250


def waves(n_bars: int) -> Bars:
    """Gold whose drift swings so strongly that a small model sees it; weekends are left out."""
    generator = np.random.default_rng(5)
    drift = 0.6 * np.sin(np.arange(n_bars) * 2.0 * np.pi / 90.0)
    moves = 0.002 * (drift + generator.normal(size=n_bars))
    close = np.round(1_800.0 * np.exp(np.cumsum(moves)), 2)
    open_ = np.concatenate(([1_800.0], close[:-1]))
    high = np.maximum(open_, close) + np.round(generator.uniform(0.0, 2.0, n_bars), 2)
    low = np.minimum(open_, close) - np.round(generator.uniform(0.0, 2.0, n_bars), 2)
    hours = np.arange(n_bars) + np.arange(n_bars) // 120 * 48
    return Bars(
        symbol="XAUUSD",
        timeframe=Timeframe.H1,
        time_ns=(1_577_923_200 + hours * 3_600) * 10**9,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=np.full(n_bars, 100.0) + generator.integers(0, 50, n_bars),
        spread=np.full(n_bars, 0.2),
        ask_open=open_ + 0.2,
        ask_high=high + 0.2,
        ask_low=low + 0.2,
        ask_close=close + 0.2,
    )


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.model_validate(
        {
            "training": {"algorithms": ["logistic"], "features_max": 4, "rows_min": 300},
            "features": {"names": ["drift_8", "drift_32", "rsi_14"], "timeframes": ["H4"]},
            "labels": {"horizon_bars": 8, "volatility_bars": 30},
            "exits": {"atr_bars": 20},
            "costs": {"spread_multiple": 1.5},
            "fusion": {"pass_score": 0.52},
        }
    )


def dated_gold() -> dict[str, FactsHistory]:
    """Return gold whose costs change twice among the bars, its swap in the middle of a weekend."""
    first = GOLD["XAUUSD"]
    changes = (
        {"swap_long": Decimal(-20), "swap_short": Decimal(9), "swap_mode": SwapMode.PERCENT_OPEN},
        {
            "commission_per_lot": Decimal(9),
            "swap_triple_weekday": 4,
            "swap_mode": SwapMode.POINTS,
            "stop_level_points": 900,
        },
    )
    starts = (
        waves(1).time_ns[0],
        waves(N_BARS).time_ns[960] - 10**13,
        waves(N_BARS).time_ns[1_100],
    )
    items = (first, replace(first, **changes[0]), replace(first, **changes[1]))
    versions = [
        DatedFacts(valid_from_ns=int(start), instrument=item)
        for start, item in zip(starts, items, strict=True)
    ]
    return {"XAUUSD": FactsHistory(symbol="XAUUSD", versions=tuple(versions))}


@pytest.mark.parametrize("facts", [GOLD, dated_gold()], ids=["one version", "three versions"])
def test_one_bar_at_a_time_equals_the_backtest_to_the_last_bit(settings: Settings, facts) -> None:
    bars = waves(N_BARS)
    quoted = {"XAUUSD": bars}
    dataset = build_dataset(quoted, facts, {"XAUUSD": np.ones(N_BARS)}, settings)
    until = int(dataset.start_ns[N_TRAINING])
    model = train(select_rows(dataset, settings, from_ns=0, until_ns=until), settings, seed=1).model
    tape = build_tape(quoted, facts, settings.costs, "USD")
    views = hybrid_views(model, dataset, tape, settings)
    batch = backtest(tape, views, settings, facts)
    assert len(batch.trades) > 10

    trader = Trader(model, ["XAUUSD"], facts, settings)
    n_fills = 0
    for i in range(N_BARS):
        outcome = trader.on_bar(bars.between(i, i + 1), conversion=1.0)
        assert outcome.view.direction == views.direction[i]
        for name in ("score", "confidence", "p_win", "payoff", "loss", "unit"):
            np.testing.assert_array_equal(getattr(outcome.view, name), getattr(views, name)[i])
        for fill in outcome.fills:
            expected = batch.fills[n_fills]
            for name in ("event", "side", "lots", "price", "commission", "reason"):
                assert fill[name] == expected[name]
            n_fills += 1
        assert outcome.equity == batch.equity[i]
    assert n_fills == len(batch.fills)
    assert trader.engine.balance == batch.balance[-1]

    with pytest.raises(DataError, match="both sides"):
        trader.on_bar(replace(bars.between(0, 1), symbol="EURUSD"), conversion=1.0)


def test_an_unchanged_spread_stays_as_quoted(settings: Settings) -> None:
    plain = settings.model_copy(update={"costs": CostSettings()})
    bars = waves(40)
    dataset = build_dataset({"XAUUSD": waves(N_BARS)}, GOLD, {"XAUUSD": np.ones(N_BARS)}, plain)
    until = int(dataset.start_ns[N_TRAINING])
    model = train(select_rows(dataset, plain, from_ns=0, until_ns=until), plain, seed=1).model
    trader = Trader(model, ["XAUUSD"], GOLD, plain, path="ai")
    for i in range(40):
        outcome = trader.on_bar(bars.between(i, i + 1), conversion=1.0)
        assert outcome.view.direction == 0, "features are still warming up"
    assert outcome.equity == plain.account.balance


def test_an_unknown_path_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="hybrid, ai, indicators"):
        Trader(None, ["XAUUSD"], GOLD, settings, path="tarot")  # type: ignore[arg-type]
