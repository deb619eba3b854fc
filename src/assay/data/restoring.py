"""Rows into quarantine and back: what a check flagged is taken out, what was refused restored."""

import hashlib
from collections.abc import Collection, Sequence

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.columns import BID, Columns, columns_of, times_of
from assay.data.entry import MergeReport
from assay.data.importers.rules import NO_REASON, refusals_of
from assay.data.provenance import Provenance
from assay.data.quality import Check
from assay.data.quarantine import Quarantine, QuarantinedRow, Reason, StoredQuarantine
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

SPLIT_POINT = "split_point"
TAKEN, RESTORED = "quarantined", "restored"
"""What provenance names as importer of rows that were moved by hand."""


def take_flagged(
    catalogue: Catalogue, symbol: str, timeframe: Timeframe | None, check: Check, now_ns: int
) -> MergeReport:
    """Move the stored rows that a check flagged into quarantine.

    Parameters
    ----------
    check : Check
        Of this series, with the times of all its rows.
    now_ns : int

    Returns
    -------
    report : MergeReport
        ``rows_replaced`` counts the rows that were taken out.

    Raises
    ------
    DataError
        If the check flagged nothing, no stored rows (what is missing, where feeds were joined) or
        more rows than it lists, or none would stay.
    """
    entry = catalogue.entry(symbol, timeframe)
    times = np.array(sorted(set(check.times_ns)), dtype=np.int64)
    if len(times) == 0 or check.rows > len(check.times_ns):
        says = "found none" if len(times) == 0 else f"lists {len(times):,} of {check.rows:,}"
        raise DataError(
            f"Check {check.name} of {symbol} {entry.series} must list the rows to take out; it "
            f"{says}.",
            remedy="Choose a check that found rows, as `assay data check` shows; if it found more "
            "than it lists, the history is better cut or imported anew.",
            check=check.name,
        )
    first, stop = int(times[0]), int(times[-1]) + 1
    series: Bars | Ticks
    if timeframe is None:
        series = catalogue.read_ticks(symbol, first, stop)
    else:
        series = catalogue.read_bars(symbol, timeframe, first, stop)
    columns = columns_of(series)
    chosen = np.flatnonzero(np.isin(times_of(columns), times))
    if check.name == SPLIT_POINT or not np.isin(times, times_of(columns)).all():
        raise DataError(
            f"Check {check.name} of {symbol} {entry.series} must flag stored rows to take out; it "
            "names times, not rows.",
            remedy="Choose a check of rows, such as spikes; what is missing can be imported.",
            check=check.name,
        )
    if len(chosen) > check.rows:
        raise DataError(
            f"Check {check.name} of {symbol} {entry.series} must flag every quote of a time to "
            f"take it out; {len(chosen) - check.rows:,} others share these times.",
            remedy="Rows leave by their time: the sound quotes would go along. Import the source "
            "again instead; exact repeats are dropped there.",
            check=check.name,
        )
    rows = [_taken(columns, int(at), check.name, i) for i, at in enumerate(chosen)]
    text = f"{symbol} {entry.series} {check.name} {entry.content_hash} {times.tolist()}"
    provenance = Provenance(
        source=f"rows flagged by {check.name}",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        importer=TAKEN,
        timezone="UTC",
        rows_in=len(rows),
        rows_kept=0,
        rows_quarantined=len(rows),
        imported_ns=now_ns,
    )
    with catalogue.writing(symbol, entry.series) as merge:
        return merge.take_out(times, provenance, Quarantine.of(rows))


def _taken(columns: Columns, at: int, name: str, number: int) -> QuarantinedRow:
    values = {
        role: float(column[at])
        for role, column in columns.items()
        if role != "time_ns" and np.isfinite(column[at])
    }
    time_ns = int(times_of(columns)[at])
    shown = f"{name}: " + ", ".join(f"{role} {value:g}" for role, value in values.items())
    return QuarantinedRow(
        line=number + 1, reason=Reason.FLAGGED, text=shown, time_ns=time_ns, values=values
    )


