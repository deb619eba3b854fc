"""What bars of days say of their clock."""

import numpy as np

from assay.data.arrays import IntArray
from assay.data.columns import distinct
from assay.data.importers.clock_finding import ClockFinding
from assay.domain.time import NS_PER_DAY

_WEEKS_MIN = 26
_WEEKEND_SHARE_MAX = 0.02


def clock_of_days(local_ns: IntArray, bar_ns: int, said: str) -> ClockFinding:
    """Return the clock of days and longer bars, if their dates tell.

    Parameters
    ----------
    local_ns : int64, shape (n_rows,)
        Sorted.
    bar_ns : int
    said : str
        What a comparison with a reference found, to be added to the reason.

    Notes
    -----
    Days show no hours: dates without weekends over half a year are those of a server whose
    day begins with the New York trading day; with Sundays the day may begin anywhere.
    """
    days = distinct(local_ns // NS_PER_DAY)
    weekday = (days + 4) % 7
    n_weeks = len(distinct((days + 3) // 7))
    n_weekend = int(np.count_nonzero((weekday == 0) | (weekday == 6)))
    is_midnight = bool(np.mean(local_ns % NS_PER_DAY == 0) > 0.99)
    few_weekends = n_weekend <= _WEEKEND_SHARE_MAX * len(days)
    if bar_ns == NS_PER_DAY and is_midnight and n_weeks >= _WEEKS_MIN and few_weekends:
        says = (
            f"{len(days)} days, none on a weekend: days that begin with the New York trading "
            "day, as on MT5 servers" + said
        )
        return ClockFinding(timezone="NY+7", confidence=0.8, why=says)
    says = f"{len(days)} daily rows, {n_weekend} on weekends, do not show when a day begins{said}"
    return ClockFinding(timezone=None, confidence=0.0, why=says)
