"""What the scenarios say, in plain words: the worst first."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.research.stress.shocks import Shocks
from assay.research.stress.summary import Summary
from assay.research.wording import count, percent, ratio

ORDINARY = ("spread_2", "slippage_2", "commission_2", "delay_1")
"""Conditions that any strategy meets sooner or later."""
RUIN_MAX = 0.05
KEPT_MIN = 0.5
"""A strategy that keeps less than half of its Sharpe ratio is sensitive."""
LOSS_MAX = 0.25
GAP_MAX = 0.20

LABELS = {"edge": "Holds", "not-enough-data": "Sensitive", "no-edge": "Breaks"}
"""The answer, by the tone of its page, of a strategy that traded."""
NOT_TESTED = "Not tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it comes to.

    Attributes
    ----------
    headline : str
    explanation : tuple of (str, str)
        What was asked, and what came of it.
    tone : str
        A key of ``LABELS``.
    """

    headline: str
    explanation: tuple[tuple[str, str], ...]
    tone: str


def answer_of(
    real: Summary, scenarios: Sequence[Summary], shocks: Shocks | None, ruin_share: float
) -> Answer:
    """Put the scenarios in words.

    Notes
    -----
    *Breaks*: it lost money as it was, or loses it at doubled spread, slippage or commission or a
    bar late, or in the middle history or draw of settings; or it is ruined in more than 5 % of
    the paths of a scenario. *Sensitive*: one of these costs more than half of its Sharpe ratio,
    all at once loses money, more than a quarter of the paths of a scenario end in loss, or a gap
    of history takes more than 20 %. *Holds*: none of these.
    """
    by_name = {item.name: item for item in scenarios}
    if not real.trades:
        return Answer(
            headline="It never traded, so there is nothing to put under stress.",
            explanation=(),
            tone="not-enough-data",
        )
    breaks = list(_breaks(real, by_name))
    bends = list(_bends(real, by_name, shocks))
    tone = "no-edge" if breaks else "not-enough-data" if bends else "edge"
    first = breaks or bends
    if real.growth.median <= 1.0:
        headline = f"It lost {percent(1.0 - real.growth.median)} before any stress."
    elif first:
        headline = f"It {_joined(first)}."
    else:
        headline = (
            "It holds: no ordinary worsening, and no path in the middle, takes half of its Sharpe "
            "ratio."
        )
    return Answer(
        headline=headline,
        explanation=tuple(_told(real, by_name, shocks, ruin_share)),
        tone=tone,
    )


def label_of(tone: str, n_trades: float) -> str:
    """Return the answer in one or two words.

    Examples
    --------
    >>> label_of("edge", 30), label_of("not-enough-data", 0)
    ('Holds', 'Not tested')
    """
    return LABELS[tone] if n_trades else NOT_TESTED


def _joined(parts: Sequence[str], n_max: int = 3) -> str:
    shown = list(parts[:n_max])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _name(item: Summary) -> str:
    return item.title[0].lower() + item.title[1:]


def _breaks(real: Summary, by_name: dict[str, Summary]) -> Iterator[str]:
    if real.growth.median <= 1.0:
        yield "lost money as it was"
    for name in ORDINARY:
        if name in by_name and by_name[name].growth.median < 1.0:
            yield f"loses money at {_name(by_name[name])}"
    for name in ("blocks", "regimes", "jitter"):
        if name in by_name and by_name[name].growth.median < 1.0:
            yield f"loses money in half of the paths of “{_name(by_name[name])}”"
    for item in by_name.values():
        if item.n_paths > 1 and item.ruin.share > RUIN_MAX:
            yield f"is ruined in {percent(item.ruin.share, 0)} of the paths of “{_name(item)}”"


def _bends(real: Summary, by_name: dict[str, Summary], shocks: Shocks | None) -> Iterator[str]:
    for name in (*ORDINARY, "blocks", "regimes", "jitter"):
        item = by_name.get(name)
        if item is not None and item.sharpe.median < KEPT_MIN * real.sharpe.median:
            yield f"keeps less than half of its Sharpe ratio at {_name(item)}"
    if "everything" in by_name and by_name["everything"].growth.median < 1.0:
        yield "loses money if everything goes wrong at once"
    for item in by_name.values():
        if item.name != "everything" and item.n_paths > 1 and item.loss.share > LOSS_MAX:
            yield f"loses money in {percent(item.loss.share, 0)} of the paths of “{_name(item)}”"
    if shocks is not None:
        worst = max((item.loss for item in shocks.transplanted), default=0.0)
        if worst > GAP_MAX:
            yield f"may lose {percent(worst, 0)} in one gap"


def _told(
    real: Summary, by_name: dict[str, Summary], shocks: Shocks | None, ruin_share: float
) -> Iterator[tuple[str, str]]:
    yield (
        "As it was",
        f"It {_result(real.growth.median)}, Sharpe ratio {ratio(real.sharpe.median)}, "
        f"largest fall {percent(real.drawdown.median)}, {_climb(real.recovery.median_days)}.",
    )
    yield from _of_costs(real, by_name)
    yield from _of_histories(real, by_name)
    yield from _of_orders(real, by_name)
    if "jitter" in by_name:
        item = by_name["jitter"]
        yield (
            "Settings",
            f"With settings a little beside its own, the Sharpe ratio lies between "
            f"{ratio(item.sharpe.worst)} and {ratio(item.sharpe.best)} in 18 of 20 draws; "
            f"{_share(item.loss.share, item.n_paths)} lose money.",
        )
    yield from _of_ruin(by_name, ruin_share)
    if shocks is not None:
        yield from _of_shocks(shocks)


