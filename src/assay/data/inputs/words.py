"""The words of calendars: impact, currency and country, and numbers with their units."""

import math
import re
from collections.abc import Iterable

CURRENCIES = frozenset(
    [
        "USD",
        "EUR",
        "GBP",
        "JPY",
        "CHF",
        "AUD",
        "NZD",
        "CAD",
        "CNY",
        "CNH",
        "HKD",
        "SGD",
        "SEK",
        "NOK",
        "DKK",
        "PLN",
        "CZK",
        "HUF",
        "RON",
        "TRY",
        "ZAR",
        "MXN",
        "BRL",
        "INR",
        "KRW",
        "IDR",
        "THB",
        "MYR",
        "PHP",
        "TWD",
        "ILS",
        "RUB",
        "CLP",
        "COP",
        "PEN",
        "ARS",
        "SAR",
        "AED",
        "KWD",
        "EGP",
        "NGN",
        "KES",
        "UAH",
        "ISK",
        "VND",
        "XAU",
        "XAG",
        "BTC",
        "ETH",
    ]
)
EVERYWHERE = "ALL"
"""Currency of an event that is of no one country; every choice of currencies includes it."""

_COUNTRIES = {
    "USD": "united states|united states of america|usa|us|u s|u s a|america",
    "EUR": "euro zone|eurozone|euro area|emu|european monetary union|european union|eu|ez|ea|"
    "germany|de|france|fr|italy|it|spain|es|netherlands|nl|belgium|be|austria|at|portugal|pt|"
    "greece|gr|ireland|ie|finland|fi|slovakia|sk|slovenia|si|estonia|ee|latvia|lv|lithuania|lt|"
    "luxembourg|lu|malta|mt|cyprus|cy|croatia|hr",
    "GBP": "united kingdom|uk|u k|gb|great britain|britain|england",
    "JPY": "japan|jp|jpn",
    "CHF": "switzerland|ch|swiss",
    "AUD": "australia|au",
    "NZD": "new zealand|nz",
    "CAD": "canada|ca",
    "CNY": "china|cn|prc",
    "HKD": "hong kong|hk",
    "SGD": "singapore|sg",
    "SEK": "sweden|se",
    "NOK": "norway|no",
    "DKK": "denmark|dk",
    "PLN": "poland|pl",
    "CZK": "czech republic|czechia|cz",
    "HUF": "hungary|hu",
    "RON": "romania|ro",
    "TRY": "turkey|turkiye|tr",
    "ZAR": "south africa|za",
    "MXN": "mexico|mx",
    "BRL": "brazil|br",
    "INR": "india|in",
    "KRW": "south korea|korea|republic of korea|kr",
    "IDR": "indonesia|id",
    "THB": "thailand|th",
    "TWD": "taiwan|tw",
    "ILS": "israel|il",
    "RUB": "russia|ru",
    "CLP": "chile|cl",
    "COP": "colombia|co",
    "ARS": "argentina|ar",
    EVERYWHERE: "all|global|world|worldwide|international|g7|g20|opec|ww",
}
_CURRENCY_OF = {
    word: currency for currency, words in _COUNTRIES.items() for word in words.split("|")
}
_IMPACTS = {
    0: "none|holiday|bank holiday|non economic|no impact|gray|grey|white|na|n a",
    1: "low|yellow|minor|lowest|low impact expected|l",
    2: "medium|med|moderate|orange|mid|normal|medium impact expected|m",
    3: "high|red|major|important|critical|high impact expected|h",
}
_IMPACT_OF = {word: impact for impact, words in _IMPACTS.items() for word in words.split("|")}
_STARS = re.compile(r"[*★●⭐!]{1,3}")
_EMPTY_STARS = "☆○"

