"""A market whose wicks tell the drift that is about to come, and columns that read them."""

import numpy as np

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.domain.timeframe import Timeframe
from assay.research.dataset import Dataset, build_dataset
from assay.strategy import Strategy

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
HOUR_NS = 3_600 * 10**9

SETTINGS = Settings.model_validate(
    {
        "training": {"algorithms": ["logistic"], "features_max": 4, "rows_min": 300},
        "features": {"names": ["drift_8", "drift_32", "rsi_14"], "timeframes": ["H4"]},
        "labels": {"horizon_bars": 8, "volatility_bars": 30},
        "evaluation": {"folds": 2, "bootstrap_samples": 100},
        "fusion": {"pass_score": 0.52},
        "quality": {"accept": "a market made up for tests"},
        "run": {"workers": 1},
    }
)

COLUMNS = '''
@feature(warm_up=20)
def tip(bars):
    """Upper less lower wick, mean of 20 bars, in thousandths of the price."""
    total = np.cumsum((bars.high + bars.low - bars.open - bars.close) / bars.close)
    mean = np.full(len(bars), np.nan)
    mean[20:] = (total[20:] - total[:-20]) / 20
    return 1_000 * mean


@feature(warm_up=24)
def rise_h4(bars):
    return higher(bars, "H4", lambda longer: longer.close / longer.open - 1.0)


@signal(warm_up=20)
def tip_vote(bars):
    return np.tanh(tip(bars))
'''


def hourly(n_bars: int) -> np.ndarray:
    """Return opens of hourly bars, weekends left out."""
    hours = np.arange(n_bars) + np.arange(n_bars) // 120 * 48
    return (1_577_923_200 + hours * 3_600) * 10**9


def tipped(n_bars: int, *, seed: int = 5) -> Bars:
    """Gold whose drift changes sides every 48 bars; its wicks know that a bar ahead."""
    generator = np.random.default_rng(seed)
    side = np.repeat(generator.choice([-1.0, 1.0], n_bars // 48 + 2), 48)[: n_bars + 1]
    moves = 0.002 * (0.25 * side[:-1] + generator.normal(size=n_bars))
    close = np.round(1_800.0 * np.exp(np.cumsum(moves)), 2)
    open_ = np.concatenate(([1_800.0], close[:-1]))
    wicks = np.round(generator.uniform(0.0, 2.0, (2, n_bars)), 2)
    high = np.maximum(open_, close) + wicks[0] + 3.0 * (side[1:] > 0)
    low = np.minimum(open_, close) - wicks[1] - 3.0 * (side[1:] < 0)
    return Bars(
        symbol="XAUUSD",
        timeframe=Timeframe.H1,
        time_ns=hourly(n_bars),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=np.round(generator.uniform(400.0, 600.0, n_bars)),
        spread=np.full(n_bars, 0.2),
        ask_open=open_ + 0.2,
        ask_high=high + 0.2,
        ask_low=low + 0.2,
        ask_close=close + 0.2,
    )


N_BARS = 3_000
BARS = tipped(N_BARS)


def dataset_of(strategy: Strategy | None, settings: Settings = SETTINGS) -> Dataset:
    """Return the dataset of BARS with the columns of *strategy*."""
    return build_dataset({"XAUUSD": BARS}, GOLD, {"XAUUSD": np.ones(N_BARS)}, settings, strategy)
