"""Import files into the catalogue, and show what was found in them."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.cli.failures import leave_partly_failed
from assay.cli.mixture import refuse_mixture
from assay.cli.screen import Screen
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import Clock, iso_utc

if TYPE_CHECKING:
    from assay.data.importers import Imported, Recognised
    from assay.data.importers.batch import Batch, Merged
    from assay.data.importers.discovery import Found
    from assay.data.importers.reading import Wish
    from assay.data.inputs import ImportedInput, StoredInput

    Input = tuple[ImportedInput, StoredInput]

FILES_SHOWN_MAX = 8
FAILURES_SHOWN_MAX = 20
FILES_LISTED_MAX = 10_000


def wish_of(
    *,
    symbol: str | None,
    timeframe: str | None,
    timezone: str | None,
    format_: str | None,
    columns: Sequence[str] | None,
    divisor: int | None = None,
    data: Path,
) -> "Wish":
    """Read the options of the command line.

    Raises
    ------
    ConfigError
        If one cannot be read.
    """
    from assay.data.importers.reading import Wish
    from assay.domain.timeframe import Timeframe

    told: dict[str, str | int] = {}
    for text in columns or ():
        ours, equals, theirs = text.partition("=")
        if not (equals and ours.strip() and theirs.strip()):
            raise ConfigError(
                f"--column must be OURS=THEIRS; was {text!r}.",
                remedy="Write, for example, --column close=Last.",
                value=text,
            )
        told[ours.strip()] = int(theirs) if theirs.strip().isdigit() else theirs.strip()
    return Wish(
        symbol=symbol,
        timeframe=None if timeframe is None else Timeframe.parse(timeframe).name,
        timezone=timezone,
        format=format_,
        columns=told,
        divisor=divisor,
        digits_of=partial(_digits, data),
    )


def _digits(data: Path, symbol: str) -> int | None:
    """Return the decimal places of a symbol whose contract facts are known or imported."""
    from assay.data.specification.loading import load_facts

    try:
        return load_facts(data, symbol).latest.digits
    except ConfigError:
        return None  # history of any symbol may be stored; to trade it, its facts are needed


def show_recognised(files: Sequence[Path], wish: "Wish", screen: Screen) -> None:
    """Show what the files seem to be, and store nothing.

    Raises
    ------
    DataError
        If any is no market history and no other input; those that are have been shown.
    """
    from assay.data.importers.batch import is_no_data
    from assay.data.importers.discovery import find_files
    from assay.data.importers.lean import is_lean

    shown: list[dict[str, object]] = []
    failed: list[tuple[str, DataError]] = []
    for found in find_files(files, is_whole=is_lean):
        if is_no_data(found):
            continue
        try:
            shown.append({"source": found.name, "recognised": _recognised(found, wish, screen)})
        except DataError as error:
            failed.append((found.name, error))
            screen.say(_named(found.name, error.message), style="red")
    document = {"files": shown}
    if failed:
        name, first = failed[0]
        n_all = len(failed) + len(shown)
        fault = DataError(
            f"All {n_all} files must be market data; {len(failed)} could not be recognised. "
            f"The first: {_named(name, first.message)}",
            remedy=first.remedy,
            files=[name for name, _ in failed],
        )
        leave_partly_failed(screen, document, first if n_all == 1 else fault)
    screen.emit(document)


def _recognised(found: "Found", wish: "Wish", screen: Screen) -> dict[str, object]:
    """Look at one file and say what it seems to be."""
    from assay.data.importers import recognise
    from assay.data.inputs import recognise_input

    other = recognise_input(found.path) if _size(found.path) else None
    if other is not None:
        screen.say(f"{found.name}: {other.format.value}", style="bold")
        for reason in other.why:
            screen.say(f"  {reason}")
        return other.as_json()
    recognised = recognise(
        found.path,
        format=wish.format,
        columns=wish.columns or None,
        timeframe=wish.timeframe,
        timezone=wish.timezone,
    )
    _say_recognised(found.name, recognised, screen)
    return recognised.as_json()


def import_files(
    files: Sequence[Path], wish: "Wish", folder: Path, screen: Screen, clock: Clock
) -> None:
    """Import files, folders and archives; what fails does not stop the rest, and is told.

    Raises
    ------
    DataError
        If any file is no market history, its clock cannot be told, or the disk refuses.
    """
    from assay.data.catalogue import Catalogue
    from assay.data.importers.batch import Batch
    from assay.data.importers.discovery import Found
    from assay.data.inputs import import_input, recognise_input, store_input

    catalogue = Catalogue(folder)
    read: list[Imported] = []
    inputs: list[Input] = []

    def heard(imported: "Imported") -> None:
        if len(read) < FILES_LISTED_MAX:
            read.append(_without_rows(imported))

    def take_other(found: Found) -> bool:
        if _size(found.path) == 0 or recognise_input(found.path) is None:
            return False
        outcome = import_input(found.path, symbol=wish.symbol, timezone=wish.timezone)
        outcome = replace(outcome, source=found.name)
        inputs.append((outcome, store_input(catalogue, outcome, clock.now())))
        return True

    batch = Batch(
        catalogue=catalogue,
        wish=wish,
        now_ns=clock.now,
        before_merge=lambda symbol, timeframe: refuse_mixture(
            catalogue, symbol, timeframe, is_simulated=False
        ),
        take_other=take_other,
        heard=heard,
    )
    try:
        with screen.progress() as progress:
            batch.run(files, progress)
    finally:
        _say_all(batch, read, inputs, screen)
    document = {
        "imports": [imported.as_json() for imported in read],
        "merges": [merged.as_json() for merged in batch.merged],
        "inputs": [{**outcome.as_json(), "stored": stored.as_json()} for outcome, stored in inputs],
        "failed": [
            {"source": name, "error": error.message, "remedy": error.remedy}
            for name, error in batch.failed
        ],
        "files": batch.n_files,
        "passed_over": batch.n_passed_over,
    }
    if batch.failed:
        leave_partly_failed(screen, document, _some_failed(batch))
    screen.emit(document)


def _named(name: str, message: str) -> str:
    """Return a message that names its file, once."""
    return message if Path(name).name in message else f"{name}: {message}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the importer says what is wrong


def _some_failed(batch: "Batch") -> DataError:
    name, first = batch.failed[0]
    n_failed, n_all = len(batch.failed), len(batch.failed) + batch.n_files
    return DataError(
        f"All {n_all} files must be market data; {n_failed} could not be stored, the others are. "
        f"The first: {_named(name, first.message)}",
        remedy=first.remedy,
        files=[name for name, _ in batch.failed],
    )


def _say_recognised(name: str, recognised: "Recognised", screen: Screen) -> None:
    timeframe = recognised.timeframe.name if recognised.timeframe else "ticks"
    screen.say(
        f"{name}: {recognised.format.value}, {timeframe}, clock {recognised.timezone or 'unknown'}",
        style="bold",
    )
    for reason in recognised.why:
        screen.say(f"  {reason}")


def _say_all(
    batch: "Batch", read: Sequence["Imported"], inputs: Sequence["Input"], screen: Screen
) -> None:
    """Say what was read, what was stored and what failed."""
    if batch.n_files <= FILES_SHOWN_MAX:
        for imported in read:
            _say_imported(imported, screen)
    for merged in batch.merged:
        _say_merged(merged, screen)
    for outcome, stored in inputs:
        _say_input(outcome, stored, screen)
    for name, error in batch.failed[:FAILURES_SHOWN_MAX]:
        screen.say(_named(name, error.message), style="red")
    if len(batch.failed) > FAILURES_SHOWN_MAX:
        screen.say(f"and {len(batch.failed) - FAILURES_SHOWN_MAX} more files that failed.")
    if batch.n_passed_over:
        screen.say(f"{batch.n_passed_over} files passed over: documents, settings, programs.")


def _without_rows(imported: "Imported") -> "Imported":
    """Return the import with its first and last row alone, so that thousands can be listed."""
    from assay.data.bars import Bars
    from assay.data.importers.sides import rows_of

    n_rows = len(imported.series)
    is_edge = np.zeros(n_rows, dtype=np.bool_)
    is_edge[[0, -1] if n_rows else []] = True
    if isinstance(imported.series, Bars):
        return replace(imported, series=rows_of(imported.series, is_edge))
    return replace(imported, series=rows_of(imported.series, is_edge))


def _say_input(outcome: "ImportedInput", stored: "StoredInput", screen: Screen) -> None:
    first_ns, last_ns = outcome.span_ns
    screen.say(f"{outcome.source}: {outcome.recognised.format.value}", style="bold")
    for reason in outcome.recognised.why:
        screen.say(f"  {reason}")
    screen.say(
        f"  {outcome.rows_in:,} rows in = {outcome.rows_kept:,} kept + "
        f"{len(outcome.quarantine):,} quarantined; {iso_utc(first_ns)} to {iso_utc(last_ns)}"
    )
    screen.say(
        f"  {outcome.kind} of {', '.join(outcome.symbols)}: {stored.rows_added:,} rows added, "
        f"{stored.rows_revised:,} revised, {stored.rows_stated_before:,} known before."
    )
    for warning in (*outcome.warnings, *stored.warnings):
        screen.say(f"  Warning: {warning}", style="yellow")


def _say_imported(imported: "Imported", screen: Screen) -> None:
    _say_recognised(imported.source, imported.recognised, screen)
    rows = f"{imported.rows_in:,} rows in = {imported.rows_kept:,} kept + "
    rows += f"{len(imported.quarantine):,} quarantined"
    time_ns = imported.series.time_ns
    if len(time_ns):
        rows += f"; {iso_utc(int(time_ns[0]))} to {iso_utc(int(time_ns[-1]))}"
    screen.say(f"  {rows}")
    for reason, count in imported.quarantine.counts.items():
        first = imported.quarantine.first(reason)
        line = f", first in line {first.line}" if first else ""
        screen.say(f"  {count:,} x {reason.value}{line}")


def _say_merged(merged: "Merged", screen: Screen) -> None:
    report, group = merged.report, merged.group
    files = f" from {group.n_files:,} files" if group.n_files > 1 else ""
    if report.is_changed:
        screen.say(
            f"{report.symbol} {report.series}: {report.rows_added:,} rows added{files}, "
            f"{report.rows_replaced:,} replaced; {report.rows_total:,} in all."
        )
    else:
        screen.say(f"{report.symbol} {report.series}: nothing new{files}; it was stored already.")
    for warning in group.warnings:
        screen.say(f"  Warning: {warning}", style="yellow")
