"""The trader who knows the rules of a planted edge: estimate, no-trade zone, costs."""

from dataclasses import dataclass

import numpy as np

from assay.config.settings import CostSettings
from assay.data.calendar import minute_of_week, rollover_nights, trading_day_start
from assay.data.simulation.price_path import base_volatility, seasonal_volatility
from assay.data.simulation.shape import USUAL_SHAPE, MarketShape
from assay.domain.instrument import Instrument, SwapMode
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import BoolArray, FloatArray, IntArray, kernel

VOLATILITY_TARGET = 0.10
"""Annual volatility of the trader's account; the Sharpe ratio does not depend on it."""

# Half-life of the volatility estimate, in bars of an hour (shorter bars: more, by the root of
# their number), and where shocks are clipped, in sigmas. With the true sigma instead of this
# estimate the trader of the default edge would have a net Sharpe ratio 2 % higher.
_VOLATILITY_BARS = 10.0
_VARIANCE_CLIP = 4.0
_WIDE = 1.6  # no order while the spread is more than this multiple of the usual one
_RETURN_CLIP = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the best trader trades on its estimate; see ``best_trader``.

    Attributes
    ----------
    threshold : float
        How far the estimate must pass zero before a position turns, in standard deviations of x.
    slope : float
        Estimate beyond the threshold at which a position is full; 0 is all or nothing.
    tilt : float
        Weight of the swap in the estimate.
    slack : float
        How far a position may leave its range before it is traded, as a share of a full one.
    """

    threshold: float
    slope: float
    tilt: float
    slack: float


@kernel
def _estimate(
    log_return: FloatArray,
    season: FloatArray,
    sigma: float,
    strength: float,
    memory: float,
    weight: float,
) -> tuple[FloatArray, FloatArray]:
    """Return after each bar the estimate of x for the next one, and of sigma at season 1.

    Kalman filter of ``y = strength x + e``, ``x' = memory x + noise`` with unit variances, where y
    is the return over season and volatility, clipped. ``weight`` is that of a new square.
    """
    n_bars = log_return.shape[0]
    x_next, volatility = np.empty(n_bars), np.empty(n_bars)
    x, p, variance = 0.0, 1.0, sigma * sigma
    for i in range(n_bars):
        z = log_return[i] / season[i]
        y = max(-_RETURN_CLIP, min(_RETURN_CLIP, z / np.sqrt(variance)))
        gain = p * strength / (strength * strength * p + 1.0)
        x += gain * (y - strength * x)
        p *= 1.0 - gain * strength
        x *= memory
        p = memory * memory * p + 1.0 - memory * memory
        square = min(z * z, _VARIANCE_CLIP * _VARIANCE_CLIP * variance)
        variance += weight * (square - variance)
        x_next[i], volatility[i] = x, np.sqrt(variance)
    return x_next, volatility


@kernel
def _trade(
    score: FloatArray,
    tilt: FloatArray,
    full: FloatArray,
    waits: BoolArray,
    mid_open: FloatArray,
    mid_close: FloatArray,
    cost: FloatArray,
    swap_long: FloatArray,
    swap_short: FloatArray,
    policy: tuple[float, float, float, float],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return position, profit before costs and costs of each bar, all per unit of balance.

    Orders made at the close of bar i - 1 fill at the open of bar i. ``full[i]`` is the size of a
    full position and ``score[i]`` the estimate, both as known at the close of bar i.
    """
    n_bars = score.shape[0]
    threshold, slope, tilt_weight, slack = policy
    position, gross, costs = np.zeros(n_bars), np.zeros(n_bars), np.zeros(n_bars)
    held = 0.0
    for i in range(1, n_bars):
        gross[i] = held * (mid_open[i] - mid_close[i - 1])
        costs[i] = -held * swap_long[i] if held > 0.0 else held * swap_short[i]
        if not waits[i]:
            x = score[i - 1] + tilt_weight * tilt[i - 1]
            if slope > 0.0:
                high = max(-1.0, min(1.0, (x + threshold) / slope))
                low = max(-1.0, min(1.0, (x - threshold) / slope))
            else:
                high = 1.0 if x + threshold > 0.0 else -1.0
                low = 1.0 if x - threshold > 0.0 else -1.0
            share = held / full[i - 1]
            target = held
            if share > high + slack:
                target = high * full[i - 1]
            elif share < low - slack:
                target = low * full[i - 1]
            costs[i] += abs(target - held) * cost[i]
            held = target
        gross[i] += held * (mid_close[i] - mid_open[i])
        position[i] = held
    return position, gross, costs


