"""Numbers as a reader wants them: few digits, a true minus, and a dash for the unknown."""

import math

DASH = "–"
MINUS = "−"


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def count(value: float) -> str:
    """Return a whole number with thousands separated.

    Examples
    --------
    >>> count(12345)
    '12,345'
    """
    return DASH if math.isnan(value) else _signed(f"{value:,.0f}")


def ratio(value: float, digits: int = 2) -> str:
    """Return a plain number.

    Examples
    --------
    >>> ratio(-1.234), ratio(float("nan")), ratio(float("inf"))
    ('−1.23', '–', '∞')
    """
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:,.{digits}f}"
    return _signed(text if float(text.replace(",", "")) else text.lstrip("-"))


def percent(value: float, digits: int = 1, *, sign: bool = False) -> str:
    """Return a fraction in per cent.

    Examples
    --------
    >>> percent(0.1234), percent(-0.5, 0, sign=True)
    ('12.3%', '−50%')
    """
    if math.isnan(value):
        return DASH
    text = f"{100.0 * value:{'+' if sign else ''},.{digits}f}%"
    is_zero = not any(digit in text for digit in "123456789")
    return _signed(text.lstrip("+-") if is_zero else text)


def money(value: float, *, sign: bool = False, digits: int | None = None) -> str:
    """Return an amount without its currency; cents only below 100, unless *digits* is given.

    Examples
    --------
    >>> money(-1234.5), money(12.345)
    ('−1,234', '12.35')
    """
    if math.isnan(value):
        return DASH
    if digits is None:
        digits = 0 if abs(value) >= 100.0 else 2
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    is_zero = not any(digit in text for digit in "123456789")
    return _signed(text.lstrip("+-") if is_zero else text)


def probability(value: float, *, spoken: bool = False) -> str:
    """Return a probability in per cent, never rounded to certainty; *spoken* for sentences.

    Examples
    --------
    >>> probability(0.99999), probability(0.5)
    ('> 99.9%', '50.0%')
    """
    if math.isnan(value):
        return DASH
    if value > 0.999:
        return "above 99.9%" if spoken else "> 99.9%"
    if value < 0.001:
        return "below 0.1%" if spoken else "< 0.1%"
    return percent(value)
