"""Bars are exactly what their ticks were: against a slow fold, polars and a vendor's bars."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data import resample as module
from assay.data.bars import Bars, Ticks
from assay.data.calendar import bar_open
from assay.data.resample import bars_from_ticks, bars_from_ticks_all, resample
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

MONDAY = 1_399_248_000 * 10**9  # 2014-05-05
NAMES = ("open", "high", "low", "close", "ask_open", "ask_high", "ask_low", "ask_close", "volume")
TIMEFRAMES = st.sampled_from(list(Timeframe))


def ticks_of(seed: int, n: int, mean_seconds: float) -> Ticks:
    rng = np.random.default_rng(seed)
    time_ns = MONDAY + np.cumsum(rng.exponential(mean_seconds * 1e9, n).astype(np.int64))
    time_ns[n // 3 : n // 2] = time_ns[n // 3 : n // 3 + 1]  # many at one instant
    bid = np.round(1300 + np.cumsum(rng.integers(-3, 4, n)) * 0.01, 2)
    ask = np.round(bid + rng.integers(1, 40, n) * 0.01, 2)
    return Ticks(symbol="XAUUSD", time_ns=np.sort(time_ns), bid=bid, ask=ask)


def slow_bars(ticks: Ticks, timeframe: Timeframe, day_start: str) -> dict[str, list[float]]:
    opens = bar_open(ticks.time_ns, timeframe, day_start).tolist()
    out: dict[str, list[float]] = {name: [] for name in ("time_ns", *NAMES, "spread")}
    for now in sorted(set(opens)):
        here = [i for i, one in enumerate(opens) if one == now]
        bid, ask = ticks.bid[here].tolist(), ticks.ask[here].tolist()
        row = (now, bid[0], max(bid), min(bid), bid[-1], ask[0], max(ask), min(ask), ask[-1],
               len(here), ask[-1] - bid[-1])  # fmt: skip
        for name, value in zip(out, row, strict=True):
            out[name].append(value)
    return out


def assert_same(one: Bars, two: Bars) -> None:
    for name in ("time_ns", "spread", *NAMES):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 300),
    mean_seconds=st.sampled_from([0.5, 40.0, 3_000.0, 90_000.0]),
    timeframe=TIMEFRAMES,
    day_start=st.sampled_from(["new_york_17", "utc"]),
)
def test_a_bar_is_the_fold_of_its_ticks(seed, n, mean_seconds, timeframe, day_start) -> None:
    ticks = ticks_of(seed, n, mean_seconds)
    bars = bars_from_ticks(ticks, timeframe, day_start)

    for name, expected in slow_bars(ticks, timeframe, day_start).items():
        np.testing.assert_array_equal(getattr(bars, name), expected, err_msg=name)


@pytest.mark.parametrize("mean_seconds", [0.01, 1.0, 500.0])
def test_every_way_to_a_timeframe_gives_the_same_bars(mean_seconds: float) -> None:
    ticks = ticks_of(7, 60_000, mean_seconds)
    all_nine = bars_from_ticks_all(ticks)

    assert list(all_nine) == list(Timeframe)
    for timeframe, bars in all_nine.items():
        assert_same(bars, bars_from_ticks(ticks, timeframe))
        assert_same(bars, resample(all_nine[Timeframe.M1], timeframe))
        assert bars.volume.sum() == len(ticks)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICKS_PER_THREAD_MIN", 1_000)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: range(8), raising=False)
    ticks = ticks_of(9, 50_000, 5.0)

    for timeframe in (Timeframe.M1, Timeframe.H1, Timeframe.D1):
        alone = bars_from_ticks(ticks, timeframe, threads=1)
        for threads in (2, 3, 7):
            assert_same(alone, bars_from_ticks(ticks, timeframe, threads=threads))


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("place", [1, 17, 25_000, 49_999])
def test_ticks_out_of_order_are_refused(
    place: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TICKS_PER_THREAD_MIN", 1_000)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: range(8), raising=False)
    ticks = ticks_of(9, 50_000, 5.0)
    time_ns = ticks.time_ns.copy()
    time_ns[place] = time_ns[place - 1] - 1

    with pytest.raises(DataError, match=rf"in order of time; tick {place} at 2014") as caught:
        bars_from_ticks(replace(ticks, time_ns=time_ns), Timeframe.M1, threads=threads)
    assert caught.value.facts["row"] == place


@settings(deadline=None, max_examples=60)
@given(data=st.data(), threads=st.sampled_from([1, 3]))
def test_no_disorder_passes(data: st.DataObject, threads: int) -> None:
    times = data.draw(st.lists(st.integers(0, 10**15), min_size=2, max_size=60))
    time_ns = np.array(times, dtype=np.int64)
    prices = np.arange(len(times), dtype=np.float64)
    ticks = Ticks(symbol="X", time_ns=time_ns, bid=prices, ask=prices)

    if (np.diff(time_ns) < 0).any():
        with pytest.raises(DataError, match="order of time"):
            bars_from_ticks_all(ticks, threads=threads)
    else:
        bars_from_ticks_all(ticks, threads=threads)


def test_no_ticks_make_no_bars() -> None:
    none = Ticks(symbol="X", time_ns=np.empty(0, np.int64), bid=np.empty(0), ask=np.empty(0))

    assert [len(bars) for bars in bars_from_ticks_all(none).values()] == [0] * 9


def test_bars_cannot_become_finer_and_weeks_make_no_month() -> None:
    bars = bars_from_ticks_all(ticks_of(1, 500, 5_000.0))

    with pytest.raises(DataError, match="must be finer"):
        resample(bars[Timeframe.H1], Timeframe.M30)
    with pytest.raises(DataError, match="W1 bars must be finer"):
        resample(bars[Timeframe.W1], Timeframe.MN1)
    assert resample(bars[Timeframe.W1], Timeframe.W1) is bars[Timeframe.W1]


def test_bid_only_bars_stay_bid_only_and_unknown_volume_stays_unknown() -> None:
    fine = bars_from_ticks(ticks_of(1, 500, 60.0), Timeframe.M5)
    volume = fine.volume.copy()
    volume[0] = np.nan
    bare = replace(fine, volume=volume, ask_open=None, ask_high=None, ask_low=None, ask_close=None)
    coarse = resample(bare, Timeframe.H1)
    whole = resample(fine, Timeframe.H1)

    assert not coarse.has_ask
    assert np.isnan(coarse.volume[0])
    np.testing.assert_array_equal(coarse.volume[1:], whole.volume[1:])
    for name in ("open", "high", "low", "close", "spread"):
        np.testing.assert_array_equal(getattr(coarse, name), getattr(whole, name))


POLARS_EVERY = {
    Timeframe.M1: "1m", Timeframe.M5: "5m", Timeframe.M15: "15m", Timeframe.M30: "30m",
    Timeframe.H1: "1h", Timeframe.H4: "4h", Timeframe.D1: "1d", Timeframe.W1: "1w",
    Timeframe.MN1: "1mo",
}  # fmt: skip


def test_on_utc_days_polars_agrees() -> None:
    ticks = ticks_of(3, 200_000, 60.0)
    frame = pl.DataFrame({"time": ticks.time_ns, "bid": ticks.bid, "ask": ticks.ask})
    frame = frame.with_columns(pl.col("time").cast(pl.Datetime("ns")).set_sorted())
    for timeframe, bars in bars_from_ticks_all(ticks, "utc").items():
        grouped = frame.group_by_dynamic("time", every=POLARS_EVERY[timeframe]).agg(
            pl.col("bid").first().alias("open"), pl.col("bid").max().alias("high"),
            pl.col("bid").min().alias("low"), pl.col("bid").last().alias("close"),
            pl.col("ask").first().alias("ask_open"), pl.col("ask").max().alias("ask_high"),
            pl.col("ask").min().alias("ask_low"), pl.col("ask").last().alias("ask_close"),
            pl.len().cast(pl.Float64).alias("volume"),
        )  # fmt: skip
        np.testing.assert_array_equal(bars.time_ns, grouped["time"].dt.epoch("ns").to_numpy())
        for name in NAMES:
            np.testing.assert_array_equal(getattr(bars, name), grouped[name].to_numpy())


def test_real_ticks_make_the_vendors_bars(shared_data: Path) -> None:
    """OANDA gold, May 2014: bid OHLC and ask close of all 9,558 minutes, exactly."""
    read = pl.read_parquet(shared_data / "history/XAUUSD_ticks_oanda_201405a.parquet")
    vendor = pl.read_parquet(shared_data / "history/XAUUSD_M1_oanda_bidask_201405a.parquet")
    bars = bars_from_ticks(
        Ticks(
            symbol="XAUUSD",
            time_ns=read["time"].dt.epoch("ns").to_numpy(),
            bid=read["bid"].to_numpy(),
            ask=read["ask"].to_numpy(),
        ),
        Timeframe.M1,
    )

    np.testing.assert_array_equal(bars.time_ns, vendor["time"].dt.epoch("ns").to_numpy())
    assert len(bars) == 9_558
    for name in ("open", "high", "low", "close", "ask_close"):
        np.testing.assert_array_equal(getattr(bars, name), vendor[name].to_numpy(), err_msg=name)
