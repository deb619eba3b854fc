"""The loop over a tape: quiet stretches in place, every other event through ``advance``."""

from typing import Any

import numpy as np

from assay.engine.advance import advance, note_terms
from assay.engine.dated import Dated, begin_event, without_nights
from assay.engine.decision import side_score
from assay.engine.market import event_at
from assay.engine.quiet import end_quiet, quiet_bars, quiet_bounds
from assay.engine.requests import submit
from assay.engine.state import RECORDS_MAX, Books
from assay.engine.tape import Uint8Array
from assay.engine.views import ViewArrays, view_at
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.risk.facts import RecordArray


@kernel
def move_records(
    event: int, account: Any, fills: RecordArray, trades: RecordArray, balances: RecordArray,
    counts: IntArray,
) -> None:  # fmt: skip
    """Move what the latest event made to the end of the records, and note a changed balance."""
    for k in range(account.n_fills):
        fills[counts[0] + k] = account.fills[k]
    for k in range(account.n_trades):
        trades[counts[1] + k] = account.trades[k]
    balances[counts[2]].event = event
    balances[counts[2]].balance = account.balance
    counts[0] += account.n_fills
    counts[1] += account.n_trades
    counts[2] += 1
    account.n_fills = 0
    account.n_trades = 0
    account.recorded = account.balance


@kernel
def run_events(
    start: int, stop: int, is_fast: bool, market: FloatArray, symbol: IntArray, is_calm: Uint8Array,
    finer: FloatArray, finer_range: IntArray, views: ViewArrays, requests: RecordArray,
    books: Books, dated: Dated | None, rules: RecordArray,
    fills: RecordArray, trades: RecordArray, balances: RecordArray, counts: IntArray,
    equity: FloatArray,
) -> int:  # fmt: skip
    """Take events from *start* until *stop*, or until the records may overflow.

    Returns the first event that was not taken. *counts* holds how many fills, trades and
    balances were written. *dated* is None where no facts change: those of the books hold. Numba
    compiles that case by itself, without a trace of the other.

    Notes
    -----
    Compiled code counts references to each array that it hands to a callee, at the price
    of many bars: quiet stretches are walked here, and callees get numbers and records. A
    signed index is tested for a count from the end; an unsigned one is not.
    """
    n_events, n_requests = stop, requests.shape[0]
    direction, score, confidence, p_win, payoff, loss, unit = views
    account, positions, facts, rule = books.account[0], books.positions, books.facts, rules[0]
    only, fact = positions[0], facts[0]
    fast = is_fast and positions.shape[0] == 1
    step = 1 if score.shape[0] > 1 else 0
    r, i, first, end, c = 0, start, 0, 0, 0
    while r < n_requests and requests[r].event < start:
        r += 1
    while i < n_events:
        if fast and only.n_queued == 0 and only.n_working == 0:
            begin, until, q = i, requests[r].event if r < n_requests else n_events, 0
            cash, side, lots, entry = account.balance, only.side, only.lots, only.entry
            lowest, highest = entry, entry
            if side == 0:
                while i < until and direction[np.uint64(i)] == 0:
                    equity[np.uint64(i)] = cash
                    i += 1
            else:
                q = 0 if side > 0 else 4
                until = min(until, i + quiet_bars(only, rule))
                lower, upper = quiet_bounds(only, fact, rule, cash)
                value, hold = fact.contract * only.conversion, rule.hold_score
                while i < until:
                    j = np.uint64(i)
                    low, high = market[q + 2, j], market[q + 1, j]
                    if not (low > lower and high < upper and is_calm[j] == 1):
                        break
                    lean = direction[j]
                    if lean != 0 and side_score(side, lean, score[i * step]) < hold:
                        break
                    lowest, highest = min(lowest, low), max(highest, high)
                    equity[j] = cash + side * lots * (market[q + 3, j] - entry) * value
                    i += 1
            if i > begin:
                end_quiet(
                    i - begin, lowest, highest, market[q + 3, i - 1], equity[i - 1], only, account
                )
            if i >= n_events:
                bar = event_at(market, i - 1)
                if dated is not None:
                    facts[0] = dated.versions[dated.version[i - 1]]
                note_terms(bar, only, fact, rule)
                break
        if counts[0] + RECORDS_MAX > fills.shape[0] or counts[2] >= balances.shape[0]:
            break
        s = symbol[i]
        bar = event_at(market, i)
        view = view_at(direction, score, confidence, p_win, payoff, loss, unit, i)
        if finer_range.shape[1] > 0:
            first, end = finer_range[0, i], finer_range[1, i]
        if dated is not None:
            c = begin_event(i, s, bar, dated.version[i], c, dated, positions, facts, rule, account)
            bar = without_nights(bar)
        advance(i, s, bar, view, finer, first, end, positions, facts, rule, account)
        while r < n_requests and requests[r].event == i:
            submit(requests[r], bar, positions[s], facts[s], account)
            r += 1
        if account.n_fills > 0 or account.balance != account.recorded:
            move_records(i, account, fills, trades, balances, counts)
        equity[i] = account.equity
        i += 1
    return i
