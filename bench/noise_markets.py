"""Markets without an edge, four ways: what a pipeline finds in them is luck or a leak.

Walks and GARCH are made on the hours of simulated gold; shuffled and flipped histories are made
from real ones. None of them has a drift that the past foretells.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.importers.importing import import_file
from assay.data.simulation.market import SimulatedMarket, simulate

KINDS = ("walk", "garch", "shuffled", "flipped")
STEPS = 8
"""Steps inside a bar, so that highs and lows are those of a path."""
BLOCK_BARS = 24
HOURLY_VOLATILITY = 0.0022
SPREAD = 0.00015
"""Share of the price."""


def noise_market(kind: str, seed: int, years: float, histories: list[Path]) -> Bars:
    """Return one market without an edge.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    seed : int
    years : float
        Length of walks and GARCH; histories keep their own.
    histories : list of Path
        Real hourly histories; the seed chooses one.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    if kind in ("walk", "garch"):
        gold = load_instrument("XAUUSD")
        hours = simulate(SimulatedMarket(seed=seed, years=years), gold)
        n = len(hours)
        volatility = np.full(n, HOURLY_VOLATILITY) if kind == "walk" else _garch(n, rng)
        return _from_steps(hours, volatility, rng)
    path = histories[seed % len(histories)]
    symbol = path.name.split("_")[0]
    imported = import_file(path, symbol=symbol, timezone="UTC").series
    assert isinstance(imported, Bars)
    bars = replace(imported, ask_open=None, ask_high=None, ask_low=None, ask_close=None)
    return _shuffled(bars, rng) if kind == "shuffled" else _flipped(bars, rng)


def _garch(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the volatility of GARCH(1, 1) returns with a persistence of 0.98."""
    alpha, beta = 0.06, 0.92
    level = HOURLY_VOLATILITY**2
    variance = np.empty(n)
    variance[0] = level
    shock = rng.standard_normal(n)
    for i in range(1, n):
        variance[i] = (
            (1.0 - alpha - beta) * level
            + alpha * variance[i - 1] * shock[i - 1] ** 2
            + beta * variance[i - 1]
        )
    return np.sqrt(variance)


def _from_steps(hours: Bars, volatility: np.ndarray, rng: np.random.Generator) -> Bars:
    """Return bars of a walk with this volatility on the hours of *hours*."""
    n = len(hours)
    steps = rng.standard_normal((n, STEPS)) * (volatility / np.sqrt(STEPS))[:, None]
    steps -= 0.5 * (volatility**2 / STEPS)[:, None]
    path = np.log(1_500.0) + np.cumsum(steps).reshape(n, STEPS)
    begin = np.concatenate(([np.log(1_500.0)], path[:-1, -1]))
    every = np.column_stack((begin, path))
    return _bars(hours, begin, every.max(axis=1), every.min(axis=1), path[:, -1], digits=2)


def _shapes(bars: Bars) -> tuple[np.ndarray, ...]:
    """Return each bar's gap, high, low and close as log moves, the last three from its open."""
    close = np.log(bars.close)
    begin = np.log(bars.open)
    gap = np.concatenate(([0.0], begin[1:] - close[:-1]))
    return gap, np.log(bars.high) - begin, np.log(bars.low) - begin, close - begin


def _joined(
    bars: Bars, gap: np.ndarray, up: np.ndarray, down: np.ndarray, move: np.ndarray
) -> Bars:
    """Return bars with these shapes, one after the other, without the drift of the whole."""
    drift = float(np.sum(gap + move)) / len(bars)
    move, up, down = move - drift, np.maximum(up - drift, 0.0), np.minimum(down - drift, 0.0)
    end = np.log(bars.open[0]) + np.cumsum(gap + move)
    begin = end - move
    digits = max(len(f"{price:.10g}".partition(".")[2]) for price in bars.close[:500])
    high, low = np.maximum(begin + up, end), np.minimum(begin + down, end)
    return _bars(bars, begin, np.maximum(high, begin), np.minimum(low, begin), end, digits=digits)


def _shuffled(bars: Bars, rng: np.random.Generator) -> Bars:
    """Put blocks of bars in a random order."""
    blocks = np.array_split(np.arange(len(bars)), len(bars) // BLOCK_BARS)
    order = np.concatenate([blocks[k] for k in rng.permutation(len(blocks))])
    return _joined(bars, *(shape[order] for shape in _shapes(bars)))


def _flipped(bars: Bars, rng: np.random.Generator) -> Bars:
    """Turn blocks of bars upside down at random."""
    sign = np.repeat(rng.choice((-1.0, 1.0), len(bars) // BLOCK_BARS + 1), BLOCK_BARS)[: len(bars)]
    gap, up, down, move = _shapes(bars)
    flipped_up = np.where(sign > 0.0, up, -down)
    flipped_down = np.where(sign > 0.0, down, -up)
    return _joined(bars, sign * gap, flipped_up, flipped_down, sign * move)


def _bars(
    like: Bars,
    begin: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    end: np.ndarray,
    *,
    digits: int,
) -> Bars:
    """Return the prices of these logarithms on the clock of *like*, with a steady spread."""
    prices = [np.round(np.exp(column), digits) for column in (begin, high, low, end)]
    spread = like.spread
    if np.isnan(spread).all():
        spread = np.round(SPREAD * prices[3], digits)
    return replace(
        like,
        open=prices[0],
        high=np.maximum.reduce(prices),
        low=np.minimum.reduce(prices),
        close=prices[3],
        spread=spread,
        ask_open=None,
        ask_high=None,
        ask_low=None,
        ask_close=None,
    )
