"""Contract facts of instruments, in the form that kernels read."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.domain.instrument import (
    MARGIN_TIERS_MAX,
    Instrument,
    MarginBasis,
    Session,
    SwapMode,
)
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import IntArray

RecordArray = np.recarray[Any, np.dtype[np.record]]
"""A structured array whose elements give their fields as attributes, compiled or not."""

FACTS = np.dtype(
    [
        ("tick_size", "f8"),
        ("point", "f8"),
        ("contract", "f8"),
        ("lot_step", "f8"),
        ("lot_min", "f8"),
        ("lot_max", "f8"),
        ("margin_fraction", "f8"),
        ("commission_per_lot", "f8"),
        ("swap_long", "f8"),
        ("swap_short", "f8"),
        ("swap_mode", "i8"),
        ("stop_level", "f8"),
        ("bars_per_year", "f8"),
        ("margin_fraction_max", "f8"),
        ("n_tiers", "i8"),
        ("tiers_count_lots", "i8"),
        ("tier_up_to", "f8", (MARGIN_TIERS_MAX,)),
        ("tier_fraction", "f8", (MARGIN_TIERS_MAX,)),
    ]
)
"""One instrument: prices in quote currency, sizes in lots, ``stop_level`` in price units."""

SWAP_MODES = {mode: code for code, mode in enumerate(SwapMode)}
"""Code of each swap mode; 0 is points, 1 per cent of the mark."""

DAYS_PER_WEEK = 7.0
DAYS_PER_YEAR = 365.25
MINUTES_PER_DAY = 1440
TRADING_DAYS_PER_WEEK = 5


def bars_per_year(timeframe: Timeframe, sessions: Sequence[Session]) -> float:
    """Return how many bars of *timeframe* a year of *sessions* has.

    Known from the calendar alone, so that no future bar has a part in any size.

    Examples
    --------
    >>> round(bars_per_year(Timeframe.D1, (Session(open_minute=0, close_minute=7200),)), 1)
    260.9
    """
    weeks = DAYS_PER_YEAR / DAYS_PER_WEEK
    if timeframe is Timeframe.W1:
        return weeks
    if timeframe is Timeframe.MN1:
        return 12.0
    minutes = timeframe.value // 60
    lengths = [session.close_minute - session.open_minute for session in sessions]
    if not lengths:
        lengths = [TRADING_DAYS_PER_WEEK * MINUTES_PER_DAY]
    n_bars: int = sum(ceil(length / minutes) for length in lengths)
    return weeks * n_bars


def contract_facts(instruments: Sequence[Instrument], timeframe: Timeframe) -> RecordArray:
    """Return one ``FACTS`` record per instrument, in their order, shape (n_symbols,)."""
    facts = np.zeros(len(instruments), dtype=FACTS).view(np.recarray)
    for record, instrument in zip(facts, instruments, strict=True):
        record.tick_size = float(instrument.tick_size)
        record.point = float(instrument.point)
        record.contract = float(instrument.contract_size)
        record.lot_step = float(instrument.lot_step)
        record.lot_min = float(instrument.lot_min)
        record.lot_max = float(instrument.lot_max)
        record.margin_fraction = float(instrument.margin_fraction)
        record.commission_per_lot = float(instrument.commission_per_lot)
        record.swap_long = float(instrument.swap_long)
        record.swap_short = float(instrument.swap_short)
        record.swap_mode = SWAP_MODES[instrument.swap_mode]
        record.stop_level = float(instrument.stop_level_points * instrument.point)
        record.bars_per_year = bars_per_year(timeframe, instrument.sessions)
        tiers = instrument.margin_tiers
        record.n_tiers = len(tiers)
        record.tiers_count_lots = instrument.margin_basis is MarginBasis.LOTS
        for k, tier in enumerate(tiers):
            record.tier_up_to[k] = float(tier.up_to)
            record.tier_fraction[k] = float(tier.fraction)
        fractions = [tier.fraction for tier in tiers] or [instrument.margin_fraction]
        record.margin_fraction_max = float(max(fractions))
    return facts


def dated_facts(
    histories: Sequence[ContractFacts], timeframe: Timeframe
) -> tuple[RecordArray, IntArray]:
    """Return the facts of every version of every symbol, and where each symbol's begin.

    Returns
    -------
    versions : records of ``FACTS``, shape (n_versions,)
        Those of the first symbol, oldest first, then those of the second, and so on.
    first : int64, shape (n_symbols,)
        Index of each symbol's first version.
    """
    parts = [FactsHistory.of(item).instruments for item in histories]
    sizes = [len(part) for part in parts]
    first = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    return contract_facts([item for part in parts for item in part], timeframe), first


def versions_at(time_ns: IntArray, history: FactsHistory) -> IntArray:
    """Return the index of the version that holds at each time, int64, shape of *time_ns*."""
    starts = np.array(history.starts_ns, dtype=np.int64)
    return np.searchsorted(starts, time_ns, side="right").astype(np.int64)
