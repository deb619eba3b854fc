"""What a specification says of swaps, in a mode that Assay charges exactly."""

from collections.abc import Mapping
from decimal import Decimal

from assay.data.specification.modes import money_field, rate_mode
from assay.data.specification.sheet import WEEKDAYS, Sheet
from assay.domain.errors import DataError
from assay.domain.instrument import WORKDAYS, SwapMode

TRIPLE = Decimal(3)


def swap_facts(
    sheet: Sheet,
    where: str,
    facts: dict[str, object],
    given: Mapping[str, object],
    notes: list[str],
) -> None:
    """Add swap mode, rates and nights to *facts*, which hold the currencies.

    Raises
    ------
    DataError
        If the mode or its currency cannot be charged exactly, or the file contradicts itself.
    """
    mode = sheet.texts.get("swap_mode")
    rates = {
        name: sheet.numbers[name] for name in ("swap_long", "swap_short") if name in sheet.numbers
    }
    if "swap_mode" not in given:
        if mode is None and rates:
            raise DataError(
                f"{where} must say in which unit its swaps are; did not.",
                remedy="Add a line such as 'Swap type<TAB>In points'.",
            )
        if mode == "disabled":
            notes.append("Swaps are disabled: holding overnight costs nothing.")
            facts["swap_mode"] = SwapMode.POINTS
            rates = {"swap_long": Decimal(0), "swap_short": Decimal(0)}
        elif mode is not None:
            facts["swap_mode"] = _mode(sheet, mode, where, facts, given)
    facts.update(rates)
    _nights(sheet, where, facts, notes)


def _mode(
    sheet: Sheet,
    mode: str,
    where: str,
    facts: Mapping[str, object],
    given: Mapping[str, object],
) -> SwapMode:
    """Return the mode, with the currency of money resolved."""
    field = money_field(mode)
    if field is None:
        return rate_mode(mode, where)
    currency = sheet.texts.get(field)
    if mode == "deposit currency":
        currency = str(given.get("account_currency") or currency or "")
        if currency:
            return SwapMode.ACCOUNT
        raise DataError(
            f"{where} must state the currency of the account, in which its swaps are; did not.",
            remedy="Add --fact account_currency=USD, or export with examples/export_mt5_facts.py.",
        )
    if currency and currency == facts["quote"]:
        return SwapMode.QUOTE
    if currency and currency == facts["base"]:
        return SwapMode.BASE
    if currency and currency == facts["account_currency"]:
        return SwapMode.ACCOUNT
    raise DataError(
        f"{where} must quote swaps in {facts['base']}, {facts['quote']} or the currency of the "
        f"account to be charged exactly; they are in its {mode}, {currency or 'not named'}.",
        remedy="State them in one of these: --fact swap_mode='quote currency' --fact swap_long=… "
        "--fact swap_short=…",
        swap_mode=mode,
    )


def _nights(sheet: Sheet, where: str, facts: dict[str, object], notes: list[str]) -> None:
    """Take the triple day, and the ratio of each weekday where they are given."""
    triple = sheet.texts.get("swap_3days")
    day = WEEKDAYS.index(triple) if triple else None
    if sheet.swap_ratios:
        ratios = tuple(sheet.swap_ratios.get(k, Decimal(0)) for k in range(7))
        _agree(ratios, day, where)
        facts["swap_nights"] = ratios
        absent = [WEEKDAYS[k].capitalize() for k in range(WORKDAYS) if k not in sheet.swap_ratios]
        if absent:
            notes.append(f"No swap ratio is given for {', '.join(absent)}: none is charged there.")
        facts["swap_triple_weekday"] = min(ratios.index(max(ratios)), WORKDAYS - 1)
    elif day is not None and day >= WORKDAYS:
        facts["swap_nights"] = tuple(
            TRIPLE if k == day else Decimal(k < WORKDAYS) for k in range(7)
        )
        facts["swap_triple_weekday"] = WORKDAYS - 1
    elif day is not None:
        facts["swap_triple_weekday"] = day


def _agree(ratios: tuple[Decimal, ...], day: int | None, where: str) -> None:
    """Refuse ratios that the triple day contradicts."""
    shown = ", ".join(f"{name} {ratio}" for name, ratio in zip(WEEKDAYS, ratios, strict=True))
    if day is not None and max(ratios) != ratios[day]:
        raise DataError(
            f"{where} must agree with itself: the triple day is {WEEKDAYS[day]}, and the ratios of "
            f"the weekdays are {shown}.",
            remedy="Correct the one that is wrong, or export again.",
        )
