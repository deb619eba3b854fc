"""What the documents say is what the tree holds."""

import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
COMES_LATER = {"docs/images/report.png"}


@cache
def reference_pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("reference", REPOSITORY / "tools/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        found = (path.parent / target).resolve()
        assert found.exists() or found.relative_to(REPOSITORY).as_posix() in COMES_LATER, target


def test_the_reference_pages_are_those_of_the_code() -> None:
    for name, text in reference_pages().items():
        stored = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
        assert stored == text, "run: python tools/reference.py"


def test_every_dependency_has_its_bound_and_reason() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(text for texts in project["optional-dependencies"].values() for text in texts),
    ]
    page = (REPOSITORY / "docs" / "dependencies.md").read_text()

    for text in wanted:
        match = re.fullmatch(r"([A-Za-z0-9_-]+)(?:\[\w+\])?([=><]=[0-9.]+)", text)
        assert match, f"{text} needs one lower bound or pin"
        assert re.search(rf"(?m)^\| {match[1]} \| {match[2]} \| \S", page), text


def test_every_dependency_is_pinned_in_the_lock_files() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name, wanted in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-test.lock", [*project["dependencies"], *extras["test"], *extras["docs"]]),
    ):
        pinned = set(re.findall(r"(?m)^([a-z0-9-]+)==", (REPOSITORY / name).read_text()))
        for text in wanted:
            assert re.match(r"[A-Za-z0-9_-]+", text)[0].lower() in pinned, f"{text}: make lock"


def test_every_check_stands_in_the_docs_with_its_severity() -> None:
    from assay.data.quality.checking import BAR_RULES, TICK_RULES

    page = (REPOSITORY / "docs" / "data.md").read_text()
    for rule in (*BAR_RULES, *TICK_RULES):
        line = _line_of(page, f"| `{rule.name}` |")
        assert f"| {rule.severity.name.lower()} |" in line, rule.name


def test_every_format_stands_in_the_docs() -> None:
    from assay.data.importers.layout import Format

    page = (REPOSITORY / "docs" / "data.md").read_text()
    for member in Format:
        assert f"`{member.value}`" in page, member


def _line_of(page: str, start: str) -> str:
    return next((line for line in page.splitlines() if line.startswith(start)), "")


def test_the_readme_names_only_commands_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    from assay.cli.main import main

    known = reference_pages()["commands.md"]
    for line in re.findall(
        r"(?m)^assay (.+?)(?:\s{2,}|#|$)", (REPOSITORY / "README.md").read_text()
    ):
        words = line.split("&&")[0].split()
        length = {"data": 2, "config": 2}.get(words[0], 1) + (words[:2] == ["data", "facts"])
        name = " ".join(words[:length])
        assert f"## assay {name}\n" in known, line
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "assay" in capsys.readouterr().out


def test_every_target_of_the_readme_is_in_the_makefile() -> None:
    rules = set(re.findall(r"(?m)^([a-z]+):", (REPOSITORY / "Makefile").read_text()))

    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?m)(?:`|^)make ([a-z]+)", (REPOSITORY / page).read_text()))
        assert named <= rules, page
