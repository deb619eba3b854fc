"""Charts of a search: paths of start and best, promise and outcome, drift, every configuration."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.kernels.compiler import FloatArray
from assay.research.report.scale import Scale, ticks
from assay.research.report.svg import circle, figure, line, polyline, rectangle, text
from assay.research.search.review import Drift, Kept, Record
from assay.research.wording import ratio

WIDTH = 960.0
LEFT, RIGHT = 118.0, 240.0
VALUES_SHOWN_MAX = 9
SMALL_WIDTH = 470.0


def value_text(value: Any) -> str:
    """Return a searched value for a reader.

    Examples
    --------
    >>> value_text(0.30000000000000004), value_text(("H4", "D1")), value_text(True)
    ('0.3', 'H4, D1', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(value_text(item) for item in value) or "none"
    return str(value)


def step_name(record: Record) -> str:
    """Return the first step of the walk that a search chose for, counted as reports count.

    Examples
    --------
    >>> step_name({"first_fold": 4})
    'step 5'
    """
    return f"step {int(record['first_fold']) + 1}"


def paths_chart(records: Sequence[Record]) -> Markup:
    """Return the Sharpe ratio of every path of start and best, search by search."""
    values = [
        path for record in records for key in ("start", "best") for path in record[key]["paths"]
    ]
    if not values:
        return Markup("")
    row, top = 21.0, 10.0
    block = 2.0 * row + 12.0
    bottom = top + block * len(records)
    low, high = min([0.0, *values]), max([0.0, *values])
    pad = 0.04 * (high - low) or 0.1
    x = Scale(low - pad, high + pad, LEFT, WIDTH - RIGHT)
    parts = _sharpe_axis(x, top, bottom)
    for i, record in enumerate(records):
        y = top + block * i + 6.0
        for j, key in enumerate(("start", "best")):
            middle = y + row * (j + 0.5)
            paths = record[key]["paths"]
            kind = "s0" if key == "best" else "s4"
            name = f"{step_name(record)}: start" if j == 0 else "best"
            parts.append(text(LEFT - 10, middle + 4, name, anchor="end"))
            if not paths:
                continue
            parts.append(line(x(min(paths)), middle, x(max(paths)), middle, f"leader {kind}"))
            for number, path in enumerate(paths):
                words = f"{key} of {step_name(record)}, path {number + 1}: {ratio(path)}"
                parts.append(circle(x(path), middle, 3.6, f"dot {kind}", words))
            median = float(np.median(paths))
            parts.append(line(x(median), middle - 9, x(median), middle + 9, f"band-end {kind}"))
            told = f"objective {ratio(record[key]['objective'])}"
            if j == 1:
                told += ", adopted" if record["adopted"] else ", not adopted"
            parts.append(text(WIDTH - RIGHT + 12, middle + 4, told, anchor="start"))
    parts.append(
        text((LEFT + WIDTH - RIGHT) / 2, bottom + 38, "annual Sharpe ratio of a path, after costs")
    )
    return figure(WIDTH, bottom + 46, parts, "Sharpe ratio of every path of start and best")


def kept_chart(records: Sequence[Record], items: Sequence[Kept]) -> Markup:
    """Return what each search expected beside what came after it."""
    values = [v for item in items for v in (item.expected, item.after) if not math.isnan(v)]
    if not values:
        return Markup("")
    row, top = 28.0, 10.0
    bottom = top + row * len(items)
    low, high = min([0.0, *values]), max([0.0, *values])
    pad = 0.05 * (high - low) or 0.1
    x = Scale(low - pad, high + pad, LEFT, WIDTH - RIGHT)
    parts = _sharpe_axis(x, top, bottom)
    for i, (record, item) in enumerate(zip(records, items, strict=True)):
        y = top + row * (i + 0.5)
        parts.append(text(LEFT - 10, y + 4, step_name(record), anchor="end"))
        if math.isnan(item.share):
            parts.append(circle(x(item.expected), y, 4.5, "hollow s0", "expected"))
            told = "it expected nothing"
        else:
            parts.append(line(x(item.expected), y, x(item.after), y, "leader s0"))
            parts.append(
                circle(x(item.expected), y, 4.5, "hollow s0", f"expected {ratio(item.expected)}")
            )
            parts.append(circle(x(item.after), y, 5.0, "dot s0", f"came {ratio(item.after)}"))
            told = (
                f"{ratio(item.expected)} → {ratio(item.after)}: "
                f"{ratio(100.0 * item.share, 0)}% of it"
            )
        parts.append(text(WIDTH - RIGHT + 12, y + 4, told, anchor="start"))
    parts.append(
        text((LEFT + WIDTH - RIGHT) / 2, bottom + 38, "annual Sharpe ratio: ○ expected, ● came")
    )
    return figure(WIDTH, bottom + 46, parts, "Expected and actual Sharpe ratio of each search")


def drift_chart(item: Drift, names: Sequence[str], adopted: Sequence[bool]) -> Markup:
    """Return the value of one setting, search by search: best as dots, chosen as steps."""
    n = len(item.best)
    row, top, left = 20.0, 10.0, 82.0
    n_values = len(item.values)
    gap = row if n_values <= VALUES_SHOWN_MAX else row * VALUES_SHOWN_MAX / n_values
    bottom = top + gap * n_values
    x = Scale(0.0, float(n), left, SMALL_WIDTH - 12)
    y = Scale(-0.5, n_values - 0.5, bottom, top)
    parts = []
    every = max(1, -(-n_values // VALUES_SHOWN_MAX))
    for index, value in enumerate(item.values):
        if index % every:
            continue
        words = value_text(value)
        parts.append(line(left, y(index), SMALL_WIDTH - 12, y(index), "grid"))
        shown = words if len(words) <= 11 else f"{words[:10]}…"
        parts.append(text(left - 8, y(index) + 4, shown, anchor="end"))
    steps_x = np.repeat(np.arange(n + 1, dtype=np.float64), 2)[1:-1]
    steps_y = np.repeat(np.array(item.chosen, dtype=np.float64), 2)
    parts.append(polyline(x.places(steps_x), y.places(steps_y), "curve s4 steps"))
    label_every = max(1, -(-n // 8))
    for index, place in enumerate(item.best):
        at = x(index + 0.5)
        words = f"{names[index]}: best {value_text(item.values[place])}"
        words += ", adopted" if adopted[index] else ", not adopted"
        parts.append(circle(at, y(place), 5.0, "dot s0" if adopted[index] else "hollow s0", words))
        if index % label_every == 0:
            parts.append(text(at, bottom + 16, names[index]))
    return figure(SMALL_WIDTH, bottom + 24, parts, f"Best value of {item.name}, search by search")


def trials_chart(record: Mapping[str, Any]) -> Markup:
    """Return the objective of every configuration in order, and the best of those before."""
    outcomes = record["outcomes"]
    objective: FloatArray = np.array(
        [outcome["objective"] if outcome["paths"] else math.nan for outcome in outcomes]
    )
    known = objective[np.isfinite(objective)]
    if not len(known):
        return Markup("")
    low, high = float(known.min()), float(known.max())
    pad = 0.08 * (high - low) or 0.1
    top, height, left, right = 12.0, 190.0, 66.0, 20.0
    bottom = height - 44.0
    x = Scale(0.0, float(len(outcomes)), left, WIDTH - right)
    y = Scale(low - pad, high + pad, bottom - 18.0, top)
    parts = []
    for mark in ticks(low, high, 4):
        parts.append(line(left, y(mark), WIDTH - right, y(mark), "grid"))
        parts.append(text(left - 8, y(mark) + 4, ratio(mark, 2), anchor="end"))
    parts.append(line(left, bottom, WIDTH - right, bottom, "axis"))
    running = np.fmax.accumulate(objective)
    steps_x = np.repeat(np.arange(len(outcomes) + 1, dtype=np.float64), 2)[1:-1]
    first = int(np.flatnonzero(np.isfinite(running))[0])
    steps_y = np.repeat(running, 2)
    parts.append(
        polyline(x.places(steps_x[2 * first :]), y.places(steps_y[2 * first :]), "curve s3 steps")
    )
    for index, outcome in enumerate(outcomes):
        at = x(index + 0.5)
        words = ", ".join(f"{k} {value_text(v)}" for k, v in outcome["values"].items())
        if outcome["paths"]:
            is_best = outcome["number"] == record["best"]["number"]
            kind = "dot s0" if index == 0 or is_best else "dot s4"
            radius = 5.5 if is_best else 3.8
            title = f"{index + 1}: objective {ratio(outcome['objective'])}; {words}"
            parts.append(circle(at, y(outcome["objective"]), radius, kind, title))
        else:
            title = f"{index + 1}: given up; {words}"
            parts.append(rectangle(at - 2.0, bottom - 10.0, 4.0, 8.0, "random", title))
    for mark in ticks(1.0, float(len(outcomes)), 10):
        if mark == int(mark):
            parts.append(text(x(mark - 0.5), bottom + 16, f"{int(mark)}"))
    parts.append(text((left + WIDTH - right) / 2, bottom + 36, "configuration, in order"))
    return figure(WIDTH, height, parts, f"Objective of every configuration, {step_name(record)}")


def _sharpe_axis(x: Scale, top: float, bottom: float) -> list[str]:
    parts = []
    for mark in ticks(x.low, x.high, 7):
        kind = "zero" if mark == 0.0 else "grid"
        parts.append(line(x(mark), top, x(mark), bottom, kind))
        parts.append(text(x(mark), bottom + 18, ratio(mark, 1)))
    return parts
