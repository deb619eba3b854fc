"""Roles of columns that have no header, told by their values."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import polars as pl

from assay.data.arrays import FloatArray
from assay.data.importers.stamps import NO_TIME, parse_texts, stamp_patterns

_SAMPLE_ROWS = 200
_ROWS_MIN = 2  # one line alone may be a piece of anything


def roles_by_value(rows: Sequence[Sequence[str]], n_columns: int) -> dict[str, int]:
    """Return roles for rows without a header: times first, then four prices or two quotes.

    Four price columns are open, high, low, close unless their values say otherwise; of two
    the larger is the ask. An empty answer means that nothing known was seen.
    """
    rows = [row for row in rows[:_SAMPLE_ROWS] if len(row) >= n_columns]
    found: dict[str, int] = {}
    start = 0
    if len(rows) < _ROWS_MIN:
        return {}
    if rows and not any(field[:1].isdigit() for field in (row[0] for row in rows) if field):
        found["symbol"], start = 0, 1
    texts = [row[start] for row in rows] if start < n_columns else []
    times = time_roles(rows, start, n_columns)
    if not times:
        return {}
    values = _numbers(rows, n_columns)
    if "clock" in times:
        texts = [f"{row[start]} {row[start + 1]}" for row in rows]
    next_column = max(times.values()) + 1
    return found | times | _price_roles(values, next_column, n_columns, is_backward(texts))


def time_roles(rows: Sequence[Sequence[str]], start: int, n_columns: int) -> dict[str, int]:
    """Return the roles of the time that begins in column *start*; empty if none does."""
    rows = [row for row in rows[:_SAMPLE_ROWS] if len(row) >= n_columns]
    patterns = stamp_patterns([row[start] for row in rows]) if start < n_columns else ()
    if not patterns:
        return {}
    if patterns[0].has_clock:
        return {"time": start}
    if start + 1 < n_columns:
        joined = [f"{row[start]} {row[start + 1]}" for row in rows]
        if any(stamp.has_clock for stamp in stamp_patterns(joined)):
            return {"date": start, "clock": start + 1}
    return {"date": start}


def is_backward(texts: Sequence[str]) -> bool:
    """Tell whether times are written newest first, in the reading with the least gaps."""
    steps = []
    for stamp in stamp_patterns(texts):
        time_ns = parse_texts(pl.Series(texts, dtype=pl.String), stamp)
        steps.append(np.diff(time_ns[time_ns != NO_TIME]).astype(np.float64))
    steps = [step for step in steps if len(step)]
    if not steps:
        return False
    best = min(steps, key=lambda step: float(np.abs(step).sum()))
    return bool(np.mean(best < 0) > np.mean(best > 0))


def _numbers(rows: Sequence[Sequence[str]], n_columns: int) -> FloatArray:
    values = np.full((len(rows), n_columns), np.nan)
    for i, row in enumerate(rows):
        for j, field in enumerate(row[:n_columns]):
            try:
                values[i, j] = float(field.replace(",", "."))
            except ValueError:
                continue
    return values


def _price_roles(
    values: FloatArray, start: int, n_columns: int, is_reversed: bool
) -> dict[str, int]:
    n_left = n_columns - start
    if n_left >= 4 and _same_level(values[:, start : start + 4]):
        prices = values[:, start : start + 4]
        order = _ohlc_order(prices[::-1] if is_reversed else prices)
        roles = {name: start + at for name, at in order.items()}
        if n_left >= 5 and np.isfinite(values[:, start + 4]).mean() > 0.5:
            roles["volume"] = start + 4
        return roles
    if n_left >= 2 and _same_level(values[:, start : start + 2]):
        first, second = values[:, start], values[:, start + 1]
        is_ask_first = bool(np.nanmean(first > second) > np.nanmean(second > first))
        roles = {"bid": start + is_ask_first, "ask": start + 1 - is_ask_first}
        if n_left == 3 and np.isfinite(values[:, start + 2]).mean() > 0.5:
            roles["volume"] = start + 2
        return roles
    return {}


def _same_level(values: FloatArray) -> bool:
    """Tell whether columns are prices of one thing: within a fifth of each other."""
    good = values[np.isfinite(values).all(axis=1)]
    if not len(good):
        return False
    level = np.median(good, axis=0)
    return bool(np.all(level > 0) and level.max() / level.min() < 1.2)


def _ohlc_order(values: FloatArray) -> dict[str, int]:
    """Return where open, high, low and close stand; the usual order unless values forbid it."""
    good = values[np.isfinite(values).all(axis=1)]
    usual = {"open": 0, "high": 1, "low": 2, "close": 3}
    share_best, best = 0.0, usual
    for high, low in ((1, 2), *permutations(range(4), 2)):
        share = float(
            np.mean((good.max(axis=1) == good[:, high]) & (good.min(axis=1) == good[:, low]))
        )
        if share > share_best + 0.05:
            others = [at for at in range(4) if at not in (high, low)]
            share_best = share
            best = {"open": others[0], "high": high, "low": low, "close": others[1]}
    return _in_sequence(good, best)


def _in_sequence(values: FloatArray, order: dict[str, int]) -> dict[str, int]:
    """Return *order* with open and close exchanged, if bars then follow each other far better.

    *values* are in order of time: a bar opens near the close of the one before. In the other
    order of time the exchanged columns would follow each other just as well.
    """
    first, last = values[:, order["open"]], values[:, order["close"]]
    as_told, exchanged = _jump(first, last), _jump(last, first)
    if exchanged < 0.5 * as_told:
        return {**order, "open": order["close"], "close": order["open"]}
    return order


def _jump(opens: FloatArray, closes: FloatArray) -> float:
    """Return the median distance of opens from the closes before them; infinite for one bar.

    One damaged price at an end of the sample enters only one of two such distances.
    """
    return float(np.median(np.abs(opens[1:] - closes[:-1]))) if len(opens) > 1 else np.inf
