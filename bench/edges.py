"""How often the whole job finds an edge that is there, and one that is not.

Every market goes through the default pipeline, the search of settings included, from features to
verdict, each in a workspace of its own. A planted edge is a hidden drift in twelve years of
simulated gold, H1, whose best trader, a Kalman filter that knows the market's rules, has the
stated net Sharpe ratio in expectation. The share captured compares our net Sharpe ratio with the
best trader's over the same out-of-sample days. Noise is of four kinds: a random walk, GARCH, real
histories with their bars shuffled in blocks, and real histories turned upside down block by block
(both need --histories, a folder of hourly Parquet files).

    python bench/edges.py noise --markets 100 --histories FOLDER
    python bench/edges.py planted --markets 100
    python bench/edges.py power --markets 20          # Sharpe 0.5, 1, 1.5, 2, 3
    python bench/edges.py planted --no-search --half-life 60 --json

With --out FILE every market is appended as it ends, and a second call goes on where the first
one ended.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
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
from assay.research.identity import code_hash
from assay.research.run import execute
from assay.research.run_result import RunResult
from assay.research.search.nested import nested_search
from assay.research.statistics.sharpe import sharpe_ratio
from assay.research.trials.ledger import TrialLedger
from noise_markets import KINDS, noise_market

SHARPES = (0.5, 1.0, 1.5, 2.0, 3.0)
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Case:
    """One market to be judged; *kind* is ``planted`` or a kind of noise."""

    kind: str
    seed: int
    years: float
    half_life: float
    net_sharpe: float
    is_searched: bool
    changes: tuple[str, ...]

    @property
    def edge(self) -> PlantedEdge | None:
        """What is planted; None in noise."""
        if self.kind != "planted":
            return None
        return PlantedEdge(half_life_bars=self.half_life, net_sharpe=self.net_sharpe)


def settings_of(case: Case) -> Settings:
    """Return the defaults, one worker, and what was asked with --set."""
    content: dict[str, dict[str, object]] = {"run": {"workers": 1}}
    for text in case.changes:
        name, _, value = text.partition("=")
        section, _, key = name.partition(".")
        content.setdefault(section, {})[key] = json.loads(value)
    return Settings.model_validate(content)


def run_market(bars: Bars, settings: Settings, *, is_searched: bool) -> RunResult:
    """Run the whole job on one market, in a workspace of its own."""
    symbol = bars.symbol
    market = settings.market.model_copy(update={"symbols": (symbol,)})
    account = settings.account
    quote = load_instrument(symbol).quote
    if quote != account.currency:  # no conversion pair is at hand: count in the quote currency
        account = account.model_copy(update={"currency": quote})
    settings = settings.model_copy(update={"market": market, "account": account})
    history = History(bars={symbol: bars}, instruments={symbol: load_instrument(symbol)})
    with tempfile.TemporaryDirectory() as folder:
        ledger = TrialLedger(Path(folder) / "ledger.jsonl")
        search = None
        if is_searched:
            search = nested_search(
                settings, history, None, folder=Path(folder), ledger=ledger, at_ns=0
            )
        return execute(
            settings, history, ledger=ledger, progress=SilentProgress(), at_ns=0, search=search
        )


def best_sharpe(bars: Bars, edge: PlantedEdge, first_ns: int) -> float:
    """Return the best trader's annual net Sharpe ratio from *first_ns* on, from daily returns."""
    best = best_trader(bars, edge, load_instrument(bars.symbol))
    known = bar_close(bars.time_ns, bars.timeframe)
    tested = known >= first_ns
    equity = 1e9 + np.cumsum(best.net_returns[tested])
    daily = daily_returns(known[tested], equity, 1e9)
    return float(sharpe_ratio(daily.returns) * np.sqrt(daily.days_per_year))


def judged(case: Case, histories: list[Path]) -> dict[str, object]:
    """Run one market and return its row."""
    settings = settings_of(case)
    if case.edge is None:
        bars = noise_market(case.kind, case.seed, case.years, histories)
        # Shuffled bars have jumps that data checks complain of, as they should.
        accept = {"accept": "made of shuffled bars, on purpose"}
        settings = settings.model_copy(
            update={"quality": settings.quality.model_copy(update=accept)}
        )
    else:
        market = SimulatedMarket(seed=case.seed, years=case.years, edge=case.edge)
        bars = simulate(market, load_instrument("XAUUSD"))
    result = run_market(bars, settings, is_searched=case.is_searched)
    hybrid = result.metrics["hybrid"]
    row: dict[str, object] = {
        **asdict(case),
        "symbol": bars.symbol,
        "verdict": result.verdict.outcome.value,
        "sharpe": round(hybrid.sharpe.value, 3),
        "trades": hybrid.n_trades,
        "adopted": [record["values"] for record in result.searches if record["adopted"]],
    }
    if case.edge is not None:
        best = best_sharpe(bars, case.edge, int(result.strategies[0].time_ns[0]))
        row["best"] = round(best, 3)
        row["share"] = round(hybrid.sharpe.value / best, 3)
    return row


