"""What a strategy earned, what it risked and paid for it, and how sure that is."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import BoolArray, FloatArray
from assay.research.daily import DailyReturns, daily_returns
from assay.research.drawdown import drawdown_max, duration_max
from assay.research.result import StrategyResult
from assay.research.statistics.bootstrap import interval, path_statistics, trade_statistics
from assay.research.statistics.sharpe import kurtosis, sharpe_ratio, skewness

NAN = math.nan
TAIL = 0.05
TRADES_FOR_INTERVALS = 20
"""Fewer trades say too little about their own spread to resample them."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and the interval around it; NaN where it cannot be known."""

    value: float
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What trading cost in account currency; a cost is positive, an income negative.

    Attributes
    ----------
    commission, swap, spread, slippage : float
        Spread and slippage are inside the prices; NaN where the run does not know them.
    total : float
        Sum of the known ones.
    profit_before : float
        Net profit with *total* added back.
    share : float
        ``total / profit_before``; NaN where nothing was earned before costs.
    """

    commission: float
    swap: float
    spread: float
    slippage: float
    total: float
    profit_before: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Every headline number of one strategy.

    Ratios are annual and taken from daily returns over a cash rate of zero. Money is in
    account currency, fractions are fractions (0.1 is 10 %), intervals are central ones of
    the stationary bootstrap.

    Attributes
    ----------
    n_days, years, days_per_year
        Trading days, calendar years, and the annual factor that was used.
    net_profit, total_return
        Of the account, open positions marked.
    sharpe, sortino, calmar : Estimate
        Mean over deviation; mean over downside deviation about 0; growth over drawdown.
    sharpe_daily, skew, kurtosis
        Per day; kurtosis is raw (3 for a normal distribution).
    cagr, volatility, max_drawdown, cvar_day : Estimate
        Growth and deviation per year, largest drawdown, mean loss of the worst 5 % of days.
    drawdown_days
        Longest stretch below a peak, in trading days.
    n_trades, trades_per_year, win_rate, profit_factor, expectancy, payoff
        Of closed trades; expectancy is mean net profit per trade, payoff is the average win
        over the average loss.
    exposure
        Share of events with an open position, [0, 1].
    ambiguous_share, resolved_share
        Share of trades whose bar held both stop and target, and of those the share that
        finer bars settled.
    costs : Costs
    """

    n_days: int
    years: float
    days_per_year: float
    net_profit: float
    total_return: float
    sharpe: Estimate
    sharpe_daily: float
    sortino: Estimate
    cagr: Estimate
    volatility: Estimate
    max_drawdown: Estimate
    drawdown_days: int
    calmar: Estimate
    cvar_day: Estimate
    skew: float
    kurtosis: float
    n_trades: int
    trades_per_year: float
    win_rate: Estimate
    profit_factor: Estimate
    expectancy: Estimate
    payoff: Estimate
    exposure: float
    ambiguous_share: float
    resolved_share: float
    costs: Costs


