"""A day of Dukascopy ticks to columns: the same numbers, then the time of both, in one run.

    python bench/bi5.py [--json] [--ticks 120000]

The day is 24 archives of made-up ticks in the vendor's bytes; where the shared archives are at
hand, their three hours are decoded and compared as well. The peer is plain Python: ``struct`` over
the records, one list per column, which is the fastest plain form found; a second peer makes a
tuple with a datetime of each tick, as public decoders do. Unpacking LZMA is the same C library on
every side and takes most of the time of a whole archive, so the ratio of decoding is that of the
records, unpacked beforehand; the ratio with LZMA stands beside it. All numbers are compared, bit
for bit, before anything is timed; repeats are interleaved, and medians reported.
"""

import argparse
import json
import lzma
import os
import statistics
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from assay.data.importers.bi5 import TickColumns, decode_ticks, tick_columns
from assay.data.importers.bi5_records import TICK

REPEATS = 15
TARGET = 20.0
DAY_NS = 1_549_238_400 * 10**9  # 2019-02-04
HOUR_NS = 3_600 * 10**9
DIVISOR = 100_000
SHARED = Path(
    os.environ.get("ASSAY_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)
REAL = "formats/dukascopy_bi5/EURUSD/2019/01/04"
NAMES = ("time_ns", "bid", "ask", "bid_volume", "ask_volume")

Columns = tuple[list[int], list[float], list[float], list[float], list[float]]
Row = tuple[datetime, float, float, float, float]


def made_up_day(n_ticks: int) -> list[bytes]:
    """Return the unpacked records of 24 hours, seeded."""
    rng = np.random.default_rng(1)
    hours = []
    for n in np.bincount(rng.integers(0, 24, n_ticks), minlength=24):
        records = np.empty(n, dtype=TICK)
        records["ms"] = np.sort(rng.integers(0, 3_600_000, n))
        records["bid"] = 114_500 + np.cumsum(rng.integers(-1, 2, n))
        records["ask"] = records["bid"] + rng.integers(0, 12, n).astype(np.uint32)
        records["bid_volume"] = rng.integers(1, 40, n) / 4.0
        records["ask_volume"] = rng.integers(1, 40, n) / 4.0
        hours.append(records.tobytes())
    return hours


def plain_columns(raw: bytes, base_ns: int) -> Columns:
    """Decode records in plain Python, a list per column."""
    times, bids, asks, bid_volumes, ask_volumes = [], [], [], [], []
    for ms, ask, bid, ask_volume, bid_volume in struct.iter_unpack(">IIIff", raw):
        times.append(base_ns + ms * 1_000_000)
        bids.append(bid / DIVISOR)
        asks.append(ask / DIVISOR)
        bid_volumes.append(bid_volume)
        ask_volumes.append(ask_volume)
    return times, bids, asks, bid_volumes, ask_volumes


def plain_rows(raw: bytes, base_ns: int) -> list[Row]:
    """Decode records in plain Python, a tuple with a datetime per tick."""
    base = datetime.fromtimestamp(base_ns // 10**9, tz=UTC)
    return [
        (base + timedelta(milliseconds=ms), bid / DIVISOR, ask / DIVISOR, bid_volume, ask_volume)
        for ms, ask, bid, ask_volume, bid_volume in struct.iter_unpack(">IIIff", raw)
    ]


def ours(raw: bytes, base_ns: int) -> TickColumns:
    return tick_columns(np.frombuffer(raw, dtype=TICK), base_ns=base_ns, divisor=DIVISOR)


def compare(content: bytes, base_ns: int) -> int:
    """Raise unless every number of every tick is equal; return how many ticks there are."""
    raw = lzma.decompress(content, format=lzma.FORMAT_ALONE)
    plain = plain_columns(raw, base_ns)
    for decoded in (
        decode_ticks(content, base_ns=base_ns, divisor=DIVISOR), ours(raw, base_ns)
    ):  # fmt: skip
        for name, column in zip(NAMES, plain, strict=True):
            np.testing.assert_array_equal(getattr(decoded, name), np.array(column))
    rows = plain_rows(raw, base_ns)
    assert [row[1] for row in rows] == plain[1]
    return len(rows)


def timed(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return median seconds of each call, repeats interleaved after one warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ticks", type=int, default=120_000, help="ticks of the day")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    day = [
        (DAY_NS + i * HOUR_NS, raw, lzma.compress(raw, format=lzma.FORMAT_ALONE))
        for i, raw in enumerate(made_up_day(options.ticks))
    ]
    n_ticks = sum(compare(content, base_ns) for base_ns, _, content in day)
    folder = SHARED / REAL
    real = sorted(folder.glob("*h_ticks.bi5")) if folder.is_dir() else []
    n_real = sum(compare(path.read_bytes(), DAY_NS + int(path.name[:2]) * HOUR_NS) for path in real)
    unpack = "LZMA alone"
    calls: dict[str, Callable[[], object]] = {
        "assay": lambda: [ours(raw, base) for base, raw, _ in day],
        "plain Python, columns": lambda: [plain_columns(raw, base) for base, raw, _ in day],
        "plain Python, rows with datetimes": lambda: [
            plain_rows(raw, base) for base, raw, _ in day
        ],
        unpack: lambda: [lzma.decompress(c, format=lzma.FORMAT_ALONE) for _, _, c in day],
        "assay, with LZMA": lambda: [
            decode_ticks(content, base_ns=base, divisor=DIVISOR) for base, _, content in day
        ],
    }
    seconds = timed(calls)
    columns, rows = seconds["plain Python, columns"], seconds["plain Python, rows with datetimes"]
    result = {
        "benchmark": "bi5",
        "ticks": n_ticks,
        "archives": len(day),
        "real_ticks_compared": n_real,
        "equal": True,
        "seconds": seconds,
        "ratio": columns / seconds["assay"],
        "ratio_rows": rows / seconds["assay"],
        "ratio_with_lzma": (columns + seconds[unpack]) / seconds["assay, with LZMA"],
        "ratio_rows_with_lzma": (rows + seconds[unpack]) / seconds["assay, with LZMA"],
        "target": TARGET,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{n_ticks:,} ticks of a day in {len(day)} archives, and {n_real:,} real ones; all equal")
    for name, value in seconds.items():
        print(f"  {name:<38}{value * 1e3:9.2f} ms {n_ticks / value / 1e6:8.1f} M ticks/s")
    print(
        f"ratio to plain Python, records to columns: {result['ratio']:.0f} x (target {TARGET:g} x)"
    )
    print(f"  to rows with datetimes: {result['ratio_rows']:.0f} x")
    print(
        f"  with LZMA, the same library on both sides: {result['ratio_with_lzma']:.1f} x; to rows "
        f"{result['ratio_rows_with_lzma']:.1f} x"
    )


if __name__ == "__main__":
    main()
