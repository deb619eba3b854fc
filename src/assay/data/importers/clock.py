"""Inference of a source's clock from what its market does, hour by hour and week by week."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.bars import Bars
from assay.data.calendar import new_york_offset
from assay.data.columns import distinct
from assay.data.importers.clock_activity import activity_evidence, movement
from assay.data.importers.clock_changes import placed_changes
from assay.data.importers.clock_days import clock_of_days
from assay.data.importers.clock_edges import (
    daily_pauses,
    edge_of_file,
    tempered,
    weekly_edges,
)
from assay.data.importers.clock_finding import (
    CONFIDENCE_MIN,
    ClockChange,
    ClockFinding,
    capped,
    percentages,
)
from assay.data.importers.clock_path import (
    Evidence,
    far_from,
    likeliest_path,
    merged_runs,
    offset_posterior,
    posterior,
)
from assay.data.importers.clock_reference import agreement
from assay.data.importers.zones import NEW_YORK, composite_name, fixed_name, zone
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

__all__ = ["CONFIDENCE_MIN", "PRIOR", "ClockChange", "ClockFinding", "candidates", "infer_clock"]

PRIOR = {
    "UTC": 1.0,
    NEW_YORK: 1.0,
    "NY+7": 1.0,
    "Europe/Athens": 1.0,
    "UTC-5": 0.5,
    "UTC+3": 0.3,
    "Europe/Berlin": 0.3,
    "Europe/London": 0.3,
    "UTC+2": 0.1,
    "America/Chicago": 0.1,
    "UTC+8": 0.1,
}
"""Weights of clocks that sources are known to use; every other one has ``_PRIOR_OTHER``."""

_PRIOR_OTHER = 0.05
_PRIOR_HALF_HOUR = 0.01
_HALF_HOURS = (210, 270, 330, 570)  # Tehran, Kabul, Mumbai, Adelaide
_HITS_MIN = 0.3
_CLOSES_ENOUGH = 3
_NEAR_CHANGE_DAYS, _NEAR_CHANGE_DAYS_SHORT, _SHORT_HISTORY_DAYS = 7, 2, 40
_ALTERNATIVES_MAX = 4
_ACTIVITY = "the activity by hour"
_ODD_HOURS, _ODD_HOURS_DAYS = 0.25, 5.0
_DAYS_AGREE_MIN = 0.2


@lru_cache(maxsize=1)
def candidates() -> tuple[str, ...]:
    """Return the names of the clocks that are tried, the likelier first."""
    us_rule = tuple(f"NY+{hours}" for hours in (6, 5, 8))
    fixed = tuple(fixed_name(hours * 60) for hours in range(-12, 15))
    half = tuple(fixed_name(minutes) for minutes in _HALF_HOURS)
    return tuple(dict.fromkeys((*PRIOR, *us_rule, *fixed, *half)))


def infer_clock(
    local_ns: IntArray,
    bar_ns: int | None,
    *,
    allowed: Sequence[str] = (),
    reference: Bars | None = None,
    values: FloatArray | None = None,
    highs: FloatArray | None = None,
    lows: FloatArray | None = None,
) -> ClockFinding:
    """Infer the clock of rows from when the market closes, opens, rests and moves.

    Parameters
    ----------
    local_ns : int64, shape (n_rows,)
        Times on the clock of the file, sorted.
    bar_ns : int or None
        Length of a bar in nanoseconds; None for ticks.
    allowed : sequence of str
        Clocks that the format allows, if it allows few.
    reference : Bars or None
        The same or a correlated symbol on a known clock. Where it overlaps enough, the
        correlation of returns decides instead of all that follows.
    values : float64, shape (n_rows,), or None
        Closes or bids.
    highs, lows : float64, shape (n_rows,), or None
        Of bars; a range says more of an hour than a close.

    Returns
    -------
    finding : ClockFinding
        With ``timezone`` None where the rows do not tell: then ``why`` says what is missing
        and ``alternatives`` what they could be.

    Notes
    -----
    In the true clock the week ends on Friday at 17:00 New York and begins on Sunday at 17:00
    (metals: 18:00), winter and summer; metals rest from 17:00 to 18:00; ranges follow the
    hours of London and New York, which differ for three or four weeks a year; and the first
    Friday's releases come at 08:30. Each day gives each candidate a log chance; a hidden
    chain over days joins them, in which the clock may change (rarely, at weekends above all).
    The confidence is the posterior probability of the least certain day's offset, and weak
    evidence is tempered rather than multiplied. Candidates that give every row the same UTC
    time are one. Days and longer bars show no hours; see ``clock_of_days``.

    Cost: O(n_rows) passes with small constants, O(n_days * n_candidates) for the chain.
    """
    if len(local_ns) == 0:
        return ClockFinding(timezone=None, confidence=0.0, why="no rows")
    names = tuple(allowed) or candidates()
    groups = _distinct(local_ns, names)
    if len(groups) == 1:
        (name,) = groups
        says = f"the format allows {name} alone here"
        return ClockFinding(timezone=name, confidence=0.9, why=says)
    days = distinct(local_ns // NS_PER_DAY)
    minutes = _shifts_of_days(days, list(groups))
    shifts = np.unique(minutes)
    compared = None
    if reference is not None and len(reference) and values is not None:
        compared = agreement(local_ns, bar_ns, values, reference, days, shifts)
    said = f"; {compared.says}" if compared is not None and not compared.is_used else ""
    is_days = bar_ns is not None and bar_ns >= NS_PER_DAY
    if bar_ns is not None and is_days and (compared is None or not compared.is_used):
        return clock_of_days(local_ns, bar_ns, said)
    sides = None if is_days else _sides(values, highs, lows)
    evidence, what = _evidence(local_ns, bar_ns, days, shifts, sides)
    if compared is not None and compared.is_used:
        evidence = replace(evidence, log_chance=evidence.log_chance + compared.log_chance)
        what.append(compared.says)
    is_referred = compared is not None and compared.is_used
    if not is_referred and _ACTIVITY not in what:
        evidence = replace(evidence, edges=tempered(evidence.edges))
    if not what:
        says = "no weekend, no daily pause and no usual hours of activity among the rows" + said
        return ClockFinding(timezone=None, confidence=0.0, why=says)
    found = _judged(
        local_ns, bar_ns, groups, evidence, np.searchsorted(shifts, minutes), what, is_referred
    )
    if bar_ns is not None and is_days and found.timezone is None:
        # Where the market rests after 17:00 New York, several clocks give the same days.
        by_dates = clock_of_days(local_ns, bar_ns, f"; {found.why}")
        if dict(found.alternatives).get(str(by_dates.timezone), 0.0) >= _DAYS_AGREE_MIN:
            return replace(by_dates, alternatives=found.alternatives)
    return replace(found, why=found.why + said)


def _sides(
    values: FloatArray | None, highs: FloatArray | None, lows: FloatArray | None
) -> tuple[FloatArray, FloatArray] | None:
    if highs is not None and lows is not None:
        return highs, lows
    return None if values is None else (values, values)


def _distinct(local_ns: IntArray, names: Sequence[str]) -> dict[str, tuple[float, list[str]]]:
    """Return the clocks that give the rows different UTC times, with weight and equals.

    Of clocks that agree on every row the likeliest stays, with the weight of all.
    """
    noons = distinct(local_ns // NS_PER_DAY) * NS_PER_DAY + NS_PER_DAY // 2
    groups: dict[bytes, list[str]] = {}
    for name in names:
        groups.setdefault((noons - zone(name).to_utc(noons)).tobytes(), []).append(name)
    found = {}
    for group in groups.values():
        best = max(group, key=_prior_of)
        found[best] = (sum(map(_prior_of, group)), [name for name in group if name != best])
    return found


def _prior_of(name: str) -> float:
    other = _PRIOR_HALF_HOUR if ":" in name else _PRIOR_OTHER
    return PRIOR.get(name, other)


def _judged(
    local_ns: IntArray,
    bar_ns: int | None,
    groups: dict[str, tuple[float, list[str]]],
    evidence: Evidence,
    shift_of: IntArray,
    what: Sequence[str],
    is_referred: bool,
) -> ClockFinding:
    """Weigh the evidence of all days for each clock."""
    days = evidence.days
    names = list(groups)
    prior = np.array([groups[name][0] for name in names])
    prior /= prior.sum()
    shows_hours = is_referred or _ACTIVITY in what
    chance, path = _chain(evidence, shift_of, prior, shows_hours)
    runs = merged_runs(path)
    changes = placed_changes(local_ns, bar_ns, days, runs, names, shift_of)
    near = _NEAR_CHANGE_DAYS if len(days) > _SHORT_HISTORY_DAYS else _NEAR_CHANGE_DAYS_SHORT
    far = far_from(days, [change.at_ns // NS_PER_DAY for change in changes], near)
    own = chance[np.arange(len(days)), path]
    weakest = int(np.argmin(np.where(far, own, 2.0))) if far.any() else 0
    surety = float(own[weakest]) if far.any() else 0.0
    if _ACTIVITY in what and not is_referred:
        # A market may keep other hours for some days; it does not for weeks.
        surety *= 1.0 - _ODD_HOURS * float(np.exp(-len(days) / _ODD_HOURS_DAYS))
    confidence = capped(surety)
    alternatives = _alternatives(chance[weakest], names)
    n_closes = len(evidence.edges.close_days)
    on_path = shift_of[evidence.edges.close_days, path[evidence.edges.close_days]]
    n_hits = int(evidence.edges.hits[np.arange(n_closes), on_path].sum())
    is_foreign = n_closes >= _CLOSES_ENOUGH and n_hits < _HITS_MIN * n_closes
    if is_foreign and not is_referred:
        says = f"in no clock do the {n_closes} weekends begin at 17:00 New York"
        return ClockFinding(
            timezone=None, confidence=0.0, why=says, alternatives=alternatives, changes=()
        )
    says = _says(names, groups, path, changes, n_hits, n_closes, what)
    if confidence < CONFIDENCE_MIN:
        says = _unsure(days, weakest, alternatives, what, changes, far)
        return ClockFinding(
            timezone=None,
            confidence=confidence,
            why=says,
            alternatives=alternatives,
            changes=changes,
        )
    timezone = composite_name([names[run[0]] for run in runs], [change.at_ns for change in changes])
    return ClockFinding(
        timezone=timezone,
        confidence=confidence,
        why=says,
        alternatives=alternatives,
        changes=changes,
    )


def _chain(
    evidence: Evidence, shift_of: IntArray, prior: FloatArray, shows_hours: bool
) -> tuple[FloatArray, IntArray]:
    """Return the probability of each clock's offset on each day, and the path through them.

    Weekends alone cannot tell a clock that changed by an hour from a feed that drops the first
    hour of the week: such changes are believed only where the hours between show them.
    """
    chance = offset_posterior(posterior(evidence, shift_of, prior), shift_of)
    path = likeliest_path(chance, prior)
    runs = merged_runs(path)
    if shows_hours or len(runs) == 1:
        return chance, path
    for (before, start, _), (after, _, end) in pairwise(runs):
        first, second = (evidence.shifts[shift_of[start:end, run]] for run in (before, after))
        if np.abs(second - first).max() <= 60:
            probability = posterior(evidence, shift_of, prior, may_change=False)
            chance = offset_posterior(probability, shift_of)
            return chance, likeliest_path(chance, prior)
    return chance, path


def _shifts_of_days(days: IntArray, names: Sequence[str]) -> IntArray:
    """Return how many minutes each clock is ahead of New York: (n_days, n_clocks)."""
    noons = days * NS_PER_DAY + NS_PER_DAY // 2
    columns = []
    for name in names:
        utc_ns = zone(name).to_utc(noons)
        columns.append((noons - utc_ns - new_york_offset(utc_ns)) // NS_PER_MINUTE)
    return np.stack(columns, axis=1)


def _evidence(
    local_ns: IntArray,
    bar_ns: int | None,
    days: IntArray,
    shifts: IntArray,
    sides: tuple[FloatArray, FloatArray] | None,
) -> tuple[Evidence, list[str]]:
    """Return what every day shows, and the kinds of it in words."""
    grid_ns = NS_PER_MINUTE if bar_ns is None else bar_ns
    stamps = distinct(local_ns // grid_ns * grid_ns if bar_ns is None else local_ns)
    noons = days * NS_PER_DAY + NS_PER_DAY // 2
    seasons = _seasons(noons)
    if grid_ns >= NS_PER_DAY:
        flat = np.zeros((len(days), len(shifts)))
        none = weekly_edges(stamps[:1], grid_ns, days, shifts)
        return Evidence(days=days, seasons=seasons, shifts=shifts, log_chance=flat, edges=none), []
    edges = weekly_edges(stamps, grid_ns, days, shifts)
    log_chance, n_pauses = daily_pauses(stamps, grid_ns, days, shifts)
    first, last = edge_of_file(stamps, grid_ns, shifts)
    log_chance[0] += first
    log_chance[-1] += last
    what = []
    if n := len(edges.close_days):
        what.append(f"{n} weekends" if n > 1 else "1 weekend")
    if n_pauses:
        what.append(f"{n_pauses} daily pauses")
    if sides is not None:
        moves = movement(local_ns, bar_ns, *sides, days)
        active = activity_evidence(moves, days, seasons, shifts)
        if np.ptp(active) > 0:
            what.append(_ACTIVITY)
            log_chance = log_chance + active
    evidence = Evidence(
        days=days, seasons=seasons, shifts=shifts, log_chance=log_chance, edges=edges
    )
    return evidence, what


def _seasons(utc_ns: IntArray) -> IntArray:
    """Return 0 in winter, 1 in summer, 2 in the weeks when New York and Europe differ."""
    is_us = new_york_offset(utc_ns) > -5 * NS_PER_HOUR
    is_eu = zone("Europe/London").offset_at(utc_ns) > 0
    return np.where(is_us & is_eu, 1, np.where(is_us | is_eu, 2, 0))


def _alternatives(chance: FloatArray, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Return the clocks of one day by probability; those that agree on it are one."""
    found: dict[float, str] = {}
    for value, name in sorted(
        zip(chance.tolist(), names, strict=True), key=lambda pair: (-pair[0], -_prior_of(pair[1]))
    ):
        found.setdefault(value, name)
    pairs = [(name, round(value, 3)) for value, name in found.items() if value >= 0.005]
    return tuple(pairs[:_ALTERNATIVES_MAX])


