"""The report: one page for people, one file for programs, and every trade."""

from assay.research.report.writing import (
    HTML_FILE,
    JSON_FILE,
    META_FILE,
    TRADES_FILE,
    ReportPaths,
    write_report,
)

__all__ = [
    "HTML_FILE",
    "JSON_FILE",
    "META_FILE",
    "TRADES_FILE",
    "ReportPaths",
    "write_report",
]
