"""A thousand settings over one tape: equal fills, then the time of the peers and of Assay.

    python bench/sweep.py [--json] [--bars 100000] [--threads 4]

Moving-average crosses with stop and target. vectorbt runs each installed engine on all
columns at once, in one process and with the columns split over processes; the fastest of
them is the peer. backtesting.py runs some of the grid, on as many processes (`bench/backtest.py`
compares its trades). End to end: from close prices, averages and crossings included.
"""

import argparse
import gc
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numba
import numpy as np
import pandas as pd
import vectorbt as vbt
from numpy.typing import NDArray
from vectorbt._engine import is_rust_available

from assay.engine.backtest import BacktestResult, run_backtest
from assay.engine.state import REQUEST, records
from assay.engine.sweep import sweep, varied_rules
from assay.engine.tape import Tape
from assay.engine.views import Views, view_arrays
from assay.features.catalogue import parse
from assay.risk.facts import RecordArray, contract_facts
from backtest import (
    CASH,
    COMMISSION,
    INSTRUMENT,
    PYTHON_BARS,
    SETTINGS,
    SPREAD_HALF,
    Mid,
    check_vectorbt,
    mid_prices,
    python_run,
    tape_of,
)

Array = NDArray[np.float64]

FAST = (5, 8, 10, 15, 20)
SLOW = (30, 50, 80, 100, 150)
STOPS = (2.0, 3.0, 4.0, 6.0, 8.0)
TARGETS = (0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
WARM_UP = 200
REPEATS = 5
SCALING_REPEATS = 11
LOOP = 4_000_000
PEER_COLUMNS = 100
"""Combinations that vectorbt is timed on; its rate is per combination, so this favours it."""
LIMITS = {"one thread": 1.05e9, "four threads": 3.25e9}
"""Bars times combinations a second of the bare kernel in PEERS.md; another machine."""

PAIRS = [(fast, slow) for fast in FAST for slow in SLOW]
CASES = [(p, stop, target) for p in range(len(PAIRS)) for stop in STOPS for target in TARGETS]


def crossings(close: Array) -> list[NDArray[np.int8]]:
    """Return the crossings of every pair; each average is computed once."""
    averages = {n: parse(f"sma_{n}").batch(close) for n in sorted({*FAST, *SLOW})}

    def crossing(pair: tuple[int, int]) -> NDArray[np.int8]:
        is_up = (averages[pair[0]] > averages[pair[1]]).view(np.int8)
        direction = np.zeros(len(close), dtype=np.int8)
        np.subtract(is_up[1:], is_up[:-1], out=direction[1:])
        direction[:WARM_UP] = 0
        return direction

    return [crossing(pair) for pair in PAIRS]


def rules_of_cases() -> RecordArray:
    """Return the rules of every combination."""
    _, stops, targets = zip(*CASES, strict=True)
    return varied_rules(SETTINGS, stop_atr=stops, target_r=targets)


def ours(tape: Tape, close: Array, threads: int) -> RecordArray:
    """Run every combination end to end."""
    signals = [Views.of(direction) for direction in crossings(close)]
    pair = [case[0] for case in CASES]
    return sweep(tape, signals, pair, rules_of_cases(), {"XAUUSD": INSTRUMENT}, threads=threads)


def peer_columns(
    mid: Mid, columns: list[int], engine: str, may_trade: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.void], Array]:
    """Run vectorbt on some combinations; return its orders and its final values."""
    close = pd.Series(mid.close)
    periods = sorted({n for k in columns for n in PAIRS[CASES[k][0]]})
    averages = vbt.MA.run(close, periods, engine=engine).ma.to_numpy()
    at = {n: i for i, n in enumerate(periods)}
    n_bars = len(mid.close)
    entries = np.zeros((n_bars, len(columns)), dtype=bool)
    shorts = np.zeros_like(entries)
    sl = np.empty((n_bars, len(columns)))
    tp = np.empty_like(sl)
    for column, k in enumerate(columns):
        p, stop, target = CASES[k]
        fast, slow = PAIRS[p]
        is_up = averages[:, at[fast]] > averages[:, at[slow]]
        entries[1:, column] = is_up[1:] & ~is_up[:-1]
        shorts[1:, column] = ~is_up[1:] & is_up[:-1]
        side = np.where(is_up, 1.0, -1.0)
        entry = mid.close * (1.0 + side * SPREAD_HALF)
        leaves = (1.0 - side * SPREAD_HALF) * mid.close
        sl[:, column] = np.abs((entry - side * stop) / leaves - 1.0)
        tp[:, column] = np.abs((entry + side * stop * target) / leaves - 1.0)
    entries[:WARM_UP] = False
    shorts[:WARM_UP] = False
    if may_trade is not None:
        entries &= may_trade[:, None]
        shorts &= may_trade[:, None]
    portfolio = vbt.Portfolio.from_signals(
        pd.DataFrame(np.broadcast_to(mid.close[:, None], entries.shape)),
        entries=entries,
        short_entries=shorts,
        open=mid.open[:, None],
        high=mid.high[:, None],
        low=mid.low[:, None],
        sl_stop=sl,
        tp_stop=tp,
        stop_entry_price="Price",
        stop_exit_price="StopMarket",
        upon_opposite_entry="Reverse",
        size=1.0,
        fixed_fees=COMMISSION,
        slippage=SPREAD_HALF,
        init_cash=CASH,
        freq="1min",
        engine=engine,
    )
    return portfolio.order_records, portfolio.final_value().to_numpy()


