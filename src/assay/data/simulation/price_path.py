"""The random path behind the simulated market: volatility, jumps, gaps, spread, hidden drift."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import erf

from assay.data.calendar import (
    MINUTES_PER_WEEK,
    bar_close,
    is_holiday,
    is_open,
    minute_of_week,
)
from assay.data.simulation.shape import USUAL_SHAPE, MarketShape
from assay.domain.instrument import Instrument
from assay.domain.time import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray, IntArray, kernel

_REGIME_NEXT = np.array([[0.0, 0.9, 0.1], [0.6, 0.0, 0.4], [0.25, 0.75, 0.0]])
"""Regimes calm, usual, stressed: where to next."""

_SHOCK_MAX = 4.0
_JUMP_SQUARE_OF_4 = 7.3  # what a jump of 4 sigmas adds to a squared shock so clipped, on average
_TICKS_PER_HOUR = 4_000.0
_CHUNK_STEPS = 1_000_000

_USUAL = {  # annual volatility, price
    "XAUUSD": (0.16, 1_500.0), "XAGUSD": (0.28, 22.0), "EURUSD": (0.08, 1.12),
    "GBPUSD": (0.09, 1.30), "USDCHF": (0.08, 0.93), "AUDUSD": (0.10, 0.72),
    "USDCAD": (0.07, 1.32), "NZDUSD": (0.10, 0.66), "EURGBP": (0.07, 0.86),
    "EURCHF": (0.06, 1.05), "USDJPY": (0.09, 115.0),
}  # fmt: skip
_STEPS_MAX, _STEPS_MIN = 60, 12  # a step a minute, but at least a dozen a bar

STREAMS = ("path", "jump", "regime", "gap", "edge", "spread", "volume")


@dataclass(frozen=True, slots=True)
class Path:
    """One simulated history; every array has shape (n_bars,).

    Attributes
    ----------
    bid, ask : float64, shape (n_bars, 4)
        Open, high, low, close on the tick grid.
    mid_open, mid_close : float64
        Before rounding to ticks.
    sigma : float64
        Standard deviation of the bar's log return without jumps, known at its open.
    drift : float64
        Hidden drift of the bar's log return; zero without an edge.
    volume : float64
        Tick volume.
    regime : float64
        0 calm, 1 usual, 2 stressed.
    """

    bid: FloatArray
    ask: FloatArray
    mid_open: FloatArray
    mid_close: FloatArray
    sigma: FloatArray
    drift: FloatArray
    volume: FloatArray
    regime: FloatArray


def usual_market(instrument: Instrument) -> tuple[float, float]:
    """Return a usual annual volatility (a fraction) and a usual price of the symbol."""
    usual = (0.11, 130.0) if instrument.quote == "JPY" else (0.08, 1.3)
    return _USUAL.get(instrument.base + instrument.quote, usual)


def steps_per_bar(timeframe: Timeframe) -> int:
    """Return how many steps are drawn inside a bar: one a minute, at least 12, at most 60."""
    return min(max(timeframe.value // 60, _STEPS_MIN), _STEPS_MAX)


def bar_times(
    start_ns: int, stop_ns: int, timeframe: Timeframe, instrument: Instrument
) -> IntArray:
    """Return the opens of the bars in which the venue trades: int64 UTC ns, shape (n_bars,)."""
    step = timeframe.nominal_ns
    grid = np.arange(-(-start_ns // step) * step, stop_ns, step, dtype=np.int64)
    trades = is_open(grid, instrument.sessions)
    trades |= is_open(grid + step - NS_PER_MINUTE, instrument.sessions)
    return np.ascontiguousarray(grid[trades & ~is_holiday(grid)])


def seasonal_volatility(
    minute: IntArray, instrument: Instrument, shape: MarketShape = USUAL_SHAPE
) -> FloatArray:
    """Return the volatility at minutes of the week, as a multiple with mean square 1.

    Parameters
    ----------
    minute : int64, shape (n,)
        Minutes since Sunday 00:00 New York.
    instrument : Instrument
        Its trading hours define over what the mean is taken.
    shape : MarketShape

    Returns
    -------
    multiple : float64, shape (n,)
    """
    hours = np.arange(-1, 26) + 0.5
    values = np.array([shape.hourly_volatility[h % 24] for h in range(-1, 26)])
    week = np.interp(np.arange(MINUTES_PER_WEEK) % 1440 / 60.0, hours, values)
    opens = np.zeros(MINUTES_PER_WEEK, dtype=np.bool_)
    for session in instrument.sessions:
        opens[session.open_minute : session.close_minute] = True
    week /= np.sqrt(np.mean(week[opens] ** 2))
    multiple: FloatArray = week[np.asarray(minute, dtype=np.int64)]
    return multiple


@cache
def _regime_multiples(shape: MarketShape) -> FloatArray:
    """Return the regimes' volatilities, scaled so that the mean variance over time is 1."""
    jump = np.linalg.matrix_power(0.5 * (_REGIME_NEXT + np.eye(3)), 200)[0]
    time = jump * np.array(shape.regime_hours)
    time /= time.sum()
    volatility = np.array(shape.regime_volatility)
    multiples: FloatArray = volatility / np.sqrt(float(time @ volatility**2))
    return multiples


