"""The terminal's Specification window as text: a name and a value on each line."""

import csv
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from assay.data.specification.modes import calc_mode_named, swap_mode_named
from assay.data.specification.sheet import MINUTES_PER_DAY, WEEKDAYS, Sheet, Tier
from assay.data.specification.symbol_info import MARK, POWER_MAX, sheet_of_fields
from assay.domain.errors import DataError

LINES_MAX = 5_000
_NUMBERS = {
    "contract size": "trade_contract_size",
    "digits": "digits",
    "spread": "spread",
    "stops level": "trade_stops_level",
    "stop level": "trade_stops_level",
    "limit & stop level": "trade_stops_level",
    "freeze level": "trade_freeze_level",
    "tick size": "trade_tick_size",
    "tick value": "trade_tick_value",
    "minimal volume": "volume_min",
    "minimum volume": "volume_min",
    "maximal volume": "volume_max",
    "maximum volume": "volume_max",
    "volume step": "volume_step",
    "swap long": "swap_long",
    "long positions swap": "swap_long",
    "swap short": "swap_short",
    "short positions swap": "swap_short",
    "initial margin": "margin_initial",
    "hedged margin": "margin_hedged",
    "margin hedge": "margin_hedged",
    "margin rate": "margin_rate",
    "margin rate buy": "margin_rate_buy",
    "margin rate sell": "margin_rate_sell",
    "leverage": "leverage",
}
_TEXTS = {
    "description": "description",
    "base currency": "currency_base",
    "margin currency": "currency_margin",
    "profit currency": "currency_profit",
    "account currency": "account_currency",
    "swap type": "swap_mode",
    "swap mode": "swap_mode",
    "calculation": "calc_mode",
    "margin calculation": "calc_mode",
    "margin calculation mode": "calc_mode",
    "3-days swap": "swap_3days",
    "3-day swap": "swap_3days",
    "3-days swaps": "swap_3days",
    "triple swap": "swap_3days",
}
_SYMBOL_KEYS = ("symbol", "name")
_FLOATING = ("floating", "variable")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#+-]{1,62}")
_SPACES = re.compile(r"[\s\u00a0\u2009\u202f]")
_SIGNED = re.compile(r"[+-]?[\d.,\s\u00a0\u2009\u202f]*\d")
_TIME = r"(\d{1,2}):(\d{2})"
_STRETCH = re.compile(rf"{_TIME}\s*[-–]\s*{_TIME}")
_TIER = re.compile(
    r"(?:(?P<low>[\d\s.,]+?)\s*[-–]\s*(?P<high>[\d\s.,]+?)|(?:>|over|above|from)\s*(?P<over>[\d\s.,]+?)"
    r"|(?P<least>[\d\s.,]+?)\s*\+)\s*(?P<unit>lots?|[A-Za-z]{3})",
    re.IGNORECASE,
)
_LEVERAGE = re.compile(r"(?:1\s*:\s*)?(\d[\d\s]*(?:\.\d+)?)(?:\s*:\s*1)?")


def sheet_of_window(text: str, path: Path) -> Sheet:
    """Return the sheet of a saved or pasted Specification window, or of a CSV of two columns.

    Raises
    ------
    DataError
        If no line is known, a value is not what its name says, or a number can be read in two
        ways.
    """
    rows = _rows(text, path)
    keys = {key.casefold() for _, key, _ in rows}
    if MARK in keys:
        return _as_fields(rows, path)
    mark = _decimal_mark(rows, path)
    reading = _Reading(path, mark)
    for line, key, value in rows:
        reading.take(line, key, value)
    return reading.sheet(text)


def _as_fields(rows: Sequence[tuple[int, str, str]], path: Path) -> Sheet:
    """Return the sheet of a CSV whose first column holds the names of ``symbol_info()``."""
    fields: dict[str, object] = {}
    for line, key, value in rows:
        if key.casefold() in fields:
            raise _wrong(path, line, key, "be given once", value)
        words = {"true": True, "false": False}
        fields[key.casefold()] = words.get(value.casefold(), value)
    return sheet_of_fields(fields, path.name)


