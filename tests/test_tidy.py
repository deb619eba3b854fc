"""The rules of style that a machine can check."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SRC = REPOSITORY / "src" / "assay"
MODULES = sorted(SRC.rglob("*.py"))
PROGRAMS = sorted(
    path
    for folder in ("tests", "bench", "examples", "tools")
    for path in (REPOSITORY / folder).rglob("*.py")
)

LINES_PER_FILE_MAX = 400
LINES_PER_FUNCTION_MAX = 70
BANNED_WORDS = frozenset(
    {
        "enhanced",
        "advanced",
        "unified",
        "comprehensive",
        "ultimate",
        "smart",
        "new",
        "old",
        "v2",
        "phase",
        "manager",
        "helper",
        "helpers",
        "utils",
        "util",
        "common",
        "misc",
    }
)
ONLY_BUILT_IN = {"ApprovedOrder": "risk/"}
MAY_CATCH_ALL = frozenset({"cli/main.py", "research/compute/worker.py"})
"""Process borders. Elsewhere a handler of Exception must raise again."""

MAY_READ_THE_CLOCK = "cli/"
CLOCKS = frozenset(
    {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
)
SEEDED = frozenset({"Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator", "default_rng"})
UNSAFE_MODULES = frozenset({"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"})
MAY_EXECUTE = frozenset({"features/loop.py"})
"""It writes the loop over a feature's step, from the catalogue alone: no outside text."""

AMBIENT_MODULES = frozenset({"random", "secrets", "uuid"})


@lru_cache(maxsize=1)
def calls(tree: ast.Module) -> list[tuple[ast.Call, str]]:
    """Return every call with what is called, as written."""
    return [(n, ast.unparse(n.func)) for n in ast.walk(tree) if isinstance(n, ast.Call)]


def inside(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    doc = ast.get_docstring(node, clean=False) or ""
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1 - len(doc.splitlines())


def words_of(name: str) -> set[str]:
    """Return the words of ``snake_case`` and ``CamelCase``, in lower case; a city is no word."""
    name = name.replace("new_york", "york")
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


RULES: list[Callable[[Path, ast.Module], None]] = []


def rule(check: Callable[[Path, ast.Module], None]) -> Callable[[Path, ast.Module], None]:
    RULES.append(check)
    return check


@rule
def a_file_is_short_and_says_what_it_is_for(path: Path, tree: ast.Module) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= LINES_PER_FILE_MAX, "split by concept"
    assert ast.get_docstring(tree), "say what the module is for"
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text), "do it, or write an issue"


@rule
def a_function_is_short(path: Path, tree: ast.Module) -> None:
    long = {node.name: length_of(node) for node in functions(tree)}

    assert {name: n for name, n in long.items() if n > LINES_PER_FUNCTION_MAX} == {}


@rule
def names_say_what_things_do(path: Path, tree: ast.Module) -> None:
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.name for node in ast.walk(tree) if isinstance(node, named)}

    banned = {name for name in names | {path.stem} if BANNED_WORDS & words_of(name)}
    assert banned == set()


@rule
def public_things_carry_a_docstring(path: Path, tree: ast.Module) -> None:
    bare = [node.name for node in public_things(tree.body) if not ast.get_docstring(node)]

    assert bare == []


def public_things(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_things(node.body)


@rule
def only_risk_approves_orders(path: Path, tree: ast.Module) -> None:
    for _, called in calls(tree):
        name = called.rsplit(".", 1)[-1]
        assert inside(path).startswith(ONLY_BUILT_IN.get(name, "")), name


@rule
def nothing_swallows_a_bug(path: Path, tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        assert node.type is not None, f"line {node.lineno}: a bare except hides bugs"
        if {"Exception", "BaseException"} & set(re.findall(r"\w+", ast.unparse(node.type))):
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert raises or inside(path) in MAY_CATCH_ALL, f"line {node.lineno}: name the error"


@rule
def an_error_is_typed(path: Path, tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            assert ast.unparse(node.exc.func) not in {"Exception", "BaseException"}, node.lineno


@rule
def a_remedy_is_a_sentence(path: Path, tree: ast.Module) -> None:
    for node, _ in calls(tree):
        for keyword in node.keywords:
            if keyword.arg == "remedy" and isinstance(keyword.value, ast.Constant):
                remedy = str(keyword.value.value)
                assert remedy[:1].isupper() or remedy[:1] in "`-/", (node.lineno, remedy)


@rule
def time_is_passed_in(path: Path, tree: ast.Module) -> None:
    """The rim of the program owns the clock; everything below takes the time."""
    if inside(path).startswith(MAY_READ_THE_CLOCK):
        return
    for node, called in calls(tree):
        assert ".".join(called.split(".")[-2:]) not in CLOCKS, f"line {node.lineno}: take a Clock"


@rule
def chance_is_passed_in(path: Path, tree: ast.Module) -> None:
    assert not imported(tree) & AMBIENT_MODULES, "take a numpy Generator"
    for node, called in calls(tree):
        parts = called.split(".")
        if parts[-2:-1] == ["random"] and parts[0] in {"np", "numpy"}:
            assert parts[-1] in SEEDED, f"line {node.lineno}: take a numpy Generator"
        if parts[-1] == "default_rng":
            assert node.args or node.keywords, f"line {node.lineno}: seed it"


@rule
def nothing_loads_code_from_data(path: Path, tree: ast.Module) -> None:
    assert not imported(tree) & UNSAFE_MODULES
    called = {name for _, name in calls(tree)}
    forbidden = {"eval", "exec", "joblib.load", "np.load", "numpy.load"}
    assert not called & (forbidden - {"exec"} if inside(path) in MAY_EXECUTE else forbidden)


@rule
def the_program_does_not_print(path: Path, tree: ast.Module) -> None:
    assert "print" not in {name for _, name in calls(tree)}


@rule
def compiled_code_keeps_its_nans(path: Path, tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            assert node.arg != "fastmath", "warm-up values are NaN"


@pytest.mark.parametrize("path", MODULES, ids=inside)
def test_a_module_keeps_every_rule(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for check in RULES:
        check(path, tree)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_names_of_programs_and_tests_say_what_they_do(path: Path) -> None:
    assert not BANNED_WORDS & words_of(path.stem)


def test_lock_files_hold_names_and_versions_only() -> None:
    for path in REPOSITORY.glob("requirements*.lock"):
        for line in path.read_text().splitlines():
            assert re.fullmatch(r"#.*|[a-z0-9._-]+==[0-9a-z.+!]+( ; [a-z_0-9 !=\"]+)?", line), (
                f"{path.name}: {line}"
            )
            assert "://" not in line, "an address does not belong into a lock file"
