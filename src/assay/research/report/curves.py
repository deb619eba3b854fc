"""Charts over time: growth of every strategy, drawdown, and the walk-forward folds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.report.scale import (
    Scale,
    day_text,
    growth_ticks,
    percent_digits,
    ticks,
    year_ticks,
)
from assay.research.report.svg import (
    figure,
    inline,
    line,
    polyline,
    rectangle,
    text,
    thinned,
)
from assay.research.result import FoldSpan
from assay.research.wording import count, percent

WIDTH = 960.0
LEFT, RIGHT = 62.0, 150.0
POINTS_MAX = 900
LOG_FROM = 2.5
"""Growth over the span, highest over lowest, from which the axis is logarithmic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line: growth of 1 over time. *slot* picks its colour and dashes."""

    label: str
    slot: int
    time_ns: IntArray
    growth: FloatArray


def growth_chart(curves: Sequence[Curve], height: float = 400.0) -> Markup:
    """Return the growth of each strategy, the first one emphasised, labels at the ends."""
    drawn = [curve for curve in curves if len(curve.growth) > 1]
    if not drawn:
        return Markup("")
    start = min(int(curve.time_ns[0]) for curve in drawn)
    stop = max(int(curve.time_ns[-1]) for curve in drawn)
    low = min(float(np.min(curve.growth)) for curve in drawn)
    high = max(float(np.max(curve.growth)) for curve in drawn)
    low, high = min(low, 1.0), max(high, 1.0)
    is_log = low > 0.02 and high / low >= LOG_FROM
    pad = (high / low) ** 0.04 if is_log else 0.04 * (high - low) or 0.01
    low, high = (low / pad, high * pad) if is_log else (low - pad, high + pad)
    top, bottom = 14.0, height - 30.0
    x = Scale(float(start), float(stop), LEFT, WIDTH - RIGHT)
    y = Scale(low, high, bottom, top, is_log)
    parts = [*_time_axis(start, stop, x, top, bottom)]
    marks = growth_ticks(low, high) if is_log else [1.0 + v for v in ticks(low - 1.0, high - 1.0)]
    digits = percent_digits(marks)
    for mark in marks:
        kind = "zero" if abs(mark - 1.0) < 1e-9 else "grid"
        parts.append(line(LEFT, y(mark), WIDTH - RIGHT, y(mark), kind))
        label = percent(mark - 1.0, digits, sign=True)
        parts.append(text(LEFT - 8, y(mark) + 4, label, anchor="end"))
    for curve in reversed(drawn):
        kept = thinned(curve.growth, POINTS_MAX)
        places = y.places(np.maximum(curve.growth[kept], low))
        xs = x.places(curve.time_ns[kept].astype(np.float64))
        parts.append(polyline(xs, places, f"curve s{curve.slot}"))
    parts += _end_labels(drawn, y, low, top, bottom)
    note = "logarithmic" if is_log else "linear"
    return figure(WIDTH, height, parts, f"Growth of each strategy, {note} axis")


def _end_labels(
    curves: Sequence[Curve], y: Scale, low: float, top: float, bottom: float
) -> list[str]:
    """Return a name and result at the right end of each line, moved apart where they meet."""
    gap = 31.0
    wanted = sorted(
        (y(max(float(curve.growth[-1]), low)), index) for index, curve in enumerate(curves)
    )
    places = [min(max(place, top + 8), bottom - 16) for place, _ in wanted]
    for _ in range(60):
        for i in range(len(places) - 1):
            overlap = gap - (places[i + 1] - places[i])
            if overlap > 0.0:
                places[i] -= overlap / 2.0
                places[i + 1] += overlap / 2.0
        places = [min(max(place, top + 8), bottom - 16) for place in places]
    parts = []
    for place, (true_place, index) in zip(places, wanted, strict=True):
        curve = curves[index]
        right = WIDTH - RIGHT
        parts.append(line(right + 2, true_place, right + 14, place, f"leader s{curve.slot}"))
        parts.append(text(right + 19, place + 1, curve.label, f"name s{curve.slot}", "start"))
        result = percent(float(curve.growth[-1]) - 1.0, sign=True)
        parts.append(text(right + 19, place + 15, result, "tick", "start"))
    return parts


def _time_axis(start: int, stop: int, x: Scale, top: float, bottom: float) -> list[str]:
    parts = [line(x.start, bottom, x.stop, bottom, "axis")]
    for at, label in year_ticks(start, stop):
        parts.append(line(x(at), top, x(at), bottom, "grid"))
        if x.start + 8 < x(at) < x.stop + 8:
            parts.append(text(x(at), bottom + 18, label))
    return parts


def drawdown_chart(time_ns: IntArray, loss: FloatArray, slot: int, height: float = 190.0) -> Markup:
    """Return how far below its peak the account was, downwards."""
    if len(loss) < 2:
        return Markup("")
    deepest = max(float(np.max(loss)), 0.01)
    top, bottom = 14.0, height - 30.0
    x = Scale(float(time_ns[0]), float(time_ns[-1]), LEFT, WIDTH - 20)
    y = Scale(0.0, deepest * 1.08, top, bottom)
    parts = _time_axis(int(time_ns[0]), int(time_ns[-1]), x, top, bottom)
    marks = ticks(0.0, deepest * 1.08, 4)
    digits = percent_digits(marks)
    for mark in marks:
        parts.append(line(x.start, y(mark), x.stop, y(mark), "zero" if mark == 0.0 else "grid"))
        parts.append(text(LEFT - 8, y(mark) + 4, percent(-mark, digits), anchor="end"))
    kept = thinned(loss, POINTS_MAX)
    xs = x.places(time_ns[kept].astype(np.float64))
    ys = y.places(loss[kept])
    parts.append(polyline(xs, ys, f"area s{slot}", close_at=y(0.0)))
    parts.append(polyline(xs, ys, "fall"))
    return figure(WIDTH, height, parts, "Loss from the last peak over time")


def fold_chart(folds: Sequence[FoldSpan]) -> Markup:
    """Return one row per walk-forward step: what it was trained on, what it was tested on."""
    if not folds:
        return Markup("")
    row, top = 24.0, 8.0
    bottom = top + row * len(folds)
    start = min(fold.train_start_ns for fold in folds)
    stop = max(fold.test_stop_ns for fold in folds)
    x = Scale(float(start), float(stop), LEFT, WIDTH - RIGHT - 30)
    parts = _time_axis(start, stop, x, top, bottom)
    for i, fold in enumerate(folds):
        y = top + row * i + 5
        parts.append(text(LEFT - 8, y + 11, f"{fold.index + 1}", anchor="end"))
        for kind, begin, end, words in (
            ("train", fold.train_start_ns, fold.train_stop_ns, "trained"),
            ("test", fold.test_start_ns, fold.test_stop_ns, "tested"),
        ):
            span = f"{words} {day_text(begin)} to {day_text(end)}"
            parts.append(rectangle(x(begin), y, x(end) - x(begin), row - 9, kind, span))
        told = f"{count(fold.n_train)} → {count(fold.n_test)} rows"
        parts.append(text(x.stop + 12, y + 11, told, anchor="start"))
    return figure(WIDTH, bottom + 28, parts, "Training and test spans of each fold")


def spark(value: float, largest: float, width: float = 72.0) -> Markup:
    """Return a small bar from a middle line, for a table cell; nothing for NaN."""
    if math.isnan(value) or not largest > 0.0:
        return Markup("")
    half = width / 2.0
    size = min(abs(value) / largest, 1.0) * half
    left = half if value >= 0.0 else half - size
    kind = "gain" if value >= 0.0 else "loss"
    return inline(width, (rectangle(left, 1, size, 10, kind), line(half, 0, half, 12, "axis")))


def share_bar(value: float, width: float = 92.0) -> Markup:
    """Return a small bar of a share between 0 and 1, for a table cell; nothing for NaN."""
    if math.isnan(value):
        return Markup("")
    size = min(max(value, 0.0), 1.0) * width
    return inline(width, (rectangle(0, 1, size, 10, "share"),))
