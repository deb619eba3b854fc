"""From what the signal sources say to the view that the engine acts on."""

import numpy as np

from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
from assay.signals.signal_model import Lean

PAYOFF_MIN = 1e-9


def views_of(lean: Lean, *, mid: FloatArray, atr: FloatArray) -> Views:
    """Return the views of one path of the model.

    Parameters
    ----------
    lean : Lean
    mid, atr : float64, shape (n_events,)
        Mid close and the unit of the stops, price units.

    Notes
    -----
    Kelly reads the lower bound of the calibrated probability; a side whose average win does not
    pay its costs has next to no payoff and is refused as having no edge.
    """
    loss = np.maximum(lean.loss, PAYOFF_MIN)
    return Views.of(
        lean.direction,
        score=lean.score,
        confidence=lean.conviction,
        p_win=lean.p_lower,
        payoff=np.maximum(lean.gain, PAYOFF_MIN) / loss,
        loss=loss * mid,
        unit=atr,
    )
