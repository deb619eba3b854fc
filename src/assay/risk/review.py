"""The one gate between an intent and a broker: size it, bound it, or refuse it.

Nothing else in production code makes an ``ApprovedOrder``; a tidy test sees to it.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isfinite

from assay.config.settings import Settings
from assay.domain.account import AccountView
from assay.domain.instrument import Instrument, MarginBasis, MarginTier
from assay.domain.order import ApprovedOrder, OrderIntent, RefusedOrder
from assay.domain.refusal import RefusalReason
from assay.domain.side import Side
from assay.risk.exposure import is_margin_call
from assay.risk.facts import contract_facts
from assay.risk.rules import compiled_rules
from assay.risk.sizing import APPROVED, Funds, Stake, size_lots
from assay.risk.stops import stop_distance


def review(
    intent: OrderIntent, account: AccountView, limits: Settings, instrument: Instrument
) -> ApprovedOrder | RefusedOrder:
    """Decide whether *intent* may be sent, and how large.

    Pure: same arguments, same verdict. It reads no clock, file, network or global, so a
    live decision can be replayed from its log line.

    Parameters
    ----------
    intent : OrderIntent
    account : AccountView
    limits : Settings
        Sections ``risk``, ``exits`` and ``account``.
    instrument : Instrument
        That of the intent's symbol.

    Returns
    -------
    ApprovedOrder or RefusedOrder
        A refusal is an ordinary outcome, not an exception.

    Notes
    -----
    The size comes from the engine's kernel in float64, then goes to the decimal grid and
    is checked there exactly: while a limit is exceeded by the least amount, a lot step is
    given up. A size fixed by hand is refused instead, for nobody asked for another.
    """
    refusal = _gate(intent, account, limits)
    if refusal is not None:
        return RefusedOrder(intent=intent, reason=refusal)
    facts = contract_facts([instrument], intent.timeframe)[0]
    rules = compiled_rules(limits)[0]
    distance = stop_distance(float(intent.unit), rules.stop_atr, facts.stop_level, facts.tick_size)
    stake = Stake(
        price=float(intent.price),
        value=facts.contract * float(account.conversion),
        distance=distance,
        confidence=intent.confidence,
        p_win=intent.p_win,
        payoff=intent.payoff,
        loss=float(intent.loss),
        volatility=intent.volatility_bar,
    )
    funds = Funds(
        float(account.equity), float(account.notional_others), float(account.margin_others)
    )
    lots, code = size_lots(stake, funds, facts, rules)
    if code != APPROVED:
        return RefusedOrder(intent=intent, reason=RefusalReason(code))
    stop = _stop_on_grid(intent, distance, instrument.tick_size)
    return _bounded(intent, account, limits, instrument, lots, stop)


def _gate(intent: OrderIntent, account: AccountView, limits: Settings) -> RefusalReason | None:
    # The refusals that need no size, in the order of the engine's gates.
    known = (intent.confidence, intent.p_win, intent.payoff)
    if not (all(map(isfinite, known)) and intent.payoff > 0.0):
        return RefusalReason.WARM_UP
    if not (intent.unit > 0 and intent.loss > 0 and intent.price > 0):
        return RefusalReason.WARM_UP
    if account.positions_others >= limits.risk.positions_max:
        return RefusalReason.POSITIONS_LIMIT
    used = float(account.margin_used_others)
    if is_margin_call(float(account.equity), used, limits.account.margin_call_level):
        return RefusalReason.MARGIN_CALL
    return None


def _stop_on_grid(intent: OrderIntent, distance: float, tick_size: Decimal) -> Decimal:
    # Widen to the tick, exactly: the size is then taken from the wider distance.
    steps = Decimal(round(distance / float(tick_size)))
    if intent.side is Side.BUY:
        quotient = (intent.price - steps * tick_size) / tick_size
        return quotient.to_integral_value(ROUND_FLOOR) * tick_size
    quotient = (intent.price + steps * tick_size) / tick_size
    return quotient.to_integral_value(ROUND_CEILING) * tick_size


def _lots_for_margin(room: Decimal, per_lot: Decimal, instrument: Instrument) -> Decimal:
    # The lots whose margin is *room*; as ``exposure.lots_for_margin``, in exact decimals.
    tiers = instrument.margin_tiers or (
        MarginTier(up_to=Decimal("Infinity"), fraction=instrument.margin_fraction),
    )
    unit = per_lot if instrument.margin_basis is MarginBasis.LOTS else Decimal(1)
    k, size, left = 0, Decimal(0), room
    step = tiers[0].up_to * unit * tiers[0].fraction
    while step < left:  # the last step is infinite
        left -= step
        size = tiers[k].up_to
        k += 1
        step = (tiers[k].up_to - size) * unit * tiers[k].fraction
    size += left / (unit * tiers[k].fraction)
    return size if instrument.margin_basis is MarginBasis.LOTS else size / per_lot


def _bounded(
    intent: OrderIntent,
    account: AccountView,
    limits: Settings,
    instrument: Instrument,
    lots: float,
    stop: Decimal,
) -> ApprovedOrder | RefusedOrder:
    # Put *lots* on the grid and hold them to every limit in exact decimals.
    risk = limits.risk
    value = instrument.contract_size * account.conversion
    distance = abs(intent.price - stop)
    equity = account.equity
    allowed = equity * Decimal(str(risk.risk_fraction_max))
    if risk.sizing == "kelly":
        allowed *= Decimal(str(intent.confidence))
    worth_max = min(
        equity * Decimal(str(risk.symbol_exposure_max)),
        equity * Decimal(str(risk.exposure_max)) - account.notional_others,
    )
    per_lot = intent.price * value
    room = equity * Decimal(str(risk.margin_fraction_max)) - account.margin_others
    lots_max = min(
        allowed / (distance * value),
        worth_max / per_lot,
        _lots_for_margin(room, per_lot, instrument),
        instrument.lot_max,
    )
    size = Decimal(round(lots / float(instrument.lot_step))) * instrument.lot_step
    if size > lots_max:
        if risk.sizing == "fixed":
            return RefusedOrder(intent=intent, reason=RefusalReason.RISK_LIMIT)
        steps = (lots_max / instrument.lot_step).to_integral_value(ROUND_FLOOR)
        size = steps * instrument.lot_step
    if size < instrument.lot_min:
        return RefusedOrder(intent=intent, reason=RefusalReason.BELOW_MINIMUM_SIZE)
    return ApprovedOrder(
        intent=intent,
        size_lots=size,
        stop_price=stop,
        stop_distance=distance,
        risk=size * distance * value,
    )
