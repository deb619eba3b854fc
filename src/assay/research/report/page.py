"""The report for people: one self-contained page."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from assay.domain.time import NS_PER_DAY
from assay.research import wording
from assay.research.drawdown import underwater
from assay.research.report.attribution import attribution_section
from assay.research.report.comparison import comparison_rows, cost_rows
from assay.research.report.curves import (
    Curve,
    drawdown_chart,
    fold_chart,
    growth_chart,
    share_bar,
    spark,
)
from assay.research.report.environment import LABELS, SEARCH_PAGE_FILE, VERDICT_PAGE_FILE, tone_of
from assay.research.report.plots import cost_chart, luck_chart
from assay.research.report.scale import MONTHS, day_text
from assay.research.report.sections import (
    calibration_section,
    check_rows,
    group_tables,
    setting_rows,
    trade_section,
)
from assay.research.result import StrategyResult
from assay.research.run_result import RunResult
from assay.research.tables import by_year, daily_of, regime_shares, worst_falls
from assay.research.verdict.figures import GATE
from assay.research.wording import count, money, percent, probability, ratio

SAME_RISK_FROM = 2.0
"""Ratio of the largest volatility to the smallest from which a second chart is drawn."""

CHECK_NAMES = {
    "leaks": "Leaks",
    "years": "Length of the record",
    "trades": "Number of trades",
    "power": "Power",
    "net_profit": "Net profit",
    "deflated_sharpe": "Deflated Sharpe ratio",
    "sharpe_interval": "Lower end of the Sharpe ratio",
    "random_entries": "Random entries",
    "buy_and_hold": "Buy and hold",
}
REFUSAL_WORDS: Mapping[str, str] = {
    "NO_VIEW": "The sources had no view",
    "WARM_UP": "A number the decision needs was not known yet",
    "SCORE": "The fused score did not pass the validator",
    "POSITIONS_LIMIT": "As many positions open as allowed",
    "MARGIN_CALL": "The account was at its margin-call level",
    "NO_EDGE": "Kelly saw no edge at the lower bound of the probability",
    "EXPOSURE_LIMIT": "No room under the exposure limit",
    "MARGIN_LIMIT": "No room under the margin limit",
    "BELOW_MINIMUM_SIZE": "The size came out below the smallest lot",
    "POSITION_OPEN": "A position of the same side was open already",
    "TOO_MANY_ORDERS": "Too many working orders",
    "INVALID_LOTS": "A size off the venue's grid",
    "RISK_LIMIT": "The stop would have lost more than the limit",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("assay.research.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in ("count", "ratio", "percent", "money", "probability"):
        environment.filters[word] = getattr(wording, word)
    environment.filters["day"] = day_text
    environment.globals.update(spark=spark, share_bar=share_bar, months=MONTHS, isnan=math.isnan)
    return environment


def page_of(run: RunResult) -> str:
    """Return ``report.html``: no script, no request, the same bytes for the same run."""
    template = _environment().get_template("report.html")
    return template.render(**_context(run)) + "\n"


def _context(run: RunResult) -> dict[str, Any]:
    """Return everything the template shows, by name."""
    headline = run.strategy(run.headline)
    measured = run.metrics[run.headline]
    daily = daily_of(headline)
    years = by_year(daily, headline.start_balance)
    largest = max((abs(m) for y in years for m in y.months if not math.isnan(m)), default=0.0)
    numbers = run.verdict.numbers
    return {
        "run": run,
        "verdict": run.verdict,
        "label": LABELS[run.verdict.outcome],
        "tone": tone_of(run.verdict.outcome),
        "verdict_page": VERDICT_PAGE_FILE,
        "search_page": SEARCH_PAGE_FILE if run.searches or run.risk_search else "",
        "headline": headline,
        "measured": measured,
        "numbers": numbers,
        "span": _span(headline),
        "tiles": _tiles(run),
        "growth": growth_chart(_curves(run)),
        "same_risk": _same_risk_chart(run),
        "drawdown": drawdown_chart(
            daily.day_ns,
            underwater(np.concatenate(([headline.start_balance], daily.equity)))[1:],
            0,
        ),
        "falls": worst_falls(daily, headline.start_balance),
        "years": years,
        "month_largest": largest,
        "holding_years": _holding_years(run),
        "comparison": comparison_rows(run),
        "costs": cost_chart(measured.costs, measured.net_profit, run.currency),
        "cost_rows": cost_rows(run),
        "luck": luck_chart(
            measured.sharpe,
            numbers["luck_sharpe"],
            numbers["sharpe_needed"],
            run.random_sharpes,
        ),
        "attribution": attribution_section(run.attribution, run.headline, run.currency),
        "calibration": calibration_section(
            run.forecasts, confidence=_confidence(run), seed=run.seeds.get("run", 0)
        ),
        "groups": group_tables(headline, run.regimes),
        "regime_shares": () if run.regimes is None else regime_shares(run.regimes),
        "folds": fold_chart(run.folds),
        "checks": check_rows(run.verdict.checks),
        "check_names": CHECK_NAMES,
        "refusals": _refusals(headline),
        "trades": trade_section(headline),
        "settings": setting_rows(run.settings),
    }


def _confidence(run: RunResult) -> float:
    """Return the confidence of the run's intervals, which no setting takes below the gate's."""
    asked = run.settings.get("evaluation", {}).get("confidence", GATE.confidence)
    return max(float(asked), GATE.confidence)


def _span(result: StrategyResult) -> str:
    if not len(result.time_ns):
        return "no events"
    first, last = int(result.time_ns[0]), int(result.time_ns[-1])
    return f"{day_text(first)} to {day_text(last)}"


def _curves(run: RunResult) -> list[Curve]:
    """Return daily growth of every strategy, the judged one first, colours by place."""
    ordered = sorted(run.strategies, key=lambda item: item.name != run.headline)
    curves = []
    for slot, strategy in enumerate(ordered):
        daily = daily_of(strategy)
        if not len(daily.equity):
            continue
        start = int(daily.day_ns[0]) - NS_PER_DAY
        curves.append(
            Curve(
                label=strategy.title,
                slot=min(slot, 5),
                time_ns=np.concatenate(([start], daily.day_ns)),
                growth=np.concatenate(([1.0], daily.equity / strategy.start_balance)),
            )
        )
    return curves


def _same_risk_chart(run: RunResult) -> Markup:
    """Return growth with every strategy scaled to one volatility, if these differ much."""
    own = run.metrics[run.headline].volatility.value
    others = [run.metrics[item.name].volatility.value for item in run.strategies]
    known = [value for value in others if value > 0.0]
    if not own > 0.0 or max(known) < SAME_RISK_FROM * min(known):
        return Markup("")
    curves = []
    for curve, volatility in zip(_curves(run), _volatilities(run), strict=True):
        if not volatility > 0.0:
            continue
        returns = curve.growth[1:] / np.maximum(curve.growth[:-1], 1e-12) - 1.0
        scaled = np.maximum(1.0 + returns * own / volatility, 1e-6)
        growth = np.concatenate(([1.0], np.cumprod(scaled)))
        curves.append(replace(curve, growth=growth))
    return growth_chart(curves, height=320.0)


def _volatilities(run: RunResult) -> list[float]:
    """Return the annual volatility of each of ``_curves``, in its order."""
    ordered = sorted(run.strategies, key=lambda item: item.name != run.headline)
    return [run.metrics[item.name].volatility.value for item in ordered if len(item.equity)]


def _tiles(run: RunResult) -> list[tuple[str, str, str]]:
    """Return the four figures under the verdict, as name, value and range."""
    measured, numbers = run.metrics[run.headline], run.verdict.numbers
    sharpe, fall = measured.sharpe, measured.max_drawdown
    trials = int(numbers["trials"])
    return [
        (
            "Sharpe ratio a year",
            ratio(sharpe.value),
            f"{ratio(sharpe.low)} to {ratio(sharpe.high)}",
        ),
        (
            "Net profit",
            percent(measured.total_return, sign=True),
            f"{money(measured.net_profit, sign=True)} {run.currency}, "
            f"{percent(measured.cagr.value, sign=True)} a year",
        ),
        (
            "Largest drawdown",
            percent(fall.value),
            f"{count(measured.drawdown_days)} trading days at the longest",
        ),
        (
            "Beats luck",
            probability(numbers["dsr"]),
            f"deflated for {count(trials)} trial{'' if trials == 1 else 's'}",
        ),
    ]


def _holding_years(run: RunResult) -> dict[int, float]:
    """Return the buy-and-hold return of each calendar year, if it was run."""
    for strategy in run.strategies:
        if strategy.name == "buy_and_hold":
            years = by_year(daily_of(strategy), strategy.start_balance)
            return {item.year: item.total for item in years}
    return {}


def _refusals(result: StrategyResult) -> list[tuple[str, str, int, float]]:
    """Return reason, words, count and share of all refusals, most frequent first."""
    total = sum(result.refusals.values())
    ordered = sorted(result.refusals.items(), key=lambda item: (-item[1], item[0]))
    return [
        (name, REFUSAL_WORDS.get(name, name.replace("_", " ").capitalize()), n, n / total)
        for name, n in ordered
        if n
    ]
