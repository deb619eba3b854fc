"""The fills of each trade: one entry, one or more pieces that left."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.fill_prices import FillPrices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundTrips:
    """Closed trades by their fills; arrays have one row per trade.

    Attributes
    ----------
    entry : int64
        Fill that opened the trade.
    next_entry : int64
        Fill that opened the next position of its symbol, -1 if there was none.
    move : float64
        What its lots made between mid prices, account currency.
    spread, slippage : float64
        What its fills gave away, account currency, at least 0.
    """

    entry: IntArray
    next_entry: IntArray
    move: FloatArray
    spread: FloatArray
    slippage: FloatArray


def round_trips(trades: NDArray[Any], fills: NDArray[Any], prices: FillPrices) -> RoundTrips:
    """Find the fills of each trade and sum what they made.

    Parameters
    ----------
    trades, fills : structured arrays
        As ``docs/execution.md`` records them, in order of time.
    prices : FillPrices
        Of *fills*.

    Notes
    -----
    A symbol has one position at a time, so its fills are an entry, the pieces that leave, the
    next entry, and so on; its trades are in the same order. Each piece is valued, as the account
    books it, at the conversion of its exit. O(n).
    """
    n_trades = len(trades)
    entry, next_entry = np.full(n_trades, -1), np.full(n_trades, -1)
    sums = np.zeros((3, n_trades))
    for s in np.unique(trades["symbol"]) if n_trades else ():
        mine = np.flatnonzero(trades["symbol"] == s)
        own = np.flatnonzero(fills["symbol"] == s)
        opens = own[fills["reason"][own] == 0]
        entry[mine] = opens[: len(mine)]
        following = opens[1 : len(mine) + 1]
        next_entry[mine[: len(following)]] = following
        trip = np.cumsum(fills["reason"][own] == 0) - 1
        leaves = (fills["reason"][own] != 0) & (trip >= 0) & (trip < len(mine))
        piece, trip = own[leaves], trip[leaves]
        begin = opens[trip]
        worth = fills["lots"][piece] * prices.value[piece]
        side = -fills["side"][piece]
        made = (
            worth * side * (prices.mid[piece] - prices.mid[begin]),
            worth * (prices.half_spread[piece] + prices.half_spread[begin]),
            worth * (prices.slippage[piece] + prices.slippage[begin]),
        )
        for row, amount in enumerate(made):
            sums[row, mine] = np.bincount(trip, weights=amount, minlength=len(mine))
    return RoundTrips(
        entry=entry,
        next_entry=next_entry,
        move=sums[0],
        spread=sums[1],
        slippage=sums[2],
    )
