"""Where and when a strategy earned: trades by group, returns by month, worst falls."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.calendar import trading_day_start
from assay.domain.fill import ExitReason
from assay.domain.time import NS_PER_HOUR
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.daily import DailyReturns, daily_returns
from assay.research.drawdown import drawdowns
from assay.research.result import Regimes, StrategyResult

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
REASON_WORDS = {
    ExitReason.STOP.value: "Stop",
    ExitReason.TARGET.value: "Take-profit",
    ExitReason.SIGNAL.value: "Signal turned",
    ExitReason.TIME_STOP.value: "Time stop",
    ExitReason.STOP_OUT.value: "Stop-out (margin)",
    ExitReason.REQUEST.value: "Request",
    ExitReason.END.value: "End of data",
}
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The trades of one group; money in account currency, NaN where there is no trade.

    Attributes
    ----------
    label : str
    n_trades : int
    win_rate : float
        [0, 1].
    net, net_mean : float
        Sum and mean of net profit.
    profit_factor : float
        Sum of wins over sum of losses; infinite without a loss.
    """

    label: str
    n_trades: int
    win_rate: float
    net: float
    net_mean: float
    profit_factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class YearReturns:
    """One calendar year: a return for each month, NaN where there was none, and their product."""

    year: int
    months: tuple[float, ...]
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """One of the worst drawdowns, in dates; *recovered_ns* is None while it lasts."""

    depth: float
    peak_ns: int
    trough_ns: int
    recovered_ns: int | None
    n_days: int


def group_of(label: str, net: FloatArray) -> Group:
    """Return the summary of trades with these net profits."""
    won, lost = net[net > 0.0], net[net < 0.0]
    n = len(net)
    if not n:
        factor = math.nan
    else:
        factor = float(np.sum(won)) / -float(np.sum(lost)) if len(lost) else math.inf
    return Group(
        label=label,
        n_trades=n,
        win_rate=len(won) / n if n else math.nan,
        net=float(np.sum(net)),
        net_mean=float(np.mean(net)) if n else math.nan,
        profit_factor=factor,
    )


def _grouped(
    result: StrategyResult, key: IntArray, labels: Sequence[tuple[int, str]], *, keep_empty: bool
) -> tuple[Group, ...]:
    net = np.asarray(result.trades["net"], dtype=np.float64)
    groups = (group_of(label, net[key == value]) for value, label in labels)
    return tuple(group for group in groups if keep_empty or group.n_trades)


def by_hour(result: StrategyResult) -> tuple[Group, ...]:
    """Return trades by the UTC hour of entry, 24 groups."""
    hour = result.entry_ns // NS_PER_HOUR % 24
    labels = [(value, f"{value:02d}") for value in range(24)]
    return _grouped(result, hour, labels, keep_empty=True)


