"""From trade to trade: the account of one case of a sweep, without the bars between.

Holds for one symbol and one target or none. Prices, sizes and costs come from the kernels of
``risk`` and ``execution`` that the engine uses, in the engine's order, so the trades are the
engine's, bit for bit. Where an account comes near a stop-out, the case is given back to the
engine.
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
from assay.risk.stops import (
    break_even_stop,
    stop_distance,
    stop_price,
    target_price,
    trailing_stop,
)

_STOP = code(ExitReason.STOP)
_TARGET = code(ExitReason.TARGET)
BLOCKS_MAX = 64
"""Blocks of time over which the returns of a case are summed."""
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
        ("stop_at_entry", "f8"),
        ("target", "f8"),
        ("best", "f8"),
        ("distance", "f8"),
        ("unit", "f8"),
        ("risk", "f8"),
        ("commission", "f8"),
        ("swap", "f8"),
        ("conversion", "f8"),
        ("conversion_max", "f8"),
        ("is_ambiguous", "i8"),
        ("left_side", "i8"),
        ("exit_event", "i8"),
        ("exit_price", "f8"),
        ("gross", "f8"),
        ("net", "f8"),
        ("reason", "i8"),
        ("next_lots", "f8"),
        ("next_distance", "f8"),
        ("next_unit", "f8"),
        ("i_mark", "i8"),
        ("last_mark", "f8"),
        ("peak", "f8"),
        ("sum_squares", "f8"),
        ("worth", "f8"),
        ("i_block", "i8"),
        ("block_stop", "i8"),
        ("block_days", "i8"),
        ("block_rest", "i8"),
        ("block_sum", "f8", (BLOCKS_MAX,)),
        ("block_squares", "f8", (BLOCKS_MAX,)),
    ]
)
"""The account of a case: what it holds, and what its next entry was sized to.

``conversion_max`` is the largest of the tape; ``best`` is infinite against the position until
its first bar has ended. ``worth`` is the equity at the last day end, 0 for good after a ruin.
``block_stop`` is the first day after the block ``i_block``, to which ``block_sum`` and
``block_squares`` add daily returns; a block has ``block_days`` days, and each of the first
``block_rest`` one more.
"""

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
        ("drawdown_fraction", "f8"),
        ("status", "i8"),
    ]
)
"""What one case of a sweep came to.

Sums are over closed trades; ``equity`` is that after the last event; ``daily_mean`` and
``daily_std`` (n - 1) are of the changes of equity between day ends, and ``drawdown_max`` is
the deepest fall from a peak at day ends, all in account currency; ``drawdown_fraction`` is the
deepest one as a share of its peak.
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
    holding.next_unit = view.unit
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
    holding.distance = holding.next_distance
    holding.unit = holding.next_unit
    holding.stop = stop_price(side, price, holding.next_distance, facts.tick_size)
    holding.stop_at_entry = holding.stop
    holding.best = -side * math.inf
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
def leave_at_open(
    event: int, bid: float, ask: float, volatility: float, reason: int,
    holding: Any, facts: Any, rules: Any, swept: Any,
) -> None:  # fmt: skip
    """Close the position at the open of *event*."""
    slip = slippage(volatility, bid, facts.point, rules)
    price = market_price(-holding.side, bid, ask, slip)
    leave_at(event, price, reason, holding, facts, rules, swept)


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
    trade.stop = holding.stop_at_entry
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
    if holding.i_mark == holding.block_stop:
        holding.i_block += 1
        holding.block_stop += holding.block_days + (holding.i_block < holding.block_rest)
    if change != 0.0:
        if holding.worth > 0.0:
            worth = max(equity, 0.0)
            gain = worth / holding.worth - 1.0
            holding.worth = worth
            holding.block_sum[holding.i_block] += gain
            holding.block_squares[holding.i_block] += gain * gain
        holding.sum_squares += change * change
        holding.last_mark = equity
        holding.peak = max(holding.peak, equity)
        fall = holding.peak - equity
        swept.drawdown_max = max(swept.drawdown_max, fall)
        swept.drawdown_fraction = max(swept.drawdown_fraction, fall / holding.peak)
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
def danger_price(holding: Any, facts: Any, rules: Any) -> float:
    """Return a price that the account surely survives, whatever the conversion becomes."""
    now = holding.conversion
    if holding.balance > 0.0:
        holding.conversion = holding.conversion_max
    price = stop_out_price(holding, facts, rules, holding.balance)
    holding.conversion = now
    return price


@kernel
def safe_prices(follows: bool, holding: Any, facts: Any, rules: Any) -> tuple[float, float]:
    """Return two prices; a bar strictly between them changes neither position nor stop."""
    danger = danger_price(holding, facts, rules)
    target = holding.target
    if holding.side > 0:
        if follows:
            target = min(target, holding.best)
        return max(danger, holding.stop), target
    if follows:
        target = max(target, holding.best)
    return target, min(danger, holding.stop)


@kernel
def follow_bar(low: float, high: float, holding: Any, facts: Any, rules: Any) -> bool:
    """Let the stop follow a bar that meets nothing else; return whether it was such a bar.

    *low* and *high* are those of the side that closes.
    """
    side = holding.side
    lower, upper = safe_prices(False, holding, facts, rules)
    if not (low > lower and high < upper):
        return False
    if side > 0:
        holding.best = max(holding.best, holding.entry, high)
    else:
        holding.best = min(holding.best, holding.entry, low)
    if rules.break_even_at_r > 0.0:
        holding.stop = break_even_stop(
            side, holding.stop, holding.entry, holding.best,
            rules.break_even_at_r * holding.distance, facts.tick_size,
        )  # fmt: skip
    if rules.trailing_atr > 0.0:
        holding.stop = trailing_stop(
            side, holding.stop, holding.best, rules.trailing_atr * holding.unit, facts.tick_size
        )
    return True


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
    danger = danger_price(holding, facts, rules)
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
