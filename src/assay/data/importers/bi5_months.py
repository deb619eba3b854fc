"""The trap of months: archives whose path counts months from 1 are told by their weekends."""

from pathlib import Path

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.importers.bi5_path import Place, from_one
from assay.data.importers.scale import plausible_range
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, iso_utc
from assay.domain.timeframe import Timeframe

_FIRST_SURE_NS = 1_199_145_600 * 10**9  # 2008: before, quotes on Saturdays occur
_CLOSED_SHARE_MAX = 0.02
_HOURS_SHUT_MIN = 10
_MONDAY_NS = 4 * NS_PER_DAY  # 1970-01-05


def refuse_months_from_one(
    path: Path,
    place: Place,
    time_ns: IntArray,
    symbol: str | None,
    values: dict[str, FloatArray],
) -> tuple[str, ...]:
    """Refuse rows that trade in the weekend of 0-based months, but not of 1-based ones.

    Parameters
    ----------
    path, place
        Where the rows are from, and where that belongs with months counted from 0.
    time_ns : int64, shape (n_rows,)
    symbol : str or None
        Only currencies and metals have known weekends.
    values : mapping of role to float64, shape (n_rows,)

    Returns
    -------
    warnings : tuple of str
        What points to months counted from 1, but does not prove it.

    Raises
    ------
    DataError
        If the rows prove that months are counted from 1.

    Notes
    -----
    On every server clock and season the market is shut from Friday 22:30 to Sunday 20:30 UTC. Only
    Saturday and Sunday prove anything: a feed may trade on for a while on Friday.
    A path of month 02 cannot be told by weekends: the February before a March of 28 days begins
    on the same weekday. A tree with a month 12 is refused by its path instead.
    """
    shift_ns = place.shift_from_one_ns
    if shift_ns is None or symbol is None or plausible_range(symbol) is None:
        return ()
    if place.timeframe is Timeframe.D1:
        return ()
    traded = _traded(values)
    if not traded.any():
        return ()
    closed = (_is_weekend(time_ns, friday=False))[traded].mean()
    closed_if = _is_weekend(time_ns + shift_ns)[traded].mean()
    if closed > _CLOSED_SHARE_MAX and closed_if == 0.0:
        at = int(np.flatnonzero(traded & _is_weekend(time_ns, friday=False))[0])
        reason = (
            f"with months from 0, {closed:.0%} of its rows trade in the weekend (the first on "
            f"{iso_utc(int(time_ns[at]))}), with months from 1 none does"
        )
        if time_ns[0] >= _FIRST_SURE_NS:
            raise from_one(path, reason)
        return (f"The months of the path may be counted from 1: {reason}.",)
    return _shut_on_weekdays(place, time_ns, traded, shift_ns)


def _shut_on_weekdays(
    place: Place, time_ns: IntArray, traded: BoolArray, shift_ns: int
) -> tuple[str, ...]:
    """Warn of long pauses on weekdays that would be weekends if months were counted from 1."""
    if place.timeframe is None:
        return ()
    step_ns = place.timeframe.nominal_ns
    n_min = _HOURS_SHUT_MIN * NS_PER_HOUR // step_ns
    shut = ~traded
    if np.count_nonzero(shut) < n_min:
        return ()
    here, there = (_is_weekend(time_ns[shut] + shift).mean() for shift in (0, shift_ns))
    if there > 0.8 and here < 0.2:
        return (
            "The months of the path may be counted from 1: the pauses of the archive are those of "
            f"a weekend then, and lie on weekdays with months from 0 ({1 - here:.0%} of them).",
        )
    return ()


def _traded(values: dict[str, FloatArray]) -> BoolArray:
    """Tell which rows are quotes rather than candles that fill a pause."""
    if "volume" not in values:
        return np.ones(len(values["bid"]), dtype=np.bool_)
    is_flat = (values["high"] == values["low"]) & (values["open"] == values["close"])
    return np.asarray(~(is_flat & (values["volume"] == 0.0)), dtype=np.bool_)


def _is_weekend(time_ns: IntArray, *, friday: bool = True) -> BoolArray:
    """Tell which instants lie between Friday 22:30, or Saturday, and Sunday 20:30 UTC."""
    since_monday = (time_ns - _MONDAY_NS) % (7 * NS_PER_DAY)
    start = 5 * NS_PER_DAY
    if friday:
        start -= NS_PER_HOUR + NS_PER_HOUR // 2
    stop = 6 * NS_PER_DAY + 20 * NS_PER_HOUR + NS_PER_HOUR // 2
    return np.asarray((since_monday >= start) & (since_monday < stop), dtype=np.bool_)
