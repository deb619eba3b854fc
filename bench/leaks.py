"""Put the whole pipeline before the leak prover on every history of a folder, and print a table.

Nothing may be found, and every planted leak must be:

    python bench/leaks.py ../shared/data/history
    python bench/leaks.py ../shared/data/history --strategy examples/strategy.py
    python bench/leaks.py ../shared/data/history --cuts 200 --only XAUUSD_H1 --json

Files are Parquet, named ``SYMBOL_TIMEFRAME_...`` or ``SYMBOL_ticks_...``; ticks become M1 bars. The
exit status is 1 if anything leaks or the prover cannot be trusted anywhere.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars, Ticks
from assay.data.resample import bars_from_ticks
from assay.domain.progress import SilentProgress
from assay.domain.timeframe import Timeframe
from assay.research.history import History
from assay.research.leaks.evidence import LeakReport
from assay.research.leaks.pipeline import Depth, prove_pipeline
from assay.strategy import Strategy, load_strategy

ACCOUNT = "USD"


def read_bars(path: Path) -> Bars:
    """Return the bars of one file; ticks become bars of a minute."""
    symbol, series = path.name.split("_")[:2]
    table = pl.read_parquet(path)
    time_ns = table["time"].dt.epoch("ns").to_numpy()
    column = {
        name: table[name].cast(pl.Float64).to_numpy() for name in table.columns if name != "time"
    }
    if series == "ticks":
        ticks = Ticks(symbol=symbol, time_ns=time_ns, bid=column["bid"], ask=column["ask"])
        return bars_from_ticks(ticks, Timeframe.M1)
    unknown = np.full(len(time_ns), np.nan)
    return Bars(
        symbol=symbol,
        timeframe=Timeframe.parse(series),
        time_ns=time_ns,
        **{"volume": unknown, "spread": unknown, **column},
    )


def histories(folder: Path) -> dict[str, History]:
    """Return the history of every file, with the pair that converts it where it needs one."""
    bars = {path.stem: read_bars(path) for path in sorted(folder.glob("*.parquet"))}
    return {name: history_of(item, bars) for name, item in bars.items()}


def history_of(item: Bars, others: Mapping[str, Bars]) -> History:
    """Return one symbol's history; prices in a third currency need a pair of the same length."""
    instrument = load_instrument(item.symbol)
    pairs = {}
    if ACCOUNT not in (instrument.quote, instrument.base):
        pairs = {
            other.symbol: other
            for other in others.values()
            if other.symbol in (f"{instrument.quote}{ACCOUNT}", f"{ACCOUNT}{instrument.quote}")
            and other.timeframe is item.timeframe
        }
    return History(
        bars={item.symbol: item}, instruments={item.symbol: instrument}, conversion_bars=pairs
    )


def settings_for(history: History) -> Settings:
    """Return default settings for the one symbol of a history."""
    (item,) = history.bars.values()
    market = {"symbols": [item.symbol], "timeframe": item.timeframe.name}
    return Settings.model_validate({"market": market})


def proved(history: History, depth: Depth, strategy: Strategy | None = None) -> LeakReport:
    """Ask the prover about the default pipeline on one history, and a strategy.py beside it."""
    return prove_pipeline(
        settings_for(history), history, strategy=strategy, depth=depth, progress=SilentProgress()
    )


def rows_of(
    folder: Path, depth: Depth, only: str, strategy: Strategy | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one row per history, as it is ready."""
    for name, history in histories(folder).items():
        if only not in name:
            continue
        began_s = time.perf_counter()
        report = proved(history, depth, strategy)
        (item,) = history.bars.values()
        yield {
            "history": name,
            "bars": len(item),
            "stages": len(report.stages),
            "values": sum(stage.values for stage in report.stages),
            "leaks": [str(leak) for leak in report.leaks],
            "planted": len(report.canaries),
            "found": len(report.canaries) - len(report.missed),
            "trusted": report.trusted,
            "reason": report.reason,
            "seconds": round(time.perf_counter() - began_s, 1),
        }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cuts", type=int, help="bars after which the future changes")
    parser.add_argument("--quick", action="store_true", help="latest bars, no training")
    parser.add_argument("--strategy", type=Path, help="a strategy.py that is proved beside it")
    parser.add_argument("--only", default="", help="part of a file's name")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    depth = Depth.quick() if asked.quick else Depth()
    if asked.cuts:
        depth = replace(depth, n_cuts=asked.cuts)
    strategy = load_strategy(asked.strategy) if asked.strategy else None
    rows = []
    if not asked.json:
        print(f"{'history':44} {'bars':>7} {'values':>14} {'leaks':>5} {'planted':>9} {'s':>7}")
    for row in rows_of(asked.folder, depth, asked.only, strategy):
        rows.append(row)
        if asked.json:
            continue
        planted = f"{row['found']}/{row['planted']}"
        print(
            f"{row['history'][:44]:44} {row['bars']:7,} {row['values']:14,} "
            f"{len(row['leaks']):5} {planted:>9} {row['seconds']:7.1f}",
            flush=True,
        )
        for leak in row["leaks"] or ([row["reason"]] if row["reason"] else []):
            print(f"    {leak}")
    if not asked.json:
        planted = f"{sum(row['found'] for row in rows)}/{sum(row['planted'] for row in rows)}"
        print(
            f"{'in all':44} {sum(row['bars'] for row in rows):7,} "
            f"{sum(row['values'] for row in rows):14,} {sum(len(row['leaks']) for row in rows):5} "
            f"{planted:>9} {sum(row['seconds'] for row in rows):7.1f}"
        )
    if asked.json:
        print(json.dumps({"cuts": depth.n_cuts, "training": depth.learns, "rows": rows}, indent=1))
    return int(any(row["leaks"] or not row["trusted"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
