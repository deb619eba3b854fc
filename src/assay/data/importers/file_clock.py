"""The clock of a file: as told, as the file states, or as its rows show."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.data.bars import Bars
from assay.data.importers import histdata
from assay.data.importers.clock import infer_clock
from assay.data.importers.clock_finding import ClockFinding
from assay.data.importers.layout import Format, Layout
from assay.data.importers.ordering import Table
from assay.data.importers.zones import zone
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR
from assay.domain.timeframe import Timeframe

_CONTRADICTION_MIN = 0.95
_CONTRADICTION_SHARE_MIN = (
    0.3  # clocks that differ for weeks a year alone are told apart too rarely
)


def clock_of(
    layout: Layout,
    table: Table,
    timeframe: Timeframe | None,
    told: str | None = None,
    reference: Bars | None = None,
) -> ClockFinding:
    """Return the clock of rows, which may be unclear.

    Parameters
    ----------
    layout : Layout
    table : Table
        Rows sorted by time, on the clock of the file.
    timeframe : Timeframe or None
        None for ticks.
    told : str, optional
        Zone that the caller gives.
    reference : Bars, optional
        Bars of the same symbol on a known clock, to compare with.
    """
    if told is not None:
        return ClockFinding(timezone=told, confidence=1.0, why=f"time zone {told} as told")
    if layout.timezone is not None:
        return _stated(layout, layout.timezone, table, timeframe, reference)
    finding = _inferred(layout, table, timeframe, reference)
    is_utc = layout.stamp.is_epoch and not layout.format.is_server_time
    if finding.timezone is None and is_utc and not _doubts_utc(finding):
        says = f"counts since 1970 are UTC by definition ({finding.why})"
        return ClockFinding(timezone="UTC", confidence=0.9, why=says)
    return finding


def _doubts_utc(finding: ClockFinding) -> bool:
    """Tell whether the rows speak for another clock, if not clearly enough."""
    if not finding.alternatives:
        return False
    name, chance = finding.alternatives[0]
    return name != "UTC" and chance >= 0.5


def _inferred(
    layout: Layout, table: Table, timeframe: Timeframe | None, reference: Bars | None
) -> ClockFinding:
    is_histdata = layout.format in (Format.HISTDATA_M1, Format.HISTDATA_TICKS)
    values = table.values
    return infer_clock(
        table.time_ns,
        None if timeframe is None else timeframe.nominal_ns,
        allowed=histdata.CLOCKS if is_histdata else (),
        reference=reference,
        values=values.get("close", values.get("bid")),
        highs=values.get("high"),
        lows=values.get("low"),
    )


def _stated(
    layout: Layout,
    stated: str,
    table: Table,
    timeframe: Timeframe | None,
    reference: Bars | None,
) -> ClockFinding:
    """Return the clock that a file states, unless its rows surely follow another one.

    Whoever saves a table may call any clock UTC; the formats of vendors are believed.
    """
    finding = ClockFinding(
        timezone=zone(stated).name, confidence=1.0, why=f"the file states {stated}"
    )
    is_table = layout.format.value.startswith(("csv_", "parquet_"))
    is_short = timeframe is None or timeframe.nominal_ns < NS_PER_DAY
    if not is_table or not is_short or not len(table):
        return finding
    shown = _inferred(layout, table, timeframe, reference)
    if shown.timezone is None or shown.confidence < _CONTRADICTION_MIN:
        return finding
    differs = zone(stated).to_utc(table.time_ns) != zone(shown.timezone).to_utc(table.time_ns)
    if np.mean(differs) <= _CONTRADICTION_SHARE_MIN:
        return finding
    says = f"it states {stated}, but its rows follow {shown.timezone} ({shown.why})"
    return replace(shown, timezone=None, why=says, contradicts=finding.timezone or stated)


def refuse_unclear_clock(path: Path, finding: ClockFinding) -> str:
    """Return the zone of a finding that is sure enough.

    Raises
    ------
    DataError
        If it is not; ``needs`` is ``timezone`` among the facts, except where the file states
        another clock than its rows follow.
    """
    if finding.timezone is not None:
        return finding.timezone
    if finding.contradicts:
        raise DataError(
            f"{path} must follow the clock that it states; {finding.why}.",
            remedy="Pass --timezone with the clock of the rows, or, if it is right all the same, "
            f"--timezone {finding.contradicts}.",
            path=str(path),
            alternatives=finding.alternatives,
        )
    likely = ", ".join(name for name, _ in finding.alternatives)
    remedy = "Pass --timezone: UTC, NY+7 (most MT5 servers), EET, America/New_York or UTC+3."
    if likely:
        remedy = f"Pass --timezone, as the source documents it; by the rows {likely} are likeliest."
    if finding.changes:
        remedy += " A changed clock is written `UTC+2 until 2014-11-23 then NY+7`."
    raise DataError(
        f"{path} must show which clock it follows; it does not: {finding.why}.",
        remedy=remedy,
        path=str(path),
        needs="timezone",
        alternatives=finding.alternatives,
    )


def warnings_of_clock(finding: ClockFinding) -> tuple[str, ...]:
    """Return what a user should know of a clock that changed inside the file."""
    said = []
    for change in finding.changes:
        back_ns = zone(change.before).to_utc(np.array([change.at_ns])) - zone(change.after).to_utc(
            np.array([change.at_ns])
        )
        text = f"{change.says[0].upper()}{change.says[1:]}; rows were converted with both."
        if back_ns[0] < 0:
            hours = f"{-back_ns[0] / NS_PER_HOUR:g} hours"
            text += (
                f" The clock went back by {hours}: rows that share a local time there are taken "
                "as those before, and repeats are quarantined."
            )
        said.append(text)
    return tuple(said)
