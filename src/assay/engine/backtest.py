"""History through the engine: every event of a tape, every fill and trade it made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.domain.errors import DataError
from assay.domain.fill import ExitReason
from assay.domain.instrument import Instrument
from assay.domain.refusal import RefusalReason
from assay.engine.advance import advance
from assay.engine.booking import close_piece
from assay.engine.market import event_at
from assay.engine.quiet import end_quiet, skip_flat, skip_held
from assay.engine.requests import submit
from assay.engine.state import (
    FILL,
    RECORDS_MAX,
    REQUEST,
    TRADE,
    Books,
    opened_books,
    records,
)
from assay.engine.tape import Tape, Uint8Array
from assay.engine.totals import account_equity
from assay.engine.views import ViewArrays, Views, view_arrays, view_at
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.risk.facts import RecordArray, contract_facts
from assay.risk.rules import compiled_rules

_END = np.int64(ExitReason.END)
CAPACITY_MIN = 4 * RECORDS_MAX
"""Rows of the shortest chunk of fills and trades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """What one backtest did.

    Attributes
    ----------
    fills : records of ``FILL``, shape (n_fills,)
    trades : records of ``TRADE``, shape (n_trades,)
        In the order in which positions became flat.
    refusals : dict of RefusalReason to int
        Only reasons that occurred.
    balance, equity : float64, shape (n_events,)
        After each event, account currency.
    books : Books
        State after the last event.
    """

    fills: RecordArray
    trades: RecordArray
    refusals: dict[RefusalReason, int]
    balance: FloatArray
    equity: FloatArray
    books: Books


@kernel
def move_records(
    account: Any, fills: RecordArray, trades: RecordArray, counts: IntArray
) -> None:
    """Move the fills and trades of the latest event to the end of *fills* and *trades*."""
    for k in range(account.n_fills):
        fills[counts[0]] = account.fills[k]
        counts[0] += 1
    for k in range(account.n_trades):
        trades[counts[1]] = account.trades[k]
        counts[1] += 1
    account.n_fills = 0
    account.n_trades = 0


@kernel
def run_events(
    start: int, is_fast: bool, market: FloatArray, symbol: IntArray, is_calm: Uint8Array,
    finer: FloatArray, finer_range: IntArray, views: ViewArrays, requests: RecordArray,
    books: Books, facts: RecordArray, rules: RecordArray,
    fills: RecordArray, trades: RecordArray, counts: IntArray,
    balance: FloatArray, equity: FloatArray,
) -> int:  # fmt: skip
    """Take events from *start* until the end, or until *fills* or *trades* may overflow.

    *counts* holds how many fills and trades were written so far.

    Returns the first event that was not taken.
    """
    n_events = market.shape[1]
    direction, score, confidence, p_win, payoff, loss, unit = views
    account, positions, rule = books.account[0], books.positions, rules[0]
    only, only_fact = positions[0], facts[0]
    fast = is_fast and positions.shape[0] == 1
    n_requests = requests.shape[0]
    first, end = 0, 0
    r = 0
    while r < n_requests and requests[r].event < start:
        r += 1
    i = start
    while i < n_events:
        if fast and only.n_queued == 0 and only.n_working == 0:
            until = requests[r].event if r < n_requests else n_events
            begin = i
            if only.side == 0:
                i = skip_flat(
                    i, until, direction, score, confidence, p_win, payoff, loss, unit,
                    rule, account, balance, equity,
                )  # fmt: skip
            else:
                i = skip_held(
                    i, until, market, is_calm, direction, score,
                    only, only_fact, rule, account, balance, equity,
                )  # fmt: skip
            if i > begin:
                end_quiet(i - 1, market, equity, only, only_fact, rule, account)
            if i >= n_events:
                break
        if counts[0] + RECORDS_MAX > fills.shape[0]:
            break
        s = symbol[i]
        bar = event_at(market, i)
        if finer_range.shape[1] > 0:
            first, end = finer_range[0, i], finer_range[1, i]
        view = view_at(direction, score, confidence, p_win, payoff, loss, unit, i)
        advance(
            i, s, bar, view, finer, first, end, positions, facts, rule, account
        )
        while r < n_requests and requests[r].event == i:
            submit(requests[r], bar, positions[s], facts[s], account)
            r += 1
        if account.n_fills > 0:
            move_records(account, fills, trades, counts)
        balance[i] = account.balance
        equity[i] = account.equity
        i += 1
    return i


@kernel
def close_all(event: int, books: Books, facts: RecordArray, rules: Any) -> None:
    """Close every position at its last mark, without slippage, in order of symbol index."""
    account = books.account[0]
    for s in range(books.positions.shape[0]):
        position = books.positions[s]
        if position.side != 0:
            close_piece(
                event, s, position.lots, position.mark, _END, position, facts[s], rules, account,
            )  # fmt: skip
    account.equity = account_equity(account.balance, books.positions, facts)


