"""Import and reading of market data against the bare libraries beneath: the ratios of one run.

    python bench/data.py [--json] [--bars 1000000] [--read 10000000]

Import: a CSV of one-minute bars on a server clock, from bytes to checked bars in UTC (format,
clock, scale and timeframe recognised, every row judged), against polars parsing the same file
with its dates and nothing else. Reading: one-minute bars from the catalogue into arrays, against
pyarrow reading the same part files into a table and its columns into arrays. Both sides use every
core; the rows are compared, bit for bit, before anything is timed; repeats are interleaved, and
the ratio of medians is reported with the least and greatest ratio of any repeat.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from assay.data.bars import Bars
from assay.data.catalogue import Catalogue
from assay.data.importers import import_file
from assay.data.importers.zones import zone
from assay.data.provenance import Provenance
from assay.domain.time import NS_PER_MINUTE
from assay.domain.timeframe import Timeframe

REPEATS = 9
TARGETS = {"import": 2.0, "read": 1.3}
START_NS = 1_104_537_600 * 10**9  # 2005-01-01
COLUMNS = ("open", "high", "low", "close", "volume", "spread")


def minutes_of_trade(n_bars: int) -> np.ndarray:
    """Return UTC minutes in which the market is open: from Sunday to Friday, 17:00 New York."""
    minutes = START_NS + np.arange(int(n_bars * 7 / 4.9)) * NS_PER_MINUTE
    local = zone("America/New_York").to_local(minutes) // NS_PER_MINUTE
    of_week = (local + 4 * 1_440) % (7 * 1_440)  # 1970-01-01 was a Thursday
    is_open = (of_week >= 17 * 60) & (of_week < 5 * 1_440 + 17 * 60)
    return minutes[is_open][:n_bars]


def made_up_bars(n_bars: int, seed: int = 1) -> Bars:
    """Return one-minute bars with five digits, volume and spread."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(-4, 5, n_bars))
    points = 110_000 + np.abs((steps + 10_000) % 40_000 - 20_000)  # to and fro, never far
    before = np.roll(points, 1)
    high = np.maximum(points, before) + rng.integers(0, 6, n_bars)
    low = np.minimum(points, before) - rng.integers(0, 6, n_bars)
    high[0], low[0] = points[0] + 3, points[0] - 3
    opens = np.where(np.arange(n_bars) == 0, points, before)
    return Bars(
        symbol="EURUSD",
        timeframe=Timeframe.M1,
        time_ns=minutes_of_trade(n_bars),
        open=opens / 1e5,
        high=high / 1e5,
        low=low / 1e5,
        close=points / 1e5,
        volume=rng.integers(1, 400, n_bars).astype(np.float64),
        spread=rng.integers(1, 30, n_bars) / 1e5,
    )


def written(bars: Bars, path: Path) -> Path:
    """Write bars as a server would, with New York plus seven hours for a clock."""
    local = zone("NY+7").to_local(bars.time_ns)
    frame = pl.DataFrame(
        {
            "time": pl.Series(local).cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%d %H:%M:%S"),
            **{name: getattr(bars, name) for name in COLUMNS},
        }
    )
    frame.write_csv(path, float_precision=5)
    return path


def bare_parse(path: Path) -> pl.DataFrame:
    """Parse the CSV with polars: numbers, and dates as dates."""
    return pl.read_csv(path, try_parse_dates=True)


def bare_read(files: list[Path]) -> dict[str, np.ndarray]:
    """Read part files with pyarrow into arrays."""
    table = pq.read_table([str(file) for file in files])
    return {name: table.column(name).to_numpy() for name in table.column_names}


def bare_read_concat(files: list[Path]) -> dict[str, np.ndarray]:
    """Read part files one by one with pyarrow and put them together."""
    table = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    return {name: table.column(name).to_numpy() for name in table.column_names}


