"""Which runs of the table are shown, and in which order."""

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from assay.domain.errors import ConfigError
from assay.research.comparison.run_table import RunRow, canonical

OUTCOMES = ("edge", "no edge", "not enough data", "not evidence")
_MOMENT = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2})?Z?)?)?)?")
_BEGINNING = "0001-01-01T00:00:00"
_ORDERS: dict[str, tuple[Callable[[RunRow], Any], bool]] = {
    "when": (lambda row: row.at, True),
    "name": (lambda row: row.name.casefold(), False),
    "market": (lambda row: row.market, False),
    "verdict": (lambda row: _place(row.verdict), False),
    "sharpe": (lambda row: row.sharpe.value, True),
    "dsr": (lambda row: row.deflated_sharpe, True),
    "net": (lambda row: row.total_return, True),
    "drawdown": (lambda row: row.max_drawdown, False),
    "trades": (lambda row: row.n_trades, True),
    "days": (lambda row: row.n_days, True),
    "trials": (lambda row: row.n_trials, True),
}
ORDERS = tuple(_ORDERS)
"""What rows can be sorted by; the best, latest or largest comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What a run must be to be shown; None asks for nothing.

    Attributes
    ----------
    verdict : str or None
        One of ``OUTCOMES``; a hyphen may stand for a space.
    symbol, timeframe, kind : str or None
    since : str or None
        ISO day, month, year or moment, UTC.
    sharpe_min : float or None
        Least annual Sharpe ratio.
    settings : tuple of (str, str)
        Dotted key and value as text; each must hold.
    """

    verdict: str | None = None
    symbol: str | None = None
    timeframe: str | None = None
    kind: str | None = None
    since: str | None = None
    sharpe_min: float | None = None
    settings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.verdict is not None and self.verdict.replace("-", " ") not in OUTCOMES:
            raise ConfigError(
                f"--verdict must be one of {', '.join(OUTCOMES)}; was {self.verdict!r}.",
                remedy="Write, for example, --verdict no-edge.",
                value=self.verdict,
            )
        if self.since is not None and not _is_moment(self.since):
            raise ConfigError(
                f"--since must be a day of the calendar such as 2026-01-31; was {self.since!r}.",
                remedy="Write year, month and day, and perhaps a time: 2026-01-31T12:00.",
                value=self.since,
            )
        if self.sharpe_min is not None and math.isnan(self.sharpe_min):
            raise ConfigError(
                "--sharpe-min must be a number; was nan.",
                remedy="Write, for example, --sharpe-min 0.5.",
                value="nan",
            )

    def words(self) -> str:
        """Return what is asked for, in words; nothing where nothing is.

        Examples
        --------
        >>> RunFilter(verdict="edge", sharpe_min=0.5).words()
        'verdict edge, Sharpe ratio at least 0.5'
        """
        said = [
            f"verdict {self.verdict.replace('-', ' ')}" if self.verdict else "",
            f"symbol {self.symbol}" if self.symbol else "",
            f"timeframe {self.timeframe}" if self.timeframe else "",
            f"kind {self.kind}" if self.kind else "",
            f"since {self.since}" if self.since else "",
            "" if self.sharpe_min is None else f"Sharpe ratio at least {self.sharpe_min:g}",
            *(f"{key}={value}" for key, value in self.settings),
        ]
        return ", ".join(text for text in said if text)

    def passes(self, row: RunRow) -> bool:
        """Whether *row* is all that is asked for."""
        if self.verdict is not None and row.verdict != self.verdict.replace("-", " "):
            return False
        if self.symbol is not None and self.symbol.upper() not in map(str.upper, row.symbols):
            return False
        if self.timeframe is not None and self.timeframe.upper() != row.timeframe.upper():
            return False
        if self.kind is not None and self.kind != row.kind:
            return False
        if self.since is not None and row.at < self.since.replace(" ", "T").rstrip("Z"):
            return False
        if self.sharpe_min is not None and not row.sharpe.value >= self.sharpe_min:
            return False
        return all(
            key in row.settings and _is(row.settings[key], value) for key, value in self.settings
        )


def parse_setting(text: str) -> tuple[str, str]:
    """Return key and value of ``section.key=value``.

    Raises
    ------
    ConfigError
        If it has another form.
    """
    key, equals, value = text.partition("=")
    if not equals or "." not in key.strip("."):
        raise ConfigError(
            f"--setting must be section.key=value; was {text!r}.",
            remedy="Write, for example, --setting exits.stop_atr=6.",
            value=text,
        )
    return key.strip(), value.strip()


def check_settings_known(asked: RunFilter, rows: Iterable[RunRow]) -> None:
    """Refuse a setting that no run has.

    Raises
    ------
    ConfigError
        If a key is in none of *rows*, while there are rows.
    """
    known = sorted({key for row in rows for key in row.settings})
    for key, _ in asked.settings:
        if known and key not in known:
            close = get_close_matches(key, known, n=1)
            raise ConfigError(
                f"--setting must name a setting that some run has; {key} is in none.",
                remedy=f"Use {close[0]}." if close else "`assay config show` lists every key.",
                key=key,
                nearest=close[0] if close else None,
            )


def check_order(order: str) -> None:
    """Refuse an order that does not exist.

    Raises
    ------
    ConfigError
        If it is none of ``ORDERS``.
    """
    if order not in _ORDERS:
        close = get_close_matches(order, ORDERS, n=1)
        raise ConfigError(
            f"--sort must be one of {', '.join(ORDERS)}; was {order!r}.",
            remedy=f"Use {close[0]}." if close else "Choose one of them.",
            value=order,
        )


def sorted_runs(rows: Sequence[RunRow], order: str, *, is_reversed: bool = False) -> list[RunRow]:
    """Return *rows* by *order*, the best, latest or largest first; the unknown come last.

    Equal ones stay in order of name.
    """
    check_order(order)
    read, downwards = _ORDERS[order]
    by_name = sorted(rows, key=lambda row: row.name)
    known = [row for row in by_name if not _is_nan(read(row))]
    unknown = [row for row in by_name if _is_nan(read(row))]
    known.sort(key=read, reverse=downwards is not is_reversed)
    return [*known, *unknown]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _place(outcome: str) -> int:
    return OUTCOMES.index(outcome) if outcome in OUTCOMES else len(OUTCOMES)


def _is(value: object, text: str) -> bool:
    """Whether a setting has the value that *text* says, as TOML, JSON or a bare word."""
    wanted = canonical(value)
    if isinstance(value, list) and not text.startswith("["):
        return [canonical(item) for item in value] == [
            canonical(_read(part.strip())) for part in text.split(",") if part.strip()
        ]
    return canonical(_read(text)) == wanted or (isinstance(value, str) and text == value)


def _read(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        pass
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_moment(text: str) -> bool:
    """Whether *text* is a year, month, day or time that there is."""
    if not _MOMENT.fullmatch(text):
        return False
    written = text.rstrip("Z")
    try:
        datetime.fromisoformat(written + _BEGINNING[len(written) :])
    except ValueError:
        return False
    return True
