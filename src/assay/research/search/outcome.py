"""What one configuration came to: its paths, its objective, and its record in the journal."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.daily import DAYS_PER_YEAR
from assay.research.search.space import Point
from assay.research.splits.combinatorial import CombinatorialPurged
from assay.research.statistics.dispersion import median_deviations
from assay.research.statistics.sharpe import sharpe_ratio


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One configuration, evaluated on all splits, or given up after some.

    Attributes
    ----------
    number : int
        Place among the configurations of its search, from 0.
    point : mapping of str to int
    by_split : mapping of int to float
        Annual Sharpe ratio over the groups that each split tests.
    paths : tuple of float
        Annual Sharpe ratio of each path; empty if it was given up.
    objective : float
        Median of the paths less their weighted dispersion; NaN if it was given up.
    daily : float64, shape (n_days,)
        Mean daily return over the paths; empty if it was given up.
    """

    number: int
    point: Point
    by_split: Mapping[int, float]
    paths: tuple[float, ...]
    objective: float
    daily: FloatArray

    @property
    def is_complete(self) -> bool:
        """Whether every split was evaluated."""
        return bool(self.paths)


class Record:
    """Daily returns of one configuration by split and tested group, as they come in."""

    def __init__(self, splits: CombinatorialPurged) -> None:
        self._splits = splits
        self._daily: dict[tuple[int, int], FloatArray] = {}
        self._seen: list[int] = []

    def add(self, split: int, daily: Sequence[FloatArray]) -> None:
        """Take the daily returns of the groups that *split* tests."""
        for group, returns in zip(self._splits.tested[split], daily, strict=True):
            self._daily[split, int(group)] = returns
        self._seen.append(split)

    def by_split(self) -> dict[int, float]:
        """Return the annual Sharpe ratio over the tested groups of each split that was added."""
        return {
            split: annual_sharpe(
                np.concatenate([self._daily[split, int(g)] for g in self._splits.tested[split]])
            )
            for split in sorted(self._seen)
        }

    def outcome(self, number: int, point: Point, dispersion_weight: float) -> Outcome:
        """Return what the configuration came to."""
        if len(self._seen) < len(self._splits):
            return Outcome(
                number=number,
                point=point,
                by_split=self.by_split(),
                paths=(),
                objective=math.nan,
                daily=np.empty(0),
            )
        paths = [
            np.concatenate([self._daily[int(split), group] for group, split in enumerate(path)])
            for path in self._splits.paths()
        ]
        sharpes = tuple(annual_sharpe(path) for path in paths)
        return Outcome(
            number=number,
            point=point,
            by_split=self.by_split(),
            paths=sharpes,
            objective=objective_of(sharpes, dispersion_weight),
            daily=np.mean(paths, axis=0),
        )


def annual_sharpe(daily: FloatArray) -> float:
    """Return the annual Sharpe ratio of daily returns; 0 where nothing was traded."""
    ratio = sharpe_ratio(daily)
    return ratio * math.sqrt(DAYS_PER_YEAR_TRADED) if math.isfinite(ratio) else 0.0


DAYS_PER_YEAR_TRADED = DAYS_PER_YEAR * 5.0 / 7.0
"""Trading days of a year: every weekday."""


def objective_of(paths: Sequence[float], dispersion_weight: float) -> float:
    """Return the median of the paths' Sharpe ratios less their weighted dispersion.

    Notes
    -----
    The dispersion is the median absolute deviation from the median, times 1.4826: that of a
    normal distribution is its standard deviation.
    """
    values = np.asarray(paths)
    return float(np.median(values)) - dispersion_weight * float(median_deviations(values))


def monthly_of(daily: FloatArray, day_ns: IntArray) -> tuple[int, tuple[float, ...]]:
    """Return the first month (since 1970-01) and the compounded return of each month from it."""
    if not len(daily):
        return 0, ()
    month = day_ns.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    first, n_months = int(month[0]), int(month[-1] - month[0]) + 1
    growth = np.zeros(n_months)
    np.add.at(growth, month - first, np.log1p(np.maximum(daily, -1.0 + 1e-12)))
    return first, tuple(float(f"{value:.6g}") for value in np.expm1(growth))
