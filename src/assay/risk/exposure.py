"""What a size uses of the account: notional, margin, margin level."""

import math

from assay.kernels.compiler import kernel


@kernel
def notional(lots: float, value: float, price: float) -> float:
    """Return the worth of *lots* at *price*, account currency.

    *value* is account currency per lot and unit of price (``contract * conversion``).
    """
    return lots * value * price


@kernel
def margin_level(equity: float, margin: float) -> float:
    """Return equity over margin; infinite without a margin."""
    if margin <= 0.0:
        return math.inf
    return equity / margin


@kernel
def is_margin_call(equity: float, margin: float, margin_call_level: float) -> bool:
    """Whether entries are barred."""
    return equity <= 0.0 or margin_level(equity, margin) <= margin_call_level
