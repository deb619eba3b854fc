"""Checks of a stored series, part by part: the whole is never in memory."""

from collections.abc import Sequence

from assay.data.bars import Bars
from assay.data.catalogue import Catalogue
from assay.data.quality.checking import check_bar_chunks, check_tick_chunks
from assay.data.quality.report import QualityReport
from assay.data.quarantine import Quarantine, Reason
from assay.domain.instrument import Session
from assay.domain.timeframe import Timeframe


def check_stored(
    catalogue: Catalogue,
    symbol: str,
    timeframe: Timeframe | None,
    sessions: Sequence[Session],
    *,
    digits: int | None = None,
    reference: Bars | None = None,
    start_ns: int | None = None,
    stop_ns: int | None = None,
) -> QualityReport:
    """Check what the catalogue holds of one series, and what it refused at import.

    Parameters
    ----------
    catalogue : Catalogue
    symbol : str
    timeframe : Timeframe or None
        None: ticks.
    sessions : sequence of Session
        Trading hours of the instrument.
    digits : int, optional
        Decimal places of a price; without it the price grid is not checked.
    reference : Bars, optional
        The same market and timeframe from another source; bars only.
    start_ns, stop_ns : int, optional
        Part of the history, UTC nanoseconds, half-open.

    Returns
    -------
    report : QualityReport
        The findings are those of ``check_bars`` (or ``check_ticks``) on the whole series.

    Raises
    ------
    DataError
        If the series is unknown, damaged or empty between the two times, or the reference has
        bars of another length.

    Notes
    -----
    Holds a part of the series (a year of bars, a week of ticks), one block of it, and the times
    of all bars.
    """
    refused = _refused(catalogue, symbol, timeframe)
    if timeframe is None:
        return check_tick_chunks(
            catalogue.scan_ticks(symbol, start_ns, stop_ns),
            sessions,
            digits=digits,
            quarantine=refused,
        )
    return check_bar_chunks(
        catalogue.scan_bars(symbol, timeframe, start_ns, stop_ns),
        sessions,
        digits=digits,
        quarantine=refused,
        reference=reference,
    )


def _refused(catalogue: Catalogue, symbol: str, timeframe: Timeframe | None) -> Quarantine:
    """Return the counts of all rows that imports of the series refused, by reason."""
    by_text = {reason.value: reason for reason in Reason}
    counts: dict[Reason, int] = {}
    for stored in catalogue.quarantined(symbol, timeframe):
        for text, rows in stored.reasons.items():
            if text in by_text:
                counts[by_text[text]] = counts.get(by_text[text], 0) + rows
    return Quarantine(counts)
