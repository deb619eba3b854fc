"""Cases of risk settings over one market and one stream of views, computed anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from assay.domain.errors import DataError
from assay.domain.progress import Progress, SilentProgress
from assay.engine.sweep import sweep_blocks
from assay.engine.views import Views
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.benchmarks import Market
from assay.research.compute.place import Place
from assay.research.compute.pool import compute_each
from assay.research.daily import daily_returns, last_of_days
from assay.research.risk_search.parameters import rules_of
from assay.risk.facts import RecordArray

BLOCKS = 12
"""Blocks of time, even: the objective and the overfitting are about their unions."""
PARTS = 4
"""Each block is summed in so many parts, by which cases are known to resemble each other."""
CASES_PER_STEP = 512
DAYS_PER_BLOCK_MIN = 20
DAYS_MIN = BLOCKS * DAYS_PER_BLOCK_MIN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arena:
    """What every case trades on.

    Attributes
    ----------
    market : Market
    views : Views
        One fixed stream.
    marks : int64, shape (n_days,)
        Events after which trading days end, as reports count them.
    days_per_year : float
    """

    market: Market
    views: Views
    marks: IntArray
    days_per_year: float

    @property
    def part_days(self) -> FloatArray:
        """Days of each part, shape (BLOCKS * PARTS,)."""
        n_parts = BLOCKS * PARTS
        size, rest = divmod(len(self.marks), n_parts)
        return np.full(n_parts, float(size)) + (np.arange(n_parts) < rest)

    @property
    def block_days(self) -> FloatArray:
        """Days of each block, shape (BLOCKS,)."""
        return np.asarray(self.part_days.reshape(BLOCKS, PARTS).sum(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cases:
    """Evaluated cases.

    Attributes
    ----------
    values : mapping of str to float64, shape (n_cases,)
    swept : records of ``SWEPT``, shape (n_cases,)
    sums : float64, shape (n_cases, BLOCKS * PARTS, 2)
        Sum and sum of squares of the daily returns of each part.
    """

    values: Mapping[str, FloatArray]
    swept: RecordArray
    sums: FloatArray

    def __len__(self) -> int:
        return len(self.swept)

    @property
    def block_sums(self) -> FloatArray:
        """Sums of whole blocks, shape (n_cases, BLOCKS, 2)."""
        return np.asarray(self.sums.reshape(len(self), BLOCKS, PARTS, 2).sum(axis=2))


def arena_of(market: Market, views: Views) -> Arena:
    """Return the arena of a market.

    Raises
    ------
    DataError
        If there are fewer than ``DAYS_MIN`` days, or the settings change on the way, so that
        there is nothing that a case could stand for.
    """
    if market.changes:
        raise DataError(
            f"A search of risk settings needs one set of settings; the market has "
            f"{len(market.changes)} changes on the way.",
            remedy="Search the walk of fixed settings.",
        )
    tape, balance = market.tape, market.settings.account.balance
    marks = last_of_days(tape.known_ns)
    if len(marks) < DAYS_MIN:
        raise DataError(
            f"A search of risk settings must have at least {DAYS_MIN} trading days that models "
            f"were tested on; there are {len(marks)}.",
            remedy="Import more history, or lower evaluation.first_train_fraction.",
            n_days=len(marks),
        )
    flat = daily_returns(tape.known_ns, np.full(len(tape), balance), balance)
    return Arena(market=market, views=views, marks=marks, days_per_year=flat.days_per_year)


def evaluate(
    arena: Arena, values: Mapping[str, FloatArray], *, place: Place, progress: Progress
) -> Cases:
    """Trade every case; the result does not depend on *place*.

    Parameters
    ----------
    arena : Arena
    values : mapping of str to float64, shape (n_cases,)
        By the names of ``assay.research.risk_search.parameters.PARAMETERS``.
    place : Place
        Cores of this machine are used by threads: the kernels let go of the interpreter.
    progress : Progress
        Is advanced by one per case.
    """
    n_cases = len(next(iter(values.values())))
    chunks = [
        {name: column[first : first + CASES_PER_STEP] for name, column in values.items()}
        for first in range(0, n_cases, CASES_PER_STEP)
    ]
    done: dict[int, tuple[RecordArray, FloatArray]] = {}
    threads = 1 if place.cluster else place.workers
    # One process of this machine; its threads share the market. A cluster has its own.
    where = place if place.cluster else Place()
    for index, found in compute_each(
        partial(_trade, arena, threads),
        chunks,
        total=len(chunks),
        place=where,
        progress=SilentProgress(),
        stage="risk settings",
    ):
        done[index] = found
        progress.advance(len(found[0]))
    ordered = [done[index] for index in range(len(chunks))]
    return joined(
        [
            Cases(values=chunk, swept=swept, sums=sums)
            for chunk, (swept, sums) in zip(chunks, ordered, strict=True)
        ]
    )


def joined(parts: "list[Cases]") -> Cases:
    """Return the cases of *parts*, one after the other."""
    return Cases(
        values={
            name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values
        },
        swept=np.concatenate([part.swept for part in parts]).view(np.recarray),
        sums=np.concatenate([part.sums for part in parts]),
    )


def _trade(
    arena: Arena, threads: int, values: Mapping[str, FloatArray]
) -> tuple[RecordArray, FloatArray]:
    """Trade some cases."""
    market = arena.market
    rules = rules_of(market.settings, values)
    return sweep_blocks(
        market.tape,
        [arena.views],
        np.zeros(len(rules), np.int64),
        rules,
        market.instruments,
        marks=arena.marks,
        n_blocks=BLOCKS * PARTS,
        threads=threads,
    )
