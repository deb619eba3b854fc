"""One backtest of a moving-average cross with stop and target: the same fills, then the time.

    python bench/backtest.py [--json] [--bars 1000000]

Assay runs its whole account: bid and ask bars, slippage, commission, swap, margin and
stop-out, equity at every bar. vectorbt runs each engine that is installed, backtesting.py a
part of the bars. Fills are compared before anything is timed; repeats are interleaved and
medians reported. End to end: prices in memory to fills and equity, indicators included.
"""

import argparse
import gc
import json
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
import vectorbt as vbt
from backtesting import Backtest, Strategy
from numpy.typing import NDArray
from vectorbt._engine import is_rust_available

from assay.config.settings import (
    AccountSettings,
    CostSettings,
    ExitSettings,
    RiskSettings,
    Settings,
    TargetLevel,
)
from assay.domain.instrument import Instrument, SwapMode
from assay.domain.timeframe import Timeframe
from assay.engine.backtest import BacktestResult, backtest
from assay.engine.tape import Tape, calm_events
from assay.engine.views import Views
from assay.features.catalogue import parse

Array = NDArray[np.float64]

FAST, SLOW = 20, 50
WARM_UP = 60
STOP, TARGET_R = 4.0, 1.5
COMMISSION = 0.05
SPREAD_HALF = 0.00005
"""Half of the spread, as a share of the mid price: a form that vectorbt can express."""
CASH = 1e9
REPEATS = 7
PYTHON_BARS = 20_000
LIMIT = 237e6
"""Bars a second of a bare Numba loop with stop and target, PEERS.md; another machine."""
NS_PER_MINUTE = 60_000_000_000

INSTRUMENT = Instrument(
    symbol="XAUUSD",
    description="gold, one ounce a lot",
    base="XAU",
    quote="USD",
    digits=2,
    tick_size=Decimal("0.000001"),
    contract_size=Decimal(1),
    lot_step=Decimal("0.01"),
    lot_min=Decimal("0.01"),
    lot_max=Decimal(100),
    margin_fraction=Decimal("0.01"),
    commission_per_lot=Decimal(str(COMMISSION)),
    swap_mode=SwapMode.POINTS,
    swap_long=Decimal(0),
    swap_short=Decimal(0),
    swap_triple_weekday=2,
    stop_level_points=0,
    spread_points=20,
    sessions=(),
)
SETTINGS = Settings(
    account=AccountSettings(balance=CASH),
    risk=RiskSettings(sizing="fixed", fixed_lots=1.0),
    exits=ExitSettings(stop_atr=1.0, targets=(TargetLevel(at_r=TARGET_R, fraction=1.0),)),
    costs=CostSettings(slippage_volatility_fraction=0.0),
)


@dataclass(frozen=True)
class Mid:
    """Mid prices of gapless bars: each opens where the last closed."""

    open: Array
    high: Array
    low: Array
    close: Array


def mid_prices(n_bars: int, seed: int) -> Mid:
    """Return one-minute bars of a random walk around 1,800."""
    rng = np.random.default_rng(seed)
    close = 1800.0 * np.exp(np.cumsum(rng.normal(0.0, 2e-4, n_bars)))
    open_ = np.r_[1800.0, close[:-1]]
    reach = np.abs(rng.normal(0.0, 1.5e-4, (2, n_bars)))
    high = np.maximum(open_, close) * (1.0 + reach[0])
    low = np.minimum(open_, close) * (1.0 - reach[1])
    return Mid(open_, high, low, close)


def tape_of(mid: Mid, half_spread: float) -> Tape:
    """Return the tape of *mid* with a proportional spread; nights are counted, swap is 0."""
    n_bars = len(mid.close)
    market = np.ones((12, n_bars))
    for row, price in enumerate((mid.open, mid.high, mid.low, mid.close)):
        market[row] = price * (1.0 - half_spread)
        market[row + 4] = price * (1.0 + half_spread)
    market[8:10] = 2e-4
    market[11] = 0.0
    market[11, ::1440] = 1.0
    time_ns = np.arange(n_bars) * NS_PER_MINUTE
    symbol = np.zeros(n_bars, dtype=np.int64)
    return Tape(
        symbols=("XAUUSD",),
        timeframe=Timeframe.M1,
        time_ns=time_ns,
        known_ns=time_ns + NS_PER_MINUTE,
        symbol=symbol,
        market=market,
        is_calm=calm_events(market, symbol),
        finer=np.empty((8, 0)),
        finer_range=np.empty((2, 0), dtype=np.int64),
    )


