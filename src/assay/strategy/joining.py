"""A column of longer bars, joined on the time at which each longer bar is known."""

from collections.abc import Callable
from typing import Any

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import bar_close, bar_open
from assay.data.resample import resample
from assay.domain.errors import StrategyError
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray


def higher(bars: Bars, timeframe: str | Timeframe, function: Callable[[Bars], Any]) -> FloatArray:
    """Return *function* of the bars of a longer timeframe, as far as known at each bar's close.

    Parameters
    ----------
    bars : Bars
    timeframe : str
        Longer than that of *bars*, such as ``"H4"``.
    function : callable
        From bars to one number per bar; another column will do.

    Returns
    -------
    values : float64, shape (n_bars,)
        At bar *i* the value of the last longer bar whose close is at or before that of bar *i*;
        NaN before the first.

    Raises
    ------
    StrategyError
        If the timeframe is not longer, or *function* does not return one number per longer bar.

    Notes
    -----
    A longer bar whose beginning lies before the first of *bars* is left out: nobody can tell its
    open, high and low. A warm-up of ``(n + 1) * k`` bars, *k* being the bars in a longer one,
    covers *n* longer bars.
    """
    frame = timeframe if isinstance(timeframe, Timeframe) else Timeframe.parse(timeframe)
    if frame.value <= bars.timeframe.value:
        raise StrategyError(
            f"higher() must join a timeframe longer than {bars.timeframe.name}; was {frame.name}.",
            remedy="Name a longer one, or call the function with the bars at hand.",
            value=frame.name,
        )
    if not len(bars):
        return np.empty(0)
    is_whole = int(bar_open(bars.time_ns[:1], frame)[0]) == int(bars.time_ns[0])
    longer = resample(bars, frame)
    longer = longer if is_whole else longer.between(1, len(longer))
    values = np.asarray(function(longer))
    if values.shape != (len(longer),) or values.dtype.kind not in "fiub":
        raise StrategyError(
            f"The function given to higher() must return {len(longer):,} numbers, one per "
            f"{frame.name} bar; returned shape {values.shape} of {values.dtype}.",
            remedy="Return a NumPy array with one number per bar, NaN where it is unknown.",
        )
    known_ns = bar_close(bars.time_ns, bars.timeframe)
    latest = np.searchsorted(bar_close(longer.time_ns, frame), known_ns, side="right")
    return np.concatenate(([np.nan], values.astype(np.float64)))[latest]
