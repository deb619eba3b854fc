"""Orders that wait: market orders for the next open, working orders for their price."""

import math
from typing import Any

from assay.domain.fill import ExitReason
from assay.domain.order import OrderKind
from assay.domain.refusal import RefusalReason
from assay.engine.booking import close_piece, open_position
from assay.engine.bracket import apply_stop_inside
from assay.engine.market import Event
from assay.engine.state import CANCELLED, CLOSE, MARKET
from assay.execution.venue import market_price, working_price
from assay.kernels.compiler import IntArray, kernel
from assay.risk.facts import RecordArray
from assay.risk.grid import down_lot

_LIMIT = OrderKind.LIMIT.value
_STOP_LIMIT = OrderKind.STOP_LIMIT.value
_REQUEST = ExitReason.REQUEST.value
_POSITION_OPEN = RefusalReason.POSITION_OPEN.value


@kernel
def fill_entry(
    event: int, symbol: int, order: Any, price: float, is_inside: bool,
    position: Any, facts: Any, rules: Any, account: Any, refusals: IntArray,
    queue: RecordArray, fills: RecordArray, trades: RecordArray,
) -> bool:  # fmt: skip
    """Fill *order* at *price* against what is open; return whether a position was opened."""
    lots = order.lots
    if position.side == order.side:
        refusals[_POSITION_OPEN] += 1
        return False
    if position.side != 0:
        piece = min(lots, position.lots)
        close_piece(
            event, symbol, piece, price, _REQUEST,
            position, facts, rules, account, queue, fills, trades,
        )  # fmt: skip
        lots = down_lot(lots - piece, facts.lot_step)
        if lots < facts.lot_min:
            return False
    open_position(
        event, symbol, order, lots, price, is_inside, position, facts, rules, account, fills
    )
    return True


@kernel
def fill_queue(
    event: int, symbol: int, bar: Event,
    position: Any, facts: Any, rules: Any, account: Any, refusals: IntArray,
    queue: RecordArray, fills: RecordArray, trades: RecordArray,
) -> None:  # fmt: skip
    """Fill the queued market orders of *symbol* at the open, oldest first, and empty the queue."""
    for k in range(position.n_queued):
        order = queue[k]
        if order.kind == MARKET:
            price = market_price(order.side, bar.bid_open, bar.ask_open, position.slip)
            fill_entry(
                event, symbol, order, price, False,
                position, facts, rules, account, refusals, queue, fills, trades,
            )  # fmt: skip
        elif order.kind == CLOSE and position.side != 0:
            price = market_price(-position.side, bar.bid_open, bar.ask_open, position.slip)
            piece = min(order.lots, position.lots) if order.lots > 0.0 else position.lots
            close_piece(
                event, symbol, piece, price, order.reason,
                position, facts, rules, account, queue, fills, trades,
            )  # fmt: skip
    position.n_queued = 0


@kernel
def work_orders(
    event: int, symbol: int, bar: Event,
    position: Any, facts: Any, rules: Any, account: Any, refusals: IntArray,
    queue: RecordArray, working: RecordArray, fills: RecordArray, trades: RecordArray,
) -> None:  # fmt: skip
    """Test the working orders of *symbol*, oldest first; keep those that neither filled nor expired."""
    kept = 0
    for k in range(position.n_working):
        order = working[k]
        if order.side > 0:
            price, triggered = working_price(
                order.kind, order.side, order.price, order.limit, position.slip,
                bar.ask_open, bar.ask_low, bar.ask_high,
            )  # fmt: skip
        else:
            price, triggered = working_price(
                order.kind, order.side, order.price, order.limit, position.slip,
                bar.bid_open, bar.bid_low, bar.bid_high,
            )  # fmt: skip
        order.age_bars += 1
        if not math.isnan(price):
            opened = fill_entry(
                event, symbol, order, price, True,
                position, facts, rules, account, refusals, queue, fills, trades,
            )  # fmt: skip
            if opened:
                apply_stop_inside(
                    event, symbol, bar, position, facts, rules, account, queue, fills, trades
                )
            continue
        if triggered and order.kind == _STOP_LIMIT:
            order.kind = _LIMIT
            order.price = order.limit
        if order.expiry_bars > 0 and order.age_bars >= order.expiry_bars:
            continue
        if kept < k:
            working[kept] = order
        kept += 1
    position.n_working = kept


@kernel
def cleared_order(rows: RecordArray, k: int, kind: int, side: int, lots: float) -> Any:
    """Return row *k* of *rows* as a plain order without a bracket."""
    order = rows[k]
    order.kind = kind
    order.side = side
    order.lots = lots
    order.reason = CANCELLED
    order.price = 0.0
    order.limit = 0.0
    order.distance = 0.0
    order.target = 0.0
    order.unit = 0.0
    order.score = math.nan
    order.p_win = math.nan
    order.is_decision = 0
    order.expiry_bars = 0
    order.age_bars = 0
    return order
