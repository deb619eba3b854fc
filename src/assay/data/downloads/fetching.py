"""Fetching of the files of a batch: what is here is passed over, a failure stops no other file."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assay.data.downloads.source import Piece, Source
from assay.data.downloads.store import Kept, Store
from assay.data.downloads.transfer import Transfer
from assay.domain.errors import DataError
from assay.domain.time import Clock

FAILURES_MAX = 8
"""Files that may fail before a download gives up; what came until then is kept."""

ASK_AGAIN_S = 0.5
"""Wait for a worker to end before it is asked again, in seconds."""


class Heard(Protocol):
    """Hears of each file as it is settled."""

    def settled(self, *, n_bytes: int, is_fetched: bool) -> None:
        """Count a file: fetched now, or found here; *n_bytes* came over the wire or lie here."""
        ...


@dataclass(slots=True)
class Outcome:
    """What became of the files.

    Attributes
    ----------
    n_fetched, n_here, n_absent : int
        Files fetched now; found here, unharmed and final; that the source does not have.
    n_damaged : int
        Files that were here but no longer as they were fetched: fetched again.
    bytes_fetched : int
    failures : list of (Piece, DataError)
    """

    n_fetched: int = 0
    n_here: int = 0
    n_absent: int = 0
    n_damaged: int = 0
    bytes_fetched: int = 0
    failures: list[tuple[Piece, DataError]] = field(default_factory=list)


async def fetch_pieces(
    source: Source,
    pieces: Sequence[Piece],
    store: Store,
    transfer: Transfer,
    clock: Clock,
    outcome: Outcome,
    heard: Heard,
) -> None:
    """Bring every file of *pieces* into *store*, several at a time.

    A file that fails is noted in *outcome*, and the others go on.

    Raises
    ------
    DataError
        If the disk refuses, the source refuses for good (a wrong token, say), or
        ``FAILURES_MAX`` files have failed. Everything fetched until then is kept.
    """
    waiting = iter(pieces)
    workers = [
        asyncio.create_task(_work(source, waiting, store, transfer, clock, outcome, heard))
        for _ in range(min(transfer.politeness.concurrency, max(1, len(pieces))))
    ]
    try:
        await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        for worker in workers:
            if worker.done():
                worker.result()  # raises what the worker raised
    finally:
        await _ended(workers)


async def _ended(workers: Sequence[asyncio.Task[None]]) -> None:
    """End the workers that are still at work.

    A cancellation that meets a time limit of the connection at the same moment can be lost on the
    way, and its worker would go on with the next file. So it is asked again until it has ended.
    """
    while pending := {worker for worker in workers if not worker.done()}:
        for worker in pending:
            worker.cancel()
        await asyncio.wait(pending, timeout=ASK_AGAIN_S)
    # One error is raised; asyncio would print each of the others unless somebody looks at it.
    await asyncio.gather(*workers, return_exceptions=True)


async def _work(
    source: Source,
    waiting: Iterator[Piece],
    store: Store,
    transfer: Transfer,
    clock: Clock,
    outcome: Outcome,
    heard: Heard,
) -> None:
    for piece in waiting:
        try:
            await _settle(source, piece, store, transfer, clock, outcome, heard)
        except DataError as error:
            if error.facts.get("is_lasting") is not False:
                raise
            outcome.failures.append((piece, error))
            if len(outcome.failures) >= FAILURES_MAX:
                raise too_many(outcome.failures) from error


async def _settle(
    source: Source,
    piece: Piece,
    store: Store,
    transfer: Transfer,
    clock: Clock,
    outcome: Outcome,
    heard: Heard,
) -> None:
    """Make sure that the file of one piece is here, or known not to exist."""
    kept = store.find(piece.path)
    if kept is None and store.is_known(piece.path):
        outcome.n_damaged += 1
    if kept is not None and piece.is_final(kept.fetched_ns):
        outcome.n_here += 1
        outcome.n_absent += kept.is_absent
        heard.settled(n_bytes=0, is_fetched=False)
        return
    etag = None if kept is None or kept.is_absent else kept.etag
    answer = await source.fetch(piece, transfer, etag)
    now_ns = clock.now()
    if answer.is_absent:
        store.keep_absent(piece.path, fetched_ns=now_ns)
        outcome.n_absent += 1
    elif answer.is_unchanged and kept is not None:
        store.keep_unchanged(kept, fetched_ns=now_ns)
    else:
        store.keep(piece.path, answer.content, etag=answer.etag, fetched_ns=now_ns)
    outcome.n_fetched += 1
    outcome.bytes_fetched += len(answer.content)
    heard.settled(n_bytes=len(answer.content), is_fetched=True)


def files_here(pieces: Sequence[Piece], store: Store) -> list[tuple[Piece, Kept]]:
    """Return the pieces of which an unharmed file lies in *store*, in their order."""
    found = [(piece, store.find(piece.path)) for piece in pieces]
    return [(piece, kept) for piece, kept in found if kept is not None and not kept.is_absent]


def too_many(failures: Sequence[tuple[Piece, DataError]]) -> DataError:
    """Return the error for files that could not be fetched; it names the first."""
    piece, error = failures[0]
    n_failed = len(failures)
    rest = f" ({n_failed - 1} more failed as well)" if n_failed > 1 else ""
    return DataError(
        f"{error.message}{rest}",
        remedy=error.remedy,
        **{**error.facts, "failed": [failed.path for failed, _ in failures], "path": piece.path},
    )
