"""Where inside a history a server changed its clock."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from assay.data.arrays import IntArray
from assay.data.importers.clock_finding import ClockChange
from assay.data.importers.zones import zone
from assay.domain.time import NS_PER_DAY, NS_PER_MINUTE

_SUNDAY = 3  # days since 1970 modulo 7
_GAP_SLACK_NS = (2 * NS_PER_MINUTE, 30 * NS_PER_MINUTE)


def placed_changes(
    local_ns: IntArray,
    bar_ns: int | None,
    days: IntArray,
    runs: Sequence[tuple[int, int, int]],
    names: Sequence[str],
    shift_of: IntArray,
) -> tuple[ClockChange, ...]:
    """Return the changes between runs of days, each as precisely as the rows allow.

    Parameters
    ----------
    local_ns : int64, shape (n_rows,)
        Sorted.
    bar_ns : int or None
    days : int64, shape (n_days,)
    runs : sequence of (clock, first day, one past the last)
        Positions among *names* and *days*.
    names : sequence of str
    shift_of : int64, shape (n_days, n_clocks)

    Notes
    -----
    While both clocks agree nobody can tell when one took over; the change is then put just
    before the first day on which they differ. Otherwise it lies at the weekend, or, inside a
    week, at the gap that setting the clock forward leaves.
    """
    found = []
    for (before, start, stop), (after, _, end) in pairwise(runs):
        differ = shift_of[:, before] != shift_of[:, after]
        earlier = np.flatnonzero(differ[start:stop])
        later = np.flatnonzero(differ[stop:end])
        low = start + int(earlier[-1]) if len(earlier) else start
        high = stop + int(later[0]) if len(later) else stop
        first_day, last_day = int(days[low]), int(days[high])
        rows = np.searchsorted(
            local_ns, np.array([(first_day + 1) * NS_PER_DAY, last_day * NS_PER_DAY])
        )
        sunday = last_day - (last_day - _SUNDAY) % 7
        at = sunday if sunday > first_day else last_day
        at_ns = at * NS_PER_DAY
        if at == last_day and last_day - first_day == 1 and at != sunday:
            names_here = names[before], names[after]
            at_ns = _gap_of_change(local_ns, last_day, *names_here) or at_ns
        found.append(
            ClockChange(
                at_ns=at_ns,
                before=names[before],
                after=names[after],
                earliest_ns=min(at_ns, int(local_ns[max(int(rows[0]) - 1, 0)])),
                latest_ns=max(at_ns, int(local_ns[min(int(rows[1]), len(local_ns) - 1)])),
            )
        )
    return tuple(found)


def _gap_of_change(local_ns: IntArray, day: int, before: str, after: str) -> int | None:
    """Return the first row after the gap that a clock set forward leaves, near *day*."""
    noon = np.array([day * NS_PER_DAY])
    jump_ns = int(zone(before).to_utc(noon)[0] - zone(after).to_utc(noon)[0])
    start, stop = np.searchsorted(local_ns, [(day - 1) * NS_PER_DAY, (day + 2) * NS_PER_DAY])
    gaps = np.diff(local_ns[start:stop])
    fits = (gaps >= jump_ns - _GAP_SLACK_NS[0]) & (gaps <= jump_ns + _GAP_SLACK_NS[1])
    at = np.flatnonzero(fits)
    if jump_ns <= 0 or len(at) == 0:
        return None
    best = at[np.argmin(np.abs(gaps[at] - jump_ns))]
    return int(local_ns[start + best + 1]) // NS_PER_MINUTE * NS_PER_MINUTE
