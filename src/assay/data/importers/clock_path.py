"""The clock of every day of a history, where a server may have changed it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.importers.clock_edges import CLOSE_PRIOR, OPEN_PRIOR, Edges

# Chance that a server changes its clock: rarely, and then while the market is closed.
_CHANGE_AT_PAUSE, _CHANGE_AT_HOLE, _CHANGE_ON_WEEKDAY = 1e-4, 1e-3, 3e-7
_HOLE_DAYS = 10
_HABIT_CHANGES, _HABIT_CHANGES_WITH_SEASON = 0.02, 0.5
_DAY_CAP = 9.0
"""No day says more than this, in nats: some days are garbage."""

_PATH_CHANGE_COST = 6.0
_PATH_CAP = 12.0
_PATH_PRIOR_WEIGHT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Log chances of what each day shows, by the shift of the local clock from New York.

    Attributes
    ----------
    days : int64, shape (n_days,)
        Local days since 1970, sorted, distinct.
    seasons : int64, shape (n_days,)
    shifts : int64, shape (n_shifts,)
        Minutes.
    log_chance : float64, shape (n_days, n_shifts)
        All that needs no habit.
    edges : Edges
    """

    days: IntArray
    seasons: IntArray
    shifts: IntArray
    log_chance: FloatArray
    edges: Edges


def posterior(
    evidence: Evidence, shift_of: IntArray, prior: FloatArray, *, may_change: bool = True
) -> FloatArray:
    """Return the probability of each clock on each day, given all days.

    Parameters
    ----------
    evidence : Evidence
    shift_of : int64, shape (n_days, n_clocks)
        Which column of the evidence each clock means on each day.
    prior : float64, shape (n_clocks,)
        Sums to 1.
    may_change : bool
        Whether the clock may change within the history.

    Returns
    -------
    probability : float64, shape (n_days, n_clocks)

    Notes
    -----
    A hidden chain: the state is the clock, and the habits of the feed at the weekly open and
    close; forward and backward passes give the posterior. O(n_days * n_clocks).
    """
    n_days, n_clocks = shift_of.shape
    daily = np.take_along_axis(evidence.log_chance, shift_of, axis=1)
    daily = np.exp(np.maximum(daily - daily.max(axis=1, keepdims=True), -_DAY_CAP))
    change = _chances_of_change(evidence.days) if may_change else np.zeros(n_days)
    emission = _edge_emissions(evidence.edges, shift_of)
    loose = np.zeros(n_days)
    loose[list(emission)] = _HABIT_CHANGES
    loose[1:][np.diff(evidence.seasons) != 0] = _HABIT_CHANGES_WITH_SEASON
    start = prior[:, None, None] * OPEN_PRIOR[None, :, None] * CLOSE_PRIOR[None, None, :]
    forward = np.empty((n_days, n_clocks, len(OPEN_PRIOR), len(CLOSE_PRIOR)))
    state = start
    for day in range(n_days):
        if day:
            state = _step(state, prior, float(change[day]), float(loose[day]))
        state = state * daily[day][:, None, None]
        if day in emission:
            state = state * emission[day]
        state = state / state.sum()
        forward[day] = state
    backward = np.ones_like(start)
    probability = np.empty((n_days, n_clocks))
    for day in range(n_days - 1, -1, -1):
        both = (forward[day] * backward).sum(axis=(1, 2))
        probability[day] = both / both.sum()
        if day:
            backward = backward * daily[day][:, None, None]
            if day in emission:
                backward = backward * emission[day]
            backward = _step_back(backward, prior, float(change[day]), float(loose[day]))
            backward = backward / backward.max()
    return probability


def _edge_emissions(edges: Edges, shift_of: IntArray) -> dict[int, FloatArray]:
    """Return the chances of edges by day: shape (n_clocks, n_open_habits, n_close_habits)."""
    found: dict[int, FloatArray] = {}
    for i, day in enumerate(edges.open_days.tolist()):
        found[day] = np.exp(edges.opens[i][shift_of[day]])[:, :, None]
    for i, day in enumerate(edges.close_days.tolist()):
        found[day] = found.get(day, 1.0) * np.exp(edges.closes[i][shift_of[day]])[:, None, :]
    floor = np.exp(-_DAY_CAP)
    return {day: np.maximum(chance / chance.max(), floor) for day, chance in found.items()}


