"""Order of rows: sorted by time, repeats and far-off prices refused."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.importers.grid import spacing_of
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

_NEIGHBOURS = 11
_BODY_RATIO_MAX = 1.35
_BLOCK_ROWS = 4_096
_WICK_RATIO_MAX = 2.0
_LEVEL_RATIO_MAX = 3.0
_MIXED_CONFLICTS_MIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows of a file that are still wanted.

    Attributes
    ----------
    line : int64, shape (n_rows,)
        Line of each row in the file.
    time_ns : int64, shape (n_rows,)
    values : dict of role to float64, shape (n_rows,)
    """

    line: IntArray
    time_ns: IntArray
    values: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.line)

    def kept(self, keep: BoolArray | IntArray) -> "Table":
        """Return the rows *keep*."""
        return Table(
            line=self.line[keep],
            time_ns=self.time_ns[keep],
            values={role: value[keep] for role, value in self.values.items()},
        )


Dropped = list[tuple[IntArray, Reason]]
"""Lines refused, by reason."""


def sorted_by_time(table: Table) -> tuple[Table, int]:
    """Return rows oldest first, and how many were out of order in the file.

    Rows of one time keep their order; a file that runs backwards is turned round first.
    """
    steps = np.diff(table.time_ns)
    if not (steps < 0).any():
        return table, 0
    n_before = len(table)
    if np.mean(steps <= 0) > 0.9:
        table = table.kept(np.arange(n_before)[::-1])
        n_late = n_before
    else:
        peak = np.maximum.accumulate(table.time_ns)
        n_late = int(np.count_nonzero(table.time_ns < peak))
    return table.kept(np.argsort(table.time_ns, kind="stable")), n_late


def without_repeats(table: Table, *, is_ticks: bool) -> tuple[Table, Dropped]:
    """Drop exact duplicates; refuse all but the first of bars that share a time.

    Ticks may share a time; only a repeat of the very same quote in the next row is dropped.
    """
    same_time = np.concatenate([[False], np.diff(table.time_ns) == 0])
    if not same_time.any():
        return table, []
    same_row = same_time.copy()
    for value in table.values.values():
        bits = value.view(np.int64)
        same_row[1:] &= bits[1:] == bits[:-1]
    if is_ticks:
        return table.kept(~same_row), [(table.line[same_row], Reason.DUPLICATE)]
    firsts = np.maximum.accumulate(np.where(same_time, 0, np.arange(len(table))))
    equal_first = same_time.copy()
    for value in table.values.values():
        bits = value.view(np.int64)
        equal_first &= bits == bits[firsts]
    conflict = same_time & ~equal_first
    return table.kept(~same_time), [
        (table.line[equal_first], Reason.DUPLICATE),
        (table.line[conflict], Reason.CONFLICT),
    ]


def without_padding(table: Table, *, is_archive: bool) -> tuple[Table, Dropped]:
    """Drop flat bars without volume that repeat the last close: a pause filled by the vendor.

    Parameters
    ----------
    table : Table
        Bars, sorted by time.
    is_archive : bool
        Whether the vendor is known to fill pauses, so that a file of nothing else is one long
        pause. In other files bars have a volume somewhere, or volume says nothing.
    """
    values = table.values
    if "volume" not in values:
        return table, []
    is_padding = values["volume"] == 0.0
    if not is_padding.any() or not (is_archive or (values["volume"] > 0.0).any()):
        return table, []
    close = values["close"]
    last_close = np.concatenate([close[:1], close[:-1]])
    for role in ("open", "high", "low", "close"):
        is_padding &= values[role] == last_close
    is_padding[0] &= is_archive
    return table.kept(~is_padding), [(table.line[is_padding], Reason.PADDED)]


