"""The stages of Assay that look at the market alone: from quotes to votes, labels and orders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from assay.data.spread import SpreadOfWeek
from assay.engine import market as places
from assay.kernels.compiler import FloatArray, IntArray
from assay.regimes import volatility
from assay.research.dataset import SymbolData, atr_name
from assay.research.leaks.comparing import checksum
from assay.research.leaks.evidence import Check
from assay.research.leaks.orders import (
    AT_CLOSE,
    AT_OPEN,
    event_rows,
    open_rows,
    peeking,
    traded,
    voted,
)
from assay.research.leaks.planted import Plant
from assay.research.leaks.scene import Array, Columns, Rows, Scene, bars_of
from assay.research.leaks.stages import Change, PartStage, SeriesStage
from assay.signals.votes import VOTES

WHOLE_BARS: tuple[Check, ...] = ("truncate", "shift")
"""A tape refuses bars that are none, so poison never reaches it."""

_AT_OPEN = {
    "volatility": places.VOLATILITY,
    "conversion": places.CONVERSION,
    "nights": places.NIGHTS,
}
_CONVERSION = (
    "Let no event read a rate that became known after its open; begin the history where the "
    "pair begins."
)
_LABELS = "Let a label end at the last bar that it reads."
_ORDERS = "Let an order of bar i be made from what was known at its close."

Builder = Callable[[Scene], list[SeriesStage]]


def market_stages(scene: Scene) -> list[SeriesStage]:
    """Return every stage between the bars and the orders that has nothing to learn.

    Notes
    -----
    The list is ``BUILDERS``: what joins the pipeline (patterns, news, other regimes) joins it
    with a function from the scene to its stages.
    """
    return [stage for build in BUILDERS for stage in build(scene)]


def _each(
    scene: Scene, name: str, compute: Callable[..., Columns], *, remedy: str = ""
) -> list[SeriesStage]:
    """Return one stage per symbol; its symbol is named where there are several."""
    symbols = tuple(scene.history.bars)
    return [
        SeriesStage(
            name=name if len(symbols) == 1 else f"{name}, {symbol}",
            compute=partial(compute, symbol),
            rows=bars_of(symbol),
            remedy=remedy,
        )
        for symbol in symbols
    ]


def _spread_stages(scene: Scene) -> list[SeriesStage]:
    def quotes(symbol: str, at: Scene) -> Columns:
        bars = at.quoted[symbol]
        names = ("spread", "ask_open", "ask_high", "ask_low", "ask_close")
        return {name: getattr(bars, name) for name in names}

    return _each(scene, "spread", quotes, remedy="Fill a missing spread from earlier bars only.")


def _conversion_stages(scene: Scene) -> list[SeriesStage]:
    def rates(symbol: str, at: Scene) -> Columns:
        return {"rate": at.rates[symbol]}

    def opens(symbol: str) -> Callable[[Scene], Rows]:
        return lambda at: replace(Rows.at_open(at.quoted[symbol]), first=at.skipped(symbol))

    return [
        replace(stage, rows=opens(symbol), checks=WHOLE_BARS)
        for symbol, stage in zip(
            scene.history.bars,
            _each(scene, "conversion", rates, remedy=_CONVERSION),
            strict=True,
        )
        if len(np.unique(stage.compute(scene)["rate"])) > 1
    ]


def _feature_stages(scene: Scene) -> list[SeriesStage]:
    names = scene.dataset.names
    own = tuple(k for k, name in enumerate(names) if "@" not in name)
    longer = tuple(k for k, name in enumerate(names) if "@" in name)
    atr = atr_name(scene.settings)

    def table(symbol: str, at: Scene, *, which: str, chosen: Sequence[int]) -> Columns:
        there = {name: k for k, name in enumerate(at.dataset.names)}
        values = getattr(at.dataset.data[symbol], which)
        if at.dataset.names == names:
            picked = values[:, list(chosen)] if len(chosen) < len(names) else values
        else:  # a column may be missing in a shorter history
            lacking = np.full((len(values), 1), np.nan)
            padded = np.concatenate((values, lacking), axis=1)
            picked = padded[:, [there.get(names[k], -1) for k in chosen]]
        return {tuple(names[k] for k in chosen): np.ascontiguousarray(picked)}

    def features(symbol: str, at: Scene) -> Columns:
        unit = at.dataset.data[symbol].atr
        return {**table(symbol, at, which="x", chosen=own), f"{atr} (unit of the stops)": unit}

    stages = _each(scene, "features", features)
    if longer:
        stages += _each(scene, "joined timeframes", partial(table, which="x", chosen=longer))
    everything = range(len(names))
    stages += _each(scene, "mirrored features", partial(table, which="mirror_x", chosen=everything))
    return stages


def _vote_stages(scene: Scene) -> list[SeriesStage]:
    def votes(symbol: str, at: Scene) -> Columns:
        return {VOTES: at.dataset.data[symbol].votes}

    return _each(scene, "votes", votes)


def _label_stages(scene: Scene) -> list[SeriesStage]:
    horizon = scene.settings.labels.horizon_bars

    def labels(symbol: str, at: Scene) -> Columns:
        found = at.dataset.data[symbol].labels
        return {"side": found.side, "move": found.move, "end": found.end}

    def terms(symbol: str, at: Scene) -> Columns:
        found = at.dataset.data[symbol].labels
        names = ("barrier", "cost", "volatility", "carry_long", "carry_short")
        return {name: getattr(found, name) for name in names}

    def rows(symbol: str) -> Callable[[Scene], Rows]:
        return lambda at: replace(
            _label_rows(at.dataset.data[symbol], horizon), first=at.skipped(symbol)
        )

    ended = _each(scene, "labels", labels, remedy=_LABELS)
    ended = [
        replace(stage, rows=rows(symbol))
        for stage, symbol in zip(ended, scene.history.bars, strict=True)
    ]
    return ended + _each(scene, "label terms", terms)


def _label_rows(item: SymbolData, horizon: int) -> Rows:
    """Return when each label is known: at the end that it declares."""
    known, end = item.known_ns, item.labels.end
    has_label = end >= 0
    settled = np.full(len(known), -1, np.int64)
    settled[: max(0, len(known) - horizon)] = known[horizon:]
    return Rows(
        time_ns=item.bars.time_ns,
        known_ns=np.where(has_label, known[end], -1),
        settled_ns=np.where(has_label, settled, -1),
    )


def _regime_stages(scene: Scene) -> list[SeriesStage]:
    def regimes(symbol: str, at: Scene) -> Columns:
        return {"regime": volatility.volatility_regimes(at.quoted[symbol])}

    return _each(scene, "regimes", regimes)


def _tape_stages(scene: Scene) -> list[SeriesStage]:
    def closes(at: Scene) -> Columns:
        return {"volatility_next": at.tape.market[places.VOLATILITY_NEXT]}

    def opens(at: Scene) -> Columns:
        return {name: at.tape.market[row] for name, row in _AT_OPEN.items()}

    return [
        SeriesStage(name="events", compute=closes, rows=event_rows, checks=WHOLE_BARS),
        SeriesStage(name="opens of events", compute=opens, rows=open_rows, checks=WHOLE_BARS),
        *order_stages("the votes", "always in the market, on the side of the mean vote", _orders),
    ]


def _orders(at: Scene) -> Columns:
    return at.once("orders of the votes", lambda: traded(at, voted(at)))


def order_stages(
    what: str, note: str, orders: Callable[[Scene], Columns], opinions: tuple[str, ...] = ()
) -> list[SeriesStage]:
    """Return the stages of the orders that *what* leads to: their fills, and their entries.

    Orders that fill at an open are compared there: the rest of that bar must not matter.
    """
    return [
        SeriesStage(
            name=f"orders of {what}",
            compute=lambda at: {name: orders(at)[name] for name in (*AT_CLOSE, *opinions)},
            rows=event_rows,
            checks=WHOLE_BARS,
            remedy=_ORDERS,
            note=note,
        ),
        SeriesStage(
            name=f"entries of {what}",
            compute=lambda at: {name: orders(at)[name] for name in AT_OPEN},
            rows=open_rows,
            checks=("shift",),
            remedy=_ORDERS,
            note="market orders, at the open that fills them",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Dearer:
    """The week's spread of another series, had it been counted otherwise."""

    week: SpreadOfWeek

    @property
    def series(self) -> str:
        """The series that was counted."""
        return self.week.series

    @property
    def rows(self) -> int:
        """Rows counted."""
        return self.week.rows

    def expected(self, time_ns: IntArray) -> FloatArray:
        """Return twice the mean spread at these times of the week."""
        return 2.0 * self.week.expected(time_ns)


