"""Check stored history: bytes against hashes, bars against the trading hours."""

from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.screen import Screen
from assay.domain.errors import ConfigError, DataError

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.data.bars import Bars
    from assay.domain.instrument import Instrument


def check_entries(folder: Path, symbol: str | None, settings: "Settings", screen: Screen) -> None:
    """Check every stored series, or those of *symbol*, and show what was found.

    Raises
    ------
    DataError
        If bytes do not match their hash, or *symbol* is unknown.
    """
    from assay.config.instruments import load_instrument
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
    lines: list[tuple[str, str, str]] = []
    with screen.progress() as progress:
        progress.stage("checking", max(len(entries), 1))
        for entry in entries:
            catalogue.verify(entry.symbol, entry.timeframe)
            lines.append((entry.symbol, entry.series, f"{entry.rows:,} rows match their hash"))
            if entry.timeframe is not None:
                try:
                    facts = settings.instruments.get(entry.symbol, {})
                    instrument = load_instrument(entry.symbol, facts)
                except ConfigError as error:
                    lines.append((entry.symbol, entry.series, f"gaps not judged: {error.message}"))
                else:
                    bars = catalogue.read_bars(entry.symbol, entry.timeframe)
                    lines += [
                        (entry.symbol, entry.series, f"{check}: {finding}")
                        for check, finding in findings_of(bars, instrument)
                    ]
            progress.advance()
    screen.table(("symbol", "series", "finding"), lines)
    screen.emit(
        {
            "findings": [
                {"symbol": name, "series": series, "finding": text} for name, series, text in lines
            ]
        }
    )


def findings_of(bars: "Bars", instrument: "Instrument") -> tuple[tuple[str, str], ...]:
    """Return the name and the finding of each data check, in sentences."""
    from assay.data.quality import check_bars

    report = check_bars(bars, instrument.sessions, digits=instrument.digits)
    return tuple((check.name, check.says) for check in report.findings)
