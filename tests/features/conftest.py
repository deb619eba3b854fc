"""Histories to compute features over."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.data.bars import Bars
from assay.data.calendar import minute_of_week
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe

SUNDAY_17 = 1_262_556_000 * 1_000_000_000  # 2010-01-03T22:00:00Z, 17:00 New York


def hours_open(n_bars: int) -> np.ndarray:
    """Return the opens of so many H1 bars, weekends left out."""
    time_ns = SUNDAY_17 + np.arange(2 * n_bars + 120, dtype=np.int64) * NS_PER_HOUR
    minute = minute_of_week(time_ns)
    return time_ns[(minute >= 17 * 60) & (minute < (5 * 24 + 17) * 60)][:n_bars]


def random_bars(n_bars: int, seed: int, *, volume: bool = True) -> Bars:
    """Return H1 bars of a random walk on a grid of 0.01, with some flat stretches."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(size=n_bars) * rng.choice([0.0, 0.3, 1.0, 4.0], size=n_bars)
    close = np.round(1_500.0 + np.cumsum(moves), 2)
    opened = np.concatenate([close[:1], close[:-1]]) + np.round(rng.normal(size=n_bars) * 0.1, 2)
    wick = np.round(rng.exponential(0.5, size=(2, n_bars)), 2) * (moves != 0.0)
    return Bars(
        symbol="XAUUSD",
        timeframe=Timeframe.H1,
        time_ns=hours_open(n_bars),
        open=opened,
        high=np.maximum(opened, close) + wick[0],
        low=np.minimum(opened, close) - wick[1],
        close=close,
        volume=rng.poisson(900, n_bars).astype(float) if volume else np.full(n_bars, np.nan),
        spread=rng.choice([0.2, 0.3, 0.5], size=n_bars),
    )


@pytest.fixture(scope="session")
def make_bars() -> Callable[..., Bars]:
    """Return the maker of random bars."""
    return random_bars


@pytest.fixture(scope="session")
def gold(shared_data: Path) -> Bars:
    """Return real H1 gold, bid, with a made-up volume, for the file has none."""
    table = pl.read_parquet(shared_data / "history" / "XAUUSD_H1_oanda_bidask_2006_2019.parquet")
    columns = {name: table[name].to_numpy().copy() for name in ("open", "high", "low", "close")}
    n_bars = len(table)
    bars = Bars(
        symbol="XAUUSD",
        timeframe=Timeframe.H1,
        time_ns=table["time"].cast(pl.Int64).to_numpy().copy(),
        **columns,
        volume=np.full(n_bars, np.nan),
        spread=table["ask_close"].to_numpy() - columns["close"],
    )
    return replace(bars, volume=np.random.default_rng(0).poisson(900, n_bars).astype(float))
