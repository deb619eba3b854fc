"""The files of a batch are fetched by several workers, and all of them end when they must."""

import asyncio
import contextlib
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.data.downloads.fetching import Outcome, fetch_pieces
from assay.data.downloads.pace import Pace, Politeness
from assay.data.downloads.period import Period
from assay.data.downloads.source import Batch, Piece, Wish
from assay.data.downloads.store import Store
from assay.data.downloads.transfer import Answer, Transfer
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

PATIENCE_S = 20.0
N_WORKERS = 3
PIECES = tuple(
    Piece(path=f"{at:02d}.bi5", url="", period=Period(start_ns=at, stop_ns=at + 1))
    for at in range(4 * N_WORKERS)
)


class FixedClock:
    def now(self) -> int:
        return 1_700_000_000 * 10**9


class Unheard:
    def settled(self, *, n_bytes: int, is_fetched: bool) -> None:
        return


class Bare:
    """A source of no provider; *fetch* is what its tests are about."""

    name, notice, secrets, series = "bare", None, (), (Timeframe.H1.name,)

    def named(self, text: str) -> tuple[str, str]:
        return text, text

    def batches(self, _: Wish) -> Sequence[Batch]:
        return (Batch(label="all", pieces=PIECES),)

    def has_rows(self, content: bytes) -> bool:
        return bool(content)

    async def fetch(self, piece: Piece, _: Transfer, etag: str | None) -> Answer:
        assert etag is None
        return Answer(content=piece.path.encode())


async def fetching(source: Bare, folder: Path, outcome: Outcome) -> None:
    politeness = Politeness(concurrency=N_WORKERS)
    pace = Pace(politeness, rng=np.random.default_rng(1))
    async with Transfer(politeness, pace, FixedClock()) as transfer:
        store = Store(folder)
        await fetch_pieces(source, PIECES, store, transfer, FixedClock(), outcome, Unheard())


class Swallowing(Bare):
    """Loses the first cancellation, as a connection does whose time limit passes just then."""

    def __init__(self) -> None:
        self.n_swallowed = 0
        self.are_waiting = asyncio.Event()

    async def fetch(self, piece: Piece, transfer: Transfer, etag: str | None) -> Answer:
        try:
            if piece is PIECES[N_WORKERS - 1]:
                self.are_waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.n_swallowed == N_WORKERS:
                raise
            self.n_swallowed += 1
        return await super().fetch(piece, transfer, etag)


def test_a_stop_ends_every_worker_although_its_first_cancellation_was_lost(tmp_path: Path) -> None:
    async def stopped() -> tuple[int, bool]:
        source = Swallowing()
        task = asyncio.create_task(fetching(source, tmp_path, Outcome()))
        await asyncio.wait_for(source.are_waiting.wait(), PATIENCE_S)
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE_S)
        return source.n_swallowed, task.cancelled()

    assert asyncio.run(stopped()) == (N_WORKERS, True)


class Failing(Bare):
    """Fails for good at the first file, and at the others when their workers are cancelled."""

    async def fetch(self, piece: Piece, transfer: Transfer, etag: str | None) -> Answer:
        if piece is not PIECES[0]:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        raise DataError(f"{piece.path} must come; did not.", remedy="Wait.")


def test_one_error_is_raised_and_asyncio_prints_none_of_the_others(tmp_path: Path) -> None:
    printed: list[dict[str, Any]] = []

    async def failed() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: printed.append(told))
        with pytest.raises(DataError, match=r"00\.bi5 must come"):
            await fetching(Failing(), tmp_path, Outcome())
        gc.collect()  # asyncio prints an error when its task is thrown away

    asyncio.run(failed())
    assert printed == []
