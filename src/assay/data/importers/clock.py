"""Inference of a source's clock from what its market does, hour by hour and week by week."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from assay.data.arrays import FloatArray, IntArray
from assay.data.bars import Bars
from assay.data.calendar import new_york_offset
from assay.data.columns import distinct
from assay.data.importers.clock_activity import activity_evidence, movement
from assay.data.importers.clock_candidates import (
    Groups,
    candidates,
    distinct_clocks,
    shifts_of_days,
)
from assay.data.importers.clock_changes import placed_changes
from assay.data.importers.clock_days import clock_of_days
from assay.data.importers.clock_edges import (
    Edges,
    daily_pauses,
    edge_of_file,
    grid_evidence,
    tempered,
    weekly_edges,
    without_edges,
)
from assay.data.importers.clock_finding import (
    CONFIDENCE_MIN,
    CONFIDENCE_MIN_WEEKENDS,
    ClockFinding,
    capped,
)
from assay.data.importers.clock_path import (
    Evidence,
    far_from,
    likeliest_path,
    merged_runs,
    offset_posterior,
    posterior,
)
from assay.data.importers.clock_reference import Agreement, agreement
from assay.data.importers.clock_words import alternatives_of, words_of_doubt, words_of_evidence
from assay.data.importers.zones import composite_name, zone
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

__all__ = ["CONFIDENCE_MIN", "ClockFinding", "candidates", "infer_clock"]

_HITS_MIN = 0.3
_CLOSES_ENOUGH = 3
_NEAR_CHANGE_DAYS, _NEAR_CHANGE_DAYS_SHORT, _SHORT_HISTORY_DAYS = 7, 2, 40
_ACTIVITY = "the activity by hour"
_ODD_HOURS, _ODD_HOURS_DAYS = 0.25, 5.0
_EDGES_TRUST, _ODD_WEEKENDS, _ODD_WEEKENDS_N = 0.95, 0.3, 3.0
_LONG_BARS_TRUST = 0.803
_WEEKENDS_FEW, _HOLEY_SHARE, _HOLEY_TRUST = 3, 0.85, 0.92
_DAYS_AGREE_MIN = 0.2


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
    groups = distinct_clocks(local_ns, names)
    if len(groups) == 1:
        (name,) = groups
        says = f"the format allows {name} alone here"
        return ClockFinding(timezone=name, confidence=0.9, why=says)
    days = distinct(local_ns // NS_PER_DAY)
    minutes = shifts_of_days(days, list(groups))
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
    shift_of = np.searchsorted(shifts, minutes)
    prior = np.array([weight for weight, _ in groups.values()])
    prior /= prior.sum()
    if compared is not None and compared.is_used:
        evidence, what = _referred(evidence, what, compared, shift_of, prior)
    is_referred = compared is not None and compared.is_used
    bar_minutes = 1 if bar_ns is None else max(1, bar_ns // NS_PER_MINUTE)
    shows_hours = is_referred or (_ACTIVITY in what and bar_minutes <= 60)
    if not shows_hours:
        evidence = replace(evidence, edges=tempered(evidence.edges))
    if not what:
        says = "no weekend, no daily pause and no usual hours of activity among the rows" + said
        return ClockFinding(timezone=None, confidence=0.0, why=says)
    found = _judged(local_ns, bar_ns, groups, evidence, shift_of, prior, what, is_referred)
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


def _judged(
    local_ns: IntArray,
    bar_ns: int | None,
    groups: Groups,
    evidence: Evidence,
    shift_of: IntArray,
    prior: FloatArray,
    what: Sequence[str],
    is_referred: bool,
) -> ClockFinding:
    """Weigh the evidence of all days for each clock."""
    days = evidence.days
    names = list(groups)
    bar_minutes = 1 if bar_ns is None else max(1, bar_ns // NS_PER_MINUTE)
    shows_hours = is_referred or (_ACTIVITY in what and bar_minutes <= 60)
    least = 0 if shows_hours else max(60, bar_minutes)
    chance, path = _chain(evidence, shift_of, prior, least)
    runs = merged_runs(path)
    changes = placed_changes(local_ns, bar_ns, days, runs, names, shift_of)
    near = _NEAR_CHANGE_DAYS if len(days) > _SHORT_HISTORY_DAYS else _NEAR_CHANGE_DAYS_SHORT
    far = far_from(days, [change.at_ns // NS_PER_DAY for change in changes], near)
    own = chance[np.arange(len(days)), path]
    weakest = int(np.argmin(np.where(far, own, 2.0))) if far.any() else 0
    surety = float(own[weakest]) if far.any() else 0.0
    if not is_referred:
        surety *= _trust(evidence, shows_hours, bar_minutes)
        if len(evidence.edges.close_days) <= _WEEKENDS_FEW and _is_holey(local_ns):
            surety *= _HOLEY_TRUST
    confidence = capped(surety)
    alternatives = alternatives_of(chance[weakest], names)
    n_hits, n_closes, is_foreign = _hits(evidence.edges, shift_of, path)
    if is_foreign and not is_referred:
        says = f"in no clock do the {n_closes} weekends begin at 17:00 New York"
        return ClockFinding(
            timezone=None, confidence=0.0, why=says, alternatives=alternatives, changes=()
        )
    says = words_of_evidence(names, groups, path, changes, n_hits, n_closes, what)
    sure = CONFIDENCE_MIN if shows_hours else CONFIDENCE_MIN_WEEKENDS
    if confidence < sure:
        says = words_of_doubt(days, weakest, alternatives, what, changes, far)
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


def _is_holey(local_ns: IntArray) -> bool:
    """Tell whether hours are missing by the dozen: then some are around the weekend too."""
    hours = distinct(local_ns // NS_PER_HOUR)
    expected = (hours[-1] - hours[0] + 1) * 5.0 / 7.0
    return bool(len(hours) < _HOLEY_SHARE * expected)


def _trust(evidence: Evidence, shows_hours: bool, bar_minutes: int) -> float:
    """Return the chance that the market and the feed keep their usual hours in these days.

    A market may keep other hours for some days; it does not for weeks. Where prices show no
    hours of activity, weekends alone remain, and feeds have habits there. Bars of four hours
    blur both.
    """
    if shows_hours:
        return 1.0 - _ODD_HOURS * float(np.exp(-len(evidence.days) / _ODD_HOURS_DAYS))
    if bar_minutes > 60:
        return _LONG_BARS_TRUST
    n_pauses = np.count_nonzero(np.ptp(evidence.log_chance, axis=1))
    n_seen = len(evidence.edges.close_days) + n_pauses / 1.5
    return _EDGES_TRUST * (1.0 - _ODD_WEEKENDS * float(np.exp(-n_seen / _ODD_WEEKENDS_N)))


def _hits(edges: Edges, shift_of: IntArray, path: IntArray) -> tuple[int, int, bool]:
    """Return how many weeks end when they should, of how many, and whether that is too few."""
    n_closes = len(edges.close_days)
    on_path = shift_of[edges.close_days, path[edges.close_days]]
    n_hits = int(edges.hits[np.arange(n_closes), on_path].sum())
    return n_hits, n_closes, n_closes >= _CLOSES_ENOUGH and n_hits < _HITS_MIN * n_closes


def _referred(
    evidence: Evidence,
    what: list[str],
    compared: Agreement,
    shift_of: IntArray,
    prior: FloatArray,
) -> tuple[Evidence, list[str]]:
    """Add what a reference shows; it stands alone if the market keeps other hours than ours."""
    alone = replace(evidence, log_chance=compared.log_chance, edges=without_edges(evidence.edges))
    chance = offset_posterior(posterior(alone, shift_of, prior), shift_of)
    if _hits(evidence.edges, shift_of, likeliest_path(chance, prior))[2]:
        return alone, [compared.says]
    both = replace(evidence, log_chance=evidence.log_chance + compared.log_chance)
    return both, [*what, compared.says]


def _chain(
    evidence: Evidence, shift_of: IntArray, prior: FloatArray, change_minutes_above: int
) -> tuple[FloatArray, IntArray]:
    """Return the probability of each clock's offset on each day, and the path through them.

    Weekends alone cannot tell a clock that changed by an hour from a feed that drops the first
    hour of the week, nor bars of four hours one that changed by less: a change is believed only
    if it exceeds *change_minutes_above*.
    """
    chance = offset_posterior(posterior(evidence, shift_of, prior), shift_of)
    path = likeliest_path(chance, prior)
    runs = merged_runs(path)
    if change_minutes_above == 0 or len(runs) == 1:
        return chance, path
    for (before, start, _), (after, _, end) in pairwise(runs):
        first, second = (evidence.shifts[shift_of[start:end, run]] for run in (before, after))
        if np.abs(second - first).max() <= change_minutes_above:
            probability = posterior(evidence, shift_of, prior, may_change=False)
            chance = offset_posterior(probability, shift_of)
            return chance, likeliest_path(chance, prior)
    return chance, path


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
    log_chance += grid_evidence(stamps, grid_ns, days, shifts)
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
