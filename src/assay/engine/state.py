"""What the engine remembers between two events, as compiled records."""

from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from assay.domain.order import OrderKind
from assay.domain.refusal import RefusalReason
from assay.engine.code import code
from assay.risk.facts import RecordArray
from assay.risk.rules import LEVELS_MAX

WORKING_MAX = 8
"""Working orders of one symbol."""
QUEUED_MAX = 64
"""Market orders of one symbol that wait for its next open."""
N_REFUSALS = max(RefusalReason) + 1
SYMBOLS_MAX = 200
RECORDS_MAX = 2 * QUEUED_MAX + LEVELS_MAX + 1 + 3 * WORKING_MAX + SYMBOLS_MAX + 1
"""Fills, and so trades, that one event can make at most."""
CANCELLED = 0
"""Kind of a queued close whose position has left."""
MARKET = code(OrderKind.MARKET)
CLOSE = code(OrderKind.CLOSE)
ENTRY = cast("int", np.int64(0))
"""Reason of a fill that is no exit."""

ORDER = np.dtype(
    [
        ("kind", "i8"),
        ("side", "i8"),
        ("reason", "i8"),
        ("lots", "f8"),
        ("price", "f8"),
        ("limit", "f8"),
        ("distance", "f8"),
        ("target", "f8"),
        ("unit", "f8"),
        ("score", "f8"),
        ("p_win", "f8"),
        ("is_decision", "i8"),
        ("expiry_bars", "i8"),
        ("age_bars", "i8"),
    ]
)
"""A queued or working order; ``price`` of a market order is that of its making."""

POSITION = np.dtype(
    [
        ("side", "i8"),
        ("lots", "f8"),
        ("initial_lots", "f8"),
        ("entry", "f8"),
        ("entry_event", "i8"),
        ("stop", "f8"),
        ("stop_at_entry", "f8"),
        ("r", "f8"),
        ("unit", "f8"),
        ("best", "f8"),
        ("mae", "f8"),
        ("mfe", "f8"),
        ("bars_held", "i8"),
        ("is_inside", "i8"),
        ("is_ambiguous", "i8"),
        ("is_resolved", "i8"),
        ("score", "f8"),
        ("p_win", "f8"),
        ("risk", "f8"),
        ("gross", "f8"),
        ("commission", "f8"),
        ("swap", "f8"),
        ("exit_worth", "f8"),
        ("exit_lots", "f8"),
        ("n_levels", "i8"),
        ("next_level", "i8"),
        ("level", "f8", (LEVELS_MAX,)),
        ("level_lots", "f8", (LEVELS_MAX,)),
        ("mark", "f8"),
        ("conversion", "f8"),
        ("slip", "f8"),
        ("n_queued", "i8"),
        ("n_working", "i8"),
        ("queued", ORDER, (QUEUED_MAX,)),
        ("working", ORDER, (WORKING_MAX,)),
    ]
)
"""All that is known of one symbol; ``side`` 0 is no position.

``is_inside``: opened by a working order inside the current event. ``mark``, ``conversion``
and ``slip`` are those of the symbol's latest event.
"""

REQUEST = np.dtype(
    [
        ("event", "i8"),
        ("symbol", "i8"),
        ("side", "i8"),
        ("kind", "i8"),
        ("lots", "f8"),
        ("price", "f8"),
        ("limit_price", "f8"),
        ("stop_distance", "f8"),
        ("target_distance", "f8"),
        ("expiry_bars", "i8"),
    ]
)
"""An explicit order; ``event`` is its index on the tape, ``kind`` an ``OrderKind``."""

FILL = np.dtype(
    [
        ("event", "i8"),
        ("symbol", "i8"),
        ("side", "i8"),
        ("lots", "f8"),
        ("price", "f8"),
        ("commission", "f8"),
        ("reason", "i8"),
    ]
)
"""One execution; ``side`` +1 buys, ``reason`` 0 is an entry, else an ``ExitReason``."""

TRADE = np.dtype(
    [
        ("symbol", "i8"),
        ("side", "i8"),
        ("entry_event", "i8"),
        ("exit_event", "i8"),
        ("lots", "f8"),
        ("entry_price", "f8"),
        ("exit_price", "f8"),
        ("gross", "f8"),
        ("commission", "f8"),
        ("swap", "f8"),
        ("net", "f8"),
        ("stop", "f8"),
        ("risk", "f8"),
        ("bars_held", "i8"),
        ("reason", "i8"),
        ("is_ambiguous", "i8"),
        ("is_resolved", "i8"),
        ("score", "f8"),
        ("p_win", "f8"),
        ("mae", "f8"),
        ("mfe", "f8"),
    ]
)
"""One round trip; amounts in account currency, ``mae`` and ``mfe`` in price units, >= 0."""


ACCOUNT = np.dtype(
    [
        ("balance", "f8"),
        ("equity", "f8"),
        ("recorded", "f8"),
        ("n_fills", "i8"),
        ("n_trades", "i8"),
        ("refusals", "i8", (N_REFUSALS,)),
        ("fills", FILL, (RECORDS_MAX,)),
        ("trades", TRADE, (RECORDS_MAX,)),
    ]
)
"""The account; ``fills`` and ``trades`` hold what the latest event made, up to the counts.

``recorded`` is the balance that was last written to the records.
"""

BALANCE = np.dtype([("event", "i8"), ("balance", "f8")])
"""The balance from *event* on."""


class Books(NamedTuple):
    """The state of one account: records alone, so that a step allocates nothing.

    ``account`` has shape (1,), ``positions`` and ``facts`` (n_symbols,); facts are those that
    held at each symbol's latest event.
    """

    account: RecordArray
    positions: RecordArray
    facts: RecordArray


def records(dtype: np.dtype[np.void], n: int) -> RecordArray:
    """Return *n* zeroed records whose fields are attributes."""
    return np.zeros(n, dtype=dtype).view(np.recarray)


def opened_books(facts: NDArray[Any], balance: float) -> Books:
    """Return the books of a flat account whose symbols have *facts*, which are copied."""
    first = facts.copy().view(np.recarray)
    books = Books(records(ACCOUNT, 1), records(POSITION, len(facts)), first)
    books.account[0].balance = balance
    books.account[0].equity = balance
    books.account[0].recorded = balance
    return books


def copied_books(books: Books) -> Books:
    """Return books that share nothing with *books*."""
    return Books(books.account.copy(), books.positions.copy(), books.facts.copy())
