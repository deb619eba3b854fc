"""The rules of style that a machine can check."""

import ast
import re
from collections.abc import Iterator
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


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


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


def by_module(function):
    return pytest.mark.parametrize("path", MODULES, ids=inside)(function)


@by_module
def test_a_file_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= LINES_PER_FILE_MAX, "split by concept"
    assert ast.get_docstring(ast.parse(text)), "say what the module is for"
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text), "do it, or write an issue"


@by_module
def test_a_function_is_short(path: Path) -> None:
    long = {node.name: length_of(node) for node in functions(tree_of(path))}

    assert {name: n for name, n in long.items() if n > LINES_PER_FUNCTION_MAX} == {}


@by_module
def test_names_say_what_things_do(path: Path) -> None:
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.name for node in ast.walk(tree_of(path)) if isinstance(node, named)}

    banned = {name for name in names | {path.stem} if BANNED_WORDS & words_of(name)}
    assert banned == set()


@by_module
def test_public_things_carry_a_docstring(path: Path) -> None:
    bare = [node.name for node in public_things(tree_of(path).body) if not ast.get_docstring(node)]

    assert bare == []


def public_things(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_things(node.body)


@by_module
def test_only_risk_approves_orders(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rsplit(".", 1)[-1]
            assert inside(path).startswith(ONLY_BUILT_IN.get(name, "")), name


@by_module
def test_nothing_swallows_a_bug(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        assert node.type is not None, f"line {node.lineno}: a bare except hides bugs"
        if {"Exception", "BaseException"} & set(re.findall(r"\w+", ast.unparse(node.type))):
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert raises or inside(path) in MAY_CATCH_ALL, f"line {node.lineno}: name the error"


@by_module
def test_an_error_is_typed(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            assert ast.unparse(node.exc.func) not in {"Exception", "BaseException"}, node.lineno


@by_module
def test_a_remedy_is_a_sentence(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "remedy" and isinstance(keyword.value, ast.Constant):
                    remedy = str(keyword.value.value)
                    assert remedy[:1].isupper() or remedy[:1] in "`-/", (node.lineno, remedy)


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if not inside(path).startswith(MAY_READ_THE_CLOCK)],
    ids=inside,
)
def test_time_is_passed_in(path: Path) -> None:
    """The rim of the program owns the clock; everything below takes the time."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            called = ".".join(ast.unparse(node.func).split(".")[-2:])
            assert called not in CLOCKS, f"line {node.lineno}: take a Clock"


@by_module
def test_chance_is_passed_in(path: Path) -> None:
    tree = tree_of(path)

    assert not imported(tree) & AMBIENT_MODULES, "take a numpy Generator"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts = ast.unparse(node.func).split(".")
            if parts[-2:-1] == ["random"] and parts[0] in {"np", "numpy"}:
                assert parts[-1] in SEEDED, f"line {node.lineno}: take a numpy Generator"
            if parts[-1] == "default_rng":
                assert node.args or node.keywords, f"line {node.lineno}: seed it"


@by_module
def test_nothing_loads_code_from_data(path: Path) -> None:
    tree = tree_of(path)

    assert not imported(tree) & UNSAFE_MODULES
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    forbidden = {"eval", "exec", "joblib.load", "np.load", "numpy.load"}
    assert not called & (forbidden - {"exec"} if inside(path) in MAY_EXECUTE else forbidden)


@by_module
def test_the_program_does_not_print(path: Path) -> None:
    called = {
        ast.unparse(node.func) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)
    }

    assert "print" not in called


@by_module
def test_compiled_code_keeps_its_nans(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.keyword):
            assert node.arg != "fastmath", "warm-up values are NaN"


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
