"""Other futures of a history: cut off, poisoned, or replaced by another that might have come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.domain.facts_history import FactsHistory
from assay.kernels.compiler import FloatArray
from assay.research.history import History
from assay.research.leaks.evidence import Check

POISONS = (float("nan"), 1e9)
PRICES = ("open", "high", "low", "close")
ASKS = tuple(f"ask_{name}" for name in PRICES)
WILDER = 1.37
"""Returns, volumes and spreads of the other future are so many times as large."""

Change = Callable[[Bars, int], Bars]
"""From bars and the last bar to keep, -1 for none, to bars with another future."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Future:
    """A history that is the same up to a moment and another one after it.

    Attributes
    ----------
    check : str
        ``truncate``, ``poison`` or ``shift``.
    what : str
        What was done to the later bars.
    history : History
    """

    check: Check
    what: str
    history: History


def truncated(bars: Bars, cut: int) -> Bars:
    """Return bars ``0 .. cut`` as copies, as if the rest had not happened yet."""
    columns: dict[str, Any] = {
        name: column[: cut + 1].copy() for name, column in arrays_of(bars).items()
    }
    return replace(bars, **columns)


def poisoned(bars: Bars, cut: int, value: float) -> Bars:
    """Return *bars* with every price, volume and spread after *cut* set to *value*.

    A column that has no value anywhere stays as it is: the source has none, and never will.
    """
    changed: dict[str, Any] = {}
    for name, column in arrays_of(bars).items():
        if name != "time_ns" and not np.isnan(column).all():
            changed[name] = column.copy()
            changed[name][cut + 1 :] = value
    return replace(bars, **changed)


def shifted(bars: Bars, cut: int, *, digits: int | None = None) -> Bars:
    """Return *bars* with another future after *cut* that might as well have come.

    Parameters
    ----------
    bars : Bars
    cut : int
        Last bar that stays; -1 if all is to come.
    digits : int, optional
        To which prices are rounded; every price stays valid.

    Notes
    -----
    The later bars are rotated by a third of their number, or by as much more as it takes for the
    first of them to close elsewhere; every rise becomes a fall 1.37 times as large, and the path
    goes on from the close of *cut*; volume and spread move along, 1.37 times as large. So the
    mean, the deviation, the extremes and the order of what is to come all differ, while bars stay
    bars: times, gaps, high above low, ask above bid. The first later bar
    keeps its open: what trades at an open must not know the rest of that bar.
    """
    n_later = len(bars) - cut - 1
    if n_later <= 0:
        return bars
    anchor = np.log(bars.close[cut] if cut >= 0 else WILDER * bars.open[0])
    order = np.roll(np.arange(n_later), -_rotation(bars, cut, anchor, digits)) + cut + 1
    before = np.maximum(order - 1, 0)
    close = anchor - WILDER * np.cumsum(np.log(bars.close[order] / bars.close[before]))
    last = np.concatenate(([anchor], close[:-1]))
    path = {
        "close": close,
        "open": last - WILDER * np.log(bars.open[order] / bars.close[before]),
        "high": close - WILDER * np.log(bars.low[order] / bars.close[order]),
        "low": close - WILDER * np.log(bars.high[order] / bars.close[order]),
    }
    bid = {name: np.exp(value) for name, value in path.items()}
    later: dict[str, FloatArray] = dict(bid)
    later["volume"] = np.ceil(WILDER * bars.volume[order])
    later["spread"] = WILDER * bars.spread[order]
    if bars.has_ask:
        later |= {
            f"ask_{name}": bid[name]
            + WILDER * (getattr(bars, f"ask_{name}") - getattr(bars, name))[order]
            for name in PRICES
        }
    if digits is not None:
        for name in (*PRICES, "spread", *(ASKS if bars.has_ask else ())):
            later[name] = np.round(later[name], digits)
    for prefix in ("", "ask_") if bars.has_ask else ("",):
        if cut >= 0:
            later[f"{prefix}open"][0] = getattr(bars, f"{prefix}open")[cut + 1]
        sides = [later[f"{prefix}{name}"] for name in PRICES]
        later[f"{prefix}high"] = np.maximum.reduce(sides)
        later[f"{prefix}low"] = np.minimum.reduce(sides)
    changed: dict[str, Any] = {}
    for name, column in later.items():
        changed[name] = np.concatenate((getattr(bars, name)[: cut + 1], column))
    return replace(bars, **changed)


