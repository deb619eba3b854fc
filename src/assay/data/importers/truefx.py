"""TrueFX: quotes as pair, time and two prices, in UTC."""

import re
from collections.abc import Sequence
from dataclasses import replace

from assay.data.importers.headers import symbol_written
from assay.data.importers.layout import Format, Layout

_TICK = re.compile(
    r'"?[A-Z]{3}/[A-Z]{3}"?,\d{8} \d{2}:\d{2}:\d{2}(\.\d{1,9})?,\d*\.?\d+,\d*\.?\d+,?\s*'
)


def recognised(layout: Layout, headers: Sequence[str], first_row: str) -> tuple[Format, str] | None:
    """Return the TrueFX format of *first_row*, and why; None for other sources."""
    if not headers and _TICK.fullmatch(first_row):
        return Format.TRUEFX_TICKS, "TrueFX quotes: PAIR,YYYYMMDD HH:MM:SS.mmm,bid,ask, in GMT"
    return None


def stated(layout: Layout, first_row: str) -> Layout:
    """Return *layout* with what every file of TrueFX states: its pair, and GMT."""
    pair = symbol_written(first_row.split(",", maxsplit=1)[0])
    return replace(layout, timezone="UTC", symbol=pair)
