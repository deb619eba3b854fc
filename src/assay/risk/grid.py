"""Rounding to the tick and to the lot step, by one rule."""

import numpy as np

from assay.kernels.compiler import kernel

NEAR = 1e-9
"""A quotient this close to an integer (relative to max(1, |quotient|)) counts as it."""


@kernel
def _floor_near(quotient: float) -> float:
    nearest = float(np.rint(quotient))
    if abs(quotient - nearest) <= NEAR * max(1.0, abs(quotient)):
        return nearest
    return float(np.floor(quotient))


@kernel
def up_tick(x: float, tick_size: float) -> float:
    """Return the least grid price that is not below *x*."""
    return -_floor_near(-x / tick_size) * tick_size


@kernel
def down_tick(x: float, tick_size: float) -> float:
    """Return the greatest grid price that is not above *x*."""
    return _floor_near(x / tick_size) * tick_size


@kernel
def down_lot(lots: float, lot_step: float) -> float:
    """Return the greatest size on the lot step that is not above *lots*."""
    return _floor_near(lots / lot_step) * lot_step


@kernel
def is_on_lot_step(lots: float, lot_step: float) -> bool:
    """Whether *lots* is a multiple of the lot step, within ``NEAR``."""
    quotient = lots / lot_step
    return abs(quotient - float(np.rint(quotient))) <= NEAR * max(1.0, abs(quotient))
