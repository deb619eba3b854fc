"""The clock of a file: as told, as the file states, or as its rows show."""

from pathlib import Path

import numpy as np

from assay.data.bars import Bars
from assay.data.importers import histdata
from assay.data.importers.clock import infer_clock
from assay.data.importers.clock_finding import CONFIDENCE_MIN, ClockFinding
from assay.data.importers.layout import Format, Layout
from assay.data.importers.ordering import Table
from assay.data.importers.zones import zone
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe


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
        says = f"the file states {layout.timezone}"
        return ClockFinding(timezone=zone(layout.timezone).name, confidence=1.0, why=says)
    is_histdata = layout.format in (Format.HISTDATA_M1, Format.HISTDATA_TICKS)
    values = table.values
    finding = infer_clock(
        table.time_ns,
        None if timeframe is None else timeframe.nominal_ns,
        allowed=histdata.CLOCKS if is_histdata else (),
        reference=reference,
        values=values.get("close", values.get("bid")),
        highs=values.get("high"),
        lows=values.get("low"),
    )
    is_sure = finding.timezone is not None and finding.confidence >= CONFIDENCE_MIN
    if layout.stamp.is_epoch and not layout.format.is_server_time and not is_sure:
        says = f"counts since 1970 are UTC by definition ({finding.why})"
        return ClockFinding(timezone="UTC", confidence=0.9, why=says)
    return finding


def refuse_unclear_clock(path: Path, finding: ClockFinding) -> str:
    """Return the zone of a finding that is sure enough.

    Raises
    ------
    DataError
        If it is not; ``needs`` is ``timezone`` among the facts.
    """
    if finding.timezone is not None and finding.confidence >= CONFIDENCE_MIN:
        return finding.timezone
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
