"""A download from plan to catalogue: fetch a batch, store it, and go on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.data.downloads.fetching import Heard, Outcome, fetch_pieces, too_many
from assay.data.downloads.source import Batch, Source, Wish
from assay.data.downloads.store import Store
from assay.data.downloads.transfer import Transfer
from assay.domain.errors import DataError
from assay.domain.time import Clock

ABSENT_FIRST_MAX = 1_000
"""Files that may be missing from the beginning before the symbol itself is doubted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a download would do.

    Attributes
    ----------
    n_files : int
        Files of the wish.
    n_here : int
        Those that are here, unharmed and final.
    bytes_about : int
        Estimate of what is to be fetched.
    seconds_about : float
        Shortest time that the requests take at the allowed pace.
    """

    n_files: int
    n_here: int
    bytes_about: int
    seconds_about: float


def plan_of(batches: Sequence[Batch], store: Store, requests_per_second: float) -> Plan:
    """Count what is here and estimate the rest; nothing is asked for."""
    n_files = n_here = size = 0
    for batch in batches:
        for piece in batch.pieces:
            n_files += 1
            kept = store.find(piece.path)
            if kept is not None and piece.is_final(kept.fetched_ns):
                n_here += 1
            else:
                size += piece.bytes_about
    return Plan(
        n_files=n_files,
        n_here=n_here,
        bytes_about=size,
        seconds_about=(n_files - n_here) / requests_per_second,
    )


async def pull(
    source: Source,
    wish: Wish,
    batches: Sequence[Batch],
    store: Store,
    transfer: Transfer,
    clock: Clock,
    *,
    outcome: Outcome,
    heard: Heard,
    arrived: Callable[[Batch], None],
) -> None:
    """Fetch every batch, in order of time; call *arrived* as each is here.

    Batches with files that could not be fetched arrive as well: what is here is stored, and
    the next run completes it.

    Raises
    ------
    DataError
        If files could not be fetched (after everything else arrived), or the source seems
        not to have the symbol at all.
    """
    for batch in batches:
        await fetch_pieces(source, batch.pieces, store, transfer, clock, outcome, heard)
        n_seen = outcome.n_fetched + outcome.n_here
        if outcome.n_absent == n_seen and n_seen >= ABSENT_FIRST_MAX:
            raise _unknown(source, wish, n_seen)
        arrived(batch)
    if outcome.failures:
        raise too_many(outcome.failures)
    n_seen = outcome.n_fetched + outcome.n_here
    if n_seen and outcome.n_absent == n_seen:
        raise _unknown(source, wish, n_seen)


def _unknown(source: Source, wish: Wish, n_absent: int) -> DataError:
    return DataError(
        f"{source.name} must have {wish.series} of {wish.symbol}; it has none of the first "
        f"{n_absent:,} files of this period.",
        remedy="Check the symbol, and begin later if its history does.",
        symbol=wish.symbol,
        n_absent=n_absent,
    )
