"""The loop of one case of a sweep: crossing, entry, exit, and again."""

import math
from typing import Any

from assay.engine import market as columns
from assay.engine.blocks import COARSE_BARS, FINE_BARS
from assay.engine.jump import (
    charge_night,
    enter_at,
    floating_at,
    leave_on_signal,
    mark_day,
    meet_bracket,
    safe_prices,
    size_entry,
    write_trade,
)
from assay.engine.views import ViewArrays, view_at
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.risk.facts import RecordArray

_BID, _ASK = columns.BID_CLOSE, columns.ASK_CLOSE
_NOW, _NEXT, _NIGHTS = columns.VOLATILITY, columns.VOLATILITY_NEXT, columns.NIGHTS


@kernel
def run_case(
    when: IntArray, opposite: IntArray, views: ViewArrays, nights: IntArray, marks: IntArray,
    market: FloatArray, fine: FloatArray, coarse: FloatArray,
    held: Any, fact: Any, rule: Any, swept: Any, trades: RecordArray,
) -> None:  # fmt: skip
    """Run one case; *held* is opened and *swept* cleared by the caller.

    Parameters
    ----------
    when : int64, shape (n_crossings,)
        Events whose view has a direction.
    opposite : int64, shape (n_crossings,)
        Index in *when* of the next crossing to the other side, or ``n_crossings``.
    nights, marks : int64
        Events before which nights are charged, and after which days end; each closed by
        a number beyond the last event.
    market : float64, shape (N_COLUMNS, n_events)
    fine, coarse : float64, shape (4, n_blocks)
        Extremes of blocks: greatest -low and high of the bid, then of the ask.

    Notes
    -----
    Compiled code counts references to each array that it hands to a callee, which costs
    more than a trade: callees take numbers and records only.
    """
    direction, score, confidence, p_win, payoff, loss, unit = views
    n_events, n_when = market.shape[1], when.shape[0]
    p, i_night, i, end, q, sized = 0, 0, 0, 0, 0, False
    while swept.status == 0:
        if held.side == 0:
            while not sized and p < n_when:
                i, p = when[p], p + 1
                view = view_at(direction, score, confidence, p_win, payoff, loss, unit, i)
                sized = size_entry(
                    view, market[_BID, i], market[_ASK, i], market[_NEXT, i], 0.0, held, fact, rule
                )
            if not sized or i + 1 >= n_events:
                break
            while marks[held.i_mark] <= i:
                mark_day(held.balance, held, swept)
            side, sized, i = int(direction[i]), False, i + 1
            enter_at(i, side, market[0, i], market[4, i], market[_NOW, i], held, fact, rule)
            q = 0 if side > 0 else 4
            end = when[opposite[p - 1]] + 1 if opposite[p - 1] < n_when else n_events
            while nights[i_night] <= i:
                i_night += 1
        until = min(end, nights[i_night])
        lower, upper = safe_prices(held, fact, rule)
        while i < until:
            if i % FINE_BARS == 0:
                c, f, row = i // COARSE_BARS, i // FINE_BARS, q // 2
                if -fine[row, f] > lower and fine[row + 1, f] < upper:
                    is_far = -coarse[row, c] > lower and coarse[row + 1, c] < upper
                    i += COARSE_BARS if is_far and i % COARSE_BARS == 0 else FINE_BARS
                    continue
            if not (market[q + 2, i] > lower and market[q + 1, i] < upper):
                break
            i += 1
        i = min(i, until)
        while marks[held.i_mark] < i:
            mark = market[q + 3, marks[held.i_mark]]
            mark_day(held.balance + floating_at(mark, held, fact), held, swept)
        if i >= n_events:
            break
        if i < until:
            meet_bracket(
                i, market[q, i], market[q + 2, i], market[q + 1, i], market[0, i], market[_NOW, i],
                held, fact, rule, swept,
            )  # fmt: skip
        else:
            k, mark = i - 1, market[q + 3, i - 1]
            if i == end:
                p = opposite[p - 1] + 1
                view = view_at(direction, score, confidence, p_win, payoff, loss, unit, k)
                sized = size_entry(
                    view, market[_BID, k], market[_ASK, k], market[_NEXT, k], mark, held, fact, rule
                )
            if nights[i_night] == i:
                charge_night(market[_NIGHTS, i], mark, held, fact, rule)
                i_night += 1
            if i == end:
                leave_on_signal(
                    i, market[0, i], market[4, i], market[_NOW, i], held, fact, rule, swept
                )
                i = k
        if held.side == 0:
            if swept.n_trades <= trades.shape[0]:
                write_trade(trades[swept.n_trades - 1], held)
            while not sized and p < n_when and when[p] < i:
                p += 1


@kernel
def finish_case(
    marks: IntArray, market: FloatArray, held: Any, fact: Any, rule: Any, swept: Any
) -> None:
    """Mark the days that are left, and sum the case up."""
    q = 4 if held.side < 0 else 0
    while marks[held.i_mark] < market.shape[1]:
        equity = held.balance
        if held.side != 0:
            equity += floating_at(market[q + 3, marks[held.i_mark]], held, fact)
        mark_day(equity, held, swept)
    swept.balance = held.balance
    swept.equity = held.last_mark
    n_days = marks.shape[0] - 1
    swept.daily_mean = (held.last_mark - rule.balance) / n_days
    if n_days > 1:
        spread = held.sum_squares - n_days * swept.daily_mean * swept.daily_mean
        swept.daily_std = math.sqrt(max(0.0, spread) / (n_days - 1))


@kernel
def run_cases(
    cases: IntArray, when: IntArray, opposite: IntArray, views: ViewArrays,
    nights: IntArray, marks: IntArray, market: FloatArray, fine: FloatArray, coarse: FloatArray,
    holding: RecordArray, facts: RecordArray, rules: RecordArray, swept: RecordArray,
    trades: RecordArray,
) -> None:  # fmt: skip
    """Run *cases*, which follow one signal; write ``swept[k]`` of each case ``k``."""
    held = holding[0]
    for k in cases:
        balance = rules[k].balance
        held.balance = balance
        held.side = 0
        held.conversion = market[columns.CONVERSION, 0]
        held.i_mark = 0
        held.last_mark = balance
        held.peak = balance
        held.sum_squares = 0.0
        run_case(
            when, opposite, views, nights, marks, market, fine, coarse,
            held, facts[0], rules[k], swept[k], trades,
        )  # fmt: skip
        finish_case(marks, market, held, facts[0], rules[k], swept[k])
