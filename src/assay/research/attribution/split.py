"""A trade's net profit as a sum of parts: who said so, what was made of it, what it cost."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.attribution.part import AFTER_SIGNALS, RULE, Part
from assay.research.attribution.reference import Reference, SymbolBars, reference_of
from assay.research.attribution.round_trip import RoundTrips, round_trips
from assay.research.attribution.sharing import bar_shares
from assay.research.attribution.voices import Voices
from assay.research.benchmarks import Market
from assay.research.fill_prices import FillPrices, fill_prices
from assay.research.result import StrategyResult
from assay.risk.facts import dated_facts
from assay.risk.sizing import Limits

ROUNDING = 1e-10
"""Of the sum of the sizes of a trade's parts; a larger gap is an error and stays to be seen."""

BARS_PER_CHUNK = 100_000
"""Bars whose shares are in memory at once."""
HOLDING, TIMING, EXITS, SIZING, REGIME, SPREAD, SLIPPAGE, COMMISSION, SWAP = range(
    len(AFTER_SIGNALS)
)
SIZED_BY = ("reference", *Limits._fields, "lot_max")
"""What a size may have been bound by; ``reference`` where no size was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """The trades of one strategy, taken apart; arrays have one row per trade.

    Attributes
    ----------
    parts : tuple of Part
        The sources of the strategy, then ``AFTER_SIGNALS``.
    amounts : float64, shape (n_trades, n_parts)
        Account currency; rows sum to the trades' net profit.
    reference_lots : float64
        Size at the usual risk of the strategy.
    reference_risk : float
        Usual risk at the stop, as a share of the equity; NaN without a stop.
    sized_by : int64
        Index into ``SIZED_BY``.
    decided : int64
        Event on the tape at whose close the entry was decided; -1 for orders that somebody
        asked for.
    held_until : int64
        Event at whose close the sources would have left; -1 like *decided*.
    gap : float
        Largest distance of a row's sum from the net profit before rounding was made up for, over
        the sum of the sizes of its parts.
    """

    parts: tuple[Part, ...]
    amounts: FloatArray
    reference_lots: FloatArray
    reference_risk: float
    sized_by: IntArray
    decided: IntArray
    held_until: IntArray
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What a strategy was told at each event, and what it answered.

    Attributes
    ----------
    voices : Voices
    views : Views or None
        None: nothing is known of when it would have left, and its exits are its own.
    answers : records of ``assay.engine.answers.ANSWER``, or None
        None: nothing is known of what bound its sizes.
    """

    voices: Voices
    views: Views | None
    answers: NDArray[Any] | None


