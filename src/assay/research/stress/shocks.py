"""Days that broke accounts: what the strategy did on those it lived through, and what if."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np

from assay.domain.fill import ExitReason
from assay.domain.time import NS_PER_DAY, utc_ns
from assay.engine import market as columns
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray
from assay.research.benchmarks import Market, as_result
from assay.research.daily import daily_returns
from assay.research.drawdown import drawdown_max
from assay.research.result import StrategyResult
from assay.research.stress.exposure import exposures
from assay.research.stress.historic import SHOCKS, HistoricShock
from assay.research.stress.scene import PATH, Scene, real_market

METALS = ("XAU", "XAG")
GAP_DAYS_MAX = 5.0
"""A longer silence of the data inside a window counts as days that are not there."""
DAY_SECONDS = 86_400
SEEN_MIN = 0.5
"""Bars that move by less than this share of a market's known move do not show the shock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A shock that the record holds.

    Attributes
    ----------
    result, worst_day, fall : float
        Over the window; of one day in it; largest fall from a peak in it. Fractions of equity.
    market : float
        Largest move of the first symbol inside 24 hours of trading, from extreme to extreme.
    n_trades : int
        Entered or left in the window.
    """

    name: str
    title: str
    told: str
    first: str
    last: str
    result: float
    worst_day: float
    fall: float
    market: float
    n_trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transplanted:
    """A shock's move at the worst moment of the record.

    Attributes
    ----------
    of : str
        The market whose move it is.
    move : float
        Of the traded market, against the position; at one instant, so that every stop is jumped.
    loss : float
        Of the equity before it, at the first close after it; a fraction.
    equity_after : float
        Over the start balance, at that close.
    is_stopped_out : bool
        The broker closed a position in the bar of the gap.
    """

    name: str
    title: str
    told: str
    of: str
    move: float
    loss: float
    equity_after: float
    is_stopped_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """The moment at which a gap would have hurt most.

    Attributes
    ----------
    event : int
        Last event before the gap.
    symbol : int
    side : int
    exposure : float
        Notional of the position over equity.
    day : str
    """

    event: int
    symbol: int
    side: int
    exposure: float
    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shocks:
    """What history, and history moved elsewhere, did to the strategy."""

    lived: tuple[Lived, ...]
    absent: tuple[str, ...]
    transplanted: tuple[Transplanted, ...]
    exposed: Exposed | None


def shocks_of(scene: Scene, base: StrategyResult) -> Shocks:
    """Replay the shocks that the record holds, and transplant the others' moves."""
    market = real_market(scene, scene.settings, scene.history.instruments)
    found = {shock.name: lived_through(shock, base, market) for shock in SHOCKS}
    if not _is_of_this_world(found, base, market):
        found |= {shock.name: None for shock in SHOCKS if base.symbols[0] not in shock.moves}
    exposed = most_exposed(base, market)
    transplanted: list[Transplanted] = []
    if exposed is not None:
        symbol = base.symbols[exposed.symbol]
        for shock in SHOCKS:
            of = _standing_for(symbol, shock)
            if found[shock.name] is None and of is not None:
                transplanted.append(transplant(shock, of, scene, base, market, exposed))
    return Shocks(
        lived=tuple(item for item in found.values() if item is not None),
        absent=tuple(name for name, item in found.items() if item is None),
        transplanted=tuple(transplanted),
        exposed=exposed,
    )


def _is_of_this_world(
    found: Mapping[str, Lived | None], base: StrategyResult, market: Market
) -> bool:
    """Whether the record shows every known move whose days it has; a simulated one does not."""
    return all(
        found[shock.name] is not None
        for shock in SHOCKS
        if base.symbols[0] in shock.moves and _window(shock, market) is not None
    )


def _standing_for(symbol: str, shock: HistoricShock) -> str | None:
    """Return whose move to take: its own, else that of its kind; None where neither is known."""
    if symbol in shock.moves:
        return symbol
    is_metal = symbol.startswith(METALS)
    return next((of for of in shock.moves if of.startswith(METALS) == is_metal), None)


def lived_through(shock: HistoricShock, base: StrategyResult, market: Market) -> Lived | None:
    """Return what the strategy did in the window of *shock*; None if the record lacks it.

    It lacks it too if its bars do not show the known move of their market, as those of a
    simulated one do not. Where no move of that market is known, its days are enough.
    """
    window = _window(shock, market)
    if window is None:
        return None
    first, stop = window
    tape = market.tape
    move = _move(market, first, stop)
    if abs(move) < SEEN_MIN * abs(shock.moves.get(base.symbols[0], 0.0)):
        return None
    equity = base.equity[first - 1 : stop]
    daily = daily_returns(tape.known_ns[first:stop], equity[1:], float(equity[0]))
    trades = base.trades
    met = (trades["exit_event"] >= first) & (trades["entry_event"] < stop)
    return Lived(
        name=shock.name,
        title=shock.title,
        told=shock.told,
        first=shock.first.isoformat(),
        last=shock.last.isoformat(),
        result=float(equity[-1] / equity[0]) - 1.0,
        worst_day=float(np.min(daily.returns, initial=0.0)),
        fall=drawdown_max(equity),
        market=move,
        n_trades=int(np.sum(met)),
    )


