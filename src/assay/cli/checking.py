"""Check stored history: bytes against hashes, bars against the trading hours."""

from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.screen import Screen
from assay.domain.errors import ConfigError, DataError

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.data.bars import Bars
    from assay.data.catalogue import Catalogue
    from assay.data.entry import Entry
    from assay.data.quality import QualityReport
    from assay.domain.instrument import Instrument


def check_entries(folder: Path, symbol: str | None, settings: "Settings", screen: Screen) -> None:
    """Check every stored series, or those of *symbol*, and show what was found.

    Raises
    ------
    DataError
        If bytes do not match their hash, or *symbol* is unknown.
    """
    from assay.data.catalogue import Catalogue

    catalogue = Catalogue(folder)
    entries = [entry for entry in catalogue.list() if symbol in (None, entry.symbol)]
    if symbol is not None and not entries:
        known = sorted({entry.symbol for entry in catalogue.list()})
        raise DataError(
            f"A symbol must be stored to be checked; was {symbol}, stored: "
            f"{', '.join(known) or 'none'}.",
            remedy="Import it with `assay data import`.",
            symbol=symbol,
        )
    lines: list[tuple[str, str, str, str]] = []
    reports = []
    with screen.progress() as progress:
        progress.stage("checking", max(len(entries), 1))
        for entry in entries:
            catalogue.verify(entry.symbol, entry.timeframe)
            name = (entry.symbol, entry.series)
            lines.append((*name, "ok", f"{entry.rows:,} rows match their hash"))
            try:
                report = quality_of(catalogue, entry, settings)
            except ConfigError as error:
                lines.append((*name, "unknown", f"trading hours: {error.message}"))
            else:
                reports.append(report)
                for check in report.findings:
                    lines.append((*name, "ok" if check.is_passed else "look", check.says))
            progress.advance()
    screen.table(("symbol", "series", "state", "finding"), lines)
    screen.emit({"verified": len(entries), "reports": [report.as_json() for report in reports]})


def quality_of(catalogue: "Catalogue", entry: "Entry", settings: "Settings") -> "QualityReport":
    """Check the rows of one stored series against the trading hours and against themselves.

    Raises
    ------
    ConfigError
        If nobody knows the trading hours of the symbol.
    """
    from assay.data.quality import check_bars, check_ticks
    from assay.data.specification.loading import load_facts

    overrides = settings.instruments.get(entry.symbol, {})
    instrument = load_facts(catalogue.root, entry.symbol, overrides).latest
    if entry.timeframe is None:
        return check_ticks(catalogue.read_ticks(entry.symbol), instrument.sessions)
    bars = catalogue.read_bars(entry.symbol, entry.timeframe)
    return check_bars(bars, instrument.sessions, digits=instrument.digits)


def findings_of(bars: "Bars", instrument: "Instrument") -> tuple[tuple[str, str], ...]:
    """Return the name and the finding of each data check, in sentences."""
    from assay.data.quality import check_bars

    report = check_bars(bars, instrument.sessions, digits=instrument.digits)
    return tuple((check.name, check.says) for check in report.findings)