def by_weekday(result: StrategyResult) -> tuple[Group, ...]:
    """Return trades by the trading day of entry; Sunday evening in New York is Monday."""
    middle = trading_day_start(result.entry_ns) + 12 * NS_PER_HOUR
    weekday = (middle // (24 * NS_PER_HOUR) + _EPOCH_WEEKDAY) % 7
    return _grouped(result, weekday, list(enumerate(WEEKDAYS)), keep_empty=False)


def by_side(result: StrategyResult) -> tuple[Group, ...]:
    """Return trades by direction."""
    side = np.asarray(result.trades["side"], dtype=np.int64)
    return _grouped(result, side, [(1, "Long"), (-1, "Short")], keep_empty=False)


def by_symbol(result: StrategyResult) -> tuple[Group, ...]:
    """Return trades by symbol."""
    symbol = np.asarray(result.trades["symbol"], dtype=np.int64)
    return _grouped(result, symbol, list(enumerate(result.symbols)), keep_empty=False)


def by_exit(result: StrategyResult) -> tuple[Group, ...]:
    """Return trades by the reason of their last exit."""
    if "reason" not in (result.trades.dtype.names or ()):
        return ()
    reason = np.asarray(result.trades["reason"], dtype=np.int64)
    return _grouped(result, reason, list(REASON_WORDS.items()), keep_empty=False)


def by_regime(result: StrategyResult, regimes: Regimes) -> tuple[Group, ...]:
    """Return trades by the regime that was known when they were entered."""
    place = np.searchsorted(regimes.time_ns, result.entry_ns, side="right") - 1
    known = place >= 0
    label = np.full(len(place), -1, np.int64)
    label[known] = regimes.label[place[known]]
    labels = [*enumerate(name.capitalize() for name in regimes.names), (-1, "Not known yet")]
    return _grouped(result, label, labels, keep_empty=False)


def regime_shares(regimes: Regimes) -> tuple[tuple[str, float], ...]:
    """Return how much of the time each regime ruled, as name and share."""
    n = max(len(regimes.label), 1)
    return tuple(
        (name.capitalize(), float(np.sum(regimes.label == index)) / n)
        for index, name in enumerate(regimes.names)
    )


def by_year(daily: DailyReturns, start_balance: float) -> tuple[YearReturns, ...]:
    """Return every calendar year's monthly returns, oldest first.

    A month's return runs from the last close before it to its last close.
    """
    if not len(daily.day_ns):
        return ()
    month = months_of(daily.day_ns)
    last = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    closes = daily.equity[last]
    before = np.concatenate(([start_balance], closes[:-1]))
    growth = np.divide(closes, before, out=np.ones_like(closes), where=before > 0.0)
    years: dict[int, list[float]] = {}
    for index, factor in zip(month[last], growth, strict=True):
        year, place = divmod(int(index), 12)
        years.setdefault(1970 + year, [math.nan] * 12)[place] = float(factor) - 1.0
    return tuple(
        YearReturns(
            year=year,
            months=tuple(months),
            total=math.prod(1.0 + value for value in months if not math.isnan(value)) - 1.0,
        )
        for year, months in sorted(years.items())
    )


def months_of(time_ns: IntArray) -> IntArray:
    """Return months since 1970-01, int64, of UTC times just before the day's end."""
    day: IntArray = (
        (time_ns - NS_PER_HOUR).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    )
    return day


def worst_falls(daily: DailyReturns, start_balance: float, n_worst: int = 5) -> tuple[Fall, ...]:
    """Return the deepest drawdowns of daily equity, with their dates."""
    if not len(daily.day_ns):
        return ()
    curve = np.concatenate(([start_balance], daily.equity))
    time = np.concatenate((daily.day_ns[:1], daily.day_ns))
    return tuple(
        Fall(
            depth=fall.depth,
            peak_ns=int(time[fall.i_peak]),
            trough_ns=int(time[fall.i_trough]),
            recovered_ns=None if fall.i_recovered is None else int(time[fall.i_recovered]),
            n_days=(len(curve) - 1 if fall.i_recovered is None else fall.i_recovered) - fall.i_peak,
        )
        for fall in drawdowns(curve, n_worst)
    )


def grouped_tables(
    result: StrategyResult, regimes: Regimes | None
) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    """Return every grouping that has something to say, as title and groups."""
    if not len(result.trades):
        return ()
    tables: list[tuple[str, tuple[Group, ...]]] = []
    makers: tuple[tuple[str, Callable[[StrategyResult], tuple[Group, ...]]], ...] = (
        ("By hour of entry (UTC)", by_hour),
        ("By trading day of entry", by_weekday),
        ("By direction", by_side),
        ("By reason of exit", by_exit),
    )
    for title, maker in makers:
        tables.append((title, maker(result)))
    if regimes is not None:
        tables.append(("By regime at entry", by_regime(result, regimes)))
    if len(result.symbols) > 1:
        tables.append(("By symbol", by_symbol(result)))
    return tuple((title, groups) for title, groups in tables if groups)


def daily_of(result: StrategyResult) -> DailyReturns:
    """Return the daily equity of *result*."""
    return daily_returns(result.time_ns, result.equity, result.start_balance)
