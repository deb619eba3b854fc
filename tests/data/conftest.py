"""A small market in trading hours, and the ways in which sources write it."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assay.data.bars import Bars, Ticks
from assay.data.calendar import is_open
from assay.domain.instrument import Session
from assay.domain.timeframe import Timeframe

sys.path.insert(0, str(Path(__file__).parent))

WEEK = (Session(open_minute=17 * 60, close_minute=5 * 1_440 + 17 * 60),)
SUNDAY = 1_672_617_600 * 10**9  # 2023-01-02 00:00 UTC is a Monday; weeks are whole from there


def market_bars(
    weeks: float = 8, timeframe: Timeframe = Timeframe.H1, symbol: str = "EURUSD", seed: int = 1
) -> Bars:
    """Return bars in the trading hours of currency pairs, prices on a grid of 1e-5."""
    n_slots = int(weeks * 7 * 86_400 // timeframe.value)
    time_ns = SUNDAY + np.arange(n_slots, dtype=np.int64) * timeframe.nominal_ns
    time_ns = time_ns[is_open(time_ns, WEEK)]
    rng = np.random.default_rng(seed)
    n_bars = len(time_ns)
    close = 110_000 + np.cumsum(rng.integers(-40, 41, n_bars))
    open_ = np.concatenate([[110_000], close[:-1]])
    high = np.maximum(open_, close) + rng.integers(0, 20, n_bars)
    low = np.minimum(open_, close) - rng.integers(0, 20, n_bars)
    return Bars(
        symbol=symbol,
        timeframe=timeframe,
        time_ns=time_ns,
        open=open_ / 1e5,
        high=high / 1e5,
        low=low / 1e5,
        close=close / 1e5,
        volume=rng.integers(1, 5_000, n_bars).astype(np.float64),
        spread=np.full(n_bars, np.nan),
    )


def market_ticks(n_ticks: int = 5_000, seed: int = 2) -> Ticks:
    """Return quotes of two weeks, in milliseconds."""
    bars = market_bars(2, Timeframe.M1)
    rng = np.random.default_rng(seed)
    minute = np.sort(rng.integers(0, len(bars), n_ticks))
    offset_ns = rng.integers(0, 60_000, n_ticks) * 1_000_000
    time_ns = np.sort(bars.time_ns[minute] + offset_ns)
    bid = np.round(110_000 + np.cumsum(rng.integers(-3, 4, n_ticks))) / 1e5
    ask = np.round(bid * 1e5 + rng.integers(1, 20, n_ticks)) / 1e5
    return Ticks(symbol="EURUSD", time_ns=time_ns, bid=bid, ask=ask)


def stamps(time_ns: np.ndarray, pattern: str) -> list[str]:
    """Write times by a pattern of strftime."""
    import polars as pl

    return pl.Series(time_ns).cast(pl.Datetime("ns")).dt.strftime(pattern).to_list()


def csv_text(bars: Bars, pattern: str = "%Y-%m-%d %H:%M:%S", delimiter: str = ",") -> str:
    """Write bars with a header, prices to five places."""
    lines = [delimiter.join(("time", "open", "high", "low", "close", "volume"))]
    columns = (bars.open, bars.high, bars.low, bars.close)
    for i, stamp in enumerate(stamps(bars.time_ns, pattern)):
        prices = [f"{column[i]:.5f}" for column in columns]
        lines.append(delimiter.join((stamp, *prices, f"{bars.volume[i]:.0f}")))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def make_bars() -> Callable[..., Bars]:
    return market_bars


@pytest.fixture(scope="session")
def make_ticks() -> Callable[..., Ticks]:
    return market_ticks


@pytest.fixture(scope="session")
def write_csv() -> Callable[..., str]:
    return csv_text


@pytest.fixture(scope="session")
def write_stamps() -> Callable[..., list[str]]:
    return stamps


@pytest.fixture(scope="session")
def sessions() -> tuple[Session, ...]:
    return WEEK


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Save text or bytes under a name."""

    def write(content: str | bytes, name: str = "table.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write