@dataclass(frozen=True, slots=True)
class Scene:
    """What the trader of one history sees and pays, as arrays of shape (n_bars,)."""

    log_return: FloatArray
    season: FloatArray
    sigma: float
    bar_hours: float
    mid_open: FloatArray
    mid_close: FloatArray
    half_spread: FloatArray
    commission: FloatArray
    swap_long: FloatArray
    swap_short: FloatArray
    carry: FloatArray
    waits: BoolArray
    bars_per_year: float
    day_first: IntArray
    days_per_year: float
    slippage_fraction: float
    slippage_min: float


def scene_of(
    time_ns: IntArray,
    timeframe: Timeframe,
    mid_open: FloatArray,
    mid_close: FloatArray,
    spread_open: FloatArray,
    instrument: Instrument,
    costs: CostSettings,
    annual_volatility: float,
    shape: MarketShape = USUAL_SHAPE,
) -> Scene:
    """Translate quotes and contract facts into returns and costs per unit of base."""
    minute = minute_of_week(time_ns)
    middle = minute_of_week(time_ns + timeframe.nominal_ns // 2)
    season = seasonal_volatility(middle, instrument, shape)
    per_lot = float(instrument.commission_per_lot) * costs.commission_multiple
    commission = np.full(len(time_ns), per_lot / float(instrument.contract_size))
    if instrument.quote != "USD":  # the fee is in dollars; one unit of base counts as one dollar
        commission = commission * mid_open
    nights = rollover_nights(time_ns, instrument.swap_triple_weekday) * costs.swap_multiple
    long_rate, short_rate = float(instrument.swap_long), float(instrument.swap_short)
    if instrument.swap_mode is SwapMode.POINTS:
        per_night = np.full(len(time_ns), float(instrument.point))
        share_per_night = float(instrument.point) / mid_close
    else:
        per_night = mid_open / 100.0 / 360.0
        share_per_night = np.full(len(time_ns), 1.0 / 100.0 / 360.0)
    day = trading_day_start(time_ns)
    day_first = np.append(0, np.flatnonzero(np.diff(day)) + 1)
    years = max(float(time_ns[-1] - time_ns[0]) / (365.25 * NS_PER_DAY), 1e-9)
    return Scene(
        log_return=np.log(mid_close / mid_open),
        season=season,
        sigma=base_volatility(timeframe, instrument, annual_volatility, shape),
        bar_hours=timeframe.nominal_ns / NS_PER_HOUR,
        mid_open=mid_open,
        mid_close=mid_close,
        half_spread=0.5 * spread_open * costs.spread_multiple,
        commission=commission,
        swap_long=nights * per_night * long_rate,
        swap_short=nights * per_night * short_rate,
        # Owning one more unit earns half the difference of the swaps, whichever side it is on.
        carry=0.5 * (long_rate - short_rate) * nights.mean() * share_per_night,
        waits=np.asarray(shape.spread_multiple()[minute] > _WIDE, dtype=np.bool_),
        bars_per_year=len(time_ns) / years,
        day_first=day_first,
        days_per_year=len(day_first) / years,
        slippage_fraction=costs.slippage_volatility_fraction,
        slippage_min=costs.slippage_points_min * float(instrument.point),
    )


@dataclass(frozen=True, slots=True)
class View:
    """What the trader thinks of a scene, before any policy."""

    score: FloatArray
    tilt: FloatArray
    full: FloatArray
    cost: FloatArray


def view_of(scene: Scene, strength: float, half_life_bars: float) -> View:
    """Estimate the hidden state, and express sizes and costs per unit."""
    memory = 0.5 ** (1.0 / half_life_bars)
    weight = 1.0 - 0.5 ** (np.sqrt(scene.bar_hours) / _VOLATILITY_BARS)
    score, sigma = _estimate(scene.log_return, scene.season, scene.sigma, strength, memory, weight)
    price = scene.mid_close
    full = VOLATILITY_TARGET / (sigma * np.sqrt(scene.bars_per_year) * price)
    known = np.empty_like(sigma)
    known[0], known[1:] = scene.sigma, sigma[:-1]
    slip = np.maximum(scene.slippage_fraction * known * scene.mid_open, scene.slippage_min)
    cost = scene.half_spread + scene.commission + slip
    return View(score, scene.carry / (strength * sigma), full, cost)


def run(scene: Scene, view: View, policy: Policy) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return position, gross profit and costs of each bar."""
    return _trade(
        view.score,
        view.tilt,
        view.full,
        scene.waits,
        scene.mid_open,
        scene.mid_close,
        view.cost,
        scene.swap_long,
        scene.swap_short,
        (policy.threshold, policy.slope, policy.tilt, policy.slack),
    )


def annual_mean_and_deviation(scene: Scene, returns: FloatArray) -> tuple[float, float]:
    """Return both per year, from sums over trading days (17:00 to 17:00 New York)."""
    daily = np.add.reduceat(returns, scene.day_first)
    year = scene.days_per_year
    return float(daily.mean()) * year, float(daily.std()) * float(np.sqrt(year))
