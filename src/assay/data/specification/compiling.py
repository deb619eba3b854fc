"""From a sheet to contract facts: units and currencies resolved, contradictions refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from assay.config.instruments import SYMBOLS, checked_instrument, load_instrument
from assay.data.specification.financing import swap_facts
from assay.data.specification.hours import new_york_sessions, server_midnight_note
from assay.data.specification.margining import check_margins, margin_facts
from assay.data.specification.sheet import Sheet
from assay.domain.errors import ConfigError, DataError
from assay.domain.instrument import Instrument

TICK_VALUE_TOLERANCE = Decimal("0.000001")
"""Relative difference that rounding to doubles explains."""
_SIZES = {
    "contract_size": "trade_contract_size",
    "lot_step": "volume_step",
    "lot_min": "volume_min",
    "lot_max": "volume_max",
}
_WHOLE = {
    "stop_level_points": "trade_stops_level",
    "freeze_level_points": "trade_freeze_level",
    "spread_points": "spread",
}
METALS = ("XAU", "XAG")
NEEDED = (
    "description",
    "lot_step",
    "lot_min",
    "lot_max",
    "margin_fraction",
    "commission_per_lot",
    "swap_mode",
    "swap_long",
    "swap_short",
    "swap_triple_weekday",
    "stop_level_points",
    "spread_points",
    "sessions",
)
"""Facts that others may lend where a file is silent."""
_TOGETHER = {
    "margin_fraction": ("margin_tiers", "margin_basis", "account_currency"),
    "swap_mode": ("account_currency",),
    "swap_triple_weekday": ("swap_nights",),
}
"""What is lent along, for it belongs to the same fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """Facts to take where a file is silent, and whose they are."""

    instrument: Instrument
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One symbol's facts, and what a reader must know about them.

    Attributes
    ----------
    instrument : Instrument
    notes : tuple of str
        Sentences for the report.
    """

    instrument: Instrument
    notes: tuple[str, ...]


def compile_facts(
    sheet: Sheet,
    symbol: str,
    where: str,
    *,
    valid_from_ns: int,
    timezone: str | None,
    given: Mapping[str, object],
    before: Lender | None = None,
) -> Compiled:
    """Return the contract facts that *sheet* states.

    Parameters
    ----------
    sheet : Sheet
    symbol : str
        Name under which they are stored.
    where : str
        Names file and symbol in messages.
    valid_from_ns : int
        When they held, UTC nanoseconds.
    timezone : str or None
        The server's clock, where the file does not say.
    given : mapping
        Facts that the user states; they win over the file.
    before : Lender, optional
        The version that was stored before: what the file leaves out stays as it was.

    Raises
    ------
    DataError
        If the file contradicts itself, or states a mode that Assay cannot charge exactly, or
        leaves out what nobody else knows.
    ConfigError
        If a fact is impossible, or a time zone unknown.
    """
    facts: dict[str, object] = {}
    notes: list[str] = []
    _prices(sheet, where, facts)
    for name, key in _SIZES.items():
        if key in sheet.numbers:
            facts[name] = sheet.numbers[key]
    for name, key in _WHOLE.items():
        if key in sheet.numbers:
            facts[name] = _whole(sheet.numbers[key], key, where)
    _currencies(sheet, symbol, where, facts, given)
    _check_tick_value(sheet, where, facts, notes)
    swap_facts(sheet, where, facts, given, notes)
    margin_facts(sheet, where, facts, given, notes)
    clock = timezone or sheet.timezone
    if sheet.sessions and "sessions" not in given:
        facts["sessions"] = _sessions(sheet, clock, valid_from_ns, where, notes)
    if clock:
        notes += server_midnight_note(clock, valid_from_ns)
    if sheet.texts.get("description"):
        facts["description"] = sheet.texts["description"]
    lender = before or _built_in(sheet, symbol, facts)
    _borrow(lender, symbol, where, facts, given, notes)
    instrument = _typed(symbol, where, facts, given)
    if not {"margin_fraction", "margin_tiers"} & given.keys():
        check_margins(sheet, instrument, where)
    if instrument.freeze_level_points:
        notes.append(
            f"The freeze level of {instrument.freeze_level_points} points is stored, not simulated."
        )
    return Compiled(instrument=instrument, notes=tuple(f"{symbol}: {note}" for note in notes))


def _typed(
    symbol: str, where: str, facts: Mapping[str, object], given: Mapping[str, object]
) -> Instrument:
    try:
        return checked_instrument(symbol, {**facts, **given})
    except ConfigError as error:
        if str(error.facts.get("key")).rpartition(".")[2] in given:
            raise
        raise DataError(
            f"{where}: {error.message}",
            remedy=f"{error.remedy} Or state it: --fact NAME=VALUE.",
            **error.facts,
        ) from None


def _whole(number: Decimal, key: str, where: str) -> int:
    if number != number.to_integral_value():
        raise DataError(
            f"{where}: {key} must be a whole number; was {number}.",
            remedy="Correct the file, or export again.",
            key=key,
        )
    return int(number)


def _prices(sheet: Sheet, where: str, facts: dict[str, object]) -> None:
    """Take digits and tick size; refuse a point that the digits contradict."""
    digits = _whole(sheet.numbers["digits"], "digits", where)
    point = Decimal(1).scaleb(-digits)
    stated = sheet.numbers.get("point", point)
    if stated != point:
        raise DataError(
            f"{where} must agree with itself: digits {digits} make a point of {point:f}, and "
            f"point is {stated:f}.",
            remedy="Correct the one that is wrong, or export again.",
        )
    facts["digits"] = digits
    facts["tick_size"] = sheet.numbers.get("trade_tick_size") or point


def _currencies(
    sheet: Sheet,
    symbol: str,
    where: str,
    facts: dict[str, object],
    given: Mapping[str, object],
) -> None:
    """Take the currencies; what is no currency pair is named by its symbol."""
    lent = load_instrument(symbol) if symbol in SYMBOLS else None
    quote = given.get("quote") or sheet.texts.get("currency_profit") or (lent and lent.quote)
    if not quote:
        raise DataError(
            f"{where} must say in which currency profits are; did not.",
            remedy="Add a line 'Profit currency<TAB>USD', or --fact quote=USD.",
        )
    base = given.get("base") or sheet.texts.get("currency_base") or (lent and lent.base) or ""
    # A contract on anything but a currency may name any base: it must not convert money.
    facts["base"] = base if base and symbol.startswith(str(base)) and base != quote else symbol
    if given.get("base"):
        facts["base"] = base
    facts["quote"] = quote
    facts["margin_currency"] = sheet.texts.get("currency_margin", "")
    facts["account_currency"] = sheet.texts.get("account_currency", "")


def _check_tick_value(
    sheet: Sheet, where: str, facts: Mapping[str, object], notes: list[str]
) -> None:
    """Compare the tick value with contract size times tick size, where nothing converts them."""
    value = sheet.numbers.get("trade_tick_value")
    if not value:
        return
    contract, tick = sheet.numbers["trade_contract_size"], facts["tick_size"]
    assert isinstance(tick, Decimal)
    expected = contract * tick
    if facts["account_currency"] != facts["quote"]:
        notes.append(
            f"The tick value {value:f} could not be checked: it is in the account's currency "
            f"({facts['account_currency'] or 'not stated'}), prices are in {facts['quote']}."
        )
        return
    if abs(value - expected) > TICK_VALUE_TOLERANCE * expected:
        raise DataError(
            f"{where} must agree with itself: contract size {contract:f} times tick size {tick:f} "
            f"makes a tick worth {expected.normalize():f} {facts['quote']}, and the tick value is "
            f"{value:f}.",
            remedy="Profits of this contract do not follow its size; Assay cannot trade it. If the "
            "file is wrong, correct it.",
        )


def _sessions(
    sheet: Sheet, clock: str, valid_from_ns: int, where: str, notes: list[str]
) -> list[list[int]]:
    if not clock:
        raise DataError(
            f"{where} must state the server's clock, in which its sessions are; did not.",
            remedy="Add --timezone NY+7 if the server's midnight is 17:00 New York (most brokers), "
            "or the clock that `assay data import` found in its history.",
        )
    stretches, told = new_york_sessions(sheet.sessions, clock, valid_from_ns, where)
    notes += told
    return stretches


def _built_in(sheet: Sheet, symbol: str, facts: Mapping[str, object]) -> Lender | None:
    """Return the facts of the built-in catalogue, if it has the symbol or its pair."""
    base = sheet.texts.get("currency_base", str(facts["base"]))
    names = [symbol]
    if base in METALS or base == facts["base"]:  # an index in dollars is no dollar
        names.append(f"{base}{facts['quote']}")
    name = next((one for one in names if one in SYMBOLS), None)
    if name is None:
        return None
    return Lender(instrument=load_instrument(name), name=f"the built-in catalogue ({name})")


def _borrow(
    lender: Lender | None,
    symbol: str,
    where: str,
    facts: dict[str, object],
    given: Mapping[str, object],
    notes: list[str],
) -> None:
    """Take what the file leaves out from *lender*, and say so."""
    implied = {"margin_fraction"} if "margin_tiers" in {*facts, *given} else set()
    stated = {*facts, *given, *implied}
    missing = [name for name in NEEDED if name not in stated]
    if lender is None and "description" in missing:
        facts["description"] = symbol
        missing.remove("description")
    if lender is None and missing:
        raise DataError(
            f"{where} must give {', '.join(missing)}; did not, and the built-in catalogue has no "
            f"{symbol} to take them from.",
            remedy="State each: --fact " + " --fact ".join(f"{name}=…" for name in missing),
            missing=missing,
        )
    if lender is None:
        return
    for name in missing:
        facts[name] = getattr(lender.instrument, name)
    for name, others in _TOGETHER.items():
        if name in missing:
            for other in others:
                facts[other] = facts.get(other) or getattr(lender.instrument, other)
    told = [f"{name} {_plain(facts[name])}" for name in missing if name != "description"]
    if told:
        notes.append(
            f"The specification does not give {', '.join(told)}; taken from {lender.name}."
        )


def _plain(value: object) -> str:
    return "as listed there" if isinstance(value, tuple) else str(getattr(value, "value", value))
