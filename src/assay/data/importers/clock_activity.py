"""How the market's activity over the day, and its first-Friday releases, tell the clock."""

from dataclasses import dataclass

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

# Log of an hour's range (high over low) less the mean of its day, in hundredths, by the hour of
# the day in New York; rows: winter, summer, the weeks in which New York and Europe differ.
# Source: means over H1 bars of 2006-2022, EURUSD and XAUUSD (OANDA, by QuantConnect/Lean),
# GBPUSD, USDCHF, USDCAD, USDJPY, AUDUSD, EURJPY and XAUUSD (MT5, by ejtraderLabs).
_EUROPEAN = (
    (-51, -17, 26, 47, 39, 27, 23, 26, 53, 51, 63, 37, 14, -4, -9, -26, -40, -22, -39, -22, -25,
     -39, -52, -61),
    (-56, -27, 29, 49, 44, 30, 25, 26, 58, 54, 66, 38, 14, 2, -4, -23, -39, -29, -57, -60, -19,
     -23, -42, -56),
    (-60, -46, -8, 37, 47, 40, 29, 26, 53, 49, 48, 51, 30, 18, 12, -6, -28, -38, -51, -54, -17,
     -27, -48, -57),
)  # fmt: skip
_AMERICAN = (
    (-56, -34, 4, 21, 9, 0, 7, 18, 61, 58, 75, 46, 22, 8, 8, -2, -5, -23, -37, -18, -17, -36, -48,
     -62),
    (-62, -40, 8, 23, 14, 6, 9, 17, 65, 59, 78, 51, 23, 12, 11, -4, -10, -30, -53, -59, -17, -13,
     -34, -54),
    (-60, -51, -23, 15, 20, 12, 8, 19, 63, 58, 59, 55, 29, 19, 22, 5, 5, -28, -44, -54, -21, -15,
     -37, -57),
)  # fmt: skip
_PACIFIC = (
    (-25, -14, 14, 29, 15, 1, -4, 1, 33, 34, 47, 19, -5, -16, -19, -27, -36, -16, -12, 21, 14, -7,
     -18, -29),
    (-27, -13, 19, 33, 20, 7, 0, 2, 39, 38, 49, 19, -6, -14, -16, -27, -39, -28, -36, -27, 21, 19,
     -8, -25),
    (-25, -23, -10, 23, 25, 11, 1, 6, 28, 29, 32, 34, 12, 1, 1, -12, -29, -35, -33, -24, 18, 14,
     -16, -27),
)  # fmt: skip
_METAL = (
    (-29, -18, 3, 19, 2, 0, -3, 15, 68, 67, 65, 39, 20, 18, 1, -7, -47, -56, -19, -12, 3, -32, -45,
     -54),
    (-46, -17, 10, 22, 7, 2, -2, 16, 74, 70, 67, 42, 19, 16, -3, -8, -45, -48, -60, -36, -7, 5,
     -32, -47),
    (-50, -21, 0, 13, 20, 7, 2, 18, 73, 68, 65, 47, 26, 20, 7, 1, -37, -90, -54, -39, -10, 10, -30,
     -46),
)  # fmt: skip
_TEMPLATES = np.array([_EUROPEAN, _AMERICAN, _PACIFIC, _METAL], dtype=np.float64) / 100.0

# Hours repeat each other's noise (a wild morning is a wild afternoon), so they count for less.
_TEMPER, _TEMPER_LONG_CELLS = 0.35, 0.15
_VARIANCE_MIN = 0.12
_CLIP = 1.5
_CELLS_MIN = 4

