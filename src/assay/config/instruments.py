"""Contract facts by symbol: the built-in catalogue, and overrides from ``assay.toml``."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import cast

from assay.domain.errors import ConfigError
from assay.domain.instrument import (
    MARGIN_TIERS_MAX,
    Instrument,
    MarginBasis,
    MarginTier,
    Session,
    SwapMode,
)

MINUTES_PER_WEEK = 7 * 24 * 60
LIKE = "like"
"""Key of an override table: start from the facts of another symbol (``like = "XAUUSD"``)."""

_WHOLE = {
    "digits": (0, 8),
    "swap_triple_weekday": (0, 4),
    "stop_level_points": (0, 1_000_000),
    "spread_points": (0, 1_000_000),
    "freeze_level_points": (0, 1_000_000),
}
_DECIMAL = {  # lower bound (exclusive where marked), upper bound
    "tick_size": ("0", "1000000"),
    "contract_size": ("0", "1000000000"),
    "lot_step": ("0", "1000000"),
    "lot_min": ("0", "1000000"),
    "lot_max": ("0", "1000000000"),
    "margin_fraction": ("0", "1"),
    "commission_per_lot": ("0", "100000"),
    "swap_long": ("-1000000", "1000000"),
    "swap_short": ("-1000000", "1000000"),
}
_MAY_BE_ZERO = {"commission_per_lot", "swap_long", "swap_short"}
_TEXT = {"description", "base", "quote"}
_MAY_BE_EMPTY = {"account_currency", "margin_currency"}
_FIELDS = tuple(field.name for field in fields(Instrument) if field.name != "symbol")
_DEFAULTS = {
    field.name: field.default for field in fields(Instrument) if field.default is not MISSING
}
_REPLACES = {  # an override on the left makes the fact on the right meaningless
    "swap_triple_weekday": ("swap_nights",),
    "margin_fraction": ("margin_tiers",),
    "digits": ("tick_size",),
}
NIGHTS_MAX = Decimal(10)
"""Most nights that one rollover may count."""


@cache
def _catalogue() -> Mapping[str, Mapping[str, object]]:
    """Read the built-in catalogue: every symbol with all its facts, still untyped."""
    text = files("assay.config").joinpath("instruments.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    hours, defaults = document["hours"], document["defaults"]
    catalogue: dict[str, Mapping[str, object]] = {}
    for symbol, table in document["symbols"].items():
        facts = {"base": symbol[:3], "quote": symbol[3:], **defaults, **table}
        facts["sessions"] = hours[facts.pop("hours")]
        facts["tick_size"] = facts["tick_size"] or str(Decimal(1).scaleb(-facts["digits"]))
        catalogue[symbol] = facts
    return catalogue


SYMBOLS: tuple[str, ...] = tuple(_catalogue())
"""Every symbol of the built-in catalogue."""


def load_instrument(symbol: str, overrides: Mapping[str, object] | None = None) -> Instrument:
    """Return the contract facts of *symbol*, with the user's overrides applied.

    Parameters
    ----------
    symbol : str
        Venue name, such as ``XAUUSD``. A name outside the catalogue, such as a broker's
        ``XAUUSD.m``, needs an override table that says which symbol it is ``like``, or that
        gives every fact.
    overrides : mapping, optional
        The table ``[instruments.<symbol>]`` of ``assay.toml``: any attribute of
        ``Instrument`` but the symbol, and ``like``.

    Returns
    -------
    instrument : Instrument

    Raises
    ------
    ConfigError
        If the symbol is unknown, or an override is unknown, of the wrong type or impossible.

    Examples
    --------
    >>> load_instrument("XAUUSD").contract_size
    Decimal('100')
    >>> load_instrument("XAUUSD", {"spread_points": 35}).spread_points
    35
    >>> load_instrument("XAUUSD.m", {"like": "XAUUSD"}).symbol
    'XAUUSD.m'
    """
    overrides = dict(overrides or {})
    _known_keys(symbol, overrides)
    return _overridden(symbol, _starting_facts(symbol, overrides), overrides)


def with_overrides(instrument: Instrument, overrides: Mapping[str, object]) -> Instrument:
    """Return *instrument* with the user's overrides applied; ``like`` among them is moot.

    Parameters
    ----------
    instrument : Instrument
        Facts from elsewhere than the catalogue, such as a broker's specification.
    overrides : mapping
        As in ``load_instrument``.

    Raises
    ------
    ConfigError
        As in ``load_instrument``.
    """
    _known_keys(instrument.symbol, overrides)
    facts = {name: getattr(instrument, name) for name in _FIELDS}
    return _overridden(instrument.symbol, facts, overrides)


def checked_instrument(symbol: str, facts: Mapping[str, object]) -> Instrument:
    """Return the instrument of *facts*, which must be complete; errors as in ``load_instrument``.

    Raises
    ------
    ConfigError
        If a fact is unknown, missing, of the wrong type or impossible.
    """
    _known_keys(symbol, facts)
    for name in _FIELDS:
        is_implied = name == "margin_fraction" and facts.get("margin_tiers")
        if name not in facts and name not in _DEFAULTS and not is_implied:
            raise _wrong(symbol, name, "be given", None, "Look it up in the specification.")
    return _overridden(symbol, {}, facts)


def _known_keys(symbol: str, overrides: Mapping[str, object]) -> None:
    for key in overrides:
        if key not in _FIELDS and key != LIKE:
            guess = get_close_matches(key, (*_FIELDS, LIKE), n=1)
            raise ConfigError(
                f"instruments.{symbol}.{key} must be a known contract fact; was not.",
                remedy=f"Use {guess[0]}." if guess else f"Choose from {', '.join(_FIELDS)}.",
                key=f"instruments.{symbol}.{key}",
            )


def _overridden(
    symbol: str, start: Mapping[str, object], overrides: Mapping[str, object]
) -> Instrument:
    """Return the checked instrument of *start* where *overrides* are silent."""
    facts = {**_DEFAULTS, **start, **overrides}
    facts.pop(LIKE, None)
    for name, replaced in _REPLACES.items():
        for other in replaced:
            if name in overrides and other not in overrides:
                facts[other] = _DEFAULTS.get(other)
    if facts["tick_size"] is None:
        facts["tick_size"] = str(Decimal(1).scaleb(-_whole(symbol, "digits", facts["digits"])))
    tiers = _tiers(symbol, facts["margin_tiers"])
    if tiers and "margin_tiers" in overrides and "margin_fraction" not in overrides:
        facts["margin_fraction"] = tiers[0].fraction
    instrument = _typed(symbol, facts)
    _check(instrument)
    return instrument


def _starting_facts(symbol: str, overrides: Mapping[str, object]) -> Mapping[str, object]:
    """Return the facts that the overrides change: the catalogue's, or those of ``like``."""
    catalogue = _catalogue()
    like = overrides.get(LIKE, symbol)
    if isinstance(like, str) and like in catalogue:
        return catalogue[like]
    if LIKE not in overrides and set(_FIELDS) - _DEFAULTS.keys() <= overrides.keys():
        return {}
    near = _nearest(str(like))
    key = f"instruments.{symbol}.{LIKE}" if LIKE in overrides else "symbol"
    raise ConfigError(
        f"{key} must be in the instrument catalogue; was {like!r}.",
        remedy=(
            f"Use {near}, or if your broker calls it {symbol}, add "
            f'[instruments."{symbol}"] like = "{near}" to assay.toml.'
            if near
            else f'Choose from {", ".join(SYMBOLS)}, or add [instruments."{symbol}"] with '
            "like = one of them, or with every contract fact, to assay.toml."
        ),
        key=key,
        value=like,
        nearest=near,
    )


