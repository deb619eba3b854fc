"""From a view to queued orders: exits, gates, size."""

import math
from typing import Any

from assay.domain.fill import ExitReason
from assay.domain.refusal import RefusalReason
from assay.engine.code import code
from assay.engine.market import Event
from assay.engine.orders import write_order
from assay.engine.state import CLOSE, MARKET
from assay.engine.totals import Others
from assay.engine.views import View
from assay.kernels.compiler import kernel
from assay.risk.exposure import is_margin_call
from assay.risk.sizing import Funds, Stake, size_lots
from assay.risk.stops import stop_distance

_TIME_STOP = code(ExitReason.TIME_STOP)
_SIGNAL = code(ExitReason.SIGNAL)
_NO_VIEW = RefusalReason.NO_VIEW.value
_WARM_UP = RefusalReason.WARM_UP.value
_SCORE = RefusalReason.SCORE.value
_POSITIONS_LIMIT = RefusalReason.POSITIONS_LIMIT.value
_MARGIN_CALL = RefusalReason.MARGIN_CALL.value


@kernel
def side_score(side: int, direction: int, score: float) -> float:
    """Return the score of *side* under a view; 0.5 if the view abstains."""
    if direction == 0:
        return 0.5
    return score if direction == side else 1.0 - score


@kernel
def view_gate(view: View, pass_score: float) -> int:
    """Return the refusal that the view alone earns, or 0."""
    if view.direction == 0:
        return _NO_VIEW
    known = view.score + view.confidence + view.p_win + view.payoff + view.loss + view.unit
    if math.isnan(known) or not (view.unit > 0.0 and view.loss > 0.0 and view.payoff > 0.0):
        return _WARM_UP
    if view.score <= pass_score:
        return _SCORE
    return 0


@kernel
def stake_of(bar: Event, view: View, facts: Any, rules: Any) -> Stake:
    """Return what is known at the close of *bar* of an entry on the side of *view*."""
    return Stake(
        bar.ask_close if view.direction > 0 else bar.bid_close,
        facts.contract * bar.conversion,
        stop_distance(view.unit, rules.stop_atr, facts.stop_level, facts.tick_size),
        view.confidence,
        view.p_win,
        view.payoff,
        view.loss,
        bar.volatility_next,
    )


@kernel
def queue_entry(
    bar: Event, view: View, others: Others, position: Any, facts: Any, rules: Any, account: Any
) -> int:
    """Queue an entry on the side of *view* if every gate passes; return the refusal, or 0."""
    refused = view_gate(view, rules.pass_score)
    if refused != 0:
        return refused
    if others.n_positions >= rules.positions_max:
        return _POSITIONS_LIMIT
    if is_margin_call(account.equity, others.margin_positions, rules.margin_call_level):
        return _MARGIN_CALL
    stake = stake_of(bar, view, facts, rules)
    funds = Funds(account.equity, others.notional, others.margin)
    lots, refused = size_lots(stake, funds, facts, rules)
    if refused != 0:
        return refused
    order = position.queued[position.n_queued]
    write_order(order, MARKET, view.direction, lots)
    order.price = stake.price
    order.distance = stake.distance
    order.unit = view.unit
    order.score = view.score
    order.p_win = view.p_win
    order.is_decision = 1
    position.n_queued += 1
    return 0


@kernel
def queue_close(reason: int, position: Any) -> None:
    """Queue the exit of all lots of *position*."""
    order = position.queued[position.n_queued]
    write_order(order, CLOSE, -position.side, 0.0)
    order.reason = reason
    position.n_queued += 1


@kernel
def asks_entry(view: View, position: Any, rules: Any) -> bool:
    """Queue the exit that time or *view* asks for; return whether the gates of an entry open."""
    side = position.side
    if side == 0:
        return True
    if rules.time_stop_bars > 0 and position.bars_held >= rules.time_stop_bars:
        queue_close(_TIME_STOP, position)
        return False
    if not side_score(side, view.direction, view.score) < rules.hold_score:
        return False
    queue_close(_SIGNAL, position)
    return bool(view.direction == -side)


@kernel
def decide(
    bar: Event, view: View, others: Others, position: Any, facts: Any, rules: Any, account: Any
) -> None:
    """Queue the entry that *view* asks for, or count why not."""
    refused = queue_entry(bar, view, others, position, facts, rules, account)
    if refused != 0:
        account.refusals[refused] += 1
