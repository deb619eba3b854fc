"""Charts of a search of risk settings: best against as set, and what each setting does."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.research.report.scale import Scale, ticks
from assay.research.report.svg import circle, figure, line, polyline, rectangle, text
from assay.research.wording import ratio

WIDTH = 960.0
LEFT, RIGHT = 90.0, 150.0
SMALL_WIDTH, SMALL_HEIGHT = 470.0, 200.0
OFF_PLACE = 34.0
"""Room for what a rule does that is off, left of the axis of its values."""

Record = Mapping[str, Any]


def value_text(value: float, *, may_be_off: bool = True) -> str:
    """Return a risk setting for a reader.

    Examples
    --------
    >>> value_text(0.0), value_text(6.3), value_text(float("nan")), value_text(120.0)
    ('off', '6.3', 'several', '120')
    """
    if math.isnan(value):
        return "several"
    return "off" if may_be_off and value == 0.0 else f"{value:.4g}"


def halves_chart(as_set: Record, best: Record, words: str) -> Markup:
    """Return the measure over the halves of the record: settings as they are, and the best case.

    *words* say what is measured.
    """
    row, top = 26.0, 10.0
    bottom = top + 2.0 * row
    values = [*as_set["paths"], *best["paths"]]
    low, high = min([0.0, *values]), max([0.0, *values])
    pad = 0.04 * (high - low) or 0.1
    x = Scale(low - pad, high + pad, LEFT, WIDTH - RIGHT)
    parts = []
    for mark in ticks(x.low, x.high, 7):
        parts.append(line(x(mark), top, x(mark), bottom, "zero" if mark == 0.0 else "grid"))
        parts.append(text(x(mark), bottom + 18, f"{mark:g}"))
    for j, (case, slot, name) in enumerate(((as_set, 4, "as set"), (best, 0, "best case"))):
        y = top + row * (j + 0.5)
        least, first, median, third, most = case["paths"]
        title = f"{name}: half of them from {ratio(first)} to {ratio(third)}"
        parts.append(text(LEFT - 10, y + 4, name, anchor="end"))
        parts.append(line(x(least), y, x(most), y, f"leader s{slot}"))
        width = max(x(third) - x(first), 1.5)
        parts.append(rectangle(x(first), y - 7, width, 14, f"area s{slot}", title))
        parts.append(line(x(median), y - 9, x(median), y + 9, f"band-end s{slot}"))
        told = f"objective {ratio(case['objective'])}"
        parts.append(text(WIDTH - RIGHT + 12, y + 4, told, anchor="start"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 38, words))
    return figure(WIDTH, bottom + 46, parts, "Best case and settings as they are, by halves")


def sensitivity_chart(
    item: Record,
    ends: tuple[float, float],
    span: tuple[float, float],
    marks: Sequence[tuple[float, str, str]],
    *,
    is_log: bool,
) -> Markup:
    """Return the objective along one setting: median and middle half of the cases.

    Parameters
    ----------
    item : mapping
        Record of a sensitivity.
    ends : (float, float)
        Range of the setting.
    span : (float, float)
        Of the upright axis, the same for all settings, so that flat means little.
    marks : sequence of (value, class, words)
        Values to be marked, such as the best.
    is_log : bool
        Whether the values lie evenly in their logarithm.
    """
    at = np.array(item["at"])
    low, median, high = (np.clip(item[key], *span) for key in ("low", "median", "high"))
    is_on = at > 0.0
    left, top, bottom, right = 52.0, 12.0, SMALL_HEIGHT - 34.0, SMALL_WIDTH - 14.0
    start = left + (OFF_PLACE if not is_on.all() else 0.0)
    y = Scale(*span, bottom, top)
    parts = []
    for mark in ticks(*span, 5):
        parts.append(line(left, y(mark), right, y(mark), "zero" if mark == 0.0 else "grid"))
        parts.append(text(left - 8, y(mark) + 4, f"{mark:g}", anchor="end"))
    parts.append(line(left, bottom, right, bottom, "axis"))
    for k in np.flatnonzero(~is_on):
        place = left + OFF_PLACE / 2.0
        title = f"off: {ratio(median[k])}"
        parts.append(rectangle(place - 5, y(high[k]), 10, y(low[k]) - y(high[k]), "area s0", title))
        parts.append(line(place - 7, y(median[k]), place + 7, y(median[k]), "band-end s0"))
        parts.append(text(place, bottom + 16, "off"))
    values = at[is_on]
    if len(values) > 1:
        x = Scale(*ends, start + 8, right - 6, is_log)
        xs = x.places(values)
        around = np.concatenate([xs, xs[::-1]])
        band = np.concatenate([y.places(high[is_on]), y.places(low[is_on])[::-1]])
        parts.append(polyline(around, band, "area s0"))
        parts.append(polyline(xs, y.places(median[is_on]), "curve s0"))
        for mark in _marks(x, values, is_log=is_log):
            parts.append(text(x(mark), bottom + 16, f"{mark:g}"))
        for value, kind, words in marks:
            if x.low <= value <= x.high:
                parts.append(line(x(value), top, x(value), bottom, kind))
                parts.append(circle(x(value), top, 3.5, "dot s0" if "own" in kind else "dot s4",
                                    f"{words}: {value_text(value)}"))  # fmt: skip
    return figure(SMALL_WIDTH, SMALL_HEIGHT, parts, f"Objective along {item['title']}")


def _marks(x: Scale, values: Any, *, is_log: bool) -> list[float]:
    """Return round values along the axis."""
    if not is_log:
        return ticks(x.low, x.high, 6)
    powers = range(math.floor(math.log10(x.low)), math.ceil(math.log10(x.high)) + 1)
    for sizes in ((1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0)):
        found = [round(size * 10.0**power, 12) for power in powers for size in sizes]
        found = [value for value in found if x.low <= value <= x.high]
        if len(found) <= 7:
            break
    return found or [float(f"{values[len(values) // 2]:.2g}")]


def span_of(items: Sequence[Record]) -> tuple[float, float]:
    """Return the span of the objective over all settings, a little wider."""
    low = min((v for item in items for v in item["low"]), default=0.0)
    high = max((v for item in items for v in item["high"]), default=0.0)
    pad = 0.06 * (high - low) or 0.1
    return low - pad, high + pad
