"""The order of the packages."""

import tomllib
from pathlib import Path

import pytest
from importlinter import cli

REPOSITORY = Path(__file__).resolve().parents[1]


def test_a_package_imports_only_what_stands_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)

    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_every_package_has_a_place_in_the_order() -> None:
    contract = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
    ranks = contract["contracts"][0]["layers"]
    placed = {name.strip(" ()") for rank in ranks for name in rank.split("|")}
    folders = {path.parent.name for path in (REPOSITORY / "src" / "assay").glob("*/__init__.py")}

    assert folders <= placed
    assert contract["contracts"][0]["exhaustive"] is True
