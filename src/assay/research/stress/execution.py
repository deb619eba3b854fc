"""Worse conditions of trading: costs, slippage, swaps, missing bars, late orders."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.calendar import trading_day_start
from assay.domain.facts_history import ContractFacts, FactsHistory
from assay.domain.instrument import Instrument
from assay.engine.views import Views
from assay.kernels.compiler import BoolArray, IntArray
from assay.research.benchmarks import as_result
from assay.research.result import StrategyResult
from assay.research.stress.scene import PATH, Scene, real_market, replayed

MISSING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How trading differs from what was assumed.

    Attributes
    ----------
    name, title, told : str
        For programs, for tables, and a sentence.
    spread, slippage, commission, swap : float
        Factors on what the settings assume.
    slips_a_spread : bool
        Each fill slips by at least the usual spread.
    swap_is_against : bool
        Both sides pay the larger of the two swaps.
    missing_bars, missing_days : float
        Share of the bars, and of whole trading days, that never arrive.
    delay_bars : int
        Bars by which every decision comes late.
    """

    name: str
    title: str
    told: str
    spread: float = 1.0
    slippage: float = 1.0
    commission: float = 1.0
    swap: float = 1.0
    slips_a_spread: bool = False
    swap_is_against: bool = False
    missing_bars: float = 0.0
    missing_days: float = 0.0
    delay_bars: int = 0

    @property
    def is_random(self) -> bool:
        """Whether it takes several paths to know what it does."""
        return self.missing_bars > 0.0 or self.missing_days > 0.0


CONDITIONS = (
    Conditions(name="spread_2", title="Spread × 2", told="Every spread is doubled.", spread=2.0),
    Conditions(name="spread_3", title="Spread × 3", told="Every spread is tripled.", spread=3.0),
    Conditions(
        name="spread_5", title="Spread × 5", told="Every spread is five times as wide.", spread=5.0
    ),
    Conditions(
        name="slippage_2", title="Slippage × 2", told="Every fill slips twice as far.", slippage=2.0
    ),
    Conditions(
        name="slippage_5",
        title="Slippage × 5",
        told="Every fill slips five times as far.",
        slippage=5.0,
    ),
    Conditions(
        name="slippage_spread",
        title="Slips a spread",
        told="Every fill slips by at least the usual spread.",
        slips_a_spread=True,
    ),
    Conditions(
        name="commission_2", title="Commission × 2", told="Commission is doubled.", commission=2.0
    ),
    Conditions(name="swap_3", title="Swap × 3", told="Swaps are tripled, on both sides.", swap=3.0),
    Conditions(
        name="swap_against",
        title="Swap against us",
        told="Both sides pay the larger of the two swaps.",
        swap_is_against=True,
    ),
    Conditions(
        name="missing_bars",
        title="5 % of bars lost",
        told="One bar in twenty never arrives, at random.",
        missing_bars=MISSING,
    ),
    Conditions(
        name="missing_days",
        title="5 % of days lost",
        told="One trading day in twenty never arrives, at random.",
        missing_days=MISSING,
    ),
    Conditions(
        name="delay_1", title="1 bar late", told="Every decision comes a bar late.", delay_bars=1
    ),
    Conditions(
        name="delay_2",
        title="2 bars late",
        told="Every decision comes two bars late.",
        delay_bars=2,
    ),
    Conditions(
        name="delay_5",
        title="5 bars late",
        told="Every decision comes five bars late.",
        delay_bars=5,
    ),
    Conditions(
        name="everything",
        title="All at once",
        told="Spread, slippage and commission are doubled, swaps are against us, one bar in twenty "
        "is lost, and every decision comes a bar late.",
        spread=2.0,
        slippage=2.0,
        commission=2.0,
        swap_is_against=True,
        missing_bars=MISSING,
        delay_bars=1,
    ),
)