def _rows(text: str, path: Path) -> list[tuple[int, str, str]]:
    """Return line number, name and value of every line that has both."""
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        raise DataError(
            f"{path.name} must have at most {LINES_MAX:,} lines; had {len(lines):,}.",
            remedy="Save the specification of one symbol in each file.",
            file=str(path),
        )
    found = []
    for number, line in enumerate(lines, 1):
        pair = _pair(line)
        if pair is not None:
            key = _SPACES.sub(" ", pair[0]).strip(" :\"'")
            found.append((number, " ".join(key.split()), pair[1].strip().strip('"')))
    return found


def _pair(line: str) -> tuple[str, str] | None:
    for separator in ("\t", ";"):
        if separator in line:
            key, _, value = line.partition(separator)
            return (key, value) if key.strip() and value.strip() else None
    key, colon, value = line.partition(": ")
    if colon and value.strip() and key.strip() and not {",", '"'} & set(key):
        return key, value
    if "," in line:
        cells = next(csv.reader([line]))
        if len(cells) == 2 and cells[0].strip() and cells[1].strip():
            return cells[0], cells[1]
    return None


def _decimal_mark(rows: Sequence[tuple[int, str, str]], path: Path) -> str:
    """Return the sign that separates decimals in this file; empty if no number shows it."""
    shown: dict[str, int] = {}
    for line, key, value in rows:
        if key.casefold() not in _NUMBERS or not _SIGNED.fullmatch(value):
            continue
        digits = _SPACES.sub("", value).lstrip("+-")
        for mark, other in ((".", ","), (",", ".")):
            head, _, tail = digits.rpartition(mark)
            is_plain = tail and mark not in head and other not in tail
            if head and is_plain and (len(tail) != 3 or head.strip("0") == ""):
                shown.setdefault(mark, line)
    if len(shown) > 1:
        raise DataError(
            f"{path.name} must write decimals in one way; line {shown['.']} has a point and line "
            f"{shown[',']} a comma.",
            remedy="Write all decimals with a point.",
            file=str(path),
        )
    return next(iter(shown), "")


