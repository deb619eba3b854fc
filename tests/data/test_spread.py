"""The ask side: quoted if it can be, else the spread of the bar, of the minute, of the broker."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.calendar import MINUTES_PER_WEEK, minute_of_week
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.spread import quoted_both_sides, spread_by_minute_of_week, typical_shape
from assay.domain.timeframe import Timeframe

GOLD = load_instrument("XAUUSD")
ASKS = ("ask_open", "ask_high", "ask_low", "ask_close")


@pytest.fixture(scope="module")
def quoted() -> Bars:
    return simulate(SimulatedMarket(seed=1, n_bars=10_000), GOLD)


@pytest.fixture(scope="module")
def bid_only(quoted: Bars) -> Bars:
    return replace(quoted, **dict.fromkeys(ASKS))


def slow_profile(bars: Bars) -> list[float]:
    minutes = bars.timeframe.value // 60
    seen: dict[int, list[float]] = {}
    everything: list[float] = []
    out = []
    for minute, spread in zip(minute_of_week(bars.time_ns), bars.spread, strict=True):
        here = seen.setdefault(int(minute) // minutes, [])
        out.append(np.mean(here) if here else np.mean(everything) if everything else np.nan)
        if not np.isnan(spread):
            here.append(float(spread))
            everything.append(float(spread))
    return out


def test_the_profile_is_the_mean_of_the_same_minute_before(quoted: Bars) -> None:
    bars = quoted.between(0, 490)  # four weeks: no mean has begun to forget
    gaps = np.where(np.arange(490) % 7 == 3, np.nan, bars.spread)
    bars = replace(bars, spread=gaps)

    np.testing.assert_allclose(spread_by_minute_of_week(bars), slow_profile(bars), rtol=1e-9)


def test_the_profile_reads_the_past_only(quoted: Bars) -> None:
    altered = np.append(quoted.spread[:6_000], np.full(4_000, 1e9))
    one = spread_by_minute_of_week(quoted)
    two = spread_by_minute_of_week(replace(quoted, spread=altered))

    np.testing.assert_array_equal(one[:6_001], two[:6_001])


def test_quotes_of_the_source_come_first(quoted: Bars) -> None:
    bars, text = quoted_both_sides(quoted, GOLD)

    for name in ASKS:
        np.testing.assert_array_equal(getattr(bars, name), getattr(quoted, name))
    assert "bid and ask quotes" in text


def test_then_the_spread_of_each_bar(bid_only: Bars) -> None:
    bars, text = quoted_both_sides(bid_only, GOLD)

    assert bars.ask_close is not None
    np.testing.assert_allclose(bars.ask_close - bars.close, bid_only.spread, atol=1e-9)
    np.testing.assert_allclose(bars.ask_low - bars.low, bid_only.spread, atol=1e-9)
    assert "gives for each bar" in text
    assert "missing" not in text


def test_gaps_take_the_minute_of_the_week_as_known_before(bid_only: Bars) -> None:
    missing = np.arange(len(bid_only)) % 5 == 2
    holes = replace(bid_only, spread=np.where(missing, np.nan, bid_only.spread))
    bars, text = quoted_both_sides(holes, GOLD)
    expected = spread_by_minute_of_week(holes)[missing][10:]

    assert not np.isnan(bars.spread).any()
    assert (bars.spread[missing][10:] >= expected - 1e-9).all(), "rounded up to the tick"
    assert (bars.spread[missing][10:] < expected + 0.01 + 1e-9).all()
    np.testing.assert_allclose(bars.spread[~missing], bid_only.spread[~missing], atol=1e-9)
    assert "missing in 20.0%" in text


@pytest.mark.parametrize("spread", [np.nan, 0.0])
def test_without_any_spread_the_broker_and_the_hour_decide(bid_only: Bars, spread: float) -> None:
    """An export without spreads writes zeros; free trading is not assumed."""
    bars, text = quoted_both_sides(replace(bid_only, spread=np.full(len(bid_only), spread)), GOLD)
    hour = minute_of_week(bars.time_ns) // 60 % 24

    assert "20 points" in text
    np.testing.assert_allclose(bars.spread[hour == 10], 0.20, atol=0.011)
    assert bars.spread[hour == 18].min() >= 0.4


@pytest.mark.parametrize("missing", [np.nan, 0.0])
def test_a_spread_that_begins_later_changes_no_earlier_ask(bid_only: Bars, missing: float) -> None:
    """Exports of years without a spread, then years with one."""
    late = np.where(np.arange(len(bid_only)) < 6_000, missing, bid_only.spread)
    whole, _ = quoted_both_sides(replace(bid_only, spread=late), GOLD)
    past, _ = quoted_both_sides(replace(bid_only, spread=late).between(0, 5_000), GOLD)

    for name in (*ASKS, "spread"):
        np.testing.assert_array_equal(getattr(whole, name)[:5_000], getattr(past, name))
    np.testing.assert_allclose(whole.spread[6_000:], bid_only.spread[6_000:], atol=1e-9)


def test_a_spread_of_zero_counts_once_a_larger_one_was_seen(bid_only: Bars) -> None:
    free = np.where(np.arange(len(bid_only)) % 2 == 1, 0.0, bid_only.spread)
    bars, _ = quoted_both_sides(replace(bid_only, spread=free), GOLD)

    assert (bars.spread[1::2] == 0.0).all()


def test_asks_are_on_the_tick_grid_and_above_the_bid(bid_only: Bars) -> None:
    bars, _ = quoted_both_sides(replace(bid_only, spread=bid_only.spread * 0.777), GOLD)

    for name in ASKS:
        ask, bid = getattr(bars, name), getattr(bars, name.removeprefix("ask_"))
        np.testing.assert_array_equal(ask, np.round(ask, 2))
        assert (ask > bid).all()


def test_the_typical_shape_is_one_in_the_day_and_wide_at_the_rollover() -> None:
    shape = typical_shape(np.arange(MINUTES_PER_WEEK))

    assert shape.min() == 1.0
    wednesday = 3 * 1440
    assert (shape[wednesday + 4 * 60 : wednesday + 16 * 60] == 1.0).all()
    assert shape[wednesday + 17 * 60] == 4.0
    assert shape[17 * 60] == 8.0, "Sunday's open"


def test_real_gold_spreads_have_that_shape(shared_data: Path) -> None:
    read = pl.read_parquet(shared_data / "history/XAUUSD_H1_oanda_bidask_2006_2019.parquet")
    column = {name: read[name].to_numpy() for name in read.columns if name != "time"}
    unknown = np.full(len(read), np.nan)
    bars = Bars(
        symbol="XAUUSD", timeframe=Timeframe.H1, time_ns=read["time"].dt.epoch("ns").to_numpy(),
        open=column["open"], high=column["high"], low=column["low"], close=column["close"],
        volume=unknown, spread=column["ask_close"] - column["close"],
    )  # fmt: skip
    profile = spread_by_minute_of_week(bars)[-2_000:]
    hour = minute_of_week(bars.time_ns[-2_000:]) // 60 % 24

    assert np.median(profile[hour == 16]) > 1.5 * np.median(profile[hour == 10])
