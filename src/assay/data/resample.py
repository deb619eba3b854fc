"""Ticks to bars of all nine timeframes, and bars to coarser bars; compiled."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.calendar import DayStart, bar_open, boundaries
from assay.domain.errors import DataError
from assay.domain.time import iso_utc
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray, IntArray, kernel

THREADS_MAX = 4
TICKS_PER_THREAD_MIN = 500_000

_BLOCK = 8_192  # ticks checked for order at once; they then lie in the cache for the search
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
) -> int:
    """Write one bar per occupied slot of the UTC grid; return how many, or -1 on disorder."""
    n_ticks = time_ns.shape[0]
    n_bars, i, guess, n_checked = 0, 0, 64, 1
    while i < n_ticks:
        if n_bars == opens.shape[0]:
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
    return n_bars


@kernel
def _fold_bars(
    time_ns: IntArray,
    fine: FloatArray,
    length_ns: int,
    table: IntArray,
    opens: IntArray,
    rows: FloatArray,
) -> int:
    """Write one coarse bar per slot that holds fine ones; return how many.

    ``length_ns`` is the length on the UTC grid, or 0 to take boundaries from ``table``, whose
    first entry is not after the first bar.
    """
    n_fine = time_ns.shape[0]
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


Block = tuple[IntArray, FloatArray]
"""Opens and the nine rows of some bars."""


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
        Most threads to use; 0 takes the cores at hand, at most 4. The result is the same.

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
    opens, out = _coarser((bars.time_ns, rows), timeframe, day_start)
    last = np.searchsorted(bars.time_ns, np.append(opens[1:], np.iinfo(np.int64).max)) - 1
    return _as_bars(
        bars.symbol, timeframe, (opens, out), has_ask=bars.has_ask, spread=bars.spread[last]
    )


def _as_bars(
    symbol: str,
    timeframe: Timeframe,
    block: Block,
    *,
    has_ask: bool = True,
    spread: FloatArray | None = None,
) -> Bars:
    """Give the rows of a block their names."""
    opens, rows = block
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
    times, fine = block
    opens, rows = np.empty(len(times), dtype=np.int64), np.empty((_N_ROWS, len(times)))
    length, table = timeframe.nominal_ns, _NO_TABLE
    if not timeframe.is_fixed and len(times):
        bar_open(times[[0, -1]], timeframe, day_start)  # refuses times outside the table
        table, length = boundaries(timeframe, day_start), 0
        table = table[np.searchsorted(table, times[0], side="right") - 1 :]
    n_bars = _fold_bars(times, fine, length, table, opens, rows)
    return opens[:n_bars].copy(), np.ascontiguousarray(rows[:, :n_bars])


def _block_of_ticks(ticks: Ticks, timeframe: Timeframe, threads: int) -> Block:
    """Fold ticks in as many parts as pay, cut where a bar begins, so that parts are independent."""
    times, length = ticks.time_ns, timeframe.nominal_ns
    n_ticks = len(times)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = threads or min(THREADS_MAX, cores or 1)
    n_parts = max(1, min(wanted, n_ticks // TICKS_PER_THREAD_MIN))
    cuts = [0]
    for part in range(1, n_parts):
        near = int(times[part * n_ticks // n_parts])
        cut = int(np.searchsorted(times, near - near % length))
        # On sorted times both hold; on others the disorder is found and reported below.
        if cuts[-1] < cut < n_ticks and times[cut - 1] < near - near % length <= times[cut]:
            cuts.append(cut)
    cuts.append(n_ticks)
    jobs = [_fold_job(ticks, slice(*cuts[i : i + 2]), length) for i in range(len(cuts) - 1)]
    if len(jobs) == 1:
        parts = [jobs[0]()]
    else:
        with ThreadPoolExecutor(len(jobs)) as pool:
            parts = list(pool.map(lambda job: job(), jobs))
    blocks = [part for part in parts if part is not None]
    if len(blocks) < len(parts):
        raise _disorder(ticks)
    if len(blocks) == 1:
        return blocks[0]
    return (
        np.concatenate([opens for opens, _ in blocks]),
        np.concatenate([rows for _, rows in blocks], axis=1),
    )


def _fold_job(ticks: Ticks, part: slice, length_ns: int) -> Callable[[], Block | None]:
    """Return the work of one thread: the bars of a slice of the ticks, None on disorder."""

    def fold() -> Block | None:
        times, bid, ask = ticks.time_ns[part], ticks.bid[part], ticks.ask[part]
        if not len(times):
            return np.empty(0, dtype=np.int64), np.empty((_N_ROWS, 0))
        slots = max(0, int(times[-1]) - int(times[0])) // length_ns + 2
        n_rows = min(len(times), slots)  # a series that needs more is out of order
        opens, rows = np.empty(n_rows, dtype=np.int64), np.empty((_N_ROWS, n_rows))
        n_bars = _fold_ticks(times, bid, ask, length_ns, opens, rows)
        if n_bars < 0:
            return None
        return opens[:n_bars].copy(), rows[:, :n_bars].copy()

    return fold


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
