"""The points trap: prices written as whole points instead of decimals."""

from collections.abc import Mapping

import numpy as np

from assay.data.arrays import FloatArray
from assay.domain.errors import DataError

_PRICE_RANGES = {
    "XAUUSD": (150.0, 20_000.0),
    "XAGUSD": (2.0, 400.0),
    "XPTUSD": (150.0, 10_000.0),
    "XPDUSD": (80.0, 10_000.0),
}
# What a metal has cost; above it, but below the generous limit, points are the likelier reading.
_SEEN_MAX = {"XAUUSD": 6_000.0, "XAGUSD": 150.0, "XPTUSD": 3_500.0, "XPDUSD": 4_000.0}
_CURRENCY_RANGES = {
    "JPY": (20.0, 400.0),
    "HUF": (50.0, 1_000.0),
    "CZK": (5.0, 60.0),
    "ZAR": (1.0, 50.0),
    "MXN": (1.0, 50.0),
    "TRY": (0.5, 100.0),
    "SEK": (1.0, 25.0),
    "NOK": (1.0, 25.0),
    "DKK": (1.0, 15.0),
    "HKD": (4.0, 20.0),
    "CNH": (3.0, 15.0),
    "PLN": (1.0, 10.0),
}
_MAJORS = frozenset({"USD", "EUR", "GBP", "CHF", "AUD", "NZD", "CAD", "SGD"})
_INTEGRAL = 1e-6


def plausible_range(symbol: str) -> tuple[float, float] | None:
    """Return the prices that *symbol* has had or may have, generously; None if unknown.

    Examples
    --------
    >>> plausible_range("EURCHF")
    (0.2, 5.0)
    """
    name = "".join(letter for letter in symbol.upper() if letter.isalpha())[:6]
    if name in _PRICE_RANGES:
        return _PRICE_RANGES[name]
    base, quote = name[:3], name[3:]
    if base in _MAJORS and quote in _MAJORS:
        return 0.2, 5.0
    if base in _MAJORS and quote in _CURRENCY_RANGES:
        return _CURRENCY_RANGES[quote]
    return None


def price_divisor(
    prices: Mapping[str, FloatArray], symbol: str, *, digits: int | None, where: str
) -> tuple[int, str]:
    """Return the power of ten that turns the prices of a file into prices, and why.

    Parameters
    ----------
    prices : mapping of role to float64, shape (n_rows,)
    symbol : str
    digits : int or None
        Decimal places of the instrument, if the caller knows it.
    where : str
        Subject of the error message.

    Raises
    ------
    DataError
        If all prices are whole numbers and neither reading is more plausible, or if no
        power of ten makes them plausible.
    """
    values = np.concatenate([value[:: max(1, len(value) // 5_000)] for value in prices.values()])
    level = float(np.median(values))
    allowed = plausible_range(symbol)
    is_integral = bool(
        np.all(np.abs(values - np.rint(values)) <= _INTEGRAL * np.maximum(values, 1))
    )
    if not is_integral:
        if allowed is not None and not allowed[0] <= level <= allowed[1]:
            raise _implausible(where, symbol, level, allowed)
        return 1, ""
    powers = [10**digits] if digits is not None else [10, 100, 1_000, 10_000, 100_000, 1_000_000]
    if allowed is None:
        return _by_digits(where, symbol, level, digits)
    fits = [power for power in powers if allowed[0] <= level / power <= allowed[1]]
    if allowed[0] <= level <= allowed[1] and not (digits is not None and fits):
        return 1, "whole prices of a plausible level"
    if digits is None and len(fits) > 1:
        # A pair has five digits, or three in yen; metals two: take the customary one.
        customary = 1_000 if symbol.upper()[3:6] == "JPY" else 100 if symbol[:1] == "X" else 100_000
        seen_max = _SEEN_MAX.get("".join(filter(str.isalpha, symbol.upper()))[:6], np.inf)
        seen = [power for power in fits if level / power <= seen_max]
        fits = seen if len(seen) == 1 else [customary] if customary in (seen or fits) else []
    if allowed[0] <= level <= allowed[1] or len(fits) != 1:
        raise _implausible(where, symbol, level, allowed)
    return fits[0], f"whole numbers near {level:g}: points, divided by {fits[0]}"


def refuse_implausible(
    prices: Mapping[str, FloatArray], symbol: str, divisor: int, *, where: str
) -> None:
    """Refuse prices that are not those of *symbol* after division by *divisor*.

    Raises
    ------
    DataError
        If their median lies outside what a known symbol has had or may have.
    """
    allowed = plausible_range(symbol)
    values = np.concatenate([value[:: max(1, len(value) // 5_000)] for value in prices.values()])
    level = float(np.median(values)) / divisor if len(values) else np.nan
    if allowed is not None and len(values) and not allowed[0] <= level <= allowed[1]:
        raise _implausible(where, symbol, level, allowed)


def _by_digits(where: str, symbol: str, level: float, digits: int | None) -> tuple[int, str]:
    """Judge whole numbers of an unknown symbol: only small ones are surely prices."""
    if digits == 0 or level < 100.0:
        return 1, "whole prices"
    raise DataError(
        f"{where} must show whether its whole numbers near {level:g} are prices or points of "
        f"{symbol}; it does not.",
        remedy="Pass --price-divisor 1 if they are prices, or 100000 for five-digit points.",
        symbol=symbol,
        level=level,
    )


def _implausible(where: str, symbol: str, level: float, allowed: tuple[float, float]) -> DataError:
    return DataError(
        f"{where} must hold prices of {symbol}, between {allowed[0]:g} and {allowed[1]:g}; they "
        f"were near {level:g}.",
        remedy="Check --symbol; if prices are in points, pass --price-divisor, such as 100000.",
        symbol=symbol,
        level=level,
    )


def divided(values: FloatArray, divisor: int) -> FloatArray:
    """Return points as prices: rounded to whole points first, so that noise does not stay."""
    return np.rint(values) / divisor
