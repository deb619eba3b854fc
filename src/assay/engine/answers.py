"""What every event was answered: the refusal, or the orders, and the numbers that decided."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.config.settings import Settings
from assay.domain.facts_history import ContractFacts
from assay.domain.refusal import RefusalReason
from assay.engine.advance import advance
from assay.engine.backtest import RuleChange, checked_requests, compiled_changes
from assay.engine.code import code
from assay.engine.dated import Dated, begin_event, without_nights
from assay.engine.decision import stake_of
from assay.engine.market import Event, event_at
from assay.engine.requests import submit
from assay.engine.state import CLOSE, Books, opened_books, records
from assay.engine.tape import Tape, check_versions
from assay.engine.totals import NOBODY, Others, others_use
from assay.engine.views import View, ViewArrays, Views, view_arrays, view_at
from assay.kernels.compiler import FloatArray, IntArray, kernel
from assay.risk.exposure import margin_level
from assay.risk.facts import RecordArray, dated_facts
from assay.risk.rules import compiled_rules
from assay.risk.sizing import Funds, size_limits

_NO_EDGE = code(RefusalReason.NO_EDGE)
_BELOW_MINIMUM_SIZE = code(RefusalReason.BELOW_MINIMUM_SIZE)

ANSWER = np.dtype(
    [
        ("side", "i8"),
        ("held_lots", "f8"),
        ("bars_held", "i8"),
        ("leaves", "i8"),
        ("refused", "i8"),
        ("lots", "f8"),
        ("equity", "f8"),
        ("n_others", "i8"),
        ("margin_level", "f8"),
        ("price", "f8"),
        ("distance", "f8"),
        ("stake", "f8"),
        ("risk", "f8"),
        ("volatility", "f8"),
        ("symbol", "f8"),
        ("exposure", "f8"),
        ("margin", "f8"),
        ("lot_min", "f8"),
        ("lot_max", "f8"),
    ]
)
"""What one event was answered at its close.

``side``, ``held_lots`` and ``bars_held`` are of the position that was open (0: none); ``leaves``
is the ``ExitReason`` of the exit that the view or time queued (0: none); ``refused`` the
``RefusalReason`` of the entry (0: none) and ``lots`` its size (0: none was queued). Without a
refusal and without lots no entry was asked for. ``n_others`` counts the other symbols' positions
and queued entries, ``margin_level`` is of the other symbols' positions. ``price`` to ``margin`` are
NaN unless a size was asked for: price and stop distance in quote currency, and the lots that each
limit of ``assay.risk.sizing.Limits`` allowed. ``lot_min`` and ``lot_max`` are the venue's.
"""


def record_answers(
    tape: Tape,
    views: Views,
    settings: Settings,
    instruments: Mapping[str, ContractFacts],
    requests: NDArray[Any] | None = None,
    *,
    changes: Sequence[RuleChange] = (),
) -> RecordArray:
    """Run the engine over *tape* and keep what each event was answered; arguments as ``backtest``.

    Returns
    -------
    answers : records of ``ANSWER``, shape (n_events,)

    Notes
    -----
    The same step as the backtest takes, event by event, so the same refusals and orders. O(n),
    a fraction of a microsecond per event.
    """
    facts, _ = dated_facts([instruments[name] for name in tape.symbols], tape.timeframe)
    check_versions(tape, len(facts))
    later = compiled_changes(changes, settings, len(tape))
    rules = np.concatenate((compiled_rules(settings), *(rule for _, rule in later)))
    books = opened_books(facts[tape.first_versions()], float(rules["balance"][0]))
    answers = records(ANSWER, len(tape))
    _record_events(
        tape.market,
        tape.symbol,
        tape.finer,
        tape.finer_range,
        view_arrays(views),
        checked_requests(requests, tape),
        books,
        Dated(tape.version, tape.charges, facts) if len(tape.version) else None,
        rules.view(np.recarray),
        np.array([0, *(event for event, _ in later)], dtype=np.int64),
        answers,
    )
    return answers


@kernel
def _record_events(
    market: FloatArray, symbol: IntArray, finer: FloatArray, finer_range: IntArray,
    views: ViewArrays, requests: RecordArray, books: Books, dated: Dated | None,
    rules: RecordArray, since: IntArray, answers: RecordArray,
) -> None:  # fmt: skip
    direction, score, confidence, p_win, payoff, loss, unit = views
    account, positions, facts = books.account[0], books.positions, books.facts
    r, c, k, first, end = 0, 0, 0, 0, 0
    counted = np.zeros_like(account.refusals)
    for i in range(market.shape[1]):
        while k + 1 < since.shape[0] and since[k + 1] <= i:
            k += 1
        rule = rules[k]
        s = symbol[i]
        bar = event_at(market, i)
        view = view_at(direction, score, confidence, p_win, payoff, loss, unit, i)
        if finer_range.shape[1] > 0:
            first, end = finer_range[0, i], finer_range[1, i]
        if dated is not None:
            c = begin_event(i, s, bar, dated.version[i], c, dated, positions, facts, rule, account)
            bar = without_nights(bar)
        counted[:] = account.refusals
        account.n_fills = 0
        account.n_trades = 0
        advance(i, s, bar, view, finer, first, end, positions, facts, rule, account)
        others = others_use(s, positions, facts) if positions.shape[0] > 1 else NOBODY
        _note_answer(
            bar, view, others, counted, positions[s], facts[s], rule, account, answers[i]
        )  # fmt: skip
        while r < requests.shape[0] and requests[r].event == i:
            submit(requests[r], bar, positions[s], facts[s], account)
            r += 1


@kernel
def _note_answer(
    bar: Event, view: View, others: Others, counted: IntArray,
    position: Any, facts: Any, rules: Any, account: Any, answer: Any,
) -> None:  # fmt: skip
    """Write what the decision at the close of *bar* came to; nothing else has queued an order."""
    answer.side = position.side
    answer.held_lots = position.lots if position.side != 0 else 0.0
    answer.bars_held = position.bars_held if position.side != 0 else 0
    answer.equity = account.equity
    answer.n_others = others.n_positions
    answer.margin_level = margin_level(account.equity, others.margin_positions)
    answer.lot_min = facts.lot_min
    answer.lot_max = facts.lot_max
    for k in range(position.n_queued):
        if position.queued[k].kind == CLOSE:
            answer.leaves = position.queued[k].reason
        else:
            answer.lots = position.queued[k].lots
    for reason in range(1, _BELOW_MINIMUM_SIZE + 1):
        if account.refusals[reason] > counted[reason]:
            answer.refused = reason
    answer.price = np.nan
    answer.distance = np.nan
    answer.stake = np.nan
    answer.risk = np.nan
    answer.volatility = np.nan
    answer.symbol = np.nan
    answer.exposure = np.nan
    answer.margin = np.nan
    if answer.lots > 0.0 or answer.refused >= _NO_EDGE:
        stake = stake_of(bar, view, facts, rules)
        funds = Funds(account.equity, others.notional, others.margin)
        limits = size_limits(stake, funds, facts, rules)
        answer.price = stake.price
        answer.distance = stake.distance
        answer.stake = limits.stake
        answer.risk = limits.risk
        answer.volatility = limits.volatility
        answer.symbol = limits.symbol
        answer.exposure = limits.exposure
        answer.margin = limits.margin
