"""What became of one account on one path: how it ended, how far it fell, how long it took."""

import math
from dataclasses import dataclass

import numpy as np

from assay.domain.fill import ExitReason
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.daily import DailyReturns, daily_returns
from assay.research.drawdown import underwater
from assay.research.result import StrategyResult
from assay.research.statistics.sharpe import sharpe_ratio

CURVE_POINTS = 180
"""Places of a path that are kept for its picture."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """The days of the real record: every path is seen at these closes.

    Attributes
    ----------
    day_ns : int64, shape (n_days,)
        Ends of the trading days, UTC nanoseconds.
    days_per_year : float
    shown : int64, shape (n_shown,)
        The days that a picture shows, the first and the last among them.
    """

    day_ns: IntArray
    days_per_year: float
    shown: IntArray

    @classmethod
    def of(cls, daily: DailyReturns) -> "Axis":
        """Return the days of a record."""
        n_days = len(daily.day_ns)
        shown = np.unique(np.linspace(0, n_days - 1, min(CURVE_POINTS, n_days)).astype(np.int64))
        return cls(day_ns=daily.day_ns, days_per_year=daily.days_per_year, shown=shown)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One path.

    Attributes
    ----------
    growth : float
        Equity at the end over the start balance.
    lowest : float
        Lowest equity over the start balance; where the path has bars, of every bar.
    sharpe : float
        Annual, of daily returns over cash at 0 %; 0 for a path that never moves.
    drawdown : float
        Largest loss from a peak of daily closes, a fraction.
    recovery_days : float
        Trading days from the peak before the deepest fall until it was reached again; infinite
        if it was not, 0 without a fall.
    n_trades : int
    is_stopped_out : bool
        The broker closed a position for want of margin.
    curve : float64, shape (n_shown,)
        Equity over the start balance at ``Axis.shown``.
    """

    growth: float
    lowest: float
    sharpe: float
    drawdown: float
    recovery_days: float
    n_trades: int
    is_stopped_out: bool
    curve: FloatArray


def outcome_of_run(result: StrategyResult, axis: Axis) -> Outcome:
    """Return what became of an account that the engine kept."""
    daily = daily_returns(result.time_ns, result.equity, result.start_balance)
    event = np.searchsorted(result.time_ns, axis.day_ns[axis.shown], side="right") - 1
    seen = np.concatenate(([result.start_balance], result.equity))[event + 1]
    return _outcome(
        daily.returns,
        growth=float(result.equity[-1]) / result.start_balance,
        days_per_year=daily.days_per_year,
        lowest=float(np.min(result.equity, initial=result.start_balance)) / result.start_balance,
        n_trades=len(result.trades),
        is_stopped_out=bool(np.any(result.trades["reason"] == ExitReason.STOP_OUT)),
        curve=np.maximum(seen, 0.0) / result.start_balance,
    )


def outcome_of_days(growth: FloatArray, axis: Axis, *, n_trades: int) -> Outcome:
    """Return what became of an account that is known at the closes of the days alone.

    Parameters
    ----------
    growth : float64, shape (n_days,)
        Equity over the start balance at every day of *axis*.
    axis : Axis
    n_trades : int
    """
    closes = np.maximum(growth, 0.0)
    before = np.concatenate(([1.0], closes[:-1]))
    returns = np.divide(closes, before, out=np.ones_like(closes), where=before > 0.0) - 1.0
    return _outcome(
        returns,
        growth=float(closes[-1]),
        days_per_year=axis.days_per_year,
        lowest=float(np.min(closes, initial=1.0)),
        n_trades=n_trades,
        is_stopped_out=False,
        curve=closes[axis.shown],
    )


def _outcome(
    returns: FloatArray,
    *,
    growth: float,
    days_per_year: float,
    lowest: float,
    n_trades: int,
    is_stopped_out: bool,
    curve: FloatArray,
) -> Outcome:
    path = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    loss = underwater(path)
    sharpe = sharpe_ratio(returns) * math.sqrt(days_per_year)
    return Outcome(
        growth=max(growth, 0.0),
        lowest=lowest,
        sharpe=sharpe if math.isfinite(sharpe) else 0.0,
        drawdown=float(np.max(loss)),
        recovery_days=recovery_days(path, loss),
        n_trades=n_trades,
        is_stopped_out=is_stopped_out,
        curve=curve,
    )


def recovery_days(path: FloatArray, loss: FloatArray) -> float:
    """Return the periods from the peak before the deepest fall until it was reached again.

    Parameters
    ----------
    path : float64, shape (n,)
        Equity, the start included.
    loss : float64, shape (n,)
        Its distance below the last peak, a fraction.

    Examples
    --------
    >>> path = np.array([1.0, 1.2, 0.9, 1.0, 1.3])
    >>> recovery_days(path, underwater(path))
    3.0
    """
    trough = int(np.argmax(loss))
    if loss[trough] <= 0.0:
        return 0.0
    peak = int(np.argmax(path[: trough + 1]))
    back = np.flatnonzero(path[trough:] >= path[peak])
    return float(trough + back[0] - peak) if len(back) else math.inf
