"""The columns of a tape, and one event of it."""

from typing import NamedTuple

from assay.kernels.compiler import FloatArray, kernel

BID_OPEN, BID_HIGH, BID_LOW, BID_CLOSE = 0, 1, 2, 3
ASK_OPEN, ASK_HIGH, ASK_LOW, ASK_CLOSE = 4, 5, 6, 7
VOLATILITY, VOLATILITY_NEXT, CONVERSION, NIGHTS = 8, 9, 10, 11
N_QUOTES = 8
N_COLUMNS = 12


class Event(NamedTuple):
    """One bar of one symbol as the engine meets it; prices in quote currency.

    ``volatility`` is the standard deviation of one bar's log return as known before the
    event, ``volatility_next`` as known at its close; ``conversion`` is account currency
    per unit of quote currency; ``nights`` are charged before the open.
    """

    bid_open: float
    bid_high: float
    bid_low: float
    bid_close: float
    ask_open: float
    ask_high: float
    ask_low: float
    ask_close: float
    volatility: float
    volatility_next: float
    conversion: float
    nights: float


@kernel
def event_at(market: FloatArray, i: int) -> Event:
    """Return column *i* of a market of shape (N_COLUMNS, n_events)."""
    return Event(
        market[0, i],
        market[1, i],
        market[2, i],
        market[3, i],
        market[4, i],
        market[5, i],
        market[6, i],
        market[7, i],
        market[8, i],
        market[9, i],
        market[10, i],
        market[11, i],
    )
