"""From the files of a batch to one merge: sides joined, unfinished bars left out."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.downloads.fetching import files_here
from assay.data.downloads.source import Batch, Piece, Source, Wish
from assay.data.downloads.store import Kept, Store
from assay.data.entry import MergeReport
from assay.data.importers.imported import Imported
from assay.data.importers.importing import import_file
from assay.data.importers.sides import joined, with_ask_side
from assay.data.provenance import Provenance
from assay.data.quarantine import ROWS_LISTED_MAX, Quarantine, QuarantinedRow, Reason
from assay.domain.errors import DataError
from assay.domain.time import Clock

WARNINGS_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of one batch.

    Attributes
    ----------
    label : str
    n_files : int
        Files with rows.
    report : MergeReport or None
        None if no file of the batch holds a row.
    rows_quarantined : int
    warnings : tuple of str
    unread : tuple of DataError
        Files that cannot be read as what they should be; the others are stored.
    """

    label: str
    n_files: int
    report: MergeReport | None
    rows_quarantined: int
    warnings: tuple[str, ...]
    unread: tuple[DataError, ...] = ()


def is_stored(batch: Batch, wish: Wish, store: Store, catalogue: Catalogue) -> bool:
    """Whether exactly these files are in the catalogue already, by its own provenance."""
    content = _content(files_here(batch.pieces, store))
    try:
        entry = catalogue.entry(wish.store_as, wish.timeframe)
    except DataError as error:
        if "stored" in error.facts:  # the catalogue is sound; it has no such series
            return False
        raise
    return any(provenance.sha256 == content for provenance in entry.provenance)


def store_batch(
    batch: Batch, wish: Wish, source: Source, store: Store, catalogue: Catalogue, clock: Clock
) -> Stored:
    """Import the files of a batch and merge them in one step.

    A file fetched before its period was over loses the bars that were not closed by then:
    their prices were going to change.

    Raises
    ------
    DataError
        If the catalogue refuses.
    """
    files, imports, unread, bare = [], [], [], []
    for piece, kept in files_here(batch.pieces, store):
        try:
            if source.has_rows(store.file(piece.path).read_bytes()):
                imports.append(_imported(piece, kept, wish, store))
            elif piece.should_have_rows and piece.is_final(kept.fetched_ns):
                bare.append(piece.path)
            files.append((piece, kept))
        except DataError as error:
            unread.append(_unread(error, store, piece))
    imports = [item for item in imports if len(item.series)]
    # What an importer says of a lone ask side does not hold once it is joined to its bid side.
    told = [item for item in imports if item.side == "bid"] or imports
    warnings = list(dict.fromkeys(text for item in told for text in item.warnings))
    if bare:
        warnings.append(
            f"{batch.label}: {len(bare):,} files of trading hours came empty, the first {bare[0]}: "
            "a holiday, or an error of the source. Delete such a file to fetch it again."
        )
    report = None
    quarantine = _quarantine(imports)
    if imports:
        series, said = _one_series(imports)
        warnings += said
        provenance = Provenance(
            source=f"{source.name} {wish.symbol} {wish.series} {batch.label}",
            sha256=_content(files),
            importer=imports[0].recognised.format.value,
            timezone=imports[0].recognised.timezone or "",
            rows_in=sum(item.rows_in for item in imports),
            rows_kept=sum(item.rows_kept for item in imports),
            rows_quarantined=len(quarantine),
            imported_ns=clock.now(),
        )
        report = catalogue.merge(series, provenance, quarantine)
    return Stored(
        label=batch.label,
        n_files=len(imports),
        report=report,
        rows_quarantined=len(quarantine),
        warnings=tuple(warnings[:WARNINGS_MAX]),
        unread=tuple(unread),
    )


def _unread(error: DataError, store: Store, piece: Piece) -> DataError:
    """Add the way out: a file that is gone is fetched again."""
    return DataError(
        error.message,
        remedy=f"{error.remedy} Or delete {store.file(piece.path)}: the next run fetches it again.",
        **{**error.facts, "path": piece.path},
    )


def _content(files: Sequence[tuple[Piece, Kept]]) -> str:
    """Return the hash of the names, contents and completeness of files."""
    digest = hashlib.sha256()
    for piece, kept in files:
        until = "" if piece.is_final(kept.fetched_ns) else str(kept.fetched_ns)
        digest.update(f"{piece.path} {kept.sha256} {until}\n".encode())
    return digest.hexdigest()


def _imported(piece: Piece, kept: Kept, wish: Wish, store: Store) -> Imported:
    item = import_file(
        store.file(piece.path),
        symbol=wish.store_as,
        timeframe=wish.timeframe,
        price_divisor=wish.divisor,
    )
    if piece.is_final(kept.fetched_ns) or item.bars is None:
        return replace(item, source=piece.path)
    bars = item.bars
    closes_ns = bars.time_ns + bars.timeframe.nominal_ns
    n_closed = int(np.searchsorted(closes_ns, kept.fetched_ns, side="right"))
    return replace(item, source=piece.path, series=bars.between(0, n_closed))


def _one_series(imports: Sequence[Imported]) -> tuple[Bars | Ticks, list[str]]:
    ticks = [item.ticks for item in imports if item.ticks is not None]
    if ticks:
        return joined(ticks)[0], []
    bid = [item.bars for item in imports if item.bars is not None and item.side == "bid"]
    ask = [item.bars for item in imports if item.bars is not None and item.side == "ask"]
    if not bid:
        raise DataError(
            f"{imports[0].source} must have a bid side; only its ask side came.",
            remedy="Run the command again to fetch the other side.",
            path=imports[0].source,
        )
    bars, _ = joined(bid)
    if not ask:
        return bars, []
    both, left, n_crossed = with_ask_side(bars, joined(ask)[0])
    said = []
    if left is not None:
        said.append(f"{len(left):,} ask bars have no bid bar and were left out")
    if n_crossed:
        said.append(f"{n_crossed:,} bars have an ask below the bid and keep the bid side only")
    return both, said


def _quarantine(imports: Sequence[Imported]) -> Quarantine:
    """Return all refused rows, each with the file that it stood in."""
    counts: Counter[Reason] = Counter()
    for item in imports:
        counts.update(item.quarantine.counts)
    order = {reason: counts[reason] for reason in Reason if counts[reason]}
    return Quarantine(order, tuple(islice(_refused(imports), ROWS_LISTED_MAX)))


def _refused(imports: Sequence[Imported]) -> Iterator[QuarantinedRow]:
    for item in imports:
        for row in item.quarantine.rows:
            yield replace(row, text=f"{item.source}: {row.text}")
