"""The clock of a series, told by a reference on a known clock."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars
from assay.data.calendar import bar_close, new_york_offset
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

_ROWS_MAX = 200_000
_STEPS_NS = tuple(minutes * NS_PER_MINUTE for minutes in (1, 5, 15, 30, 60, 240))
_COMMON_MIN = 50
_BLOCK_RETURNS = 200
_CORRELATION_MIN, _CORRELATION_MAX = 0.35, 0.95
_TEMPER = 0.5
_CLIP = 4.0
_DAYS_MIN = 20
_DRIFT_DAYS = 21
_DAY_ERROR_MAX = 6.0
_LEVEL_ERROR_MAX = 0.2
_REPEAT_SHARE_MAX = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a reference compares with the rows.

    Attributes
    ----------
    log_chance : float64, shape (n_days, n_shifts)
        Zero where the reference says nothing.
    is_used : bool
        Whether it moves with the rows at any shift.
    n_common : int
        Returns (or days) compared.
    correlation : float
        Of returns at the best shift of each block, sign included.
    says : str
        In words.
    """

    log_chance: FloatArray
    is_used: bool
    n_common: int
    correlation: float
    says: str


def agreement(
    local_ns: IntArray,
    bar_ns: int | None,
    values: FloatArray,
    reference: Bars,
    days: IntArray,
    shifts: IntArray,
) -> Agreement:
    """Compare rows with a reference at every shift, day by day.

    Parameters
    ----------
    local_ns : int64, shape (n_rows,)
        Times on the clock of the file, sorted.
    bar_ns : int or None
        Length of a bar; None for ticks.
    values : float64, shape (n_rows,)
        Closes or bids.
    reference : Bars
        The same symbol, or one that moves with it (or against it), in UTC; of any timeframe
        shorter than a day. The coarser timeframe of both is compared.
    days : int64, shape (n_days,)
        Distinct local days of the rows.
    shifts : int64, shape (n_shifts,)
        Local clock ahead of New York, minutes.

    Returns
    -------
    agreement : Agreement

    Notes
    -----
    Intraday: returns over one step, clipped at four of their usual size, are taken as a pair
    of normals with the correlation found at the best shift of each block of 200; the log
    chance of a shift is that of the pairs against independence, tempered by half. A pooled
    best correlation below 0.35 means another market: the reference is then not used.

    Days: the close of a day is compared with the last reference close before the day's end
    under each shift. What remains after a month's median is taken as Laplace noise.
    """
    if bar_ns is not None and bar_ns >= NS_PER_DAY:
        return _by_days(local_ns, bar_ns, values, reference, days, shifts)
    return _by_returns(local_ns, bar_ns, values, reference, days, shifts)


def _unused(days: IntArray, shifts: IntArray, n_common: int, rho: float, says: str) -> Agreement:
    return Agreement(
        log_chance=np.zeros((len(days), len(shifts))),
        is_used=False,
        n_common=n_common,
        correlation=rho,
        says=says,
    )


def _step_of(local_ns: IntArray, bar_ns: int | None, reference: Bars) -> int:
    """Return the shortest step that both series have and that keeps the work small."""
    least = max(bar_ns or NS_PER_MINUTE, reference.timeframe.nominal_ns)
    span = int(min(local_ns[-1] - local_ns[0], reference.time_ns[-1] - reference.time_ns[0]))
    for step in _STEPS_NS:
        if step >= least and span // step <= _ROWS_MAX:
            return step
    return max(least, _STEPS_NS[-1])


