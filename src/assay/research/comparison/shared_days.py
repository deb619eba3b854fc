"""The days that all compared strategies traded: only these count."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.comparison.entrant import DayArray, Entrant
from assay.research.daily import DAYS_PER_YEAR, DailyReturns

DAYS_MIN = 60
"""Fewer shared days say nothing about a difference."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedDays:
    """Daily returns of all entrants over the same spans of time.

    Attributes
    ----------
    day : datetime64[D], shape (n_days,)
        The day at whose end each return ends.
    returns : float64, shape (n_days, n_entrants)
        From one shared close to the next, as fractions: where somebody lacks a day, the returns
        of all run over it.
    from_start : bool
        Whether the first return runs from the start balances: all began on the same day.
    own_days : tuple of int
        Days that each has of its own.
    years : float
    days_per_year : float
        Shared days that were in a year of this span: the annual factor.
    """

    day: DayArray
    returns: FloatArray
    from_start: bool
    own_days: tuple[int, ...]
    years: float
    days_per_year: float

    @property
    def day_ns(self) -> IntArray:
        """End of each day about 17:00 New York, UTC nanoseconds, for axes and months."""
        ends: IntArray = self.day.astype("datetime64[ns]").astype(np.int64) + 21 * NS_PER_DAY // 24
        return ends

    def daily(self, place: int) -> DailyReturns:
        """Return the record of one entrant on the shared days, its account starting at 1."""
        returns = self.returns[:, place]
        return DailyReturns(
            day_ns=self.day_ns,
            equity=np.asarray(np.cumprod(1.0 + returns), dtype=np.float64),
            returns=returns,
            years=self.years,
            days_per_year=self.days_per_year,
        )


def shared_days(entrants: Sequence[Entrant]) -> SharedDays:
    """Return the returns of *entrants* over the spans between the closes that all have.

    Raises
    ------
    DataError
        If fewer than ``DAYS_MIN`` returns are shared.
    """
    closes = reduce(np.intersect1d, (item.day for item in entrants))
    from_start = len({item.day[0] for item in entrants if len(item.day)}) == 1
    columns = [_returns(item, closes, from_start=from_start) for item in entrants]
    returns = np.column_stack(columns)
    day = closes if from_start else closes[1:]
    if len(day) < DAYS_MIN:
        spans = "; ".join(f"{item.name} {_span(item.day)}" for item in entrants)
        raise DataError(
            f"A comparison must have at least {DAYS_MIN} shared days; had {len(day)}: {spans}.",
            remedy="Compare runs over the same span of the market.",
            n_days=len(day),
        )
    elapsed = float((closes[-1] - closes[0]) / np.timedelta64(1, "D"))
    return SharedDays(
        day=day,
        returns=returns,
        from_start=from_start,
        own_days=tuple(len(item.day) for item in entrants),
        years=(elapsed + from_start) / DAYS_PER_YEAR,
        days_per_year=(len(closes) - 1) / elapsed * DAYS_PER_YEAR,
    )


def _returns(entrant: Entrant, closes: DayArray, *, from_start: bool) -> FloatArray:
    """Return the growth between *closes*, as fractions; a ruined account stays at 0."""
    equity = np.maximum(entrant.equity[np.searchsorted(entrant.day, closes)], 0.0)
    ruined = np.flatnonzero(equity <= 0.0)
    if len(ruined):
        equity[ruined[0] :] = 0.0
    levels = np.concatenate(([entrant.start_balance], equity)) if from_start else equity
    before, after = levels[:-1], levels[1:]
    return np.divide(after, before, out=np.ones_like(after), where=before > 0.0) - 1.0


def _span(day: DayArray) -> str:
    return f"{day[0]} to {day[-1]}" if len(day) else "none"


def at_same_risk(returns: FloatArray) -> FloatArray:
    """Return every column over its own deviation (``ddof=1``): means become Sharpe ratios.

    A strategy that never moved stays at 0.
    """
    deviation = np.std(returns, axis=0, ddof=1)
    moves = np.ptp(returns, axis=0) > 0.0
    scaled: FloatArray = returns / np.where(moves, deviation, 1.0)
    return scaled