class _Records:
    """Fills and trades in chunks, so that growing copies nothing."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._full: list[tuple[RecordArray, RecordArray]] = []
        self.renew()

    def renew(self) -> None:
        """Start an empty chunk."""
        self.fills = np.empty(self._capacity, dtype=FILL).view(np.recarray)
        self.trades = np.empty(self._capacity, dtype=TRADE).view(np.recarray)
        self.counts = np.zeros(2, dtype=np.int64)

    def put_away(self) -> None:
        """Keep the chunk and start another."""
        self._full.append(self._chunk())
        self.renew()

    def _chunk(self) -> tuple[RecordArray, RecordArray]:
        return self.fills[: self.counts[0]], self.trades[: self.counts[1]]

    def joined(self) -> tuple[RecordArray, RecordArray]:
        """Return all fills and all trades."""
        if not self._full:
            return self._chunk()
        fills, trades = zip(*self._full, self._chunk(), strict=True)
        return (
            np.concatenate(fills).view(np.recarray),
            np.concatenate(trades).view(np.recarray),
        )


def checked_requests(requests: np.ndarray | None, tape: Tape) -> RecordArray:  # type: ignore[type-arg]
    """Return *requests* as ``REQUEST`` records in the order of their events.

    Raises
    ------
    DataError
        If a request names an event, symbol, side or kind that does not exist.
    """
    if requests is None or not len(requests):
        return records(REQUEST, 0)
    asked = np.ascontiguousarray(requests.astype(REQUEST)).view(np.recarray)
    asked = asked[np.argsort(asked.event, kind="stable")]
    if asked.event.min() < 0 or asked.event.max() >= len(tape):
        raise DataError(
            f"A request's event must lie in 0..{len(tape) - 1}; "
            f"was {asked.event.min()}..{asked.event.max()}.",
            remedy="Count events on the tape.",
        )
    if (asked.symbol != tape.symbol[asked.event]).any():
        raise DataError(
            "A request's symbol must be that of its event.",
            remedy="Attach the request to an event of its symbol.",
        )
    if not np.isin(asked.kind, (1, 2, 3, 4, 5)).all() or not np.isin(asked.side, (-1, 0, 1)).all():
        raise DataError(
            "A request's kind must be an OrderKind and its side -1 or 1.",
            remedy="Use the values of assay.domain.order.OrderKind.",
        )
    return asked


def backtest(
    tape: Tape,
    views: Views,
    settings: Settings,
    instruments: Mapping[str, Instrument],
    requests: np.ndarray | None = None,  # type: ignore[type-arg]
    *,
    close_at_end: bool = False,
    is_fast: bool = True,
) -> BacktestResult:
    """Run the engine over *tape*.

    Parameters
    ----------
    tape : Tape
    views : Views
        One per event. Hazard: view *i* is acted upon at the open after event *i*.
    settings : Settings
    instruments : mapping of symbol to Instrument
    requests : records of ``REQUEST``, optional
        Explicit orders beside the decisions of the views.
    close_at_end : bool
        Close what is open at the last mark; else it is marked only.
    is_fast : bool
        Skip stretches in which nothing can happen; the result is the same to the last bit.

    Raises
    ------
    DataError
        If views and tape differ in length, or a request is malformed.
    """
    if len(views) != len(tape):
        raise DataError(
            f"There must be one view per event; had {len(views)} for {len(tape)} events.",
            remedy="Align the views with the tape.",
        )
    facts = contract_facts([instruments[name] for name in tape.symbols], tape.timeframe)
    return run_backtest(
        tape,
        view_arrays(views),
        facts,
        compiled_rules(settings),
        checked_requests(requests, tape),
        close_at_end=close_at_end,
        is_fast=is_fast,
    )


def run_backtest(
    tape: Tape,
    views: ViewArrays,
    facts: RecordArray,
    rules: RecordArray,
    requests: RecordArray,
    *,
    close_at_end: bool,
    is_fast: bool = True,
) -> BacktestResult:
    """Run compiled arguments; ``backtest`` is the checked form."""
    n_events = len(tape)
    books = opened_books(len(tape.symbols), float(rules[0].balance))
    made = _Records(max(CAPACITY_MIN, n_events // 8))
    balance = np.empty(n_events)
    equity = np.empty(n_events)
    i = 0
    while True:
        i = run_events(
            i, is_fast, tape.market, tape.symbol, tape.is_calm, tape.finer, tape.finer_range,
            views, requests, books, facts, rules, made.fills, made.trades, made.counts,
            balance, equity,
        )  # fmt: skip
        if i >= n_events:
            break
        made.put_away()
    if close_at_end and n_events:
        made.put_away()
        close_all(n_events - 1, books, facts, rules[0])
        move_records(books.account[0], made.fills, made.trades, made.counts)
        balance[-1] = books.account[0].balance
        equity[-1] = books.account[0].equity
    refused = books.account[0].refusals
    fills, trades = made.joined()
    return BacktestResult(
        fills=fills,
        trades=trades,
        refusals={reason: int(refused[reason]) for reason in RefusalReason if refused[reason]},
        balance=balance,
        equity=equity,
        books=books,
    )
