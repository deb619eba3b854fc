"""Checks of a series that is here in whole, or that arrives in pieces."""

from collections.abc import Iterable, Sequence

import numpy as np

from assay.data.arrays import FloatArray, IntArray
from assay.data.bars import Bars, Ticks
from assay.data.gaps import Gap, Missing, find_missing
from assay.data.quality import (
    hours,
    leaps,
    lengths,
    prices,
    spreads,
    still,
    times,
    volumes,
)
from assay.data.quality.blocks import between, blocks_of
from assay.data.quality.clocks import hours_of_other_clock
from assay.data.quality.hourly import Hours, HourSums
from assay.data.quality.joins import collapsed, split_points
from assay.data.quality.report import GAPS_LISTED_MAX, Check, QualityReport, Severity
from assay.data.quality.scoring import score_months, score_series
from assay.data.quality.second_feed import (
    comparable,
    spikes_against_reference,
    weeks_of_other_clock,
)
from assay.data.quality.shifts import shifted_dates, shifted_hours
from assay.data.quality.tally import MonthCount, Tally
from assay.data.quality.window import BarRule, BarWindow, Market, TickRule, TickWindow
from assay.data.quarantine import Quarantine
from assay.domain.errors import DataError
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe

BAR_RULES: tuple[BarRule, ...] = (
    *times.BAR_RULES,
    *lengths.BAR_RULES,
    *hours.BAR_RULES,
    *prices.BAR_RULES,
    *leaps.BAR_RULES,
    *still.BAR_RULES,
    *volumes.BAR_RULES,
    *spreads.BAR_RULES,
)
TICK_RULES: tuple[TickRule, ...] = (
    *times.TICK_RULES,
    *hours.TICK_RULES,
    *prices.TICK_RULES,
    *leaps.TICK_RULES,
    *still.TICK_RULES,
    *spreads.TICK_RULES,
)
_MISSING_SHARE_MAX = 0.05


def check_bars(
    bars: Bars,
    sessions: Sequence[Session],
    *,
    digits: int | None = None,
    quarantine: Quarantine | None = None,
    reference: Bars | None = None,
) -> QualityReport:
    """Check bars against their trading hours and against themselves.

    Parameters
    ----------
    bars : Bars
        At least one, in any state: unordered, with NaN, with repeated times.
    sessions : sequence of Session
        Trading hours of the instrument.
    digits : int, optional
        Decimal places of a price; without it the price grid is not checked.
    quarantine : Quarantine, optional
        Rows refused at import; each reason becomes a check that names its first line.
    reference : Bars, optional
        The same symbol and timeframe from another source.

    Raises
    ------
    DataError
        If there are no bars.

    Notes
    -----
    A reading of the whole history, not a causal one: no feature or label may use it.
    """
    return check_bar_chunks(
        [bars], sessions, digits=digits, quarantine=quarantine, reference=reference
    )


