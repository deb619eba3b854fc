"""What JSON answers have in common: read once, within limits, and judged before they are kept."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from assay.data.downloads.transfer import excerpt
from assay.domain.errors import ConfigError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def parsed(content: bytes) -> Any:
    """Return the JSON value of *content*, or None if it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def table_of(content: bytes) -> Mapping[str, Any] | str:
    """Return a JSON object, or what is wrong with the bytes."""
    value = parsed(content)
    if isinstance(value, dict):
        return value
    return f"bytes that are no JSON object ({excerpt(content[:60])!r})"


def flaw_of_times(times_s: Sequence[object], start_s: float, stop_s: float) -> str | None:
    """Say which time is none, or lies outside of what was asked for; None if all are right."""
    for at, time_s in enumerate(times_s):
        if isinstance(time_s, bool) or not isinstance(time_s, int | float):
            return f"a time that is none (row {at + 1}: {str(time_s)[:40]!r})"
        if not start_s <= time_s <= stop_s:
            return f"rows of another time than the one asked for (row {at + 1}: {time_s})"
    return None


def refuse_plain_http(base_url: str, key: str) -> None:
    """Refuse to send a token where others can read it.

    Raises
    ------
    ConfigError
        If *base_url* is neither ``https`` nor of this machine.
    """
    parts = urlsplit(base_url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ConfigError(
            f"downloads.{key} must begin with https, since a token is sent there; was {base_url}.",
            remedy=f"Write https in downloads.{key}.",
            key=f"downloads.{key}",
        )
