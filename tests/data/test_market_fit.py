"""A fitted market looks like its history, and like the market it was simulated from."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.importers import import_file
from assay.data.simulation.fit import LAGS, fit_market, portrait
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.shape import USUAL_SHAPE, FittedMarket, MarketShape
from assay.data.spread_statistics import spread_statistics
from assay.domain.errors import ConfigError, DataError
from assay.domain.timeframe import Timeframe
from assay.research.report.fit_page import fit_page

GOLD = load_instrument("XAUUSD")
EURO = load_instrument("EURUSD")
ODD = replace(
    USUAL_SHAPE,
    hourly_volatility=tuple(1.0 + 0.8 * np.sin(hour / 24 * 2 * np.pi) for hour in range(24)),
    cluster_hours=30.0,
    cluster_weight=0.2,
    jumps_per_hour=0.01,
    jump_sigmas=5.0,
    gap_sigmas_weekend=3.0,
    spread_points=11.0,
)


def test_the_default_shape_is_the_usual_market() -> None:
    market = SimulatedMarket(seed=2, n_bars=2_000)
    told = simulate(replace(market, shape=MarketShape()), GOLD)

    np.testing.assert_array_equal(simulate(market, GOLD).close, told.close)


def test_a_fit_finds_the_market_that_made_the_history() -> None:
    market = SimulatedMarket(seed=9, n_bars=40_000, annual_volatility=0.2, shape=ODD)
    bars = simulate(market, GOLD)
    fit = fit_market(bars, GOLD, spread=spread_statistics("XAUUSD", "H1", [bars]))
    found = fit.market.shape

    assert fit.market.annual_volatility == pytest.approx(0.2, rel=0.1)
    truth = np.array(ODD.hourly_volatility) / np.sqrt(np.mean(np.array(ODD.hourly_volatility) ** 2))
    own = np.array(found.hourly_volatility) / np.sqrt(
        np.mean(np.array(found.hourly_volatility) ** 2)
    )
    trades = np.isfinite(fit.history.hourly_volatility)
    np.testing.assert_allclose(own[trades], truth[trades], atol=0.15)
    assert found.gap_sigmas_weekend == pytest.approx(3.0, rel=0.35)
    np.testing.assert_allclose(fit.simulated.tails, fit.history.tails, rtol=0.15)
    np.testing.assert_allclose(fit.simulated.memory, fit.history.memory, atol=0.08)
    assert fit.simulated_spread is not None
    assert fit.simulated_spread.overall_median == pytest.approx(
        float(np.median(bars.spread)), rel=0.12
    )


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("XAUUSD_H1_oanda_bidask_2006_2019", "XAUUSD"),
        ("USDJPY_H1_mt5_ejtrader_2012_2022", "USDJPY"),
    ],
)
def test_a_fit_looks_like_real_history(shared_data: Path, name: str, symbol: str) -> None:
    bars = import_file(shared_data / "history" / f"{name}.parquet", symbol=symbol).bars
    assert bars is not None
    instrument = load_instrument(symbol)
    fit = fit_market(bars, instrument)
    usual = portrait(simulate(SimulatedMarket(seed=1, n_bars=50_000), instrument), instrument)
    history, simulated = fit.history, fit.simulated

    assert simulated.annual_volatility == pytest.approx(history.annual_volatility, rel=0.02)
    np.testing.assert_allclose(simulated.tails, history.tails, rtol=0.2)
    at = LAGS.index(24)
    assert abs(simulated.memory[at] - history.memory[at]) < 0.06
    # Closer than the market it started from.
    assert (
        np.abs(simulated.memory - history.memory).sum()
        < np.abs(usual.memory - history.memory).sum()
    )


def test_too_short_or_too_long_bars_cannot_be_fitted() -> None:
    bars = simulate(SimulatedMarket(seed=1, n_bars=500), GOLD)
    with pytest.raises(DataError, match="at least 3,000 trading hours; had 500"):
        fit_market(bars, GOLD)
    with pytest.raises(DataError, match="be H1 or shorter; were D1"):
        fit_market(replace(bars, timeframe=Timeframe.D1), GOLD)


def test_a_fit_is_stored_and_read_back_whole(tmp_path: Path) -> None:
    market = FittedMarket(
        symbol="EURUSD", series="H1", content_hash="abc", annual_volatility=0.07,
        start_price=1.1, shape=replace(ODD, spread_week=tuple(np.linspace(1, 2, 168))),
    )  # fmt: skip
    path = tmp_path / "fit.json"
    path.write_text(market.encode())

    assert FittedMarket.load(path) == market


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: body.pop("fitted_market"), "lacks fitted_market"),
        (lambda body: body["shape"].update(cluster_hour=3), "unknown key cluster_hour"),
        (lambda body: body.pop("symbol"), "symbol"),
        (lambda body: body["shape"].update(cluster_weight=7.0), "cluster_weight must lie between"),
        (lambda body: body["shape"].update(hourly_volatility=[1.0]), "24 of them"),
        (lambda body: body["shape"].update(spread_week=[1.0] * 11), "slots of whole minutes"),
    ],
)
def test_a_wrong_fit_is_refused_by_key(tmp_path: Path, change, says: str) -> None:
    body = json.loads(
        FittedMarket(
            symbol="EURUSD",
            series="H1",
            content_hash="",
            annual_volatility=0.07,
            start_price=1.1,
            shape=USUAL_SHAPE,
        ).encode()
    )
    change(body)
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(body))

    with pytest.raises(ConfigError, match=says):
        FittedMarket.load(path)


def test_the_page_shows_both_histories_and_asks_for_nothing(tmp_path: Path) -> None:
    bars = simulate(SimulatedMarket(seed=3, n_bars=6_000), EURO)
    spread = spread_statistics("EURUSD", "H1", [bars])
    page = fit_page(fit_market(bars, EURO, spread=spread))

    assert page.count("<svg") == 7
    assert page.count("Simulated") >= 6
    assert "Spread over the week" in page
    assert "http" not in page.replace("http-equiv", "")


def test_bars_whose_spread_is_zero_take_that_of_the_ticks() -> None:
    bars = simulate(SimulatedMarket(seed=4, n_bars=3_200), EURO)
    spread = spread_statistics("EURUSD", "TICKS", [bars])
    without = replace(bars, spread=np.zeros(len(bars)))
    shape = fit_market(without, EURO, spread=spread).market.shape

    assert shape.spread_points is not None
    assert shape.spread_noise == USUAL_SHAPE.spread_noise
