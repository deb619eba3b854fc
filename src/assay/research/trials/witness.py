"""What results remember of the ledger that they were judged by, against what it holds now."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.research.trials.line import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What a result remembers of the ledger that it was judged by.

    Attributes
    ----------
    count : int
        Trials counted then.
    hash : str
        Of the last line.
    source : str
        Which result, in words.
    """

    count: int
    hash: str
    source: str


def contradicted(lines: Sequence[Line], witnesses: Sequence[Witness]) -> Witness | None:
    """Return the first witness that counted as many trials as some line, but saw another line."""
    hashes: dict[int, set[str]] = {}
    for line in lines:
        hashes.setdefault(line.n, set()).add(line.hash)
    losses = _losses(lines)
    for item in witnesses:
        is_lost = any(item.count in span for span in losses)
        if not is_lost and item.hash not in hashes.get(item.count, {item.hash}):
            return item
    return None


def missing(lines: Sequence[Line], witnesses: Sequence[Witness]) -> int:
    """Return how many trials the witnesses counted that *lines* do not account for.

    Notes
    -----
    A witness whose line is in the chain misses nothing, nor does one whose trials a line counts as
    lost. Of the others the largest decides. It shares with the chain what the largest witness
    counted whose line is there; without such a witness nothing says that a single line is common
    to both, and all of its trials are missing. That a chain is nearly as long as another is no
    sign that it is the same.
    """
    there = {(line.n, line.hash) for line in lines}
    losses = _losses(lines)
    gone = [
        item.count
        for item in witnesses
        if (item.count, item.hash) not in there and not any(item.count in span for span in losses)
    ]
    shared = [item.count for item in witnesses if (item.count, item.hash) in there]
    most = max(gone, default=0)
    return most - max((count for count in shared if count < most), default=0)


def _losses(lines: Sequence[Line]) -> list[range]:
    """Return which trials, by number, each loss stands for."""
    return [range(line.n - line.lost + 1, line.n + 1) for line in lines if line.lost]