NO_VALUE = frozenset({"", "-", "--", "—", "n/a", "na", "nan", "none", "null", "tba", "tbd", "\xa0"})
VALUE_MAX = 1e17
_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "b": 1e9, "bn": 1e9, "bln": 1e9, "t": 1e12}
_SCALES |= {"tn": 1e12, "trn": 1e12}
_VALUE = re.compile(
    r"(?P<open>\()?\s*(?P<sign>[-+−–]?)\s*(?P<money>[A-Z]{0,3}[$€£¥₣]|[A-Z]{3}\s)?\s*"
    r"(?P<sign2>[-+−–]?)(?P<digits>\d[\d.,'’\s\u00a0\u202f]*|[.,]\d+)\s*"
    r"(?P<scale>[A-Za-z]{0,3})\s*(?P<percent>%|pp|bps?)?\s*(?P<close>\))?"
)


def plain_words(text: str) -> str:
    """Return *text* in lower case, with single spaces between letters and digits.

    Examples
    --------
    >>> plain_words(" U.S. Non-Farm  Payrolls")
    'u s non farm payrolls'
    """
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def impact_of(text: str) -> int | None:
    """Return 0 (none, holiday), 1, 2 or 3 (high); None where *text* is no known word.

    Examples
    --------
    >>> impact_of("High Impact Expected"), impact_of("**"), impact_of("low"), impact_of("?")
    (3, 2, 1, None)
    """
    bare = text.strip()
    for mark in _EMPTY_STARS:
        bare = bare.replace(mark, "")
    if _STARS.fullmatch(bare):
        return len(bare)
    words = plain_words(bare)
    for prefix in ("calendar importance ", "importance ", "impact "):
        words = words.removeprefix(prefix)
    for suffix in (" impact", " importance", " impact expected", " volatility expected", " stars"):
        words = words.removesuffix(suffix)
    if re.fullmatch(r"(bull)?[0-3]( star)?", words):
        return int(re.sub(r"\D", "", words))
    return _IMPACT_OF.get(words)


def currency_of(text: str) -> str | None:
    """Return the currency that a code or the name of a country stands for, or None.

    Examples
    --------
    >>> currency_of("usd"), currency_of("Euro Area"), currency_of("Mars")
    ('USD', 'EUR', None)
    """
    code = text.strip().upper()
    if code in CURRENCIES:
        return code
    return _CURRENCY_OF.get(plain_words(text))


def currency_in(text: str) -> str | None:
    """Return the one currency named by a code inside *text* (capitals), or None.

    Country names count when they begin the text or stand in brackets; two currencies
    count as none.

    Examples
    --------
    >>> currency_in("[USD] CPI m/m"), currency_in("EUR/USD outlook"), currency_in("Japan: GDP")
    ('USD', None, 'JPY')
    """
    codes: set[str] = {word for word in re.findall(r"[A-Z]{3}", text) if word in CURRENCIES}
    codes = {code for code in codes if re.search(rf"(?<![A-Za-z]){code}(?![A-Za-z])", text)}
    if len(codes) == 1:
        return codes.pop()
    if codes:
        return None
    bracket = re.match(r"\s*[\[(]([^\])]+)[\])]", text)
    head = str(bracket.group(1)) if bracket else re.split(r"[:|–—]|\s-\s", text, maxsplit=1)[0]
    if len(head) < len(text):
        return currency_of(head)
    return None