def timed(calls: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Call each in turn, one warm-up before."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(REPEATS + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def judged(ours: list[float], bare: list[float], target: float) -> dict[str, object]:
    """Return medians, their ratio, and the spread of the ratio over repeats."""
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    ratio = statistics.median(ours) / statistics.median(bare)
    return {
        "seconds": statistics.median(ours),
        "bare_seconds": statistics.median(bare),
        "ratio": ratio,
        "ratio_of_least": min(ours) / min(bare),
        "ratio_spread": [min(ratios), max(ratios)],
        "target": target,
        "is_met": ratio <= target,
    }


def bench_import(n_bars: int, folder: Path) -> dict[str, object]:
    """Time the import of a CSV file."""
    bars = made_up_bars(n_bars)
    path = written(bars, folder / "EURUSD_M1.csv")
    imported = import_file(path, symbol="EURUSD")
    assert imported.recognised.timezone == "NY+7", imported.recognised.timezone
    assert imported.series.time_ns.tobytes() == bars.time_ns.tobytes()
    assert imported.bars is not None
    for name in COLUMNS:
        assert getattr(imported.bars, name).tobytes() == getattr(bars, name).tobytes(), name
    seconds = timed(
        {
            "assay": lambda: import_file(path, symbol="EURUSD"),
            "polars": lambda: bare_parse(path),
        }
    )
    return {
        "bars": n_bars,
        "file_bytes": path.stat().st_size,
        **judged(seconds["assay"], seconds["polars"], TARGETS["import"]),
    }


def bench_read(n_bars: int, folder: Path) -> dict[str, object]:
    """Time reading all bars, and one day, from a catalogue."""
    bars = made_up_bars(n_bars, seed=2)
    catalogue = Catalogue(folder / "catalogue")
    provenance = Provenance(
        source="made up",
        sha256="00",
        importer="bench",
        timezone="UTC",
        rows_in=n_bars,
        rows_kept=n_bars,
        rows_quarantined=0,
        imported_ns=0,
    )
    start = time.perf_counter()
    catalogue.merge(bars, provenance)
    merge_s = time.perf_counter() - start
    files = sorted((folder / "catalogue" / "EURUSD" / "M1").glob("*.parquet"))
    back, bare = catalogue.read_bars("EURUSD", Timeframe.M1), bare_read(files)
    for name in COLUMNS:
        assert (
            getattr(back, name).tobytes() == getattr(bars, name).tobytes() == bare[name].tobytes()
        )
    del back, bare
    seconds = timed(
        {
            "assay": lambda: catalogue.read_bars("EURUSD", Timeframe.M1),
            "pyarrow": lambda: bare_read(files),
            "pyarrow, file by file": lambda: bare_read_concat(files),
        }
    )
    fastest = min(("pyarrow", "pyarrow, file by file"), key=lambda k: statistics.median(seconds[k]))
    return {
        "bars": n_bars,
        "parts": len(files),
        "stored_bytes": sum(file.stat().st_size for file in files),
        "merge_seconds": merge_s,
        "fastest_bare": fastest,
        **judged(seconds["assay"], seconds[fastest], TARGETS["read"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bars", type=int, default=1_000_000, help="rows of the CSV")
    parser.add_argument("--read", type=int, default=10_000_000, help="bars in the catalogue")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        result = {
            "benchmark": "data",
            "cores": os.cpu_count(),
            "polars": pl.__version__,
            "pyarrow": pa.__version__,
            "equal": True,
            "import": bench_import(options.bars, Path(folder)),
            "read": bench_read(options.read, Path(folder)),
        }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, says in (
        ("import", "CSV import of {bars:,} bars, recognised and checked, to bare polars"),
        ("read", "{bars:,} bars from {parts} parts of the catalogue to bare pyarrow"),
    ):
        one = result[name]
        low, high = one["ratio_spread"]
        print(says.format(**one))
        print(
            f"  {one['seconds'] * 1e3:,.0f} ms against {one['bare_seconds'] * 1e3:,.0f} ms: "
            f"{one['ratio']:.2f} x (target {one['target']:g} x; repeats {low:.2f} to {high:.2f}; "
            f"least times {one['ratio_of_least']:.2f})"
        )


if __name__ == "__main__":
    main()
