"""The page of a search of risk settings: the best case, what speaks against it, what came after."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.research.report.curves import Curve, growth_chart
from assay.research.report.environment import LABELS, VERDICT_PAGE_FILE
from assay.research.report.risk_charts import (
    Record,
    halves_chart,
    sensitivity_chart,
    span_of,
    value_text,
)
from assay.research.report.sheet import Section, Sheet, SheetVerdict, sheet_text
from assay.research.risk_search.parameters import PARAMETERS
from assay.research.run_result import RunResult
from assay.research.wording import DASH, count, percent, probability, ratio

TOP_SHOWN = 10
MEASURES = {
    "sharpe": "annual Sharpe ratio over a half of the record, after costs",
    "growth": "growth of the account a year over a half of the record, after costs",
}


def risk_page(run: RunResult) -> str:
    """Return ``optimisation.html`` of a search of risk settings: no script, no request."""
    found = run.risk_search
    final = found["final"]
    is_winner = bool(final["winner"])
    return sheet_text(
        Sheet(
            title=f"{run.title}: the search of risk settings",
            sub=Markup(
                'Part of <a href="report.html">report.html</a>. The verdict on the record that the '
                'searches chose for: <a href="{}">{}</a>.'
            ).format(VERDICT_PAGE_FILE, LABELS[run.verdict.outcome].lower()),
            verdict=SheetVerdict(
                tone="edge" if is_winner else "not-enough-data",
                label="Better settings" if is_winner else "No better settings",
                headline=headline(found),
                text=" ".join(final["reasons"]) or winner_told(found),
            ),
            tiles=_tiles(found),
            sections=(
                *_lines(found),
                _best(found),
                _sensitivities(found),
                _steps(found),
                _top(found),
                _reading(found, run.repeat),
            ),
            footer=(
                "A record is not a promise. Nothing here is advice; a search finds what would have "
                "been good, and the verdict says whether that can be told from luck.",
            ),
        )
    )


def headline(found: Mapping[str, Any]) -> str:
    """Return the answer in a sentence."""
    return (
        "These risk settings are better than those of the workspace, and not by luck alone."
        if found["final"]["winner"]
        else "Keep the risk settings as they are."
    )


def winner_told(found: Mapping[str, Any]) -> str:
    """Return what the winner is better in, in a sentence."""
    final = found["final"]
    best, as_set = final["best"], final["as_set"]
    return (
        f"Over the whole record they have a Sharpe ratio of {ratio(best['sharpe'])} against "
        f"{ratio(as_set['sharpe'])}, and a largest fall of {percent(best['drawdown'])} against "
        f"{percent(as_set['drawdown'])}. They were chosen on this record, so expect less."
    )


def _tiles(found: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    final, after = found["final"], found["after"]
    n_cases = final["cases"] + sum(step["cases"] for step in found["steps"])
    came = (DASH, "the record is too short for a choice before its end")
    if after is not None:
        came = (
            ratio(after["chosen"]["sharpe"]),
            f"Sharpe ratio; {ratio(after['as_set']['sharpe'])} with the settings as they are",
        )
    return (
        ("Backtests", count(n_cases), f"in {len(found['steps']) + 1} searches; all are trials"),
        ("Chance of overfitting", percent(final["pbo"], 0), "PBO of the choice; noise has 50%"),
        ("Plateau", percent(final["plateau"]["share"], 0), "of the neighbours come near the best"),
        ("What came after the choices", *came),
    )


def _lines(found: Mapping[str, Any]) -> tuple[Section, ...]:
    if not found["lines"]:
        return ()
    return (
        Section(
            title="Lines for assay.toml",
            lead="Put each line under the section of its name. They are the fewest changes that do "
            "about as well as the best of all cases, digit for digit as they were tried.",
            code="\n".join(found["lines"]),
        ),
    )


def _best(found: Mapping[str, Any]) -> Section:
    """Return best and as set side by side: the settings, then what they did."""
    final, plan = found["final"], found["plan"]
    best, as_set = final["best"], final["as_set"]
    rows: list[tuple[str | Markup, ...]] = []
    for name, value in best["values"].items():
        known = PARAMETERS[name]
        rows.append(
            (
                Markup("{} <code>{}</code>").format(known.title, name),
                value_text(as_set["values"][name], may_be_off=known.may_be_off),
                value_text(value, may_be_off=known.may_be_off),
                _range_text(plan[name]),
            )
        )
    for title, key, write in (
        ("Objective", "objective", ratio),
        ("Sharpe ratio", "sharpe", ratio),
        ("Growth a year", "growth", percent),
        ("Largest fall", "drawdown", percent),
        ("Trades", "n_trades", count),
    ):
        rows.append(
            (Markup("<strong>{}</strong>").format(title), write(as_set[key]), write(best[key]), "")
        )
    return Section(
        title="The best case and the settings as they are",
        charts=(halves_chart(as_set, best, MEASURES[plan["measure"]]),),
        columns=("", "As set", "Best case", "Searched"),
        rows=tuple(rows),
        numeric=frozenset((1, 2, 3)),
        kind="trades",
        notes=(
            "The chart: all 924 ways to take half of 12 blocks of time. The box holds half of "
            "them, the stroke is their median. They share days: their spread is no standard error.",
            f"That the best case earns anything, although it is the best of {count(final['cases'])}"
            f" (worth {ratio(final['independent'], 1)} independent ones), has a probability of "
            f"{probability(final['edge'])}; that it is better than the settings as they are, "
            f"{probability(final['gain'])}.",
        ),
    )


def _range_text(values: Sequence[float]) -> str:
    """Return the range of a setting.

    Examples
    --------
    >>> _range_text([0.0, 4.0, 240.0]), _range_text([1.0, 16.0])
    ('off, 4 to 240', '1 to 16')
    """
    words = f"{values[-2]:.4g} to {values[-1]:.4g}"
    return f"off, {words}" if len(values) > 2 else words


def _sensitivities(found: Mapping[str, Any]) -> Section:
    """Return one small chart a setting, the one that matters most first."""
    final = found["final"]
    items = [item for item in final["sensitivities"] if item["at"]]
    span = span_of(items)
    drawn = Markup("").join(
        Markup('<div><h3>{} <code>{}</code></h3><p class="note">explains {}</p>{}</div>').format(
            item["title"],
            item["name"],
            percent(item["share"], 0),
            sensitivity_chart(
                item,
                (found["plan"][item["name"]][-2], found["plan"][item["name"]][-1]),
                span,
                (
                    (final["as_set"]["values"][item["name"]], "mark luck", "as set"),
                    (final["best"]["values"][item["name"]], "mark own", "best"),
                ),
                is_log=PARAMETERS[item["name"]].is_log,
            ),
        )
        for item in items
    )
    return Section(
        title="What each setting does",
        lead=f"The objective of {count(final['spread'])} cases spread over all ranges, along one "
        "setting while all others vary: median, and the band that holds half of the cases. The "
        "upright axis is the same for all, so a flat line is a setting that hardly matters. Blue "
        "stroke: the best case; dashed: as set. A stroke is missing where a rule is off.",
        charts=(Markup('<div class="grid small">{}</div>').format(drawn),),
        notes=(
            "Explains: share of the variance of the objective that goes with this setting alone "
            "(first-order Sobol index). What they do together makes up the rest.",
        ),
    )


def _steps(found: Mapping[str, Any]) -> Section:
    """Return what each search chose before its step, and what came of it."""
    steps, after = found["steps"], found["after"]
    title = "Chosen in the past, judged by what came after"
    if after is None:
        return Section(
            title=title,
            lead="No step of the walk has 240 tested days before it, so no choice could be made "
            "and judged. What is found above was seen by the search that found it.",
        )
    rows: list[tuple[str, ...]] = []
    for step in steps:
        rows.append(
            (
                f"step {step['fold'] + 1}",
                step["until"][:10],
                ratio(step["as_set"]["objective"]),
                ratio(step["best"]["objective"]),
                percent(step["pbo"], 0),
                percent(step["plateau"]["share"], 0),
                probability(step["edge"]),
                probability(step["gain"]),
                "yes" if step["winner"] else "no",
                ratio(step["after"]["as_set"]),
                ratio(step["after"]["chosen"]),
            )
        )
    days = np.array([f"{day}T00:00" for day in after["chosen"]["day"]], "datetime64[ns]")
    curves = [
        Curve(label=label, slot=slot, time_ns=days.astype(np.int64), growth=_growth(after[key]))
        for key, label, slot in (("chosen", "as chosen", 0), ("as_set", "as set", 4))
    ]
    return Section(
        title=title,
        lead="Before each step of the walk that has 240 tested days before it, a search saw that "
        "past alone. Its best case was traded in the step if nothing spoke against it, and the "
        "settings as they are if something did. " + after_told(found),
        charts=(growth_chart(curves),),
        columns=("Chose for", "Saw until", "As set", "Best", "PBO", "Plateau", "Earns", "Better",
                 "Taken", "After: as set", "After: chosen"),
        rows=tuple(rows),
        numeric=frozenset((2, 3, 4, 5, 6, 7, 9, 10)),
        kind="trades",
        notes=(
            "As set, Best: objectives. Earns, Better: probabilities that the best case earns "
            "anything, and more than the settings as they are, although it is the best of so many. "
            "After: annual Sharpe ratios of the step that followed.",
        ),
    )  # fmt: skip


def _growth(record: Record) -> Any:
    equity = np.array(record["equity"])
    return equity / equity[0]


def after_told(found: Mapping[str, Any]) -> str:
    """Return what came after the choices, in sentences."""
    steps, after = found["steps"], found["after"]
    n_taken = sum(bool(step["winner"]) for step in steps)
    if not n_taken:
        return (
            f"In none of {len(steps)} steps was there a winner, so the record is that of the "
            "settings as they are."
        )
    told = (
        f"A winner was taken before {n_taken} of {len(steps)} steps. Over all of them the choices "
        f"came to a Sharpe ratio of {ratio(after['chosen']['sharpe'])}, and the settings as they "
        f"are to {ratio(after['as_set']['sharpe'])}."
    )
    if after["difference"] is None:
        return told
    gap = after["difference"]["sharpe"]
    scale = math.sqrt(after["difference"]["days_per_year"])
    return (
        f"{told} The difference lies between {ratio(gap['low'] * scale)} and "
        f"{ratio(gap['high'] * scale)} (paired bootstrap, p = {ratio(gap['p'], 3)})."
    )


def _top(found: Mapping[str, Any]) -> Section:
    cases = found["final"]["top"][:TOP_SHOWN]
    names = list(found["final"]["best"]["values"])
    return Section(
        title="The best cases",
        lead="First the best case: of the best the one whose neighbours do best, with the fewest "
        "changes. Then by objective. Where they agree in a setting, it matters; where not, hardly.",
        columns=("Objective", "Sharpe", "Largest fall", "Trades",
                 *(PARAMETERS[name].title.split(",")[0] for name in names)),
        rows=tuple(
            (
                ratio(case["objective"]),
                ratio(case["sharpe"]),
                percent(case["drawdown"]),
                count(case["n_trades"]),
                *(
                    value_text(case["values"][name], may_be_off=PARAMETERS[name].may_be_off)
                    for name in names
                ),
            )
            for case in cases
        ),
        numeric=frozenset(range(4 + len(names))),
        kind="trades",
    )  # fmt: skip


def _reading(found: Mapping[str, Any], repeat: Sequence[str]) -> Section:
    plan = found["plan"]
    limit = plan["drawdown_max"]
    return Section(
        title="How to read it",
        code="\n".join(repeat),
        notes=(
            "Objective: the median over the halves of the record less "
            f"{plan['dispersion_weight']:g} times their dispersion. Minus infinity: fewer "
            "trades than evaluation.trades_min"
            + (f", or a fall of more than {percent(limit)}." if limit is not None else "."),
            "The best case replaces the settings only if it is better than they are, earns "
            "anything at all, both not by the luck of so many tries; if its probability of "
            "overfitting is at most 20%; if half of its neighbours come within 20% of it; and if "
            "earlier choices did no worse afterwards than the settings as they are.",
            "Models, forecasts and views are the same for all cases: what varies is what is done "
            "with them. Every case is a trial in the ledger, one line a search. None counts "
            "against the verdict of this report, as none saw what it chose for; all count against "
            "whatever else is judged on what they saw.",
        ),
    )