# First-Friday releases (08:30 New York): the log range of that hour above its usual one, and of
# its second half above its first; then how much both scatter. Same source; halves: XAUUSD M15
# 2024. The report is sometimes on the second Friday.
_RELEASE_HOUR = 8
_RELEASE_RISE, _RELEASE_SCATTER = 0.65, 0.55
_HALF_RISE, _HALF_SCATTER, _HALF_SCATTER_OTHER = 1.25, 0.6, 0.5
_RELEASE_ON_TIME = 0.85
_RELEASE_CAP = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Log ranges in cells of the local clock.

    Attributes
    ----------
    cell_ns : int
        Length of a cell: an hour, or a bar where bars are longer.
    phase_ns : int
        Where cells begin within an hour: 0, or 30 minutes on clocks of half hours.
    values : float64, shape (n_days, n_cells)
        Log of high over low less one; NaN where there is none.
    halves : float64, shape (n_days, 24)
        Log range of the second half of each hour less that of its first, NaN where unknown.
    """

    cell_ns: int
    phase_ns: int
    values: FloatArray
    halves: FloatArray


def movement(
    local_ns: IntArray, bar_ns: int | None, highs: FloatArray, lows: FloatArray, days: IntArray
) -> Movement:
    """Return the log ranges of every hour of the local clock.

    Parameters
    ----------
    local_ns : int64, shape (n_rows,)
        Sorted.
    bar_ns : int or None
        Length of a bar; None for ticks.
    highs, lows : float64, shape (n_rows,)
        The same prices twice where only one is known.
    days : int64, shape (n_days,)
        Distinct local days of the rows, sorted.
    """
    cell_ns = NS_PER_HOUR if bar_ns is None else max(NS_PER_HOUR, bar_ns)
    phase_ns = 0
    if bar_ns is not None and bar_ns >= NS_PER_HOUR and len(local_ns):
        phase_ns = int(np.median(local_ns % NS_PER_HOUR))
    if bar_ns is not None and bar_ns >= NS_PER_HOUR and highs is lows:
        before = np.concatenate([highs[:1], highs[:-1]])
        highs, lows = np.maximum(highs, before), np.minimum(lows, before)
    is_fine = bar_ns is None or bar_ns <= 30 * NS_PER_MINUTE
    shifted = local_ns - phase_ns
    n_cells = int(NS_PER_DAY // cell_ns)
    values = np.full((len(days), n_cells), np.nan)
    halves = np.full((len(days), 24), np.nan)
    if is_fine:
        index, log_range = _ranges(shifted, highs, lows, NS_PER_HOUR // 2)
        grid = np.full((len(days), 48), np.nan)
        grid[np.searchsorted(days, index // 48), index % 48] = log_range
        halves = grid[:, 1::2] - grid[:, ::2]
    index, log_range = _ranges(shifted, highs, lows, cell_ns)
    at = np.searchsorted(days, index // n_cells)
    inside = at < len(days)
    values[at[inside], index[inside] % n_cells] = log_range[inside]
    return Movement(cell_ns=cell_ns, phase_ns=phase_ns, values=values, halves=halves)


def _ranges(
    local_ns: IntArray, highs: FloatArray, lows: FloatArray, cell_ns: int
) -> tuple[IntArray, FloatArray]:
    """Return the cells that hold rows, and the log range of each (those above zero)."""
    first, last = int(local_ns[0] // cell_ns), int(local_ns[-1] // cell_ns)
    if last - first <= 4 * len(local_ns) + 1_000:
        numbers = np.arange(first, last + 1, dtype=np.int64)
        starts = np.searchsorted(local_ns, numbers * cell_ns)
        stops = np.append(starts[1:], len(local_ns))
        is_used = stops > starts
        numbers, starts = numbers[is_used], starts[is_used]
    else:
        cells = local_ns // cell_ns
        starts = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))
        numbers = cells[starts]
    top, bottom = np.maximum.reduceat(highs, starts), np.minimum.reduceat(lows, starts)
    is_good = (bottom > 0) & (top > bottom) & np.isfinite(top)
    return numbers[is_good], np.log(np.log(top[is_good] / bottom[is_good]))


def activity_evidence(
    moves: Movement, days: IntArray, seasons: IntArray, shifts: IntArray
) -> FloatArray:
    """Return the log chance of each day's movements under each shift.

    Parameters
    ----------
    moves : Movement
    days : int64, shape (n_days,)
        Local days since 1970.
    seasons : int64, shape (n_days,)
        0 winter, 1 summer, 2 the weeks in which New York and Europe differ.
    shifts : int64, shape (n_shifts,)
        Local clock ahead of New York, minutes; multiples of 30.

    Returns
    -------
    log_chance : float64, shape (n_days, n_shifts)
        Zero throughout where the movements show no hours of the day.

    Notes
    -----
    A cell's log range is a level of its day plus the template at its New York hour plus noise;
    the level is fitted out. Of four templates (European, American and Pacific pairs, metals) and a
    flat one the rows choose one for the whole history. The noise of hours is correlated, hence
    the tempering.
    """
    flat = np.zeros((len(days), len(shifts)))
    has = np.isfinite(moves.values)
    enough = has.sum(axis=1) >= _CELLS_MIN
    if not enough.any() or moves.values.shape[1] < 6:
        return flat
    n = np.maximum(has.sum(axis=1), 1)
    centre = np.where(has, moves.values, 0.0).sum(axis=1) / n
    x = np.clip(np.where(has, moves.values - centre[:, None], 0.0), -_CLIP, _CLIP)
    weeks = (days + 3) // 7
    starts = np.flatnonzero(np.concatenate([[True], weeks[1:] != weeks[:-1]]))
    flat_error = (np.square(x).sum(axis=1) - np.square(x.sum(axis=1)) / n) * enough
    errors, expected = _errors(moves, x, has, seasons, shifts)
    errors = errors * enough[:, None, None]
    totals = np.add.reduceat(errors, starts, axis=0).min(axis=2).sum(axis=0)
    chosen = int(np.argmin(totals))
    total, error = float(totals[chosen]), errors[:, chosen]
    if total > 0.9 * float(flat_error.sum()):
        return flat
    variance = max(_VARIANCE_MIN, total / float((has.sum(axis=1) * enough).sum()))
    temper = _TEMPER if moves.cell_ns == NS_PER_HOUR else _TEMPER_LONG_CELLS
    chances = -temper * error / (2.0 * variance)
    return np.asarray(
        chances + _release_evidence(moves, days, seasons, shifts, x, has, expected[chosen])
    )


def _cells_of_template(moves: Movement, template: FloatArray, shift: int) -> FloatArray:
    """Return the template on the cells of a local clock *shift* minutes ahead: (3, n_cells)."""
    halves = np.empty((3, 48))
    halves[:, ::2] = template
    halves[:, 1::2] = (template + np.roll(template, -1, axis=1)) / 2
    n_cells = moves.values.shape[1]
    width = 48 // n_cells
    start = np.arange(n_cells) * width + moves.phase_ns // (30 * NS_PER_MINUTE) - shift // 30
    if moves.cell_ns <= NS_PER_HOUR:
        return halves[:, start % 48]
    power = np.exp(2.0 * halves[:, (start[:, None] + np.arange(width)) % 48])
    return np.asarray(0.5 * np.log(power.mean(axis=2)))


def _errors(
    moves: Movement, x: FloatArray, has: BoolArray, seasons: IntArray, shifts: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return the squared errors of each day under each template and shift, and the templates.

    The first has shape (n_days, n_templates, n_shifts), the second (n_templates, n_shifts, 3,
    n_cells).
    """
    expected = np.array(
        [
            [_cells_of_template(moves, template, int(shift)) for shift in shifts]
            for template in _TEMPLATES
        ]
    )
    n_templates, n_shifts = expected.shape[:2]
    mask = has.astype(np.float64)
    n = np.maximum(mask.sum(axis=1), 1.0)
    errors = np.empty((len(x), n_templates, n_shifts))
    for season in (0, 1, 2):
        rows = np.flatnonzero(seasons == season)
        pattern = expected[:, :, season].reshape(n_templates * n_shifts, -1)
        # Not by BLAS: its threads cost more than these small products.
        cross = np.einsum("dc,sc->ds", x[rows], pattern)
        covered = np.einsum("dc,sc->ds", mask[rows], pattern)
        squares = np.einsum("dc,sc->ds", mask[rows], np.square(pattern))
        level = (x[rows].sum(axis=1)[:, None] - covered) / n[rows, None]
        own = np.square(x[rows]).sum(axis=1)[:, None]
        error = own - 2.0 * cross + squares - n[rows, None] * np.square(level)
        errors[rows] = error.reshape(len(rows), n_templates, n_shifts)
    return errors, expected


