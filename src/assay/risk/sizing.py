"""How large: the least of every limit, floored to the lot step."""

import math
from typing import Any, NamedTuple

from assay.domain.refusal import RefusalReason
from assay.kernels.compiler import kernel
from assay.risk.exposure import lots_for_margin
from assay.risk.grid import down_lot
from assay.risk.kelly import kelly_share

APPROVED = 0
_NO_EDGE = RefusalReason.NO_EDGE.value
_EXPOSURE_LIMIT = RefusalReason.EXPOSURE_LIMIT.value
_MARGIN_LIMIT = RefusalReason.MARGIN_LIMIT.value
_BELOW_MINIMUM_SIZE = RefusalReason.BELOW_MINIMUM_SIZE.value


class Stake(NamedTuple):
    """What is known of one entry; prices in quote currency.

    ``value`` is account currency per lot and unit of price; ``volatility`` the standard
    deviation of one bar's log return, NaN or 0 if unknown.
    """

    price: float
    value: float
    distance: float
    confidence: float
    p_win: float
    payoff: float
    loss: float
    volatility: float


class Funds(NamedTuple):
    """What the account can bear, account currency; others: of the other symbols."""

    equity: float
    notional_others: float
    margin_others: float


class Limits(NamedTuple):
    """Lots that each limit allows by itself; infinite where a limit does not bind, 0: none.

    ``stake`` is asked for by Kelly or fixed by hand; ``risk`` and ``volatility`` bind only sizes
    that are not fixed by hand.
    """

    stake: float
    risk: float
    volatility: float
    symbol: float
    exposure: float
    margin: float


@kernel
def size_limits(stake: Stake, funds: Funds, facts: Any, rules: Any) -> Limits:
    """Return what each limit allows; see ``size_lots``."""
    risk, volatility = math.inf, math.inf
    if rules.is_fixed:
        asked = rules.fixed_lots
    else:
        share = kelly_share(stake.p_win, stake.payoff, rules.kelly_multiplier)
        asked = funds.equity * share / (stake.loss * stake.value)
        at_risk = funds.equity * rules.risk_fraction_max * stake.confidence
        risk = at_risk / (stake.distance * stake.value)
        if stake.volatility > 0.0:
            annual = stake.volatility * math.sqrt(facts.bars_per_year)
            target = funds.equity * rules.volatility_target
            volatility = target / (annual * stake.price * stake.value)
    per_lot = stake.price * stake.value
    exposure = funds.equity * rules.exposure_max - funds.notional_others
    margin = funds.equity * rules.margin_fraction_max - funds.margin_others
    return Limits(
        asked,
        risk,
        volatility,
        funds.equity * rules.symbol_exposure_max / per_lot,
        max(0.0, exposure) / per_lot,
        lots_for_margin(margin, per_lot, facts) if margin > 0.0 else 0.0,
    )


@kernel
def size_lots(stake: Stake, funds: Funds, facts: Any, rules: Any) -> tuple[float, int]:
    """Return the size in lots, and 0 or the code of the refusal that made it zero.

    Parameters
    ----------
    stake : Stake
    funds : Funds
        With ``equity > 0``; checked by the caller.
    facts : record of ``FACTS``
    rules : record of ``RULES``

    Notes
    -----
    The least of fractional Kelly on the lower bound of the probability, risk per trade
    scaled by confidence, the volatility target, exposure (symbol and total) and margin;
    then floored, never rounded up. ``docs/execution.md`` is normative.
    """
    limits = size_limits(stake, funds, facts, rules)
    if limits.stake <= 0.0:
        return 0.0, _NO_EDGE
    if limits.exposure <= 0.0:
        return 0.0, _EXPOSURE_LIMIT
    if limits.margin <= 0.0:
        return 0.0, _MARGIN_LIMIT
    lots = min(limits.stake, limits.risk, limits.volatility)
    lots = min(lots, limits.symbol, limits.exposure, limits.margin, facts.lot_max)
    lots = down_lot(lots, facts.lot_step)
    if lots < facts.lot_min:
        return 0.0, _BELOW_MINIMUM_SIZE
    return lots, APPROVED
