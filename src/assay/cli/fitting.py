"""Fit the simulated market to stored history; show the spread of a symbol."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.cli.history import read_series, source_entry
from assay.cli.screen import Screen

if TYPE_CHECKING:
    from assay.config.settings import Settings

_EVALUATIONS = 240


def fit_symbol(
    data: Path,
    reports: Path,
    symbol: str,
    timeframe: str | None,
    settings: "Settings",
    screen: Screen,
) -> None:
    """Fit a market to a stored series; write the fit and a page that compares both.

    Raises
    ------
    DataError
        If the series is unknown, too short, or the folder cannot be written.
    """
    from assay.data.catalogue import Catalogue
    from assay.data.disk import Disk, put
    from assay.data.simulation.fit import fit_market
    from assay.data.specification.loading import load_facts
    from assay.data.spread_statistics import best_spread
    from assay.domain.errors import DataError
    from assay.domain.timeframe import Timeframe
    from assay.research.report.fit_page import fit_page

    catalogue = Catalogue(data)
    wanted = Timeframe.parse(timeframe or settings.market.timeframe)
    entry = source_entry(catalogue, symbol, wanted)
    overrides = settings.instruments.get(symbol, {})
    instrument = load_facts(catalogue.root, symbol, overrides).latest
    with screen.progress() as progress:
        progress.stage(f"reading {symbol} {wanted.name}", 2)
        bars = read_series(catalogue, entry, wanted, settings)
        progress.advance()
        spread = best_spread(catalogue, symbol)
        progress.advance()
        progress.stage("fitting", _EVALUATIONS)
        fit = fit_market(
            bars,
            instrument,
            spread=spread,
            content_hash=entry.content_hash,
            heard=progress.advance,
        )
    stem = f"fit-{symbol}-{wanted.name}"
    page, document = reports / f"{stem}.html", reports / f"{stem}.json"
    disk = Disk()
    try:
        disk.make_folder(reports)
        put(disk, document, fit.market.encode().encode())
        put(disk, page, fit_page(fit).encode())
    except OSError as error:
        raise DataError(
            f"The folder {reports} must be writable; was not: {error.strerror or error}.",
            remedy="Free disk space or correct the permissions, then run again.",
            path=str(reports),
        ) from error
    history, simulated = fit.history, fit.simulated
    screen.table(
        ("statistic", "history", "simulated"),
        [
            ("volatility a year", history.annual_volatility, simulated.annual_volatility),
            ("1-in-100 hour / median", history.tails[2].item(), simulated.tails[2].item()),
            ("1-in-1,000 hour / median", history.tails[-1].item(), simulated.tails[-1].item()),
            ("memory after 1 hour", history.memory[0].item(), simulated.memory[0].item()),
            ("memory after 24 hours", history.memory[5].item(), simulated.memory[5].item()),
            ("slow part of volatility", history.slow, simulated.slow),
        ],
    )
    if spread is None:
        screen.say("No stored series of the symbol quotes a spread: the typical one is kept.")
    screen.say(f"{page}")
    screen.say(f"Next: assay data simulate --like {document} --workspace ANOTHER")
    screen.emit({"page": str(page), "market": str(document), **fit.as_json()})


def show_spread(data: Path, symbol: str, screen: Screen) -> None:
    """Show the spread of a symbol by hour of the week, from its finest series.

    Raises
    ------
    DataError
        If nothing of the symbol is stored, or nothing with a spread.
    """
    from assay.data.catalogue import Catalogue
    from assay.data.spread_statistics import best_spread
    from assay.domain.errors import DataError

    catalogue = Catalogue(data)
    found = best_spread(catalogue, symbol)
    if found is None:
        stored = sorted({entry.symbol for entry in catalogue.list()})
        raise DataError(
            f"{symbol} must have a stored series with spreads; has none. Stored: "
            f"{', '.join(stored) or 'nothing'}.",
            remedy="Import ticks, or bars with a spread or both sides.",
            symbol=symbol,
        )
    per_hour = 60 // found.slot_minutes
    counts = np.array(found.count).reshape(7, 24, per_hour)
    medians = np.array(found.median).reshape(7, 24, per_hour)
    rows = []
    for hour in range(24):
        cells: list[object] = [f"{hour:02d}:00"]
        for day in range(7):
            known = counts[day, hour] > 0
            value = float(np.median(medians[day, hour][known])) if known.any() else float("nan")
            cells.append(value)
        rows.append(cells)
    screen.say(
        f"{symbol} {found.series}: median spread {found.overall_median:.5g}, mean "
        f"{found.overall_mean:.5g}, from {found.rows:,} rows; by hour in New York:"
    )
    screen.table(("hour", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"), rows)
    screen.emit(found.as_json())