def _rotation(bars: Bars, cut: int, anchor: float, digits: int | None) -> int:
    """Return by how many bars to rotate, so that the bar after *cut* closes elsewhere.

    Only where every later bar closes as the one before it is there no such number.
    """
    n_later = len(bars) - cut - 1
    later = np.arange(cut + 1, len(bars))
    moves = np.log(bars.close[later] / bars.close[np.maximum(later - 1, 0)])
    close = np.exp(anchor - WILDER * moves)
    if digits is not None:
        close = np.round(close, digits)
    wanted = n_later // 3 + 1
    differs = np.roll(close, -wanted) != bars.close[cut + 1]
    return wanted + (int(np.argmax(differs)) if differs.any() else 0)


def arrays_of(bars: Bars) -> dict[str, Any]:
    """Return the columns that *bars* have, by name."""
    return {
        field.name: column
        for field in fields(bars)
        if isinstance(column := getattr(bars, field.name), np.ndarray)
    }


def futures_of(
    history: History, known_ns: int, checks: Sequence[Check] = ("truncate", "poison", "shift")
) -> Iterator[Future]:
    """Yield *history* with every kind of other future after a moment.

    Parameters
    ----------
    history : History
    known_ns : int
        UTC nanoseconds. In every series of the history, bars that closed by then stay.
    checks : sequence of str
    """
    if "truncate" in checks:
        yield Future(
            check="truncate", what="are cut off", history=_with(history, known_ns, truncated)
        )
    for value in POISONS if "poison" in checks else ():
        yield Future(
            check="poison",
            what=f"are set to {value:g}",
            history=_with(history, known_ns, partial(poisoned, value=value)),
        )
    if "shift" in checks:
        digits = {
            symbol: max(item.digits for item in FactsHistory.of(facts).instruments)
            for symbol, facts in history.instruments.items()
        }
        yield Future(
            check="shift",
            what="come differently",
            history=_with(
                history,
                known_ns,
                lambda bars, cut: shifted(bars, cut, digits=digits.get(bars.symbol)),
            ),
        )


def is_same(one: History, other: History) -> bool:
    """Whether two histories have the same bars in every series, to the bit."""
    pairs = (
        (one.bars, other.bars),
        (one.finer, other.finer),
        (one.conversion_bars, other.conversion_bars),
    )
    return all(
        mine.keys() == its.keys()
        and all(_same_bars(bars, its[symbol]) for symbol, bars in mine.items())
        for mine, its in pairs
    )


def _same_bars(one: Bars, other: Bars) -> bool:
    columns = arrays_of(other)
    return all(
        np.array_equal(values, columns[name], equal_nan=values.dtype.kind == "f")
        for name, values in arrays_of(one).items()
    )


def ended_at(history: History, known_ns: int) -> History:
    """Return the history as if everything after a moment had not happened yet."""
    return _with(history, known_ns, truncated)


def _with(history: History, known_ns: int, change: Change) -> History:
    """Return *history* with every series changed after *known_ns*; a pair may be all future."""

    def changed(item: Bars) -> Bars:
        cut = int(np.searchsorted(bar_close(item.time_ns, item.timeframe), known_ns, "right")) - 1
        return change(item, cut)

    def known(pairs: Mapping[str, Bars]) -> dict[str, Bars]:
        found = {name: changed(item) for name, item in pairs.items()}
        return {name: item for name, item in found.items() if len(item)}

    return replace(
        history,
        bars={symbol: changed(item) for symbol, item in history.bars.items()},
        finer=known(history.finer),
        conversion_bars=known(history.conversion_bars),
    )
