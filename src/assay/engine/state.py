"""What the engine remembers between two events, as compiled records."""

from typing import NamedTuple

import numpy as np

from assay.domain.order import OrderKind
from assay.domain.refusal import RefusalReason
from assay.kernels.compiler import IntArray
from assay.risk.facts import RecordArray
from assay.risk.rules import LEVELS_MAX

WORKING_MAX = 8
"""Working orders of one symbol."""
QUEUED_MAX = 64
"""Market orders of one symbol that wait for its next open."""
N_REFUSALS = max(RefusalReason) + 1
CANCELLED = 0
"""Kind of a queued close whose position has left."""
MARKET, CLOSE = OrderKind.MARKET.value, OrderKind.CLOSE.value
ENTRY = 0
"""Reason of a fill that is no exit."""

ACCOUNT = np.dtype([("balance", "f8"), ("equity", "f8"), ("n_fills", "i8"), ("n_trades", "i8")])

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
    ]
)
"""All that is known of one symbol; ``side`` 0 is no position.

``is_inside``: opened by a working order inside the current event. ``mark``, ``conversion``
and ``slip`` are those of the symbol's latest event.
"""

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


class Books(NamedTuple):
    """The state of one account, and the records that the next events append to.

    ``account`` (1,), ``positions`` (n_symbols,), ``queued`` (n_symbols, QUEUED_MAX),
    ``working`` (n_symbols, WORKING_MAX), ``refusals`` (N_REFUSALS,); ``fills`` and
    ``trades`` are buffers filled to ``account[0].n_fills`` and ``n_trades``.
    """

    account: RecordArray
    positions: RecordArray
    queued: RecordArray
    working: RecordArray
    refusals: IntArray
    fills: RecordArray
    trades: RecordArray


def records(dtype: np.dtype[np.void], *shape: int) -> RecordArray:
    """Return zeroed records whose fields are attributes."""
    return np.zeros(shape, dtype=dtype).view(np.recarray)


def fills_per_event_max(n_symbols: int) -> int:
    """Return how many fills, and so trades, one event can make at most."""
    return 2 * QUEUED_MAX + LEVELS_MAX + 1 + 3 * WORKING_MAX + 2 * n_symbols


def opened_books(n_symbols: int, balance: float, capacity: int = 0) -> Books:
    """Return the books of a flat account with room for at least *capacity* fills."""
    room = max(capacity, fills_per_event_max(n_symbols))
    books = Books(
        records(ACCOUNT, 1),
        records(POSITION, n_symbols),
        records(ORDER, n_symbols, QUEUED_MAX),
        records(ORDER, n_symbols, WORKING_MAX),
        np.zeros(N_REFUSALS, dtype=np.int64),
        records(FILL, room),
        records(TRADE, room),
    )
    books.account[0].balance = balance
    books.account[0].equity = balance
    return books


def copied_books(books: Books) -> Books:
    """Return books that share nothing with *books*."""
    return Books(*(array.copy() for array in books))
