"""From trade to trade: one case of a sweep, without visiting the bars between.

Holds for one symbol, a constant conversion, one target or none, and stops that stay where
they are. Prices, sizes and costs come from the kernels of ``risk`` and ``execution`` that
the engine uses, in the engine's order, so the trades are the engine's, bit for bit. Where
an account comes near a stop-out, the case is given back to the engine.
"""

import math
from typing import Any

import numpy as np

from assay.domain.fill import ExitReason
from assay.engine.code import code
from assay.engine.decision import view_gate
from assay.engine.quiet import stop_out_price
from assay.engine.views import View
from assay.execution.costs import commission, slippage, swap
from assay.execution.venue import is_against, market_price
from assay.kernels.compiler import kernel
from assay.risk.exposure import is_margin_call
from assay.risk.sizing import Funds, Stake, size_lots
from assay.risk.stops import stop_distance, stop_price, target_price

_STOP = code(ExitReason.STOP)
_TARGET = code(ExitReason.TARGET)
_SIGNAL = code(ExitReason.SIGNAL)
NEAR_STOP_OUT = 1
"""Status of a case that was given back."""

HOLDING = np.dtype(
    [
        ("balance", "f8"),
        ("side", "i8"),
        ("lots", "f8"),
        ("entry", "f8"),
        ("entry_event", "i8"),
        ("stop", "f8"),
        ("target", "f8"),
        ("risk", "f8"),
        ("commission", "f8"),
        ("swap", "f8"),
        ("conversion", "f8"),
        ("is_ambiguous", "i8"),
        ("left_side", "i8"),
        ("exit_event", "i8"),
        ("exit_price", "f8"),
        ("gross", "f8"),
        ("net", "f8"),
        ("reason", "i8"),
        ("next_lots", "f8"),
        ("next_distance", "f8"),
        ("i_mark", "i8"),
        ("last_mark", "f8"),
        ("peak", "f8"),
        ("sum_squares", "f8"),
    ]
)
"""The account of a case: what it holds, and what its next entry was sized to."""

SWEPT = np.dtype(
    [
        ("n_trades", "i8"),
        ("n_wins", "i8"),
        ("n_ambiguous", "i8"),
        ("gross", "f8"),
        ("commission", "f8"),
        ("swap", "f8"),
        ("net", "f8"),
        ("balance", "f8"),
        ("equity", "f8"),
        ("daily_mean", "f8"),
        ("daily_std", "f8"),
        ("drawdown_max", "f8"),
        ("status", "i8"),
    ]
)
"""What one case of a sweep came to.

Sums are over closed trades; ``equity`` is that after the last event; ``daily_mean`` and
``daily_std`` (n - 1) are of the changes of equity between day ends, and ``drawdown_max`` is
the deepest fall from a peak at day ends, all in account currency.
"""


@kernel
def size_entry(
    view: View, bid: float, ask: float, volatility: float, mark: float,
    holding: Any, facts: Any, rules: Any,
) -> bool:  # fmt: skip
    """Size the entry that *view* asks for at a close; return whether there is one.

    *bid*, *ask* and *volatility* are those of the close; what is held is marked at *mark*.
    """
    equity = holding.balance
    if holding.side != 0:
        equity += floating_at(mark, holding, facts)
    if view_gate(view, rules.pass_score) != 0:
        return False
    if is_margin_call(equity, 0.0, rules.margin_call_level):
        return False
    distance = stop_distance(view.unit, rules.stop_atr, facts.stop_level, facts.tick_size)
    stake = Stake(
        ask if view.direction > 0 else bid, facts.contract * holding.conversion, distance,
        view.confidence, view.p_win, view.payoff, view.loss, volatility,
    )  # fmt: skip
    lots, refused = size_lots(stake, Funds(equity, 0.0, 0.0), facts, rules)
    holding.next_lots = lots
    holding.next_distance = distance
    return bool(refused == 0)


@kernel
def enter_at(
    event: int, side: int, bid: float, ask: float, volatility: float,
    holding: Any, facts: Any, rules: Any,
) -> None:  # fmt: skip
    """Open what ``size_entry`` has sized, at the open of *event*."""
    price = market_price(side, bid, ask, slippage(volatility, bid, facts.point, rules))
    lots = holding.next_lots
    holding.side = side
    holding.lots = lots
    holding.entry = price
    holding.entry_event = event
    holding.stop = stop_price(side, price, holding.next_distance, facts.tick_size)
    holding.target = side * math.inf
    if rules.n_levels > 0:
        reach = rules.level_r[0] * holding.next_distance
        holding.target = target_price(side, price, reach, facts.tick_size)
    holding.risk = lots * abs(price - holding.stop) * (facts.contract * holding.conversion)
    fee = commission(lots, facts.commission_per_lot, rules.commission_multiple)
    holding.commission = fee
    holding.swap = 0.0
    holding.is_ambiguous = 0
    holding.balance -= fee


