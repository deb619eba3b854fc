"""What a size uses of the account: notional, margin, margin level."""

import math
from typing import Any

from assay.kernels.compiler import kernel


@kernel
def notional(lots: float, value: float, price: float) -> float:
    """Return the worth of *lots* at *price*, account currency.

    *value* is account currency per lot and unit of price (``contract * conversion``).
    """
    return lots * value * price


@kernel
def margin_of(lots: float, value: float, price: float, facts: Any) -> float:
    """Return the margin of *lots* at *price*, account currency.

    Parameters
    ----------
    lots, value, price : float
        As in ``notional``.
    facts : record of ``FACTS``
        With tiers, each step of the position is margined at its own fraction.
    """
    worth = notional(lots, value, price)
    if facts.n_tiers == 0:
        flat: float = worth * facts.margin_fraction
        return flat
    size, unit = worth, 1.0
    if facts.tiers_count_lots:
        size, unit = lots, value * price
    margin, begin = 0.0, 0.0
    for k in range(facts.n_tiers):
        end = min(size, facts.tier_up_to[k])
        margin += (end - begin) * unit * facts.tier_fraction[k]
        begin = end
    return margin


@kernel
def lots_for_margin(room: float, per_lot: float, facts: Any) -> float:
    """Return the lots whose margin is *room*: the inverse of ``margin_of``.

    Parameters
    ----------
    room : float
        Account currency, > 0.
    per_lot : float
        Notional of one lot, account currency.
    facts : record of ``FACTS``
    """
    if facts.n_tiers == 0:
        flat: float = room / (per_lot * facts.margin_fraction)
        return flat
    unit = per_lot if facts.tiers_count_lots else 1.0
    k, size, left = 0, 0.0, room
    step = facts.tier_up_to[0] * unit * facts.tier_fraction[0]
    while step < left:  # the last step is infinite
        left -= step
        size = facts.tier_up_to[k]
        k += 1
        step = (facts.tier_up_to[k] - size) * unit * facts.tier_fraction[k]
    size += left / (unit * facts.tier_fraction[k])
    lots: float = size if facts.tiers_count_lots else size / per_lot
    return lots


@kernel
def margin_level(equity: float, margin: float) -> float:
    """Return equity over margin; infinite without a margin."""
    if margin <= 0.0:
        return math.inf
    return equity / margin


@kernel
def is_margin_call(equity: float, margin: float, margin_call_level: float) -> bool:
    """Whether entries are barred."""
    return equity <= 0.0 or margin_level(equity, margin) <= margin_call_level
