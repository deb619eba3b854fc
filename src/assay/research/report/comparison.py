"""The strategies side by side, row by row."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from assay.research.metrics import Estimate, Metrics
from assay.research.run_result import RunResult
from assay.research.wording import DASH, count, money, percent, ratio


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in words and, below it, its interval; either may be empty."""

    value: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric over all strategies; *note* explains it, *starts* opens a new block."""

    label: str
    note: str
    cells: tuple[Cell, ...]
    starts: bool = False


def _plain(read: Callable[[Metrics], str]) -> Callable[[Metrics], Cell]:
    return lambda metrics: Cell(read(metrics))


def _estimate(
    read: Callable[[Metrics], Estimate], words: Callable[[float], str]
) -> Callable[[Metrics], Cell]:
    return lambda metrics: _estimate_of(read(metrics), words)


def _estimate_of(estimate: Estimate, words: Callable[[float], str]) -> Cell:
    if math.isnan(estimate.value):
        return Cell(DASH)
    if math.isnan(estimate.low):
        return Cell(words(estimate.value))
    return Cell(words(estimate.value), f"{words(estimate.low)} to {words(estimate.high)}")


def _signed_percent(value: float) -> str:
    return percent(value, sign=True)


def _expectancy(estimate: Estimate) -> Cell:
    """Return the mean profit of a trade and its interval with the same number of digits."""
    largest = max(
        abs(value)
        for value in (estimate.value, estimate.low, estimate.high, 0.0)
        if not math.isnan(value)
    )
    digits = 0 if largest >= 100.0 else 2
    return _estimate_of(estimate, lambda value: money(value, sign=True, digits=digits))


_ROWS: tuple[tuple[str, str, bool, Callable[[Metrics], Cell]], ...] = (
    ("Net profit", "of the account, after all costs", True,
     _plain(lambda m: _signed_percent(m.total_return))),
    ("Growth a year", "CAGR", False, _estimate(lambda m: m.cagr, _signed_percent)),
    ("Volatility a year", "of daily returns", False, _estimate(lambda m: m.volatility, percent)),
    ("Sharpe ratio", "a year, over cash at 0 %", True, _estimate(lambda m: m.sharpe, ratio)),
    ("Sortino ratio", "only falls count as risk", False, _estimate(lambda m: m.sortino, ratio)),
    ("Calmar ratio", "growth over largest drawdown", False,
     _estimate(lambda m: m.calmar, ratio)),
    ("Largest drawdown", "of daily closes", True, _estimate(lambda m: m.max_drawdown, percent)),
    ("Longest drawdown", "trading days", False, _plain(lambda m: count(m.drawdown_days))),
    ("Worst 5 % of days", "mean loss (CVaR)", False,
     _estimate(lambda m: m.cvar_day, lambda v: percent(v, 2))),
    ("Skew and kurtosis", "of daily returns; normal: 0 and 3", False,
     _plain(lambda m: f"{ratio(m.skew, 1)} / {ratio(m.kurtosis, 1)}")),
    ("Trades", "closed ones", True, _plain(lambda m: count(m.n_trades))),
    ("Trades a year", "", False, _plain(lambda m: ratio(m.trades_per_year, 1))),
    ("Win rate", "", False, _estimate(lambda m: m.win_rate, percent)),
    ("Profit factor", "sum of wins over sum of losses", False,
     _estimate(lambda m: m.profit_factor, ratio)),
    ("Payoff", "average win over average loss", False, _estimate(lambda m: m.payoff, ratio)),
    ("Expectancy", "mean net profit of a trade", False,
     lambda metrics: _expectancy(metrics.expectancy)),
    ("Time in the market", "", False, _plain(lambda m: percent(m.exposure, 0))),
    ("Stop and target in one bar", "share of trades that depended on it", False,
     _plain(lambda m: percent(m.ambiguous_share))),
    ("Costs", "share of profit before costs", True,
     _plain(lambda m: percent(m.costs.share, 0))),
)  # fmt: skip


def comparison_rows(run: RunResult) -> tuple[Row, ...]:
    """Return every metric over all strategies, in the order in which these are shown."""
    measured = [run.metrics[strategy.name] for strategy in run.strategies]
    return tuple(
        Row(label, note, tuple(read(metrics) for metrics in measured), starts)
        for label, note, starts, read in _ROWS
    )


def cost_rows(run: RunResult) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what each strategy paid, as title and amounts; a cost is negative."""
    rows = []
    for strategy in run.strategies:
        measured = run.metrics[strategy.name]
        costs = measured.costs
        amounts = (
            costs.profit_before, -costs.spread, -costs.slippage, -costs.commission, -costs.swap,
            measured.net_profit,
        )  # fmt: skip
        words = (*(money(value, sign=True, digits=0) for value in amounts), percent(costs.share, 0))
        rows.append((strategy.title, words))
    return tuple(rows)