def _chances_of_change(days: IntArray) -> FloatArray:
    change = np.full(len(days), _CHANGE_ON_WEEKDAY)
    apart = np.diff(days, prepend=days[:1])
    weekday = (days + 4) % 7
    week_before = (np.concatenate([days[:1], days[:-1]]) + 4) % 7
    # A weekend lies between: of two successive days the later one begins a week.
    change[(apart >= 2) | (weekday < week_before)] = _CHANGE_AT_PAUSE
    change[apart >= _HOLE_DAYS] = _CHANGE_AT_HOLE
    return change


def _step(state: FloatArray, prior: FloatArray, change: float, loose: float) -> FloatArray:
    total = state.sum(axis=0)
    state = (1.0 - change) * state + change * prior[:, None, None] * total
    if loose == 0.0:
        return np.asarray(state)
    opens = state.sum(axis=1, keepdims=True) * OPEN_PRIOR[None, :, None]
    state = (1.0 - loose) * state + loose * opens
    closes = state.sum(axis=2, keepdims=True) * CLOSE_PRIOR[None, None, :]
    return np.asarray((1.0 - loose) * state + loose * closes)


def _step_back(state: FloatArray, prior: FloatArray, change: float, loose: float) -> FloatArray:
    if loose > 0.0:
        closes = (state * CLOSE_PRIOR[None, None, :]).sum(axis=2, keepdims=True)
        state = (1.0 - loose) * state + loose * closes
        opens = (state * OPEN_PRIOR[None, :, None]).sum(axis=1, keepdims=True)
        state = (1.0 - loose) * state + loose * opens
    total = (state * prior[:, None, None]).sum(axis=0)
    return np.asarray((1.0 - change) * state + change * total)


def offset_posterior(probability: FloatArray, shift_of: IntArray) -> FloatArray:
    """Return for each clock and day the probability that its *offset* holds on that day.

    Clocks that agree on a day share it: (n_days, n_clocks).
    """
    n_days = len(probability)
    n_shifts = int(shift_of.max()) + 1
    by_shift = np.zeros((n_days, n_shifts))
    rows = np.repeat(np.arange(n_days), shift_of.shape[1])
    np.add.at(by_shift, (rows, shift_of.ravel()), probability.ravel())
    return np.take_along_axis(by_shift, shift_of, axis=1)


def likeliest_path(offset_chance: FloatArray, prior: FloatArray) -> IntArray:
    """Return the clock of each day that explains the offsets with the fewest changes.

    Parameters
    ----------
    offset_chance : float64, shape (n_days, n_clocks)
        From ``offset_posterior``.
    prior : float64, shape (n_clocks,)

    Returns
    -------
    clock : int64, shape (n_days,)
    """
    score = np.maximum(np.log(np.maximum(offset_chance, 1e-300)), -_PATH_CAP)
    n_days, n_clocks = score.shape
    # The chances include the prior; it only decides between clocks that agree.
    liking = _PATH_PRIOR_WEIGHT * np.log(prior)
    entry = liking - _PATH_CHANGE_COST
    total = liking + score[0]
    back = np.empty((n_days, n_clocks), dtype=np.int64)
    own = np.arange(n_clocks)
    for day in range(1, n_days):
        best = int(np.argmax(total))
        arrived = total[best] + entry
        moves = arrived > total
        back[day] = np.where(moves, best, own)
        total = np.where(moves, arrived, total) + score[day]
    path = np.empty(n_days, dtype=np.int64)
    path[-1] = int(np.argmax(total))
    for day in range(n_days - 1, 0, -1):
        path[day - 1] = back[day, path[day]]
    return path


def merged_runs(path: IntArray) -> list[tuple[int, int, int]]:
    """Return (clock, first day, one past the last) of each run of equal clocks."""
    starts = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist()]
    stops = [*starts[1:], len(path)]
    return [(int(path[a]), a, b) for a, b in zip(starts, stops, strict=True)]


def far_from(days: IntArray, at: Sequence[int], reach_days: int) -> BoolArray:
    """Tell which days lie more than *reach_days* from every day of *at*."""
    far = np.ones(len(days), dtype=np.bool_)
    for day in at:
        far &= np.abs(days - day) > reach_days
    return far
