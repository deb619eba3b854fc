"""Charts of one moment: costs, luck, and whether forecasts mean what they say."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from assay.kernels.compiler import FloatArray
from assay.research.metrics import Costs, Estimate
from assay.research.report.scale import Scale, percent_digits, ticks
from assay.research.report.svg import circle, figure, line, rectangle, text
from assay.research.statistics.calibration import Calibration
from assay.research.wording import count, money, percent, probability, ratio

WIDTH = 960.0
LABEL_SHARE = 0.12
"""Of the width: as wide as the words of a mark."""


def cost_chart(costs: Costs, net: float, currency: str) -> Markup:
    """Return the way from profit before costs to net profit, one bar a step."""
    steps = [("Before costs", costs.profit_before, False)]
    for label, cost in (
        ("Spread", costs.spread),
        ("Slippage", costs.slippage),
        ("Commission", costs.commission),
        ("Swap", costs.swap),
    ):
        if not math.isnan(cost):
            steps.append((label, -cost, True))
    steps.append(("Net profit", net, False))
    return waterfall(steps, f"From profit before costs to net profit, {currency}")


def waterfall(
    steps: Sequence[tuple[str, float, bool]], label: str, *, left: float = 118.0, row: float = 30.0
) -> Markup:
    """Return bars that lead from nothing to a total.

    Parameters
    ----------
    steps : sequence of (name, amount, is_change)
        A change begins where the last bar ended; the others are totals, drawn from zero.
    label : str
        What the picture shows, read to the blind.
    left : float
        Room for the names.
    row : float
        Height of a step.
    """
    edges = [0.0]
    level = 0.0
    for _, amount, is_change in steps:
        level = level + amount if is_change else amount
        edges.append(level)
    low, high = min(edges), max(edges)
    if not high > low:
        return Markup("")
    top = 8.0
    bottom = top + row * len(steps)
    x = Scale(low, high, left + 70, WIDTH - 110)
    parts = []
    for mark in ticks(low, high, 6):
        kind = "zero" if mark == 0.0 else "grid"
        parts.append(line(x(mark), top, x(mark), bottom, kind))
        parts.append(text(x(mark), bottom + 18, money(mark, digits=0)))
    level = 0.0
    for i, (name, amount, is_change) in enumerate(steps):
        begin = level if is_change else 0.0
        level = level + amount if is_change else amount
        y = top + row * i + 0.2 * row
        a, b = sorted((x(begin), x(level)))
        kind = ("loss" if amount < 0 else "gain") if is_change else "total"
        parts.append(rectangle(a, y, max(b - a, 1.0), 0.6 * row, kind))
        weight = "tick" if is_change else "strong"
        parts.append(text(left, y + 0.3 * row + 4, name, weight, "end"))
        words = money(amount, sign=is_change, digits=0)
        at_right = amount >= 0.0 or a - 70 < left + 8
        parts.append(
            text(b + 7, y + 0.3 * row + 4, words, weight, "start")
            if at_right
            else text(a - 7, y + 0.3 * row + 4, words, weight, "end")
        )
    return figure(WIDTH, bottom + 28, parts, label)


def luck_chart(
    own: Estimate, luck: float, needed: float, random_sharpes: FloatArray | None
) -> Markup:
    """Return the strategy's Sharpe ratio beside what luck and random entries give."""
    if math.isnan(own.value):
        return Markup("")
    known = np.empty(0) if random_sharpes is None else random_sharpes[np.isfinite(random_sharpes)]
    marks = [0.0, own.value, luck, needed]
    marks += [value for value in (own.low, own.high) if not math.isnan(value)]
    low = min([*marks, *(known.tolist())]) - 0.15
    high = max([*marks, *(known.tolist())]) + 0.15
    room = LABEL_SHARE * (high - low)  # for the words that lean outwards from the two marks
    low, high = min(low, luck - room, needed - room), max(high, luck + room, needed + room)
    top, bottom = 66.0, 218.0
    x = Scale(low, high, 30.0, WIDTH - 30.0)
    parts = [line(x.start, bottom, x.stop, bottom, "axis")]
    for mark in ticks(low, high, 8):
        parts.append(line(x(mark), bottom, x(mark), bottom + 5, "axis"))
        parts.append(text(x(mark), bottom + 20, ratio(mark, 1)))
    parts.append(text((x.start + x.stop) / 2, bottom + 40, "annual Sharpe ratio after costs"))
    if len(known):
        parts += _histogram(known, x, top + 36, bottom)
    parts.append(line(x(0.0), top + 30, x(0.0), bottom, "zero"))
    for value, kind in ((luck, "mark luck"), (needed, "mark needed")):
        parts.append(line(x(value), top + 26, x(value), bottom, kind))
    parts += _two_labels(x, luck, needed, top + 18)
    if not math.isnan(own.low):
        parts.append(line(x(own.low), 26, x(own.high), 26, "band s0"))
        parts.append(line(x(own.low), 20, x(own.low), 32, "band-end s0"))
        parts.append(line(x(own.high), 20, x(own.high), 32, "band-end s0"))
    parts.append(line(x(own.value), 26, x(own.value), bottom, "mark own"))
    parts.append(circle(x(own.value), 26, 6, "dot s0"))
    parts.append(text(x(own.value), 12, f"this strategy {ratio(own.value)}", "strong"))
    return figure(WIDTH, bottom + 48, parts, "Sharpe ratio beside what luck gives")


