"""Stretches of events in which nothing can happen, written in one tight loop.

An event is quiet if ``advance`` would do nothing but mark the account: no order waits, the
bar stays clear of stop, target and stop-out, no night is charged, the conversion stands,
and the view asks for nothing. Doubt is never quiet: ``advance`` takes the event. A test
holds that results are those of ``advance`` at every event, to the last bit.
"""

import math
from typing import Any

from assay.domain.refusal import RefusalReason
from assay.engine import market as columns
from assay.engine.booking import note_excursion
from assay.engine.decision import side_score
from assay.engine.tape import Uint8Array
from assay.engine.views import Int8Array, value_at
from assay.execution.costs import slippage
from assay.kernels.compiler import FloatArray, kernel

_NO_VIEW = RefusalReason.NO_VIEW.value
PADDING = 1e-9
"""Relative distance from the stop-out price within which ``advance`` decides."""


@kernel
def stop_out_price(position: Any, facts: Any, rules: Any, balance: float) -> float:
    """Return a price that the account surely survives on its favourable side."""
    per_price = position.lots * facts.contract * position.conversion
    cushion = balance / per_price
    padding = PADDING * (abs(position.entry) + abs(cushion))
    pledged = rules.stop_out_level * facts.margin_fraction
    if position.side > 0:
        if pledged >= 1.0:
            return math.inf
        price: float = (position.entry - cushion) / (1.0 - pledged) + padding
        return max(price, 0.0)
    price = (position.entry + cushion) / (1.0 + pledged) - padding
    return price


@kernel
def quiet_bounds(position: Any, facts: Any, rules: Any, balance: float) -> tuple[float, float]:
    """Return two prices; a bar strictly between them touches nothing."""
    side = position.side
    stop = stop_out_price(position, facts, rules, balance)
    target = side * math.inf
    if position.next_level < position.n_levels:
        target = position.level[position.next_level]
    trails = rules.trailing_atr > 0.0 and position.unit > 0.0
    if position.r > 0.0 and (rules.break_even_at_r > 0.0 or trails):
        target = min(target, position.best) if side > 0 else max(target, position.best)
    if side > 0:
        return max(stop, position.stop), target
    return target, min(stop, position.stop)


@kernel
def skip_flat(
    start: int, end: int, direction: Int8Array, account: Any, equity: FloatArray
) -> int:
    """Record flat events from *start* whose view abstains; return the first other."""
    i = start
    while i < end and direction[i] == 0:
        i += 1
    for k in range(start, i):
        equity[k] = account.balance
    account.refusals[_NO_VIEW] += i - start
    return i


@kernel
def skip_held(
    start: int, end: int, market: FloatArray, is_calm: Uint8Array, direction: Int8Array,
    score: FloatArray, position: Any, facts: Any, rules: Any, account: Any, equity: FloatArray,
) -> int:  # fmt: skip
    """Record events from *start* that leave an open position alone; return the first other."""
    side = position.side
    lower, upper = quiet_bounds(position, facts, rules, account.balance)
    if rules.time_stop_bars > 0:
        end = min(end, start + max(0, rules.time_stop_bars - position.bars_held - 1))
    first = columns.BID_OPEN if side > 0 else columns.ASK_OPEN
    highest = position.entry
    lowest = position.entry
    abstaining_closes = rules.hold_score > 0.5
    i = start
    while i < end:
        high = market[first + 1, i]
        low = market[first + 2, i]
        if not (low > lower and high < upper and is_calm[i] == 1):
            break
        view = direction[i]
        if view == 0:
            if abstaining_closes:
                break
        elif side_score(side, view, value_at(score, i)) < rules.hold_score:
            break
        highest = max(highest, high)
        lowest = min(lowest, low)
        i += 1
    if i > start:
        position.bars_held += i - start
        position.mark = market[first + 3, i - 1]
        note_excursion(position, highest)
        note_excursion(position, lowest)
        position.best = max(position.best, highest) if side > 0 else min(position.best, lowest)
        cash, signed_lots, entry = account.balance, side * position.lots, position.entry
        value = facts.contract * position.conversion
        for k in range(start, i):
            equity[k] = cash + signed_lots * (market[first + 3, k] - entry) * value
    return i


@kernel
def skip_quiet(
    start: int, end: int, market: FloatArray, is_calm: Uint8Array, direction: Int8Array,
    score: FloatArray, position: Any, facts: Any, rules: Any, account: Any, equity: FloatArray,
) -> int:  # fmt: skip
    """Record the quiet events of an account's only symbol; return the first other, or *end*.

    The caller sees to it that no order waits and that no request lies before *end*. The
    books are left as ``advance`` would have left them.
    """
    if position.side == 0:
        i = skip_flat(start, end, direction, account, equity)
    else:
        i = skip_held(
            start, end, market, is_calm, direction, score, position, facts, rules, account, equity
        )
    if i > start:
        last = i - 1
        position.conversion = market[columns.CONVERSION, last]
        position.slip = slippage(
            market[columns.VOLATILITY, last], market[columns.BID_OPEN, last], facts.point, rules
        )
        account.equity = equity[last]
    return i
