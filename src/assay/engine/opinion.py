"""From what the signal sources say to the view that the engine acts on."""

from dataclasses import dataclass

import numpy as np

from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
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
