"""How many backtests a minute the search of risk settings does.

    python bench/risk_search.py [--json] [--threads 4]

Whole searches over twelve years of hourly bars, from the design to the reasons against the best
case. How long a case takes depends on how often it trades.
"""

import argparse
import json
import os
import statistics
import time

import numpy as np

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.progress import SilentProgress
from assay.engine.tape import build_tape
from assay.engine.views import Views
from assay.features.catalogue import parse
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.risk_search.found import RiskSearch
from assay.research.risk_search.ranges import ranges_of
from assay.research.risk_search.search import search_risk
from assay.research.risk_search.task import Plan

BARS = 12 * 260 * 24
SETTINGS = Settings()
CASES = 16_384
TARGET = 1e5
"""Backtests a minute that we ask of it."""


def hourly_market(*, is_busy: bool) -> tuple[Market, Views]:
    """Return twelve years of hourly gold and views: an opinion at every bar, or where it turns."""
    gold = {"XAUUSD": load_instrument("XAUUSD")}
    bars = simulate(SimulatedMarket(seed=6, n_bars=BARS), gold["XAUUSD"])
    tape = build_tape({"XAUUSD": bars}, gold, SETTINGS.costs, "USD")
    fast, slow = (parse(f"sma_{n}").batch(tape.mid_close) for n in (20, 120))
    unit = parse("atr_100").batch(bars.high, bars.low, bars.close)
    lean = np.nan_to_num((fast - slow) / unit)
    direction = np.sign(lean).astype(np.int8)
    score = 0.5 + 0.4 * np.tanh(np.abs(lean) / 4.0)
    if not is_busy:
        strong = direction * (score > 0.65)
        direction = np.where(np.diff(strong, prepend=0) != 0, strong, 0).astype(np.int8)
    market = Market(tape=tape, atr=unit, instruments=gold, settings=SETTINGS)
    return market, Views.of(direction, score=score, p_win=0.6, payoff=1.2, loss=2.0, unit=unit)


def measure(threads: int, *, is_busy: bool) -> dict[str, object]:
    """Time whole searches of risk settings; return backtests a minute, by the clock and by CPU."""
    market, views = hourly_market(is_busy=is_busy)

    def search(workers: int, n_cases: int) -> RiskSearch:
        """Search once."""
        plan = Plan(ranges=ranges_of(SETTINGS), n_cases=n_cases)
        place = Place(workers=workers)
        return search_risk(market, views, plan, place=place, progress=SilentProgress(), seed=1)

    search(threads, 256)
    rates, n_cases = {}, 0
    for workers in sorted({1, threads}):
        taken, cpu = [], []
        for _ in range(1 if is_busy else 3):
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            n_cases = search(workers, CASES).n_cases
            taken.append(time.perf_counter() - began_s)
            cpu.append(time.process_time() - began_cpu_s)
        rates[f"{workers} threads" if workers > 1 else "one thread"] = {
            "by the clock": 60.0 * n_cases / statistics.median(taken),
            "a core, by CPU time": 60.0 * n_cases / statistics.median(cpu),
        }
    return {
        "bars": BARS,
        "backtests": n_cases,
        "backtests_per_minute": rates,
        "load_average": os.getloadavg()[0],
        "processors": os.cpu_count(),
    }


def show(rows: dict[str, dict[str, object]]) -> None:
    """Print what the search of risk settings does in a minute."""
    for title, found in rows.items():
        print(f"{title}: {found['backtests']:,} backtests, {found['bars']:,} bars each")
        for name, rates in found["backtests_per_minute"].items():  # type: ignore[attr-defined]
            for kind, rate in rates.items():
                print(f"  {name:12s} {kind:20s} {rate:12,.0f} backtests a minute")
        print(f"  load average {found['load_average']:.1f} on {found['processors']} processors")
    print(f"asked for: {TARGET:,.0f} a minute")


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    rows = {
        title: measure(arguments.threads, is_busy=is_busy)
        for title, is_busy in (("some 500 trades a case", False), ("6,000 trades a case", True))
    }
    print(json.dumps(rows, indent=2)) if arguments.json else show(rows)


if __name__ == "__main__":
    main()