def crossings(close: Array) -> NDArray[np.int8]:
    """Return +1 where the fast average rises above the slow one, -1 where it falls below."""
    is_up = parse(f"sma_{FAST}").batch(close) > parse(f"sma_{SLOW}").batch(close)
    direction = np.zeros(len(close), dtype=np.int8)
    np.subtract(is_up[1:].view(np.int8), is_up[:-1].view(np.int8), out=direction[1:])
    return direction


def ours(tape: Tape, close: Array, may_trade: NDArray[np.int8]) -> BacktestResult:
    """Run Assay end to end."""
    direction = crossings(close) * may_trade
    views = Views.of(direction, unit=STOP, loss=STOP)
    return backtest(tape, views, SETTINGS, {"XAUUSD": INSTRUMENT})


def tradable(tape: Tape, close: Array) -> NDArray[np.int8]:
    """Return 0 at the bars where a peer cannot do what the engine does, else 1.

    Those are the warm-up, and crossings in the very bar in which stop or target was hit:
    vectorbt makes one order a bar.
    """
    may_trade = np.ones(len(close), dtype=np.int8)
    may_trade[:WARM_UP] = 0
    direction = crossings(close)
    while True:
        trades = ours(tape, close, may_trade).trades
        exits = trades.exit_event[trades.reason <= 2]
        doubtful = exits[(direction[exits] * may_trade[exits]) != 0]
        if not len(doubtful):
            return may_trade
        may_trade[doubtful] = 0


@dataclass(frozen=True)
class Stops:
    """Stop and target of an entry at each bar's close, as vectorbt wants them."""

    sl: Array
    tp: Array


def vectorbt_stops(mid: Mid, direction: NDArray[np.int8]) -> Stops:
    """Return the fractions of the mid close that give the engine's own bracket prices."""
    side = np.where(direction >= 0, 1.0, -1.0)
    entry = mid.close * (1.0 + side * SPREAD_HALF)
    leaves = 1.0 - side * SPREAD_HALF
    stop = (entry - side * STOP) / leaves
    target = (entry + side * STOP * TARGET_R) / leaves
    return Stops(sl=np.abs(stop / mid.close - 1.0), tp=np.abs(target / mid.close - 1.0))


