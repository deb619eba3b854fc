"""What each fill gave away: half the spread and the slippage, and the mid price it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config.settings import CostSettings
from assay.domain.facts_history import ContractFacts
from assay.domain.fill import ExitReason
from assay.engine.market import (
    ASK_CLOSE,
    ASK_OPEN,
    BID_CLOSE,
    BID_OPEN,
    CONVERSION,
    VOLATILITY,
)
from assay.engine.tape import Tape
from assay.kernels.compiler import FloatArray, IntArray
from assay.risk.facts import dated_facts

ENTRY = 0
AT_MARKET = (ExitReason.STOP, ExitReason.SIGNAL, ExitReason.TIME_STOP, ExitReason.STOP_OUT)
"""Exits that slip whatever the price; a target does not, and an entry or a request may."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FillPrices:
    """Fills taken apart; arrays have one row per fill, prices are in quote currency.

    Attributes
    ----------
    event : int64
        Latest event of the fill's own symbol: a stop-out happens in the event of another.
    mid : float64
        The price without spread and slippage.
    half_spread, slippage : float64
        What the fill gave away, price units, at least 0.
    value : float64
        Account currency per lot and unit of price.
    """

    event: IntArray
    mid: FloatArray
    half_spread: FloatArray
    slippage: FloatArray
    value: FloatArray


def fill_prices(
    fills: NDArray[Any],
    tape: Tape,
    costs: CostSettings,
    instruments: Mapping[str, ContractFacts],
) -> FillPrices:
    """Take *fills* apart.

    Notes
    -----
    Spread and slippage are those of ``docs/execution.md``: the spread at the open of the event
    (at its close for what is closed there at the end of the data), the slippage of the event.
    An entry or a requested exit slipped if its price is that of a market order; of a resting
    order it is not known how it would have filled, and nothing is taken off.
    """
    event = own_events(fills, tape)
    columns = tape.market[:, event]
    facts, _ = dated_facts([instruments[name] for name in tape.symbols], tape.timeframe)
    held = facts[tape.version[event] if len(tape.version) else fills["symbol"]]
    reason, side, price = fills["reason"], fills["side"], fills["price"]
    at_end = reason == ExitReason.END
    bid = np.where(at_end, columns[BID_CLOSE], columns[BID_OPEN])
    ask = np.where(at_end, columns[ASK_CLOSE], columns[ASK_OPEN])
    least = costs.slippage_points_min * held["point"]
    moving = costs.slippage_volatility_fraction * columns[VOLATILITY] * columns[BID_OPEN]
    slip = np.where(moving > least, moving, least)
    quoted = np.where(side > 0, columns[ASK_OPEN] + slip, columns[BID_OPEN] - slip)
    slipped = np.isin(reason, AT_MARKET) | (
        np.isin(reason, (ENTRY, ExitReason.REQUEST)) & (price == quoted)
    )
    half, slippage = 0.5 * (ask - bid), np.where(slipped, slip, 0.0)
    return FillPrices(
        event=event,
        mid=price - side * (half + slippage),
        half_spread=half,
        slippage=slippage,
        value=held["contract"] * columns[CONVERSION],
    )


def own_events(fills: NDArray[Any], tape: Tape) -> IntArray:
    """Return the latest event of each fill's symbol up to that of the fill."""
    event = fills["event"].astype(np.int64)
    for s in range(len(tape.symbols)):
        mine = np.flatnonzero(fills["symbol"] == s)
        if len(mine):
            known = np.flatnonzero(tape.symbol == s)
            event[mine] = known[np.searchsorted(known, event[mine], side="right") - 1]
    return event
