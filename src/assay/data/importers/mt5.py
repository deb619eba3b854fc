"""MetaTrader 5: terminal exports of bars and ticks, and tables of ``copy_rates``."""

from collections.abc import Sequence

from assay.data.importers.headers import normal
from assay.data.importers.layout import Format, Layout

_TERMINAL = frozenset({"tickvol", "vol", "spread"})
_RATES = frozenset({"time", "tick_volume", "real_volume", "spread"})
_TICKS = frozenset({"bid", "ask", "flags"})


def recognised(layout: Layout, headers: Sequence[str]) -> tuple[Format, str] | None:
    """Return the MT5 format that *headers* belong to, and why; None for other sources.

    MT5 stamps rows in the time of the broker's server, in text and in epoch seconds alike.
    """
    names = {normal(header) for header in headers}
    has_brackets = any(header.strip().startswith("<") for header in headers)
    if names >= _TICKS and ("date" in names or "time" in names):
        return Format.MT5_TICKS, "MT5 tick export: header with bid, ask and flags"
    if has_brackets and "date" in names and (names & _TERMINAL or layout.delimiter == "\t"):
        return Format.MT5_BARS, "MT5 terminal export: header in <angle brackets>"
    if names >= _RATES:
        return Format.MT5_RATES, "MT5 copy_rates table: tick_volume, spread, real_volume"
    return None
