"""Quality of a stored or imported history: named checks that count, and say where first."""

from assay.data.quality.checking import (
    GAPS_LISTED_MAX,
    STALE_BARS_MIN,
    STALE_TICKS_MIN,
    Check,
    QualityReport,
    check_bars,
    check_ticks,
)

__all__ = [
    "GAPS_LISTED_MAX",
    "STALE_BARS_MIN",
    "STALE_TICKS_MIN",
    "Check",
    "QualityReport",
    "check_bars",
    "check_ticks",
]