def cases_of(asked: argparse.Namespace, n_histories: int) -> Iterator[Case]:
    """Yield the markets that were asked for."""
    seeds = range(asked.first_seed, asked.first_seed + asked.markets)
    shared = (asked.years, asked.half_life)
    rest = (asked.search, tuple(asked.set))
    if asked.what == "noise":
        kinds = KINDS if n_histories else KINDS[:2]
        if not n_histories:
            print("no --histories: shuffled and flipped ones are left out", file=sys.stderr)
        for k, seed in enumerate(seeds):
            yield Case(kinds[k % len(kinds)], seed, *shared, 0.0, *rest)
    else:
        for sharpe in SHARPES if asked.what == "power" else (asked.net_sharpe,):
            for seed in seeds:
                yield Case("planted", seed, *shared, sharpe, *rest)


def rows_of(
    cases: list[Case], histories: list[Path], asked: argparse.Namespace
) -> list[dict[str, object]]:
    """Judge every market that *asked.out* does not hold yet, several at a time."""
    rows: list[dict[str, object]] = []
    if asked.out and Path(asked.out).exists():
        stored = [json.loads(line) for line in Path(asked.out).read_text().splitlines()]
        rows = [row for row in stored if row["code"] == code_hash()]
    known = {json.dumps([row[name] for name in asdict(cases[0])]) for row in rows}
    left = [case for case in cases if json.dumps(list(asdict(case).values())) not in known]
    with ProcessPoolExecutor(max_workers=asked.processes) as pool:
        for future in as_completed([pool.submit(judged, case, histories) for case in left]):
            row = {**future.result(), "code": code_hash()}
            rows.append(row)
            if asked.out:
                with Path(asked.out).open("a") as file:
                    file.write(json.dumps(row) + "\n")
            print(row, file=sys.stderr, flush=True)
    return rows


def summary(rows: list[dict[str, object]]) -> dict[str, object]:
    """Return how many were found, and what was captured."""
    shares = [float(str(row["share"])) for row in rows if "share" in row]
    by_kind = {
        kind: [sum(r["verdict"] == "edge" for r in rows if r["kind"] == kind),
               sum(r["kind"] == kind for r in rows)]
        for kind in sorted({str(row["kind"]) for row in rows})
    }  # fmt: skip
    return {
        "markets": len(rows),
        "edge": sum(row["verdict"] == "edge" for row in rows),
        "by_kind": by_kind,
        "share_quartiles": np.quantile(shares, QUARTILES).round(3).tolist() if shares else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("noise", "planted", "power"))
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--years", type=float, default=12.0)
    parser.add_argument("--half-life", type=float, default=120.0)
    parser.add_argument("--net-sharpe", type=float, default=2.0)
    parser.add_argument("--search", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=JSON")
    parser.add_argument("--histories", type=Path, help="folder of hourly Parquet histories")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--out", help="file of rows; a second call goes on where it ends")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    histories = sorted(asked.histories.glob("*_H1_*.parquet")) if asked.histories else []
    rows = rows_of(list(cases_of(asked, len(histories))), histories, asked)
    groups = sorted({float(str(row["net_sharpe"])) for row in rows})
    report = {
        f"{sharpe:g}": summary([row for row in rows if row["net_sharpe"] == sharpe])
        for sharpe in groups
    }
    if asked.json:
        print(json.dumps({"summary": report, "rows": rows}, indent=1))
        return
    for sharpe, found in report.items():
        told = "noise" if sharpe == "0" else f"best trader's net Sharpe ratio {sharpe}"
        print(f"{told}: the verdict was 'edge' in {found['edge']} of {found['markets']}")
        quartiles = found["share_quartiles"]
        if isinstance(quartiles, list):
            print("  share of the best trader's Sharpe ratio, lower quartile, median, upper:",
                  *quartiles)  # fmt: skip
        else:
            print("  " + ", ".join(f"{k}: {a} of {b}" for k, (a, b) in found["by_kind"].items()))  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