def check_bar_chunks(
    chunks: Iterable[Bars],
    sessions: Sequence[Session],
    *,
    digits: int | None = None,
    quarantine: Quarantine | None = None,
    reference: Bars | None = None,
) -> QualityReport:
    """Check bars that arrive in pieces, oldest first; the answer is that of :func:`check_bars`."""
    market = Market(sessions=tuple(sessions), digits=digits)
    found = {rule.name: _tally(rule) for rule in BAR_RULES}
    against = Tally(
        "spikes_against_reference",
        "bars with a price that the second feed does not know",
        share_max=0.01,
        severity=Severity.SUSPECT,
    )
    rows, seen, sums = MonthCount(), list[IntArray](), HourSums()
    symbol, timeframe = "", Timeframe.H1
    closes = list[FloatArray]()
    for block in blocks_of(chunks):
        symbol, timeframe = block.rows.symbol, block.rows.timeframe
        window = BarWindow(block.rows, market)
        core = slice(block.start, block.stop)
        time_ns = window.time_ns[core]
        for rule in BAR_RULES:
            found[rule.name].add(time_ns, rule.find(window)[core])
        if reference is not None:
            comparable(block.rows, reference)
            against.add(time_ns, spikes_against_reference(window, reference)[core])
            closes.append(window.bars.close[core].copy())
        rows.add(time_ns)
        sums.add_bars(block.rows.between(block.start, block.stop))
        seen.append(time_ns.copy())
    time_ns = _all_times(seen)
    missing = find_missing(_ascending(time_ns), timeframe, market.sessions)
    n_rows = len(time_ns)
    n_missing = sum(gap.bars_missing for gap in missing.gaps)
    checks = [
        _missing_check(
            "missing_bars",
            missing,
            n_rows,
            f"{n_missing} bars missing in trading hours "
            f"({n_missing / max(1, n_missing + n_rows):.2%}), in {len(missing.gaps)} gaps",
        ),
        *(found[rule.name].check(n_rows) for rule in BAR_RULES if rule.name != "price_grid"),
        *([found["price_grid"].check(n_rows)] if digits is not None else []),
        *_hourly_checks(sums.hours(), missing.gaps, timeframe, market, n_rows, time_ns=time_ns),
        *_clock_check(time_ns, closes, timeframe, reference, against),
        *_quarantined(quarantine, n_rows),
    ]
    return _report(symbol, timeframe.name, time_ns, checks, missing, rows)


def check_ticks(
    ticks: Ticks,
    sessions: Sequence[Session],
    *,
    digits: int | None = None,
    quarantine: Quarantine | None = None,
) -> QualityReport:
    """Check quotes against their trading hours and against themselves.

    Parameters and errors as of :func:`check_bars`.
    """
    return check_tick_chunks([ticks], sessions, digits=digits, quarantine=quarantine)


def check_tick_chunks(
    chunks: Iterable[Ticks],
    sessions: Sequence[Session],
    *,
    digits: int | None = None,
    quarantine: Quarantine | None = None,
) -> QualityReport:
    """Check quotes that arrive in pieces, oldest first; the answer is that of check_ticks."""
    market = Market(sessions=tuple(sessions), digits=digits)
    found = {rule.name: _tally(rule) for rule in TICK_RULES}
    rows, sums, ends = MonthCount(), HourSums(), list[int]()
    symbol, n_rows = "", 0
    for block in blocks_of(chunks):
        symbol = block.rows.symbol
        window = TickWindow(block.rows, market)
        core = slice(block.start, block.stop)
        time_ns = window.time_ns[core]
        for rule in TICK_RULES:
            found[rule.name].add(time_ns, rule.find(window)[core])
        rows.add(time_ns)
        sums.add_ticks(between(block.rows, block.start, block.stop))
        ends += [int(time_ns.min()), int(time_ns.max())]
        n_rows += len(time_ns)
    by_hour = sums.hours()
    open_hours = by_hour.time_ns
    missing = find_missing(open_hours, Timeframe.H1, market.sessions)
    n_missing = sum(gap.bars_missing for gap in missing.gaps)
    checks = [
        _missing_check(
            "missing_hours",
            missing,
            len(open_hours),
            f"{n_missing} hours without a quote in trading hours, in {len(missing.gaps)} gaps",
        ),
        *(found[rule.name].check(n_rows) for rule in TICK_RULES),
        *_hourly_checks(by_hour, missing.gaps, Timeframe.H1, market, n_rows),
        *_quarantined(quarantine, n_rows),
    ]
    return _report(
        symbol, "TICKS", np.array(ends, dtype=np.int64), checks, missing, rows, n_rows=n_rows
    )


