"""The catalogue at scale: what merging, listing, reading and checking cost, and their memory.

    python bench/catalogue.py [--json] [--symbols 5] [--years 2] [--ticks 2000000]

One-minute bars of many symbols over many years are merged into a catalogue in a temporary folder,
symbol by symbol, and ticks of one symbol month by month; then each operation that a user waits
for is timed (median of several). ``--symbols 100 --years 10`` writes about 4 GB. The memory is the
largest resident set of the process, which holds the rows of one symbol at a time.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.provenance import Provenance
from assay.domain.time import NS_PER_DAY
from assay.domain.timeframe import Timeframe
from data import made_up_bars

BARS_PER_YEAR = 370_000
SERIES_LISTED = 1_000
REPEATS = 5


def provenance(source: str) -> Provenance:
    return Provenance(
        source=source,
        sha256=source,
        importer="bench",
        timezone="UTC",
        rows_in=1,
        rows_kept=1,
        rows_quarantined=0,
        imported_ns=0,
    )


def renamed(bars: Bars, symbol: str) -> Bars:
    values = {name: getattr(bars, name) for name in bars.__slots__ if name != "symbol"}
    return Bars(symbol=symbol, **values)


def made_up_ticks(n_ticks: int, seed: int) -> Ticks:
    """Return ticks of a month, with five digits."""
    rng = np.random.default_rng(seed)
    time_ns = np.sort(rng.integers(0, 30 * NS_PER_DAY // 10**6, n_ticks)) * 10**6
    points = 110_000 + np.abs(np.cumsum(rng.integers(-2, 3, n_ticks)) % 8_000 - 4_000)
    return Ticks(
        symbol="TICKY",
        time_ns=1_577_836_800 * 10**9 + seed * 30 * NS_PER_DAY + time_ns,
        bid=points / 1e5,
        ask=(points + rng.integers(5, 20, n_ticks)) / 1e5,
    )


def seconds_of(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median time of some calls."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(catalogue: Catalogue, n_symbols: int, years: int) -> tuple[list[str], list[float], Bars]:
    """Merge bars of all symbols; return their names, the seconds of each, and the last bars."""
    names, seconds = [f"SYM{i:03d}" for i in range(n_symbols)], []
    for i, name in enumerate(names):
        bars = renamed(made_up_bars(BARS_PER_YEAR * years, seed=i), name)
        start = time.perf_counter()
        catalogue.merge(bars, provenance(f"{name}.csv"))
        seconds.append(time.perf_counter() - start)
    return names, seconds, bars


def next_days(bars: Bars) -> Callable[[], Bars]:
    """Return what gives one further day of bars at each call."""
    day = bars.between(0, 1_440)
    last = int(bars.time_ns[-1]) // NS_PER_DAY

    def further() -> Bars:
        nonlocal last
        last += 1
        values = {name: getattr(day, name) for name in day.__slots__}
        values["time_ns"] = last * NS_PER_DAY + np.arange(1_440) * 60 * 10**9
        return Bars(**values)

    return further


def measure(catalogue: Catalogue, options: argparse.Namespace) -> dict[str, float]:
    """Time what a user waits for."""
    names, merges, bars = fill(catalogue, options.symbols, options.years)
    first, stop = int(bars.time_ns[0]), int(bars.time_ns[-1])
    middle = (first + stop) // 2
    name, minute = names[-1], Timeframe.M1
    figures = {"merge of a symbol": statistics.median(merges)}
    figures["list"] = seconds_of(catalogue.list)
    figures["read all bars of a symbol"] = seconds_of(lambda: catalogue.read_bars(name, minute))
    figures["read the closes alone"] = seconds_of(
        lambda: catalogue.read_columns(name, minute, ["close"])
    )
    for says, days in (("a day", 1), ("a month", 30), ("a year", 365)):
        figures[f"read {says}"] = seconds_of(
            lambda days=days: catalogue.read_bars(name, minute, middle, middle + days * NS_PER_DAY)
        )
    figures["check of a symbol against its hashes"] = seconds_of(
        lambda: catalogue.verify(name, minute), 3
    )
    further = next_days(bars)
    figures["merge of one further day of bars"] = seconds_of(
        lambda: catalogue.merge(further(), provenance("day"))
    )
    figures["merge of a symbol again, unchanged"] = seconds_of(
        lambda: catalogue.merge(bars, provenance("again")), 3
    )
    months = [made_up_ticks(options.ticks, seed) for seed in range(2)]
    months = iter(months)
    figures["merge of a month of ticks"] = seconds_of(
        lambda: catalogue.merge(next(months), provenance("ticks")), 2
    )
    ticks = made_up_ticks(options.ticks, 2)
    share = options.ticks // 30
    days = iter([(i * share, (i + 1) * share) for i in range(4, 9)])

    def merge_day() -> None:
        start, end = next(days)
        piece = Ticks(
            symbol=ticks.symbol,
            time_ns=ticks.time_ns[start:end],
            bid=ticks.bid[start:end],
            ask=ticks.ask[start:end],
        )
        catalogue.merge(piece, provenance("tick day"))

    figures["merge of one further day of ticks"] = seconds_of(merge_day)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=5)
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--ticks", type=int, default=2_000_000, help="ticks of a month")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        catalogue = Catalogue(Path(folder) / "bars")
        figures = measure(catalogue, options)
        scanned, began = 0, time.perf_counter()
        for entry in catalogue.list():
            if entry.timeframe is not None:
                scanned += sum(
                    len(part) for part in catalogue.scan_bars(entry.symbol, entry.timeframe)
                )
        figures["scan of all bars, part by part"] = time.perf_counter() - began
        stored = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
        peak = peak_mib()
        many = Catalogue(Path(folder) / "many")
        day = made_up_bars(5_000).between(0, 60)
        for i in range(SERIES_LISTED):
            timeframe = list(Timeframe)[i % len(Timeframe)]
            bars = renamed(day, f"S{i // len(Timeframe):03d}")
            values = {name: getattr(bars, name) for name in bars.__slots__}
            values["timeframe"] = timeframe
            many.merge(Bars(**values), provenance(f"{i}"))
        figures[f"list of {SERIES_LISTED:,} series"] = seconds_of(many.list)
    result = {
        "benchmark": "catalogue",
        "symbols": options.symbols,
        "years": options.years,
        "bars": scanned,
        "ticks_per_month": options.ticks,
        "cores": os.cpu_count(),
        "stored_mib": stored / 2**20,
        "peak_mib": peak,
        "seconds": figures,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(
        f"{options.symbols} symbols, {options.years} years of M1: {scanned:,} bars; "
        f"{stored / 2**20:,.0f} MiB stored, {peak:,.0f} MiB of memory at most"
    )
    for says, seconds in figures.items():
        print(f"  {says:<42}{seconds * 1e3:12,.1f} ms")


if __name__ == "__main__":
    main()
