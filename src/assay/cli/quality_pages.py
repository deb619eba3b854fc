"""Write the quality page of stored series."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.domain.errors import DataError

if TYPE_CHECKING:
    from assay.data.bars import Bars
    from assay.data.catalogue import Catalogue
    from assay.data.entry import Entry
    from assay.data.quality import QualityReport
    from assay.data.spread_statistics import SpreadStatistics

_WHOLE_ROWS_MAX = 500_000


def write_pages(
    catalogue: "Catalogue",
    found: "Sequence[tuple[Entry, QualityReport]]",
    folder: Path,
    *,
    score_min: float,
) -> list[Path]:
    """Write one page for each checked series, and return where they are.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    from assay.data.disk import Disk, put
    from assay.research.report.quality_page import quality_page

    disk = Disk()
    paths = []
    for entry, report in found:
        page = quality_page(
            report,
            score_min=score_min,
            bars=_picture(catalogue, entry),
            spread=_spread(catalogue, entry),
        )
        path = folder / f"quality-{entry.symbol}-{entry.series}.html"
        try:
            disk.make_folder(folder)
            put(disk, path, page.encode())
        except OSError as error:
            raise DataError(
                f"The folder {folder} must be writable; was not: {error.strerror or error}.",
                remedy="Free disk space or correct the permissions, then run again.",
                path=str(folder),
            ) from error
        paths.append(path)
    return paths


def _picture(catalogue: "Catalogue", entry: "Entry") -> "Bars | None":
    """Return bars for the picture of the price, made part by part where there are many."""
    from assay.data.importers.sides import joined
    from assay.data.resample import bars_from_ticks, resample
    from assay.domain.timeframe import Timeframe

    if entry.timeframe is None:
        pieces = [
            bars_from_ticks(part, Timeframe.H1)
            for part in catalogue.scan_ticks(entry.symbol)
            if len(part)
        ]
    elif entry.rows <= _WHOLE_ROWS_MAX:
        return catalogue.read_bars(entry.symbol, entry.timeframe)
    else:
        pieces = [
            resample(part, Timeframe.H1)
            for part in catalogue.scan_bars(entry.symbol, entry.timeframe)
            if len(part)
        ]
    return joined(pieces)[0] if pieces else None


def _spread(catalogue: "Catalogue", entry: "Entry") -> "SpreadStatistics | None":
    from assay.data.spread_statistics import stored_spread

    try:
        return stored_spread(catalogue, entry.symbol, entry.timeframe)
    except DataError:
        return None  # the series quotes none
