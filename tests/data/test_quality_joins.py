"""Stretches: joined feeds, collapsed activity, months counted from 0, shifted weeks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damage import columns_of
from test_quality_damage import read, simulated

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.quality import check_bars
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe

Make = Callable[..., Bars]
Sessions = tuple[Session, ...]


def joined(first: Bars, second: Bars, at_ns: int) -> Bars:
    """Return one feed before *at_ns* and the other from there on."""
    before, after = first.time_ns < at_ns, second.time_ns >= at_ns
    columns = {
        name: np.concatenate([getattr(first, name)[before], getattr(second, name)[after]])
        for name in ("time_ns", "open", "high", "low", "close", "volume", "spread")
    }
    return Bars(symbol=first.symbol, timeframe=first.timeframe, **columns)


def test_the_day_on_which_two_feeds_were_joined_is_found(shared_data: Path) -> None:
    folder = shared_data / "history"
    oanda = read(folder / "XAUUSD_H1_oanda_bidask_2006_2019.parquet")
    broker = read(folder / "XAUUSD_H1_mt5_ejtrader_2012_2022.parquet")
    assert isinstance(oanda, Bars)
    assert isinstance(broker, Bars)
    at = int(np.datetime64("2015-06-03T00", "ns").astype(np.int64))
    instrument = load_instrument("XAUUSD")
    report = check_bars(joined(oanda, broker, at), instrument.sessions, digits=2)
    distances = np.abs(np.array(report.check("split_point").times_ns) - at) / NS_PER_DAY

    assert distances.min() <= 2.0
    assert report.check("split_point").rows <= 4


@pytest.mark.parametrize("factor", [2.5, 0.4])
def test_a_spread_that_changes_overnight_is_a_split_point(factor: float) -> None:
    bars = simulated("XAUUSD", Timeframe.H1, 31)
    at = 12_000
    spread = bars.spread.copy()
    spread[at:] *= factor
    instrument = load_instrument("XAUUSD")
    report = check_bars(replace(bars, spread=spread), instrument.sessions, digits=2)
    distances = np.abs(np.array(report.check("split_point").times_ns) - bars.time_ns[at])

    assert distances.min() <= 2 * NS_PER_DAY
    assert report.check("split_point").is_passed, "a note, not a fault"


def test_hours_whose_volume_collapses_are_found() -> None:
    bars = simulated("EURUSD", Timeframe.M15, 32)
    at = slice(9_000, 9_024)
    volume = bars.volume.copy()
    volume[at] = np.minimum(volume[at], 1.0)
    instrument = load_instrument("EURUSD")
    found = check_bars(replace(bars, volume=volume), instrument.sessions).check(
        "tick_rate_collapse"
    )

    assert np.isin(bars.time_ns[at], found.times_ns).mean() >= 0.8
    assert found.rows <= 32


@pytest.mark.parametrize("hours", [-2, 1, 3, 7])
def test_a_week_that_is_some_hours_off_is_found(hours: int) -> None:
    bars = simulated("XAUUSD", Timeframe.H1, 33)
    week = (bars.time_ns - 3 * NS_PER_DAY) // (7 * NS_PER_DAY)  # from Sunday
    mine = week == week[9_000]
    time_ns = np.where(mine, bars.time_ns + hours * NS_PER_HOUR, bars.time_ns)
    kept = np.concatenate([[True], np.diff(time_ns) > 0])
    columns = {name: value[kept] for name, value in columns_of(bars).items()}
    columns["time_ns"] = time_ns[kept]
    instrument = load_instrument("XAUUSD")
    found = check_bars(replace(bars, **columns), instrument.sessions).check("clock_shift")

    assert np.isin(time_ns[kept & mine], found.times_ns).mean() >= 0.9
    assert found.rows <= 1.5 * np.count_nonzero(mine)


def test_months_counted_from_zero_are_found(make_bars: Make, sessions: Sessions) -> None:
    bars = make_bars(20)
    clean = check_bars(bars, sessions).check("date_shift")
    moved = replace(bars, time_ns=bars.time_ns + 31 * NS_PER_DAY)
    found = check_bars(moved, sessions).check("date_shift")

    assert clean.rows == 0
    assert found.share > 0.9
    assert not found.is_passed
