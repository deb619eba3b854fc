"""Gaps in a history, counted in bars that trading hours would have given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.calendar import bar_close, boundaries, is_holiday, is_open
from assay.data.holidays import has_daily_break, rest_numbers, rest_table
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, iso_utc
from assay.domain.timeframe import Timeframe

_SLOTS_LOOKED_AT_MAX = 2_000_000
_NS_PER_WEEK = 7 * NS_PER_DAY
_REST_MIN_NS = 2 * NS_PER_HOUR
"""A holiday's closure lasts at least this long; less is a gap, holiday or not."""
_REST_SHARE_MIN = 0.2
"""And at least this share of the stretch in which it is expected: from 12:00 on an early close
at 14:30 leaves four bars in ten out, Christmas at its shortest one in three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Bars that are missing in succession.

    Attributes
    ----------
    start_ns, stop_ns : int
        Open of the first missing bar and of the next bar there is, UTC nanoseconds.
    bars_missing : int
        Bars in trading hours between them; pauses of the venue do not count.
    """

    start_ns: int
    stop_ns: int
    bars_missing: int

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "start": iso_utc(self.start_ns),
            "stop": iso_utc(self.stop_ns),
            "bars_missing": self.bars_missing,
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """Every bar in trading hours between the first and the last row that is not there.

    Attributes
    ----------
    open_ns : int64, shape (n_missing,)
        Oldest first. Of a gap longer than two million slots only the count is known.
    is_rest : bool, shape (n_missing,)
        In a holiday's closure: absent, and no gap.
    gaps, closures : tuple of Gap
        The same bars in succession, oldest first: those that should be there, and those
        that a holiday explains. Their union is the list of everything that is missing.
    """

    open_ns: IntArray
    is_rest: BoolArray
    gaps: tuple[Gap, ...]
    closures: tuple[Gap, ...]


def trades(open_ns: IntArray, timeframe: Timeframe, sessions: Sequence[Session]) -> BoolArray:
    """Tell whether bars that open at these times hold any trading.

    A bar of up to an hour is sampled at its begin, middle and end; a longer one twice an hour.
    """
    is_trading = in_sessions(open_ns, timeframe, sessions)
    if timeframe.nominal_ns <= NS_PER_DAY:
        is_trading &= ~is_holiday(open_ns)
    return is_trading


def in_sessions(open_ns: IntArray, timeframe: Timeframe, sessions: Sequence[Session]) -> BoolArray:
    """Tell whether bars that open at these times overlap the weekly hours, holiday or not."""
    close_ns = bar_close(open_ns, timeframe)
    step_ns = min(timeframe.nominal_ns, Timeframe.H1.nominal_ns) // 2
    is_trading = is_open(close_ns - NS_PER_MINUTE, sessions)
    for offset_ns in range(0, min(timeframe.nominal_ns, _NS_PER_WEEK), step_ns):
        inside_ns = np.minimum(open_ns + offset_ns, close_ns - NS_PER_MINUTE)
        is_trading |= is_open(inside_ns, sessions)
    return is_trading


def find_gaps(
    open_ns: IntArray, timeframe: Timeframe, sessions: Sequence[Session]
) -> tuple[Gap, ...]:
    """Return the gaps of a history, oldest first; see :func:`find_missing`."""
    return find_missing(open_ns, timeframe, sessions).gaps


def find_missing(open_ns: IntArray, timeframe: Timeframe, sessions: Sequence[Session]) -> Missing:
    """Return what is missing in a history, told apart into gaps and closures on holidays.

    Parameters
    ----------
    open_ns : int64, shape (n_bars,)
        Opens of bars, strictly increasing, UTC nanoseconds.
    timeframe : Timeframe
    sessions : sequence of Session
        Trading hours.

    Notes
    -----
    Weekends and daily pauses are not missing. What is missing where the venue may rest (see
    ``assay.data.holidays``) is a closure if it lasts two hours and a fifth of that stretch
    without a bar between, else a gap. A gap over years is counted by weeks.
    O(n_bars + missing bars).
    """
    grid = _Grid.of(timeframe, open_ns)
    number = grid.number(open_ns)
    steps = np.diff(number)
    at = np.flatnonzero(steps > 1)
    empty = np.zeros(0, dtype=np.int64)
    if len(at) == 0:
        return Missing(empty, empty.astype(np.bool_), (), ())
    counts = steps[at] - 1
    is_long = counts > _SLOTS_LOOKED_AT_MAX
    slots, owners = [empty], [empty]
    for chosen in _pieces(counts, ~is_long):
        piece = np.concatenate(
            [np.arange(number[at[i]] + 1, number[at[i] + 1], dtype=np.int64) for i in chosen]
        )
        time_ns = grid.time(piece)
        is_missing = in_sessions(time_ns, timeframe, sessions)
        slots.append(time_ns[is_missing])
        owners.append(np.repeat(chosen, counts[chosen])[is_missing])
    missing_ns, owner = np.concatenate(slots), np.concatenate(owners)
    is_rest = _rested(missing_ns, owner, timeframe, sessions)
    stop_ns = open_ns[at + 1]
    gaps = _gaps(missing_ns[~is_rest], owner[~is_rest], stop_ns)
    for i in np.flatnonzero(is_long):
        week = np.arange(0, _NS_PER_WEEK, timeframe.nominal_ns, dtype=np.int64) + open_ns[at[i]]
        share = float(np.mean(in_sessions(week, timeframe, sessions)))
        first = int(grid.time(number[at[i] : at[i] + 1] + 1)[0])
        gaps[int(i)] = Gap(
            start_ns=first, stop_ns=int(stop_ns[i]), bars_missing=int(counts[i] * share)
        )
    closures = _gaps(missing_ns[is_rest], owner[is_rest], stop_ns)
    order = np.argsort(missing_ns, kind="stable")
    return Missing(missing_ns[order], is_rest[order], _in_order(gaps), _in_order(closures))