@kernel
def leave_at(
    event: int, price: float, reason: int, holding: Any, facts: Any, rules: Any, swept: Any
) -> None:
    """Close the position at *price* and add the trade to *swept*."""
    side, lots = holding.side, holding.lots
    value = facts.contract * holding.conversion
    profit = side * lots * (price - holding.entry) * value
    fee = commission(lots, facts.commission_per_lot, rules.commission_multiple)
    holding.balance += profit
    holding.balance -= fee
    holding.commission += fee
    holding.exit_event = event
    holding.exit_price = price
    holding.gross = profit
    holding.net = profit - holding.commission + holding.swap
    holding.reason = reason
    holding.left_side = side
    holding.side = 0
    swept.n_trades += 1
    swept.n_wins += holding.net > 0.0
    swept.n_ambiguous += holding.is_ambiguous
    swept.gross += profit
    swept.commission += holding.commission
    swept.swap += holding.swap
    swept.net += holding.net


@kernel
def leave_on_signal(
    event: int, bid: float, ask: float, volatility: float,
    holding: Any, facts: Any, rules: Any, swept: Any,
) -> None:  # fmt: skip
    """Close the position at the open of *event*."""
    slip = slippage(volatility, bid, facts.point, rules)
    price = market_price(-holding.side, bid, ask, slip)
    leave_at(event, price, _SIGNAL, holding, facts, rules, swept)


@kernel
def write_trade(trade: Any, holding: Any) -> None:
    """Record the trade that has just left; excursions are not known here."""
    trade.symbol = 0
    trade.side = holding.left_side
    trade.entry_event = holding.entry_event
    trade.exit_event = holding.exit_event
    trade.lots = holding.lots
    trade.entry_price = holding.entry
    trade.exit_price = holding.lots * holding.exit_price / holding.lots
    trade.gross = holding.gross
    trade.commission = holding.commission
    trade.swap = holding.swap
    trade.net = holding.net
    trade.stop = holding.stop
    trade.risk = holding.risk
    trade.bars_held = holding.exit_event - holding.entry_event
    trade.reason = holding.reason
    trade.is_ambiguous = holding.is_ambiguous
    trade.is_resolved = 0
    trade.score = math.nan
    trade.p_win = math.nan
    trade.mae = math.nan
    trade.mfe = math.nan


@kernel
def floating_at(mark: float, holding: Any, facts: Any) -> float:
    """Return the profit of the open position at *mark*."""
    value = facts.contract * holding.conversion
    profit: float = holding.side * holding.lots * (mark - holding.entry) * value
    return profit


@kernel
def mark_day(equity: float, holding: Any, swept: Any) -> None:
    """Mark the account at the end of a day."""
    change = equity - holding.last_mark
    holding.sum_squares += change * change
    holding.last_mark = equity
    holding.peak = max(holding.peak, equity)
    swept.drawdown_max = max(swept.drawdown_max, holding.peak - equity)
    holding.i_mark += 1


@kernel
def charge_night(nights: float, mark: float, holding: Any, facts: Any, rules: Any) -> None:
    """Charge *nights* before an open, at the last mark."""
    amount = swap(
        nights, holding.side, holding.lots, holding.entry, mark, holding.conversion,
        facts, rules.swap_multiple,
    )  # fmt: skip
    holding.balance += amount
    holding.swap += amount


@kernel
def safe_prices(holding: Any, facts: Any, rules: Any) -> tuple[float, float]:
    """Return two prices; a bar strictly between them touches neither bracket nor stop-out."""
    danger = stop_out_price(holding, facts, rules, holding.balance)
    if holding.side > 0:
        return max(danger, holding.stop), holding.target
    return holding.target, min(danger, holding.stop)


@kernel
def meet_bracket(
    event: int, open_: float, low: float, high: float, bid: float, volatility: float,
    holding: Any, facts: Any, rules: Any, swept: Any,
) -> None:  # fmt: skip
    """Leave at stop or target of a bar that touches one of them, as the engine does.

    Prices are those of the side that closes; *bid* is that of the open. A bar that may
    stop the account out gives the case back instead.
    """
    side, stop, target = holding.side, holding.stop, holding.target
    danger = stop_out_price(holding, facts, rules, holding.balance)
    adverse = low if side > 0 else high
    favourable = high if side > 0 else low
    if is_against(side, adverse, danger):
        swept.status = NEAR_STOP_OUT
        return
    slip = slippage(volatility, bid, facts.point, rules)
    price, reason = stop - side * slip, _STOP
    if is_against(side, open_, stop):
        price = open_ - side * slip
    elif is_against(-side, open_, target):
        price, reason = open_, _TARGET
    elif not is_against(side, adverse, stop):
        price, reason = target, _TARGET
    elif is_against(-side, favourable, target):
        holding.is_ambiguous = 1
    leave_at(event, price, reason, holding, facts, rules, swept)
