"""One stream of views, prepared once for every case of a sweep that follows it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.engine.blocks import COARSE_BARS, FINE_BARS, block_extremes
from assay.engine.decision import side_score, view_gate
from assay.engine.views import Int8Array, ViewArrays, Views, value_at, view_arrays, view_at
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.risk.kelly import kelly_share

Int32Array = NDArray[np.int32]
NEVER = -1.0
"""Entry score of a view that no rules can take."""


class Signal(NamedTuple):
    """A stream of views as the cases of a sweep read it.

    Attributes
    ----------
    views : ViewArrays
    when : int64, shape (n_when,)
        Events whose view has a direction.
    first_at : int32, shape (n_events + 1,)
        How many of *when* lie before each event.
    opposite : int64, shape (n_when,)
        Index in *when* of the next one to the other side, or ``n_when``.
    entry_score : float64, shape (2, n_when)
        Score of each of *when* with fixed sizing, and with Kelly; ``NEVER`` where the view is
        incomplete or has no edge.
    keep : float64, shape (2, n_events) or (2, 0)
        Score of a long and of a short position at each event, infinite where the view's is NaN;
        empty where no case asks for it.
    keep_fine, keep_coarse : float64, shape (2, n_blocks)
        Greatest ``-keep`` of each block.
    """

    views: ViewArrays
    when: IntArray
    first_at: Int32Array
    opposite: IntArray
    entry_score: FloatArray
    keep: FloatArray
    keep_fine: FloatArray
    keep_coarse: FloatArray


@kernel
def sided(direction: Int8Array) -> tuple[IntArray, Int32Array]:
    """Return the events whose view has a direction, and how many of them lie before each event."""
    n = direction.shape[0]
    first_at = np.zeros(n + 1, np.int32)
    for i in range(n):
        first_at[i + 1] = first_at[i] + (direction[i] != 0)
    when = np.empty(first_at[n], np.int64)
    for i in range(n):
        if direction[i] != 0:
            when[first_at[i]] = i
    return when, first_at


@kernel
def next_opposite(side: IntArray) -> IntArray:
    """Return, for each crossing, the index of the next one to the other side, or their number."""
    n = side.shape[0]
    out = np.full(n, n)
    for p in range(n - 2, -1, -1):
        out[p] = p + 1 if side[p + 1] != side[p] else out[p + 1]
    return out


@kernel
def entry_scores(when: IntArray, views: ViewArrays) -> FloatArray:
    """Return the score of each of *when* that can be entered: fixed sizing, then Kelly."""
    direction, score, confidence, p_win, payoff, loss, unit = views
    out = np.full((2, when.shape[0]), NEVER)
    for p in range(when.shape[0]):
        view = view_at(direction, score, confidence, p_win, payoff, loss, unit, when[p])
        if view_gate(view, NEVER) == 0:
            out[0, p] = view.score
            if kelly_share(view.p_win, view.payoff, 1.0) > 0.0:
                out[1, p] = view.score
    return out


@kernel
def side_scores(views: ViewArrays) -> FloatArray:
    """Return the score of a long and of a short position at each event, NaN as infinity."""
    n_events = views.direction.shape[0]
    out = np.empty((2, n_events))
    for i in range(n_events):
        lean = int(views.direction[i])
        score = value_at(views.score, i)
        for row in range(2):
            kept = side_score(1 - 2 * row, lean, score)
            out[row, i] = kept if kept == kept else np.inf  # noqa: PLR0124  (NaN is not itself)
    return out


@kernel
def first_below(
    values: FloatArray, fine: FloatArray, coarse: FloatArray, row: int, i: int, least: float
) -> int:
    """Return the first event from *i* on at which row *row* is below *least*, or their number.

    *fine* and *coarse* hold the greatest negative values of blocks.
    """
    n_events: int = values.shape[1]
    while i < n_events:
        if i % FINE_BARS == 0 and not -fine[row, i // FINE_BARS] < least:
            is_clear = i % COARSE_BARS == 0 and not -coarse[row, i // COARSE_BARS] < least
            i += COARSE_BARS if is_clear else FINE_BARS
            continue
        if values[row, i] < least:
            return i
        i += 1
    return n_events


def signal_of(views: Views, *, with_scores: bool) -> Signal:
    """Return *views* as cases read them; *with_scores* where a score may end a position."""
    arrays = view_arrays(views)
    when, first_at = sided(views.direction)
    keep = side_scores(arrays) if with_scores else np.empty((2, 0))
    fine, coarse = (
        np.array([block_extremes(row, n_bars, -1.0) for row in keep])
        for n_bars in (FINE_BARS, COARSE_BARS)
    )
    return Signal(
        views=arrays,
        when=when,
        first_at=first_at,
        opposite=next_opposite(views.direction[when].astype(np.int64)),
        entry_score=entry_scores(when, arrays),
        keep=keep,
        keep_fine=fine,
        keep_coarse=coarse,
    )
