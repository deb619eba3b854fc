"""Write a report's files: page, results, trades, and the circumstances beside them."""

from dataclasses import dataclass
from pathlib import Path

from assay.data.disk import Disk, put
from assay.domain.errors import DataError
from assay.research.run_result import RunResult

HTML_FILE = "report.html"
JSON_FILE = "results.json"
TRADES_FILE = "trades.csv"
META_FILE = "meta.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPaths:
    """Where the files of a report are."""

    html: Path
    json: Path
    trades: Path
    meta: Path


def write_report(run: RunResult, folder: Path, *, disk: Disk | None = None) -> ReportPaths:
    """Write the report of *run* into *folder*, which is made if it is absent.

    ``results.json``, ``trades.csv`` and ``report.html`` hold no wall-clock time, path or number of
    workers, nor do ``attribution.csv``, ``decisions.parquet`` and ``forecasts.parquet`` where there
    are any: the same run gives the same bytes. Neither do ``verdict.json``, ``verdict.html`` and,
    if settings were searched, ``optimisation.html``. ``meta.json`` holds the rest.

    Raises
    ------
    DataError
        If a file cannot be written. Each file is whole or absent.
    """
    from assay.research.attribution.records import ATTRIBUTION_FILE, attribution_text
    from assay.research.attribution.storing import DECISIONS_FILE, decisions_bytes
    from assay.research.report.environment import SEARCH_PAGE_FILE, VERDICT_PAGE_FILE
    from assay.research.report.forecast_file import FORECASTS_FILE, forecast_bytes
    from assay.research.report.page import page_of
    from assay.research.report.records import meta_text, results_text, trades_text
    from assay.research.report.risk_page import risk_page
    from assay.research.report.search_page import search_page
    from assay.research.report.verdict_page import verdict_page
    from assay.research.verdict.schema import VERDICT_FILE, document_of, verdict_text

    disk = disk or Disk()
    paths = ReportPaths(
        html=folder / HTML_FILE,
        json=folder / JSON_FILE,
        trades=folder / TRADES_FILE,
        meta=folder / META_FILE,
    )
    contents = [
        (paths.json, results_text(run).encode()),
        (paths.trades, trades_text(run).encode()),
        (folder / VERDICT_FILE, verdict_text(document_of(run)).encode()),
        (folder / VERDICT_PAGE_FILE, verdict_page(run).encode()),
        (paths.meta, meta_text(run).encode()),
        (paths.html, page_of(run).encode()),
    ]
    if run.risk_search:
        contents.insert(2, (folder / SEARCH_PAGE_FILE, risk_page(run).encode()))
    if run.searches:
        contents.insert(2, (folder / SEARCH_PAGE_FILE, search_page(run).encode()))
    if run.attribution:
        text = attribution_text(run.attribution, run.strategies)
        contents.insert(2, (folder / ATTRIBUTION_FILE, text.encode()))
    if run.decisions is not None:
        contents.insert(2, (folder / DECISIONS_FILE, decisions_bytes(run.decisions)))
    if run.forecasts is not None:
        contents.insert(2, (folder / FORECASTS_FILE, forecast_bytes(run.forecasts)))
    try:
        disk.make_folder(folder)
        for path, content in contents:
            put(disk, path, content)
    except OSError as error:
        raise DataError(
            f"The report folder {folder} must be writable; was not: {error.strerror}.",
            remedy="Free disk space or correct the permissions, then run again.",
            path=str(folder),
        ) from error
    return paths