class _Reading:
    """What has been read of one window so far."""

    def __init__(self, path: Path, mark: str) -> None:
        self._path, self._mark = path, mark
        self._symbol: str | None = None
        self._numbers: dict[str, Decimal] = {}
        self._texts: dict[str, str] = {}
        self._ratios: dict[int, Decimal] = {}
        self._sessions: dict[int, tuple[tuple[int, int], ...]] = {}
        self._tiers: list[Tier] = []

    def take(self, line: int, key: str, value: str) -> None:
        """Read one line; a name that says nothing of costs or hours is passed over."""
        name = key.casefold()
        weekday = name.removeprefix("swap ").removesuffix(" swap")
        if name in _SYMBOL_KEYS:
            self._symbol = value
        elif name in _TEXTS:
            self._texts[_TEXTS[name]] = self._worded(line, key, value)
        elif name in _NUMBERS:
            if not (name == "spread" and value.casefold() in _FLOATING):
                self._put(line, key, _NUMBERS[name], self._number(line, key, value))
        elif weekday in WEEKDAYS and (_STRETCH.search(value) or not value.strip(" \t-–")):
            self._sessions[WEEKDAYS.index(weekday)] = self._stretches(line, key, value)
        elif weekday in WEEKDAYS:
            self._ratios[WEEKDAYS.index(weekday)] = self._number(line, key, value)
        elif match := _TIER.fullmatch(key):
            self._tiers.append(self._tier(line, key, value, match))

    def _put(self, line: int, key: str, name: str, number: Decimal) -> None:
        names = ("margin_rate_buy", "margin_rate_sell") if name == "margin_rate" else (name,)
        for one in names:
            if self._numbers.setdefault(one, number) != number:
                before = self._numbers[one]
                raise _wrong(self._path, line, key, f"agree with {before} above", number)

    def _worded(self, line: int, key: str, value: str) -> str:
        name = _TEXTS[key.casefold()]
        if name == "swap_mode":
            return swap_mode_named(value)
        if name == "calc_mode":
            return calc_mode_named(value)
        if name == "swap_3days":
            if value.casefold() not in WEEKDAYS:
                raise _wrong(self._path, line, key, "be a weekday in English", value)
            return value.casefold()
        return value

    def _number(self, line: int, key: str, value: str) -> Decimal:
        if key.casefold() == "leverage" and (match := _LEVERAGE.fullmatch(value)):
            value = match.group(1)
        text = value.strip()
        share = text.endswith("%")
        text = text.removesuffix("%").strip()
        if not _SIGNED.fullmatch(text):
            raise _wrong(self._path, line, key, "be a number", value)
        digits = _SPACES.sub("", text)
        if not self._mark and re.fullmatch(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", digits):
            rule = "be readable in one way (thousands or decimals?)"
            raise _wrong(self._path, line, key, rule, value)
        plain = digits.replace("," if self._mark == "." else ".", "")
        plain = plain.replace(",", "." if self._mark else "")
        if plain.count(".") > 1 or len(plain) > POWER_MAX:
            raise _wrong(self._path, line, key, "be a number", value)
        return Decimal(plain) / 100 if share else Decimal(plain)

    def _stretches(self, line: int, key: str, value: str) -> tuple[tuple[int, int], ...]:
        trade = value.rsplit("\t", maxsplit=1)[-1]  # quoting hours stand before trading hours
        found = []
        for match in _STRETCH.finditer(trade):
            hours = [int(group) for group in match.groups()]
            begin, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
            if max(hours[1], hours[3]) > 59 or not 0 <= begin < end <= MINUTES_PER_DAY:
                raise _wrong(self._path, line, key, "run from earlier to later in one day", value)
            found.append((begin, end))
        left = _STRETCH.sub("", trade).strip(" ,;-–")
        if left:
            raise _wrong(self._path, line, key, "list hours such as 01:00-23:59", value)
        return tuple(found)

    def _tier(self, line: int, key: str, value: str, match: re.Match[str]) -> Tier:
        leverage = _LEVERAGE.fullmatch(value.strip())
        if leverage is None:
            raise _wrong(self._path, line, key, "be a leverage such as 1:500", value)
        low = match.group("low") or match.group("over") or match.group("least")
        begin = self._number(line, key, low)
        before = self._tiers[-1].up_to if self._tiers else Decimal(0)
        if begin != before:
            raise _wrong(
                self._path, line, key, f"begin where the tier above ends ({before})", begin
            )
        high = match.group("high")
        up_to = self._number(line, key, high) if high else Decimal("Infinity")
        unit = match.group("unit")
        return Tier(
            up_to=up_to,
            leverage=Decimal(_SPACES.sub("", leverage.group(1))),
            unit="lots" if unit.casefold().startswith("lot") else unit.upper(),
        )

    def sheet(self, text: str) -> Sheet:
        """Return what was read.

        Raises
        ------
        DataError
            If that is too little to be a specification.
        """
        if "trade_contract_size" not in self._numbers or "digits" not in self._numbers:
            known = ", ".join(sorted(self._numbers)) or "none"
            raise DataError(
                f"{self._path.name} must name at least 'Contract size' and 'Digits', one name and "
                f"value on each line; known values: {known}.",
                remedy="Save the Specification window of a terminal in English, or use "
                "examples/export_mt5_facts.py.",
                file=str(self._path),
            )
        return Sheet(
            form="window",
            symbol=self._symbol or _title(text),
            numbers=self._numbers,
            texts=self._texts,
            swap_ratios=self._ratios,
            sessions=self._sessions,
            tiers=tuple(self._tiers),
        )


def _title(text: str) -> str | None:
    """Return the symbol that a first line without a value names, such as ``XAUUSD, Gold``."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    word = first.split(",")[0].strip()
    return word if "\t" not in first and ";" not in first and _NAME.fullmatch(word) else None


def _wrong(path: Path, line: int, key: str, rule: str, value: object) -> DataError:
    return DataError(
        f"{path.name}, line {line}: {key} must {rule}; was {str(value)[:80]!r}.",
        remedy="Correct the line, or export with examples/export_mt5_facts.py.",
        file=str(path),
        line=line,
    )