def _nearest(symbol: str) -> str | None:
    """Return the catalogue's symbol that *symbol* seems to mean: a broker's suffix, or a slip."""
    capitals = "".join(letter for letter in symbol.upper() if letter.isalpha())
    aliases = {"GOLD": "XAUUSD", "SILVER": "XAGUSD", "XAU": "XAUUSD", "XAG": "XAGUSD"}
    for name in (*SYMBOLS, *aliases):
        if capitals.startswith(name) and (name in SYMBOLS or capitals == name):
            return aliases.get(name, name)
    return next(iter(get_close_matches(capitals, SYMBOLS, n=1)), None)


def _typed(symbol: str, facts: Mapping[str, object]) -> Instrument:
    """Parse each fact; the only place where raw values are read."""
    values: dict[str, object] = {"symbol": symbol}
    for name in _FIELDS:
        raw = facts[name]
        if name in _WHOLE:
            values[name] = _whole(symbol, name, raw)
        elif name in _DECIMAL:
            values[name] = _decimal(symbol, name, raw)
        elif name in _TEXT:
            if not isinstance(raw, str) or not raw.strip():
                raise _wrong(symbol, name, "be a text that is not empty", raw, "Quote it.")
            values[name] = raw
        elif name in _MAY_BE_EMPTY:
            if not isinstance(raw, str):
                raise _wrong(symbol, name, "be a text", raw, "Quote it.")
            values[name] = raw
        else:
            values[name] = _PARSERS[name](symbol, raw)
    return Instrument(**values)  # type: ignore[arg-type]  # each value was parsed for its field


