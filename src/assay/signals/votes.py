"""The traditional path: fourteen indicators, each with one vote between -1 and +1.

Votes are deliberately plain, as textbooks give them. Whether they carry any information is for
the calibration to find out, not for the vote to claim.
"""

from collections.abc import Sequence

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray, kernel

TREND_FRAMES_MAX = 2

VOTES = (
    "sma_20",
    "sma_50",
    "sma_200",
    "ema_12",
    "ema_26",
    "rsi",
    "macd",
    "macd_signal",
    "bollinger",
    "atr",
    "trend_frames",
    "volume_weighted",
    "support",
    "resistance",
)
N_VOTES = len(VOTES)

FAMILIES = {
    "trend": ("sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "trend_frames"),
    "momentum": ("rsi", "macd", "macd_signal"),
    "volatility": ("bollinger", "atr"),
    "volume": ("volume_weighted",),
    "levels": ("support", "resistance"),
}
"""Votes that read the market in the same way; each vote is in one family."""

_BASE_INPUTS = (
    "close",
    "sma_20",
    "sma_50",
    "sma_200",
    "ema_12",
    "ema_26",
    "rsi_14",
    "macd_12_26_9",
    "macd_signal_12_26_9",
    "bb_percent_20",
    "atr_14",
    "log_return_1",
    "vwap_20",
    "support_20",
    "resistance_20",
)
_VOLUME_INPUT = _BASE_INPUTS.index("vwap_20")


def vote_inputs(higher: Sequence[str]) -> tuple[str, ...]:
    """Return the features that the votes read; the trend votes read at most two higher frames.

    Parameters
    ----------
    higher : sequence of str
        Higher timeframes, such as ``("H4", "D1")``.
    """
    trend = [f"drift_32@{frame}" for frame in higher[:TREND_FRAMES_MAX]]
    return (*_BASE_INPUTS, *trend)


@kernel
def _squash(value: float) -> float:
    """Bring a distance in ATR into (-1, 1), and an unknown one to 0: no vote."""
    return float(np.tanh(value)) if np.isfinite(value) else 0.0


@kernel
def _reversal(value: float, low: float, high: float) -> float:
    """Vote up at or below *low*, down at or above *high*, and in between not at all."""
    if value <= low:
        return 1.0
    if value >= high:
        return -1.0
    return 0.0


@kernel
def vote_rows(inputs: FloatArray) -> FloatArray:
    """Return the votes of each bar.

    Parameters
    ----------
    inputs : float64, shape (n_bars, n_inputs)
        Columns as ``vote_inputs`` names them. NaN (warm-up, no volume) abstains.

    Returns
    -------
    votes : float64, shape (n_bars, 14)
        In [-1, 1]; positive is up.

    Notes
    -----
    Moving averages, MACD and the volume-weighted price vote with the distance in ATR, squashed.
    RSI votes against an extreme (30, 70) and with its lean in between. Bollinger votes against a
    close outside the bands. ATR votes with a move of more than one ATR. Support and resistance
    vote within half an ATR of their level. Row by row: batch and one bar give the same bits.
    """
    n_bars, n_inputs = inputs.shape
    votes = np.zeros((n_bars, 14))
    for i in range(n_bars):
        row = inputs[i]
        close, atr = row[0], row[10]
        if not atr > 0.0:
            continue
        for k in range(5):
            votes[i, k] = _squash((close - row[1 + k]) / atr)
        rsi = row[6]
        votes[i, 5] = _reversal(rsi, 30.0, 70.0)
        if votes[i, 5] == 0.0 and np.isfinite(rsi):
            votes[i, 5] = (rsi - 50.0) / 40.0
        votes[i, 6] = _squash(row[7] / atr)
        votes[i, 7] = _squash(4.0 * (row[7] - row[8]) / atr)
        votes[i, 8] = _reversal(row[9], 0.0, 1.0)
        move = row[11] * close / atr
        if abs(move) > 1.0:
            votes[i, 9] = 1.0 if move > 0.0 else -1.0
        total = 0.0
        for k in range(15, n_inputs):
            total += _squash(row[k])
        votes[i, 10] = total / max(1, n_inputs - 15)
        votes[i, 11] = _squash((close - row[12]) / atr)
        if close - row[13] < 0.5 * atr and close >= row[13]:
            votes[i, 12] = 1.0
        if row[14] - close < 0.5 * atr and close <= row[14]:
            votes[i, 13] = -1.0
    return votes


def votes_from(names: Sequence[str], values: FloatArray, wanted: Sequence[str]) -> FloatArray:
    """Pick the vote inputs out of a feature frame and vote.

    Parameters
    ----------
    names : sequence of str
        Columns of *values*.
    values : float64, shape (n_bars, n_features)
    wanted : sequence of str
        ``vote_inputs(...)``.

    Raises
    ------
    ModelError
        If an input other than the volume-weighted price is missing.
    """
    column = {name: i for i, name in enumerate(names)}
    inputs = np.full((len(values), len(wanted)), np.nan)
    for k, name in enumerate(wanted):
        if name in column:
            inputs[:, k] = values[:, column[name]]
        elif k != _VOLUME_INPUT:
            raise ModelError(
                f"The indicator votes must have {name}; was not among {len(names)} features.",
                remedy="Compute signals.votes.vote_inputs(...) with the features.",
                feature=name,
            )
    return vote_rows(inputs)
