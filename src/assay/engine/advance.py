"""One event through the account, in place: the step that history, replay and live share."""

from typing import Any

from assay.engine.booking import note_excursion
from assay.engine.bracket import apply_bracket
from assay.engine.decision import decide
from assay.engine.market import Event
from assay.engine.orders import fill_queue, work_orders
from assay.engine.requests import submit
from assay.engine.state import Books
from assay.engine.totals import account_equity, stop_out
from assay.engine.views import View
from assay.execution.costs import slippage, swap
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.risk.facts import RecordArray
from assay.risk.stops import break_even_stop, trailing_stop


@kernel
def charge_swap(bar: Event, position: Any, facts: Any, rules: Any, account: Any) -> None:
    """Step 1: the nights before this event's open."""
    if position.side != 0 and bar.nights > 0.0:
        amount = swap(
            bar.nights, position.side, position.lots, position.mark, position.conversion,
            facts, rules.swap_multiple,
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
    event: int, symbol: int, bar: Event, view: View, i: int,
    finer: FloatArray, finer_range: IntArray,
    requests: RecordArray, first_request: int, end_request: int,
    books: Books, facts: RecordArray, rules: Any,
) -> None:  # fmt: skip
    """Take one event, in the order of ``docs/execution.md``, and change *books* in place.

    Parameters
    ----------
    event : int
        Number of the event, for the records.
    symbol : int
    bar : Event
    view : View
        As known at the event's close.
    i : int
        Column of the event in *finer_range*.
    finer, finer_range : float64 (8, n_finer), int64 (2, n_events or 0)
        Finer bars, and which of them make up each event.
    requests : records of ``REQUEST``
        Those from *first_request* up to *end_request* belong to this event.
    books : Books
    facts : records of ``FACTS``, shape (n_symbols,)
    rules : record of ``RULES``
    """
    account = books.account[0]
    position = books.positions[symbol]
    fact = facts[symbol]
    position.conversion = bar.conversion
    position.slip = slippage(bar.volatility, bar.bid_open, fact.point, rules)
    charge_swap(bar, position, fact, rules, account)
    mark_position(position, bar.bid_open, bar.ask_open)
    if position.n_queued > 0:
        fill_queue(
            event, symbol, bar, position, fact, rules, account,
        )  # fmt: skip
        mark_position(position, bar.bid_open, bar.ask_open)
    stop_out(event, books, facts, rules)
    if position.side != 0:
        apply_bracket(
            event, symbol, bar, i, finer, finer_range, position, fact, rules, account,
        )  # fmt: skip
    if position.n_working > 0:
        work_orders(
            event, symbol, bar, position, fact, rules, account,
        )  # fmt: skip
    mark_position(position, bar.bid_low, bar.ask_high)
    stop_out(event, books, facts, rules)
    if position.side != 0:
        end_bar(bar, position, fact, rules)
    decide(symbol, bar, view, books, facts, rules)
    for k in range(first_request, end_request):
        refused = submit(requests[k], bar, books, facts)
        if refused != 0:
            account.refusals[refused] += 1
    account.equity = account_equity(account.balance, books.positions, facts)