@kernel
def _next_regime(uniform: float, row: FloatArray) -> int:
    """Return the regime that a uniform number picks from a row's cumulative probabilities."""
    following = 0
    while uniform >= row[2 + following] and following < 2:
        following += 1
    return following


@kernel
def _walk(
    state: FloatArray,
    settings: FloatArray,
    season: FloatArray,
    gap: FloatArray,
    shape: FloatArray,
    z_path: FloatArray,
    z_bar: FloatArray,
    u_bar: FloatArray,
    regimes: FloatArray,
    bars: FloatArray,
    hidden: FloatArray,
) -> None:
    """Fill ``bars`` and ``hidden`` for one chunk, and leave ``state`` where the next one starts.

    state: log mid, variance cluster, x, spread noise, regime.
    settings: sigma of one bar, persistence, cluster weight, jump probability, strength, memory of
    x, spread in ticks, tick in points, points per unit of price, ticks a bar, spread memory,
    spread noise, spread's power of volatility, sigmas of a jump, its clipped square.
    shape: shape (n_bars, n_steps + 1), spread multiple at each step.
    z_bar: columns jump, gap, x, spread, volume. u_bar: columns regime switch, regime, jump.
    regimes: shape (3, 5): volatility, switch probability, cumulative next regime.
    """
    n_bars = season.shape[0]
    n_steps = shape.shape[1] - 1
    base, persistence, weight = settings[0], settings[1], settings[2]
    jump_p, strength, memory = settings[3], settings[4], settings[5]
    spread_ticks, tick_points, scale = settings[6], settings[7], settings[8]
    ticks_per_bar, spread_memory = settings[9], settings[10]
    noise, power = settings[11], settings[12]
    jump_sigmas, jump_square = settings[13], settings[14]
    x_noise = np.sqrt(1.0 - memory * memory)
    spread_noise = np.sqrt(1.0 - spread_memory * spread_memory)
    log_mid, cluster, x, wide, regime = state[0], state[1], state[2], state[3], int(state[4])
    for i in range(n_bars):
        if u_bar[i, 0] < regimes[regime, 1]:
            regime = _next_regime(u_bar[i, 1], regimes[regime])
        level = regimes[regime, 0] * np.sqrt(cluster)
        sigma = base * season[i] * level
        x = memory * x + x_noise * z_bar[i, 2]
        wide = spread_memory * wide + spread_noise * z_bar[i, 3]
        if gap[i] > 0.0:
            step = base * gap[i] * level
            log_mid += step * z_bar[i, 1] - 0.5 * step * step
        hidden[i, 0] = np.exp(log_mid)
        drift = strength * sigma * x
        jump_sigma = jump_sigmas * sigma
        jump_mean = np.log1p(jump_p * np.expm1(0.5 * jump_sigma * jump_sigma))
        step_sigma = sigma / np.sqrt(n_steps)
        step_mean = (drift - 0.5 * sigma * sigma - jump_mean) / n_steps
        jump_at = int(u_bar[i, 2] / jump_p * n_steps) if u_bar[i, 2] < jump_p else -1
        width = spread_ticks * np.exp(noise * wide) * level**power
        shock = 0.0
        bid_high, bid_low, ask_high, ask_low = -np.inf, np.inf, -np.inf, np.inf
        bid, ask = 0.0, 0.0
        for k in range(n_steps + 1):
            if k > 0:
                move = step_sigma * z_path[i, k - 1]
                if jump_at == k - 1:
                    move += jump_sigma * z_bar[i, 0]
                shock += move
                log_mid += move + step_mean
            ticks = max(1.0, np.rint(width * shape[i, k]))
            bid = np.rint(np.exp(log_mid) * scale / tick_points - 0.5 * ticks)
            ask = bid + ticks
            bid_high, bid_low = max(bid_high, bid), min(bid_low, bid)
            ask_high, ask_low = max(ask_high, ask), min(ask_low, ask)
            if k == 0:
                bars[i, 0], bars[i, 4] = bid, ask
        bars[i, 1], bars[i, 2], bars[i, 3] = bid_high, bid_low, bid
        bars[i, 5], bars[i, 6], bars[i, 7] = ask_high, ask_low, ask
        for k in range(8):
            bars[i, k] = bars[i, k] * tick_points / scale
        hidden[i, 1], hidden[i, 2], hidden[i, 3] = np.exp(log_mid), sigma, drift
        activity = ticks_per_bar * season[i] * level**0.7 * np.exp(0.25 * z_bar[i, 4])
        hidden[i, 4], hidden[i, 5] = max(1.0, np.rint(activity)), regime
        z = max(-_SHOCK_MAX, min(_SHOCK_MAX, shock / sigma))
        cluster *= persistence - weight + weight * z * z / (1.0 + jump_p * jump_square)
        cluster += 1.0 - persistence
    state[0], state[1], state[2], state[3], state[4] = log_mid, cluster, x, wide, regime


