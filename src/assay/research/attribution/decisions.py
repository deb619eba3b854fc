"""Every decision of a run as one table: what was said, what was answered, what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.attribution.part import Part
from assay.research.attribution.split import Split, Told
from assay.research.benchmarks import Market
from assay.research.result import StrategyResult

Column = NDArray[Any]
FINE = 1e-5
"""Unit of leans and log-odds in a table of decisions."""

VIEW_COLUMNS = ("direction", "score", "conviction", "p_lower", "payoff", "loss", "unit")
ANSWER_COLUMNS = (
    "side",
    "held_lots",
    "bars_held",
    "leaves",
    "refused",
    "lots",
    "equity",
    "n_others",
    "margin_level",
    "price",
    "distance",
    "stake",
    "risk",
    "volatility",
    "symbol",
    "exposure",
    "margin",
    "lot_min",
    "lot_max",
)
"""As in ``assay.engine.answers.ANSWER``."""

COARSE = frozenset(
    {"conviction", "p", "p_lower", "payoff", "loss", "unit", "margin_level"}
    | {"stake", "risk", "volatility", "symbol", "exposure", "margin"}
)
"""Columns of six significant digits: what a reader is shown."""

SMALL = {
    "direction": np.int8,
    "side": np.int8,
    "leaves": np.int8,
    "refused": np.int8,
    "n_others": np.int16,
    "bars_held": np.int32,
    "opens": np.int32,
    "trade": np.int32,
    "rule": np.int16,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decisions:
    """The decisions of one strategy; every array has one row per event.

    Attributes
    ----------
    strategy : str
    known_ns : int64
        When each decision was made: the close of its bar, UTC nanoseconds.
    market : tuple of str
        Names of the symbols.
    of_market : int16
        Index into *market*.
    sources : tuple of Part
    log_odds, lean : int32, shape (n_events, n_sources)
        As in ``Voices``, in units of ``FINE``: whole numbers, small on disk.
    columns : mapping of str to array
        ``mid`` price at the close; ``p`` as in ``Voices``; the view (``VIEW_COLUMNS``); the
        answer (``ANSWER_COLUMNS``); ``opens``, the number of the trade that an entry decided here
        led to, and ``trade``, that of the trade that was open, 0: none; ``rule``, which of
        *rules* held.
    rules : tuple of mapping
        Settings that decide, by section and name.
    """

    strategy: str
    known_ns: IntArray
    market: tuple[str, ...]
    of_market: Column
    sources: tuple[Part, ...]
    log_odds: Column
    lean: Column
    columns: Mapping[str, Column]
    rules: tuple[Mapping[str, Any], ...]

    def __len__(self) -> int:
        return len(self.known_ns)

    def row(self, event: int) -> dict[str, Any]:
        """Return the columns of one event."""
        return {name: column[event].item() for name, column in self.columns.items()}


def decisions_of(result: StrategyResult, market: Market, told: Told, split: Split) -> Decisions:
    """Lay out what was said, answered and done at each event.

    Parameters
    ----------
    result : StrategyResult
    market : Market
    told : Told
        With views and answers.
    split : Split
        Of *result*; it knows when each trade was decided.
    """
    assert told.views is not None and told.answers is not None
    columns = _view_columns(told.views, len(market.tape)) | {"p": told.voices.p}
    columns |= {name: told.answers[name] for name in ANSWER_COLUMNS}
    columns["opens"], columns["trade"] = _trades(result, market, split)
    columns["rule"], rules = _rules(market)
    tape = market.tape
    columns["mid"] = tape.mid_close
    return Decisions(
        strategy=result.name,
        known_ns=tape.known_ns,
        market=tape.symbols,
        of_market=tape.symbol.astype(np.int16),
        sources=told.voices.sources,
        log_odds=_fine(told.voices.log_odds),
        lean=_fine(told.voices.lean),
        columns={name: _narrow(name, column) for name, column in sorted(columns.items())},
        rules=rules,
    )


def _view_columns(views: Views, n_events: int) -> dict[str, Column]:
    fields = {"conviction": "confidence", "p_lower": "p_win"}
    return {
        name: np.broadcast_to(getattr(views, fields.get(name, name)), n_events)
        for name in VIEW_COLUMNS
    }


def _trades(result: StrategyResult, market: Market, split: Split) -> tuple[IntArray, IntArray]:
    """Return the number of the trade that each event opens, and of the one open at its close."""
    opens, held = (np.zeros(len(market.tape), np.int64) for _ in range(2))
    for number, trade in enumerate(result.trades, start=1):
        if split.decided[number - 1] >= 0:
            opens[split.decided[number - 1]] = number
        span = slice(int(trade["entry_event"]), int(trade["exit_event"]))
        held[span][market.tape.symbol[span] == trade["symbol"]] = number
    return opens, held


def _rules(market: Market) -> tuple[IntArray, tuple[Mapping[str, Any], ...]]:
    """Return which settings held at each event, and those that decide."""
    which = np.zeros(len(market.tape), np.int64)
    every = [market.settings]
    for number, change in enumerate(market.changes, start=1):
        which[change.event :] = number
        every.append(change.settings)
    sections = ("account", "fusion", "risk", "exits")
    return which, tuple(
        settings.model_dump(mode="json", include=set(sections)) for settings in every
    )


def _fine(values: FloatArray) -> Column:
    return np.round(values / FINE).astype(np.int32)


def _narrow(name: str, column: Column) -> Column:
    if name in SMALL:
        return column.astype(SMALL[name])
    if name in COARSE:
        return six_digits(column)
    return np.ascontiguousarray(column, dtype=np.float64)


def six_digits(values: Column) -> Column:
    """Return values rounded to six significant digits, float32.

    Examples
    --------
    >>> six_digits(np.array([1234567.0, 0.0])).tolist()
    [1234570.0, 0.0]
    """
    size = np.abs(values)
    known = np.isfinite(size) & (size > 0.0)
    unit = 10.0 ** (np.floor(np.log10(np.where(known, size, 1.0))) - 5.0)
    return np.where(known, np.round(values / unit) * unit, values).astype(np.float32)
