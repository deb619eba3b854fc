"""What a run hands to its judges: strategies, forecasts, folds and scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.kernels.compiler import FloatArray, IntArray

TITLES: Mapping[str, str] = {
    "hybrid": "Hybrid",
    "ai": "AI only",
    "indicators": "Indicators only",
    "buy_and_hold": "Buy and hold",
    "random": "Random entries",
}
"""How the known strategies are called in front of a reader."""


def title_of(name: str) -> str:
    """Return what a strategy of this name is called in front of a reader."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyResult:
    """The out-of-sample life of one strategy on one account.

    Attributes
    ----------
    name : str
        ``hybrid``, ``ai``, ``indicators``, ``buy_and_hold``, ``random`` or any other word.
    time_ns : int64, shape (n_events,)
        When each event is known (bar closes), UTC nanoseconds, not decreasing.
    equity, balance : float64, shape (n_events,)
        Account currency, at the close of each event.
    trades : structured array, shape (n_trades,)
        Round trips as in ``docs/execution.md``: ``symbol, side, entry_event, entry_price,
        exit_event, exit_price, lots, gross, commission, swap, net`` and, where the engine
        gives them, ``reason`` (an ``ExitReason``), ``is_ambiguous, is_resolved, bars_held,
        risk, score, p_win, mae, mfe``. ``symbol`` indexes *symbols*, ``side`` is +1 or -1, event
        numbers index *time_ns*. ``commission`` is a positive cost, ``swap`` is signed
        (negative is paid), and ``net = gross - commission + swap``.
    fills : structured array, shape (n_fills,)
    refusals : mapping of str to int
        How often each reason said no.
    start_balance : float
        Account currency before the first event.
    symbols : tuple of str
        Names behind ``trades["symbol"]``.
    open_ns : int64, shape (n_events,), or None
        Open of each event's bar; entries happen there. None: *time_ns* is used.
    spread_cost, slippage_cost : float
        What crossing the spread and slippage cost over all fills, account currency,
        positive; they are inside ``gross``. NaN where unknown.
    end_swap, end_commission : float
        Costs of positions still open at the end, which no trade holds yet.
    """

    name: str
    time_ns: IntArray
    equity: FloatArray
    balance: FloatArray
    trades: NDArray[Any]
    fills: NDArray[Any]
    refusals: Mapping[str, int]
    start_balance: float
    symbols: tuple[str, ...] = ()
    open_ns: IntArray | None = None
    spread_cost: float = float("nan")
    slippage_cost: float = float("nan")
    end_swap: float = 0.0
    end_commission: float = 0.0

    @property
    def title(self) -> str:
        """Name for a reader."""
        return title_of(self.name)

    @property
    def entry_ns(self) -> IntArray:
        """When each trade was entered, int64, shape (n_trades,)."""
        times = self.time_ns if self.open_ns is None else self.open_ns
        return times[self.trades["entry_event"]] if len(self.trades) else _no_times()

    @property
    def exit_ns(self) -> IntArray:
        """Close of the event in which each trade ended, int64, shape (n_trades,)."""
        return self.time_ns[self.trades["exit_event"]] if len(self.trades) else _no_times()


def _no_times() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasts:
    """Calibrated forecasts made out of sample, with what then happened.

    Attributes
    ----------
    time_ns : int64, shape (n,)
        When the forecast was made.
    p : float64, shape (n,)
        Calibrated probability of the outcome, [0, 1].
    y : int8, shape (n,)
        1 if the outcome happened, else 0.
    horizon : int64, shape (n,)
        Bars until the outcome was known.
    fold : int64, shape (n,)
        Walk-forward fold that made the forecast.
    weight : float64, shape (n,), or None
        Uniqueness weights of overlapping labels; None counts every forecast as one.
    symbols : tuple of str
    symbol : int64, shape (n,), or None
        What each was made of: an index into *symbols*. None: one market.
    """

    time_ns: IntArray
    p: FloatArray
    y: NDArray[np.int8]
    horizon: IntArray
    fold: IntArray
    weight: FloatArray | None = None
    symbols: tuple[str, ...] = ()
    symbol: IntArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldSpan:
    """One walk-forward step: spans are half-open, in UTC nanoseconds."""

    index: int
    train_start_ns: int
    train_stop_ns: int
    test_start_ns: int
    test_stop_ns: int
    n_train: int
    n_test: int
    n_purged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureScore:
    """How much one feature matters, and how often it was chosen.

    Attributes
    ----------
    name : str
    importance : float
        Share of the total over all features and folds, [0, 1].
    stability : float
        Share of folds whose selection kept it, [0, 1].
    methods : mapping of str to float
        Score per selection method, [0, 1] each.
    """

    name: str
    importance: float
    stability: float
    methods: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScore:
    """One model's out-of-fold quality and its voice in the ensemble; NaN where unknown.

    Attributes
    ----------
    name : str
    weight : float
        Mean weight in the stack over the folds.
    log_loss, brier : float
        Out of fold; lower is better. A coin scores 0.6931 and 0.25.
    auc : float
        Out of fold; 0.5 is a coin.
    """

    name: str
    weight: float
    log_loss: float = float("nan")
    brier: float = float("nan")
    auc: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileScore:
    """One level of the forecast distribution of the move, out of sample.

    Attributes
    ----------
    level : float
        What was promised, (0, 1).
    below : float
        Share of the outcomes at or below the forecast; equal to *level* if it is calibrated.
    loss, usual_loss : float
        Mean pinball loss, in volatilities of the horizon: of the forecast, and of the level in
        the training rows, which knows nothing of the bar. Lower is better.
    """

    level: float
    below: float
    loss: float
    usual_loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Regimes:
    """The market's state at each event, as known then.

    Attributes
    ----------
    time_ns : int64, shape (n,)
        When the label was known, increasing.
    label : int64, shape (n,)
        Index into *names*; -1 where no label was known.
    names : tuple of str
    """

    time_ns: IntArray
    label: IntArray
    names: tuple[str, ...]
