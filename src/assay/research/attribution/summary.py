"""The split over all trades: sums by source with intervals, by month, by regime and by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config.settings import EvaluationSettings
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.attribution.part import GROUPS, Kind, Part
from assay.research.attribution.split import SIZED_BY, Split
from assay.research.metrics import TRADES_FOR_INTERVALS, rng_for
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
    by_side, by_regime, by_month : mapping of str to mapping of str to float
        Sums of the groups: by direction, by regime at entry, by month of exit.
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
    by_side: Mapping[str, Mapping[str, float]]
    by_regime: Mapping[str, Mapping[str, float]]
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
    order = np.argsort(trades["exit_event"], kind="stable")
    both = np.concatenate((amounts, grouped), axis=1)[order]
    bounds = _bounds(both, net[order], result.name, evaluation, seed)
    ends = np.concatenate((amounts, grouped), axis=1).sum(axis=0)
    titled = [(part.name, part.group, part.title, part.kind) for part in split.parts]
    titled += [(name, name, GROUPS[name], KIND_OF_GROUP[name]) for name in named]
    sums = tuple(
        Sum(
            name=name,
            group=group,
            title=title,
            kind=kind,
            total=float(ends[k]),
            low=bounds[k][0],
            high=bounds[k][1],
        )
        for k, (name, group, title, kind) in enumerate(titled)
    )
    made = float(result.equity[-1]) - result.start_balance if len(result.equity) else 0.0
    off = np.abs(amounts.sum(axis=1) - net) / np.maximum(1.0, np.abs(net))
    return Attribution(
        strategy=result.name,
        n_trades=len(trades),
        net=float(net.sum()),
        open_profit=made - float(net.sum()),
        error=float(off.max(initial=0.0)),
        reference_risk=split.reference_risk,
        parts=sums[: len(split.parts)],
        groups=sums[len(split.parts) :],
        by_side=_by(grouped, named, _sides(trades)),
        by_regime={} if regimes is None else _by(grouped, named, _regimes(result, regimes)),
        by_month=_by(grouped, named, _months(result)),
        sized_by={
            SIZED_BY[k]: int(n) for k, n in enumerate(np.bincount(split.sized_by)) if n and k > 0
        },
        split=split,
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


def _by(
    grouped: FloatArray, named: Sequence[str], keys: tuple[IntArray, Mapping[int, str]]
) -> dict[str, dict[str, float]]:
    """Return the sums of each group over the trades of each key."""
    place, labels = keys
    return {
        label: dict(zip(named, grouped[place == key].sum(axis=0).tolist(), strict=True))
        for key, label in labels.items()
        if (place == key).any()
    }


def _sides(trades: NDArray[Any]) -> tuple[IntArray, Mapping[int, str]]:
    return trades["side"].astype(np.int64), {1: "long", -1: "short"}


def _regimes(result: StrategyResult, regimes: Regimes) -> tuple[IntArray, Mapping[int, str]]:
    place = np.searchsorted(regimes.time_ns, result.entry_ns, side="right") - 1
    label = np.where(place >= 0, regimes.label[np.maximum(place, 0)], -1)
    return label, {**dict(enumerate(regimes.names)), -1: "unknown"}


def _months(result: StrategyResult) -> tuple[IntArray, Mapping[int, str]]:
    month = months_of(result.exit_ns)
    return month, {
        int(value): f"{1970 + value // 12}-{value % 12 + 1:02d}" for value in np.unique(month)
    }
