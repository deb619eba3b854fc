"""The page of a search: what was tried, what was adopted and why, and what came of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.research.report.curves import share_bar
from assay.research.report.environment import (
    LABELS,
    VERDICT_PAGE_FILE,
    environment,
    tone_of,
)
from assay.research.report.search_charts import (
    drift_chart,
    kept_chart,
    paths_chart,
    step_name,
    trials_chart,
    value_text,
)
from assay.research.run_result import RunResult
from assay.research.search.review import (
    Drift,
    Importance,
    Kept,
    Record,
    drifts,
    efficiency_of_all,
    importances,
    kept,
)
from assay.research.wording import DASH, count, percent, probability, ratio

VALUES_TOLD_MAX = 8
HELD = 0.5
"""Walk-forward efficiency from which most of what was promised is said to have come."""
LOOKS_LIKE_NOISE = 0.4
"""Probability of overfitting from which choosing the best is no better than chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRow:
    """One search in the table: cells in words."""

    step: str
    until: str
    trials: str
    given_up: str
    start: str
    best: str
    p_better: str
    plateau: str
    pbo: str
    answer: str
    reason: str
    changed: tuple[tuple[str, str, str], ...]


def search_page(run: RunResult) -> str:
    """Return ``optimisation.html``: no script, the same bytes for the same run.

    Parameters
    ----------
    run : RunResult
        With at least one search.
    """
    records = run.searches
    items, moves, mattered = kept(records), drifts(records), importances(records)
    names = [step_name(record) for record in records]
    adopted = [bool(record["adopted"]) for record in records]
    text = (
        environment()
        .get_template("optimisation.html")
        .render(
            title=run.title,
            verdict=run.verdict,
            verdict_page=VERDICT_PAGE_FILE,
            label=LABELS[run.verdict.outcome],
            tone=tone_of(run.verdict.outcome),
            headline=_headline(records),
            told=plain_words(records, items, moves, mattered),
            tiles=_tiles(records, items),
            rows=[_row(record) for record in records],
            paths=paths_chart(records),
            n_paths=max(len(record["start"]["paths"]) for record in records),
            kept=kept_chart(records, items),
            efficiency=efficiency_told(efficiency_of_all(items)),
            drifts=[(item, drift_told(item), drift_chart(item, names, adopted)) for item in moves],
            importances=[(item, share_bar(item.share), _means(item)) for item in mattered],
            trials=[(step_name(record), record, trials_chart(record)) for record in records],
            repeat=run.repeat,
            search_settings=_search_settings(run),
        )
    )
    return text + "\n"


def plain_words(
    records: Sequence[Record],
    items: Sequence[Kept],
    moves: Sequence[Drift],
    mattered: Sequence[Importance],
) -> tuple[str, ...]:
    """Return what happened and what it means, in sentences."""
    n_trials = sum(int(record["trials"]) for record in records)
    n_given_up = sum(int(record["given_up"]) for record in records)
    searches = "One search" if len(records) == 1 else f"{len(records)} searches"
    given_up = (
        f", and gave up {count(n_given_up)} of them early, as clearly worse than the best"
        if n_given_up
        else ""
    )
    told = [
        f"{searches} tried {count(n_trials)} configurations{given_up}. Each saw nothing but the "
        "history before the steps that it chose for, so what is judged was seen by no trial.",
        _adopted_told(records),
    ]
    total = efficiency_of_all(items)
    told.append(efficiency_told(total))
    drifted = _drift_of_all(moves)
    if drifted:
        told.append(drifted)
    known = [item for item in mattered if not math.isnan(item.share)]
    if known and known[0].share > 0.0:
        told.append(
            f"Of the settings, {known[0].name} mattered most: it explains "
            f"{percent(known[0].share, 0)} of the differences between configurations."
        )
    pbo = [float(record["pbo"]) for record in records if not math.isnan(record["pbo"])]
    if pbo:
        middle = float(np.median(pbo))
        told.append(
            "The best of one half of the days came out in the worse half of the configurations on "
            f"the other half {percent(middle, 0)} of the time; 50% is what noise gives"
            + (
                ", so the choice between these configurations is mostly chance."
                if middle >= LOOKS_LIKE_NOISE
                else "."
            )
        )
    return tuple(told)


def efficiency_told(share: float) -> str:
    """Return what a walk-forward efficiency means, in a sentence."""
    if math.isnan(share):
        return (
            "Whether the searches kept what they promised cannot be said: they expected no profit."
        )
    words = percent(share, 0)
    if share >= HELD:
        meaning = (
            "most of what the searches expected came" if share <= 1.0 else "more came than expected"
        )
    elif share > 0.0:
        meaning = "less than half of what the searches expected came"
    else:
        meaning = "nothing of what the searches expected came"
    return (
        f"Walk-forward efficiency {words}: {meaning}. A few searches say little about it; one "
        "good or bad year moves it by more than half."
    )


