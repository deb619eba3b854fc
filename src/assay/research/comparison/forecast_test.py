"""Whether one run's forecasts were more accurate than another's, label by label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.domain.errors import DataError
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.comparison.entrant import FORECAST_PATH, Entrant
from assay.research.result import Forecasts
from assay.research.statistics.forecast_comparison import (
    ForecastComparison,
    Weights,
    diebold_mariano,
)

LABELS_MIN = 100
AI_PATH = "ai"
"""It forecasts, too, but a run keeps no forecasts of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastTest:
    """Diebold and Mariano's test on squared errors of probabilities (Brier scores).

    Attributes
    ----------
    first_loss, second_loss : float
        Mean Brier score on the same labels; lower is better.
    difference : float
        The first's less the second's; negative: the first forecasts better.
    p : float
        Two-sided, with the correction of Harvey, Leybourne and Newbold.
    p_holm : float
        Corrected for all pairs whose forecasts were tested.
    n_labels : int
        Labels that both forecast.
    n_times : int
        Moments of these labels; losses of several symbols at one moment are averaged.
    horizon : int
        Longest label in bars, over which losses may be correlated.
    """

    first_loss: float
    second_loss: float
    difference: float
    p: float
    p_holm: float
    n_labels: int
    n_times: int
    horizon: int


def forecast_test(one: Entrant, other: Entrant) -> tuple[ForecastTest | None, str]:
    """Return the test, or None and why there is none.

    A label is the same if symbol, moment, outcome and horizon are; one that both forecast and
    that ended otherwise shows that the labels mean different things, and nothing is tested. The
    forecasts of a path are tested against others only if its run keeps them.
    """
    if one.forecasts is None or other.forecasts is None:
        return None, _why_none(one, other)
    mine, theirs = _matched(one.forecasts, other.forecasts)
    if len(mine) < LABELS_MIN:
        return None, f"They share {len(mine)} forecast labels; {LABELS_MIN} are asked for."
    a, b = one.forecasts, other.forecasts
    unlike = (a.y[mine] != b.y[theirs]) | (a.horizon[mine] != b.horizon[theirs])
    if np.any(unlike):
        share = float(np.mean(unlike))
        return None, f"Their labels are not the same: {share:.1%} of the shared ones end otherwise."
    first = (a.p[mine] - a.y[mine]) ** 2
    second = (b.p[theirs] - b.y[theirs]) ** 2
    time_ns = a.time_ns[mine]
    losses = _by_time(time_ns, first), _by_time(time_ns, second)
    if np.array_equal(*losses):
        return None, "Their forecasts are equal."
    horizon = min(int(np.max(a.horizon[mine])), len(losses[0]) // 2)
    found = _tested(*losses, max(horizon, 1))
    return (
        ForecastTest(
            first_loss=float(np.mean(first)),
            second_loss=float(np.mean(second)),
            difference=found.difference,
            p=found.p,
            p_holm=found.p,
            n_labels=len(mine),
            n_times=found.n,
            horizon=found.horizon,
        ),
        "",
    )


def _why_none(one: Entrant, other: Entrant) -> str:
    """Return why two strategies that both forecast cannot be tested; else nothing."""
    both = {one.strategy, other.strategy}
    if AI_PATH in both and both <= {AI_PATH, FORECAST_PATH}:
        return (
            f"A run keeps the forecasts of {FORECAST_PATH} alone; {AI_PATH} calibrates its own, "
            "which are not kept."
        )
    return ""


def _tested(first: FloatArray, second: FloatArray, horizon: int) -> ForecastComparison:
    """Test as published; with Bartlett's weights where the published variance is not positive."""
    try:
        return diebold_mariano(first, second, horizon=horizon)
    except DataError:
        return diebold_mariano(first, second, horizon=horizon, weights=Weights.BARTLETT)


def _matched(one: Forecasts, other: Forecasts) -> tuple[IntArray, IntArray]:
    """Return the rows of *one* and of *other* that forecast the same symbol at the same moment."""
    names = sorted({*_names(one), *_names(other)})
    _, mine, theirs = np.intersect1d(
        _keys(one, names), _keys(other, names), assume_unique=True, return_indices=True
    )
    return mine, theirs


def _names(forecasts: Forecasts) -> tuple[str, ...]:
    return forecasts.symbols or ("",)


def _keys(forecasts: Forecasts, names: list[str]) -> NDArray[np.void]:
    """Return moment and symbol of every forecast, in one sortable value."""
    place = np.array([names.index(name) for name in _names(forecasts)], np.int64)
    symbol = np.zeros(len(forecasts.p), np.int64) if forecasts.symbol is None else forecasts.symbol
    keys = np.empty(len(forecasts.p), dtype=[("time", np.int64), ("symbol", np.int64)])
    keys["time"], keys["symbol"] = forecasts.time_ns, place[symbol]
    return keys


def _by_time(time_ns: IntArray, loss: FloatArray) -> FloatArray:
    """Return the mean loss of each moment, oldest first."""
    _, place, n = np.unique(time_ns, return_inverse=True, return_counts=True)
    return np.bincount(place, weights=loss) / n
