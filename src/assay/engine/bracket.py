"""The bracket of an open position against one bar: stop, targets, and the doubtful case."""

import math
from typing import Any

from assay.domain.fill import ExitReason
from assay.engine.booking import close_piece
from assay.engine.code import code
from assay.engine.market import Event
from assay.execution.venue import is_against
from assay.kernels.compiler import FloatArray, kernel

_STOP = code(ExitReason.STOP)
_TARGET = code(ExitReason.TARGET)


@kernel
def take_targets(
    event: int, symbol: int, reach: float, gap_price: float,
    position: Any, facts: Any, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Close every level that *reach* attains: at *gap_price*, or at the level if it is NaN."""
    while position.side != 0 and position.next_level < position.n_levels:
        k = position.next_level
        level = position.level[k]
        if not is_against(-position.side, reach, level):
            return
        position.next_level = k + 1
        close_piece(
            event, symbol, min(position.level_lots[k], position.lots),
            level if math.isnan(gap_price) else gap_price, _TARGET,
            position, facts, rules, account,
        )  # fmt: skip


@kernel
def meet_bar(
    event: int, symbol: int, open_: float, adverse: float, favourable: float, slip: float,
    position: Any, facts: Any, rules: Any, account: Any,
) -> bool:  # fmt: skip
    """Apply gap and inside rules of one bar; return whether stop and target both lie inside.

    Prices are those of the side that closes the position; a doubtful bar closes nothing
    but what gapped at its open.
    """
    side = position.side
    stop = position.stop
    if is_against(side, open_, stop):
        close_piece(
            event, symbol, position.lots, open_ - side * slip,
            _STOP, position, facts, rules, account,
        )  # fmt: skip
        return False
    take_targets(event, symbol, open_, open_, position, facts, rules, account)
    if position.side == 0:
        return False
    hit_stop = is_against(side, adverse, stop)
    hit_target = position.next_level < position.n_levels and is_against(
        -side, favourable, position.level[position.next_level]
    )
    if hit_stop and hit_target:
        return True
    if hit_stop:
        close_piece(
            event, symbol, position.lots, stop - side * slip,
            _STOP, position, facts, rules, account,
        )  # fmt: skip
    elif hit_target:
        take_targets(event, symbol, favourable, math.nan, position, facts, rules, account)
    return False


@kernel
def settle_doubt(
    event: int, symbol: int, finer: FloatArray, first: int, end: int,
    position: Any, facts: Any, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Settle a bar that holds stop and target: by finer bars if there are any, else the stop."""
    side = position.side
    position.is_ambiguous = 1
    quotes = 0 if side > 0 else 4
    position.is_resolved = 1
    for j in range(first, end):
        high, low = finer[quotes + 1, j], finer[quotes + 2, j]
        doubtful = meet_bar(
            event, symbol, finer[quotes, j], low if side > 0 else high, high if side > 0 else low,
            position.slip, position, facts, rules, account,
        )  # fmt: skip
        if position.side == 0:
            return
        if doubtful:
            break
    position.is_resolved = 0
    close_piece(
        event, symbol, position.lots, position.stop - side * position.slip,
        _STOP, position, facts, rules, account,
    )  # fmt: skip


@kernel
def apply_bracket(
    event: int, symbol: int, bar: Event, position: Any, facts: Any, rules: Any, account: Any,
) -> bool:  # fmt: skip
    """Apply the event's own bar; return whether stop and target both lie inside it."""
    if position.side > 0:
        return meet_bar(
            event, symbol, bar.bid_open, bar.bid_low, bar.bid_high, position.slip,
            position, facts, rules, account,
        )  # fmt: skip
    return meet_bar(
        event, symbol, bar.ask_open, bar.ask_high, bar.ask_low, position.slip,
        position, facts, rules, account,
    )  # fmt: skip


@kernel
def apply_stop_inside(
    event: int, symbol: int, bar: Event,
    position: Any, facts: Any, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Test the stop of a position opened inside the bar against the whole bar, once."""
    side = position.side
    adverse = bar.bid_low if side > 0 else bar.ask_high
    if is_against(side, adverse, position.stop):
        position.is_ambiguous = 1
        close_piece(
            event, symbol, position.lots, position.stop - side * position.slip,
            _STOP, position, facts, rules, account,
        )  # fmt: skip
