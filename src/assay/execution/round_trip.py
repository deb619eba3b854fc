"""What one round trip is expected to cost, before it is made."""

import numpy as np

from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.domain.instrument import Instrument, SwapMode
from assay.kernels.compiler import FloatArray

SLIPPED_FILLS = 2
NIGHTS_PER_TRADING_DAY = 7.0 / 5.0
SECONDS_PER_DAY = 86_400.0


def round_trip_cost(
    bars: Bars,
    instrument: Instrument,
    costs: CostSettings,
    *,
    volatility: FloatArray,
    conversion: FloatArray,
) -> FloatArray:
    """Return the expected cost of entering and leaving once, as a log return.

    Parameters
    ----------
    bars : Bars
        With both sides quoted.
    volatility : float64, shape (n_bars,)
        Standard deviation of one bar's log return as known at its close.
    conversion : float64, shape (n_bars,)
        Account currency per unit of quote currency.

    Returns
    -------
    cost : float64, shape (n_bars,)
        Spread, two slipped fills and two commissions; swap is apart, in ``carry``.
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
    fee = SLIPPED_FILLS * float(instrument.commission_per_lot) * costs.commission_multiple
    return np.asarray(spread + slippage + fee / notional)


def carry(
    bars: Bars, instrument: Instrument, costs: CostSettings, *, horizon_bars: int
) -> tuple[FloatArray, FloatArray]:
    """Return the expected swap of holding one side over the horizon, as log returns.

    Parameters
    ----------
    bars : Bars
        With both sides quoted.
    horizon_bars : int

    Returns
    -------
    long, short : float64, shape (n_bars,)
        Negative is paid. Five trading days pay seven nights, so a trading day pays 1.4.
    """
    assert bars.ask_close is not None
    mid = 0.5 * (bars.close + bars.ask_close)
    nights = NIGHTS_PER_TRADING_DAY * horizon_bars * bars.timeframe.value / SECONDS_PER_DAY
    if instrument.swap_mode is SwapMode.POINTS:
        unit = float(instrument.point) / mid
    else:
        unit = np.full(len(mid), 1.0 / 100.0 / 360.0)
    scale = nights * costs.swap_multiple * unit
    return scale * float(instrument.swap_long), scale * float(instrument.swap_short)