def _two_labels(x: Scale, luck: float, needed: float, y: float) -> list[str]:
    """Return the words above the two marks, leaning apart so that they never meet."""
    left, right = sorted((("luck", luck), ("needed", needed)), key=lambda pair: pair[1])
    return [
        text(x(left[1]) + 3, y + 3, f"{left[0]} {ratio(left[1])}", f"name {left[0]}", "end"),
        text(x(right[1]) - 3, y + 3, f"{right[0]} {ratio(right[1])}", f"name {right[0]}", "start"),
    ]


def _histogram(values: FloatArray, x: Scale, top: float, bottom: float) -> list[str]:
    n_bins = min(24, max(6, round(math.sqrt(len(values)) * 1.4)))
    counts, edges = np.histogram(values, bins=n_bins)
    y = Scale(0.0, float(np.max(counts)), bottom, top)
    parts = []
    for n, a, b in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if n:
            words = f"{n} random runs from {ratio(a)} to {ratio(b)}"
            parts.append(
                rectangle(x(a) + 0.5, y(n), x(b) - x(a) - 1.0, bottom - y(n), "random", words)
            )
    return parts


def reliability_chart(calibration: Calibration, forecasts: FloatArray) -> Markup:
    """Return what was forecast against what happened, with the count of forecasts below."""
    bins = calibration.bins
    if not bins:
        return Markup("")
    values = [value for item in bins for value in (item.forecast, item.low, item.high)]
    low = max(0.0, min(*values, calibration.base_rate) - 0.02)
    high = min(1.0, max(*values, calibration.base_rate) + 0.02)
    size, left, top = 360.0, 58.0, 12.0
    x = Scale(low, high, left, left + size)
    y = Scale(low, high, top + size, top)
    parts = []
    marks = ticks(low, high, 5)
    digits = percent_digits(marks)
    for mark in marks:
        parts.append(line(x(mark), top, x(mark), top + size, "grid"))
        parts.append(line(left, y(mark), left + size, y(mark), "grid"))
        parts.append(text(left - 8, y(mark) + 4, percent(mark, digits), anchor="end"))
        parts.append(text(x(mark), top + size + 92, percent(mark, digits)))
    parts.append(line(x(low), y(low), x(high), y(high), "zero"))
    parts.append(
        line(left, y(calibration.base_rate), left + size, y(calibration.base_rate), "mark luck")
    )
    parts.append(
        text(left + size - 4, y(calibration.base_rate) - 6, "base rate", "name luck", "end")
    )
    for item in bins:
        words = (
            f"forecast {probability(item.forecast)}, happened {probability(item.observed)} "
            f"of {count(item.n)}"
        )
        parts.append(line(x(item.forecast), y(item.low), x(item.forecast), y(item.high), "error"))
        parts.append(circle(x(item.forecast), y(item.observed), 4.5, "dot s0", words))
    parts += _forecast_counts(forecasts, x, low, high, top + size + 10)
    parts.append(text(left + size / 2, top + size + 112, "forecast probability"))
    return figure(left + size + 14, top + size + 120, parts, "Forecast against outcome")


def _forecast_counts(
    forecasts: FloatArray, x: Scale, low: float, high: float, top: float
) -> list[str]:
    """Return a histogram of the forecasts below the diagram; those outside it sit at its ends."""
    bottom = top + 62.0
    counts, edges = np.histogram(np.clip(forecasts, low, high), bins=30, range=(low, high))
    y = Scale(0.0, float(max(np.max(counts), 1)), bottom, top)
    parts = [line(x.start, bottom, x.stop, bottom, "axis")]
    for n, a, b in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if n:
            words = f"{count(n)} forecasts from {percent(a)} to {percent(b)}"
            parts.append(
                rectangle(x(a) + 0.5, y(n), x(b) - x(a) - 1.0, bottom - y(n), "random", words)
            )
    return parts


def hour_chart(labels: Sequence[str], nets: Sequence[float], height: float = 200.0) -> Markup:
    """Return one upright bar of net profit per label."""
    low, high = min([0.0, *nets]), max([0.0, *nets])
    if not high > low:
        return Markup("")
    top, bottom, left = 12.0, height - 26.0, 78.0
    x = Scale(0.0, float(len(labels)), left, WIDTH - 12)
    y = Scale(low - 0.04 * (high - low), high + 0.04 * (high - low), bottom, top)
    parts = []
    for mark in ticks(low, high, 4):
        kind = "zero" if mark == 0.0 else "grid"
        parts.append(line(left, y(mark), WIDTH - 12, y(mark), kind))
        parts.append(text(left - 8, y(mark) + 4, money(mark, digits=0), anchor="end"))
    for i, (label, net) in enumerate(zip(labels, nets, strict=True)):
        a, b = sorted((y(0.0), y(net)))
        words = f"{label}: {money(net, sign=True)}"
        kind = "gain" if net >= 0 else "loss"
        parts.append(rectangle(x(i) + 4, a, x(i + 1) - x(i) - 8, b - a, kind, words))
        parts.append(text((x(i) + x(i + 1)) / 2, bottom + 17, label))
    return figure(WIDTH, height, parts, "Net profit per group")
