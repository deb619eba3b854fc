"""Statistics of a symbol's spread by minute of the week, counted in bounded memory."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.data.calendar import MINUTES_PER_WEEK, bar_close, minute_of_week
from assay.data.catalogue import Catalogue
from assay.data.disk import Disk, put
from assay.data.spread import typical_shape
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_MINUTE
from assay.domain.timeframe import Timeframe

_FILE_NAME = "spread.json"
_LAYOUT = 1
_BINS_PER_FACTOR_E = 40.0  # a bin is 2.5 % wide
_N_BINS = 800
_SLOT_COUNT_MIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadStatistics:
    """The spread of one symbol in each slot of the week.

    Attributes
    ----------
    symbol, series : str
    content_hash : str
        Of the rows counted.
    first_ns, last_ns : int
        Their span, UTC nanoseconds.
    rows : int
        Rows with a spread above zero.
    slot_minutes : int
        Length of a slot: the bar's, at most an hour; one minute for ticks.
    count : tuple of int, shape (10080 / slot_minutes,)
        Rows by slot, from Sunday 00:00 New York.
    mean, median, p95 : tuple of float
        Price units; NaN in a slot without rows. A bar counts at its close, the moment its spread
        was taken.
    overall_mean, overall_median : float
    """

    symbol: str
    series: str
    content_hash: str
    first_ns: int
    last_ns: int
    rows: int
    slot_minutes: int
    count: tuple[int, ...]
    mean: tuple[float, ...]
    median: tuple[float, ...]
    p95: tuple[float, ...]
    overall_mean: float
    overall_median: float

    def multiples(self) -> FloatArray:
        """Return the median spread of each slot over the overall one, without NaN.

        A slot with fewer than five rows takes the typical shape of a week.
        """
        minutes = np.arange(0, MINUTES_PER_WEEK, self.slot_minutes, dtype=np.int64)
        typical = typical_shape(minutes + self.slot_minutes // 2)
        known = np.array(self.count) >= _SLOT_COUNT_MIN
        own = np.array(self.median) / self.overall_median
        result: FloatArray = np.where(known, np.nan_to_num(own, nan=1.0), typical)
        return result

    def expected(self, time_ns: IntArray) -> FloatArray:
        """Return the mean spread at these times of the week: price units, without NaN."""
        known = np.array(self.count) >= _SLOT_COUNT_MIN
        by_slot = np.where(known, self.mean, self.overall_mean * self.multiples())
        expected: FloatArray = by_slot[minute_of_week(time_ns) // self.slot_minutes]
        return expected

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document; NaN becomes None."""
        body = asdict(self)
        for name in ("mean", "median", "p95"):
            body[name] = [None if np.isnan(value) else value for value in body[name]]
        return body


