"""Parts of the page that need some preparation: calibration, groups, settings, trades."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from threadpoolctl import threadpool_limits

from assay.research.metrics import rng_for
from assay.research.report.plots import hour_chart, reliability_chart
from assay.research.report.records import settings_shown, trade_columns
from assay.research.result import Forecasts, Regimes, StrategyResult
from assay.research.statistics.calibration import Calibration, assess
from assay.research.statistics.calibration_error import (
    calibration_error_interval,
    equal_mass,
    equal_width,
)
from assay.research.tables import Group, grouped_tables
from assay.research.verdict.checks import Check
from assay.research.verdict.findings import independent_count
from assay.research.wording import count, money, probability, ratio

TRADES_SHOWN_MAX = 2_000
ECE_SAMPLES = 400
"""Resampled records behind the interval of a calibration error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSection:
    """The reliability diagram and the figures beside it.

    Attributes
    ----------
    figures : Calibration
    chart : Markup
    independent : float
        Cases that the forecasts are worth.
    ece, ece_mass : (float, float)
        Intervals of the expected calibration error over bins of equal width and of equal mass.
    confidence : float
        Of the intervals.
    """

    figures: Calibration
    chart: Markup
    independent: float
    ece: tuple[float, float]
    ece_mass: tuple[float, float]
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTable:
    """One grouping of trades: a chart for hours, and the largest net for the bars."""

    title: str
    groups: tuple[Group, ...]
    largest: float
    chart: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSection:
    """The list of trades, cut where a page becomes too long."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int


def calibration_section(
    forecasts: Forecasts | None, *, confidence: float, seed: int
) -> CalibrationSection | None:
    """Return the calibration of the forecasts, or None without any."""
    if forecasts is None or not len(forecasts.p):
        return None
    p, y = forecasts.p, forecasts.y
    independent = independent_count(forecasts)
    overlap = len(p) / independent
    figures = assess(p, y, overlap=overlap)
    bins = {"equal width": equal_width(p), "equal mass": equal_mass(p)}
    with threadpool_limits(limits=1):  # threads that wait for each other cost more than they do
        ece, ece_mass = (
            calibration_error_interval(
                p,
                y,
                group,
                rng=rng_for(seed, "calibration", name),
                overlap=overlap,
                confidence=confidence,
                n_samples=ECE_SAMPLES,
            )
            for name, group in bins.items()
        )
    return CalibrationSection(
        figures=figures,
        chart=reliability_chart(figures, p),
        independent=independent,
        ece=ece,
        ece_mass=ece_mass,
        confidence=confidence,
    )


def group_tables(result: StrategyResult, regimes: Regimes | None) -> tuple[GroupTable, ...]:
    """Return the groupings of the trades of *result*."""
    tables = []
    for title, groups in grouped_tables(result, regimes):
        is_hourly = "hour" in title
        tables.append(
            GroupTable(
                title=title,
                groups=tuple(group for group in groups if group.n_trades),
                largest=max(abs(group.net) for group in groups),
                chart=hour_chart([g.label for g in groups], [g.net for g in groups])
                if is_hourly
                else Markup(""),
            )
        )
    return tuple(tables)


def check_rows(checks: tuple[Check, ...]) -> tuple[tuple[Check, str, str], ...]:
    """Return each condition with what was measured and asked, in its own unit."""
    words: dict[str, Callable[[float], str]] = {
        "years": lambda value: ratio(value, 1),
        "trades": count,
        "net_profit": money,
        "deflated_sharpe": probability,
        "power": probability,
        "random_entries": probability,
        "leaks": count,
    }
    return tuple(
        (
            check,
            words.get(check.name, ratio)(check.value),
            words.get(check.name, ratio)(check.threshold),
        )
        for check in checks
    )


def setting_rows(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return every setting as dotted key and value."""
    rows: list[tuple[str, str]] = []

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, Mapping) and value:
            for key in sorted(value, key=str):
                walk(f"{prefix}.{key}" if prefix else str(key), value[key])
        else:
            rows.append((prefix, json.dumps(value, ensure_ascii=False, default=str)))

    walk("", settings_shown(settings))
    return tuple(rows)


def trade_section(result: StrategyResult) -> TradeSection:
    """Return the first trades of *result* as text."""
    shown = result.trades[:TRADES_SHOWN_MAX]
    columns = trade_columns(result)
    has_reason, has_bars = "reason" in columns, "bars_held" in columns
    header = ["Entry (UTC)", "Exit (UTC)", "Symbol", "Side", "Lots", "Entry", "Exit"]
    header += ["Gross", "Commission", "Swap", "Net"]
    header += ["Bars"] * has_bars + ["Exit by"] * has_reason
    rows = []
    for i, trade in enumerate(shown):
        row = [
            columns["entry"][i].replace("T", " ")[:16],
            columns["exit"][i].replace("T", " ")[:16],
            str(columns["symbol"][i]),
            str(columns["side"][i]),
            ratio(float(trade["lots"])),
            _price(float(trade["entry_price"])),
            _price(float(trade["exit_price"])),
            money(float(trade["gross"]), sign=True),
            money(-float(trade["commission"]), sign=True),
            money(float(trade["swap"]), sign=True),
            money(float(trade["net"]), sign=True),
        ]
        row += [str(columns["bars_held"][i])] * has_bars
        row += [str(columns["reason"][i])] * has_reason
        rows.append(tuple(row))
    return TradeSection(header=tuple(header), rows=tuple(rows), total=len(result.trades))


def _price(value: float) -> str:
    """Return a price with as many digits as its size needs: 1.23456, 123.456, 1,234.56."""
    digits = 5 if abs(value) < 20.0 else 3 if abs(value) < 1_000.0 else 2
    return f"{value:,.{digits}f}"