def rng_for(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on *seed* and the names alone."""
    words = [zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def cvar(returns: FloatArray, tail: float) -> float:
    """Return the mean loss over the worst *tail* of the returns, a positive number.

    Notes
    -----
    Rockafellar and Uryasev's form: of ``tail * n`` returns, the last one counts in part.

    References
    ----------
    Rockafellar, R. T. and Uryasev, S. (2000). Optimization of Conditional Value-at-Risk.
    *Journal of Risk*, 2(3), 21-41.

    Examples
    --------
    >>> round(cvar(-np.arange(1.0, 11.0), 0.15), 6)
    9.666667
    """
    mass = tail * len(returns)
    if not mass > 0.0:
        return NAN
    ordered = np.sort(returns)
    weight = np.clip(mass - np.arange(len(ordered)), 0.0, 1.0)
    return -float(ordered @ weight) / mass


def costs_of(result: StrategyResult) -> Costs:
    """Return what *result* paid, as far as its records know."""
    trades = result.trades
    commission = float(np.sum(trades["commission"])) if len(trades) else 0.0
    swap = -float(np.sum(trades["swap"])) if len(trades) else 0.0
    commission += result.end_commission
    swap -= result.end_swap
    known = [commission, swap, result.spread_cost, result.slippage_cost]
    total = float(sum(cost for cost in known if not math.isnan(cost)))
    net = float(result.equity[-1]) - result.start_balance if len(result.equity) else 0.0
    before = net + total
    return Costs(
        commission=commission,
        swap=swap,
        spread=result.spread_cost,
        slippage=result.slippage_cost,
        total=total,
        profit_before=before,
        share=total / before if before > 0.0 else NAN,
    )


def open_events(result: StrategyResult) -> BoolArray:
    """Return at which events a position was open at some time, bool, shape (n_events,).

    Trades give entry and exit; a position that never closed shows as equity that differs
    from the balance.
    """
    change = np.zeros(len(result.time_ns) + 1, np.int64)
    if len(result.trades):
        np.add.at(change, result.trades["entry_event"], 1)
        np.add.at(change, result.trades["exit_event"] + 1, -1)
    held: BoolArray = (np.cumsum(change[:-1]) > 0) | (result.equity != result.balance)
    return held


def measure(
    result: StrategyResult, *, confidence: float = 0.95, samples: int = 2_000, seed: int = 0
) -> Metrics:
    """Measure one strategy.

    Parameters
    ----------
    result : StrategyResult
    confidence : float
        Of the intervals, such as 0.95.
    samples : int
        Bootstrap samples.
    seed : int
        Of the run; the strategy's name is mixed in, so its intervals do not depend on
        which other strategies were measured.

    Notes
    -----
    O(samples · (n_days + n_trades)); 2,000 samples of 3,000 days take 0.05 s.
    """
    daily = daily_returns(result.time_ns, result.equity, result.start_balance)
    rng = rng_for(seed, "metrics", result.name)
    path = path_estimates(daily, samples, confidence, rng)
    trade = trade_estimates(_net_by_exit(result), samples, confidence, rng)
    net = float(result.equity[-1]) - result.start_balance if len(result.equity) else 0.0
    ambiguous, resolved = _ambiguity(result)
    n_trades = len(result.trades)
    return Metrics(
        n_days=len(daily.returns),
        years=daily.years,
        days_per_year=daily.days_per_year,
        net_profit=net,
        total_return=net / result.start_balance,
        sharpe=path["sharpe"],
        sharpe_daily=sharpe_ratio(daily.returns),
        sortino=path["sortino"],
        cagr=path["cagr"],
        volatility=path["volatility"],
        max_drawdown=path["drawdown"],
        drawdown_days=duration_max(np.concatenate(([result.start_balance], daily.equity))),
        calmar=path["calmar"],
        cvar_day=path["cvar_day"],
        skew=skewness(daily.returns),
        kurtosis=kurtosis(daily.returns),
        n_trades=n_trades,
        trades_per_year=n_trades / daily.years if daily.years > 0.0 else NAN,
        win_rate=trade["win_rate"],
        profit_factor=trade["profit_factor"],
        expectancy=trade["expectancy"],
        payoff=trade["payoff"],
        exposure=float(np.mean(open_events(result))) if len(result.time_ns) else 0.0,
        ambiguous_share=ambiguous,
        resolved_share=resolved,
        costs=costs_of(result),
    )


def _ambiguity(result: StrategyResult) -> tuple[float, float]:
    """Return the share of ambiguous trades, and of those the share that was resolved."""
    names = result.trades.dtype.names or ()
    if not len(result.trades) or "is_ambiguous" not in names:
        return NAN, NAN
    ambiguous = result.trades["is_ambiguous"].astype(bool)
    share = float(np.mean(ambiguous))
    if "is_resolved" not in names or not share > 0.0:
        return share, NAN
    return share, float(np.mean(result.trades["is_resolved"][ambiguous].astype(bool)))


def _ratio(over: FloatArray, under: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(under > 0.0, over / under, np.nan)


def path_estimates(
    daily: DailyReturns, samples: int, confidence: float, rng: np.random.Generator
) -> Mapping[str, Estimate]:
    """Return the estimates that come from daily returns, by name.

    Those are ``sharpe``, ``sortino``, ``cagr``, ``volatility``, ``drawdown``, ``calmar`` and
    ``cvar_day``, as in :class:`Metrics`; NaN for a record that never moves.
    """
    names = ("sharpe", "sortino", "cagr", "volatility", "drawdown", "calmar", "cvar_day")
    returns = daily.returns
    if len(returns) < 2 or not np.any(returns != 0.0):
        return dict.fromkeys(names, Estimate(NAN))
    year = daily.days_per_year
    point = _derived(
        mean=np.array([np.mean(returns)]),
        deviation=np.array([np.std(returns, ddof=1)]),
        downside=np.array([math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))]),
        growth=np.array([float(np.mean(np.log1p(np.maximum(returns, -1.0 + 1e-12))))]),
        drawdown=np.array([drawdown_max(np.concatenate(([1.0], np.cumprod(1.0 + returns))))]),
        tail=np.array([cvar(returns, TAIL)]),
        days_per_year=year,
    )
    drawn = path_statistics(returns, samples, rng, tail=TAIL)
    spread = _derived(*drawn[:, :6].T, days_per_year=year)
    return {
        name: Estimate(float(point[name][0]), *interval(spread[name], confidence)) for name in names
    }


def _derived(
    mean: FloatArray,
    deviation: FloatArray,
    downside: FloatArray,
    growth: FloatArray,
    drawdown: FloatArray,
    tail: FloatArray,
    *,
    days_per_year: float,
) -> Mapping[str, FloatArray]:
    """Turn per-day statistics into annual ones, all of shape (n,)."""
    cagr = np.expm1(growth * days_per_year)
    root = math.sqrt(days_per_year)
    return {
        "sharpe": _ratio(mean, deviation) * root,
        "sortino": _ratio(mean, downside) * root,
        "cagr": cagr,
        "volatility": deviation * root,
        "drawdown": drawdown,
        "calmar": _ratio(cagr, drawdown),
        "cvar_day": tail,
    }


def _net_by_exit(result: StrategyResult) -> FloatArray:
    """Return the net profit of each trade, in order of exit."""
    if not len(result.trades):
        return np.empty(0)
    order = np.argsort(result.trades["exit_event"], kind="stable")
    return np.ascontiguousarray(result.trades["net"][order], dtype=np.float64)


def trade_estimates(
    net: FloatArray, samples: int, confidence: float, rng: np.random.Generator
) -> Mapping[str, Estimate]:
    """Return the estimates that come from closed trades, by name.

    Those are ``win_rate``, ``profit_factor``, ``expectancy`` and ``payoff``; NaN without trades.

    Parameters
    ----------
    net : float64, shape (n_trades,)
        Net profits, in order of exit.
    samples : int
    confidence : float
    rng : numpy.random.Generator
    """
    names = ("win_rate", "profit_factor", "expectancy", "payoff")
    if not len(net):
        return dict.fromkeys(names, Estimate(NAN))
    won, lost = net[net > 0.0], net[net < 0.0]
    point = (
        len(won) / len(net),
        float(np.sum(won)) / -float(np.sum(lost)) if len(lost) else math.inf,
        float(np.mean(net)),
        float(np.mean(won)) / -float(np.mean(lost)) if len(won) and len(lost) else NAN,
    )
    if len(net) < TRADES_FOR_INTERVALS:
        return {name: Estimate(value) for name, value in zip(names, point, strict=True)}
    drawn = trade_statistics(net, samples, rng)
    return {
        name: Estimate(point[i], *interval(drawn[:, i], confidence)) for i, name in enumerate(names)
    }
