"""From a fault to a message, a remedy and an exit status."""

import json
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from assay.cli.screen import Screen, plain
from assay.domain.errors import AssayError

BUG = 1
USAGE = 2
LEAKS_FOUND = 7
PROVER_UNTRUSTED = 8
INTERRUPTED = 130
EXIT_CODES = (
    (0, "the command did what it says"),
    (1, "a bug in Assay: please report it"),
    (2, "a setting, an argument or the workspace is wrong"),
    (3, "market data are missing, malformed or too few"),
    (4, "a model is missing, corrupt or made for other features"),
    (5, "the broker could not be asked, or refused"),
    (6, "worker processes died, or the cluster that computes was lost"),
    (7, "a leak was found: something knows the future"),
    (8, "the leak prover missed a leak that it had planted: it proves nothing"),
    (130, "stopped by Ctrl-C; what was finished is kept, nothing is half-written"),
)


def report_fault(fault: BaseException, *, as_json: bool, is_debug: bool) -> int:
    """Tell the user what went wrong, and return the exit status.

    Messages go to stderr; with ``--json`` one object goes to stdout. A traceback appears
    with ``--debug`` only.
    """
    if isinstance(fault, SystemExit):
        return fault.code if isinstance(fault.code, int) else BUG
    if isinstance(fault, BrokenPipeError):  # the reader of our output went away: not a fault
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if is_debug:
        traceback.print_exception(fault, file=sys.stderr)
    status, content = describe_fault(fault)
    if as_json:
        sys.stdout.write(json.dumps(plain({"error": content}), indent=2) + "\n")
        sys.stdout.flush()
    else:
        _show(content)
    return status


def describe_fault(fault: BaseException) -> tuple[int, dict[str, Any]]:
    """Return the exit status, and code, message, remedy and facts."""
    if isinstance(fault, AssayError):
        return fault.exit_status, {
            "code": fault.code,
            "message": fault.message,
            "remedy": fault.remedy,
            "facts": fault.facts,
        }
    if isinstance(fault, KeyboardInterrupt):
        return INTERRUPTED, _content(
            "interrupted", "Stopped; what was finished is kept.", "Run the command again."
        )
    if isinstance(fault, MemoryError):
        return 3, _content(
            "data.memory",
            "The data must fit in memory; they did not.",
            "Choose fewer bars with market.start and market.end, or fewer workers.",
        )
    if isinstance(fault, OSError) and fault.filename is not None:
        return 3, _content(
            "data.disk",
            f"{fault.filename} must be readable and writable; was not: {fault.strerror}.",
            "Free some space or correct the permissions, then run the command again.",
        )
    usage = _usage_message(fault)
    if usage is not None:
        return USAGE, usage
    first = f"{fault}".partition("\n")[0][:300]
    return BUG, _content(
        "bug",
        f"Assay must not fail like this; {type(fault).__name__}: {first}",
        "Run it again with --debug, and report what it prints: this is a bug, not your mistake.",
    )


def leave_partly_failed(screen: Screen, document: Mapping[str, Any], fault: AssayError) -> NoReturn:
    """End a command of which a part failed: one JSON object tells what was done and what not."""
    status, content = describe_fault(fault)
    screen.emit({**document, "error": content})
    if screen.as_json:
        sys.exit(status)
    raise fault


def _usage_message(fault: BaseException) -> dict[str, Any] | None:
    """Return the content of a command-line mistake, or None if *fault* is something else."""
    from typer.exceptions import TyperException

    if not isinstance(fault, TyperException):
        return None
    context = getattr(fault, "ctx", None)
    command = context.command_path if context is not None else "assay"
    return _content("config.usage", fault.format_message(), f"See `{command} --help`.")


def _content(code: str, message: str, remedy: str) -> dict[str, Any]:
    return {"code": code, "message": message, "remedy": remedy, "facts": {}}


def _show(content: dict[str, Any]) -> None:
    """Print a panel on stderr."""
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    body = Text(content["message"])
    body.append("\n\n")
    body.append(content["remedy"], style="bold")
    console = Console(stderr=True)
    style = "yellow" if content["code"] == "interrupted" else "red"
    if console.is_terminal:
        console.print(Panel(body, title=content["code"], border_style=style, title_align="left"))
    else:
        sys.stderr.write(f"{content['code']}: {content['message']}\n{content['remedy']}\n")
