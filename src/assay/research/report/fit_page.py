"""The page that sets a fitted market beside the history it was fitted to."""

import numpy as np
from markupsafe import Markup

from assay.data.bars import Bars
from assay.data.simulation.fit import LAGS, TAILS, MarketFit
from assay.data.spread_statistics import SpreadStatistics
from assay.domain.time import NS_PER_DAY
from assay.kernels.compiler import FloatArray
from assay.research.report.lines import Line, line_chart
from assay.research.report.scale import day_text, year_ticks
from assay.research.report.sheet import Section, Sheet, sheet_text

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_VOLATILITY_BARS = 120
NS_PER_YEAR = 365.25 * NS_PER_DAY
REAL, SIMULATED = 0, 3


def fit_page(fit: MarketFit) -> str:
    """Return the page as HTML: no script, no request."""
    history, simulated = fit.history, fit.simulated
    shape = fit.market.shape
    tiles = (
        ("Volatility a year", f"{history.annual_volatility:.1%}",
         f"simulated {simulated.annual_volatility:.1%}"),
        ("1-in-1,000 hour over the median", f"{history.tails[-1]:.1f}",
         f"simulated {simulated.tails[-1]:.1f}"),
        ("Memory after a day", f"{history.memory[LAGS.index(24)]:.2f}",
         f"simulated {simulated.memory[LAGS.index(24)]:.2f}"),
        ("Usual spread", "unknown" if fit.spread is None else f"{fit.spread.overall_median:.5g}",
         "" if fit.simulated_spread is None
         else f"simulated {fit.simulated_spread.overall_median:.5g}"),
    )  # fmt: skip
    sections = [
        Section(
            title="Two histories",
            lead="The same span of time; the simulated price starts where the real one ended and "
            "goes nowhere in particular. Look at the texture, not at the direction.",
            charts=(
                _price(fit.bars, "History", REAL),
                _price(fit.simulated_bars, "Simulated", SIMULATED),
                _volatility(fit),
            ),
        ),
        Section(title="Hours of the day", charts=(_hours(fit),)),
        Section(
            title="Tails",
            lead="How often a return is larger than so many times the median one, hours of the "
            "day taken out.",
            charts=(_tails(fit),),
        ),
        Section(
            title="Memory of volatility",
            lead="Correlation of the size of a return with that of a return so many hours later.",
            charts=(_memory(fit),),
        ),
    ]
    spreads = [
        (label, slot, item)
        for label, slot, item in (
            ("History", REAL, fit.spread),
            ("Simulated", SIMULATED, fit.simulated_spread),
        )
        if item is not None
    ]
    if fit.spread is not None:
        sections.append(Section(title="Spread over the week", charts=(spread_chart(spreads),)))
    sections.append(
        Section(
            title="The shape",
            lead="What the simulator takes. The file beside this page holds it.",
            columns=("parameter", "value"),
            rows=tuple((name, _shown(value)) for name, value in shape.as_json().items()),
            kind="facts",
        )
    )
    return sheet_text(
        Sheet(
            title=f"{fit.market.symbol} {fit.market.series}: history and simulation",
            sub=f"{day_text(int(fit.bars.time_ns[0]))} to {day_text(int(fit.bars.time_ns[-1]))} · "
            f"{len(fit.bars):,} hours · distance {fit.distance:.2f}",
            tiles=tiles,
            sections=tuple(sections),
            footer=(
                "A fitted market has the statistics above and no edge, unless one is planted. "
                "It lacks news on a schedule and fashions that last for years.",
            ),
        )
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple | list):
        shown = ", ".join(f"{item:.3g}" for item in value[:24])
        return shown + (f", … ({len(value)} in all)" if len(value) > 24 else "")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _price(bars: Bars, label: str, slot: int) -> Markup:
    line = Line(label=label, slot=slot, x=bars.time_ns.astype(np.float64), y=bars.close)
    return line_chart([line], f"Price: {label}", x_marks=_years(bars), height=200.0)


def _years(bars: Bars) -> list[tuple[float, str]]:
    first, last = int(bars.time_ns[0]), int(bars.time_ns[-1])
    marks = year_ticks(first, last)
    return [(float(at), words) for at, words in marks if first <= at <= last]


def _volatility(fit: MarketFit) -> Markup:
    lines = [
        Line(label=label, slot=slot, x=x, y=y)
        for label, slot, (x, y) in (
            ("History", REAL, _rolling(fit.bars)),
            ("Simulated", SIMULATED, _rolling(fit.simulated_bars)),
        )
    ]
    return line_chart(
        lines,
        "Volatility over the last 120 hours, a year",
        x_marks=_years(fit.bars),
        y_text=lambda value: f"{value:.0%}",
        from_zero=True,
    )


def _rolling(bars: Bars) -> tuple[FloatArray, FloatArray]:
    moves = np.log(bars.close[1:] / bars.close[:-1]) ** 2
    n_year = len(moves) / max((bars.time_ns[-1] - bars.time_ns[0]) / NS_PER_YEAR, 1e-9)
    total = np.concatenate([[0.0], np.cumsum(moves)])
    mean = (total[_VOLATILITY_BARS:] - total[:-_VOLATILITY_BARS]) / _VOLATILITY_BARS
    return bars.time_ns[_VOLATILITY_BARS:].astype(np.float64), np.sqrt(mean * n_year)


def _hours(fit: MarketFit) -> Markup:
    hours = np.arange(24, dtype=np.float64)
    lines = [
        Line(label="History", slot=REAL, x=hours, y=fit.history.hourly_volatility),
        Line(label="Simulated", slot=SIMULATED, x=hours, y=fit.simulated.hourly_volatility),
    ]
    marks = [(float(hour), f"{hour}:00") for hour in range(0, 24, 3)]
    return line_chart(
        lines, "Volatility by hour of the day", x_marks=marks, x_label="New York", from_zero=True
    )


def _tails(fit: MarketFit) -> Markup:
    chances = 1.0 - np.array(TAILS)
    lines = [
        Line(label="History", slot=REAL, x=fit.history.tails, y=chances),
        Line(label="Simulated", slot=SIMULATED, x=fit.simulated.tails, y=chances),
    ]
    return line_chart(
        lines,
        "Chance of a larger return",
        x_label="multiple of the median size",
        y_text=lambda value: f"{value:.3g}",
        is_log_y=True,
    )


def _memory(fit: MarketFit) -> Markup:
    lags = np.array(LAGS, dtype=np.float64)
    lines = [
        Line(label="History", slot=REAL, x=lags, y=fit.history.memory),
        Line(label="Simulated", slot=SIMULATED, x=lags, y=fit.simulated.memory),
    ]
    marks = [(float(lag), str(lag)) for lag in LAGS]
    return line_chart(
        lines,
        "Autocorrelation of the size of returns",
        x_marks=marks,
        x_label="hours, logarithmic",
        is_log_x=True,
        from_zero=True,
    )


def spread_chart(statistics: list[tuple[str, int, SpreadStatistics]]) -> Markup:
    """Return the median spread over the week, one line for each (label, slot, statistics)."""
    lines = []
    for label, slot, item in statistics:
        x = (np.arange(len(item.median), dtype=np.float64) + 0.5) * float(item.slot_minutes)
        lines.append(Line(label=label, slot=slot, x=x, y=np.array(item.median)))
    marks = [(float(day * 1_440 + 720), name) for day, name in enumerate(_DAYS)]
    return line_chart(
        lines,
        "Median spread by minute of the week",
        x_marks=marks,
        x_label="New York",
        y_text=lambda value: f"{value:.4g}",
        from_zero=True,
    )