def week_stages(scene: Scene) -> list[PartStage]:
    """Return what may read a spread that another series shows: costs, and no forecast.

    It may have been counted over later bars, so no input of a forecast may know it. The mirrored
    rows of a training do, for the bid of a mirror image is made from the ask.
    """
    if not scene.history.spreads:
        return []

    def answer(at: Scene) -> dict[str, dict[str, Array]]:
        items = at.dataset.data.items()
        return {
            "features": {symbol: item.x for symbol, item in items},
            "votes": {symbol: item.votes for symbol, item in items},
            "costs": {symbol: item.labels.cost for symbol, item in items},
        }

    spreads = {symbol: _Dearer(week) for symbol, week in scene.history.spreads.items()}
    dearer = scene.on(replace(scene.history, spreads=spreads))
    return [
        PartStage(
            name="spread of the week",
            answer=answer,
            given=scene,
            changes=(
                Change(
                    what="the spread that another series shows",
                    table=dearer,
                    unseen=("features", "votes"),
                    read=("costs",),
                ),
            ),
            full=lambda at: np.array([checksum(*(b.ask_close for b in at.quoted.values()))]),
        )
    ]


def engine_plants(scene: Scene, until_ns: int | None = None) -> dict[str, tuple[Plant, ...]]:
    """Return a leak in the engine: orders that know what comes.

    Parameters
    ----------
    scene : Scene
    until_ns : int, optional
        The last moment after which the future is changed. Where nothing is traded until then, as
        in an account too small for any order, there is no order that could leak, and no plant.
    """

    def entries(at: Scene, _: Columns) -> Array:
        found = at.once("orders that peek", lambda: traded(at, peeking(at, scene)))
        return found["entered lots"]

    traded_at = open_rows(scene).known_ns[entries(scene, {}) != 0.0]
    if not len(traded_at) or (until_ns is not None and traded_at[0] > until_ns):
        return {}
    plant = Plant(
        leak="how the market ends", column="entered lots", value=entries, checks=("shift",)
    )
    return {"entries of the votes": (plant,)}


BUILDERS: tuple[Builder, ...] = (
    _spread_stages,
    _conversion_stages,
    _feature_stages,
    _vote_stages,
    _label_stages,
    _regime_stages,
    _tape_stages,
)
"""One function per part of the pipeline, in its order."""
