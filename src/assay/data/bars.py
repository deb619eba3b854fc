"""Bars and ticks of one symbol as columns."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from assay.domain.timeframe import Timeframe
from assay.kernels.compiler import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Quote updates of one symbol, oldest first.

    Attributes
    ----------
    symbol : str
    time_ns : int64, shape (n_ticks,)
        UTC nanoseconds, not decreasing.
    bid, ask : float64, shape (n_ticks,)
        Quote currency.
    """

    symbol: str
    time_ns: IntArray
    bid: FloatArray
    ask: FloatArray

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars of one symbol and timeframe, oldest first; every array has shape (n_bars,).

    Attributes
    ----------
    symbol : str
    timeframe : Timeframe
    time_ns : int64
        Open time, UTC nanoseconds, strictly increasing. A bar is known at its close.
    open, high, low, close : float64
        Bid prices in quote currency, without NaN.
    volume : float64
        Tick volume; NaN where the source has none.
    spread : float64
        Ask less bid at the close, in price units; NaN where the source has none.
    ask_open, ask_high, ask_low, ask_close : float64 or None
        Ask prices where the source quotes both sides.
    """

    symbol: str
    timeframe: Timeframe
    time_ns: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    spread: FloatArray
    ask_open: FloatArray | None = None
    ask_high: FloatArray | None = None
    ask_low: FloatArray | None = None
    ask_close: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def has_ask(self) -> bool:
        """Whether both sides are quoted."""
        return self.ask_open is not None

    def between(self, start: int, stop: int) -> Self:
        """Return bars ``start .. stop - 1``; the columns are views, nothing is copied."""
        changes = {
            field.name: value[start:stop]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return type(self)(symbol=self.symbol, timeframe=self.timeframe, **changes)
