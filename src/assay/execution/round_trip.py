"""What one round trip is expected to cost, before it is made."""

import numpy as np

from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.domain.instrument import Instrument, SwapMode
from assay.kernels.compiler import FloatArray
from assay.risk.facts import versions_at

SLIPPED_FILLS = 2
TRADING_DAYS_PER_WEEK = 5.0
SECONDS_PER_DAY = 86_400.0


def round_trip_cost(
    bars: Bars,
    facts: ContractFacts,
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
    facts : Instrument or FactsHistory
        Of dated facts, those that held at each bar's open.
    costs : CostSettings
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
        costs.slippage_points_min * at_bars(bars, facts, "point") / mid,
    )
    notional = at_bars(bars, facts, "contract_size") * mid * conversion
    commission = at_bars(bars, facts, "commission_per_lot")
    fee = SLIPPED_FILLS * commission * costs.commission_multiple
    return np.asarray(spread + slippage + fee / notional)


def carry(
    bars: Bars,
    facts: ContractFacts,
    costs: CostSettings,
    *,
    horizon_bars: int,
    conversion: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the expected swap of holding one side over the horizon, as log returns.

    Parameters
    ----------
    bars : Bars
        With both sides quoted.
    facts : Instrument or FactsHistory
        Of dated facts, those that held at each bar's open; nobody knew later ones.
    costs : CostSettings
    horizon_bars : int
    conversion : float64, shape (n_bars,)
        Account currency per unit of quote currency.

    Returns
    -------
    long, short : float64, shape (n_bars,)
        Negative is paid. Five trading days pay seven nights, so a trading day pays 1.4.
    """
    assert bars.ask_close is not None
    mid = 0.5 * (bars.close + bars.ask_close)
    history = FactsHistory.of(facts)
    per_day = [float(sum(item.nights)) / TRADING_DAYS_PER_WEEK for item in history.instruments]
    unit = np.empty(len(mid))
    at = versions_at(bars.time_ns, history)
    nights = np.array(per_day)[at] * horizon_bars * bars.timeframe.value / SECONDS_PER_DAY
    for k, item in enumerate(history.instruments):
        mine = at == k
        unit[mine] = _unit(item, mid[mine], conversion[mine])
    scale = nights * costs.swap_multiple * unit
    return scale * at_bars(bars, facts, "swap_long"), scale * at_bars(bars, facts, "swap_short")


def _unit(item: Instrument, mid: FloatArray, conversion: FloatArray) -> FloatArray:
    # One unit of quoted swap a night, over the notional.
    contract = float(item.contract_size)
    if item.swap_mode is SwapMode.POINTS:
        return float(item.point) / mid
    if item.swap_mode is SwapMode.BASE:
        return np.full(len(mid), 1.0 / contract)
    if item.swap_mode is SwapMode.QUOTE:
        return 1.0 / (contract * mid)
    if item.swap_mode is SwapMode.ACCOUNT:
        return 1.0 / (contract * mid * conversion)
    return np.full(len(mid), 1.0 / 100.0 / 360.0)


def at_bars(bars: Bars, facts: ContractFacts, name: str) -> FloatArray:
    """Return the number *name* of the facts that held at each bar's open, shape (n_bars,)."""
    history = FactsHistory.of(facts)
    values = np.array([float(getattr(item, name)) for item in history.instruments])
    return np.asarray(values[versions_at(bars.time_ns, history)])
