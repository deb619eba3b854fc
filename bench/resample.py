"""Ticks to bars of all nine timeframes: the same bars, then the time of both, in one run.

    python bench/resample.py [--json] [--ticks 10000000] [--threads 0]

The peer is polars, in the fastest of its formulations: each timeframe from the ticks, or M1 from
the ticks and every other timeframe from a finer one; eager, or lazy and all together. Both sides
may use every core. All bars are compared, bit for bit, before anything is timed; repeats are
interleaved, and medians reported; least times stand beside them.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from assay.data.bars import Bars, Ticks
from assay.data.resample import _extremes, _is_sorted, bars_from_ticks_all
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray, IntArray, kernel

REPEATS = 7
SECONDS_PER_TICK = 0.44  # as OANDA quoted gold in May 2014: about 137 ticks a minute
TARGET = 5.0
EVERY = {
    Timeframe.M1: "1m", Timeframe.M5: "5m", Timeframe.M15: "15m", Timeframe.M30: "30m",
    Timeframe.H1: "1h", Timeframe.H4: "4h", Timeframe.D1: "1d", Timeframe.W1: "1w",
    Timeframe.MN1: "1mo",
}  # fmt: skip
FINER = {
    Timeframe.M5: Timeframe.M1, Timeframe.M15: Timeframe.M5, Timeframe.M30: Timeframe.M15,
    Timeframe.H1: Timeframe.M30, Timeframe.H4: Timeframe.H1, Timeframe.D1: Timeframe.H4,
    Timeframe.W1: Timeframe.D1, Timeframe.MN1: Timeframe.D1,
}  # fmt: skip
SIDES = ("", "ask_")
OF_TICKS = [
    fold.alias(side + name)
    for side, quote in (("", "bid"), ("ask_", "ask"))
    for name, fold in (
        ("open", pl.col(quote).first()), ("high", pl.col(quote).max()),
        ("low", pl.col(quote).min()), ("close", pl.col(quote).last()),
    )
] + [pl.len().alias("volume")]  # fmt: skip
OF_BARS = [
    fold
    for side in SIDES
    for fold in (
        pl.col(side + "open").first(), pl.col(side + "high").max(),
        pl.col(side + "low").min(), pl.col(side + "close").last(),
    )
] + [pl.col("volume").sum()]  # fmt: skip

Frames = dict[Timeframe, pl.DataFrame]


def made_up_ticks(n: int) -> Ticks:
    """Return *n* ticks of a random walk on the tick grid, seeded."""
    rng = np.random.default_rng(1)
    gaps = rng.exponential(SECONDS_PER_TICK * 1e9, n).astype(np.int64)
    mid = 150_000 + np.cumsum(rng.integers(-1, 2, n))
    return Ticks(
        symbol="XAUUSD",
        time_ns=1_399_248_000 * 10**9 + np.cumsum(gaps),
        bid=mid / 100.0,
        ask=(mid + rng.integers(10, 30, n)) / 100.0,
    )


def each_from_ticks(ticks: pl.DataFrame) -> Frames:
    return {
        timeframe: ticks.group_by_dynamic("time", every=every).agg(OF_TICKS)
        for timeframe, every in EVERY.items()
    }


def cascade(ticks: pl.DataFrame) -> Frames:
    frames = {Timeframe.M1: ticks.group_by_dynamic("time", every="1m").agg(OF_TICKS)}
    for timeframe, finer in FINER.items():
        frames[timeframe] = (
            frames[finer].group_by_dynamic("time", every=EVERY[timeframe]).agg(OF_BARS)
        )
    return frames


def lazy_from_minutes(ticks: pl.DataFrame) -> Frames:
    minutes = ticks.group_by_dynamic("time", every="1m").agg(OF_TICKS)
    plans = [
        minutes.lazy().group_by_dynamic("time", every=EVERY[timeframe]).agg(OF_BARS)
        for timeframe in FINER
    ]
    return {Timeframe.M1: minutes, **dict(zip(FINER, pl.collect_all(plans), strict=True))}


def lazy_each_from_ticks(ticks: pl.DataFrame) -> Frames:
    plans = [
        ticks.lazy().group_by_dynamic("time", every=every).agg(OF_TICKS) for every in EVERY.values()
    ]
    return dict(zip(EVERY, pl.collect_all(plans), strict=True))


PEERS: dict[str, Callable[[pl.DataFrame], Frames]] = {
    "each timeframe from ticks": each_from_ticks,
    "cascade": cascade,
    "M1, then the others lazily together": lazy_from_minutes,
    "each from ticks, lazily together": lazy_each_from_ticks,
}


@kernel
def bare(time_ns: IntArray, bid: FloatArray, ask: FloatArray, step: int) -> float:
    """Read every tick once for order and extremes, without knowing where bars begin."""
    total = 0.0
    for i in range(0, time_ns.shape[0] - step, step):
        high, low = _extremes(bid[i : i + step])
        ask_high, ask_low = _extremes(ask[i : i + step])
        total += high - low + ask_high - ask_low
        total += 1.0 if _is_sorted(time_ns[i : i + step + 1]) else -1.0
    return total


def compare(ours: dict[Timeframe, Bars], theirs: Frames) -> int:
    """Raise unless every number of every bar is equal; return how many bars there are."""
    n_bars = 0
    for timeframe, bars in ours.items():
        frame = theirs[timeframe]
        np.testing.assert_array_equal(bars.time_ns, frame["time"].dt.epoch("ns").to_numpy())
        for name in frame.columns[1:]:
            np.testing.assert_array_equal(getattr(bars, name), frame[name].to_numpy())
        n_bars += len(bars)
    return n_bars


def timed(calls: dict[str, Callable[[], object]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return median and least seconds of each call, repeats interleaved after one warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    return median, {name: min(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ticks", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=0, help="ours; 0 takes up to 2 cores")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ticks = made_up_ticks(options.ticks)
    frame = pl.DataFrame({"time": ticks.time_ns, "bid": ticks.bid, "ask": ticks.ask})
    frame = frame.with_columns(pl.col("time").cast(pl.Datetime("ns")).set_sorted())

    ours = bars_from_ticks_all(ticks, "utc", threads=options.threads)
    n_bars = max([compare(ours, peer(frame)) for peer in PEERS.values()])
    calls: dict[str, Callable[[], object]] = {
        "assay": lambda: bars_from_ticks_all(ticks, "utc", threads=options.threads),
        "assay, one thread": lambda: bars_from_ticks_all(ticks, "utc", threads=1),
        "bare pass, one thread": lambda: bare(ticks.time_ns, ticks.bid, ticks.ask, 137),
        **{name: (lambda peer=peer: peer(frame)) for name, peer in PEERS.items()},
    }
    seconds, least = timed(calls)
    fastest = min(PEERS, key=lambda name: seconds[name])
    result = {
        "benchmark": "resample",
        "ticks": options.ticks,
        "bars": n_bars,
        "cores": os.cpu_count(),
        "polars": pl.__version__,
        "polars_threads": pl.thread_pool_size(),
        "equal": True,
        "seconds": seconds,
        "fastest_peer": fastest,
        "ratio": seconds[fastest] / seconds["assay"],
        "ratio_of_least": least[min(PEERS, key=lambda name: least[name])] / least["assay"],
        "least_seconds": least,
        "ratio_one_thread": seconds[fastest] / seconds["assay, one thread"],
        "ratio_each_from_ticks": seconds["each timeframe from ticks"] / seconds["assay"],
        "target": TARGET,
        "of_bare_limit": seconds["bare pass, one thread"] / seconds["assay, one thread"],
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{options.ticks:,} ticks to {n_bars:,} bars of nine timeframes; all values equal")
    for name, value in seconds.items():
        print(f"  {name:<38}{value * 1e3:9.1f} ms {options.ticks / value / 1e6:8.0f} M ticks/s")
    print(f"ratio to polars ({fastest}): {result['ratio']:.1f} x (target {TARGET:g} x)")
    print(f"  of the least times, where the machine is shared: {result['ratio_of_least']:.1f} x")
    print(f"  each timeframe from the ticks: {result['ratio_each_from_ticks']:.1f} x")
    print(f"  one thread of ours against all of polars: {result['ratio_one_thread']:.1f} x")
    print(f"one thread runs at {result['of_bare_limit']:.0%} of a bare pass over the ticks")


if __name__ == "__main__":
    main()
