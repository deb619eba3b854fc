"""MT5's ``symbol_info()`` as JSON: one symbol, a list of them, or the file of our exporter."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from assay.data.specification.modes import CALC_MODE_NUMBERS, SWAP_MODE_NUMBERS, swap_mode_named
from assay.data.specification.sheet import MINUTES_PER_DAY, WEEKDAYS, Sheet, Tier
from assay.domain.errors import DataError

SYMBOLS_MAX = 10_000
"""Symbols of one file."""
POWER_MAX = 30
"""Greatest power of ten of a number, either way: beyond it, arithmetic runs away."""
NUMBERS = (
    "digits",
    "point",
    "spread",
    "bid",
    "trade_contract_size",
    "trade_tick_size",
    "trade_tick_value",
    "trade_stops_level",
    "trade_freeze_level",
    "volume_min",
    "volume_max",
    "volume_step",
    "swap_long",
    "swap_short",
    "margin_initial",
    "margin_hedged",
    "margin_rate_buy",
    "margin_rate_sell",
    "leverage",
)
_TEXTS = ("description", "currency_base", "currency_profit", "currency_margin")
MARK = "trade_contract_size"
"""The key by which a document is known to be of this form."""
_DAYS_FROM_SUNDAY = ("sunday", *WEEKDAYS[:6])


def sheets_of_json(text: str, path: Path) -> tuple[Sheet, ...]:
    """Return the sheet of every symbol of a JSON document.

    Raises
    ------
    DataError
        If the document is not JSON, holds no symbol, or a value is not what its key says.
    """
    document = _parsed(text, path)
    frame: Mapping[str, Any] = {}
    items: Any = document
    if isinstance(document, dict) and "symbols" in document:
        frame, items = document, document["symbols"]
    elif isinstance(document, dict):
        items = [document]
    if not isinstance(items, list) or not items or len(items) > SYMBOLS_MAX:
        raise DataError(
            f"{path.name} must hold from 1 to {SYMBOLS_MAX:,} symbols as symbol_info() gives "
            f"them; had {len(items) if isinstance(items, list) else type(items).__name__}.",
            remedy="Export again with examples/export_mt5_facts.py.",
            file=str(path),
        )
    return tuple(_sheet(item, frame, f"{path.name}, symbol {k}") for k, item in enumerate(items, 1))


def _parsed(text: str, path: Path) -> Any:
    def refuse(word: str) -> Any:
        raise ValueError(f"the number {word}")

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the key {twice!r} twice")
        return found

    def number(word: str) -> Decimal:
        try:
            return Decimal(word)
        except InvalidOperation:
            raise ValueError(f"the number {word[:40]}") from None

    try:
        return json.loads(
            text, parse_float=number, parse_constant=refuse, object_pairs_hook=distinct
        )
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)[:80]
        raise DataError(
            f"{path.name}{where} must be JSON; was not: {reason}.",
            remedy="Export again with examples/export_mt5_facts.py.",
            file=str(path),
        ) from None


def sheet_of_fields(fields: Mapping[str, Any], where: str) -> Sheet:
    """Return the sheet of one ``symbol_info()`` given as its fields."""
    return _sheet(fields, {}, where)


def _sheet(item: Any, frame: Mapping[str, Any], where: str) -> Sheet:
    if not isinstance(item, dict) or not {MARK, "digits", "swap_mode"} <= item.keys():
        raise DataError(
            f"{where} must be what MetaTrader5.symbol_info()._asdict() gives, with digits, "
            f"swap_mode and {MARK}; was {_short(item)}.",
            remedy="Export again with examples/export_mt5_facts.py.",
        )
    account = frame.get("account") or {}
    if not isinstance(account, dict):
        raise _wrong(where, "account", "be an object", account)
    given = {**{key: account[key] for key in ("leverage",) if key in account}, **item}
    numbers = {key: _number(given[key], key, where) for key in NUMBERS if key in given}
    if item.get("spread_float", True):
        numbers.pop("spread", None)
    texts = {key: item[key] for key in _TEXTS if item.get(key)}
    if account.get("currency"):
        texts["account_currency"] = account["currency"]
    for key, value in texts.items():
        if not isinstance(value, str):
            raise _wrong(where, key, "be a text", value)
    texts["swap_mode"] = _mode(item, "swap_mode", SWAP_MODE_NUMBERS, swap_mode_named, where)
    if "trade_calc_mode" in item:
        texts["calc_mode"] = _mode(item, "trade_calc_mode", CALC_MODE_NUMBERS, str, where)
    if "swap_rollover3days" in item:
        texts["swap_3days"] = _weekday(item["swap_rollover3days"], where)
    ratios = {
        WEEKDAYS.index(day): _number(item[f"swap_{day}"], f"swap_{day}", where)
        for day in WEEKDAYS
        if f"swap_{day}" in item
    }
    name = item.get("name")
    return Sheet(
        form="symbol_info",
        symbol=name if isinstance(name, str) and name else None,
        numbers=numbers,
        texts=texts,
        swap_ratios=ratios,
        sessions=_sessions(item.get("sessions") or {}, where),
        tiers=_tiers(item.get("leverage_tiers") or [], where),
        margins=_margins(item.get("margin_probes") or [], where),
        exported=_text(frame, "exported_utc", where),
        timezone=_text(frame, "server_timezone", where),
    )


def _number(value: Any, key: str, where: str) -> Decimal:
    if not isinstance(value, bool) and isinstance(value, int | Decimal | str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            pass
        else:
            if number.is_finite() and abs(number.adjusted()) <= POWER_MAX:
                return number
    raise _wrong(where, key, "be a number", value)


def _mode(
    item: Mapping[str, Any],
    key: str,
    names: Mapping[int, str],
    named: Callable[[str], str],
    where: str,
) -> str:
    value = item.get(key)
    if isinstance(value, str) and value and not value.lstrip("-").isdigit():
        return named(value)
    number = _number(value, key, where)
    if number != number.to_integral_value():
        raise _wrong(where, key, "be a whole number", value)
    return names.get(int(number), f"number {number}")


def _weekday(value: Any, where: str) -> str:
    if isinstance(value, str) and value.casefold() in WEEKDAYS:
        return value.casefold()
    number = _number(value, "swap_rollover3days", where)
    if number not in range(7):
        raise _wrong(where, "swap_rollover3days", "be a day from 0 (Sunday) to 6", value)
    return _DAYS_FROM_SUNDAY[int(number)]


def _sessions(value: Any, where: str) -> dict[int, tuple[tuple[int, int], ...]]:
    rule = "be an object of weekdays with lists of [from, to] in minutes of the server's day"
    if not isinstance(value, dict):
        raise _wrong(where, "sessions", rule, value)
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for day, stretches in value.items():
        if day.casefold() not in WEEKDAYS or not isinstance(stretches, list):
            raise _wrong(where, "sessions", rule, {day: stretches})
        pairs = []
        for pair in stretches:
            is_pair = isinstance(pair, list) and len(pair) == 2
            if not is_pair or any(type(minute) is not int for minute in pair):
                raise _wrong(where, "sessions", rule, pair)
            if not 0 <= pair[0] < pair[1] <= MINUTES_PER_DAY:
                raise _wrong(where, "sessions", rule, pair)
            pairs.append((pair[0], pair[1]))
        found[WEEKDAYS.index(day.casefold())] = tuple(pairs)
    return found


def _tiers(value: Any, where: str) -> tuple[Tier, ...]:
    rule = 'be a list such as [{"up_to": 50, "unit": "lots", "leverage": 500}, …]; null: no end'
    if not isinstance(value, list):
        raise _wrong(where, "leverage_tiers", rule, value)
    tiers = []
    for line in value:
        if not isinstance(line, dict) or not {"up_to", "unit", "leverage"} <= line.keys():
            raise _wrong(where, "leverage_tiers", rule, line)
        end = line["up_to"]
        up_to = Decimal("Infinity") if end is None else _number(end, "leverage_tiers", where)
        leverage = _number(line["leverage"], "leverage_tiers", where)
        if not isinstance(line["unit"], str) or not leverage > 0:
            raise _wrong(where, "leverage_tiers", rule, line)
        tiers.append(Tier(up_to=up_to, leverage=leverage, unit=line["unit"]))
    return tuple(tiers)


def _margins(value: Any, where: str) -> tuple[tuple[Decimal, Decimal, Decimal], ...]:
    rule = "be a list of {lots, price, margin}"
    if not isinstance(value, list):
        raise _wrong(where, "margin_probes", rule, value)
    found = []
    for line in value:
        if not isinstance(line, dict) or not {"lots", "price", "margin"} <= line.keys():
            raise _wrong(where, "margin_probes", rule, line)
        lots, price, margin = (
            _number(line[key], "margin_probes", where) for key in ("lots", "price", "margin")
        )
        if not (lots > 0 and price > 0 and margin > 0):
            raise _wrong(where, "margin_probes", rule, line)
        found.append((lots, price, margin))
    return tuple(found)


def _text(frame: Mapping[str, Any], key: str, where: str) -> str:
    value = frame.get(key) or ""
    if not isinstance(value, str):
        raise _wrong(where, key, "be a text", value)
    return value


def _wrong(where: str, key: str, rule: str, value: Any) -> DataError:
    return DataError(
        f"{where}: {key} must {rule}; was {_short(value)}.",
        remedy="Export again with examples/export_mt5_facts.py.",
        key=key,
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
