"""Fit of the simulated market to a history: level, hours, clusters, tails, gaps, spread."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from assay.data.arrays import FloatArray
from assay.data.bars import Bars
from assay.data.calendar import bar_close, minute_of_week
from assay.data.resample import resample
from assay.data.simulation.price_path import price_path
from assay.data.simulation.shape import USUAL_SHAPE, FittedMarket, MarketShape
from assay.data.spread_statistics import SpreadStatistics, spread_statistics
from assay.domain.errors import DataError
from assay.domain.instrument import Instrument
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe

BARS_MIN = 3_000
_BARS_SIMULATED_MAX = 80_000
_STEPS = 4
_EVALUATIONS_MAX = 240
_GAP_NS_WEEKEND = 24 * NS_PER_HOUR
_WINSOR = 0.995
LAGS = (1, 2, 4, 8, 16, 24, 48, 96, 168, 336)
TAILS = (0.9, 0.97, 0.99, 0.997, 0.999)
BLOCK_BARS = 240
SEED = 20_140_501


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """What a history looks like, in numbers that a simulation can be compared by.

    Attributes
    ----------
    annual_volatility : float
    hourly_volatility : float64, shape (24,)
        By hour of the day in New York, multiple of the mean; NaN where no bar opens.
    tails : float64, shape (n_tails,)
        Quantiles ``TAILS`` of the size of a return, hours taken out, over its median.
    memory : float64, shape (n_lags,)
        Autocorrelation of the size of returns at ``LAGS`` bars, hours taken out.
    slow : float
        Standard deviation of the log of the mean size over blocks of 240 bars.
    gap_weekend, gap_daily : float
        Standard deviation of gaps, in those of an hour's return.
    """

    annual_volatility: float
    hourly_volatility: FloatArray
    tails: FloatArray
    memory: FloatArray
    slow: float
    gap_weekend: float
    gap_daily: float

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "annual_volatility": self.annual_volatility,
            "hourly_volatility": self.hourly_volatility.tolist(),
            "tails": dict(zip(map(str, TAILS), self.tails.tolist(), strict=True)),
            "memory": dict(zip(map(str, LAGS), self.memory.tolist(), strict=True)),
            "slow": self.slow,
            "gap_weekend": self.gap_weekend,
            "gap_daily": self.gap_daily,
        }


def portrait(bars: Bars, instrument: Instrument) -> Portrait:
    """Measure a history of H1 bars.

    Parameters
    ----------
    bars : Bars
        H1, bid or both sides.
    instrument : Instrument
        Its trading hours turn the variance of bars into that of a year.
    """
    first, last = _mid(bars.open, bars.ask_open), _mid(bars.close, bars.ask_close)
    moves = np.log(last / first)
    hour = minute_of_week(bars.time_ns) // 60 % 24
    by_hour = np.array([_robust_sigma(moves[hour == h]) for h in range(24)])
    mean_hour = float(np.sqrt(np.nanmean(by_hour**2)))
    season = np.where(np.isnan(by_hour), mean_hour, np.maximum(by_hour, 0.05 * mean_hour))
    z = np.abs(moves / season[hour])
    weekend, daily = _gaps_of(bars, first, last)
    hourly = float(np.sqrt(np.mean(moves**2)))
    gaps = [_robust_sigma(gap) / hourly if len(gap) >= 20 else 0.0 for gap in (weekend, daily)]
    size = np.minimum(z, np.quantile(z, _WINSOR))
    blocks = size[: len(size) // BLOCK_BARS * BLOCK_BARS].reshape(-1, BLOCK_BARS).mean(axis=1)
    return Portrait(
        annual_volatility=_annual(hourly, gaps, instrument),
        hourly_volatility=by_hour / mean_hour,
        tails=np.quantile(z, TAILS) / np.median(z[z > 0.0]),
        memory=np.array([_autocorrelation(size, lag) for lag in LAGS]),
        slow=float(np.std(np.log(np.maximum(blocks, 1e-9)))),
        gap_weekend=gaps[0],
        gap_daily=gaps[1],
    )


def _mid(bid: FloatArray, ask: FloatArray | None) -> FloatArray:
    return bid if ask is None else 0.5 * (bid + ask)


def _robust_sigma(moves: FloatArray) -> float:
    """Return the standard deviation, the largest half per cent counted as the next smaller."""
    if len(moves) < 20:
        return float("nan")
    size = np.abs(moves)
    limit = float(np.quantile(size, _WINSOR))
    return float(np.sqrt(np.mean(np.minimum(size, max(limit, 1e-12)) ** 2)))


def _gaps_of(bars: Bars, first: FloatArray, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log gaps over weekends and over daily pauses; longer holes are not counted."""
    closed = bars.time_ns[1:] - bar_close(bars.time_ns[:-1], bars.timeframe)
    gap = np.log(first[1:] / last[:-1])
    is_weekend = (closed > _GAP_NS_WEEKEND) & (closed < 4 * _GAP_NS_WEEKEND)
    return gap[is_weekend], gap[(closed > 0) & (closed <= 3 * NS_PER_HOUR)]


