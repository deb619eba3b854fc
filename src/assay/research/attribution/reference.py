"""The trade that is compared with: held from the decision until the views turn."""

from dataclasses import dataclass

import numpy as np

from assay.engine.market import ASK_OPEN, BID_OPEN, CONVERSION
from assay.engine.tape import Tape
from assay.engine.views import Views
from assay.kernels.compiler import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SymbolBars:
    """One symbol's events on a tape; arrays have one row per event of it.

    Attributes
    ----------
    event : int64
        Its number on the tape.
    open_mid, close_mid : float64
    value : float64
        Account currency per lot and unit of price.
    """

    event: IntArray
    open_mid: FloatArray
    close_mid: FloatArray
    value: FloatArray

    @classmethod
    def of(cls, tape: Tape, symbol: int, contract: float) -> "SymbolBars":
        """Return the events of one symbol, whose lots are *contract* units."""
        event = np.flatnonzero(tape.symbol == symbol)
        columns = tape.market[:, event]
        return cls(
            event=event,
            open_mid=0.5 * (columns[BID_OPEN] + columns[ASK_OPEN]),
            close_mid=tape.mid_close[event],
            value=contract * columns[CONVERSION],
        )


def turned(views: Views, event: IntArray, side: int, hold_score: FloatArray) -> BoolArray:
    """Return at which of the events the view no longer holds a position of *side*.

    *hold_score* has one value per event of the tape.

    Notes
    -----
    The rule of ``assay.engine.decision.asks_entry``, for many events at once: the side scores
    ``score``, ``1 - score`` or, without a view, 0.5; a comparison with NaN holds.
    """
    direction = views.direction[event]
    score = np.broadcast_to(views.score, len(views))[event]
    own = np.where(direction == side, score, 1.0 - score)
    return np.asarray(np.where(direction == 0, 0.5, own) < hold_score[event])


def next_true(flags: BoolArray) -> IntArray:
    """Return, for each place, the first place from it on that is true; ``len(flags)`` if none.

    Examples
    --------
    >>> next_true(np.array([False, True, False])).tolist()
    [1, 1, 3]
    """
    n = len(flags)
    place = np.where(flags, np.arange(n), n)
    return np.minimum.accumulate(place[::-1])[::-1] if n else place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """Until when each trade would have been held; places count the symbol's own events.

    Attributes
    ----------
    begin : int64, shape (n_trades,)
        Event at whose close the entry was decided.
    end : int64, shape (n_trades,)
        Event at whose close the exit is decided, at least ``begin + 1`` but at the last event.
    exit_mid : float64, shape (n_trades,)
        Mid price of the exit: at the open after *end*, or at the last close.
    exit_place : int64, shape (n_trades,)
        Event of the exit.
    """

    begin: IntArray
    end: IntArray
    exit_mid: FloatArray
    exit_place: IntArray


def reference_of(
    bars: SymbolBars,
    views: Views,
    hold_score: FloatArray,
    *,
    side: IntArray,
    entry: IntArray,
    next_entry: IntArray,
) -> Reference:
    """Return how trades of one symbol would have gone on under the views alone.

    Parameters
    ----------
    bars : SymbolBars
    views : Views
        Of all events of the tape.
    hold_score : float64, shape (n_events,)
    side, entry : int64, shape (n_trades,)
        Side, and place of the event in which each was filled.
    next_entry : int64, shape (n_trades,)
        Place of the event of the symbol's next entry; ``len(bars.event)`` if there is none.

    Notes
    -----
    Held until the first close at which the view turned, but not beyond the decision for the
    next position: what follows belongs to that one, and no move is counted twice.
    """
    n_bars = len(bars.event)
    turn = np.empty(len(side), np.int64)
    for way in (-1, 1):
        mine = side == way
        turn[mine] = next_true(turned(views, bars.event, way, hold_score))[entry[mine]]
    end = np.minimum(np.minimum(turn, np.maximum(next_entry - 1, entry)), n_bars - 1)
    follows = end + 1 < n_bars
    exit_place = np.where(follows, end + 1, n_bars - 1)
    return Reference(
        begin=entry - 1,
        end=end,
        exit_mid=np.where(follows, bars.open_mid[exit_place], bars.close_mid[n_bars - 1]),
        exit_place=exit_place,
    )