def _window(shock: HistoricShock, market: Market) -> tuple[int, int] | None:
    """Return the first event of the days of *shock* and the one after the last, if all are in."""
    begin, end = _ns(shock.first), _ns(shock.last) + NS_PER_DAY
    known_ns = market.tape.known_ns
    first, stop = (int(i) for i in np.searchsorted(known_ns, (begin, end), side="right"))
    if not 0 < first < stop < len(known_ns):
        return None
    holes = np.diff(known_ns[first - 1 : stop + 1])
    return None if float(holes.max()) > GAP_DAYS_MAX * NS_PER_DAY else (first, stop)


def _ns(day: date) -> int:
    return int(utc_ns(datetime(day.year, day.month, day.day, tzinfo=UTC)))


def _move(market: Market, first: int, stop: int) -> float:
    """Return the first symbol's largest move in a day of trading, signed, between two events."""
    tape = market.tape
    mine = first + np.flatnonzero(tape.symbol[first:stop] == 0)
    high, low = tape.market[columns.BID_HIGH, mine], tape.market[columns.BID_LOW, mine]
    n_bars, largest = max(1, round(DAY_SECONDS / tape.timeframe.value)), 0.0
    for i in range(len(mine)):
        until = i + n_bars
        rise = float(np.max(high[i:until])) / float(low[i]) - 1.0
        fall = float(np.min(low[i:until])) / float(high[i]) - 1.0
        largest = max((largest, rise, fall), key=abs)
    return largest


def most_exposed(base: StrategyResult, market: Market) -> Exposed | None:
    """Return the bar over whose close the largest position, by notional over equity, was held."""
    exposure = exposures(base, market)
    if not len(exposure) or not np.any(exposure != 0.0):
        return None
    event = int(np.argmax(np.abs(exposure)))
    return Exposed(
        event=event,
        symbol=int(market.tape.symbol[event]),
        side=int(np.sign(exposure[event])),
        exposure=float(abs(exposure[event])),
        day=str(np.datetime64(int(market.tape.known_ns[event]), "ns").astype("datetime64[D]")),
    )


def transplant(
    shock: HistoricShock,
    of: str,
    scene: Scene,
    base: StrategyResult,
    market: Market,
    exposed: Exposed,
) -> Transplanted:
    """Return what the move of *shock* does at the most exposed moment, as one gap.

    Every price of the symbol after that moment is shifted by the same factor, in the direction
    that hurts, and the rest of the record is traded as decided. The engine fills stops at the
    first price after the gap, and the broker closes what has no margin left.
    """
    move = -exposed.side * abs(shock.moves[of])
    shifted, views = gapped(market, scene.views, exposed, 1.0 + move)
    run = as_result(PATH, shifted.trade(views), shifted)
    later = np.flatnonzero(market.tape.symbol[exposed.event + 1 :] == exposed.symbol)
    at = min(exposed.event + 1 + (int(later[0]) if len(later) else 0), len(run.equity) - 1)
    stopped = (run.trades["reason"] == ExitReason.STOP_OUT) & (run.trades["exit_event"] == at)
    before = float(base.equity[exposed.event])
    return Transplanted(
        name=shock.name,
        title=shock.title,
        told=shock.told,
        of=of,
        move=move,
        loss=1.0 - float(run.equity[at]) / before,
        equity_after=float(run.equity[at]) / base.start_balance,
        is_stopped_out=bool(np.any(stopped)),
    )


def gapped(market: Market, views: Views, exposed: Exposed, factor: float) -> tuple[Market, Views]:
    """Return the market with all later prices of the exposed symbol times *factor*, and views."""
    tape = market.tape
    later = (np.arange(len(tape)) > exposed.event) & (tape.symbol == exposed.symbol)
    quotes = tape.market.copy()
    quotes[: columns.N_QUOTES, later] *= factor
    shifted = replace(
        tape,
        market=quotes,
        finer=np.empty((columns.N_QUOTES, 0)),
        finer_range=np.empty((2, 0), np.int64),
    )
    scale = np.where(later, factor, 1.0)
    moved = replace(views, loss=_times(views.loss, scale), unit=_times(views.unit, scale))
    return replace(market, tape=shifted, atr=market.atr * scale), moved


def _times(column: FloatArray, scale: FloatArray) -> FloatArray:
    return np.ascontiguousarray(np.broadcast_to(column, scale.shape) * scale)