def _annual(hourly: float, gaps: list[float], instrument: Instrument) -> float:
    minutes = sum(item.close_minute - item.open_minute for item in instrument.sessions)
    n_daily = len(instrument.sessions) - 1
    weekly = minutes / 60.0 + gaps[0] ** 2 + n_daily * gaps[1] ** 2
    return hourly * float(np.sqrt(weekly * 365.25 / 7.0))


def _autocorrelation(values: FloatArray, lag: int) -> float:
    if len(values) <= 2 * lag:
        return 0.0
    centred = values - values.mean()
    variance = float(np.mean(centred**2))
    return float(np.mean(centred[lag:] * centred[:-lag])) / variance if variance else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFit:
    """A fitted market and how close it came.

    Attributes
    ----------
    market : FittedMarket
    history, simulated : Portrait
    bars, simulated_bars : Bars
        H1, for plots.
    spread, simulated_spread : SpreadStatistics or None
    distance : float
        Root mean square of the differences the search made small; 0 is a perfect likeness.
    """

    market: FittedMarket
    history: Portrait
    simulated: Portrait
    bars: Bars
    simulated_bars: Bars
    spread: SpreadStatistics | None
    simulated_spread: SpreadStatistics | None
    distance: float

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "symbol": self.market.symbol,
            "series": self.market.series,
            "annual_volatility": self.market.annual_volatility,
            "start_price": self.market.start_price,
            "shape": self.market.shape.as_json(),
            "history": self.history.as_json(),
            "simulated": self.simulated.as_json(),
            "distance": self.distance,
        }


def fit_market(
    bars: Bars,
    instrument: Instrument,
    *,
    spread: SpreadStatistics | None = None,
    content_hash: str = "",
    heard: Callable[[], None] = lambda: None,
) -> MarketFit:
    """Fit the shape of the simulated market to a history.

    Parameters
    ----------
    bars : Bars
        H1 or shorter, at least 3,000 hours of them.
    instrument : Instrument
    spread : SpreadStatistics, optional
        Of the symbol; without it the typical week and the instrument's spread are kept.
    content_hash : str
        Of the stored bars; kept with the fit.
    heard : callable
        Called once for each simulation tried, at most 240 times.

    Raises
    ------
    DataError
        If the bars are too few or longer than H1.

    Notes
    -----
    Hours of the day, gaps, level and spread are measured. Clusters, regimes and jumps are found by
    the method of simulated moments: Nelder-Mead over five parameters, the same random numbers in
    each simulation, distances of log tail quantiles, of autocorrelations and of the slow part of
    volatility. A fit describes; that a strategy earns in the fitted market proves nothing about
    the real one.

    References
    ----------
    McFadden, D. (1989). A method of simulated moments for estimation of discrete response models
    without numerical integration. *Econometrica*, 57(5), 995-1026.
    """
    if bars.timeframe.value > Timeframe.H1.value:
        raise _unfit(bars, f"be H1 or shorter; were {bars.timeframe.name}")
    hours = bars if bars.timeframe is Timeframe.H1 else resample(bars, Timeframe.H1)
    if len(hours) < BARS_MIN:
        raise _unfit(bars, f"span at least {BARS_MIN:,} trading hours; had {len(hours):,}")
    history = portrait(hours, instrument)
    start = replace(
        USUAL_SHAPE,
        hourly_volatility=tuple(_filled(history.hourly_volatility)),
        gap_sigmas_weekend=history.gap_weekend,
        gap_sigmas_daily=history.gap_daily,
        **_spread_shape(spread, hours, instrument),
    )
    last = float(
        _mid(hours.close[-1:], None if hours.ask_close is None else hours.ask_close[-1:])[0]
    )
    setting = _Setting(hours, instrument, history, start, last)

    def tried(parameters: FloatArray) -> float:
        heard()
        return setting.distance(parameters)

    found = minimize(
        tried,
        np.zeros(len(_STEP)),
        method="Nelder-Mead",
        options={
            "maxfev": _EVALUATIONS_MAX,
            "initial_simplex": np.vstack([np.zeros(len(_STEP)), np.diag(_STEP)]),
            "xatol": 0.02,
            "fatol": 1e-4,
        },
    )
    shape = setting.shape(found.x)
    simulated = setting.simulated(shape)
    result = portrait(simulated, instrument)
    # One more step for the levels, so that the year's volatility and the usual spread are met.
    level = history.annual_volatility**2 / result.annual_volatility
    if spread is not None and shape.spread_points is not None:
        came_out = spread_statistics(bars.symbol, "simulated H1", [simulated]).overall_median
        points = shape.spread_points * spread.overall_median / came_out
        shape = replace(shape, spread_points=points)
    market = FittedMarket(
        symbol=bars.symbol,
        series=bars.timeframe.name,
        content_hash=content_hash,
        annual_volatility=float(level),
        start_price=last,
        shape=shape,
    )
    simulated = setting.simulated(shape, float(level))
    return MarketFit(
        market=market,
        history=history,
        simulated=portrait(simulated, instrument),
        bars=hours,
        simulated_bars=simulated,
        spread=spread,
        simulated_spread=spread_statistics(bars.symbol, "simulated H1", [simulated]),
        distance=float(found.fun),
    )


