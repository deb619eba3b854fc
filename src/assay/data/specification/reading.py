"""Specification files of any known form: recognised by their bytes, compiled to contract facts."""

import codecs
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assay.config.instruments import SYMBOLS, load_instrument
from assay.data.specification.compiling import Lender, compile_facts
from assay.data.specification.sheet import Sheet
from assay.data.specification.symbol_info import sheets_of_json
from assay.data.specification.window import sheet_of_window
from assay.domain.errors import ConfigError, DataError
from assay.domain.instrument import Instrument
from assay.domain.time import utc_ns

FILE_BYTES_MAX = 64 * 1024 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """One symbol's contract facts as a file states them, dated.

    Attributes
    ----------
    instrument : Instrument
    valid_from_ns : int
    form : str
        ``symbol_info`` or ``window``.
    source, sha256 : str
        Name and hash of the file.
    notes : tuple of str
        What a reader of a report must know.
    """

    instrument: Instrument
    valid_from_ns: int
    form: str
    source: str
    sha256: str
    notes: tuple[str, ...]


def read_specifications(
    path: Path,
    *,
    symbol: str | None = None,
    valid_from: str | None = None,
    timezone: str | None = None,
    given: Mapping[str, object] | None = None,
    before: Callable[[str, int], Lender | None] | None = None,
) -> tuple[Specification, ...]:
    """Read every symbol's specification from one file.

    Parameters
    ----------
    path : Path
        JSON of MT5's ``symbol_info()`` (one, a list, or our exporter's file), the text of the
        Specification window, or a CSV of two columns.
    symbol : str, optional
        Only this one; or the name of the one that a file does not name.
    valid_from : str, optional
        Day (its midnight UTC) or ISO 8601 time from which the facts held. Default: when the
        file says that it was exported.
    timezone : str, optional
        The server's clock, in which its sessions are. Default: what the file says.
    given : mapping, optional
        Facts that the user states, by attribute of ``Instrument``; they win over the file.
    before : callable, optional
        Returns the version of a symbol that was stored before a time: what a file leaves out
        stays as it was. Where there is none, the built-in catalogue lends it.

    Raises
    ------
    DataError
        If the file is no specification, contradicts itself, or states what Assay cannot charge
        exactly.
    ConfigError
        If an argument is wrong.
    """
    text, sha256 = _text(path)
    sheets = _sheets(text, path)
    chosen = _chosen(sheets, symbol, path)
    found = []
    for name, sheet in chosen:
        moment = parse_moment(valid_from or sheet.exported, name, path)
        compiled = compile_facts(
            sheet,
            name,
            f"{path.name}, {name}",
            valid_from_ns=moment,
            timezone=timezone,
            given=given or {},
            before=before(name, moment) if before else None,
        )
        found.append(
            Specification(
                instrument=compiled.instrument,
                valid_from_ns=moment,
                form=sheet.form,
                source=path.name,
                sha256=sha256,
                notes=compiled.notes,
            )
        )
    return tuple(found)


def parse_moment(text: str, symbol: str, path: Path) -> int:
    """Return the time that *text* names, UTC nanoseconds; a day is its midnight UTC.

    Raises
    ------
    ConfigError
        If it is empty, no time, or without a time zone.
    """
    if not text:
        raise ConfigError(
            f"{path.name} must be dated, for facts change; it does not say when {symbol}'s held.",
            remedy="Add --valid-from 2024-05-01.",
            key="valid_from",
        )
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    is_day = moment is not None and len(text.strip()) <= len("2024-05-01")
    if moment is None or (moment.tzinfo is None and not is_day):
        raise ConfigError(
            f"A date must be a day or a time with its zone, such as 2024-05-01 or "
            f"2024-05-01T21:00Z; was {text!r}.",
            remedy="Correct --valid-from.",
            key="valid_from",
            value=text,
        )
    time_ns = utc_ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if time_ns < 0:
        raise ConfigError(
            f"A date must be after 1970; was {text!r}.",
            remedy="Correct --valid-from.",
            key="valid_from",
            value=text,
        )
    return int(time_ns)


def _text(path: Path) -> tuple[str, str]:
    """Return the decoded file and the hash of its bytes."""
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if 0 < size <= FILE_BYTES_MAX else b""
    except OSError as error:
        raise DataError(
            f"{path} must be readable; was not: {error.strerror}.",
            remedy="Check the path and its permissions.",
            file=str(path),
        ) from None
    if not raw:
        raise DataError(
            f"{path.name} must have from 1 to {FILE_BYTES_MAX:,} bytes; had {size:,}.",
            remedy="Export the specification again.",
            file=str(path),
        )
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            text = "\0"
    if "\0" in text:
        raise DataError(
            f"{path.name} must be text; was not.",
            remedy="Save the specification as UTF-8 text or JSON.",
            file=str(path),
        )
    return text, hashlib.sha256(raw).hexdigest()


def _sheets(text: str, path: Path) -> tuple[Sheet, ...]:
    if text.lstrip()[:1] in ("{", "["):
        return sheets_of_json(text, path)
    return (sheet_of_window(text, path),)


def _refuse_another(sheet: Sheet, name: str, path: Path) -> None:
    """Refuse to store the facts of one known pair under the name of another."""
    if sheet.symbol in (None, name) or name not in SYMBOLS:
        return
    known = load_instrument(name)
    base, quote = sheet.texts.get("currency_base"), sheet.texts.get("currency_profit")
    if quote in (None, known.quote) and base in (None, quote, known.base):
        return
    raise ConfigError(
        f"{path.name} must be of {name}; it is of {sheet.symbol}, {base} in {quote}.",
        remedy="Correct --symbol, or leave it out.",
        key="symbol",
        value=name,
    )


def _chosen(sheets: tuple[Sheet, ...], symbol: str | None, path: Path) -> list[tuple[str, Sheet]]:
    """Return the sheets to compile, each with its name."""
    if len(sheets) == 1:
        name = symbol or sheets[0].symbol
        if not name:
            raise ConfigError(
                f"{path.name} must name its symbol; did not.",
                remedy="Add --symbol XAUUSD.",
                key="symbol",
            )
        _refuse_another(sheets[0], name, path)
        return [(name, sheets[0])]
    names = [sheet.symbol for sheet in sheets]
    twice = {str(name) for name in names if names.count(name) > 1}
    if None in names or twice:
        reason = "one has no name" if None in names else f"{', '.join(sorted(twice))} stands twice"
        raise DataError(
            f"{path.name} must name each of its symbols once; {reason}.",
            remedy="Export again with examples/export_mt5_facts.py.",
            file=str(path),
        )
    found = [(str(sheet.symbol), sheet) for sheet in sheets if symbol in (None, sheet.symbol)]
    if not found:
        raise ConfigError(
            f"{path.name} must hold {symbol}; holds {', '.join(map(str, names[:10]))}.",
            remedy="Correct --symbol.",
            key="symbol",
            value=symbol,
        )
    return found
