"""From ``assay.toml`` and ``--set`` to typed settings, or one error that names every fault."""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from assay.config.settings import Settings
from assay.config.toml_lines import Path as KeyPath
from assay.config.toml_lines import key_lines
from assay.domain.errors import ConfigError

FILE_BYTES_MAX = 1_000_000
FAULTS_SHOWN_MAX = 10
FactsOf = Callable[[str, Mapping[str, object]], object]
"""Returns the contract facts of a symbol with its overrides, or raises ``ConfigError``."""

_TYPE_RULES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "finite_number": "a finite number",
}
_RANGE_RULES = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with the settings.

    Attributes
    ----------
    where : str
        File and line, or the ``--set`` argument.
    key : str
        Dotted key, such as ``risk.kelly_multiplier``.
    message : str
        What must hold, and what the value was.
    nearest : str or None
        The known key that was probably meant.
    """

    where: str
    key: str
    message: str
    nearest: str | None = None


def load_settings(
    path: Path, overrides: Sequence[str] = (), facts_of: FactsOf | None = None
) -> Settings:
    """Read the settings of a workspace.

    Parameters
    ----------
    path : Path
        The file ``assay.toml``.
    overrides : sequence of str
        ``section.key=value`` from the command line; each wins over the file. The value
        is TOML; a bare word is text, and ``a,b`` is a list where one is wanted.
    facts_of : callable, optional
        Returns the contract facts of a symbol with its overrides, and raises where there are
        none. Default: those of the built-in catalogue.

    Raises
    ------
    ConfigError
        If the file is missing, not text, not TOML, or says something impossible. The
        message has one line per fault, each with its place, key and value.
    """
    text = read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path.name} must be valid TOML; was not: {error}.",
            remedy="Correct that line; text stands in quotes, tables in [brackets].",
            file=str(path),
        ) from None
    lines = key_lines(text)
    return settings_from_table(table, overrides, file=path, lines=lines, facts_of=facts_of)


def read_text(path: Path) -> str:
    """Return the text of a settings file.

    Raises
    ------
    ConfigError
        If there is no such file, or it is too large, unreadable or not UTF-8.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= FILE_BYTES_MAX else None
    except FileNotFoundError:
        raise ConfigError(
            f"A workspace must hold {path.name}; there was none in {path.parent}.",
            remedy="Run `assay init` there, or name the workspace with --workspace.",
            file=str(path),
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path} must be a readable file; was not: {error.strerror}.",
            remedy="Check what it is and who may read it.",
            file=str(path),
        ) from None
    if raw is None:
        raise ConfigError(
            f"{path.name} must be at most {FILE_BYTES_MAX:,} bytes; was {path.stat().st_size:,}.",
            remedy="Check that this is a settings file and not market history.",
            file=str(path),
        )
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path.name}:{line} must be UTF-8 text; was byte 0x{raw[error.start]:02x}.",
            remedy="Save the file as UTF-8.",
            file=str(path),
            line=line,
        ) from None


def settings_from_table(
    table: Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    file: Path | None = None,
    lines: Mapping[KeyPath, int] | None = None,
    facts_of: FactsOf | None = None,
) -> Settings:
    """Validate a parsed table with its overrides.

    Raises
    ------
    ConfigError
        As :func:`load_settings`.
    """
    merged: dict[str, Any] = _plain(table)
    origins: dict[KeyPath, str] = {}
    if file is not None and lines is not None:
        origins = {path: f"{file.name}:{line}" for path, line in lines.items()}
    for text in overrides:
        path, value = _parse_override(text)
        _put(merged, path, value, text)
        origins[path] = f"--set {text}"
    try:
        settings = Settings.model_validate_json(json.dumps(merged), strict=True)
    except ValidationError as error:
        faults = [_fault(dict(entry), origins, merged) for entry in error.errors()]
        raise _error(faults, file) from None
    faults = _contradictions(settings, origins, facts_of)
    if faults:
        raise _error(faults, file)
    return settings


def known_keys() -> tuple[str, ...]:
    """Return every dotted key, in the order of the sections."""
    return tuple(
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for key in field.annotation.model_fields
    )


