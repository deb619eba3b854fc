"""Indicators that TA-Lib also has: the same values, then the time of both, in one run.

    python bench/indicators.py [--json] [--bars 1000000]

The results are compared before anything is timed. Repeats are interleaved; medians are reported.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import talib
from numpy.typing import NDArray
from talib import stream as talib_stream

from assay.features.catalogue import parse
from assay.features.graph import Graph, Stream

Array = NDArray[np.float64]
Columns = Mapping[str, Array]

REPEATS = 5
TOLERANCE = 1e-9
STREAM_BARS = 20_000
STREAM_WINDOW = 300
LIMIT_NS = 2.3
"""Mean of a bare Numba loop per bar and indicator, PEERS.md; taken on another machine."""


@dataclass(frozen=True)
class Pair:
    """One indicator: our names for its outputs, and TA-Lib's call for the same."""

    names: tuple[str, ...]
    call: Callable[..., object]
    columns: tuple[str, ...]
    arguments: tuple[float, ...]

    def theirs(self, columns: Columns) -> tuple[Array, ...]:
        """Return TA-Lib's outputs."""
        found = self.call(*(columns[name] for name in self.columns), *self.arguments)
        return found if isinstance(found, tuple) else (found,)  # type: ignore[return-value]


def rolling_vwap(high: Array, low: Array, close: Array, volume: Array, n: int) -> Array:
    """Return the volume-weighted typical price as TA-Lib's parts give it."""
    return talib.VWMA(talib.TYPPRICE(high, low, close), volume, n)


HLC = ("high", "low", "close")
CLOSE = ("close",)
PAIRS = (
    Pair(("sma_20",), talib.SMA, CLOSE, (20,)),
    Pair(("sma_50",), talib.SMA, CLOSE, (50,)),
    Pair(("sma_200",), talib.SMA, CLOSE, (200,)),
    Pair(("ema_12",), talib.EMA, CLOSE, (12,)),
    Pair(("ema_26",), talib.EMA, CLOSE, (26,)),
    Pair(("wma_20",), talib.WMA, CLOSE, (20,)),
    Pair(("rsi_14",), talib.RSI, CLOSE, (14,)),
    Pair(
        ("macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9"),
        talib.MACD,
        CLOSE,
        (12, 26, 9),
    ),
    Pair(("bb_upper_20", "bb_middle_20", "bb_lower_20"), talib.BBANDS, CLOSE, (20, 2.0, 2.0)),
    Pair(("atr_14",), talib.ATR, HLC, (14,)),
    Pair(("natr_14",), talib.NATR, HLC, (14,)),
    Pair(("adx_14",), talib.ADX, HLC, (14,)),
    Pair(("plus_di_14",), talib.PLUS_DI, HLC, (14,)),
    Pair(("minus_di_14",), talib.MINUS_DI, HLC, (14,)),
    Pair(("stoch_k_14_3_3", "stoch_d_14_3_3"), talib.STOCH, HLC, (14, 3, 0, 3, 0)),
    Pair(("cci_20",), talib.CCI, HLC, (20,)),
    Pair(("williams_r_14",), talib.WILLR, HLC, (14,)),
    Pair(
        ("donchian_upper_20", "donchian_middle_20", "donchian_lower_20"),
        talib.DONCHIAN,
        ("high", "low"),
        (20,),
    ),
    Pair(
        ("keltner_upper_20", "keltner_middle_20", "keltner_lower_20"), talib.KC, HLC, (20, 10, 2.0)
    ),
    Pair(("obv",), talib.OBV, ("close", "volume"), ()),
    Pair(("vwap_20",), rolling_vwap, (*HLC, "volume"), (20,)),
    Pair(("mfi_14",), talib.MFI, (*HLC, "volume"), (14,)),
    Pair(("roc_10",), talib.ROC, CLOSE, (10,)),
    Pair(("momentum_10",), talib.MOM, CLOSE, (10,)),
)


def walk(n_bars: int, seed: int = 7) -> dict[str, Array]:
    """Return OHLCV of a random walk in gold's range, one-minute sized moves."""
    rng = np.random.default_rng(seed)
    close = 1_800.0 * np.exp(np.cumsum(rng.normal(0.0, 2e-4, n_bars)))
    opened = np.concatenate([close[:1], close[:-1]])
    wick = rng.exponential(0.15, size=(2, n_bars))
    return {
        "open": opened,
        "high": np.maximum(opened, close) + wick[0],
        "low": np.minimum(opened, close) - wick[1],
        "close": close,
        "volume": rng.poisson(120.0, n_bars).astype(np.float64),
    }


