"""Many settings over one tape, in parallel threads."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from assay.engine.jump import HOLDING, SWEPT
from assay.engine.state import REQUEST, TRADE, records
from assay.engine.sweep_case import run_cases
from assay.engine.tape import Tape, check_versions
from assay.engine.views import ViewArrays, Views, view_arrays
from assay.kernels.compiler import BoolArray, FloatArray, IntArray, kernel
from assay.risk.facts import RecordArray, dated_facts
from assay.risk.rules import compiled_rules

CASES_PER_TASK = 20
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


@dataclass(frozen=True, slots=True)
class _Signal:
    """One stream of views, prepared once for every case that uses it."""

    views: ViewArrays
    when: IntArray
    opposite: IntArray


@dataclass(frozen=True, slots=True)
class _Course:
    """What all cases share: the tape, its blocks, its nights and day ends."""

    tape: Tape
    facts: RecordArray
    fine: FloatArray
    coarse: FloatArray
    nights: IntArray
    marks: IntArray


@kernel
def next_opposite(side: IntArray) -> IntArray:
    """Return, for each crossing, the index of the next one to the other side, or their number."""
    n = side.shape[0]
    out = np.full(n, n)
    for p in range(n - 2, -1, -1):
        out[p] = p + 1 if side[p + 1] != side[p] else out[p + 1]
    return out


def _signal(views: Views) -> _Signal:
    when = np.flatnonzero(views.direction)
    side = views.direction[when].astype(np.int64)
    return _Signal(view_arrays(views), when, next_opposite(side))


def day_ends(tape: Tape) -> IntArray:
    """Return the last event of every trading day (17:00 New York), shape (n_days,)."""
    day = trading_day_start(tape.time_ns)
    return np.append(np.flatnonzero(day[1:] != day[:-1]), len(day) - 1)


def _course(tape: Tape, facts: RecordArray) -> _Course:
    rows = (
        (columns.BID_LOW, -1.0),
        (columns.BID_HIGH, 1.0),
        (columns.ASK_LOW, -1.0),
        (columns.ASK_HIGH, 1.0),
    )
    fine, coarse = (
        np.array([block_extremes(tape.market[row], n_bars, sign) for row, sign in rows])
        for n_bars in (FINE_BARS, COARSE_BARS)
    )
    nights = np.flatnonzero(tape.market[columns.NIGHTS] > 0.0)
    closing = len(tape) + COARSE_BARS
    return _Course(
        tape, facts, fine, coarse, np.append(nights, closing), np.append(day_ends(tape), closing)
    )


def _is_plain(tape: Tape) -> bool:
    # Whether the tape is one that ``run_case`` knows.
    conversion = tape.market[columns.CONVERSION]
    return bool(
        len(tape.symbols) == 1
        and not len(tape.version)
        and tape.finer_range.shape[1] == 0
        and (conversion == conversion[0]).all()
    )


def _jumping(signal: _Signal, rules: RecordArray) -> BoolArray:
    # Which cases have only rules that ``run_case`` knows, shape (n_cases,).
    score = signal.views.score
    return (  # type: ignore[no-any-return]
        (len(score) == 1)
        & (1.0 - score[0] < rules.hold_score)
        & (rules.hold_score <= 0.5)
        & ((rules.n_levels == 0) | ((rules.n_levels == 1) & (rules.levels_take_all == 1)))
        & (rules.break_even_at_r == 0.0)
        & (rules.trailing_atr == 0.0)
        & (rules.time_stop_bars == 0)
    )


def jump_cases(
    course: _Course,
    signal: _Signal,
    cases: IntArray,
    rules: RecordArray,
    swept: RecordArray,
    trades: RecordArray,
) -> None:
    """Run *cases* of one signal into *swept*; fill *trades* while there is room."""
    run_cases(
        cases, signal.when, signal.opposite, signal.views, course.nights, course.marks,
        course.tape.market, course.fine, course.coarse,
        records(HOLDING, 1), course.facts, rules, swept, trades,
    )  # fmt: skip


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
    swept.drawdown_max = (np.maximum.accumulate(equity) - equity).max()
    return swept


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
    A case whose rules ``assay.engine.sweep_case`` knows jumps from trade to trade; any
    other, and one that came near a stop-out, runs through the engine, as do all where the
    contract facts change on the way. Trades are the same.
    """
    index = np.asarray(signal_index, dtype=np.int64)
    facts, _ = dated_facts([instruments[name] for name in tape.symbols], tape.timeframe)
    check_versions(tape, len(facts))
    course = _course(tape, facts)
    prepared = [_signal(views) for views in signals]
    swept = records(SWEPT, len(rules))
    no_trades, no_requests = records(TRADE, 0), records(REQUEST, 0)
    plain = _is_plain(tape)

    def run(task: tuple[int, IntArray]) -> None:
        signal, cases = prepared[task[0]], task[1]
        jumping = _jumping(signal, rules[cases].view(np.recarray)) & plain
        jump_cases(course, signal, cases[jumping], rules, swept, no_trades)
        for k in cases[~jumping | (swept.status[cases] != 0)]:
            one = rules[k : k + 1].view(np.recarray)
            result = run_backtest(tape, signal.views, facts, one, no_requests, close_at_end=False)
            swept[k] = summary(result, course.marks[:-1])

    tasks = [
        (s, cases[first : first + CASES_PER_TASK])
        for s in range(len(signals))
        if len(cases := np.flatnonzero(index == s))
        for first in range(0, len(cases), CASES_PER_TASK)
    ]
    with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
        list(pool.map(run, tasks))
    return swept
