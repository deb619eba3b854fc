"""Pictures of a comparison: growth, falls, and the lead of one over another with luck's band."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from assay.domain.time import NS_PER_DAY
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.comparison.figures import Figures
from assay.research.comparison.shared_days import SharedDays, at_same_risk
from assay.research.drawdown import underwater
from assay.research.report.curves import Curve, growth_chart
from assay.research.report.scale import Scale, percent_digits, ticks, year_ticks
from assay.research.report.svg import figure, line, polyline, text, thinned
from assay.research.statistics.sequential import mixture_radius, mixture_rho
from assay.research.statistics.sharpe_interval import long_run_variance, newey_west_lags
from assay.research.wording import percent

RISK_A_YEAR = 0.10
"""Volatility to which curves are scaled where only their shape is compared."""
LABEL_LETTERS_MAX = 13
POINTS_MAX = 500
ROW_HEIGHT = 31.0


def short_label(item: Figures) -> str:
    """Return letter and name, cut in the middle to what fits beside a curve."""
    name = item.name
    if len(name) > LABEL_LETTERS_MAX:
        half = (LABEL_LETTERS_MAX - 1) // 2
        name = f"{name[:half]}…{name[-half:]}"
    return f"{item.letter} {name}"


def growth_picture(figures: Sequence[Figures], shared: SharedDays, *, is_scaled: bool) -> Markup:
    """Return the growth of all over the shared days; scaled to one volatility if asked for."""
    returns = scaled_returns(shared) if is_scaled else shared.returns
    time_ns = np.concatenate((shared.day_ns[:1] - NS_PER_DAY, shared.day_ns))
    curves = [
        Curve(
            label=short_label(item),
            slot=place,
            time_ns=time_ns,
            growth=np.concatenate(([1.0], np.cumprod(np.maximum(1.0 + returns[:, place], 1e-6)))),
        )
        for place, item in enumerate(figures)
    ]
    return growth_chart(curves, height=max(400.0, 60.0 + ROW_HEIGHT * len(curves)))


def scaled_returns(shared: SharedDays) -> FloatArray:
    """Return the shared returns, each column scaled to ``RISK_A_YEAR``."""
    return at_same_risk(shared.returns) * (RISK_A_YEAR / math.sqrt(shared.days_per_year))


def falls_picture(figures: Sequence[Figures], shared: SharedDays) -> Markup:
    """Return how far each was below its last peak, at the same risk."""
    returns = scaled_returns(shared)
    losses = [
        -underwater(np.concatenate(([1.0], np.cumprod(np.maximum(1.0 + column, 1e-6)))))[1:]
        for column in returns.T
    ]
    low = min(-0.01, *(float(np.min(loss)) for loss in losses)) * 1.05
    width, height = 960.0, 300.0
    x, y, parts = _axes(shared.day_ns, low, 0.0, width, height)
    for place in reversed(range(len(figures))):
        kept = thinned(losses[place], POINTS_MAX)
        xs = x.places(shared.day_ns[kept].astype(np.float64))
        parts.append(polyline(xs, y.places(losses[place][kept]), f"curve s{place}"))
    return figure(width, height, parts, "Loss from the last peak of each strategy, at one risk")


def lead_picture(
    shared: SharedDays, ahead: int, behind: int, *, confidence: float, width: float = 960.0
) -> Markup:
    """Return the running lead of one strategy over another, with the band of luck.

    Notes
    -----
    Both are scaled to ``RISK_A_YEAR``; the lead adds up daily differences. If neither were better,
    the whole curve would stay inside the band with the chance *confidence*: it is the
    time-uniform mixture radius around 0, with the long-run deviation of the differences.
    """
    returns = scaled_returns(shared)
    difference = returns[:, ahead] - returns[:, behind]
    lead = np.cumsum(difference)
    band = luck_band(difference, confidence)
    largest = 1.05 * max(float(np.max(np.abs(lead))), float(np.max(band)), 0.01)
    x, y, parts = _axes(shared.day_ns, -largest, largest, width, 250.0)
    kept = thinned(lead, POINTS_MAX)
    xs = x.places(shared.day_ns[kept].astype(np.float64))
    upper = y.places(band[kept])
    lower = y.places(-band[kept])
    outline = np.concatenate((upper, lower[::-1]))
    parts.insert(0, polyline(np.concatenate((xs, xs[::-1])), outline, "luck"))
    parts.append(polyline(xs, y.places(lead[kept]), f"curve s{ahead}"))
    return figure(width, 250.0, parts, "Running lead, and the band inside which luck stays")


def luck_band(difference: FloatArray, confidence: float) -> FloatArray:
    """Return how far a sum of differences strays by luck, after each day, at least 0."""
    n = len(difference)
    deviation = math.sqrt(long_run_variance(difference, newey_west_lags(n)))
    alpha = 1.0 - confidence
    rho = mixture_rho(n, alpha=alpha)
    return np.array(
        [
            day * deviation * mixture_radius(day, deviation=1.0, rho=rho, alpha=alpha)
            for day in range(1, n + 1)
        ]
    )


def _axes(
    day_ns: IntArray, low: float, high: float, width: float, height: float
) -> tuple[Scale, Scale, list[str]]:
    """Return both scales, and the grid of years and per cents."""
    left, top, bottom = 62.0, 14.0, height - 30.0
    x = Scale(float(day_ns[0]), float(day_ns[-1]), left, width - 20.0)
    y = Scale(low, high, bottom, top)
    parts = [line(x.start, bottom, x.stop, bottom, "axis")]
    for at, label in year_ticks(int(day_ns[0]), int(day_ns[-1]), 10 if width > 600.0 else 5):
        parts.append(line(x(at), top, x(at), bottom, "grid"))
        if x.start + 8 < x(at) < x.stop - 8:
            parts.append(text(x(at), bottom + 18, label))
    marks = ticks(low, high, 4)
    digits = percent_digits(marks)
    for mark in marks:
        parts.append(line(x.start, y(mark), x.stop, y(mark), "zero" if mark == 0.0 else "grid"))
        words = percent(mark, digits, sign=low < 0.0 < high)
        parts.append(text(left - 8, y(mark) + 4, words, anchor="end"))
    return x, y, parts