def _in_order(gaps: dict[int, Gap]) -> tuple[Gap, ...]:
    return tuple(gaps[number] for number in sorted(gaps))


def _rested(
    missing_ns: IntArray, owner: IntArray, timeframe: Timeframe, sessions: Sequence[Session]
) -> BoolArray:
    """Tell which missing bars (of the gap *owner*) a holiday's closure explains."""
    if timeframe.nominal_ns > NS_PER_DAY or len(missing_ns) == 0:
        return np.zeros(len(missing_ns), dtype=np.bool_)
    number = rest_numbers(missing_ns, sessions)
    is_rest = (number >= 0) & (number == _last_number(missing_ns, timeframe, sessions))
    if timeframe.nominal_ns == NS_PER_DAY:
        return np.asarray(is_rest | is_holiday(missing_ns), dtype=np.bool_)
    starts, stops = rest_table(is_exchange=has_daily_break(sessions))
    pairs, pair, n_rested = np.unique(
        np.stack([owner[is_rest], number[is_rest]]), axis=1, return_inverse=True, return_counts=True
    )
    needed = np.empty(pairs.shape[1])
    for k, i in enumerate(pairs[1]):
        slots = np.arange(starts[i], stops[i], timeframe.nominal_ns, dtype=np.int64)
        n_slots = int(np.count_nonzero(in_sessions(slots, timeframe, sessions)))
        needed[k] = max(_REST_MIN_NS / timeframe.nominal_ns, _REST_SHARE_MIN * n_slots)
    is_rest[is_rest] = (n_rested >= needed)[pair.ravel()]
    return np.asarray(is_rest, dtype=np.bool_)


def _last_number(open_ns: IntArray, timeframe: Timeframe, sessions: Sequence[Session]) -> IntArray:
    """Return the number of the stretch in which the last minute of each bar lies."""
    return rest_numbers(bar_close(open_ns, timeframe) - NS_PER_MINUTE, sessions)


def _gaps(missing_ns: IntArray, owner: IntArray, stop_ns: IntArray) -> dict[int, Gap]:
    seen, first, n_bars = np.unique(owner, return_index=True, return_counts=True)
    return {
        int(i): Gap(start_ns=int(missing_ns[k]), stop_ns=int(stop_ns[i]), bars_missing=int(n))
        for i, k, n in zip(seen, first, n_bars, strict=True)
    }


def _pieces(counts: IntArray, wanted: BoolArray) -> list[IntArray]:
    """Split the wanted gaps so that no piece has more slots than are looked at in one go."""
    chosen = np.flatnonzero(wanted)
    piece = np.cumsum(counts[chosen]) // _SLOTS_LOOKED_AT_MAX
    return [chosen[piece == number] for number in np.unique(piece)]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Numbers for the bars of a timeframe: arithmetic up to H1, by table above."""

    timeframe: Timeframe
    table: IntArray | None
    phase_ns: int

    @classmethod
    def of(cls, timeframe: Timeframe, open_ns: IntArray) -> "_Grid":
        if timeframe.is_fixed:
            phases, counts = np.unique(open_ns % timeframe.nominal_ns, return_counts=True)
            return cls(timeframe, None, int(phases[np.argmax(counts)]) if len(phases) else 0)
        return cls(timeframe, boundaries(timeframe), 0)

    def number(self, open_ns: IntArray) -> IntArray:
        if self.table is None:
            return (open_ns - self.phase_ns) // self.timeframe.nominal_ns
        return np.searchsorted(self.table, open_ns, side="right") - 1

    def time(self, number: IntArray) -> IntArray:
        if self.table is None:
            return number * self.timeframe.nominal_ns + self.phase_ns
        return self.table[number]