def _wrong(symbol: str, name: str, rule: str, value: object, remedy: str) -> ConfigError:
    key = f"instruments.{symbol}.{name}"
    return ConfigError(f"{key} must {rule}; was {value!r}.", remedy=remedy, key=key, value=value)


def _whole(symbol: str, name: str, raw: object) -> int:
    low, high = _WHOLE[name]
    if isinstance(raw, bool) or not isinstance(raw, int) or not low <= raw <= high:
        rule = f"be a whole number from {low} to {high}"
        raise _wrong(symbol, name, rule, raw, "Look it up in the broker's specification.")
    return raw


def _decimal(symbol: str, name: str, raw: object) -> Decimal:
    low, high = (Decimal(bound) for bound in _DECIMAL[name])
    zero_is_fine = name in _MAY_BE_ZERO
    rule = f"be a number {'from' if zero_is_fine else 'above'} {low} to {high}"
    remedy = "Look it up in the broker's specification; quote decimals, such as '0.01'."
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise _wrong(symbol, name, rule, raw, remedy)
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        raise _wrong(symbol, name, rule, raw, remedy) from None
    if not value.is_finite() or not low <= value <= high or (value == low and not zero_is_fine):
        raise _wrong(symbol, name, rule, raw, remedy)
    return value


def _swap_mode(symbol: str, raw: object) -> SwapMode:
    if isinstance(raw, SwapMode):
        return raw
    names = [mode.value for mode in SwapMode]
    if raw not in names:
        raise _wrong(symbol, "swap_mode", f"be one of {', '.join(names)}", raw, "Choose one.")
    return SwapMode(raw)


def _margin_basis(symbol: str, raw: object) -> MarginBasis:
    if isinstance(raw, MarginBasis):
        return raw
    names = [basis.value for basis in MarginBasis]
    if raw not in names:
        raise _wrong(symbol, "margin_basis", f"be one of {', '.join(names)}", raw, "Choose one.")
    return MarginBasis(raw)


