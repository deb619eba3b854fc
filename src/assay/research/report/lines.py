"""Charts of several lines over one axis: numbers, hours of the week, or time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from assay.kernels.compiler import FloatArray
from assay.research.report.scale import Scale, ticks
from assay.research.report.svg import figure, line, polyline, rectangle, text, thinned

WIDTH = 960.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 20.0, 30.0, 44.0
POINTS_MAX = 1_200
HALF_A_SIGN = 4.0
"""Half as wide as a sign of a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. *slot* picks its colour; NaN breaks it."""

    label: str
    slot: int
    x: FloatArray
    y: FloatArray


def line_chart(
    lines: Sequence[Line],
    label: str,
    *,
    x_marks: Sequence[tuple[float, str]] = (),
    x_label: str = "",
    y_text: Callable[[float], str] = lambda value: f"{value:g}",
    is_log_x: bool = False,
    is_log_y: bool = False,
    from_zero: bool = False,
    bands: Sequence[tuple[float, float, str, str]] = (),
    width: float = WIDTH,
    height: float = 260.0,
) -> Markup:
    """Return lines over a common axis, with a legend above.

    Parameters
    ----------
    lines : sequence of Line
    label : str
        What the picture shows, read to the blind.
    x_marks : sequence of (value, text)
        Marks of the axis; empty: round numbers.
    x_label : str
    y_text : callable
        Writes a value of the upright axis.
    is_log_x, is_log_y, from_zero : bool
    bands : sequence of (start, stop, class, tooltip)
        Stretches drawn behind the lines.
    """
    drawn = [item for item in lines if np.isfinite(item.y).any()]
    if not drawn:
        return Markup("")
    every = np.concatenate([item.y[np.isfinite(item.y)] for item in drawn])
    along = np.concatenate([item.x for item in drawn])
    low, high = float(every.min()), float(every.max())
    low = min(low, 0.0) if from_zero else low
    if is_log_y:
        low, high = low / 1.15, high * 1.15
    else:
        pad = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        low, high = (low if from_zero and low >= 0.0 else low - pad), high + pad
    x = Scale(float(along.min()), float(along.max()), LEFT, width - RIGHT, is_log_x)
    y = Scale(low, high, height - BOTTOM, TOP, is_log_y)
    parts = [
        rectangle(x(a), TOP, max(1.0, x(b) - x(a)), height - BOTTOM - TOP, kind, words)
        for a, b, kind, words in bands
    ]
    for mark in _powers(low, high) if is_log_y else ticks(low, high, 5):
        parts.append(line(LEFT, y(mark), width - RIGHT, y(mark), "grid"))
        parts.append(text(LEFT - 8, y(mark) + 4, y_text(mark), anchor="end"))
    marks = list(x_marks) or [(value, f"{value:g}") for value in ticks(x.low, x.high, 8)]
    for value, words in marks:
        parts.append(line(x(value), TOP, x(value), height - BOTTOM, "grid"))
        is_at_the_edge = x(value) + HALF_A_SIGN * len(words) > width
        anchor = "end" if is_at_the_edge else "middle"
        parts.append(text(x(value), height - BOTTOM + 17, words, anchor=anchor))
    parts.append(line(LEFT, height - BOTTOM, width - RIGHT, height - BOTTOM, "axis"))
    if x_label:
        parts.append(text((LEFT + width - RIGHT) / 2, height - 6, x_label))
    at = LEFT
    for item in drawn:
        parts += _pieces(item, x, y)
        parts.append(line(at, 13, at + 22, 13, f"leader s{item.slot}"))
        parts.append(text(at + 28, 17, item.label, f"name s{item.slot}", "start"))
        at += 48 + 7.4 * len(item.label)
    return figure(width, height, parts, label)


def _pieces(item: Line, x: Scale, y: Scale) -> list[str]:
    """Return the unbroken stretches of a line."""
    known = np.isfinite(item.y)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    parts = []
    for start, stop in edges.reshape(-1, 2):
        values = item.y[start:stop]
        kept = thinned(values, POINTS_MAX) if len(values) > POINTS_MAX else np.arange(len(values))
        places = x.places(item.x[start:stop][kept].astype(np.float64))
        parts.append(polyline(places, y.places(values[kept]), f"curve s{item.slot}"))
    return parts


def _powers(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten between two values, at most eight of them."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    values = [
        factor * 10.0**power for power in range(first, last + 1) for factor in (1.0, 2.0, 5.0)
    ]
    inside = [value for value in values if low <= value <= high]
    if len(inside) > 8:
        inside = [value for value in inside if f"{value:e}".startswith("1.")]
    return inside