def distance(ours: Array, theirs: Array) -> float:
    """Return the largest difference where both have a value, relative to the value.

    An oscillator crosses zero, where no relative measure means anything: a value smaller than
    the typical one of its series counts as typical.
    """
    known = ~np.isnan(ours) & ~np.isnan(theirs)
    typical = float(np.median(np.abs(theirs[known])))
    scale = np.maximum(np.abs(theirs[known]), typical)
    return float(np.max(np.abs(ours[known] - theirs[known]) / scale))


def compared(pair: Pair, columns: Columns) -> float:
    """Return the largest relative difference between both libraries, all outputs."""
    ours = Graph([parse(name) for name in pair.names]).batch(columns)
    theirs = pair.theirs(columns)
    for mine, other in zip(ours, theirs, strict=True):
        late = np.isnan(mine) & ~np.isnan(other)
        assert not late.any(), f"{pair.names}: NaN after TA-Lib's warm-up"
    return max(distance(mine, other) for mine, other in zip(ours, theirs, strict=True))


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def timed(columns: Columns) -> list[dict[str, object]]:
    """Time every pair, repeats interleaved, and return one row for each."""
    n_bars = len(columns["close"])
    graphs = [Graph([parse(name) for name in pair.names]) for pair in PAIRS]
    ours: list[list[float]] = [[] for _ in PAIRS]
    theirs: list[list[float]] = [[] for _ in PAIRS]
    for _ in range(REPEATS):
        for index, pair in enumerate(PAIRS):
            ours[index].append(seconds(lambda: graphs[index].batch(columns)))  # noqa: B023
            theirs[index].append(seconds(lambda: pair.theirs(columns)))  # noqa: B023
    to_ns = 1e9 / n_bars
    return [
        {
            "indicator": pair.names[0],
            "assay_ns": statistics.median(ours[index]) * to_ns,
            "talib_ns": statistics.median(theirs[index]) * to_ns,
        }
        for index, pair in enumerate(PAIRS)
    ]


def streamed(columns: Columns) -> dict[str, float]:
    """Return ns per bar of all indicators, one bar at a time, of both libraries."""
    stream = Stream(Graph([parse(name) for pair in PAIRS for name in pair.names]))
    names = stream.columns
    rows = np.column_stack([columns[name] for name in names])[:STREAM_BARS].tolist()
    for row in rows[: STREAM_BARS // 2]:
        stream.update(*row)
    rest = rows[STREAM_BARS // 2 :]

    def ours() -> None:
        for row in rest:
            stream.update(*row)

    calls = [
        (getattr(talib_stream, pair.call.__name__), pair)
        for pair in PAIRS
        if pair.call is not rolling_vwap
    ]

    def theirs() -> None:
        for end in range(STREAM_WINDOW, STREAM_WINDOW + 500):
            window = {name: values[end - STREAM_WINDOW : end] for name, values in columns.items()}
            for call, pair in calls:
                call(*(window[name] for name in pair.columns), *pair.arguments)

    mine = statistics.median(seconds(ours) for _ in range(REPEATS)) / len(rest)
    other = statistics.median(seconds(theirs) for _ in range(REPEATS)) / 500
    return {"assay_ns": mine * 1e9, "talib_ns": other * 1e9}


def main() -> None:
    """Compare, time, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bars", type=int, default=1_000_000)
    options = parser.parse_args()
    columns = walk(options.bars)
    differences = {pair.names[0]: compared(pair, columns) for pair in PAIRS}
    worst = max(differences.values())
    assert worst <= TOLERANCE, {k: v for k, v in differences.items() if v > TOLERANCE}
    rows = timed(columns)
    for row in rows:
        row["difference"] = differences[str(row["indicator"])]
    ours = sum(float(str(row["assay_ns"])) for row in rows)
    theirs = sum(float(str(row["talib_ns"])) for row in rows)
    result = {
        "bars": options.bars,
        "rows": rows,
        "ratio": theirs / ours,
        "mean_ns": ours / len(rows),
        "over_limit": ours / len(rows) / LIMIT_NS,
        "stream": streamed(columns),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{'indicator':<20}{'assay':>10}{'TA-Lib':>10}{'ratio':>8}   ns per bar; difference")
    for row in rows:
        mine, other = float(str(row["assay_ns"])), float(str(row["talib_ns"]))
        print(
            f"{row['indicator']:<20}{mine:>10.2f}{other:>10.2f}{other / mine:>8.2f}"
            f"   {row['difference']:.1e}"
        )
    print(f"{'total':<20}{ours:>10.2f}{theirs:>10.2f}{theirs / ours:>8.2f}")
    print(f"mean {ours / len(rows):.2f} ns; the bare loop of PEERS.md takes {LIMIT_NS} ns")
    live = result["stream"]
    print(
        f"stream, all {len(rows)}: {live['assay_ns']:.0f} ns a bar; TA-Lib {live['talib_ns']:.0f}"
    )


if __name__ == "__main__":
    main()
