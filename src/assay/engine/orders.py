"""Orders that wait: market orders for the next open, working orders for their price."""

import math
from typing import Any

from assay.domain.fill import ExitReason
from assay.domain.order import OrderKind
from assay.domain.refusal import RefusalReason
from assay.engine.booking import close_piece, open_position
from assay.engine.bracket import apply_stop_inside
from assay.engine.code import code
from assay.engine.market import Event
from assay.engine.state import CANCELLED, CLOSE, MARKET
from assay.execution.venue import market_price, working_price
from assay.kernels.compiler import kernel
from assay.risk.grid import down_lot

_LIMIT = OrderKind.LIMIT.value
_STOP_LIMIT = OrderKind.STOP_LIMIT.value
_REQUEST = code(ExitReason.REQUEST)
_POSITION_OPEN = RefusalReason.POSITION_OPEN.value


@kernel
def fill_entry(
    event: int, symbol: int, order: Any, price: float,
    position: Any, facts: Any, rules: Any, account: Any,
) -> bool:  # fmt: skip
    """Fill *order* at *price* against what is open; return whether a position was opened."""
    lots = order.lots
    if position.side == order.side:
        account.refusals[_POSITION_OPEN] += 1
        return False
    if position.side != 0:
        piece = min(lots, position.lots)
        close_piece(
            event, symbol, piece, price, _REQUEST,
            position, facts, rules, account,
        )  # fmt: skip
        lots = down_lot(lots - piece, facts.lot_step)
        if lots < facts.lot_min:
            return False
    open_position(event, symbol, order, lots, price, position, facts, rules, account)
    return True


@kernel
def fill_queue(
    event: int, symbol: int, bar: Event,
    position: Any, facts: Any, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Fill the queued market orders of *symbol* at the open, oldest first, and empty the queue."""
    for k in range(position.n_queued):
        order = position.queued[k]
        if order.kind == MARKET:
            price = market_price(order.side, bar.bid_open, bar.ask_open, position.slip)
            fill_entry(
                event, symbol, order, price,
                position, facts, rules, account,
            )  # fmt: skip
        elif order.kind == CLOSE and position.side != 0:
            price = market_price(-position.side, bar.bid_open, bar.ask_open, position.slip)
            piece = min(order.lots, position.lots) if order.lots > 0.0 else position.lots
            close_piece(
                event, symbol, piece, price, order.reason,
                position, facts, rules, account,
            )  # fmt: skip
    position.n_queued = 0


@kernel
def work_orders(
    event: int, symbol: int, bar: Event,
    position: Any, facts: Any, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Test the working orders of *symbol*, oldest first; keep what neither filled nor expired."""
    kept = 0
    for k in range(position.n_working):
        order = position.working[k]
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
                event, symbol, order, price,
                position, facts, rules, account,
            )  # fmt: skip
            if opened:
                position.is_inside = 1
                apply_stop_inside(event, symbol, bar, position, facts, rules, account)
            continue
        if triggered and order.kind == _STOP_LIMIT:
            order.kind = _LIMIT
            order.price = order.limit
        if order.expiry_bars > 0 and order.age_bars >= order.expiry_bars:
            continue
        if kept < k:
            position.working[kept] = order
        kept += 1
    position.n_working = kept


@kernel
def write_order(order: Any, kind: int, side: int, lots: float) -> None:
    """Make *order* a plain order without a bracket."""
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
