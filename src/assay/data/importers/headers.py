"""Column headers as sources spell them, and the role each one names."""

import re
from collections.abc import Mapping, Sequence

from assay.domain.errors import ConfigError

_SYNONYMS = {
    "time": "time timestamp datetime date_time gmt_time utc_time local_time open_time opentime "
    "time_utc datetime_utc timestamp_utc date_utc time_open ts t time_gmt datetime_gmt index_time "
    "unix epoch unixtime unix_time time_msc gmt utc time_eet time_ns utc_datetime etc_utc",
    "date": "date day dtyyyymmdd yyyymmdd",
    "open": "open o open_bid bid_open openbid bidopen bid_o o_bid open_price first",
    "high": "high h high_bid bid_high highbid bidhigh bid_h h_bid high_price max",
    "low": "low l low_bid bid_low lowbid bidlow bid_l l_bid low_price min",
    "close": "close c close_bid bid_close closebid bidclose bid_c c_bid close_price",
    "ask_open": "ask_open open_ask openask askopen ask_o o_ask",
    "ask_high": "ask_high high_ask highask askhigh ask_h h_ask",
    "ask_low": "ask_low low_ask lowask asklow ask_l l_ask",
    "ask_close": "ask_close close_ask closeask askclose ask_c c_ask",
    "volume": "tick_volume tickvol tickvolume ticks volume vol v tick_count",
    "spread": "spread",
    "bid": "bid bid_price bidprice b",
    "ask": "ask ask_price askprice offer a",
    "symbol": "symbol ticker instrument pair asset currency_pair",
    "timeframe": "timeframe per period interval tf",
}
_ROLE_OF = {
    spelling: role for role, spellings in _SYNONYMS.items() for spelling in spellings.split()
}
ROLES = (*_SYNONYMS, "clock")
_CLOCK = frozenset({"time", "hour", "hhmmss", "timestamp", "time_of_day"})


def normal(header: str) -> str:
    """Return *header* in lower case with single underscores and no brackets."""
    return re.sub(r"[^a-z0-9]+", "_", header.strip().lower()).strip("_")


def roles_of(headers: Sequence[str]) -> dict[str, int]:
    """Return the position of each role among *headers*; the first spelling listed wins.

    A date column next to a time column makes the latter the ``clock``.

    Examples
    --------
    >>> roles_of(["<DATE>", "<TIME>", "<OPEN>", "<TICKVOL>", "<VOL>"])
    {'date': 0, 'clock': 1, 'open': 2, 'volume': 3}
    """
    found: dict[str, int] = {}
    rank: dict[str, int] = {}
    for position, header in enumerate(headers):
        name = normal(header)
        role = _ROLE_OF.get(name)
        if role is None:
            role = "time" if name.startswith(("time_", "date_time_", "datetime_")) else None
        if role is None:
            continue
        place = (_SYNONYMS[role].split()).index(name) if name in _SYNONYMS[role].split() else 99
        if role not in found or place < rank[role]:
            found[role], rank[role] = position, place
    if "date" in found:
        if "time" in found and normal(headers[found["time"]]) in _CLOCK:
            found["clock"] = found.pop("time")
        elif "time" not in found:
            clock = [i for i, header in enumerate(headers) if normal(header) in _CLOCK]
            if clock:
                found["clock"] = clock[0]
    if "date" in found and "time" in found:
        del found["date"]
    return dict(sorted(found.items(), key=lambda item: item[1]))


def without_part_of_ask(found: Mapping[str, int]) -> dict[str, int]:
    """Return roles without those of an ask side of which a part is missing."""
    sides = [f"ask_{part}" for part in ("open", "high", "low", "close")]
    is_whole = all(side in found for side in sides)
    return {role: at for role, at in found.items() if is_whole or role not in sides}


def symbol_written(text: str) -> str:
    """Return a symbol as Assay writes it: without separators and settlement currency.

    Examples
    --------
    >>> [symbol_written(text) for text in ("EUR/USD", "DE30_EUR", "BTC/USDT:USDT")]
    ['EURUSD', 'DE30EUR', 'BTCUSDT']
    """
    return re.sub(r"[^A-Z0-9]", "", text.upper().split(":")[0])


def stated_timezone(headers: Sequence[str]) -> str | None:
    """Return the zone that a time header itself names, such as ``Gmt time``."""
    for header in headers:
        words = set(normal(header).split("_"))
        if words & {"gmt", "utc"} and words & {"time", "date", "datetime", "timestamp", "etc"}:
            return "UTC"
        if words & {"gmt", "utc"} and len(words) == 1:
            return "UTC"
        if "time" in words and "eet" in words:
            return "EET"
    return None


def chosen_roles(columns: Mapping[str, str | int], headers: Sequence[str]) -> dict[str, int]:
    """Return positions for a mapping that a user wrote: role to header, or to position from 1.

    Raises
    ------
    ConfigError
        If a role or a column does not exist.
    """
    found: dict[str, int] = {}
    for role, column in columns.items():
        if role not in ROLES:
            raise ConfigError(
                f"A column role must be one of {', '.join(ROLES)}; was {role!r}.",
                remedy="Correct the role.",
                value=role,
            )
        names = [normal(header) for header in headers]
        if isinstance(column, str) and normal(column) in names:
            found[role] = names.index(normal(column))
        elif str(column).isdigit() and 1 <= int(column) <= len(headers):
            found[role] = int(column) - 1
        else:
            raise ConfigError(
                f"Column for {role} must be a header or a position from 1 to {len(headers)}; "
                f"was {column!r}.",
                remedy=f"The headers are: {', '.join(headers)}.",
                value=column,
            )
    return found


def with_told(found: Mapping[str, int], told: Mapping[str, int]) -> dict[str, int]:
    """Return recognised roles, overridden by those a user named.

    A column that the user gave a role loses the one it was recognised in; a told time
    column replaces date and clock, and the other way round.
    """
    taken = set(told.values())
    kept = {role: at for role, at in found.items() if role not in told and at not in taken}
    if "time" in told:
        kept = {role: at for role, at in kept.items() if role not in ("date", "clock")}
    if "date" in told:
        kept.pop("time", None)
    return dict(sorted({**kept, **told}.items(), key=lambda item: item[1]))
