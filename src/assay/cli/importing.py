"""Import files into the catalogue, and show what was found in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.mixture import refuse_mixture
from assay.cli.screen import Screen
from assay.domain.errors import ConfigError
from assay.domain.progress import Progress
from assay.domain.time import Clock, iso_utc

if TYPE_CHECKING:
    from assay.data.catalogue import Catalogue
    from assay.data.entry import MergeReport
    from assay.data.importers import Imported, Recognised

BYTES_PER_STEP = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user said instead of leaving it to recognition.

    Attributes
    ----------
    symbol : str
    timeframe, timezone, format : str or None
    columns : dict of str to str or int
        Our name of a column to theirs, or to its position from 1.
    digits : int or None
        Decimal places of the symbol, where it has contract facts.
    divisor : int or None
        What prices are divided by.
    """

    symbol: str
    timeframe: str | None
    timezone: str | None
    format: str | None
    columns: dict[str, str | int]
    digits: int | None
    divisor: int | None

    @classmethod
    def parse(
        cls,
        *,
        symbol: str,
        timeframe: str | None,
        timezone: str | None,
        format_: str | None,
        columns: Sequence[str] | None,
        divisor: int | None = None,
    ) -> "Wishes":
        """Read the options of the command line.

        Raises
        ------
        ConfigError
            If one cannot be read.
        """
        from assay.domain.timeframe import Timeframe

        named: dict[str, str | int] = {}
        for text in columns or ():
            ours, equals, theirs = text.partition("=")
            if not (equals and ours.strip() and theirs.strip()):
                raise ConfigError(
                    f"--column must be OURS=THEIRS; was {text!r}.",
                    remedy="Write, for example, --column close=Last.",
                    value=text,
                )
            named[ours.strip()] = int(theirs) if theirs.strip().isdigit() else theirs.strip()
        return cls(
            symbol=symbol,
            timeframe=None if timeframe is None else Timeframe.parse(timeframe).name,
            timezone=timezone,
            format=format_,
            columns=named,
            digits=_digits(symbol),
            divisor=divisor,
        )


def _digits(symbol: str) -> int | None:
    """Return the decimal places of a known symbol."""
    from assay.config.instruments import load_instrument

    try:
        return load_instrument(symbol).digits
    except ConfigError:
        return None  # history of any symbol may be stored; to trade it, its facts are needed


def show_recognised(files: Sequence[Path], wishes: Wishes, screen: Screen) -> None:
    """Show what the files seem to be, and store nothing.

    Raises
    ------
    DataError
        If one is no market history.
    """
    from assay.data.importers import recognise

    found = []
    for path in files:
        recognised = recognise(path, format=wishes.format, columns=wishes.columns or None)
        _say_recognised(path.name, recognised, screen)
        found.append({"source": path.name, "recognised": recognised.as_json()})
    screen.emit({"files": found})


def import_files(
    files: Sequence[Path], wishes: Wishes, folder: Path, screen: Screen, clock: Clock
) -> None:
    """Import each file, one merge each; a file that fails leaves those before it stored.

    Raises
    ------
    DataError
        If a file is no market history, its clock cannot be told, or the disk refuses.
    """
    from assay.data.catalogue import Catalogue

    catalogue = Catalogue(folder)
    done: list[tuple[Imported, MergeReport]] = []
    try:
        with screen.progress() as progress:
            for path in files:
                imported = _import(path, wishes, progress)
                timeframe = imported.bars.timeframe if imported.bars is not None else None
                refuse_mixture(catalogue, wishes.symbol, timeframe, is_simulated=False)
                progress.stage(f"storing {path.name}", 1)
                report = _merge(catalogue, imported, clock)
                progress.advance()
                done.append((imported, report))
    finally:
        for imported, report in done:
            _say_imported(imported, report, screen)
    screen.emit(
        {
            "imports": [
                {**imported.as_json(), "merge": report.as_json()} for imported, report in done
            ]
        }
    )


def _import(path: Path, wishes: Wishes, progress: Progress) -> "Imported":
    from assay.data.importers import import_file

    seen = -1

    def told(bytes_read: int, bytes_all: int) -> None:
        nonlocal seen
        if seen < 0:
            progress.stage(f"reading {path.name}", -(-bytes_all // BYTES_PER_STEP))
            seen = 0
        steps = bytes_read // BYTES_PER_STEP
        if steps > seen:
            progress.advance(steps - seen)
            seen = steps

    return import_file(
        path,
        symbol=wishes.symbol,
        timeframe=wishes.timeframe,
        timezone=wishes.timezone,
        format=wishes.format,
        columns=wishes.columns or None,
        digits=wishes.digits,
        price_divisor=wishes.divisor,
        progress=told,
    )


def _merge(catalogue: "Catalogue", imported: "Imported", clock: Clock) -> "MergeReport":
    provenance = imported.provenance(clock.now())
    return catalogue.merge(imported.series, provenance, imported.quarantine)


def _say_recognised(name: str, recognised: "Recognised", screen: Screen) -> None:
    timeframe = recognised.timeframe.name if recognised.timeframe else "ticks"
    screen.say(
        f"{name}: {recognised.format.value}, {timeframe}, clock {recognised.timezone or 'unknown'}",
        style="bold",
    )
    for reason in recognised.why:
        screen.say(f"  {reason}")


def _say_imported(imported: "Imported", report: "MergeReport", screen: Screen) -> None:
    _say_recognised(imported.source, imported.recognised, screen)
    time_ns = imported.series.time_ns
    screen.say(
        f"  {imported.rows_in:,} rows in = {imported.rows_kept:,} kept + "
        f"{len(imported.quarantine):,} quarantined; {iso_utc(int(time_ns[0]))} to "
        f"{iso_utc(int(time_ns[-1]))}"
    )
    for reason, count in imported.quarantine.counts.items():
        first = imported.quarantine.first(reason)
        line = f", first in line {first.line}" if first else ""
        screen.say(f"  {count:,} x {reason.value}{line}")
    for warning in imported.warnings:
        screen.say(f"  Warning: {warning}", style="yellow")
    if report.is_changed:
        screen.say(
            f"  {report.symbol} {report.series}: {report.rows_added:,} rows added, "
            f"{report.rows_replaced:,} replaced; {report.rows_total:,} in all."
        )
    else:
        screen.say(f"  {report.symbol} {report.series}: nothing new; it was stored already.")
