"""What traded: on-balance volume, money flow, volume-weighted price; NaN without volume."""

from math import log, sqrt

import numpy as np

from assay.features.average import gap_step
from assay.features.feature import Feature, Lag, Own
from assay.features.true_range import ATR
from assay.kernels.compiler import kernel

_THIRD = 1.0 / 3.0
_TIE = 1e-12
"""Typical prices nearer than this share of the price are equal: the rest is rounding."""


@kernel
def direction(change: float, slack: float) -> float:
    """Return 1 for a rise beyond *slack*, -1 for such a fall, else 0; no branch to guess wrong."""
    return (1.0 if change > slack else 0.0) - (1.0 if change < -slack else 0.0)


@kernel
def obv_step(
    state: tuple[float], i: int, close: float, previous: float, volume: float
) -> tuple[tuple[float], float]:
    """Fold one bar into the sum of volumes, signed by the change of the close."""
    sign = 1.0 if i == 0 else direction(close - previous, 0.0)
    total = state[0] + sign * volume
    return (total,), total


OBV = Feature(
    name="obv",
    meaning="on-balance volume since the first bar, lots or ticks",
    step=obv_step,
    inputs=lambda: ("close", Lag("close", 1), "volume"),
    initial=(0.0,),
    settles=lambda: -1,
)

MfiState = tuple[float, float, float]


@kernel
def mfi_step(
    state: MfiState,
    i: int,
    n: int,
    high: float,
    low: float,
    close: float,
    volume: float,
    flow_leaving: float,
) -> tuple[MfiState, tuple[float, float]]:
    """Fold one bar into the money flow index; the flow is signed by the typical price."""
    previous, rising, falling = state
    typical = (high + low + close) * _THIRD
    if i == 0:
        return (typical, 0.0, 0.0), (np.nan, 0.0)
    flow = direction(typical - previous, _TIE * typical) * typical * volume
    leaving = flow_leaving if i > n else 0.0
    rising += max(flow, 0.0) - max(leaving, 0.0)
    falling += max(-flow, 0.0) - max(-leaving, 0.0)
    if i < n:
        return (typical, rising, falling), (np.nan, flow)
    total = rising + falling
    return (typical, rising, falling), (100.0 * rising / total if total >= 1.0 else 0.0, flow)


MFI = Feature(
    name="mfi",
    meaning="money flow index, 0 to 100",
    step=mfi_step,
    inputs=lambda n: ("high", "low", "close", "volume", Own("_flow", n)),
    initial=(0.0, 0.0, 0.0),
    warm_up=lambda n: (n, 0),
    periods=(2,),
    outputs=("mfi", "_flow"),
)

VwapState = tuple[float, float]


@kernel
def vwap_step(
    state: VwapState,
    i: int,
    n: int,
    high: float,
    low: float,
    close: float,
    volume: float,
    volume_leaving: float,
    money_leaving: float,
) -> tuple[VwapState, tuple[float, float]]:
    """Fold one bar into the volume-weighted typical price of the latest *n* bars."""
    volumes, moneys = state
    typical = (high + low + close) * _THIRD
    money = typical * volume
    volumes += volume - volume_leaving if i >= n else volume
    moneys += money - money_leaving if i >= n else money
    if i < n - 1:
        return (volumes, moneys), (np.nan, money)
    return (volumes, moneys), (moneys / volumes if volumes > 1e-9 else typical, money)


VWAP = Feature(
    name="vwap",
    meaning="volume-weighted average of the typical price over n bars, price",
    step=vwap_step,
    inputs=lambda n: ("high", "low", "close", "volume", Lag("volume", n), Own("_money", n)),
    initial=(0.0, 0.0),
    warm_up=lambda n: (n - 1, 0),
    periods=(1,),
    outputs=("vwap", "_money"),
)

VWAP_GAP = Feature(
    name="vwap_gap",
    meaning="close less the volume-weighted price of n bars, in ATR(14)",
    step=gap_step,
    inputs=lambda n: ("close", VWAP(n), ATR(14)),
    periods=(1,),
)


@kernel
def log_volume_step(volume: float) -> float:
    """Return ``log(1 + volume)``."""
    return log(1.0 + volume) if volume > 0.0 else 0.0


LOG_VOLUME = Feature(
    name="log_volume",
    meaning="log of one plus the volume",
    step=log_volume_step,
    inputs=lambda: ("volume",),
)


@kernel
def volume_z_step(
    state: tuple[float, float], i: int, n: int, value: float, leaving: float
) -> tuple[tuple[float, float], float]:
    """Fold one log volume into its distance from the mean of the latest *n*, in deviations."""
    total, squares = state
    if i >= n:
        total += value - leaving
        squares += (value - leaving) * (value + leaving)
    else:
        total += value
        squares += value * value
    if i < n - 1:
        return (total, squares), np.nan
    mean = total / n
    variance = squares / n - mean * mean
    score = (value - mean) / sqrt(variance) if variance > 1e-9 else 0.0
    return (total, squares), score


VOLUME_Z = Feature(
    name="volume_z",
    meaning="log volume less its mean over n bars, in deviations",
    step=volume_z_step,
    inputs=lambda n: (LOG_VOLUME(), Lag(LOG_VOLUME(), n)),
    initial=(0.0, 0.0),
    warm_up=lambda n: n - 1,
    periods=(4,),
)


@kernel
def volume_balance_step(
    state: tuple[float, float],
    i: int,
    n: int,
    close: float,
    previous: float,
    volume: float,
    volume_leaving: float,
    signed_leaving: float,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Fold one bar into signed volume over volume, of the latest *n* bars."""
    total, balance = state
    if i == 0:
        return state, (np.nan, 0.0)
    signed = direction(close - previous, 0.0) * volume
    total += volume - volume_leaving if i > n else volume
    balance += signed - signed_leaving if i > n else signed
    if i < n:
        return (total, balance), (np.nan, signed)
    return (total, balance), (balance / total if total > 1e-9 else 0.0, signed)


VOLUME_BALANCE = Feature(
    name="volume_balance",
    meaning="volume of rising less falling bars over all volume of n bars, -1 to 1",
    step=volume_balance_step,
    inputs=lambda n: (
        "close",
        Lag("close", 1),
        "volume",
        Lag("volume", n),
        Own("_signed", n),
    ),
    initial=(0.0, 0.0),
    warm_up=lambda n: (n, 0),
    periods=(2,),
    outputs=("volume_balance", "_signed"),
)

FEATURES = (OBV, MFI, VWAP, VWAP_GAP, LOG_VOLUME, VOLUME_Z, VOLUME_BALANCE)
