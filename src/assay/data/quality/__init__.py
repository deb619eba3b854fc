"""Quality of a stored or imported history: named checks that count, and say where first."""

from assay.data.quality.checking import (
    check_bar_chunks,
    check_bars,
    check_tick_chunks,
    check_ticks,
)
from assay.data.quality.report import (
    GAPS_LISTED_MAX,
    TIMES_LISTED_MAX,
    Check,
    MonthScore,
    QualityReport,
    Severity,
)
from assay.data.quality.still import STALE_BARS_MIN, STALE_TICKS_MIN
from assay.data.quality.stored import check_stored

__all__ = [
    "GAPS_LISTED_MAX",
    "STALE_BARS_MIN",
    "STALE_TICKS_MIN",
    "TIMES_LISTED_MAX",
    "Check",
    "MonthScore",
    "QualityReport",
    "Severity",
    "check_bar_chunks",
    "check_bars",
    "check_stored",
    "check_tick_chunks",
    "check_ticks",
]
