"""The planted edge: a hidden drift of stated worth, its calibration, and its best trader."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from assay.config.instruments import SYMBOLS, load_instrument
from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.data.simulation.kalman_trader import (
    Policy,
    Scene,
    View,
    annual_mean_and_deviation,
    run,
    scene_of,
    view_of,
)
from assay.data.simulation.price_path import bar_times, price_path, usual_market
from assay.data.simulation.shape import USUAL_SHAPE, MarketShape
from assay.domain.errors import ConfigError, DataError
from assay.domain.instrument import Instrument
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray, IntArray

_STRENGTHS = (0.002, 0.5)  # drift over sigma between which calibration searches
_N_PATHS = 40
_PATH_BARS = 71_000  # 12 years of H1
_FIRST_SEED = 7_000_000_000
_START_NS = 1_262_559_600 * 10**9
_CHOICES = {
    "threshold": (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 0.9, 1.2),
    "slope": (0.0, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 1.8, 2.3, 3.0),
    "tilt": (0.0, 0.25, 0.5, 0.75, 1.0, 1.3, 1.7, 2.2, 3.0),
    "slack": (0.0, 0.05, 0.1, 0.2, 0.35),
}

# Symbol, timeframe, half-life, net Sharpe: strength, threshold, slope, tilt, slack.
_STORED: dict[tuple[str, str, float, float], tuple[float, float, float, float, float]] = {
    ("XAUUSD", "H1", 24.0, 1.0): (0.078147, 0.15, 1.0, 1.0, 0.05),
    ("XAUUSD", "H1", 24.0, 1.5): (0.094976, 0.15, 1.0, 1.0, 0.05),
    ("XAUUSD", "H1", 24.0, 2.0): (0.109955, 0.15, 0.7, 1.0, 0.05),
    ("XAUUSD", "H1", 24.0, 3.0): (0.138868, 0.15, 0.7, 0.75, 0.05),
    ("XAUUSD", "H1", 60.0, 1.0): (0.057958, 0.15, 1.4, 0.75, 0.0),
    ("XAUUSD", "H1", 60.0, 1.5): (0.071441, 0.15, 1.4, 0.75, 0.0),
    ("XAUUSD", "H1", 60.0, 2.0): (0.084195, 0.15, 1.0, 0.75, 0.0),
    ("XAUUSD", "H1", 60.0, 3.0): (0.108896, 0.15, 1.0, 0.75, 0.0),
    ("XAUUSD", "H1", 120.0, 1.0): (0.047701, 0.15, 1.4, 0.75, 0.0),
    ("XAUUSD", "H1", 120.0, 1.5): (0.059498, 0.15, 1.4, 0.75, 0.0),
    ("XAUUSD", "H1", 120.0, 2.0): (0.070482, 0.15, 1.4, 0.75, 0.0),
    ("XAUUSD", "H1", 120.0, 3.0): (0.092219, 0.15, 1.0, 0.5, 0.05),
    ("XAUUSD", "H1", 240.0, 1.0): (0.039877, 0.15, 1.8, 0.5, 0.0),
    ("XAUUSD", "H1", 240.0, 1.5): (0.050248, 0.15, 2.3, 0.5, 0.0),
    ("XAUUSD", "H1", 240.0, 2.0): (0.060280, 0.15, 2.3, 0.5, 0.0),
    ("XAUUSD", "H1", 240.0, 3.0): (0.080323, 0.15, 1.4, 0.5, 0.0),
    ("XAUUSD", "H1", 480.0, 1.0): (0.033889, 0.2, 2.3, 0.5, 0.0),
    ("XAUUSD", "H1", 480.0, 1.5): (0.043508, 0.15, 2.3, 0.5, 0.0),
    ("XAUUSD", "H1", 480.0, 2.0): (0.052769, 0.15, 3.0, 0.5, 0.0),
    ("XAUUSD", "H1", 480.0, 3.0): (0.071368, 0.15, 1.8, 0.5, 0.0),
    ("XAUUSD", "H1", 60.0, 4.0): (0.133407, 0.15, 1.0, 0.75, 0.0),
    ("XAUUSD", "H1", 60.0, 6.0): (0.186760, 0.15, 0.7, 0.5, 0.05),
    ("XAUUSD", "H1", 60.0, 8.0): (0.249199, 0.15, 0.5, 0.75, 0.05),
    ("XAUUSD", "H1", 120.0, 4.0): (0.114898, 0.15, 1.0, 0.5, 0.05),
    ("XAUUSD", "H1", 120.0, 6.0): (0.164519, 0.15, 0.7, 0.5, 0.05),
    ("XAUUSD", "H1", 120.0, 8.0): (0.221865, 0.15, 0.7, 0.25, 0.05),
    ("XAUUSD", "M15", 240.0, 2.0): (0.039612, 0.15, 1.4, 0.75, 0.05),
    ("EURUSD", "H1", 120.0, 2.0): (0.069420, 0.15, 1.4, 0.75, 0.0),
    ("GBPUSD", "H1", 120.0, 2.0): (0.069177, 0.15, 1.4, 0.0, 0.0),
    ("USDJPY", "H1", 120.0, 2.0): (0.068688, 0.15, 1.4, 1.0, 0.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedEdge:
    """A hidden drift that reverts slowly, and what it is worth.

    Attributes
    ----------
    half_life_bars : float
        After which half of the drift is gone, in bars, [2, 10000].
    net_sharpe : float
        Annual net Sharpe ratio of daily returns that ``best_trader`` has in expectation, (0, 10].
    """

    half_life_bars: float = 120.0
    net_sharpe: float = 2.0

    def __post_init__(self) -> None:
        for name, low, high in (("half_life_bars", 2.0, 1e4), ("net_sharpe", 1e-6, 10.0)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(
                    f"edge.{name} must be from {low:g} to {high:g}; was {value}.",
                    remedy="Correct it.",
                    key=f"edge.{name}",
                    value=value,
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """What a planted edge becomes on one instrument.

    Attributes
    ----------
    strength : float
        Drift of a bar over its sigma when x is 1.
    policy : Policy
        Of the best trader.
    """

    strength: float
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class BestTrader:
    """What the best trader made of one history.

    Attributes
    ----------
    position : float64, shape (n_bars,)
        Units of the base per unit of account currency, held from the open of each bar.
    net_returns : float64, shape (n_bars,)
        Profit of each bar after all costs, over a constant balance.
    net_sharpe, gross_sharpe : float
        Annual, from the sums over trading days.
    """

    position: FloatArray
    net_returns: FloatArray
    net_sharpe: float
    gross_sharpe: float


def best_trader(
    bars: Bars,
    edge: PlantedEdge,
    instrument: Instrument,
    costs: CostSettings | None = None,
    *,
    annual_volatility: float | None = None,
    start_price: float | None = None,
    shape: MarketShape = USUAL_SHAPE,
) -> BestTrader:
    """Return what the best trader of a planted edge makes of one simulated history.

    Parameters
    ----------
    bars : Bars
        Simulated with this *edge*, quoted on both sides.
    edge : PlantedEdge
    instrument : Instrument
    costs : CostSettings, optional
        What the trader pays here. The edge itself was scaled at default costs.
    annual_volatility, start_price : float, optional
        As given to the market; None is the symbol's usual one.

    Returns
    -------
    best : BestTrader

    Raises
    ------
    DataError
        If the bars quote one side only.

    Notes
    -----
    It knows the rules of the market and their parameters, and sees the quotes; it does not see
    the hidden drift, the regime or the true volatility. A Kalman filter on returns in units of
    estimated volatility gives x. Positions are scaled to constant volatility. With ``x`` tilted
    by the swap, the position stays while it lies between ``(x - threshold) / slope`` and
    ``(x + threshold) / slope``, clipped to [-1, 1], within the slack; otherwise it moves to the
    nearer end. It fills at the next open and pays half the spread, slippage, commission and swap,
    and waits out the wide spread around 17:00 New York. Marks are at mid.

    References
    ----------
    Martin, R. and Schoeneborn, T. (2011). Mean reversion pays, but costs. *Risk*, 24(2), 96-101
    (the no-trade zone around the costless position).
    """
    if bars.ask_open is None or bars.ask_close is None:
        raise DataError(
            f"{bars.symbol} bars must quote both sides; were bid only.",
            remedy="Use the bars that assay.data.simulation.market.simulate returned.",
        )
    usual_volatility, usual_price = usual_market(instrument)
    volatility = annual_volatility or usual_volatility
    known = strength_of(
        edge,
        instrument,
        bars.timeframe,
        annual_volatility=volatility,
        start_price=start_price or usual_price,
        shape=shape,
    )
    scene = scene_of(
        bars.time_ns,
        bars.timeframe,
        0.5 * (bars.open + bars.ask_open),
        0.5 * (bars.close + bars.ask_close),
        bars.ask_open - bars.open,
        instrument,
        costs or CostSettings(),
        volatility,
        shape,
    )
    view = view_of(scene, known.strength, edge.half_life_bars)
    position, gross, paid = run(scene, view, known.policy)
    return BestTrader(
        position=position,
        net_returns=gross - paid,
        net_sharpe=_sharpe(scene, gross - paid),
        gross_sharpe=_sharpe(scene, gross),
    )


def _sharpe(scene: Scene, returns: FloatArray) -> float:
    mean, deviation = annual_mean_and_deviation(scene, returns)
    return mean / deviation if deviation else 0.0


def strength_of(
    edge: PlantedEdge,
    instrument: Instrument,
    timeframe: Timeframe,
    *,
    annual_volatility: float,
    start_price: float,
    shape: MarketShape = USUAL_SHAPE,
) -> Strength:
    """Return the drift that gives the best trader the stated expected net Sharpe ratio.

    Parameters
    ----------
    edge : PlantedEdge
    instrument : Instrument
        Its spread, commission and swap, and slippage by the default ``CostSettings``, are paid.
    timeframe : Timeframe
    annual_volatility, start_price : float
        Of the simulated market.
    shape : MarketShape

    Returns
    -------
    strength : Strength

    Raises
    ------
    ConfigError
        If no drift of this half-life is worth so much.

    Notes
    -----
    Found by search over long simulations with fixed seeds, the policy chosen anew at each
    strength; a few seconds, once a process. Usual cases are stored in ``_STORED``, as
    ``bench/planted.py`` prints them. The expectation is over markets of this instrument, start
    price and volatility; its own sampling error is about 1 %.
    """
    symbol = instrument.symbol
    usual = symbol in SYMBOLS and instrument == load_instrument(symbol)
    usual = usual and shape == USUAL_SHAPE
    if usual and (annual_volatility, start_price) == usual_market(instrument):
        key = (symbol, timeframe.name, edge.half_life_bars, edge.net_sharpe)
        if key in _STORED:
            strength, threshold, slope, tilt, slack = _STORED[key]
            policy = Policy(threshold=threshold, slope=slope, tilt=tilt, slack=slack)
            return Strength(strength=strength, policy=policy)
    return calibrate(edge, instrument, timeframe, annual_volatility, start_price, shape)


@lru_cache(maxsize=32)
def calibrate(
    edge: PlantedEdge,
    instrument: Instrument,
    timeframe: Timeframe,
    annual_volatility: float,
    start_price: float,
    shape: MarketShape = USUAL_SHAPE,
) -> Strength:
    """Search the strength of an edge; ``strength_of`` answers usual cases from a table."""
    policy = Policy(threshold=0.3, slope=0.5, tilt=0.5, slack=0.1)
    (low, high), found = _STRENGTHS, 0.0
    guess = 0.03 * edge.net_sharpe
    for _ in range(14):
        paths = [
            _calibration_path(
                instrument, timeframe, annual_volatility, start_price, guess,
                edge.half_life_bars, i, shape,
            )
            for i in range(_N_PATHS)
        ]  # fmt: skip
        policy, found = _best_policy(paths, policy)
        if abs(found / edge.net_sharpe - 1.0) < 0.004:
            return Strength(strength=guess, policy=policy)
        low, high = (guess, high) if found < edge.net_sharpe else (low, guess)
        # The Sharpe ratio grows like a power between 1 and 2 of the strength.
        step = (edge.net_sharpe / max(found, 0.2 * edge.net_sharpe)) ** 0.65
        guess = guess * step if low < guess * step < high else float(np.sqrt(low * high))
        if low > 0.98 * _STRENGTHS[1]:
            break
    if abs(found / edge.net_sharpe - 1.0) < 0.02:
        return Strength(strength=guess, policy=policy)
    raise ConfigError(
        f"edge.net_sharpe must be within reach of a drift with half-life "
        f"{edge.half_life_bars:g} bars on {instrument.symbol} {timeframe.name}; "
        f"was {edge.net_sharpe}, and the search ended at {found:.2f}.",
        remedy="Ask for less, or for a longer half-life.",
        key="edge.net_sharpe",
        value=edge.net_sharpe,
    )


@dataclass(frozen=True, slots=True)
class _CalibrationPath:
    """One history, and what a unit held through each bar earns in expectation."""

    scene: Scene
    view: View
    expected_move: FloatArray
    x_square: float


def _calibration_path(
    instrument: Instrument,
    timeframe: Timeframe,
    annual_volatility: float,
    start_price: float,
    strength: float,
    half_life_bars: float,
    number: int,
    shape: MarketShape = USUAL_SHAPE,
) -> _CalibrationPath:
    """Simulate one history coarsely: two steps a bar have the same closes in law."""
    times = _calibration_times(instrument, timeframe)
    path = price_path(
        times,
        timeframe,
        instrument,
        seed=_FIRST_SEED + number,
        annual_volatility=annual_volatility,
        start_price=start_price,
        n_steps=2,
        strength=strength,
        half_life_bars=half_life_bars,
        shape=shape,
    )
    spread = path.ask[:, 0] - path.bid[:, 0]
    scene = scene_of(
        times, timeframe, path.mid_open, path.mid_close, spread, instrument, CostSettings(),
        annual_volatility, shape,
    )  # fmt: skip
    view = view_of(scene, strength, half_life_bars)
    x = path.drift / (strength * path.sigma)
    return _CalibrationPath(
        scene, view, path.mid_open * np.expm1(path.drift), float(np.mean(x * x))
    )


@lru_cache(maxsize=4)
def _calibration_times(instrument: Instrument, timeframe: Timeframe) -> IntArray:
    span = 2 * _PATH_BARS * timeframe.nominal_ns
    return bar_times(_START_NS, _START_NS + span, timeframe, instrument)[:_PATH_BARS]


def _expected_sharpe(paths: list[_CalibrationPath], policy: Policy) -> float:
    """Return the mean net Sharpe ratio, with most of the luck of the draw taken out.

    Profit is what the hidden drift gives in expectation; and since the mean square of x is 1 in
    law but not in each history, it serves as a control variate.
    """
    values = []
    for path in paths:
        position, gross, costs = run(path.scene, path.view, policy)
        mean, _ = annual_mean_and_deviation(path.scene, position * path.expected_move - costs)
        _, deviation = annual_mean_and_deviation(path.scene, gross - costs)
        values.append(mean / deviation if deviation else 0.0)
    luck = np.array([path.x_square - 1.0 for path in paths])
    slope = np.cov(values, luck)[0, 1] / np.var(luck, ddof=1)
    return float(np.mean(values) - slope * np.mean(luck))


def _best_policy(paths: list[_CalibrationPath], policy: Policy) -> tuple[Policy, float]:
    """Climb the grid one coordinate at a time until nothing improves."""
    best = _expected_sharpe(paths, policy)
    improved = True
    while improved:
        improved = False
        for name, choices in _CHOICES.items():
            for value in choices:
                other = replace(policy, **{name: value})
                found = _expected_sharpe(paths, other) if other != policy else best
                if found > best + 1e-4:
                    policy, best, improved = other, found, True
    return policy, best
