"""The page of an ablation: what the strategy loses without each source, with its interval."""

import json

from markupsafe import Markup

from assay.research.attribution.ablation import Ablated, Ablation, Finding, as_record
from assay.research.report.records import plain
from assay.research.report.scale import Scale, ticks
from assay.research.report.sheet import Section, Sheet, sheet_text
from assay.research.report.svg import circle, figure, line, text
from assay.research.wording import count, money, percent, ratio

WIDTH = 960.0
NAMES_WIDTH = 200.0
ROW = 28.0
KIND = {Finding.HELPS: "s0", Finding.HURTS: "s1", Finding.NOT_SHOWN: "s4"}
REFIT = (
    "Silencing leaves every other weight as it was fitted, so that a strategy that leans on one "
    "source may fall silent with it. `assay ablate --refit` trains again without each one: the "
    "others may then say what it said."
)


def ablation_page(ablation: Ablation, title: str, currency: str, notes: tuple[str, ...]) -> str:
    """Return the page: no script, no request, the same bytes for the same content."""
    confidence = percent(ablation.confidence, 0)
    columns = (
        "Without", "What then happens", "Net", "Sharpe", "Trades", "Sharpe lost",
        f"{confidence} interval", "p (Holm)", "It", "Its part of the profit",
    )  # fmt: skip
    return sheet_text(
        Sheet(
            title=f"{title}: what each source is worth",
            sub=f"The whole strategy made {percent(ablation.total_return, sign=True)} at a Sharpe "
            f"ratio of {ratio(ablation.sharpe)} over {count(ablation.n_days)} days out of sample, "
            f"in {count(len(ablation.whole.trades))} trades.",
            sections=(
                Section(
                    title="What is lost when it is taken away",
                    lead="The Sharpe ratio a year of the whole strategy less that of the one "
                    "without it. Right of zero, the strategy was better with it. The line is the "
                    f"{confidence} interval over resampled days, the same days for both.",
                    charts=(forest_chart(ablation.rows),),
                    columns=columns,
                    rows=tuple(_row(row, currency) for row in ablation.rows),
                    numeric=frozenset({2, 3, 4, 5, 6, 7, 9}),
                    notes=(
                        "p is Holm's, over everything that was taken away here: the chance of one "
                        "or more false findings is kept below "
                        f"{percent(1.0 - ablation.confidence, 0)}. Each strategy that was traded "
                        "counts as a trial in the ledger.",
                        "Its part of the profit is what the split of the trades gives it. A source "
                        "that nods along has a part and is not missed; one that keeps the strategy "
                        "out of bad trades is missed and has none.",
                        *(() if any(row.was_refitted for row in ablation.rows) else (REFIT,)),
                        *notes,
                    ),
                ),
            ),
            footer=("A record is not a promise. Beside this page: ablation.json (all figures).",),
        )
    )


def ablation_text(ablation: Ablation, **told: object) -> str:
    """Return ``ablation.json``."""
    content = plain({**as_record(ablation), **told})
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def forest_chart(rows: tuple[Ablated, ...]) -> Markup:
    """Return one line per removal: the difference of the Sharpe ratio, and its interval."""
    if not rows:
        return Markup("")
    marks = [0.0]
    for row in rows:
        found = row.sharpe_difference
        marks += [found.low, found.value, found.high]
    low, high = min(marks), max(marks)
    pad = 0.04 * (high - low) or 0.1
    x = Scale(low - pad, high + pad, NAMES_WIDTH + 20.0, WIDTH - 90.0)
    top = 6.0
    bottom = top + ROW * len(rows)
    parts = []
    for mark in ticks(low - pad, high + pad, 7):
        parts.append(line(x(mark), top, x(mark), bottom, "zero" if mark == 0.0 else "grid"))
        parts.append(text(x(mark), bottom + 18, ratio(mark, 1 if high - low > 0.5 else 2)))
    for i, row in enumerate(rows):
        found, y, kind = row.sharpe_difference, top + ROW * (i + 0.5), KIND[row.finding]
        weight = "tick" if row.finding is Finding.NOT_SHOWN else "strong"
        parts.append(text(NAMES_WIDTH, y + 4, row.title, weight, "end"))
        parts.append(line(x(found.low), y, x(found.high), y, f"band {kind}"))
        words = f"without {row.title}: Sharpe ratio {ratio(row.sharpe)}, {row.finding.value}"
        parts.append(circle(x(found.value), y, 5, f"dot {kind}", words))
        parts.append(text(x.stop + 10, y + 4, ratio(found.value), weight, "start"))
    return figure(WIDTH, bottom + 28, parts, "Sharpe ratio lost without each source")


def _row(row: Ablated, currency: str) -> tuple[str, ...]:
    found = row.sharpe_difference
    return (
        row.title,
        row.how,
        percent(row.total_return, sign=True),
        ratio(row.sharpe),
        count(row.n_trades),
        ratio(found.value),
        f"{ratio(found.low)} to {ratio(found.high)}",
        ratio(row.p_adjusted, 3),
        row.finding.value,
        f"{money(row.attributed, sign=True)} {currency}",
    )
