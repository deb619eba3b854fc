"""One pure step: state and event in, next state and orders out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.domain.facts_history import ContractFacts
from assay.domain.timeframe import Timeframe
from assay.engine.advance import advance
from assay.engine.dated import Dated, begin_event, no_charges, without_nights
from assay.engine.market import N_QUOTES, Event
from assay.engine.requests import submit
from assay.engine.state import Books, copied_books, opened_books
from assay.engine.views import View
from assay.kernels.compiler import FloatArray, IntArray
from assay.risk.facts import RecordArray, dated_facts
from assay.risk.rules import compiled_rules


def no_finer() -> FloatArray:
    """Return the quotes of no finer bar."""
    return np.empty((N_QUOTES, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What binds every step: contract facts per symbol, and one set of rules.

    Attributes
    ----------
    facts : records of ``FACTS``, shape (n_versions,)
        Every version of every symbol; see ``assay.risk.facts.dated_facts``.
    first_version : int64, shape (n_symbols,)
        Row of each symbol's first version.
    rules : records of ``RULES``, shape (1,)
    """

    facts: RecordArray
    first_version: IntArray
    rules: RecordArray

    @classmethod
    def of(
        cls,
        symbols: Sequence[str],
        instruments: Mapping[str, ContractFacts],
        timeframe: Timeframe,
        settings: Settings,
    ) -> "Terms":
        """Return the terms of *symbols*, whose order fixes their index."""
        facts, first = dated_facts([instruments[name] for name in symbols], timeframe)
        return cls(facts=facts, first_version=first, rules=compiled_rules(settings))

    @property
    def is_dated(self) -> bool:
        """Whether the facts of any symbol change."""
        return len(self.facts) > len(self.first_version)


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
    version : int
        Which version of the symbol's facts holds, from 0.
    charges : records of ``CHARGE``
        What each version charges before its open, where facts change; ``version`` in them is a
        row of the terms' facts, ``event`` is not read.
    """

    symbol: int
    bar: Event
    finer: FloatArray = field(default_factory=no_finer)
    requests: Sequence[Any] = ()
    version: int = 0
    charges: RecordArray = field(default_factory=no_charges)


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
        return cls(books=opened_books(terms.facts[terms.first_version], balance), n_events=0)

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
    s, bar = event.symbol, event.bar
    if terms.is_dated:
        charges = event.charges.copy()
        charges.event = number
        version = terms.first_version[s] + event.version
        dated = Dated(np.array([version]), charges, terms.facts)
        begin_event(
            number, s, bar, int(version), 0, dated,
            books.positions, books.facts, terms.rules[0], account,
        )  # fmt: skip
        bar = without_nights(bar)
    advance(
        number, s, bar, view, event.finer, 0, event.finer.shape[1],
        books.positions, books.facts, terms.rules[0], account,
    )  # fmt: skip
    for request in event.requests:
        submit(request, bar, books.positions[s], books.facts[s], account)


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
