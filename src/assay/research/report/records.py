"""The report for programs: canonical JSON, trades as CSV, circumstances apart."""

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from assay.domain.time import iso_utc
from assay.research.attribution.records import attribution_records
from assay.research.result import Forecasts, StrategyResult
from assay.research.run_result import RunResult
from assay.research.statistics.calibration import assess
from assay.research.tables import (
    REASON_WORDS,
    by_year,
    daily_of,
    grouped_tables,
    regime_shares,
    worst_falls,
)
from assay.research.verdict.findings import independent_count

SCHEMA = "assay.results/1"
PLACES = {("run", "workers"), ("run", "cluster")}


def plain(value: object) -> Any:
    """Return *value* as what JSON knows: NaN and infinities become null, enums their value."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def canonical(value: object) -> str:
    """Return *value* as JSON with sorted keys and the shortest exact floats."""
    return json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )


def settings_shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return *settings* without where it was computed, which no result depends on."""
    return {
        section: {key: item for key, item in table.items() if (section, key) not in PLACES}
        if isinstance(table, Mapping)
        else table
        for section, table in settings.items()
    }


def results_text(run: RunResult) -> str:
    """Return ``results.json``: one top-level key a line, sorted."""
    results = results_of(run)
    lines = [f"{json.dumps(key)}:{canonical(results[key])}" for key in sorted(results)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def results_of(run: RunResult) -> dict[str, Any]:
    """Return all of *run* that depends on data, settings and seed alone."""
    headline = run.strategy(run.headline)
    return {
        "schema": SCHEMA,
        "title": run.title,
        "currency": run.currency,
        "headline": run.headline,
        "verdict": run.verdict,
        "metrics": dict(run.metrics),
        "strategies": {item.name: _strategy(item) for item in run.strategies},
        "random_sharpes": run.random_sharpes,
        "forecasts": None if run.forecasts is None else _forecasts(run.forecasts),
        "tables": dict(grouped_tables(headline, run.regimes)),
        "regime_shares": None if run.regimes is None else dict(regime_shares(run.regimes)),
        "folds": [
            {
                key: iso_utc(item) if key.endswith("_ns") else item
                for key, item in plain(fold).items()
            }
            for fold in run.folds
        ],
        "features": run.features,
        "models": run.models,
        "quantiles": run.quantiles,
        "assumptions": run.assumptions,
        "settings": settings_shown(run.settings),
        "hashes": dict(run.hashes),
        "seeds": dict(run.seeds),
        "warnings": run.warnings,
        "quality": run.quality,
        "leaks": run.leaks,
        "data_notes": run.data_notes,
        "searches": run.searches,
        "attribution": attribution_records(run.attribution, run.headline),
        **({"risk_search": run.risk_search} if run.risk_search else {}),
    }


def _strategy(result: StrategyResult) -> dict[str, Any]:
    daily = daily_of(result)
    return {
        "title": result.title,
        "start_balance": result.start_balance,
        "refusals": dict(result.refusals),
        "symbols": result.symbols,
        "daily": {
            "day": np.datetime_as_string(
                (daily.day_ns - 1).astype("datetime64[ns]").astype("datetime64[D]")
            ),
            "equity": daily.equity,
        },
        "years": by_year(daily, result.start_balance),
        "drawdowns": worst_falls(daily, result.start_balance),
        "trades": trade_columns(result),
    }


def _forecasts(forecasts: Forecasts) -> dict[str, Any]:
    overlap = len(forecasts.p) / max(independent_count(forecasts), 1.0)
    found: dict[str, Any] = plain(assess(forecasts.p, forecasts.y, overlap=overlap))
    found["overlap"] = overlap
    return found


def trade_columns(result: StrategyResult) -> dict[str, list[Any]]:
    """Return the trades of *result* by column, times and names in words."""
    trades = result.trades
    columns: dict[str, list[Any]] = {
        "entry": _times(result.entry_ns),
        "exit": _times(result.exit_ns),
    }
    for name in trades.dtype.names or ():
        values = trades[name].tolist()
        if name == "symbol" and result.symbols:
            values = [result.symbols[index] for index in values]
        elif name == "side":
            values = ["long" if side > 0 else "short" for side in values]
        elif name == "reason":
            values = [REASON_WORDS.get(reason, str(reason)) for reason in values]
        elif name.startswith("is_"):
            values = [bool(value) for value in values]
        columns[name] = values
    return columns


def _times(time_ns: np.ndarray[Any, Any]) -> list[str]:
    text: list[str] = np.datetime_as_string(
        time_ns.astype("datetime64[ns]"), unit="s", timezone="UTC"
    ).tolist()
    return text


def trades_text(run: RunResult) -> str:
    """Return ``trades.csv``: every trade of every strategy."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    header: list[str] = []
    for strategy in run.strategies:
        columns = trade_columns(strategy)
        if not header:
            header = list(columns)
            writer.writerow(["strategy", *header])
        rows = zip(*(columns.get(name, []) for name in header), strict=True)
        for row in rows:
            writer.writerow([strategy.name, *(_cell(value) for value in row)])
    return buffer.getvalue()


def _cell(value: object) -> str:
    """Return one field; text that a spreadsheet would run as a formula is defused."""
    text = repr(value) if isinstance(value, float) else str(value)
    is_text = isinstance(value, str)
    return f"'{text}" if is_text and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def meta_text(run: RunResult) -> str:
    """Return ``meta.json``: what may differ between two runs with the same results."""
    workers = run.settings.get("run", {}).get("workers") if run.settings else None
    meta = {**run.meta, "repeat": run.repeat, "workers": workers}
    return json.dumps(plain(meta), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
