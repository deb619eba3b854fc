"""The split over all trades: sums by source with intervals, by month, by regime and by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config.settings import EvaluationSettings
from assay.kernels.compiler import BoolArray, FloatArray, IntArray
from assay.research.attribution.part import GROUPS, Kind, Part
from assay.research.attribution.split import SIZED_BY, Split
from assay.research.metrics import TRADES_FOR_INTERVALS, Estimate, rng_for
from assay.research.result import Regimes, StrategyResult
from assay.research.statistics.bootstrap import block_length, interval, stationary_indices
from assay.research.tables import months_of

SAMPLES_PER_CHUNK = 128
KIND_OF_GROUP = {
    **dict.fromkeys(GROUPS, Kind.SIGNAL),
    **dict.fromkeys(("timing", "exits", "sizing", "regime"), Kind.TRADE),
    **dict.fromkeys(("spread", "slippage", "commission", "swap"), Kind.COST),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What one part or group made over all trades, account currency.

    Attributes
    ----------
    name, group, title : str
    kind : Kind
    total : float
    low, high : float
        Interval of the total; NaN with too few trades.
    """

    name: str
    group: str
    title: str
    kind: Kind
    total: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Where the profit of one strategy came from.

    Attributes
    ----------
    strategy : str
    n_trades : int
    net : float
        Of all closed trades, account currency.
    open_profit : float
        What the account made beside them: positions that are open at the end.
    error : float
        Largest distance of a trade's parts from its net profit, over ``max(1, |net|)``.
    reference_risk : float
        Usual risk at the stop, as a share of the equity.
    parts, groups : tuple of Sum
        In order; both sum to *net*.
    by_side, by_regime : mapping of str to mapping of str to Estimate
        Sums of the groups with their intervals: by direction, by regime at entry.
    by_month : mapping of str to mapping of str to float
        Sums of the groups by month of exit, too few trades each for an interval.
    sized_by : mapping of str to int
        How many sizes each limit bound.
    split : Split
        Trade by trade.
    """

    strategy: str
    n_trades: int
    net: float
    open_profit: float
    error: float
    reference_risk: float
    parts: tuple[Sum, ...]
    groups: tuple[Sum, ...]
    by_side: Mapping[str, Mapping[str, Estimate]]
    by_regime: Mapping[str, Mapping[str, Estimate]]
    by_month: Mapping[str, Mapping[str, float]]
    sized_by: Mapping[str, int]
    split: Split


def summarise(
    result: StrategyResult,
    split: Split,
    regimes: Regimes | None,
    evaluation: EvaluationSettings,
    *,
    seed: int,
) -> Attribution:
    """Sum the parts of all trades of *result*.

    Notes
    -----
    Intervals are of the stationary bootstrap over trades in order of exit; they say how much the
    sums would differ in another history of the same kind.
    """
    trades, amounts = result.trades, split.amounts
    net = np.asarray(trades["net"], dtype=np.float64)
    named = used_groups(split.parts)
    grouped = group_amounts(split.parts, amounts, named)
    sides, regime = _sides(trades), {} if regimes is None else _regimes(result, regimes)
    blocks = [grouped * mask[:, None] for mask in (*sides.values(), *regime.values())]
    columns = np.concatenate((amounts, grouped, *blocks), axis=1)
    order = np.argsort(trades["exit_event"], kind="stable")
    bounds = _bounds(columns[order], net[order], result.name, evaluation, seed)
    sums = [
        Estimate(total, *bound)
        for total, bound in zip(columns.sum(axis=0).tolist(), bounds, strict=True)
    ]
    titled = [(part.name, part.group, part.title, part.kind) for part in split.parts]
    titled += [(name, name, GROUPS[name], KIND_OF_GROUP[name]) for name in named]
    shown = tuple(_sum_of(*part, found) for part, found in zip(titled, sums, strict=False))
    rest = iter(sums[len(titled) :])
    made = float(result.equity[-1]) - result.start_balance if len(result.equity) else 0.0
    off = np.abs(amounts.sum(axis=1) - net) / np.maximum(1.0, np.abs(net))
    return Attribution(
        strategy=result.name,
        n_trades=len(trades),
        net=float(net.sum()),
        open_profit=made - float(net.sum()),
        error=float(off.max(initial=0.0)),
        reference_risk=split.reference_risk,
        parts=shown[: len(split.parts)],
        groups=shown[len(split.parts) :],
        by_side={label: {name: next(rest) for name in named} for label in sides},
        by_regime={label: {name: next(rest) for name in named} for label in regime},
        by_month={
            label: dict(zip(named, grouped[mask].sum(axis=0).tolist(), strict=True))
            for label, mask in _months(result).items()
        },
        sized_by={
            SIZED_BY[k]: int(n) for k, n in enumerate(np.bincount(split.sized_by)) if n and k > 0
        },
        split=split,
    )


def _sum_of(name: str, group: str, title: str, kind: Kind, found: Estimate) -> Sum:
    return Sum(
        name=name,
        group=group,
        title=title,
        kind=kind,
        total=found.value,
        low=found.low,
        high=found.high,
    )


def used_groups(parts: Sequence[Part]) -> list[str]:
    """Return the groups to show, in order; a fixed rule only where there is one."""
    own = {part.group for part in parts}
    return [name for name in GROUPS if name != "rule" or name in own]


def group_amounts(parts: Sequence[Part], amounts: FloatArray, named: Sequence[str]) -> FloatArray:
    """Return the amounts summed by group, float64, shape (n_rows, n_groups)."""
    out = np.zeros((len(amounts), len(named)))
    for column, part in zip(amounts.T, parts, strict=True):
        out[:, named.index(part.group)] += column
    return out


def _bounds(
    amounts: FloatArray, net: FloatArray, name: str, evaluation: EvaluationSettings, seed: int
) -> list[tuple[float, float]]:
    """Return the interval of each column's sum over resampled trades."""
    n_trades, n_columns = amounts.shape
    if n_trades < TRADES_FOR_INTERVALS:
        return [(math.nan, math.nan)] * n_columns
    rng = rng_for(seed, "attribution", name)
    length = block_length(net)
    drawn = np.empty((evaluation.bootstrap_samples, n_columns))
    for start in range(0, len(drawn), SAMPLES_PER_CHUNK):
        part = drawn[start : start + SAMPLES_PER_CHUNK]
        rows = stationary_indices(n_trades, len(part), length, rng)
        counts = np.stack([np.bincount(row, minlength=n_trades) for row in rows])
        part[:] = counts.astype(np.float64) @ amounts
    return [interval(column, evaluation.confidence) for column in drawn.T]


def _sides(trades: NDArray[Any]) -> dict[str, BoolArray]:
    return _masks(trades["side"].astype(np.int64), {1: "long", -1: "short"})


def _regimes(result: StrategyResult, regimes: Regimes) -> dict[str, BoolArray]:
    place = np.searchsorted(regimes.time_ns, result.entry_ns, side="right") - 1
    label = np.where(place >= 0, regimes.label[np.maximum(place, 0)], -1)
    return _masks(label, {**dict(enumerate(regimes.names)), -1: "unknown"})


def _months(result: StrategyResult) -> dict[str, BoolArray]:
    month = months_of(result.exit_ns)
    names = {int(m): f"{1970 + m // 12}-{m % 12 + 1:02d}" for m in np.unique(month)}
    return _masks(month, names)


def _masks(key: IntArray, labels: Mapping[int, str]) -> dict[str, BoolArray]:
    """Return which trades have each label, for the labels that any trade has."""
    found = {label: key == value for value, label in labels.items()}
    return {label: mask for label, mask in found.items() if mask.any()}