def restore(
    catalogue: Catalogue,
    symbol: str,
    timeframe: Timeframe | None,
    stored: StoredQuarantine,
    *,
    lines: Collection[int] | None,
    now_ns: int,
) -> MergeReport:
    """Put quarantined rows back into their series; where a time is stored, they win.

    Parameters
    ----------
    stored : StoredQuarantine
        Of this series.
    lines : collection of int, optional
        Lines to restore; None restores every row that can be.
    now_ns : int

    Raises
    ------
    DataError
        If a line is not listed, could not be read at the import, or is no valid row.
    """
    listed = stored.listed()
    chosen = _chosen(stored, listed, lines)
    moved = {id(row) for row in chosen}
    left = [row for row in listed if id(row) not in moved]
    series = _series_of(symbol, timeframe, chosen, stored)
    entry = catalogue.entry(symbol, timeframe)
    text = f"{stored.path.name} {[row.line for row in chosen]}"
    provenance = Provenance(
        source=f"{len(chosen)} rows of {stored.source}",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        importer=RESTORED,
        timezone="UTC",
        rows_in=len(chosen),
        rows_kept=len(chosen),
        rows_quarantined=0,
        imported_ns=now_ns,
    )
    n_unlisted = max(0, stored.rows - len(listed))
    with catalogue.writing(symbol, entry.series) as merge:
        return merge.put_back(columns_of(series), provenance, stored.path.name, left, n_unlisted)


def _chosen(
    stored: StoredQuarantine, listed: Sequence[QuarantinedRow], lines: Collection[int] | None
) -> list[QuarantinedRow]:
    if lines is None:
        chosen = [row for row in listed if row.is_restorable]
        if not chosen:
            raise DataError(
                f"Quarantine {stored.path.name} must hold a row that could be read; none of its "
                f"{stored.rows:,} could.",
                remedy=f"Correct {stored.source or 'the source'} and import it again.",
                path=str(stored.path),
            )
        return chosen
    by_line: dict[int, list[QuarantinedRow]] = {}
    for row in listed:  # rows of several files may share a line
        by_line.setdefault(row.line, []).append(row)
    for line in sorted(lines):
        rows = by_line.get(line, [])
        if not rows or not all(row.is_restorable for row in rows):
            lost = next((row for row in rows if not row.is_restorable), None)
            why = "is not listed" if lost is None else f"could not be read: {lost.reason.value}"
            raise DataError(
                f"Line {line} of quarantine {stored.path.name} must be a row that can be restored; "
                f"it {why}.",
                remedy=f"Correct {stored.source or 'the source'} and import it again.",
                path=str(stored.path),
                line=line,
            )
    return [row for line in sorted(lines) for row in by_line[line]]


def _series_of(
    symbol: str,
    timeframe: Timeframe | None,
    rows: Sequence[QuarantinedRow],
    stored: StoredQuarantine,
) -> Bars | Ticks:
    """Return rows as bars or ticks; of several at one time the last stays (bars)."""
    ordered = sorted(rows, key=lambda row: (row.time_ns or 0, row.line))
    if timeframe is not None:
        ordered = list({row.time_ns: row for row in ordered}.values())
    required = BID if timeframe is not None else ("bid", "ask")
    time_ns = np.array([row.time_ns for row in ordered], dtype=np.int64)
    roles = sorted({role for row in ordered for role in row.values} | set(required))
    values = {role: np.array([row.values.get(role, np.nan) for row in ordered]) for role in roles}
    bad = np.flatnonzero(refusals_of(values, required) != NO_REASON)
    if len(bad):
        row = ordered[int(bad[0])]
        raise DataError(
            f"Line {row.line} of quarantine {stored.path.name} must be a valid row; was "
            f"{dict(row.values)}.",
            remedy="Restore the other rows by their lines.",
            path=str(stored.path),
            line=row.line,
        )
    if timeframe is None:
        return Ticks(symbol=symbol, time_ns=time_ns, bid=values["bid"], ask=values["ask"])
    nothing = np.full(len(time_ns), np.nan)
    asks = {name: values[name] for name in values if name.startswith("ask_")}
    return Bars(
        symbol=symbol,
        timeframe=timeframe,
        time_ns=time_ns,
        open=values["open"],
        high=values["high"],
        low=values["low"],
        close=values["close"],
        volume=values.get("volume", nothing),
        spread=values.get("spread", nothing),
        **(asks if len(asks) == 4 else {}),
    )
