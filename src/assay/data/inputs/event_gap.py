"""Minutes to the next and from the last event of the calendar, as it was known at each time."""

import heapq
from collections.abc import Collection, Iterable

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.columns import Columns, take
from assay.data.inputs.moments import EXACT
from assay.data.inputs.news import CANCELLED, SCHEDULE
from assay.data.inputs.words import EVERYWHERE
from assay.domain.time import NS_PER_MINUTE

_NEVER = np.iinfo(np.int64).max


def wanted_rows(
    table: Columns, currencies: Collection[str] | None, impact_min: int | None
) -> BoolArray:
    """Tell which schedule rows are of these currencies and of at least that impact.

    An unknown impact counts as high, an event of no one country as of every currency.
    """
    wanted = np.ones(len(table["known_ns"]), dtype=np.bool_)
    if currencies is not None:
        chosen = {currency.upper() for currency in currencies} | {EVERYWHERE}
        wanted &= np.array([item in chosen for item in table["currency"]], dtype=np.bool_)
    if impact_min is not None:
        impact = table["impact"].astype(np.int64)
        wanted &= (impact >= impact_min) | (impact < 0)
    return wanted


def minutes_to_next_event(
    time_ns: IntArray,
    events: Columns,
    *,
    currencies: Collection[str] | None = None,
    impact_min: int | None = None,
) -> FloatArray:
    """Return the minutes from each time to the next event then known.

    Parameters
    ----------
    time_ns : int64, shape (n,)
        UTC nanoseconds, in any order.
    events : columns
        Rows of the ``news`` table, sorted by ``known_ns``.
    currencies, impact_min : optional
        As in :func:`news_known`.

    Returns
    -------
    minutes : float64, shape (n,)
        0 or more; infinity where none is known. Events without a time of day and cancelled
        events do not count.

    Notes
    -----
    Causal: the schedule as it stood at each time. O((n + n_rows) log n_rows).
    """
    return _minutes(time_ns, events, currencies, impact_min, is_next=True)


def minutes_since_last_event(
    time_ns: IntArray,
    events: Columns,
    *,
    currencies: Collection[str] | None = None,
    impact_min: int | None = None,
) -> FloatArray:
    """Return the minutes from the last event then known to each time.

    As :func:`minutes_to_next_event`, looking back.
    """
    return _minutes(time_ns, events, currencies, impact_min, is_next=False)


def _minutes(
    time_ns: IntArray,
    events: Columns,
    currencies: Collection[str] | None,
    impact_min: int | None,
    *,
    is_next: bool,
) -> FloatArray:
    time_ns = np.asarray(time_ns, dtype=np.int64)
    starts, answers = _steps(_spans(events, currencies, impact_min, is_next=is_next), is_next)
    minutes = np.full(time_ns.shape, np.inf)
    if len(starts):
        at = np.searchsorted(starts, time_ns, side="right") - 1
        event_ns = np.where(at < 0, _NEVER, answers[np.maximum(at, 0)])
        is_there = event_ns != _NEVER
        gap = np.where(is_there, event_ns, time_ns) - time_ns
        minutes = np.where(is_there, np.abs(gap) / NS_PER_MINUTE, np.inf)
    return np.asarray(minutes, dtype=np.float64)


def _spans(
    events: Columns,
    currencies: Collection[str] | None,
    impact_min: int | None,
    *,
    is_next: bool,
) -> list[tuple[int, int, int]]:
    """Return begin, end and event time of each stretch in which a version of it counts."""
    schedule = take(events, np.flatnonzero(events["fact"] == SCHEDULE))
    known = schedule["known_ns"].astype(np.int64).tolist()
    time = schedule["time_ns"].astype(np.int64).tolist()
    ids = schedule["event_id"].tolist()
    counts = wanted_rows(schedule, currencies, impact_min)
    counts &= (schedule["timing"] == EXACT) & (schedule["status"] != CANCELLED)
    until: dict[str, int] = {}
    spans = []
    for row in range(len(ids) - 1, -1, -1):
        end = until.get(ids[row], _NEVER)
        until[ids[row]] = known[row]
        if not counts[row]:
            continue
        begin = known[row] if is_next else max(known[row], time[row])
        end = min(end, time[row] + 1) if is_next else end
        if begin < end:
            spans.append((begin, end, time[row]))
    return spans


def _steps(spans: Iterable[tuple[int, int, int]], is_next: bool) -> tuple[IntArray, IntArray]:
    """Return from when on which event time is the nearest; ``_NEVER`` where none is.

    Between two ends of spans the answer does not change: one sweep with a heap finds it.
    """
    ordered = sorted(spans)
    edges = sorted({edge for span in ordered for edge in span[:2] if edge != _NEVER})
    answers = np.full(len(edges), _NEVER, dtype=np.int64)
    heap: list[tuple[int, int]] = []
    at = 0
    for number, edge in enumerate(edges):
        while at < len(ordered) and ordered[at][0] <= edge:
            _, end, time = ordered[at]
            heapq.heappush(heap, (time if is_next else -time, end))
            at += 1
        while heap and heap[0][1] <= edge:
            heapq.heappop(heap)
        if heap:
            answers[number] = abs(heap[0][0])
    return np.array(edges, dtype=np.int64), answers
