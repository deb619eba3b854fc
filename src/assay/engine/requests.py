"""Explicit orders: checked, then queued or set to work."""

from typing import Any

from assay.domain.fill import ExitReason
from assay.domain.order import OrderKind
from assay.domain.refusal import RefusalReason
from assay.engine.code import code
from assay.engine.market import Event
from assay.engine.orders import write_order
from assay.engine.state import CLOSE, MARKET, QUEUED_MAX, WORKING_MAX
from assay.kernels.compiler import kernel
from assay.risk.grid import is_on_lot_step

_REQUEST = code(ExitReason.REQUEST)
_STOP_LIMIT = OrderKind.STOP_LIMIT.value
_TOO_MANY_ORDERS = RefusalReason.TOO_MANY_ORDERS.value
_INVALID_LOTS = RefusalReason.INVALID_LOTS.value


@kernel
def are_lots_valid(kind: int, lots: float, facts: Any) -> bool:
    """Whether *lots* is a size of the instrument; 0 closes all."""
    if kind == CLOSE and lots == 0.0:
        return True
    return bool(
        lots >= facts.lot_min and lots <= facts.lot_max and is_on_lot_step(lots, facts.lot_step)
    )


@kernel
def place(request: Any, bar: Event, position: Any, facts: Any) -> int:
    """Queue one request of this event or set it to work; return the refusal, or 0."""
    kind = request.kind
    if not are_lots_valid(kind, request.lots, facts):
        return _INVALID_LOTS
    if kind in (MARKET, CLOSE):
        if position.n_queued >= QUEUED_MAX - 2:
            return _TOO_MANY_ORDERS
        order = position.queued[position.n_queued]
        write_order(order, kind, request.side, request.lots)
        order.price = bar.ask_close if request.side > 0 else bar.bid_close
        order.reason = _REQUEST
        position.n_queued += 1
    else:
        if position.n_working >= WORKING_MAX:
            return _TOO_MANY_ORDERS
        order = position.working[position.n_working]
        write_order(order, kind, request.side, request.lots)
        order.price = request.price
        order.limit = request.limit_price if kind == _STOP_LIMIT else 0.0
        order.expiry_bars = request.expiry_bars
        position.n_working += 1
    order.distance = request.stop_distance
    order.target = request.target_distance
    return 0


@kernel
def submit(request: Any, bar: Event, position: Any, facts: Any, account: Any) -> None:
    """Step 10 of ``docs/execution.md`` for one request of this event; count a refusal."""
    refused = place(request, bar, position, facts)
    if refused != 0:
        account.refusals[refused] += 1
