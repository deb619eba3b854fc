"""How often the whole job finds an edge that is there, and one that is not.

Each market is simulated gold, twelve years of H1 bars, run with default settings from features
to verdict. A planted edge is a hidden drift whose best trader, a Kalman filter that knows the
market's rules, has the stated net Sharpe ratio in expectation. The share captured compares our
net Sharpe ratio with the best trader's over the same out-of-sample days.

    python bench/edges.py --markets 20                 # noise, then planted
    python bench/edges.py --markets 20 --half-life 60 --net-sharpe 1.5 --json
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.simulation.planted import PlantedEdge, best_trader
from assay.domain.progress import SilentProgress
from assay.research.daily import daily_returns
from assay.research.history import History
from assay.research.run import execute
from assay.research.run_result import RunResult
from assay.research.statistics.sharpe import sharpe_ratio
from assay.research.trials.ledger import TrialLedger

SYMBOL = "XAUUSD"


def run_market(bars: Bars, settings: Settings) -> RunResult:
    """Run the whole job on one market, in a workspace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return execute(
            settings,
            History(bars={SYMBOL: bars}, instruments={SYMBOL: load_instrument(SYMBOL)}),
            ledger=TrialLedger(Path(folder) / "ledger.jsonl"),
            progress=SilentProgress(),
            at_ns=0,
        )


def best_sharpe(bars: Bars, edge: PlantedEdge, first_ns: int) -> float:
    """Return the best trader's annual net Sharpe ratio from *first_ns* on, from daily returns."""
    best = best_trader(bars, edge, load_instrument(SYMBOL))
    known = bar_close(bars.time_ns, bars.timeframe)
    tested = known >= first_ns
    equity = 1e9 + np.cumsum(best.net_returns[tested])
    daily = daily_returns(known[tested], equity, 1e9)
    return float(sharpe_ratio(daily.returns) * np.sqrt(daily.days_per_year))


def one(seed: int, edge: PlantedEdge | None, years: float, settings: Settings) -> dict[str, object]:
    """Run one market and return its row."""
    market = SimulatedMarket(seed=seed, years=years, edge=edge)
    bars = simulate(market, load_instrument(SYMBOL))
    result = run_market(bars, settings)
    hybrid = result.metrics["hybrid"]
    row: dict[str, object] = {
        "seed": seed,
        "verdict": result.verdict.outcome.value,
        "sharpe": round(hybrid.sharpe.value, 3),
        "trades": hybrid.n_trades,
        "others": {
            name: round(item.sharpe.value, 2)
            for name, item in result.metrics.items()
            if name != "hybrid"
        },
    }
    if edge is not None:
        best = best_sharpe(bars, edge, int(result.strategies[0].time_ns[0]))
        row["best"] = round(best, 3)
        row["share"] = round(hybrid.sharpe.value / best, 3)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--years", type=float, default=12.0)
    parser.add_argument("--half-life", type=float, default=120.0)
    parser.add_argument("--net-sharpe", type=float, default=2.0)
    parser.add_argument("--only", choices=("noise", "planted"))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    edge = PlantedEdge(half_life_bars=asked.half_life, net_sharpe=asked.net_sharpe)
    kinds = {"noise": None, "planted": edge}
    seeds = range(asked.first_seed, asked.first_seed + asked.markets)
    report: dict[str, object] = {}
    for kind, planted in kinds.items():
        if asked.only not in (None, kind):
            continue
        rows = []
        for seed in seeds:
            rows.append(one(seed, planted, asked.years, Settings()))
            print(kind, rows[-1], file=sys.stderr, flush=True)
        shares = [float(str(row["share"])) for row in rows if "share" in row]
        report[kind] = {
            "markets": len(rows),
            "edge": sum(row["verdict"] == "edge" for row in rows),
            "median_share": round(float(np.median(shares)), 3) if shares else None,
            "rows": rows,
        }
        if not asked.json:
            print(f"{kind}: the verdict was 'edge' in {report[kind]['edge']} of {len(rows)}")  # type: ignore[index]
            if shares:
                print(f"median share of the best trader's net Sharpe: {np.median(shares):.2f}")
    if asked.json:
        print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