def _last_in_cells(cells: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    is_last = np.concatenate([cells[1:] != cells[:-1], [True]])
    return cells[is_last], values[is_last]


def _logs(values: FloatArray) -> FloatArray:
    """Return logarithms, NaN where a price is not positive."""
    return np.asarray(np.log(np.where(values > 0, values, np.nan)))


def _returns(cells: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the cells whose predecessor is known, and the clipped return of each."""
    change = np.diff(_logs(values))
    good = (np.diff(cells) == 1) & np.isfinite(change)
    cells, change = cells[1:][good], change[good]
    moved = change[change != 0]
    if len(moved) == 0:
        return cells[:0], change[:0]
    size = np.sqrt(np.mean(np.square(np.clip(moved, *np.quantile(moved, (0.005, 0.995))))))
    return cells, np.clip(change / size, -_CLIP, _CLIP)


def _by_returns(
    local_ns: IntArray,
    bar_ns: int | None,
    values: FloatArray,
    reference: Bars,
    days: IntArray,
    shifts: IntArray,
) -> Agreement:
    step = _step_of(local_ns, bar_ns, reference)
    if step > 4 * NS_PER_HOUR:
        says = f"a reference of {reference.timeframe.name} is too coarse to tell hours"
        return _unused(days, shifts, 0, 0.0, says)
    phase = int(np.median(local_ns % step)) if bar_ns == step else 0
    cells, mine = _returns(*_last_in_cells((local_ns - phase) // step, values))
    there, theirs = _returns(*_last_in_cells(reference.time_ns // step, reference.close))
    if len(cells) == 0 or len(there) == 0:
        return _unused(days, shifts, 0, 0.0, "the reference has no returns to compare")
    table = np.full(int(there[-1] - there[0]) + 1, np.nan)
    table[there - there[0]] = theirs
    start = cells * step + phase
    at_day = np.clip(np.searchsorted(days, start // NS_PER_DAY), 0, len(days) - 1)
    noons = days * NS_PER_DAY + NS_PER_DAY // 2
    home = (new_york_offset(noons) // NS_PER_MINUTE)[at_day]
    sums = np.zeros((4, len(days), len(shifts)))  # n, x x, y y, x y
    for i, shift in enumerate(shifts):
        utc_ns = start - (shift + home) * NS_PER_MINUTE
        place = utc_ns // step - there[0]
        fits = (utc_ns % step == 0) & (place >= 0) & (place < len(table))
        other = np.where(fits, table[np.clip(place, 0, len(table) - 1)], np.nan)
        known = np.isfinite(other)
        x, y = mine[known], other[known]
        for row, value in enumerate((np.ones(len(x)), x * x, y * y, x * y)):
            sums[row, :, i] = np.bincount(at_day[known], value, minlength=len(days))
    return _judged(sums, days, shifts, reference)


def _judged(sums: FloatArray, days: IntArray, shifts: IntArray, reference: Bars) -> Agreement:
    count = sums[0]
    n_common = int(count.max(axis=1).sum())
    name = f"{reference.symbol} {reference.timeframe.name}"
    if n_common < _COMMON_MIN:
        says = f"the reference {name} has {n_common} returns in common, too few to compare"
        return _unused(days, shifts, n_common, 0.0, says)
    # In units of their size where both are known.
    size = np.maximum(sums[1:3].sum(axis=(1, 2)) / count.sum(), 1e-12)
    squares = sums[1] / size[0] + sums[2] / size[1]
    product = sums[3] / np.sqrt(size[0] * size[1])
    # A block is a run of days with enough returns; the clock holds still within most blocks.
    block = (np.cumsum(count.max(axis=1)) - 1) // _BLOCK_RETURNS
    _, first = np.unique(np.maximum(block, 0), return_index=True)
    xy = np.add.reduceat(product, first, axis=0)
    scale = np.add.reduceat(squares, first, axis=0).max(axis=1) / 2
    up, down = xy.max(axis=1).sum(), -xy.min(axis=1).sum()
    sign = 1.0 if up >= down else -1.0
    rho = sign * float(max(up, down) / max(scale.sum(), 1e-12))
    if abs(rho) < _CORRELATION_MIN:
        says = (
            f"the reference {name} does not move with these rows at any shift (correlation "
            f"{rho:.2f} at best), so it was not used"
        )
        return _unused(days, shifts, n_common, rho, says)
    r = sign * min(abs(rho), _CORRELATION_MAX)
    chance = -0.5 * np.log(1 - r * r) * count - (r * r * squares - 2 * r * product) / (
        2 * (1 - r * r)
    )
    # Steps of an hour cannot be laid over clocks of half hours: those get what lies between.
    blank = count.sum(axis=0) == 0
    chance[:, blank] = _between(chance, shifts, ~blank)[:, blank]
    says = f"returns move with the reference {name} ({n_common} in common, correlation {rho:.2f})"
    return Agreement(
        log_chance=_TEMPER * chance, is_used=True, n_common=n_common, correlation=rho, says=says
    )


def _between(chance: FloatArray, shifts: IntArray, known: BoolArray) -> FloatArray:
    """Return the mean of the nearest known columns on both sides of every shift."""
    columns = np.flatnonzero(known)
    at = np.searchsorted(shifts[columns], shifts)
    above, below = np.clip(at, 0, len(columns) - 1), np.clip(at - 1, 0, len(columns) - 1)
    return np.asarray((chance[:, columns[above]] + chance[:, columns[below]]) / 2)


def _by_days(
    local_ns: IntArray,
    bar_ns: int,
    values: FloatArray,
    reference: Bars,
    days: IntArray,
    shifts: IntArray,
) -> Agreement:
    name = f"{reference.symbol} {reference.timeframe.name}"
    if reference.timeframe.nominal_ns > NS_PER_HOUR:
        says = f"the reference {name} must be of H1 or shorter to show where a day begins"
        return _unused(days, shifts, 0, 0.0, says)
    known_ns = bar_close(reference.time_ns, reference.timeframe)
    noons = local_ns // NS_PER_DAY * NS_PER_DAY + NS_PER_DAY // 2
    home_ns = new_york_offset(noons)
    logs, theirs = _logs(values), _logs(reference.close)
    error = np.full((len(local_ns), len(shifts)), np.nan)
    for i, shift in enumerate(shifts):
        end_ns = local_ns + bar_ns - home_ns - shift * NS_PER_MINUTE
        at = np.searchsorted(known_ns, end_ns, side="right") - 1
        inside = (at >= 0) & (end_ns <= known_ns[-1] + NS_PER_HOUR)
        is_near = inside & (end_ns - known_ns[np.maximum(at, 0)] < 3 * NS_PER_DAY)
        error[:, i] = np.where(is_near, logs - theirs[np.maximum(at, 0)], np.nan)
    common = np.isfinite(error).all(axis=1)
    n_common = int(common.sum())
    if n_common < _DAYS_MIN:
        says = f"the reference {name} has {n_common} days in common, too few to compare"
        return _unused(days, shifts, n_common, 0.0, says)
    # Two feeds drift apart by a spread; a month's median takes that out.
    level = pl.DataFrame(error[common]).select(
        pl.all().rolling_median(_DRIFT_DAYS, center=True, min_samples=1)
    )
    rest = np.full(error.shape, np.nan)
    rest[common] = np.abs(error[common] - level.to_numpy())
    best = int(np.argmin(np.median(rest[common], axis=0)))
    moves = np.abs(np.diff(logs[common]))
    ratio = float(np.median(np.nan_to_num(rest[common].min(axis=1))) / max(np.median(moves), 1e-12))
    rho = _correlation(np.diff(logs[common]), np.diff((logs - error[:, best])[common]))
    if ratio > _LEVEL_ERROR_MAX or rho < _CORRELATION_MIN or _is_stale(rest, common):
        says = (
            f"the reference {name} does not give the closes of these days at any shift "
            f"(correlation {rho:.2f} at best), so it was not used"
        )
        return _unused(days, shifts, n_common, rho, says)
    noise = max(float(np.median(rest[common, best])), 0.02 * float(np.median(moves)))
    chance = np.zeros((len(days), len(shifts)))
    rows = np.searchsorted(days, local_ns[common] // NS_PER_DAY)
    np.add.at(chance, rows, -np.minimum(rest[common] / noise, _DAY_ERROR_MAX) * _TEMPER)
    says = f"closes agree with the reference {name} ({n_common} days, correlation {rho:.2f})"
    return Agreement(log_chance=chance, is_used=True, n_common=n_common, correlation=rho, says=says)


def _correlation(first: FloatArray, second: FloatArray) -> float:
    """Return the correlation, zero where a side does not move."""
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float((first * second).sum() / size) if size > 0 else 0.0


def _is_stale(rest: FloatArray, common: BoolArray) -> bool:
    """Tell whether the reference hardly moves, so that every shift is as good."""
    spread = np.ptp(rest[common], axis=1)
    return bool(np.mean(spread == 0) > _REPEAT_SHARE_MAX)