def split_trades(result: StrategyResult, market: Market, told: Told) -> Split:
    """Take every closed trade of *result* apart.

    Notes
    -----
    ``docs/attribution.md`` states the method, its axioms and its limits. Rows sum to the net
    profit: what rounding leaves is added to the largest part of its row.
    """
    trades, fills = result.trades, result.fills
    n_trades = len(trades)
    if told.views is not None and not np.isfinite(trades["score"]).all():
        told = replace(told, voices=told.voices.with_rule())
    prices = fill_prices(fills, market.tape, market.settings.costs, market.instruments)
    trips = round_trips(trades, fills, prices)
    decided, held_until, signal = _signals(trades, trips, prices, market, told)
    lots, usual = _reference_lots(trades, result.equity, decided)
    scale = np.divide(lots, trades["lots"], out=np.ones(n_trades), where=trades["lots"] > 0.0)
    after = np.zeros((n_trades, len(AFTER_SIGNALS)))
    after[:, HOLDING] = lots * signal.holding
    after[:, TIMING] = lots * signal.timing
    after[:, EXITS] = scale * trips.move - lots * signal.reference
    sized_by = _sized_by(told, trades["symbol"], decided, market)
    sized = (1.0 - scale) * trips.move
    by_volatility = sized_by == SIZED_BY.index("volatility")
    after[:, SIZING] = np.where(by_volatility, 0.0, sized)
    after[:, REGIME] = np.where(by_volatility, sized, 0.0)
    after[:, SPREAD] = -trips.spread
    after[:, SLIPPAGE] = -trips.slippage
    after[:, COMMISSION] = -trades["commission"]
    after[:, SWAP] = trades["swap"]
    amounts = np.concatenate((lots[:, None] * signal.sources, after), axis=1)
    gap = _close(amounts, np.asarray(trades["net"], dtype=np.float64))
    return Split(
        parts=(*told.voices.sources, *AFTER_SIGNALS),
        amounts=amounts,
        reference_lots=lots,
        reference_risk=usual,
        sized_by=sized_by,
        decided=decided,
        held_until=held_until,
        gap=gap,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Signals:
    """What one lot made; arrays have one row per trade, account currency.

    ``sources`` and ``holding`` own the bars from the decision to that of leaving, ``timing`` what
    passed between a decision and its fill; ``reference`` is the move between the two fills. The
    first three sum to the last.
    """

    sources: FloatArray
    holding: FloatArray
    timing: FloatArray
    reference: FloatArray


def _signals(
    trades: NDArray[Any], trips: RoundTrips, prices: FillPrices, market: Market, told: Told
) -> tuple[IntArray, IntArray, _Signals]:
    """Return when each trade was decided and would have ended, and what one lot made of it."""
    n_trades, n_sources = len(trades), len(told.voices.sources)
    signal = _Signals(
        sources=np.zeros((n_trades, n_sources)),
        holding=np.zeros(n_trades),
        timing=np.zeros(n_trades),
        reference=np.zeros(n_trades),
    )
    decided, held_until = np.full(n_trades, -1), np.full(n_trades, -1)
    by_view = np.isfinite(trades["score"]) if told.views is not None else np.zeros(n_trades, bool)
    tape = market.tape
    facts, first = dated_facts([market.instruments[name] for name in tape.symbols], tape.timeframe)
    for s in range(len(tape.symbols)):
        mine = np.flatnonzero((trades["symbol"] == s) & by_view)
        if not len(mine):
            continue
        bars = SymbolBars.of(tape, s, float(facts["contract"][first[s]]))
        reference = _reference(trades[mine], trips, mine, prices, bars, market, told)
        decided[mine] = bars.event[reference.begin]
        held_until[mine] = bars.event[reference.end]
        _fill_signals(signal, mine, trades["side"][mine], trips, prices, bars, reference, told)
    _fill_rules(signal, np.flatnonzero(~by_view), trades, trips, told)
    return decided, held_until, signal


def _reference(
    trades: NDArray[Any],
    trips: RoundTrips,
    mine: IntArray,
    prices: FillPrices,
    bars: SymbolBars,
    market: Market,
    told: Told,
) -> Reference:
    """Return how trades *mine*, all of one symbol, would have gone on under the views."""
    assert told.views is not None
    following = trips.next_entry[mine]
    places = np.searchsorted(bars.event, prices.event[np.maximum(following, 0)])
    return reference_of(
        bars,
        told.views,
        hold_scores(market, len(market.tape)),
        side=trades["side"],
        entry=np.searchsorted(bars.event, prices.event[trips.entry[mine]]),
        next_entry=np.where(following >= 0, places, len(bars.event)),
    )


def hold_scores(market: Market, n_events: int) -> FloatArray:
    """Return the score below which a position is left, at each event."""
    out = np.full(n_events, market.settings.fusion.hold_score)
    for change in market.changes:
        out[change.event :] = change.settings.fusion.hold_score
    return out


def _fill_signals(
    signal: _Signals,
    mine: IntArray,
    side: IntArray,
    trips: RoundTrips,
    prices: FillPrices,
    bars: SymbolBars,
    reference: Reference,
    told: Told,
) -> None:
    """Write what one lot of trades *mine*, all of one symbol, made bar by bar."""
    entry = prices.mid[trips.entry[mine]]
    worth = side * bars.value[reference.exit_place]
    begin, end = reference.begin, reference.end
    signal.reference[mine] = worth * (reference.exit_mid - entry)
    signal.timing[mine] = worth * (
        bars.close_mid[begin] - entry + reference.exit_mid - bars.close_mid[end]
    )
    n_bars = end - begin
    edges = np.concatenate(([0], np.cumsum(n_bars)))
    start = 0
    while start < len(mine):
        stop = max(
            start + 1, int(np.searchsorted(edges, edges[start] + BARS_PER_CHUNK, side="right")) - 1
        )
        rows = slice(start, stop)
        trade = np.repeat(np.arange(start, stop), n_bars[rows])
        place = begin[trade] + np.arange(len(trade)) - (edges[trade] - edges[start])
        made = worth[trade] * (bars.close_mid[place + 1] - bars.close_mid[place])
        shares = bar_shares(told.voices.lean[bars.event[place]], side[trade].astype(np.float64))
        whole = shares.sum(axis=1)
        cuts = edges[start:stop] - edges[start]
        signal.sources[mine[rows]] = np.add.reduceat(made[:, None] * shares, cuts, axis=0)
        signal.holding[mine[rows]] = np.add.reduceat(np.where(whole == 0.0, made, 0.0), cuts)
        start = stop


def _fill_rules(
    signal: _Signals, rows: IntArray, trades: NDArray[Any], trips: RoundTrips, told: Told
) -> None:
    """Give what trades without a view made between mid prices to the rule that made them."""
    if len(rows):
        per_lot = trips.move[rows] / trades["lots"][rows]
        signal.reference[rows] = per_lot
        signal.sources[rows, told.voices.sources.index(RULE)] = per_lot


def _reference_lots(
    trades: NDArray[Any], equity: FloatArray, decided: IntArray
) -> tuple[FloatArray, float]:
    """Return each trade's size at the usual risk, and that risk as a share of the equity."""
    lots = np.asarray(trades["lots"], dtype=np.float64).copy()
    known = np.flatnonzero((decided >= 0) & (trades["risk"] > 0.0))
    worth = equity[decided[known]]
    known, worth = known[worth > 0.0], worth[worth > 0.0]
    if not len(known):
        return lots, float("nan")
    risk = trades["risk"][known]
    usual = float(np.mean(risk / worth))
    lots[known] *= usual * worth / risk
    return lots, usual


def _sized_by(told: Told, symbol: IntArray, decided: IntArray, market: Market) -> IntArray:
    """Return which limit bound each trade's size, an index into ``SIZED_BY``."""
    bound = np.zeros(len(decided), np.int64)
    if told.answers is None:
        return bound
    known = np.flatnonzero(decided >= 0)
    answers = told.answers[decided[known]]
    allowed = [answers[name] for name in Limits._fields]
    bound[known] = 1 + np.argmin(np.column_stack((*allowed, answers["lot_max"])), axis=1)
    return bound


def _close(amounts: FloatArray, net: FloatArray) -> float:
    """Make rows sum to *net* where only rounding is in the way, and return how much there was.

    What rounding leaves goes to the largest part of its row. A row that is further off stays
    as it is: an error must show.
    """
    if not len(net):
        return 0.0
    rows, size = np.arange(len(net)), np.maximum(np.abs(amounts).sum(axis=1), 1e-300)
    gap = np.abs(net - amounts.sum(axis=1)) / size
    largest = np.argmax(np.abs(amounts), axis=1)
    for _ in range(2):
        rest = net - amounts.sum(axis=1)
        amounts[rows, largest] += np.where(gap <= ROUNDING, rest, 0.0)
    return float(gap.max())
