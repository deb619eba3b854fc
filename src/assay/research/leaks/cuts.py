"""After which bars the future is changed: evenly spread, and wherever leaks like to show."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import bar_close, bar_open
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import BoolArray, FloatArray, IntArray

LONGER = (Timeframe.H4, Timeframe.D1, Timeframe.W1, Timeframe.MN1)
PIVOT_BARS = 12
LARGEST_MOVES = 50
RARE_SHARE = 0.02
_GOLDEN = (5.0**0.5 - 1.0) / 2.0
_MONDAY = 3
"""Days of the week of 1970-01-01 that had passed: weeks begin on Monday."""


def cuts_of(bars: Bars, n_cuts: int, longer: Sequence[Timeframe] = LONGER) -> IntArray:
    """Return bars after which to cut: spread over all, at calendar ends, and where leaks show.

    Parameters
    ----------
    bars : Bars
    n_cuts : int
        At most so many, at least 2.
    longer : sequence of Timeframe
        Whose closes matter.

    Returns
    -------
    cuts : int64
        Rising; at least one bar follows each.

    Notes
    -----
    A value that was filled backwards shows only where the cut falls into the gap; a longer bar
    that is joined at its open shows only before its close; a pivot that repaints only beside a
    turn. So the places are: bars without a value, both sides of a hole in time, the last bar, the
    one before and the middle of every longer bar (the day's is the session's end), turning
    points and the bar after, and bars before the largest moves. Half of the cuts go there; up to
    a third go to the ends of years, months, weeks and days (UTC), one each, the longest first:
    what leaks there alone shows nowhere else.
    """
    n_bars = len(bars)
    places = _places(bars, [frame for frame in longer if frame.value > bars.timeframe.value])
    inside = [np.unique(place[(place >= 0) & (place < n_bars - 1)]) for place in places.values()]
    inside = [place for place in inside if len(place)]
    ends = [last for last, _ in borders_of(bars.time_ns).values()]
    chosen = [spread_over(last, 1) for last in ends[: n_cuts // 3]]
    left = n_cuts // 2
    for k, place in enumerate(sorted(inside, key=len)):
        share = left // (len(inside) - k)
        chosen.append(spread_over(place, share))
        left -= len(chosen[-1])
    taken = sum(len(place) for place in chosen)
    rest = spaced(0, n_bars - 1, n_cuts - taken)
    cuts = np.unique(np.concatenate([*chosen, rest]))
    return cuts[(cuts >= 0) & (cuts < n_bars - 1)]


def borders_of(time_ns: IntArray) -> dict[str, tuple[IntArray, IntArray]]:
    """Return the last and the first rows of every year, month, week, day and hour (UTC).

    Parameters
    ----------
    time_ns : int64, shape (n_rows,)
        UTC nanoseconds, rising.

    Returns
    -------
    borders : dict of str to (int64, int64)
        Rows before a border, and rows after it, by name of the span, the longest span first. A
        row that ends a longer span is left out of the shorter ones; spans in which no two rows
        lie are left out.

    Examples
    --------
    >>> at = np.array(["2023-12-31T22", "2023-12-31T23", "2024-01-01T00", "2024-01-01T01"])
    >>> borders_of(at.astype("datetime64[ns]").astype(np.int64))
    {'year': (array([1]), array([2]))}
    """
    moments = time_ns.view("datetime64[ns]")
    days = moments.astype("datetime64[D]").astype(np.int64)
    spans = {
        "year": moments.astype("datetime64[Y]").astype(np.int64),
        "month": moments.astype("datetime64[M]").astype(np.int64),
        "week": (days + _MONDAY) // 7,
        "day": days,
        "hour": moments.astype("datetime64[h]").astype(np.int64),
    }
    taken = np.zeros(max(0, len(time_ns) - 1), dtype=np.bool_)
    borders = {}
    for name, span in spans.items():
        changes = np.diff(span) != 0
        fresh = np.flatnonzero(changes & ~taken)
        if len(fresh) and not changes.all():
            borders[name] = (fresh, fresh + 1)
        taken |= changes
    return borders


def spaced(first: int, stop: int, n: int) -> IntArray:
    """Return at most *n* numbers of ``first .. stop - 1``, both ends among them, in no rhythm.

    Steps of the golden ratio leave no gap and meet every hour of the day and day of the week;
    equal steps may meet one of them alone.

    Examples
    --------
    >>> spaced(0, 100, 6)
    array([ 0, 23, 47, 61, 85, 99])
    """
    if n >= stop - first:
        return np.arange(first, stop)
    inner = first + ((stop - first) * (np.arange(1, max(0, n - 1)) * _GOLDEN % 1.0)).astype(
        np.int64
    )
    return np.unique(np.concatenate(([first, stop - 1][: max(0, n)], inner))).astype(np.int64)


def spread_over(candidates: IntArray, n: int) -> IntArray:
    """Return at most *n* of the candidates, evenly spread from first to last."""
    if len(candidates) <= n:
        return candidates
    if n == 1:
        return candidates[len(candidates) // 2 : len(candidates) // 2 + 1]
    return candidates[np.linspace(0, len(candidates) - 1, n).astype(np.int64)]


def events_of(columns: Mapping[str, FloatArray], n: int) -> IntArray:
    """Return at most *n* rows on which a column that rarely moves does so.

    A signal that appears on few bars can repaint on those alone.

    Parameters
    ----------
    columns : mapping of str to array, shape (n_rows,)
    n : int
    """
    rows: list[IntArray] = []
    for values in columns.values():
        moves = np.flatnonzero(_moves(values))
        if 0 < len(moves) <= RARE_SHARE * len(values):
            rows.append(moves)
    if not rows:
        return np.empty(0, np.int64)
    return spread_over(np.unique(np.concatenate(rows)), n)


def _moves(values: FloatArray) -> BoolArray:
    """Tell on which rows a column differs from the row before; NaN equals NaN."""
    moves = np.zeros(len(values), dtype=np.bool_)
    moves[1:] = values[1:] != values[:-1]
    if values.dtype.kind == "f":
        moves[1:] &= ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    return moves


def _places(bars: Bars, longer: Sequence[Timeframe]) -> dict[str, IntArray]:
    """Return bars where leaks like to show, by what is there."""
    n_bars = len(bars)
    places = {"without a value": np.flatnonzero(_lacks_value(bars))}
    if n_bars > 1:
        steps = np.diff(bars.time_ns)
        holes = np.flatnonzero(steps > np.median(steps))
        places["hole"] = np.concatenate([holes, holes + 1])
    known_ns = bar_close(bars.time_ns, bars.timeframe)
    for frame in longer:
        first = np.flatnonzero(np.diff(bar_open(bars.time_ns, frame)) > 0) + 1
        if len(first) and len(known_ns):
            middle = (first + np.append(first[1:], n_bars)) // 2
            places[f"{frame.name} close"] = first - 1
            places[f"{frame.name} open"] = np.concatenate([first - 2, middle])
    places["turn"] = _turns(bars)
    if n_bars > LARGEST_MOVES:
        moves = np.abs(np.diff(np.log(bars.close)))
        places["large move"] = np.argsort(-moves, kind="stable")[:LARGEST_MOVES]
    return places


def _lacks_value(bars: Bars) -> BoolArray:
    """Tell which bars lack a value that others have."""
    lacks = np.zeros(len(bars), dtype=np.bool_)
    for field in fields(bars):
        column = getattr(bars, field.name)
        if isinstance(column, np.ndarray) and column.dtype.kind == "f":
            missing = np.isnan(column)
            if not missing.all():
                lacks |= missing
    return lacks


def _turns(bars: Bars) -> IntArray:
    """Return the highest and lowest bars of their surroundings, and the bars after them."""
    width = 2 * PIVOT_BARS + 1
    if len(bars) < width:
        return np.empty(0, np.int64)
    highest = np.lib.stride_tricks.sliding_window_view(bars.high, width).max(axis=1)
    lowest = np.lib.stride_tricks.sliding_window_view(bars.low, width).min(axis=1)
    middle = slice(PIVOT_BARS, len(bars) - PIVOT_BARS)
    is_turn = (bars.high[middle] == highest) | (bars.low[middle] == lowest)
    turns = np.flatnonzero(is_turn) + PIVOT_BARS
    return np.concatenate([turns, turns + 1])
