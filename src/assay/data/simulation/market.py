"""The simulated market: seeded bars without an edge, or with one of stated strength."""

from dataclasses import dataclass

import numpy as np

from assay.data.bars import Bars
from assay.data.simulation.planted import PlantedEdge, strength_of
from assay.data.simulation.price_path import (
    Path,
    bar_times,
    price_path,
    steps_per_bar,
    usual_market,
)
from assay.data.simulation.shape import USUAL_SHAPE, MarketShape
from assay.domain.errors import ConfigError
from assay.domain.instrument import Instrument
from assay.domain.time import NS_PER_DAY
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import IntArray

START_NS = 1_262_559_600 * 10**9
"""Sunday 2010-01-03 23:00 UTC: the first hour of gold in 2010."""

YEARS_MAX = 80.0
BARS_MAX = 20_000_000
_NS_PER_YEAR = 365.25 * NS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMarket:
    """What to simulate. The same market gives the same bars, to the last bit.

    Attributes
    ----------
    seed : int
        Decides every draw; the draws of the price, the jumps, the spread and the hidden drift are
        independent streams, so that an edge is added to an otherwise equal market.
    years : float
        Length, (0, 80]; ignored if *n_bars* is given.
    n_bars : int or None
        Length in bars. A longer market begins with the shorter one.
    timeframe : Timeframe
        H1 or shorter; ``resample`` makes the longer ones.
    start_ns : int
        No bar opens before. UTC nanoseconds.
    edge : PlantedEdge or None
        None: the mid is a martingale, and nobody can earn from it.
    annual_volatility : float or None
        Of the log mid, fraction a year; None takes the symbol's usual one.
    start_price : float or None
        None takes a usual price of the symbol.
    shape : MarketShape
        How it behaves; ``fit.fit_market`` fits one to a history.
    """

    seed: int
    years: float = 12.0
    n_bars: int | None = None
    timeframe: Timeframe = Timeframe.H1
    start_ns: int = START_NS
    edge: PlantedEdge | None = None
    annual_volatility: float | None = None
    start_price: float | None = None
    shape: MarketShape = USUAL_SHAPE

    def __post_init__(self) -> None:
        limits = (
            ("years", self.years, 0.0, YEARS_MAX),
            ("n_bars", 1 if self.n_bars is None else self.n_bars, 0, BARS_MAX),
            ("annual_volatility", 0.1 if (v := self.annual_volatility) is None else v, 0.0, 2.0),
            ("start_price", 1.0 if (p := self.start_price) is None else p, 0.0, 1e6),
        )
        for name, value, low, high in limits:
            if not low < value <= high:
                raise ConfigError(
                    f"A simulated market's {name} must be above {low} and at most {high}; "
                    f"was {value}.",
                    remedy="Correct it.",
                    key=name,
                    value=value,
                )
        if not self.timeframe.is_fixed:
            raise ConfigError(
                f"A simulated market's timeframe must be H1 or shorter; was {self.timeframe.name}.",
                remedy="Simulate H1, then use assay.data.resample.",
                key="timeframe",
                value=self.timeframe.name,
            )


def simulate(market: SimulatedMarket, instrument: Instrument) -> Bars:
    """Return the bars of a simulated market, quoted on both sides.

    Parameters
    ----------
    market : SimulatedMarket
    instrument : Instrument
        Tick grid, trading hours and typical spread; its costs scale a planted edge.

    Returns
    -------
    bars : Bars
        With ``ask_*``, ``spread`` and tick volume.

    Raises
    ------
    ConfigError
        If the edge is stronger than the market can carry.

    Notes
    -----
    Modelled: regimes of volatility, clustering, the hours of the day, jumps, weekend and daily
    gaps, a spread that widens at 17:00 New York and in bursts of volatility. Not modelled: news
    on a schedule, correlation between symbols, fashions that last for years. Passing here shows
    that a pipeline works; it says nothing about a real market.
    """
    time_ns, path = simulate_path(market, instrument)
    bid, ask = (side.T.copy() for side in (path.bid, path.ask))
    return Bars(
        symbol=instrument.symbol,
        timeframe=market.timeframe,
        time_ns=time_ns,
        open=bid[0],
        high=bid[1],
        low=bid[2],
        close=bid[3],
        volume=path.volume,
        spread=np.round(ask[3] - bid[3], instrument.digits),
        ask_open=ask[0],
        ask_high=ask[1],
        ask_low=ask[2],
        ask_close=ask[3],
    )


def simulate_path(market: SimulatedMarket, instrument: Instrument) -> tuple[IntArray, Path]:
    """Return the opens and the path behind ``simulate``, hidden quantities included.

    Never feed these to a strategy: ``drift`` is the answer.
    """
    usual_volatility, usual_price = usual_market(instrument)
    volatility = market.annual_volatility or usual_volatility
    price = market.start_price or usual_price
    time_ns = _times(market, instrument)
    edge = market.edge
    strength = 0.0
    if edge is not None:
        strength = strength_of(
            edge,
            instrument,
            market.timeframe,
            annual_volatility=volatility,
            start_price=price,
            shape=market.shape,
        ).strength
    path = price_path(
        time_ns,
        market.timeframe,
        instrument,
        seed=market.seed,
        annual_volatility=volatility,
        start_price=price,
        n_steps=steps_per_bar(market.timeframe),
        strength=strength,
        half_life_bars=edge.half_life_bars if edge else 1.0,
        shape=market.shape,
    )
    return time_ns, path


def _times(market: SimulatedMarket, instrument: Instrument) -> IntArray:
    """Return the opens of the market's bars."""
    years = market.years
    if market.n_bars is not None:  # trading hours fill 0.6 to 0.7 of a year; allow for less
        years = 0.1 + 2.5 * market.n_bars * market.timeframe.nominal_ns / _NS_PER_YEAR
    stop_ns = market.start_ns + int(years * _NS_PER_YEAR)
    times = bar_times(market.start_ns, stop_ns, market.timeframe, instrument)
    return times if market.n_bars is None else times[: market.n_bars]