def _plain(value: Any) -> Any:
    """Return *value* in the types of JSON; a TOML date becomes its ISO text."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool) else value.isoformat()


def _parse_override(text: str) -> tuple[KeyPath, Any]:
    """Split ``section.key=value``, and read the value as TOML or else as text."""
    key, equals, raw = text.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not equals or len(path) < 2 or not all(path):
        raise ConfigError(
            f"--set must be section.key=value; was {text!r}.",
            remedy="Write, for example, --set run.seed=8.",
            value=text,
        )
    try:
        value = _plain(tomllib.loads(f"value = {raw}")["value"])
    except (tomllib.TOMLDecodeError, KeyError):
        value = raw.strip()
    if isinstance(value, str) and _wants_list(path):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return path, value


def _wants_list(path: KeyPath) -> bool:
    """Whether the setting at *path* is a list of texts."""
    section = Settings.model_fields.get(str(path[0]))
    kind = section.annotation if section else None
    if len(path) != 2 or not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return False
    field = kind.model_fields.get(str(path[1]))
    return field is not None and field.annotation == tuple[str, ...]


def _put(table: dict[str, Any], path: KeyPath, value: Any, text: str) -> None:
    """Store *value* at *path*, making the tables on the way."""
    for key in path[:-1]:
        inner = table.setdefault(str(key), {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f"--set must name a key inside a table; was {text!r}.",
                remedy="`assay config show` lists every key.",
                value=text,
            )
        table = inner
    table[str(path[-1])] = value


def _fault(entry: dict[str, Any], origins: Mapping[KeyPath, str], table: Any) -> Fault:
    """Put one finding of the validator into the house form."""
    path: KeyPath = tuple(entry["loc"])
    key, kind, value = _dotted(path), entry["type"], entry["input"]
    where = _where(path, origins)
    context = entry.get("ctx", {})
    if kind == "extra_forbidden":
        nearest = _nearest(path, table)
        meant = f" Did you mean {nearest}?" if nearest else ""
        thing = "section" if len(path) == 1 else "key"
        return Fault(
            where=where, key=key, nearest=nearest, message=f"{key} is no known {thing}.{meant}"
        )
    if kind in _TYPE_RULES:
        rule = _TYPE_RULES[kind]
    elif kind in _RANGE_RULES:
        words, bound = _RANGE_RULES[kind]
        rule = f"{words} {context[bound]:g}"
    elif kind == "literal_error":
        rule = f"one of {context['expected']}" if " or " in context["expected"] else "true"
    elif kind == "missing":
        return Fault(where=where, key=key, message=f"{key} must be set; was missing.")
    elif kind == "value_error":
        return Fault(where=where, key=key, message=f"{key}: {context['error']}.")
    else:
        rule = f"valid: {entry['msg']}"
    return Fault(where=where, key=key, message=f"{key} must be {rule}; was {json.dumps(value)}.")


def _contradictions(
    settings: Settings, origins: Mapping[KeyPath, str], facts_of: FactsOf | None
) -> list[Fault]:
    """Check what one field alone cannot show: names, dates, contract facts."""
    # Loaded here because the loader must also serve `assay config` when these are broken.
    from assay.config.instruments import load_instrument
    from assay.domain.timeframe import Timeframe

    faults: list[Fault] = []

    def check(path: KeyPath, attempt: Any) -> Any:
        try:
            return attempt()
        except ConfigError as error:
            inner = str(error.facts.get("key", ""))
            inner = inner if inner.startswith(_dotted(path)) else _dotted(path)
            place = path + tuple(inner.removeprefix(_dotted(path) + ".").split("."))
            text = f"{_dotted(path)}: {error.message} {error.remedy}"
            faults.append(Fault(where=_where(place, origins), key=inner, message=text))
        except ValueError as error:
            text = f"{_dotted(path)} {error}"
            faults.append(Fault(where=_where(path, origins), key=_dotted(path), message=text))
        return None

    market = settings.market
    check(("market", "timeframe"), lambda: Timeframe.parse(market.timeframe))
    for i_name, name in enumerate(settings.features.timeframes):
        check(("features", "timeframes", i_name), lambda name=name: Timeframe.parse(name))
    known = facts_of or load_instrument
    for symbol in (*market.symbols, *settings.instruments):
        facts = settings.instruments.get(symbol, {})
        path = ("instruments", symbol) if facts else ("market", "symbols")
        check(path, lambda symbol=symbol, facts=facts: known(symbol, facts))
    days = {
        name: check(("market", name), lambda text=text: _day(text))
        for name, text in (("start", market.start), ("end", market.end))
        if text is not None
    }
    start, end = days.get("start"), days.get("end")
    if start and end and start >= end:
        check(("market", "end"), lambda: _refuse(f"must be after start {start}; was {end}."))
    return list(dict.fromkeys(faults))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"must be a day such as 2015-01-31; was {text!r}.") from None


def _refuse(text: str) -> None:
    raise ValueError(text)


def _dotted(path: KeyPath) -> str:
    """Return ``exits.targets[0].at_r`` for its path."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def _where(path: KeyPath, origins: Mapping[KeyPath, str]) -> str:
    """Return the place of *path*, of its nearest parent, or of a key below it."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in origins:
            return origins[path[:depth]]
    below = [origin for known, origin in origins.items() if known[: len(path)] == path]
    return below[0] if below else "the defaults"


def _nearest(path: KeyPath, table: Any) -> str | None:
    """Return the known key that *path* was probably meant to be."""
    if len(path) == 1:
        sections = list(Settings.model_fields)
        close = get_close_matches(str(path[0]), sections, n=1)
        return f"[{close[0]}]" if close else None
    keys = known_keys()
    elsewhere = [key for key in keys if key.endswith(f".{path[-1]}")]
    if elsewhere:
        return elsewhere[0]
    siblings = [key for key in keys if key.startswith(f"{path[0]}.")]
    close = get_close_matches(_dotted(path), siblings, n=1, cutoff=0.6)
    if close:
        return close[0]
    last = {key.rsplit(".", 1)[1]: key for key in reversed(keys)}
    close = get_close_matches(str(path[-1]), list(last), n=1, cutoff=0.75)
    return last[close[0]] if close else None


def _error(faults: Sequence[Fault], file: Path | None) -> ConfigError:
    """Join *faults* into one error; its facts are those of the first."""
    shown = [f"{fault.where}: {fault.message}" for fault in faults[:FAULTS_SHOWN_MAX]]
    if len(faults) > len(shown):
        shown.append(f"and {len(faults) - len(shown)} more")
    first = faults[0]
    line = first.where.rpartition(":")[2]
    what = "it" if len(faults) == 1 else "each of them"
    return ConfigError(
        "\n".join(shown),
        remedy=f"Correct {what}; `assay config show` lists every key with its range.",
        file=str(file) if file else None,
        line=int(line) if line.isdigit() else None,
        key=first.key,
        nearest=first.nearest,
        faults=[
            {"where": fault.where, "key": fault.key, "message": fault.message} for fault in faults
        ],
    )
