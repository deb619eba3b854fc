"""Where a position leaves: bracket prices, break-even, trailing.

Long stops are rounded down and short ones up, so that the grid never brings a stop nearer;
the size is taken from the distance that the grid has already widened.
"""

from assay.kernels.compiler import kernel
from assay.risk.grid import down_tick, up_tick


@kernel
def stop_distance(unit: float, stop_atr: float, stop_level: float, tick_size: float) -> float:
    """Return the distance of the stop from the entry, in price units, on the tick grid.

    Parameters
    ----------
    unit : float
        Volatility unit (ATR), price units, > 0.
    stop_atr : float
        Distance in units.
    stop_level : float
        Least distance that the venue takes, price units.
    tick_size : float
    """
    return up_tick(max(stop_atr * unit, stop_level, tick_size), tick_size)


@kernel
def stop_price(side: int, entry: float, distance: float, tick_size: float) -> float:
    """Return the stop of a position entered at *entry*: on the grid, at least *distance* away."""
    if side > 0:
        return down_tick(entry - distance, tick_size)
    return up_tick(entry + distance, tick_size)


@kernel
def target_price(side: int, entry: float, distance: float, tick_size: float) -> float:
    """Return the take-profit level *distance* in favour of *entry*, on the grid."""
    if side > 0:
        return down_tick(entry + distance, tick_size)
    return up_tick(entry - distance, tick_size)


@kernel
def tighter(side: int, stop: float, candidate: float) -> float:
    """Return the stop that is further in favour; a stop never loosens."""
    if side > 0:
        return max(stop, candidate)
    return min(stop, candidate)


@kernel
def break_even_stop(
    side: int, stop: float, entry: float, best: float, trigger: float, tick_size: float
) -> float:
    """Return the stop, at least at *entry* once *best* is *trigger* in favour of it."""
    if side * (best - entry) < trigger:
        return stop
    if side > 0:
        return tighter(side, stop, up_tick(entry, tick_size))
    return tighter(side, stop, down_tick(entry, tick_size))


@kernel
def trailing_stop(side: int, stop: float, best: float, distance: float, tick_size: float) -> float:
    """Return the stop, at least *distance* behind the best price so far."""
    return tighter(side, stop, stop_price(side, best, distance, tick_size))
