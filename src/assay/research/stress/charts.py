"""Pictures of what could happen: a fan of equity, and every scenario beside the real record."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from assay.kernels.compiler import FloatArray, IntArray
from assay.research.report.scale import (
    Scale,
    growth_ticks,
    percent_digits,
    ticks,
    year_ticks,
)
from assay.research.report.svg import circle, figure, line, polyline, rectangle, text
from assay.research.stress.summary import Fan, Summary
from assay.research.wording import percent, ratio

WIDTH = 960.0
LEFT, RIGHT = 62.0, 190.0
LOG_FROM = 3.0
FLOOR = 0.02
GAP = 17.0
ROW = 25.0
SHARPE_SHOWN_MAX = 6.0


def fan_chart(
    shown_ns: IntArray,
    fan: Fan,
    real: FloatArray,
    ruin_share: float,
    label: str,
    height: float = 330.0,
) -> Markup:
    """Return the middle path, the band that holds 18 of 20, and the real record.

    Parameters
    ----------
    shown_ns : int64, shape (n_shown,)
        Days, UTC nanoseconds.
    fan : Fan
    real : float64, shape (n_shown,)
        Equity over the start balance.
    ruin_share : float
        Drawn as a line where the band comes near it.
    label : str
    """
    if len(shown_ns) < 2:
        return Markup("")
    low, middle, high = (
        np.maximum(np.array(values), FLOOR) for values in (fan.low, fan.median, fan.high)
    )
    real = np.maximum(real, FLOOR)
    bottom_value = float(min(low.min(), real.min(), 1.0))
    top_value = float(max(high.max(), real.max(), 1.0))
    if bottom_value < ruin_share * 1.2:
        bottom_value = min(bottom_value, ruin_share)
    is_log = top_value / bottom_value >= LOG_FROM
    pad = 0.05 * (top_value - bottom_value) or 0.01
    if is_log:
        factor = (top_value / bottom_value) ** 0.04
        bottom_value, top_value = bottom_value / factor, top_value * factor
    else:
        bottom_value, top_value = bottom_value - pad, top_value + pad
    top, bottom = 14.0, height - 30.0
    x = Scale(float(shown_ns[0]), float(shown_ns[-1]), LEFT, WIDTH - RIGHT)
    y = Scale(bottom_value, top_value, bottom, top, is_log)
    parts = _frame(shown_ns, x, y, top, bottom)
    xs = x.places(shown_ns.astype(np.float64))
    outline = np.concatenate((y.places(high), y.places(low)[::-1]))
    parts.append(polyline(np.concatenate((xs, xs[::-1])), outline, "area s1"))
    if bottom_value < ruin_share:
        parts.append(line(LEFT, y(ruin_share), WIDTH - RIGHT, y(ruin_share), "mark needed"))
        parts.append(text(LEFT + 6, y(ruin_share) - 5, "ruin", "name needed", "start"))
    parts.append(polyline(xs, y.places(middle), "curve s1"))
    parts.append(polyline(xs, y.places(real), "curve s0"))
    ends = [
        (float(high[-1]), "1 of 20 above", "s1"),
        (float(middle[-1]), "in the middle", "s1"),
        (float(low[-1]), "1 of 20 below", "s1"),
        (float(real[-1]), "as it was", "s0"),
    ]
    parts += _end_labels(ends, y, top, bottom)
    note = "logarithmic" if is_log else "linear"
    return figure(WIDTH, height, parts, f"{label}: fan of equity, {note} axis")


def _frame(shown_ns: IntArray, x: Scale, y: Scale, top: float, bottom: float) -> list[str]:
    """Return both axes of a fan."""
    parts = [line(x.start, bottom, x.stop, bottom, "axis")]
    for at, words in year_ticks(int(shown_ns[0]), int(shown_ns[-1])):
        parts.append(line(x(at), top, x(at), bottom, "grid"))
        if x.start + 8 < x(at) < x.stop - 8:
            parts.append(text(x(at), bottom + 18, words))
    marks = (
        growth_ticks(y.low, y.high)
        if y.is_log
        else [1.0 + value for value in ticks(y.low - 1.0, y.high - 1.0)]
    )
    digits = percent_digits(marks)
    for mark in marks:
        kind = "zero" if abs(mark - 1.0) < 1e-9 else "grid"
        parts.append(line(LEFT, y(mark), WIDTH - RIGHT, y(mark), kind))
        parts.append(
            text(LEFT - 8, y(mark) + 4, percent(mark - 1.0, digits, sign=True), "tick", "end")
        )
    return parts


def _end_labels(
    ends: Sequence[tuple[float, str, str]], y: Scale, top: float, bottom: float
) -> list[str]:
    """Return a name and a result at the right end of each line, moved apart where they meet."""
    ordered = sorted(ends, key=lambda item: -item[0])
    places = [y(value) for value, _, _ in ordered]
    for _ in range(80):
        for i in range(len(places) - 1):
            overlap = GAP - (places[i + 1] - places[i])
            if overlap > 0.0:
                places[i] -= overlap / 2.0
                places[i + 1] += overlap / 2.0
        places = [min(max(place, top + 6), bottom - 2) for place in places]
    right, parts = WIDTH - RIGHT, []
    for place, (value, words, slot) in zip(places, ordered, strict=True):
        parts.append(line(right + 2, y(value), right + 14, place, f"leader {slot}"))
        told = f"{percent(value - 1.0, sign=True)} {words}"
        parts.append(text(right + 18, place + 4, told, f"name {slot}", "start"))
    return parts


def scenario_chart(real: Summary, scenarios: Sequence[Summary]) -> Markup:
    """Return Sharpe ratio and largest drawdown of every scenario beside the real record.

    A bar is the middle path, the line over it holds 18 of 20 paths, the upright line is the real
    record.
    """
    if not scenarios:
        return Markup("")
    rows = [real, *scenarios]
    top, left = 40.0, 190.0
    bottom = top + ROW * len(rows)
    every = [value for item in rows for value in (item.sharpe.worst, item.sharpe.best, 0.0)]
    low = max(min(every), -SHARPE_SHOWN_MAX)
    high = min(max(every), SHARPE_SHOWN_MAX)
    pad = 0.06 * (high - low) or 0.1
    deepest = max(0.01, *(item.drawdown.worst for item in rows))
    ratios = Scale(low - pad if low < 0.0 else 0.0, high + pad, left, 560.0)
    falls = Scale(0.0, deepest * 1.06, 620.0, WIDTH - 20.0)
    parts = [
        text((ratios.start + ratios.stop) / 2, 14, "Sharpe ratio a year", "strong"),
        text((falls.start + falls.stop) / 2, 14, "Largest drawdown", "strong"),
    ]
    for mark in ticks(ratios.low, ratios.high, 6):
        kind = "zero" if mark == 0.0 else "grid"
        parts.append(line(ratios(mark), top - 8, ratios(mark), bottom, kind))
        parts.append(text(ratios(mark), top - 13, ratio(mark, 1)))
    marks = ticks(0.0, falls.high, 5)
    digits = percent_digits(marks)
    for mark in marks:
        kind = "zero" if mark == 0.0 else "grid"
        parts.append(line(falls(mark), top - 8, falls(mark), bottom, kind))
        parts.append(text(falls(mark), top - 13, percent(mark, digits)))
    group = "real"
    for i, item in enumerate(rows):
        y = top + ROW * i
        if item.group != group:
            parts.append(line(20.0, y, WIDTH - 20.0, y, "axis"))
            group = item.group
        kind = "strong" if item is real else "tick"
        parts.append(text(left - 10, y + 17, item.title, kind, "end"))
        parts += _bar(item, ratios, y, is_real=item is real)
        parts += _fall(item, falls, y, is_real=item is real)
    own = min(max(real.sharpe.median, ratios.low), ratios.high)
    parts.append(line(ratios(own), top, ratios(own), bottom, "mark own"))
    parts.append(
        line(falls(real.drawdown.median), top, falls(real.drawdown.median), bottom, "mark own")
    )
    return figure(WIDTH, bottom + 10, parts, "Sharpe ratio and drawdown of every scenario")


def _bar(item: Summary, x: Scale, y: float, *, is_real: bool) -> list[str]:
    def inside(value: float) -> float:
        return x(min(max(value, x.low), x.high))

    a, b = sorted((inside(0.0), inside(item.sharpe.median)))
    words = f"{item.title}: Sharpe ratio {ratio(item.sharpe.median)}"
    kind = "total" if is_real else "gain" if item.sharpe.median >= 0.0 else "loss"
    parts = [rectangle(a, y + 5, max(b - a, 1.0), ROW - 10, kind, words)]
    if item.n_paths > 1:
        parts += _whisker(inside(item.sharpe.worst), inside(item.sharpe.best), y)
    return parts


def _fall(item: Summary, x: Scale, y: float, *, is_real: bool) -> list[str]:
    words = f"{item.title}: largest drawdown {percent(item.drawdown.median)}"
    kind = "total" if is_real else "loss"
    width = max(x(item.drawdown.median) - x(0.0), 1.0)
    parts = [rectangle(x(0.0), y + 5, width, ROW - 10, kind, words)]
    if item.n_paths > 1:
        parts += _whisker(x(item.drawdown.best), x(item.drawdown.worst), y)
    return parts


def _whisker(a: float, b: float, y: float) -> list[str]:
    middle = y + ROW / 2
    return [
        line(a, middle, b, middle, "band-end s5"),
        circle(a, middle, 2.6, "dot s5"),
        circle(b, middle, 2.6, "dot s5"),
    ]