def refuse_interleaved(
    path: Path, table: Table, conflict_lines: IntArray, timeframe: Timeframe
) -> None:
    """Refuse a file in which bars of a longer timeframe stand among shorter ones.

    Raises
    ------
    DataError
        If conflicting rows recur at the spacing of a longer timeframe.
    """
    if len(conflict_lines) < _MIXED_CONFLICTS_MIN:
        return
    at = np.isin(table.line, conflict_lines)
    other = spacing_of(np.sort(table.time_ns[at]))
    if other is not None and other.value > timeframe.value:
        line = int(conflict_lines.min())
        raise DataError(
            f"{path} must hold one timeframe; rows are {timeframe.name}, but {other.name} bars "
            f"stand among them from line {line} on.",
            remedy="Export each timeframe to its own file.",
            path=str(path),
            line=line,
            timeframes=(timeframe.name, other.name),
        )


def without_jumps(table: Table) -> tuple[Table, Dropped]:
    """Refuse rows whose prices are far from those of the rows around them.

    Bars: open or close more than 35 % from the median close of eleven bars, or a high or
    low beyond a factor of two. Quotes: 35 %. A market that moves to a new level stays.
    """
    if len(table) < 3:
        return table, []
    values = table.values
    if _is_level(values):
        return table, []
    centre = values["close"] if "close" in values else values["bid"]
    median = (
        pl.Series(centre)
        .rolling_median(_NEIGHBOURS, center=True, min_samples=3)
        .fill_null(strategy="backward")
        .fill_null(strategy="forward")
        .to_numpy()
    )
    is_far = np.zeros(len(table), dtype=np.bool_)
    for role, value in values.items():
        if role in ("volume", "spread"):
            continue
        limit = _WICK_RATIO_MAX if role.endswith(("high", "low")) else _BODY_RATIO_MAX
        is_far |= (value > median * limit) | (value * limit < median)
    if not is_far.any():
        return table, []
    return table.kept(~is_far), [(table.line[is_far], Reason.JUMP)]


def _is_level(values: dict[str, FloatArray]) -> bool:
    """Tell quickly whether no price is far from any within thousands of rows around it."""
    starts = np.arange(0, len(next(iter(values.values()))), _BLOCK_ROWS)
    prices = [value for role, value in values.items() if role not in ("volume", "spread")]
    low = np.min([np.minimum.reduceat(value, starts) for value in prices], axis=0)
    high = np.max([np.maximum.reduceat(value, starts) for value in prices], axis=0)
    around = np.maximum(high, np.maximum(np.append(high[1:], 0.0), np.append(0.0, high[:-1])))
    return bool((around < low * _BODY_RATIO_MAX).all() and (low > 0.0).all())


def refuse_level_change(path: Path, table: Table) -> None:
    """Refuse prices that change their unit, or their instrument, in the middle of a file.

    Raises
    ------
    DataError
        If one close is three times its neighbour or more.
    """
    centre = table.values["close"] if "close" in table.values else table.values["bid"]
    ratio = centre[1:] / centre[:-1]
    at = np.flatnonzero((ratio > _LEVEL_RATIO_MAX) | (ratio * _LEVEL_RATIO_MAX < 1.0))
    if len(at):
        line = int(table.line[at[0] + 1])
        raise DataError(
            f"{path} must hold prices of one instrument in one unit; at line {line} they go from "
            f"{centre[at[0]]:g} to {centre[at[0] + 1]:g}.",
            remedy="Split the file there; import points with --price-divisor.",
            path=str(path),
            line=line,
        )


def quotes_filled(table: Table) -> tuple[Table, Dropped]:
    """Carry the unchanged side of MT5 ticks forward; rows before both sides are known go."""
    sides = {role: _carried(table.values[role]) for role in ("bid", "ask")}
    table = replace(table, values={**table.values, **sides})
    one_sided = np.isnan(sides["bid"]) | np.isnan(sides["ask"])
    crossed = ~one_sided & (sides["ask"] < sides["bid"])
    if not (one_sided | crossed).any():
        return table, []
    dropped = [(table.line[one_sided], Reason.ONE_SIDED), (table.line[crossed], Reason.CROSSED)]
    return table.kept(~(one_sided | crossed)), dropped


def _carried(value: FloatArray) -> FloatArray:
    last = np.maximum.accumulate(np.where(np.isnan(value), 0, np.arange(len(value))))
    return value[last]
