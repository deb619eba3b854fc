"""What one search of risk settings found."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.research.daily import DailyReturns
from assay.research.risk_search.support import Plateau, Sensitivity
from assay.research.risk_search.task import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One set of risk settings, and what it did.

    Attributes
    ----------
    values : mapping of str to float
        0 for a rule that is off; NaN for the distance of several targets.
    objective : float
        Minus infinity where it trades too seldom or falls too deep.
    paths : tuple of float
        Measure over the unions of blocks: least, quartiles, greatest.
    sharpe, growth : float
        Over the whole history, a year, after costs.
    drawdown : float
        Deepest fall at day ends, as a share of the peak.
    n_trades : int
    """

    values: Mapping[str, float]
    objective: float
    paths: tuple[float, float, float, float, float]
    sharpe: float
    growth: float
    drawdown: float
    n_trades: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskSearch:
    """The outcome of one search.

    Attributes
    ----------
    plan : Plan
    seed : int
    from_ns, until_ns : int
        First bar that it saw, and when the last one was known.
    n_cases : int
        Backtests, all of which count as trials.
    n_spread : int
        Cases of the design over the whole of the ranges; *overfitting* and the sensitivities are
        measured on them, because refined ones crowd around the best.
    n_independent : float
        Independent cases that expect the same best by luck as all of them do.
    best, as_set : Case
        The best case, and the settings as they are.
    top : tuple of Case
        The best ones of the whole search, the first is *best*.
    plateau : Plateau
    overfitting : float
        Probability that the best of the design is no better than the median one out of sample.
    loss_out_of_sample : float
        Share of splits in which the winner of one half loses in the other.
    edge : float
        Probability that the best case's true Sharpe ratio is above 0 although it is the best of
        so many.
    gain : float
        The same of what it earned more than the settings as they are.
    sensitivities : tuple of Sensitivity
    reasons : tuple of str
        Why the best case is no winner; empty where it is one.
    daily : DailyReturns
        Of the best case.
    """

    plan: Plan
    seed: int
    from_ns: int
    until_ns: int
    n_cases: int
    n_spread: int
    n_independent: float
    best: Case
    as_set: Case
    top: tuple[Case, ...]
    plateau: Plateau
    overfitting: float
    loss_out_of_sample: float
    edge: float
    gain: float
    sensitivities: tuple[Sensitivity, ...]
    reasons: tuple[str, ...]
    daily: DailyReturns

    @property
    def is_winner(self) -> bool:
        """Whether the best case may replace the settings."""
        return not self.reasons