def vectorbt_run(
    mid: Mid, stops: Stops, may_trade: NDArray[np.bool_], engine: str
) -> tuple[object, Array]:
    """Run vectorbt end to end on one engine; return its orders and its equity."""
    close = pd.Series(mid.close)
    fast = vbt.MA.run(close, FAST, engine=engine)
    slow = vbt.MA.run(close, SLOW, engine=engine)
    portfolio = vbt.Portfolio.from_signals(
        close,
        entries=fast.ma_crossed_above(slow).to_numpy() & may_trade,
        short_entries=fast.ma_crossed_below(slow).to_numpy() & may_trade,
        open=mid.open,
        high=mid.high,
        low=mid.low,
        sl_stop=stops.sl,
        tp_stop=stops.tp,
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
    return portfolio.order_records, portfolio.value(engine=engine).to_numpy()


def check_vectorbt(result: BacktestResult, orders: np.ndarray) -> int:  # type: ignore[type-arg]
    """Compare fills; vectorbt nets a reversal into one order, and stamps it one bar earlier."""
    fills = result.fills
    market = (fills.reason == 0) | (fills.reason == 3)
    stamp = np.where(market, fills.event - 1, fills.event)
    keys, at = np.unique(stamp * 2 + (fills.side > 0), return_inverse=True)
    lots = np.bincount(at, weights=fills.lots)
    price = np.bincount(at, weights=fills.lots * fills.price) / lots
    assert len(orders) - len(keys) in (0, 1), (len(orders), len(keys))
    orders = orders[: len(keys)]
    assert (orders["idx"] == keys // 2).all()
    assert (orders["side"] == 1 - keys % 2).all()
    np.testing.assert_allclose(orders["size"], lots, rtol=0, atol=1e-9)
    np.testing.assert_allclose(orders["price"], price, rtol=1e-8)
    return len(keys)


class Cross(Strategy):  # type: ignore[misc]
    """The same strategy for backtesting.py."""

    fast_bars = FAST
    slow_bars = SLOW
    stop = STOP
    target_r = TARGET_R

    def init(self) -> None:
        """Read the two averages, as the peer's own indicators would be."""
        close = pd.Series(self.data.Close)
        self.fast = self.I(lambda: close.rolling(self.fast_bars).mean())
        self.slow = self.I(lambda: close.rolling(self.slow_bars).mean())

    def next(self) -> None:
        """Reverse at a crossing."""
        i = len(self.data) - 1
        if i < WARM_UP:
            return
        price, stop = self.data.Close[-1], self.stop
        was_up, is_up = self.fast[-2] > self.slow[-2], self.fast[-1] > self.slow[-1]
        if is_up and not was_up:
            self.buy(size=1, sl=price - stop, tp=price + stop * self.target_r)
        elif was_up and not is_up:
            self.sell(size=1, sl=price + stop, tp=price - stop * self.target_r)


def python_run(mid: Mid, n_bars: int, **parameters: float) -> pd.DataFrame:
    """Run backtesting.py on the first bars, ``Cross`` with *parameters*; return its trades."""
    frame = pd.DataFrame(
        {
            "Open": mid.open[:n_bars],
            "High": mid.high[:n_bars],
            "Low": mid.low[:n_bars],
            "Close": mid.close[:n_bars],
        },
        index=pd.date_range("2020-01-01", periods=n_bars, freq="min"),
    )
    test = Backtest(
        frame,
        Cross,
        cash=CASH,
        commission=lambda size, price: COMMISSION * abs(size),
        exclusive_orders=True,
    )
    return test.run(**parameters)._trades


def check_python(mid: Mid) -> int:
    """Compare the trades of backtesting.py with ours, without a spread."""
    n_bars = PYTHON_BARS
    tape = tape_of(Mid(*(price[:n_bars] for price in vars(mid).values())), 0.0)
    may_trade = np.ones(n_bars, dtype=np.int8)
    may_trade[:WARM_UP] = 0
    trades = ours(tape, mid.close[:n_bars], may_trade).trades
    peers = python_run(mid, n_bars)
    n_trades = min(len(trades), len(peers))
    assert abs(len(trades) - len(peers)) <= 1, (len(trades), len(peers))
    order = np.lexsort((trades.entry_event, trades.exit_event))
    trades = trades[order][:n_trades]
    peers = peers.sort_values(["ExitBar", "EntryBar"])[:n_trades]
    assert (trades.entry_event == peers["EntryBar"]).all()
    assert (trades.exit_event == peers["ExitBar"]).all()
    np.testing.assert_allclose(trades.entry_price, peers["EntryPrice"], rtol=1e-8)
    np.testing.assert_allclose(trades.exit_price, peers["ExitPrice"], rtol=1e-8)
    return n_trades


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that *call* takes; no engine pays for the litter of another."""
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(n_bars: int) -> dict[str, object]:
    """Compare, then time, every engine; return rates and ratios."""
    mid = mid_prices(n_bars, seed=5)
    tape = tape_of(mid, SPREAD_HALF)
    may_trade = tradable(tape, mid.close)
    allowed = may_trade.astype(bool)
    direction = crossings(mid.close) * may_trade
    stops = vectorbt_stops(mid, direction)
    engines = ["numba"] + (["rust"] if is_rust_available() else [])
    result = ours(tape, mid.close, may_trade)
    n_fills = {}
    for engine in engines:
        orders, _ = vectorbt_run(mid, stops, allowed, engine)
        n_fills[f"vectorbt {engine}"] = check_vectorbt(result, orders)
    n_fills["backtesting.py"] = check_python(mid)

    calls: dict[str, tuple[int, Callable[[], object]]] = {
        "assay": (n_bars, lambda: ours(tape, mid.close, may_trade)),
        "backtesting.py": (PYTHON_BARS, lambda: python_run(mid, PYTHON_BARS)),
    }
    for engine in engines:
        calls[f"vectorbt {engine}"] = (
            n_bars,
            lambda engine=engine: vectorbt_run(mid, stops, allowed, engine),
        )
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(REPEATS):
        for name, (_, call) in calls.items():
            seconds[name].append(timed(call))
    rates = {name: calls[name][0] / statistics.median(seconds[name]) for name in calls}
    fastest = max((name for name in rates if name.startswith("vectorbt")), key=rates.get)  # type: ignore[arg-type]
    return {
        "bars": n_bars,
        "trades": len(result.trades),
        "fills_compared": n_fills,
        "bars_per_second": rates,
        "seconds": seconds,
        "ratio_vectorbt": rates["assay"] / rates[fastest],
        "vectorbt_engine": fastest,
        "ratio_backtesting": rates["assay"] / rates["backtesting.py"],
        "share_of_limit": rates["assay"] / LIMIT,
    }


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bars", type=int, default=1_000_000)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = measure(arguments.bars)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for name, rate in found["bars_per_second"].items():  # type: ignore[attr-defined]
        print(f"{name:16s} {rate / 1e6:9.3f} M bars/s")
    print(f"trades {found['trades']:,}; fills equal: {found['fills_compared']}")
    print(f"assay / {found['vectorbt_engine']}: {found['ratio_vectorbt']:.1f} x (at least 5)")
    print(f"assay / backtesting.py: {found['ratio_backtesting']:.0f} x (at least 300)")
    print(f"of the bare limit (PEERS.md, another machine): {found['share_of_limit']:.0%}")


if __name__ == "__main__":
    main()
