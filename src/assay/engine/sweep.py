"""Many settings over one tape, in parallel threads."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from assay.config.settings import Settings
from assay.data.calendar import trading_day_start
from assay.domain.errors import DataError
from assay.domain.facts_history import ContractFacts
from assay.engine import market as columns
from assay.engine.backtest import BacktestResult, run_backtest
from assay.engine.blocks import COARSE_BARS, FINE_BARS, block_extremes
from assay.engine.jump import BLOCKS_MAX, HOLDING, SWEPT
from assay.engine.state import REQUEST, TRADE, records
from assay.engine.sweep_case import Course, run_cases
from assay.engine.sweep_signal import Signal, signal_of
from assay.engine.tape import Tape, check_versions
from assay.engine.views import Views
from assay.kernels.compiler import BoolArray, FloatArray, IntArray
from assay.risk.facts import RecordArray, dated_facts
from assay.risk.rules import compiled_rules

CASES_PER_TASK = 10
"""Cases that a thread takes at a time."""


def varied_rules(settings: Settings, **columns_: ArrayLike) -> RecordArray:
    """Return rules per case: those of *settings*, with the named fields replaced.

    Parameters
    ----------
    settings : Settings
    **columns_
        Field of ``RULES`` to one value per case; ``target_r`` sets a single take-profit
        for the whole position, 0 for none.

    Raises
    ------
    DataError
        If a field is unknown, or the columns differ in length.
    """
    arrays = {name: np.atleast_1d(np.asarray(values)) for name, values in columns_.items()}
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) != 1:
        raise DataError(
            f"Varied settings must have one value per case; had lengths {sorted(lengths)}.",
            remedy="Pass arrays of one length.",
        )
    rules = np.repeat(compiled_rules(settings), lengths.pop()).view(np.recarray)
    for name, array in arrays.items():
        if name == "target_r":
            rules.n_levels = array > 0.0
            rules.level_r[:, 0] = array
            rules.level_fraction[:, 0] = 1.0
            rules.levels_take_all = 1
        elif name in (rules.dtype.names or ()):
            rules[name] = array
        else:
            raise DataError(
                f"A varied setting must be a field of the rules; was {name!r}.",
                remedy="Use a name of assay.risk.rules.RULES, or target_r.",
            )
    return rules


def day_ends(tape: Tape) -> IntArray:
    """Return the last event of every trading day (17:00 New York), shape (n_days,)."""
    day = trading_day_start(tape.time_ns)
    return np.append(np.flatnonzero(day[1:] != day[:-1]), len(day) - 1)


def course_of(tape: Tape, marks: IntArray) -> Course:
    """Return what all cases share, with days that end at the events *marks*."""
    rows = (
        (columns.BID_LOW, -1.0),
        (columns.BID_HIGH, 1.0),
        (columns.ASK_LOW, -1.0),
        (columns.ASK_HIGH, 1.0),
    )
    fine = np.array([block_extremes(tape.market[row], FINE_BARS, sign) for row, sign in rows])
    coarse = np.array([block_extremes(row, COARSE_BARS // FINE_BARS, 1.0) for row in fine])
    nights = np.flatnonzero(tape.market[columns.NIGHTS] > 0.0)
    conversion = tape.market[columns.CONVERSION]
    closing = len(tape) + COARSE_BARS
    return Course(
        market=tape.market,
        fine=fine,
        coarse=coarse,
        nights=np.append(nights, closing),
        marks=np.append(marks, closing),
        conversion_max=float(conversion.max()),
        converts=bool((conversion != conversion[0]).any()),
    )


def _is_plain(tape: Tape) -> bool:
    # Whether the tape is one that ``run_case`` knows.
    return len(tape.symbols) == 1 and not len(tape.version) and tape.finer_range.shape[1] == 0


def jumping(rules: RecordArray) -> BoolArray:
    """Return which cases have only rules that jump from trade to trade, shape (n_cases,)."""
    is_single = (rules.n_levels == 1) & (rules.levels_take_all == 1)
    return (rules.n_levels == 0) | is_single  # type: ignore[no-any-return]


def by_crossing(views: Views, rules: RecordArray) -> BoolArray:
    """Return which cases leave at the next crossing to the other side, shape (n_cases,)."""
    if len(views.score) != 1:
        return np.zeros(len(rules), dtype=np.bool_)
    return (1.0 - views.score[0] < rules.hold_score) & (  # type: ignore[no-any-return]
        rules.hold_score <= 0.5
    )


def jump_cases(
    course: Course,
    signal: Signal,
    cases: IntArray,
    facts: RecordArray,
    rules: RecordArray,
    swept: RecordArray,
    sums: FloatArray,
    trades: RecordArray,
    *,
    crossing: bool,
) -> None:
    """Run *cases* of one signal into *swept* and *sums*; fill *trades* while there is room."""
    if len(cases):
        run_cases(
            cases, crossing, signal, course, records(HOLDING, 1), facts, rules, swept, sums, trades
        )


def summary(result: BacktestResult, marks: IntArray) -> Any:
    """Return the ``SWEPT`` record of one backtest, given the events that end its days."""
    swept = records(SWEPT, 1)[0]
    trades = result.trades
    equity = np.concatenate(([result.balance_start], result.equity[marks]))
    change = np.diff(equity)
    swept.n_trades = len(trades)
    swept.n_wins = int((trades.net > 0.0).sum())
    swept.n_ambiguous = int(trades.is_ambiguous.sum())
    for name in ("gross", "commission", "swap", "net"):
        swept[name] = trades[name].sum()
    swept.balance = float(result.books.account[0].balance)
    swept.equity = result.equity[-1]
    swept.daily_mean = change.mean()
    swept.daily_std = change.std(ddof=1) if len(change) > 1 else 0.0
    peak = np.maximum.accumulate(equity)
    swept.drawdown_max = (peak - equity).max()
    swept.drawdown_fraction = ((peak - equity) / peak).max()
    return swept


def block_sums(result: BacktestResult, marks: IntArray, n_blocks: int) -> FloatArray:
    """Return sum and sum of squares of the daily returns of each block, shape (n_blocks, 2).

    Notes
    -----
    As in ``assay.research.daily``: an account that falls to zero returns -1 that day and 0 ever
    after.
    """
    worth = np.maximum(np.concatenate(([result.balance_start], result.equity[marks])), 0.0)
    ruined = np.flatnonzero(worth <= 0.0)
    if len(ruined):
        worth[ruined[0] :] = 0.0
    before = worth[:-1]
    gain = np.divide(worth[1:], before, out=np.ones(len(before)), where=before > 0.0) - 1.0
    parts = np.array_split(gain, n_blocks)
    return np.array([(part.sum(), (part * part).sum()) for part in parts])


def sweep(
    tape: Tape,
    signals: Sequence[Views],
    signal_index: ArrayLike,
    rules: RecordArray,
    instruments: Mapping[str, ContractFacts],
    *,
    threads: int = 0,
) -> RecordArray:
    """Run every case; return one ``SWEPT`` record each, in their order.

    Parameters
    ----------
    tape : Tape
    signals : sequence of Views
        Each is prepared once, however many cases use it.
    signal_index : int, shape (n_cases,)
        Which of *signals* each case follows.
    rules : records of ``RULES``, shape (n_cases,)
        See ``varied_rules``.
    instruments : mapping of symbol to Instrument or FactsHistory
        Those that the tape was built with.
    threads : int
        0 uses every core. The result does not depend on it.

    Notes
    -----
    A case with at most one target jumps from trade to trade (``assay.engine.sweep_case``). One
    with several targets, and one that came near a stop-out, runs through the engine, as do all
    over several symbols, with finer bars, or where contract facts change. Trades are the same.
    """
    marks = day_ends(tape)
    return sweep_blocks(
        tape, signals, signal_index, rules, instruments, marks=marks, n_blocks=1, threads=threads
    )[0]


def sweep_blocks(
    tape: Tape,
    signals: Sequence[Views],
    signal_index: ArrayLike,
    rules: RecordArray,
    instruments: Mapping[str, ContractFacts],
    *,
    marks: IntArray,
    n_blocks: int,
    threads: int = 0,
) -> tuple[RecordArray, FloatArray]:
    """Run every case as ``sweep`` does, and sum the daily returns of each block of days.

    Parameters
    ----------
    tape, signals, signal_index, rules, instruments, threads
        As in ``sweep``.
    marks : int64, shape (n_days,)
        Events after which days end, rising, the last one being the last event.
    n_blocks : int
        From 1 to ``BLOCKS_MAX``. Blocks have equally many days; the first ones take what is left
        over.

    Returns
    -------
    swept : records of ``SWEPT``, shape (n_cases,)
    sums : float64, shape (n_cases, n_blocks, 2)
        Sum and sum of squares of the daily returns as fractions, of which the Sharpe ratio of
        any union of blocks follows exactly.

    Raises
    ------
    DataError
        If the number of blocks is out of range or exceeds the days.
    """
    if not 1 <= n_blocks <= min(BLOCKS_MAX, len(marks)):
        raise DataError(
            f"n_blocks must be from 1 to {min(BLOCKS_MAX, len(marks))}; was {n_blocks}.",
            remedy="Use fewer blocks, or a longer history.",
            n_blocks=n_blocks,
        )
    index = np.asarray(signal_index, dtype=np.int64)
    facts, _ = dated_facts([instruments[name] for name in tape.symbols], tape.timeframe)
    check_versions(tape, len(facts))
    course = course_of(tape, marks)
    may_jump = jumping(rules) & _is_plain(tape)
    crosses = np.zeros(len(rules), dtype=np.bool_)

    def prepared_of(s: int) -> Signal:
        mine = index == s
        crosses[mine] = by_crossing(signals[s], rules[mine].view(np.recarray))
        return signal_of(signals[s], with_scores=bool((mine & may_jump & ~crosses).any()))

    swept, sums = records(SWEPT, len(rules)), np.zeros((len(rules), n_blocks, 2))
    no_trades, no_requests = records(TRADE, 0), records(REQUEST, 0)

    def run(signal: Signal, cases: IntArray) -> None:
        for crossing in (False, True):
            chosen = cases[may_jump[cases] & (crosses[cases] == crossing)]
            jump_cases(
                course, signal, chosen, facts, rules, swept, sums, no_trades, crossing=crossing
            )
        for k in cases[~may_jump[cases] | (swept.status[cases] != 0)]:
            one = rules[k : k + 1].view(np.recarray)
            result = run_backtest(tape, signal.views, facts, one, no_requests, close_at_end=False)
            swept[k] = summary(result, marks)
            sums[k] = block_sums(result, marks, n_blocks)

    def tasks() -> Iterator[tuple[Signal, IntArray]]:
        # Each signal is prepared while the cases of those before it run.
        for s in np.unique(index).tolist():
            signal, cases = prepared_of(s), np.flatnonzero(index == s)
            for first in range(0, len(cases), CASES_PER_TASK):
                yield signal, cases[first : first + CASES_PER_TASK]

    with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
        list(pool.map(lambda task: run(*task), tasks()))
    return swept, sums
