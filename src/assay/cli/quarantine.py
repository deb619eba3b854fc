"""List quarantined rows, take flagged rows out of a series, and put rows back."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.checking import quality_of
from assay.cli.screen import Screen
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import Clock, iso_utc

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.data.catalogue import Catalogue
    from assay.data.entry import Entry
    from assay.data.quarantine import StoredQuarantine

_ROWS_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineWish:
    """What to do.

    Attributes
    ----------
    symbol, series : str or None
        Whose quarantine; None is all.
    show, restore : str or None
        Identifier of a quarantine, as the list shows it.
    take : str or None
        Name of a check whose rows are taken out.
    lines : str or None
        Lines to restore, such as ``3,7-9``.
    """

    symbol: str | None
    series: str | None
    show: str | None
    restore: str | None
    take: str | None
    lines: str | None


def quarantine(
    data: Path, wish: QuarantineWish, settings: "Settings", screen: Screen, clock: Clock
) -> None:
    """Do what *wish* says, or list what there is.

    Raises
    ------
    ConfigError
        If options do not fit together.
    DataError
        If a series, a quarantine or a row is unknown, or a row cannot be restored.
    """
    from assay.data.catalogue import Catalogue

    catalogue = Catalogue(data)
    entries = _entries(catalogue, wish)
    if sum(item is not None for item in (wish.show, wish.restore, wish.take)) > 1:
        raise ConfigError(
            "One of --show, --restore and --take must be given at a time; were several.",
            remedy="Run the command once for each.",
        )
    if wish.take is not None:
        _take(catalogue, _only(entries, "--take"), wish.take, settings, screen, clock)
    elif wish.show is not None or wish.restore is not None:
        identity = wish.show or wish.restore or ""
        entry, stored = _named(catalogue, entries, identity)
        if wish.show is not None:
            _show(stored, screen)
        else:
            _restore(catalogue, entry, stored, wish.lines, screen, clock)
    else:
        _list(catalogue, entries, screen)


def _entries(catalogue: "Catalogue", wish: QuarantineWish) -> "list[Entry]":
    entries = [
        entry
        for entry in catalogue.list()
        if wish.symbol in (None, entry.symbol) and wish.series in (None, entry.series)
    ]
    if not entries and wish.symbol is not None:
        stored = ", ".join(f"{entry.symbol} {entry.series}" for entry in catalogue.list())
        raise DataError(
            f"{wish.symbol} {wish.series or ''} must be stored; stored: {stored or 'nothing'}.",
            remedy="Correct the symbol or --series.",
            symbol=wish.symbol,
        )
    return entries


def _only(entries: "list[Entry]", option: str) -> "Entry":
    if len(entries) == 1:
        return entries[0]
    names = ", ".join(f"{entry.symbol} {entry.series}" for entry in entries)
    raise ConfigError(
        f"{option} must be used on one series; {names or 'none'} fit.",
        remedy="Name the symbol, and --series if it has several.",
    )


def _identity(stored: "StoredQuarantine") -> str:
    return stored.path.stem.removeprefix("quarantine-")[:12]


def _named(
    catalogue: "Catalogue", entries: "list[Entry]", identity: str
) -> "tuple[Entry, StoredQuarantine]":
    found = [
        (entry, stored)
        for entry in entries
        for stored in catalogue.quarantined(entry.symbol, entry.timeframe)
        if stored.path.stem.removeprefix("quarantine-").startswith(identity)
    ]
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"A quarantine must be named by the beginning of its id; {identity!r} fits {len(found)}.",
        remedy="`assay data quarantine` lists the ids.",
        value=identity,
    )


def _list(catalogue: "Catalogue", entries: "list[Entry]", screen: Screen) -> None:
    rows, documents = [], []
    for entry in entries:
        for stored in catalogue.quarantined(entry.symbol, entry.timeframe):
            n_back = sum(row.is_restorable for row in stored.listed())
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in stored.reasons.items())
            name = _identity(stored)
            rows.append(
                (entry.symbol, entry.series, name, stored.rows, n_back, stored.source, reasons)
            )
            documents.append(
                {
                    "symbol": entry.symbol,
                    "series": entry.series,
                    "id": name,
                    "restorable": n_back,
                    **stored.as_json(),
                }
            )
    if rows:
        columns = ("symbol", "series", "id", "rows", "restorable", "from", "reasons")
        screen.table(columns, rows)
    else:
        screen.say("Nothing is in quarantine.")
    screen.emit({"quarantines": documents})


def _show(stored: "StoredQuarantine", screen: Screen) -> None:
    listed = stored.listed()
    screen.table(
        ("line", "reason", "time", "restorable", "row"),
        [
            (
                row.line,
                row.reason.value,
                "" if row.time_ns is None else iso_utc(row.time_ns),
                row.is_restorable,
                row.text,
            )
            for row in listed[:_ROWS_SHOWN_MAX]
        ],
    )
    if stored.rows > _ROWS_SHOWN_MAX:
        screen.say(f"The first {_ROWS_SHOWN_MAX} of {stored.rows:,}; all: {stored.path}")
    screen.emit(
        {
            **stored.as_json(),
            "listed": [
                {
                    "line": row.line,
                    "reason": row.reason.value,
                    "text": row.text,
                    "time": None if row.time_ns is None else iso_utc(row.time_ns),
                    "values": dict(row.values),
                    "restorable": row.is_restorable,
                }
                for row in listed
            ],
        }
    )


def _take(
    catalogue: "Catalogue",
    entry: "Entry",
    name: str,
    settings: "Settings",
    screen: Screen,
    clock: Clock,
) -> None:
    from assay.data.restoring import take_flagged

    report = quality_of(catalogue, entry, settings)
    known = {check.name: check for check in report.checks}
    if name not in known:
        raise ConfigError(
            f"--take must name a check of {entry.symbol} {entry.series}; was {name!r}.",
            remedy=f"Choose among {', '.join(check.name for check in report.findings) or 'none'}.",
            value=name,
        )
    merged = take_flagged(catalogue, entry.symbol, entry.timeframe, known[name], clock.now())
    screen.say(
        f"{entry.symbol} {entry.series}: {merged.rows_replaced:,} rows flagged by {name} taken "
        f"out; {merged.rows_total:,} stay. `assay data quarantine` lists them."
    )
    screen.emit({"taken": merged.rows_replaced, "merge": merged.as_json()})


def _restore(
    catalogue: "Catalogue",
    entry: "Entry",
    stored: "StoredQuarantine",
    lines: str | None,
    screen: Screen,
    clock: Clock,
) -> None:
    from assay.data.restoring import restore

    chosen = None if lines is None else _numbers(lines)
    merged = restore(
        catalogue, entry.symbol, entry.timeframe, stored, lines=chosen, now_ns=clock.now()
    )
    screen.say(
        f"{entry.symbol} {entry.series}: {merged.rows_added:,} rows restored, "
        f"{merged.rows_replaced:,} in place of stored ones; {merged.rows_total:,} in all."
    )
    screen.emit({"merge": merged.as_json()})


def _numbers(text: str) -> set[int]:
    """Read lines such as ``3,7-9``."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ConfigError(
                f"--lines must be numbers and ranges such as 3,7-9; was {text!r}.",
                remedy="`assay data quarantine --show ID` lists the lines.",
                value=text,
            )
        start, stop = int(first), int(last) if dash else int(first)
        if stop - start > 1_000_000:
            raise ConfigError(
                f"--lines must span at most a million lines; was {part!r}.",
                remedy="Leave --lines out to restore all.",
                value=part,
            )
        found.update(range(start, stop + 1))
    return found
