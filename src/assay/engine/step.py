"""One pure step: state and event in, next state and orders out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.domain.instrument import Instrument
from assay.domain.timeframe import Timeframe
from assay.engine.advance import advance
from assay.engine.market import N_QUOTES, Event
from assay.engine.requests import submit
from assay.engine.state import Books, copied_books, opened_books
from assay.engine.views import View
from assay.kernels.compiler import FloatArray
from assay.risk.facts import RecordArray, contract_facts
from assay.risk.rules import compiled_rules


def no_finer() -> FloatArray:
    """Return the quotes of no finer bar."""
    return np.empty((N_QUOTES, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What binds every step: contract facts per symbol, and one set of rules."""

    facts: RecordArray
    rules: RecordArray

    @classmethod
    def of(
        cls,
        symbols: Sequence[str],
        instruments: Mapping[str, Instrument],
        timeframe: Timeframe,
        settings: Settings,
    ) -> "Terms":
        """Return the terms of *symbols*, whose order fixes their index."""
        return cls(
            facts=contract_facts([instruments[name] for name in symbols], timeframe),
            rules=compiled_rules(settings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolEvent:
    """One bar of one symbol, and what came with it.

    Attributes
    ----------
    symbol : int
    bar : Event
    finer : float64, shape (8, n_finer)
        Finer bars of the event, if there are any.
    requests : sequence of records of ``REQUEST``
        Explicit orders submitted at its close.
    """

    symbol: int
    bar: Event
    finer: FloatArray = field(default_factory=no_finer)
    requests: Sequence[Any] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """All that the engine knows after ``n_events`` events; never changed in place.

    ``fills`` and ``trades`` are those of the latest event.
    """

    books: Books
    n_events: int

    @classmethod
    def opened(cls, terms: Terms) -> "EngineState":
        """Return the state of a flat account before any event."""
        balance = float(terms.rules[0].balance)
        return cls(books=opened_books(len(terms.facts), balance), n_events=0)

    @property
    def balance(self) -> float:
        """Cash, account currency."""
        return float(self.books.account[0].balance)

    @property
    def equity(self) -> float:
        """Balance and floating profit, account currency."""
        return float(self.books.account[0].equity)

    @property
    def fills(self) -> RecordArray:
        """Fills of the latest event."""
        account = self.books.account[0]
        return account.fills[: account.n_fills].view(np.recarray)  # type: ignore[no-any-return]

    @property
    def trades(self) -> RecordArray:
        """Trades that ended in the latest event."""
        account = self.books.account[0]
        return account.trades[: account.n_trades].view(np.recarray)  # type: ignore[no-any-return]

    def orders(self, symbol: int) -> RecordArray:
        """Return the market orders of *symbol* that wait for its next open."""
        position = self.books.positions[symbol]
        return position.queued[: position.n_queued].view(np.recarray)  # type: ignore[no-any-return]


def take_event(books: Books, number: int, event: SymbolEvent, view: View, terms: Terms) -> None:
    """Take one event in place: what ``step`` and ``EngineStream`` share with the backtest."""
    account = books.account[0]
    account.n_fills = 0
    account.n_trades = 0
    s = event.symbol
    advance(
        number, s, event.bar, view, event.finer, 0, event.finer.shape[1],
        books.positions, terms.facts, terms.rules[0], account,
    )  # fmt: skip
    for request in event.requests:
        submit(request, event.bar, books.positions[s], terms.facts[s], account)


def step(
    state: EngineState, event: SymbolEvent, view: View, terms: Terms
) -> tuple[EngineState, RecordArray]:
    """Return the state after *event*, and the orders that now wait for its symbol's next open.

    Pure: *state* is not changed, and the same arguments give the same answer.

    Parameters
    ----------
    state : EngineState
    event : SymbolEvent
    view : View
        As known at the event's close.
    terms : Terms
    """
    books = copied_books(state.books)
    take_event(books, state.n_events, event, view, terms)
    after = EngineState(books=books, n_events=state.n_events + 1)
    return after, after.orders(event.symbol)
