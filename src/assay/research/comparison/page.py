"""The comparison for people: one self-contained page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from assay.research.comparison.charts import (
    RISK_A_YEAR,
    falls_picture,
    growth_picture,
    lead_picture,
    short_label,
)
from assay.research.comparison.comparison import Comparison
from assay.research.comparison.entrant import Entrant
from assay.research.comparison.figures import (
    COMPARED_MIN,
    DAYS_PER_BLOCK_MIN,
    PBO_BLOCKS,
    Figures,
)
from assay.research.comparison.forecast_test import ForecastTest
from assay.research.comparison.pairs import Pair
from assay.research.comparison.shared_days import SharedDays, shared_days
from assay.research.comparison.writing import chance, environment
from assay.research.metrics import Estimate
from assay.research.report.comparison import Cell, Row
from assay.research.wording import DASH, count, percent, ratio

HTML_FILE = "comparison.html"
JSON_FILE = "comparison.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """Row less column: the difference, its chance under luck, and a colour where it is clear."""

    value: str
    p: str
    sign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """The cells of one strategy; None where it meets itself."""

    slot: int
    cells: tuple[MatrixCell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """One pair in words."""

    item: Pair
    title: str
    title_plain: str
    sharpe: str
    sharpe_interval: str
    income: str
    income_interval: str
    fall: str
    evidence: str


def comparison_page(
    comparison: Comparison, entrants: Sequence[Entrant], *, look: str = "", reports: str = ""
) -> str:
    """Return ``comparison.html``: no script, no request, the same bytes for the same arguments.

    Parameters
    ----------
    comparison : Comparison
    entrants : sequence of Entrant
        Those that were compared, in order: their curves are drawn.
    look : str
        What the workspace remembers of earlier comparisons, in a sentence.
    reports : str
        Way from the page to the folder of the reports, for links; empty: no links.
    """
    shared = shared_days(entrants)
    template = environment().get_template("compare.html")
    return template.render(**_context(comparison, shared), look=look, reports=reports) + "\n"


def _context(comparison: Comparison, shared: SharedDays) -> dict[str, Any]:
    figures = comparison.figures
    by_name = {item.name: item for item in figures}
    tone, label = _tone(comparison)
    columns, matrix = _matrix(comparison)
    tested = comparison.benchmark_test
    return {
        "comparison": comparison,
        "n": len(figures),
        "figures": figures,
        "shared": comparison.shared,
        "confidence": comparison.confidence,
        "benchmark": by_name.get(comparison.benchmark or ""),
        "tone": tone,
        "label": label,
        "growth_scaled": growth_picture(figures, shared, is_scaled=True),
        "growth": growth_picture(figures, shared, is_scaled=False),
        "risk": RISK_A_YEAR,
        "falls": falls_picture(figures, shared),
        "leads": _leads(comparison, shared),
        "matrix_columns": columns,
        "matrix": matrix,
        "superior": [by_name[name].letter for name in (tested.superior if tested else ())],
        "pairs": [_pair_row(pair, by_name) for pair in comparison.pairs],
        "rows": _rows(figures),
        "selection": comparison.selection,
        "best": by_name[comparison.selection.best],
        "pbo_min": COMPARED_MIN,
        "pbo_days": PBO_BLOCKS * DAYS_PER_BLOCK_MIN,
        "correlations": comparison.correlations,
        "forecasts": _forecasts(comparison, by_name),
    }


def _tone(comparison: Comparison) -> tuple[str, str]:
    """Return colour and label of the answer."""
    if comparison.winner is not None:
        return "edge", "Better" if comparison.benchmark is None else "Beats the benchmark"
    return "not-enough-data", "No winner"


def _leads(comparison: Comparison, shared: SharedDays) -> list[tuple[str, Markup]]:
    """Return the lead of the best over each other one, or of each over the benchmark."""
    names = comparison.names
    base = names.index(comparison.benchmark or comparison.selection.best)
    pairs = [
        (place, base) if comparison.benchmark is not None else (base, place)
        for place in range(len(names))
        if place != base
    ]
    width = 960.0 if len(pairs) == 1 else 470.0
    figures = comparison.figures
    return [
        (
            f"{short_label(figures[one])} over {short_label(figures[other])}",
            lead_picture(shared, one, other, confidence=comparison.confidence, width=width),
        )
        for one, other in pairs
    ]


def _matrix(comparison: Comparison) -> tuple[list[int], list[MatrixRow]]:
    """Return the columns and the rows of the tests; with a benchmark, its column alone."""
    names = comparison.names
    columns = list(range(len(names)))
    if comparison.benchmark is not None:
        columns = [names.index(comparison.benchmark)]
    rows = [
        MatrixRow(
            slot=i, cells=tuple(_matrix_cell(comparison, names[i], names[j]) for j in columns)
        )
        for i in range(len(names))
        if comparison.benchmark is None or i not in columns
    ]
    return columns, rows


def _matrix_cell(comparison: Comparison, row: str, column: str) -> MatrixCell | None:
    pair = comparison.pair(row, column)
    if pair is None:
        return None
    value = pair.sharpe_difference.value * (1.0 if pair.first == row else -1.0)
    better = pair.better(comparison.confidence)
    sign = "" if better is None else "up" if better == row else "down"
    return MatrixCell(value=_signed(value), p=chance(pair.sharpe_p_holm), sign=sign)


def _pair_row(pair: Pair, by_name: dict[str, Figures]) -> PairRow:
    one, other = by_name[pair.first], by_name[pair.second]
    sharpe, income = pair.sharpe_difference, pair.return_difference
    evidence = f"{pair.e_value:,.2f}" if pair.e_value < 1e4 else f"{pair.e_value:.1e}"
    return PairRow(
        item=pair,
        title=f"{one.letter} less {other.letter}",
        title_plain=f"{one.letter} and {other.letter}",
        sharpe=_signed(sharpe.value),
        sharpe_interval=f"{_signed(sharpe.low)} to {_signed(sharpe.high)}",
        income=percent(income.value, sign=True),
        income_interval=f"{percent(income.low, sign=True)} to {percent(income.high, sign=True)}",
        fall=percent(pair.drawdown_difference.value, sign=True),
        evidence=evidence,
    )


def _signed(value: float) -> str:
    text = ratio(value)
    return f"+{text}" if value > 0.0 and text != "0.00" else text


def _forecasts(
    comparison: Comparison, by_name: dict[str, Figures]
) -> list[tuple[str, ForecastTest | None, str]]:
    """Return the pairs whose forecasts were tested, or could not be, with the reason."""
    return [
        (
            f"{by_name[pair.first].letter} and {by_name[pair.second].letter}",
            pair.forecasts,
            pair.forecast_note,
        )
        for pair in comparison.pairs
        if pair.forecasts is not None or pair.forecast_note
    ]


def _estimate(value: Estimate, words: Callable[[float], str]) -> Cell:
    if math.isnan(value.value):
        return Cell(DASH)
    if math.isnan(value.low):
        return Cell(words(value.value))
    return Cell(words(value.value), f"{words(value.low)} to {words(value.high)}")


def _gain(value: float) -> str:
    return percent(value, sign=True)


_ROWS: tuple[tuple[str, str, bool, Callable[[Figures], Cell]], ...] = (
    ("Sharpe ratio", "a year, over cash at 0 %", False, lambda m: _estimate(m.sharpe, ratio)),
    ("Net profit", "on the shared days", True, lambda m: Cell(_gain(m.total_return))),
    ("Growth a year", "CAGR", False, lambda m: _estimate(m.cagr, _gain)),
    ("Volatility a year", "of daily returns", False, lambda m: _estimate(m.volatility, percent)),
    ("Sortino ratio", "only falls count as risk", False, lambda m: _estimate(m.sortino, ratio)),
    ("Calmar ratio", "growth over largest drawdown", False, lambda m: _estimate(m.calmar, ratio)),
    ("Largest drawdown", "of daily closes", True, lambda m: _estimate(m.drawdown, percent)),
    ("Longest drawdown", "shared days", False, lambda m: Cell(count(m.drawdown_days))),
    ("Worst 5 % of days", "mean loss (CVaR)", False,
     lambda m: _estimate(m.cvar_day, lambda value: percent(value, 2))),
    ("Skew and kurtosis", "normal: 0 and 3", False,
     lambda m: Cell(f"{ratio(m.skew, 1)} / {ratio(m.kurtosis, 1)}")),
    ("Trades", "that ended in the shared span", True, lambda m: Cell(count(m.n_trades))),
    ("Win rate", "", False, lambda m: _estimate(m.win_rate, percent)),
    ("Profit factor", "wins over losses", False, lambda m: _estimate(m.profit_factor, ratio)),
    ("Payoff", "average win over average loss", False, lambda m: _estimate(m.payoff, ratio)),
)  # fmt: skip


def _rows(figures: Sequence[Figures]) -> list[Row]:
    """Return every figure over all strategies."""
    return [
        Row(label, note, tuple(read(item) for item in figures), starts)
        for label, note, starts, read in _ROWS
    ]
