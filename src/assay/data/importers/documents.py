"""JSON of any source, read within limits: size, depth, no key twice, no number that is none."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.data.importers.source import checked_file
from assay.domain.errors import DataError

DOCUMENT_BYTES_MAX = 128 << 20
DEPTH_MAX = 32
_SHOWN_MAX = 60
_SCAN_BYTES = 1 << 20
_BLANKS = " \t\r\n"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One JSON value of a file.

    Attributes
    ----------
    value : object
        What ``json`` makes of it; ``None`` where *fault* tells why it could not be read.
    line : int
        Line at which it begins, from 1.
    text : str
        The text of a document that could not be read; empty for others.
    fault : str
        Why it could not be read; empty for a good one.
    """

    value: object
    line: int
    text: str = ""
    fault: str = ""


class _Twice(dict[str, object]):
    """An object in which a key stands twice; *key* is its name."""

    key = ""


@dataclass(frozen=True, slots=True)
class _Constant:
    """A literal that JSON does not have: NaN, Infinity, -Infinity."""

    text: str


def looks_like_json(head: bytes) -> bool:
    """Tell whether a file begins as a JSON object or array does."""
    return text_of_head(head).lstrip(_BLANKS)[:1] in ("{", "[")


def text_of_head(head: bytes) -> str:
    """Return the first bytes of a file as text; what is cut off or no text is left out."""
    text = head.decode(json.detect_encoding(head), errors="ignore")
    return text.removeprefix("\ufeff")


def read_documents(path: Path, *, bytes_max: int = DOCUMENT_BYTES_MAX) -> Iterator[Document]:
    """Yield the JSON values of a file: one, several in succession, or one per line.

    A line that is no JSON, in a file of one value per line, is yielded with its *fault*;
    the others stay readable.

    Parameters
    ----------
    path : Path
    bytes_max : int
        Larger files are refused before they are read.

    Raises
    ------
    DataError
        If the file is missing, empty, too large, no text, nested too deeply, or not JSON;
        if an object names a key twice, or a number is NaN or infinite. Names file, line,
        offset or key, and value.
    """
    text = _text_of(path, bytes_max)
    _refuse_deep(path, text)
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_Constant)
    at = _after_blanks(text, 0)
    line = 1 + text.count("\n", 0, at)
    are_lines: bool | None = None
    while at < len(text):
        end_of_line = text.find("\n", at)
        end_of_line = len(text) if end_of_line < 0 else end_of_line
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if not are_lines:
                raise _no_json(path, text, at, error) from None
            value, end, fault = None, end_of_line, _words(error)
        else:
            fills_line = end <= end_of_line <= _after_blanks(text, end)
            are_lines = fills_line if are_lines is None else are_lines
            fault = "" if fills_line or not are_lines else "other text on the line"
        if fault:
            end = end_of_line
            yield Document(value=None, line=line, text=text[at:end].strip(_BLANKS), fault=fault)
        else:
            _refuse_odd(path, value, line)
            yield Document(value=value, line=line)
        following = _after_blanks(text, end)
        line += text.count("\n", at, following)
        at = following


def _text_of(path: Path, bytes_max: int) -> str:
    size = checked_file(path)
    if size > bytes_max:
        raise DataError(
            f"{path} must be at most {bytes_max >> 20} MiB of JSON; was {size >> 20} MiB.",
            remedy="Split it into several files; parts merge into one series.",
            path=str(path),
            size=size,
        )
    content = path.read_bytes()
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} must be JSON in {encoding}; byte {content[error.start]:#04x} at offset "
            f"{error.start} is none.",
            remedy="It is damaged: download it again.",
            path=str(path),
            offset=error.start,
        ) from None
    return text.removeprefix("\ufeff")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    twice = _Twice(found)
    for key, _ in pairs:
        if key in seen:
            twice.key = key
            break
        seen.add(key)
    return twice


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _words(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:_SHOWN_MAX]


def _no_json(path: Path, text: str, at: int, error: Exception) -> DataError:
    offset = error.pos if isinstance(error, json.JSONDecodeError) else at
    line = text.count("\n", 0, offset) + 1
    shown = text[offset : offset + _SHOWN_MAX].split("\n", maxsplit=1)[0]
    what = f"at {shown!r}" if shown else "at its end: it is cut off"
    return DataError(
        f"{path} line {line} (offset {offset}) must be JSON; was not, {what}: {_words(error)}.",
        remedy="It is cut off or damaged: download it again.",
        path=str(path),
        line=line,
        offset=offset,
    )


def _refuse_deep(path: Path, text: str) -> None:
    """Refuse nesting beyond ``DEPTH_MAX``, before anything is built from it."""
    depth, in_string = 0, False
    plain = _STRING.sub('""', text) if "\\" in text else text
    content = plain.encode("utf-8", errors="replace")
    for start in range(0, len(content), _SCAN_BYTES):
        piece = np.frombuffer(content, dtype=np.uint8, count=-1, offset=start)[:_SCAN_BYTES]
        is_inside = (np.cumsum(piece == ord('"')) + in_string) % 2 == 1
        in_string = bool(is_inside[-1])
        opens = ((piece == ord("[")) | (piece == ord("{"))) & ~is_inside
        closes = ((piece == ord("]")) | (piece == ord("}"))) & ~is_inside
        depths = depth + np.cumsum(opens.astype(np.int32) - closes.astype(np.int32))
        depth = max(0, int(depths[-1]))
        if depths.max() > DEPTH_MAX:
            offset = start + int(np.flatnonzero(depths > DEPTH_MAX)[0])
            line = content.count(b"\n", 0, offset) + 1
            raise DataError(
                f"{path} line {line} (offset {offset}) must be nested at most {DEPTH_MAX} deep; "
                "was deeper.",
                remedy="Check that it is market data; it may be damaged.",
                path=str(path),
                line=line,
                offset=offset,
            )


def _refuse_odd(path: Path, value: object, line: int) -> None:
    """Refuse what other readers of JSON would silently change, naming its key path."""
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        key, item = stack.pop()
        if isinstance(item, _Twice):
            name = f"{key}.{item.key}".lstrip(".")
            raise DataError(
                f"{path} key {name} (document at line {line}) must stand once in its object; "
                "stands twice.",
                remedy="Download it again; if the source writes it so, remove one of the two.",
                path=str(path),
                key=name,
                line=line,
            )
        if isinstance(item, _Constant):
            raise DataError(
                f"{path} key {key.lstrip('.') or 'of the document'} (document at line {line}) must "
                f"be JSON; was {item.text}.",
                remedy="Write null, or leave the row out: JSON has no NaN and no Infinity.",
                path=str(path),
                key=key.lstrip("."),
                value=item.text,
                line=line,
            )
        if isinstance(item, Mapping):
            stack += [(f"{key}.{name}", child) for name, child in item.items() if _is_odd(child)]
        elif isinstance(item, list):
            stack += [(f"{key}[{i}]", child) for i, child in enumerate(item) if _is_odd(child)]


def _is_odd(value: object) -> bool:
    """Tell whether something odd may be, or be in, *value*."""
    return isinstance(value, dict | list | _Constant)


def text_of(value: object) -> str:
    """Return a record as compact JSON, for the quarantine."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def is_list_of(value: object, kind: type) -> bool:
    """Tell whether *value* is a filled list that begins with a *kind*."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], kind)


def as_list(value: object) -> Sequence[object]:
    """Return a list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]