def drift_told(item: Drift) -> str:
    """Return whether the best value of one setting stayed where it was, in words."""
    if len(item.values) < 2:
        return "It had one value only."
    if math.isnan(item.wandering):
        return "One search says nothing about drift."
    moved = "never moved" if not item.moves else f"moved {item.moves} of {len(item.best) - 1} times"
    if item.word == "stayed":
        return f"The best stayed about where it was: it {moved}."
    word = "wandered like chance" if item.word == "wandered" else "moved"
    return (
        f"The best {word}: it {moved}, {percent(item.wandering, 0)} as far as values drawn at "
        "random would."
    )


def _drift_of_all(moves: Sequence[Drift]) -> str:
    """Return which settings stayed, moved and wandered, in a sentence; empty if unknown."""
    parts = []
    for word, told in (
        ("stayed", "stayed about where it was for"),
        ("moved", "moved for"),
        ("wandered", "wandered like chance for"),
    ):
        names = [item.name for item in moves if item.word == word]
        if names:
            parts.append(f"{told} {_joined(names)}")
    return f"From search to search, the best value {'; it '.join(parts)}." if parts else ""


def _adopted_told(records: Sequence[Record]) -> str:
    n_adopted = sum(bool(record["adopted"]) for record in records)
    if n_adopted == len(records):
        each = "It" if len(records) == 1 else "Each"
        return f"{each} found settings clearly better than those it began with, and adopted them."
    if not n_adopted:
        return (
            "Nothing clearly better was found, so every step was judged under the settings of the "
            "workspace."
            if len(records) > 1
            else "It found nothing clearly better, so the settings of the workspace stayed."
        )
    return (
        f"{n_adopted} of them adopted what they found; the others kept the settings of the "
        "workspace, each for the reason in the table."
    )


def _headline(records: Sequence[Record]) -> str:
    n_adopted = sum(bool(record["adopted"]) for record in records)
    if not n_adopted:
        return "No search changed the settings."
    if n_adopted == len(records):
        return "Every search changed the settings." if n_adopted > 1 else "The settings changed."
    return f"{n_adopted} of {len(records)} searches changed the settings."


def _tiles(records: Sequence[Record], items: Sequence[Kept]) -> tuple[tuple[str, str, str], ...]:
    n_trials = sum(int(record["trials"]) for record in records)
    n_given_up = sum(int(record["given_up"]) for record in records)
    n_adopted = sum(bool(record["adopted"]) for record in records)
    total = efficiency_of_all(items)
    pbo = [float(record["pbo"]) for record in records if not math.isnan(record["pbo"])]
    return (
        ("Configurations tried", count(n_trials), f"{count(n_given_up)} given up early"),
        (
            "Searches that adopted",
            f"{n_adopted} of {len(records)}",
            "the others kept the settings",
        ),
        (
            "Walk-forward efficiency",
            DASH if math.isnan(total) else percent(total, 0),
            "of the expected Sharpe ratio came",
        ),
        (
            "Chance of overfitting",
            percent(float(np.median(pbo)), 0) if pbo else DASH,
            "median PBO; noise has 50%",
        ),
    )


def _row(record: Record) -> SearchRow:
    plateau = float(record["plateau"])
    before, after = record["start"]["values"], record["values"]
    return SearchRow(
        step=step_name(record),
        until=str(record["until"])[:10],
        trials=count(record["trials"]),
        given_up=count(record["given_up"]),
        start=ratio(record["start"]["objective"]),
        best=ratio(record["best"]["objective"]),
        p_better=ratio(record["p_better"]),
        plateau=DASH if math.isnan(plateau) else percent(plateau, 0),
        pbo=probability(float(record["pbo"])),
        answer="adopted" if record["adopted"] else "not adopted",
        reason=str(record["reason"]),
        changed=tuple(
            (name, value_text(before[name]), value_text(after[name]))
            for name in after
            if after[name] != before[name]
        ),
    )


def _means(item: Importance) -> tuple[tuple[str, str, int], ...]:
    """Return each value with its mean against the search, the ends and the best if many."""
    means = item.means
    if len(means) > VALUES_TOLD_MAX:
        best = sorted(range(len(means)), key=lambda i: -means[i][1])[: VALUES_TOLD_MAX - 2]
        means = tuple(means[i] for i in sorted({0, len(means) - 1, *best}))
    return tuple(
        (value_text(value), f"{'+' if mean > 0.0 else ''}{ratio(mean)}", n)
        for value, mean, n in means
    )


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _search_settings(run: RunResult) -> dict[str, str]:
    table = run.settings.get("search", {})
    return {str(key): value_text(value) for key, value in table.items() if key != "space"}
