"""Stretches of events in which nothing can happen, so that the loop only marks the account.

An event is quiet if ``advance`` would do nothing but mark the account: no order waits, the
bar stays clear of stop, target and stop-out, no night is charged, the conversion stands,
and the view asks for nothing. Doubt is never quiet: ``advance`` takes the event. A test
holds that results are those of ``advance`` at every event, to the last bit.
"""

import math
from typing import Any

from assay.domain.refusal import RefusalReason
from assay.engine.booking import note_excursion
from assay.kernels.compiler import kernel

_NO_VIEW = RefusalReason.NO_VIEW.value
BARS_MAX = 2**62
PADDING = 1e-9
"""Relative distance from the stop-out price within which ``advance`` decides."""


@kernel
def stop_out_price(position: Any, facts: Any, rules: Any, balance: float) -> float:
    """Return a price that the account surely survives on its favourable side."""
    per_price = position.lots * facts.contract * position.conversion
    cushion = balance / per_price
    padding = PADDING * (abs(position.entry) + abs(cushion))
    pledged = rules.stop_out_level * facts.margin_fraction_max
    if position.side > 0:
        if pledged >= 1.0:
            return math.inf
        price: float = (position.entry - cushion) / (1.0 - pledged) + padding
        return max(price, 0.0)
    return float((position.entry + cushion) / (1.0 + pledged) - padding)


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
def quiet_bars(position: Any, rules: Any) -> int:
    """Return how many bars a position may be held before time or an abstention closes it."""
    if rules.hold_score > 0.5:
        return 0
    if rules.time_stop_bars > 0:
        return max(0, int(rules.time_stop_bars) - int(position.bars_held) - 1)
    return BARS_MAX


@kernel
def end_quiet(
    n_bars: int, lowest: float, highest: float, mark: float, equity: float,
    position: Any, account: Any,
) -> None:  # fmt: skip
    """Leave the books as ``advance`` would have after *n_bars* quiet events.

    *lowest* and *highest* are those of the closing side, *mark* and *equity* of the last
    event. Its slippage and conversion are not noted: the next event brings its own.
    """
    account.equity = equity
    if position.side == 0:
        account.refusals[_NO_VIEW] += n_bars
        return
    position.bars_held += n_bars
    position.mark = mark
    note_excursion(position, highest)
    note_excursion(position, lowest)
    if position.side > 0:
        position.best = max(position.best, highest)
    else:
        position.best = min(position.best, lowest)
