"""The page that shows how good a stored history is: score by month, gaps, findings, spread."""

import numpy as np
from markupsafe import Markup, escape

from assay.data.bars import Bars
from assay.data.gaps import Gap
from assay.data.quality import Check, QualityReport, Severity
from assay.data.spread_statistics import SpreadStatistics
from assay.domain.time import NS_PER_DAY, iso_utc
from assay.kernels.compiler import FloatArray
from assay.research.report.fit_page import spread_chart
from assay.research.report.lines import Line, line_chart
from assay.research.report.scale import MONTHS, day_text, year_ticks
from assay.research.report.sheet import Section, Sheet, SheetVerdict, sheet_text

GAPS_SHOWN = 25
MONTHS_SHOWN = 12
_BANDS_MAX = 60


def quality_page(
    report: QualityReport,
    *,
    score_min: float,
    bars: Bars | None = None,
    spread: SpreadStatistics | None = None,
) -> str:
    """Return the page as HTML: no script, no request.

    Parameters
    ----------
    report : QualityReport
    score_min : float
        What training and trading ask for.
    bars : Bars, optional
        For the picture of the price: those checked, or longer ones made of them.
    spread : SpreadStatistics, optional
    """
    sections = [_months(report, score_min)]
    if bars is not None and len(bars) > 1:
        sections.append(_price(bars, report))
    sections += [_checks(report), _gaps(report)]
    if spread is not None:
        chart = spread_chart([("Median spread", 0, spread)])
        sections.append(
            Section(
                title="Spread over the week",
                lead=f"Median {spread.overall_median:.5g}, mean {spread.overall_mean:.5g}, "
                f"from {spread.rows:,} rows of {spread.series}.",
                charts=(chart,),
            )
        )
    return sheet_text(
        Sheet(
            title=f"{report.symbol} {report.series}: how good is this history?",
            sub=f"{day_text(report.first_ns)} to {day_text(report.last_ns)} · {report.rows:,} rows",
            verdict=_verdict(report, score_min),
            tiles=_tiles(report),
            sections=tuple(sections),
            footer=(
                "The checks read the whole history, so nothing here may become a feature. "
                "A check names what looks wrong; news can look wrong and be true.",
            ),
        )
    )


def _verdict(report: QualityReport, score_min: float) -> SheetVerdict:
    passes = report.score >= score_min
    failed = [check.name for check in report.checks if not check.is_passed]
    text = (
        "Every check is within its limit."
        if not failed
        else f"{len(failed)} checks are beyond their limit: {', '.join(failed)}."
    )
    return SheetVerdict(
        tone="edge" if passes and not failed else "not-enough-data" if passes else "no-edge",
        label=f"Score {report.score:.1f} of 100",
        headline="Good enough to train and trade on."
        if passes
        else "Not good enough to train or trade on.",
        text=f"{text} At least {score_min:g} is asked for (quality.score_min).",
    )


def _tiles(report: QualityReport) -> tuple[tuple[str, str, str], ...]:
    missing = {"missing_bars": "bars", "missing_hours": "hours"}
    n_missing, unit = next(
        ((c.rows, missing[c.name]) for c in report.checks if c.name in missing), (0, "bars")
    )
    worst = report.worst_months[0] if report.worst_months else None
    found = [check for check in report.checks if check.rows]
    return (
        ("Rows", f"{report.rows:,}", ""),
        ("Gaps in trading hours", f"{report.n_gaps:,}", f"{n_missing:,} {unit} missing"),
        ("Checks that found something", f"{len(found)}", f"of {len(report.checks)}"),
        (
            "Worst month",
            "–" if worst is None else f"{worst.score:.0f}",
            "" if worst is None else worst.month,
        ),
    )


def _months(report: QualityReport, score_min: float) -> Section:
    """Return the scores as a table of years and months, and the worst in words."""
    by_name = {month.month: month for month in report.months}
    years = sorted({name[:4] for name in by_name})
    rows = []
    for year in years:
        cells: list[str | Markup] = [year]
        for number in range(1, 13):
            month = by_name.get(f"{year}-{number:02d}")
            if month is None:
                cells.append("")
                continue
            words = ", ".join(f"{name} −{points:.0f}" for name, points in month.worst)
            title = f"{month.month}: {month.rows:,} of {month.expected:,} rows. {words}"
            kind = "yes" if month.score >= 90 else "no" if month.score < score_min else ""
            cells.append(
                Markup('<span class="{}" title="{}">{}</span>').format(
                    kind, title, f"{month.score:.0f}"
                )
            )
        rows.append(tuple(cells))
    worst = [month for month in report.worst_months[:MONTHS_SHOWN] if month.score < 90.0]
    notes = tuple(
        f"{month.month}: {month.score:.0f}. "
        + ", ".join(f"{name} costs {points:.0f}" for name, points in month.worst)
        + f". {month.rows:,} of {month.expected:,} rows."
        for month in worst
    )
    return Section(
        title="Score by month",
        lead="100 is a month without a finding. Green from 90, red below what is asked for.",
        columns=("year", *MONTHS),
        rows=tuple(rows),
        numeric=frozenset(range(1, 13)),
        kind="heat",
        notes=notes,
    )


