"""What a trade may move, cost and carry over one horizon, as known at a bar's close."""

from dataclasses import dataclass

from assay.kernels.compiler import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """Log returns over the horizon of a view; every array has shape (n_bars,).

    Attributes
    ----------
    volatility : float64
        Standard deviation of the move.
    cost : float64
        Of entering and leaving once, without swap.
    carry_long, carry_short : float64
        Expected swap of each side; negative is paid.
    """

    volatility: FloatArray
    cost: FloatArray
    carry_long: FloatArray
    carry_short: FloatArray
