"""Contract facts that change: the version of each event, and the nights that each one charges."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from assay.data.calendar import weekday_nights
from assay.domain.errors import ConfigError, DataError
from assay.domain.facts_history import FactsHistory
from assay.domain.instrument import MarginBasis, SwapMode
from assay.domain.time import iso_utc
from assay.engine.advance import charge_swap
from assay.engine.market import Event
from assay.engine.state import records
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.risk.facts import RecordArray, versions_at

CHARGE = np.dtype([("event", "i8"), ("version", "i8"), ("nights", "f8")])
"""Nights that one version charges before the open of one event."""


class Dated(NamedTuple):
    """What changes along a tape, for kernels.

    ``version`` of each event and ``charges`` are those of ``Tape``; ``versions`` are the records
    of ``FACTS`` that they name.
    """

    version: IntArray
    charges: RecordArray
    versions: RecordArray


def no_charges() -> RecordArray:
    """Return no record of ``CHARGE``."""
    return records(CHARGE, 0)


def nights_by_version(open_ns: IntArray, history: FactsHistory) -> FloatArray:
    """Return the nights that each version charges at the open of each bar.

    Parameters
    ----------
    open_ns : int64, shape (n_bars,)
        Opens of one symbol's bars, oldest first, UTC nanoseconds.
    history : FactsHistory

    Returns
    -------
    nights : float64, shape (n_versions, n_bars)
        A rollover is charged by the version that holds at its instant.
    """
    bounds = (None, *history.starts_ns, None)
    return np.array(
        [
            weekday_nights(open_ns, tuple(map(float, item.nights)), from_ns=begin, until_ns=end)
            for item, (begin, end) in zip(history.instruments, pairwise(bounds), strict=True)
        ]
    )


def dated_events(
    time_ns: IntArray, symbol: IntArray, histories: Sequence[FactsHistory]
) -> tuple[IntArray, RecordArray]:
    """Return the version of every event, and what is charged before it.

    Parameters
    ----------
    time_ns, symbol : int64, shape (n_events,)
        Open and symbol index of each event.
    histories : sequence of FactsHistory
        By symbol index.

    Returns
    -------
    version : int64, shape (n_events,)
        Row of ``assay.risk.facts.dated_facts``; empty if no facts ever change.
    charges : records of ``CHARGE``
        In the order of events, then of versions; empty if no facts ever change.
    """
    if all(len(history.versions) == 1 for history in histories):
        return np.empty(0, dtype=np.int64), no_charges()
    version = np.empty(len(time_ns), dtype=np.int64)
    found: list[RecordArray] = []
    first = 0
    for s, history in enumerate(histories):
        mine = np.flatnonzero(symbol == s)
        version[mine] = first + versions_at(time_ns[mine], history)
        nights = nights_by_version(time_ns[mine], history)
        which, bar = np.nonzero(nights > 0.0)
        charges = records(CHARGE, len(bar))
        charges.event, charges.version = mine[bar], first + which
        charges.nights = nights[which, bar]
        found.append(charges)
        first += len(history.versions)
    joined = np.concatenate(found).view(np.recarray)
    order = np.lexsort((joined.version, joined.event))
    return version, joined[order].view(np.recarray)


def check_facts(history: FactsHistory, open_ns: IntArray, account_currency: str) -> None:
    """Refuse facts that the engine cannot follow over bars that open at *open_ns*.

    Raises
    ------
    ConfigError
        If swaps were quoted in the currency of another account.
    DataError
        If the size of a contract changes between two bars: what a lot is would change under
        the positions, and brokers convert them each in their own way.
    """
    met = [history.versions[k] for k in np.unique(versions_at(open_ns, history))]
    for version in met:
        item = version.instrument
        is_money = item.swap_mode is SwapMode.ACCOUNT or (
            item.margin_tiers and item.margin_basis is MarginBasis.NOTIONAL
        )
        if is_money and item.account_currency not in ("", account_currency):
            raise ConfigError(
                f"Swaps and margin bounds of {item.symbol} must be in the currency of the account, "
                f"{account_currency}; were quoted for an account in {item.account_currency}.",
                remedy="Set account.currency to it, or import one from such an account.",
                key="account.currency",
            )
    for before, after in pairwise(met):
        sizes = before.instrument.contract_size, after.instrument.contract_size
        if sizes[0] != sizes[1]:
            day = iso_utc(after.valid_from_ns)
            raise DataError(
                f"One lot of {history.symbol} must be the same over a whole run; it is "
                f"{sizes[0]} until {day} and {sizes[1]} from then on.",
                remedy=f"Set market.end or market.start to {day[:10]}, and run each side alone.",
                symbol=history.symbol,
            )


@kernel
def without_nights(bar: Event) -> Event:
    """Return *bar* with no night to charge."""
    return Event(
        bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close,
        bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close,
        bar.volatility, bar.volatility_next, bar.conversion, 0.0,
    )  # fmt: skip


@kernel
def begin_event(
    event: int, symbol: int, bar: Event, version: int, c: int, dated: Dated,
    positions: RecordArray, facts: RecordArray, rules: Any, account: Any,
) -> int:  # fmt: skip
    """Charge each version's nights before *event*, then let its own version hold.

    *c* is the first charge that may be of this event; returns the first that is of a later one.
    """
    position = positions[symbol]
    position.conversion = bar.conversion
    charges, versions = dated.charges, dated.versions
    while c < charges.shape[0] and charges[c].event <= event:
        if charges[c].event == event:
            charge_swap(charges[c].nights, position, versions[charges[c].version], rules, account)
        c += 1
    facts[symbol] = versions[version]
    return c
