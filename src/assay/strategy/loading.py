"""Read, check and execute a ``strategy.py``: its bytes are hashed, and just those are run."""

import hashlib
import importlib.abc
import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, ModuleType

from assay.domain.errors import AssayError, StrategyError
from assay.features.catalogue import families
from assay.signals.votes import VOTES
from assay.strategy.calling import line_of, told
from assay.strategy.column import DECLARED, Column
from assay.strategy.strategy import Strategy

SOURCE_BYTES_MAX = 1_000_000
COLUMNS_MAX = 1_000

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class _Text(importlib.abc.ExecutionLoader):
    """Runs a text that was read before; it writes no bytecode and reads none."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_source(self, fullname: str) -> str:
        return self._text

    def get_code(self, fullname: str) -> CodeType:
        return _compiled(self._text, str(self._path))


@lru_cache(maxsize=4)
def _compiled(text: str, path: str) -> CodeType:
    """Compile once what the prover of leaks executes afresh hundreds of times."""
    return compile(text, path, "exec", dont_inherit=True)


def load_strategy(path: Path) -> Strategy:
    """Execute the file and return what it declares.

    Parameters
    ----------
    path : Path
        Of a ``strategy.py``. It is Python code and can do whatever its author wrote.

    Raises
    ------
    StrategyError
        If the file cannot be read, is not Python, fails, imports a file beside it, or declares
        no column or a wrong one; file, line and exception are named.
    """
    path = path.absolute()
    return strategy_from(path, _read(path))


def strategy_from(path: Path, source: bytes) -> Strategy:
    """Execute *source* as if it were read from *path*, and return what it declares.

    A strategy is executed afresh by it, whatever the file says by now, also on another machine.

    Raises
    ------
    StrategyError
        As ``load_strategy``.
    """
    source_hash = hashlib.sha256(source).hexdigest()
    try:
        text = importlib.util.decode_source(source)
        module = _executed(path, text, source_hash)
    except AssayError:
        raise
    except (Exception, SystemExit) as error:
        raise _broken(path, error) from error
    declared: list[Column] = vars(module).get(DECLARED, [])
    _check(path, declared, module)
    return Strategy(
        path=path,
        source=source,
        source_hash=source_hash,
        features=tuple(column for column in declared if column.kind == "feature"),
        signals=tuple(column for column in declared if column.kind == "signal"),
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(SOURCE_BYTES_MAX + 1)
    except OSError as error:
        raise StrategyError(
            f"{path} must be readable; was not: {error.strerror}.",
            remedy="Correct its path or its permissions.",
            file=str(path),
        ) from None
    if len(content) > SOURCE_BYTES_MAX:
        raise StrategyError(
            f"{path} must have at most {SOURCE_BYTES_MAX:,} bytes; has more.",
            remedy="Move what it computes into a package, and install that.",
            file=str(path),
        )
    return content


def _executed(path: Path, text: str, source_hash: str) -> ModuleType:
    """Run the text as a module of a name of its own."""
    name = f"strategy_{source_hash[:16]}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Text(path, text))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.pop(name, None)
    sys.modules[name] = module  # dataclasses look their module up by name
    n_before = len(sys.modules)
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    n_imported = max(0, len(sys.modules) - n_before)
    _refuse_neighbours(path, set(islice(reversed(sys.modules), n_imported)))
    return module


def _refuse_neighbours(path: Path, imported: set[str]) -> None:
    """Refuse modules that lie beside the file: its hash would not know them."""
    homes = {path.parent.resolve(), path.resolve().parent}
    for name in sorted(imported):
        module = sys.modules[name]
        places = [*getattr(module, "__path__", ()), getattr(module, "__file__", None)]
        if any(place and Path(place).resolve().parent in homes for place in places):
            raise StrategyError(
                f"{path.name} must be one file, or its hash says nothing; it imports {name}, "
                "which lies beside it.",
                remedy="Move that code into the file, or install it as a package.",
                file=str(path),
                module=name,
            )


def _broken(path: Path, error: BaseException) -> StrategyError:
    """Return the error for a file that does not run."""
    line = error.lineno if isinstance(error, SyntaxError) else line_of(error, str(path))
    remedy = "Correct that line; --debug shows the whole traceback."
    if isinstance(error, ImportError):
        remedy = "Install that package beside Assay, or correct its name; other files in the "
        remedy += "workspace are not importable."
    at = f", line {line}" if line else ""
    text = error.msg if isinstance(error, SyntaxError) else None
    what = f"{type(error).__name__}: {text}" if text else told(error)
    return StrategyError(
        f"{path.name}{at}: the file must run without an error; raised {what}.",
        remedy=remedy,
        file=str(path),
        line=line,
        exception=type(error).__name__,
    )


def _check(path: Path, declared: Sequence[Column], module: ModuleType) -> None:
    """Refuse names that are wrong, taken or given twice, and columns of other files."""
    here = set(map(id, declared))
    foreign = [
        item for item in vars(module).values() if isinstance(item, Column) and id(item) not in here
    ]
    for column in foreign:
        raise column.fault(
            f"must be declared in {path.name}; was declared in {column.path}.",
            remedy=f"Write a function of your own in {path.name} that calls it.",
        )
    if not 0 < len(declared) <= COLUMNS_MAX:
        raise StrategyError(
            f"{path.name} must declare at least one and at most {COLUMNS_MAX:,} features and "
            f"signals; declares {len(declared):,}.",
            remedy="Put @feature(warm_up=N) or @signal(warm_up=N) above a function of bars, or "
            "remove the file.",
            file=str(path),
        )
    counts = Counter(column.name for column in declared)
    for column in declared:
        if not _NAME.fullmatch(column.name):
            raise column.fault(
                "must have a name of small letters, digits and underscores, at most 64.",
                remedy='Rename it, or give a name: @feature(warm_up=N, name="...").',
            )
        if counts[column.name] > 1:
            lines = [item.line for item in declared if item.name == column.name]
            raise column.fault(
                f"must have a name of its own; lines {', '.join(map(str, lines))} share it.",
                remedy="Rename all but one.",
            )
        stem = re.sub(r"(_\d+)+$", "", column.name)
        if column.name in VOTES or stem in families():
            raise column.fault(
                "must have a name that the catalogue has not; it has that one.",
                remedy=f"Rename it, for example my_{column.name}.",
            )
