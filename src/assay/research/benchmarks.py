"""What the strategy must beat: holding, and trading as often at random."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.config.settings import Settings
from assay.domain.facts_history import ContractFacts
from assay.engine.backtest import BacktestResult, RuleChange, backtest
from assay.engine.market import ASK_OPEN, CONVERSION
from assay.engine.tape import Tape
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
from assay.research.daily import daily_returns
from assay.research.fill_prices import fill_prices
from assay.research.metrics import rng_for
from assay.research.result import StrategyResult
from assay.research.sides import random_sides, views_of_side
from assay.research.statistics.sharpe import sharpe_ratio
from assay.risk.facts import dated_facts

RANDOM_RUNS = 100
RANDOM_RUNS_OF_TAIL = 5
"""Runs in the tail beyond the confidence that is asked for: a smaller share can then be seen."""
FAR_STOP_ATR = 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """What every strategy of a run trades on.

    Attributes
    ----------
    tape : Tape
        The out-of-sample events.
    atr : float64, shape (n_events,)
        Unit of the stops, price units.
    instruments : mapping of str to Instrument or FactsHistory
    settings : Settings
    changes : tuple of RuleChange
        Settings that replace them from some event on.
    """

    tape: Tape
    atr: FloatArray
    instruments: Mapping[str, ContractFacts]
    settings: Settings
    changes: tuple[RuleChange, ...] = ()

    def trade(self, views: Views) -> BacktestResult:
        """Run the engine over the events under the settings and their changes."""
        return backtest(self.tape, views, self.settings, self.instruments, changes=self.changes)


def as_result(name: str, run: BacktestResult, market: Market) -> StrategyResult:
    """Return *run* in the form that metrics and reports read, with what its fills cost."""
    spread, slippage = fill_costs(run, market)
    floating = run.books.positions
    return StrategyResult(
        name=name,
        time_ns=market.tape.known_ns,
        open_ns=market.tape.time_ns,
        equity=run.equity,
        balance=run.balance,
        trades=run.trades,
        fills=run.fills,
        refusals={reason.name: count for reason, count in run.refusals.items()},
        start_balance=market.settings.account.balance,
        symbols=market.tape.symbols,
        spread_cost=spread,
        slippage_cost=slippage,
        end_swap=float(np.sum(floating["swap"])),
        end_commission=float(np.sum(floating["commission"])),
    )


def fill_costs(run: BacktestResult, market: Market) -> tuple[float, float]:
    """Return what crossing half the spread and slipping cost over all fills, account currency."""
    prices = fill_prices(run.fills, market.tape, market.settings.costs, market.instruments)
    worth = run.fills["lots"] * prices.value
    return float(np.sum(worth * prices.half_spread)), float(np.sum(worth * prices.slippage))


def buy_and_hold(market: Market) -> StrategyResult:
    """Hold every symbol from the first event on: equal parts, no leverage, no stop."""
    tape, settings = market.tape, market.settings
    prices = [
        float(tape.market[ASK_OPEN, np.argmax(tape.symbol == s)]) for s in range(len(tape.symbols))
    ]
    facts, _ = dated_facts([market.instruments[name] for name in tape.symbols], tape.timeframe)
    contract = facts[tape.first_versions()]["contract"]
    value = [
        float(contract[s]) * float(tape.market[CONVERSION, np.argmax(tape.symbol == s)])
        for s in range(len(tape.symbols))
    ]
    share = settings.account.balance / len(tape.symbols)
    lots = min(share / (price * unit) for price, unit in zip(prices, value, strict=True))
    held = settings.model_copy(
        update={
            "risk": settings.risk.model_copy(update={"sizing": "fixed", "fixed_lots": lots}),
            "exits": settings.exits.model_copy(
                update={
                    "stop_atr": FAR_STOP_ATR,
                    "targets": (),
                    "time_stop_bars": 0,
                    "trailing_atr": 0.0,
                    "break_even_at_r": 0.0,
                }
            ),
        }
    )
    views = views_of_side(np.ones(len(tape)), market.atr)
    return as_result("buy_and_hold", backtest(tape, views, held, market.instruments), market)


def random_runs(confidence: float) -> int:
    """Return how many runs enter at random, so that *confidence* can be reached."""
    return max(RANDOM_RUNS, math.ceil(RANDOM_RUNS_OF_TAIL / (1.0 - confidence)))


def random_entries(market: Market, reference: StrategyResult) -> tuple[StrategyResult, FloatArray]:
    """Deal the reference's trades at random, many times.

    Returns
    -------
    median : StrategyResult
        The run whose Sharpe ratio is the median.
    sharpes : float64, shape (n_runs,)
        Annual Sharpe ratios of all runs.

    Notes
    -----
    Same symbols, number of trades and holding times, same exits and costs; sides and moments are
    random. Sized by risk and volatility alone.
    """
    tape = market.tape
    events = [np.flatnonzero(tape.symbol == s) for s in range(len(tape.symbols))]
    place = np.empty(len(tape), np.int64)
    for mine in events:
        place[mine] = np.arange(len(mine))
    trades = reference.trades

    def deal(i_run: int) -> BacktestResult:
        generator = rng_for(market.settings.run.seed, "random entries", str(i_run))
        direction = np.zeros(len(tape))
        for s, mine in enumerate(events):
            own = trades[trades["symbol"] == s]
            direction[mine] = random_sides(
                place[own["entry_event"]], place[own["exit_event"]], len(mine), generator
            )
        views = views_of_side(direction, market.atr)
        return market.trade(views)

    n_runs = random_runs(market.settings.evaluation.confidence)
    sharpes = np.zeros(n_runs)
    for i_run in range(n_runs):
        run = deal(i_run)
        daily = daily_returns(tape.known_ns, run.equity, market.settings.account.balance)
        sharpe = sharpe_ratio(daily.returns)
        sharpes[i_run] = sharpe * np.sqrt(daily.days_per_year) if np.isfinite(sharpe) else 0.0
    middle = int(np.argsort(sharpes, kind="stable")[n_runs // 2])
    return as_result("random", deal(middle), market), sharpes
