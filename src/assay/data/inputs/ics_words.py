"""Currency, impact and values in the words of an iCalendar event."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.data.inputs import news
from assay.data.inputs.words import (
    currency_in,
    currency_of,
    decimal_mark,
    impact_of,
    is_missing,
    value_of,
)

_NAMES = {
    "actual": news.ACTUAL,
    "forecast": news.FORECAST,
    "consensus": news.FORECAST,
    "expected": news.FORECAST,
    "previous": news.PREVIOUS,
    "prior": news.PREVIOUS,
    "revised": news.REVISED,
}
_FIELD = re.compile(r"(?im)^[ \t\-*•]*([a-z ]{3,20}?)[ \t]*[:=][ \t]*(.+?)[ \t]*$")
_ISSUERS = (
    (
        re.compile(r"(?i)federal reserve|fomc|bureau of labor|bls\b|bureau of economic|census"),
        "USD",
    ),
    (re.compile(r"(?i)european central bank|\becb\b|eurostat"), "EUR"),
    (re.compile(r"(?i)bank of england|office for national statistics"), "GBP"),
    (re.compile(r"(?i)bank of japan|\bboj\b"), "JPY"),
    (re.compile(r"(?i)bank of canada|statistics canada"), "CAD"),
    (re.compile(r"(?i)reserve bank of australia|\brba\b"), "AUD"),
    (re.compile(r"(?i)reserve bank of new zealand|\brbnz\b"), "NZD"),
    (re.compile(r"(?i)swiss national bank|\bsnb\b"), "CHF"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the words of an event say."""

    title: str
    currency: str
    impact: int
    values: Mapping[str, tuple[float, str]] = field(default_factory=dict)


def unescaped(text: str) -> str:
    r"""Return the text of a property value.

    Examples
    --------
    >>> unescaped(r"Payrolls\, revised\nHigh")
    'Payrolls, revised\nHigh'
    """
    marks = {"n": "\n", "N": "\n"}
    return re.sub(r"\\(.)", lambda match: marks.get(match.group(1), match.group(1)), text)


def described(
    properties: Mapping[str, list[str]], calendar_name: Mapping[str, str], told: str | None
) -> Described:
    """Return title, currency, impact and values of an event.

    Parameters
    ----------
    properties : mapping of name to values
        Of the event; escaped.
    calendar_name : mapping of name to value
        Of the calendar: its name and who made it.
    told : str or None
        Currency of events that name none.
    """
    summary = re.sub(r"\s+", " ", unescaped(properties["SUMMARY"][0])).strip()
    fields = {
        name.strip().lower(): value
        for name, value in _FIELD.findall(
            unescaped("\n".join(properties.get("DESCRIPTION", []))).replace("<br>", "\n")
        )
    }
    groups = re.split(r"(?<!\\),", ",".join(properties.get("CATEGORIES", [])))
    categories = [unescaped(item).strip() for item in groups if item.strip()]
    impact = _impact(properties, fields, categories, summary)
    return Described(
        title=summary,
        currency=_currency(properties, fields, categories, summary, calendar_name) or told or "",
        impact=impact,
        values=_values(fields),
    )


def _currency(
    properties: Mapping[str, list[str]],
    fields: Mapping[str, str],
    categories: list[str],
    summary: str,
    calendar_name: Mapping[str, str],
) -> str | None:
    for name in ("currency", "country"):
        if name in fields and (found := currency_of(fields[name])):
            return found
    named = {found for item in categories if (found := currency_of(item))}
    if len(named) == 1:
        return named.pop()
    if found := currency_in(summary):
        return found
    for text in properties.get("LOCATION", []):
        if found := currency_of(unescaped(text)):
            return found
    maker = " ".join(calendar_name.get(name, "") for name in ("X-WR-CALNAME", "PRODID", "NAME"))
    for pattern, currency in _ISSUERS:
        if pattern.search(maker) or pattern.search(summary):
            return currency
    return currency_in(calendar_name.get("X-WR-CALNAME", ""))


def _impact(
    properties: Mapping[str, list[str]],
    fields: Mapping[str, str],
    categories: list[str],
    summary: str,
) -> int:
    for name in ("impact", "importance", "volatility"):
        if name in fields and (found := impact_of(fields[name])) is not None:
            return found
    for item in categories:
        if not item.isdigit() and len(item) > 1 and (found := impact_of(item)) is not None:
            return found
    if marks := re.search(r"[*★●]{1,3}", summary):
        return len(marks.group())
    if words := re.search(r"(?i)[\[(](high|medium|low)( impact)?[\])]", summary):
        return impact_of(words.group(1)) or news.IMPACT_UNKNOWN
    priority = "".join(properties.get("PRIORITY", [])).strip()
    if re.fullmatch(r"[1-9]", priority):
        return 3 if priority < "5" else 2 if priority == "5" else 1
    return news.IMPACT_UNKNOWN


def _values(fields: Mapping[str, str]) -> dict[str, tuple[float, str]]:
    texts = {_NAMES[name]: text for name, text in fields.items() if name in _NAMES}
    decimal = decimal_mark(texts.values())
    found = {}
    for name, text in texts.items():
        value = None if is_missing(text) else value_of(text, decimal)
        if value is not None:
            found[name] = value
    return found
