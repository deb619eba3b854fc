"""The views that the engine trades: each path of the model, and the benchmarks beside it."""

from dataclasses import dataclass

import numpy as np

from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.signals.signal_model import Lean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Economics:
    """What one trade may win and lose at each event, price units; shape (n_events,) each.

    Attributes
    ----------
    gain, loss : float64
        Average win and loss of a label over its horizon, after the expected costs.
    atr : float64
        Unit of the stops.
    """

    gain: FloatArray
    loss: FloatArray
    atr: FloatArray


def economics(
    *, mid: FloatArray, volatility: FloatArray, cost: FloatArray, atr: FloatArray, move: FloatArray
) -> Economics:
    """Return the economics of one trade at each event.

    Parameters
    ----------
    mid : float64, shape (n_events,)
        Mid close.
    volatility, cost : float64, shape (n_events,)
        Of the label's horizon, log returns, as known at the close.
    atr : float64, shape (n_events,)
    move : float64, shape (n_events,)
        Mean absolute label move over volatility, as known when the model was trained.
    """
    typical = move * volatility
    return Economics(gain=(typical - cost) * mid, loss=(typical + cost) * mid, atr=atr)


def views_of(lean: Lean, trade: Economics) -> Views:
    """Return the views of one path of the model.

    Kelly reads the lower bound of the calibrated probability; a trade whose average win does
    not pay its costs has no positive payoff and is refused as having no edge.
    """
    payoff = np.maximum(trade.gain, 1e-12) / trade.loss
    return Views.of(
        lean.direction,
        score=lean.score,
        confidence=lean.conviction,
        p_win=lean.p_lower,
        payoff=payoff,
        loss=trade.loss,
        unit=trade.atr,
    )


def views_of_side(direction: FloatArray, atr: FloatArray) -> Views:
    """Return views of full conviction for a benchmark: enter where told, leave where 0.

    A bar of direction 0 names the opposite side of the last position with a score that ends
    the position but cannot enter. Sized by risk and volatility alone: Kelly has no say, because
    a benchmark has no calibrated probability.
    """
    side, score = _held_sides(direction)
    return Views.of(
        side, score=score, confidence=1.0, p_win=1.0, payoff=1.0, loss=atr, unit=atr
    )


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
