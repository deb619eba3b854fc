"""Quality of a stored or imported history: named checks that count, and say where first."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.data.calendar import bar_open, is_open
from assay.data.gaps import Gap, find_gaps, trades
from assay.data.quarantine import Quarantine
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_HOUR, iso_utc
from assay.domain.timeframe import Timeframe

GAPS_LISTED_MAX = 1_000
STALE_BARS_MIN = 10
STALE_TICKS_MIN = 500
_SPIKE_DEVIATIONS = 15.0
_SPIKE_RETURNED = 0.7
_WIDE_SPREADS = 30.0
_SCALE_BARS = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about the rows, and its answer.

    Attributes
    ----------
    name : str
        Stable identifier, such as ``missing_bars``.
    rows : int
        Rows (or missing bars) that fail.
    share : float
        Of all rows (or expected bars), [0, 1].
    first : str or None
        Where it first happens: UTC time of the row, or line of the source.
    says : str
        The finding in words, with its count.
    is_passed : bool
        False where the rows should not be relied on without a look.
    """

    name: str
    rows: int
    share: float
    first: str | None
    says: str
    is_passed: bool

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """What the checks found in one history.

    Attributes
    ----------
    symbol, series : str
    rows : int
    first_ns, last_ns : int
    checks : tuple of Check
        All that were made, also those that found nothing.
    gaps : tuple of Gap
        The largest ``GAPS_LISTED_MAX``, largest first.
    n_gaps : int
        All of them.
    """

    symbol: str
    series: str
    rows: int
    first_ns: int
    last_ns: int
    checks: tuple[Check, ...]
    gaps: tuple[Gap, ...] = ()
    n_gaps: int = 0

    @property
    def is_passed(self) -> bool:
        """Whether every check passed."""
        return all(check.is_passed for check in self.checks)

    @property
    def findings(self) -> tuple[Check, ...]:
        """Return the checks that found something, failures first."""
        found = [check for check in self.checks if check.rows]
        return tuple(sorted(found, key=lambda check: check.is_passed))

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            "symbol": self.symbol,
            "series": self.series,
            "rows": self.rows,
            "first": iso_utc(self.first_ns),
            "last": iso_utc(self.last_ns),
            "is_passed": self.is_passed,
            "checks": [check.as_json() for check in self.checks],
            "n_gaps": self.n_gaps,
            "gaps": [gap.as_json() for gap in self.gaps],
        }


def check_bars(
    bars: Bars,
    sessions: Sequence[Session],
    *,
    digits: int | None = None,
    quarantine: Quarantine | None = None,
) -> QualityReport:
    """Check bars against their trading hours and against themselves.

    Parameters
    ----------
    bars : Bars
        At least one.
    sessions : sequence of Session
        Trading hours of the instrument.
    digits : int, optional
        Decimal places of a price; without it the price grid is not checked.
    quarantine : Quarantine, optional
        Rows refused at import; each reason becomes a check that names its first line.

    Notes
    -----
    A reading of the whole history, not a causal one: no feature or label may use it.
    """
    gaps = find_gaps(bars.time_ns, bars.timeframe, sessions)
    n_missing = sum(gap.bars_missing for gap in gaps)
    n_rows = len(bars)
    first_gap = iso_utc(gaps[0].start_ns) if gaps else None
    share = n_missing / max(1, n_missing + n_rows)
    counter = _Counter(bars.time_ns)
    checks = [
        Check(
            name="missing_bars",
            rows=n_missing,
            share=share,
            first=first_gap,
            says=f"{n_missing} bars missing in trading hours ({share:.2%}), in {len(gaps)} gaps",
            is_passed=share <= 0.05,
        ),
        *(counter.check(*rule(bars)) for rule in _BAR_RULES),
        counter.check(
            "closed_hours",
            ~trades(bars.time_ns, bars.timeframe, sessions),
            0.05,
            "bars when the venue is closed",
        ),
    ]
    if digits is not None:
        checks.append(
            counter.check(
                "price_grid",
                _off_price_grid(bars, digits),
                1.0,  # the venue may quote more digits; worth knowing, no fault
                f"bars with prices of more than {digits} decimals",
            )
        )
    largest = sorted(gaps, key=lambda gap: (-gap.bars_missing, gap.start_ns))
    return QualityReport(
        symbol=bars.symbol,
        series=bars.timeframe.name,
        rows=n_rows,
        first_ns=int(bars.time_ns[0]),
        last_ns=int(bars.time_ns[-1]),
        checks=(*checks, *_quarantined(quarantine, n_rows)),
        gaps=tuple(largest[:GAPS_LISTED_MAX]),
        n_gaps=len(gaps),
    )


