"""Store a simulated market."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.mixture import SIMULATED, refuse_mixture
from assay.cli.screen import Screen
from assay.domain.errors import DataError
from assay.domain.time import Clock

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.data.catalogue import Catalogue
    from assay.domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to simulate.

    Attributes
    ----------
    symbol : str
    years : float
    seed : int
    net_sharpe : float
        Annual net Sharpe ratio of the best possible trader; zero plants no edge.
    half_life_bars : float
        Bars after which half of the edge is gone.
    like : Path or None
        A market fitted by ``assay data fit``; None is the usual one.
    """

    symbol: str
    years: float
    seed: int
    net_sharpe: float
    half_life_bars: float
    like: Path | None = None


def simulate_into(
    folder: Path, wish: Wish, settings: "Settings", screen: Screen, clock: Clock
) -> None:
    """Simulate a market and store its bars in the catalogue at *folder*.

    Raises
    ------
    ConfigError
        If the wish is impossible.
    DataError
        If the catalogue holds other rows of that symbol, or cannot be written.
    """
    from assay.data.catalogue import Catalogue
    from assay.data.provenance import Provenance
    from assay.data.simulation.market import SimulatedMarket, simulate
    from assay.data.simulation.planted import PlantedEdge
    from assay.data.simulation.shape import USUAL_SHAPE, FittedMarket
    from assay.data.specification.loading import load_facts
    from assay.domain.timeframe import Timeframe

    wanted = Timeframe.parse(settings.market.timeframe)
    fitted = None if wish.like is None else FittedMarket.load(wish.like)
    edge = None
    if wish.net_sharpe:
        edge = PlantedEdge(half_life_bars=wish.half_life_bars, net_sharpe=wish.net_sharpe)
    market = SimulatedMarket(
        seed=wish.seed,
        years=wish.years,
        timeframe=wanted if wanted.is_fixed else Timeframe.H1,
        edge=edge,
        annual_volatility=None if fitted is None else fitted.annual_volatility,
        start_price=None if fitted is None else fitted.start_price,
        shape=USUAL_SHAPE if fitted is None else fitted.shape,
    )
    source = f"{SIMULATED} seed={wish.seed} years={wish.years:g} edge={wish.net_sharpe:g}"
    if edge:
        source += f" half_life={wish.half_life_bars:g}"
    if fitted is not None:
        source += f" like {fitted.symbol} {fitted.series}"
    catalogue = Catalogue(folder)
    digest = hashlib.sha256(f"{wish.symbol} {market!r}".encode()).hexdigest()
    refuse_mixture(catalogue, wish.symbol, market.timeframe, is_simulated=True)
    _refuse_other_market(catalogue, wish.symbol, market.timeframe, digest)
    overrides = settings.instruments.get(wish.symbol, {})
    instrument = load_facts(catalogue.root, wish.symbol, overrides).latest
    with screen.progress() as progress:
        progress.stage(f"simulating {wish.symbol}", 2)
        bars = simulate(market, instrument)
        progress.advance()
        provenance = Provenance(
            source=source,
            sha256=digest,
            importer=SIMULATED,
            timezone="UTC",
            rows_in=len(bars),
            rows_kept=len(bars),
            rows_quarantined=0,
            imported_ns=clock.now(),
        )
        report = catalogue.merge(bars, provenance)
        progress.advance()
    truth = "no edge" if edge is None else f"an edge of net Sharpe {wish.net_sharpe:g} at best"
    screen.say(
        f"{wish.symbol} {report.series}: {report.rows_total:,} simulated bars with {truth}. "
        "Next: assay run"
    )
    screen.emit({"market": source, "merge": report.as_json()})


def _refuse_other_market(
    catalogue: "Catalogue", symbol: str, timeframe: "Timeframe", digest: str
) -> None:
    """Refuse to lay one simulated market over another."""
    for entry in catalogue.list():
        if entry.symbol == symbol and entry.timeframe == timeframe:
            others = [item.source for item in entry.provenance if item.sha256 != digest]
            if others:
                raise DataError(
                    f"{symbol} {entry.series} must hold one simulated market; holds: {others[0]}.",
                    remedy=f"Use another workspace, or delete the folder "
                    f"{catalogue.root / symbol / entry.series} first.",
                    symbol=symbol,
                    series=entry.series,
                )