def _unfit(bars: Bars, rule: str) -> DataError:
    return DataError(
        f"{bars.symbol} {bars.timeframe.name} must, to be fitted, {rule}.",
        remedy="Import a longer history of H1 bars or shorter ones.",
        symbol=bars.symbol,
        timeframe=bars.timeframe.name,
    )


def _filled(hourly: FloatArray) -> FloatArray:
    return np.where(np.isfinite(hourly), np.maximum(hourly, 0.05), 0.5)


# Cluster hours, cluster weight, jumps an hour, size of a jump, contrast of regimes: log factors.
_STEP = (0.5, 0.5, 0.6, 0.25, 0.25)


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a trial of the search is compared with, and how it is simulated."""

    bars: Bars
    instrument: Instrument
    history: Portrait
    start: MarketShape
    price: float

    def shape(self, parameters: FloatArray) -> MarketShape:
        """Return the shape at log factors of the starting one."""
        cluster, weight, jumps, size, contrast = np.clip(parameters, -3.0, 3.0)
        calm, usual, stressed = USUAL_SHAPE.regime_volatility
        power = float(np.exp(contrast))
        return replace(
            self.start,
            cluster_hours=USUAL_SHAPE.cluster_hours * float(np.exp(cluster)),
            cluster_weight=min(0.5, USUAL_SHAPE.cluster_weight * float(np.exp(weight))),
            jumps_per_hour=min(0.2, USUAL_SHAPE.jumps_per_hour * float(np.exp(jumps))),
            jump_sigmas=min(20.0, USUAL_SHAPE.jump_sigmas * float(np.exp(size))),
            regime_volatility=(calm**power, usual**power, stressed**power),
        )

    def simulated(self, shape: MarketShape, volatility: float | None = None) -> Bars:
        """Return H1 bars at the times of the history, or of its last stretch."""
        time_ns = self.bars.time_ns[-_BARS_SIMULATED_MAX:]
        path = price_path(
            time_ns,
            Timeframe.H1,
            self.instrument,
            seed=SEED,
            annual_volatility=volatility or self.history.annual_volatility,
            start_price=self.price,
            n_steps=_STEPS,
            shape=shape,
        )
        bid, ask = path.bid.T.copy(), path.ask.T.copy()
        return Bars(
            symbol=self.bars.symbol,
            timeframe=Timeframe.H1,
            time_ns=time_ns,
            open=bid[0],
            high=bid[1],
            low=bid[2],
            close=bid[3],
            volume=path.volume,
            spread=ask[3] - bid[3],
            ask_open=ask[0],
            ask_high=ask[1],
            ask_low=ask[2],
            ask_close=ask[3],
        )

    def distance(self, parameters: FloatArray) -> float:
        """Return how unlike a trial is to the history."""
        trial = portrait(self.simulated(self.shape(parameters)), self.instrument)
        tails = np.log(trial.tails / self.history.tails) / 0.10
        memory = (trial.memory - self.history.memory) / 0.03
        slow = np.log(max(trial.slow, 1e-3) / max(self.history.slow, 1e-3)) / 0.10
        weak = 0.02 * np.asarray(parameters)  # keeps what the data do not decide near the usual
        return float(np.sqrt(np.mean(np.concatenate([tails, memory, [slow], weak]) ** 2)))


def _spread_shape(
    spread: SpreadStatistics | None, bars: Bars, instrument: Instrument
) -> dict[str, Any]:
    """Return the fields of a shape that describe the spread."""
    if spread is None:
        return {}
    multiples = spread.multiples()
    slots = min(len(multiples), 672)
    week = np.median(multiples.reshape(slots, -1), axis=1)
    points = spread.overall_median / float(instrument.point)
    fields: dict[str, Any] = {
        "spread_week": tuple(float(value) for value in np.clip(week, 0.05, 1_000.0)),
        "spread_points": points,
    }
    known = bars.spread > 0.0
    if np.count_nonzero(known) < BARS_MIN:
        return fields
    expected = (
        np.median(bars.spread[known])
        * multiples[minute_of_week(bars.time_ns + 59 * 60 * 10**9) // spread.slot_minutes]
    )
    noise = np.log(bars.spread[known] / expected[known])
    # Spreads drift over years; a rolling median takes that out of the hourly noise.
    noise = noise - np.median(noise)
    noise = np.clip(noise, *np.quantile(noise, (0.005, 0.995)))
    fields["spread_noise"] = float(np.clip(np.std(noise), 0.0, 3.0))
    fields["spread_memory"] = float(np.clip(_autocorrelation(noise, 1), 0.0, 0.999))
    return fields
