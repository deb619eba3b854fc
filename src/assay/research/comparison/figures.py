"""What each compared strategy showed on the shared days, and what choosing among them is worth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.data.calendar import trading_day_start
from assay.domain.time import NS_PER_HOUR
from assay.kernels.compiler import FloatArray
from assay.research.comparison.entrant import DayArray, Entrant
from assay.research.comparison.shared_days import SharedDays
from assay.research.drawdown import duration_max
from assay.research.metrics import Estimate, path_estimates, rng_for, trade_estimates
from assay.research.statistics.overfitting import overfitting
from assay.research.statistics.sharpe import (
    deflated_sharpe,
    expected_maximum,
    kurtosis,
    sharpe_ratio,
    skewness,
)
from assay.research.trials.evidence import TrialEvidence, evidence_of
from assay.research.trials.trial import Trial, monthly_returns

COMPARED_MIN = 5
"""Strategies from which the probability of backtest overfitting says something."""
PBO_BLOCKS = 16
DAYS_PER_BLOCK_MIN = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One strategy on the shared days.

    Attributes
    ----------
    letter : str
        ``A``, ``B`` and so on, in the order in which they were named.
    name, run, strategy, title : str
    verdict : str
        Of its run, if it was judged; else empty.
    deflated_sharpe_then, trials_then
        As it was judged then, over its own days; NaN and 0 where unknown.
    own_days : int
    own_first, own_last : str
        Its own record, ISO days.
    total_return : float
        Over the shared days, as a fraction.
    sharpe, sortino, cagr, volatility, drawdown, calmar, cvar_day : Estimate
        As in ``research.metrics.Metrics``, on the shared days.
    drawdown_days : int
        Longest stretch below a peak, shared days.
    skew, kurtosis : float
        Of daily returns; kurtosis is raw.
    n_trades : int
        Trades that ended in the shared span.
    win_rate, profit_factor, payoff : Estimate
    """

    letter: str
    name: str
    run: str
    strategy: str
    title: str
    verdict: str
    deflated_sharpe_then: float
    trials_then: int
    own_days: int
    own_first: str
    own_last: str
    total_return: float
    sharpe: Estimate
    sortino: Estimate
    cagr: Estimate
    volatility: Estimate
    drawdown: Estimate
    calmar: Estimate
    cvar_day: Estimate
    drawdown_days: int
    skew: float
    kurtosis: float
    n_trades: int
    win_rate: Estimate
    profit_factor: Estimate
    payoff: Estimate

    @property
    def is_idle(self) -> bool:
        """Whether it never moved on the shared days."""
        return math.isnan(self.sharpe.value)

    @property
    def sharpe_or_zero(self) -> float:
        """The annual Sharpe ratio; 0 for a strategy that never moved."""
        return 0.0 if math.isnan(self.sharpe.value) else self.sharpe.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the best of the compared strategies is worth, as it was chosen among them.

    Attributes
    ----------
    best : str
        Highest Sharpe ratio on the shared days.
    n_days : int
        Shared days on which it was looked for.
    compared : int
    compared_effective : float
        Independent strategies among them.
    luck_sharpe : float
        Annual ratio that the best of so many worthless ones would show.
    deflated_sharpe : float
        Probability that the true ratio of the best exceeds that.
    trials : int
        In the ledger of the workspace now; 0 where there is none.
    trials_effective : float
    trials_luck_sharpe, trials_deflated_sharpe : float
        The same among all of these trials.
    """

    best: str
    n_days: int
    compared: int
    compared_effective: float
    luck_sharpe: float
    deflated_sharpe: float
    trials: int
    trials_effective: float
    trials_luck_sharpe: float
    trials_deflated_sharpe: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitted:
    """Whether the best in one half of the days is still good in the other (CSCV).

    Attributes
    ----------
    probability : float
        Share of splits whose winner was at or below the median in the other half.
    probability_of_loss : float
        Share of splits whose winner lost money there.
    n_splits : int
    """

    probability: float
    probability_of_loss: float
    n_splits: int


def figures_of(
    entrants: Sequence[Entrant],
    shared: SharedDays,
    *,
    confidence: float,
    samples: int,
    seed: int,
) -> tuple[Figures, ...]:
    """Measure every entrant on the shared days."""
    return tuple(
        _figures(item, shared, place, confidence=confidence, samples=samples, seed=seed)
        for place, item in enumerate(entrants)
    )


def _figures(
    item: Entrant, shared: SharedDays, place: int, *, confidence: float, samples: int, seed: int
) -> Figures:
    daily = shared.daily(place)
    rng = rng_for(seed, "comparison", "figures", item.name)
    net = _net_in(item, shared.day)
    path = path_estimates(daily, samples, confidence, rng)
    trades = trade_estimates(net, samples, confidence, rng)
    return Figures(
        letter=letter_of(place),
        name=item.name,
        run=item.run,
        strategy=item.strategy,
        title=item.title,
        verdict=item.verdict,
        deflated_sharpe_then=item.deflated_sharpe,
        trials_then=item.n_trials,
        own_days=len(item.day),
        own_first=str(item.day[0]),
        own_last=str(item.day[-1]),
        total_return=float(daily.equity[-1]) - 1.0,
        drawdown_days=duration_max(np.concatenate(([1.0], daily.equity))),
        skew=skewness(daily.returns),
        kurtosis=kurtosis(daily.returns),
        n_trades=len(net),
        win_rate=trades["win_rate"],
        profit_factor=trades["profit_factor"],
        payoff=trades["payoff"],
        **path,
    )


def letter_of(place: int) -> str:
    """Return the letter of a place: A to Z, then A2 to Z2.

    Examples
    --------
    >>> letter_of(0), letter_of(25), letter_of(26)
    ('A', 'Z', 'A2')
    """
    turn, step = divmod(place, 26)
    return chr(ord("A") + step) + (str(turn + 1) if turn else "")


def _net_in(item: Entrant, day: DayArray) -> FloatArray:
    """Return the net profits of the trades that ended in the shared span, in order of exit."""
    trades = item.trades
    if not len(trades.exit_ns):
        return np.empty(0)
    begun = trading_day_start(trades.exit_ns - 1) + 20 * NS_PER_HOUR
    ended = begun.astype("datetime64[ns]").astype("datetime64[D]")
    order = np.argsort(trades.exit_ns, kind="stable")
    inside = (ended >= day[0]) & (ended <= day[-1])
    return np.ascontiguousarray(trades.net[order][inside[order]])


def selection_of(
    figures: Sequence[Figures], shared: SharedDays, trials: TrialEvidence | None
) -> Selection:
    """Return what choosing the best of *figures* is worth.

    Parameters
    ----------
    figures : sequence of Figures
        In the order of the columns of *shared*.
    shared : SharedDays
    trials : TrialEvidence or None
        From the ledger of the workspace.

    Notes
    -----
    The deflated Sharpe ratio with the compared strategies as trials: those nearly the same count
    as one, the variance is that of luck. It is a floor: who compares has chosen what to compare.
    """
    best = max(range(len(figures)), key=lambda place: (figures[place].sharpe_or_zero, -place))
    among = evidence_of([_trial(item, shared, place) for place, item in enumerate(figures)])
    luck, dsr = _deflated(shared, best, among)
    all_luck, all_dsr = (math.nan, math.nan) if trials is None else _deflated(shared, best, trials)
    return Selection(
        best=figures[best].name,
        n_days=len(shared.day),
        compared=len(figures),
        compared_effective=among.effective,
        luck_sharpe=luck,
        deflated_sharpe=dsr,
        trials=0 if trials is None else trials.count,
        trials_effective=math.nan if trials is None else trials.effective,
        trials_luck_sharpe=all_luck,
        trials_deflated_sharpe=all_dsr,
    )


def _trial(item: Figures, shared: SharedDays, place: int) -> Trial:
    """Return an entrant as the evidence about trials knows one."""
    daily = shared.daily(place)
    first, monthly = monthly_returns(daily.day_ns, daily.equity, 1.0)
    return Trial(
        kind=item.name,
        settings_hash="",
        data_hash="",
        code_hash="",
        sharpe_daily=sharpe_ratio(daily.returns),
        n_days=len(daily.returns),
        skew=item.skew,
        kurtosis=item.kurtosis,
        at_ns=0,
        first_month=first,
        monthly=tuple(monthly.tolist()),
    )


def _deflated(shared: SharedDays, place: int, trials: TrialEvidence) -> tuple[float, float]:
    """Return the annual ratio of luck's best, and the probability of being better."""
    returns = shared.returns[:, place]
    n = len(returns)
    variance = 1.0 / (n - 1)
    count = max(trials.effective, 1.0)
    luck = math.sqrt(variance * shared.days_per_year) * expected_maximum(count)
    ratio = sharpe_ratio(returns)
    if math.isnan(ratio):
        return luck, math.nan
    shape = (skewness(returns), kurtosis(returns))
    return luck, deflated_sharpe(ratio, n, count, variance, *shape)


def overfitted(shared: SharedDays) -> Overfitted | None:
    """Return the probability of backtest overfitting; None where there is too little to say it."""
    moving = shared.returns[:, np.ptp(shared.returns, axis=0) > 0.0]
    if moving.shape[1] < COMPARED_MIN or len(moving) < PBO_BLOCKS * DAYS_PER_BLOCK_MIN:
        return None
    found = overfitting(moving, n_blocks=PBO_BLOCKS)
    return Overfitted(
        probability=found.probability,
        probability_of_loss=found.probability_of_loss,
        n_splits=len(found.logits),
    )
