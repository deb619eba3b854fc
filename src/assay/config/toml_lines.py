"""Where in a TOML file each key stands."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
"""Keys from the top of the file; an integer counts the tables of an array."""

_HEADER = re.compile(r"^\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?$")
_BLANK = re.compile(r"^\s*(#.*)?$")


def key_lines(text: str) -> dict[Path, int]:
    """Return the line of every table and key of *text*.

    Parameters
    ----------
    text : str
        Valid TOML.

    Returns
    -------
    lines : dict
        From a path, such as ``("exits", "targets", 0, "at_r")``, to its line, counted
        from 1. Keys inside a value that spans several lines have the line it begins on.

    Examples
    --------
    >>> key_lines('[run]')
    {('run',): 1}
    """
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, statement in _statements(text):
        header = _HEADER.match(statement)
        if header:
            table = _keys_of(f"[{header.group(2)}]")
            if header.group(1) == "[[":
                i_table = counts.get(table, 0)
                counts[table] = i_table + 1
                lines.setdefault(table, number)
                table = (*table, i_table)
            lines.setdefault(table, number)
            continue
        for path in _leaves(tomllib.loads(statement)):
            for depth in range(len(table) + 1, len(table) + len(path) + 1):
                lines.setdefault((*table, *path)[:depth], number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header or key with its whole value, and the line on which it begins."""
    pending: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending:
            if _BLANK.match(line):
                continue
            first = number
        pending.append(line)
        statement = "\n".join(pending)
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # the value goes on in the next line
        pending = []
        yield first, statement


def _keys_of(header: str) -> Path:
    """Return the keys of ``[a.b]``, in whatever quotes they stand."""
    keys: list[str | int] = []
    table = tomllib.loads(header)
    while table:
        key, table = next(iter(table.items()))
        keys.append(key)
    return tuple(keys)


def _leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything that is neither a table nor an array of tables."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for i_table, inner in enumerate(value):
            yield from _leaves(inner, (*path, i_table))
    else:
        yield path
