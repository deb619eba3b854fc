"""A long series cut into blocks that do not depend on how it arrives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

import numpy as np

from assay.data.bars import Bars, Ticks

BLOCK_ROWS = 131_072
CONTEXT_ROWS = 1_024
"""Rows that a check may see before and after its own; a multiple of the local groups."""

_ASK = ("ask_open", "ask_high", "ask_low", "ask_close")

S = TypeVar("S", Bars, Ticks)


@dataclass(frozen=True, slots=True)
class Block(Generic[S]):
    """Rows with their context.

    Attributes
    ----------
    rows : Bars or Ticks
    start, stop : int
        The block itself; the rest of *rows* is context.
    """

    rows: S
    start: int
    stop: int


def blocks_of(
    chunks: Iterable[S], *, block_rows: int = BLOCK_ROWS, context_rows: int = CONTEXT_ROWS
) -> Iterator[Block[S]]:
    """Cut a series into blocks of equal length, counted from its first row.

    Parameters
    ----------
    chunks : iterable of Bars or of Ticks
        The series in any pieces, oldest first; one piece is fine.
    block_rows, context_rows : int

    Yields
    ------
    block : Block
        The same blocks for the same rows, however they were cut before; so checks that see one
        block at a time find the same in one piece and in a hundred.

    Notes
    -----
    Holds one chunk and one block at a time.
    """
    pending: S | None = None
    start = 0  # first row of the next block within pending
    for chunk in chunks:
        if len(chunk) == 0:
            continue
        if pending is None:
            pending = chunk
        else:
            kept = max(0, start - context_rows)
            pending = _joined(between(pending, kept, len(pending)), chunk)
            start -= kept
        while len(pending) - start >= block_rows + context_rows:
            yield _block(pending, start, start + block_rows, context_rows)
            start += block_rows
    while pending is not None and start < len(pending):
        stop = min(start + block_rows, len(pending))
        yield _block(pending, start, stop, context_rows)
        start = stop


def _block(rows: S, start: int, stop: int, context_rows: int) -> Block[S]:
    first, last = max(0, start - context_rows), min(len(rows), stop + context_rows)
    return Block(between(rows, first, last), start - first, stop - first)


def between(rows: S, start: int, stop: int) -> S:
    """Return rows ``start .. stop - 1``; the columns are views."""
    if isinstance(rows, Bars):
        return rows.between(start, stop)
    return Ticks(
        symbol=rows.symbol,
        time_ns=rows.time_ns[start:stop],
        bid=rows.bid[start:stop],
        ask=rows.ask[start:stop],
    )


def _joined(first: S, second: S) -> S:
    columns: dict[str, Any] = {}
    for field in fields(first):
        left, right = getattr(first, field.name), getattr(second, field.name)
        if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
            left = np.full(len(first), np.nan) if left is None else left
            right = np.full(len(second), np.nan) if right is None else right
            columns[field.name] = np.concatenate([left, right])
        else:
            columns[field.name] = left
    return type(first)(**columns)
