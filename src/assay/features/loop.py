"""Compiled loops over steps: written as text once per family, so that they can be cached.

Numba caches no kernel that takes another as an argument. A loop's text lies in a file of the
cache folder instead, named by a hash of everything it is made of, and calls the step directly.
"""

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from inspect import getsourcefile
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from assay.features.feature import (
    BoundFeature,
    Feature,
    Highest,
    Input,
    Lag,
    Lowest,
    Own,
    OwnWindow,
    Window,
)
from assay.kernels.compiler import kernel
from assay.kernels.window import window

Loop = Callable[..., None]
_INDENT = " " * 8


def example(feature: Feature) -> BoundFeature:
    """Bind the smallest periods: the structure of a family is the same for all."""
    return feature(*feature.periods)


def _extreme(slot: int, series: str, *, sign: str, worst: str) -> list[str]:
    """Write the running extreme of a window: block prefix and block suffix, O(1) a bar."""
    p, j, m, e, b = (f"{letter}{slot}" for letter in "pjmeb")
    return [
        f"v = {series}[k]",
        f"{p} = v if v {sign} {p} else {p}",
        f"{j} += 1",
        f"if {j} == {b}:",
        f"    {e} = {p}",
        f"    t = {worst}",
        f"    for q in range({b} - 1, 0, -1):",
        f"        v = {series}[k - {b} + 1 + q]",
        f"        t = v if v {sign} t else t",
        f"        {m}[2 + q] = t",
        f"    {p} = {worst}",
        f"    {j} = 0",
        "else:",
        f"    t = {m}[2 + {j}]",
        f"    {e} = t if t {sign} {p} else {p}",
    ]


class _Writer:
    """Collects the parts of one loop."""

    def __init__(self, feature: Feature) -> None:
        bound = example(feature)
        self.feature = feature
        self.n_sources = len(bound.sources)
        self.taken: list[str] = []
        self.holey = bound.is_optional
        self.before: list[str] = []
        self.body: list[str] = []
        self.after: list[str] = []
        self.spans: list[str] = []
        self.scratch: list[str] = []
        self.values = [self._input(slot, item) for slot, item in enumerate(bound.inputs)]

    def _series(self, source: str | BoundFeature) -> str:
        """Return the argument of the next source, in the order of ``BoundFeature.sources``."""
        if isinstance(source, str) and source in self.taken:
            return f"x{self.taken.index(source)}"
        self.taken.append(source if isinstance(source, str) else "")
        return f"x{len(self.taken) - 1}"

    def _input(self, slot: int, item: Input) -> str:
        """Write how one input is read, and return the expression that holds it."""
        match item:
            case Lag(source, _):
                return self._lag(slot, self._series(source), is_holey=_may_lack(source))
            case Own(output, _):
                return self._lag(slot, f"y{self.feature.stems.index(output)}", is_holey=False)
            case Window(source, _):
                self.spans.append(f"b{slot}")
                start = f"k - min(age, b{slot} - 1)"
                return f"window({self._series(source)}, {start}, k + 1)"
            case OwnWindow(output, _):
                self.spans.append(f"b{slot}")
                series = f"y{self.feature.stems.index(output)}"
                return f"window({series}, k - min(age, b{slot}), k)"
            case Highest(source, _):
                return self._extreme(slot, self._series(source), ">", "-np.inf")
            case Lowest(source, _):
                return self._extreme(slot, self._series(source), "<", "np.inf")
            case _:
                series = self._series(item)
                if not _may_lack(item):
                    return f"{series}[k]"
                self.body += [f"i{slot} = {series}[k]", f"if np.isnan(i{slot}):", "    hole = 0.0"]
                if self.feature.initial:
                    self.body.append(f"    i{slot} = 0.0")
                return f"i{slot}"

    def _lag(self, slot: int, series: str, *, is_holey: bool) -> str:
        self.spans.append(f"b{slot}")
        self.body.append(f"i{slot} = {series}[k - b{slot}] if age >= b{slot} else np.nan")
        if is_holey and self.feature.initial:
            self.body += [f"if age >= b{slot} and np.isnan(i{slot}):", f"    i{slot} = 0.0"]
        return f"i{slot}"

    def _extreme(self, slot: int, series: str, sign: str, worst: str) -> str:
        self.spans.append(f"b{slot}")
        self.scratch.append(f"m{slot}")
        self.before += [f"p{slot} = m{slot}[0]", f"j{slot} = int(m{slot}[1])"]
        self.after += [f"m{slot}[0] = p{slot}", f"m{slot}[1] = j{slot}"]
        self.body += _extreme(slot, series, sign=sign, worst=worst)
        return f"e{slot}"

    def text(self) -> str:
        """Return the source of the loop."""
        feature = self.feature
        n_state, stems = len(feature.initial), feature.stems
        periods = [f"n{index}" for index in range(len(feature.periods))]
        series = [f"x{index}" for index in range(self.n_sources)]
        results = [f"y{index}" for index in range(len(stems))]
        arguments = [*periods, *self.spans, *self.scratch, *series, *results]
        state = ", ".join(f"state[{index}]" for index in range(n_state))
        body = ["hole += 1.0", *self.body] if self.holey else list(self.body)
        values = ", ".join([*periods, *self.values])
        body.append(f"s, v = step(s, age, {values})" if n_state else f"v = step({values})")
        for index, stem in enumerate(stems):
            value = "v" if len(stems) == 1 else f"v[{index}]"
            if self.holey and not stem.startswith("_"):
                value = f"{value} if hole >= memory else np.nan"
            body.append(f"y{index}[k] = {value}")
        body.append("age += 1")
        before = [*([f"s = ({state},)"] if n_state else []), *self.before]
        after = [*(f"state[{index}] = s[{index}]" for index in range(n_state)), *self.after]
        if self.holey:
            before.append(f"hole = state[{n_state}]")
            after.append(f"state[{n_state}] = hole")
        lines = [
            f'"""The loop over {feature.name}; written by assay.features.loop."""',
            "@kernel",
            f"def loop(state, age, first, stop, memory, {', '.join(arguments)}):",
            *(f"    {line}" for line in before),
            "    for k in range(first, stop):",
            *(_INDENT + line for line in body),
            *(f"    {line}" for line in after),
            "",
        ]
        return "\n".join(lines)


