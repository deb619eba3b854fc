"""Write the reference pages of docs/ from the code: settings and commands."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import typer.core
import typer.main

from assay.cli.application import application
from assay.cli.failures import EXIT_CODES
from assay.config.template import allowed_values, section_meaning, sections, toml_value
from assay.domain.instrument import Instrument

DOCS = Path(__file__).resolve().parents[1] / "docs"
_SETTINGS_HEAD = """\
# Settings

Every setting of a workspace stands in `assay.toml`, or follows its default. This page is made from
the code by `make docs`; a test compares the two.

- A key that Assay does not know is an error: it names the file, the line and the nearest key.
- `--set section.key=value` overrides a setting for one command, and is checked in the same way.
- `assay config show` prints what is in force.
"""
_FACTS_HEAD = """\

## [instruments.SYMBOL]

Contract facts that differ at your broker. Decimals may stand in quotes, such as `"3.50"`.
`like = "XAUUSD"` takes over the facts of another symbol, for a broker's `XAUUSD.m`.

"""
_COMMANDS_HEAD = """\
# Commands

This page is made from the code by `make docs`; a test compares the two. Results go to stdout and
progress to stderr; `--json` prints one object on stdout. A failure prints one message with a
remedy, or with `--json` an object `{"error": {"code", "message", "remedy", "facts"}}`. `--debug`
after any command shows the traceback.

| exit code | meaning |
|---|---|
"""


def settings_page() -> str:
    """Return the page of all settings."""
    parts = [_SETTINGS_HEAD]
    for section, kind in sections():
        meaning = section_meaning(kind)
        parts.append(f"\n## [{section}]\n\n")
        parts.append(f"{meaning[:1].upper()}{meaning[1:]}\n" if meaning else "")
        parts.append("\n| key | default | allowed | meaning |\n|---|---|---|---|\n")
        for key, field in kind.model_fields.items():
            value = field.get_default(call_default_factory=True)
            default = "" if value is None else f"`{toml_value(value)}`"
            allowed = allowed_values(field).replace("|", "\\|").replace("<", "&lt;")
            parts.append(f"| `{key}` | {default} | {allowed} | {field.description or ''} |\n")
    parts.append(_FACTS_HEAD)
    facts = [name for name in Instrument.__dataclass_fields__ if name != "symbol"]
    parts.append("Facts: " + ", ".join(f"`{name}`" for name in facts) + ".\n")
    return "".join(parts)


def commands(group: typer.core.TyperGroup, *above: str) -> Iterator[str]:
    """Yield the words of each command of *group* and of the groups in it."""
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, *above, name)
        else:
            yield " ".join((*above, name))


def commands_page() -> str:
    """Return the page of all commands, from their own help."""
    parts = [_COMMANDS_HEAD]
    parts += [f"| {status} | {meaning} |\n" for status, meaning in EXIT_CODES]
    whole = typer.main.get_command(application)
    assert isinstance(whole, typer.core.TyperGroup)
    for command in commands(whole):
        done = subprocess.run(  # noqa: S603  (our own program with our own words)
            [sys.executable, "-m", "assay.cli.main", *command.split(), "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "96", "TERMINAL_WIDTH": "96", "LC_ALL": "C.UTF-8"},
        )
        text = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        parts.append(f"\n## assay {command}\n\n```text\n{text}\n```\n")
    return "".join(parts)


def pages() -> dict[str, str]:
    """Return the text of each page that is made from the code."""
    return {"configuration.md": settings_page(), "commands.md": commands_page()}


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
