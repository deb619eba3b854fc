"""What is searched, and how one case of it is judged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from assay.config.settings import Settings
from assay.domain.progress import Progress
from assay.kernels.compiler import FloatArray
from assay.research.compute.place import Place
from assay.research.compute.threads import one_thread
from assay.research.risk_search.evaluation import Arena, Cases, evaluate
from assay.research.risk_search.objective import Measure, objectives
from assay.research.risk_search.parameters import Range, values_at

CASES = 16_384

Tried = tuple[Cases, FloatArray, FloatArray]
"""Cases, their places in the unit cube, and their objectives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a search of risk settings is asked to do.

    Attributes
    ----------
    ranges : mapping of str to Range
        What is varied, by the names of ``PARAMETERS``.
    n_cases : int
        Backtests of each search.
    measure : Measure
    drawdown_max : float
        Cases that fell deeper are out: share of the peak, at day ends.
    """

    ranges: Mapping[str, Range]
    n_cases: int = CASES
    measure: Measure = Measure.SHARPE
    drawdown_max: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One search: what is traded, and where.

    Attributes
    ----------
    arena : Arena
    plan : Plan
    place : Place
    seed : int
    progress : Progress
        Is advanced by one per case.
    """

    arena: Arena
    plan: Plan
    place: Place
    seed: int
    progress: Progress = field(repr=False)

    @property
    def settings(self) -> Settings:
        """The settings that the cases vary."""
        return self.arena.market.settings

    def tried(self, units: FloatArray) -> Tried:
        """Trade the cases at *units*."""
        cases, objective = self.trade(values_at(units, self.plan.ranges))
        return cases, units, objective

    def trade(self, values: Mapping[str, FloatArray]) -> tuple[Cases, FloatArray]:
        """Trade the cases of *values*; return them with their objectives."""
        cases = evaluate(self.arena, values, place=self.place, progress=self.progress)
        with one_thread():
            objective = objectives(
                cases.block_sums,
                self.arena.block_days,
                measure=self.plan.measure,
                days_per_year=self.arena.days_per_year,
                dispersion_weight=self.settings.search.dispersion_weight,
            )
        is_out = (cases.swept.n_trades < self.settings.evaluation.trades_min) | (
            cases.swept.drawdown_fraction > self.plan.drawdown_max
        )
        return cases, np.where(is_out, -np.inf, objective)
