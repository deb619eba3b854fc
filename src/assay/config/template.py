"""The commented ``assay.toml`` that ``assay init`` writes, made from the settings themselves."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from assay.config.settings import Settings

_PREAMBLE = """\
# Settings of this workspace. A line that begins with "#" and a key shows the default: remove
# the "#" to change it. A key that Assay does not know is an error, never ignored.
# `assay config show` prints what is in force; `--set section.key=value` overrides for one command.
"""
_CONTRACT_FACTS = """\
# Contract facts of a symbol that differ at your broker. `assay config show` lists every fact.
# [instruments.XAUUSD]
# commission_per_lot = "3.50"
# swap_long = "-42.1"
"""
_BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
_COMMENT_COLUMN = 40
_WIDTH = 100


def render_template(active: Mapping[str, Mapping[str, object]] | None = None) -> str:
    """Return a complete ``assay.toml``: every section and key, with default, meaning and range.

    Parameters
    ----------
    active : mapping, optional
        Values to set, by section and key. Everything else stands as a comment, so that a
        workspace follows the defaults of the release it runs on.

    Examples
    --------
    >>> print(render_template({"run": {"seed": 3}}).splitlines()[5])
    seed = 3                                # >= 0, <= 4294967295
    """
    chosen = active or {}
    parts = [_PREAMBLE]
    for section, kind in sections():
        meaning = section_meaning(kind)
        lines = [f"[{section}]  # {meaning}" if meaning else f"[{section}]"]
        for key, field in kind.model_fields.items():
            values = chosen.get(section, {})
            value = values.get(key, field.get_default(call_default_factory=True))
            lines.append(_line(key, field, value, key in values))
        parts.append("\n".join(lines) + "\n")
    parts.append(_CONTRACT_FACTS)
    return "\n".join(parts)


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the name and the type of each section, in the order of the file."""
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield section, kind


def toml_value(value: object) -> str:
    """Return *value* as TOML.

    Examples
    --------
    >>> toml_value(("H4", 0.5, True))
    '["H4", 0.5, true]'
    >>> toml_value({"at_r": 1.0})
    '{at_r = 1.0}'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items())
        return "{" + pairs + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return repr(value)
    raise ValueError(f"value must be text, number, list or table; was {value!r}.")


def allowed_values(field: FieldInfo) -> str:
    """Return the range of a setting in words, empty where anything of its type goes.

    Examples
    --------
    >>> allowed_values(Settings.model_fields["run"].annotation.model_fields["workers"])
    '>= 0, <= 256'
    """
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    if choices:
        return " | ".join(json.dumps(choice) for choice in choices)
    found: dict[str, str] = {}
    for constraint in _constraints(field):
        for name, sign in _BOUNDS:
            bound = getattr(constraint, name, None)
            if bound is not None:
                text = f"{bound:.10g}" if isinstance(bound, float) else str(bound)
                found[sign] = f"{sign} {text}"
    return ", ".join(found.values())


def _constraints(field: FieldInfo) -> Iterator[Any]:
    """Yield the constraints of a field and, for a list, those of its items."""
    yield from field.metadata
    if get_origin(field.annotation) is tuple:
        for item in get_args(field.annotation):
            for extra in getattr(item, "__metadata__", ()):
                yield from getattr(extra, "metadata", ())


def section_meaning(kind: type[BaseModel]) -> str:
    """Return what a section is for, from its docstring; empty if its name says it all.

    Examples
    --------
    >>> section_meaning(Settings.model_fields["market"].annotation)
    'what is traded, and on which bars.'
    """
    first = (kind.__doc__ or "").strip().splitlines()[0]
    return re.sub(r"^``\[\w+\]``[:.]?\s*", "", first)


def _line(key: str, field: FieldInfo, value: object, is_active: bool) -> str:
    """Return one key with its value, meaning and range."""
    if value is None:
        setting = f"# {key} ="
    else:
        setting = f"{'' if is_active else '# '}{key} = {toml_value(value)}"
    unset = "unset" if value is None else ""
    notes = "; ".join(part for part in (unset, field.description, allowed_values(field)) if part)
    if not notes:
        return setting
    line = f"{setting:<{_COMMENT_COLUMN - 1}} # {notes}"
    if len(line) <= _WIDTH:
        return line
    above = textwrap.wrap(notes, _WIDTH - 3, initial_indent="## ", subsequent_indent="## ")
    return "\n".join((*above, setting))
