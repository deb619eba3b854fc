"""The views of the benchmarks: a side for every event, and trades dealt at random."""

import numpy as np

from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray, kernel


def views_of_side(direction: FloatArray, atr: FloatArray) -> Views:
    """Return views of full conviction for a benchmark: enter where told, leave where 0.

    A bar of direction 0 names the opposite side of the last position with a score that ends
    the position but cannot enter. Sized by risk and volatility alone: Kelly has no say, because
    a benchmark has no calibrated probability.
    """
    side, score = _held_sides(direction)
    return Views.of(side, score=score, confidence=1.0, p_win=1.0, payoff=1.0, loss=atr, unit=atr)


@kernel
def _held_sides(direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    n_events = direction.shape[0]
    side = np.zeros(n_events)
    score = np.full(n_events, 0.5)
    last = 0.0
    for i in range(n_events):
        if direction[i] != 0.0:
            side[i] = direction[i]
            score[i] = 1.0
            last = direction[i]
        elif last != 0.0:
            side[i] = -last
            score[i] = 0.55
    return side, score


def random_sides(
    entry: IntArray,
    exit_: IntArray,
    n_events: int,
    generator: np.random.Generator,
) -> FloatArray:
    """Return a side per event with the trades of a strategy, dealt at random.

    Parameters
    ----------
    entry, exit_ : int64, shape (n_trades,)
        Events between which the strategy held each of its trades, in one symbol.
    n_events : int
    generator : numpy.random.Generator

    Returns
    -------
    direction : float64, shape (n_events,)
        -1, 0 or +1. The same number of trades and the same holding times in random order, with
        random pauses between them that sum to the strategy's own, and random sides.
    """
    held = np.maximum(exit_ - entry, 1)
    generator.shuffle(held)
    idle = max(0, n_events - int(held.sum()))
    cuts = np.sort(generator.integers(0, idle + 1, size=len(held)))
    starts = cuts + np.concatenate(([0], np.cumsum(held)[:-1]))
    direction = np.zeros(n_events)
    for start, length in zip(starts, held, strict=True):
        direction[start : start + length] = 1.0 if generator.random() < 0.5 else -1.0
    return direction
