"""The page's section on where the profit came from: a waterfall, the sums, and the years."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from assay.research.attribution.gates import LIMIT_WORDS
from assay.research.attribution.part import GROUPS, Kind
from assay.research.attribution.summary import Attribution, Sum
from assay.research.metrics import Estimate
from assay.research.report.plots import waterfall
from assay.research.wording import money, percent

SMALL = 1e-6
"""Of the largest amount: less is nothing."""

DRAWN_FROM = 5e-4
"""Of the largest amount: a smaller bar could not be seen; the tables have it."""

NAMES_WIDTH = 210.0
STEP_HEIGHT = 26.0
HEADS = {Kind.SIGNAL: "Who said so", Kind.TRADE: "What was made of it", Kind.COST: "What it cost"}
YEAR_COLUMNS = (
    ("Indicators", ("trend", "momentum", "volatility", "volume", "levels", "own", "rule")),
    ("Models", ("models",)),
    ("Patterns", ("patterns",)),
    ("Swap view", ("swap_view",)),
    ("Delay", ("timing",)),
    ("Exits", ("exits",)),
    ("Size", ("sizing", "regime")),
    ("Costs", ("spread", "slippage", "commission", "swap")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SumRow:
    """One line of a table: an amount, its interval, and how it divides."""

    title: str
    total: float
    words: str
    interval: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionSection:
    """What the section shows.

    Attributes
    ----------
    chart : Markup
    heads : tuple of str
        Columns beside total and interval: sides and regimes.
    blocks : tuple of (title, sum in words, rows)
        Signals, what was made of them, costs: the groups that made anything.
    members : tuple of (title, rows)
        Each source of the groups that have several.
    silent : tuple of str
        Groups that made nothing.
    largest, largest_member : float
        Largest sizes of amounts, for the bars.
    year_heads, years
        Columns and lines of the table by year.
    sized_by : str
        What bound the sizes, in words.
    n_trades : int
    net, reference_risk : float
    """

    chart: Markup
    heads: tuple[str, ...]
    blocks: tuple[tuple[str, str, tuple[SumRow, ...]], ...]
    members: tuple[tuple[str, tuple[SumRow, ...]], ...]
    silent: tuple[str, ...]
    largest: float
    largest_member: float
    year_heads: tuple[str, ...]
    years: tuple[tuple[str, ...], ...]
    sized_by: str
    n_trades: int
    net: float
    reference_risk: float


def attribution_section(
    attributions: Mapping[str, Attribution], headline: str, currency: str
) -> AttributionSection | None:
    """Return the attribution of the judged strategy, or None where it closed no trade."""
    item = attributions.get(headline)
    if item is None or not item.n_trades:
        return None
    largest = max(abs(part.total) for part in item.groups)
    told = [part for part in item.groups if abs(part.total) > SMALL * largest]
    tables = {
        name.capitalize(): table
        for name, table in (*item.by_side.items(), *item.by_regime.items())
        if name != "unknown"
    }
    members = [
        (group.title, tuple(_row(part) for part in item.parts if part.group == group.name))
        for group in told
    ]
    return AttributionSection(
        chart=_chart(item, largest, currency),
        heads=tuple(tables),
        blocks=tuple(_block(told, kind, tuple(tables.values())) for kind in Kind),
        members=tuple((title, rows) for title, rows in members if len(rows) > 1),
        silent=tuple(part.title.lower() for part in item.groups if part not in told),
        largest=largest,
        largest_member=max(abs(part.total) for part in item.parts),
        year_heads=(*(name for name, _ in _year_columns(item)), "Net"),
        years=_years(item),
        sized_by=_sized_by(item.sized_by),
        n_trades=item.n_trades,
        net=item.net,
        reference_risk=item.reference_risk,
    )


def _chart(item: Attribution, largest: float, currency: str) -> Markup:
    """Return the way from nothing to the net profit, group by group and model by model."""
    steps = [
        (part.title, part.total, True)
        for part in _drawn(item)
        if abs(part.total) > DRAWN_FROM * largest
    ]
    steps.append(("Closed trades", item.net, False))
    if abs(item.open_profit) > SMALL * largest:
        steps.append(("Still open", item.open_profit, True))
        steps.append(("Net profit", item.net + item.open_profit, False))
    label = f"From the sources to the net profit, {currency}"
    return waterfall(steps, label, left=NAMES_WIDTH, row=STEP_HEIGHT)


def _drawn(item: Attribution) -> list[Sum]:
    """Return the groups in order, the models and a user's signals one by one."""
    drawn: list[Sum] = []
    for group in item.groups:
        members = [part for part in item.parts if part.group == group.group]
        drawn += members if group.group in ("models", "own") else [group]
    return drawn


def _block(
    groups: Sequence[Sum], kind: Kind, tables: Sequence[Mapping[str, Estimate]]
) -> tuple[str, str, tuple[SumRow, ...]]:
    """Return the groups of one kind, and what they made together."""
    mine = [group for group in groups if group.kind is kind]
    rows = tuple(_row(group, [table[group.name].value for table in tables]) for group in mine)
    return HEADS[kind], _words(sum(group.total for group in mine)), rows


def _row(part: Sum, amounts: Sequence[float] = ()) -> SumRow:
    known = not math.isnan(part.low)
    return SumRow(
        title=part.title,
        total=part.total,
        words=_words(part.total),
        interval=f"{_words(part.low)} to {_words(part.high)}" if known else "",
        cells=tuple(map(_words, amounts)),
    )


def _words(amount: float) -> str:
    """Return an amount with its sign: cents only where they are most of it."""
    return money(amount, sign=True, digits=0 if abs(amount) >= 10.0 else 1)


def _year_columns(item: Attribution) -> list[tuple[str, tuple[str, ...]]]:
    """Return the columns of the table by year that have something to say."""
    known = {group.name: group.total for group in item.groups}
    return [
        (title, tuple(name for name in names if name in known))
        for title, names in YEAR_COLUMNS
        if any(known.get(name, 0.0) for name in names)
    ]


def _years(item: Attribution) -> tuple[tuple[str, ...], ...]:
    """Return the sums of each calendar year in which a trade ended."""
    years: dict[str, dict[str, float]] = {}
    for month, amounts in item.by_month.items():
        year = years.setdefault(month[:4], dict.fromkeys(GROUPS, 0.0))
        for name, amount in amounts.items():
            year[name] += amount
    return tuple(
        (
            year,
            *(
                money(sum(amounts[name] for name in names), sign=True, digits=0)
                for _, names in _year_columns(item)
            ),
            money(sum(amounts.values()), sign=True, digits=0),
        )
        for year, amounts in sorted(years.items())
    )


def _sized_by(counts: Mapping[str, int]) -> str:
    """Return how often each limit bound a size, the most frequent first."""
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{LIMIT_WORDS[name]} ({percent(n / total, 0)})" for name, n in ordered)
