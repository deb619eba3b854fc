"""The loop of one case of a sweep: entry, exit, and again."""

import math
from typing import Any, NamedTuple

from assay.domain.fill import ExitReason
from assay.engine import market as columns
from assay.engine.blocks import COARSE_BARS, FINE_BARS
from assay.engine.code import code
from assay.engine.jump import (
    charge_night,
    enter_at,
    floating_at,
    follow_bar,
    leave_at_open,
    mark_day,
    meet_bracket,
    safe_prices,
    size_entry,
    write_trade,
)
from assay.engine.sweep_signal import Signal, first_below
from assay.engine.views import view_at
from assay.kernels.compiler import FloatArray, IntArray, inlined_kernel, kernel
from assay.risk.facts import RecordArray

_BID, _ASK, _RATE = columns.BID_CLOSE, columns.ASK_CLOSE, columns.CONVERSION
_NOW, _NEXT, _NIGHTS = columns.VOLATILITY, columns.VOLATILITY_NEXT, columns.NIGHTS
_SIGNAL = code(ExitReason.SIGNAL)
_TIME_STOP = code(ExitReason.TIME_STOP)


class Course(NamedTuple):
    """What all cases share.

    Attributes
    ----------
    market : float64, shape (N_COLUMNS, n_events)
    fine, coarse : float64, shape (4, n_blocks)
        Extremes of blocks: greatest -low and high of the bid, then of the ask.
    nights, marks : int64
        Events before which nights are charged, and after which days end; each closed by
        a number beyond the last event.
    conversion_max : float
    converts : bool
        Whether the conversion moves: else it is looked up once.
    """

    market: FloatArray
    fine: FloatArray
    coarse: FloatArray
    nights: IntArray
    marks: IntArray
    conversion_max: float
    converts: bool


