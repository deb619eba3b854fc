"""Sums over the account: equity, margin, what other symbols use; and the stop-out."""

from typing import Any, NamedTuple

from assay.domain.fill import ExitReason
from assay.engine.booking import close_piece
from assay.engine.code import code
from assay.engine.state import MARKET
from assay.execution.margin import is_stopped_out
from assay.kernels.compiler import kernel
from assay.risk.exposure import margin_of, notional
from assay.risk.facts import RecordArray

_STOP_OUT = code(ExitReason.STOP_OUT)


@kernel
def floating_profit(position: Any, facts: Any) -> float:
    """Return the profit of an open position at its last mark and conversion."""
    value = facts.contract * position.conversion
    profit: float = position.side * position.lots * (position.mark - position.entry) * value
    return profit


@kernel
def margin_used(position: Any, facts: Any) -> float:
    """Return the margin of an open position at its last mark and conversion."""
    value = facts.contract * position.conversion
    return margin_of(position.lots, value, position.mark, facts)


class Others(NamedTuple):
    """What the other symbols hold, account currency.

    The first three count positions and queued entries, the last the positions only.
    """

    n_positions: int
    notional: float
    margin: float
    margin_positions: float


NOBODY = Others(0, 0.0, 0.0, 0.0)


@kernel
def account_equity(balance: float, positions: RecordArray, facts: RecordArray) -> float:
    """Return balance and floating profit of every symbol, in order of their index."""
    equity = balance
    for s in range(positions.shape[0]):
        if positions[s].side != 0:
            equity += floating_profit(positions[s], facts[s])
    return equity


@kernel
def others_use(symbol: int, positions: RecordArray, facts: RecordArray) -> Others:
    """Return what the symbols other than *symbol* hold."""
    n_positions = 0
    worth = 0.0
    margin = 0.0
    margin_positions = 0.0
    for s in range(positions.shape[0]):
        if s == symbol:
            continue
        position = positions[s]
        value = facts[s].contract * position.conversion
        if position.side != 0:
            n_positions += 1
            worth += notional(position.lots, value, position.mark)
            used = margin_used(position, facts[s])
            margin += used
            margin_positions += used
        for k in range(position.n_queued):
            order = position.queued[k]
            if order.kind == MARKET:
                n_positions += 1
                worth += notional(order.lots, value, order.price)
                margin += margin_of(order.lots, value, order.price, facts[s])
    return Others(n_positions, worth, margin, margin_positions)


@kernel
def alone_equity(position: Any, facts: Any, account: Any) -> float:
    """Return the equity of an account of one symbol."""
    equity: float = account.balance
    if position.side != 0:
        equity += floating_profit(position, facts)
    return equity


@kernel
def alone_stands(position: Any, facts: Any, rules: Any, account: Any) -> bool:
    """Whether an account of one symbol needs no stop-out."""
    if position.side == 0:
        return True
    equity = alone_equity(position, facts, account)
    return not is_stopped_out(equity, margin_used(position, facts), rules.stop_out_level)


@kernel
def stop_out(
    event: int, positions: RecordArray, facts: RecordArray, rules: Any, account: Any
) -> None:
    """Close the position with the largest floating loss until the account stands."""
    while True:
        equity = account.balance
        margin = 0.0
        worst = -1
        worst_profit = 0.0
        for s in range(positions.shape[0]):
            position = positions[s]
            if position.side == 0:
                continue
            profit = floating_profit(position, facts[s])
            equity += profit
            margin += margin_used(position, facts[s])
            if worst < 0 or profit < worst_profit:
                worst = s
                worst_profit = profit
        if worst < 0 or not is_stopped_out(equity, margin, rules.stop_out_level):
            return
        position = positions[worst]
        close_piece(
            event, worst, position.lots, position.mark - position.side * position.slip, _STOP_OUT,
            position, facts[worst], rules, account,
        )  # fmt: skip
