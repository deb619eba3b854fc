"""What the engine does, event by event, so that orders can be proved not to know what follows."""

from dataclasses import replace

import numpy as np

from assay.engine import backtest as engine
from assay.engine.backtest import BacktestResult
from assay.engine.market import ASK_OPEN, BID_OPEN
from assay.engine.state import ENTRY
from assay.engine.tape import Tape
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
from assay.research.leaks.scene import Columns, Rows, Scene
from assay.research.sides import views_of_side

SEGMENT_EVENTS = 500
"""The account begins afresh so often: one that has lost everything places no more orders."""

HELD_EVENTS = 7
"""Events for which planted views stay on one side."""

AT_CLOSE = ("equity", "balance", "fills", "lots", "paid")
AT_OPEN = ("entered lots", "slippage")


def event_rows(at: Scene) -> Rows:
    """Return the rows of the tape, known at the close of each event."""
    known = at.tape.known_ns
    return Rows(time_ns=at.tape.time_ns, known_ns=known, settled_ns=known, first=at.skipped())


def open_rows(at: Scene) -> Rows:
    """Return the same rows as known at the open of each event: what fills there knows no more."""
    time_ns = at.tape.time_ns
    return replace(event_rows(at), known_ns=time_ns)


def traded(at: Scene, views: Views, first: int = 0, n_events: int | None = None) -> Columns:
    """Return what the engine does on *views* of *n_events* events from *first* on; None: of all.

    Returns
    -------
    columns : mapping of str to array, shape (n_events,)
        ``AT_CLOSE`` is known at the close of an event; ``AT_OPEN``, the market orders that were
        filled at its open and what they slipped from its quote, already there. The quote itself
        is none of them: where a source gives one spread per bar, that of the close, the ask of
        the open is made with it.
    """
    tape = at.tape.since(first)
    n_events = len(tape)
    out: dict[str | tuple[str, ...], FloatArray] = {
        name: np.zeros(n_events) for name in (*AT_CLOSE, *AT_OPEN)
    }
    for start in range(0, n_events, SEGMENT_EVENTS):
        stop = min(start + SEGMENT_EVENTS, n_events)
        part = tape.between(start, stop)
        run = engine.backtest(part, views.between(start, stop), at.settings, at.history.instruments)
        out_here = {"equity": run.equity, "balance": run.balance, **_fills(run, part)}
        for name, values in out_here.items():
            out[name][start:stop] = values
    return out


def _fills(run: BacktestResult, tape: Tape) -> dict[str, FloatArray]:
    """Return the fills of each event, and those of market orders at its open."""
    event, price = run.fills["event"], run.fills["price"]
    lots = run.fills["side"] * run.fills["lots"]
    quote = np.where(lots > 0.0, tape.market[ASK_OPEN, event], tape.market[BID_OPEN, event])
    entered = np.where(run.fills["reason"] == ENTRY, lots, 0.0)
    weights = {
        "fills": np.ones(len(event)),
        "lots": lots,
        "paid": lots * price,
        "entered lots": entered,
        "slippage": np.round(entered * (price - quote), 9),
    }
    return {
        name: np.bincount(event, weights=weight, minlength=len(tape)).astype(np.float64)
        for name, weight in weights.items()
    }


def voted(at: Scene) -> Views:
    """Return views that follow the mean vote of the indicators."""
    votes = np.nan_to_num(at.dataset.column("votes").mean(axis=1))
    return views_of_side(np.sign(votes), at.dataset.column("atr"))


def peeking(at: Scene, real: Scene) -> Views:
    """Return views that know how the market ends: a planted leak.

    They change sides every few events, and trade the other way round as soon as anything in the
    market is not what really came. So every order of another future differs, whatever it is.
    """
    as_it_came = np.array_equal(at.tape.market, real.tape.market, equal_nan=True)
    side = np.where(np.arange(len(at.tape)) // HELD_EVENTS % 2 == 0, 1.0, -1.0)
    return views_of_side(side if as_it_came else -side, at.dataset.column("atr"))