def _may_lack(source: str | BoundFeature) -> bool:
    if isinstance(source, BoundFeature):
        return source.is_optional
    return source in ("volume", "spread")


def loop_text(feature: Feature) -> str:
    """Return the source of the loop over one family's step."""
    return _Writer(feature).text()


@cache
def loop_of(feature: Feature) -> Loop:
    """Return the compiled loop of a family; it compiles, or loads, on its first call.

    Returns
    -------
    loop : callable
        ``loop(state, age, first, stop, memory, *periods, *spans, *scratch, *series, *outputs)``
        folds bars ``first .. stop - 1`` of the series, of which ``age`` were folded before.
    """
    text = loop_text(feature)
    path = _written(feature.name, text, _fingerprint(feature, text))
    module = _loaded(path)
    module.__dict__.update(step=feature.step, kernel=kernel, window=window, np=np)
    exec(compile(text, str(path), "exec"), module.__dict__)  # noqa: S102  (our own text)
    loop: Loop = module.__dict__["loop"]
    return loop


def _loaded(path: Path) -> ModuleType:
    """Return an empty module that stands for the file, as numba's cache wants one."""
    spec = importlib.util.spec_from_file_location(f"assay_loop_{path.stem}", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # numba looks a cached function's globals up by name
    return module


@cache
def _package_digest() -> bytes:
    """Return a hash of the sources that steps are made of."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in ("features", "kernels"):
        for path in sorted((root / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()


def _fingerprint(feature: Feature, text: str) -> str:
    digest = hashlib.sha256(_package_digest())
    digest.update(text.encode())
    function: Any = getattr(feature.step, "py_func", feature.step)
    if source := getsourcefile(function):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:12]


_serial = count()


def _written(stem: str, text: str, fingerprint: str) -> Path:
    """Write the text once, atomically; another process may be writing the same bytes."""
    for base in (os.environ.get("NUMBA_CACHE_DIR"), tempfile.gettempdir()):
        if not base:
            continue
        path = Path(base) / "loops" / f"{stem}_{fingerprint}.py"
        try:
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(f".{os.getpid()}_{next(_serial)}")
                part.write_text(text, encoding="utf-8")
                part.replace(path)
        except OSError:
            continue
        return path
    raise OSError("neither the cache folder nor the temporary folder can be written")