def spread_statistics(
    symbol: str, series: str, pieces: Iterable[Bars | Ticks], content_hash: str = ""
) -> SpreadStatistics:
    """Count the spreads of a history that need not fit in memory.

    Parameters
    ----------
    symbol, series : str
    pieces : iterable of Bars or Ticks
        Stretches of one history.
    content_hash : str
        Of the whole.

    Raises
    ------
    DataError
        If no row has a spread above zero.

    Notes
    -----
    Means are exact; quantiles come from a histogram with bins of 2.5 %. O(rows) time, a few
    megabytes of memory. A reading of the whole history: no feature or label may use it.
    """
    slot_minutes = 1
    counts: IntArray | None = None
    sums = np.zeros(0)
    first_ns, last_ns = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    scale = 0.0
    for piece in pieces:
        if isinstance(piece, Bars):
            slot_minutes = max(1, min(piece.timeframe.value // 60, 60))
        known, spread, time_ns = _spreads(piece)
        if not known.any():
            continue
        if counts is None:
            n_slots = MINUTES_PER_WEEK // slot_minutes
            counts, sums = np.zeros((n_slots, _N_BINS), dtype=np.int64), np.zeros(n_slots)
            scale = float(np.median(spread))
        slot = minute_of_week(time_ns) // slot_minutes
        at = np.clip(
            np.rint(np.log(spread / scale) * _BINS_PER_FACTOR_E) + _N_BINS // 2, 0, _N_BINS - 1
        ).astype(np.int64)
        counts += np.bincount(slot * _N_BINS + at, minlength=counts.size).reshape(counts.shape)
        sums += np.bincount(slot, weights=spread, minlength=len(sums))
        first_ns, last_ns = min(first_ns, int(time_ns[0])), max(last_ns, int(time_ns[-1]))
    if counts is None:
        raise DataError(
            f"{symbol} {series} must have spreads above zero; has none.",
            remedy="Import ticks, or bars with a spread or both sides.",
            symbol=symbol,
            series=series,
        )
    rows = counts.sum(axis=1)
    overall = counts.sum(axis=0)[None, :]
    with np.errstate(invalid="ignore"):
        mean = sums / rows
    return SpreadStatistics(
        symbol=symbol,
        series=series,
        content_hash=content_hash,
        first_ns=first_ns,
        last_ns=last_ns,
        rows=int(rows.sum()),
        slot_minutes=slot_minutes,
        count=tuple(int(n) for n in rows),
        mean=tuple(float(value) for value in mean),
        median=_quantile(counts, 0.5, scale),
        p95=_quantile(counts, 0.95, scale),
        overall_mean=float(sums.sum() / rows.sum()),
        overall_median=_quantile(overall, 0.5, scale)[0],
    )


def _spreads(piece: Bars | Ticks) -> tuple[BoolArray, FloatArray, IntArray]:
    if isinstance(piece, Bars):
        spread = piece.spread
        if piece.ask_close is not None:
            spread = np.where(np.isnan(spread), piece.ask_close - piece.close, spread)
        # The spread of a bar is that of its close; the minute before stays in the week.
        time_ns = bar_close(piece.time_ns, piece.timeframe) - NS_PER_MINUTE
    else:
        spread, time_ns = piece.ask - piece.bid, piece.time_ns
    known = np.isfinite(spread) & (spread > 0.0)
    return known, spread[known], time_ns[known]


def _quantile(counts: IntArray, share: float, scale: float) -> tuple[float, ...]:
    """Return the quantile of each row of a histogram of log spreads."""
    total = counts.sum(axis=1)
    at = np.argmax(np.cumsum(counts, axis=1) >= share * total[:, None], axis=1)
    value = scale * np.exp((at - _N_BINS // 2) / _BINS_PER_FACTOR_E)
    return tuple(float(v) if n else float("nan") for v, n in zip(value, total, strict=True))


def stored_spread(
    catalogue: Catalogue, symbol: str, timeframe: Timeframe | None, *, disk: Disk | None = None
) -> SpreadStatistics:
    """Return the spread statistics of a stored series, counted once for each content.

    Raises
    ------
    DataError
        If the series is unknown, damaged, or without spreads.
    """
    entry = catalogue.entry(symbol, timeframe)
    path = catalogue.root / symbol / entry.series / _FILE_NAME
    cached = _read(path)
    if cached is not None and cached.content_hash == entry.content_hash:
        return cached
    pieces: Iterable[Bars | Ticks]
    if timeframe is None:
        pieces = catalogue.scan_ticks(symbol)
    else:
        pieces = catalogue.scan_bars(symbol, timeframe)
    found = spread_statistics(symbol, entry.series, pieces, entry.content_hash)
    body = json.dumps({"layout": _LAYOUT, **found.as_json()})
    try:
        put(disk or Disk(), path, body.encode())
    except OSError:
        return found  # a catalogue that cannot be written serves without the cache
    return found


def best_spread(catalogue: Catalogue, symbol: str) -> SpreadStatistics | None:
    """Return the statistics of the symbol's series that shows spreads best; None if none does.

    Ticks first, then the shorter bars: the finer the slots, the truer the week.
    """
    for entry in catalogue.list():
        if entry.symbol == symbol:
            try:
                return stored_spread(catalogue, symbol, entry.timeframe)
            except DataError:
                continue
    return None


def _read(path: Path) -> SpreadStatistics | None:
    try:
        body = json.loads(path.read_bytes())
        if body.pop("layout") != _LAYOUT:
            return None
        values: dict[str, Any] = {
            item.name: tuple(np.nan if value is None else value for value in body[item.name])
            if isinstance(body[item.name], list)
            else body[item.name]
            for item in fields(SpreadStatistics)
        }
        return SpreadStatistics(**values)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent or torn: it is counted again