def peer(mid: Mid, n_columns: int, engine: str, pool: ProcessPoolExecutor | None) -> object:
    """Run vectorbt on evenly chosen combinations, in this process or split over *pool*."""
    columns = np.linspace(0, len(CASES) - 1, n_columns).astype(int).tolist()
    if pool is None:
        return peer_columns(mid, columns, engine)
    n_workers = pool._max_workers
    parts = [columns[w::n_workers] for w in range(n_workers)]
    return list(pool.map(peer_columns, [mid] * n_workers, parts, [engine] * n_workers))


def python_column(mid: Mid, k: int) -> pd.DataFrame:
    """Run backtesting.py on one combination over the first bars; return its trades."""
    pair, stop, target = CASES[k]
    fast, slow = PAIRS[pair]
    return python_run(mid, PYTHON_BARS, fast_bars=fast, slow_bars=slow, stop=stop, target_r=target)


def python_peer(mid: Mid, pool: ProcessPoolExecutor) -> object:
    """Run backtesting.py on as many combinations as there are processes."""
    columns = np.linspace(0, len(CASES) - 1, pool._max_workers).astype(int).tolist()
    return list(pool.map(python_column, [mid] * len(columns), columns))


def engine_result(tape: Tape, direction: NDArray[np.int8], k: int) -> BacktestResult:
    """Run one combination through the full engine."""
    return run_backtest(
        tape,
        view_arrays(Views.of(direction)),
        contract_facts([INSTRUMENT], tape.timeframe),
        rules_of_cases()[k : k + 1].view(np.recarray),
        records(REQUEST, 0),
        close_at_end=False,
    )


def check_peer(mid: Mid, tape: Tape, k: int, engine: str) -> int:
    """Compare fills with vectorbt's, without the crossings in bars that hit stop or target."""
    direction = crossings(mid.close)[CASES[k][0]]
    may_trade = np.ones(len(direction), dtype=bool)
    while True:
        result = engine_result(tape, direction * may_trade, k)
        exits = result.trades.exit_event[result.trades.reason <= 2]
        doubtful = exits[(direction[exits] != 0) & may_trade[exits]]
        if not len(doubtful):
            break
        may_trade[doubtful] = False
    orders, _ = peer_columns(mid, [k], engine, may_trade)
    return check_vectorbt(result, orders)


def check_engine(tape: Tape, close: Array, swept: RecordArray) -> int:
    """Compare the sweep with the full engine on every 40th combination, to the last bit."""
    directions = crossings(close)
    compared = range(0, len(CASES), 40)
    for k in compared:
        result = engine_result(tape, directions[CASES[k][0]], k)
        assert swept[k].n_trades == len(result.trades)
        assert swept[k].equity == result.equity[-1]
    return len(compared)


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that *call* takes."""
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def bare_loop(n: int) -> float:
    """Keep one core busy with nothing but registers."""
    total = 0.0
    for _ in range(n):
        total = total * 0.999999 + 1.0
    return total


def loops(threads: int) -> None:
    """Run 64 bare loops: what the machine's own cores add up to."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(bare_loop, [LOOP] * 64))


