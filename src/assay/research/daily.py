"""Equity as a daily account statement sees it, at the 17:00 New York closes."""

import math
from dataclasses import dataclass

import numpy as np

from assay.data.calendar import trading_day_start
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.kernels.compiler import FloatArray, IntArray

DAYS_PER_YEAR = 365.25
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyReturns:
    """Equity as a daily account statement sees it.

    Attributes
    ----------
    day_ns : int64, shape (n_days,)
        End of each trading day (17:00 New York), UTC nanoseconds.
    equity : float64, shape (n_days,)
        At the end of the day, account currency.
    returns : float64, shape (n_days,)
        Change over the day, as a fraction; the first one starts at the start balance.
    years : float
        From the first event's day to the last, in calendar years.
    days_per_year : float
        Trading days that really were in a year of this span: the annual factor.
    """

    day_ns: IntArray
    equity: FloatArray
    returns: FloatArray
    years: float
    days_per_year: float


def daily_returns(time_ns: IntArray, equity: FloatArray, start_balance: float) -> DailyReturns:
    """Return equity at the 17:00 New York closes, and its changes.

    Parameters
    ----------
    time_ns : int64, shape (n_events,)
        When each value is known, not decreasing. A value known at 17:00 exactly belongs to
        the day that ends then.
    equity : float64, shape (n_events,)
    start_balance : float
        Account currency, above 0.

    Notes
    -----
    A day without an event does not exist, so weekends and holidays add no zero returns. What
    little is quoted between Friday's close and Sunday's open counts to the next day. An
    account that falls to zero or below has lost everything: that day returns -1, and every
    later one 0.
    """
    if not len(time_ns):
        none = np.empty(0)
        return DailyReturns(
            day_ns=np.empty(0, np.int64),
            equity=none,
            returns=none,
            years=0.0,
            days_per_year=math.nan,
        )
    start = trading_day_start(time_ns - 1)
    last = _last_of_days(start)
    closes = np.maximum(equity[last], 0.0)
    ruined = np.flatnonzero(closes <= 0.0)
    if len(ruined):
        closes[ruined[0] :] = 0.0
    before = np.concatenate(([start_balance], closes[:-1]))
    returns = np.divide(closes, before, out=np.ones_like(closes), where=before > 0.0) - 1.0
    first_day, last_day = int(start[0]), int(start[-1])
    years = ((last_day - first_day) / NS_PER_DAY + 1.0) / DAYS_PER_YEAR
    return DailyReturns(
        day_ns=trading_day_start(start[last] + 26 * NS_PER_HOUR),
        equity=closes,
        returns=returns,
        years=years,
        days_per_year=_days_per_year(len(last), first_day, last_day),
    )


def last_of_days(time_ns: IntArray) -> IntArray:
    """Return the last event of each trading day, shape (n_days,), as ``daily_returns`` sees them.

    Parameters
    ----------
    time_ns : int64, shape (n_events,)
        When each event is known, not decreasing; at least one.
    """
    return _last_of_days(trading_day_start(time_ns - 1))


def _last_of_days(start: IntArray) -> IntArray:
    """Return the last event of each trading day that begins on Sunday to Thursday."""
    last = np.append(np.flatnonzero(np.diff(start)), len(start) - 1)
    weekday = ((start[last] + 12 * NS_PER_HOUR) // NS_PER_DAY + _EPOCH_WEEKDAY) % 7
    kept: IntArray = last[weekday < _SATURDAY]
    if not len(kept):
        return last[-1:]
    if weekday[-1] >= _SATURDAY:
        kept[-1] = last[-1]
    return kept


def _days_per_year(n_days: int, first_ns: int, last_ns: int) -> float:
    """Return trading days per calendar year, from steps between days so that ends are fair."""
    elapsed_days = (last_ns - first_ns) / NS_PER_DAY
    if n_days < 2 or elapsed_days < 28.0:
        return 260.0  # too short to count: five days a week
    return (n_days - 1) / elapsed_days * DAYS_PER_YEAR