def _hourly_checks(
    by_hour: Hours,
    gaps: tuple[Gap, ...],
    timeframe: Timeframe,
    market: Market,
    n_rows: int,
    *,
    time_ns: IntArray | None = None,
) -> tuple[Check, ...]:
    """Return the checks that look at stretches of hours rather than at rows."""
    if timeframe.nominal_ns > NS_PER_HOUR:
        return ()
    checks = []
    for name, what, flags, share_max, severity in (
        (
            "clock_shift",
            "rows that stand some hours early or late",
            shifted_hours(by_hour, gaps, timeframe),
            0.01,
            Severity.SERIOUS,
        ),
        (
            "other_clock",
            "rows that surely follow another clock than UTC",
            hours_of_other_clock(by_hour),
            0.0,
            Severity.FATAL,
        ),
        (
            "date_shift",
            "rows in months whose weekends fall on working days",
            shifted_dates(by_hour, market.sessions),
            0.0,
            Severity.FATAL,
        ),
        (
            "tick_rate_collapse",
            "rows in hours with a twentieth of their usual activity or less",
            collapsed(by_hour, market.sessions, hours_min=1 if time_ns is None else 3),
            0.005,
            Severity.SERIOUS,
        ),
    ):
        tally = Tally(name, what, share_max=share_max, severity=severity)
        if time_ns is None:
            tally.add_times(by_hour.time_ns[flags], by_hour.rows[flags])
        else:
            tally.add(
                time_ns, np.isin(time_ns // NS_PER_HOUR, by_hour.time_ns[flags] // NS_PER_HOUR)
            )
        checks.append(tally.check(n_rows))
    splits = Tally(
        "split_point",
        "days from which on spread, activity or decimals are others: two feeds may be joined",
        share_max=1.0,
        severity=Severity.NOTE,
    )
    splits.add_times(split_points(by_hour))
    return (*checks, splits.check(n_rows))


def _clock_check(
    time_ns: IntArray,
    closes: list[FloatArray],
    timeframe: Timeframe,
    reference: Bars | None,
    against: Tally,
) -> tuple[Check, ...]:
    """Return the two checks against a second feed, if there is one."""
    if reference is None:
        return ()
    clock = Tally(
        "clock_against_reference",
        "bars in weeks whose clock is not that of the second feed",
        share_max=0.0,
        severity=Severity.FATAL,
    )
    clock.add(time_ns, weeks_of_other_clock(time_ns, np.concatenate(closes), timeframe, reference))
    return against.check(len(time_ns)), clock.check(len(time_ns))


def _tally(rule: BarRule | TickRule) -> Tally:
    return Tally(rule.name, rule.what, share_max=rule.share_max, severity=rule.severity)


def _all_times(pieces: list[IntArray]) -> IntArray:
    if not pieces:
        raise DataError(
            "A series must have rows to be checked; had none.",
            remedy="Check the source file, or the dates that were asked for.",
        )
    return np.concatenate(pieces)


def _ascending(time_ns: IntArray) -> IntArray:
    return time_ns if bool(np.all(np.diff(time_ns) > 0)) else np.unique(time_ns)


def _missing_check(name: str, missing: Missing, n_rows: int, says: str) -> Check:
    tally = Tally(name, says, share_max=_MISSING_SHARE_MAX, severity=Severity.SERIOUS)
    tally.add_times(missing.open_ns[~missing.is_rest])
    tally.rows = sum(gap.bars_missing for gap in missing.gaps)
    return tally.check(n_rows + tally.rows, says=says)


def _report(
    symbol: str,
    series: str,
    time_ns: IntArray,
    checks: list[Check],
    missing: Missing,
    rows: MonthCount,
    *,
    n_rows: int | None = None,
) -> QualityReport:
    absent = MonthCount()
    absent.add(missing.open_ns[~missing.is_rest])
    months = score_months(checks, rows.rows, absent.rows)
    return QualityReport(
        symbol=symbol,
        series=series,
        rows=len(time_ns) if n_rows is None else n_rows,
        first_ns=int(time_ns.min()),
        last_ns=int(time_ns.max()),
        checks=tuple(checks),
        gaps=_largest(missing.gaps),
        n_gaps=len(missing.gaps),
        closures=_largest(missing.closures),
        months=months,
        score=score_series(months),
    )


def _largest(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    ordered = sorted(gaps, key=lambda gap: (-gap.bars_missing, gap.start_ns))
    return tuple(ordered[:GAPS_LISTED_MAX])


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
