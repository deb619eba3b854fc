"""Markets in which it is known which risk settings are good: seconds, not minutes."""

from functools import cache

import numpy as np

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.domain.progress import SilentProgress
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe
from assay.engine.tape import build_tape
from assay.engine.views import Views
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.risk_search.found import RiskSearch
from assay.research.risk_search.ranges import ranges_of
from assay.research.risk_search.search import search_risk
from assay.research.risk_search.task import Plan

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
MONDAY = 1_262_563_200 * 10**9
EVERY = 40
"""Bars from one signal to the next."""
LIFE = 12
"""Bars that a planted move lasts before the market takes it back."""
SETTINGS = Settings.model_validate(
    {
        "run": {"workers": 1},
        "account": {"balance": 100_000.0},
        "exits": {"stop_atr": 8.0},
        "search": {"space": {"exits.time_stop_bars": {"low": 4, "high": 60, "step": 1}}},
    }
)
SILENT = SilentProgress()


def hours(n_bars: int):
    """Return the opens of hourly bars from Monday 00:00 to Friday 20:00 UTC."""
    week = np.arange(117)
    every = (np.arange(n_bars // 117 + 1)[:, None] * 168 + week).reshape(-1)[:n_bars]
    return MONDAY + every * NS_PER_HOUR


def prices(rng, drift):
    """Return open, high, low and close of a walk that drifts."""
    n_bars = len(drift)
    close = 1_500.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, n_bars) + drift))
    open_ = np.r_[1_500.0, close[:-1]]
    reach = np.abs(rng.normal(0.0, 3e-4, (2, n_bars)))
    high = np.maximum(open_, close) * (1.0 + reach[0])
    low = np.minimum(open_, close) * (1.0 - reach[1])
    return (np.round(item, 2) for item in (open_, high, low, close))


@cache
def world(seed: int, n_bars: int = 12_000, *, drift: float = 0.0) -> tuple[Market, Views]:
    """Return a market and views: each signal is right for ``LIFE`` bars and wrong thereafter."""
    rng = np.random.default_rng(seed)
    side = rng.choice([-1, 1], n_bars // EVERY + 1)
    since = np.arange(n_bars) % EVERY
    signal = side[np.arange(n_bars) // EVERY]
    way = np.where((since >= 1) & (since <= LIFE), 1.0, -LIFE / (EVERY - LIFE))
    open_, high, low, close = prices(rng, drift * way * signal)
    spread = np.full(n_bars, 0.2)
    bars = Bars(
        symbol="XAUUSD",
        timeframe=Timeframe.H1,
        time_ns=hours(n_bars),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=np.full(n_bars, 1_000.0),
        spread=spread,
        ask_open=open_ + spread,
        ask_high=high + spread,
        ask_low=low + spread,
        ask_close=close + spread,
    )
    tape = build_tape({"XAUUSD": bars}, GOLD, SETTINGS.costs, "USD")
    unit = np.full(n_bars, 2.5)
    market = Market(tape=tape, atr=unit, instruments=GOLD, settings=SETTINGS)
    direction = np.where(since == 0, signal, 0).astype(np.int8)
    score = np.where(since == 0, 0.7, 0.5)
    views = Views.of(direction, score=score, p_win=0.6, payoff=1.2, loss=5.0, unit=unit)
    return market, views


def plan(n_cases: int = 1_024, **changes: object) -> Plan:
    return Plan(ranges=ranges_of(SETTINGS), n_cases=n_cases, **changes)


def searched(
    market: Market, views: Views, asked: Plan | None = None, *, place: Place | None = None
) -> RiskSearch:
    return search_risk(
        market, views, asked or plan(), place=place or Place(), progress=SILENT, seed=3
    )
