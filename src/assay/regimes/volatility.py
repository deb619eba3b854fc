"""Calm, normal or turbulent: recent volatility against what the symbol is used to."""

import numpy as np

from assay.data.bars import Bars
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.kernels.volatility import ewma_volatility

NAMES = ("calm", "normal", "turbulent")
UNKNOWN = -1
RECENT_SECONDS = 5 * 86_400
USUAL_SECONDS = 180 * 86_400
CALM_BELOW = 0.8
TURBULENT_ABOVE = 1.25


@kernel
def label_by_ratio(recent: FloatArray, usual: FloatArray, low: float, high: float) -> IntArray:
    """Return 0 where recent over usual is below *low*, 2 above *high*, else 1; -1 for NaN."""
    label = np.full(recent.shape[0], -1, np.int64)
    for i in range(recent.shape[0]):
        if recent[i] > 0.0 and usual[i] > 0.0:
            ratio = recent[i] / usual[i]
            label[i] = 0 if ratio < low else (2 if ratio > high else 1)
    return label


def volatility_regimes(bars: Bars) -> IntArray:
    """Return the regime of each bar, an index into ``NAMES``; -1 during the warm-up.

    Returns
    -------
    label : int64, shape (n_bars,)

    Notes
    -----
    Causal: exponentially weighted volatilities with spans of five days and half a year, as of the
    bar's close. The thresholds are conventions of this module, not estimates.
    """
    seconds = bars.timeframe.value
    mid = bars.close if bars.ask_close is None else 0.5 * (bars.close + bars.ask_close)
    recent_span, usual_span = max(10, RECENT_SECONDS // seconds), max(100, USUAL_SECONDS // seconds)
    recent = ewma_volatility(mid, recent_span, recent_span)
    usual = ewma_volatility(mid, usual_span, usual_span)
    return label_by_ratio(recent, usual, CALM_BELOW, TURBULENT_ABOVE)
