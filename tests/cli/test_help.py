"""Help answers at once, and shows how each command is used."""

import json
import os
import subprocess
import sys

import pytest

from assay.cli.failures import EXIT_CODES

COMMANDS = (
    ("init",),
    ("run",),
    ("train",),
    ("backtest",),
    ("report",),
    ("runs",),
    ("compare",),
    ("stress",),
    ("leaks",),
    ("features",),
    ("doctor",),
    ("config", "show"),
    ("data", "import"),
    ("data", "list"),
    ("data", "check"),
    ("data", "simulate"),
    ("data", "facts", "import"),
    ("data", "facts", "list"),
    ("data", "facts", "show"),
)
HEAVY = {"numpy", "numba", "polars", "pyarrow", "pydantic", "sklearn", "scipy", "lightgbm", "rich"}
OF_TYPER = {"pydantic"}
"""What typer itself imports to read the arguments of a command."""

SECONDS_MAX = 0.3


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_and_speaks_json(assay, command) -> None:
    answer = assay(*command, "--help")

    assert answer.status == 0
    assert f"  assay {' '.join(command)}" in answer.out.split("Example")[1]
    assert "--json" in answer.out


def test_help_lists_every_command_and_every_exit_code(assay) -> None:
    text = assay("--help").out

    for command in COMMANDS:
        assert f"\n  {command[0]} " in text
    for status, meaning in EXIT_CODES:
        assert f"{status}  {meaning}" in text


@pytest.mark.parametrize(
    ("words", "allowed"),
    [(["--help"], set()), (["--version"], set()), (["run", "--help"], OF_TYPER)],
    ids=["help", "version", "run help"],
)
def test_help_imports_nothing_heavy(words: list[str], allowed: set[str]) -> None:
    code = (
        "import json, sys\nfrom assay.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stderr)}

    assert loaded & HEAVY <= allowed


def test_help_costs_under_a_third_of_a_second() -> None:
    times = []
    for _ in range(5):
        before = os.times()  # of the processor, not of the clock: other programs run as well
        subprocess.run(
            [sys.executable, "-m", "assay.cli.main", "--help"], capture_output=True, check=True
        )
        after = os.times()
        times.append(after.children_user + after.children_system - sum(before[2:4]))

    assert min(times) < SECONDS_MAX


def test_no_arguments_show_the_help(assay) -> None:
    answer = assay()

    assert "Usage: assay" in answer.out + answer.err


def test_the_version_is_that_of_the_package(assay) -> None:
    from assay import __version__

    assert assay("--version").out == f"assay {__version__}\n"
