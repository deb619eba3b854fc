"""What a check looks at: a block of rows, some rows before and after, and the market's facts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.data.calendar import is_open
from assay.data.gaps import in_sessions
from assay.data.quality.local import local_median
from assay.data.quality.report import Severity
from assay.domain.instrument import Session
from assay.domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is known of the series before it is looked at.

    Attributes
    ----------
    sessions : tuple of Session
    digits : int or None
        Decimal places of a price at the venue.
    """

    sessions: tuple[Session, ...]
    digits: int | None = None

    @property
    def weekend(self) -> tuple[int, int]:
        """Return the last close and the first open of a week, in minutes of the week."""
        if not self.sessions:
            return 10_080, 0
        first = min(session.open_minute for session in self.sessions)
        return max(session.close_minute for session in self.sessions), first


class BarWindow:
    """Bars of one block with context on both sides; flags are given for all of them.

    Parameters
    ----------
    bars : Bars
        In any state: unordered, with NaN, with prices below zero.
    market : Market
    """

    def __init__(self, bars: Bars, market: Market) -> None:
        self.bars = bars
        self.market = market

    @property
    def timeframe(self) -> Timeframe:
        """Length of a bar."""
        return self.bars.timeframe

    @property
    def time_ns(self) -> IntArray:
        """Opens, UTC nanoseconds."""
        return self.bars.time_ns

    def __len__(self) -> int:
        return len(self.bars)

    @cached_property
    def is_sound(self) -> BoolArray:
        """Whether all four prices are finite and above zero."""
        bars = self.bars
        sound = np.ones(len(bars), dtype=np.bool_)
        for price in (bars.open, bars.high, bars.low, bars.close):
            sound &= np.isfinite(price) & (price > 0.0)
        return sound

    @cached_property
    def prices(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Open, high, low, close; a row that is not sound repeats the sound one before."""
        bars = self.bars
        columns = (bars.open, bars.high, bars.low, bars.close)
        if bool(self.is_sound.all()):
            return columns
        at = np.where(self.is_sound, np.arange(len(bars)), -1)
        at = np.maximum.accumulate(at)
        first = int(np.argmax(self.is_sound))
        at[at < 0] = first
        filled = tuple(column[at] for column in columns)
        if not self.is_sound.any():
            filled = tuple(np.ones(len(bars)) for _ in columns)
        return filled[0], filled[1], filled[2], filled[3]

    @cached_property
    def scale(self) -> FloatArray:
        """Usual range of a bar here, in price; above zero. See :func:`local_median`."""
        _, high, low, close = self.prices
        top, bottom = high.copy(), low.copy()
        top[1:] = np.maximum(top[1:], close[:-1])
        bottom[1:] = np.minimum(bottom[1:], close[:-1])
        ranges = top - bottom
        floor = float(np.median(ranges)) if len(ranges) else 0.0
        floor = max(0.1 * floor, 1e-9 * float(np.median(close)) if len(close) else 0.0)
        return np.maximum(local_median(ranges), max(floor, 1e-12))

    @cached_property
    def n_prices(self) -> IntArray:
        """How many of the four prices of each row differ from each other."""
        bars = self.bars
        seen = (bars.open, bars.high, bars.low, bars.close)
        count = np.ones(len(self), dtype=np.int64)
        for k in range(1, len(seen)):
            count += np.logical_and.reduce([seen[k] != before for before in seen[:k]])
        return count

    @cached_property
    def is_joined(self) -> BoolArray:
        """Whether each row follows the row before without a pause or a gap."""
        joined = np.zeros(len(self), dtype=np.bool_)
        steps = np.diff(self.time_ns)
        joined[1:] = (steps > 0) & (steps <= 1.5 * self.timeframe.nominal_ns)
        return joined

    @cached_property
    def is_trading(self) -> BoolArray:
        """Whether the weekly hours say that each bar holds trading."""
        return in_sessions(self.time_ns, self.timeframe, self.market.sessions)


class TickWindow:
    """Ticks of one block with context on both sides; flags are given for all of them."""

    def __init__(self, ticks: Ticks, market: Market) -> None:
        self.ticks = ticks
        self.market = market

    @property
    def time_ns(self) -> IntArray:
        """Times of quotes, UTC nanoseconds."""
        return self.ticks.time_ns

    def __len__(self) -> int:
        return len(self.ticks)

    @cached_property
    def is_sound(self) -> BoolArray:
        """Whether both sides are finite and above zero."""
        bid, ask = self.ticks.bid, self.ticks.ask
        sound = np.isfinite(bid) & np.isfinite(ask) & (bid > 0.0) & (ask > 0.0)
        return np.asarray(sound, dtype=np.bool_)

    @cached_property
    def sides(self) -> tuple[FloatArray, FloatArray]:
        """Bid and ask; a row that is not sound repeats the sound one before."""
        bid, ask = self.ticks.bid, self.ticks.ask
        if bool(self.is_sound.all()):
            return bid, ask
        if not self.is_sound.any():
            return np.ones(len(self)), np.ones(len(self))
        at = np.maximum.accumulate(np.where(self.is_sound, np.arange(len(self)), -1))
        at[at < 0] = int(np.argmax(self.is_sound))
        return bid[at], ask[at]

    @cached_property
    def spread(self) -> FloatArray:
        """Ask less bid of the sound sides."""
        bid, ask = self.sides
        return ask - bid

    @cached_property
    def scale(self) -> FloatArray:
        """Usual move over 16 quotes here, in price; not below half the usual spread."""
        bid, ask = self.sides
        mid = 0.5 * (bid + ask)
        moves = np.zeros(len(mid))
        if len(mid) > _MOVE_TICKS:
            moves[_MOVE_TICKS:] = np.abs(mid[_MOVE_TICKS:] - mid[:-_MOVE_TICKS])
        spread = local_median(np.abs(self.spread), _GROUP_TICKS)
        floor = 1e-9 * float(np.median(mid)) if len(mid) else 1e-12
        return np.maximum(
            np.maximum(local_median(moves, _GROUP_TICKS), 0.5 * spread), max(floor, 1e-12)
        )

    @cached_property
    def is_trading(self) -> BoolArray:
        """Whether the weekly hours say open."""
        return is_open(self.time_ns, self.market.sessions)


_MOVE_TICKS = 16
_GROUP_TICKS = 128
"""A step is in sixteen moves; they must stay a minority of their group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRule:
    """One check of bars, row by row.

    Attributes
    ----------
    name : str
        Stable identifier.
    what : str
        What the rows that fail are, in the plural: ``bars that …``.
    find : callable
        Flags per row of a window. It may read the context, never beyond.
    share_max : float
        The check passes up to this share of faulty rows.
    severity : Severity
    """

    name: str
    what: str
    find: Callable[[BarWindow], BoolArray]
    share_max: float
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class TickRule:
    """One check of ticks, row by row; attributes as of :class:`BarRule`."""

    name: str
    what: str
    find: Callable[[TickWindow], BoolArray]
    share_max: float
    severity: Severity


def no_flags(n_rows: int) -> BoolArray:
    """Return flags that mark no row."""
    return np.zeros(n_rows, dtype=np.bool_)


def any_of(flags: Sequence[BoolArray]) -> BoolArray:
    """Return which rows at least one of the flags marks."""
    return np.asarray(np.logical_or.reduce(flags), dtype=np.bool_)