def _price(bars: Bars, report: QualityReport) -> Section:
    x = bars.time_ns.astype(np.float64)
    first, last = int(bars.time_ns[0]), int(bars.time_ns[-1])
    marks = [(float(at), text) for at, text in year_ticks(first, last) if first <= at <= last]
    if len(marks) < 2:
        marks = _days(first, last)
    bands = [
        (float(gap.start_ns), float(gap.stop_ns), "random", f"{gap.bars_missing} bars missing")
        for gap in report.gaps[:_BANDS_MAX]
        if gap.stop_ns - gap.start_ns > (last - first) / 2_000
    ]
    chart = line_chart(
        [Line(label="Close", slot=0, x=x, y=bars.close)], "Closing price", x_marks=marks,
        bands=bands,
    )  # fmt: skip
    flagged = _flagged(report, first, last)
    charts = [chart]
    if flagged is not None:
        edges, counts = flagged
        charts.append(
            line_chart(
                [Line(label="Rows flagged", slot=3, x=edges, y=counts)],
                "Rows flagged over time",
                x_marks=marks,
                from_zero=True,
                height=150.0,
            )
        )
    return Section(
        title="Where it happens",
        lead="Grey: the longest gaps in trading hours. Below: rows that cost points.",
        charts=tuple(charts),
    )


def _days(first: int, last: int) -> list[tuple[float, str]]:
    """Return up to ten marks for a history of less than two years."""
    step = max(1, (last - first) // NS_PER_DAY // 8) * NS_PER_DAY
    start = -(-first // NS_PER_DAY) * NS_PER_DAY
    return [(float(at), day_text(at)) for at in range(start, last, step)]


def _flagged(
    report: QualityReport, first: int, last: int, n_bins: int = 240
) -> tuple[FloatArray, FloatArray] | None:
    times = [
        np.array(check.times_ns, dtype=np.float64)
        for check in report.checks
        if check.times_ns and check.severity is not Severity.NOTE
    ]
    if not times:
        return None
    counts, edges = np.histogram(np.concatenate(times), bins=n_bins, range=(first, last))
    return edges[:-1] + 0.5 * np.diff(edges), counts.astype(np.float64)


def _checks(report: QualityReport) -> Section:
    order = sorted(report.checks, key=lambda check: (check.is_passed, -check.rows))
    return Section(
        title="Checks",
        lead="Every check that was made; those beyond their limit first.",
        columns=("check", "", "rows", "share", "weight", "finding"),
        rows=tuple(_check_row(check) for check in order),
        numeric=frozenset({2, 3}),
        kind="checks",
    )


def _check_row(check: Check) -> tuple[str | Markup, ...]:
    state = Markup('<span class="{}">{}</span>').format(
        "yes" if check.is_passed else "no", "ok" if check.is_passed else "look"
    )
    severity = check.severity.name.lower()
    return check.name, state, f"{check.rows:,}", f"{check.share:.2%}", severity, escape(check.says)


def _gaps(report: QualityReport) -> Section:
    return Section(
        title="Gaps in trading hours",
        lead=f"{report.n_gaps:,} in all; here the longest {min(GAPS_SHOWN, len(report.gaps))}. "
        f"Weekends, daily breaks and {len(report.closures):,} holidays are no gaps.",
        columns=("from", "to", "bars missing"),
        rows=tuple(_gap_row(gap) for gap in report.gaps[:GAPS_SHOWN]),
        numeric=frozenset({2}),
        kind="facts",
    )


def _gap_row(gap: Gap) -> tuple[str, ...]:
    return (
        iso_utc(gap.start_ns)[:16].replace("T", " "),
        iso_utc(gap.stop_ns)[:16].replace("T", " "),
        f"{gap.bars_missing:,}",
    )
