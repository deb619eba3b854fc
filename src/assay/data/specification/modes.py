"""Modes of swap and margin by MT5's names: what Assay charges exactly, and what it refuses."""

from assay.domain.errors import DataError
from assay.domain.instrument import SwapMode

SWAP_MODE_NUMBERS = {
    0: "disabled",
    1: "points",
    2: "symbol currency",
    3: "margin currency",
    4: "deposit currency",
    5: "interest current",
    6: "interest open",
    7: "reopen current",
    8: "reopen bid",
}
"""``SYMBOL_SWAP_MODE_*`` of the MetaTrader5 package for Python."""

CALC_MODE_NUMBERS = {
    0: "forex",
    1: "futures",
    2: "cfd",
    3: "cfd index",
    4: "cfd leverage",
    5: "forex no leverage",
    32: "exchange stocks",
    33: "exchange futures",
    34: "exchange futures forts",
    35: "exchange options",
    36: "exchange options margin",
    37: "exchange bonds",
    38: "exchange stocks moex",
    39: "exchange bonds moex",
    64: "collateral",
}
"""``SYMBOL_CALC_MODE_*``."""

WITH_LEVERAGE = frozenset({"forex", "cfd leverage"})
"""Calculation modes whose margin is notional over the account's leverage."""
BY_RATE_ALONE = frozenset({"cfd", "forex no leverage", "exchange stocks"})
"""Calculation modes whose margin is notional times a rate."""

_MONEY = {
    "symbol currency": "currency_base",
    "base currency": "currency_base",
    "margin currency": "currency_margin",
    "profit currency": "currency_profit",
    "deposit currency": "account_currency",
}
_RATES = {
    "points": SwapMode.POINTS,
    "interest current": SwapMode.PERCENT,
    "interest open": SwapMode.PERCENT_OPEN,
}


def money_field(mode: str) -> str | None:
    """Return which text of a sheet names the currency of *mode*; None if it is not in money."""
    return _MONEY.get(mode)


def rate_mode(mode: str, where: str) -> SwapMode:
    """Return the swap mode of *mode*, which is not in money.

    Raises
    ------
    DataError
        If Assay cannot charge it exactly.
    """
    if mode in _RATES:
        return _RATES[mode]
    remedy = (
        "State what it costs in a mode that can be charged: --fact swap_mode=points "
        "--fact swap_long=… --fact swap_short=…"
    )
    if mode.startswith("reopen"):
        raise DataError(
            f"{where} must quote swaps that are charged in money; mode {mode!r} closes each "
            "position at the rollover and opens it again at a moved price; Assay does not.",
            remedy=remedy,
            swap_mode=mode,
        )
    known = ", ".join(dict.fromkeys([*_RATES, *_MONEY, "disabled"]))
    raise DataError(
        f"{where} must quote swaps in one of {known}; was {mode!r}.",
        remedy=remedy,
        swap_mode=mode,
    )


def swap_mode_named(text: str) -> str:
    """Return the mode that a terminal's words mean; the words themselves if none.

    Examples
    --------
    >>> swap_mode_named("By interest, using open price")
    'interest open'
    >>> swap_mode_named("In points")
    'points'
    """
    words = text.casefold().replace("_", " ")
    if "reopen" in words:
        return "reopen bid" if "bid" in words else "reopen current"
    if "disabled" in words or words in ("none", "no"):
        return "disabled"
    for name in ("deposit", "margin", "profit", "base", "symbol"):
        if name in words and ("currency" in words or "money" in words):
            return f"{name} currency"
    if any(word in words for word in ("interest", "percent", "%")):
        is_open, is_current = "open" in words, "current" in words
        if is_open != is_current:
            return "interest open" if is_open else "interest current"
        return text
    return "points" if "point" in words else text


def calc_mode_named(text: str) -> str:
    """Return the calculation mode that a terminal's words mean; the words themselves if none.

    Examples
    --------
    >>> calc_mode_named("CFD Leverage")
    'cfd leverage'
    """
    words = " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
    words = words.removeprefix("symbol calc mode ").replace("cfdleverage", "cfd leverage")
    words = words.replace("cfdindex", "cfd index").replace("exch ", "exchange ")
    return words if words in CALC_MODE_NUMBERS.values() else text
