"""History through the engine: every event of a tape, every fill and trade it made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config.settings import Settings
from assay.domain.errors import DataError
from assay.domain.facts_history import ContractFacts
from assay.domain.fill import ExitReason
from assay.domain.refusal import RefusalReason
from assay.engine.booking import close_piece
from assay.engine.code import code
from assay.engine.dated import Dated
from assay.engine.loop import move_records, run_events
from assay.engine.state import (
    BALANCE,
    FILL,
    RECORDS_MAX,
    REQUEST,
    TRADE,
    Books,
    opened_books,
    records,
)
from assay.engine.tape import Tape, check_versions
from assay.engine.totals import account_equity
from assay.engine.views import ViewArrays, Views, view_arrays
from assay.kernels.compiler import FloatArray, kernel
from assay.risk.facts import RecordArray, dated_facts
from assay.risk.rules import compiled_rules

_END = code(ExitReason.END)
CAPACITY_MIN = 4 * RECORDS_MAX
"""Rows of the shortest chunk of fills and trades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """Settings that hold from *event* on, counted on the tape."""

    event: int
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class BacktestResult:
    """What one backtest did.

    Attributes
    ----------
    fills : records of ``FILL``, shape (n_fills,)
    trades : records of ``TRADE``, shape (n_trades,)
        In the order in which positions became flat.
    refusals : dict of RefusalReason to int
        Only reasons that occurred.
    equity : float64, shape (n_events,)
        After each event, account currency.
    balance_start : float
    balances : records of ``BALANCE``
        The balance wherever it changed.
    books : Books
        State after the last event.
    """

    fills: RecordArray
    trades: RecordArray
    refusals: dict[RefusalReason, int]
    equity: FloatArray
    balance_start: float
    balances: RecordArray
    books: Books

    @cached_property
    def balance(self) -> FloatArray:
        """The balance after each event, shape (n_events,), account currency."""
        edges = np.concatenate(([0], self.balances.event, [len(self.equity)]))
        values = np.concatenate(([self.balance_start], self.balances.balance))
        return np.repeat(values, np.diff(edges))


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
    """Fills, trades and balances in chunks, so that growing copies nothing."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._full: list[tuple[RecordArray, ...]] = []
        self.renew()

    def renew(self) -> None:
        """Start an empty chunk."""
        self.fills = np.empty(self._capacity, dtype=FILL).view(np.recarray)
        self.trades = np.empty(self._capacity, dtype=TRADE).view(np.recarray)
        self.balances = np.empty(self._capacity, dtype=BALANCE).view(np.recarray)
        self.counts = np.zeros(3, dtype=np.int64)

    def put_away(self) -> None:
        """Keep the chunk and start another."""
        self._full.append(self._chunk())
        self.renew()

    def _chunk(self) -> tuple[RecordArray, ...]:
        arrays = (self.fills, self.trades, self.balances)
        return tuple(
            array[:n].view(np.recarray) for array, n in zip(arrays, self.counts, strict=True)
        )

    def joined(self) -> tuple[RecordArray, ...]:
        """Return all fills, all trades and all balances."""
        if not self._full:
            return self._chunk()
        chunks = zip(*self._full, self._chunk(), strict=True)
        return tuple(np.concatenate(parts).view(np.recarray) for parts in chunks)


def checked_requests(requests: NDArray[Any] | None, tape: Tape) -> RecordArray:
    """Return *requests* as ``REQUEST`` records in the order of their events.

    Raises
    ------
    DataError
        If a request names an event, symbol, side or kind that does not exist.
    """
    if requests is None or not len(requests):
        return records(REQUEST, 0)
    asked = np.ascontiguousarray(requests.astype(REQUEST)).view(np.recarray)
    asked = asked[np.argsort(asked.event, kind="stable")].view(np.recarray)
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
    instruments: Mapping[str, ContractFacts],
    requests: NDArray[Any] | None = None,
    *,
    changes: Sequence[RuleChange] = (),
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
    instruments : mapping of symbol to Instrument or FactsHistory
        Those that the tape was built with.
    requests : records of ``REQUEST``, optional
        Explicit orders beside the decisions of the views.
    changes : sequence of RuleChange
        Settings that replace *settings* from some event on; positions live on under them.
    close_at_end : bool
        Close what is open at the last mark; else it is marked only.
    is_fast : bool
        Skip stretches in which nothing can happen; the result is the same to the last bit.

    Raises
    ------
    DataError
        If views and tape differ in length, the tape was built with other versions of the
        facts, a request is malformed, or the changes are out of order.
    """
    if len(views) != len(tape):
        raise DataError(
            f"There must be one view per event; had {len(views)} for {len(tape)} events.",
            remedy="Align the views with the tape.",
        )
    facts, _ = dated_facts([instruments[name] for name in tape.symbols], tape.timeframe)
    check_versions(tape, len(facts))
    return run_backtest(
        tape,
        view_arrays(views),
        facts,
        compiled_rules(settings),
        checked_requests(requests, tape),
        changes=compiled_changes(changes, settings, len(tape)),
        close_at_end=close_at_end,
        is_fast=is_fast,
    )


