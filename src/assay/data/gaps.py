"""Gaps in a history, counted in bars that trading hours would have given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.arrays import BoolArray, IntArray
from assay.data.calendar import bar_close, boundaries, is_holiday, is_open
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE, iso_utc
from assay.domain.timeframe import Timeframe

_SLOTS_LOOKED_AT_MAX = 2_000_000
_NS_PER_WEEK = 7 * NS_PER_DAY


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


def trades(open_ns: IntArray, timeframe: Timeframe, sessions: Sequence[Session]) -> BoolArray:
    """Tell whether bars that open at these times hold any trading.

    A bar of up to an hour is sampled at its begin, middle and end; a longer one twice an hour.
    """
    is_trading = _in_sessions(open_ns, timeframe, sessions)
    if timeframe.nominal_ns <= NS_PER_DAY:
        is_trading &= ~is_holiday(open_ns)
    return is_trading


def _in_sessions(open_ns: IntArray, timeframe: Timeframe, sessions: Sequence[Session]) -> BoolArray:
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
    """Return the gaps of a history, oldest first.

    Parameters
    ----------
    open_ns : int64, shape (n_bars,)
        Opens of bars, strictly increasing, UTC nanoseconds.
    timeframe : Timeframe
    sessions : sequence of Session
        Trading hours.

    Notes
    -----
    Weekends, daily pauses, Christmas and New Year's Day are no gaps. A gap over years is
    counted by weeks. O(n_bars + missing bars).
    """
    grid = _Grid.of(timeframe, open_ns)
    number = grid.number(open_ns)
    steps = np.diff(number)
    at = np.flatnonzero(steps > 1)
    if len(at) == 0:
        return ()
    counts = steps[at] - 1
    is_long = counts > _SLOTS_LOOKED_AT_MAX
    missing = np.zeros(len(at), dtype=np.int64)
    first = np.zeros(len(at), dtype=np.int64)
    for chosen in _pieces(counts, ~is_long):
        slots = np.concatenate(
            [np.arange(number[at[i]] + 1, number[at[i] + 1], dtype=np.int64) for i in chosen]
        )
        owner = np.repeat(chosen, counts[chosen])
        is_missing = trades(grid.time(slots), timeframe, sessions)
        missing += np.bincount(owner[is_missing], minlength=len(at))
        seen, where = np.unique(owner[is_missing], return_index=True)
        first[seen] = grid.time(slots[is_missing][where])
    for i in np.flatnonzero(is_long):
        week = np.arange(0, _NS_PER_WEEK, timeframe.nominal_ns, dtype=np.int64) + open_ns[at[i]]
        share = float(np.mean(_in_sessions(week, timeframe, sessions)))
        missing[i] = int(counts[i] * share)
        first[i] = int(grid.time(number[at[i] : at[i] + 1] + 1)[0])
    return tuple(
        Gap(start_ns=int(first[i]), stop_ns=int(open_ns[at[i] + 1]), bars_missing=int(missing[i]))
        for i in np.flatnonzero(missing > 0)
    )


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