def value_of(text: str, decimal: str | None = None) -> tuple[float, str] | None:
    """Return the number that a calendar writes, and its unit; None where it is no one number.

    Parameters
    ----------
    text : str
        Such as ``254K``, ``-0.3%``, ``1,234.5``, ``1.234,5``, ``0,3 %``, ``$-67.4B``.
    decimal : {".", ","}, optional
        Decimal mark of the file; without it, the text alone decides.

    Returns
    -------
    value : float
        Thousands, millions, billions and trillions are multiplied in; per cent stay per cent.
    unit : str
        ``%``, ``bp``, ``pp`` or empty.

    Examples
    --------
    >>> value_of("254K"), value_of("-0,3 %"), value_of("1.234,5"), value_of("0-9-0")
    ((254000.0, ''), (-0.3, '%'), (1234.5, ''), None)
    """
    match = _VALUE.fullmatch(text.strip().replace("\u2212", "-"))
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    scale = _SCALES.get(match["scale"].lower()) if match["scale"] else 1.0
    unit = (match["percent"] or "").replace("bps", "bp")
    if scale is None and match["scale"].lower() in ("bp", "bps", "pp"):
        scale, unit = 1.0, match["scale"].lower().replace("bps", "bp")
    digits = plain_digits(match["digits"], decimal)
    if scale is None or digits is None:
        return None
    # Products such as 3.2 * 1e6 must read as a person wrote them.
    number = float(f"{float(digits) * scale:.12g}")
    if number >= VALUE_MAX:  # the "no value" of an MT5 export
        return None
    is_negative = bool(match["open"]) or f"{match['sign']}{match['sign2']}".strip("+") != ""
    return (-number if is_negative else number), unit


def decimal_mark(texts: Iterable[str]) -> str | None:
    """Return the decimal mark that most numbers show beyond doubt; None if none shows it.

    Examples
    --------
    >>> decimal_mark(["1,234", "0,3%", "12"]), decimal_mark(["1,234.5"]), decimal_mark(["1,234"])
    (',', '.', None)
    """
    votes = {".": 0, ",": 0}
    for text in texts:
        commas, points = text.count(","), text.count(".")
        if commas and points:
            votes["," if text.rfind(",") > text.rfind(".") else "."] += 1
        elif commas + points == 1:
            mark = "," if commas else "."
            whole, _, rest = text.partition(mark)
            is_group = re.match(r"\d{3}(?!\d)", rest) and re.search(r"[1-9]\d{0,2}$", whole)
            votes[mark] += 0 if is_group else 1
    if votes["."] == votes[","]:
        return None
    return "," if votes[","] > votes["."] else "."


def plain_digits(text: str, decimal: str | None = None) -> str | None:
    """Return digits with a point as the decimal mark and no thousands marks, or None.

    One comma before exactly three digits is a thousands mark unless *decimal* says
    otherwise.

    Examples
    --------
    >>> plain_digits("1,234.5"), plain_digits("1.234,5"), plain_digits("0,3"), plain_digits("1.2.3")
    ('1234.5', '1234.5', '0.3', None)
    """
    bare = re.sub(r"[\s'’\u00a0\u202f]", "", text)
    commas, points = bare.count(","), bare.count(".")
    if decimal is None:
        if commas and points:
            decimal = "," if bare.rfind(",") > bare.rfind(".") else "."
        elif commas == 1 and not re.fullmatch(r"[1-9]\d{0,2},\d{3}", bare):
            decimal = ","
        else:
            decimal = "," if points > 1 else "."
    thousands = "." if decimal == "," else ","
    whole, mark, rest = bare.partition(decimal)
    groups = whole.split(thousands)
    if len(groups) > 1 and (
        not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])
    ):
        return None
    whole = "".join(groups)
    if not _are_digits(whole) or not _are_digits(rest) or not (whole or rest):
        return None
    if mark and rest:
        return f"{whole or '0'}.{rest}"
    return whole or None


def _are_digits(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def is_missing(text: str) -> bool:
    """Tell whether *text* is one of the ways to write that there is no value."""
    return text.strip().lower() in NO_VALUE


def number_of(text: str) -> float | None:
    """Return a plain finite number, or None.

    Examples
    --------
    >>> number_of("1.5e3"), number_of("1,25"), number_of("nan")
    (1500.0, 1.25, None)
    """
    bare = text.strip()
    try:
        number = float(bare)
    except ValueError:
        digits = plain_digits(bare.lstrip("+-")) if bare else None
        if digits is None:
            return None
        number = -float(digits) if bare.startswith("-") else float(digits)
    return number if math.isfinite(number) else None