def _result(growth: float) -> str:
    return f"{'made' if growth >= 1.0 else 'lost'} {percent(abs(growth - 1.0))}"


def _climb(days: float) -> str:
    if days == 0.0:
        return "nothing to recover from"
    return "not recovered by the end" if math.isinf(days) else f"recovered in {count(days)} days"


def _share(share: float, n_paths: int) -> str:
    return f"{count(share * n_paths)} of {count(n_paths)}"


def _effect(real: Summary, item: Summary) -> str:
    """Return what a condition does to the profit, in a few words."""
    before, after = real.growth.median - 1.0, item.growth.median - 1.0
    if after < 0.0:
        return f"loses {percent(-after)}"
    if before <= 0.0:
        return f"makes {percent(after)}"
    kept = after / before
    if kept >= 0.95:
        return "hardly matters" if kept <= 1.05 else f"happens to help ({percent(after)})"
    if 0.45 <= kept <= 0.55:
        return "halves the profit"
    return f"leaves {percent(kept, 0)} of the profit"


def _of_costs(real: Summary, by_name: dict[str, Summary]) -> Iterator[tuple[str, str]]:
    spreads = [by_name[name] for name in ("spread_2", "spread_3", "spread_5") if name in by_name]
    if spreads:
        words = ("Twice the spread", "three times", "five times")
        parts = [
            f"{word} {_effect(real, item)}" for word, item in zip(words, spreads, strict=False)
        ]
        yield "Spread", "; ".join(parts) + "."
    for about, names in (
        ("Slippage", ("slippage_2", "slippage_5", "slippage_spread")),
        ("Swap", ("swap_3", "swap_against")),
        ("Late orders", ("delay_1", "delay_2", "delay_5")),
        ("Missing data", ("missing_bars", "missing_days")),
        ("All at once", ("everything",)),
    ):
        items = [by_name[name] for name in names if name in by_name]
        if len(items) == 1:
            yield about, f"It {_effect(real, items[0])}: {items[0].told}"
        elif items:
            yield about, "; ".join(f"{item.title} {_effect(real, item)}" for item in items) + "."


def _of_histories(real: Summary, by_name: dict[str, Summary]) -> Iterator[tuple[str, str]]:
    for name, where in (
        ("blocks", "resampled histories"),
        ("regimes", "histories resampled inside regimes"),
    ):
        item = by_name.get(name)
        if item is None:
            continue
        yield (
            "Other histories",
            f"In 1 of 20 {where} it {_result(item.growth.worst)} or "
            f"{'less' if item.growth.worst >= 1.0 else 'more'}; in the middle one it "
            f"{_result(item.growth.median)}, and {_share(item.loss.share, item.n_paths)} "
            "end in loss.",
        )


def _of_orders(real: Summary, by_name: dict[str, Summary]) -> Iterator[tuple[str, str]]:
    item = by_name.get("trades")
    if item is not None and item.growth.best <= 0.0:
        yield "Luck of the order", "One of its trades lost the account, and does so in every order."
    elif item is not None:
        yield (
            "Luck of the order",
            f"Its largest fall was {percent(real.drawdown.median)}. In 1 of 20 orders of the very "
            f"same trades it is {percent(item.drawdown.worst)} or more.",
        )
    item = by_name.get("days")
    if item is not None:
        never = _share(item.recovery.never, item.n_paths)
        yield (
            "Time to recover",
            "If its days are drawn again, it "
            + (
                f"climbs out of its deepest fall in {count(item.recovery.median_days)} days in "
                "half of the cases"
                if math.isfinite(item.recovery.median_days)
                else "does not climb out of its deepest fall in half of the cases"
            )
            + f"; in {never} it does not by the end.",
        )


def _of_ruin(by_name: dict[str, Summary], ruin_share: float) -> Iterator[tuple[str, str]]:
    sampled = [item for item in by_name.values() if item.n_paths > 1]
    if not sampled:
        return
    worst = max(sampled, key=lambda item: (item.ruin.share, item.ruin.high))
    ruined = f"Equity below {percent(ruin_share, 0)} of the start"
    if worst.ruin.count:
        yield (
            "Ruin",
            f"{ruined}: {_share(worst.ruin.share, worst.n_paths)} paths of “{_name(worst)}”, the "
            f"worst of all scenarios (at most {percent(worst.ruin.high)} at 95 % confidence).",
        )
        return
    large = [item for item in sampled if item.n_paths >= 20]
    bound = max(item.ruin.high for item in large) if large else math.nan
    limit = (
        ""
        if math.isnan(bound)
        else f" (at most {percent(bound)} of a scenario, at 95 % confidence)"
    )
    total = count(sum(item.n_paths for item in sampled))
    yield "Ruin", f"{ruined}: on none of {total} paths{limit}."


def _of_shocks(shocks: Shocks) -> Iterator[tuple[str, str]]:
    if shocks.lived:
        worst = min(shocks.lived, key=lambda item: item.result)
        yield (
            "Shocks",
            f"It lived through {len(shocks.lived)} of the dated shocks; the worst was "
            f"{worst.title} ({worst.first}): {percent(worst.result, sign=True)}.",
        )
    else:
        yield "Shocks", "None of the dated shocks lies in its record, or its bars do not show it."
    if shocks.transplanted and shocks.exposed is not None:
        worse = max(shocks.transplanted, key=lambda item: item.loss)
        yield (
            "One gap",
            f"At its most exposed moment ({shocks.exposed.day}, {ratio(shocks.exposed.exposure)} "
            f"times its equity), a gap of {percent(worse.move, sign=True)} as in {worse.title} "
            f"takes {percent(worse.loss)} of the account, stop or no stop.",
        )
