"""Opening a position, closing a piece of one, and the records of both."""

import math
from typing import Any

from assay.engine.state import CANCELLED, CLOSE, ENTRY
from assay.execution.costs import commission
from assay.kernels.compiler import kernel
from assay.risk.grid import down_lot
from assay.risk.stops import stop_price, target_price


@kernel
def record_fill(
    event: int, symbol: int, side: int, lots: float, price: float, fee: float, reason: int,
    account: Any,
) -> None:  # fmt: skip
    """Append one fill and take its commission from the balance."""
    account.balance -= fee
    fill = account.fills[account.n_fills]
    fill.event = event
    fill.symbol = symbol
    fill.side = side
    fill.lots = lots
    fill.price = price
    fill.commission = fee
    fill.reason = reason
    account.n_fills += 1


@kernel
def set_levels(position: Any, order: Any, facts: Any, rules: Any) -> None:
    """Write the take-profit levels of a position that *order* has just opened."""
    position.n_levels = 0
    position.next_level = 0
    if not order.is_decision:
        if order.target > 0.0:
            position.level[0] = target_price(
                position.side, position.entry, order.target, facts.tick_size
            )
            position.level_lots[0] = position.lots
            position.n_levels = 1
        return
    for k in range(rules.n_levels):
        if rules.levels_take_all and k == rules.n_levels - 1:
            lots = position.lots
        else:
            lots = down_lot(rules.level_fraction[k] * position.lots, facts.lot_step)
        if lots > 0.0:
            n = position.n_levels
            reach = rules.level_r[k] * order.distance
            position.level[n] = target_price(position.side, position.entry, reach, facts.tick_size)
            position.level_lots[n] = lots
            position.n_levels = n + 1


@kernel
def open_position(
    event: int, symbol: int, order: Any, lots: float, price: float,
    position: Any, facts: Any, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Open *lots* of *order* at *price*; the symbol is flat."""
    side = order.side
    position.side = side
    position.lots = lots
    position.initial_lots = lots
    position.entry = price
    position.entry_event = event
    position.mark = price
    position.unit = order.unit
    position.best = price
    position.mae = 0.0
    position.mfe = 0.0
    position.bars_held = 0
    position.is_inside = 0
    position.is_ambiguous = 0
    position.is_resolved = 0
    position.score = order.score
    position.p_win = order.p_win
    position.gross = 0.0
    position.swap = 0.0
    position.exit_worth = 0.0
    position.exit_lots = 0.0
    if order.distance > 0.0:
        position.stop = stop_price(side, price, order.distance, facts.tick_size)
        position.r = order.distance
        value = facts.contract * position.conversion
        position.risk = lots * abs(price - position.stop) * value
    else:
        position.stop = -side * math.inf
        position.r = 0.0
        position.risk = 0.0
    position.stop_at_entry = position.stop
    set_levels(position, order, facts, rules)
    fee = commission(lots, facts.commission_per_lot, rules.commission_multiple)
    position.commission = fee
    record_fill(event, symbol, side, lots, price, fee, ENTRY, account)


@kernel
def record_trade(event: int, symbol: int, reason: int, position: Any, account: Any) -> None:
    """Append the round trip of a position that has just left."""
    trade = account.trades[account.n_trades]
    trade.symbol = symbol
    trade.side = position.side
    trade.entry_event = position.entry_event
    trade.exit_event = event
    trade.lots = position.initial_lots
    trade.entry_price = position.entry
    trade.exit_price = position.exit_worth / position.exit_lots
    trade.gross = position.gross
    trade.commission = position.commission
    trade.swap = position.swap
    trade.net = position.gross - position.commission + position.swap
    trade.stop = position.stop_at_entry
    trade.risk = position.risk
    trade.bars_held = position.bars_held
    trade.reason = reason
    trade.is_ambiguous = position.is_ambiguous
    trade.is_resolved = position.is_resolved
    trade.score = position.score
    trade.p_win = position.p_win
    trade.mae = position.mae
    trade.mfe = position.mfe
    account.n_trades += 1


@kernel
def note_excursion(position: Any, price: float) -> None:
    """Let *price* widen the worst and the best excursion."""
    move = position.side * (price - position.entry)
    position.mae = max(position.mae, -move)
    position.mfe = max(position.mfe, move)


@kernel
def close_piece(
    event: int, symbol: int, piece: float, price: float, reason: int,
    position: Any, facts: Any, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Close *piece* lots of the open position at *price*; all, if less than half a step stays.

    A position that leaves writes its trade and cancels the symbol's queued closes.
    """
    left = position.lots - piece
    if left < 0.5 * facts.lot_step:
        piece = position.lots
        left = 0.0
    side = position.side
    value = facts.contract * position.conversion
    profit = side * piece * (price - position.entry) * value
    fee = commission(piece, facts.commission_per_lot, rules.commission_multiple)
    position.lots = left
    position.gross += profit
    position.commission += fee
    position.exit_worth += piece * price
    position.exit_lots += piece
    note_excursion(position, price)
    account.balance += profit
    record_fill(event, symbol, -side, piece, price, fee, reason, account)
    if left == 0.0:
        record_trade(event, symbol, reason, position, account)
        position.side = 0
        for k in range(position.n_queued):
            if position.queued[k].kind == CLOSE:
                position.queued[k].kind = CANCELLED
