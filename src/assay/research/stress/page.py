"""The stress test for people: one self-contained page."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from assay.research.report.sheet import Section, Sheet, SheetVerdict, sheet_text
from assay.research.stress.answer import label_of
from assay.research.stress.charts import fan_chart, scenario_chart
from assay.research.stress.historic import SHOCKS
from assay.research.stress.shocks import Shocks
from assay.research.stress.stress import MISSING_PATHS_MAX, Stress
from assay.research.stress.summary import FAN_PATHS_MIN, Chance, Summary
from assay.research.wording import DASH, count, percent, ratio

HTML_FILE = "stress.html"
JSON_FILE = "stress.json"

GROUP_TITLES = {
    "order": "The same record in another order",
    "candles": "Histories that might have been",
    "settings": "Settings a little beside its own",
    "execution": "Costs, slippage, swaps, missing bars, late orders",
}
GROUP_LEADS = {
    "order": "Luck decides which trade comes first. The band holds 18 of 20 orders; the blue line "
    "is the one that happened.",
    "candles": "The tested bars are drawn anew in blocks and their prices rebuilt; times, sessions "
    "and the weekly pattern of spreads stay. The models of the walk look at the other history and "
    "trade it, without being trained again.",
    "settings": "If the result hangs on one exact number, it was fitted to this history.",
    "execution": "The decisions are those of the walk: they know nothing of the worse conditions. "
    "Only where bars are missing are features and forecasts made anew, from those that are left; "
    f"of this there are at most {MISSING_PATHS_MAX} draws, so that the worst 1 of 20 is the worst "
    "of them.",
}
COLUMNS = (
    "Scenario",
    "Paths",
    "Ruin",
    "Stop-out",
    "Ends in loss",
    "Result",
    "Sharpe",
    "Largest fall",
    "Days to recover",
    "Never",
)
NUMERIC = frozenset(range(1, len(COLUMNS)))


def stress_page(found: Stress) -> str:
    """Return ``stress.html``: no script, no request, the same bytes for the same content."""
    sections = [_plain_words(found)]
    if found.scenarios:
        sections.append(_overview(found))
        sections += [
            _group(found, group)
            for group in GROUP_TITLES
            if any(item.group == group for item in found.scenarios)
        ]
    if found.shocks is not None:
        sections += _shocks(found.shocks)
    sections.append(_reading(found))
    return sheet_text(
        Sheet(
            title=f"{found.title} under stress",
            sub=f"Out of sample {found.first_day} to {found.last_day} · {count(found.paths)} paths "
            f"· seed {found.seed} · ruin is equity below {percent(found.ruin_share, 0)} of the "
            "start",
            verdict=SheetVerdict(
                tone=found.tone,
                label=label_of(found.tone, found.real.trades),
                headline=found.headline,
                text=" ".join(f"{words}" for _, words in found.explanation[:2]),
            ),
            tiles=_tiles(found),
            sections=tuple(sections),
            footer=(
                "What is drawn from a record knows nothing that the record did not hold. Nothing "
                f"here is advice. Beside this page: {JSON_FILE} ({found.schema}), all figures.",
            ),
        )
    )


def _plain_words(found: Stress) -> Section:
    return Section(
        title="In plain words",
        columns=("What was asked", "What came of it"),
        rows=tuple(found.explanation),
        kind="checks",
    )


def _tiles(found: Stress) -> tuple[tuple[str, str, str], ...]:
    """Return the four figures that a reader looks for first, where they were asked for."""
    sampled = [item for item in found.scenarios if item.n_paths >= FAN_PATHS_MIN]
    if not sampled:
        return ()
    ruined = max(sampled, key=lambda item: (item.ruin.share, item.ruin.high))
    lost = min(sampled, key=lambda item: item.growth.worst)
    fell = max(sampled, key=lambda item: item.drawdown.worst)
    slow = max(sampled, key=lambda item: (item.recovery.never, item.recovery.worst_days))
    return (
        ("Probability of ruin", _chance(ruined.ruin), _worst_of(ruined)),
        ("Worst 1 of 20, result", percent(lost.growth.worst - 1.0, sign=True), _worst_of(lost)),
        ("Worst 1 of 20, fall", percent(fell.drawdown.worst), _worst_of(fell)),
        ("Not recovered by the end", percent(slow.recovery.never, 0), _worst_of(slow)),
    )


def _worst_of(item: Summary) -> str:
    return item.title[0].lower() + item.title[1:]


def _overview(found: Stress) -> Section:
    return Section(
        title="Every scenario beside the real record",
        lead="Each bar is the middle path, the thin line over it holds 18 of 20 paths (all, "
        "where there are fewer than 20), and the upright blue line is what really happened.",
        charts=(scenario_chart(found.real, found.scenarios),),
    )


def _group(found: Stress, group: str) -> Section:
    """Return one group: a fan for each scenario that has one, and a table."""
    items = [item for item in found.scenarios if item.group == group]
    charts: list[Markup] = []
    for item in items:
        if item.fan is not None:
            charts.append(Markup("<h3>{}</h3>").format(item.title))
            charts.append(
                fan_chart(
                    np.array(found.shown_ns, np.int64),
                    item.fan,
                    np.array(found.real_curve),
                    found.ruin_share,
                    item.title,
                )
            )
    return Section(
        title=GROUP_TITLES[group],
        lead=GROUP_LEADS[group],
        charts=tuple(charts),
        columns=COLUMNS,
        rows=tuple(_row(item) for item in (found.real, *items)),
        numeric=NUMERIC,
        kind="trades",
        notes=(
            "Where there is a slash: the middle path, and the worst 1 of 20; of fewer than 20 "
            "paths, the worst of them.",
            " ".join(f"{item.title}: {item.told}" for item in items),
        ),
    )


def _row(item: Summary) -> tuple[str, ...]:
    is_many = item.n_paths > 1
    figures: tuple[tuple[str, str], ...] = (
        (_gain(item.growth.median), _gain(item.growth.worst)),
        (ratio(item.sharpe.median), ratio(item.sharpe.worst)),
        (percent(item.drawdown.median), percent(item.drawdown.worst)),
        (_days(item.recovery.median_days), _days(item.recovery.worst_days)),
    )
    return (
        item.title,
        count(item.n_paths),
        *(_chance(value) for value in (item.ruin, item.stop_out, item.loss)),
        *(f"{middle} / {worst}" if is_many else middle for middle, worst in figures),
        percent(item.recovery.never, 0) if is_many else DASH,
    )


def _gain(growth: float) -> str:
    return percent(growth - 1.0, sign=True)


def _chance(value: Chance) -> str:
    """Return a share, with what may be behind it where nothing was seen; of one path, yes or no."""
    if math.isnan(value.high):
        return "yes" if value.count else "no"
    return percent(value.share) if value.count else f"0 (≤ {percent(value.high)})"


def _days(days: float) -> str:
    return "never" if math.isinf(days) else count(days)


def _shocks(found: Shocks) -> list[Section]:
    sections = []
    by_name = {shock.name: shock for shock in SHOCKS}
    absent = ", ".join(
        f"{by_name[name].title} ({by_name[name].first.isoformat()})" for name in found.absent
    )
    notes = () if not absent else (f"Not in the data, or not visible in it: {absent}.",)
    sections.append(
        Section(
            title="Shocks that it lived through",
            lead="What the strategy did in the days of a dated list. The market's move is the "
            "largest inside 24 hours of trading, from extreme to extreme."
            if found.lived
            else "None of the dated list lies in the record, or its bars do not show it.",
            columns=("Shock", "From", "To", "Market", "Result", "Worst day", "Largest fall",
                     "Trades", "") if found.lived else (),
            rows=tuple(
                (
                    item.title,
                    Markup('<span class="n">{}</span>').format(item.first),
                    Markup('<span class="n">{}</span>').format(item.last),
                    percent(item.market, sign=True),
                    percent(item.result, sign=True),
                    percent(item.worst_day, sign=True),
                    percent(item.fall),
                    count(item.n_trades),
                    item.told,
                )
                for item in found.lived
            ),
            numeric=frozenset(range(3, 8)),
            notes=notes,
        )
    )  # fmt: skip
    if found.transplanted and found.exposed is not None:
        side = "long" if found.exposed.side > 0 else "short"
        sections.append(
            Section(
                title="The others, at its worst moment",
                lead=f"On {found.exposed.day} it was {side} with {ratio(found.exposed.exposure)} "
                "times its equity, the most of its record. Here each move comes at that moment, "
                "against the position, in one gap: the stop is filled at the first price after it.",
                columns=("Shock", "Move of", "Gap", "Loss", "Equity after, of the start",
                         "Stopped out", ""),
                rows=tuple(
                    (
                        item.title,
                        item.of,
                        percent(item.move, sign=True),
                        percent(item.loss),
                        percent(item.equity_after),
                        "yes" if item.is_stopped_out else "no",
                        item.told,
                    )
                    for item in sorted(found.transplanted, key=lambda item: -item.loss)
                ),
                numeric=frozenset(range(2, 6)),
                notes=(
                    "Moves are the largest inside 24 hours of trading, measured on hourly bars.",
                ),
            )
        )  # fmt: skip
    return sections


def _reading(found: Stress) -> Section:
    return Section(
        title="How to read it",
        notes=(
            "Breaks: it lost money as it was, or loses it at doubled spread, slippage or "
            "commission, or a bar late, or in the middle history or draw of settings; or it is "
            "ruined in more than 5 % of the paths of a scenario.",
            "Sensitive: one of these costs more than half of its Sharpe ratio; or all at once "
            "loses money; or more than a quarter of the paths of a scenario end in loss; or a gap "
            "takes more than 20 % of the account. Holds: none of these.",
            f"Blocks of {ratio(found.block_days, 0)} trading days keep what a market remembers for "
            "days and lose what it remembers for months. A strategy that lives on long trends "
            "earns less on such histories than on the real one, and rightly: they have none.",
            "A scenario without a ruin among its paths has shown no more than an upper bound, "
            "which stands beside it (95 % confidence).",
            "Nothing here is chosen from: the settings of the workspace stay as they are. The look "
            "is counted in the ledger of trials.",
        ),
    )


def visible_rows(found: Stress) -> Sequence[tuple[str, int, float, float, float, float, float]]:
    """Return the rows of the terminal: name, paths, ruin, results, Sharpe ratio and fall."""
    return [
        (
            item.title,
            item.n_paths,
            100.0 * item.ruin.share,
            100.0 * (item.growth.median - 1.0),
            100.0 * (item.growth.worst - 1.0),
            item.sharpe.median,
            100.0 * item.drawdown.worst,
        )
        for item in (found.real, *found.scenarios)
    ]