def _release_evidence(
    moves: Movement,
    days: IntArray,
    seasons: IntArray,
    shifts: IntArray,
    x: FloatArray,
    has: BoolArray,
    expected: FloatArray,
) -> FloatArray:
    """Return what first Fridays add: an hour that begins at 08:00 New York and moves more."""
    added = np.zeros((len(days), len(shifts)))
    if moves.cell_ns != NS_PER_HOUR or moves.phase_ns:
        return added
    first_fridays = days[((days + 4) % 7 == 5) & (_day_of_month(days) <= 7)]
    n = np.maximum(has.sum(axis=1), 1)
    for i_shift, shift in enumerate(shifts):
        if shift % 60:
            continue
        hour = first_fridays * 24 + _RELEASE_HOUR + shift // 60
        at = np.searchsorted(days, hour // 24)
        inside = at < len(days)
        at, hour = at[inside], hour[inside]
        same = days[at] == hour // 24
        at, cell = at[same], hour[same] % 24
        pattern = expected[i_shift][seasons[at]]
        level = (x[at].sum(axis=1) - (pattern * has[at]).sum(axis=1)) / n[at]
        rest = x[at, cell] - level - pattern[np.arange(len(at)), cell]
        gain = (np.square(rest) - np.square(rest - _RELEASE_RISE)) / (2 * _RELEASE_SCATTER**2)
        gain = np.where(has[at, cell], np.logaddexp(np.log(_RELEASE_ON_TIME) + gain, -1.9), 0.0)
        is_known = np.isfinite(moves.halves[at, cell])
        rise = np.where(is_known, moves.halves[at, cell], 0.0)
        halves = (
            -np.square((rise - _HALF_RISE) / _HALF_SCATTER) / 2
            + np.square(rise / _HALF_SCATTER_OTHER) / 2
        )
        halves = np.logaddexp(np.log(_RELEASE_ON_TIME) + halves, -1.9)
        gain = gain + np.where(is_known, halves, 0.0)
        np.add.at(added, (at, i_shift), np.clip(gain, -_RELEASE_CAP, _RELEASE_CAP))
    return added


def _day_of_month(days: IntArray) -> IntArray:
    dates = days.astype("datetime64[D]")
    return np.asarray((dates - dates.astype("datetime64[M]")).astype(np.int64) + 1)