def price_path(
    time_ns: IntArray,
    timeframe: Timeframe,
    instrument: Instrument,
    *,
    seed: int,
    annual_volatility: float,
    start_price: float,
    n_steps: int,
    strength: float = 0.0,
    half_life_bars: float = 1.0,
    shape: MarketShape = USUAL_SHAPE,
) -> Path:
    """Draw one history of quotes at the given bars.

    Parameters
    ----------
    time_ns : int64, shape (n_bars,)
        Opens of bars from ``bar_times``.
    timeframe : Timeframe
        H1 or shorter.
    instrument : Instrument
    seed : int
    annual_volatility : float
        Of the log mid, fraction a year.
    start_price : float
        First mid.
    n_steps : int
        Steps drawn inside each bar, at least 1.
    strength, half_life_bars : float
        The hidden drift of bar *i* is ``strength * sigma[i] * x[i]``, where x is a stationary
        Ornstein-Uhlenbeck process of variance 1 and this half-life.
    shape : MarketShape

    Returns
    -------
    path : Path

    Notes
    -----
    ``sigma[i]`` is base x season(minute of week) x regime x sqrt(cluster): a Markov chain of three
    regimes, and a GARCH(1, 1) recursion on the standardised shock. Jumps and variance are
    compensated in each step, so that without strength the mid is a martingale:
    ``E[mid_close[i] | past] = mid_close[i - 1]``.
    """
    n_bars = len(time_ns)
    hours = timeframe.nominal_ns / NS_PER_HOUR
    middle = minute_of_week(time_ns + timeframe.nominal_ns // 2)
    season = seasonal_volatility(middle, instrument, shape)
    base = base_volatility(timeframe, instrument, annual_volatility, shape)
    gap = _gaps(time_ns, timeframe, shape)
    persistence = float(np.exp(-hours / shape.cluster_hours))
    tick_points = float(instrument.tick_size / instrument.point)
    spread_points = instrument.spread_points if shape.spread_points is None else shape.spread_points
    settings = np.array([
        base, persistence, min(shape.cluster_weight * np.sqrt(hours), 0.3 * persistence),
        shape.jumps_per_hour * hours, strength, 0.5 ** (1.0 / half_life_bars),
        spread_points / tick_points, tick_points, 10.0**instrument.digits,
        _TICKS_PER_HOUR * hours, shape.spread_memory**hours,
        shape.spread_noise, shape.spread_volatility_power, shape.jump_sigmas,
        _jump_square(shape.jump_sigmas),
    ])  # fmt: skip
    switch = -np.expm1(-hours / np.array(shape.regime_hours))
    regimes = np.column_stack([_regime_multiples(shape), switch, np.cumsum(_REGIME_NEXT, axis=1)])
    sequences = np.random.SeedSequence(seed).spawn(len(STREAMS))
    streams = {name: np.random.default_rng(s) for name, s in zip(STREAMS, sequences, strict=True)}
    first_x = streams["edge"].standard_normal()
    state = np.array([np.log(start_price), 1.0, first_x, 0.0, 1.0])
    bars, hidden = np.empty((n_bars, 8)), np.empty((n_bars, 6))
    week = shape.spread_multiple()
    chunk = max(1, _CHUNK_STEPS // n_steps)
    for i in range(0, n_bars, chunk):
        part = slice(i, min(i + chunk, n_bars))
        size = part.stop - part.start
        z_bar = np.column_stack([
            streams[name].standard_normal(size)
            for name in ("jump", "gap", "edge", "spread", "volume")
        ])  # fmt: skip
        u_bar = streams["regime"].random((size, 3))
        widths = _spread_shape(time_ns[part], timeframe, n_steps, week)
        z_path = streams["path"].standard_normal((size, n_steps))
        _walk(
            state, settings, season[part], gap[part], widths, z_path, z_bar, u_bar, regimes,
            bars[part], hidden[part],
        )  # fmt: skip
    columns = [np.ascontiguousarray(column) for column in hidden.T]
    return Path(bars[:, :4], bars[:, 4:], columns[0], columns[1], *columns[2:])


def _jump_square(sigmas: float) -> float:
    """Return what a jump of this size adds to a squared shock that is clipped, on average.

    The mean square of a normal variable clipped at ``_SHOCK_MAX``, with the jump less without it,
    scaled to what was measured for jumps of 4 sigmas.
    """

    def clipped(variance: float) -> float:
        at = _SHOCK_MAX / float(np.sqrt(variance))
        inside = float(erf(at / np.sqrt(2.0)))
        density = float(np.exp(-0.5 * at * at) / np.sqrt(2.0 * np.pi))
        return variance * (inside - 2.0 * at * density) + _SHOCK_MAX**2 * (1.0 - inside)

    if sigmas == 4.0:
        return _JUMP_SQUARE_OF_4
    of_4 = clipped(17.0) - clipped(1.0)
    return _JUMP_SQUARE_OF_4 * (clipped(1.0 + sigmas * sigmas) - clipped(1.0)) / of_4


def base_volatility(
    timeframe: Timeframe,
    instrument: Instrument,
    annual_volatility: float,
    shape: MarketShape = USUAL_SHAPE,
) -> float:
    """Return sigma of a bar of usual season, regime and cluster: a log return.

    Jumps and gaps are part of the annual variance, so a bar has less than its share of time.
    """
    hours = timeframe.nominal_ns / NS_PER_HOUR
    open_minutes = sum(s.close_minute - s.open_minute for s in instrument.sessions)
    bars_per_week = open_minutes / 60.0 / hours
    variance = bars_per_week * (1.0 + shape.jumps_per_hour * hours * shape.jump_sigmas**2)
    n_daily = len(instrument.sessions) - 1
    variance += (shape.gap_sigmas_weekend**2 + n_daily * shape.gap_sigmas_daily**2) / hours
    return float(annual_volatility / np.sqrt(variance * 365.25 / 7.0))


def _gaps(time_ns: IntArray, timeframe: Timeframe, shape: MarketShape) -> FloatArray:
    """Return the standard deviation of the gap before each bar, in sigmas of a bar."""
    hours = timeframe.nominal_ns / NS_PER_HOUR
    gap = np.zeros(len(time_ns))
    closed = time_ns[1:] - bar_close(time_ns[:-1], timeframe)
    gap[1:][closed > 0] = shape.gap_sigmas_daily / np.sqrt(hours)
    gap[1:][closed > 24 * NS_PER_HOUR] = shape.gap_sigmas_weekend / np.sqrt(hours)
    return gap


def _spread_shape(
    time_ns: IntArray, timeframe: Timeframe, n_steps: int, week: FloatArray
) -> FloatArray:
    """Return the spread multiple at each step of each bar: shape (n_bars, n_steps + 1)."""
    offsets = np.arange(n_steps + 1, dtype=np.int64) * (timeframe.nominal_ns // n_steps)
    offsets[-1] = timeframe.nominal_ns - NS_PER_SECOND
    minutes = minute_of_week(time_ns)[:, None] + offsets[None, :] // NS_PER_MINUTE
    multiples: FloatArray = week[minutes % MINUTES_PER_WEEK]
    return multiples