@inlined_kernel
def find_exit(
    by_crossing: bool, p: int, i: int, q: int, signal: Signal, n_events: int, rule: Any
) -> tuple[int, int]:
    """Return the event at whose open time or signal ends an entry at *i*, and the reason."""
    when, opposite, reason = signal.when, signal.opposite, _SIGNAL
    if by_crossing:
        end = when[opposite[p - 1]] + 1 if opposite[p - 1] < when.shape[0] else n_events
    else:
        least = rule.hold_score
        end = 1 + first_below(signal.keep, signal.keep_fine, signal.keep_coarse, q // 4, i, least)
    if rule.time_stop_bars > 0 and i + rule.time_stop_bars <= end:
        end, reason = i + rule.time_stop_bars, _TIME_STOP
    return min(end, n_events), reason


@inlined_kernel
def find_touch(
    i: int, until: int, q: int, lower: float, upper: float,
    market: FloatArray, fine: FloatArray, coarse: FloatArray,
) -> int:  # fmt: skip
    """Return the first event from *i* on that is not strictly between two prices, or *until*."""
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
    return min(i, until)


@kernel
def run_case(
    by_crossing: bool, signal: Signal, course: Course,
    held: Any, fact: Any, rule: Any, swept: Any, trades: RecordArray,
) -> None:  # fmt: skip
    """Run one case; *held* is opened and *swept* cleared by the caller.

    Parameters
    ----------
    by_crossing : bool
        Whether a position leaves at the next crossing to the other side and at nothing else
        that the signal says; the score at each event is not looked at then.
    signal : Signal
    course : Course
    held, fact, rule, swept : records of ``HOLDING``, ``FACTS``, ``RULES``, ``SWEPT``
    trades : records of ``TRADE``
        Filled while there is room.

    Notes
    -----
    Compiled code counts references to each array that it hands to a callee, which costs
    more than a trade: callees take numbers and records only, or are inlined.
    """
    (direction, score, confidence, p_win, payoff, loss, unit), when = signal[:2]
    first_at, entry_score = signal.first_at, signal.entry_score
    market, fine, coarse, nights, marks, _, converts = course
    n_events, n_when, sizing = market.shape[1], when.shape[0], 0 if rule.is_fixed else 1
    follows = rule.break_even_at_r > 0.0 or rule.trailing_atr > 0.0
    p, i_night, i, end, q, sized, reason = 0, 0, 0, 0, 0, False, _SIGNAL
    while swept.status == 0:
        if held.side == 0:
            while not sized and p < n_when:
                if entry_score[sizing, p] > rule.pass_score:
                    i = when[p]
                    view = view_at(direction, score, confidence, p_win, payoff, loss, unit, i)
                    if converts:
                        held.conversion = market[_RATE, i]
                    bid, ask = market[_BID, i], market[_ASK, i]
                    sized = size_entry(view, bid, ask, market[_NEXT, i], 0.0, held, fact, rule)
                p += 1
            if not sized or i + 1 >= n_events:
                break
            while marks[held.i_mark] <= i:
                mark_day(held.balance, held, swept)
            side, sized, i = int(direction[i]), False, i + 1
            if converts:
                held.conversion = market[_RATE, i]
            enter_at(i, side, market[0, i], market[4, i], market[_NOW, i], held, fact, rule)
            q = 0 if side > 0 else 4
            end, reason = find_exit(by_crossing, p, i, q, signal, n_events, rule)
            while nights[i_night] <= i:
                i_night += 1
        until = min(end, nights[i_night])
        lower, upper = safe_prices(follows, held, fact, rule)
        i = find_touch(i, until, q, lower, upper, market, fine, coarse)
        while marks[held.i_mark] < i:
            if converts:
                held.conversion = market[_RATE, marks[held.i_mark]]
            mark = market[q + 3, marks[held.i_mark]]
            mark_day(held.balance + floating_at(mark, held, fact), held, swept)
        if i >= n_events:
            break
        k, mark = i - 1, market[q + 3, i - 1]
        if i == end and reason == _SIGNAL and direction[k] == -held.side:
            if converts:
                held.conversion = market[_RATE, k]
            view = view_at(direction, score, confidence, p_win, payoff, loss, unit, k)
            bid, ask = market[_BID, k], market[_ASK, k]
            sized = size_entry(view, bid, ask, market[_NEXT, k], mark, held, fact, rule)
        if converts:
            held.conversion = market[_RATE, i]
        bid, ask, now = market[0, i], market[4, i], market[_NOW, i]
        if i < until:
            low, high = market[q + 2, i], market[q + 1, i]
            if follows and follow_bar(low, high, held, fact, rule):
                i += 1
                continue
            meet_bracket(i, market[q, i], low, high, bid, now, held, fact, rule, swept)
        else:
            if nights[i_night] == i:
                charge_night(market[_NIGHTS, i], mark, held, fact, rule)
                i_night += 1
            if i == end:
                leave_at_open(i, bid, ask, now, reason, held, fact, rule, swept)
        if held.side == 0:
            if swept.n_trades <= trades.shape[0]:
                write_trade(trades[swept.n_trades - 1], held)
            p = int(first_at[i])
            i -= sized


@kernel
def finish_case(course: Course, held: Any, fact: Any, rule: Any, swept: Any) -> None:
    """Mark the days that are left, and sum the case up."""
    market, marks = course.market, course.marks
    q = 4 if held.side < 0 else 0
    while marks[held.i_mark] < market.shape[1]:
        equity = held.balance
        if held.side != 0:
            held.conversion = market[_RATE, marks[held.i_mark]]
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
    cases: IntArray, by_crossing: bool, signal: Signal, course: Course,
    holding: RecordArray, facts: RecordArray, rules: RecordArray,
    swept: RecordArray, sums: FloatArray, trades: RecordArray,
) -> None:  # fmt: skip
    """Run *cases*, which follow one signal; write ``swept[k]`` of each case ``k``.

    *sums*, shape (n_cases, n_blocks, 2) with at least one block, gets the sum and the sum of
    squares of the daily returns of each block of days.
    """
    held = holding[0]
    n_blocks, n_days = sums.shape[1], course.marks.shape[0] - 1
    for k in cases:
        balance = rules[k].balance
        held.balance = balance
        held.side = 0
        held.conversion = course.market[_RATE, 0]
        held.conversion_max = course.conversion_max
        held.i_mark = 0
        held.last_mark = balance
        held.peak = balance
        held.worth = balance
        held.sum_squares = 0.0
        held.i_block = 0
        held.block_days = n_days // n_blocks
        held.block_rest = n_days % n_blocks
        held.block_stop = held.block_days + (held.block_rest > 0)
        for b in range(n_blocks):
            held.block_sum[b] = 0.0
            held.block_squares[b] = 0.0
        run_case(by_crossing, signal, course, held, facts[0], rules[k], swept[k], trades)
        finish_case(course, held, facts[0], rules[k], swept[k])
        for b in range(n_blocks):
            sums[k, b, 0] = held.block_sum[b]
            sums[k, b, 1] = held.block_squares[b]