def _says(
    names: Sequence[str],
    groups: dict[str, tuple[float, list[str]]],
    path: IntArray,
    changes: Sequence[ClockChange],
    n_hits: int,
    n_closes: int,
    what: Sequence[str],
) -> str:
    """Return the evidence for a clock in one sentence."""
    name = names[int(path[0])]
    parts = []
    if n_closes:
        parts.append(f"{n_hits / n_closes:.0%} of {n_closes} weekends begin at 17:00 New York")
    parts += [text for text in what if "weekend" not in text]
    text = ", ".join(parts)
    if changes:
        return "; ".join([*(change.says for change in changes), text])
    same = [other for other in groups[name][1] if other in PRIOR]
    if same:
        text += f" (for these rows the same as {', '.join(same[:3])})"
    return f"{text}: {name}"


def _unsure(
    days: IntArray,
    weakest: int,
    alternatives: Sequence[tuple[str, float]],
    what: Sequence[str],
    changes: Sequence[ClockChange],
    far: BoolArray,
) -> str:
    """Return why the rows do not tell."""
    text = " and ".join(what) + f" fit {percentages(alternatives)}"
    if changes:
        text += "; perhaps " + "; ".join(change.says for change in changes)
    if len(days) > 14 and len(far):
        date = days[weakest : weakest + 1].astype("datetime64[D]")[0]
        text += f" (least clear around {date})"
    return text
