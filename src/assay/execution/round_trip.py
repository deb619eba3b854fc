"""What one round trip is expected to cost, before it is made."""

import numpy as np

from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.domain.instrument import Instrument, SwapMode
from assay.kernels.compiler import FloatArray

SLIPPED_FILLS = 2
HOURS_PER_NIGHT = 24.0


def round_trip_cost(
    bars: Bars,
    instrument: Instrument,
    costs: CostSettings,
    *,
    volatility: FloatArray,
    conversion: FloatArray,
    horizon_bars: int,
) -> FloatArray:
    """Return the expected cost of one round trip over the horizon, as a log return.

    Parameters
    ----------
    bars : Bars
        With both sides quoted.
    volatility : float64, shape (n_bars,)
        Standard deviation of one bar's log return as known at its close.
    conversion : float64, shape (n_bars,)
        Account currency per unit of quote currency.
    horizon_bars : int

    Returns
    -------
    cost : float64, shape (n_bars,)
        Spread, two slipped fills, two commissions and the dearer side's swap over the horizon.
        Causal: reads bar ``i`` and before.
    """
    assert bars.ask_close is not None
    mid = 0.5 * (bars.close + bars.ask_close)
    spread = (bars.ask_close - bars.close) * costs.spread_multiple / mid
    slippage = SLIPPED_FILLS * np.maximum(
        costs.slippage_volatility_fraction * np.nan_to_num(volatility),
        costs.slippage_points_min * float(instrument.point) / mid,
    )
    notional = float(instrument.contract_size) * mid * conversion
    commission = 2.0 * float(instrument.commission_per_lot) * costs.commission_multiple / notional
    nights = horizon_bars * bars.timeframe.value / 3_600.0 / HOURS_PER_NIGHT
    dearest = max(0.0, -float(instrument.swap_long), -float(instrument.swap_short))
    if instrument.swap_mode is SwapMode.POINTS:
        night = dearest * float(instrument.point) / mid
    else:
        night = np.full(len(mid), dearest / 100.0 / 360.0)
    return np.asarray(spread + slippage + commission + nights * night * costs.swap_multiple)
