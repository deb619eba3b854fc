"""Write a stress test: its page, its figures, and the circumstances beside them."""

import json
from collections.abc import Mapping
from pathlib import Path

from assay.data.disk import Disk, put
from assay.domain.errors import DataError
from assay.research.report.records import plain
from assay.research.report.writing import META_FILE
from assay.research.stress.page import HTML_FILE, JSON_FILE, stress_page
from assay.research.stress.stress import Stress


def write_stress(
    found: Stress, notes: Mapping[str, object], folder: Path, *, disk: Disk | None = None
) -> None:
    """Write ``stress.json``, ``stress.html`` and ``meta.json`` into *folder*.

    The first two hold no wall-clock time, path or number of workers: the same question gives the
    same bytes. ``meta.json`` holds *notes*.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    disk = disk or Disk()
    try:
        put(disk, folder / JSON_FILE, found.text().encode())
        put(disk, folder / HTML_FILE, stress_page(found).encode())
        text = json.dumps(plain(notes), sort_keys=True, indent=1, ensure_ascii=False)
        put(disk, folder / META_FILE, f"{text}\n".encode())
    except OSError as error:
        raise DataError(
            f"The report folder {folder} must be writable; was not: {error.strerror}.",
            remedy="Free disk space or correct the permissions, then run again.",
            path=str(folder),
        ) from error
