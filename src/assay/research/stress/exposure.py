"""How much of a market an account held at each moment."""

import numpy as np

from assay.engine import market as columns
from assay.kernels.compiler import FloatArray
from assay.research.benchmarks import Market
from assay.research.fill_prices import own_events
from assay.research.result import StrategyResult
from assay.risk.facts import dated_facts


def exposures(result: StrategyResult, market: Market) -> FloatArray:
    """Return the notional over equity of each event's symbol, after the event, signed.

    Returns
    -------
    exposure : float64, shape (n_events,)
        Positive for a long position; 0 where there is no equity left, and at the last event of a
        symbol, after which nothing can be seen.
    """
    tape = market.tape
    fills = result.fills
    event = own_events(fills, tape)
    facts, _ = dated_facts([market.instruments[name] for name in tape.symbols], tape.timeframe)
    version = tape.version if len(tape.version) else tape.symbol
    held = np.zeros(len(tape))
    for s in range(len(tape.symbols)):
        mine = np.flatnonzero(tape.symbol == s)
        own = fills["symbol"] == s
        change = np.zeros(len(tape))
        np.add.at(change, event[own], (fills["side"] * fills["lots"])[own])
        held[mine] = np.cumsum(change[mine])
        if len(mine):
            held[mine[-1]] = 0.0
    held[np.abs(held) < 1e-9] = 0.0  # what is left of sums of lots is rounding
    price = tape.mid_close
    notional = held * facts["contract"][version] * price * tape.market[columns.CONVERSION]
    left = result.equity > 0.0
    return np.asarray(np.divide(notional, result.equity, out=np.zeros_like(notional), where=left))
