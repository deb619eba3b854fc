"""When the venue closes positions by itself."""

from assay.kernels.compiler import kernel
from assay.risk.exposure import margin_level


@kernel
def is_stopped_out(equity: float, margin: float, stop_out_level: float) -> bool:
    """Whether an account with open positions must give one up."""
    return equity <= 0.0 or margin_level(equity, margin) <= stop_out_level