def _number(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        return None
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        return None
    return None if value.is_nan() else value


def _swap_nights(symbol: str, raw: object) -> tuple[Decimal, ...]:
    rule = f"be seven numbers of nights from 0 to {NIGHTS_MAX}, Monday to Sunday, or empty"
    remedy = "For three on Wednesday write [1, 1, 3, 1, 1, 0, 0]."
    is_list = isinstance(raw, Sequence) and not isinstance(raw, str)
    nights = [_number(one) for one in cast("Sequence[object]", raw)] if is_list else [None]
    known = tuple(one for one in nights if one is not None and 0 <= one <= NIGHTS_MAX)
    if len(known) != len(nights) or len(nights) not in (0, 7):
        raise _wrong(symbol, "swap_nights", rule, raw, remedy)
    return known


def _tiers(symbol: str, raw: object) -> tuple[MarginTier, ...]:
    rule = (
        f"be at most {MARGIN_TIERS_MAX} pairs [up to, fraction] with rising bounds, the last one "
        "'inf', and fractions above 0 to 1"
    )
    remedy = 'For 1:200 up to 50 lots and 1:100 beyond write [["50", "0.005"], ["inf", "0.01"]].'
    wrong = _wrong(symbol, "margin_tiers", rule, raw, remedy)
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MARGIN_TIERS_MAX:
        raise wrong
    tiers: list[MarginTier] = []
    last = Decimal(0)
    for pair in raw:
        if isinstance(pair, MarginTier):
            pair = (pair.up_to, pair.fraction)  # noqa: PLW2901
        numbers = [_number(one) for one in pair] if isinstance(pair, list | tuple) else []
        if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
            raise wrong
        up_to, fraction = numbers[0], numbers[1]
        if not last < up_to or not 0 < fraction <= 1:
            raise wrong
        tiers.append(MarginTier(up_to=up_to, fraction=fraction))
        last = up_to
    if tiers and not last.is_infinite():
        raise wrong
    return tuple(tiers)


def _sessions(symbol: str, raw: object) -> tuple[Session, ...]:
    rule = (
        f"be a list of [open, close] in minutes since Sunday 00:00 New York, in rising order, "
        f"within 0 and {MINUTES_PER_WEEK}"
    )
    remedy = "For Sunday 17:00 to Friday 17:00 write [[1020, 8220]]."
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not raw:
        raise _wrong(symbol, "sessions", rule, raw, remedy)
    sessions: list[Session] = []
    last = -1
    for pair in raw:
        if isinstance(pair, Session):
            bounds: list[object] = [pair.open_minute, pair.close_minute]
        else:
            bounds = list(pair) if isinstance(pair, Sequence) else []
        if len(bounds) != 2 or any(type(bound) is not int for bound in bounds):
            raise _wrong(symbol, "sessions", rule, raw, remedy)
        opens, closes = cast("list[int]", bounds)
        if not max(last, 0) <= opens < closes <= MINUTES_PER_WEEK:
            raise _wrong(symbol, "sessions", rule, raw, remedy)
        sessions.append(Session(open_minute=opens, close_minute=closes))
        last = closes
    return tuple(sessions)


_PARSERS: Mapping[str, Callable[[str, object], object]] = {
    "swap_mode": _swap_mode,
    "swap_nights": _swap_nights,
    "margin_basis": _margin_basis,
    "margin_tiers": _tiers,
    "sessions": _sessions,
}


def _check(instrument: Instrument) -> None:
    """Refuse facts that are possible one by one, but not together."""
    symbol = instrument.symbol
    tiers = instrument.margin_tiers
    if tiers and tiers[0].fraction != instrument.margin_fraction:
        rule = f"be that of the first margin tier ({tiers[0].fraction})"
        raise _wrong(symbol, "margin_fraction", rule, instrument.margin_fraction, "Leave it out.")
    if instrument.tick_size % instrument.point != 0:
        rule = f"be a multiple of one point ({instrument.point})"
        remedy = "Correct digits or tick_size."
        raise _wrong(symbol, "tick_size", rule, instrument.tick_size, remedy)
    for name in ("lot_min", "lot_max"):
        lots = getattr(instrument, name)
        if lots % instrument.lot_step != 0:
            rule = f"be a multiple of lot_step ({instrument.lot_step})"
            raise _wrong(symbol, name, rule, lots, "Correct lot_step or this limit.")
    if instrument.lot_max < instrument.lot_min:
        rule = f"be at least lot_min ({instrument.lot_min})"
        raise _wrong(symbol, "lot_max", rule, instrument.lot_max, "Swap the two limits.")
