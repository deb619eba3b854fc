"""Ticks to bars of all nine timeframes, and bars to coarser bars; compiled."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.calendar import DayStart, bar_open, boundaries
from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray, IntArray, kernel

THREADS_MAX = 2  # one reads memory at half its speed, and a third gains little
TICKS_PER_THREAD_MIN = 500_000
PARTS_PER_THREAD = 8

_BLOCK = 256  # ticks checked for order at once: few, so that reading them overlaps with the prices
_NO_TABLE = np.zeros(1, dtype=np.int64)
_FINER = {
    Timeframe.M5: Timeframe.M1,
    Timeframe.M15: Timeframe.M5,
    Timeframe.M30: Timeframe.M15,
    Timeframe.H1: Timeframe.M30,
    Timeframe.H4: Timeframe.H1,
    Timeframe.D1: Timeframe.H4,
    Timeframe.W1: Timeframe.D1,
    Timeframe.MN1: Timeframe.D1,
}
"""From which timeframe each one is made; a month is not made of weeks."""

# Rows of a block of bars: bid open, high, low, close; ask open, high, low, close; volume.
_N_ROWS = 9


@kernel
def _is_sorted(time_ns: IntArray) -> bool:
    """Return whether the times never decrease. Branch-free, so that it is vectorised."""
    n_back = 0
    for i in range(1, time_ns.shape[0]):
        n_back += 1 if time_ns[i] < time_ns[i - 1] else 0
    return n_back == 0


@kernel
def _extremes(prices: FloatArray) -> tuple[float, float]:
    """Return the highest and the lowest price; two lanes, because each comparison waits."""
    n = prices.shape[0]
    high, low = prices[0], prices[0]
    other_high, other_low = high, low
    for i in range(n // 2):
        one, two = prices[2 * i], prices[2 * i + 1]
        high = one if one > high else high
        low = one if one < low else low
        other_high = two if two > other_high else other_high
        other_low = two if two < other_low else other_low
    last = prices[n - 1]
    high = last if last > high else high
    low = last if last < low else low
    return (
        other_high if other_high > high else high,
        other_low if other_low < low else low,
    )


@kernel
def _first_at_or_after(
    time_ns: IntArray, start: int, limit: int, moment_ns: int, guess: int
) -> int:
    """Return the first index in ``[start, limit]`` whose time is not before *moment_ns*.

    Gallops with doubling steps from ``start + guess``, then bisects: O(log distance).
    """
    low, high, step = start, min(start + guess, limit), 8
    if high < limit and time_ns[high] < moment_ns:
        while high < limit and time_ns[high] < moment_ns:
            low = high + 1
            high = min(high + step, limit)
            step *= 2
    else:
        while high - step > start and time_ns[high - step] >= moment_ns:
            high -= step
            step *= 2
        low = max(start, high - step)
    while low < high:
        middle = (low + high) // 2
        if time_ns[middle] < moment_ns:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _fold_ticks(
    time_ns: IntArray,
    bid: FloatArray,
    ask: FloatArray,
    length_ns: int,
    opens: IntArray,
    rows: FloatArray,
    first: int,
    limit: int,
) -> int:
    """Write one bar per occupied slot of the UTC grid into columns ``first .. limit - 1``.

    Returns
    -------
    n_bars : int
        How many; -1 on disorder. Sorted ticks never need more columns than ``_most_bars``.
    """
    n_ticks = time_ns.shape[0]
    n_bars, i, guess, n_checked = first, 0, 64, 1
    while i < n_ticks:
        if n_bars == limit:
            return -1
        open_ns = time_ns[i] - time_ns[i] % length_ns
        close_ns = open_ns + length_ns
        while n_checked < n_ticks and time_ns[n_checked - 1] < close_ns:
            last = min(n_checked + _BLOCK, n_ticks)
            if not _is_sorted(time_ns[n_checked - 1 : last]):
                return -1
            n_checked = last
        stop = _first_at_or_after(time_ns, i, n_checked, close_ns, guess)
        guess = stop - i
        opens[n_bars] = open_ns
        rows[1, n_bars], rows[2, n_bars] = _extremes(bid[i:stop])
        rows[5, n_bars], rows[6, n_bars] = _extremes(ask[i:stop])
        rows[0, n_bars], rows[3, n_bars] = bid[i], bid[stop - 1]
        rows[4, n_bars], rows[7, n_bars] = ask[i], ask[stop - 1]
        rows[8, n_bars] = guess
        n_bars += 1
        i = stop
    return n_bars - first


@kernel
def _fold_bars(
    time_ns: IntArray,
    fine: FloatArray,
    n_fine: int,
    length_ns: int,
    table: IntArray,
    opens: IntArray,
    rows: FloatArray,
) -> int:
    """Write one coarse bar per slot that holds some of ``n_fine`` fine ones; return how many.

    ``length_ns`` is the length on the UTC grid, or 0 to take boundaries from ``table``, whose
    first entry is not after the first bar.
    """
    n_bars, i, at = 0, 0, 0
    while i < n_fine:
        now = time_ns[i]
        if length_ns > 0:
            open_ns = now - now % length_ns
            close_ns = open_ns + length_ns
        else:
            while table[at + 1] <= now:
                at += 1
            open_ns, close_ns = table[at], table[at + 1]
        opens[n_bars] = open_ns
        for row in range(_N_ROWS):
            rows[row, n_bars] = fine[row, i]
        i += 1
        while i < n_fine and time_ns[i] < close_ns:
            for row in (1, 5):
                rows[row, n_bars] = max(rows[row, n_bars], fine[row, i])
                rows[row + 1, n_bars] = min(rows[row + 1, n_bars], fine[row + 1, i])
                rows[row + 2, n_bars] = fine[row + 2, i]
            rows[8, n_bars] += fine[8, i]
            i += 1
        n_bars += 1
    return n_bars


Block = tuple[IntArray, FloatArray, int]
"""Opens and the nine rows of bars, and how many of their columns are in use."""


def bars_from_ticks(
    ticks: Ticks,
    timeframe: Timeframe,
    day_start: DayStart = "new_york_17",
    *,
    threads: int = 0,
) -> Bars:
    """Return the bars of one timeframe; slots without a tick have no bar.

    Parameters
    ----------
    ticks : Ticks
        Oldest first, without NaN. Equal times are fine and keep their order.
    timeframe : Timeframe
    day_start : {"new_york_17", "utc"}
        Where H4 and longer bars are cut.
    threads : int
        Most threads to use; 0 takes the cores at hand, at most 2. The result is the same.

    Returns
    -------
    bars : Bars
        Bid and ask OHLC; volume counts ticks; spread is the last tick's.

    Raises
    ------
    DataError
        If a tick is before its predecessor.

    Notes
    -----
    Causal: a bar reads the ticks from its open up to, not including, its close. O(n_ticks) time.
    """
    first = timeframe if timeframe.is_fixed else Timeframe.M1
    block = _block_of_ticks(ticks, first, threads)
    if first is not timeframe:
        block = _coarser(block, timeframe, day_start)
    return _as_bars(ticks.symbol, timeframe, block)


def bars_from_ticks_all(
    ticks: Ticks, day_start: DayStart = "new_york_17", *, threads: int = 0
) -> dict[Timeframe, Bars]:
    """Return the bars of all nine timeframes, in one pass over the ticks.

    Parameters, errors and result as ``bars_from_ticks``. M1 is made of ticks, every other
    timeframe of the one below it, which costs next to nothing.
    """
    blocks = {Timeframe.M1: _block_of_ticks(ticks, Timeframe.M1, threads)}
    for timeframe, finer in _FINER.items():
        blocks[timeframe] = _coarser(blocks[finer], timeframe, day_start)
    return {
        timeframe: _as_bars(ticks.symbol, timeframe, blocks[timeframe]) for timeframe in Timeframe
    }


def resample(bars: Bars, timeframe: Timeframe, day_start: DayStart = "new_york_17") -> Bars:
    """Return coarser bars; slots without a bar stay empty.

    Parameters
    ----------
    bars : Bars
    timeframe : Timeframe
        At least the bars' own.
    day_start : {"new_york_17", "utc"}
        Where H4 and longer bars are cut.

    Returns
    -------
    bars : Bars
        Volume is the sum (NaN if any part is NaN), spread that of the last part. The last bar
        may be unfinished: it is known only at ``calendar.bar_close``.

    Raises
    ------
    DataError
        If *timeframe* is finer, or a month is asked of weeks.
    """
    if timeframe is bars.timeframe:
        return bars
    if timeframe.value < bars.timeframe.value or bars.timeframe is Timeframe.W1:
        raise DataError(
            f"{bars.symbol} {bars.timeframe.name} bars must be finer than the bars made of them; "
            f"was asked for {timeframe.name}.",
            remedy="Import finer bars or ticks.",
            timeframe=timeframe.name,
        )
    ask = [getattr(bars, f"ask_{name}") for name in ("open", "high", "low", "close")]
    bid = [bars.open, bars.high, bars.low, bars.close]
    rows = np.vstack([*bid, *(ask if bars.has_ask else bid), bars.volume])
    block = _coarser((bars.time_ns, rows, len(bars)), timeframe, day_start)
    ends = np.append(block[0][1 : block[2]], np.iinfo(np.int64).max)
    spread = bars.spread[np.searchsorted(bars.time_ns, ends) - 1]
    return _as_bars(bars.symbol, timeframe, block, has_ask=bars.has_ask, spread=spread)


def _as_bars(
    symbol: str,
    timeframe: Timeframe,
    block: Block,
    *,
    has_ask: bool = True,
    spread: FloatArray | None = None,
) -> Bars:
    """Give the rows of a block their names."""
    opens, rows, n_bars = block
    if 4 * n_bars >= 3 * len(opens):
        opens, rows = opens[:n_bars], rows[:, :n_bars]
    else:  # a view would keep much that nobody needs
        opens, rows = opens[:n_bars].copy(), rows[:, :n_bars].copy()
    names = ("ask_open", "ask_high", "ask_low", "ask_close")
    return Bars(
        symbol=symbol,
        timeframe=timeframe,
        time_ns=opens,
        open=rows[0],
        high=rows[1],
        low=rows[2],
        close=rows[3],
        volume=rows[8],
        spread=rows[7] - rows[3] if spread is None else spread,
        **(dict(zip(names, rows[4:8], strict=True)) if has_ask else {}),
    )


def _coarser(block: Block, timeframe: Timeframe, day_start: DayStart) -> Block:
    """Fold the bars of a block into those of *timeframe*."""
    times, fine, n_fine = block
    length, table, n_slots = timeframe.nominal_ns, _NO_TABLE, 0
    if timeframe.is_fixed:
        n_slots = _most_bars(times[:n_fine], length)
    elif n_fine:
        ends = times[np.array([0, n_fine - 1])]
        bar_open(ends, timeframe, day_start)  # refuses times outside the table
        table, length = boundaries(timeframe, day_start), 0
        first, last = np.searchsorted(table, ends, side="right")
        table, n_slots = table[first - 1 :], min(n_fine, int(last - first) + 1)
    opens, rows = np.empty(n_slots, dtype=np.int64), np.empty((_N_ROWS, n_slots))
    return opens, rows, _fold_bars(times, fine, n_fine, length, table, opens, rows)


def _block_of_ticks(ticks: Ticks, timeframe: Timeframe, threads: int) -> Block:
    """Fold ticks in as many parts as pay, cut where a bar begins, so that parts are independent."""
    times, length = ticks.time_ns, timeframe.nominal_ns
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = max(1, min(threads or THREADS_MAX, cores or 1, len(times) // TICKS_PER_THREAD_MIN))
    # More parts than workers: where another program holds a core, the others take its share.
    cuts = _cuts(times, length, 1 if workers == 1 else PARTS_PER_THREAD * workers)
    parts = [slice(start, stop) for start, stop in pairwise(cuts)]
    rooms = [_most_bars(times[part], length) for part in parts]
    starts = np.cumsum([0, *rooms])
    opens, rows = np.empty(starts[-1], dtype=np.int64), np.empty((_N_ROWS, starts[-1]))

    counts = [0] * len(parts)
    waiting = iter(range(len(parts)))  # shared: each thread takes the next one

    def fold_waiting() -> None:
        for k in waiting:
            time_ns, bid, ask = times[parts[k]], ticks.bid[parts[k]], ticks.ask[parts[k]]
            room = starts[k], starts[k + 1]
            counts[k] = _fold_ticks(time_ns, bid, ask, length, opens, rows, *room)

    if workers == 1:
        fold_waiting()
    else:  # the calling thread works too: it may be the only one that gets a core
        with ThreadPoolExecutor(workers - 1) as pool:
            others = [pool.submit(fold_waiting) for _ in range(workers - 1)]
            fold_waiting()
            for other in others:
                other.result()
    if min(counts) < 0:
        raise _disorder(ticks)
    n_bars = counts[0]
    for start, count in zip(starts[1:], counts[1:], strict=False):
        if start != n_bars:  # slots without a tick left a hole before this part
            opens[n_bars : n_bars + count] = opens[start : start + count].copy()
            rows[:, n_bars : n_bars + count] = rows[:, start : start + count].copy()
        n_bars += count
    return opens, rows, n_bars


def _cuts(time_ns: IntArray, length_ns: int, n_parts: int) -> list[int]:
    """Return where the parts begin, and the end: first ticks of bars, about evenly spaced."""
    n_ticks = len(time_ns)
    cuts = [0]
    for part in range(1, n_parts):
        near = int(time_ns[part * n_ticks // n_parts])
        open_ns = near - near % length_ns
        cut = int(np.searchsorted(time_ns, open_ns))
        # On sorted times this holds; where it does not, the fold meets the disorder.
        if cuts[-1] < cut < n_ticks and time_ns[cut - 1] < open_ns <= time_ns[cut]:
            cuts.append(cut)
    return [*cuts, n_ticks]


def _most_bars(time_ns: IntArray, length_ns: int) -> int:
    """Return how many bars sorted ticks can make at most; others meet their disorder first."""
    if not len(time_ns):
        return 0
    n_slots = int(time_ns[-1]) // length_ns - int(time_ns[0]) // length_ns + 1
    return max(0, min(len(time_ns), n_slots))


def _disorder(ticks: Ticks) -> DataError:
    """Describe the first tick that is before its predecessor."""
    i = int(np.argmax(ticks.time_ns[1:] < ticks.time_ns[:-1])) + 1
    before, after = int(ticks.time_ns[i - 1]), int(ticks.time_ns[i])
    return DataError(
        f"{ticks.symbol} ticks must be in order of time; tick {i} at {iso_utc(after)} follows one "
        f"at {iso_utc(before)}.",
        remedy="Sort the ticks by time, or import the file again.",
        row=i,
        time_ns=after,
    )