def compiled_changes(
    changes: Sequence[RuleChange], settings: Settings, n_events: int
) -> list[tuple[int, RecordArray]]:
    """Return the first event and the rules of each change.

    Raises
    ------
    DataError
        If the events do not rise inside the tape.
    """
    edges = [0, *(change.event for change in changes), n_events]
    if any(a > b for a, b in pairwise(edges)):
        raise DataError(
            f"Changes of rules must come in rising order inside 0..{n_events}; was {edges[1:-1]}.",
            remedy="Sort them by event, counted on the tape.",
        )
    compiled = []
    for change in changes:
        rules = compiled_rules(change.settings)
        rules.balance = settings.account.balance
        compiled.append((change.event, rules))
    return compiled


def run_backtest(
    tape: Tape,
    views: ViewArrays,
    facts: RecordArray,
    rules: RecordArray,
    requests: RecordArray,
    *,
    changes: Sequence[tuple[int, RecordArray]] = (),
    close_at_end: bool,
    is_fast: bool = True,
) -> BacktestResult:
    """Run compiled arguments; ``backtest`` is the checked form.

    *facts* are those of ``dated_facts``: one record per version of each symbol.
    """
    n_events = len(tape)
    books = opened_books(facts[tape.first_versions()], float(rules[0].balance))
    dated = Dated(tape.version, tape.charges, facts) if len(tape.version) else None
    account = books.account[0]
    made = _Records(max(CAPACITY_MIN, n_events // 8))
    equity = np.empty(n_events)
    i = 0
    ahead = [*changes, (n_events, rules)]
    while True:
        while ahead[0][0] <= i < n_events:
            rules = ahead.pop(0)[1]
        i = run_events(
            i, ahead[0][0], is_fast, tape.market, tape.symbol, tape.is_calm, tape.finer,
            tape.finer_range, views, requests, books, dated, rules,
            made.fills, made.trades, made.balances, made.counts, equity,
        )  # fmt: skip
        if i >= n_events:
            break
        if i < ahead[0][0]:
            made.put_away()
    if close_at_end and n_events:
        made.put_away()
        close_all(n_events - 1, books, books.facts, rules[0])
        move_records(n_events - 1, account, made.fills, made.trades, made.balances, made.counts)
        equity[-1] = account.equity
    fills, trades, balances = made.joined()
    return BacktestResult(
        fills=fills,
        trades=trades,
        refusals={
            reason: int(account.refusals[reason])
            for reason in RefusalReason
            if account.refusals[reason]
        },
        equity=equity,
        balance_start=float(rules[0].balance),
        balances=balances,
        books=books,
    )
