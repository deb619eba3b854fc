"""HistData.com ASCII: minute bars and ticks in New York time."""

import re
from collections.abc import Sequence

from assay.data.importers.layout import Format, Layout

_M1 = re.compile(r"\d{8} \d{6};[\d.]+;[\d.]+;[\d.]+;[\d.]+;-?\d+;?\s*")
_TICK = re.compile(r"\d{8} \d{9},[\d.]+,[\d.]+,-?\d+,?\s*")

CLOCKS = ("UTC-5", "America/New_York")
"""HistData documents New York standard time all year; files that follow daylight saving
exist too. The rows decide; in winter both are the same."""


def recognised(layout: Layout, headers: Sequence[str], first_row: str) -> tuple[Format, str] | None:
    """Return the HistData format of *first_row*, and why; None for other sources."""
    if headers:
        return None
    if _M1.fullmatch(first_row):
        return Format.HISTDATA_M1, "HistData minute bars: YYYYMMDD HHMMSS;O;H;L;C;V"
    if _TICK.fullmatch(first_row):
        return Format.HISTDATA_TICKS, "HistData ticks: YYYYMMDD HHMMSSmmm,bid,ask,volume"
    return None
