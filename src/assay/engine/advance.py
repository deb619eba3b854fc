"""One event through the account, in place: the step that history, replay and live share."""

from typing import Any

from assay.engine.booking import note_excursion
from assay.engine.bracket import apply_bracket, settle_doubt
from assay.engine.decision import asks_entry, decide
from assay.engine.market import Event
from assay.engine.orders import fill_queue, work_orders
from assay.engine.totals import (
    NOBODY,
    account_equity,
    alone_equity,
    alone_stands,
    others_use,
    stop_out,
)
from assay.engine.views import View
from assay.execution.costs import slippage, swap
from assay.kernels.compiler import FloatArray, kernel
from assay.risk.facts import RecordArray
from assay.risk.stops import break_even_stop, trailing_stop


@kernel
def note_terms(bar: Event, position: Any, facts: Any, rules: Any) -> None:
    """Note the conversion and the slippage of an event."""
    position.conversion = bar.conversion
    position.slip = slippage(bar.volatility, bar.bid_open, facts.point, rules)


@kernel
def charge_swap(nights: float, position: Any, facts: Any, rules: Any, account: Any) -> None:
    """Step 1: nights before an event's open, at the terms of *facts*."""
    if position.side != 0 and nights > 0.0:
        amount = swap(
            nights, position.side, position.lots, position.entry, position.mark,
            position.conversion, facts, rules.swap_multiple,
        )  # fmt: skip
        account.balance += amount
        position.swap += amount


@kernel
def mark_position(position: Any, bid: float, ask: float) -> None:
    """Mark an open position at the price at which it would leave."""
    position.mark = bid if position.side > 0 else ask


@kernel
def end_bar(bar: Event, position: Any, facts: Any, rules: Any) -> None:
    """Steps 7 and 8: mark at the close, count the bar, let the stop follow."""
    mark_position(position, bar.bid_close, bar.ask_close)
    position.bars_held += 1
    side = position.side
    adverse = bar.bid_low if side > 0 else bar.ask_high
    favourable = bar.bid_high if side > 0 else bar.ask_low
    if position.is_inside:
        adverse = position.mark
        favourable = position.mark
        position.is_inside = 0
    note_excursion(position, adverse)
    note_excursion(position, favourable)
    if side * (favourable - position.best) > 0.0:
        position.best = favourable
    if position.r > 0.0:
        if rules.break_even_at_r > 0.0:
            position.stop = break_even_stop(
                side, position.stop, position.entry, position.best,
                rules.break_even_at_r * position.r, facts.tick_size,
            )  # fmt: skip
        if rules.trailing_atr > 0.0 and position.unit > 0.0:
            position.stop = trailing_stop(
                side, position.stop, position.best,
                rules.trailing_atr * position.unit, facts.tick_size,
            )  # fmt: skip


@kernel
def advance(
    event: int, symbol: int, bar: Event, view: View, finer: FloatArray, first: int, end: int,
    positions: RecordArray, facts: RecordArray, rules: Any, account: Any,
) -> None:  # fmt: skip
    """Take one event, steps 1 to 9 of ``docs/execution.md``, and change the books in place.

    Parameters
    ----------
    event : int
        Number of the event, for the records.
    symbol : int
    bar : Event
    view : View
        As known at the event's close.
    finer : float64, shape (8, n_finer)
        Finer bars; those from *first* up to *end* make up this event.
    positions, facts : records of ``POSITION``, ``FACTS``, shape (n_symbols,)
    rules, account : records of ``RULES``, ``ACCOUNT``

    Notes
    -----
    Requests (step 10) change no balance: the caller submits them afterwards.
    """
    position = positions[symbol]
    fact = facts[symbol]
    note_terms(bar, position, fact, rules)
    charge_swap(bar.nights, position, fact, rules, account)
    mark_position(position, bar.bid_open, bar.ask_open)
    if position.n_queued > 0:
        fill_queue(event, symbol, bar, position, fact, rules, account)
        mark_position(position, bar.bid_open, bar.ask_open)
    is_alone = positions.shape[0] == 1
    if not (is_alone and alone_stands(position, fact, rules, account)):
        stop_out(event, positions, facts, rules, account)
    if position.side != 0 and apply_bracket(event, symbol, bar, position, fact, rules, account):
        settle_doubt(event, symbol, finer, first, end, position, fact, rules, account)
    if position.n_working > 0:
        work_orders(event, symbol, bar, position, fact, rules, account)
    mark_position(position, bar.bid_low, bar.ask_high)
    if not (is_alone and alone_stands(position, fact, rules, account)):
        stop_out(event, positions, facts, rules, account)
    if position.side != 0:
        end_bar(bar, position, fact, rules)
    if is_alone:
        account.equity = alone_equity(position, fact, account)
    else:
        account.equity = account_equity(account.balance, positions, facts)
    if asks_entry(view, position, rules):
        others = NOBODY if is_alone else others_use(symbol, positions, facts)
        decide(bar, view, others, position, fact, rules, account)
