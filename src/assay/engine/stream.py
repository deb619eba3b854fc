"""The engine fed one event at a time: what runs live, equal to the backtest bit for bit."""

from assay.engine.state import copied_books
from assay.engine.step import EngineState, SymbolEvent, Terms, take_event
from assay.engine.views import View
from assay.risk.facts import RecordArray


class EngineStream:
    """An account that takes events as they come.

    Parameters
    ----------
    terms : Terms
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        opened = EngineState.opened(terms)
        self._books = opened.books
        self._n_events = 0

    @property
    def state(self) -> EngineState:
        """A copy of the state, to keep or to step from."""
        return EngineState(books=copied_books(self._books), n_events=self._n_events)

    @property
    def balance(self) -> float:
        """Cash, account currency."""
        return float(self._books.account[0].balance)

    @property
    def equity(self) -> float:
        """Balance and floating profit, account currency."""
        return float(self._books.account[0].equity)

    def update(self, event: SymbolEvent, view: View) -> tuple[RecordArray, RecordArray]:
        """Take one event; return the fills it made and the trades that ended in it."""
        take_event(self._books, self._n_events, event, view, self._terms)
        self._n_events += 1
        after = EngineState(books=self._books, n_events=self._n_events)
        return after.fills.copy(), after.trades.copy()