def check_ticks(
    ticks: Ticks, sessions: Sequence[Session], *, quarantine: Quarantine | None = None
) -> QualityReport:
    """Check quotes against their trading hours and against themselves."""
    hours = np.unique(ticks.time_ns // NS_PER_HOUR) * NS_PER_HOUR
    gaps = find_gaps(hours, Timeframe.H1, sessions)
    n_missing = sum(gap.bars_missing for gap in gaps)
    counter = _Counter(ticks.time_ns)
    mid = (ticks.bid + ticks.ask) / 2.0
    spread = ticks.ask - ticks.bid
    checks = [
        Check(
            name="missing_hours",
            rows=n_missing,
            share=n_missing / max(1, n_missing + len(hours)),
            first=iso_utc(gaps[0].start_ns) if gaps else None,
            says=f"{n_missing} hours without a quote in trading hours, in {len(gaps)} gaps",
            is_passed=n_missing <= 0.05 * (n_missing + len(hours)),
        ),
        counter.check("crossed", spread < 0.0, 0.0, "quotes with the ask below the bid"),
        counter.check("zero_spread", spread == 0.0, 0.2, "quotes without a spread"),
        counter.check("wide_spread", _wide(spread), 0.01, "quotes with a spread far above usual"),
        counter.check(
            "stale",
            _in_run(_unchanged(ticks.bid, ticks.ask), STALE_TICKS_MIN),
            0.01,
            f"quotes that repeat {STALE_TICKS_MIN} times or more",
        ),
        counter.check("spikes", _spikes(mid), 0.001, "quotes that leap and come back"),
        counter.check(
            "closed_hours",
            ~is_open(ticks.time_ns, sessions),
            0.05,
            "quotes when the venue is closed",
        ),
    ]
    largest = sorted(gaps, key=lambda gap: (-gap.bars_missing, gap.start_ns))
    return QualityReport(
        symbol=ticks.symbol,
        series="TICKS",
        rows=len(ticks),
        first_ns=int(ticks.time_ns[0]),
        last_ns=int(ticks.time_ns[-1]),
        checks=(*checks, *_quarantined(quarantine, len(ticks))),
        gaps=tuple(largest[:GAPS_LISTED_MAX]),
        n_gaps=len(gaps),
    )


@dataclass(frozen=True, slots=True)
class _Counter:
    """Makes checks from flags per row."""

    time_ns: IntArray

    def check(self, name: str, is_bad: BoolArray, share_max: float, what: str) -> Check:
        """Count the rows that fail; more than *share_max* of them fail the check."""
        n_bad = int(np.count_nonzero(is_bad))
        share = n_bad / max(1, len(self.time_ns))
        first = iso_utc(int(self.time_ns[int(np.argmax(is_bad))])) if n_bad else None
        says = f"{n_bad} {what} ({share:.2%})" + (f", first {first}" if first else "")
        return Check(
            name=name, rows=n_bad, share=share, first=first, says=says, is_passed=share <= share_max
        )


def _quarantined(quarantine: Quarantine | None, n_rows: int) -> tuple[Check, ...]:
    if quarantine is None:
        return ()
    checks = []
    n_all = n_rows + len(quarantine)
    for reason, count in quarantine.counts.items():
        row = quarantine.first(reason)
        first = None if row is None else f"line {row.line}"
        says = f"{count} rows quarantined, {reason.value}" + (f", first {first}" if first else "")
        checks.append(
            Check(
                name=f"quarantined_{reason.name.lower()}",
                rows=count,
                share=count / n_all,
                first=first,
                says=says,
                is_passed=count <= 0.01 * n_all,
            )
        )
    return tuple(checks)


_Rule = tuple[str, BoolArray, float, str]


def _broken(bars: Bars) -> _Rule:
    top, bottom = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    is_bad = (top > bars.high) | (bottom < bars.low)
    return "broken_ohlc", is_bad, 0.0, "bars with open or close outside low..high"


def _not_positive(bars: Bars) -> _Rule:
    is_bad = ~(bars.low > 0.0) | ~np.isfinite(bars.high)
    return "not_positive", is_bad, 0.0, "bars with a price that is not positive and finite"


def _crossed(bars: Bars) -> _Rule:
    is_bad = bars.spread < 0.0
    if bars.ask_open is not None and bars.ask_close is not None:
        is_bad = is_bad | (bars.ask_open < bars.open) | (bars.ask_close < bars.close)
    return "crossed", is_bad, 0.0, "bars with the ask below the bid"


def _off_grid(bars: Bars) -> _Rule:
    is_bad = bar_open(bars.time_ns, bars.timeframe) != bars.time_ns
    return "time_grid", is_bad, 0.0, f"bars that do not open on the {bars.timeframe.name} grid"


def _stale(bars: Bars) -> _Rule:
    same = _unchanged(bars.open, bars.high, bars.low, bars.close)
    is_bad = _in_run(same, STALE_BARS_MIN)
    return "stale", is_bad, 0.001, f"bars in runs of {STALE_BARS_MIN} or more that do not move"


def _leaps(bars: Bars) -> _Rule:
    return "spikes", _spikes(bars.close), 0.001, "closes that leap and come back at once"


def _no_volume(bars: Bars) -> _Rule:
    has_any = bool(np.any(bars.volume > 0.0))
    is_bad = (bars.volume == 0.0) if has_any else np.zeros(len(bars), dtype=np.bool_)
    return "zero_volume", is_bad, 0.01, "bars without volume in a history that has it"


def _no_spread(bars: Bars) -> _Rule:
    return "zero_spread", bars.spread == 0.0, 0.05, "bars without a spread"


def _wide_spread(bars: Bars) -> _Rule:
    return "wide_spread", _wide(bars.spread), 0.001, "bars with a spread far above usual"


_BAR_RULES: tuple[Callable[[Bars], _Rule], ...] = (
    _broken,
    _not_positive,
    _crossed,
    _off_grid,
    _stale,
    _leaps,
    _no_volume,
    _no_spread,
    _wide_spread,
)


def _off_price_grid(bars: Bars, digits: int) -> BoolArray:
    is_bad = np.zeros(len(bars), dtype=np.bool_)
    for prices in (bars.open, bars.high, bars.low, bars.close):
        is_bad |= np.abs(prices - np.round(prices, digits)) > 1e-3 * 10.0**-digits
    return is_bad


def _wide(spread: FloatArray) -> BoolArray:
    known = spread[np.isfinite(spread) & (spread > 0.0)]
    usual = float(np.median(known)) if len(known) else np.inf
    return np.asarray(spread > _WIDE_SPREADS * usual, dtype=np.bool_)


def _unchanged(*columns: FloatArray) -> BoolArray:
    """Tell which rows equal the row before in every column."""
    same = np.ones(len(columns[0]), dtype=np.bool_)
    same[0] = False
    for column in columns:
        same[1:] &= column[1:] == column[:-1]
    return same


def _in_run(same: BoolArray, length_min: int) -> BoolArray:
    """Tell which rows stand in a run of at least *length_min* equal rows."""
    group = np.cumsum(~same)
    lengths = np.bincount(group)
    return np.asarray(lengths[group] >= length_min, dtype=np.bool_)


def _spikes(price: FloatArray) -> BoolArray:
    """Tell which prices leave by many usual moves and come back at the next row."""
    is_spike = np.zeros(len(price), dtype=np.bool_)
    if len(price) < 5:
        return is_spike
    moves = np.diff(np.log(price))
    usual = (
        pl.Series(np.abs(moves)).rolling_median(_SCALE_BARS, center=True, min_samples=3).to_numpy()
    )
    floor = float(np.median(np.abs(moves[moves != 0.0]))) if np.any(moves) else np.inf
    scale = 1.4826 * np.maximum(np.nan_to_num(usual, nan=floor), 0.2 * floor)
    away, back = moves[:-1], moves[1:]
    returns = (away * back < 0.0) & (np.abs(back) > _SPIKE_RETURNED * np.abs(away))
    is_spike[1:-1] = returns & (np.abs(away) > _SPIKE_DEVIATIONS * scale[:-1])
    return is_spike
