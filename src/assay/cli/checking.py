"""Check stored history: bytes against hashes, bars against the trading hours."""

from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.quality_pages import write_pages
from assay.cli.screen import Screen
from assay.domain.errors import ConfigError, DataError

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.data.bars import Bars
    from assay.data.catalogue import Catalogue
    from assay.data.entry import Entry
    from assay.data.quality import QualityReport
    from assay.domain.instrument import Instrument

_WORST_MONTHS = 3
_SCORE_FULL = 99.5


def check_entries(
    folder: Path,
    symbol: str | None,
    settings: "Settings",
    screen: Screen,
    *,
    against: str | None = None,
    pages: Path | None = None,
) -> None:
    """Check every stored series, or those of *symbol*, and show what was found.

    Parameters
    ----------
    folder : Path
        The catalogue.
    symbol : str, optional
    settings : Settings
    screen : Screen
    against : str, optional
        A second feed of *symbol*: a file, or a stored series such as ``XAUUSD.oanda/H1``.
    pages : Path, optional
        Folder for a page with plots of each series.

    Raises
    ------
    DataError
        If bytes do not match their hash, *symbol* is unknown, or the second feed has bars longer
        than every series of the symbol.
    ConfigError
        If *against* is given without *symbol*, or names neither a file nor a series.
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
    second = None if against is None else _second_feed(catalogue, against, symbol, entries)
    unknown: list[tuple[str, str, str]] = []
    reports: list[QualityReport] = []
    checked: list[Entry] = []
    with screen.progress() as progress:
        progress.stage("checking", max(len(entries), 1))
        for entry in entries:
            catalogue.verify(entry.symbol, entry.timeframe)
            try:
                reports.append(quality_of(catalogue, entry, settings, second=second))
            except ConfigError as error:
                unknown.append((entry.symbol, entry.series, f"trading hours: {error.message}"))
            else:
                checked.append(entry)
            progress.advance()
    _show(reports, unknown, screen)
    paths = []
    if pages is not None:
        found = list(zip(checked, reports, strict=True))
        paths = write_pages(catalogue, found, pages, score_min=settings.quality.score_min)
    for path in paths:
        screen.say(str(path))
    screen.emit(
        {
            "verified": len(entries),
            "reports": [report.as_json() for report in reports],
            "pages": [str(path) for path in paths],
        }
    )


def _show(
    reports: "list[QualityReport]", unknown: list[tuple[str, str, str]], screen: Screen
) -> None:
    """Show one line per series, then every finding, faults first."""
    lines: list[tuple[object, ...]] = [
        (
            report.symbol,
            report.series,
            report.rows,
            f"{report.score:.1f}",
            "ok" if report.is_passed else "look",
            ", ".join(
                f"{month.month} {month.score:.0f}"
                + (f" ({month.worst[0][0]})" if month.worst else "")
                for month in report.worst_months[:_WORST_MONTHS]
                if month.score < _SCORE_FULL
            ),
        )
        for report in reports
    ]
    lines += [(symbol, series, "", "", "unknown", why) for symbol, series, why in unknown]
    screen.table(("symbol", "series", "rows", "score", "state", "worst months"), lines)
    findings = [
        (
            report.symbol,
            report.series,
            "ok" if check.is_passed else "look",
            check.name,
            check.says,
        )
        for report in reports
        for check in report.findings
    ]
    if findings:
        screen.table(("symbol", "series", "state", "check", "finding"), findings)
    if reports:
        screen.say("Every row matches its hash. Scores are of 100; `look` asks for a decision.")


def _second_feed(
    catalogue: "Catalogue", against: str, symbol: str | None, entries: "list[Entry]"
) -> "Bars":
    """Read the second feed: a file, or a stored series."""
    from assay.data.importers import import_file
    from assay.domain.timeframe import Timeframe

    if symbol is None:
        raise ConfigError(
            "--against must come with the symbol it is of; there was none.",
            remedy="Name the symbol: assay data check XAUUSD --against FILE.",
        )
    path = Path(against).expanduser()
    if path.is_file():
        bars = import_file(path, symbol=symbol).bars
        if bars is None:
            raise DataError(
                f"{path} must hold bars to be compared with; it holds ticks.",
                remedy="Import the ticks, resample them, and compare with the bars.",
                path=str(path),
            )
    else:
        name, slash, series = against.partition("/")
        bar_series = [entry.timeframe for entry in entries if entry.timeframe is not None]
        if not slash and not bar_series:
            raise ConfigError(
                f"--against must be a file or SYMBOL/TIMEFRAME; was {against!r}.",
                remedy="Write, for example, --against XAUUSD.oanda/H1.",
                value=against,
            )
        timeframe = Timeframe.parse(series) if slash else bar_series[0]
        bars = catalogue.read_bars(name, timeframe)
    if not any(
        entry.timeframe is not None and entry.timeframe.value >= bars.timeframe.value
        for entry in entries
    ):
        raise DataError(
            f"The second feed must have bars no longer than those of {symbol}; was "
            f"{bars.timeframe.name}.",
            remedy="Name a feed of shorter bars, or import longer ones.",
            symbol=symbol,
        )
    return bars


def quality_of(
    catalogue: "Catalogue",
    entry: "Entry",
    settings: "Settings",
    *,
    second: "Bars | None" = None,
) -> "QualityReport":
    """Check the rows of one stored series against the trading hours and against themselves.

    Parameters
    ----------
    catalogue : Catalogue
    entry : Entry
    settings : Settings
    second : Bars, optional
        Another feed of the market, of bars as long or shorter; it is not used for ticks.

    Raises
    ------
    ConfigError
        If nobody knows the trading hours of the symbol.
    """
    from assay.data.quality import check_stored
    from assay.data.resample import resample
    from assay.data.specification.loading import load_facts

    overrides = settings.instruments.get(entry.symbol, {})
    instrument = load_facts(catalogue.root, entry.symbol, overrides).latest
    reference = None
    if second is not None and entry.timeframe is not None:
        if second.timeframe is entry.timeframe:
            reference = second
        elif second.timeframe.value < entry.timeframe.value:
            reference = resample(second, entry.timeframe)
    return check_stored(
        catalogue,
        entry.symbol,
        entry.timeframe,
        instrument.sessions,
        digits=instrument.digits,
        reference=reference,
    )


def findings_of(bars: "Bars", instrument: "Instrument") -> tuple[tuple[str, str], ...]:
    """Return the name and the finding of each data check, in sentences."""
    from assay.data.quality import check_bars

    report = check_bars(bars, instrument.sessions, digits=instrument.digits)
    return tuple((check.name, check.says) for check in report.findings)