def traded_under(
    scene: Scene, conditions: Conditions, rng: np.random.Generator | None = None
) -> StrategyResult:
    """Trade under other conditions; the decisions know nothing of them.

    Parameters
    ----------
    scene : Scene
    conditions : Conditions
    rng : numpy.random.Generator, optional
        Draws what is missing, where something is.

    Notes
    -----
    Where bars are missing, features and forecasts are made from those that arrived, and stops are
    met by the next one that did. Elsewhere the decisions are those of the walk, bar by bar.
    """
    settings = costs_of(scene, conditions)
    instruments = scene.history.instruments
    if conditions.swap_is_against:
        instruments = against_us(instruments)
    if rng is not None and conditions.is_random:
        seen = {
            symbol: without(bars, arrives(bars, scene.from_ns, conditions, rng))
            for symbol, bars in scene.quoted.items()
        }
        market, views = replayed(scene, seen, settings, instruments)
    else:
        market, views = real_market(scene, settings, instruments), scene.views
    if conditions.delay_bars:
        views = delayed(views, market.tape.symbol, conditions.delay_bars)
    return as_result(PATH, market.trade(views), market)


def costs_of(scene: Scene, conditions: Conditions) -> Settings:
    """Return the settings with the costs of *conditions*."""
    costs = scene.settings.costs
    points = costs.slippage_points_min * conditions.slippage
    if conditions.slips_a_spread:
        points = max(points, usual_spread_points(scene))
    changed = costs.model_copy(
        update={
            "spread_multiple": costs.spread_multiple * conditions.spread,
            "slippage_volatility_fraction": costs.slippage_volatility_fraction
            * conditions.slippage,
            "slippage_points_min": points,
            "commission_multiple": costs.commission_multiple * conditions.commission,
            "swap_multiple": costs.swap_multiple * conditions.swap,
        }
    )
    return scene.settings.model_copy(update={"costs": changed})


def usual_spread_points(scene: Scene) -> float:
    """Return the median spread of the traded bars in points; the widest of the symbols."""
    found = []
    for symbol, bars in scene.quoted.items():
        assert bars.ask_close is not None
        traded = bars.time_ns >= scene.from_ns
        point = float(FactsHistory.of(scene.history.instruments[symbol]).latest.point)
        found.append(float(np.median((bars.ask_close - bars.close)[traded])) / point)
    return max(found)


def against_us(instruments: Mapping[str, ContractFacts]) -> dict[str, ContractFacts]:
    """Return contract facts of which both sides pay the larger swap, whatever its sign was."""
    out: dict[str, ContractFacts] = {}
    for symbol, facts in instruments.items():
        history = FactsHistory.of(facts)
        versions = tuple(
            replace(version, instrument=_paying(version.instrument)) for version in history.versions
        )
        out[symbol] = (
            _paying(facts) if isinstance(facts, Instrument) else replace(history, versions=versions)
        )
    return out


def _paying(instrument: Instrument) -> Instrument:
    largest = max(abs(instrument.swap_long), abs(instrument.swap_short))
    return replace(instrument, swap_long=-largest, swap_short=-largest)


def arrives(
    bars: Bars, from_ns: int, conditions: Conditions, rng: np.random.Generator
) -> BoolArray:
    """Return which bars arrive, shape (n_bars,); those before *from_ns* all do, and the first."""
    kept = np.ones(len(bars), np.bool_)
    traded = bars.time_ns > max(from_ns, int(bars.time_ns[0]))
    if conditions.missing_bars:
        kept &= rng.random(len(bars)) >= conditions.missing_bars
    if conditions.missing_days:
        _, day = np.unique(trading_day_start(bars.time_ns), return_inverse=True)
        kept &= (rng.random(int(day.max()) + 1) >= conditions.missing_days)[day]
    return kept | ~traded


def without(bars: Bars, kept: BoolArray) -> Bars:
    """Return the bars that are kept."""
    columns: dict[str, Any] = {
        field.name: column[kept]
        for field in fields(bars)
        if isinstance(column := getattr(bars, field.name), np.ndarray)
    }
    return replace(bars, **columns)


def delayed(views: Views, symbol: IntArray, n_bars: int) -> Views:
    """Return views that come *n_bars* bars of their symbol late; before them there is none."""
    n_events = len(symbol)
    source = np.full(n_events, -1, np.int64)
    for s in np.unique(symbol):
        mine = np.flatnonzero(symbol == s)
        source[mine[n_bars:]] = mine[: max(0, len(mine) - n_bars)]
    changed = {}
    for field in fields(views):
        column = getattr(views, field.name)
        changed[field.name] = column[np.maximum(source, 0)] if len(column) == n_events else column
    changed["direction"] = np.where(source >= 0, changed["direction"], 0).astype(np.int8)
    return Views(**changed)
