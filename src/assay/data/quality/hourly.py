"""A series by the hour: activity, range and spread, summed while it passes block by block."""

from dataclasses import dataclass

import numpy as np

from assay.data.arrays import FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.data.calendar import MINUTES_PER_WEEK, minute_of_week, new_york_offset
from assay.data.quality.prices import digits_of, off_grid
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR

HOURS_PER_WEEK = MINUTES_PER_WEEK // 60
_SUNDAY_NS = 3 * NS_PER_DAY  # 1970-01-04 was a Sunday


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours that have rows, oldest first; every array has shape (n_hours,).

    Attributes
    ----------
    time_ns : int64
        Begin of each hour, UTC nanoseconds.
    rows : int64
    activity : float64
        Ticks, or the volume of bars; 0 where none is known.
    top, bottom : float64
        Highest and lowest price (of ticks: the middle).
    spread : float64
        Mean spread over mean price; NaN where none is known.
    decimals : float64
        Most decimal places that a price of the hour needs.
    """

    time_ns: IntArray
    rows: IntArray
    activity: FloatArray
    top: FloatArray
    bottom: FloatArray
    spread: FloatArray
    decimals: FloatArray

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def week(self) -> IntArray:
        """Number of the week, which begins on Sunday 00:00 New York."""
        local = self.time_ns + new_york_offset(self.time_ns)
        return (local - _SUNDAY_NS) // (7 * NS_PER_DAY)

    @property
    def hour_of_week(self) -> IntArray:
        """Hours since Sunday 00:00 New York, 0 … 167."""
        return minute_of_week(self.time_ns) // 60

    @property
    def log_range(self) -> FloatArray:
        """Logarithm of the range over the price, with a floor of a hundredth of a basis point."""
        return np.log(np.maximum(self.top - self.bottom, 0.0) / self.bottom + 1e-6)


class HourSums:
    """Collects :class:`Hours` from blocks of rows."""

    def __init__(self) -> None:
        self._pieces: list[tuple[IntArray, FloatArray]] = []

    def add_bars(self, bars: Bars) -> None:
        """Add the bars of one block, without its context."""
        self._add(
            bars.time_ns, bars.volume, bars.high, bars.low, bars.spread, decimals_of(bars.close)
        )

    def add_ticks(self, ticks: Ticks) -> None:
        """Add the ticks of one block, without its context."""
        mid, spread = 0.5 * (ticks.bid + ticks.ask), ticks.ask - ticks.bid
        self._add(ticks.time_ns, np.ones(len(ticks)), mid, mid, spread, decimals_of(ticks.bid))

    def _add(
        self,
        time_ns: IntArray,
        activity: FloatArray,
        top: FloatArray,
        bottom: FloatArray,
        spread: FloatArray,
        decimals: FloatArray,
    ) -> None:
        hour = time_ns // NS_PER_HOUR
        if len(hour) and not bool(np.all(np.diff(hour) >= 0)):
            order = np.argsort(hour, kind="stable")
            hour = hour[order]
            activity, top, bottom, spread, decimals = (
                column[order] for column in (activity, top, bottom, spread, decimals)
            )
        is_known = np.isfinite(spread)
        price = np.where((bottom > 0.0) & np.isfinite(bottom), bottom, np.nan)
        ratio = np.where(is_known, spread, 0.0) / np.where(np.isfinite(price), price, np.inf)
        columns = np.stack(
            [
                np.ones(len(hour)),
                np.where((activity > 0.0) & np.isfinite(activity), activity, 0.0),
                np.where(np.isfinite(top), top, -np.inf),
                np.where(np.isfinite(price), -price, -np.inf),
                decimals,
                ratio,
                is_known.astype(np.float64),
            ]
        )
        self._pieces.append(_by_hour(hour, columns))

    def hours(self) -> Hours:
        """Return the hours of everything that was added."""
        hour = np.concatenate([piece[0] for piece in self._pieces])
        columns = np.concatenate([piece[1] for piece in self._pieces], axis=1)
        order = np.argsort(hour, kind="stable")
        hour, columns = _by_hour(hour[order], columns[:, order])
        rows, activity, top, bottom, decimals, spread, n_spread = columns
        with np.errstate(invalid="ignore", divide="ignore"):
            mean_spread = np.where(n_spread > 0, spread / n_spread, np.nan)
        sound = np.isfinite(top) & np.isfinite(bottom)
        return Hours(
            time_ns=hour * NS_PER_HOUR,
            rows=rows.astype(np.int64),
            activity=activity,
            top=np.where(sound, top, 1.0),
            bottom=np.where(sound, -bottom, 1.0),
            spread=mean_spread,
            decimals=decimals,
        )


def decimals_of(price: FloatArray) -> FloatArray:
    """Return the decimal places each price needs, as far as a fifth of the prices use them."""
    sound = np.where(np.isfinite(price), price, 0.0)
    most = digits_of((sound,))
    decimals = np.full(len(price), float(most))
    for fewer in (1, 2):
        if most >= fewer:
            decimals[~off_grid(sound, most - fewer)] = most - fewer
    return decimals


def _by_hour(hour: IntArray, columns: FloatArray) -> tuple[IntArray, FloatArray]:
    """Sum the columns of each hour; of the third to the fifth take the largest."""
    starts = np.flatnonzero(np.concatenate([[True], hour[1:] != hour[:-1]]))
    summed = np.add.reduceat(columns, starts, axis=1)
    summed[2:5] = np.maximum.reduceat(columns[2:5], starts, axis=1)
    return hour[starts], summed


def weekly_table(hours: Hours, values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return values by week and hour of the week, NaN where there is none.

    Returns
    -------
    table : float64, shape (n_weeks, 168)
    week : int64, shape (n_hours,)
        Row of each hour in the table.
    """
    week = hours.week
    week = week - week.min()
    table = np.full((int(week.max()) + 1, HOURS_PER_WEEK), np.nan)
    table[week, hours.hour_of_week] = values
    return table, week