def scaling(tape: Tape, close: Array, threads: int) -> dict[str, float]:
    """Return how many times faster all threads are than one: the sweep, and a bare loop."""
    calls: dict[str, Callable[[int], object]] = {
        "sweep": lambda n: ours(tape, close, n),
        "bare loop": loops,
    }
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(SCALING_REPEATS):  # in turn, as the machine is not the same every second
        for name, call in calls.items():
            for n in (1, threads):
                seconds.setdefault((name, n), []).append(timed(lambda n=n, call=call: call(n)))
    middle = {key: statistics.median(taken) for key, taken in seconds.items()}
    return {name: middle[name, 1] / middle[name, threads] for name in calls}


def measure(n_bars: int, threads: int) -> dict[str, object]:
    """Compare, then time, every set-up; return rates and ratios."""
    mid = mid_prices(n_bars, seed=6)
    tape = tape_of(mid, SPREAD_HALF)
    swept = ours(tape, mid.close, threads)
    one_thread = ours(tape, mid.close, 1)
    assert swept.tobytes() == one_thread.tobytes()
    scaled = scaling(tape, mid.close, threads)
    n_compared = check_engine(tape, mid.close, swept)

    engines = ["numba"] + (["rust"] if is_rust_available() else [])
    n_fills = sum(
        check_peer(mid, tape, k, engine) for engine in engines for k in (0, 333, 555, 999)
    )
    with ProcessPoolExecutor(threads, mp_context=get_context("spawn")) as pool:
        calls: dict[str, tuple[int, Callable[[], object]]] = {
            "assay": (len(CASES), lambda: ours(tape, mid.close, threads)),
            "assay, one thread": (len(CASES), lambda: ours(tape, mid.close, 1)),
        }
        for engine in engines:
            for name, workers in (("", None), (f", {threads} processes", pool)):
                n = PEER_COLUMNS if workers is not None else PEER_COLUMNS // threads
                calls[f"vectorbt {engine}{name}"] = (
                    n,
                    lambda n=n, engine=engine, workers=workers: peer(mid, n, engine, workers),
                )
        python = f"backtesting.py, {threads} processes"
        calls[python] = (threads, lambda: python_peer(mid, pool))
        for _, call in calls.values():
            call()
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(REPEATS):
            for name, (_, call) in calls.items():
                seconds[name].append(timed(call))
    rates = {
        name: calls[name][0]
        * (PYTHON_BARS if name == python else n_bars)
        / statistics.median(taken)
        for name, taken in seconds.items()
    }
    fastest = max((name for name in rates if name.startswith("vectorbt")), key=rates.__getitem__)
    return {
        "bars": n_bars,
        "combinations": len(CASES),
        "trades": int(swept.n_trades.sum()),
        "compared_with_engine": n_compared,
        "fills_compared_with_peer": n_fills,
        "bar_combinations_per_second": rates,
        "peer": fastest,
        "ratio_vectorbt": rates["assay"] / rates[fastest],
        "ratio_backtesting": rates["assay"] / rates[python],
        "ratio_one_thread": scaled["sweep"],
        "ratio_one_thread_of_a_bare_loop": scaled["bare loop"],
        "threads": threads,
        "share_of_limit": {
            "one thread": rates["assay, one thread"] / LIMITS["one thread"],
            "four threads": rates["assay"] / LIMITS["four threads"],
        },
    }


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = measure(arguments.bars, arguments.threads)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for name, rate in found["bar_combinations_per_second"].items():  # type: ignore[attr-defined]
        print(f"{name:28s} {rate / 1e6:10.1f} M bars x combinations/s")
    print(f"{found['trades']:,} trades; the engine's in {found['compared_with_engine']} cases")
    print(f"fills equal to vectorbt's: {found['fills_compared_with_peer']:,}")
    print(f"assay / {found['peer']}: {found['ratio_vectorbt']:.1f} x (at least 15)")
    print(f"assay / backtesting.py on as many processes: {found['ratio_backtesting']:,.0f} x")
    print(
        f"{found['threads']} threads / one thread: {found['ratio_one_thread']:.2f} x "
        f"(at least {0.85 * int(str(found['threads'])):.2f}); "
        f"of a bare loop {found['ratio_one_thread_of_a_bare_loop']:.2f} x"
    )
    for name, share in found["share_of_limit"].items():  # type: ignore[attr-defined]
        print(f"of the bare limit, {name} (PEERS.md, another machine): {share:.0%}")


if __name__ == "__main__":
    main()
