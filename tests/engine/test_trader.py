"""One path: bars fed one at a time lead to the views, fills and equity of the backtest."""

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.planted import PlantedEdge
from assay.data.simulated import SimulatedMarket, simulate
from assay.domain.errors import ConfigError, DataError
from assay.engine.backtest import backtest
from assay.engine.opinion import views_of
from assay.engine.tape import build_tape
from assay.engine.trader import Trader
from assay.research.dataset import build_dataset
from assay.research.training import select_rows, train

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
N_TRAINING, N_BARS = 5_000, 6_000


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.model_validate(
        {
            "training": {"algorithms": ["lightgbm", "logistic"], "features_max": 12},
            "features": {"timeframes": ["H4"]},
            "costs": {"spread_multiple": 1.5},
            "risk": {"probability_confidence": 0.5},
            "fusion": {"pass_score": 0.52},
        }
    )


def test_one_bar_at_a_time_equals_the_backtest_to_the_last_bit(settings: Settings) -> None:
    edge = PlantedEdge(half_life_bars=120.0, net_sharpe=6.0)
    bars = simulate(SimulatedMarket(seed=11, n_bars=N_BARS, edge=edge), GOLD["XAUUSD"])
    quoted = {"XAUUSD": bars}
    dataset = build_dataset(quoted, GOLD, {"XAUUSD": np.ones(N_BARS)}, settings)
    until = int(dataset.start_ns[N_TRAINING])
    model = train(select_rows(dataset, settings, from_ns=0, until_ns=until), settings, seed=1).model
    tape = build_tape(quoted, GOLD, settings.costs, "USD")
    lean = model.lean(
        "hybrid",
        model.ai_log_odds(dataset.column("x")),
        model.traditional_log_odds(dataset.column("votes")),
        dataset.terms(slice(None)),
        confidence=settings.risk.probability_confidence,
    )
    mid = 0.5 * (tape.bid_close + tape.ask_close)
    views = views_of(lean, mid=mid, atr=dataset.column("atr"))
    batch = backtest(tape, views, settings, GOLD)
    assert len(batch.trades) > 20

    trader = Trader(model, ["XAUUSD"], GOLD, settings)
    fills = 0
    for i in range(N_BARS):
        outcome = trader.on_bar(bars.between(i, i + 1), conversion=1.0)
        assert outcome.view.direction == views.direction[i]
        for name in ("score", "confidence", "p_win", "payoff", "loss", "unit"):
            np.testing.assert_array_equal(getattr(outcome.view, name), getattr(views, name)[i])
        for fill in outcome.fills:
            expected = batch.fills[fills]
            assert (fill.event, fill.side, fill.lots, fill.price, fill.reason) == (
                expected.event,
                expected.side,
                expected.lots,
                expected.price,
                expected.reason,
            )
            fills += 1
        assert outcome.equity == batch.equity[i]
    assert fills == len(batch.fills)

    with pytest.raises(DataError, match="both sides"):
        trader.on_bar(
            simulate(SimulatedMarket(seed=1, n_bars=5), load_instrument("EURUSD")), conversion=1.0
        )


def test_an_unknown_path_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="hybrid, ai, indicators"):
        Trader(None, ["XAUUSD"], GOLD, settings, path="tarot")  # type: ignore[arg-type]
