"""What a specification says of margin, as a fraction of the notional."""

from collections.abc import Mapping
from decimal import Decimal

from assay.data.specification.modes import BY_RATE_ALONE, WITH_LEVERAGE
from assay.data.specification.sheet import Sheet
from assay.domain.errors import DataError
from assay.domain.instrument import Instrument, MarginBasis, MarginTier

MARGIN_TOLERANCE = Decimal("0.01")
"""Relative difference that rounding to cents and a moved price explain."""
_REMEDY = "State the margin yourself: --fact margin_fraction=0.01"


def margin_facts(
    sheet: Sheet,
    where: str,
    facts: dict[str, object],
    given: Mapping[str, object],
    notes: list[str],
) -> None:
    """Add margin fraction and tiers to *facts*; nothing where the file says too little.

    Raises
    ------
    DataError
        If the margin of this contract is no fraction of its notional.
    """
    if {"margin_fraction", "margin_tiers"} & given.keys():
        return
    mode = sheet.texts.get("calc_mode", "")
    leverage = sheet.numbers.get("leverage")
    if mode and mode not in WITH_LEVERAGE | BY_RATE_ALONE:
        known = ", ".join(sorted(WITH_LEVERAGE | BY_RATE_ALONE))
        raise DataError(
            f"{where} must be margined as one of {known}; was {mode!r}, whose margin is no "
            "fraction of the notional.",
            remedy=_REMEDY,
            calc_mode=mode,
        )
    share = _fixed_share(sheet, mode, where, facts)
    if leverage is None and not sheet.tiers and (not mode or mode in WITH_LEVERAGE):
        return
    rate = _rate(sheet, where, facts, notes) * share
    if sheet.tiers:
        _tiers(sheet, where, facts, rate)
    elif mode in BY_RATE_ALONE:
        facts["margin_fraction"] = rate
    elif leverage is not None:
        if leverage <= 0:
            raise DataError(f"{where}: leverage must be above 0; was {leverage}.", remedy=_REMEDY)
        facts["margin_fraction"] = rate / leverage


def _rate(sheet: Sheet, where: str, facts: Mapping[str, object], notes: list[str]) -> Decimal:
    buy, sell = (sheet.numbers.get(f"margin_rate_{side}") for side in ("buy", "sell"))
    if buy is None and sell is None:
        implied = _implied_rate(sheet, facts)
        if implied is not None:
            notes.append(f"A margin rate of {implied:f} follows from what the terminal calculated.")
            return implied
        notes.append("No margin rate is given: 1 is taken, as terminals show it for most symbols.")
        return Decimal(1)
    rates = {rate for rate in (buy, sell) if rate is not None}
    if len(rates) > 1 or not all(rate > 0 for rate in rates):
        raise DataError(
            f"{where} must margin both sides at one rate above 0; rates are {buy} to buy and "
            f"{sell} to sell.",
            remedy=_REMEDY,
        )
    return rates.pop()


def _implied_rate(sheet: Sheet, facts: Mapping[str, object]) -> Decimal | None:
    """Return the rate behind the terminal's own margins, to two digits; None if unknown."""
    if not sheet.margins or sheet.tiers or facts["account_currency"] != facts["quote"]:
        return None
    lots, price, margin = max(sheet.margins)
    rate = margin / (lots * sheet.numbers["trade_contract_size"] * price)
    if sheet.texts.get("calc_mode") in WITH_LEVERAGE:
        rate *= sheet.numbers["leverage"]
    plain = rate.quantize(Decimal(1).scaleb(rate.adjusted() - 1))
    return plain.normalize() if abs(plain - rate) <= MARGIN_TOLERANCE * rate else None


def _fixed_share(sheet: Sheet, mode: str, where: str, facts: Mapping[str, object]) -> Decimal:
    """Return the part of a contract that a fixed initial margin covers; 1 without one."""
    initial = sheet.numbers.get("margin_initial")
    if not initial:
        return Decimal(1)
    if facts["margin_currency"] and facts["margin_currency"] == facts["base"]:
        return initial / sheet.numbers["trade_contract_size"]
    raise DataError(
        f"{where} must have a margin that follows the price; its initial margin is a fixed "
        f"{initial:f} {facts['margin_currency'] or 'of a currency that is not named'} a lot.",
        remedy=_REMEDY,
        calc_mode=mode,
    )


def _tiers(sheet: Sheet, where: str, facts: dict[str, object], rate: Decimal) -> None:
    units = {tier.unit for tier in sheet.tiers}
    unit = units.pop()
    if units or (unit != "lots" and unit != facts["account_currency"]):
        raise DataError(
            f"{where} must bound its tiers of leverage in lots or in the currency of the account; "
            f"were in {', '.join(sorted({tier.unit for tier in sheet.tiers}))} with the account in "
            f"{facts['account_currency'] or 'a currency that is not stated'}.",
            remedy="Add a line 'Account currency<TAB>USD' if that is the account's, or state the "
            "tiers in lots.",
        )
    facts["margin_basis"] = MarginBasis.LOTS if unit == "lots" else MarginBasis.NOTIONAL
    tiers = tuple(
        MarginTier(up_to=tier.up_to, fraction=rate / tier.leverage) for tier in sheet.tiers
    )
    facts["margin_tiers"] = tiers
    facts["margin_fraction"] = tiers[0].fraction


def exact_margin(instrument: Instrument, lots: Decimal, price: Decimal) -> Decimal:
    """Return the margin of *lots* at *price* in quote currency, in exact decimals."""
    per_lot = instrument.contract_size * price
    if not instrument.margin_tiers:
        return lots * per_lot * instrument.margin_fraction
    counts_lots = instrument.margin_basis is MarginBasis.LOTS
    size, unit = (lots, per_lot) if counts_lots else (lots * per_lot, Decimal(1))
    begin, margin = Decimal(0), Decimal(0)
    for tier in instrument.margin_tiers:
        end = min(size, tier.up_to)
        margin += (end - begin) * unit * tier.fraction
        begin = end
    return margin


def check_margins(sheet: Sheet, instrument: Instrument, where: str) -> None:
    """Compare our margin with what the terminal calculated, where nothing converts them.

    Raises
    ------
    DataError
        If they differ by more than rounding.
    """
    if instrument.account_currency != instrument.quote:
        return
    for lots, price, margin in sheet.margins:
        ours = exact_margin(instrument, lots, price)
        if abs(ours - margin) > MARGIN_TOLERANCE * margin:
            raise DataError(
                f"{where} must agree with itself: leverage and margin rate make a margin of "
                f"{ours:.2f} {instrument.quote} for {lots.normalize():f} lots at {price:f}, and "
                f"the terminal calculated {margin:f}.",
                remedy="The venue has tiers of leverage, or a rate that the file does not give. "
                "State them: --fact margin_fraction=…, or add leverage_tiers to the file.",
            )
