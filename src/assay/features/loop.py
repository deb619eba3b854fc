"""Compiled loops over steps: written as text once per family, so that they can be cached.

Numba caches no kernel that takes another as an argument. A loop's text lies in a file of the
cache folder instead, named by a hash of everything it is made of, and calls the step directly.
"""

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from inspect import getsourcefile
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from assay.features.feature import (
    PERIOD_MAX,
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

FOREVER = 1 << 40
"""The age that a step sees once every one of its periods has passed, twice."""

SPAN_MAX = 3 * PERIOD_MAX
"""The farthest that any input may reach back, in bars."""

REFRESH_BARS = 128
"""Running sums that a feature wants renewed are renewed this often, so that no error grows."""

_CONSTANTS = {"ZERO": np.uint64(0), "ONE": np.uint64(1), "TWO": np.uint64(2), "FOREVER": FOREVER}


def example(feature: Feature) -> BoundFeature:
    """Bind the smallest periods: the structure of a family is the same for all."""
    return feature(*feature.periods)


def _extreme(slot: int, series: str, *, sign: str, worst: str) -> list[str]:
    """Write the running extreme of a window: block prefix and block suffix, O(1) a bar."""
    p, j, m, e, b = (f"{letter}{slot}" for letter in "pjmeb")
    return [
        f"v = {series}[k]",
        f"{p} = v if v {sign} {p} else {p}",
        f"{j} += ONE",
        f"if {j} == {b}:",
        f"    {e} = {p}",
        f"    t = {worst}",
        f"    for q in range(ONE, {b}):",
        f"        v = {series}[k + ONE - q]",
        f"        t = v if v {sign} t else t",
        f"        {m}[{b} + TWO - q] = t",
        f"    {p} = {worst}",
        f"    {j} = ZERO",
        "else:",
        f"    t = {m}[TWO + {j}]",
        f"    {e} = t if t {sign} {p} else {p}",
    ]


class _Writer:
    """Collects the parts of one loop, for bars in which a fold is young, or grown.

    A young fold asks whether a lag reaches behind its first bar; a grown one never does, and its
    step sees ``FOREVER`` as its age, so that the compiler drops every question about warm-up.
    """

    def __init__(self, feature: Feature, *, is_young: bool) -> None:
        bound = example(feature)
        self.feature = feature
        self.is_young = is_young
        self.n_sources = len(bound.sources)
        self.taken: list[str] = []
        self.holey = bound.is_optional
        self.before: list[str] = []
        self.body: list[str] = []
        self.after: list[str] = []
        self.spans: list[int] = []
        self.scratch: list[str] = []
        self.values = [self._input(slot, item) for slot, item in enumerate(bound.inputs)]

    def _series(self, source: str | BoundFeature) -> str:
        """Return the argument of the next source, in the order of ``BoundFeature.sources``."""
        if isinstance(source, str) and source in self.taken:
            return f"x{self.taken.index(source)}"
        self.taken.append(source if isinstance(source, str) else "")
        return f"x{len(self.taken) - 1}"

    def _own(self, output: str) -> str:
        return f"y{self.feature.stems.index(output)}"

    def _input(self, slot: int, item: Input) -> str:
        """Write how one input is read, and return the expression that holds it."""
        if not isinstance(item, str | BoundFeature):
            self.spans.append(slot)
        match item:
            case Lag(source, _):
                return self._lag(slot, self._series(source), is_holey=_may_lack(source))
            case Own(output, _):
                return self._lag(slot, self._own(output), is_holey=False)
            case Window(source, _):
                start = f"np.uint64(min(age, a{slot} - 1))" if self.is_young else f"b{slot} + ONE"
                return f"window({self._series(source)}, k - {start}, k + ONE)"
            case OwnWindow(output, _):
                start = f"np.uint64(min(age, a{slot}))" if self.is_young else f"b{slot}"
                return f"window({self._own(output)}, k - {start}, k)"
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
        guard = f" if age >= a{slot} else np.nan" if self.is_young else ""
        self.body.append(f"i{slot} = {series}[k - b{slot}]{guard}")
        if is_holey and self.feature.initial:
            asks = f"age >= a{slot} and " if self.is_young else ""
            self.body += [f"if {asks}np.isnan(i{slot}):", f"    i{slot} = 0.0"]
        return f"i{slot}"

    def _extreme(self, slot: int, series: str, sign: str, worst: str) -> str:
        self.scratch.append(f"m{slot}")
        self.before += [f"p{slot} = m{slot}[0]", f"j{slot} = np.uint64(m{slot}[1])"]
        self.after += [f"m{slot}[0] = p{slot}", f"m{slot}[1] = j{slot}"]
        self.body += _extreme(slot, series, sign=sign, worst=worst)
        return f"e{slot}"

    def lines(self) -> list[str]:
        """Return what is done on one bar."""
        feature, stems = self.feature, self.feature.stems
        values = ", ".join([*_periods(feature), *self.values])
        age = "age" if self.is_young else "FOREVER"
        body = ["hole += 1.0", *self.body] if self.holey else list(self.body)
        body.append(
            f"s, v = step(s, {age}, {values})" if feature.initial else f"v = step({values})"
        )
        for index, stem in enumerate(stems):
            value = "v" if len(stems) == 1 else f"v[{index}]"
            if self.holey and not stem.startswith("_"):
                value = f"{value} if hole >= memory else np.nan"
            body.append(f"y{index}[k] = {value}")
        return [*body, "age += 1"] if self.is_young else body


def _periods(feature: Feature) -> list[str]:
    return [f"n{index}" for index in range(len(feature.periods))]


def _may_lack(source: str | BoundFeature) -> bool:
    if isinstance(source, BoundFeature):
        return source.is_optional
    return source in ("volume", "spread")


def loop_text(feature: Feature) -> str:
    """Return the source of the loop over one family's step."""
    young, grown = _Writer(feature, is_young=True), _Writer(feature, is_young=False)
    periods, n_state = _periods(feature), len(feature.initial)
    spans = [f"a{slot}" for slot in young.spans]
    series = [f"x{index}" for index in range(young.n_sources)]
    results = [f"y{index}" for index in range(len(feature.stems))]
    arguments = ", ".join([*periods, *spans, *young.scratch, *series, *results])
    text = [
        f'"""The loop over {feature.name}; written by assay.features.loop."""',
        "@kernel",
        f"def loop(state, age, first, stop, memory, {arguments}):",
    ]
    lines = [f"b{slot} = np.uint64(a{slot})" for slot in young.spans]
    for name in (*periods, *spans):  # tells the compiler that no sum of them reaches FOREVER
        lines += [f"if {name} < 0 or {name} > {SPAN_MAX}:", "    return"]
    if n_state:
        lines.append(f"s = ({''.join(f'state[{index}], ' for index in range(n_state))})")
    if young.holey:
        lines.append(f"hole = state[{n_state}]")
    lines += young.before
    if n_state or spans:
        grown_up = " + ".join(["2", *(f"2 * {name}" for name in periods), *spans])
        lines += [
            f"turn = min(stop, first + max(0, {grown_up} - age))",
            "for k in range(np.uint64(first), np.uint64(turn)):",
            *_indented(young.lines()),
            "first = turn",
        ]
    over_bars = ["for k in range(np.uint64(first), np.uint64(turn)):", *_indented(grown.lines())]
    if feature.refresh is None:
        lines += ["turn = stop", *over_bars]
    else:
        here = "np.uint64(first)"
        pasts = (
            f"window({_past_series(feature, young, slot)}, {here} - b{slot}, {here})"
            for slot in young.spans
        )
        block = [
            f"turn = min(stop, first + {REFRESH_BARS} - age % {REFRESH_BARS})",
            f"if age % {REFRESH_BARS} == 0:",
            f"    s = refresh({', '.join([*periods, *pasts])})",
            *over_bars,
            "age += turn - first",
            "first = turn",
        ]
        lines += ["while first < stop:", *_indented(block)]
    lines += [f"state[{index}] = s[{index}]" for index in range(n_state)]
    if young.holey:
        lines.append(f"state[{n_state}] = hole")
    lines += young.after
    return "\n".join([*text, *_indented(lines), ""])


def _past_series(feature: Feature, writer: _Writer, slot: int) -> str:
    """Return the series behind one lag, for a refresh: the values before this bar."""
    item = example(feature).inputs[slot]
    if isinstance(item, Own | OwnWindow):
        return f"y{feature.stems.index(item.output)}"
    assert isinstance(item, Lag | Window) and isinstance(item.source, str)
    return f"x{writer.taken.index(item.source)}"


def _indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]


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
    module.__dict__.update(
        step=feature.step,
        refresh=feature.refresh,
        kernel=kernel,
        window=window,
        np=np,
        **_CONSTANTS,
    )
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
