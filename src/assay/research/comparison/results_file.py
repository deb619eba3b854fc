"""Read parts of a stored ``results.json``, of which most is never needed.

The file holds one top-level key a line, sorted. What a table shows stands before and after the
one long line, ``strategies``; only the pages that hold it are touched. Standard library only, so
that a list of runs appears at once.
"""

import json
import mmap
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

RESULTS_FILE = "results.json"
META_FILE = "meta.json"
SCHEMAS = ("assay.results/1",)
"""Forms that this version reads."""

BYTES_MAX = 2_000_000_000
META_BYTES_MAX = 1_000_000
_LONG = b'\n"strategies":'
_AFTER = (b'\n"tables":', b'\n"title":', b'\n"verdict":', b'\n"warnings":')
_DAYS_END = b'],"equity":['


class UnreadableRunError(ValueError):
    """A report folder does not hold what a run leaves; the text says why."""


def read_keys(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    """Return the values of *keys*; those that the file does not have are absent.

    Parameters
    ----------
    path : Path
        A ``results.json``.
    keys : iterable of str
        Top-level keys. ``span`` is made here: first and last day of the strategies.

    Raises
    ------
    UnreadableRunError
        If the file is absent, no file, of another schema, or damaged where it is read.
    """
    wanted = set(keys) | {"schema"}
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise UnreadableRunError(_words(path, error)) from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableRunError(f"{path.name} is no file")
        if not facts.st_size:
            raise UnreadableRunError(f"{path.name} is empty")
        if facts.st_size > BYTES_MAX:
            raise UnreadableRunError(f"{path.name} is larger than {BYTES_MAX:,} bytes")
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
            return _read(content, wanted)
    except OSError as error:
        raise UnreadableRunError(_words(path, error)) from None
    finally:
        os.close(descriptor)


def _read(content: mmap.mmap, wanted: set[str]) -> dict[str, Any]:
    """Return the wanted values of a mapped file."""
    if content[:2] != b"{\n" or content[-3:] != b"\n}\n":
        raise UnreadableRunError(
            f"{RESULTS_FILE} is cut short or was not written by Assay: it must begin and end "
            "with a brace on a line of its own"
        )
    begin = content.find(_LONG)
    if begin < 0:
        blocks, long_line = [content[2:-3]], None
    else:
        end = _end_of_long_line(content, begin, exactly="strategies" in wanted)
        blocks, long_line = [content[2:begin], content[end + 1 : -3]], (begin + 1, end)
    found: dict[str, Any] = {}
    for block in blocks:
        for line in block.split(b"\n"):
            _take(line, wanted, found)
    if found.get("schema") not in SCHEMAS:
        told = found.get("schema", "missing")
        raise UnreadableRunError(f"its schema is {told!r}; this version reads {SCHEMAS[-1]!r}")
    if long_line is not None:
        if "strategies" in wanted:
            _take(content[slice(*long_line)], wanted, found)
        if "span" in wanted:
            found["span"] = _span(content, *long_line)
    return found


def _end_of_long_line(content: mmap.mmap, begin: int, *, exactly: bool) -> int:
    """Return where the line of the strategies ends.

    *exactly* looks for its end from its begin, which touches every page of it. Otherwise the
    known keys after it are looked for from the end of the file; a key between that this version
    does not know counts to the line then.
    """
    for key in () if exactly else _AFTER:
        place = content.rfind(key, begin)
        if place >= 0:
            return place
    return content.find(b"\n", begin + 1)


def _take(line: bytes, wanted: set[str], found: dict[str, Any]) -> None:
    """Add the key and value of one line to *found*, if it is wanted."""
    name, colon, value = line.partition(b'":')
    key = name[1:].decode("utf-8", "replace")
    if not colon or key not in wanted:
        return
    try:
        found[key] = json.loads(value.rstrip(b","))
    except (ValueError, RecursionError) as error:
        told = str(error) or type(error).__name__
        raise UnreadableRunError(f"{key} in {RESULTS_FILE} is damaged: {told}") from None


def _span(content: mmap.mmap, begin: int, end: int) -> tuple[str, str] | None:
    """Return first and last day of the first strategy; None where it has no day."""
    first = content.find(b'"day":["', begin, end)
    last = content.find(_DAYS_END, first, end) if first >= 0 else -1
    if first < 0 or last < 0:
        return None
    first += len(b'"day":["')
    return (
        content[first : first + 10].decode("ascii", "replace"),
        content[last - 11 : last - 1].decode("ascii", "replace"),
    )


def read_meta(folder: Path) -> Mapping[str, Any]:
    """Return ``meta.json`` of a report folder; nothing where it is absent or damaged."""
    path = folder / META_FILE
    try:
        if not path.is_file() or path.stat().st_size > META_BYTES_MAX:
            return {}
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _words(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"it has no {path.name}"
    return f"{path.name} cannot be read: {error.strerror or error}"
