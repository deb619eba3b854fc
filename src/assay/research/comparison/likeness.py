"""How alike compared strategies are: their returns, their days, their trades."""

from dataclasses import dataclass

import numpy as np

from assay.domain.time import NS_PER_HOUR
from assay.kernels.compiler import BoolArray, FloatArray, IntArray
from assay.research.comparison.entrant import Entrant, TradeSpans


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What two strategies did together; shares are NaN where neither did anything.

    Attributes
    ----------
    days : float
        Shared days over the days that either has, [0, 1].
    holding : float
        Time both held the same side of the same symbol, over the time either held it, [0, 1].
    against : float
        Time they held opposite sides of a symbol, over the time either held it, [0, 1].
    entries : float
        Trades that both entered at the same moment on the same side, over the trades that either
        entered, [0, 1].
    """

    days: float
    holding: float
    against: float
    entries: float


def correlations(returns: FloatArray) -> FloatArray:
    """Return the correlation of daily returns, shape (k, k); NaN where a strategy never moved."""
    moves = np.ptp(returns, axis=0) > 0.0
    k = returns.shape[1]
    found = np.full((k, k), np.nan)
    if np.any(moves):
        inner = np.atleast_2d(np.corrcoef(returns[:, moves], rowvar=False))
        found[np.ix_(moves, moves)] = np.clip(inner, -1.0, 1.0)
    found[moves, moves] = 1.0
    return found


def overlap(one: Entrant, other: Entrant) -> Overlap:
    """Return how much of their days, positions and entries two strategies share."""
    both = len(np.intersect1d(one.day, other.day))
    either = len(one.day) + len(other.day) - both
    same, opposite, union = _held_together(one.trades, other.trades)
    mine, theirs = _entries(one.trades), _entries(other.trades)
    together = len(mine & theirs)
    entered = len(mine) + len(theirs) - together
    return Overlap(
        days=_share(both, either),
        holding=_share(same, union),
        against=_share(opposite, union),
        entries=_share(together, entered),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _entries(trades: TradeSpans) -> set[tuple[int, str, int]]:
    return set(
        zip(trades.entry_ns.tolist(), trades.symbol.tolist(), trades.side.tolist(), strict=True)
    )


def _held_together(one: TradeSpans, other: TradeSpans) -> tuple[float, float, float]:
    """Return hours on the same side, on opposite sides, and in which anybody held, by symbol."""
    same = opposite = union = 0.0
    for symbol in sorted(set(one.symbol.tolist()) | set(other.symbol.tolist())):
        spans = {
            (who, side): _of(trades, symbol, side)
            for who, trades in enumerate((one, other))
            for side in (1, -1)
        }
        edges = np.unique(np.concatenate([edge for pair in spans.values() for edge in pair]))
        if not len(edges):
            continue
        hours = np.diff(edges) / NS_PER_HOUR
        held = {key: _holds(pair, edges[:-1]) for key, pair in spans.items()}
        long_both, short_both = held[0, 1] & held[1, 1], held[0, -1] & held[1, -1]
        crossed = (held[0, 1] & held[1, -1]) | (held[0, -1] & held[1, 1])
        union += float(np.sum(hours[np.any(list(held.values()), axis=0)]))
        same += float(np.sum(hours[long_both | short_both]))
        opposite += float(np.sum(hours[crossed]))
    return same, opposite, union


def _of(trades: TradeSpans, symbol: str, side: int) -> tuple[IntArray, IntArray]:
    """Return entries and exits of one symbol and side, each sorted."""
    mine = (trades.symbol == symbol) & (trades.side == side) & (trades.exit_ns > trades.entry_ns)
    return np.sort(trades.entry_ns[mine]), np.sort(trades.exit_ns[mine])


def _holds(spans: tuple[IntArray, IntArray], at_ns: IntArray) -> BoolArray:
    """Return at which moments a position is open: more were entered than left by then."""
    entries, exits = spans
    begun = np.searchsorted(entries, at_ns, side="right")
    ended = np.searchsorted(exits, at_ns, side="right")
    held: BoolArray = begun > ended
    return held
